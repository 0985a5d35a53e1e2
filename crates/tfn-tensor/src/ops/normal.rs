//! Log-density of the normal distribution, as one pass.

use std::panic::Location;
use std::sync::Arc;

use super::binary::Pair;
use crate::dtype::{Element, dispatch};
use crate::error::{Result, TensorError};
use crate::graph::{Vjp, VjpContext, apply_one};
use crate::kernels::math::Math;
use crate::kernels::{self, Accumulate};
use crate::shape::broadcast_shapes;
use crate::tensor::{Live, Tensor};

/// `ln sqrt(2π)`.
const LN_SQRT_2PI: f64 = 0.918_938_533_204_672_7;

struct NormalLogProb {
    x: Tensor,
    loc: Tensor,
    scale: Tensor,
}

impl NormalLogProb {
    /// One entry of the gradient: input 0 is `x`, 1 `loc`, 2 `scale`; `z = (x − loc)/scale`.
    fn partial<E: Element>(&self, input: usize, out: &mut [E], shape: &[usize]) -> Result<()> {
        let [x, loc, scale] = [live(&self.x)?, live(&self.loc)?, live(&self.scale)?];
        match input {
            0 => pass::<E>(
                out,
                shape,
                [x, loc, scale],
                #[inline(always)]
                move |x, m, s| -((x - m) / s) / s,
            ),
            1 => pass::<E>(
                out,
                shape,
                [x, loc, scale],
                #[inline(always)]
                move |x, m, s| (x - m) / s / s,
            ),
            _ => pass::<E>(
                out,
                shape,
                [x, loc, scale],
                #[inline(always)]
                move |x, m, s| {
                    let z = (x - m) / s;
                    (z * z - E::one()) / s
                },
            ),
        }
        Ok(())
    }
}

fn live(tensor: &Tensor) -> Result<&Live> {
    tensor.live().map_err(|error| error.as_ref().clone())
}

fn pass<E: Element>(
    out: &mut [E],
    shape: &[usize],
    [x, loc, scale]: [&Live; 3],
    f: impl Fn(E, E, E) -> E + Sync + Copy,
) {
    let inputs = [x, loc, scale].map(|live| (live.slice::<E>(), &*live.shape));
    kernels::broadcast_map3(out, Accumulate::Set, inputs, shape, f);
}

impl Vjp for NormalLogProb {
    fn name(&self) -> &'static str {
        "normal_log_prob"
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        let Some(g) = ctx.grad(0).cloned() else {
            return Ok(());
        };
        let shape = g.shape()?.to_vec();
        for input in 0..3 {
            if ctx.needs(input) {
                let mut outcome = Ok(());
                let slope = dispatch!(g.dtype()?, E => Tensor::build::<E>(&shape, |out| {
                    outcome = self.partial::<E>(input, out, &shape);
                }));
                outcome?;
                ctx.add(input, &g * slope);
            }
        }
        Ok(())
    }
}

impl Tensor {
    /// Log-density of `N(loc, scale²)` at `x`, each entry by itself, under broadcasting.
    ///
    /// ```text
    /// z = (x − loc) / scale        ln p = −z²/2 − ln scale − ln sqrt(2π)
    /// ```
    ///
    /// One pass forward and one for each gradient. The value is standardised by one division: with
    /// `x/scale − loc/scale` the gradient of a small scale would lose its digits.
    ///
    /// ```
    /// # use tfn_tensor::{Tensor, TensorError};
    /// let x = Tensor::from_vec(vec![0.0, 1.0], &[2]);
    /// let (loc, scale) = (Tensor::scalar(0.0), Tensor::scalar(1.0));
    /// let log_prob = Tensor::normal_log_prob(&x, &loc, &scale).to_vec::<f64>()?;
    /// assert!((log_prob[0] + 0.9189385332046727).abs() < 1e-15);
    /// assert!((log_prob[1] + 1.4189385332046727).abs() < 1e-15);
    /// # Ok::<(), TensorError>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn normal_log_prob(x: &Self, loc: &Self, scale: &Self) -> Self {
        const OP: &str = "normal_log_prob";
        let place = Location::caller();
        let shape = (|| -> Result<Vec<usize>, Arc<TensorError>> {
            let first = Pair::new(OP, x, loc)?.shape;
            let Pair { lhs, rhs, .. } = Pair::new(OP, x, scale)?;
            broadcast_shapes(&first, &rhs.shape).ok_or_else(|| {
                let (lhs, rhs) = (lhs.shape.to_vec(), rhs.shape.to_vec());
                let expected = "shapes that broadcast";
                TensorError::Shapes { op: OP, lhs, rhs, expected, place }.into()
            })
        })();
        let (shape, [a, b, c]) = match (shape, x.live(), loc.live(), scale.live()) {
            (Ok(shape), Ok(a), Ok(b), Ok(c)) => (shape, [a, b, c]),
            (Err(error), ..) => return Self::from_error(error),
            (_, Err(error), ..) | (_, _, Err(error), _) | (.., Err(error)) => {
                return Self::from_error(error.clone());
            }
        };
        let output = dispatch!(a.dtype(), E => Self::build::<E>(&shape, |out| {
            let constant = <E as Element>::from_f64(LN_SQRT_2PI);
            pass::<E>(out, &shape, [a, b, c], #[inline(always)] move |x, m, s| {
                let z = (x - m) / s;
                z * z * <E as Element>::from_f64(-0.5) - (s.m_ln() + constant)
            });
        }));
        apply_one(&[x, loc, scale], output, || NormalLogProb {
            x: x.detach(),
            loc: loc.detach(),
            scale: scale.detach(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_gradients;
    use crate::{Result, Tensor, TensorError};

    #[test]
    fn gradients_agree_with_central_differences_under_broadcasting() {
        let x = Tensor::from_vec(vec![0.3, -1.2, 2.2, 0.9, 1.1, -0.4], &[2, 3]);
        let loc = Tensor::from_vec(vec![0.1, 0.5, -0.3], &[3]);
        let scale = Tensor::from_vec(vec![0.7, 1.9], &[2, 1]);
        let f = |v: &[Tensor]| Tensor::normal_log_prob(&v[0], &v[1], &v[2]);
        check_gradients(&[x.clone(), loc, scale], f).unwrap();
        check_gradients(&[Tensor::scalar(0.4), x, Tensor::scalar(1.3)], f).unwrap();
    }

    #[test]
    fn values_agree_with_statrs() -> Result<()> {
        use statrs::distribution::{Continuous, Normal};
        for (x, loc, scale) in [(0.3, -1.0, 0.01), (1e3, 0.0, 30.0), (-5.0, 5.0, 1e-3)] {
            let [a, b, c] = [x, loc, scale].map(Tensor::scalar);
            let expected = Normal::new(loc, scale).unwrap().ln_pdf(x);
            let got = Tensor::normal_log_prob(&a, &b, &c).item()?;
            assert!((got - expected).abs() <= 1e-12 * expected.abs(), "{got} {expected}");
        }
        Ok(())
    }

    #[test]
    fn shapes_are_checked() {
        let two = Tensor::from_vec(vec![0.0; 2], &[2]);
        let three = Tensor::from_vec(vec![1.0; 3], &[3]);
        let one = Tensor::scalar(1.0);
        for (x, loc, scale) in [(&two, &three, &one), (&two, &one, &three), (&one, &two, &three)] {
            let error = Tensor::normal_log_prob(x, loc, scale).shape().unwrap_err();
            assert!(matches!(error, TensorError::Shapes { op: "normal_log_prob", .. }));
        }
    }
}
