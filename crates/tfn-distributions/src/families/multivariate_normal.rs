//! What the families of normal vectors and matrices share.

use tfn_tensor::Tensor;

use super::{MultivariateNormalDiag, MultivariateNormalDiagPlusLowRank, MultivariateNormalTriL};
use crate::constraint::Constraint;
use crate::distribution::KlDivergence;
use crate::error::{DistributionError, Result};
use crate::parameter::Parameter;

/// The rows of a lower triangular argument.
///
/// # Errors
/// [`DistributionError::Shape`] if the matrices are not square.
pub(crate) fn tril_size(
    family: &'static str,
    argument: &'static str,
    tril: &Parameter,
) -> Result<usize> {
    let given = tril.shape()?;
    match given[..] {
        [.., rows, columns] if rows == columns => Ok(rows),
        _ => {
            let expected = "square matrices [.., k, k]".into();
            Err(DistributionError::Shape { family, argument, given, expected })
        }
    }
}

/// Checks that the last axes of `loc` are of these sizes, or 1.
pub(crate) fn check_loc(family: &'static str, loc: &Parameter, event: &[usize]) -> Result<()> {
    let given = loc.shape()?;
    let last = &given[given.len().saturating_sub(event.len())..];
    if last.len() == event.len() && last.iter().zip(event).all(|(a, b)| a == b || *a == 1) {
        return Ok(());
    }
    let expected = format!("batches of events {event:?}, as the scale says");
    Err(DistributionError::Shape { family, argument: "loc", given, expected })
}

/// Checks that a triangular argument has a positive diagonal, and nothing above it.
pub(crate) fn check_tril(
    family: &'static str,
    argument: &'static str,
    tril: &Parameter,
) -> Result<()> {
    let value = tril.value();
    let broken = |given: String, expected: &str| {
        Err(DistributionError::Argument { family, argument, given, expected: expected.into() })
    };
    if let Some(entry) = Constraint::Positive.violation(&value.diag_part())? {
        return broken(format!("a matrix whose diagonal has {entry}"), "a positive diagonal");
    }
    let above = (&value - value.tril()).to_f64_vec()?;
    match above.iter().find(|&&entry| entry != 0.0) {
        None => Ok(()),
        Some(entry) => {
            broken(format!("a matrix with {entry} above its diagonal"), "a lower triangular matrix")
        }
    }
}

/// Divergences between families that are a [`LinearNormal`] each.
macro_rules! linear_normal_kl {
    ($($q:ident || $p:ident;)*) => { $(
        impl KlDivergence<$p> for $q {
            fn kl_divergence_to(&self, p: &$p) -> Result<Tensor> {
                self.linear()?.kl_divergence_to(&p.linear()?)
            }
        }
    )* };
}

linear_normal_kl! {
    MultivariateNormalDiag || MultivariateNormalTriL;
    MultivariateNormalDiag || MultivariateNormalDiagPlusLowRank;
    MultivariateNormalTriL || MultivariateNormalDiag;
    MultivariateNormalTriL || MultivariateNormalTriL;
    MultivariateNormalTriL || MultivariateNormalDiagPlusLowRank;
    MultivariateNormalDiagPlusLowRank || MultivariateNormalDiag;
    MultivariateNormalDiagPlusLowRank || MultivariateNormalTriL;
    MultivariateNormalDiagPlusLowRank || MultivariateNormalDiagPlusLowRank;
}

