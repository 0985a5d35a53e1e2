//! Parameters of distributions: numbers, tensors, variables, and whatever else has a value.

mod field;

use std::fmt;
use std::sync::Arc;

use nalgebra::{DMatrix, DVector};
use tfn_module::{Copies, DeepCopy, Properties, Property};
use tfn_tensor::{DType, Element, Tensor, Variable};

use crate::constraint::Constraint;
use crate::error::Result;
use crate::parameter_source::ParameterSource;

/// A parameter of a distribution or bijector: a number, a tensor, a [`Variable`], a
/// [`TransformedVariable`](crate::TransformedVariable), or a [`ParameterSource`] of another crate.
///
/// Clones of a parameter read the same variable. Everything that takes a parameter takes
/// `impl Into<Parameter>`.
///
/// # Examples
/// ```
/// use tfn_distributions::{Normal, Parameter};
/// use tfn_tensor::{DType, Tensor, Variable};
///
/// let loc = Variable::new("loc", Tensor::from_vec(vec![0.0_f32, 1.0], &[2]))?;
/// let normal = Normal::new(&loc, 0.5)?; // the number adopts the variable's type
/// let [_, scale] = Parameter::unify([Parameter::from(&loc), Parameter::from(0.5)]);
/// assert_eq!(scale.dtype()?, DType::F32);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone)]
pub struct Parameter(Source);

#[derive(Clone)]
enum Source {
    /// A bare number, which adopts the type of what it meets.
    Number(Tensor),
    Tensor(Tensor),
    Variable(Variable),
    /// What computes its value from variables.
    Computed(Arc<dyn ParameterSource>),
}

impl Parameter {
    /// The same in `f64`, with its gradients.
    pub(crate) fn widened(&self) -> Self {
        self.value().cast(DType::F64).into()
    }

    /// The parameter that reads `source`.
    pub fn from_source(source: Arc<dyn ParameterSource>) -> Self {
        Self(Source::Computed(source))
    }

    /// Its present value, tracked if it is a trainable variable.
    pub fn value(&self) -> Tensor {
        match &self.0 {
            Source::Number(tensor) | Source::Tensor(tensor) => tensor.clone(),
            Source::Variable(variable) => variable.tensor(),
            Source::Computed(source) => source.value(),
        }
    }

    /// Its present value; a bare number takes the type of `other`.
    pub fn value_like(&self, other: &Tensor) -> Tensor {
        match (&self.0, other.dtype()) {
            (Source::Number(tensor), Ok(dtype)) => tensor.cast(dtype),
            _ => self.value(),
        }
    }

    /// Its shape.
    ///
    /// # Errors
    /// The error that its tensor carries.
    pub fn shape(&self) -> Result<Vec<usize>> {
        Ok(match &self.0 {
            Source::Number(tensor) | Source::Tensor(tensor) => tensor.shape()?.to_vec(),
            Source::Variable(variable) => variable.shape().to_vec(),
            Source::Computed(source) => source.shape()?,
        })
    }

    /// Its type.
    ///
    /// # Errors
    /// The error that its tensor carries.
    pub fn dtype(&self) -> Result<DType> {
        Ok(match &self.0 {
            Source::Number(tensor) | Source::Tensor(tensor) => tensor.dtype()?,
            Source::Variable(variable) => variable.dtype(),
            Source::Computed(source) => source.dtype()?,
        })
    }

    /// Whether its value never changes: it is a number or a tensor, and reads no variable.
    pub fn is_fixed(&self) -> bool {
        matches!(self.0, Source::Number(_) | Source::Tensor(_))
    }

