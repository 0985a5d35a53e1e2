//! The laws that layers, linear maps and estimators are tested by, for this crate's and for anyone's.

mod estimates;
mod likelihood;
mod map;
mod marginal;

pub use likelihood::check_likelihood;
pub use map::check_linear_map;

use std::collections::BTreeSet;

use tfn_tensor::{DType, Gradients, Key, Tensor, Variable};

use crate::contract::Layer;
use crate::error::{LayerError, Result};

/// A law that a layer breaks, or a layer that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayerLawError {
    /// One key gave two results.
    #[error("{layer}: {what} with one key differs from call to call")]
    Impure {
        /// Name of the layer.
        layer: String,
        /// What was computed.
        what: &'static str,
    },
    /// A gradient that disagrees with the central difference.
    #[error(
        "{layer}: gradient of {variable}, entry {entry}, is {given}, expected {expected} by central differences"
    )]
    Gradient {
        /// Name of the layer.
        layer: String,
        /// Name of the variable.
        variable: String,
        /// Flat index of the entry.
        entry: usize,
        /// What the backward pass gave.
        given: f64,
        /// What differences of the forward pass gave.
        expected: f64,
    },
    /// Draws whose mean or variance is not that of draws of the weights for each example.
    #[error(
        "{layer}: {what}, entry {entry}, is {given} over many draws, expected {expected} as with a draw of the weights \
         for each example; the standard error of the difference is {error}"
    )]
    Estimate {
        /// Name of the layer.
        layer: String,
        /// What was estimated.
        what: String,
        /// Flat index of the entry.
        entry: usize,
        /// With the layer's estimator.
        given: f64,
        /// With [`PerExample`](crate::PerExample).
        expected: f64,
        /// Standard error of their difference.
        error: f64,
    },
    /// A linear map that is not linear, or whose shapes or moments are wrong.
    #[error("{map}: {what}, entry {entry}, is {given}, expected {expected}")]
    Map {
        /// First part of the name of the layer's class.
        map: &'static str,
        /// What was computed.
        what: &'static str,
        /// Flat index of the entry, or number of the axis.
        entry: usize,
        /// What the map gave.
        given: f64,
        /// What was expected.
        expected: f64,
    },
    /// A marginal of a likelihood that is not the mean over outputs.
    #[error(
        "{layer}: {what} of the marginal, entry {entry}, is {given}, expected {expected} by quadrature"
    )]
    Marginal {
        /// Name of the likelihood.
        layer: String,
        /// What was computed.
        what: &'static str,
        /// Flat index of the entry.
        entry: usize,
        /// What the marginal gave.
        given: f64,
        /// What was expected.
        expected: f64,
    },
    /// A trainable variable that neither output nor losses depend on.
    #[error("{layer}: nothing depends on the trainable variable {variable}")]
    Unused {
        /// Name of the layer.
        layer: String,
        /// Name of the variable.
        variable: String,
    },
    /// Output or losses depend on trainable variables that the layer does not hand over.
    #[error(
        "{layer}: output or losses depend on {foreign} trainable variable(s) that it does not hand over in `properties`: \
         they would never be trained, and divergences of weights among them would be lost"
    )]
    Foreign {
        /// Name of the layer.
        layer: String,
        /// Number of such variables.
        foreign: usize,
    },
    /// The layer failed.
    #[error(transparent)]
    Layer(#[from] LayerError),
}

impl From<tfn_distributions::DistributionError> for LayerLawError {
    fn from(error: tfn_distributions::DistributionError) -> Self {
        Self::Layer(error.into())
    }
}

impl From<tfn_tensor::TensorError> for LayerLawError {
    fn from(error: tfn_tensor::TensorError) -> Self {
        Self::Layer(error.into())
    }
}