/// What the families over a [`LinearNormal`] answer by it.
macro_rules! linear_normal_methods {
    () => {
        fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
            self.linear()?.log_prob(x)
        }

        fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
            self.linear()?.sample(&stream.normal(shape, self.dtype()?))
        }

        fn mean(&self) -> Result<Tensor> {
            self.spread(&self.loc.value())
        }

        fn variance(&self) -> Result<Tensor> {
            self.linear()?.variance()
        }

        fn covariance(&self) -> Result<Tensor> {
            self.linear()?.covariance()
        }

        fn mode(&self) -> Result<Tensor> {
            self.mean()
        }

        fn entropy(&self) -> Result<Tensor> {
            self.linear()?.entropy()
        }

        fn reparameterization(&self) -> Reparameterization {
            Reparameterization::Fully
        }

        fn validate_args(&self) -> bool {
            self.validate_args
        }

        fn linear_normal(&self) -> Option<Result<LinearNormal>> {
            Some(self.linear())
        }
    };
}
pub(super) use linear_normal_methods;

#[cfg(test)]
mod tests {
    use nalgebra::DVector;
    use tfn_tensor::Tensor;

    use super::*;
    use crate::{Distribution, kl_divergence};

    fn ramp(shape: &[usize], step: f64) -> Tensor {
        let count: usize = shape.iter().product();
        Tensor::from_vec((0..count).map(|i| ((i * 5) % 7) as f64 * step - 0.8).collect(), shape)
    }

    /// The textbook form, by inverse and determinants of whole matrices.
    fn dense_kl(q: &dyn Distribution, p: &dyn Distribution) -> f64 {
        let covariance =
            |d: &dyn Distribution| d.covariance().unwrap().to_dmatrix::<f64>().unwrap();
        let mean =
            |d: &dyn Distribution| -> DVector<f64> { d.mean().unwrap().to_dvector().unwrap() };
        let (of_q, of_p, distance) = (covariance(q), covariance(p), mean(q) - mean(p));
        let inverse = of_p.clone().try_inverse().unwrap();
        let squared = distance.dot(&(&inverse * &distance));
        let trace = (&inverse * &of_q).trace();
        0.5 * (trace - distance.len() as f64
            + squared
            + (of_p.determinant() / of_q.determinant()).ln())
    }

    #[test]
    fn divergences_are_those_of_dense_matrices() {
        let positive = |step| ramp(&[4], step).square() + 0.3;
        let diag = MultivariateNormalDiag::new(ramp(&[4], 0.3), positive(0.2)).unwrap();
        let factor = ramp(&[4, 4], 0.1).tril() + (positive(0.3) + 0.8).matrix_diag();
        let tril = MultivariateNormalTriL::new(ramp(&[4], 0.1), factor).unwrap();
        let directions = ramp(&[4, 2], 0.25);
        let low_rank =
            MultivariateNormalDiagPlusLowRank::new(ramp(&[4], 0.2), positive(0.4), directions)
                .unwrap();
        let all: [&dyn Distribution; 3] = [&diag, &tril, &low_rank];
        for (q, p) in all.into_iter().flat_map(|q| all.map(|p| (q, p))) {
            let (given, expected) = (kl_divergence(q, p).unwrap().item().unwrap(), dense_kl(q, p));
            let name = format!("{} || {}: {given} {expected}", q.family(), p.family());
            assert!((given - expected).abs() < 1e-12 * expected.max(1.0), "{name}");
        }
    }

    #[test]
    fn divergences_of_triangular_scales_keep_their_digits_near_equality() {
        // To second order the divergence is half the squared distance, and that of the scale beside the diagonal.
        let factor = |beside| Tensor::from_vec(vec![2.0, 0.0, beside, 0.5], &[2, 2]);
        let loc = Tensor::from_vec(vec![1.0, 2.0], &[2]);
        let [p, q] = [0.3, 0.3 + 1e-12]
            .map(|beside| MultivariateNormalTriL::new(&loc, factor(beside)).unwrap());
        assert_eq!(kl_divergence(&p, &p).unwrap().item().unwrap(), 0.0);
        let given = kl_divergence(&q, &p).unwrap().item().unwrap();
        let expected = 0.5 * ((0.3_f64 + 1e-12 - 0.3) / 0.5).powi(2);
        assert!((given / expected - 1.0).abs() < 1e-3, "{given} {expected}");
    }
}
