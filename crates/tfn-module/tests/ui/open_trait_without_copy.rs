use tfn_module::{Module, Properties, Variable, open_trait};

trait Layer: Module + LayerCopy {}
open_trait!(Layer, LayerCopy);

struct Dense {
    kernel: Variable,
}

impl Module for Dense {
    fn properties<'a>(&'a self, properties: &mut Properties<'a>) {
        properties.add("kernel", &self.kernel);
    }
}

impl Layer for Dense {}

fn main() {}
