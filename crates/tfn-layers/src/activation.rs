//! Functions of a layer's pre-activation.

use std::any::TypeId;
use std::fmt;
use std::sync::Arc;

use tfn_tensor::Tensor;

/// A function of a layer's pre-activation, such as [`Tensor::relu`].
///
/// It is called with the pre-activations of one draw. Several draws are handed to it at once only if each entry of
/// its result is known to depend on the same entry of its argument alone: elementwise methods of [`Tensor`] that are
/// given by name, and what [`elementwise`](Self::elementwise) says so of.
///
/// # Examples
/// ```
/// use tfn_layers::Activation;
/// use tfn_layers::tensor::Tensor;
///
/// assert!(Activation::new(Tensor::relu).is_elementwise());
/// assert!(!Activation::new(|x| x.log_softmax(-1)).is_elementwise());
/// let leaky = Activation::elementwise(|x| x.relu() + x * 0.01);
/// assert_eq!(leaky.apply(&Tensor::scalar(-1.0)).item()?, -0.01);
/// # Ok::<(), tfn_layers::tensor::TensorError>(())
/// ```
#[derive(Clone)]
pub struct Activation {
    function: Arc<dyn Fn(&Tensor) -> Tensor + Send + Sync>,
    elementwise: bool,
    kind: Kind,
}

/// What is known of the function beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Relu,
    /// With a kink, a jump, or values that are none, so that no rule for smooth functions takes it.
    Rough,
    Other,
}

impl Activation {
    /// The activation by `function`.
    pub fn new<F: Fn(&Tensor) -> Tensor + Send + Sync + 'static>(function: F) -> Self {
        let id = TypeId::of::<F>();
        Self { function: Arc::new(function), elementwise: is_known(id), kind: kind(id) }
    }

    /// The activation by `function`, each entry of whose result depends on the same entry of its argument alone.
    pub fn elementwise<F: Fn(&Tensor) -> Tensor + Send + Sync + 'static>(function: F) -> Self {
        Self { function: Arc::new(function), elementwise: true, kind: kind(TypeId::of::<F>()) }
    }

    /// Whether it is [`Tensor::relu`].
    pub(crate) fn is_relu(&self) -> bool {
        self.kind == Kind::Relu
    }

    /// Whether it goes entry by entry and is not known to have a kink or a jump.
    pub(crate) fn is_smooth(&self) -> bool {
        self.elementwise && self.kind == Kind::Other
    }

    /// Whether each entry of a result is known to depend on the same entry of the argument alone.
    pub fn is_elementwise(&self) -> bool {
        self.elementwise
    }

    /// The function's value.
    #[must_use]
    pub fn apply(&self, x: &Tensor) -> Tensor {
        (self.function)(x)
    }

    /// The function's value for several draws along the first axis, none of which sees the others.
    pub(crate) fn apply_each(&self, x: &Tensor) -> Tensor {
        let draws = match x.shape() {
            Ok(&[draws, ..]) if !self.elementwise => draws,
            _ => return self.apply(x),
        };
        if draws == 0 {
            return x.clone();
        }
        let of = |draw| self.apply(&x.narrow(0, draw, 1).squeeze(0));
        Tensor::stack(&(0..draws).map(of).collect::<Vec<_>>().iter().collect::<Vec<_>>(), 0)
    }
}

impl fmt::Debug for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Activation").field("elementwise", &self.elementwise).finish_non_exhaustive()
    }
}

/// The type of a function: each function item has one of its own.
fn of<F: Fn(&Tensor) -> Tensor + 'static>(_: F) -> TypeId {
    TypeId::of::<F>()
}

fn kind(function: TypeId) -> Kind {
    if function == of(Tensor::relu) {
        return Kind::Relu;
    }
    let rough = [of(Tensor::abs), of(Tensor::sign), of(Tensor::sqrt)];
    if rough.contains(&function) { Kind::Rough } else { Kind::Other }
}

/// Whether a function's type is that of an elementwise method.
fn is_known(function: TypeId) -> bool {
    [
        of(Tensor::abs),
        of(Tensor::atan),
        of(Tensor::cos),
        of(Tensor::elu),
        of(Tensor::erf),
        of(Tensor::exp),
        of(Tensor::log_sigmoid),
        of(Tensor::relu),
        of(Tensor::sigmoid),
        of(Tensor::sign),
        of(Tensor::sin),
        of(Tensor::softplus),
        of(Tensor::sqrt),
        of(Tensor::square),
        of(Tensor::tanh),
    ]
    .contains(&function)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn no_draw_sees_another() {
        let x = Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0, 5.0, 7.0], &[3, 2]);
        let share = Activation::new(|x| x / x.sum());
        let each = share.apply_each(&x).to_vec::<f64>().unwrap();
        assert_eq!(each[..2], [1.0 / 3.0, 2.0 / 3.0]);
        assert_eq!(each[4..], [5.0 / 12.0, 7.0 / 12.0]);
        let function: fn(&Tensor) -> Tensor = Tensor::relu;
        assert!(Activation::new(Tensor::tanh).is_elementwise());
        assert!(!Activation::new(function).is_elementwise());
    }
}
