//! Variables seen through a bijector: unconstrained when trained, constrained when read.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tfn_module::{Copies, DeepCopy, Module, Properties, Property};
use tfn_tensor::{DType, Tensor, Variable};

use crate::bijectors::{Bijector, IntoBijector};
use crate::error::{DistributionError, Result};
use crate::parameter::Parameter;
use crate::parameter_source::ParameterSource;

/// A variable that is read through a bijector, so that training an unconstrained number moves a
/// constrained one.
///
/// Counterpart: `tfp.util.TransformedVariable`. The variable holds `bijector.inverse(value)`; what is
/// read is `bijector.forward(variable)`. It is computed once per version of the variables it is made
/// from, and all readers get that one node: the forward pass, the divergence and the log-density share
/// it, and the gradients of all of them reach the variable. Clones are the same variable.
///
/// # Examples
/// ```
/// use tfn_distributions::{TransformedVariable, bijectors::Softplus};
/// use tfn_tensor::{Tensor, Variable};
///
/// let scale = TransformedVariable::new(&Tensor::scalar(0.5), Softplus::new(), "scale")?;
/// assert!((scale.value().item()? - 0.5).abs() < 1e-12);
/// scale.variable().assign(&Tensor::scalar(-3.0))?;
/// assert!(scale.value().item()? > 0.0);
/// assert!(scale.value().gradients()?.get(scale.variable()).is_some());
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone)]
pub struct TransformedVariable(Arc<Inner>);

/// What all clones share, and parameters read.
pub(crate) struct Inner {
    pub(crate) variable: Variable,
    pub(crate) bijector: Arc<dyn Bijector>,
    /// Everything that the value depends on: the variable and those of the bijector.
    sources: Vec<Variable>,
    cache: Mutex<Option<Cached>>,
}

/// A value and the state of the sources that it was computed from.
struct Cached {
    state: Vec<(u64, bool)>,
    value: Tensor,
}

impl TransformedVariable {
    /// A trainable variable named `name` whose constrained value is `initial_value`.
    ///
    /// # Errors
    /// [`DistributionError::Argument`] if `initial_value` is not inside the range of the bijector, and
    /// [`DistributionError::Shape`] if the bijector widens its batch.
    pub fn new(
        initial_value: &Tensor,
        bijector: impl IntoBijector,
        name: impl Into<String>,
    ) -> Result<Self> {
        let bijector = bijector.into_bijector();
        let start = bijector.inverse(initial_value);
        if !start.all_finite()? {
            return Err(outside(initial_value, &start)?);
        }
        Self::from_variable(Variable::new(name, start)?, bijector)
    }

    /// The view of `variable`, which holds the unconstrained value, through `bijector`.
    ///
    /// # Errors
    /// [`DistributionError::Shape`] if the bijector does not take events of its shape, or widens its batch.
    pub fn from_variable(variable: Variable, bijector: impl IntoBijector) -> Result<Self> {
        let made = Self::make(variable, bijector.into_bijector());
        let value = made.value();
        let expected = made.shape()?;
        if value.shape()? != expected {
            return Err(DistributionError::Shape {
                family: "TransformedVariable",
                argument: "bijector",
                given: value.shape()?.to_vec(),
                expected: format!("{expected:?}"),
            });
        }
        Ok(made)
    }

    fn make(variable: Variable, bijector: Arc<dyn Bijector>) -> Self {
        let mut sources = vec![variable.clone()];
        sources.extend(bijector.variables());
        Self(Arc::new(Inner { variable, bijector, sources, cache: Mutex::default() }))
    }

    /// The unconstrained variable.
    pub fn variable(&self) -> &Variable {
        &self.0.variable
    }

    /// The bijector from the variable to the value.
    pub fn bijector(&self) -> &Arc<dyn Bijector> {
        &self.0.bijector
    }

    /// The shape of the constrained value.
    ///
    /// # Errors
    /// [`DistributionError::Shape`] if the bijector does not take events of the variable's shape.
    pub fn shape(&self) -> Result<Vec<usize>> {
        self.0.shape()
    }

