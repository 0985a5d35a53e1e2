//! The scale of a multivariate normal: the linear map from standard normal noise to its distance from the mean.

use tfn_tensor::Tensor;

use super::normal::STANDARD_ENTROPY;
use super::{MultivariateNormalDiag, MultivariateNormalDiagPlusLowRank, MultivariateNormalTriL};
use crate::masking::{constant, squared_length};
use crate::shapes::sum_last;
use crate::special::scalar::gamma::LN_SQRT_2PI;
use crate::{Constraint, Distribution, DistributionError, Parameter, Result};

/// A nonsingular matrix that is multiplied and solved by its parts.
pub(crate) enum LinearScale {
    /// `diag(d)`.
    Diag(Tensor),
    /// The lower triangle of a matrix; what lies above it does not count.
    TriL(Tensor),
    /// `diag(d) + U·Uᵀ` with positive `d`.
    LowRank {
        /// `d`, `[.., k]`.
        diag: Tensor,
        /// `U`, `[.., k, r]`.
        factor: Tensor,
    },
}

impl LinearScale {
    /// The matrix times vectors `[.., k]`.
    pub(crate) fn times(&self, vectors: &Tensor) -> Result<Tensor> {
        self.by_columns(vectors, &|columns| match self {
            Self::Diag(diag) => columns * diag.expand_dims(-1),
            Self::TriL(tril) => tril.tril().matmul(columns),
            Self::LowRank { diag, factor } => {
                let within = factor.transpose().matmul(columns);
                columns * diag.expand_dims(-1) + factor.matmul(&within)
            }
        })
    }

    /// The inverse times vectors `[.., k]`.
    pub(crate) fn solve(&self, vectors: &Tensor) -> Result<Tensor> {
        self.by_columns(vectors, &|columns| self.solve_columns(columns))
    }

    /// `f` of columns `[.., k, n]`, those side by side that meet one matrix: one product for it, not one for each.
    fn by_columns(&self, vectors: &Tensor, f: &dyn Fn(&Tensor) -> Tensor) -> Result<Tensor> {
        let shape = vectors.shape()?;
        let (outer, inner) = shape.split_at(shape.len().saturating_sub(self.batch_ndims()? + 1));
        let [m, n] = [outer, inner].map(|axes| axes.iter().product());
        let columns = vectors.reshape(&[m, n]).transpose().reshape(&[inner, &[m]].concat());
        let made = f(&columns);
        let inner = made.shape()?.split_last().map_or(&[][..], |(_, inner)| inner);
        let whole = [outer, inner].concat();
        Ok(made.reshape(&[inner.iter().product(), m]).transpose().reshape(&whole).check()?)
    }

    /// How many axes its batch has.
    fn batch_ndims(&self) -> Result<usize> {
        let (vectors, matrices) = match self {
            Self::Diag(diag) => (diag.ndims()?, 0),
            Self::TriL(tril) => (0, tril.ndims()?),
            Self::LowRank { diag, factor } => (diag.ndims()?, factor.ndims()?),
        };
        Ok(vectors.saturating_sub(1).max(matrices.saturating_sub(2)))
    }

    /// The inverse times columns `[.., k, n]`; by triangular solutions, and for a low rank by Woodbury's formula.
    fn solve_columns(&self, columns: &Tensor) -> Tensor {
        match self {
            Self::Diag(diag) => columns / diag.expand_dims(-1),
            Self::TriL(tril) => tril.solve_triangular(columns, false),
            Self::LowRank { diag, factor } => {
                let diag = diag.expand_dims(-1);
                let scaled = columns / &diag;
                let small = capacitance(&diag, factor);
                let inner = small.solve_triangular(&factor.transpose().matmul(&scaled), false);
                scaled - (factor / diag).matmul(&small.solve_triangular(&inner, true))
            }
        }
    }

    /// The logarithm of the determinant; for a low rank by the determinant lemma.
    fn log_det(&self) -> Tensor {
        match self {
            Self::Diag(diag) => sum_last(&diag.ln(), 1),
            Self::TriL(tril) => sum_last(&tril.diag_part().ln(), 1),
            Self::LowRank { diag, factor } => {
                let small = capacitance(&diag.expand_dims(-1), factor);
                sum_last(&diag.ln(), 1) + sum_last(&small.diag_part().ln(), 1) * 2.0
            }
        }
    }

    fn is_triangular(&self) -> bool {
        !matches!(self, Self::LowRank { .. })
    }

    /// The matrix entry by entry.
    fn dense(&self) -> Tensor {
        match self {
            Self::Diag(diag) => diag.matrix_diag(),
            Self::TriL(tril) => tril.tril(),
            Self::LowRank { diag, factor } => {
                diag.matrix_diag() + factor.matmul(&factor.transpose())
            }
        }
    }

    /// The matrix times its transpose.
    fn covariance(&self) -> Tensor {
        match self {
            Self::Diag(diag) => diag.square().matrix_diag(),
            _ => {
                let dense = self.dense();
                dense.matmul(&dense.transpose())
            }
        }
    }

    /// The diagonal of [`covariance`](Self::covariance).
    fn variance(&self) -> Tensor {
        match self {
            Self::Diag(diag) => diag.square(),
            Self::TriL(tril) => sum_last(&tril.tril().square(), 1),
            Self::LowRank { diag, factor } => {
                let gram = factor.transpose().matmul(factor);
                let once = sum_last(&factor.square(), 1);
                diag.square() + diag * once * 2.0 + sum_last(&(factor.matmul(&gram) * factor), 1)
            }
        }
    }
}

