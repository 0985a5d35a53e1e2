//! Mixtures of distributions of one family.

use std::sync::Arc;

use tfn_module::Module;
use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Tensor, broadcast_shapes};

use super::Categorical;
use super::batch_broadcast::sample_wide;
use super::mixing::{Mixing, expect_line};
use super::mixing_quantile::{Side, outcome_at};
use crate::distribution::{Distribution, IntoDistribution, Support};
use crate::error::{DistributionError, Result};
use crate::parameter::ParameterSpec;

/// The mixture of the distributions along the last batch axis of `components_distribution`, with the
/// probabilities of `mixture_distribution`.
///
/// Counterpart: `tfp.distributions.MixtureSameFamily`.
///
/// ```text
/// log p(x) = logsumexp over k of (ln w_k + log p_k(x))
/// ```
///
/// Over numbers and counts a quantile is the first outcome at which the cdf reaches the level, between the quantiles of the
/// components; of numbers it moves with the parameters by the implicit function theorem.
///
/// Of angles ([`Support::Circle`]) a mixture has its density and samples alone: means, variances and the cdf of components do
/// not average around a circle.
///
/// # Shapes
/// Components of batch `[batch…, K]` and weights of batch `[batch…]` over `K` labels (or of batch `[]`) make
/// a mixture of batch `[batch…]`.
///
/// # Examples
/// A spike and a slab:
/// ```
/// use tfn_distributions::{Categorical, Distribution, MixtureSameFamily, Normal};
/// use tfn_tensor::Tensor;
///
/// let prior = MixtureSameFamily::new(
///     Categorical::from_probs(Tensor::from_vec(vec![0.5, 0.5], &[2]))?,
///     Normal::new(0.0, Tensor::from_vec(vec![1.0, 2000.0], &[2]))?,
/// )?;
/// assert_eq!(prior.variance()?.item()?, 2000000.5);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct MixtureSameFamily {
    mixture_distribution: Categorical,
    components_distribution: Arc<dyn Distribution>,
    validate_args: bool,
}

family!(MixtureSameFamily);

impl MixtureSameFamily {
    /// The mixture of `components_distribution` by `mixture_distribution`.
    ///
    /// # Errors
    /// [`DistributionError::Shape`] if the components have no batch axis or another number of them than the
    /// weights, [`DistributionError::Shapes`] if their batches do not broadcast, [`DistributionError::DType`]
    /// if their types differ.
    pub fn new(
        mixture_distribution: Categorical,
        components_distribution: impl IntoDistribution,
    ) -> Result<Self> {
        let components_distribution = components_distribution.into_distribution();
        let made = Self { mixture_distribution, components_distribution, validate_args: false };
        made.check_components()?;
        made.batch_shape()?;
        Ok(made)
    }

    /// The weights.
    pub fn mixture_distribution(&self) -> &Categorical {
        &self.mixture_distribution
    }

    /// The components.
    pub fn components_distribution(&self) -> &Arc<dyn Distribution> {
        &self.components_distribution
    }

    fn check_components(&self) -> Result<()> {
        let (family, argument) = ("MixtureSameFamily", "components_distribution");
        let (given, expected) =
            (self.components_distribution.dtype()?, self.mixture_distribution.dtype()?);
        if given != expected {
            return Err(DistributionError::DType { family, argument, given, expected });
        }
        let given = self.components_distribution.batch_shape()?;
        let weights = self.mixture_distribution.num_categories()?;
        if given.last() == Some(&weights) {
            return Ok(());
        }
        let expected = format!("a batch whose last axis has the {weights} entries of the weights");
        Err(DistributionError::Shape { family, argument, given, expected })
    }

    /// A lower bound of the entropy: the average of those of the components.
    ///
    /// # Errors
    /// [`DistributionError::Unsupported`] if the components have no entropy.
    pub fn entropy_lower_bound(&self) -> Result<Tensor> {
        let bound = self.mixing()?.share(&self.components_distribution.entropy()?);
        Ok(bound.broadcast_to(&self.batch_shape()?).check()?)
    }

