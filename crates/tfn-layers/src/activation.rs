//! Functions of a layer's pre-activation.

use std::fmt;
use std::sync::Arc;

use tfn_module::describe::{self, Data, Field, FunctionId, Loader, Saver};
use tfn_tensor::Tensor;

use crate::activations;

/// A function of a layer's pre-activation, such as [`Tensor::relu`].
///
/// It is called with the pre-activations of one draw. It gets several draws at once only if it is known to act entry by
/// entry: if it is an elementwise method of [`Tensor`] given by name, or was made by
/// [`elementwise`](Self::elementwise).
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
    id: FunctionId,
}

impl Activation {
    /// The activation by `function`.
    pub fn new<F: Fn(&Tensor) -> Tensor + Send + Sync + 'static>(function: F) -> Self {
        let id = FunctionId::of(&function);
        Self { function: Arc::new(function), elementwise: is_elementwise(id), id }
    }

    /// The activation by a `function` that acts entry by entry: each entry of its result depends on the same entry of
    /// its argument alone.
    pub fn elementwise(function: impl Fn(&Tensor) -> Tensor + Send + Sync + 'static) -> Self {
        let id = FunctionId::of(&function);
        Self { function: Arc::new(function), elementwise: true, id }
    }

    /// Whether it is [`Tensor::relu`].
    pub(crate) fn is_relu(&self) -> bool {
        self.id == FunctionId::of(&Tensor::relu)
    }

    /// Whether it acts entry by entry and is not known to have a kink, a jump, or arguments without a value.
    pub(crate) fn is_smooth(&self) -> bool {
        let rough = [
            FunctionId::of(&Tensor::relu),
            FunctionId::of(&Tensor::abs),
            FunctionId::of(&Tensor::sign),
            FunctionId::of(&Tensor::sqrt),
            FunctionId::of(&activations::leaky_relu),
        ];
        self.elementwise && !(self.id.is_known() && rough.contains(&self.id))
    }

    /// Whether each entry of a result is known to depend on the same entry of the argument alone.
    pub fn is_elementwise(&self) -> bool {
        self.elementwise
    }

    /// The identity of the function, which tells functions apart by their types.
    pub fn id(&self) -> FunctionId {
        self.id
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

/// How an activation is given a name.
const HOW: &str = "pass a function or a closure without captures, and name it by \
                   `tfn_layers::describe::add_activation` in the registry with which the file is saved and loaded";

/// By its name in the registry.
impl Field for Activation {
    fn write(&self, saver: &mut Saver<'_>) -> describe::Result<Data> {
        saver.function::<Self>(self.id, HOW)
    }

    fn read(data: Data, loader: &mut Loader<'_>) -> describe::Result<Self> {
        loader.function::<Self>(&data, HOW).cloned()
    }
}

macro_rules! elementwise_methods {
    ($($name:ident)*) => {
        /// The elementwise methods of [`Tensor`] and the functions of [`activations`], by their names.
        pub(crate) fn named() -> Vec<(&'static str, Activation)> {
            vec![
                $((stringify!($name), Activation::elementwise(Tensor::$name)),)*
                ("gelu", Activation::elementwise(activations::gelu)),
                ("leaky_relu", Activation::elementwise(activations::leaky_relu)),
                ("log_softmax", Activation::new(activations::log_softmax)),
                ("silu", Activation::elementwise(activations::silu)),
                ("softmax", Activation::new(activations::softmax)),
            ]
        }

        /// Whether a function is one of these and acts entry by entry: each function item has a type of its own.
        fn is_elementwise(function: FunctionId) -> bool {
            let known = [
                $(FunctionId::of(&Tensor::$name),)*
                FunctionId::of(&activations::gelu),
                FunctionId::of(&activations::leaky_relu),
                FunctionId::of(&activations::silu),
            ];
            known.contains(&function) && function.is_known()
        }
    };
}

elementwise_methods! {
    abs atan cos elu erf exp log_sigmoid relu sigmoid sign sin softplus sqrt square tanh
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
