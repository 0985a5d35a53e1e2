//! The multivariate normal distribution with a diagonal scale and a few directions more.

use tfn_module::Module;
use tfn_tensor::Tensor;
use tfn_tensor::random::Stream;

use super::multivariate_normal::{check_loc, linear_normal_methods};
use super::{MultivariateNormalDiag, MultivariateNormalTriL};
use crate::distribution::{Distribution, KlRule, Reparameterization};
use crate::error::{DistributionError, Result};
use crate::gaussian::LinearNormal;
use crate::parameter::{Parameter, ParameterSpec};

/// The normal distribution of a vector with mean `loc` and covariance `S·Sᵀ` for the symmetric scale
/// `S = diag(scale_diag) + U·diag(m)·Uᵀ`, `U` the `scale_perturb_factor` and `m` the `scale_perturb_diag`.
///
/// Counterpart: `tfp.distributions.MultivariateNormalDiagPlusLowRank`: it is the *scale* that is diagonal plus low
/// rank, not the covariance, as there. With positive `scale_diag` and `m`, which are asked for, `S` is positive
/// definite for every `U`; TFP takes other `m` too as long as `S` is nonsingular.
///
/// Densities and samples take `O(k·r²)`, by Woodbury's formula and the determinant lemma (Golub and Van Loan,
/// "Matrix computations", 2.1.4):
/// ```text
/// C = I + Vᵀ·D⁻¹·V,   V = U·diag(sqrt(m)),   D = diag(scale_diag)
/// S⁻¹ = D⁻¹ − D⁻¹·V·C⁻¹·Vᵀ·D⁻¹,   ln det S = Σ ln D_ii + ln det C
/// ```
///
/// # Shapes
/// `loc` and `scale_diag` are `[batch…, k]`, `scale_perturb_factor` `[batch…, k, r]`, `scale_perturb_diag`
/// `[batch…, r]`; the event shape is `[k]`.
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, MultivariateNormalDiagPlusLowRank};
/// use tfn_tensor::{DType, Tensor};
///
/// let direction = Tensor::from_vec(vec![1.0, 1.0], &[2, 1]);
/// let (zeros, ones) = (Tensor::zeros(&[2], DType::F64), Tensor::ones(&[2], DType::F64));
/// let normal = MultivariateNormalDiagPlusLowRank::new(zeros, ones, direction)?;
/// // The scale is [[2, 1], [1, 2]].
/// assert_eq!(normal.covariance()?.to_vec::<f64>()?, [5.0, 4.0, 4.0, 5.0]);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct MultivariateNormalDiagPlusLowRank {
    loc: Parameter,
    scale_diag: Parameter,
    scale_perturb_factor: Parameter,
    scale_perturb_diag: Option<Parameter>,
    validate_args: bool,
}

family!(MultivariateNormalDiagPlusLowRank);

impl MultivariateNormalDiagPlusLowRank {
    /// Normal vectors with means `loc` and scales `diag(scale_diag) + U·Uᵀ`, `U` the `scale_perturb_factor`.
    ///
    /// # Errors
    /// [`DistributionError`] if a fixed argument is not finite or a fixed `scale_diag` not positive, if the shapes
    /// do not fit, or the types differ.
    pub fn new(
        loc: impl Into<Parameter>,
        scale_diag: impl Into<Parameter>,
        scale_perturb_factor: impl Into<Parameter>,
    ) -> Result<Self> {
        let arguments = [loc.into(), scale_diag.into(), scale_perturb_factor.into()];
        let [loc, scale_diag, scale_perturb_factor] = Parameter::unify(arguments);
        let scale_perturb_diag = None;
        Self { loc, scale_diag, scale_perturb_factor, scale_perturb_diag, validate_args: false }
            .checked_shapes()
    }

    /// The same with weights of the directions: `diag(scale_diag) + U·diag(scale_perturb_diag)·Uᵀ`.
    ///
    /// # Errors
    /// As [`new`](Self::new); [`DistributionError::Argument`] if fixed weights are not positive.
    pub fn with_scale_perturb_diag(self, scale_perturb_diag: impl Into<Parameter>) -> Result<Self> {
        let [_, weights] = Parameter::unify([self.loc.clone(), scale_perturb_diag.into()]);
        Self { scale_perturb_diag: Some(weights), ..self }.checked_shapes()
    }

