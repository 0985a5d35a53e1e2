use std::sync::Arc;
use tfn_module::Module;

trait Layer: Module {}

#[derive(Module)]
struct Net {
    layers: Vec<Arc<dyn Layer>>,
    any: Arc<dyn Module>,
}

fn main() {}
