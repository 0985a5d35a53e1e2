use tfn_module::{Module, NameScope, Variable};

#[derive(Module)]
#[module(skip, colour = "red", name = "1st", name = "second")]
struct Layer {
    #[module(skp)]
    a: Variable,
    #[module(skip, rename = "x")]
    b: Variable,
    #[module(skip = true)]
    c: Variable,
    #[module(rename = "a/b")]
    d: Variable,
    #[module(rename = "kernel")]
    e: Variable,
    kernel: Variable,
    #[module(name = "other")]
    f: String,
    #[module(crate = tfn_module)]
    g: String,
    #[module(name)]
    h: String,
    #[module(scope)]
    i: NameScope,
    #[module(scope, skip)]
    j: NameScope,
    #[module(name, scope)]
    k: String,
}

fn main() {}
