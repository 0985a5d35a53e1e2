//! The truncated normal distribution.

use tfn_module::Module;
use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Tensor};

use super::Normal;
use crate::distribution::{Distribution, KlDivergence, KlRule, Reparameterization, validation};
use crate::error::Result;
use crate::masking::constant;
use crate::parameter::{Parameter, ParameterSpec};
use crate::special::scalar::gamma::LN_SQRT_2PI;
use crate::special::truncated_normal as law;
use crate::stable::not_below_zero;


/// The normal distribution with mean `loc` and standard deviation `scale`, kept to `[low, high]`.
///
/// Counterpart: `tfp.distributions.TruncatedNormal`. Either end may be infinite. Outside the log-density is minus infinity
/// with zero gradient.
///
/// ```text
/// log p(x) = −z²/2 − ln scale − ln ∫ exp(−t²/2) dt,   z = (x − loc)/scale,   t from (low − loc)/scale to (high − loc)/scale
/// ```
///
/// All is computed from the point of highest density, so that intervals far out in a tail, or narrow ones, lose no digits.
/// Samples are quantiles of uniforms.
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, TruncatedNormal};
/// use tfn_tensor::Tensor;
///
/// let positive = TruncatedNormal::new(0.0, 1.0, 0.0, f64::INFINITY)?;
/// assert!((positive.mean()?.item()? - std::f64::consts::FRAC_2_PI.sqrt()).abs() < 1e-15);
/// assert_eq!(positive.prob(&Tensor::scalar(-1.0))?.item()?, 0.0);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct TruncatedNormal {
    loc: Parameter,
    scale: Parameter,
    low: Parameter,
    high: Parameter,
    validate_args: bool,
}

family!(TruncatedNormal);

/// A function of a distance from `top`, of the distances of a [`View`], and of the scale.
type Tail = fn(&Tensor, [&Tensor; 3], &Tensor) -> Tensor;

/// The distribution as seen from where its density is highest.
struct View {
    top: Tensor,
    scale: Tensor,
    /// How far `top` is above `loc`, and how far the ends are below and above it.
    distances: [Tensor; 3],
    /// The same in units of the scale.
    m: Tensor,
    l: Tensor,
    r: Tensor,
}

impl View {
    fn shape(&self) -> [&Tensor; 3] {
        [&self.m, &self.l, &self.r]
    }

    fn distances(&self) -> [&Tensor; 3] {
        let [m, l, r] = &self.distances;
        [m, l, r]
    }

    /// `ln ∫ exp(−t²/2 + (top − loc)²/(2 scale²))` over the interval in `x`.
    fn log_total(&self) -> Tensor {
        law::log_total(self.distances(), &self.scale)
    }

    /// The probability of at most `x`, or another such function.
    fn below(&self, x: &Tensor, law: Tail) -> Tensor {
        law(&(x - &self.top), self.distances(), &self.scale)
    }

    /// The probability of more, which is that below of the mirrored distribution.
    fn above(&self, x: &Tensor, law: Tail) -> Tensor {
        let [m, l, r] = self.distances();
        law(&(&self.top - x), [&-m, r, l], &self.scale)
    }
}

impl TruncatedNormal {
    /// Normal distributions with these means and standard deviations before the truncation to `[low, high]`.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if a fixed `loc` is not finite, a fixed `scale` not positive, or
    /// fixed ends are not in order, if their shapes do not broadcast, or if their types differ.
    pub fn new(
        loc: impl Into<Parameter>,
        scale: impl Into<Parameter>,
        low: impl Into<Parameter>,
        high: impl Into<Parameter>,
    ) -> Result<Self> {
        let [loc, scale, low, high] =
            Parameter::unify([loc.into(), scale.into(), low.into(), high.into()]);
        let made = Self { loc, scale, low, high, validate_args: false }.checked()?;
        if made.low.is_fixed() && made.high.is_fixed() {
            validation::order(made.family(), &made.low, &made.high)?;
        }
        Ok(made)
    }