/// The Cholesky factor of `I + Uᵀ·diag(d)⁻¹·U`, which is positive definite for every `U`.
fn capacitance(diag_column: &Tensor, factor: &Tensor) -> Tensor {
    let inner = factor.transpose().matmul(&(factor / diag_column));
    let ones = sum_last(&(&inner * 0.0), 1) + 1.0;
    (inner + ones.matrix_diag()).cholesky()
}

/// A normal distribution of vectors: its mean, spread over batch and event, and its scale.
pub(crate) struct LinearNormal {
    pub(crate) loc: Tensor,
    pub(crate) scale: LinearScale,
}

impl LinearNormal {
    /// What a multivariate normal of this crate, or a vector of independent normals, is.
    pub(crate) fn of(distribution: &dyn Distribution) -> Result<Option<Self>> {
        if let Some(normal) = distribution.downcast_ref::<MultivariateNormalTriL>() {
            return normal.linear().map(Some);
        }
        if let Some(normal) = distribution.downcast_ref::<MultivariateNormalDiagPlusLowRank>() {
            return normal.linear().map(Some);
        }
        if distribution.event_shape()?.len() != 1 {
            return Ok(None);
        }
        let entries = distribution.elementwise_normal();
        Ok(entries.map(|(loc, scale)| Self { loc, scale: LinearScale::Diag(scale) }))
    }

    fn size(&self) -> Result<f64> {
        Ok(self.loc.shape()?.last().map_or(0.0, |&size| size as f64))
    }

    /// `−|S⁻¹(x − loc)|²/2 − ln det S − k·ln sqrt(2π)`.
    pub(crate) fn log_prob(&self, x: &Tensor) -> Result<Tensor> {
        let distance = x - &self.loc;
        let z = self.scale.solve(&distance)?;
        let normalizer = self.scale.log_det() + self.size()? * LN_SQRT_2PI;
        Ok(squared_length(&z, &distance, 1)? * -0.5 - normalizer)
    }

    pub(crate) fn sample(&self, noise: &Tensor) -> Result<Tensor> {
        Ok(&self.loc + self.scale.times(noise)?)
    }

    /// `k/2·ln(2πe) + ln det S`, as far as the scale's batch goes.
    pub(crate) fn entropy(&self) -> Result<Tensor> {
        Ok(self.scale.log_det() + self.size()? * STANDARD_ENTROPY)
    }

    pub(crate) fn variance(&self) -> Tensor {
        self.scale.variance()
    }

    pub(crate) fn covariance(&self, batch: &[usize]) -> Result<Tensor> {
        let covariance = self.scale.covariance();
        let size = covariance.shape()?.last().copied().unwrap_or(0);
        Ok(covariance.broadcast_to(&[batch, &[size, size]].concat()).check()?)
    }

    /// Divergence between normals of vectors.
    ///
    /// ```text
    /// (|R|² − k + |z|²)/2 − ln det R,   R = S_p⁻¹·S_q,   z = S_p⁻¹(loc_q − loc_p)
    /// ```
    /// Source: Duchi, "Derivations for linear algebra and optimization", section 9; with `Σ = S·Sᵀ` the trace of
    /// `Σ_p⁻¹·Σ_q` is the squared Frobenius norm.
    pub(crate) fn kl(&self, p: &Self) -> Result<Tensor> {
        let ratio = p.scale.solve_columns(&self.scale.dense());
        let distance = p.scale.solve(&(&self.loc - &p.loc))?;
        if self.scale.is_triangular() && p.scale.is_triangular() {
            let (diagonal, beside) = triangle_parts(&ratio);
            return Ok(sum_last(&kl_to_standard(&distance, &diagonal), 1) + beside * 0.5);
        }
        let squares = sum_last(&ratio.square(), 2) - self.size()? + sum_last(&distance.square(), 1);
        Ok(squares * 0.5 + (p.scale.log_det() - self.scale.log_det()))
    }
}

/// The diagonal of triangular matrices and the sum of the squares beside it.
pub(crate) fn triangle_parts(triangle: &Tensor) -> (Tensor, Tensor) {
    let diagonal = triangle.diag_part();
    let beside = sum_last(&(triangle - diagonal.matrix_diag()).square(), 2);
    (diagonal, beside)
}

/// Divergence of each normal from the standard normal: exactly 0 where it is one, so that nothing cancels near equality.
pub(crate) fn kl_to_standard(loc: &Tensor, scale: &Tensor) -> Tensor {
    Tensor::normal_kl(loc, scale, &constant(0.0, loc), &constant(1.0, scale))
}

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
        impl crate::KlDivergence<$p> for $q {
            fn kl_divergence_to(&self, p: &$p) -> Result<Tensor> {
                self.linear()?.kl(&p.linear()?)
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
            self.spread(&self.linear()?.variance())
        }

        fn covariance(&self) -> Result<Tensor> {
            self.linear()?.covariance(&self.batch_shape()?)
        }

        fn mode(&self) -> Result<Tensor> {
            self.mean()
        }

        fn entropy(&self) -> Result<Tensor> {
            Ok(self.linear()?.entropy()?.broadcast_to(&self.batch_shape()?).check()?)
        }

        fn reparameterization(&self) -> Reparameterization {
            Reparameterization::Fully
        }

        fn validate_args(&self) -> bool {
            self.validate_args
        }
    };
}
pub(super) use linear_normal_methods;

#[cfg(test)]
mod tests {
    use nalgebra::DVector;
    use tfn_tensor::Tensor;

    use super::*;
    use crate::kl_divergence;

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