    /// The outcome on whose `side` the probability is `p`.
    fn outcome(&self, p: &Tensor, side: Side) -> Result<Tensor> {
        outcome_at(self, &self.mixing()?, p, side, &|p| self.for_each(p).and_then(|p| side.of(&*self.components_distribution, &p)))
    }

    fn mixing(&self) -> Result<Mixing<'_>> {
        let event_ndims = self.event_shape()?.len();
        Ok(Mixing { weights: &self.mixture_distribution, event_ndims })
    }

    /// The value for each component.
    fn for_each(&self, value: &Tensor) -> Result<Tensor> {
        Ok(value.expand_dims(self.mixing()?.axis()))
    }
}

impl Distribution for MixtureSameFamily {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        Vec::new()
    }

    fn dtype(&self) -> Result<DType> {
        self.components_distribution.dtype()
    }

    fn batch_shape(&self) -> Result<Vec<usize>> {
        let mut components = self.components_distribution.batch_shape()?;
        components.pop();
        let weights = self.mixture_distribution.batch_shape()?;
        broadcast_shapes(&components, &weights).ok_or(DistributionError::Shapes {
            family: "MixtureSameFamily",
            argument: "components_distribution",
            lhs: weights,
            rhs: components,
        })
    }

    fn event_shape(&self) -> Result<Vec<usize>> {
        self.components_distribution.event_shape()
    }

    fn check_values(&self) -> Result<()> {
        self.mixture_distribution.check_values()?;
        self.components_distribution.check_values()
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        // Normals, whatever their family, have a density in one pass.
        if self.event_shape()?.is_empty()
            && !self.mixing()?.can_gain_weight()
            && let Some((loc, scale)) = self.components_distribution.elementwise_normal()
        {
            let log_weights = self.mixture_distribution.log_probs();
            return Ok(Tensor::normal_mixture_log_prob(x, &log_weights, &loc, &scale));
        }
        let by_component = self.components_distribution.log_prob(&self.for_each(x)?)?;
        Ok(self.mixing()?.log_density(&by_component))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let (mixing, batch) = (self.mixing()?, self.batch_shape()?);
        let outer = &shape[..shape.len().saturating_sub(mixing.event_ndims)];
        let chosen = mixing.choose(outer, stream)?;
        let samples = &outer[..outer.len().saturating_sub(batch.len())];
        let components = [&batch[..], &[self.mixture_distribution.num_categories()?]].concat();
        let draws = sample_wide(&*self.components_distribution, samples, &components, stream)?;
        Ok(mixing.pick(&chosen, &draws))
    }

    fn mean(&self) -> Result<Tensor> {
        expect_line(self, "mean")?;
        self.spread(&self.mixing()?.average(&self.components_distribution.mean()?))
    }

    fn variance(&self) -> Result<Tensor> {
        expect_line(self, "variance")?;
        let means = self.components_distribution.mean()?;
        let variances = self.components_distribution.variance()?;
        self.spread(&self.mixing()?.variance(&means, &variances))
    }

    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        expect_line(self, "cdf")?;
        let by_component = self.components_distribution.cdf(&self.for_each(value)?)?;
        Ok(self.mixing()?.probability(&by_component))
    }

    fn log_cdf(&self, value: &Tensor) -> Result<Tensor> {
        expect_line(self, "log_cdf")?;
        let by_component = self.components_distribution.log_cdf(&self.for_each(value)?)?;
        Ok(self.mixing()?.log_probability(&by_component))
    }

    fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
        expect_line(self, "survival_function")?;
        let above = self.components_distribution.survival_function(&self.for_each(value)?)?;
        Ok(self.mixing()?.probability(&above))
    }

    fn log_survival_function(&self, value: &Tensor) -> Result<Tensor> {
        expect_line(self, "log_survival_function")?;
        let above = self.components_distribution.log_survival_function(&self.for_each(value)?)?;
        Ok(self.mixing()?.log_probability(&above))
    }

    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        self.outcome(p, Side::Below)
    }

    fn inverse_survival_function(&self, p: &Tensor) -> Result<Tensor> {
        self.outcome(p, Side::Above)
    }

    fn support(&self) -> Support {
        self.components_distribution.support()
    }

    fn validate_args(&self) -> bool {
        self.validate_args
            || self.mixture_distribution.validate_args()
            || self.components_distribution.validate_args()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BatchReshape, Independent, Normal, VonMises};
    use tfn_tensor::Variable;

    fn even(components: usize) -> Categorical {
        Categorical::from_logits(Tensor::zeros(&[components], DType::F64)).unwrap()
    }

    #[test]
    fn components_and_weights_must_fit() {
        let three = Normal::new(Tensor::zeros(&[3], DType::F64), 1.0).unwrap();
        let error = MixtureSameFamily::new(even(2), three).unwrap_err();
        assert!(matches!(
            error,
            DistributionError::Shape { argument: "components_distribution", .. }
        ));
        assert!(MixtureSameFamily::new(even(2), Normal::new(0.0, 1.0).unwrap()).is_err());
        let narrow = Normal::new(Tensor::zeros(&[2], DType::F32), 1.0).unwrap();
        let error = MixtureSameFamily::new(even(2), narrow).unwrap_err();
        assert!(matches!(error, DistributionError::DType { .. }));
    }

    #[test]
    fn angles_have_a_density_and_no_mean() {
        let loc = Tensor::from_vec(vec![-3.0, 3.0], &[2]);
        let mixture = MixtureSameFamily::new(even(2), VonMises::new(loc, 4.0).unwrap()).unwrap();
        let x = Tensor::scalar(3.0);
        let expected = [-3.0, 3.0].map(|loc| VonMises::new(loc, 4.0).unwrap().prob(&x).unwrap());
        let off = mixture.prob(&x).unwrap() - (&expected[0] + &expected[1]) * 0.5;
        assert!(off.item().unwrap().abs() < 1e-15);
        let answers = [mixture.mean(), mixture.variance(), mixture.cdf(&x), mixture.log_cdf(&x)];
        let above = [mixture.survival_function(&x), mixture.log_survival_function(&x)];
        for answer in answers.into_iter().chain(above) {
            assert!(matches!(answer, Err(DistributionError::Unsupported { .. })), "{answer:?}");
        }
    }

    #[test]
    fn components_may_be_vectors() {
        let loc = Tensor::from_vec(vec![0.0, 0.0, 3.0, -3.0], &[2, 2]);
        let components = Independent::new(Normal::new(loc, 1.0).unwrap(), 1).unwrap();
        let mixture = MixtureSameFamily::new(even(2), components).unwrap();
        assert_eq!(
            (mixture.batch_shape().unwrap(), mixture.event_shape().unwrap()),
            (vec![], vec![2])
        );
        assert_eq!(mixture.mean().unwrap().to_vec::<f64>().unwrap(), [1.5, -1.5]);
        assert_eq!(mixture.variance().unwrap().to_vec::<f64>().unwrap(), [3.25, 3.25]);
        let x = mixture.sample(&[4, 3], &mut Stream::from_seed(1)).unwrap();
        assert_eq!(x.shape().unwrap(), [4, 3, 2]);
        assert_eq!(mixture.log_prob(&x).unwrap().shape().unwrap(), [4, 3]);
    }

    /// The log-density at a few points, and the gradients of their sum in both parameters.
    fn density_and_slopes(components: Arc<dyn Distribution>) -> Vec<f64> {
        let mixture = MixtureSameFamily::new(even(2), components).unwrap();
        let x = Tensor::from_vec(vec![-1.0, 0.25, 3.0], &[3, 1]);
        let log_prob = mixture.log_prob(&x).unwrap();
        let gradients = log_prob.sum().gradients().unwrap();
        let slopes = mixture.trainable_variables().into_iter();
        let slopes = slopes.flat_map(|v| gradients.of(&v).to_vec::<f64>().unwrap());
        log_prob.to_vec::<f64>().unwrap().into_iter().chain(slopes).collect()
    }

    #[test]
    fn normals_of_any_family_have_the_density_of_normals() {
        let loc = Variable::new("loc", Tensor::scalar(0.5)).unwrap();
        let scale = Tensor::from_vec(vec![0.5, 2.0], &[2]);
        let scale = Variable::new("scale", scale).unwrap();
        let normal = Normal::new(&loc, &scale).unwrap();
        let expected = density_and_slopes(normal.clone().into());
        let (m, s) = (loc.tensor(), scale.tensor());
        let weights = even(2).log_probs();
        let x = Tensor::from_vec(vec![-1.0, 0.25, 3.0], &[3, 1]);
        let whole = Tensor::normal_mixture_log_prob(&x, &weights, &m, &s);
        assert_eq!(whole.to_vec::<f64>().unwrap(), expected[..3]);
        let gradients = whole.sum().gradients().unwrap();
        let slopes = [&loc, &scale].map(|v| gradients.of(v).to_vec::<f64>().unwrap());
        assert_eq!(slopes.concat(), expected[3..]);
        let same = BatchReshape::new(normal, &[2]).unwrap();
        assert_eq!(density_and_slopes(same.into()), expected);
    }

    #[test]
    fn weights_of_zero_do_no_harm_and_can_grow() {
        for dtype in [DType::F32, DType::F64] {
            let row = |values: &[f64]| Tensor::from_f64(values, &[values.len()], dtype);
            let x = Variable::new("x", row(&[0.3, -2.0, 1e30, f64::INFINITY])).unwrap();
            let of = |probs: crate::Parameter| {
                let normal = Normal::new(row(&[0.0]), row(&[1.0, 2.0, 3.0])).unwrap();
                MixtureSameFamily::new(Categorical::from_probs(probs).unwrap(), normal).unwrap()
            };
            let alone = of(row(&[0.0, 0.0, 1.0]).into()).log_prob(&x.tensor()).unwrap();
            let slope = alone.sum().gradients().unwrap().of(&x).to_f64_vec().unwrap();
            assert!((slope[0] + 0.3 / 9.0).abs() < 1e-7 && (slope[1] - 2.0 / 9.0).abs() < 1e-6);
            assert!(slope.iter().all(|slope| slope.is_finite()), "{slope:?}");
            let probs = Variable::new("probs", row(&[0.0, 0.5, 0.5])).unwrap();
            let mixture = of((&probs).into());
            let log_prob = mixture.log_prob(&row(&[0.3])).unwrap();
            // Densities without 1/sqrt(2π): the share of what is mixed, which sums to 1 by definition.
            let density = |scale: f64| (-0.5 * (0.3 / scale).powi(2)).exp() / scale;
            let whole = 0.5 * (density(2.0) + density(3.0));
            assert!((log_prob.to_f64_vec().unwrap()[0] - (whole.ln() - 0.918_938_533_204_672_7)).abs() < 1e-6);
            let slopes = log_prob.sum().gradients().unwrap().of(&probs).to_f64_vec().unwrap();
            for (slope, scale) in slopes.iter().zip([1.0, 2.0, 3.0]) {
                assert!((slope - density(scale) / whole).abs() < 1e-6, "{scale}: {slopes:?}");
            }
        }
    }

    #[test]
    fn shared_components_broadcast_with_batched_weights() {
        let weights = Categorical::from_logits(Tensor::zeros(&[5, 2], DType::F64)).unwrap();
        let loc = Tensor::from_vec(vec![-1.0, 1.0], &[2]);
        let mixture = MixtureSameFamily::new(weights, Normal::new(loc, 1.0).unwrap()).unwrap();
        assert_eq!(
            mixture.sample(&[3], &mut Stream::from_seed(1)).unwrap().shape().unwrap(),
            [3, 5]
        );
        assert_eq!(mixture.mean().unwrap().to_vec::<f64>().unwrap(), [0.0; 5]);
    }
}
