//! The multivariate normal distribution by a triangular factor of its covariance.

use tfn_module::Module;
use tfn_tensor::Tensor;
use tfn_tensor::random::Stream;

use super::multivariate_normal::{check_loc, check_tril, linear_normal_methods, tril_size};
use super::{MultivariateNormalDiag, MultivariateNormalDiagPlusLowRank};
use crate::distribution::{Distribution, KlRule, Reparameterization, validation};
use crate::error::Result;
use crate::gaussian::LinearNormal;
use crate::parameter::{Parameter, ParameterSpec};

/// The normal distribution of a vector with mean `loc` and covariance `L·Lᵀ`, `L` the lower triangle of `scale_tril`.
///
/// Counterpart: `tfp.distributions.MultivariateNormalTriL`, which ignores entries above the diagonal. Here a fixed `scale_tril`
/// with an entry above its diagonal that is not 0 is an error at construction, as it is most often a covariance given by
/// mistake; `matrix.tril()` takes the triangle of a matrix. What a variable has above the diagonal does not count and has a
/// gradient of zero.
///
/// By a covariance: [`MultivariateNormalFullCovariance`](crate::MultivariateNormalFullCovariance), or its factor
/// `covariance.cholesky()`, of which construction reports the error if the matrix is not positive definite.
///
/// ```text
/// log p(x) = −|L⁻¹(x − loc)|²/2 − Σ ln L_ii − k·ln sqrt(2π)
/// ```
///
/// # Shapes
/// `loc` is `[batch…, k]`, `scale_tril` `[batch…, k, k]`; the event shape is `[k]`.
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, MultivariateNormalTriL};
/// use tfn_tensor::{DType, Tensor};
///
/// let covariance = Tensor::from_vec(vec![4.0, 2.0, 2.0, 10.0], &[2, 2]);
/// let normal = MultivariateNormalTriL::new(Tensor::zeros(&[2], DType::F64), covariance.cholesky())?;
/// assert_eq!(normal.covariance()?.to_vec::<f64>()?, [4.0, 2.0, 2.0, 10.0]);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
/// By nalgebra's vectors and matrices, in and out:
/// ```
/// use nalgebra::{DMatrix, DVector};
/// use tfn_distributions::{Distribution, MultivariateNormalTriL};
///
/// let loc = DVector::from_vec(vec![0.5, -0.5]);
/// let factor = DMatrix::from_row_slice(2, 2, &[2.0, 0.0, 1.0, 3.0]);
/// let normal = MultivariateNormalTriL::new(loc.clone(), factor.clone())?;
/// let (mean, covariance) = (normal.mean()?.to_dvector()?, normal.covariance()?.to_dmatrix()?);
/// assert_eq!((mean, covariance), (loc, &factor * factor.transpose()));
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct MultivariateNormalTriL {
    loc: Parameter,
    scale_tril: Parameter,
    validate_args: bool,
}

family!(MultivariateNormalTriL);

impl MultivariateNormalTriL {
    /// Normal vectors with means `loc` and covariances `scale_tril·scale_trilᵀ`.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if a fixed argument is not finite, if a fixed `scale_tril` is not
    /// lower triangular (zero above the diagonal) with a positive diagonal, if it is not square, if the shapes do not broadcast, or the types differ.
    pub fn new(loc: impl Into<Parameter>, scale_tril: impl Into<Parameter>) -> Result<Self> {
        let [loc, scale_tril] = Parameter::unify([loc.into(), scale_tril.into()]);
        let made = Self { loc, scale_tril, validate_args: false }.checked()?;
        check_loc(made.family(), &made.loc, &made.event_shape()?)?;
        if made.scale_tril.is_fixed() {
            check_tril(made.family(), "scale_tril", &made.scale_tril)?;
        }
        Ok(made)
    }

    /// The mean.
    pub fn loc(&self) -> &Parameter {
        &self.loc
    }

    /// The factor of the covariance.
    pub fn scale_tril(&self) -> &Parameter {
        &self.scale_tril
    }

    pub(super) fn linear(&self) -> Result<LinearNormal> {
        LinearNormal::tril(&self.loc.value(), &self.scale_tril.value())
    }
}

