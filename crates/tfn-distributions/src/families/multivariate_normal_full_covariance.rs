//! The multivariate normal distribution by its covariance.

use tfn_module::Module;
use tfn_tensor::random::Stream;
use tfn_tensor::{Tensor, TensorError};

use super::multivariate_normal::{check_loc, linear_normal_methods, tril_size};
use crate::distribution::{Distribution, Reparameterization, validation};
use crate::error::{DistributionError, Result};
use crate::gaussian::LinearNormal;
use crate::parameter::{Parameter, ParameterSpec};

/// The normal distribution of a vector with mean `loc` and covariance `covariance_matrix`, a symmetric positive definite matrix.
///
/// Counterpart: `tfp.distributions.MultivariateNormalFullCovariance`. It is a
/// [`MultivariateNormalTriL`](crate::MultivariateNormalTriL) by the Cholesky factor of the covariance, which is computed at
/// each call: where the factor is at hand, or is what is learnt, that family is the better one. What counts of
/// a variable is its symmetric part, `(Σ + Σᵀ)/2`.
///
/// ```text
/// log p(x) = −(x − loc)ᵀ Σ⁻¹ (x − loc)/2 − ln(det Σ)/2 − k·ln sqrt(2π)
/// ```
///
/// # Shapes
/// `loc` is `[batch…, k]`, `covariance_matrix` `[batch…, k, k]`; the event shape is `[k]`.
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, MultivariateNormalFullCovariance};
/// use tfn_tensor::{DType, Tensor};
///
/// let covariance = Tensor::from_vec(vec![4.0, 2.0, 2.0, 10.0], &[2, 2]);
/// let normal = MultivariateNormalFullCovariance::new(Tensor::zeros(&[2], DType::F64), covariance)?;
/// assert_eq!(normal.variance()?.to_vec::<f64>()?, [4.0, 10.0]);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct MultivariateNormalFullCovariance {
    loc: Parameter,
    covariance_matrix: Parameter,
    validate_args: bool,
}

family!(MultivariateNormalFullCovariance);

impl MultivariateNormalFullCovariance {
    /// Normal vectors with means `loc` and covariances `covariance_matrix`.
    ///
    /// # Errors
    /// [`DistributionError`] if a fixed argument is not finite, if a fixed `covariance_matrix` is not symmetric (up to the
    /// rounding of its entries) and positive definite, if it is not square, if the shapes do not broadcast, or the types differ.
    pub fn new(loc: impl Into<Parameter>, covariance_matrix: impl Into<Parameter>) -> Result<Self> {
        let [loc, covariance_matrix] = Parameter::unify([loc.into(), covariance_matrix.into()]);
        let made = Self { loc, covariance_matrix, validate_args: false }.checked()?;
        check_loc(made.family(), &made.loc, &made.event_shape()?)?;
        if made.covariance_matrix.is_fixed() {
            made.check_covariance()?;
        }
        Ok(made)
    }

    /// The mean.
    pub fn loc(&self) -> &Parameter {
        &self.loc
    }

    /// The covariance.
    pub fn covariance_matrix(&self) -> &Parameter {
        &self.covariance_matrix
    }

    fn linear(&self) -> Result<LinearNormal> {
        let covariance = self.covariance_matrix.value();
        let symmetric = (&covariance + covariance.transpose()) * 0.5;
        LinearNormal::tril(&self.loc.value(), &symmetric.cholesky())
    }

    fn check_covariance(&self) -> Result<()> {
        let (family, argument) = (self.family(), "covariance_matrix");
        let broken = |given: String| {
            let expected = "symmetric positive definite matrices".into();
            Err(DistributionError::Argument { family, argument, given, expected })
        };
        let value = self.covariance_matrix.value();
        let (entries, turned) = (value.to_f64_vec()?, value.transpose().to_f64_vec()?);
        let largest = entries.iter().fold(0.0, |largest: f64, entry| largest.max(entry.abs()));
        // As far apart as sums of k products may be rounded.
        let slack = 8.0 * self.event_shape()?[0] as f64 * value.dtype()?.epsilon() * largest;
        let mut pairs = entries.iter().zip(&turned);
        if let Some((one, other)) = pairs.find(|(one, other)| (*one - *other).abs() > slack) {
            return broken(format!("a matrix with {one} on one side and {other} on the other"));
        }
        match value.cholesky().check() {
            Err(TensorError::NotPositiveDefinite { batch, .. }) => {
                broken(format!("matrices of which number {batch} is not positive definite"))
            }
            other => Ok(other.map(|_| ())?),
        }
    }
}