    /// The mean before the truncation.
    pub fn loc(&self) -> &Parameter {
        &self.loc
    }

    /// The standard deviation before the truncation.
    pub fn scale(&self) -> &Parameter {
        &self.scale
    }

    /// The lower end.
    pub fn low(&self) -> &Parameter {
        &self.low
    }

    /// The upper end.
    pub fn high(&self) -> &Parameter {
        &self.high
    }

    fn highest(&self) -> Tensor {
        self.loc.value().maximum(&self.low.value()).minimum(&self.high.value())
    }

    /// No result depends on the point from which it is computed: it carries no gradient.
    fn view(&self) -> View {
        let (top, scale) = (self.highest().detach(), self.scale.value());
        let one = constant(1.0, &scale);
        let to_end = |end: &Parameter, unit: &Tensor, sign| distance(&end.value(), &top, unit, sign);
        let m = &top - self.loc.value();
        View {
            l: to_end(&self.low, &scale, -1.0),
            r: to_end(&self.high, &scale, 1.0),
            distances: [m.clone(), to_end(&self.low, &one, -1.0), to_end(&self.high, &one, 1.0)],
            m: bounded(&(m / &scale)),
            top,
            scale,
        }
    }

    /// The same in `f64`: terms of a divergence nearly cancel where two distributions nearly agree.
    fn widened(&self) -> Self {
        let [loc, scale, low, high] =
            [&self.loc, &self.scale, &self.low, &self.high].map(Parameter::widened);
        Self { loc, scale, low, high, validate_args: self.validate_args }
    }

    /// `f` of the value, `below` and `above` with zero gradient outside.
    fn inside(
        &self,
        x: &Tensor,
        [below, above]: [f64; 2],
        f: &dyn Fn(&View, &Tensor) -> Tensor,
    ) -> Tensor {
        let [far_below, far_above] =
            [f64::NEG_INFINITY, f64::INFINITY].map(|far| x.eq(&constant(far, x)));
        // Ends may be infinite too.
        let is_below = x.lt(&self.low.value()).maximum(&far_below);
        let is_above = x.gt(&self.high.value()).maximum(&far_above);
        let view = self.view();
        let safe = Tensor::select(&(&is_below + &is_above), &view.top, x);
        let value = f(&view, &safe);
        let value = Tensor::select(&is_below, &constant(below, x), &value);
        Tensor::select(&is_above, &constant(above, x), &value)
    }
}

/// What is too far out for its square, or for the type, is brought to where it is not.
fn bounded(m: &Tensor) -> Tensor {
    let most = if m.dtype().ok() == Some(DType::F32) { 1e38 } else { 1e150 };
    m.clamp(-most, most)
}

/// `sign·(end − top)/unit`; an infinite end stays where it is.
fn distance(end: &Tensor, top: &Tensor, unit: &Tensor, sign: f64) -> Tensor {
    let is_finite = end.abs().lt(&constant(f64::INFINITY, end));
    let near = (Tensor::select(&is_finite, end, top) - top) / unit * sign;
    Tensor::select(&is_finite, &near, &constant(f64::INFINITY, end))
}

