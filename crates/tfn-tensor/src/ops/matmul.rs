//! Matrix products.

use std::panic::Location;
use std::sync::Arc;

use super::weight_gradient::WeightGradient;
use crate::dtype::{Element, dispatch};
use crate::error::{Result, TensorError};
use crate::kernels::{Accumulate, Factor, Product};
use crate::memory;
use crate::shape::{broadcast_shapes, count};
use crate::tensor::{Tensor, Vjp, VjpContext, apply_one};

/// Sizes of a product `[.., m, k] · [.., k, n]`, and how its leading axes broadcast.
#[derive(Clone)]
struct Plan {
    /// For each product of the batch, which matrix of the left and of the right operand it takes.
    pairs: Vec<(usize, usize)>,
    m: usize,
    k: usize,
    n: usize,
}

impl Plan {
    /// The plan of a product of that shape, of which there can be a tensor.
    fn new(lhs: &[usize], rhs: &[usize], output: &[usize]) -> Option<Self> {
        let (&[ref left @ .., m, k], &[ref right @ .., _, n]) = (lhs, rhs) else {
            return None;
        };
        let batch = output.get(..output.len() - 2)?;
        // One right operand for all rows: the leading axes of the left are rows of one product.
        if count(right) == 1 && count(left) == count(batch) {
            return Some(Self { m: count(batch) * m, pairs: vec![(0, 0)], k, n });
        }
        // Of matrices without entries there may be very many.
        let products = if m * n == 0 { 0 } else { count(batch) };
        let pairs = (0..products)
            .map(|flat| (source(flat, batch, left), source(flat, batch, right)))
            .collect();
        Some(Self { pairs, m, k, n })
    }
}

/// The shape of a product, if the shapes fit.
fn output_shape(lhs: &[usize], rhs: &[usize]) -> Option<Vec<usize>> {
    let (&[ref left @ .., m, k], &[ref right @ .., inner, n]) = (lhs, rhs) else {
        return None;
    };
    let batch = (k == inner).then(|| broadcast_shapes(left, right)).flatten()?;
    Some(batch.into_iter().chain([m, n]).collect())
}

/// Index into an operand of leading shape `from` of entry `flat` of `batch`.
pub(super) fn source(mut flat: usize, batch: &[usize], from: &[usize]) -> usize {
    let (mut index, mut stride) = (0, 1);
    for axis in (0..batch.len()).rev() {
        let position = flat % batch[axis];
        flat /= batch[axis];
        if let Some(own) = (axis + from.len()).checked_sub(batch.len()) {
            index += if from[own] == 1 { 0 } else { position * stride };
            stride *= from[own];
        }
    }
    index
}

struct MatMul {
    plan: Plan,
    lhs: Option<Tensor>,
    rhs: Option<Tensor>,
}

impl MatMul {
    fn forward<E: Element>(plan: &Plan, out: &mut [E], x: &[E], y: &[E]) {
        let &Plan { m, k, n, ref pairs, .. } = plan;
        for (p, &(i, j)) in pairs.iter().enumerate() {
            let (x, y) = (&x[i * m * k..][..m * k], &y[j * k * n..][..k * n]);
            let out = &mut out[p * m * n..][..m * n];
            let (a, b) = (Factor::new(x, m, k), Factor::new(y, k, n));
            Product { a, b, weight: None }.write(out, Accumulate::Set);
        }
    }

    /// Whether there is nothing to sum, which gives zeros: an operand without entries, a batch without products.
    fn is_empty_sum<E: Element>(&self, out: &mut [E], accumulate: Accumulate) -> bool {
        let empty = out.is_empty() || self.plan.pairs.is_empty();
        if empty && matches!(accumulate, Accumulate::Set) {
            out.fill(E::zero());
        }
        empty
    }

