//! The contract of a distribution: the trait, and the types in its signatures.

mod family;
mod given;
mod into_distribution;
mod joint_model;
mod joint_part;
mod kl_rule;
mod numbers;
mod shapes;
mod structure;
pub(crate) mod validation;
mod wrapper;

pub use into_distribution::{IntoDistribution, IntoDistributions};
pub use joint_model::JointModel;
pub use joint_part::{Earlier, JointPart};
pub(crate) use kl_rule::type_of;
pub use kl_rule::{KlDivergence, KlRule};
pub use structure::{Structure, Support};
pub use wrapper::Wrapper;

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use tfn_module::{CopyArc, Module};
use tfn_tensor::random::{Key, Stream};
use tfn_tensor::{DType, Tensor};

use crate::error::{DistributionError, Result};
use crate::gaussian::LinearNormal;
use crate::parameter::ParameterSpec;

/// Whether gradients flow through samples to the parameters.
///
/// Counterpart: `tfp.distributions.ReparameterizationType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reparameterization {
    /// A sample is a differentiable function of the parameters and of noise without parameters.
    Fully,
    /// Samples are not drawn by a differentiable function, but have gradients all the same: when the parameters change,
    /// a sample moves as the quantile does whose value it is. Functions of such samples count too. Figurnov, Mohamed
    /// and Mnih (2018), "Implicit Reparameterization Gradients". In TFP this is not told apart from `Fully`.
    Implicitly,
    /// Samples are constants.
    Not,
}

impl Reparameterization {
    /// Whether gradients flow, in whichever way.
    pub fn is_differentiable(self) -> bool {
        self != Self::Not
    }
}