    /// Whether both always have the same value: they read one variable or source, or are fixed and equal.
    pub fn is_same(&self, other: &Self) -> bool {
        let bits = |tensor: &Tensor| {
            let values = tensor.to_f64_vec().ok()?;
            let shape = tensor.shape().ok()?.to_vec();
            Some((shape, values.iter().map(|value| value.to_bits()).collect::<Vec<_>>()))
        };
        match (&self.0, &other.0) {
            (Source::Variable(a), Source::Variable(b)) => a == b,
            (Source::Computed(a), Source::Computed(b)) => {
                Arc::ptr_eq(a, b) || a.is_same(b.as_ref())
            }
            (Source::Number(a) | Source::Tensor(a), Source::Number(b) | Source::Tensor(b)) => {
                !a.is_tracked() && !b.is_tracked() && bits(a).is_some_and(|a| Some(a) == bits(b))
            }
            _ => false,
        }
    }

    /// The same parameters with one type: bare numbers adopt that of the first other one.
    ///
    /// If all are bare numbers, they are `f32` if all of them are, `f64` otherwise. Tensors and
    /// variables of different types stay as they are.
    #[must_use]
    pub fn unify<const N: usize>(parameters: [Self; N]) -> [Self; N] {
        let is_number = |parameter: &&Self| matches!(parameter.0, Source::Number(_));
        let leader = parameters.iter().find(|parameter| !is_number(parameter));
        let wide =
            || parameters.iter().find(|parameter| parameter.dtype().ok() == Some(DType::F64));
        let Some(dtype) = leader.or_else(wide).and_then(|parameter| parameter.dtype().ok()) else {
            return parameters;
        };
        parameters.map(|parameter| match parameter.0 {
            Source::Number(tensor) => Self(Source::Number(tensor.cast(dtype))),
            source => Self(source),
        })
    }
}

impl From<f64> for Parameter {
    fn from(number: f64) -> Self {
        Self(Source::Number(Tensor::scalar(number)))
    }
}

impl From<f32> for Parameter {
    fn from(number: f32) -> Self {
        Self(Source::Number(Tensor::scalar(number)))
    }
}

impl From<Tensor> for Parameter {
    fn from(tensor: Tensor) -> Self {
        Self(Source::Tensor(tensor))
    }
}

impl<E: Element> From<DVector<E>> for Parameter {
    /// A tensor of shape `[len]`.
    fn from(vector: DVector<E>) -> Self {
        Tensor::from(vector).into()
    }
}

impl<E: Element> From<DMatrix<E>> for Parameter {
    /// A tensor `[rows, columns]`, as the matrix is written.
    fn from(matrix: DMatrix<E>) -> Self {
        Tensor::from_matrix(&matrix).into()
    }
}

impl From<Variable> for Parameter {
    fn from(variable: Variable) -> Self {
        Self(Source::Variable(variable))
    }
}

macro_rules! from_reference {
    ($($source:ty),*) => { $(
        impl From<&$source> for Parameter {
            fn from(source: &$source) -> Self {
                source.clone().into()
            }
        }
    )* };
}
from_reference!(Tensor, Variable, Parameter);

impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Number(tensor) | Source::Tensor(tensor) => tensor.fmt(f),
            Source::Variable(variable) => variable.fmt(f),
            Source::Computed(source) => source.fmt(f),
        }
    }
}

impl Property for Parameter {
    fn visit<'a>(&'a self, properties: &mut Properties<'a>) {
        match &self.0 {
            Source::Number(_) | Source::Tensor(_) => {}
            Source::Variable(variable) => variable.visit(properties),
            Source::Computed(source) => source.visit(properties),
        }
    }
}

impl DeepCopy for Parameter {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        if let Some(numbers) = copies.change::<NumbersAs>() {
            if let Source::Number(number) = &self.0 {
                return Self(Source::Number(number.cast(numbers.dtype)));
            }
            numbers.met_others |= self.dtype().ok() != Some(numbers.dtype);
        }
        Self(match &self.0 {
            Source::Variable(variable) => Source::Variable(variable.deep_copy_with(copies)),
            Source::Computed(source) => Source::Computed(source.deep_copy_with(copies)),
            fixed => fixed.clone(),
        })
    }
}

