//! The von Mises distribution.

use tfn_module::Module;
use tfn_tensor::Tensor;
use tfn_tensor::random::Stream;

use crate::distribution::{Distribution, KlDivergence, KlRule, Reparameterization, Support};
use crate::error::Result;
use crate::parameter::{Parameter, ParameterSpec};
use crate::special::{bessel_ratio, bessel_ratio_rest, log_bessel_i0_divergence, von_mises as law};

/// The von Mises distribution of angles around `loc`, the closer the larger the `concentration`: at 0 it is uniform.
///
/// Counterpart: `tfp.distributions.VonMises`.
///
/// ```text
/// log p(x) = concentration·(cos(x − loc) − 1) − ln(2π exp(−concentration) I₀(concentration))
/// ```
///
/// Angles are in radians, and `x` and `x + 2π` are the same one: so the density has them. As in the original
/// - samples lie in [−π, π], whatever `loc` is;
/// - the cdf counts from `loc − π` and grows by 1 each time around, below 0 and above 1 too; where it is not positive its
///   logarithm is minus infinity. Quantiles are those of the one time around that has `loc` in its middle;
/// - `mean` is the circular mean, the direction of `E exp(ix)`, which is `loc`, and `variance` the circular variance
///   `1 − |E exp(ix)|`, from 0 to 1.
///
/// Samples are drawn by rejection, and differentiable in both parameters: in the concentration by the implicit gradient.
/// Probabilities keep their digits in both tails, at concentrations from 1e-6 to 1e6 and far beyond.
///
/// # Examples
/// ```
/// use std::f64::consts::TAU;
///
/// use tfn_distributions::{Distribution, VonMises};
/// use tfn_tensor::Tensor;
///
/// let north = VonMises::new(0.0, 4.0)?;
/// let x = Tensor::from_vec(vec![0.3, 0.3 + TAU], &[2]);
/// let density = north.prob(&x)?.to_vec::<f64>()?;
/// assert!((density[0] - density[1]).abs() < 1e-14);
/// let cdf = north.cdf(&x)?.to_vec::<f64>()?;
/// assert!((cdf[0] + 1.0 - cdf[1]).abs() < 1e-14);
/// // 1 − I₁(4)/I₀(4)
/// assert!((north.variance()?.item()? - 0.136_477_388_975_449).abs() < 1e-15);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
///
/// # References
/// - K. V. Mardia and P. E. Jupp, Directional Statistics (2000), section 3.5.4.
/// - D. J. Best and N. I. Fisher, Efficient simulation of the von Mises distribution, Applied Statistics 28 (1979).
/// - M. Figurnov, S. Mohamed and A. Mnih, Implicit Reparameterization Gradients (2018), section 4.
#[derive(Clone, Debug, Module)]
pub struct VonMises {
    loc: Parameter,
    concentration: Parameter,
    validate_args: bool,
}

family!(VonMises);

impl VonMises {
    /// Von Mises distributions around these angles, with these concentrations.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if a fixed `loc` is not finite or a fixed `concentration` below 0,
    /// if their shapes do not broadcast, or if their types differ.
    pub fn new(loc: impl Into<Parameter>, concentration: impl Into<Parameter>) -> Result<Self> {
        let [loc, concentration] = Parameter::unify([loc.into(), concentration.into()]);
        Self { loc, concentration, validate_args: false }.checked()
    }

    /// The circular mean.
    pub fn loc(&self) -> &Parameter {
        &self.loc
    }

    /// How concentrated the angles are.
    pub fn concentration(&self) -> &Parameter {
        &self.concentration
    }

    /// Those of the mirrored distribution at `-x` are the other tails.
    fn mirrored(&self, x: &Tensor, f: &dyn Fn(&Tensor, &Tensor, &Tensor) -> Tensor) -> Tensor {
        f(&-x, &-self.loc.value(), &self.concentration.value())
    }
}

