//! Log-sum-exp, softmax and its logarithm along an axis.

use std::panic::Location;

use crate::dtype::dispatch;
use crate::error::Result;
use crate::kernels;
use crate::shape::{Split, axis_of, reduced};
use crate::tensor::{Array, Tensor, Vjp, VjpContext, apply_one};

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
        let softmax = without_nan(&self.softmax)?;
        let contribution = if self.log {
            g - g.sum_axes(&[self.axis], true) * &softmax
        } else {
            let weighted = g * &softmax;
            &weighted - weighted.sum_axes(&[self.axis], true) * &softmax
        };
        ctx.add(0, contribution);
        Ok(())
    }
}

/// The weights with 0 in rows that have none: there 0 times the weight, in a row that nobody uses, has to be 0.
fn without_nan(weights: &Tensor) -> Result<Tensor> {
    if weights.all_finite()? {
        return Ok(weights.clone());
    }
    Ok(Tensor::select(&weights.eq(weights), weights, &zero(weights)?))
}

/// The slopes of `total`, the log-sum-exp of `x`: softmax, whose limits are 0 in a row of −∞, and 1 at an entry of
/// +∞, which several such entries share.
fn slopes(x: &Tensor, axis: isize, total: &Tensor) -> Result<Tensor> {
    let softmax = x.softmax(axis);
    if total.all_finite()? {
        return Ok(softmax);
    }
    let infinite = total.abs().eq(&Tensor::scalar_of(f64::INFINITY, total.dtype()?));
    let largest = x.eq(total) * total.gt(&zero(total)?);
    let count = largest.sum_axes(&[axis], true);
    let share = &largest / count.maximum(&Tensor::scalar_of(1.0, total.dtype()?));
    Tensor::select(&infinite, &share, &softmax).check()
}

fn zero(like: &Tensor) -> Result<Tensor> {
    Ok(Tensor::zeros(&[], like.dtype()?))
}

impl Tensor {
    /// `ln Σ exp(x)` along an axis, without overflow; −∞ if all entries are, or if there are none.
    ///
    /// Its gradient is finite wherever no entry is NaN: 0 in a row of −∞.
    #[track_caller]
    #[must_use]
    pub fn logsumexp(&self, axis: isize, keep_dims: bool) -> Self {
        let (array, axis) = match self.along("logsumexp", axis, Location::caller()) {
            Ok(found) => found,
            Err(error) => return error,
        };
        let mut mask = vec![false; array.shape.len()];
        mask[axis] = true;
        let Split { len, inner, .. } = Split::new(&array.shape, axis);
        let output = dispatch!(array.dtype(), E => {
            Self::build::<E>(&reduced(&array.shape, &mask, keep_dims), |out| {
                kernels::logsumexp(out, array.slice::<E>(), len, inner);
            })
        });
        if !self.is_tracked() {
            return output;
        }
        let kept = reduced(&array.shape, &mask, true);
        match slopes(&self.detach(), axis as isize, &output.reshape(&kept)) {
            Ok(softmax) => apply_one(&[self], output, || LogSumExp { softmax, kept }),
            Err(error) => Self::from_error(error),
        }
    }

    /// `exp(x) / Σ exp(x)` along an axis; NaN in a row of nothing but −∞, and at +∞, as TensorFlow's. The gradient
    /// there is 0.
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
        let (array, axis) = match self.along("softmax", axis, Location::caller()) {
            Ok(found) => found,
            Err(error) => return error,
        };
        let Split { len, inner, .. } = Split::new(&array.shape, axis);
        let output = dispatch!(array.dtype(), E => Self::build::<E>(&array.shape, |out| {
            kernels::softmax(out, array.slice::<E>(), len, inner);
        }));
        let softmax = output.clone();
        apply_one(&[self], output, || Softmax { softmax, axis: axis as isize, log: false })
    }

    /// `x − logsumexp(x)` along an axis; NaN where [`softmax`](Self::softmax) is, with a gradient there as if the sum
    /// had none.
    #[track_caller]
    #[must_use]
    pub fn log_softmax(&self, axis: isize) -> Self {
        let (array, axis) = match self.along("log_softmax", axis, Location::caller()) {
            Ok(found) => found,
            Err(error) => return error,
        };
        let Split { len, inner, .. } = Split::new(&array.shape, axis);
        let output = dispatch!(array.dtype(), E => Self::build::<E>(&array.shape, |out| {
            kernels::log_softmax(out, array.slice::<E>(), len, inner);
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
    ) -> Result<(&Array, usize), Self> {
        let array = self.array().map_err(|error| Self::from_error(error.clone()))?;
        let axis = axis_of(op, axis, array.shape.len(), place).map_err(Self::from_error)?;
        Ok((array, axis))
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

    /// Rows of −∞, with a +∞, with two of them, and an ordinary one.
    fn rows() -> Result<Variable> {
        let inf = f64::INFINITY;
        let values = vec![-inf, -inf, -inf, inf, 0.0, -inf, inf, inf, 1.0, 0.0, 0.0, 3.0_f64.ln()];
        Variable::new("x", Tensor::from_vec(values, &[4, 3]))
    }

    #[test]
    fn the_total_of_infinite_entries_has_a_finite_slope() -> Result<()> {
        let (x, inf) = (rows()?, f64::INFINITY);
        let total = x.tensor().logsumexp(-1, false);
        assert_eq!(total.to_vec::<f64>()?[..3], [-inf, inf, inf]);
        let slope = total.sum().gradients()?.of(&x).to_vec::<f64>()?;
        assert_eq!(slope[..9], [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.5, 0.5, 0.0]);
        for (slope, right) in slope[9..].iter().zip([0.2, 0.2, 0.6]) {
            assert!((slope - right).abs() < 1e-15, "{slope}");
        }
        // The same along another axis, and where only the last row is used.
        let columns = x.tensor().transpose().logsumexp(0, true).narrow(-1, 3, 1);
        let unused = columns.sum().gradients()?.of(&x).to_vec::<f64>()?;
        assert_eq!((&unused[..9], &unused[9..]), (&[0.0; 9][..], &slope[9..]));
        Ok(())
    }

    #[test]
    fn a_row_without_weights_spoils_no_gradient() -> Result<()> {
        let x = rows()?;
        let softmax = x.tensor().softmax(-1);
        assert!(softmax.to_vec::<f64>()?[..3].iter().all(|x| x.is_nan()));
        let last = |y: &Tensor| y.narrow(0, 3, 1).narrow(1, 2, 1);
        for (y, right) in
            [(softmax, [-0.12, -0.12, 0.24]), (x.tensor().log_softmax(-1), [-0.2, -0.2, 0.4])]
        {
            let slope = last(&y).sum().gradients()?.of(&x).to_vec::<f64>()?;
            assert_eq!(slope[..9], [0.0; 9]);
            for (slope, right) in slope[9..].iter().zip(right) {
                assert!((slope - right).abs() < 1e-15, "{slope}");
            }
            assert!(y.sum().gradients()?.of(&x).all_finite()?);
        }
        Ok(())
    }
}
