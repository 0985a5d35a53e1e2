//! Distributions seen through a bijector.

use std::sync::Arc;

use tfn_module::Module;
use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Tensor};

use super::{Independent, LogNormal, LogitNormal};
use super::saturated_draws::SaturatedDraws;
use crate::axes::sum_last;
use crate::bijectors::{Bijector, Chain, Exp, IntoBijector, Sigmoid, steps};
use crate::distribution::{Distribution, IntoDistribution, Reparameterization, Structure};
use crate::error::{DistributionError, Result};
use crate::masking::{all_last, only_where};
use crate::parameter::ParameterSpec;

mod change;
mod range;
mod tails;

use change::with_change;
use range::unless_all_outside;

/// The distribution of `bijector.forward(x)` for `x` from `distribution`.
///
/// Counterpart: `tfp.distributions.TransformedDistribution`.
///
/// ```text
/// log p(y) = log p_x(f⁻¹(y)) + ln |(f⁻¹)′(y)|
/// ```
/// Outside the range of the bijector the log-density is minus infinity with zero gradient. A draw that was rounded to the end of
/// the range (a `tanh` to 1) has its own density all the same, if this object, not a clone of it, is given the very tensor that
/// [`sample`](Distribution::sample) returned, not a part or a copy of it: what it was before the bijector, as that was then, is
/// kept as long as the draw. Through an affine
/// bijector the mean is known, through one that is affine entry by entry the variance too, and a normal stays a
/// normal. A normal through [`Exp`] or [`Sigmoid`] has what [`LogNormal`] and [`LogitNormal`] have.
///
/// # Shapes
/// A bijector of vectors or matrices takes as many last axes of the batch of `distribution` into the event as it
/// needs: [`distribution`](Self::distribution) then is the [`Independent`] of what was given.
///
/// # Examples
/// A log-normal distribution:
/// ```
/// use tfn_distributions::{Distribution, Normal, TransformedDistribution, bijectors::Exp};
/// use tfn_tensor::Tensor;
///
/// let log_normal = TransformedDistribution::new(Normal::new(0.0, 1.0)?, Exp::new())?;
/// let prob = log_normal.prob(&Tensor::from_vec(vec![-1.0, 1.0], &[2]))?.to_vec::<f64>()?;
/// assert!(prob[0] == 0.0 && (prob[1] - 0.3989422804014327).abs() < 1e-15);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct TransformedDistribution {
    distribution: Arc<dyn Distribution>,
    bijector: Arc<dyn Bijector>,
    #[module(skip)]
    saturated: SaturatedDraws,
    validate_args: bool,
}

family!(TransformedDistribution);

impl TransformedDistribution {
    /// `distribution` seen through `bijector`.
    ///
    /// # Errors
    /// [`DistributionError::Shape`] if batch and event have fewer axes than the bijector needs or another shape
    /// than it takes, or if it widens the batch.
    pub fn new(distribution: impl IntoDistribution, bijector: impl IntoBijector) -> Result<Self> {
        let (distribution, bijector) = (distribution.into_distribution(), bijector.into_bijector());
        let distribution = raised(distribution, bijector.forward_min_event_ndims())?;
        let saturated = SaturatedDraws::default();
        let made = Self { distribution, bijector, saturated, validate_args: false };
        let through = made.bijector.forward(&Tensor::zeros(&made.shape_before()?, made.dtype()?));
        let shape = [made.batch_shape()?, made.event_shape()?].concat();
        if through.shape()? != shape {
            return Err(DistributionError::Shape {
                family: "TransformedDistribution",
                argument: "bijector",
                given: through.shape()?.to_vec(),
                expected: format!("parameters that broadcast into {shape:?}"),
            });
        }
        Ok(made)
    }

    /// The distribution before the bijector.
    pub fn distribution(&self) -> &Arc<dyn Distribution> {
        &self.distribution
    }

    /// The bijector.
    pub fn bijector(&self) -> &Arc<dyn Bijector> {
        &self.bijector
    }