impl Distribution for VonMises {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![
            self.loc.real("loc"),
            self.concentration.non_negative("concentration"),
        ]
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        Ok(law::log_density(x, &self.loc.value(), &self.concentration.value()))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        Ok(law::sample(&self.loc.value(), &self.concentration.value(), shape, stream))
    }

    /// The circular mean: `loc` as it was given.
    fn mean(&self) -> Result<Tensor> {
        self.spread(&self.loc.value())
    }

    /// The circular variance.
    fn variance(&self) -> Result<Tensor> {
        self.spread(&bessel_ratio_rest(&self.concentration.value()))
    }

    fn mode(&self) -> Result<Tensor> {
        self.spread(&self.loc.value())
    }

    fn entropy(&self) -> Result<Tensor> {
        self.spread(&law::entropy(&self.concentration.value()))
    }

    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        Ok(law::cdf(value, &self.loc.value(), &self.concentration.value()))
    }

    fn log_cdf(&self, value: &Tensor) -> Result<Tensor> {
        Ok(law::log_cdf(value, &self.loc.value(), &self.concentration.value()))
    }

    fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
        Ok(self.mirrored(value, &law::cdf))
    }

    fn log_survival_function(&self, value: &Tensor) -> Result<Tensor> {
        Ok(self.mirrored(value, &law::log_cdf))
    }

    /// Between `loc − π` and `loc + π`.
    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        Ok(self.loc.value() + law::quantile(p, &self.concentration.value()))
    }

    fn inverse_survival_function(&self, p: &Tensor) -> Result<Tensor> {
        Ok(self.loc.value() - law::quantile(p, &self.concentration.value()))
    }

    fn reparameterization(&self) -> Reparameterization {
        Reparameterization::Implicitly
    }

    fn support(&self) -> Support {
        Support::Circle
    }

    fn validate_args(&self) -> bool {
        self.validate_args
    }

    fn kl_rules(&self) -> &'static [KlRule] {
        const { &[KlRule::of::<VonMises, VonMises>()] }
    }
}

