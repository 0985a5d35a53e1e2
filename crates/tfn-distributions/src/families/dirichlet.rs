//! The Dirichlet distribution.

use tfn_module::Module;
use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Tensor};

use crate::distribution::{Distribution, KlDivergence, KlRule, Reparameterization, Support};
use crate::error::Result;
use crate::masking::{constant, only_where, unless_nan_in_row};
use crate::parameter::{Parameter, ParameterSpec};
use crate::stable::{in_double, not_below_zero};
use crate::special::{
    digamma, gamma_entropy, gamma_log_density, lgamma_divergence, log_gamma_sample,
};

/// The Dirichlet distribution: of the probabilities of several classes, one `concentration` speaking for each.
///
/// Counterpart: `tfp.distributions.Dirichlet`, which does not look at the sum of a value.
///
/// ```text
/// log p(x) = Σ (concentrationᵢ − 1) ln xᵢ − Σ ln Γ(concentrationᵢ) + ln Γ(Σ concentrationᵢ)
/// ```
///
/// for rows of numbers of at least 0 that sum to 1, up to the square root of the type's precision. Samples are gamma
/// variables over their sum, in the logarithm, so that small concentrations do not underflow.
///
/// # Shapes
/// The last axis of `concentration` is that of the event.
///
/// # Examples
/// ```
/// use tfn_distributions::tensor::Tensor;
/// use tfn_distributions::{Dirichlet, Distribution};
///
/// let flat = Dirichlet::new(Tensor::from_vec(vec![1.0, 1.0, 1.0], &[3]))?;
/// let row = Tensor::from_vec(vec![0.2, 0.3, 0.5], &[3]);
/// assert!((flat.log_prob(&row)?.item()? - 2.0_f64.ln()).abs() < 1e-15);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Dirichlet {
    concentration: Parameter,
    validate_args: bool,
}

family!(Dirichlet);

impl Dirichlet {
    /// Dirichlet distributions of the concentrations along the last axis.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if a fixed `concentration` is not positive, or has no axis.
    pub fn new(concentration: impl Into<Parameter>) -> Result<Self> {
        Self { concentration: concentration.into(), validate_args: false }.checked()
    }

    /// The concentrations, one for each class along the last axis: the larger one is, the larger is the share of its class.
    pub fn concentration(&self) -> &Parameter {
        &self.concentration
    }

    /// The concentrations and their sum, the axis kept.
    fn values(&self) -> [Tensor; 2] {
        let a = self.concentration.value();
        let sum = total(&a);
        [a, sum]
    }
}

/// 1 for rows that sum to 1, without their axis: as nearly as rows of `f32` do, which may have been widened.
pub(super) fn sums_to_one(x: &Tensor, dtype: DType) -> Tensor {
    let excess = x.sum_axes(&[-1], false) - 1.0;
    let tolerance = match dtype {
        DType::F32 => dtype.epsilon().sqrt(),
        DType::F64 => 1e-5,
    };
    // NaN is not above, and goes on.
    1.0 - excess.abs().gt(&constant(tolerance, x))
}

/// Rows that nearly sum to 1, divided by what they sum to; others as they are.
pub(super) fn on_simplex(x: &Tensor, dtype: DType) -> Tensor {
    let sum = x.detach().sum_axes(&[-1], true);
    let is_near = sums_to_one(&x.detach(), dtype).expand_dims(-1);
    x / Tensor::select(&(is_near * sum.eq(&sum)), &sum, &constant(1.0, &sum))
}

/// The sum of the concentrations, `[batch…, 1]`, at most the largest number.
fn total(concentration: &Tensor) -> Tensor {
    let largest = match concentration.dtype() {
        Ok(DType::F32) => f64::from(f32::MAX),
        _ => f64::MAX,
    };
    concentration.sum_axes(&[-1], true).clamp(0.0, largest)
}