    /// The mean.
    pub fn loc(&self) -> &Parameter {
        &self.loc
    }

    /// The diagonal part of the scale.
    pub fn scale_diag(&self) -> &Parameter {
        &self.scale_diag
    }

    /// The directions of the low-rank part of the scale.
    pub fn scale_perturb_factor(&self) -> &Parameter {
        &self.scale_perturb_factor
    }

    /// The weights of these directions, if they are not 1.
    pub fn scale_perturb_diag(&self) -> Option<&Parameter> {
        self.scale_perturb_diag.as_ref()
    }

    fn checked_shapes(self) -> Result<Self> {
        let made = self.checked()?;
        check_loc(made.family(), &made.loc, &made.event_shape()?)?;
        Ok(made)
    }

    pub(super) fn linear(&self) -> Result<LinearNormal> {
        let factor = self.scale_perturb_factor.value();
        // U·diag(m)·Uᵀ as V·Vᵀ.
        let factor = match &self.scale_perturb_diag {
            Some(weights) => factor * weights.value().sqrt().expand_dims(-2),
            None => factor,
        };
        LinearNormal::diag_plus_low_rank(&self.loc.value(), &self.scale_diag.value(), &factor)
    }
}

impl Distribution for MultivariateNormalDiagPlusLowRank {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        let weights = self.scale_perturb_diag.as_ref();
        [
            self.loc.real("loc").event_ndims(1),
            self.scale_diag.positive("scale_diag").event_ndims(1),
            self.scale_perturb_factor.real("scale_perturb_factor").event_ndims(2),
        ]
        .into_iter()
        .chain(weights.map(|m| m.positive("scale_perturb_diag").event_ndims(1)))
        .collect()
    }

    fn event_shape(&self) -> Result<Vec<usize>> {
        let family = self.family();
        let given = self.scale_perturb_factor.shape()?;
        let (diag, weights) = (self.scale_diag.shape()?, self.scale_perturb_diag.as_ref());
        let &[.., size, rank] = &given[..] else {
            let expected = "matrices [.., k, r]".into();
            let argument = "scale_perturb_factor";
            return Err(DistributionError::Shape { family, argument, given, expected });
        };
        let fits = |shape: &[usize], size: usize| shape.last().is_some_and(|&n| n == size || n == 1);
        if !fits(&diag, size) {
            let (argument, expected) = ("scale_diag", format!("a last axis of {size}"));
            return Err(DistributionError::Shape { family, argument, given: diag, expected });
        }
        if let Some(weights) = weights
            && !fits(&weights.shape()?, rank)
        {
            let (given, expected) = (weights.shape()?, format!("a last axis of {rank}"));
            let argument = "scale_perturb_diag";
            return Err(DistributionError::Shape { family, argument, given, expected });
        }
        Ok(vec![size])
    }

    linear_normal_methods!();

    fn kl_rules(&self) -> &'static [KlRule] {
        const {
            &[
                KlRule::of::<Self, Self>(),
                KlRule::of::<Self, MultivariateNormalDiag>(),
                KlRule::of::<Self, MultivariateNormalTriL>(),
            ]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kl_divergence;
    use crate::special::scalar::gamma::LN_SQRT_2PI;
    use tfn_tensor::DType;

    fn ramp(shape: &[usize]) -> Tensor {
        let count: usize = shape.iter().product();
        let entries = (0..count).map(|i| ((i * 5) % 7) as f64 * 0.3 - 0.8).collect();
        Tensor::from_vec(entries, shape)
    }

    fn low_rank() -> MultivariateNormalDiagPlusLowRank {
        let diag = Tensor::from_vec(vec![0.5, 1.5, 0.8, 2.0], &[4]);
        MultivariateNormalDiagPlusLowRank::new(ramp(&[4]), diag, ramp(&[4, 2]))
            .unwrap()
            .with_scale_perturb_diag(Tensor::from_vec(vec![0.7, 1.9], &[2]))
            .unwrap()
    }

    #[test]
    fn it_is_the_normal_with_its_covariance() {
        let (low, x) = (low_rank(), ramp(&[3, 4]) * 2.0);
        let tril = low.covariance().unwrap().cholesky();
        let same = MultivariateNormalTriL::new(ramp(&[4]), tril).unwrap();
        let both: [&dyn Distribution; 2] = [&low, &same];
        let [a, b] = both.map(|d| {
            let all = [d.log_prob(&x), d.entropy(), d.variance(), d.mean()];
            all.into_iter().flat_map(|t| t.unwrap().to_vec::<f64>().unwrap()).collect::<Vec<_>>()
        });
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-12), "{a:?} {b:?}");
        for (q, p) in [(both[0], both[1]), (both[1], both[0]), (both[0], both[0])] {
            assert!(kl_divergence(q, p).unwrap().item().unwrap().abs() < 1e-12);
        }
    }

    #[test]
    fn narrow_diagonals_keep_their_digits() {
        let ones = |shape: &[usize]| Tensor::ones(shape, DType::F32);
        for diag in [1e-4, 1e-8, 1e-10] {
            let zeros = Tensor::zeros(&[3], DType::F32);
            let q = MultivariateNormalDiagPlusLowRank::new(zeros, ones(&[3]) * diag, ones(&[3, 1]));
            let q = q.unwrap();
            assert_eq!(kl_divergence(&q, &q).unwrap().item().unwrap(), 0.0);
            // ln det of diag·I + 1·1ᵀ is 2·ln diag + ln(diag + 3), and 1 is an eigenvector.
            let diag = f64::from(diag as f32);
            let quadratic = 3.0 / (diag + 3.0).powi(2);
            let expected = -0.5 * quadratic - 2.0 * diag.ln() - (diag + 3.0).ln() - 3.0 * LN_SQRT_2PI;
            let given = q.log_prob(&ones(&[3])).unwrap().item().unwrap();
            assert!((given / expected - 1.0).abs() < 2e-7, "{diag}: {given} {expected}");
        }
    }

    #[test]
    fn many_directions_lose_no_digits_in_single_precision() {
        let (k, r) = (1000, 10);
        let entry = |i: usize| ((i * 7919 + 13) as f64 * 0.618).sin();
        let factor: Vec<f64> = (0..k * r).map(entry).collect();
        let x: Vec<f64> = (0..k).map(|i| entry(i + 5)).collect();
        let of = |dtype| {
            let make = |entries: &[f64], shape: &[usize]| {
                Tensor::from_f64(entries, shape, DType::F32).cast(dtype)
            };
            let diag = make(&vec![1e-3; k], &[k]);
            let zeros = Tensor::zeros(&[k], dtype);
            let normal =
                MultivariateNormalDiagPlusLowRank::new(zeros, diag, make(&factor, &[k, r])).unwrap();
            normal.log_prob(&make(&x, &[k])).unwrap().item().unwrap()
        };
        let (given, expected) = (of(DType::F32), of(DType::F64));
        assert!((given / expected - 1.0).abs() < 1e-7, "{given} {expected}");
    }

    #[test]
    fn bad_arguments_are_named() {
        let (four, two) = (ramp(&[4]), Tensor::ones(&[2], DType::F64));
        let error = MultivariateNormalDiagPlusLowRank::new(&four, &two, ramp(&[4, 2])).unwrap_err();
        assert!(matches!(error, DistributionError::Shape { argument: "scale_diag", .. }), "{error}");
        let ones = Tensor::ones(&[4], DType::F64);
        let error = MultivariateNormalDiagPlusLowRank::new(&two, &ones, ramp(&[4, 2])).unwrap_err();
        assert!(matches!(error, DistributionError::Shape { argument: "loc", .. }), "{error}");
        let error = low_rank().with_scale_perturb_diag(-two).unwrap_err();
        let argument = "scale_perturb_diag";
        assert!(matches!(error, DistributionError::Argument { argument: a, .. } if a == argument));
        let error = low_rank().with_scale_perturb_diag(ones * 0.5).unwrap_err();
        assert!(matches!(error, DistributionError::Shape { argument: a, .. } if a == argument));
        assert!(MultivariateNormalDiagPlusLowRank::new(&four, &four, four.clone()).is_err());
    }
}