    /// `dX = G·Yᵀ`, summed over the products that share a left operand.
    fn left<E: Element>(&self, out: &mut [E], accumulate: Accumulate, g: &[E], y: &[E]) {
        if self.is_empty_sum(out, accumulate) {
            return;
        }
        let &Plan { m, k, n, ref pairs, .. } = &self.plan;
        let mut written = vec![matches!(accumulate, Accumulate::Add); out.len() / (m * k).max(1)];
        for (p, &(i, j)) in pairs.iter().enumerate() {
            let (g, y) = (&g[p * m * n..][..m * n], &y[j * k * n..][..k * n]);
            let mode = set_or_add(&mut written[i]);
            let (a, b) = (Factor::new(g, m, n), Factor::new(y, k, n).transposed());
            Product { a, b, weight: None }.write(&mut out[i * m * k..][..m * k], mode);
        }
    }

    /// `dY = Xᵀ·G`, summed over the products that share a right operand.
    fn right<E: Element>(&self, out: &mut [E], accumulate: Accumulate, g: &[E], x: &[E]) {
        if self.is_empty_sum(out, accumulate) {
            return;
        }
        let &Plan { m, k, n, ref pairs, .. } = &self.plan;
        let mut written = vec![matches!(accumulate, Accumulate::Add); out.len() / (k * n).max(1)];
        for (p, &(i, j)) in pairs.iter().enumerate() {
            let (g, x) = (&g[p * m * n..][..m * n], &x[i * m * k..][..m * k]);
            let mode = set_or_add(&mut written[j]);
            let (a, b) = (Factor::new(x, m, k).transposed(), Factor::new(g, m, n));
            Product { a, b, weight: None }.write(&mut out[j * k * n..][..k * n], mode);
        }
    }
}

fn set_or_add(written: &mut bool) -> Accumulate {
    if std::mem::replace(written, true) { Accumulate::Add } else { Accumulate::Set }
}

impl Vjp for MatMul {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        let Some(g) = ctx.grad(0).cloned() else {
            return Ok(());
        };
        dispatch!(g.dtype()?, E => {
            let grad = g.data::<E>()?;
            if let Some(rhs) = &self.rhs {
                let y = rhs.data::<E>()?;
                ctx.into::<E>(0, |out, accumulate| self.left(out, accumulate, grad, y))?;
            }
            if let Some(lhs) = &self.lhs {
                let &Plan { m, k, n, ref pairs, .. } = &self.plan;
                if pairs.len() == 1 {
                    let sizes = [m, k, n];
                    let (squared, weight) = (false, None);
                    return WeightGradient { input: 1, x: lhs, squared, g: &g, weight, sizes }.add::<E>(ctx);
                }
                let x = lhs.data::<E>()?;
                ctx.into::<E>(1, |out, accumulate| self.right(out, accumulate, grad, x))?;
            }
            Ok(())
        })
    }
}