    /// The constrained value: one tensor for all readers until a variable changes or is frozen.
    pub fn value(&self) -> Tensor {
        self.0.value()
    }

    /// Gives the variable the unconstrained value of `value`.
    ///
    /// # Errors
    /// [`DistributionError::Argument`] if `value` is not inside the range of the bijector, and the
    /// error of [`Variable::assign`] if it has another shape or type.
    pub fn assign(&self, value: &Tensor) -> Result<()> {
        let start = self.0.bijector.inverse(value);
        if !start.all_finite()? {
            return Err(outside(value, &start)?);
        }
        Ok(self.0.variable.assign(&start)?)
    }
}

/// The error that names the first entry of `value` without a finite `inverse`.
fn outside(value: &Tensor, inverse: &Tensor) -> Result<DistributionError> {
    let inverse = inverse.to_f64_vec()?;
    let index = inverse.iter().position(|entry| !entry.is_finite()).unwrap_or(0);
    let entry = value.to_f64_vec()?.get(index).copied().unwrap_or(f64::NAN);
    Ok(DistributionError::Argument {
        family: "TransformedVariable",
        argument: "initial_value",
        given: format!("{entry} at entry {index}"),
        expected: "numbers inside the range of the bijector".into(),
    })
}

impl Inner {
    /// The view of `variable` through `bijector`, as [`TransformedVariable::from_variable`].
    pub(crate) fn new(variable: Variable, bijector: Arc<dyn Bijector>) -> Result<Option<Self>> {
        Ok(Arc::into_inner(TransformedVariable::from_variable(variable, bijector)?.0))
    }

    fn state(&self) -> Vec<(u64, bool)> {
        self.sources.iter().map(|source| (source.version(), source.is_trainable())).collect()
    }
}

impl ParameterSource for Inner {
    fn value(&self) -> Tensor {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.state();
        if let Some(cached) = cache.as_ref().filter(|cached| cached.state == before) {
            return cached.value.clone();
        }
        let value = self.bijector.forward(&self.variable.tensor());
        // A write between the two looks leaves a value of unknown version: good for this reader only.
        let after = self.state();
        *cache = (before == after).then(|| Cached { state: after, value: value.clone() });
        value
    }

    fn shape(&self) -> Result<Vec<usize>> {
        self.bijector.forward_shape(self.variable.shape())
    }

    fn dtype(&self) -> Result<DType> {
        Ok(self.variable.dtype())
    }

    /// Whether both are one variable seen through one bijector.
    fn is_same(&self, other: &dyn ParameterSource) -> bool {
        other.downcast_ref::<Self>().is_some_and(|other| {
            self.variable == other.variable && self.bijector.is_same(other.bijector.as_ref())
        })
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransformedVariable({:?}, {:?})", self.variable, self.bijector)
    }
}

impl Module for Inner {
    fn name(&self) -> String {
        "transformed_variable".into()
    }

    fn properties<'a>(&'a self, properties: &mut Properties<'a>) {
        properties.add("bijector", &self.bijector).add("pretransformed_input", &self.variable);
    }
}

impl DeepCopy for Inner {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        let variable = self.variable.deep_copy_with(copies);
        let bijector = self.bijector.deep_copy_with(copies);
        let mut sources = vec![variable.clone()];
        sources.extend(bijector.variables());
        Self { variable, bijector, sources, cache: Mutex::default() }
    }
}

impl Property for TransformedVariable {
    fn visit<'a>(&'a self, properties: &mut Properties<'a>) {
        self.0.visit(properties);
    }
}

impl DeepCopy for TransformedVariable {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        Self(self.0.deep_copy_with(copies))
    }
}

impl fmt::Debug for TransformedVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<TransformedVariable> for Parameter {
    fn from(variable: TransformedVariable) -> Self {
        Self::from_source(variable.0)
    }
}

