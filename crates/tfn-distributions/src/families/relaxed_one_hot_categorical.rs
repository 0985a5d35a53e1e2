//! The relaxed one-hot categorical (concrete) distribution, and that of its logarithm.

use tfn_module::Module;
use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Tensor};

use super::dirichlet::{on_simplex, sums_to_one};
use super::logits_or_probs::LogitsOrProbs;
use crate::constraint::Constraint;
use crate::distribution::{Distribution, Reparameterization, Support, validation};
use crate::error::{DistributionError, Result};
use crate::masking::{all_last, branch, constant, only_where, unless_nan_in_row};
use crate::parameter::{Parameter, ParameterSpec};
use crate::special::lgamma;

/// The one-hot categorical distribution relaxed to all rows of probabilities: softmaxes of noisy log-odds over a
/// `temperature`.
///
/// Counterpart: `tfp.distributions.RelaxedOneHotCategorical`. Samples are `softmax((ln π + G)/temperature)` for Gumbel
/// noise `G`, differentiable in all parameters; the density is that of all entries but the last, for rows of at least 0
/// that sum to 1 up to the square root of the type's precision.
///
/// ```text
/// log p(x) = ln Γ(K) + (K − 1) ln λ + Σ ln softmax(ln π − λ ln x)ₖ − Σ ln xₖ,   λ = temperature
/// ```
///
/// Samples at low temperatures lie so near a corner that entries round to 0, where the density is infinite (0 above
/// a temperature of about `1/(K − 1)`): its limit as the entries of 0 fall together. The original is NaN there. Take
/// [`ExpRelaxedOneHotCategorical`] in that case: it has the same samples by their logarithms, with finite densities.
///
/// # Shapes
/// `temperature` is `[batch…]`, `logits` or `probs` `[batch…, K]`; the event shape is `[K]`.
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, RelaxedOneHotCategorical};
/// use tfn_tensor::Tensor;
///
/// // Of two alike at temperature 1 it is uniform.
/// let flat = RelaxedOneHotCategorical::from_probs(1.0, Tensor::from_vec(vec![0.5, 0.5], &[2]))?;
/// let row = Tensor::from_vec(vec![0.2, 0.8], &[2]);
/// assert!(flat.log_prob(&row)?.item()?.abs() < 1e-15);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
///
/// # References
/// C. Maddison, A. Mnih and Y. W. Teh, The concrete distribution, ICLR 2017: equation 10, and appendix C.3 for the
/// logarithms; E. Jang, S. Gu and B. Poole, Categorical reparameterization with Gumbel-softmax, ICLR 2017.
#[derive(Clone, Debug, Module)]
pub struct RelaxedOneHotCategorical {
    temperature: Parameter,
    row: LogitsOrProbs,
    validate_args: bool,
}

/// The distribution of the logarithm of a [`RelaxedOneHotCategorical`] row, exact at any temperature.
///
/// Counterpart: `tfp.distributions.ExpRelaxedOneHotCategorical`, whose density it has: that with respect to the
/// logarithms, for rows of which the exponentials sum to 1.
///
/// ```text
/// log p(y) = ln Γ(K) + (K − 1) ln λ + Σ ln softmax(ln π − λ y)ₖ,   λ = temperature
/// ```
///
/// # Shapes
/// As those of [`RelaxedOneHotCategorical`].
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, ExpRelaxedOneHotCategorical};
/// use tfn_tensor::Tensor;
/// use tfn_tensor::random::Stream;
///
/// let logits = Tensor::from_vec(vec![0.0, 2.0, -1.0], &[3]);
/// let cold = ExpRelaxedOneHotCategorical::from_logits(1e-6, logits)?;
/// let rows = cold.sample(&[100], &mut Stream::from_seed(1))?;
/// assert!(cold.log_prob(&rows)?.all_finite()?);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct ExpRelaxedOneHotCategorical {
    temperature: Parameter,
    row: LogitsOrProbs,
    validate_args: bool,
}

