//! The Kumaraswamy distribution.

use tfn_module::Module;
use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Pointwise, Tensor, pointwise};

use super::Beta;
use crate::distribution::{Distribution, KlDivergence, KlRule, Reparameterization};
use crate::error::Result;
use crate::exponential_integral::EULER_GAMMA;
use crate::masking::{at_probability, branch, constant, in_unit_interval};
use crate::parameter::{Parameter, ParameterSpec};
use crate::special::scalar::kumaraswamy_law::{
    mean_log_rest, mean_log_rest_in_a, mean_log_rest_in_b,
};
use crate::special::{digamma, kumaraswamy_log_density, log_beta};
use crate::stable::{log1m_exp, log1m_exp_exp, not_below_zero};

/// The Kumaraswamy distribution on (0, 1), a neighbour of the beta distribution whose cdf has a closed form.
///
/// Counterpart: `tfp.distributions.Kumaraswamy`. At 0, at 1 and outside the log-density is minus infinity with zero
/// gradient. The mode exists where both concentrations are at least 1 and not both are 1; elsewhere it is NaN.
///
/// ```text
/// log p(x) = ln a + ln b + (a − 1) ln x + (b − 1) ln(1 − xᵃ),   a = concentration1,   b = concentration0
/// cdf(x) = 1 − (1 − xᵃ)ᵇ
/// ```
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, Kumaraswamy};
/// use tfn_tensor::Tensor;
///
/// let kumaraswamy = Kumaraswamy::new(2.0, 3.0)?;
/// let below = kumaraswamy.cdf(&Tensor::scalar(0.5))?.item()?;
/// assert!((below - (1.0 - 0.75_f64.powi(3))).abs() < 1e-15);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
///
/// # References
/// P. Kumaraswamy, A generalized probability density function for double-bounded random processes, Journal of
/// Hydrology 46 (1980); M. C. Jones, Kumaraswamy's distribution, Statistical Methodology 6 (2009), for the moments and
/// the entropy.
#[derive(Clone, Debug, Module)]
pub struct Kumaraswamy {
    concentration1: Parameter,
    concentration0: Parameter,
    validate_args: bool,
}

family!(Kumaraswamy);

impl Kumaraswamy {
    /// The same in `f64`: terms of a divergence nearly cancel where two distributions nearly agree.
    pub(super) fn widened(&self) -> Self {
        Self {
            concentration1: self.concentration1.widened(),
            concentration0: self.concentration0.widened(),
            validate_args: self.validate_args,
        }
    }

    /// Kumaraswamy distributions that `concentration1` draws towards 1 and `concentration0` towards 0.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if a fixed parameter is not positive, if their shapes do not
    /// broadcast, or if their types differ.
    pub fn new(
        concentration1: impl Into<Parameter>,
        concentration0: impl Into<Parameter>,
    ) -> Result<Self> {
        let [concentration1, concentration0] =
            Parameter::unify([concentration1.into(), concentration0.into()]);
        Self { concentration1, concentration0, validate_args: false }.checked()
    }

    /// The concentration at 1, the exponent of `x` in the cdf.
    pub fn concentration1(&self) -> &Parameter {
        &self.concentration1
    }

    /// The concentration at 0, the exponent of the power.
    pub fn concentration0(&self) -> &Parameter {
        &self.concentration0
    }

    /// `ln(1 − xᵃ)` for `x` between 0 and 1.
    fn log_rest(&self, x: &Tensor) -> Tensor {
        log1m_exp(&-(x.ln() * self.concentration1.value()))
    }

    /// The outcome of which `exp(log_above)` is the survival function.
    fn of_log_survival(&self, log_above: &Tensor) -> Tensor {
        let log_rest = log_above / self.concentration0.value();
        (log1m_exp(&-log_rest) / self.concentration1.value()).exp()
    }

    /// `ψ(b + 1) + γ`, the mean of `−a ln x`.
    fn harmonic(&self) -> Tensor {
        digamma(&(self.concentration0.value() + 1.0)) + EULER_GAMMA
    }

    /// `ln E xⁿ = ln b + ln B(1 + n/a, b)`.
    fn log_moment(&self, order: f64) -> Tensor {
        let b = self.concentration0.value();
        b.ln() + log_beta(&(order / self.concentration1.value() + 1.0), &b)
    }
}