/// A batch of probability distributions over tensors.
///
/// Counterpart: `tfp.distributions.Distribution`. It is a [`Module`]: the variables behind its parameters
/// are its variables.
///
/// An author writes [`parameters`](Self::parameters), [`log_prob_of`](Self::log_prob_of) and
/// [`sample_of`](Self::sample_of), and further methods where there is a closed form. Shapes follow from the parameters.
/// A method that is left out returns an error that names the family and the method
/// ([`DistributionError::Unsupported`]).
///
/// # Shapes
/// One distribution's outcome has the *event shape*; the *batch shape* is that of the independent, differently
/// parameterized copies; `sample(s)` gives `s + batch + event`, and `log_prob` of that `s + batch`.
///
/// # Examples
/// A family of one's own:
/// ```
/// use tfn_distributions::module::Module;
/// use tfn_distributions::tensor::{Stream, Tensor};
/// use tfn_distributions::{Distribution, Parameter, ParameterSpec, Result};
///
/// #[derive(Debug, Module)]
/// struct Exponential {
///     rate: Parameter,
/// }
///
/// impl Distribution for Exponential {
///     fn parameters(&self) -> Vec<ParameterSpec<'_>> {
///         vec![self.rate.positive("rate")]
///     }
///     fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
///         let rate = self.rate.value();
///         let zero = &rate * 0.0;
///         let inside = rate.ln() - &rate * x;
///         Ok(Tensor::select(&x.ge(&zero), &inside, &(zero + f64::NEG_INFINITY)))
///     }
///     fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
///         Ok(-stream.uniform_open(shape, self.dtype()?).ln() / self.rate.value())
///     }
/// }
///
/// let waiting = Exponential { rate: 2.0.into() }.checked()?;
/// assert_eq!(waiting.log_prob(&Tensor::scalar(0.5))?.item()?, 2.0_f64.ln() - 1.0);
/// assert_eq!(waiting.sample(&[3], &mut Stream::from_seed(1))?.shape()?, [3]);
/// assert_eq!(waiting.mean().unwrap_err().to_string(), "Exponential has no mean");
/// assert!(Exponential { rate: (-2.0).into() }.checked().is_err());
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
pub trait Distribution: Module + Debug + DistributionCopy {
    /// Name of the family: that of the type, `"Normal"`.
    fn family(&self) -> &'static str {
        self.class_name()
    }

    /// The parameters, with their names, constraints and event axes.
    ///
    /// Wrappers of other distributions have none; they give shapes and type of their own.
    fn parameters(&self) -> Vec<ParameterSpec<'_>>;

    /// The log-density (or log-mass) at `x`, which has been checked: its type is right and its shape
    /// broadcasts with `batch + event`.
    ///
    /// Where the density of an event is a product over its entries, the terms may be returned as they
    /// are, in the shape of the events: [`log_prob`](Self::log_prob) adds them.
    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor>;

    /// A sample of `shape`, which is `sample + batch + event`.
    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor>;

    /// Type of the events and parameters.
    fn dtype(&self) -> Result<DType> {
        validation::dtype(&self)
    }

    /// Shape of the batch.
    fn batch_shape(&self) -> Result<Vec<usize>> {
        shapes::batch_of(&self)
    }

    /// Shape of one event.
    fn event_shape(&self) -> Result<Vec<usize>> {
        shapes::event_of(&self)
    }

    /// The log-density (or log-mass) at `value`.
    ///
    /// # Shapes
    /// `value` broadcasts with `batch + event` and ends in the event shape; the result has the shape of
    /// both without the event.
    ///
    /// # Errors
    /// [`DistributionError::Shape`] or [`DistributionError::DType`] if `value` cannot be a value of this distribution;
    /// under [`validate_args`](Self::validate_args) also [`DistributionError::Argument`] for parameters outside their
    /// range or a NaN in `value`.
    fn log_prob(&self, value: &Tensor) -> Result<Tensor> {
        given::log_prob(&self, value)
    }

    /// The density (or mass) at `value`: `exp(log_prob(value))`.
    fn prob(&self, value: &Tensor) -> Result<Tensor> {
        given::prob(&self, value)
    }

    /// Independent samples, `sample_shape` of them.
    ///
    /// # Errors
    /// Under [`validate_args`](Self::validate_args) [`DistributionError::Argument`] for parameters outside
    /// their range.
    fn sample(&self, sample_shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        given::sample(&self, sample_shape, stream)
    }

    /// Expected value. All statistics have the shape `batch + event`.
    fn mean(&self) -> Result<Tensor> {
        unsupported(self.family(), "mean")
    }

    /// Variance of each entry.
    fn variance(&self) -> Result<Tensor> {
        unsupported(self.family(), "variance")
    }

    /// Standard deviation of each entry.
    fn stddev(&self) -> Result<Tensor> {
        given::stddev(&self)
    }

    /// Covariances of the entries of an event that is a vector `[k]`, of the shape `batch + [k, k]`.
    fn covariance(&self) -> Result<Tensor> {
        unsupported(self.family(), "covariance")
    }

    /// An outcome of highest density.
    fn mode(&self) -> Result<Tensor> {
        unsupported(self.family(), "mode")
    }

    /// Shannon entropy in nats, of the shape of the batch.
    fn entropy(&self) -> Result<Tensor> {
        unsupported(self.family(), "entropy")
    }

    /// Probability of an outcome of at most `value`.
    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        let _ = value;
        unsupported(self.family(), "cdf")
    }

    /// Logarithm of [`cdf`](Self::cdf).
    fn log_cdf(&self, value: &Tensor) -> Result<Tensor> {
        given::log_cdf(&self, value)
    }

    /// Probability of an outcome above `value`.
    fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
        given::survival_function(&self, value)
    }

    /// Logarithm of [`survival_function`](Self::survival_function).
    fn log_survival_function(&self, value: &Tensor) -> Result<Tensor> {
        given::log_survival_function(&self, value)
    }

    /// The outcome below which the probability is `p`.
    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        let _ = p;
        unsupported(self.family(), "quantile")
    }

    /// The outcome above which the probability is `p`: the quantile of `1 − p`, with the digits of a small `p` where the
    /// family has them.
    ///
    /// Counterpart: none; `isf` of `scipy.stats`.
    fn inverse_survival_function(&self, p: &Tensor) -> Result<Tensor> {
        given::inverse_survival_function(&self, p)
    }

    /// Whether gradients flow through samples to the parameters.
    fn reparameterization(&self) -> Reparameterization {
        Reparameterization::Not
    }

    /// Which outcomes there are: numbers unless the family says otherwise.
    fn support(&self) -> Support {
        Support::Continuous
    }

    /// Whether values of variables and arguments are checked whenever they are read.
    fn validate_args(&self) -> bool {
        false
    }

    /// Checks the present values of all parameters against their constraints.
    ///
    /// # Errors
    /// [`DistributionError::Argument`] that names the parameter, its value and what was expected.
    fn check_values(&self) -> Result<()> {
        validation::all_values(&self)
    }

    /// The distribution itself if its parameters' types agree, their shapes broadcast, and those that never
    /// change (numbers and tensors) lie where they may: for the end of a constructor.
    ///
    /// # Errors
    /// [`DistributionError::Argument`], [`DistributionError::Shapes`], [`DistributionError::DType`].
    fn checked(self) -> Result<Self>
    where
        Self: Sized,
    {
        validation::construction(&&self)?;
        Ok(self)
    }

    /// `tensor` in the shape `batch + event`, for statistics that depend on some parameters only.
    fn spread(&self, tensor: &Tensor) -> Result<Tensor> {
        given::spread(&self, tensor)
    }

    /// The rules for KL divergences that this family brings, both those with it as `q` and those with it as `p`.
    fn kl_rules(&self) -> &'static [KlRule] {
        &[]
    }

    /// The same distribution as a member of a more general family, whose KL rules hold for this one too.
    fn parent(&self) -> Option<Arc<dyn Distribution>> {
        None
    }

    /// How it is made from other distributions, if it is.
    fn structure(&self) -> Structure {
        Structure::Simple
    }

    /// The parts of a joint distribution with their names, and how they depend on each other; `None` if this is not
    /// a joint one.
    fn joint(&self) -> Option<&JointModel> {
        None
    }

    /// The parts of a joint distribution of independent parts; `None` if this is not such a one.
    fn parts(&self) -> Option<&[Arc<dyn Distribution>]> {
        self.joint().and_then(JointModel::independent)
    }

    /// `(loc, scale)` of the shape `batch + event` if all entries are independent normals.
    ///
    /// Layers that draw pre-activations instead of weights ask for this, and so does the last KL rule.
    fn elementwise_normal(&self) -> Option<(Tensor, Tensor)> {
        None
    }

    /// The tensors of a normal distribution of vectors, if this is one; any two such have a
    /// [`kl_divergence`](crate::kl_divergence).
    ///
    /// The given method knows them for vectors whose entries are all independent normals.
    fn linear_normal(&self) -> Option<Result<LinearNormal>> {
        given::linear_normal(&self)
    }

    /// The log-density of each entry of `x`, if all entries are independent: in the shape that `x` and
    /// `batch + event` broadcast to.
    fn elementwise_log_prob(&self, x: &Tensor) -> Option<Result<Tensor>> {
        given::elementwise_log_prob(&self, x)
    }

    /// `log P(outcome is class k)` of the shape `batch + [classes]` if the outcome is one of several classes, whichever
    /// way it is written: as a label, as a row with a single 1, as a coin's 0 or 1.
    ///
    /// Predictions of classes ask for this: their probabilities are averaged, not their labels.
    fn class_log_probs(&self) -> Option<Result<Tensor>> {
        None
    }

    /// Samples of the parts of a joint distribution, in their order; for any other distribution a single sample.
    ///
    /// Part `i` draws from `key.index(i)`, a distribution that is not joint from `key` itself.
    fn sample_parts(&self, sample_shape: &[usize], key: &Key) -> Result<Vec<Tensor>> {
        given::sample_parts(&self, sample_shape, key)
    }

    /// The log-density at one value for each part; the densities of the parts add up.
    ///
    /// # Errors
    /// [`DistributionError::Parts`] if there is not one value for each part.
    fn log_prob_parts(&self, values: &[Tensor]) -> Result<Tensor> {
        given::log_prob_parts(&self, values)
    }
}

