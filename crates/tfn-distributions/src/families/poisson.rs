//! The Poisson distribution.

use tfn_module::Module;
use tfn_tensor::Tensor;
use tfn_tensor::random::Stream;

use crate::distribution::{Distribution, KlDivergence, KlRule, Support};
use crate::error::Result;
use crate::masking::{branch, constant, unless_nan};
use crate::parameter::{Parameter, ParameterSpec};
use crate::special::{
    gammainc, gammaincc, lgamma, log_gammainc, log_gammaincc, poisson_divergence, poisson_entropy,
    poisson_entropy_of_log, poisson_log_mass, poisson_log_mass_of_log, poisson_quantile,
    poisson_sample,
};

/// The number of events that happen independently, `rate` of them expected.
///
/// Counterpart: `tfp.distributions.Poisson`. Counts are numbers of the distribution's type; numbers that are no count
/// have the log-probability minus infinity (TFP interpolates between counts).
///
/// ```text
/// P(k) = rate^k exp(−rate)/k!,   k = 0, 1, 2, …
/// ```
///
/// Each sample takes one number of the stream.
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, Poisson};
/// use tfn_tensor::Tensor;
///
/// let events = Poisson::new(2.0)?;
/// let log_prob = events.log_prob(&Tensor::from_vec(vec![0.0, 1.5], &[2]))?;
/// assert_eq!(log_prob.to_vec::<f64>()?, [-2.0, f64::NEG_INFINITY]);
/// assert_eq!((events.mean()?.item()?, events.variance()?.item()?), (2.0, 2.0));
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Poisson {
    intensity: Parameter,
    is_log: bool,
    validate_args: bool,
}

family!(Poisson);

impl Poisson {
    /// Counts of events, `rate` of them expected.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if a fixed `rate` is below 0 or not finite.
    pub fn new(rate: impl Into<Parameter>) -> Result<Self> {
        Self { intensity: rate.into(), is_log: false, validate_args: false }.checked()
    }

    /// Counts of events, `exp(log_rate)` of them expected: with all digits where that underflows.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if a fixed `log_rate` is not finite.
    pub fn from_log_rate(log_rate: impl Into<Parameter>) -> Result<Self> {
        Self { intensity: log_rate.into(), is_log: true, validate_args: false }.checked()
    }

    /// The expected number of events.
    pub fn rate(&self) -> Tensor {
        let value = self.intensity.value();
        if self.is_log { value.exp() } else { value }
    }

    /// `f` of one more than the count up to `value` and of the rate, and what is below and above all counts.
    fn tail(
        &self,
        value: &Tensor,
        [below, above]: [f64; 2],
        f: &dyn Fn(&Tensor, &Tensor) -> Tensor,
    ) -> Tensor {
        let (is_below, is_above) =
            (value.lt(&constant(0.0, value)), value.ge(&constant(f64::INFINITY, value)));
        let outside = &is_below + is_above;
        let counts = value.detach().floor() + 1.0;
        let counts = Tensor::select(&outside, &constant(1.0, value), &counts);
        let ends = Tensor::select(&is_below, &constant(below, value), &constant(above, value));
        unless_nan(value, &Tensor::select(&outside, &ends, &f(&counts, &self.rate())))
    }

    /// Logarithm of the probability of at least `counts` events, of which all but the first term are too small where the
    /// rate underflows.
    fn log_at_least(&self, counts: &Tensor, rate: &Tensor) -> Tensor {
        if !self.is_log {
            return log_gammainc(counts, rate);
        }
        let log_rate = self.intensity.value();
        let is_tiny = log_rate.lt(&constant(-690.0, &log_rate));
        let first = |log_rate: &Tensor| counts * log_rate - lgamma(&(counts + 1.0));
        let all = |log_rate: &Tensor| log_gammainc(counts, &log_rate.exp());
        branch(&is_tiny, &log_rate, (-690.0, first), (0.0, all))
    }
}

