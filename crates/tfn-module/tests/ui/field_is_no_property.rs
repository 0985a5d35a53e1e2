use tfn_module::{Module, Variable};

struct Socket;

#[derive(Module)]
struct Layer {
    kernel: Variable,
    socket: Socket,
    sockets: Vec<Socket>,
}

fn main() {}