/// Checks a layer, or a net, of type `f64` at `x`: outputs and losses are functions of the key, and so are prepared
/// outputs and those of several keys; every trainable variable is used, and none that is not handed over; gradients of `sum(output²)/2 + losses` agree
/// with central differences; mean and variance of outputs, and the mean of gradients, are those that the weights drawn
/// for each example give, whatever the layer's estimators.
///
/// Gradients: within 1e-6 of the largest entry of the variable's gradient (or of 1); differences use a step
/// of 1e-4 with one Richardson extrapolation. Means and variances: 400 draws each, within 5 standard errors of the
/// difference. A layer whose draws are all the same is not compared.
///
/// # Errors
/// The first law that is broken.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{Affine, testing::check_layer};
///
/// let layer = Affine::builder(3, 2).dtype(DType::F64).activation_fn(Tensor::tanh).seed(1).build()?;
/// check_layer(&layer, &Tensor::ones(&[4, 3], DType::F64))?;
/// # Ok::<(), tfn_layers::testing::LayerLawError>(())
/// ```
pub fn check_layer(layer: &dyn Layer, x: &Tensor) -> Result<(), LayerLawError> {
    check_calls(layer, x)?;
    estimates::check(layer, x)
}

/// [`check_layer`] without the comparison with weights drawn for each example, for a layer whose estimator leaves part of the variance out.
///
/// # Errors
/// The first law that is broken.
pub fn check_calls(layer: &dyn Layer, x: &Tensor) -> Result<(), LayerLawError> {
    let key = Key::from_seed(11);
    let input = Variable::new("x", x)?;
    check_purity(layer, x, &key)?;
    let gradients = objective(layer, &input.tensor(), &key)?.gradients()?;
    check_own(&layer.name(), &gradients, &layer.trainable_variables(), &input)?;
    for variable in layer.trainable_variables() {
        if gradients.get(&variable).is_none() {
            let (layer, variable) = (layer.name(), variable.name().to_string());
            return Err(LayerLawError::Unused { layer, variable });
        }
        let given = gradients.of(&variable).to_vec::<f64>()?;
        check_gradient(&layer.name(), &variable, &given, &|| {
            objective(layer, x, &key)?.item().map_err(Into::into)
        })?;
    }
    let given = gradients.of(&input).to_vec::<f64>()?;
    check_gradient(&layer.name(), &input, &given, &|| {
        objective(layer, &input.value(), &key)?.item().map_err(Into::into)
    })
}

fn objective(layer: &dyn Layer, x: &Tensor, key: &Key) -> Result<Tensor> {
    let output = layer.call_at(x, key)?.square().sum() * 0.5;
    Ok((output + layer.losses_at(key)?.cast(DType::F64)).check()?)
}

/// Fails if there are gradients of other variables than those that are handed over, and the input.
fn check_own(
    layer: &str,
    gradients: &Gradients,
    own: &[Variable],
    input: &Variable,
) -> Result<(), LayerLawError> {
    let own: BTreeSet<_> = own.iter().chain([input]).map(|variable| variable.id()).collect();
    let known = own.into_iter().filter(|id| gradients.contains(*id)).count();
    match gradients.len() - known {
        0 => Ok(()),
        foreign => Err(LayerLawError::Foreign { layer: layer.to_owned(), foreign }),
    }
}

fn check_purity(layer: &dyn Layer, x: &Tensor, key: &Key) -> Result<(), LayerLawError> {
    let first = (layer.call_at(x, key)?.to_f64_vec()?, layer.losses_at(key)?.item()?);
    layer.call_at(x, &Key::from_seed(99))?;
    let second = (layer.call_at(x, key)?.to_f64_vec()?, layer.losses_at(key)?.item()?);
    let keys = [Key::from_seed(99), key.clone()];
    let twice = Tensor::stack(&[x, x], 0);
    let [prepared, each] = [layer.prepare(x)(&keys)?, layer.call_each(&twice, &keys)?]
        .map(|both| both.narrow(0, 1, 1).to_f64_vec());
    let (prepared, each) = (prepared?, each?);
    for (holds, what) in [
        (first.0 == second.0, "the output"),
        (first.1 == second.1, "the loss"),
        (first.0 == prepared, "the prepared output"),
        (same(&first.0, &each), "the output of several keys"),
    ] {
        if !holds {
            return Err(LayerLawError::Impure { layer: layer.name(), what });
        }
    }
    Ok(())
}

