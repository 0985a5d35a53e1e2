//! Bayesian nets from trained ones.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use tfn_module::{Copies, ModuleError, find};

use super::conversion::{Conversion, ConversionRecord, Conversions, Moped};
use super::layer::Layer;
use super::weights::Weights;
use crate::error::Result;

impl Moped {
    /// The Bayesian net, with a report of what was converted and what was not.
    ///
    /// # Errors
    /// What building a layer reports, under its path.
    pub fn convert(&self, net: &dyn Layer) -> Result<Converted> {
        let (path, report, copies) = (Vec::new(), Vec::new(), Copies::default());
        let made = HashMap::new();
        let mut conversion = Conversion { moped: *self, path, report, made, copies };
        let name = net.name();
        let converted = conversion.layer(net).map_err(|error| error.within(&name))?;
        let net = match converted {
            Some(net) => net,
            None => conversion.keep(net)?,
        };
        // Containers go through their layers from the last to the first.
        conversion.report.reverse();
        Ok(Converted { net, report: conversion.report })
    }
}

/// A net that was converted, and what became of each layer.
#[derive(Debug)]
pub struct Converted {
    /// The Bayesian net.
    pub net: Arc<dyn Layer>,
    /// What became of each layer, in the order of the net.
    pub report: Vec<ConversionRecord>,
}

/// A table of the layers.
impl fmt::Display for Converted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.report.iter().map(|record| record.path.len()).max().unwrap_or(0);
        for ConversionRecord { path, weights, outcome } in &self.report {
            writeln!(f, "{path:width$}  {weights:>9} weights  {outcome}")?;
        }
        Ok(())
    }
}

impl Conversion {
    /// What becomes of the child `label` of a container: the layer made of it, or a copy.
    ///
    /// Containers hand over their children from the last to the first.
    ///
    /// # Errors
    /// What building a layer reports, under the label and the layer's name.
    pub fn child(&mut self, label: &str, layer: &Arc<dyn Layer>) -> Result<Arc<dyn Layer>> {
        let address = Arc::as_ptr(layer).addr();
        let known = self.made.get(&address).and_then(|made| made.downcast_ref::<Arc<dyn Layer>>());
        if let Some(made) = known {
            return Ok(made.clone());
        }
        self.path.push(label.to_owned());
        let converted = self.layer(layer.as_ref());
        let converted = converted.map_err(|error| error.within(&layer.name()).within(label))?;
        let made = match converted {
            Some(made) => made,
            None => self.keep(layer.as_ref())?,
        };
        self.path.pop();
        self.made.insert(address, Box::new(made.clone()));
        Ok(made)
    }

    /// Whether a layer of weights at this place is to be converted; it is then said to have been.
    pub fn takes(&mut self, layer: &dyn Layer) -> bool {
        let taken = !(self.moped.last_layer_only && self.is_begun());
        if taken {
            self.record(layer, Conversions::Converted);
        }
        taken
    }

    fn layer(&mut self, layer: &dyn Layer) -> Result<Option<Arc<dyn Layer>>> {
        layer.to_bayesian(self)
    }

    fn keep(&mut self, layer: &dyn Layer) -> Result<Arc<dyn Layer>> {
        let outcome = if !find::<Weights>(layer).is_empty() {
            Conversions::AlreadyBayesian
        } else if layer.trainable_variables().is_empty() {
            Conversions::NoWeights
        } else if self.moped.last_layer_only && self.is_begun() {
            Conversions::NotLast
        } else {
            Conversions::Unknown
        };
        self.record(layer, outcome);
        let cycle = || ModuleError::Cycle { class: "Layer" };
        Ok(layer.copy_shared(&mut self.copies).ok_or_else(cycle)?)
    }

