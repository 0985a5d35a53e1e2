//! Bijectors one after another.

use std::sync::Arc;

use tfn_module::Module;
use tfn_tensor::Tensor;

use super::{Bijector, IntoBijectors, no_change, number};
use crate::error::Result;
use crate::masking::all_last;

/// `f(x) = f₁(f₂(… fₙ(x)))`: the last bijector of the list acts first.
///
/// Counterpart: `tfp.bijectors.Chain`. An event has as many axes as all of them together need; the log-determinant of
/// each is summed to those of its event. After a bijector onto a surface, such as
/// [`SoftmaxCentered`](super::SoftmaxCentered), the log-determinant of the next one is taken as if its argument filled
/// the whole space, as in TFP.
///
/// # Examples
/// TFP's default way to a scale, never below `1e-5`:
/// ```
/// use tfn_distributions::bijectors::{Bijector, Chain, Shift, Softplus};
/// use tfn_tensor::Tensor;
///
/// let scale = Chain::new((Shift::new(1e-5)?, Softplus::new()));
/// let value = scale.forward(&Tensor::scalar(0.0)).item()?;
/// assert!((value - (2.0_f64.ln() + 1e-5)).abs() < 1e-15);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Chain {
    bijectors: Vec<Arc<dyn Bijector>>,
}

impl Chain {
    /// The composition of `bijectors`, of which the last acts first: a tuple of them, or an array or a `Vec` of `Arc`s. None at
    /// all is the identity.
    pub fn new(bijectors: impl IntoBijectors) -> Self {
        Self { bijectors: bijectors.into_bijectors() }
    }

    /// The bijectors, as given.
    pub fn bijectors(&self) -> &[Arc<dyn Bijector>] {
        &self.bijectors
    }
}

impl Bijector for Chain {
    fn forward(&self, x: &Tensor) -> Tensor {
        self.bijectors.iter().rev().fold(x.clone(), |x, bijector| bijector.forward(&x))
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        self.bijectors.iter().fold(y.clone(), |y, bijector| bijector.inverse(&y))
    }

    fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
        let (mut x, mut ndims) = (x.clone(), self.forward_min_event_ndims());
        let mut sum = no_change(&x, ndims);
        for bijector in self.bijectors.iter().rev() {
            sum = sum + bijector.forward_log_det_jacobian_over(&x, ndims);
            x = bijector.forward(&x);
            ndims = ranks_through(bijector.as_ref(), ndims);
        }
        sum
    }

    fn inverse_log_det_jacobian(&self, y: &Tensor) -> Tensor {
        let (mut y, mut ndims) = (y.clone(), self.inverse_min_event_ndims());
        let mut sum = no_change(&y, ndims);
        for bijector in &self.bijectors {
            sum = sum + bijector.inverse_log_det_jacobian_over(&y, ndims);
            y = bijector.inverse(&y);
            ndims = ranks_back(bijector.as_ref(), ndims);
        }
        sum
    }

    fn forward_min_event_ndims(&self) -> usize {
        // From the last that acts to the first: what each takes must leave enough for the ones after it.
        self.bijectors.iter().fold(0, |after, bijector| {
            let (takes, gives) =
                (bijector.forward_min_event_ndims(), bijector.inverse_min_event_ndims());
            takes + after.saturating_sub(gives)
        })
    }

    fn inverse_min_event_ndims(&self) -> usize {
        let start = self.forward_min_event_ndims();
        self.bijectors.iter().rev().fold(start, |ndims, b| ranks_through(b.as_ref(), ndims))
    }

    fn forward_event_shape(&self, x: &[usize]) -> Result<Vec<usize>> {
        self.bijectors.iter().rev().try_fold(x.to_vec(), |shape, b| b.forward_shape(&shape))
    }

    fn inverse_event_shape(&self, y: &[usize]) -> Result<Vec<usize>> {
        self.bijectors.iter().try_fold(y.to_vec(), |shape, b| b.inverse_shape(&shape))
    }

    fn affine(&self, like: &Tensor) -> Option<(Tensor, Tensor)> {
        let start = (number(1.0, like), number(0.0, like));
        self.bijectors.iter().rev().try_fold(start, |(scale, shift), bijector| {
            let (by, plus) = bijector.affine(like)?;
            Some((scale * &by, shift * by + plus))
        })
    }

    fn is_affine(&self) -> bool {
        self.bijectors.iter().all(|bijector| bijector.is_affine())
    }

    fn in_range(&self, y: &Tensor) -> Option<Tensor> {
        let (mut y, mut ndims) = (y.clone(), self.inverse_min_event_ndims());
        let mut inside: Option<Tensor> = None;
        for bijector in &self.bijectors {
            if let Some(mask) = bijector.in_range(&y) {
                let mask = all_last(&mask, ndims - bijector.inverse_min_event_ndims());
                inside = Some(inside.map_or(mask.clone(), |inside| inside * mask));
            }
            y = bijector.inverse(&y);
            ndims = ranks_back(bijector.as_ref(), ndims);
        }
        inside
    }

    fn in_domain(&self, x: &Tensor) -> Option<Tensor> {
        let (mut x, mut ndims) = (x.clone(), self.forward_min_event_ndims());
        let mut inside: Option<Tensor> = None;
        for bijector in self.bijectors.iter().rev() {
            if let Some(mask) = bijector.in_domain(&x) {
                let mask = all_last(&mask, ndims - bijector.forward_min_event_ndims());
                inside = Some(inside.map_or(mask.clone(), |inside| inside * mask));
            }
            x = bijector.forward(&x);
            ndims = ranks_through(bijector.as_ref(), ndims);
        }
        inside
    }

    fn is_increasing(&self, like: &Tensor) -> Option<Tensor> {
        self.bijectors.iter().try_fold(number(1.0, like), |increasing, bijector| {
            Some(increasing.eq(&bijector.is_increasing(like)?))
        })
    }

    fn is_same(&self, other: &dyn Bijector) -> bool {
        let same = |(a, b): (&Arc<dyn Bijector>, &Arc<dyn Bijector>)| a.is_same(b.as_ref());
        other.downcast_ref::<Self>().is_some_and(|other| {
            self.bijectors.len() == other.bijectors.len()
                && self.bijectors.iter().zip(&other.bijectors).all(same)
        })
    }
}

