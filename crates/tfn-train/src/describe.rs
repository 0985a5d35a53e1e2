//! A model in a file that describes it: it comes back without the code that built it.
//!
//! [`save_model`] writes layers, estimators, posteriors, priors, divergences, head, standardised inputs and targets, seeds
//! and all variables; [`load_model`] makes the same model of them in any program that has these crates. What stands beside
//! a model (a calibration, say) goes into the same file by a [`FileWriter`], which this is a short way to.
//!
//! # Examples
//! ```
//! use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Model, Sequential, likelihoods};
//! use tfn_module::describe::{FileReader, FileWriter};
//! use tfn_tensor::{DType, Key, Tensor};
//! use tfn_train::calibrate::ConformalIntervals;
//! use tfn_train::data::Standardizer;
//! use tfn_train::{MonteCarlo, describe};
//!
//! let (x, y) = (Tensor::from_vec(vec![1.0_f32, 3.0, 5.0], &[3, 1]), Tensor::from_vec(vec![20.0_f32, 40.0, 60.0], &[3]));
//! let net = Sequential::of(Standardizer::fit(&x)?).then(Bayesian::new(1, 1)?);
//! let model = net.with_likelihood(Standardizer::fit(&y)?.units_of(likelihoods::Normal::new()?));
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("model.safetensors");
//! let registry = describe::registry();
//! describe::save_model(&model, &path, &registry)?;
//! let same = describe::load_model(&path, &registry)?;
//! let key = Key::from_seed(1);
//! assert_eq!(
//!     same.call_at(&x, &key)?.mean()?.to_vec::<f32>()?,
//!     model.call_at(&x, &key)?.mean()?.to_vec::<f32>()?,
//! );
//!
//! // With what stands beside it, and strings of one's own.
//! let predictive = MonteCarlo::new(20)?.predict(&model, &x, &key)?;
//! let intervals = ConformalIntervals::fit(&predictive, &y)?;
//! let file = FileWriter::new(&registry).add(describe::MODEL, &model)?.add("calibration", &intervals)?;
//! file.metadata("trained on", "three rows").save(&path)?;
//! let mut file = FileReader::open(&path, &registry)?;
//! let (model, intervals): (Model, ConformalIntervals) = (file.take(describe::MODEL)?, file.take("calibration")?);
//! assert_eq!((intervals.len(), file.metadata()["trained on"].as_str()), (3, "three rows"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::path::Path;

use tfn_layers::Model;
use tfn_layers::describe::add_layer;
use tfn_module::describe::{FileReader, FileWriter, Registry};

use crate::calibrate::{
    ConformalClasses, ConformalIntervals, CrossConformalClasses, CrossConformalIntervals,
    TemperatureScaling, VarianceScaling,
};
use crate::data::{Standardizer, TableEncoder};
use crate::error::Result;

/// The name of the model in the files of [`save_model`].
pub const MODEL: &str = "model";

/// Adds all that this crate and those below it can describe.
pub fn register(registry: &mut Registry) {
    tfn_layers::describe::register(registry);
    add_layer::<Standardizer>(registry);
    registry.add::<ConformalIntervals>();
    registry.add::<ConformalClasses>();
    registry.add::<CrossConformalIntervals>();
    registry.add::<CrossConformalClasses>();
    registry.add::<TemperatureScaling>();
    registry.add::<VarianceScaling>();
    registry.add::<TableEncoder>();
}

/// The registry of all that this crate and those below it can describe, to which a user adds types and functions of
/// their own.
pub fn registry() -> Registry {
    let mut registry = Registry::new();
    register(&mut registry);
    registry
}

/// Saves a model with its description. Whatever interrupts it, the file is the former or the new one, whole.
///
/// # Errors
/// [`DescribeError`](tfn_module::describe::DescribeError) within [`ModuleError::Describe`](tfn_module::ModuleError::Describe)
/// for what has no form as data: it names the field, as `model/net/layers/0/activation_fn`, and says what to do;
/// [`ModuleError::Io`](tfn_module::ModuleError::Io).
pub fn save_model(model: &Model, path: impl AsRef<Path>, registry: &Registry) -> Result<()> {
    Ok(FileWriter::new(registry).add(MODEL, model)?.save(path)?)
}

/// The model of a file of [`save_model`]. What else the file holds stays there: [`FileReader`].
///
/// # Errors
/// [`DescribeError`](tfn_module::describe::DescribeError) for a class or function that `registry` does not know, for a
/// file of a later version, and for whatever else is wrong with a file, which may come from anywhere.
pub fn load_model(path: impl AsRef<Path>, registry: &Registry) -> Result<Model> {
    Ok(FileReader::open(path, registry)?.take(MODEL)?)
}

#[cfg(test)]
mod tests {
    use tfn_layers::{
        AffineVariationalReparameterizationLocal as Bayesian, MomentMatching, Sequential,
        likelihoods,
    };
    use tfn_tensor::{DType, Key, Tensor};

    use super::*;
    use crate::data::Table;

    #[test]
    fn what_stands_beside_a_model_comes_back() {
        let rows = [["1", "a", "2.5"], ["2", "b", "0.1"], ["4", "a", "7"]];
        let table = Table::from_rows(&["size", "kind", "price"], &rows).unwrap();
        let encoder = TableEncoder::regression("price").fit(&table).unwrap();
        let temperature = TemperatureScaling::new(0.1 + 0.2).unwrap();
        let factor = VarianceScaling::new(1.0 / 3.0).unwrap();
        let net = Sequential::of(Bayesian::builder(3, 1).seed(1).build().unwrap());
        let model = Sequential::of(MomentMatching::new(net))
            .with_likelihood(likelihoods::Normal::new().unwrap());
        let registry = registry();
        let file = FileWriter::new(&registry)
            .add(MODEL, &model)
            .and_then(|file| file.add("encoder", &encoder))
            .and_then(|file| file.add("temperature", &temperature))
            .and_then(|file| file.add("factor", &factor));
        let bytes = file.and_then(|file| file.to_bytes()).unwrap();
        let mut file = FileReader::from_bytes(&bytes, &registry).unwrap();
        let same: Model = file.take(MODEL).unwrap();
        let (x, key) = (Tensor::ones(&[4, 3], DType::F32), Key::from_seed(1));
        let mean = |model: &Model| model.call_at(&x, &key).unwrap().mean().unwrap().to_f64_vec();
        assert_eq!(mean(&same).unwrap(), mean(&model).unwrap());
        assert_eq!(file.take::<TemperatureScaling>("temperature").unwrap(), temperature);
        assert_eq!(file.take::<VarianceScaling>("factor").unwrap(), factor);
        let encoder_again: TableEncoder = file.take("encoder").unwrap();
        assert_eq!(encoder_again.to_json().unwrap(), encoder.to_json().unwrap());
    }
}
