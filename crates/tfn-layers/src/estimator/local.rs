//! The local reparameterization estimator: the pre-activations are drawn instead of the weights.

use tfn_tensor::Tensor;

use super::{Estimator, normal_kernel, over_rows};
use crate::contract::{Pass, Weights, along_draws};
use crate::error::{LayerError, Result};
use crate::linear::LinearMap;

/// The pre-activations are drawn instead of the weights.
///
/// For independent normal weights the pre-activation of an example is normal, with mean and variance from two
/// applications of the map ([`LinearMap::moments`]). Each example has its own noise, so that the variance of a gradient
/// falls with the size of the batch. Where an output has entries that share weights, as a convolution's, their
/// covariance is left out.
///
/// At the steps of a sequence, too, the noise is drawn anew: what the pre-activations of two steps have in common by their weights,
/// their covariance, is left out, and so is the part of the output's variance that comes of it.
///
/// A bias of a normal posterior takes part in the variance; any other is drawn once for the batch and added.
///
/// # References
/// - Kingma, Salimans & Welling 2015, [arXiv 1506.02557](https://arxiv.org/abs/1506.02557), equation 6.
/// - Molchanov, Ashukha & Vetrov 2017, [arXiv 1701.05369](https://arxiv.org/abs/1701.05369), section 4.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Local;

tfn_module::describe_fields!(Local as "tfn.estimators.Local" {});

impl Local {
    /// Mean and standard deviation of the pre-activation at `x`, before the bias if that is not normal.
    pub(crate) fn moments(
        map: &dyn LinearMap,
        weights: &Weights,
        x: &Tensor,
    ) -> Result<[Tensor; 2]> {
        Self::moments_by(map, &Self::normals(weights)?, x)
    }

    /// Mean and deviation of the kernel, and of the bias if there is one and it is normal.
    fn normals(weights: &Weights) -> Result<Vec<Tensor>> {
        let (loc, scale) = normal_kernel(Self.name(), weights)?;
        let bias = weights.posteriors().bias.and_then(|bias| bias.elementwise_normal());
        weights.validate("scale of the kernel posterior", &scale, true)?;
        if let Some((_, scale)) = &bias {
            weights.validate("scale of the bias posterior", scale, true)?;
        }
        let of_bias = bias.into_iter().flat_map(<[Tensor; 2]>::from);
        Ok([loc, scale].into_iter().chain(of_bias).collect())
    }

    fn moments_by(map: &dyn LinearMap, normals: &[Tensor], x: &Tensor) -> Result<[Tensor; 2]> {
        let (kernel, bias) = match normals {
            [loc, scale] => ((loc, scale), None),
            [loc, scale, of_bias, scale_of_bias, ..] => {
                ((loc, scale), Some((of_bias, scale_of_bias)))
            }
            _ => return Err(LayerError::NoDraws),
        };
        let moments = |x: &Tensor| Ok(map.moments(x, kernel.0, kernel.1, bias).into());
        let [loc, scale] = over_rows(map, x, moments)?;
        Ok([loc.check()?, scale])
    }

    /// The pre-activation drawn from its moments.
    fn drawn(
        map: &dyn LinearMap,
        weights: &Weights,
        [loc, scale]: &[Tensor; 2],
        pass: &Pass,
    ) -> Result<Tensor> {
        let y = Tensor::normal_sample(loc, scale, &pass.normal("output", loc)?);
        Ok(match drawn_bias(weights) {
            Some(bias) => y + bias_draws(map, weights, bias, loc, pass)?,
            None => y,
        })
    }
}

impl Estimator for Local {
    fn name(&self) -> &'static str {
        "Local"
    }

    fn class(&self) -> &'static str {
        "VariationalReparameterizationLocal"
    }

    fn check(&self, weights: &Weights) -> Result<()> {
        normal_kernel(self.name(), weights).map(drop)
    }

    fn output(
        &self,
        map: &dyn LinearMap,
        weights: &Weights,
        x: &Tensor,
        pass: &Pass,
    ) -> Result<Tensor> {
        let moments = pass.once(x, || Self::moments(map, weights, x))?;
        Self::drawn(map, weights, &moments, pass)
    }

    fn shared_by_steps(&self, weights: &Weights, _pass: &Pass) -> Result<Vec<Tensor>> {
        Self::normals(weights)
    }

    /// With noise of its own at each step.
    fn output_at_step(
        &self,
        map: &dyn LinearMap,
        weights: &Weights,
        x: &Tensor,
        pass: &Pass,
        (step, shared): (usize, &[Tensor]),
    ) -> Result<Tensor> {
        let own = pass.child(&step.to_string(), pass.input());
        let y = Self::drawn(map, weights, &Self::moments_by(map, shared, x)?, &own)?;
        pass.note(&own);
        Ok(y)
    }

    fn output_at_all_steps(
        &self,
        map: &dyn LinearMap,
        weights: &Weights,
        x: &Tensor,
        pass: &Pass,
        _shared: &[Tensor],
    ) -> Result<Tensor> {
        self.output(map, weights, x, pass)
    }

    fn draws_together(&self) -> bool {
        true
    }
}

/// Number of the part that is a bias whose posterior is not normal.
fn drawn_bias(weights: &Weights) -> Option<usize> {
    let posterior = weights.posteriors().bias?;
    weights.parts().bias.filter(|_| posterior.elementwise_normal().is_none())
}

/// The draw of the bias; of several draws, each over the axes of its own output.
fn bias_draws(
    map: &dyn LinearMap,
    weights: &Weights,
    part: usize,
    loc: &Tensor,
    pass: &Pass,
) -> Result<Tensor> {
    let draw = |key: &_| -> Result<Tensor> { Ok(weights.value_at(key)?.swap_remove(part)) };
    let keys = pass.weights_keys(weights)?;
    if let ([key], true) = (keys.as_slice(), pass.is_of_one()) {
        return draw(key);
    }
    let draws = keys.iter().map(draw).collect::<Result<Vec<_>>>()?;
    let bias = map.bias_shape();
    let draws = along_draws(draws.into_iter(), &bias, loc.dtype()?)?;
    // One axis for the draws, then those of the output that the bias does not have.
    let axes = loc.ndims()? + usize::from(!pass.is_input_of_each()) - 1;
    let between = vec![1; axes.saturating_sub(bias.len())];
    Ok(draws.reshape(&[&[keys.len()], between.as_slice(), &bias].concat()).check()?)
}
