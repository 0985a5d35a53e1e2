//! The contract of a bijector.

use std::any::Any;
use std::fmt::Debug;
use std::panic::Location;

use tfn_module::Module;
use tfn_tensor::{Tensor, TensorError};

use crate::axes::sum_last;
use crate::error::{DistributionError, Result};

/// An invertible, differentiable function of each entry, or of events of more axes.
///
/// Counterpart: `tfp.bijectors.Bijector`. Tensors carry their errors, so the methods return tensors. A
/// bijector is a [`Module`]: its variables are those of what uses it.
///
/// An author writes [`forward`](Self::forward), [`inverse`](Self::inverse) and
/// [`forward_log_det_jacobian`](Self::forward_log_det_jacobian); one that does not act entry by entry also says
/// [how many axes](Self::forward_min_event_ndims) it takes as one event, and what
/// [shape](Self::forward_event_shape) that becomes if it changes.
///
/// # Shapes
/// Axes before those of an event are a batch. A function of vectors (`forward_min_event_ndims` of 1) sends
/// `[batch, n]` to `[batch, m]`; its log-determinants and [`in_range`](Self::in_range) have the shape `[batch]`. Of
/// a function of entries they have the shape of the argument.
///
/// # Examples
/// A bijector of one's own:
/// ```
/// use tfn_distributions::bijectors::Bijector;
/// use tfn_distributions::module::Module;
/// use tfn_distributions::tensor::Tensor;
///
/// #[derive(Clone, Debug, Module)]
/// struct Cube;
///
/// impl Bijector for Cube {
///     fn forward(&self, x: &Tensor) -> Tensor {
///         x * x * x
///     }
///     fn inverse(&self, y: &Tensor) -> Tensor {
///         y.sign() * y.abs().powf(1.0 / 3.0)
///     }
///     fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
///         (x.square() * 3.0).ln()
///     }
/// }
/// assert_eq!(Cube.forward(&Tensor::scalar(2.0)).item()?, 8.0);
/// # Ok::<(), tfn_distributions::tensor::TensorError>(())
/// ```
pub trait Bijector: Module + Debug + BijectorCopy {
    /// `y = f(x)`.
    fn forward(&self, x: &Tensor) -> Tensor;

    /// `x = f⁻¹(y)`; NaN or infinite where `y` is not inside the range.
    fn inverse(&self, y: &Tensor) -> Tensor;

    /// `ln |det f′(x)|` of each event, in the shape of `x` without the axes of one; `ln |f′(x)|` of each entry,
    /// if that is all an event is.
    ///
    /// Where `f` maps n numbers to more than n, it is that of n of them, from which the others follow; each such
    /// bijector says which these are.
    fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor;

    /// `ln |det (f⁻¹)′(y)|` of each event.
    fn inverse_log_det_jacobian(&self, y: &Tensor) -> Tensor {
        -self.forward_log_det_jacobian(&self.inverse(y))
    }

    /// How many last axes of `x` are one event.
    fn forward_min_event_ndims(&self) -> usize {
        0
    }

    /// How many last axes of `y` are one event.
    fn inverse_min_event_ndims(&self) -> usize {
        self.forward_min_event_ndims()
    }

    /// The shape of `f(x)` for one event `x`.
    ///
    /// # Errors
    /// [`DistributionError::Shape`] if it takes no events of this shape.
    fn forward_event_shape(&self, x: &[usize]) -> Result<Vec<usize>> {
        Ok(x.to_vec())
    }

    /// The shape of `f⁻¹(y)` for one event `y`.
    ///
    /// # Errors
    /// [`DistributionError::Shape`] if it gives no events of this shape.
    fn inverse_event_shape(&self, y: &[usize]) -> Result<Vec<usize>> {
        Ok(y.to_vec())
    }

    /// `(scale, shift)` if `f(x) = scale·x + shift` entry by entry, in the type of `like`.
    ///
    /// A normal seen through such a bijector is a normal.
    fn affine(&self, like: &Tensor) -> Option<(Tensor, Tensor)> {
        let _ = like;
        None
    }

    /// Whether `f` is an affine function of whole events: the mean of `f(x)` is `f` of the mean of `x`.
    fn is_affine(&self) -> bool {
        self.affine(&Tensor::scalar(0.0)).is_some()
    }

