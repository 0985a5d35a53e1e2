//! Comparisons, and the choice between two tensors.

use std::panic::Location;

use super::binary::Pair;
use crate::dtype::{Element, dispatch};
use crate::error::{Result, TensorError};
use crate::kernels::{self, Accumulate};
use crate::shape::broadcast_shapes;
use crate::tensor::{Tensor, Vjp, VjpContext, apply_one};

macro_rules! comparison {
    ($($(#[$doc:meta])* $method:ident: |$x:ident, $y:ident| $holds:expr;)*) => {
        impl Tensor { $(
            $(#[$doc])*
            ///
            /// 1 where it holds, 0 elsewhere (also where either is NaN); untracked.
            #[track_caller]
            #[must_use]
            pub fn $method(&self, other: &Self) -> Self {
                match Pair::new(stringify!($method), self, other) {
                    Err(error) => Self::from_error(error),
                    Ok(pair) => dispatch!(pair.lhs.dtype(), E => pair.map::<E>(|$x, $y| {
                        if $holds { 1.0 } else { 0.0 }
                    })),
                }
            }
        )* }
    };
}

comparison! {
    /// Whether an entry is less than the other's.
    lt: |x, y| x < y;
    /// Whether an entry is at most the other's.
    le: |x, y| x <= y;
    /// Whether an entry is greater than the other's.
    gt: |x, y| x > y;
    /// Whether an entry is at least the other's.
    ge: |x, y| x >= y;
    /// Whether an entry equals the other's.
    eq: |x, y| x == y;
}

struct Select {
    mask: Tensor,
}

impl Vjp for Select {
    fn name(&self) -> &'static str {
        "select"
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        let Some(g) = ctx.grad(0).cloned() else {
            return Ok(());
        };
        for (input, chosen) in [(0, true), (1, false)] {
            if ctx.needs(input) {
                let part = masked(&self.mask, &g, chosen)?;
                ctx.add(input, part);
            }
        }
        Ok(())
    }
}

/// `g` where the mask is (or is not) zero, 0 elsewhere: never `0 · g`, which could be NaN.
fn masked(mask: &Tensor, g: &Tensor, chosen: bool) -> Result<Tensor> {
    let shape = g.shape()?;
    Ok(dispatch!(g.dtype()?, E => {
        let (mask, g) = (mask.data::<E>()?, g.data::<E>()?);
        Tensor::build::<E>(shape, |out| kernels::map2(out, Accumulate::Set, mask, g, move |m, g| {
            if (m != 0.0) == chosen { g } else { 0.0 }
        }))
    }))
}

impl Tensor {
    /// Whether both are the very same numbers, in the same place and of the same shape, as clones are; not whether they
    /// are equal.
    ///
    /// ```
    /// # use tfn_tensor::Tensor;
    /// let x = Tensor::from_vec(vec![1.0, 2.0], &[2]);
    /// assert!(x.is_same(&x.detach()));
    /// assert!(!x.is_same(&(&x + 0.0)));
    /// assert!(!x.is_same(&x.reshape(&[1, 2])));
    /// ```
    pub fn is_same(&self, other: &Self) -> bool {
        match (self.array(), other.array()) {
            (Ok(a), Ok(b)) => a.storage.is(&b.storage) && a.shape == b.shape,
            _ => false,
        }
    }

    /// `a` where `mask` is not zero, `b` elsewhere, under broadcasting.
    ///
    /// The gradient of the side not chosen is exactly 0, whatever it holds. Where that side was made by
    /// a function of infinite slope, replace the argument of that function too: 0 times infinity is NaN
    /// further back. Counterpart: `tf.where`.
    ///
    /// ```
    /// # use tfn_tensor::{Tensor, Variable};
    /// let x = Variable::new("x", Tensor::from_vec(vec![0.0, 4.0], &[2]))?;
    /// let (positive, one) = (x.value().gt(&Tensor::scalar(0.0)), Tensor::scalar(1.0));
    /// let safe = Tensor::select(&positive, &x.tensor(), &one);
    /// let log = Tensor::select(&positive, &safe.ln(), &(one * -1.0));
    /// assert_eq!(log.to_vec::<f64>()?, [-1.0, 4.0_f64.ln()]);
    /// assert_eq!(log.sum().gradients()?.of(&x).to_vec::<f64>()?, [0.0, 0.25]);
    /// # Ok::<(), tfn_tensor::TensorError>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn select(mask: &Self, a: &Self, b: &Self) -> Self {
        let place = Location::caller();
        let shapes = || -> Result<Vec<usize>> {
            let (mask, lhs, rhs) = (mask.shape()?, a.shape()?, b.shape()?);
            broadcast_shapes(lhs, rhs).and_then(|ab| broadcast_shapes(mask, &ab)).ok_or_else(|| {
                let (lhs, rhs) = (lhs.to_vec(), rhs.to_vec());
                let expected = "shapes that broadcast with each other and the mask's";
                TensorError::Shapes { op: "select", lhs, rhs, expected, place }
            })
        };
        let shape = match shapes() {
            Ok(shape) => shape,
            Err(error) => return Self::from_error(error),
        };
        for (lhs, rhs) in [(mask, a), (a, b)] {
            if let Err(error) = Pair::new("select", lhs, rhs) {
                return Self::from_error(error);
            }
        }
        let whole = [mask.detach(), a.detach(), b.detach()].map(|t| t.broadcast_to(&shape));
        match select_values(&whole) {
            Ok(output) => {
                let [mask, ..] = whole;
                apply_one(&[a, b], output, || Select { mask })
            }
            Err(error) => Self::from_error(error),
        }
    }
}

fn select_values([mask, a, b]: &[Tensor; 3]) -> Result<Tensor> {
    let shape = mask.shape()?;
    Ok(dispatch!(mask.dtype()?, E => {
        let (m, a, b) = (mask.data::<E>()?, a.data::<E>()?, b.data::<E>()?);
        Tensor::build::<E>(shape, |out| kernels::map3(out, Accumulate::Set, m, a, b, move |m, a, b| {
            if m != <E as Element>::from_f64(0.0) { a } else { b }
        }))
    }))
}

#[cfg(test)]
mod tests {
    use crate::testing::check_gradients;
    use crate::{Result, Tensor, TensorError, Variable};

    #[test]
    fn comparisons_are_zero_or_one() -> Result<()> {
        let x = Tensor::from_vec(vec![1.0_f32, 2.0, f32::NAN], &[3]);
        let two = Tensor::scalar(2.0_f32);
        assert_eq!(x.lt(&two).to_vec::<f32>()?, [1.0, 0.0, 0.0]);
        assert_eq!(x.ge(&two).to_vec::<f32>()?, [0.0, 1.0, 0.0]);
        assert_eq!(x.eq(&two).to_vec::<f32>()?, [0.0, 1.0, 0.0]);
        assert_eq!(x.le(&two).to_vec::<f32>()?, [1.0, 1.0, 0.0]);
        assert_eq!(x.gt(&two).to_vec::<f32>()?, [0.0, 0.0, 0.0]);
        Ok(())
    }

    #[test]
    fn a_choice_has_the_gradient_of_the_chosen() -> Result<()> {
        let mask = Tensor::from_vec(vec![1.0, 0.0, 1.0], &[3]);
        let (a, b) = (Tensor::from_vec(vec![1.0, 2.0, 3.0], &[3]), Tensor::scalar(0.7));
        check_gradients(&[a, b], |v| Tensor::select(&mask, &v[0].square(), &v[1])).unwrap();
        let x = Variable::new("x", Tensor::scalar(1.0))?;
        let infinite = x.tensor() * f64::INFINITY - f64::INFINITY;
        let chosen = Tensor::select(&Tensor::scalar(0.0), &infinite, &x.tensor());
        assert_eq!(chosen.item()?, 1.0);
        Ok(())
    }

    #[test]
    fn shapes_that_do_not_broadcast_are_an_error() {
        let (a, b) = (Tensor::from_vec(vec![0.0; 2], &[2]), Tensor::from_vec(vec![0.0; 3], &[3]));
        let chosen = Tensor::select(&Tensor::scalar(1.0), &a, &b);
        assert!(matches!(chosen.shape(), Err(TensorError::Shapes { op: "select", .. })));
    }
}