impl Distribution for Kumaraswamy {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![
            self.concentration1.positive("concentration1"),
            self.concentration0.positive("concentration0"),
        ]
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        let (a, b) = (self.concentration1.value(), self.concentration0.value());
        Ok(kumaraswamy_log_density(x, &a, &b))
    }

    /// Inside, as all outcomes are, where rounding would make them 0 or 1.
    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let dtype = self.dtype()?;
        let [least, rest] = match dtype {
            DType::F32 => [f64::from(f32::MIN_POSITIVE), f64::from(f32::EPSILON) / 2.0],
            DType::F64 => [f64::MIN_POSITIVE, f64::EPSILON / 2.0],
        };
        let draws = self.of_log_survival(&stream.uniform_open(shape, dtype).ln());
        Ok(draws.clamp(least, 1.0 - rest))
    }

    fn mean(&self) -> Result<Tensor> {
        self.spread(&self.log_moment(1.0).exp())
    }

    fn variance(&self) -> Result<Tensor> {
        Ok(self.stddev()?.square())
    }

    fn stddev(&self) -> Result<Tensor> {
        let excess = (self.log_moment(2.0) - self.log_moment(1.0) * 2.0).expm1();
        Ok(self.mean()? * excess.relu().sqrt())
    }

    fn mode(&self) -> Result<Tensor> {
        let (a, b) = (self.concentration1.value(), self.concentration0.value());
        let one = constant(1.0, &a);
        let denominator = &a * &b - 1.0;
        let exists = a.ge(&one) * b.ge(&one) * denominator.gt(&constant(0.0, &denominator));
        let share = Tensor::select(&exists, &((&a - 1.0) / denominator), &one);
        let mode = (share.ln() / a).exp();
        self.spread(&Tensor::select(&exists, &mode, &constant(f64::NAN, &mode)))
    }

    fn entropy(&self) -> Result<Tensor> {
        let (a, b) = (self.concentration1.value(), self.concentration0.value());
        let logs = a.ln() + b.ln();
        self.spread(&((1.0 - 1.0 / b) + (1.0 - 1.0 / a) * self.harmonic() - logs))
    }

    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        Ok(-self.log_survival_function(value)?.expm1())
    }

    fn log_cdf(&self, value: &Tensor) -> Result<Tensor> {
        let (a, b) = (self.concentration1.value(), self.concentration0.value());
        Ok(in_unit_interval(value, [f64::NEG_INFINITY, 0.0], &|x| {
            // xᵃ = exp(−t) may be nothing beside 1, or at all.
            let t = -(x.ln() * &a);
            let is_low = t.gt(&constant(40.0, &t));
            let low = |t: &Tensor| log1m_exp_exp(&(b.ln() - t));
            branch(&is_low, &t, (50.0, low), (1.0, |t| log1m_exp(&-(log1m_exp(t) * &b))))
        }))
    }

    fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
        Ok(self.log_survival_function(value)?.exp())
    }

    fn log_survival_function(&self, value: &Tensor) -> Result<Tensor> {
        let b = self.concentration0.value();
        Ok(in_unit_interval(value, [0.0, f64::NEG_INFINITY], &|x| self.log_rest(x) * &b))
    }

    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        let p = at_probability(p, p);
        let is_whole = p.eq(&constant(1.0, &p));
        let inside = |p: &Tensor| {
            let is_none = p.eq(&constant(0.0, p));
            let some = |p: &Tensor| self.of_log_survival(&(-p).log1p());
            branch(&is_none, p, (0.0, |p| constant(0.0, p)), (0.5, some))
        };
        Ok(branch(&is_whole, &p, (1.0, |p| constant(1.0, p)), (0.5, inside)))
    }

    fn inverse_survival_function(&self, p: &Tensor) -> Result<Tensor> {
        let p = at_probability(p, p);
        let is_none = p.eq(&constant(0.0, &p));
        let inside = |p: &Tensor| {
            let is_whole = p.eq(&constant(1.0, p));
            let some = |p: &Tensor| self.of_log_survival(&p.ln());
            branch(&is_whole, p, (1.0, |p| constant(0.0, p)), (0.5, some))
        };
        Ok(branch(&is_none, &p, (0.0, |p| constant(1.0, p)), (0.5, inside)))
    }

    fn reparameterization(&self) -> Reparameterization {
        Reparameterization::Fully
    }

    fn validate_args(&self) -> bool {
        self.validate_args
    }

    fn kl_rules(&self) -> &'static [KlRule] {
        const { &[KlRule::of::<Kumaraswamy, Beta>()] }
    }
}