    /// A number in the type of the distribution.
    fn number(&self, value: f64) -> Result<Tensor> {
        Ok(Tensor::scalar_of(value, self.dtype()?))
    }

    /// Batch and event before the bijector.
    fn shape_before(&self) -> Result<Vec<usize>> {
        Ok([self.distribution.batch_shape()?, self.distribution.event_shape()?].concat())
    }

    fn unsupported<T>(&self, method: &'static str) -> Result<T> {
        Err(DistributionError::Unsupported { family: self.family(), method })
    }

    /// `(scale, shift)` of a bijector that is affine entry by entry.
    fn affine(&self, method: &'static str) -> Result<(Tensor, Tensor)> {
        self.bijector.affine(&self.number(0.0)?).map_or_else(|| self.unsupported(method), Ok)
    }

    /// The family of its own that a normal is through this bijector; its batch is batch and event of this one.
    fn named(&self, method: &'static str) -> Result<Arc<dyn Distribution>> {
        let Structure::Transformed { base, bijector } = self.structure() else {
            return self.unsupported(method);
        };
        let Some((loc, scale)) = base.elementwise_normal() else {
            return self.unsupported(method);
        };
        let made: Result<Arc<dyn Distribution>> = if bijector.is_same(&Exp::new()) {
            LogNormal::new(loc, scale).map(Into::into)
        } else if bijector.is_same(&Sigmoid::new()) {
            LogitNormal::new(loc, scale).map(Into::into)
        } else {
            return self.unsupported(method);
        };
        match made {
            // A mean that overflowed on the way through a chain.
            Err(DistributionError::Argument { .. }) => self.unsupported(method),
            made => made,
        }
    }

    /// Where the bijector increases, 1, and where it decreases, 0.
    fn increasing(&self, method: &'static str) -> Result<Tensor> {
        self.bijector
            .is_increasing(&self.number(0.0)?)
            .map_or_else(|| self.unsupported(method), Ok)
    }
}

/// `distribution` with as many last batch axes as event axes as events of `event_ndims` axes need.
fn raised(distribution: Arc<dyn Distribution>, event_ndims: usize) -> Result<Arc<dyn Distribution>> {
    let (batch, event) = (distribution.batch_shape()?, distribution.event_shape()?);
    let missing = event_ndims.saturating_sub(event.len());
    if missing == 0 {
        return Ok(distribution);
    }
    if missing > batch.len() {
        return Err(DistributionError::Shape {
            family: "TransformedDistribution",
            argument: "distribution",
            given: [batch, event].concat(),
            expected: format!("at least {event_ndims} axes of batch and event for the bijector"),
        });
    }
    Ok(Independent::new(distribution, missing)?.into())
}

impl Distribution for TransformedDistribution {
    methods_of_distribution!();

    fn batch_shape(&self) -> Result<Vec<usize>> {
        self.distribution.batch_shape()
    }

    fn event_shape(&self) -> Result<Vec<usize>> {
        self.bijector.forward_shape(&self.distribution.event_shape()?)
    }

    fn log_prob_of(&self, y: &Tensor) -> Result<Tensor> {
        let event_ndims = self.event_shape()?.len();
        let (inside, mask) = self.inside(y)?;
        let x = self.bijector.inverse(&inside);
        let density = self.distribution.log_prob(&x)?;
        let change = self.change(&x, &inside, event_ndims)?;
        let log_prob = with_change(&density, &change)?;
        let Some(mask) = mask else {
            return Ok(log_prob);
        };
        let over = event_ndims.saturating_sub(self.bijector.inverse_min_event_ndims());
        let mask = all_last(&mask, over);
        match self.saturated.before(y) {
            None => unless_all_outside(&mask, only_where(&mask, &log_prob)),
            Some(x) => {
                let ndims = self.distribution.event_shape()?.len();
                let change = self.bijector.forward_log_det_jacobian_over(&x, ndims);
                Ok(Tensor::select(&mask, &log_prob, &(self.distribution.log_prob(&x)? - change)))
            }
        }
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let outer = &shape[..shape.len().saturating_sub(self.event_shape()?.len())];
        let before = [outer, &self.distribution.event_shape()?].concat();
        let x = self.distribution.sample_of(&before, stream)?;
        let y = self.bijector.forward(&x);
        if !self.bijector.is_affine() && self.inside_mask(&y)?.is_some() {
            self.saturated.keep(&y, &x);
        }
        Ok(y)
    }

