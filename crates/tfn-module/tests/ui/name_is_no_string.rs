use tfn_module::Module;

#[derive(Module)]
struct Layer {
    #[module(name)]
    name: &'static str,
    #[module(scope)]
    scope: String,
}

fn main() {}