impl Distribution for Poisson {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![if self.is_log {
            self.intensity.real("log_rate")
        } else {
            self.intensity.non_negative("rate")
        }]
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        let log_mass = if self.is_log { poisson_log_mass_of_log } else { poisson_log_mass };
        Ok(log_mass(x, &self.intensity.value()))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        Ok(poisson_sample(&self.rate(), shape, stream))
    }

    fn mean(&self) -> Result<Tensor> {
        Ok(self.rate())
    }

    fn variance(&self) -> Result<Tensor> {
        Ok(self.rate())
    }

    fn stddev(&self) -> Result<Tensor> {
        Ok(if self.is_log { (self.intensity.value() * 0.5).exp() } else { self.rate().sqrt() })
    }

    fn mode(&self) -> Result<Tensor> {
        Ok(self.rate().detach().floor())
    }

    fn entropy(&self) -> Result<Tensor> {
        let entropy = if self.is_log { poisson_entropy_of_log } else { poisson_entropy };
        Ok(entropy(&self.intensity.value()))
    }

    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        Ok(self.tail(value, [0.0, 1.0], &gammaincc))
    }

    fn log_cdf(&self, value: &Tensor) -> Result<Tensor> {
        Ok(self.tail(value, [f64::NEG_INFINITY, 0.0], &log_gammaincc))
    }

    fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
        Ok(self.tail(value, [1.0, 0.0], &gammainc))
    }

    fn log_survival_function(&self, value: &Tensor) -> Result<Tensor> {
        let log = |counts: &Tensor, rate: &Tensor| self.log_at_least(counts, rate);
        Ok(self.tail(value, [0.0, f64::NEG_INFINITY], &log))
    }

    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        Ok(poisson_quantile(&self.rate(), p))
    }

    fn support(&self) -> Support {
        Support::Integers
    }

    fn validate_args(&self) -> bool {
        self.validate_args
    }

    fn kl_rules(&self) -> &'static [KlRule] {
        const { &[KlRule::of::<Poisson, Poisson>()] }
    }
}

