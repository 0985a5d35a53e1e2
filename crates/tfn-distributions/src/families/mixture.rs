//! Mixtures of distributions of any families.

use std::sync::Arc;

use tfn_module::Module;
use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Tensor, broadcast_shapes};

use super::Categorical;
use super::batch_broadcast::{joined, sample_wide};
use super::mixing::{Mixing, expect_line};
use super::mixing_quantile::{Side, outcome_at};
use crate::distribution::{Distribution, IntoDistributions, Support};
use crate::error::{DistributionError, Result};
use crate::parameter::ParameterSpec;

/// The mixture of `components`, of any families, with the probabilities of `cat`.
///
/// Counterpart: `tfp.distributions.Mixture`.
///
/// ```text
/// log p(x) = logsumexp over k of (ln w_k + log p_k(x))
/// ```
/// Components of one family are faster as a [`MixtureSameFamily`](crate::MixtureSameFamily).
///
/// Over numbers and counts a quantile is the first outcome at which the cdf reaches the level, between the quantiles of the
/// components; of numbers it moves with the parameters by the implicit function theorem.
///
/// Of angles ([`Support::Circle`]) a mixture has its density and samples alone: means, variances and the cdf of components do
/// not average around a circle.
///
/// # Shapes
/// The batches of the components and of `cat` broadcast together; the events have one shape.
///
/// # Examples
/// A claim is small, or rarely of any size:
/// ```
/// use tfn_distributions::{Categorical, Distribution, Exponential, LogNormal, Mixture};
/// use tfn_tensor::Tensor;
///
/// let claims = Mixture::new(
///     Categorical::from_probs(Tensor::from_vec(vec![0.9, 0.1], &[2]))?,
///     (Exponential::new(2.0)?, LogNormal::new(1.0, 1.0)?),
/// )?;
/// assert!((claims.mean()?.item()? - (0.9 * 0.5 + 0.1 * 1.5_f64.exp())).abs() < 1e-15);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Mixture {
    cat: Categorical,
    components: Vec<Arc<dyn Distribution>>,
    validate_args: bool,
}

family!(Mixture);

impl Mixture {
    /// The mixture of `components` by `cat`: a tuple of them, or an array or a `Vec` of `Arc`s.
    ///
    /// # Errors
    /// [`DistributionError::Parts`] if there are not as many components as labels; [`DistributionError::DType`],
    /// [`DistributionError::Shape`], [`DistributionError::Shapes`] if types, events or batches do not fit;
    /// [`DistributionError::Argument`] if densities would be mixed with masses.
    pub fn new(cat: Categorical, components: impl IntoDistributions) -> Result<Self> {
        let components = components.into_distributions();
        let made = Self { cat, components, validate_args: false };
        let (given, expected) = (made.components.len(), made.cat.num_categories()?);
        if given != expected || given == 0 {
            let (family, argument) = ("Mixture", "components");
            let expected = expected.max(1);
            return Err(DistributionError::Parts { family, argument, given, expected });
        }
        made.components.iter().try_for_each(|component| made.check(&**component))?;
        made.batch_shape()?;
        Ok(made)
    }

    /// The weights.
    pub fn cat(&self) -> &Categorical {
        &self.cat
    }

    /// The components.
    pub fn components(&self) -> &[Arc<dyn Distribution>] {
        &self.components
    }

    /// A lower bound of the entropy: the average of those of the components.
    ///
    /// # Errors
    /// [`DistributionError::Unsupported`] if a component has no entropy.
    pub fn entropy_lower_bound(&self) -> Result<Tensor> {
        let batch = self.batch_shape()?;
        Ok(self.mixing()?.share(&self.stacked(&batch, -1, &|c| c.entropy())?).check()?)
    }

    /// Checks that a component is of the kind of the first.
    fn check(&self, component: &dyn Distribution) -> Result<()> {
        let (family, argument) = ("Mixture", "components");
        let (given, expected) = (component.dtype()?, self.cat.dtype()?);
        if given != expected {
            return Err(DistributionError::DType { family, argument, given, expected });
        }
        let (given, expected) = (component.event_shape()?, self.event_shape()?);
        if given != expected {
            let expected = format!("events {expected:?} as those of the first");
            return Err(DistributionError::Shape { family, argument, given, expected });
        }
        let (given, expected) = (component.support(), self.support());
        if given != expected {
            let given = format!("{} of support {given:?}", component.family());
            let expected = format!("components of support {expected:?} as the first");
            return Err(DistributionError::Argument { family, argument, given, expected });
        }
        Ok(())
    }

    /// The outcome on whose `side` the probability is `p`.
    fn outcome(&self, p: &Tensor, side: Side) -> Result<Tensor> {
        outcome_at(self, &self.mixing()?, p, side, &|p| self.at(p, &|component, p| side.of(component, p)))
    }