impl Distribution for TruncatedNormal {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![
            self.loc.real("loc"),
            self.scale.positive("scale"),
            self.low.extended("low"),
            self.high.extended("high"),
        ]
    }

    fn check_values(&self) -> Result<()> {
        validation::all_values(&self)?;
        validation::order(self.family(), &self.low, &self.high)
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        Ok(self.inside(x, [f64::NEG_INFINITY; 2], &|view, x| {
            let u = (x - &view.top) / &view.scale;
            -(&u * (&u * 0.5 + &view.m)) - view.log_total()
        }))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        self.quantile(&stream.uniform_open(shape, self.dtype()?))
    }

    fn mean(&self) -> Result<Tensor> {
        let view = self.view();
        self.spread(&(&view.top + &view.scale * law::mean(view.shape())))
    }

    fn variance(&self) -> Result<Tensor> {
        let view = self.view();
        self.spread(&(law::variance(view.shape()) * view.scale.square()))
    }

    fn stddev(&self) -> Result<Tensor> {
        let view = self.view();
        self.spread(&(law::variance(view.shape()).sqrt() * view.scale))
    }

    fn mode(&self) -> Result<Tensor> {
        self.spread(&self.highest())
    }

    fn entropy(&self) -> Result<Tensor> {
        let view = self.view();
        self.spread(&(law::entropy(view.shape()) + view.scale.ln()))
    }

    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        Ok(self.inside(value, [0.0, 1.0], &|view, x| view.below(x, law::cdf)))
    }

    fn log_cdf(&self, value: &Tensor) -> Result<Tensor> {
        let ends = [f64::NEG_INFINITY, 0.0];
        Ok(self.inside(value, ends, &|view, x| view.below(x, law::log_cdf)))
    }

    fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
        Ok(self.inside(value, [1.0, 0.0], &|view, x| view.above(x, law::cdf)))
    }

    fn log_survival_function(&self, value: &Tensor) -> Result<Tensor> {
        let ends = [0.0, f64::NEG_INFINITY];
        Ok(self.inside(value, ends, &|view, x| view.above(x, law::log_cdf)))
    }

    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        let view = self.view();
        let is_low = p.le(&constant(0.5, p));
        let end = Tensor::select(&is_low, &self.low.value(), &self.high.value());
        let is_from_end = law::is_from_end(p, view.distances(), &view.scale);
        let start = Tensor::select(&is_from_end, &end, &view.top);
        Ok(start + law::quantile(p, view.distances(), &view.scale))
    }

    fn inverse_survival_function(&self, p: &Tensor) -> Result<Tensor> {
        // The quantile of the mirror image, with the ends exchanged.
        let view = self.view();
        let [m, l, r] = view.distances();
        let mirrored = [&-m, r, l];
        let is_high = p.le(&constant(0.5, p));
        let end = Tensor::select(&is_high, &self.high.value(), &self.low.value());
        let is_from_end = law::is_from_end(p, mirrored, &view.scale);
        let start = Tensor::select(&is_from_end, &end, &view.top);
        Ok(start - law::quantile(p, mirrored, &view.scale))
    }

    fn reparameterization(&self) -> Reparameterization {
        Reparameterization::Fully
    }

    fn validate_args(&self) -> bool {
        self.validate_args
    }

    fn kl_rules(&self) -> &'static [KlRule] {
        const {
            &[
                KlRule::of::<TruncatedNormal, TruncatedNormal>(),
                KlRule::of::<TruncatedNormal, Normal>(),
            ]
        }
    }
}

/// The cross-entropy minus the entropy, by mean and variance of `q`; infinite with zero gradient unless `q` lies inside
/// `p`.
///
/// # References
/// F. Nielsen, Statistical divergences between densities of truncated exponential families with nested supports, Entropy
/// 24 (2022), section 4: a Bregman divergence of the logarithms of both integrals; here without the terms that cancel.
impl KlDivergence<Self> for TruncatedNormal {
    fn kl_divergence_to(&self, p: &Self) -> Result<Tensor> {
        let view = p.widened().view();
        let value = divergence(&self.widened().view(), &view, &view.log_total());
        let value = value.cast(self.loc.value().dtype()?);
        let low = p.low.value().le(&self.low.value());
        let inside = low * self.high.value().le(&p.high.value());
        Ok(Tensor::select(&inside, &value, &constant(f64::INFINITY, &value)))
    }
}

/// That to a truncated normal whose ends are infinite.
impl KlDivergence<Normal> for TruncatedNormal {
    fn kl_divergence_to(&self, p: &Normal) -> Result<Tensor> {
        let [top, scale] = [p.loc(), p.scale()].map(|value| value.value().cast(DType::F64));
        let log_total = scale.ln() + LN_SQRT_2PI;
        let [m, far] = [0.0, f64::INFINITY].map(|value| constant(value, &top));
        let distances = [m.clone(), far.clone(), far.clone()];
        let view = View { top, scale, distances, m, l: far.clone(), r: far };
        let value = divergence(&self.widened().view(), &view, &log_total);
        Ok(value.cast(self.loc.value().dtype()?))
    }
}