impl Tensor {
    /// Matrix product of the last two axes; the axes before them broadcast.
    ///
    /// Counterpart: `tf.matmul`.
    ///
    /// # Shapes
    /// `[batch, in] · [in, out]` is `[batch, out]`; `[5, 1, 2, 3] · [4, 3, 6]` is `[5, 4, 2, 6]`. Both
    /// have at least two axes.
    ///
    /// ```
    /// # use tfn_tensor::{Tensor, TensorError};
    /// let x = Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0], &[2, 2]);
    /// let y = Tensor::from_vec(vec![1.0, -1.0], &[2, 1]);
    /// assert_eq!(x.matmul(&y).to_vec::<f64>()?, [-1.0, -1.0]);
    /// assert!(matches!(y.matmul(&x).shape(), Err(TensorError::Shapes { .. })));
    /// # Ok::<(), TensorError>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn matmul(&self, other: &Self) -> Self {
        self.matmul_at(other, Location::caller()).unwrap_or_else(Self::from_error)
    }

    fn matmul_at(
        &self,
        other: &Self,
        place: &'static Location<'static>,
    ) -> Result<Self, Arc<TensorError>> {
        let (lhs, rhs) = (self.array().map_err(Arc::clone)?, other.array().map_err(Arc::clone)?);
        if lhs.dtype() != rhs.dtype() {
            let (lhs, rhs) = (lhs.dtype(), rhs.dtype());
            return Err(TensorError::DTypes { op: "matmul", lhs, rhs, place }.into());
        }
        let wrong = || TensorError::Shapes {
            op: "matmul",
            lhs: lhs.shape.to_vec(),
            rhs: rhs.shape.to_vec(),
            expected: "[.., m, k] and [.., k, n] whose leading axes broadcast",
            place,
        };
        let shape = output_shape(&lhs.shape, &rhs.shape).ok_or_else(wrong)?;
        memory::checked_len(&shape, lhs.dtype())?;
        let plan = Plan::new(&lhs.shape, &rhs.shape, &shape).ok_or_else(wrong)?;
        let output = dispatch!(lhs.dtype(), E => {
            Self::build::<E>(&shape, |out| {
                MatMul::forward(&plan, out, lhs.slice::<E>(), rhs.slice::<E>());
            })
        });
        Ok(apply_one(&[self, other], output, || MatMul {
            plan,
            lhs: other.is_tracked().then(|| self.detach()),
            rhs: self.is_tracked().then(|| other.detach()),
        }))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_gradients;
    use crate::{DType, Result, Tensor, TensorError};

    fn ramp(shape: &[usize], step: f64) -> Tensor {
        let len: usize = shape.iter().product();
        Tensor::from_vec((0..len).map(|i| ((i * 5) % 7) as f64 * step - 1.0).collect(), shape)
    }

    #[test]
    fn gradients_agree_with_central_differences_for_every_batch_form() {
        for (lhs, rhs) in [
            (&[3, 2][..], &[2, 4][..]),
            (&[5, 3, 2], &[2, 4]),
            (&[5, 3, 2], &[1, 2, 4]),
            (&[3, 2], &[5, 2, 4]),
            (&[5, 1, 3, 2], &[4, 2, 3]),
            (&[5, 3, 2], &[5, 2, 4]),
            (&[1, 2], &[2, 1]),
            (&[0, 3], &[3, 2]),
            (&[2, 0], &[0, 3]),
            (&[2, 3], &[3, 0]),
            (&[1, 3, 2], &[0, 2, 4]),
            (&[0, 3, 2], &[2, 4]),
        ] {
            let inputs = [ramp(lhs, 0.3), ramp(rhs, 0.7)];
            check_gradients(&inputs, |v| v[0].matmul(&v[1]).square())
                .unwrap_or_else(|e| panic!("{lhs:?} {rhs:?}: {e}"));
        }
    }

    #[test]
    fn products_broadcast_as_numpy_does() -> Result<()> {
        let (x, y) = (ramp(&[2, 1, 3, 2], 0.3), ramp(&[4, 2, 5], 0.7));
        let product = x.matmul(&y);
        assert_eq!(product.shape()?, [2, 4, 3, 5]);
        let part = x.narrow(0, 1, 1).reshape(&[3, 2]).matmul(&y.narrow(0, 2, 1).reshape(&[2, 5]));
        let same = product.narrow(0, 1, 1).narrow(1, 2, 1);
        assert_eq!(same.to_vec::<f64>()?, part.to_vec::<f64>()?);
        Ok(())
    }

    #[test]
    fn empty_products_are_empty_or_zero() -> Result<()> {
        let none = Tensor::zeros(&[0, 3], DType::F32).matmul(&Tensor::ones(&[3, 2], DType::F32));
        assert_eq!(none.shape()?, [0, 2]);
        let zero = Tensor::ones(&[2, 0], DType::F32).matmul(&Tensor::ones(&[0, 3], DType::F32));
        assert_eq!(zero.to_vec::<f32>()?, [0.0; 6]);
        Ok(())
    }

    #[test]
    fn wrong_shapes_are_errors() {
        let x = ramp(&[2, 3], 0.1);
        for other in [ramp(&[2, 3], 0.1), ramp(&[3], 0.1)] {
            let error = x.matmul(&other).shape().unwrap_err();
            assert!(matches!(error, TensorError::Shapes { op: "matmul", .. }), "{error}");
        }
    }
}