/// ```text
/// D(k_p, k_q) + k_p (1 − cos(loc_q − loc_p)) I₁(k_q)/I₀(k_q)
/// ```
///
/// with the divergence `D` that `ln I₀` generates: the usual form, as in T. Kitagawa and J. Rowley, "von Mises–Fisher
/// distributions and their statistical divergence", arXiv:2202.05192, for the circle, without the terms that cancel.
impl KlDivergence<Self> for VonMises {
    fn kl_divergence_to(&self, p: &Self) -> Result<Tensor> {
        let (k_q, k_p) = (self.concentration.value(), p.concentration.value());
        let turn = law::versine_between(&self.loc.value(), &p.loc.value());
        Ok(log_bessel_i0_divergence(&k_p, &k_q) + k_p * turn * bessel_ratio(&k_q))
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::{LN_2, PI, TAU};

    use super::*;
    use crate::{DistributionError, kl_divergence};
    use tfn_tensor::Variable;

    #[test]
    fn bad_arguments_are_named() {
        let error = VonMises::new(0.0, -1.0).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "concentration", .. }));
        let error = VonMises::new(f64::INFINITY, 1.0).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "loc", .. }));
    }

    #[test]
    fn without_concentration_it_is_uniform() {
        let k = Variable::new("k", Tensor::scalar(0.0)).unwrap();
        let uniform = VonMises::new(1.0, &k).unwrap();
        let x = Tensor::scalar(2.5);
        let log_prob = uniform.log_prob(&x).unwrap();
        assert!((log_prob.item().unwrap() + TAU.ln()).abs() < 1e-15);
        // That of cos(x − loc).
        let slope = log_prob.gradients().unwrap().of(&k).item().unwrap();
        assert!((slope - 1.5_f64.cos()).abs() < 1e-15, "{slope}");
        let cdf = uniform.cdf(&x).unwrap().item().unwrap();
        assert!((cdf - 0.5 - 1.5 / TAU).abs() < 1e-15, "{cdf}");
        let back = uniform.quantile(&Tensor::scalar(cdf)).unwrap().item().unwrap();
        assert!((back - 2.5).abs() < 1e-14, "{back}");
        assert_eq!(uniform.variance().unwrap().item().unwrap(), 1.0);
        assert!((uniform.entropy().unwrap().item().unwrap() - TAU.ln()).abs() < 1e-15);
        let sample = uniform.sample(&[10_000], &mut Stream::from_seed(1)).unwrap();
        let mean = sample.square().mean().item().unwrap();
        assert!((mean - PI * PI / 3.0).abs() < 0.15, "{mean}");
        assert_eq!(kl_divergence(&uniform, &uniform).unwrap().item().unwrap(), 0.0);
    }

    #[test]
    fn once_around_the_cdf_is_one_more() {
        let k = Variable::new("k", Tensor::scalar(2.0)).unwrap();
        let von_mises = VonMises::new(1.0, &k).unwrap();
        let near = Tensor::from_vec(vec![-1.5, 0.3, 1.0, 4.0], &[4]);
        for turns in [-3.0, -1.0, 1.0, 400.0] {
            let far = &near + turns * TAU;
            let [there, here] = [&far, &near].map(|x| von_mises.cdf(x).unwrap());
            let slopes = [&there, &here].map(|cdf| cdf.sum().gradients().unwrap().of(&k));
            let off = (there - here - turns).abs().sum() + (&slopes[0] - &slopes[1]).abs();
            assert!(off.item().unwrap() < 1e-12, "{off:?}");
            let logs = von_mises.log_cdf(&far).unwrap().to_vec::<f64>().unwrap();
            let logs_above = von_mises.log_survival_function(&far).unwrap();
            let logs_above = logs_above.to_vec::<f64>().unwrap();
            let (negative, other) = if turns < 0.0 { (logs, logs_above) } else { (logs_above, logs) };
            assert_eq!(negative, [f64::NEG_INFINITY; 4]);
            assert!(other.iter().all(|log| *log > 0.0), "{other:?}");
        }
    }

    #[test]
    fn infinity_is_nowhere_on_the_circle() {
        let [k, x] = [("k", 2.0), ("x", f64::INFINITY)]
            .map(|(name, value)| Variable::new(name, Tensor::scalar(value)).unwrap());
        let log_prob = VonMises::new(0.0, &k).unwrap().log_prob(&x.tensor()).unwrap();
        assert_eq!(log_prob.item().unwrap(), f64::NEG_INFINITY);
        let gradients = log_prob.gradients().unwrap();
        assert_eq!([&k, &x].map(|v| gradients.of(v).item().unwrap()), [0.0; 2]);
        let nan = VonMises::new(0.0, 2.0).unwrap().cdf(&Tensor::scalar(f64::NAN)).unwrap();
        assert!(nan.item().unwrap().is_nan());
    }

    #[test]
    fn samples_move_as_quantiles_do_at_every_concentration() {
        for concentration in [1e-6, 0.3, 20.0, 1e6, 1e100] {
            let k = Variable::new("k", Tensor::scalar(concentration)).unwrap();
            let loc = Variable::new("loc", Tensor::scalar(0.0)).unwrap();
            let von_mises = VonMises::new(&loc, &k).unwrap();
            let sample = von_mises.sample(&[], &mut Stream::from_seed(3)).unwrap();
            let level = von_mises.cdf(&sample).unwrap().detach();
            let quantile = von_mises.quantile(&level).unwrap();
            let [(x, in_k, in_loc), expected] = [sample, quantile].map(|x| {
                let gradients = x.gradients().unwrap();
                let slope = |v: &Variable| gradients.of(v).item().unwrap();
                (x.item().unwrap(), slope(&k), slope(&loc))
            });
            assert!((x / expected.0 - 1.0).abs() < 1e-12, "{concentration}: {x} {expected:?}");
            assert!((in_k / expected.1 - 1.0).abs() < 1e-11, "{in_k} {expected:?}");
            assert_eq!((in_loc, expected.2), (1.0, 1.0));
        }
    }

    #[test]
    fn samples_of_every_concentration_have_the_circular_variance() {
        for concentration in [1e-6, 1.0, 1e6, 1e300] {
            let von_mises = VonMises::new(0.0, concentration).unwrap();
            let sample = von_mises.sample(&[20_000], &mut Stream::from_seed(2)).unwrap();
            let halves = (sample * 0.5).to_vec::<f64>().unwrap();
            let versine = halves.iter().map(|half| 2.0 * half.sin().powi(2)).sum::<f64>() / 2e4;
            let expected = von_mises.variance().unwrap().item().unwrap();
            // Twice its mean is the most that 1 − cos deviates by.
            assert!((versine / expected - 1.0).abs() < 0.05, "{versine} {expected}");
        }
    }

    #[test]
    fn far_from_each_other_and_near_divergences_are_exact() {
        // To the uniform one it is ln 2π less the entropy.
        let [q, p] = [3.0, 0.0].map(|k| VonMises::new(0.5, k).unwrap());
        let given = kl_divergence(&q, &p).unwrap().item().unwrap();
        let expected = TAU.ln() - q.entropy().unwrap().item().unwrap();
        assert!((given / expected - 1.0).abs() < 1e-14, "{given} {expected}");
        // Half of the square of the difference of locations over the variance, where the circle is a line.
        let [q, p] = [1.0, 1.0 + 1e-9 + TAU].map(|loc| VonMises::new(loc, 1e6).unwrap());
        let given = kl_divergence(&q, &p).unwrap().item().unwrap();
        assert!((given / 5e-13 - 1.0).abs() < 4e-6, "{given}");
        // ½(ln 2 − ½) between normals of variances 1 and 2.
        let [q, p] = [2e15, 1e15].map(|k| VonMises::new(1.0, k).unwrap());
        let given = kl_divergence(&q, &p).unwrap().item().unwrap();
        assert!((given / (0.5 * (LN_2 - 0.5)) - 1.0).abs() < 1e-14, "{given}");
    }
}