    fn mixing(&self) -> Result<Mixing<'_>> {
        Ok(Mixing { weights: &self.cat, event_ndims: self.event_shape()?.len() })
    }

    /// `of` each component, broadcast to `shape`, side by side along `axis`.
    fn stacked(
        &self,
        shape: &[usize],
        axis: isize,
        of: &dyn Fn(&dyn Distribution) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let each = self.components.iter().map(|component| Ok(of(&**component)?.broadcast_to(shape)));
        let each = each.collect::<Result<Vec<_>>>()?;
        Ok(Tensor::stack(&each.iter().collect::<Vec<_>>(), axis).check()?)
    }

    /// `of` each component at `value`, side by side along a new last axis.
    fn at(
        &self,
        value: &Tensor,
        of: &dyn Fn(&dyn Distribution, &Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let event = self.event_shape()?;
        let own = [&self.batch_shape()?[..], &event].concat();
        let wide = broadcast_shapes(value.shape()?, &own).unwrap_or(own);
        let outer = &wide[..wide.len().saturating_sub(event.len())];
        self.stacked(outer, -1, &|component| of(component, value))
    }

    /// A statistic of the shape `batch + event` of each component.
    fn statistics(&self, of: &dyn Fn(&dyn Distribution) -> Result<Tensor>) -> Result<Tensor> {
        let shape = [self.batch_shape()?, self.event_shape()?].concat();
        self.stacked(&shape, self.mixing()?.axis(), of)
    }
}