impl Distribution for MultivariateNormalTriL {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![
            self.loc.real("loc").event_ndims(1),
            self.scale_tril.real("scale_tril").event_ndims(2),
        ]
    }

    fn event_shape(&self) -> Result<Vec<usize>> {
        Ok(vec![tril_size(self.family(), "scale_tril", &self.scale_tril)?])
    }

    fn check_values(&self) -> Result<()> {
        validation::all_values(&self)?;
        check_tril(self.family(), "scale_tril", &self.scale_tril)
    }

    linear_normal_methods!();

    fn kl_rules(&self) -> &'static [KlRule] {
        const {
            &[
                KlRule::of::<Self, Self>(),
                KlRule::of::<Self, MultivariateNormalDiag>(),
                KlRule::of::<Self, MultivariateNormalDiagPlusLowRank>(),
            ]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DistributionError, Independent, Normal, Sample, kl_divergence};
    use tfn_tensor::{DType, Variable};

    fn matrix(entries: &[f64]) -> Tensor {
        Tensor::from_slice(entries, &[2, 2])
    }

    #[test]
    fn bad_arguments_are_named() {
        let loc = Tensor::zeros(&[2], DType::F64);
        for bad in [
            [1.0, 0.0, 0.5, 0.0],
            [-1.0, 0.0, 0.5, 1.0],
            [1.0, 0.0, f64::NAN, 1.0],
            [1.0, 0.1, 0.5, 1.0],
        ] {
            let error = MultivariateNormalTriL::new(&loc, matrix(&bad)).unwrap_err();
            assert!(matches!(error, DistributionError::Argument { argument: "scale_tril", .. }));
        }
        let wide = Tensor::ones(&[2, 3], DType::F64);
        let error = MultivariateNormalTriL::new(&loc, wide).unwrap_err();
        assert!(matches!(error, DistributionError::Shape { argument: "scale_tril", .. }), "{error}");
        let three = Tensor::zeros(&[3], DType::F64);
        let error = MultivariateNormalTriL::new(three, matrix(&[1.0, 0.0, 0.0, 1.0])).unwrap_err();
        assert!(matches!(error, DistributionError::Shape { argument: "loc", .. }), "{error}");
        assert!(MultivariateNormalTriL::new(&loc, 1.0).is_err());
        let indefinite = matrix(&[1.0, 2.0, 2.0, 1.0]).cholesky();
        let error = MultivariateNormalTriL::new(loc, indefinite).unwrap_err();
        assert!(error.to_string().contains("not positive definite"), "{error}");
    }

    #[test]
    fn variables_are_checked_when_read_if_asked() {
        let scale = Variable::new("scale", matrix(&[1.0, 0.0, 0.5, -1.0])).unwrap();
        let made = MultivariateNormalTriL::new(Tensor::zeros(&[2], DType::F64), &scale).unwrap();
        let x = Tensor::zeros(&[2], DType::F64);
        assert!(made.with_validate_args(true).log_prob(&x).is_err());
    }

    #[test]
    fn a_density_by_hand() {
        // What a variable has above the diagonal does not count.
        let factor = Variable::new("scale", matrix(&[2.0, 9.0, 1.0, 3.0])).unwrap();
        let normal = MultivariateNormalTriL::new(matrix(&[0.0, 0.0, 1.0, -1.0]), &factor).unwrap();
        // Covariance [[4, 2], [2, 10]], determinant 36, at (1, 2) and mean 0: quadratic form 18/36.
        let x = Tensor::from_vec(vec![1.0, 2.0], &[2]);
        let expected = -0.25 - 6.0_f64.ln() - (2.0 * std::f64::consts::PI).ln();
        let given = normal.log_prob(&x).unwrap().to_vec::<f64>().unwrap();
        assert!((given[0] - expected).abs() < 1e-14 && given.len() == 2, "{given:?}");
    }

    #[test]
    fn vectors_of_independent_normals_have_divergences_with_it() {
        let q = Independent::new(
            Normal::new(Tensor::from_vec(vec![0.3, -0.2], &[2]), 0.7).unwrap(),
            1,
        )
        .unwrap();
        let same = MultivariateNormalTriL::new(
            Tensor::from_vec(vec![0.3, -0.2], &[2]),
            matrix(&[0.7, 0.0, 0.0, 0.7]),
        )
        .unwrap();
        let p = Sample::new(Normal::new(0.1, 2.0).unwrap(), &[2]).unwrap();
        let value = |q: &dyn Distribution, p: &dyn Distribution| {
            kl_divergence(q, p).unwrap().item().unwrap()
        };
        assert!(value(&q, &same).abs() < 1e-14 && value(&same, &q).abs() < 1e-14);
        assert!((value(&same, &p) - value(&q, &p)).abs() < 1e-14);
        let several = Sample::new(same.clone(), &[3]).unwrap();
        assert!(value(&several, &several).abs() < 1e-14);
    }
}