/// Axes of an event after `bijector`, of `ndims` before it.
fn ranks_through(bijector: &dyn Bijector, ndims: usize) -> usize {
    (ndims + bijector.inverse_min_event_ndims()).saturating_sub(bijector.forward_min_event_ndims())
}

/// Axes of an event before `bijector`, of `ndims` after it.
fn ranks_back(bijector: &dyn Bijector, ndims: usize) -> usize {
    (ndims + bijector.forward_min_event_ndims()).saturating_sub(bijector.inverse_min_event_ndims())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bijectors::{Exp, Scale, Shift, Softplus};
    use crate::testing::check_bijector;

    #[test]
    fn keeps_the_laws() {
        let points = [-8.0, -1.0, 0.0, 0.4, 3.0];
        check_bijector(&Chain::new([]), &points).unwrap();
        let positive = Chain::new([Shift::new(1e-5).unwrap().into(), Softplus::new().into()]);
        check_bijector(&positive, &points).unwrap();
        let falling = Chain::new([
            Exp::new().into(),
            Scale::new(-0.5).unwrap().into(),
            Shift::new(2.0).unwrap().into(),
        ]);
        check_bijector(&falling, &points).unwrap();
    }

    #[test]
    fn tuples_arrays_and_lists_make_the_same_chain() {
        let (shift, exp) = (Shift::new(1.0).unwrap(), Exp::new());
        let array: [Arc<dyn Bijector>; 2] = [shift.clone().into(), exp.clone().into()];
        let chains = [
            Chain::new((shift.clone(), exp.clone())),
            Chain::new((array[0].clone(), Arc::new(exp))),
            Chain::new(&array[..]),
            Chain::new(array.to_vec()),
            Chain::new(array),
        ];
        for chain in chains {
            assert_eq!(chain.forward(&Tensor::scalar(0.0)).item().unwrap(), 2.0);
        }
    }

    #[test]
    fn affine_bijectors_compose() {
        let chain = Chain::new([Shift::new(1.0).unwrap().into(), Scale::new(-2.0).unwrap().into()]);
        let (scale, shift) = chain.affine(&Tensor::scalar(0.0)).unwrap();
        assert_eq!((scale.item().unwrap(), shift.item().unwrap()), (-2.0, 1.0));
        assert_eq!(chain.is_increasing(&shift).unwrap().item().unwrap(), 0.0);
        assert!(Chain::new([Exp::new().into()]).affine(&shift).is_none());
    }

    #[test]
    fn the_range_of_a_shifted_softplus_is_shifted() {
        let chain = Chain::new([Shift::new(0.5).unwrap().into(), Softplus::new().into()]);
        let y = Tensor::from_vec(vec![0.4, 0.5, 0.6], &[3]);
        assert_eq!(chain.in_range(&y).unwrap().to_vec::<f64>().unwrap(), [0.0, 0.0, 1.0]);
    }

    #[test]
    fn sameness_is_part_by_part() {
        let chain = |shift: f64| Chain::new([Shift::new(shift).unwrap().into(), Exp::new().into()]);
        assert!(chain(1.0).is_same(&chain(1.0)));
        assert!(!chain(1.0).is_same(&chain(2.0)));
        assert!(!chain(1.0).is_same(&Chain::new([])));
    }
}
