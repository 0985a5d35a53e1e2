//! A user of `tfn`, the facade: the original's names under one roof, and a module of one's own.

use tfn::{
    AffineVariationalReparameterizationLocal, DType, Key, Layer, Module, Sequential, Tensor,
};
use tfn::{deep_copy, load, save};

#[derive(Module)]
struct TwoHeads {
    trunk: AffineVariationalReparameterizationLocal,
    heads: Vec<Sequential>,
}

fn main() -> Result<(), tfn::Error> {
    let layer = |input, output| AffineVariationalReparameterizationLocal::new(input, output);
    let heads = vec![Sequential::of(layer(8, 1)?), Sequential::of(layer(8, 2)?)];
    let net = TwoHeads { trunk: layer(4, 8)?, heads };
    assert_eq!((net.name(), net.trainable_variables().len()), ("two_heads".into(), 12));

    let (x, key) = (Tensor::ones(&[3, 4], DType::F32), Key::from_seed(1));
    let call = |net: &TwoHeads| -> Result<Vec<f32>, tfn::Error> {
        let hidden = net.trunk.call_at(&x, &key.child("trunk"))?.relu();
        Ok(net.heads[1].call_at(&hidden, &key.child("heads/1"))?.to_vec()?)
    };
    let before = call(&net)?;
    let file = std::env::temp_dir().join(format!("tfn-facade-{}.safetensors", std::process::id()));
    save(&net, &file)?;
    let copy = deep_copy(&net)?;
    for variable in copy.trainable_variables() {
        variable.assign(&(variable.value() + 1.0))?;
    }
    assert_ne!(call(&copy)?, before);
    load(&copy, &file)?;
    std::fs::remove_file(&file).ok();
    assert_eq!(call(&copy)?, before);
    println!("facade: {} variables saved and loaded, {before:?}", net.variables().len());
    Ok(())
}
