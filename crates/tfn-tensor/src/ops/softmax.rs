//! Log-sum-exp, softmax and its logarithm along an axis.

use std::panic::Location;

use crate::dtype::dispatch;
use crate::error::Result;
use crate::kernels;
use crate::shape::{Split, axis_of, reduced};
use crate::tensor::{Live, Tensor, Vjp, VjpContext, apply_one};

/// `d logsumexp = Σ softmax · dx`.
struct LogSumExp {
    softmax: Tensor,
    kept: Vec<usize>,
}

impl Vjp for LogSumExp {
    fn name(&self) -> &'static str {
        "logsumexp"
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        if let Some(g) = ctx.grad(0) {
            let contribution = g.reshape(&self.kept) * &self.softmax;
            ctx.add(0, contribution);
        }
        Ok(())
    }
}

/// The softmax, 0 where the sum is minus infinity: none of its terms has a share in it.
fn shares(softmax: Tensor, sums: &Tensor) -> Tensor {
    let (Ok(false), Ok(dtype)) = (sums.all_finite(), sums.dtype()) else { return softmax };
    let [zero, nothing] = [0.0, f64::NEG_INFINITY].map(|value| Tensor::full(&[], value, dtype));
    Tensor::select(&sums.eq(&nothing), &zero, &softmax)
}

struct Softmax {
    softmax: Tensor,
    axis: isize,
    log: bool,
}

impl Vjp for Softmax {
    fn name(&self) -> &'static str {
        if self.log { "log_softmax" } else { "softmax" }
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        let Some(g) = ctx.grad(0) else { return Ok(()) };
        let contribution = if self.log {
            g - g.sum_axes(&[self.axis], true) * &self.softmax
        } else {
            let weighted = g * &self.softmax;
            &weighted - weighted.sum_axes(&[self.axis], true) * &self.softmax
        };
        ctx.add(0, contribution);
        Ok(())
    }
}

impl Tensor {
    /// `ln Σ exp(x)` along an axis, without overflow; −∞ if all entries are.
    #[track_caller]
    #[must_use]
    pub fn logsumexp(&self, axis: isize, keep_dims: bool) -> Self {
        let (live, axis) = match self.along("logsumexp", axis, Location::caller()) {
            Ok(found) => found,
            Err(error) => return error,
        };
        let mut mask = vec![false; live.shape.len()];
        mask[axis] = true;
        let Split { len, inner, .. } = Split::new(&live.shape, axis);
        let output = dispatch!(live.dtype(), E => {
            Self::build::<E>(&reduced(&live.shape, &mask, keep_dims), |out| {
                kernels::logsumexp(out, live.slice::<E>(), len, inner);
            })
        });
        let (sums, kept) = (output.clone(), reduced(&live.shape, &mask, true));
        apply_one(&[self], output, || {
            let softmax = self.detach().softmax(axis as isize);
            LogSumExp { softmax: shares(softmax, &sums.reshape(&kept)), kept }
        })
    }

    /// `exp(x) / Σ exp(x)` along an axis.
    ///
    /// ```
    /// # use tfn_tensor::{Tensor, TensorError};
    /// let p = Tensor::from_vec(vec![0.0, 1000.0, 1000.0], &[3]).softmax(-1);
    /// assert_eq!(p.to_vec::<f64>()?, [0.0, 0.5, 0.5]);
    /// # Ok::<(), TensorError>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn softmax(&self, axis: isize) -> Self {
        let (live, axis) = match self.along("softmax", axis, Location::caller()) {
            Ok(found) => found,
            Err(error) => return error,
        };
        let Split { len, inner, .. } = Split::new(&live.shape, axis);
        let output = dispatch!(live.dtype(), E => Self::build::<E>(&live.shape, |out| {
            kernels::softmax(out, live.slice::<E>(), len, inner);
        }));
        let softmax = output.clone();
        apply_one(&[self], output, || Softmax { softmax, axis: axis as isize, log: false })
    }

    /// `x − logsumexp(x)` along an axis.
    #[track_caller]
    #[must_use]
    pub fn log_softmax(&self, axis: isize) -> Self {
        let (live, axis) = match self.along("log_softmax", axis, Location::caller()) {
            Ok(found) => found,
            Err(error) => return error,
        };
        let Split { len, inner, .. } = Split::new(&live.shape, axis);
        let output = dispatch!(live.dtype(), E => Self::build::<E>(&live.shape, |out| {
            kernels::log_softmax(out, live.slice::<E>(), len, inner);
        }));
        apply_one(&[self], output, || Softmax {
            softmax: self.detach().softmax(axis as isize),
            axis: axis as isize,
            log: true,
        })
    }

    fn along(
        &self,
        op: &'static str,
        axis: isize,
        place: &'static Location<'static>,
    ) -> Result<(&Live, usize), Self> {
        let live = self.live().map_err(|error| Self::from_error(error.clone()))?;
        let axis = axis_of(op, axis, live.shape.len(), place).map_err(Self::from_error)?;
        Ok((live, axis))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_gradients;
    use crate::{Result, Tensor, TensorError, Variable};

    #[test]
    fn a_row_of_nothing_has_a_sum_without_slope() -> Result<()> {
        let nothing = f64::NEG_INFINITY;
        let rows = Tensor::from_vec(vec![nothing, nothing, 0.0, nothing], &[2, 2]);
        let x = Variable::new("x", rows)?;
        let sums = x.tensor().logsumexp(-1, false);
        assert_eq!(sums.to_vec::<f64>()?, [nothing, 0.0]);
        assert_eq!(sums.sum().gradients()?.of(&x).to_vec::<f64>()?, [0.0, 0.0, 1.0, 0.0]);
        Ok(())
    }

    #[test]
    fn gradients_agree_with_central_differences_along_each_axis() {
        let values: Vec<f64> = (0..24).map(|i| ((i * 7) % 11) as f64 * 0.4 - 2.0).collect();
        let x = [Tensor::from_vec(values, &[2, 3, 4])];
        for axis in [0, 1, -1] {
            check_gradients(&x, |v| v[0].logsumexp(axis, false).square()).unwrap();
            check_gradients(&x, |v| v[0].softmax(axis).square()).unwrap();
            check_gradients(&x, |v| v[0].log_softmax(axis).square()).unwrap();
        }
    }

    #[test]
    fn impossible_classes_have_no_part_and_no_gradient() -> Result<()> {
        let inf = f64::NEG_INFINITY;
        let x = Variable::new("x", Tensor::from_vec(vec![0.0, inf, 1.0], &[3]))?;
        let total = x.tensor().logsumexp(0, false);
        assert!((total.item()? - 1.0_f64.exp().ln_1p()).abs() < 1e-15);
        assert_eq!(total.gradients()?.of(&x).to_vec::<f64>()?[1], 0.0);
        assert_eq!(x.value().softmax(0).to_vec::<f64>()?[1], 0.0);
        assert_eq!(Tensor::from_vec(vec![inf; 2], &[2]).logsumexp(0, false).item()?, inf);
        assert!(matches!(
            Tensor::scalar(1.0).softmax(0).shape(),
            Err(TensorError::OutOfRange { .. })
        ));
        Ok(())
    }
}
