use tfn_module::{Module, Tensor, Variable};

struct Layer {
    kernel: Variable,
}

fn size(module: &impl Module) -> usize {
    module.variables().len()
}

fn main() {
    let kernel = Variable::new("kernel", Tensor::scalar(1.0)).unwrap();
    size(&Layer { kernel });
}