    fn record(&mut self, layer: &dyn Layer, outcome: Conversions) {
        let path = self.path.iter().cloned().chain([layer.name()]).collect::<Vec<_>>().join("/");
        let variables = layer.trainable_variables();
        let weights = variables.iter().map(|v| v.shape().iter().product::<usize>()).sum();
        self.report.push(ConversionRecord { path, weights, outcome });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{
        Affine, Convolution, ConvolutionTranspose, Flatten, LayerError, Mean, Parallel, Residual,
        Sequential, VariationalLayer, set_estimator,
    };
    use tfn_tensor::{DType, Key, Tensor};
    use tfn_util::Padding;

    fn trained() -> Sequential {
        let affine = |inputs, outputs, seed| {
            let builder = Affine::builder(inputs, outputs).dtype(DType::F64).seed(seed);
            builder.bias_initializer(tfn_util::initializers::constant(0.3)).build().unwrap()
        };
        let conv = Convolution::builder(2, 2, 3).padding(Padding::Same).dtype(DType::F64).seed(1);
        let back = ConvolutionTranspose::builder(2, 1, 2).use_bias(false).dtype(DType::F64).seed(2);
        Sequential::of(Residual::of(conv.activation_fn(Tensor::relu).build().unwrap()))
            .then(back.build().unwrap())
            .then(Flatten::new(3))
            .then(Parallel::of(affine(16, 3, 3)).and(affine(16, 2, 4)))
            .then(affine(5, 2, 5))
    }

    #[test]
    fn the_mean_is_the_trained_net_and_the_rest_follows_from_its_weights() {
        let (net, x) = (trained(), Key::from_seed(1).stream().normal(&[2, 3, 3, 2], DType::F64));
        let converted = Moped::new(0.2).unwrap().prior_scale(0.5).unwrap().convert(&net).unwrap();
        let before = net.call(&x).unwrap().to_vec::<f64>().unwrap();
        assert_ne!(converted.net.call(&x).unwrap().to_vec::<f64>().unwrap(), before);
        set_estimator(converted.net.as_ref(), Mean).unwrap();
        assert_eq!(converted.net.call(&x).unwrap().to_vec::<f64>().unwrap(), before);
        for (_, weights) in find::<Weights>(converted.net.as_ref()) {
            for (q, p) in
                weights.posterior().parts().unwrap().iter().zip(weights.prior().parts().unwrap())
            {
                let of = |t: tfn_distributions::Result<Tensor>| t.unwrap().to_vec::<f64>().unwrap();
                let (loc, scale) = (of(q.mean()), of(q.stddev()));
                assert_eq!(of(p.mean()), loc);
                assert!(of(p.stddev()).iter().all(|s| *s == 0.5));
                for (loc, scale) in loc.iter().zip(&scale) {
                    let expected = (0.2 * loc.abs()).max(1e-4);
                    assert!((scale / expected - 1.0).abs() < 1e-9, "{scale} {expected}");
                }
            }
        }
        // The trained net does not move with the new one.
        for variable in converted.net.trainable_variables() {
            variable.assign(&(variable.value() + 1.0)).unwrap();
        }
        assert_eq!(net.call(&x).unwrap().to_vec::<f64>().unwrap(), before);
    }

    #[test]
    fn the_report_says_what_became_of_each_layer() {
        let net = trained();
        let converted = Moped::new(0.1).unwrap().convert(&net).unwrap();
        let report: Vec<_> =
            converted.report.iter().map(|r| (r.path.as_str(), r.weights, r.outcome)).collect();
        assert_eq!(
            report,
            [
                ("layers/0/inner/Convolution", 38, Conversions::Converted),
                ("layers/1/ConvolutionTranspose", 8, Conversions::Converted),
                ("layers/2/Flatten", 0, Conversions::NoWeights),
                ("layers/3/branches/0/Affine", 51, Conversions::Converted),
                ("layers/3/branches/1/Affine", 34, Conversions::Converted),
                ("layers/4/Affine", 12, Conversions::Converted),
            ]
        );
        assert!(converted.to_string().contains("layers/2/Flatten"));
        let last = Moped::new(0.1).unwrap().last_layer_only().convert(&net).unwrap();
        let outcomes: Vec<_> = last.report.iter().map(|record| record.outcome).collect();
        let (kept, none) = (Conversions::NotLast, Conversions::NoWeights);
        assert_eq!(outcomes, [kept, kept, none, kept, kept, Conversions::Converted]);
        assert_eq!(find::<Weights>(last.net.as_ref()).len(), 1);
        let again = Moped::new(0.1).unwrap().convert(converted.net.as_ref()).unwrap();
        assert_eq!(again.report[0].outcome, Conversions::AlreadyBayesian);
        let one = Moped::new(0.1).unwrap().convert(&Affine::new(3, 2).unwrap()).unwrap();
        assert_eq!(one.report[0].path, "Affine");
    }

    #[test]
    fn what_is_shared_stays_shared_and_a_seed_makes_it_repeatable() {
        #[derive(tfn_module::Module)]
        #[module(crate = tfn_module)]
        struct Beside {
            variable: tfn_tensor::Variable,
        }

        let shared = Arc::new(Affine::builder(3, 3).seed(1).build().unwrap());
        let beside = tfn_tensor::Variable::new("beside", Tensor::scalar(1.0)).unwrap();
        let net = Sequential::of(shared.clone())
            .then(shared)
            .also_track(Beside { variable: beside.clone() });
        let moped = Moped::new(0.5).unwrap().seed(3);
        let [one, two] = [(); 2].map(|()| moped.convert(&net).unwrap());
        assert_eq!(find::<Weights>(one.net.as_ref()).len(), 1);
        assert_eq!(one.report.len(), 1);
        let x = Tensor::ones(&[2, 3], DType::F32);
        let call = |converted: &Converted| converted.net.call(&x).unwrap().to_vec::<f32>().unwrap();
        assert_eq!(call(&one), call(&two));
        let copies = one.net.variables();
        let copy = copies.iter().find(|variable| variable.name() == "beside").unwrap();
        assert_ne!(copy.id(), beside.id());
    }

    #[test]
    fn numbers_that_are_none_are_errors() {
        for delta in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let error = Moped::new(delta).unwrap_err();
            assert!(matches!(error, LayerError::Argument { argument: "delta", .. }), "{error}");
        }
        assert!(Moped::new(0.1).unwrap().min_scale(1e-6).is_err());
        assert!(Moped::new(0.1).unwrap().prior_scale(0.0).is_err());
    }

    #[test]
    fn a_single_layer_is_a_variational_one() {
        let layer = Affine::builder(3, 2).name("head").build().unwrap();
        let alone = Moped::new(0.1).unwrap().convert(&layer).unwrap();
        assert_eq!(alone.net.name(), "head");
        let converted = Moped::new(0.1).unwrap().convert(&Sequential::of(layer)).unwrap();
        let found = find::<crate::AffineVariationalReparameterizationLocal>(converted.net.as_ref());
        assert_eq!(found[0].1.kernel_posterior().event_shape().unwrap(), [3, 2]);
    }
}
