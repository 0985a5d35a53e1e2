//! The scale of a multivariate normal: the linear map from standard normal noise to its distance from the mean.

use tfn_tensor::Tensor;

use crate::axes::sum_last;
use crate::error::Result;

/// A nonsingular matrix that is multiplied and solved by its parts.
#[derive(Clone, Debug)]
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

    /// The same with each of its tensors made anew, by how many last axes are not of its batch.
    pub(super) fn each(&self, make: &dyn Fn(&Tensor, usize) -> Result<Tensor>) -> Result<Self> {
        Ok(match self {
            Self::Diag(diag) => Self::Diag(make(diag, 1)?),
            Self::TriL(tril) => Self::TriL(make(tril, 2)?),
            Self::LowRank { diag, factor } => {
                Self::LowRank { diag: make(diag, 1)?, factor: make(factor, 2)? }
            }
        })
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
    pub(super) fn solve_columns(&self, columns: &Tensor) -> Tensor {
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
    pub(super) fn log_det(&self) -> Tensor {
        match self {
            Self::Diag(diag) => sum_last(&diag.ln(), 1),
            Self::TriL(tril) => sum_last(&tril.diag_part().ln(), 1),
            Self::LowRank { diag, factor } => {
                let small = capacitance(&diag.expand_dims(-1), factor);
                sum_last(&diag.ln(), 1) + sum_last(&small.diag_part().ln(), 1) * 2.0
            }
        }
    }

    pub(super) fn is_triangular(&self) -> bool {
        !matches!(self, Self::LowRank { .. })
    }

    /// The matrix entry by entry.
    pub(super) fn dense(&self) -> Tensor {
        match self {
            Self::Diag(diag) => diag.matrix_diag(),
            Self::TriL(tril) => tril.tril(),
            Self::LowRank { diag, factor } => {
                diag.matrix_diag() + factor.matmul(&factor.transpose())
            }
        }
    }

    /// The matrix times its transpose.
    pub(super) fn covariance(&self) -> Tensor {
        match self {
            Self::Diag(diag) => diag.square().matrix_diag(),
            _ => {
                let dense = self.dense();
                dense.matmul(&dense.transpose())
            }
        }
    }

    /// The diagonal of [`covariance`](Self::covariance).
    pub(super) fn variance(&self) -> Tensor {
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