/// What both have: constructors, accessors and checks.
macro_rules! relaxed {
    ($family:ident) => {
        family!($family);

        impl $family {
            /// Rows with log-probabilities `logits` up to a constant, at `temperature`.
            ///
            /// # Errors
            /// [`DistributionError`](crate::DistributionError) if a fixed `temperature` is not positive, if fixed
            /// `logits` are not finite or have no axis, if the batches do not broadcast, or the types differ.
            pub fn from_logits(
                temperature: impl Into<Parameter>,
                logits: impl Into<Parameter>,
            ) -> Result<Self> {
                let [temperature, logits] = Parameter::unify([temperature.into(), logits.into()]);
                Self { temperature, row: LogitsOrProbs::Logits(logits), validate_args: false }
                    .checked()
            }

            /// Rows with probabilities `probs`, at `temperature`.
            ///
            /// # Errors
            /// [`DistributionError`](crate::DistributionError) if a fixed `temperature` is not positive, if fixed
            /// `probs` are not positive, do not sum to 1 or have no axis, if the batches do not broadcast, or the
            /// types differ.
            pub fn from_probs(
                temperature: impl Into<Parameter>,
                probs: impl Into<Parameter>,
            ) -> Result<Self> {
                let [temperature, probs] = Parameter::unify([temperature.into(), probs.into()]);
                let row = LogitsOrProbs::Probs(probs);
                let made = Self { temperature, row, validate_args: false }.checked()?;
                check_positive(made.family(), &made.row, false)?;
                Ok(made)
            }

            /// How far from one-hot the rows are.
            pub fn temperature(&self) -> &Parameter {
                &self.temperature
            }

            /// Log-probabilities of the one-hot rows that samples round to, normalised, on the last axis.
            pub fn log_probs(&self) -> Tensor {
                self.row.log_row()
            }

            /// Probabilities of these on the last axis.
            pub fn probs(&self) -> Tensor {
                self.row.row()
            }

            fn relaxed(&self) -> Relaxed<'_> {
                Relaxed { temperature: &self.temperature, row: &self.row }
            }
        }
    };
}

relaxed!(RelaxedOneHotCategorical);
relaxed!(ExpRelaxedOneHotCategorical);

/// A number whose small multiples do not overflow.
fn largest(dtype: DType) -> f64 {
    match dtype {
        DType::F32 => 1e36,
        DType::F64 => 1e300,
    }
}

/// What both distributions have.
macro_rules! relaxed_methods {
    () => {
        fn parameters(&self) -> Vec<ParameterSpec<'_>> {
            let row = match &self.row {
                LogitsOrProbs::Logits(logits) => {
                    logits.real("logits").event_ndims(1)
                }
                LogitsOrProbs::Probs(_) => self.row.spec_of_row(),
            };
            vec![self.temperature.positive("temperature"), row]
        }

        fn check_values(&self) -> Result<()> {
            validation::all_values(&self)?;
            check_positive(self.family(), &self.row, true)
        }

        fn reparameterization(&self) -> Reparameterization {
            Reparameterization::Fully
        }

        fn validate_args(&self) -> bool {
            self.validate_args
        }
    };
}

/// Checks that no probability is 0: the density would be 0 everywhere inside.
fn check_positive(family: &'static str, row: &LogitsOrProbs, variables: bool) -> Result<()> {
    let LogitsOrProbs::Probs(probs) = row else { return Ok(()) };
    if !(variables || probs.is_fixed()) {
        return Ok(());
    }
    match Constraint::Positive.violation(&probs.value())? {
        None => Ok(()),
        Some(given) => Err(DistributionError::Argument {
            family,
            argument: "probs",
            given,
            expected: "rows of positive numbers that sum to 1".into(),
        }),
    }
}

/// The parameters of both.
struct Relaxed<'a> {
    temperature: &'a Parameter,
    row: &'a LogitsOrProbs,
}

impl Relaxed<'_> {
    /// `λ` beside the entries of a row.
    fn temperature(&self) -> Tensor {
        self.temperature.value().expand_dims(-1)
    }

    /// The log-density at logarithms `y`; only the scores where `leading` count in the sum of all.
    fn log_prob(&self, y: &Tensor, leading: &Tensor) -> Result<Tensor> {
        let others = self.row.num_categories()?.saturating_sub(1) as f64;
        let temperature = self.temperature.value();
        let normalizer = lgamma(&constant(others + 1.0, &temperature)) + temperature.ln() * others;
        let scores = self.row.log_row() - self.temperature() * y;
        // One that overflows stays ahead of all others, and has a distance from itself.
        let overflows = scores.eq(&constant(f64::INFINITY, y));
        let scores = Tensor::select(&overflows, &constant(largest(y.dtype()?), y), &scores);
        let logs = &scores - only_where(leading, &scores).logsumexp(-1, true);
        Ok(normalizer + logs.sum_axes(&[-1], false))
    }

    /// Logarithms of samples.
    fn sample(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let log_probs = self.row.log_row();
        let noise = stream.uniform_open(shape, log_probs.dtype()?);
        let noisy = log_probs - (-noise.ln()).ln();
        // Distances from the largest: a quotient may be infinite, but not all of them.
        let behind = &noisy - noisy.max_axis(-1, true);
        Ok((behind / self.temperature()).log_softmax(-1))
    }
}

