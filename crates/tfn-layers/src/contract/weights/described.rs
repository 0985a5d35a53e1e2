//! Weights in files.

use std::sync::Arc;

use tfn_distributions::Distribution;
use tfn_module::describe::{Describe, Description, Reader, Result};
use tfn_module::layer_name;
use tfn_tensor::broadcast_shapes;
use tfn_util::KernelBias;

use super::{Weights, parts_of};
use crate::error::LayerError;

impl Describe for Weights {
    fn class() -> String {
        "tfn.layers.Weights".to_owned()
    }

    fn describe(&self, description: &mut Description<'_, '_>) -> Result<()> {
        description
            .field("class", &self.class)?
            .field("name", &self.name)?
            .field("scope", &self.scope)?
            .field("posterior", &self.posterior)?
            .field("prior", &self.prior)?
            .field("kernel", &self.parts.kernel)?
            .field("bias", &self.parts.bias)?
            .field("posterior_value_fn", &self.value_fn)?
            .field("divergence", &self.divergence)?
            .field("dtype", &self.dtype)?
            .field("seed", &self.seed)?
            .field("validate_args", &self.validate_args)?
            .field("calls", &self.calls)?;
        Ok(())
    }

    fn restore(reader: &mut Reader<'_, '_>) -> Result<Self> {
        let made = Self {
            class: reader.field("class")?,
            scope: reader.field("scope")?,
            name: layer_name(&reader.field::<String>("name")?)?,
            posterior: reader.field("posterior")?,
            prior: reader.field("prior")?,
            parts: KernelBias { kernel: reader.field("kernel")?, bias: reader.field("bias")? },
            value_fn: reader.field("posterior_value_fn")?,
            divergence: reader.field("divergence")?,
            dtype: reader.field("dtype")?,
            seed: reader.field("seed")?,
            validate_args: reader.field("validate_args")?,
            calls: reader.field("calls")?,
        };
        made.check()?;
        Ok(made)
    }
}

impl Weights {
    /// Checks what [`Weights::new`] would have.
    fn check(&self) -> Result<(), LayerError> {
        let layer = || self.class.clone();
        let (q, p) = (parts_of(&self.posterior), parts_of(&self.prior));
        if q.len() != p.len() {
            return Err(LayerError::Structure {
                layer: layer(),
                posterior: q.len(),
                prior: p.len(),
            });
        }
        for given in [Some(self.parts.kernel), self.parts.bias].into_iter().flatten() {
            if given >= q.len() {
                return Err(LayerError::Part { layer: layer(), given, parts: q.len() });
            }
        }
        for (part, (q, p)) in q.iter().zip(p).enumerate() {
            for (argument, distribution) in [("make_posterior_fn", q), ("make_prior_fn", p)] {
                let (given, expected) = (distribution.dtype()?, self.dtype);
                if given != expected {
                    let layer = layer();
                    return Err(LayerError::WeightDType { layer, argument, part, given, expected });
                }
            }
            let (given, expected) = (shape_of(p)?, shape_of(q)?);
            if broadcast_shapes(&given, &expected).as_ref() != Some(&expected) {
                let (layer, part) = (layer(), part.to_string());
                let argument = "make_prior_fn";
                return Err(LayerError::WeightShape { layer, argument, part, given, expected });
            }
        }
        Ok(())
    }

    /// Checks that kernel and bias have the shapes of a map's.
    pub(crate) fn check_shapes(&self, kernel: &[usize], bias: &[usize]) -> Result<(), LayerError> {
        let posteriors = self.posteriors();
        let parts = [("kernel", Some(posteriors.kernel), kernel), ("bias", posteriors.bias, bias)];
        for (part, posterior, expected) in parts {
            let given = posterior.map(shape_of).transpose()?;
            if let Some(given) = given.filter(|given| given != expected) {
                let (layer, argument) = (self.class.clone(), "make_posterior_fn");
                let (part, expected) = (part.to_owned(), expected.to_vec());
                return Err(LayerError::WeightShape { layer, argument, part, given, expected });
            }
        }
        Ok(())
    }
}

/// Batch and event.
fn shape_of(distribution: &Arc<dyn Distribution>) -> Result<Vec<usize>, LayerError> {
    Ok([distribution.batch_shape()?, distribution.event_shape()?].concat())
}