impl From<&TransformedVariable> for Parameter {
    fn from(variable: &TransformedVariable) -> Self {
        variable.clone().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Parameter;
    use crate::bijectors::{Chain, Scale, Shift, Softplus};

    fn scale(value: f64) -> TransformedVariable {
        let bijector = Chain::new([Shift::new(1e-5).unwrap().into(), Softplus::new().into()]);
        TransformedVariable::new(
            &Tensor::full(&[2], value, tfn_tensor::DType::F64),
            bijector,
            "scale",
        )
        .unwrap()
    }

    fn address(tensor: &Tensor) -> *const f64 {
        tensor.data::<f64>().unwrap().as_ptr()
    }

    #[test]
    fn readers_share_one_value_per_version() {
        let scale = scale(0.3);
        let (first, second) = (scale.value(), scale.clone().value());
        assert_eq!(address(&first), address(&second));
        let reader = Parameter::from(&scale);
        assert_eq!(address(&first), address(&reader.value()));
        scale.variable().update::<f64>(|entries| entries[0] = 2.0).unwrap();
        let third = scale.value().to_vec::<f64>().unwrap();
        assert!((third[0] - (1.0 + 2.0_f64.exp()).ln() - 1e-5).abs() < 1e-14);
        assert!((third[1] - 0.3).abs() < 1e-12);
    }

    #[test]
    fn freezing_cuts_the_graph_and_thawing_restores_it() {
        let scale = scale(0.3);
        assert!(scale.value().is_tracked());
        scale.variable().set_trainable(false);
        assert!(!scale.value().is_tracked());
        scale.variable().set_trainable(true);
        let gradient = scale.value().sum().gradients().unwrap().of(scale.variable());
        assert!(gradient.to_vec::<f64>().unwrap().iter().all(|&slope| slope > 0.0));
    }

    #[test]
    fn a_variable_of_the_bijector_refreshes_the_value_too() {
        let factor = Variable::new("factor", Tensor::scalar(2.0)).unwrap();
        let scale =
            TransformedVariable::new(&Tensor::scalar(6.0), Scale::new(&factor).unwrap(), "x")
                .unwrap();
        assert_eq!(scale.value().item().unwrap(), 6.0);
        factor.assign(&Tensor::scalar(5.0)).unwrap();
        assert_eq!(scale.value().item().unwrap(), 15.0);
        assert!(scale.value().gradients().unwrap().get(&factor).is_some());
    }

    #[test]
    fn a_value_outside_the_range_is_an_error_that_shows_it() {
        let bijector = Chain::new([Shift::new(1e-5).unwrap().into(), Softplus::new().into()]);
        let value = Tensor::from_vec(vec![1.0, -1.0], &[2]);
        let error = TransformedVariable::new(&value, bijector, "scale").unwrap_err();
        assert!(error.to_string().contains("-1 at entry 1"), "{error}");
        assert!(scale(1.0).assign(&value).is_err());
        let wide = Scale::new(Tensor::from_vec(vec![1.0, 2.0], &[2])).unwrap();
        let narrow = Variable::new("x", Tensor::scalar(1.0)).unwrap();
        assert!(matches!(
            TransformedVariable::from_variable(narrow, wide),
            Err(DistributionError::Shape { argument: "bijector", .. })
        ));
    }

    #[test]
    fn assigning_goes_through_the_inverse() {
        let scale = scale(1.0);
        scale.assign(&Tensor::from_vec(vec![0.25, 4.0], &[2])).unwrap();
        let value = scale.value().to_vec::<f64>().unwrap();
        assert!((value[0] - 0.25).abs() < 1e-12 && (value[1] - 4.0).abs() < 1e-12);
    }

    #[test]
    fn a_deep_copy_has_its_own_variable_and_keeps_what_was_shared() {
        let scale = scale(0.3);
        let pair = (scale.clone(), scale.clone());
        let copy = tfn_module::deep_copy(&pair).unwrap();
        assert_ne!(copy.0.variable(), scale.variable());
        assert_eq!(copy.0.variable(), copy.1.variable());
        assert_eq!(address(&copy.0.value()), address(&copy.1.value()));
        copy.0.variable().update::<f64>(|entries| entries.fill(9.0)).unwrap();
        assert!((scale.value().to_vec::<f64>().unwrap()[0] - 0.3).abs() < 1e-12);
    }
}
