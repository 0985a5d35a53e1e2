//! Autoregressive flows.

use std::fmt;
use std::sync::Arc;

use tfn_module::Module;
use tfn_tensor::Tensor;

use super::{Bijector, failed, taken};
use crate::axes::sum_last;
use crate::error::{DistributionError, Result};

/// What a [`MaskedAutoregressive`] takes shift and scale from: a network with variables.
///
/// Entry `i` of either may depend on no entries of `y` but those before `i`. Networks with masked weights are made so.
pub trait AutoregressiveNetwork: Module + fmt::Debug + AutoregressiveNetworkCopy {
    /// The shift and the logarithm of the scale, each in the shape of `y`, or one that broadcasts to it.
    ///
    /// # Errors
    /// What the network reports.
    fn shift_and_log_scale(&self, y: &Tensor) -> Result<(Tensor, Tensor)>;
}

tfn_module::open_trait!(AutoregressiveNetwork, AutoregressiveNetworkCopy);

/// `f(x)ᵢ = xᵢ·exp(log_scaleᵢ) + shiftᵢ`, where both come from a network of the `f(x)ⱼ` with `j < i`.
///
/// Counterpart: `tfp.bijectors.MaskedAutoregressiveFlow`. The inverse asks the network once, `f` once for each entry of
/// a vector: so densities are fast and samples slow. For the other way round take
/// [`Invert`](super::Invert), which makes it an inverse autoregressive flow.
///
/// ```text
/// ln |det| = Σ log_scaleᵢ
/// ```
///
/// # Examples
/// ```
/// use tfn_distributions::Result;
/// use tfn_distributions::bijectors::{AutoregressiveNetwork, Bijector, MaskedAutoregressive};
/// use tfn_distributions::module::Module;
/// use tfn_distributions::tensor::{Tensor, Variable};
///
/// /// The second entry is shifted by `weight` times the first.
/// #[derive(Clone, Debug, Module)]
/// struct Linear { weights: Variable }
///
/// impl AutoregressiveNetwork for Linear {
///     fn shift_and_log_scale(&self, y: &Tensor) -> Result<(Tensor, Tensor)> {
///         let mask = Tensor::from_vec(vec![0.0, 1.0, 0.0, 0.0], &[2, 2]);
///         Ok((y.expand_dims(-2).matmul(&(self.weights.tensor() * mask)).squeeze(-2), Tensor::scalar(0.0)))
///     }
/// }
///
/// let weights = Variable::new("weights", Tensor::from_vec(vec![1.0, 0.5, 1.0, 1.0], &[2, 2]))?;
/// let flow = MaskedAutoregressive::new(Linear { weights });
/// let y = flow.forward(&Tensor::from_vec(vec![2.0, 3.0], &[2]));
/// assert_eq!(y.to_vec::<f64>()?, [2.0, 4.0]);
/// assert_eq!(flow.variables().len(), 1);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
///
/// # References
/// Papamakarios, Pavlakou, Murray, "Masked autoregressive flow for density estimation", 2017, equations 3 to 5.
#[derive(Clone, Debug, Module)]
pub struct MaskedAutoregressive {
    network: Arc<dyn AutoregressiveNetwork>,
}

type ShiftAndLogScale = dyn Fn(&Tensor) -> Result<(Tensor, Tensor)> + Send + Sync;

/// A function without variables as a network.
#[derive(Clone, Module)]
struct Function {
    #[module(skip)]
    function: Arc<ShiftAndLogScale>,
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Function")
    }
}

impl AutoregressiveNetwork for Function {
    fn shift_and_log_scale(&self, y: &Tensor) -> Result<(Tensor, Tensor)> {
        (self.function)(y)
    }
}

impl MaskedAutoregressive {
    /// The flow by `network`, whose variables are those of the flow.
    pub fn new(network: impl AutoregressiveNetwork) -> Self {
        Self { network: Arc::new(network) }
    }

    /// The flow by a function that gives shift and logarithm of the scale. Variables that it captures are not found as
    /// variables of the flow; for a function with variables use [`new`](Self::new).
    pub fn from_fn(
        shift_and_log_scale: impl Fn(&Tensor) -> Result<(Tensor, Tensor)> + Send + Sync + 'static,
    ) -> Self {
        Self::new(Function { function: Arc::new(shift_and_log_scale) })
    }

    /// The same of a network that others may share.
    pub(crate) fn from_network(network: Arc<dyn AutoregressiveNetwork>) -> Self {
        Self { network }
    }

    /// The network.
    pub fn network(&self) -> &Arc<dyn AutoregressiveNetwork> {
        &self.network
    }

    /// Shift and logarithm of the scale in the shape of `y`.
    fn ask(&self, y: &Tensor) -> Result<(Tensor, Tensor)> {
        let (shift, log_scale) = self.network.shift_and_log_scale(y)?;
        let shape = y.shape()?;
        Ok((shift.broadcast_to(shape).check()?, log_scale.broadcast_to(shape).check()?))
    }

