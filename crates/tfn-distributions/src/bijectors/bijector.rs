//! The contract of a bijector.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use tfn_module::Module;
use tfn_tensor::Tensor;

/// An invertible, differentiable function of each entry.
///
/// Counterpart: `tfp.bijectors.Bijector` of event rank 0. Tensors carry their errors, so the methods
/// return tensors. A bijector is a [`Module`]: its variables are those of what uses it.
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
    /// `y = f(x)`, entry by entry.
    fn forward(&self, x: &Tensor) -> Tensor;

    /// `x = f⁻¹(y)`; NaN or infinite where `y` is not inside the range.
    fn inverse(&self, y: &Tensor) -> Tensor;

    /// `ln |f′(x)|` of each entry, in the shape of [`forward`](Self::forward).
    fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor;

    /// `ln |(f⁻¹)′(y)|` of each entry.
    fn inverse_log_det_jacobian(&self, y: &Tensor) -> Tensor {
        -self.forward_log_det_jacobian(&self.inverse(y))
    }

    /// `(scale, shift)` if `f(x) = scale·x + shift`, in the type of `like`.
    ///
    /// A normal seen through such a bijector is a normal.
    fn affine(&self, like: &Tensor) -> Option<(Tensor, Tensor)> {
        let _ = like;
        None
    }

    /// 1 where an entry of `y` lies inside the range, 0 elsewhere; `None` if the range is all numbers.
    fn in_range(&self, y: &Tensor) -> Option<Tensor> {
        let _ = y;
        None
    }

    /// 1 where the function increases, 0 where it decreases, in a shape that broadcasts with that of
    /// `like` and in its type; `None` if it is not known.
    fn is_increasing(&self, like: &Tensor) -> Option<Tensor> {
        let _ = like;
        None
    }

    /// Whether `other` is always the same function. May say no in doubt.
    fn is_same(&self, other: &dyn Bijector) -> bool {
        let _ = other;
        false
    }
}

impl dyn Bijector {
    /// The bijector as `B`, if it is one.
    pub fn downcast_ref<B: Bijector>(&self) -> Option<&B> {
        (self as &dyn Any).downcast_ref()
    }
}

tfn_module::open_trait!(Bijector, BijectorCopy);

/// What can stand where a bijector is asked for: a bijector, or an `Arc` of one.
pub trait IntoBijector {
    /// The shared bijector.
    fn into_bijector(self) -> Arc<dyn Bijector>;
}

impl<B: Bijector> IntoBijector for B {
    fn into_bijector(self) -> Arc<dyn Bijector> {
        Arc::new(self)
    }
}

impl<B: Bijector> IntoBijector for Arc<B> {
    fn into_bijector(self) -> Arc<dyn Bijector> {
        self
    }
}

impl IntoBijector for Arc<dyn Bijector> {
    fn into_bijector(self) -> Arc<dyn Bijector> {
        self
    }
}

impl IntoBijector for &Arc<dyn Bijector> {
    fn into_bijector(self) -> Arc<dyn Bijector> {
        self.clone()
    }
}