/// `E[log q − log p]` where `p` is given by its `top`, `scale`, `m` and the logarithm of its integral.
fn divergence(q: &View, p: &View, log_total_p: &Tensor) -> Tensor {
    let mean = law::mean(q.shape());
    let square = law::variance(q.shape()) + mean.square();
    // Seen from the top of p the value is shift + ratio·u.
    let (shift, ratio) = ((&q.top - &p.top) / &p.scale, &q.scale / &p.scale);
    let squares = (ratio.square() - 1.0) * square * 0.5;
    let slopes = (&shift * &ratio + &p.m * &ratio - &q.m) * mean;
    let value = log_total_p - q.log_total() + squares + slopes + &shift * (&shift * 0.5 + &p.m);
    not_below_zero(&value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DistributionError, kl_divergence};
    use tfn_tensor::Variable;

    #[test]
    fn far_tails_have_their_slopes() {
        // φ(z)/Φ(−z) = z + 1/z − …, over the scale, where the other end is far enough.
        for (low, high, scale, x, exact) in [
            (-1e10, 1e10, 1.0, 10.0, 10.098_093_233_962_512),
            (-1e10, f64::INFINITY, 1.0, 1e4, 10_000.000_1),
            (f64::NEG_INFINITY, 1e10, 1.0, 1e8, 1e8),
            (1.0, f64::INFINITY, 1e-8, 1.5, 1.5e16),
        ] {
            let value = Variable::new("value", Tensor::scalar(x)).unwrap();
            let slope = |tail: Tensor| tail.gradients().unwrap().of(&value).item().unwrap();
            let above = TruncatedNormal::new(0.0, scale, low, high).unwrap();
            let below = TruncatedNormal::new(0.0, scale, -high, -low).unwrap();
            let above = slope(above.log_survival_function(&value.tensor()).unwrap());
            let below = slope(below.log_cdf(&-value.tensor()).unwrap());
            assert!((above / -exact - 1.0).abs() < 1e-13 && above == below, "{above} {below}");
        }
    }

    #[test]
    fn bad_arguments_are_named() {
        let error = TruncatedNormal::new(0.0, 1.0, 2.0, 2.0).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "high", .. }));
        assert!(TruncatedNormal::new(0.0, 0.0, 1.0, 2.0).is_err());
        assert!(TruncatedNormal::new(0.0, 1.0, f64::NAN, 2.0).is_err());
        let infinity = f64::INFINITY;
        assert!(TruncatedNormal::new(0.0, 1.0, infinity, infinity).is_err());
    }

    #[test]
    fn without_ends_it_is_the_normal_distribution() {
        let scale = Variable::new("scale", Tensor::scalar(2.0)).unwrap();
        let whole =
            TruncatedNormal::new(1.0, &scale, f64::NEG_INFINITY, f64::INFINITY).unwrap();
        let normal = Normal::new(1.0, &scale).unwrap();
        let x = Tensor::from_vec(vec![-70.0, 0.3, 1.0, 30.0], &[4]);
        let (given, expected) = (whole.log_prob(&x).unwrap(), normal.log_prob(&x).unwrap());
        let off = (&given - &expected).abs().sum().item().unwrap();
        assert!(off < 1e-12, "{off}");
        let slope = |y: Tensor| y.sum().gradients().unwrap().of(&scale).item().unwrap();
        assert!((slope(given) / slope(expected) - 1.0).abs() < 1e-14);
        let tail = whole.log_cdf(&x).unwrap() / normal.log_cdf(&x).unwrap() - 1.0;
        let tail = tail.to_vec::<f64>().unwrap();
        assert!(tail.iter().all(|off| off.abs() < 1e-12), "{tail:?}");
        assert_eq!(kl_divergence(&whole, &normal).unwrap().item().unwrap(), 0.0);
    }

    #[test]
    fn outside_there_is_no_density_and_no_slope() {
        let low = Variable::new("low", Tensor::scalar(0.0)).unwrap();
        let x = vec![-1.0, f64::NEG_INFINITY, f64::INFINITY];
        let x = Variable::new("x", Tensor::from_vec(x, &[3])).unwrap();
        let truncated = TruncatedNormal::new(0.0, 1.0, &low, 2.0).unwrap();
        let log_prob = truncated.log_prob(&x.tensor()).unwrap();
        assert_eq!(log_prob.to_vec::<f64>().unwrap(), [f64::NEG_INFINITY; 3]);
        let gradients = log_prob.sum().gradients().unwrap();
        assert_eq!(gradients.of(&x).to_vec::<f64>().unwrap(), [0.0; 3]);
        assert_eq!(gradients.of(&low).item().unwrap(), 0.0);
        assert!(truncated.log_prob(&Tensor::scalar(f64::NAN)).unwrap().item().unwrap().is_nan());
    }

    #[test]
    fn quantiles_near_an_end_at_0_keep_their_digits() {
        let truncated = TruncatedNormal::new(3.0, 1.0, 0.0, 5.0).unwrap();
        let x = truncated.quantile(&Tensor::scalar(1e-30)).unwrap();
        let back = truncated.prob(&Tensor::scalar(0.0)).unwrap() * &x * 1e30;
        assert!((back.item().unwrap() - 1.0).abs() < 1e-14);
    }

    /// On `[0, h]` with `h` far below the scale `s` the outcome is nearly `h p`, and moves by `h³(p − p³)/(3s³)`; without an upper
    /// end it goes with the scale.
    #[test]
    fn outcomes_move_with_the_scale() {
        for (dtype, scale, near) in [(DType::F64, 1e5, 1e-9), (DType::F32, 1e12, 1e-6)] {
            let (number, infinity) = (|x: f64| Tensor::from_f64(&[x], &[1], dtype), f64::INFINITY);
            let unit = if dtype == DType::F64 { 1.0 } else { 1e7 };
            for p in [0.2, 0.8] {
                let slope = |high: f64| {
                    let of = Variable::new("scale", number(scale)).unwrap();
                    let law = TruncatedNormal::new(number(0.0), &of, number(0.0), number(high));
                    let law = law.unwrap();
                    let outcomes = [
                        law.quantile(&number(p)).unwrap(),
                        law.inverse_survival_function(&number(1.0 - p)).unwrap(),
                    ];
                    outcomes.map(|x| {
                        let slope = x.sum().gradients().unwrap().of(&of).to_f64_vec().unwrap()[0];
                        (slope, x.to_f64_vec().unwrap()[0])
                    })
                };
                let expected = unit * unit * unit * (p - p * p * p) / (3.0 * scale.powi(3));
                for (given, _) in slope(unit) {
                    assert!((given / expected - 1.0).abs() < near, "{dtype:?} {p}: {given} {expected}");
                }
                for (given, x) in slope(infinity) {
                    assert!((given * scale / x - 1.0).abs() < near, "{dtype:?} {p}: {given} {x}");
                }
            }
        }
    }

    #[test]
    fn a_narrower_support_makes_the_divergence_infinite() {
        let wide = TruncatedNormal::new(0.0, 1.0, -2.0, 2.0).unwrap();
        let narrow = TruncatedNormal::new(0.0, 1.0, -1.0, 2.0).unwrap();
        assert_eq!(kl_divergence(&wide, &wide).unwrap().item().unwrap(), 0.0);
        assert_eq!(kl_divergence(&wide, &narrow).unwrap().item().unwrap(), f64::INFINITY);
        // The logarithm of the ratio of both masses: mpmath, 50 digits.
        let inside = kl_divergence(&narrow, &wide).unwrap().item().unwrap();
        assert!((inside - 0.153_598_382_032_072_42).abs() < 1e-15, "{inside}");
    }
}