impl Distribution for RelaxedOneHotCategorical {
    relaxed_methods!();

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        let x = &on_simplex(x, self.dtype()?);
        let zero = constant(0.0, x);
        let (none, negative) = (x.eq(&zero), x.lt(&zero));
        let inside = all_last(&(1.0 - &negative), 1) * sums_to_one(x, self.dtype()?);
        let outside = &none + (1.0 - inside.expand_dims(-1));
        // Entries of 0 have the logarithm 0 here; what they add is put apart.
        let y = branch(&outside, x, (1.0, |_| zero.clone()), (1.0, Tensor::ln));
        let count = none.sum_axes(&[-1], true);
        let is_inside = count.eq(&zero);
        let leading = Tensor::select(&is_inside, &(&none * 0.0 + 1.0), &none);
        let log_prob = self.relaxed().log_prob(&y, &leading)? - y.sum_axes(&[-1], false);
        let border = self.at_border(&count.squeeze(-1))?;
        // Where entries of 0 decide, the rest has no say, which may be infinite too.
        let decides = 1.0 - border.eq(&constant(0.0, &border));
        let log_prob = Tensor::select(&decides, &border, &log_prob);
        Ok(unless_nan_in_row(x, &only_where(&inside, &log_prob)))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        Ok(self.relaxed().sample(shape, stream)?.exp())
    }

    fn support(&self) -> Support {
        Support::Simplex
    }
}

impl RelaxedOneHotCategorical {
    /// What `count` entries `x` of 0 add: `(K·λ − count·(λ + 1))·ln x` for a common `x`.
    fn at_border(&self, count: &Tensor) -> Result<Tensor> {
        let temperature = self.temperature.value().detach();
        let classes = self.row.num_categories()? as f64;
        let zero = constant(0.0, &temperature);
        let power = Tensor::select(count, &(&temperature * classes - count * (&temperature + 1.0)), &zero);
        let [nothing, endless] =
            [f64::NEG_INFINITY, f64::INFINITY].map(|value| constant(value, &temperature));
        let vanishing = Tensor::select(&power.gt(&zero), &nothing, &zero);
        Ok(Tensor::select(&power.lt(&zero), &endless, &vanishing))
    }
}

impl Distribution for ExpRelaxedOneHotCategorical {
    relaxed_methods!();

    fn log_prob_of(&self, y: &Tensor) -> Result<Tensor> {
        let zero = constant(0.0, y);
        let endless = y.eq(&constant(f64::NEG_INFINITY, y));
        let inside = all_last(&(1.0 - endless), 1) * sums_to_one(&y.exp(), self.dtype()?);
        let safe = Tensor::select(&inside.expand_dims(-1), y, &zero);
        let log_prob = self.relaxed().log_prob(&safe, &constant(1.0, y))?;
        Ok(unless_nan_in_row(y, &only_where(&inside, &log_prob)))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        self.relaxed().sample(shape, stream)
    }

