use tfn_module::{Module, Variable};

struct Socket;

#[derive(Module)]
struct Layer {
    kernel: Variable,
    #[module(skip)]
    socket: Socket,
}

fn main() {}