impl Distribution for Mixture {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        Vec::new()
    }

    fn dtype(&self) -> Result<DType> {
        self.cat.dtype()
    }

    fn batch_shape(&self) -> Result<Vec<usize>> {
        self.components.iter().try_fold(self.cat.batch_shape()?, |batch, component| {
            joined("Mixture", "components", &**component, &batch)
        })
    }

    fn event_shape(&self) -> Result<Vec<usize>> {
        self.components.first().map_or_else(|| Ok(Vec::new()), |component| component.event_shape())
    }

    fn check_values(&self) -> Result<()> {
        self.cat.check_values()?;
        self.components.iter().try_for_each(|component| component.check_values())
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        Ok(self.mixing()?.log_density(&self.at(x, &|component, x| component.log_prob(x))?))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let (mixing, batch) = (self.mixing()?, self.batch_shape()?);
        let outer = &shape[..shape.len().saturating_sub(mixing.event_ndims)];
        let chosen = mixing.choose(outer, stream)?;
        let samples = &outer[..outer.len().saturating_sub(batch.len())];
        let draw = |component: &Arc<dyn Distribution>| sample_wide(&**component, samples, &batch, stream);
        let draws = self.components.iter().map(draw).collect::<Result<Vec<_>>>()?;
        let draws = Tensor::stack(&draws.iter().collect::<Vec<_>>(), mixing.axis());
        Ok(mixing.pick(&chosen, &draws))
    }

    fn mean(&self) -> Result<Tensor> {
        expect_line(self, "mean")?;
        self.spread(&self.mixing()?.average(&self.statistics(&|component| component.mean())?))
    }

    fn variance(&self) -> Result<Tensor> {
        expect_line(self, "variance")?;
        let means = self.statistics(&|component| component.mean())?;
        let variances = self.statistics(&|component| component.variance())?;
        self.spread(&self.mixing()?.variance(&means, &variances))
    }

    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        expect_line(self, "cdf")?;
        Ok(self.mixing()?.probability(&self.at(value, &|component, x| component.cdf(x))?))
    }

    fn log_cdf(&self, value: &Tensor) -> Result<Tensor> {
        expect_line(self, "log_cdf")?;
        Ok(self.mixing()?.log_probability(&self.at(value, &|component, x| component.log_cdf(x))?))
    }

    fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
        expect_line(self, "survival_function")?;
        let above = self.at(value, &|component, x| component.survival_function(x))?;
        Ok(self.mixing()?.probability(&above))
    }

    fn log_survival_function(&self, value: &Tensor) -> Result<Tensor> {
        expect_line(self, "log_survival_function")?;
        let above = self.at(value, &|component, x| component.log_survival_function(x))?;
        Ok(self.mixing()?.log_probability(&above))
    }

    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        self.outcome(p, Side::Below)
    }

    fn inverse_survival_function(&self, p: &Tensor) -> Result<Tensor> {
        self.outcome(p, Side::Above)
    }

    fn support(&self) -> Support {
        self.components.first().map_or(Support::Continuous, |component| component.support())
    }

    fn validate_args(&self) -> bool {
        self.validate_args
            || self.cat.validate_args()
            || self.components.iter().any(|component| component.validate_args())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bernoulli, Gamma, Laplace, MixtureSameFamily, MultivariateNormalDiag, Normal};

    fn weights(probs: &[f64]) -> Categorical {
        Categorical::from_probs(Tensor::from_vec(probs.to_vec(), &[probs.len()])).unwrap()
    }

    fn values(tensor: Result<Tensor>) -> Vec<f64> {
        tensor.unwrap().to_vec().unwrap()
    }

    fn near(a: &[f64], b: &[f64]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-14 * b.abs().max(1.0))
    }

    #[test]
    fn components_of_one_family_mix_as_in_mixture_same_family() {
        let scales = [1.0, 0.1, 20.0];
        let components = scales.map(|scale| Normal::new(1.0 - scale, scale).unwrap().into());
        let mixture = Mixture::new(weights(&[0.5, 0.2, 0.3]), components).unwrap();
        let scale = Tensor::from_vec(scales.to_vec(), &[3]);
        let same = MixtureSameFamily::new(
            weights(&[0.5, 0.2, 0.3]),
            Normal::new(1.0 - &scale, scale).unwrap(),
        )
        .unwrap();
        let x = Tensor::from_vec(vec![-400.0, -3.0, 0.0, 0.9, 500.0], &[5]);
        for (a, b) in [
            (mixture.log_prob(&x), same.log_prob(&x)),
            (mixture.cdf(&x), same.cdf(&x)),
            (mixture.log_cdf(&x), same.log_cdf(&x)),
            (mixture.survival_function(&x), same.survival_function(&x)),
            (mixture.log_survival_function(&x), same.log_survival_function(&x)),
            (mixture.mean(), same.mean()),
            (mixture.variance(), same.variance()),
        ] {
            let (a, b) = (values(a), values(b));
            assert!(near(&a, &b), "{a:?} {b:?}");
        }
    }

    #[test]
    fn a_half_line_and_a_line_mix() {
        let mixture = Mixture::new(
            weights(&[0.25, 0.75]),
            [Gamma::new(2.0, 1.0).unwrap().into(), Laplace::new(0.0, 1.0).unwrap().into()],
        )
        .unwrap();
        let prob = values(mixture.prob(&Tensor::from_vec(vec![-1.0, 1.0], &[2])));
        let e = (-1.0_f64).exp();
        assert!(near(&prob, &[0.375 * e, 0.25 * e + 0.375 * e]), "{prob:?}");
        // The average of 1 + γ and 1 + ln 2.
        let bound = 0.25 * 1.577_215_664_901_533 + 0.75 * 1.6931471805599454;
        assert!(near(&values(mixture.entropy_lower_bound()), &[bound]));
        let upper = values(mixture.log_survival_function(&Tensor::scalar(800.0)))[0];
        assert!((upper - (0.25 * 801.0 + 0.375_f64).ln() + 800.0).abs() < 1e-12, "{upper}");
    }

    #[test]
    fn batches_broadcast_and_copies_are_independent() {
        let column = Normal::new(Tensor::from_vec(vec![0.0, 100.0], &[2, 1]), 1.0).unwrap();
        let row = Laplace::new(Tensor::full(&[3], -100.0, DType::F64), 1.0).unwrap();
        let mixture = Mixture::new(weights(&[0.5, 0.5]), [column.into(), row.into()]).unwrap();
        assert_eq!(mixture.batch_shape().unwrap(), [2, 3]);
        let x = mixture.sample(&[50], &mut Stream::from_seed(1)).unwrap();
        assert_eq!(x.shape().unwrap(), [50, 2, 3]);
        let mut entries: Vec<f64> = x.to_vec().unwrap();
        entries.sort_by(f64::total_cmp);
        entries.dedup();
        assert_eq!(entries.len(), 300);
        assert_eq!(values(mixture.mean()), [-50.0, -50.0, -50.0, 0.0, 0.0, 0.0]);
        assert_eq!(mixture.log_prob(&Tensor::scalar(0.0)).unwrap().shape().unwrap(), [2, 3]);
    }

    #[test]
    fn components_that_do_not_fit_are_errors() {
        let normal = || Arc::<dyn Distribution>::from(Normal::new(0.0, 1.0).unwrap());
        let with = |other: Arc<dyn Distribution>| {
            Mixture::new(weights(&[0.5, 0.5]), [normal(), other]).unwrap_err()
        };
        let error = Mixture::new(weights(&[0.5, 0.5]), [normal()]).unwrap_err();
        assert!(matches!(error, DistributionError::Parts { given: 1, expected: 2, .. }), "{error}");
        let narrow = Normal::new(Tensor::scalar(0.0_f32), 1.0).unwrap();
        assert!(matches!(with(narrow.into()), DistributionError::DType { .. }));
        let ones = Tensor::ones(&[2], DType::F64);
        let vector = MultivariateNormalDiag::new(&ones, &ones).unwrap();
        assert!(matches!(with(vector.into()), DistributionError::Shape { .. }));
        let error = with(Bernoulli::from_probs(0.5).unwrap().into());
        assert!(error.to_string().contains("Bernoulli of support Integers"), "{error}");
    }
}