/// ```text
/// rate_q ln(rate_q/rate_p) − rate_q + rate_p
/// ```
impl KlDivergence<Self> for Poisson {
    fn kl_divergence_to(&self, p: &Self) -> Result<Tensor> {
        Ok(poisson_divergence(&self.rate(), &p.rate()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_values::{entries, row};
    use crate::{DistributionError, kl_divergence};
    use tfn_tensor::{DType, Variable};

    #[test]
    fn bad_arguments_are_named() {
        let error = Poisson::new(-1.0).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "rate", .. }));
        let error = Poisson::from_log_rate(f64::INFINITY).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "log_rate", .. }));
    }

    #[test]
    fn what_is_no_count_has_no_mass_and_no_gradient() {
        let rate = Variable::new("rate", Tensor::scalar(1.3)).unwrap();
        let x = Variable::new("x", row(&[-1.0, 0.5, f64::INFINITY])).unwrap();
        let log_prob = Poisson::new(&rate).unwrap().log_prob(&x.tensor()).unwrap();
        assert_eq!(log_prob.to_vec::<f64>().unwrap(), [f64::NEG_INFINITY; 3]);
        let gradients = log_prob.sum().gradients().unwrap();
        assert_eq!(gradients.of(&rate).item().unwrap(), 0.0);
        assert_eq!(gradients.of(&x).to_vec::<f64>().unwrap(), [0.0; 3]);
        let poisson = Poisson::new(&rate).unwrap();
        assert!(entries(poisson.log_prob(&Tensor::scalar(f64::NAN)))[0].is_nan());
        assert!(entries(poisson.cdf(&Tensor::scalar(f64::NAN)))[0].is_nan());
    }

    #[test]
    fn both_tails_are_exact() {
        let poisson = Poisson::new(row(&[1e6, 1e-9, 5.0])).unwrap();
        // mpmath, 50 digits: the regularized incomplete gamma functions and their logarithms.
        let below = entries(poisson.log_cdf(&row(&[990_000.0, 0.0, 0.0])));
        let above = entries(poisson.log_survival_function(&row(&[1_010_000.0, 2.0, 80.0])));
        for (given, expected) in below.iter().chain(&above).zip(TAILS) {
            assert!((given / expected - 1.0).abs() < 1e-13, "{given} {expected}");
        }
        let x = row(&[-1.0, f64::INFINITY, 2.5]);
        assert_eq!(entries(poisson.cdf(&x))[..2], [0.0, 1.0]);
        assert_eq!(entries(poisson.survival_function(&x))[..2], [1.0, 0.0]);
    }

    const TAILS: [f64; 6] = [
        -53.393_667_921_028_82,
        -1e-9,
        -5.0,
        -53.070_519_268_752_73,
        -63.961_556_980_817_29,
        -152.640_239_347_181_16,
    ];

    #[test]
    fn a_rate_that_underflows_is_still_there_by_its_logarithm() {
        let log_rate = Variable::new("log_rate", Tensor::scalar(-1000.0)).unwrap();
        let poisson = Poisson::from_log_rate(&log_rate).unwrap();
        let log_prob = poisson.log_prob(&Tensor::scalar(3.0)).unwrap();
        assert_eq!(log_prob.item().unwrap(), -3000.0 - 6.0_f64.ln());
        assert_eq!(log_prob.gradients().unwrap().of(&log_rate).item().unwrap(), 3.0);
        let above = poisson.log_survival_function(&Tensor::scalar(1.0)).unwrap();
        assert_eq!(above.item().unwrap(), -2000.0 - 2.0_f64.ln());
        assert_eq!(above.gradients().unwrap().of(&log_rate).item().unwrap(), 2.0);
    }

    #[test]
    fn quantiles_are_the_first_count_that_reaches_the_level() {
        let poisson = Poisson::new(row(&[1e-3, 3.7, 250.0, 1e9, 1e12])).unwrap();
        for level in [1e-300, 1e-9, 0.1, 0.5, 0.77, 1.0 - 1e-9] {
            let k = poisson.quantile(&Tensor::scalar(level)).unwrap();
            let (at, before) = (entries(poisson.cdf(&k)), entries(poisson.cdf(&(&k - 1.0))));
            let reached = at.iter().zip(&before).all(|(at, before)| *at >= level && *before < level);
            assert!(reached, "{level}: {at:?} {before:?}");
        }
        let ends = entries(Poisson::new(3.0).unwrap().quantile(&row(&[0.0, 1.0, 1.1])));
        assert!(ends[0] == 0.0 && ends[1] == f64::INFINITY && ends[2].is_nan());
    }

    #[test]
    fn samples_of_large_rates_have_their_mean_and_variance() {
        let rates = [12.0, 300.0, 1e7, 1e16];
        let poisson = Poisson::new(row(&rates)).unwrap();
        let sample = poisson.sample(&[20_000], &mut Stream::from_seed(5)).unwrap();
        let z = (sample - row(&rates)) / row(&rates).sqrt();
        let means = entries(Ok(z.mean_axes(&[0], false)));
        let squares = entries(Ok(z.square().mean_axes(&[0], false)));
        assert!(means.iter().all(|mean| mean.abs() < 0.04), "{means:?}");
        assert!(squares.iter().all(|square| (square - 1.0).abs() < 0.07), "{squares:?}");
    }

    #[test]
    fn single_precision_counts_are_counts() {
        let poisson = Poisson::new(Tensor::scalar(40.0_f32)).unwrap();
        let sample = poisson.sample(&[100], &mut Stream::from_seed(5)).unwrap();
        assert_eq!(sample.dtype().unwrap(), DType::F32);
        assert!(entries(poisson.log_prob(&sample)).iter().all(|log_prob| log_prob.is_finite()));
    }

    #[test]
    fn a_rate_of_zero_has_one_outcome() {
        let rate = Variable::new("rate", Tensor::scalar(0.0)).unwrap();
        let none = Poisson::new(&rate).unwrap();
        let log_prob = none.log_prob(&row(&[0.0, 1.0])).unwrap();
        assert_eq!(log_prob.to_vec::<f64>().unwrap(), [0.0, f64::NEG_INFINITY]);
        assert_eq!(log_prob.sum().gradients().unwrap().of(&rate).item().unwrap(), -1.0);
        assert_eq!(entries(none.cdf(&Tensor::scalar(0.0))), [1.0]);
        assert_eq!(entries(none.sample(&[2], &mut Stream::from_seed(1))), [0.0; 2]);
        let some = Poisson::new(2.0).unwrap();
        assert_eq!(entries(kl_divergence(&none, &some)), [2.0]);
        assert_eq!(entries(kl_divergence(&some, &none)), [f64::INFINITY]);
        assert_eq!(entries(kl_divergence(&none, &none)), [0.0]);
    }

    #[test]
    fn a_tiny_difference_has_a_divergence_with_all_digits() {
        let [q, p] = [3.0, 3.0 * (1.0 + 1e-9)].map(|rate| Poisson::new(rate).unwrap());
        let kl = entries(kl_divergence(&q, &p))[0];
        assert!((kl / 1.5e-18 - 1.0).abs() < 1e-6, "{kl}");
    }
}