/// ```text
/// (α − 1)(ψ(b + 1) + γ)/a − (β − 1) E ln(1 − x) + ln B(α, β) − H
/// ```
///
/// for the concentrations `α`, `β` of `p` and the entropy `H`. E. Nalisnick and P. Smyth, Stick-breaking variational
/// autoencoders, ICLR 2017, appendix, where the mean of `ln(1 − x)` is a series cut after some terms; here it is an
/// integral with all digits.
impl KlDivergence<Beta> for Kumaraswamy {
    fn kl_divergence_to(&self, p: &Beta) -> Result<Tensor> {
        const MEAN_LOG_REST: Pointwise<2> = Pointwise {
            name: "kumaraswamy_mean_log_rest",
            value: mean_log_rest,
            partials: [|at, _| mean_log_rest_in_a(at), |at, _| mean_log_rest_in_b(at)],
        };
        let q = self.widened();
        let (a, b) = (q.concentration1.value(), q.concentration0.value());
        let [alpha, beta] = [p.concentration1(), p.concentration0()].map(|p| p.widened().value());
        let near_zero = (&alpha - 1.0) * (q.harmonic() / &a);
        let near_one = (&beta - 1.0) * pointwise(MEAN_LOG_REST, [&a, &b]);
        let value = near_zero + near_one + log_beta(&alpha, &beta) - q.entropy()?;
        Ok(not_below_zero(&value).cast(self.dtype()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DistributionError, Uniform, kl_divergence};

    #[test]
    fn at_the_ends_the_density_is_its_limit() {
        let at = |a: f64, b: f64, x: f64| {
            let own = Kumaraswamy::new(a, b).unwrap();
            own.log_prob(&Tensor::scalar(x)).unwrap().item().unwrap()
        };
        let (nothing, infinite) = (f64::NEG_INFINITY, f64::INFINITY);
        assert_eq!([at(1.0, 3.0, 0.0), at(3.0, 1.0, 1.0), at(1.0, 1.0, 1.0)], [3.0_f64.ln(), 3.0_f64.ln(), 0.0]);
        assert_eq!([at(0.5, 3.0, 0.0), at(3.0, 0.5, 1.0)], [infinite; 2]);
        assert_eq!([at(2.0, 3.0, 0.0), at(2.0, 3.0, 1.0), at(0.5, 0.5, 1.5), at(0.5, 0.5, -0.5)], [nothing; 4]);
    }

    #[test]
    fn own_draws_have_a_density_whatever_the_exponents() {
        for (a, b) in [(0.1_f32, 0.1_f32), (1.0, 0.05), (0.05, 1.0), (1e-3, 3.0), (3.0, 1e-3), (1.0, 1.0)] {
            let own = Kumaraswamy::new(a, b).unwrap();
            let draws = own.sample(&[2000], &mut Stream::from_seed(3)).unwrap();
            assert!(own.log_prob(&draws).unwrap().all_finite().unwrap(), "{a} {b}");
        }
    }

    #[test]
    fn the_divergence_is_the_integral() {
        // Integrals by mpmath with 40 digits.
        for ([a, b, alpha, beta], expected) in [
            ([2.0, 3.0, 1.5, 2.5], 0.088_900_632_837_673_94),
            ([0.5, 0.7, 2.0, 0.8], 1.174_370_596_837_469_4),
            ([5.0, 40.0, 3.0, 30.0], 10.158_510_025_335_35),
            // Of a concentration of 1 at 0 they are one distribution.
            ([3.5, 1.0, 3.5, 1.0], 0.0),
        ] {
            let (q, p) = (Kumaraswamy::new(a, b).unwrap(), Beta::new(alpha, beta).unwrap());
            let given = kl_divergence(&q, &p).unwrap().item().unwrap();
            assert!((given - expected).abs() < 1e-13, "{given} {expected}");
        }
    }

    #[test]
    fn of_concentrations_one_it_is_the_uniform_distribution() {
        let (kumaraswamy, uniform) =
            (Kumaraswamy::new(1.0, 1.0).unwrap(), Uniform::new(0.0, 1.0).unwrap());
        let x = Tensor::from_vec(vec![0.1, 0.5, 0.9], &[3]);
        let all: [&dyn Distribution; 2] = [&kumaraswamy, &uniform];
        let answers = all.map(|d| {
            [d.log_prob(&x), d.cdf(&x), d.quantile(&x), d.mean(), d.entropy()]
                .map(|answer| answer.unwrap().to_vec::<f64>().unwrap())
        });
        for (given, expected) in answers[0].iter().zip(&answers[1]) {
            let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-14;
            assert!(given.iter().zip(expected).all(near), "{given:?} {expected:?}");
        }
    }

    #[test]
    fn both_ends_are_exact_and_outside_there_is_nothing() {
        let kumaraswamy = Kumaraswamy::new(0.5, 3.0).unwrap();
        let x = Tensor::from_vec(vec![1e-300, 1.0 - 1e-13, -0.5, 0.0, 1.0, 2.0], &[6]);
        let log_cdf = kumaraswamy.log_cdf(&x).unwrap().to_vec::<f64>().unwrap();
        // 1 − (1 − 1e-150)³ is 3e-150; 1 − √(1 − h) is h/2 to the last digits but two.
        assert!((log_cdf[0] - (3e-150_f64).ln()).abs() < 1e-12);
        let above = kumaraswamy.log_survival_function(&x).unwrap().to_vec::<f64>().unwrap();
        let gap = 1.0 - (1.0 - 1e-13_f64);
        assert!((above[1] - 3.0 * (0.5 * gap).ln()).abs() < 1e-11, "{}", above[1]);
        let log_prob = kumaraswamy.log_prob(&x).unwrap().to_vec::<f64>().unwrap();
        let nothing = f64::NEG_INFINITY;
        assert_eq!(log_prob[2..], [nothing, f64::INFINITY, nothing, nothing]);
        let ends = Tensor::from_vec(vec![0.0, 1.0], &[2]);
        assert_eq!(kumaraswamy.quantile(&ends).unwrap().to_vec::<f64>().unwrap(), [0.0, 1.0]);
    }

    #[test]
    fn bad_arguments_are_named() {
        let error = Kumaraswamy::new(1.0, -1.0).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "concentration0", .. }));
    }
}
