use tfn_module::{Module, Variable};

#[derive(Module)]
#[module(name)]
struct A {
    #[module]
    a: Variable,
    #[module(rename)]
    b: Variable,
    #[module(rename = 3)]
    c: Variable,
    #[module = "skip"]
    d: Variable,
    #[module(skip, skip)]
    e: Variable,
    #[module(wild(1, 2), rename = "")]
    f: Variable,
}

fn main() {}