impl Distribution for Dirichlet {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![self.concentration.positive("concentration").event_ndims(1)]
    }

    /// The density of gamma variables of one rate over that of their sum: no large terms are left to cancel.
    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        let x = &on_simplex(x, self.dtype()?);
        let [a, sum] = self.values();
        let rate = sum.detach();
        let parts = gamma_log_density(&a, &rate, x) + x * &rate;
        // A factor of 0 makes the product 0, whatever the others.
        let nothing = parts.eq(&constant(f64::NEG_INFINITY, x)).sum_axes(&[-1], false);
        let possible = sums_to_one(x, self.dtype()?) * nothing.eq(&constant(0.0, x));
        let whole = gamma_log_density(&sum, &constant(1.0, &sum), &rate) + rate.ln() + &rate;
        let log_prob = (parts.sum_axes(&[-1], true) - whole).squeeze(-1);
        Ok(unless_nan_in_row(x, &only_where(&possible, &log_prob)))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        // In f64 also for f32, and finite, so that rows of tiny concentrations stay rows. Below 1e-290 they are corners,
        // drawn in proportion to the concentrations: which larger ones in the same proportion give too, without overflow.
        let concentration = self.concentration.value().cast(DType::F64);
        let largest = concentration.detach().max_axis(-1, true);
        let larger = (1e-290 / &largest).maximum(&constant(1.0, &largest));
        let logs = log_gamma_sample(&(concentration * larger), shape, stream);
        Ok(logs.clamp(f64::MIN, f64::MAX).softmax(-1).cast(self.dtype()?))
    }

    fn mean(&self) -> Result<Tensor> {
        let [a, sum] = self.values();
        Ok(a / sum)
    }

    fn variance(&self) -> Result<Tensor> {
        let [a, sum] = self.values();
        Ok((&a / &sum) * ((&sum - &a) / &sum) / (&sum + 1.0))
    }

    /// NaN unless all concentrations of a row are above 1, as in the original.
    fn mode(&self) -> Result<Tensor> {
        let above = self.concentration.value() - 1.0;
        let low = above.le(&constant(0.0, &above)).sum_axes(&[-1], true);
        let mode = &above / above.sum_axes(&[-1], true);
        let defined = low.eq(&constant(0.0, &low));
        Ok(Tensor::select(&defined, &mode, &constant(f64::NAN, &mode)))
    }

    /// From those of gamma variables, whose shares are independent of their sum.
    fn entropy(&self) -> Result<Tensor> {
        let [a, sum] = self.values();
        let others = self.event_shape()?.iter().product::<usize>() as f64 - 1.0;
        let parts = gamma_entropy(&a).sum_axes(&[-1], true);
        Ok((parts - gamma_entropy(&sum) - digamma(&sum) * others).squeeze(-1))
    }

    fn support(&self) -> Support {
        Support::Simplex
    }

    fn reparameterization(&self) -> Reparameterization {
        Reparameterization::Implicitly
    }

    fn validate_args(&self) -> bool {
        self.validate_args
    }

    fn kl_rules(&self) -> &'static [KlRule] {
        const { &[KlRule::of::<Dirichlet, Dirichlet>()] }
    }
}

