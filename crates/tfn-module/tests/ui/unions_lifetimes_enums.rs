use tfn_module::{Module, NameScope, Variable};

#[derive(Module)]
union Either {
    a: f32,
    b: u32,
}

#[derive(Module)]
struct Borrowed<'v> {
    kernel: &'v Variable,
}

#[derive(Module)]
enum Choice {
    #[module(skip)]
    None,
    Some {
        #[module(name)]
        name: String,
        #[module(scope)]
        scope: NameScope,
    },
}

fn main() {}