    /// 1 where an event of `y` (an entry, if that is all an event is) lies inside the range, 0 elsewhere; `None`
    /// if the range is all numbers.
    fn in_range(&self, y: &Tensor) -> Option<Tensor> {
        let _ = y;
        None
    }

    /// 1 where an event of `x` (an entry, if that is all an event is) is one that the function takes, 0 elsewhere; `None`
    /// if it takes all numbers.
    ///
    /// It is the range of the inverse: an [`Invert`](super::Invert) asks for it.
    fn in_domain(&self, x: &Tensor) -> Option<Tensor> {
        let _ = x;
        None
    }

    /// 1 where the function increases, 0 where it decreases, in a shape that broadcasts with that of
    /// `like` and in its type; `None` if it is not known, or if it does not act entry by entry.
    fn is_increasing(&self, like: &Tensor) -> Option<Tensor> {
        let _ = like;
        None
    }

    /// Whether `other` is the same function for all arguments. Where this is not known, the answer is `false`.
    fn is_same(&self, other: &dyn Bijector) -> bool {
        let _ = other;
        false
    }

    /// [`forward_log_det_jacobian`](Self::forward_log_det_jacobian) of events of `event_ndims` axes: summed over those
    /// beyond what this bijector needs.
    fn forward_log_det_jacobian_over(&self, x: &Tensor, event_ndims: usize) -> Tensor {
        let terms = self.forward_log_det_jacobian(x);
        sum_down(&terms, self.forward_min_event_ndims(), event_ndims)
    }

    /// [`inverse_log_det_jacobian`](Self::inverse_log_det_jacobian) of events of `event_ndims` axes.
    fn inverse_log_det_jacobian_over(&self, y: &Tensor, event_ndims: usize) -> Tensor {
        let terms = self.inverse_log_det_jacobian(y);
        sum_down(&terms, self.inverse_min_event_ndims(), event_ndims)
    }

    /// The shape of `f(x)` for an `x` of this shape, batch axes included.
    ///
    /// # Errors
    /// [`DistributionError::Shape`] if `x` has too few axes, or its events not the shape that is taken.
    fn forward_shape(&self, x: &[usize]) -> Result<Vec<usize>> {
        let event_ndims = self.forward_min_event_ndims();
        whole_shape((self.class_name(), "x"), x, event_ndims, &|x| self.forward_event_shape(x))
    }

    /// The shape of `f⁻¹(y)` for a `y` of this shape, batch axes included.
    ///
    /// # Errors
    /// [`DistributionError::Shape`] if `y` has too few axes, or its events not the shape that is given.
    fn inverse_shape(&self, y: &[usize]) -> Result<Vec<usize>> {
        let event_ndims = self.inverse_min_event_ndims();
        whole_shape((self.class_name(), "y"), y, event_ndims, &|y| self.inverse_event_shape(y))
    }
}

/// `terms` of events of `has` axes, summed to those of `event_ndims`.
#[track_caller]
fn sum_down(terms: &Tensor, has: usize, event_ndims: usize) -> Tensor {
    match event_ndims.checked_sub(has) {
        Some(ndims) => sum_last(terms, ndims),
        None => Tensor::from_error(TensorError::OutOfRange {
            op: "log_det_jacobian",
            argument: "event_ndims",
            given: event_ndims.to_string(),
            expected: format!("at least {has}"),
            place: Location::caller(),
        }),
    }
}

/// The shape of batches of events, from that of one event of them.
fn whole_shape(
    (family, argument): (&'static str, &'static str),
    shape: &[usize],
    event_ndims: usize,
    event_shape: &dyn Fn(&[usize]) -> Result<Vec<usize>>,
) -> Result<Vec<usize>> {
    let Some(at) = shape.len().checked_sub(event_ndims) else {
        let expected = format!("at least {event_ndims} axes");
        return Err(DistributionError::Shape { family, argument, given: shape.to_vec(), expected });
    };
    let (batch, event) = shape.split_at(at);
    Ok([batch, &event_shape(event)?].concat())
}

impl dyn Bijector {
    /// The bijector as `B`, if it is one.
    pub fn downcast_ref<B: Bijector>(&self) -> Option<&B> {
        (self as &dyn Any).downcast_ref()
    }
}

tfn_module::open_trait!(Bijector, BijectorCopy);