/// ```text
/// Σ D(pᵢ, qᵢ) − D(Σ pᵢ, Σ qᵢ)
/// ```
///
/// with `D` of [`lgamma_divergence`]: the usual form, as in W. Penny, "KL-Divergences of Normal, Gamma, Dirichlet and
/// Wishart densities" (2001), without the terms that cancel.
impl KlDivergence<Self> for Dirichlet {
    fn kl_divergence_to(&self, p: &Self) -> Result<Tensor> {
        // Of large concentrations the terms all but cancel.
        Ok(in_double([self.concentration.value(), p.concentration.value()], |[q, p]| {
            let [sum_q, sum_p] = [&q, &p].map(total);
            let parts = lgamma_divergence(&p, &q).sum_axes(&[-1], true);
            not_below_zero(&(parts - lgamma_divergence(&sum_p, &sum_q)).squeeze(-1))
        }))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn draws_of_tiny_concentrations_are_corners_in_their_proportion() {
        for tiny in [1e-300, 1e-308, 5e-324] {
            let concentration = Tensor::from_vec(vec![tiny, tiny, 2.0 * tiny], &[3]);
            let corners = Dirichlet::new(concentration).unwrap();
            let sample = corners.sample(&[4000], &mut Stream::from_seed(1)).unwrap();
            let entries = sample.to_vec::<f64>().unwrap();
            assert!(entries.iter().all(|&x| x == 0.0 || x == 1.0), "{tiny}");
            let means = sample.mean_axes(&[0], false).to_vec::<f64>().unwrap();
            // Four standard errors.
            let near = |(a, b): (&f64, f64)| (a - b).abs() < 0.032;
            assert!(means.iter().zip([0.25, 0.25, 0.5]).all(near), "{tiny}: {means:?}");
        }
    }

    #[test]
    fn rows_of_single_precision_are_taken_in_double() {
        let concentration = Tensor::from_vec(vec![2.0, 3.0, 5.0], &[3]);
        let dirichlet = Dirichlet::new(concentration).unwrap();
        let exact = Tensor::from_vec(vec![0.2, 0.3, 0.5], &[3]);
        let off = &exact * (1.0 + 3e-7);
        let [given, expected] =
            [&off, &exact].map(|x| dirichlet.log_prob(x).unwrap().item().unwrap());
        assert!((given - expected).abs() < 1e-14, "{given} {expected}");
        let far = dirichlet.log_prob(&(exact * 1.001)).unwrap().item().unwrap();
        assert_eq!(far, f64::NEG_INFINITY);
    }

    use super::*;
    use crate::test_values::row;
    use crate::{Beta, DistributionError, kl_divergence};

    #[test]
    fn bad_arguments_are_named() {
        let error = Dirichlet::new(row(&[1.0, -1.0])).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "concentration", .. }));
        let error = Dirichlet::new(1.0).unwrap_err();
        assert!(matches!(error, DistributionError::Shape { argument: "concentration", .. }));
    }

    #[test]
    fn two_classes_are_a_beta_distribution() {
        let (two, beta) = (Dirichlet::new(row(&[300.0, 2.5])).unwrap(), Beta::new(300.0, 2.5).unwrap());
        let pair = two.log_prob(&row(&[0.99, 0.01])).unwrap().item().unwrap();
        let single = beta.log_prob(&Tensor::scalar(0.99)).unwrap().item().unwrap();
        assert!((pair - single).abs() < 1e-12, "{pair} {single}");
        let entropies = [two.entropy(), beta.entropy()].map(|e| e.unwrap().item().unwrap());
        assert!((entropies[0] - entropies[1]).abs() < 1e-13);
    }

    #[test]
    fn rows_off_the_simplex_have_no_density() {
        let flat = Dirichlet::new(row(&[1.0, 2.0])).unwrap();
        let rows = Tensor::from_vec(vec![0.5, 0.6, 1.5, -0.5, 0.2, 0.2], &[3, 2]);
        let log_prob = flat.log_prob(&rows).unwrap().to_vec::<f64>().unwrap();
        assert_eq!(log_prob, [f64::NEG_INFINITY; 3]);
    }

    #[test]
    fn small_concentrations_give_whole_rows() {
        let sharp = Dirichlet::new(Tensor::full(&[5], 1e-6, DType::F64)).unwrap();
        let sample = sharp.sample(&[100], &mut Stream::from_seed(3)).unwrap();
        let sums = sample.sum_axes(&[-1], false).to_vec::<f64>().unwrap();
        assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-14));
        assert_eq!(kl_divergence(&sharp, &sharp).unwrap().to_vec::<f64>().unwrap(), [0.0]);
    }
}