/// A copy's change: bare numbers in another type.
pub(crate) struct NumbersAs {
    pub(crate) dtype: DType,
    /// Whether a tensor or variable of another type was met, which no copy changes.
    pub(crate) met_others: bool,
}

/// What a distribution says of one of its parameters: name, constraint, and how many of its last
/// axes belong to one event.
///
/// Counterpart: `tfp.util.ParameterProperties`.
///
/// # Examples
/// ```
/// use tfn_distributions::Parameter;
///
/// let scale = Parameter::from(0.5);
/// let spec = scale.positive("scale_diag").event_ndims(1);
/// assert_eq!((spec.name, spec.event_ndims), ("scale_diag", 1));
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ParameterSpec<'a> {
    /// Its name, as the constructor's argument.
    pub name: &'static str,
    /// The parameter.
    pub parameter: &'a Parameter,
    /// The numbers it may take.
    pub constraint: Constraint,
    /// How many of its last axes belong to one event.
    pub event_ndims: usize,
}

impl ParameterSpec<'_> {
    /// The same with `ndims` last axes that belong to one event; without this call it is none.
    #[must_use]
    pub fn event_ndims(self, ndims: usize) -> Self {
        Self { event_ndims: ndims, ..self }
    }
}

macro_rules! specs {
    ($($(#[$doc:meta])* $method:ident: $constraint:ident;)*) => { $(
        $(#[$doc])*
        pub fn $method(&self, name: &'static str) -> ParameterSpec<'_> {
            let constraint = Constraint::$constraint;
            ParameterSpec { name, parameter: self, constraint, event_ndims: 0 }
        }
    )* };
}

/// What a family says of the parameter that its constructor calls `name`.
impl Parameter {
    specs! {
        /// Its numbers are finite.
        real: Real;
        /// Its numbers may be infinite, such as logits.
        extended: Extended;
        /// Its numbers are positive.
        positive: Positive;
        /// Its numbers are at least 0.
        non_negative: NonNegative;
        /// Its numbers are whole and at least 0.
        count: Count;
        /// Its numbers lie in `[0, 1]`.
        unit_interval: UnitInterval;
        /// Its rows are probabilities.
        simplex: Simplex;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Distribution, DistributionError, Independent, Normal, Sample, kl_divergence};
    use tfn_module::Module;

    #[test]
    fn numbers_adopt_the_type_of_tensors_and_variables() {
        let tensor = Tensor::scalar(1.0_f32);
        let [a, b] = Parameter::unify([0.1.into(), tensor.into()]);
        assert_eq!((a.dtype().unwrap(), b.dtype().unwrap()), (DType::F32, DType::F32));
        assert_eq!(a.value().to_vec::<f32>().unwrap(), [0.1_f32]);
        let [a, b] = Parameter::unify([0.1_f32.into(), 0.2_f32.into()]);
        assert_eq!((a.dtype().unwrap(), b.dtype().unwrap()), (DType::F32, DType::F32));
        let [a, b] = Parameter::unify([0.5_f32.into(), 0.2.into()]);
        assert_eq!((a.dtype().unwrap(), b.dtype().unwrap()), (DType::F64, DType::F64));
    }

    #[test]
    fn distributions_of_bare_numbers_take_the_type_of_what_they_meet() {
        let one = [DType::F32, DType::F64].map(|dtype| Tensor::full(&[2], 0.3, dtype));
        let plain = Independent::new(Sample::new(Normal::new(0.1, 0.7).unwrap(), &[2]).unwrap(), 0);
        let plain: &dyn Distribution = &plain.unwrap();
        let scale = Variable::new("scale", one[0].clone()).unwrap();
        let other = Independent::new(Normal::new(0.2, &scale).unwrap(), 1).unwrap();
        let log_probs = one.clone().map(|x| plain.log_prob(&x).unwrap());
        assert_eq!(log_probs[0].dtype().unwrap(), DType::F32);
        let [single, double] = log_probs.map(|log_prob| log_prob.item().unwrap());
        assert!((single - double).abs() < 1e-6);
        // A copy is over the same variables; what is not a number keeps its type, and so the error.
        let twin = (&other as &dyn Distribution).with_numbers_as(DType::F32).unwrap();
        assert_eq!(twin.variables(), std::slice::from_ref(&scale));
        assert!((&other as &dyn Distribution).with_numbers_as(DType::F64).is_none());
        assert!(matches!(other.log_prob(&one[1]), Err(DistributionError::DType { .. })));
        for [q, p] in [[&other, plain], [plain, &other as &dyn Distribution]] {
            let single = kl_divergence(q, p).unwrap();
            assert_eq!(single.dtype().unwrap(), DType::F32);
            // 0.3 and 0.7 as scales, 0.1 apart.
            let (s, t) = if std::ptr::addr_eq(q, plain) { (0.7, 0.3) } else { (0.3, 0.7) };
            let by_hand: f64 = f64::ln(t / s) + (s * s + 0.01) / (2.0 * t * t) - 0.5;
            assert!((single.item().unwrap() - 2.0 * by_hand).abs() < 1e-5);
        }
        // Of two types of numbers the wider one.
        let [a, b] = [Normal::new(0.0_f32, 1.0_f32), Normal::new(0.0, 1.0)].map(|d| d.unwrap());
        assert_eq!(kl_divergence(&a, &b).unwrap().dtype().unwrap(), DType::F64);
        assert_eq!(kl_divergence(&b, &a).unwrap().item().unwrap(), 0.0);
    }

    #[test]
    fn tensors_of_two_types_stay_apart() {
        let pair = [Tensor::scalar(1.0_f32).into(), Tensor::scalar(1.0).into()];
        let [a, b] = Parameter::unify(pair);
        assert_eq!((a.dtype().unwrap(), b.dtype().unwrap()), (DType::F32, DType::F64));
    }

    #[test]
    fn sameness_is_that_of_the_variable_or_of_fixed_values() {
        let v = Variable::new("v", Tensor::scalar(1.0)).unwrap();
        let one = Parameter::from(1.0);
        assert!(Parameter::from(&v).is_same(&(&v).into()));
        assert!(!Parameter::from(&v).is_same(&v.deep_copy().into()));
        assert!(!Parameter::from(&v).is_same(&one));
        assert!(one.is_same(&Tensor::scalar(1.0).into()));
        assert!(!one.is_same(&2.0.into()));
        assert!(!Parameter::from(v.tensor()).is_same(&one));
    }
    /// A variable, doubled.
    #[derive(Debug, Module)]
    struct Twice(Variable);

    impl ParameterSource for Twice {
        fn value(&self) -> Tensor {
            self.0.tensor() * 2.0
        }
    }

    #[test]
    fn a_source_is_shared_by_those_that_read_it() {
        let source = Arc::new(Twice(Variable::new("v", Tensor::scalar(1.5_f32)).unwrap()));
        let parameter = Parameter::from_source(source.clone());
        assert_eq!((parameter.shape().unwrap(), parameter.dtype().unwrap()), (vec![], DType::F32));
        assert!(!parameter.is_fixed() && parameter.is_same(&parameter.clone()));
        assert!(parameter.is_same(&Parameter::from_source(source.clone())));
        let copies = tfn_module::deep_copy(&(parameter.clone(), parameter.clone())).unwrap();
        assert!(copies.0.is_same(&copies.1) && !copies.0.is_same(&parameter));
        source.0.assign(&Tensor::scalar(4.0_f32)).unwrap();
        assert_eq!(parameter.value().item().unwrap(), 8.0);
        assert_eq!(copies.1.value().item().unwrap(), 3.0);
    }
}