fn unsupported<T>(family: &'static str, method: &'static str) -> Result<T> {
    Err(DistributionError::Unsupported { family, method })
}

tfn_module::open_trait!(Distribution, DistributionCopy);

impl dyn Distribution {
    /// The distribution as `D`, if it is one.
    pub fn downcast_ref<D: Distribution>(&self) -> Option<&D> {
        (self as &dyn Any).downcast_ref()
    }

    /// The same distribution, over the same variables, with its bare numbers in `dtype`; `None` if it is made of
    /// anything else of another type.
    ///
    /// `Normal::new(0.0, 1.0)` by itself is of type `f64`. It takes the type of what it is used with: of the value at
    /// which its density is computed, of the other side of a divergence, of the layer whose prior it is.
    ///
    /// # Examples
    /// ```
    /// use tfn_distributions::{Distribution, Normal, kl_divergence};
    /// use tfn_tensor::{DType, Tensor};
    ///
    /// let prior = Normal::new(0.0, 1.0)?;
    /// let single = (&prior as &dyn Distribution).with_numbers_as(DType::F32);
    /// assert_eq!(single.unwrap().dtype()?, DType::F32);
    /// // Where it meets another type it takes that by itself.
    /// assert_eq!(prior.log_prob(&Tensor::scalar(1.0_f32))?.dtype()?, DType::F32);
    /// let posterior = Normal::new(Tensor::scalar(1.0_f32), 1.0)?;
    /// assert_eq!(kl_divergence(&posterior, &prior)?.to_vec::<f32>()?, [0.5]);
    /// # Ok::<(), tfn_distributions::DistributionError>(())
    /// ```
    pub fn with_numbers_as(&self, dtype: DType) -> Option<Arc<dyn Distribution>> {
        numbers::with_numbers_as(dtype, |copies| self.copy_arc(copies))
    }
}