    /// `f(x)`, entry after entry: what is not known yet is 0 to the network.
    fn run(&self, x: &Tensor) -> Result<Tensor> {
        let &[ref batch @ .., size] = x.shape()? else {
            return Err(DistributionError::Unsupported {
                family: "MaskedAutoregressive",
                method: "event without an axis",
            });
        };
        let mut y = x.narrow(-1, 0, 0);
        for entry in 0..size {
            let unknown = Tensor::zeros(&[batch, &[size - entry]].concat(), x.dtype()?);
            let (shift, log_scale) = self.ask(&Tensor::concat(&[&y, &unknown], -1))?;
            let [x, shift, log_scale] = [x, &shift, &log_scale].map(|t| t.narrow(-1, entry, 1));
            y = Tensor::concat(&[&y, &(x * log_scale.exp() + shift)], -1);
        }
        Ok(y)
    }
}

impl Bijector for MaskedAutoregressive {
    fn forward(&self, x: &Tensor) -> Tensor {
        self.run(&taken(self, x)).unwrap_or_else(failed)
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        let asked = self.ask(&taken(self, y));
        asked.map_or_else(failed, |(shift, log_scale)| (y - shift) * (-log_scale).exp())
    }

    fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
        -self.inverse_log_det_jacobian(&self.forward(x))
    }

    fn inverse_log_det_jacobian(&self, y: &Tensor) -> Tensor {
        let asked = self.ask(&taken(self, y));
        asked.map_or_else(failed, |(_, log_scale)| -sum_last(&log_scale, 1))
    }

    fn forward_min_event_ndims(&self) -> usize {
        1
    }

    fn is_same(&self, other: &dyn Bijector) -> bool {
        other.downcast_ref::<Self>().is_some_and(|other| Arc::ptr_eq(&self.network, &other.network))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check_bijector_at;
    use crate::{Distribution, MultivariateNormalDiag, TransformedDistribution};
    use tfn_tensor::{DType, TensorError};

    /// The second entry by a function of the first.
    fn flow() -> MaskedAutoregressive {
        MaskedAutoregressive::from_fn(|y| {
            let first = y.narrow(-1, 0, 1);
            let zero = &first * 0.0;
            let shift = Tensor::concat(&[&(&zero - 0.5), &first.square()], -1);
            Ok((shift, Tensor::concat(&[&(zero + 1.0), &first.tanh()], -1)))
        })
    }

    #[test]
    fn keeps_the_laws() {
        let x = Tensor::from_vec(vec![-1.0, 0.3, 0.2, 2.0, 0.5, -1.5], &[3, 2]);
        check_bijector_at(&flow(), &x, None).unwrap();
    }

    #[test]
    fn each_entry_is_that_of_the_formula() {
        let y = flow().forward(&Tensor::from_vec(vec![0.3, -1.5], &[2])).to_vec::<f64>().unwrap();
        let first = 0.3 * 1.0_f64.exp() - 0.5;
        let second = -1.5 * first.tanh().exp() + first * first;
        assert!((y[0] - first).abs() < 1e-15 && (y[1] - second).abs() < 1e-15, "{y:?}");
    }

    #[test]
    fn the_density_is_that_of_the_conditionals() {
        let ones = Tensor::ones(&[2], DType::F64);
        let base = MultivariateNormalDiag::new(&ones * 0.0, ones).unwrap();
        let y = Tensor::from_vec(vec![0.4, -0.7], &[2]);
        let given = TransformedDistribution::new(base, flow()).unwrap().log_prob(&y).unwrap();
        let normal = |y: f64, loc: f64, log_scale: f64| {
            let z = (y - loc) / log_scale.exp();
            -0.5 * z * z - log_scale - 0.918_938_533_204_672_7
        };
        let expected = normal(0.4, -0.5, 1.0) + normal(-0.7, 0.16, 0.4_f64.tanh());
        assert!((given.item().unwrap() - expected).abs() < 1e-14);
    }

    #[test]
    fn errors_of_the_network_and_of_shapes_come_through() {
        let bad = MaskedAutoregressive::from_fn(|_| {
            Err(DistributionError::Unsupported { family: "Mine", method: "shift" })
        });
        let x = Tensor::from_vec(vec![1.0, 2.0], &[2]);
        let error = bad.forward(&x).shape().unwrap_err();
        assert!(matches!(error, TensorError::External { .. }), "{error}");
        let long = Tensor::ones(&[3], DType::F64);
        let bad = MaskedAutoregressive::from_fn(move |_| Ok((long.clone(), long.clone())));
        for result in [bad.forward(&x), bad.inverse(&x), bad.forward_log_det_jacobian(&x)] {
            assert!(result.error().is_some());
        }
        let error = flow().forward(&Tensor::scalar(1.0)).shape().unwrap_err();
        assert!(error.to_string().contains("at least 1 axes"), "{error}");
    }
}