    fn mean(&self) -> Result<Tensor> {
        if self.bijector.is_affine() {
            return Ok(self.bijector.forward(&self.distribution.mean()?));
        }
        self.named("mean")?.mean()
    }

    fn variance(&self) -> Result<Tensor> {
        match self.affine("variance") {
            Ok((scale, _)) => Ok(self.distribution.variance()? * scale.square()),
            Err(_) => self.named("variance")?.variance(),
        }
    }

    fn mode(&self) -> Result<Tensor> {
        if self.bijector.is_affine() {
            return Ok(self.bijector.forward(&self.distribution.mode()?));
        }
        self.named("mode")?.mode()
    }

    fn entropy(&self) -> Result<Tensor> {
        if !self.bijector.is_affine() {
            let each = self.named("entropy")?.entropy()?;
            return Ok(sum_last(&each, self.event_shape()?.len()).check()?);
        }
        // The determinant is the same everywhere.
        let anywhere = Tensor::zeros(&self.shape_before()?, self.dtype()?);
        let ndims = self.distribution.event_shape()?.len();
        let change = self.bijector.forward_log_det_jacobian_over(&anywhere, ndims);
        Ok(self.distribution.entropy()? + change)
    }

    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        self.cdf_through(value)
    }

    fn log_cdf(&self, value: &Tensor) -> Result<Tensor> {
        self.log_cdf_through(value)
    }

    fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
        self.survival_function_through(value)
    }

    fn log_survival_function(&self, value: &Tensor) -> Result<Tensor> {
        self.log_survival_function_through(value)
    }

    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        self.at_level(p, "quantile", [|d, p| d.quantile(p), |d, p| d.inverse_survival_function(p)])
    }

    fn inverse_survival_function(&self, p: &Tensor) -> Result<Tensor> {
        self.at_level(
            p,
            "inverse_survival_function",
            [|d, p| d.inverse_survival_function(p), |d, p| d.quantile(p)],
        )
    }

    /// One step of the bijector at a time, so that functions meet that were put together in other ways.
    fn structure(&self) -> Structure {
        let steps = steps(&self.bijector);
        let (base, bijector) = (self.distribution.clone(), self.bijector.clone());
        match steps.split_first() {
            None => Structure::Transformed { base, bijector },
            Some((last, [])) => Structure::Transformed { base, bijector: last.clone() },
            Some((last, rest)) => match Self::new(base.clone(), Chain::new(rest)) {
                Ok(before) => Structure::Transformed { base: before.into(), bijector: last.clone() },
                Err(_) => Structure::Transformed { base, bijector },
            },
        }
    }

    fn elementwise_normal(&self) -> Option<(Tensor, Tensor)> {
        let (scale, shift) = self.affine("elementwise_normal").ok()?;
        let (loc, spread) = self.distribution.elementwise_normal()?;
        Some((loc * &scale + shift, spread * scale.abs()))
    }

    fn elementwise_log_prob(&self, y: &Tensor) -> Option<Result<Tensor>> {
        if self.bijector.forward_min_event_ndims() + self.bijector.inverse_min_event_ndims() > 0 {
            return None;
        }
        let terms = |(y, mask): (Tensor, Option<Tensor>)| {
            let x = self.bijector.inverse(&y);
            let density = self.distribution.elementwise_log_prob(&x)?;
            Some(density.and_then(|density| {
                let log_prob = with_change(&density, &self.change(&x, &y, 0)?)?;
                match mask {
                    None => Ok(log_prob),
                    Some(mask) => unless_all_outside(&mask, only_where(&mask, &log_prob)),
                }
            }))
        };
        self.inside(y).map_or_else(|error| Some(Err(error)), terms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bijectors::{
        Chain, Exp, Invert, Log, NormalCDF, Scale, Shift, Sigmoid, Softplus, Tanh,
    };
    use crate::{Normal, kl_divergence};
    use tfn_tensor::Variable;

    fn log_normal(loc: f64) -> TransformedDistribution {
        TransformedDistribution::new(Normal::new(loc, 0.5).unwrap(), Exp::new()).unwrap()
    }

    #[test]
    fn draws_at_the_end_of_the_range_have_their_density() {
        let loc = Variable::new("loc", Tensor::from_f64(&[0.5, -0.5], &[2], DType::F32)).unwrap();
        let bijectors: [Arc<dyn Bijector>; 4] = [
            Arc::new(Tanh::new()),
            Arc::new(NormalCDF::new()),
            Arc::new(Sigmoid::new()),
            Arc::new(Exp::new()),
        ];
        for (bijector, scale) in bijectors.into_iter().zip([5.0, 5.0, 60.0, 60.0]) {
            let base = Normal::new(&loc, scale).unwrap();
            let name = format!("{bijector:?}");
            let squashed = TransformedDistribution::new(base.clone(), bijector.clone()).unwrap();
            let y = squashed.sample(&[200], &mut Stream::from_seed(1)).unwrap();
            let x = base.sample(&[200], &mut Stream::from_seed(1)).unwrap();
            let log_prob = squashed.log_prob(&y).unwrap();
            let expected = base.log_prob(&x).unwrap() - bijector.forward_log_det_jacobian(&x);
            let [given, wanted] = [&log_prob, &expected].map(|t| t.to_f64_vec().unwrap());
            assert!(given.iter().all(|l| l.is_finite()), "{name}");
            let of_others = squashed.log_prob(&(&y * 1.0)).unwrap().to_f64_vec().unwrap();
            let is_end = |i: &usize| of_others[*i] == f64::NEG_INFINITY;
            let ends: Vec<usize> = (0..of_others.len()).filter(is_end).collect();
            assert!(!ends.is_empty(), "{name}: no draw is at the end");
            let near = |&i: &usize| (given[i] - wanted[i]).abs() <= 1e-5 * wanted[i].abs();
            assert!(ends.iter().all(near), "{name}");
            let held = squashed.log_prob(&y.detach()).unwrap().sum().gradients().unwrap();
            let slopes = held.of(&loc).to_f64_vec().unwrap();
            assert!(slopes.iter().all(|slope| slope.is_finite()), "{name}");
        }
    }

    #[test]
    fn outside_the_range_there_is_no_mass_and_no_gradient() {
        let loc = Variable::new("loc", Tensor::scalar(0.3)).unwrap();
        let y = TransformedDistribution::new(Normal::new(&loc, 0.5).unwrap(), Exp::new()).unwrap();
        let x = Variable::new("x", Tensor::from_vec(vec![-1.0, 0.0], &[2])).unwrap();
        let log_prob = y.log_prob(&x.tensor()).unwrap();
        assert_eq!(log_prob.to_vec::<f64>().unwrap(), [f64::NEG_INFINITY; 2]);
        let slopes = log_prob.sum().gradients().unwrap();
        assert_eq!(slopes.of(&loc).item().unwrap(), 0.0);
        assert_eq!(slopes.of(&x).to_vec::<f64>().unwrap(), [0.0, 0.0]);
        assert_eq!(y.cdf(&x.value()).unwrap().to_vec::<f64>().unwrap(), [0.0, 0.0]);
        assert_eq!(y.survival_function(&x.value()).unwrap().to_vec::<f64>().unwrap(), [1.0, 1.0]);
        assert!(y.log_prob(&Tensor::scalar(f64::NAN)).unwrap().item().unwrap().is_nan());
    }

    #[test]
    fn the_mirror_image_of_a_range_has_its_mass_below() {
        let mirror = Chain::new([Scale::new(-1.0).unwrap().into(), Exp::new().into()]);
        let y = TransformedDistribution::new(Normal::new(0.0, 1.0).unwrap(), mirror).unwrap();
        let values = Tensor::from_vec(vec![-1.0, 1.0], &[2]);
        assert_eq!(y.cdf(&values).unwrap().to_vec::<f64>().unwrap(), [0.5, 1.0]);
        assert_eq!(y.survival_function(&values).unwrap().to_vec::<f64>().unwrap(), [0.5, 0.0]);
    }

    #[test]
    fn tails_go_through_with_their_digits() {
        let through = |bijector: Arc<dyn Bijector>| {
            TransformedDistribution::new(Normal::new(0.0, 1.0).unwrap(), bijector).unwrap()
        };
        let chain = |shift: f64| Chain::new([Shift::new(shift).unwrap().into(), Exp::new().into()]);
        // mpmath, 60 digits: ln Φ(z) for z = ln 1e-300, which is also the pre-image by the others, and its slope.
        let (exact, exact_slope) = (-238_592.871_727_076_7, 6.907_769_755_404_191e302);
        for bijector in [
            Exp::new().into(),
            Softplus::new().into(),
            Sigmoid::new().into(),
            Invert::new(Log::new()).into(),
            chain(0.0).into(),
        ] {
            let y = Variable::new("y", Tensor::scalar(1e-300)).unwrap();
            let log_cdf = through(bijector).log_cdf(&y.tensor()).unwrap();
            assert!((log_cdf.item().unwrap() / exact - 1.0).abs() < 1e-14);
            let slope = log_cdf.gradients().unwrap().of(&y).item().unwrap();
            assert!((slope / exact_slope - 1.0).abs() < 1e-13, "{slope}");
        }
        // mpmath: ln Φ(−40), and Φ⁻¹(1e-300).
        let (tail, level) = (-804.608_442_013_753_8, -37.047_096_299_361_2);
        let of = |answer: Result<Tensor>| answer.unwrap().item().unwrap();
        let p = Tensor::scalar(1e-300);
        for scale in [-1.0, 1.0, -2.0] {
            let y = through(Scale::new(scale).unwrap().into());
            let far = 40.0 * f64::abs(scale);
            assert!((of(y.log_cdf(&Tensor::scalar(-far))) / tail - 1.0).abs() < 1e-15);
            assert!((of(y.log_survival_function(&Tensor::scalar(far))) / tail - 1.0).abs() < 1e-15);
            let outer = level * f64::abs(scale);
            assert!((of(y.quantile(&p)) / outer - 1.0).abs() < 1e-15);
            assert!((of(y.inverse_survival_function(&p)) / -outer - 1.0).abs() < 1e-15);
        }
    }

    #[test]
    fn through_an_affine_function_a_normal_stays_a_normal() {
        let affine =
            Chain::new([Shift::new(1.0).unwrap().into(), Scale::new(-2.0).unwrap().into()]);
        let loc = Tensor::from_vec(vec![0.0, 3.0], &[2]);
        let base = Independent::new(Normal::new(loc, 0.5).unwrap(), 1).unwrap();
        let y = TransformedDistribution::new(base, affine).unwrap();
        let (loc, scale) = y.elementwise_normal().unwrap();
        assert_eq!(loc.to_vec::<f64>().unwrap(), [1.0, -5.0]);
        assert_eq!(scale.to_vec::<f64>().unwrap(), [1.0, 1.0]);
        let same = Independent::new(Normal::new(loc, scale).unwrap(), 1).unwrap();
        assert_eq!(kl_divergence(&y, &same).unwrap().item().unwrap(), 0.0);
        let (a, b) =
            (y.entropy().unwrap().item().unwrap(), same.entropy().unwrap().item().unwrap());
        assert!((a - b).abs() < 1e-14);
    }

    #[test]
    fn a_shared_bijector_leaves_the_divergence_alone() {
        let given = kl_divergence(&log_normal(0.3), &log_normal(-0.2)).unwrap().item().unwrap();
        assert!((given - 0.5).abs() < 1e-15);
        let other =
            TransformedDistribution::new(Normal::new(0.0, 1.0).unwrap(), Shift::new(1.0).unwrap());
        assert!(kl_divergence(&log_normal(0.3), &other.unwrap()).is_err());
    }

    #[test]
    fn what_needs_an_affine_bijector_is_refused_without() {
        let positive = TransformedDistribution::new(Normal::new(0.0, 1.0).unwrap(), Softplus::new());
        let error = positive.unwrap().mean().unwrap_err();
        assert_eq!(error.to_string(), "TransformedDistribution has no mean");
    }

    #[test]
    fn a_bijector_that_widens_the_batch_is_refused() {
        let wide = Shift::new(Tensor::from_vec(vec![0.0, 1.0], &[2])).unwrap();
        let error = TransformedDistribution::new(Normal::new(0.0, 1.0).unwrap(), wide).unwrap_err();
        assert!(matches!(error, DistributionError::Shape { argument: "bijector", .. }), "{error}");
    }

    #[test]
    fn a_normal_through_exp_or_sigmoid_is_the_family_of_that_name() {
        let read = |tensor: Result<Tensor>| tensor.unwrap().to_vec::<f64>().unwrap();
        let near = |a: &[f64], b: &[f64]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-14 * b.abs().max(1.0))
        };
        let row = || Tensor::from_vec(vec![0.3, -0.2], &[2]);
        let normal = || Normal::new(row(), 0.5).unwrap();
        let named: [Arc<dyn Distribution>; 2] =
            [LogNormal::new(row(), 0.5).unwrap().into(), LogitNormal::new(row(), 0.5).unwrap().into()];
        let others: [Arc<dyn Distribution>; 2] =
            [LogNormal::new(0.1, 0.7).unwrap().into(), LogitNormal::new(0.1, 0.7).unwrap().into()];
        let ends: [[Arc<dyn Bijector>; 2]; 2] =
            [[Exp::new().into(), Invert::new(Log::new()).into()], [Sigmoid::new().into(), Sigmoid::new().into()]];
        for ((named, other), ends) in named.iter().zip(&others).zip(&ends) {
            let affine = Chain::new([
                ends[1].clone(),
                Shift::new(-1.0).unwrap().into(),
                Scale::new(-2.0).unwrap().into(),
            ]);
            let before = Normal::new((-1.0 - row()) * 0.5, 0.25).unwrap();
            for same in [
                TransformedDistribution::new(normal(), ends[0].clone()).unwrap(),
                TransformedDistribution::new(normal(), ends[1].clone()).unwrap(),
                TransformedDistribution::new(before, affine).unwrap(),
            ] {
                for method in [Distribution::mode, Distribution::mean, Distribution::variance, Distribution::entropy] {
                    match method(&**named) {
                        Ok(value) => assert!(near(&read(method(&same)), &read(Ok(value)))),
                        Err(_) => assert!(method(&same).is_err()),
                    }
                }
                let [q, p] = [&same as &dyn Distribution, &**other];
                assert!(near(&read(kl_divergence(q, p)), &read(kl_divergence(&**named, p))));
                assert!(near(&read(kl_divergence(p, q)), &read(kl_divergence(p, &**named))));
                assert!(near(&read(kl_divergence(q, &**named)), &[0.0; 2]));
                let event = Independent::new(same.clone(), 1).unwrap();
                let copies = crate::Sample::new(other.clone(), &[2]).unwrap();
                let sum = read(kl_divergence(q, p)).iter().sum::<f64>();
                assert!(near(&read(kl_divergence(&event, &copies)), &[sum]));
            }
            let vectors = Independent::new(normal(), 1).unwrap();
            let vectors = TransformedDistribution::new(vectors, ends[0].clone()).unwrap();
            let copies = crate::Sample::new(other.clone(), &[2]).unwrap();
            let sum = read(kl_divergence(&**named, &**other)).iter().sum::<f64>();
            assert!(near(&read(kl_divergence(&vectors, &copies)), &[sum]));
            if let Ok(entropy) = named.entropy() {
                assert!(near(&read(vectors.entropy()), &[read(Ok(entropy)).iter().sum()]));
            }
        }
    }
}
