//! A user of `tfn-module` alone: derives `Module`, lists variables, freezes, copies, saves and
//! loads.

use tfn_module::{DType, Module, ModuleError, Tensor, Variable};
use tfn_module::{deep_copy, freeze, load, named_variables, save};

#[derive(Module)]
struct Dense {
    kernel: Variable,
    bias: Option<Variable>,
}

#[derive(Module)]
struct Net {
    layers: Vec<Dense>,
    temperature: f64,
}

fn dense(input: usize, output: usize, bias: bool) -> Result<Dense, ModuleError> {
    let ones = |shape: &[usize]| Tensor::ones(shape, DType::F32);
    let bias = bias.then(|| Variable::new("bias", ones(&[output]))).transpose()?;
    Ok(Dense { kernel: Variable::new("kernel", ones(&[input, output]))?, bias })
}

fn main() -> Result<(), ModuleError> {
    let net = Net { layers: vec![dense(4, 3, true)?, dense(3, 2, false)?], temperature: 0.5 };
    let paths: Vec<String> = named_variables(&net).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["layers/0/bias", "layers/0/kernel", "layers/1/kernel"]);
    assert_eq!((net.name(), net.submodules().len(), net.temperature), ("net".into(), 2, 0.5));

    let copy = deep_copy(&net)?;
    copy.layers[1].kernel.assign(&Tensor::zeros(&[3, 2], DType::F32))?;
    freeze(&copy);
    assert!(copy.trainable_variables().is_empty());
    assert_eq!(net.trainable_variables().len(), 3);

    let file = std::env::temp_dir().join(format!("tfn-outside-{}.safetensors", std::process::id()));
    save(&copy, &file)?;
    load(&net, &file)?;
    let loaded = net.layers[1].kernel.value().to_f64_vec()?;
    assert_eq!(loaded, [0.0; 6]);
    std::fs::remove_file(&file).ok();
    println!("module: {} with {}", net.name(), paths.join(", "));
    Ok(())
}
