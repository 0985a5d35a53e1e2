//! The logit-normal distribution.

use tfn_module::Module;
use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Pointwise, Tensor, pointwise};

use super::Normal;
use crate::bijectors::Sigmoid;
use crate::distribution::{Distribution, Reparameterization, Structure};
use crate::error::Result;
use crate::masking::{at_probability, in_unit_interval};
use crate::parameter::{Parameter, ParameterSpec};
use crate::special::ndtri;
use crate::stable::logit;
use crate::standardizing::placed;

/// The logit-normal distribution on (0, 1): that of `1/(1 + exp(−y))` for a normal `y` with mean `loc` and standard deviation
/// `scale`.
///
/// Counterpart: `tfp.distributions.LogitNormal`. At 0, at 1 and outside the log-density is minus infinity with zero
/// gradient. Draws that rounding would take to 0 or 1 are the numbers beside them. Mean, variance and entropy have no
/// closed form, and there are none here (TFP has `mean_approx` and its kin). Of two modes, which there can be for a `scale` above
/// `√2`, [`mode`](Distribution::mode) is the higher one, and that above ½ if both are as high.
///
/// ```text
/// log p(x) = −z²/2 − ln scale − ln sqrt(2π) − ln x − ln(1 − x),   z = (ln(x/(1 − x)) − loc)/scale
/// ```
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, LogitNormal};
/// use tfn_tensor::Tensor;
///
/// let share = LogitNormal::new(0.0, 1.5)?;
/// assert_eq!(share.cdf(&Tensor::scalar(0.5))?.item()?, 0.5);
/// let [low, high] = [0.05, 0.95].map(|p| share.quantile(&Tensor::scalar(p)));
/// assert!((low?.item()? + high?.item()? - 1.0).abs() < 1e-15);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
///
/// # References
/// J. Atchison and S. M. Shen, Logistic-normal distributions: some properties and uses, Biometrika 67 (1980).
#[derive(Clone, Debug, Module)]
pub struct LogitNormal {
    loc: Parameter,
    scale: Parameter,
    validate_args: bool,
}

family!(LogitNormal);

impl LogitNormal {
    /// Distributions of the logistic functions of normals with means `loc` and standard deviations `scale`.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if a fixed `loc` is not finite or a fixed `scale` not
    /// positive, if their shapes do not broadcast, or if their types differ.
    pub fn new(loc: impl Into<Parameter>, scale: impl Into<Parameter>) -> Result<Self> {
        let [loc, scale] = Parameter::unify([loc.into(), scale.into()]);
        Self { loc, scale, validate_args: false }.checked()
    }

    /// The mean of the log-odds.
    pub fn loc(&self) -> &Parameter {
        &self.loc
    }

    /// The standard deviation of the log-odds.
    pub fn scale(&self) -> &Parameter {
        &self.scale
    }

    /// `z` of an `x` between 0 and 1.
    fn standardized(&self, x: &Tensor) -> Tensor {
        (logit(x) - self.loc.value()) / self.scale.value()
    }

    /// The outcome `z` standard deviations from the middle, at levels other than 0 and 1.
    fn outcome(&self, z: &Tensor) -> Tensor {
        placed(&self.loc.value(), &self.scale.value(), z).sigmoid()
    }

    /// `x` between 0 and 1, as all outcomes are, where rounding took it to one of them.
    fn inside(&self, x: &Tensor) -> Result<Tensor> {
        let [least, rest] = match self.dtype()? {
            DType::F32 => [f64::from(f32::MIN_POSITIVE), f64::from(f32::EPSILON) / 2.0],
            DType::F64 => [f64::MIN_POSITIVE, f64::EPSILON / 2.0],
        };
        Ok(x.clamp(least, 1.0 - rest))
    }
}

/// The log-odds of the mode, a root of `y − loc − scale² tanh(y/2)`.
const MODE_LOGIT: Pointwise<2> = Pointwise {
    name: "logit_normal_mode",
    value: |[loc, scale]| mode_logit(loc, scale),
    partials: [
        |[_, scale], y| 1.0 / mode_slope(scale, y),
        |[_, scale], y| 2.0 * scale * (0.5 * y).tanh() / mode_slope(scale, y),
    ],
};

fn mode_slope(scale: f64, y: f64) -> f64 {
    1.0 - 0.5 * scale * scale * (1.0 - (0.5 * y).tanh().powi(2))
}