/// Equal up to the order of a sum.
fn same(a: &[f64], b: &[f64]) -> bool {
    let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-12 * a.abs().max(1.0);
    a.len() == b.len() && a.iter().zip(b).all(near)
}

fn check_gradient(
    layer: &str,
    variable: &Variable,
    given: &[f64],
    objective: &dyn Fn() -> Result<f64>,
) -> Result<(), LayerLawError> {
    const STEP: f64 = 1e-4;
    let largest = given.iter().fold(1.0_f64, |m, g| m.max(g.abs()));
    let start = variable.value();
    let values = start.to_vec::<f64>()?;
    let at = |entry: usize, offset: f64| -> Result<f64> {
        let mut moved = values.clone();
        moved[entry] += offset;
        variable.assign(&Tensor::from_vec(moved, variable.shape()))?;
        objective()
    };
    let slope = |entry, h| -> Result<f64> { Ok((at(entry, h)? - at(entry, -h)?) / (2.0 * h)) };
    for (entry, &given) in given.iter().enumerate() {
        let expected = (4.0 * slope(entry, STEP / 2.0)? - slope(entry, STEP)?) / 3.0;
        variable.assign(&start)?;
        if (given - expected).is_nan() || (given - expected).abs() > 1e-6 * largest {
            let (layer, variable) = (layer.to_owned(), variable.name().to_string());
            return Err(LayerLawError::Gradient { layer, variable, entry, given, expected });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tfn_module::{Copies, DeepCopy, Module, Properties};

    use super::*;
    use crate::contract::Pass;
    use crate::{Affine, AffineVariationalReparameterizationLocal as Bayesian};

    /// A container that calls its layer, and may forget to hand it over.
    #[derive(Debug)]
    struct Container<L> {
        layer: L,
        forgets: bool,
        calls_by_pass: bool,
    }

    impl<L: Layer + DeepCopy + 'static> Module for Container<L> {
        fn class_name(&self) -> &'static str {
            "Container"
        }

        fn properties<'a>(&'a self, properties: &mut Properties<'a>) {
            if !self.forgets {
                properties.add("layer", &self.layer);
            }
        }
    }

    impl<L: DeepCopy> DeepCopy for Container<L> {
        fn deep_copy_with(&self, copies: &mut Copies) -> Self {
            Self { layer: self.layer.deep_copy_with(copies), ..*self }
        }
    }

    impl<L: Layer + DeepCopy + 'static> Layer for Container<L> {
        fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
            match self.calls_by_pass {
                true => pass.call("layer", &self.layer, x),
                false => self.layer.call_at(x, pass.key()?),
            }
        }
    }

    #[test]
    fn a_container_that_forgets_a_layer_is_refused() {
        let x = Key::from_seed(3).stream().normal(&[4, 3], DType::F64);
        let bayesian = || Bayesian::builder(3, 2).dtype(DType::F64).seed(1).build().unwrap();
        let affine = || Affine::builder(3, 2).dtype(DType::F64).seed(1).build().unwrap();
        for calls_by_pass in [true, false] {
            let forgetful = Container { layer: bayesian(), forgets: true, calls_by_pass };
            assert!(check_layer(&forgetful, &x).is_err(), "{calls_by_pass}");
            let forgetful = Container { layer: affine(), forgets: true, calls_by_pass };
            let error = check_layer(&forgetful, &x).unwrap_err();
            assert!(matches!(error, LayerLawError::Foreign { foreign: 2, .. }), "{error}");
        }
        let whole = Container { layer: bayesian(), forgets: false, calls_by_pass: true };
        check_layer(&whole, &x).unwrap();
    }

    #[test]
    fn layers_larger_than_memory_are_errors() {
        let many = 1 << 20;
        let error = Affine::builder(many, many).build().unwrap_err().to_string();
        assert!(error.contains("[1048576, 1048576]") && error.contains("bytes"), "{error}");
        let error = Bayesian::builder(many, many).build().unwrap_err().to_string();
        assert!(error.contains("[1048576, 1048576]") && error.contains("bytes"), "{error}");
        assert!(Affine::builder(usize::MAX, 2).build().is_err());
        assert!(Bayesian::builder(2, usize::MAX).build().is_err());
    }
}