impl Distribution for MultivariateNormalFullCovariance {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![
            self.loc.real("loc").event_ndims(1),
            self.covariance_matrix.real("covariance_matrix").event_ndims(2),
        ]
    }

    fn event_shape(&self) -> Result<Vec<usize>> {
        Ok(vec![tril_size(self.family(), "covariance_matrix", &self.covariance_matrix)?])
    }

    fn check_values(&self) -> Result<()> {
        validation::all_values(&self)?;
        self.check_covariance()
    }

    linear_normal_methods!();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MultivariateNormalDiag, MultivariateNormalTriL, kl_divergence};
    use tfn_tensor::{DType, Variable};

    fn matrix(entries: &[f64]) -> Tensor {
        Tensor::from_slice(entries, &[2, 2])
    }

    #[test]
    fn bad_arguments_are_named() {
        let loc = Tensor::zeros(&[2], DType::F64);
        for bad in [
            [1.0, 0.5, 0.4, 1.0],
            [1.0, 2.0, 2.0, 1.0],
            [0.0, 0.0, 0.0, 1.0],
            [1.0, f64::NAN, f64::NAN, 1.0],
            [-1.0, 0.0, 0.0, 1.0],
        ] {
            let error = MultivariateNormalFullCovariance::new(&loc, matrix(&bad)).unwrap_err();
            let argument = "covariance_matrix";
            let names =
                matches!(&error, DistributionError::Argument { argument: a, .. } if *a == argument);
            assert!(names, "{bad:?}: {error}");
        }
        let wide = Tensor::ones(&[2, 3], DType::F64);
        let error = MultivariateNormalFullCovariance::new(&loc, wide).unwrap_err();
        let names = matches!(error, DistributionError::Shape { argument: "covariance_matrix", .. });
        assert!(names, "{error}");
        let variable = Variable::new("c", matrix(&[1.0, 2.0, 2.0, 1.0])).unwrap();
        let made = MultivariateNormalFullCovariance::new(&loc, &variable).unwrap();
        assert!(made.check_values().is_err());
        assert!(made.log_prob(&loc).is_err());
    }

    #[test]
    fn rounding_leaves_a_covariance_symmetric() {
        for dtype in [DType::F64, DType::F32] {
            let third = 1.0 / 3.0;
            let off = third + dtype.epsilon() / 4.0;
            let covariance = Tensor::from_f64(&[1.0, third, off, 1.0], &[2, 2], dtype);
            let loc = Tensor::zeros(&[2], dtype);
            assert!(MultivariateNormalFullCovariance::new(loc, covariance).is_ok());
        }
    }

    #[test]
    fn a_density_and_its_slopes_by_hand() {
        let covariance = Variable::new("c", matrix(&[4.0, 2.0, 2.0, 10.0])).unwrap();
        let loc = Tensor::zeros(&[2], DType::F64);
        let normal = MultivariateNormalFullCovariance::new(loc, &covariance).unwrap();
        // Determinant 36; at (1, 2) the quadratic form is 18/36, and Σ⁻¹x is (1/6, 1/6).
        let x = Tensor::from_vec(vec![1.0, 2.0], &[2]);
        let log_prob = normal.log_prob(&x).unwrap();
        let expected = -0.25 - 6.0_f64.ln() - (2.0 * std::f64::consts::PI).ln();
        assert!((log_prob.item().unwrap() - expected).abs() < 1e-14);
        let slopes = log_prob.gradients().unwrap().of(&covariance).to_vec::<f64>().unwrap();
        // −(Σ⁻¹ − Σ⁻¹x xᵀΣ⁻¹)/2.
        for (slope, wanted) in slopes.into_iter().zip([-9.0, 3.0, 3.0, -3.0]) {
            assert!((slope - wanted / 72.0).abs() < 1e-15, "{slope}");
        }
    }

    #[test]
    fn divergences_from_and_to_other_normal_vectors_are_those_of_its_factor() {
        let (loc, covariance) = (Tensor::ones(&[2], DType::F64), matrix(&[4.0, 2.0, 2.0, 10.0]));
        let full = MultivariateNormalFullCovariance::new(&loc, &covariance).unwrap();
        let tril = MultivariateNormalTriL::new(&loc, covariance.cholesky()).unwrap();
        let scale = Tensor::from_vec(vec![1.0, 3.0], &[2]);
        let diag = MultivariateNormalDiag::new(Tensor::zeros(&[2], DType::F64), scale).unwrap();
        let kl = |q: &dyn Distribution, p: &dyn Distribution| {
            kl_divergence(q, p).unwrap().item().unwrap()
        };
        assert_eq!((kl(&full, &full), kl(&full, &tril), kl(&tril, &full)), (0.0, 0.0, 0.0));
        // (tr + |distance|² − k − ln of the determinants' ratio)/2: 4 + 10/9, 1 + 1/9, 36/9.
        let expected = 0.5 * (4.0 + 10.0 / 9.0 + 1.0 + 1.0 / 9.0 - 2.0 - 4.0_f64.ln());
        assert!((kl(&full, &diag) - expected).abs() < 1e-14);
        assert_eq!(kl(&diag, &full), kl(&diag, &tril));
    }
}
