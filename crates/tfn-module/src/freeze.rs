//! Excluding variables from training, and taking them back in.

use tfn_tensor::Variable;

use crate::module::Module;

/// Makes all variables of `module` non-trainable and returns those that were trainable.
///
/// Tensors read from now on are not tracked. To undo exactly this, set the returned ones trainable again;
/// [`unfreeze`] thaws all.
///
/// Counterpart: `layer.trainable = False` in Keras.
///
/// # Examples
/// ```
/// use tfn_module::{Module, Tensor, Variable, freeze};
///
/// #[derive(Module)]
/// struct Pair { mean: Variable, count: Variable }
///
/// let mean = Variable::new("mean", Tensor::scalar(0.0))?;
/// let count = Variable::new("count", Tensor::scalar(0.0))?.non_trainable();
/// let pair = Pair { mean: mean.clone(), count };
/// let frozen = freeze(&pair);
/// assert_eq!(frozen, [mean]);
/// assert!(pair.trainable_variables().is_empty());
/// for variable in &frozen {
///     variable.set_trainable(true);
/// }
/// assert_eq!(pair.trainable_variables(), frozen);
/// # Ok::<(), tfn_module::TensorError>(())
/// ```
pub fn freeze<M: Module + ?Sized>(module: &M) -> Vec<Variable> {
    set_all(module.trainable_variables(), false)
}

/// Makes all variables of `module` trainable and returns those that were not.
pub fn unfreeze<M: Module + ?Sized>(module: &M) -> Vec<Variable> {
    set_all(module.non_trainable_variables(), true)
}

fn set_all(variables: Vec<Variable>, trainable: bool) -> Vec<Variable> {
    for variable in &variables {
        variable.set_trainable(trainable);
    }
    variables
}
