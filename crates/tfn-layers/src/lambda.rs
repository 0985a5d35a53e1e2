//! A function as a layer.

use std::fmt;
use std::sync::Arc;

use tfn_module::describe::{self, Describe, Description, Reader};
use tfn_module::{Copies, DeepCopy, Module, Properties, layer_name};
use tfn_tensor::Tensor;

use crate::activation::{Activation, named};
use crate::contract::{Layer, Pass};
use crate::error::{LayerError, Result};

/// The state of a function that has none.
#[derive(Clone, Copy, Debug, Default, Module)]
#[module(crate = tfn_module)]
pub struct Stateless;

/// A function of a state and a tensor.
type Function<M> = Arc<dyn Fn(&M, &Tensor) -> Tensor + Send + Sync>;

/// A layer that applies a function.
///
/// Counterpart: `tfp.experimental.nn.Lambda`. Variables that the function reads are not captured but handed
/// over, as a module ([`with_state`](Self::with_state)): so they are the layer's variables and a deep copy
/// of the layer has its own.
///
/// # Examples
/// ```
/// use tfn_layers::module::{Module, Variable};
/// use tfn_layers::tensor::Tensor;
/// use tfn_layers::{Lambda, Layer};
///
/// let relu = Lambda::new("relu", Tensor::relu)?;
/// assert_eq!(relu.call(&Tensor::scalar(-1.0))?.item()?, 0.0);
///
/// #[derive(Module)]
/// struct Temperature { value: Variable }
///
/// let temperature = Temperature { value: Variable::new("temperature", Tensor::scalar(2.0))? };
/// let cooled = Lambda::with_state("cooled", temperature, |t, x| x / t.value.tensor())?;
/// assert_eq!(cooled.call(&Tensor::scalar(3.0))?.item()?, 1.5);
/// assert_eq!(cooled.variables().len(), 1);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
pub struct Lambda<M = Stateless> {
    name: String,
    state: M,
    function: Function<M>,
    /// The function, if it has no state.
    stateless: Option<Activation>,
}

impl Lambda {
    /// The layer `function`, called `name`.
    ///
    /// # Errors
    /// [`LayerError::Module`](crate::LayerError::Module) for a name that cannot be made valid.
    pub fn new(
        name: &str,
        function: impl Fn(&Tensor) -> Tensor + Send + Sync + 'static,
    ) -> Result<Self> {
        Self::of(name, &Activation::new(function))
    }

    /// The layer of an elementwise method of [`Tensor`] or a function of [`activations`](crate::activations), by its name.
    ///
    /// # Errors
    /// [`LayerError::Argument`] for a name that none of them has.
    ///
    /// # Examples
    /// ```
    /// use tfn_layers::{Lambda, module::Module};
    ///
    /// assert_eq!(Lambda::activation("tanh")?.name(), "tanh");
    /// assert!(Lambda::activation("tan").is_err());
    /// # Ok::<(), tfn_layers::LayerError>(())
    /// ```
    pub fn activation(name: &str) -> Result<Self> {
        let all = named();
        let Some((_, function)) = all.iter().find(|(known, _)| *known == name) else {
            let known: Vec<&str> = all.iter().map(|(known, _)| *known).collect();
            return Err(LayerError::Argument {
                layer: "Lambda".to_owned(),
                argument: "name",
                given: name.to_owned(),
                expected: format!("one of {}", known.join(", ")),
            });
        };
        Self::of(name, function)
    }

    fn of(name: &str, function: &Activation) -> Result<Self> {
        let (stateless, function) = (Some(function.clone()), function.clone());
        let layer = Self::with_state(name, Stateless, move |_, x| function.apply(x))?;
        Ok(Self { stateless, ..layer })
    }
}

/// By the name of its function among the activations of the registry.
impl Describe for Lambda {
    fn class() -> String {
        "tfn.layers.Lambda".to_owned()
    }

    fn describe(&self, description: &mut Description<'_, '_>) -> describe::Result<()> {
        description.field("name", &self.name)?.field("function", &self.stateless)?;
        Ok(())
    }

    fn restore(reader: &mut Reader<'_, '_>) -> describe::Result<Self> {
        let (name, function): (String, Activation) =
            (reader.field("name")?, reader.field("function")?);
        Ok(Self::of(&name, &function)?)
    }
}

impl<M: Module + DeepCopy> Lambda<M> {
    /// The layer that hands `state` to `function` at each call.
    ///
    /// # Errors
    /// [`LayerError::Module`](crate::LayerError::Module) for a name that cannot be made valid.
    pub fn with_state(
        name: &str,
        state: M,
        function: impl Fn(&M, &Tensor) -> Tensor + Send + Sync + 'static,
    ) -> Result<Self> {
        Ok(Self { name: layer_name(name)?, state, function: Arc::new(function), stateless: None })
    }

    /// What the function is handed at each call.
    pub fn state(&self) -> &M {
        &self.state
    }
}

impl<M: Module> Module for Lambda<M> {
    fn properties<'a>(&'a self, properties: &mut Properties<'a>) {
        properties.add("state", &self.state);
    }

    fn name(&self) -> String {
        self.name.clone()
    }
}

/// A copy applies the same function, to a state of its own.
impl<M: DeepCopy> DeepCopy for Lambda<M> {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        let state = self.state.deep_copy_with(copies);
        Self {
            name: self.name.clone(),
            state,
            function: self.function.clone(),
            stateless: self.stateless.clone(),
        }
    }
}

impl<M: Module + DeepCopy> Layer for Lambda<M> {
    fn forward(&self, x: &Tensor, _pass: &Pass) -> Result<Tensor> {
        Ok((self.function)(&self.state, x).check()?)
    }
}

impl<M> fmt::Debug for Lambda<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Lambda: name={}>", self.name)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use tfn_module::{Variable, deep_copy};

    #[derive(Module)]
    #[module(crate = tfn_module)]
    struct Gain {
        gain: Variable,
    }

    #[test]
    fn a_copy_has_variables_of_its_own() -> Result<()> {
        let gain = Gain { gain: Variable::new("gain", Tensor::scalar(2.0))? };
        let layer = Lambda::with_state("gain", gain, |g, x| x * g.gain.tensor())?;
        let copy = deep_copy(&layer)?;
        copy.state().gain.assign(&Tensor::scalar(5.0))?;
        let one = Tensor::scalar(1.0);
        assert_eq!((layer.call(&one)?.item()?, copy.call(&one)?.item()?), (2.0, 5.0));
        Ok(())
    }

    #[test]
    fn an_error_names_the_layer() {
        let narrow = Lambda::new("narrow", |x| x.narrow(0, 0, 5)).unwrap();
        let error = narrow.call(&Tensor::scalar(1.0)).unwrap_err();
        assert!(error.to_string().starts_with("narrow: "), "{error}");
        assert!(Lambda::new("1 bad", Tensor::relu).is_err());
    }
}