    fn support(&self) -> Support {
        Support::LogSimplex
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_values::row;
    use tfn_tensor::Variable;

    #[test]
    fn bad_arguments_are_named() {
        let probs = row(&[0.5, 0.5]);
        let error = RelaxedOneHotCategorical::from_probs(0.0, &probs).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "temperature", .. }));
        for bad in [[0.0, 1.0], [0.5, 0.6]] {
            let error = RelaxedOneHotCategorical::from_probs(1.0, row(&bad)).unwrap_err();
            assert!(matches!(error, DistributionError::Argument { argument: "probs", .. }));
        }
        let logits = row(&[0.0, f64::NEG_INFINITY]);
        let error = ExpRelaxedOneHotCategorical::from_logits(1.0, logits).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "logits", .. }));
        let error = RelaxedOneHotCategorical::from_probs(Tensor::ones(&[3], DType::F64), 0.5);
        assert!(matches!(error, Err(DistributionError::Shape { argument: "probs", .. })));
        let variable = Variable::new("probs", row(&[0.0, 1.0])).unwrap();
        let lax = RelaxedOneHotCategorical::from_probs(1.0, &variable).unwrap();
        assert!(lax.with_validate_args(true).log_prob(&probs).is_err());
    }

    #[test]
    fn the_density_is_that_of_the_paper() {
        let (probs, x, temperature) = ([0.2, 0.3, 0.5], [0.1, 0.6, 0.3], 0.7_f64);
        let terms = || probs.iter().zip(&x).map(|(p, x): (&f64, &f64)| (*p, *x));
        // Maddison et al., equation 10.
        let sum: f64 = terms().map(|(p, x)| p * x.powf(-temperature)).sum();
        let product: f64 = terms().map(|(p, x)| p * x.powf(-temperature - 1.0) / sum).product();
        let expected = (2.0 * temperature.powi(2) * product).ln();
        let relaxed = RelaxedOneHotCategorical::from_probs(temperature, row(&probs)).unwrap();
        let given = relaxed.log_prob(&row(&x)).unwrap().item().unwrap();
        assert!((given - expected).abs() < 1e-14, "{given} {expected}");
        let logits = row(&probs.map(|p| p.ln() + 3.0));
        let of_log = ExpRelaxedOneHotCategorical::from_logits(temperature, logits).unwrap();
        let given = of_log.log_prob(&row(&x).ln()).unwrap().item().unwrap();
        let jacobian: f64 = x.iter().map(|x| x.ln()).sum();
        assert!((given - expected - jacobian).abs() < 1e-14, "{given} {expected}");
    }

    #[test]
    fn outside_there_is_no_density_and_no_slope() {
        let rows = [0.5, 0.6, 1.5, -0.5, 0.2, 0.2, -0.5, 1.5];
        let x = Variable::new("x", Tensor::from_slice(&rows, &[4, 2])).unwrap();
        let temperature = Variable::new("t", Tensor::scalar(0.7)).unwrap();
        let relaxed = RelaxedOneHotCategorical::from_logits(&temperature, row(&[0.1, 0.4])).unwrap();
        let of_log = ExpRelaxedOneHotCategorical::from_logits(&temperature, row(&[0.1, 0.4])).unwrap();
        let all: [&dyn Distribution; 2] = [&relaxed, &of_log];
        for d in all {
            let log_prob = d.log_prob(&x.tensor()).unwrap();
            assert_eq!(log_prob.to_vec::<f64>().unwrap(), [f64::NEG_INFINITY; 4]);
            let gradients = log_prob.sum().gradients().unwrap();
            assert_eq!(gradients.of(&x).to_vec::<f64>().unwrap(), [0.0; 8]);
            assert_eq!(gradients.of(&temperature).item().unwrap(), 0.0);
        }
        let nan = relaxed.log_prob(&row(&[f64::NAN, 0.5])).unwrap().item().unwrap();
        assert!(nan.is_nan());
    }

    #[test]
    fn the_border_has_the_limit_of_the_inside() {
        let at = |temperature: f64, x: &[f64]| {
            let logits = row(&vec![0.0; x.len()]);
            let relaxed = RelaxedOneHotCategorical::from_logits(temperature, logits).unwrap();
            relaxed.log_prob(&row(x)).unwrap().item().unwrap()
        };
        assert!(at(1.0, &[0.0, 1.0]).abs() < 1e-15);
        assert_eq!(at(0.9, &[0.0, 1.0]), f64::INFINITY);
        assert_eq!(at(1.1, &[0.0, 1.0]), f64::NEG_INFINITY);
        assert_eq!(at(1.0, &[0.0, 0.4, 0.6]), f64::NEG_INFINITY);
        assert_eq!(at(1e-3, &[0.0, 0.0, 1.0]), f64::INFINITY);
        // A power of 0: 3·λ = λ + 1.
        let (near, there) = (at(0.5, &[1e-30, 0.4, 0.6]), at(0.5, &[0.0, 0.4, 0.6]));
        assert!((near - there).abs() < 1e-12, "{near} {there}");
    }

    #[test]
    fn cold_samples_have_finite_densities_and_slopes_by_their_logarithms() {
        for dtype in [DType::F32, DType::F64] {
            let logits = Variable::new("l", row(&[0.3, -1.0, 2.0, 0.0]).cast(dtype)).unwrap();
            let temperature = Variable::new("t", Tensor::scalar_of(1e-5, dtype)).unwrap();
            let cold = ExpRelaxedOneHotCategorical::from_logits(&temperature, &logits).unwrap();
            let y = cold.sample(&[500], &mut Stream::from_seed(2)).unwrap();
            let log_prob = cold.log_prob(&y).unwrap();
            assert!(log_prob.all_finite().unwrap());
            let gradients = log_prob.sum().gradients().unwrap();
            assert!(gradients.of(&logits).all_finite().unwrap());
            assert!(gradients.of(&temperature).all_finite().unwrap());
        }
    }

    #[test]
    fn the_largest_entry_is_where_the_categorical_has_it() {
        let probs = row(&[0.1, 0.6, 0.3]);
        let relaxed = RelaxedOneHotCategorical::from_probs(0.4, &probs).unwrap();
        let x = relaxed.sample(&[20_000], &mut Stream::from_seed(3)).unwrap();
        let shares = x.argmax(-1).one_hot(3).mean_axes(&[0], false).to_vec::<f64>().unwrap();
        for (share, p) in shares.iter().zip([0.1, 0.6, 0.3]) {
            assert!((share - p).abs() < 6.0 * (p * (1.0 - p) / 20_000.0_f64).sqrt(), "{shares:?}");
        }
    }
}
