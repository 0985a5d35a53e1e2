//! A prior that knows no scale.

use tfn_distributions::{Distribution, DistributionError, ParameterSpec};
use tfn_module::{Module, describe_fields};
use tfn_tensor::{DType, Stream, Tensor};

/// The improper prior `p(w) ∝ 1/|w|`, under which the logarithm of `|w|` is uniform: no scale of a weight is more probable than another.
///
/// Its density has no integral, so that nothing can be drawn from it, and a divergence from it is known up to a constant.
///
/// # Examples
/// ```
/// use tfn_layers::ScaleFree;
/// use tfn_layers::distributions::Distribution;
/// use tfn_layers::tensor::{DType, Stream, Tensor};
///
/// let prior = ScaleFree::new(DType::F64);
/// assert_eq!(prior.log_prob(&Tensor::scalar(-4.0))?.item()?, -(4.0_f64.ln()));
/// assert!(prior.sample(&[], &mut Stream::from_seed(1)).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # References
/// D. P. Kingma, T. Salimans and M. Welling, *Variational dropout and the local reparameterization trick*, NIPS 2015, arXiv 1506.02557, equation 12.
#[derive(Clone, Debug, Module)]
#[module(crate = tfn_module)]
pub struct ScaleFree {
    dtype: DType,
}

describe_fields!(ScaleFree as "tfn.layers.ScaleFree" { dtype });

impl ScaleFree {
    /// The prior of weights of a type.
    pub fn new(dtype: DType) -> Self {
        Self { dtype }
    }
}

impl Distribution for ScaleFree {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        Vec::new()
    }

    fn dtype(&self) -> Result<DType, DistributionError> {
        Ok(self.dtype)
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor, DistributionError> {
        Ok(-x.abs().ln())
    }

    fn sample_of(
        &self,
        _shape: &[usize],
        _stream: &mut Stream,
    ) -> Result<Tensor, DistributionError> {
        Err(DistributionError::Unsupported { family: self.family(), method: "sample" })
    }
}