/// On the side of `loc` the function is convex, so that Newton's method comes down to the outermost root.
fn mode_logit(loc: f64, scale: f64) -> f64 {
    const MOST_STEPS: usize = 200;
    let (size, variance) = (loc.abs(), scale * scale);
    if loc == 0.0 && variance <= 2.0 {
        return 0.0;
    }
    let mut y = size + variance;
    for _ in 0..MOST_STEPS {
        let step = (y - size - variance * (0.5 * y).tanh()) / mode_slope(scale, y);
        if step.is_nan() || step <= f64::EPSILON * y {
            break;
        }
        y -= step;
    }
    if loc < 0.0 { -y } else { y }
}

impl Distribution for LogitNormal {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![self.loc.real("loc"), self.scale.positive("scale")]
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        let none = f64::NEG_INFINITY;
        Ok(in_unit_interval(x, [none, none], &|x| {
            // −ln x − ln(1 − x) by the log-odds too: beside 0 the slopes of both parts in x may overflow, with both signs.
            let log_odds = logit(x);
            let density = Tensor::normal_log_prob(&log_odds, &self.loc.value(), &self.scale.value());
            density - log_odds.log_sigmoid() - (-log_odds).log_sigmoid()
        }))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let noise = stream.normal(shape, self.dtype()?);
        let log_odds = Tensor::normal_sample(&self.loc.value(), &self.scale.value(), &noise);
        self.inside(&log_odds.sigmoid())
    }

    fn mode(&self) -> Result<Tensor> {
        let log_odds = pointwise(MODE_LOGIT, [&self.loc.value(), &self.scale.value()]);
        self.spread(&self.inside(&log_odds.sigmoid())?)
    }

    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        Ok(in_unit_interval(value, [0.0, 1.0], &|x| self.standardized(x).ndtr()))
    }

    fn log_cdf(&self, value: &Tensor) -> Result<Tensor> {
        let ends = [f64::NEG_INFINITY, 0.0];
        Ok(in_unit_interval(value, ends, &|x| self.standardized(x).log_ndtr()))
    }

    fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
        Ok(in_unit_interval(value, [1.0, 0.0], &|x| (-self.standardized(x)).ndtr()))
    }

    fn log_survival_function(&self, value: &Tensor) -> Result<Tensor> {
        let ends = [0.0, f64::NEG_INFINITY];
        Ok(in_unit_interval(value, ends, &|x| (-self.standardized(x)).log_ndtr()))
    }

    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        let inside = in_unit_interval(p, [0.0, 1.0], &|p| self.outcome(&ndtri(p)));
        Ok(at_probability(p, &inside))
    }

    fn inverse_survival_function(&self, p: &Tensor) -> Result<Tensor> {
        let inside = in_unit_interval(p, [1.0, 0.0], &|p| self.outcome(&-ndtri(p)));
        Ok(at_probability(p, &inside))
    }

    fn reparameterization(&self) -> Reparameterization {
        Reparameterization::Fully
    }

    fn validate_args(&self) -> bool {
        self.validate_args
    }

    /// Divergences are those of the normals.
    fn structure(&self) -> Structure {
        Normal::new(self.loc.clone(), self.scale.clone()).map_or(Structure::Simple, |normal| {
            Structure::Transformed { base: normal.into(), bijector: Sigmoid::new().into() }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tfn_tensor::testing::check_gradients;

    fn row(values: &[f64]) -> Tensor {
        Tensor::from_vec(values.to_vec(), &[values.len()])
    }

    fn read(tensor: Result<Tensor>) -> Vec<f64> {
        tensor.unwrap().to_f64_vec().unwrap()
    }

    /// By mpmath with 50 digits.
    #[test]
    fn densities_and_tails_have_their_digits() {
        let share = LogitNormal::new(0.3, 0.8).unwrap();
        let x = row(LOG_PROB_AT);
        for (given, expected) in [
            (read(share.log_prob(&x)), LOG_PROB),
            (read(share.log_cdf(&x)), LOG_CDF),
            (read(share.log_survival_function(&x)), LOG_SURVIVAL),
        ] {
            for (given, expected) in given.iter().zip(expected) {
                // A tail of less than 1e-140 is nothing beside 1.
                assert!((given - expected).abs() < 1e-14 * expected.abs() + 1e-140, "{given} {expected}");
            }
        }
    }

    #[test]
    fn at_the_ends_and_outside_there_is_nothing() {
        let share = LogitNormal::new(0.3, 0.8).unwrap();
        let x = row(&[f64::NEG_INFINITY, -1.0, 0.0, 1.0, 2.0, f64::INFINITY]);
        assert_eq!(read(share.log_prob(&x)), [f64::NEG_INFINITY; 6]);
        assert_eq!(read(share.cdf(&x)), [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
        assert_eq!(read(share.quantile(&row(&[0.0, 1.0]))), [0.0, 1.0]);
        assert_eq!(read(share.inverse_survival_function(&row(&[0.0, 1.0]))), [1.0, 0.0]);
        for value in [share.quantile(&row(&[-0.1, 1.1])), share.log_prob(&row(&[f64::NAN]))] {
            assert!(read(value).iter().all(|x| x.is_nan()));
        }
    }

    #[test]
    fn the_mode_is_the_higher_of_two() {
        let (loc, scale) = (row(&[0.0, 0.0, 0.1, -0.1, 3.0, -2.0, 1e-9]), row(&[1.0, 4.0, 4.0, 4.0, 1.0, 0.1, 1.5]));
        let share = LogitNormal::new(loc.clone(), scale.clone()).unwrap();
        let best = read(share.mode().and_then(|mode| share.log_prob(&mode)));
        for step in 1..2000 {
            let x = Tensor::scalar(f64::from(step) / 2000.0);
            for (best, there) in best.iter().zip(read(share.log_prob(&x))) {
                assert!(there <= best + 1e-12, "{best} {there}");
            }
        }
        assert_eq!(read(share.mode())[0], 0.5);
        let [loc, scale] = [loc, scale].map(|t| t.narrow(0, 2, 4));
        check_gradients(&[loc, scale], |v| LogitNormal::new(&v[0], &v[1]).unwrap().mode().unwrap()).unwrap();
    }

    /// Near 0 the slope is `(tanh(y/2) − z/scale)/x`, which the type may be too small for.
    #[test]
    fn slopes_beside_zero_are_no_nan() {
        for (dtype, x) in [(DType::F32, 1e-40), (DType::F64, 5e-324)] {
            for (loc, limit) in [(0.5, f64::INFINITY), (-1e3, f64::NEG_INFINITY)] {
                let of = |x: f64| Tensor::from_f64(&[x], &[1], dtype);
                let x = tfn_tensor::Variable::new("x", of(x)).unwrap();
                let share = LogitNormal::new(of(loc), of(1.5)).unwrap();
                let slope = |y: Result<Tensor>| read(Ok(y.unwrap().sum().gradients().unwrap().of(&x)))[0];
                assert_eq!(slope(share.log_prob(&x.tensor())), limit);
                for tail in [share.cdf(&x.tensor()), share.log_cdf(&x.tensor())] {
                    assert!(slope(tail) >= 0.0);
                }
                for tail in [share.survival_function(&x.tensor()), share.log_survival_function(&x.tensor())] {
                    assert!(slope(tail) <= 0.0);
                }
            }
        }
    }

    #[test]
    fn draws_stay_inside_in_both_types() {
        for dtype in [DType::F32, DType::F64] {
            let [loc, scale] = [[40.0, -800.0], [3.0, 100.0]].map(|v| Tensor::from_f64(&v, &[2], dtype));
            let share = LogitNormal::new(loc, scale).unwrap();
            let x = share.sample(&[500], &mut Stream::from_seed(1)).unwrap();
            assert!(read(Ok(x.clone())).iter().all(|x| (0.0..1.0).contains(x) && *x > 0.0));
            assert!(read(share.log_prob(&x)).iter().all(|l| l.is_finite()));
        }
    }

    const LOG_PROB_AT: &[f64] = &[1e-300, 1e-9, 0.3, 0.5, 0.999_999_999];
    const LOG_PROB: &[f64] = &[-372423.50250129827, -325.2676122758749, -0.1635006558516191, 0.6201868792294276, -305.83955142890795];
    const LOG_CDF: &[f64] = &[-373121.2625667593, -349.48423776973266, -2.5800702781162963, -1.0389380477494337, 0.0];
    const LOG_SURVIVAL: &[f64] = &[0.0, 0.0, -0.0787928912216041, -0.4366930130175385, -330.0273076588644];
}
