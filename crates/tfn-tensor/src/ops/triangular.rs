//! Triangular matrices: factors of symmetric matrices, solutions, triangles and diagonals.
//!
//! The factorisation and the solutions are nalgebra's, computed in `f64` for either type.

use std::panic::Location;
use std::sync::Arc;

use nalgebra::DMatrix;

use super::matmul::source;
use crate::dtype::{DType, Element, dispatch};
use crate::error::{Result, TensorError};
use crate::shape::{broadcast_shapes, count};
use crate::tensor::{Array, Tensor, Vjp, VjpContext, apply_one};

/// `A = L·Lᵀ`.
struct Cholesky {
    factor: Tensor,
}

impl Vjp for Cholesky {
    fn name(&self) -> &'static str {
        "cholesky"
    }

    /// `dA` is the symmetric part of `L⁻ᵀ·Φ(Lᵀ·dL)·L⁻¹`, Φ the lower triangle with half the diagonal: Murray,
    /// "Differentiation of the Cholesky decomposition", 2016, equation 10.
    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        let Some(g) = ctx.grad(0) else { return Ok(()) };
        let size = self.factor.shape()?.last().copied().unwrap_or(0);
        let halves = Tensor::full(&[size], 0.5, g.dtype()?).matrix_diag();
        let product = self.factor.transpose().matmul(&g.tril());
        let inner = product.tril() - &product * halves;
        let left = self.factor.solve_triangular(&inner, true).transpose();
        let whole = self.factor.solve_triangular(&left, true);
        ctx.add(0, (&whole + whole.transpose()) * 0.5);
        Ok(())
    }
}

/// `L·X = B`, or `Lᵀ·X = B`.
struct Solve {
    matrix: Tensor,
    adjoint: bool,
    /// Kept for the gradient of the matrix, if that is asked for.
    solution: Option<Tensor>,
}

impl Vjp for Solve {
    fn name(&self) -> &'static str {
        "solve_triangular"
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        let Some(g) = ctx.grad(0) else { return Ok(()) };
        let of_rhs = self.matrix.solve_triangular(g, !self.adjoint);
        if let Some(solution) = &self.solution {
            let [x, g] = [solution, &of_rhs].map(|t| side_by_side(t, &self.matrix));
            let (x, g) = (x?, g?);
            let (rows, columns) = if self.adjoint { (x, g) } else { (g, x) };
            ctx.add(0, -rows.matmul(&columns.transpose()).tril());
        }
        ctx.add(1, of_rhs);
        Ok(())
    }
}

/// The matrices of a batch as one, `[n, m·batch]`, if they share the one matrix `of`.
fn side_by_side(batch: &Tensor, of: &Tensor) -> Result<Tensor> {
    let (&[ref outer @ .., n, m], matrix) = (batch.shape()?, of.shape()?) else {
        return Ok(batch.clone());
    };
    let matrices = count(outer);
    if matrices <= 1 || matrix.len() < 2 || count(&matrix[..matrix.len() - 2]) != 1 {
        return Ok(batch.clone());
    }
    let columns = batch.reshape(&[matrices, n * m]).transpose().reshape(&[n, m * matrices]);
    let ones = vec![1; matrix.len() - 2];
    columns.reshape(&[&ones[..], &[n, m * matrices]].concat()).check()
}

/// The `index`-th `rows × columns` matrix of a row-major batch.
fn matrix_of<E: Element>(batch: &[E], index: usize, rows: usize, columns: usize) -> DMatrix<f64> {
    let entries = batch[index * rows * columns..][..rows * columns].iter();
    DMatrix::from_row_iterator(rows, columns, entries.map(|&entry| Element::to_f64(entry)))
}

fn write_matrix<E: Element>(out: &mut [E], matrix: &DMatrix<f64>) {
    for (entry, value) in out.iter_mut().zip(matrix.transpose().iter()) {
        *entry = E::from_f64(*value);
    }
}

impl Tensor {
    /// The lower triangular `L` with a positive diagonal and `L·Lᵀ` this symmetric matrix.
    ///
    /// Only the lower triangle is read; the gradient is the symmetric one. Counterpart: `tf.linalg.cholesky`.
    ///
    /// # Shapes
    /// `[.., n, n]` gives `[.., n, n]`, zero above the diagonal.
    ///
    /// # Errors
    /// The result carries [`TensorError::NotPositiveDefinite`] if a matrix of the batch is not.
    ///
    /// ```
    /// # use tfn_tensor::{Tensor, TensorError};
    /// let covariance = Tensor::from_vec(vec![4.0, 2.0, 2.0, 10.0], &[2, 2]);
    /// assert_eq!(covariance.cholesky().to_vec::<f64>()?, [2.0, 0.0, 1.0, 3.0]);
    /// assert!((covariance * -1.0).cholesky().shape().is_err());
    /// # Ok::<(), TensorError>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn cholesky(&self) -> Self {
        let (array, size) = match self.square_matrices("cholesky", Location::caller()) {
            Ok(square) => square,
            Err(error) => return Self::from_error(error),
        };
        let mut failed = None;
        let output = dispatch!(array.dtype(), E => Self::build::<E>(&array.shape, |out| {
            for (index, out) in out.chunks_exact_mut((size * size).max(1)).enumerate() {
                match matrix_of(array.slice::<E>(), index, size, size).cholesky() {
                    Some(factor) => write_matrix(out, &factor.l()),
                    None => _ = failed.get_or_insert(index),
                }
            }
        }));
        if let Some(batch) = failed {
            return Self::from_error(TensorError::NotPositiveDefinite { op: "cholesky", batch });
        }
        let factor = output.clone();
        apply_one(&[self], output, || Cholesky { factor })
    }

    /// `X` with `L·X = rhs`, or `Lᵀ·X = rhs` if `adjoint`, for `L` the lower triangle of this matrix; what
    /// lies above its diagonal is not read and has no gradient.
    ///
    /// Infinite or NaN where the diagonal has a zero. Counterpart: `tf.linalg.triangular_solve`.
    ///
    /// # Shapes
    /// `[.., n, n]` and `[.., n, m]` give `[.., n, m]`; the leading axes broadcast.
    ///
    /// ```
    /// # use tfn_tensor::{Tensor, TensorError};
    /// let lower = Tensor::from_vec(vec![2.0, 0.0, 1.0, 3.0], &[2, 2]);
    /// let rhs = Tensor::from_vec(vec![2.0, 7.0], &[2, 1]);
    /// assert_eq!(lower.solve_triangular(&rhs, false).to_vec::<f64>()?, [1.0, 2.0]);
    /// # Ok::<(), TensorError>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn solve_triangular(&self, rhs: &Self, adjoint: bool) -> Self {
        self.solve_at(rhs, adjoint, Location::caller()).unwrap_or_else(Self::from_error)
    }

    fn solve_at(
        &self,
        rhs: &Self,
        adjoint: bool,
        place: &'static Location<'static>,
    ) -> Result<Self, Arc<TensorError>> {
        let op = "solve_triangular";
        let (array, n) = self.square_matrices(op, place)?;
        let right = rhs.array().map_err(Arc::clone)?;
        if array.dtype() != right.dtype() {
            let (lhs, rhs) = (array.dtype(), right.dtype());
            return Err(TensorError::DTypes { op, lhs, rhs, place }.into());
        }
        let outer = &array.shape[..array.shape.len() - 2];
        let fits = match &*right.shape {
            &[ref others @ .., rows, m] if rows == n => {
                broadcast_shapes(outer, others).map(|batch| (batch, others, m))
            }
            _ => None,
        };
        let (batch, others, m) = fits.ok_or_else(|| TensorError::Shapes {
            op,
            lhs: array.shape.to_vec(),
            rhs: right.shape.to_vec(),
            expected: "[.., n, n] and [.., n, m] whose leading axes broadcast",
            place,
        })?;
        let output = dispatch!(array.dtype(), E => {
            Self::build::<E>(&[&batch[..], &[n, m]].concat(), |out| {
                let matrices: Vec<_> =
                    (0..count(outer)).map(|i| matrix_of(array.slice::<E>(), i, n, n)).collect();
                for (flat, out) in out.chunks_exact_mut((n * m).max(1)).enumerate() {
                    let matrix = &matrices[source(flat, &batch, outer)];
                    let mut x = matrix_of(right.slice::<E>(), source(flat, &batch, others), n, m);
                    if adjoint {
                        matrix.tr_solve_lower_triangular_unchecked_mut(&mut x);
                    } else {
                        matrix.solve_lower_triangular_unchecked_mut(&mut x);
                    }
                    write_matrix(out, &x);
                }
            })
        });
        let solution = self.is_tracked().then(|| output.clone());
        let matrix = self.detach();
        Ok(apply_one(&[self, rhs], output, || Solve { matrix, adjoint, solution }))
    }

    /// The lower triangle of the last two axes, with zeros above the diagonal, whatever stood there.
    ///
    /// Counterpart: `tf.linalg.band_part(x, -1, 0)`.
    #[track_caller]
    #[must_use]
    pub fn tril(&self) -> Self {
        let place = Location::caller();
        let made = || -> Result<Self> {
            let &[.., rows, columns] = self.shape()? else {
                let (given, expected) = (self.shape()?.to_vec(), "at least two axes".into());
                return Err(TensorError::Shape {
                    op: "tril",
                    argument: "self",
                    given,
                    expected,
                    place,
                });
            };
            if self.is_empty()? {
                return Ok(self.clone());
            }
            let dtype = self.dtype()?;
            let lower = mask(rows, columns, dtype, |row, column| column <= row);
            Ok(Self::select(&lower, self, &Self::zeros(&[], dtype)))
        };
        made().unwrap_or_else(Self::from_error)
    }

    /// The diagonals of square matrices.
    ///
    /// # Shapes
    /// `[.., n, n]` gives `[.., n]`. Counterpart: `tf.linalg.diag_part`.
    ///
    /// ```
    /// # use tfn_tensor::{Tensor, TensorError};
    /// let x = Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0], &[2, 2]);
    /// assert_eq!(x.diag_part().to_vec::<f64>()?, [1.0, 4.0]);
    /// assert_eq!(x.diag_part().matrix_diag().to_vec::<f64>()?, [1.0, 0.0, 0.0, 4.0]);
    /// # Ok::<(), TensorError>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn diag_part(&self) -> Self {
        let (array, size) = match self.square_matrices("diag_part", Location::caller()) {
            Ok(square) => square,
            Err(error) => return Self::from_error(error),
        };
        let lead = &array.shape[..array.shape.len() - 2];
        if array.len() == 0 {
            return self.reshape(&[lead, &[size]].concat());
        }
        let flat = [lead, &[size * size]].concat();
        let diagonal: Vec<usize> = (0..size).map(|row| row * (size + 1)).collect();
        self.reshape(&flat).gather(-1, &diagonal)
    }

    /// The square matrices with these diagonals, and zeros elsewhere.
    ///
    /// # Shapes
    /// `[.., n]` gives `[.., n, n]`. Counterpart: `tf.linalg.diag`.
    #[track_caller]
    #[must_use]
    pub fn matrix_diag(&self) -> Self {
        let columns = self.expand_dims(-1);
        let made = || -> Result<Self> {
            let &[.., size, _] = columns.shape()? else { return Ok(columns.clone()) };
            if self.is_empty()? {
                return Ok(self.reshape(&[self.shape()?, &[size]].concat()));
            }
            let dtype = self.dtype()?;
            let diagonal = mask(size, size, dtype, |row, column| row == column);
            Ok(Self::select(&diagonal, &columns, &Self::zeros(&[], dtype)))
        };
        // A tensor without an axis becomes one of one axis, which is no column.
        match self.ndims() {
            Ok(0) => Self::from_error(TensorError::Shape {
                op: "matrix_diag",
                argument: "self",
                given: Vec::new(),
                expected: "at least one axis".into(),
                place: Location::caller(),
            }),
            _ => made().unwrap_or_else(Self::from_error),
        }
    }

    /// The tensor and the size of its matrices, if they are square.
    fn square_matrices(
        &self,
        op: &'static str,
        place: &'static Location<'static>,
    ) -> Result<(&Array, usize), Arc<TensorError>> {
        let array = self.array().map_err(Arc::clone)?;
        match *array.shape {
            [.., rows, columns] if rows == columns => Ok((array, rows)),
            _ => Err(TensorError::Shape {
                op,
                argument: "self",
                given: array.shape.to_vec(),
                expected: "square matrices [.., n, n]".into(),
                place,
            }
            .into()),
        }
    }
}

/// A matrix with 1 where `holds` of row and column, 0 elsewhere.
fn mask(rows: usize, columns: usize, dtype: DType, holds: fn(usize, usize) -> bool) -> Tensor {
    dispatch!(dtype, E => Tensor::build::<E>(&[rows, columns], |out| {
        for (flat, entry) in out.iter_mut().enumerate() {
            *entry = if holds(flat / columns, flat % columns) { 1.0 } else { 0.0 };
        }
    }))
}

#[cfg(test)]
mod tests {
    use crate::testing::check_gradients;
    use crate::{DType, Result, Tensor, TensorError, Variable};

    fn ramp(shape: &[usize], step: f64) -> Tensor {
        let len: usize = shape.iter().product();
        Tensor::from_vec((0..len).map(|i| ((i * 5) % 7) as f64 * step - 1.0).collect(), shape)
    }

    /// Well-conditioned lower triangles, with numbers above them that do not count.
    fn lower(shape: &[usize]) -> Tensor {
        let n = shape[shape.len() - 1];
        ramp(shape, 0.3) + (Tensor::full(&[n], 2.0, DType::F64)).matrix_diag()
    }

    fn near(a: &Tensor, b: &Tensor) -> bool {
        let (a, b) = (a.to_f64_vec().unwrap(), b.to_f64_vec().unwrap());
        a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-12)
    }

    #[test]
    fn a_factor_gives_its_matrix_again() {
        for shape in [&[3, 3][..], &[2, 3, 3], &[1, 1], &[0, 0], &[2, 0, 2, 2]] {
            let factor = lower(shape).tril();
            let matrix = factor.matmul(&factor.transpose());
            assert!(near(&matrix.cholesky(), &factor), "{shape:?}");
        }
        let narrow = lower(&[3, 3]).tril().cast(DType::F32);
        let matrix = narrow.matmul(&narrow.transpose());
        assert_eq!(matrix.cholesky().dtype().unwrap(), DType::F32);
    }

    #[test]
    fn solutions_solve_for_every_form_of_batch() {
        for (matrix, rhs) in [
            (&[3, 3][..], &[3, 2][..]),
            (&[3, 3], &[4, 3, 1]),
            (&[2, 1, 3, 3], &[4, 3, 2]),
            (&[2, 3, 3], &[3, 1]),
            (&[1, 1], &[1, 1]),
            (&[0, 3, 3], &[3, 1]),
        ] {
            let (matrix, rhs) = (lower(matrix), ramp(rhs, 0.7));
            let triangle = matrix.tril();
            for (adjoint, factor) in [(false, triangle.clone()), (true, triangle.transpose())] {
                let x = matrix.solve_triangular(&rhs, adjoint);
                let product = factor.matmul(&x);
                let all = rhs.broadcast_to(product.shape().unwrap());
                assert!(near(&product, &all), "{matrix:?} {rhs:?} {adjoint}");
            }
        }
    }

    #[test]
    fn gradients_agree_with_central_differences() {
        for shape in [&[3, 3][..], &[2, 2, 2], &[1, 1]] {
            check_gradients(&[lower(shape)], |v| {
                let factor = v[0].tril();
                factor.matmul(&factor.transpose()).cholesky().square()
            })
            .unwrap_or_else(|e| panic!("{shape:?}: {e}"));
        }
        for (matrix, rhs) in [
            (&[3, 3][..], &[3, 2][..]),
            (&[3, 3], &[4, 3, 1]),
            (&[1, 2, 2], &[3, 2, 2]),
            (&[2, 1, 3, 3], &[4, 3, 2]),
            (&[2, 3, 3], &[3, 1]),
        ] {
            for adjoint in [false, true] {
                let inputs = [lower(matrix), ramp(rhs, 0.7)];
                check_gradients(&inputs, |v| v[0].solve_triangular(&v[1], adjoint).square())
                    .unwrap_or_else(|e| panic!("{matrix:?} {rhs:?} {adjoint}: {e}"));
            }
        }
        check_gradients(&[ramp(&[2, 3, 3], 0.3)], |v| v[0].diag_part().square()).unwrap();
        check_gradients(&[ramp(&[2, 3], 0.3)], |v| v[0].matrix_diag().square()).unwrap();
        check_gradients(&[ramp(&[2, 2, 3], 0.3)], |v| v[0].tril().square()).unwrap();
    }

    #[test]
    fn what_lies_above_the_diagonal_does_not_count() -> Result<()> {
        let entries = vec![2.0, f64::NAN, 1.0, 3.0];
        let x = Variable::new("x", Tensor::from_vec(entries, &[2, 2]))?;
        let rhs = Tensor::from_vec(vec![2.0, 7.0], &[2, 1]);
        for value in [x.tensor().solve_triangular(&rhs, false), x.tensor().tril()] {
            assert!(value.all_finite()?);
            let gradient = value.sum().gradients()?.of(&x).to_vec::<f64>()?;
            assert!(gradient[1] == 0.0 && gradient.iter().all(|g| g.is_finite()), "{gradient:?}");
        }
        Ok(())
    }

    #[test]
    fn a_zero_on_the_diagonal_is_no_panic() -> Result<()> {
        let singular = Tensor::from_vec(vec![0.0, 0.0, 1.0, 1.0], &[2, 2]);
        let x = singular.solve_triangular(&Tensor::ones(&[2, 1], DType::F64), false);
        assert!(!x.all_finite()?);
        Ok(())
    }

    #[test]
    fn wrong_matrices_are_errors() {
        let not = Tensor::from_vec(vec![1.0, 0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 1.0], &[2, 2, 2]);
        let error = not.cholesky().shape().unwrap_err();
        assert_eq!(error, TensorError::NotPositiveDefinite { op: "cholesky", batch: 1 });
        assert!((not * f64::NAN).cholesky().shape().is_err());
        let (x, y) = (ramp(&[2, 3], 0.1), ramp(&[3, 3], 0.1));
        for error in [x.cholesky(), x.diag_part(), x.solve_triangular(&y, false)] {
            assert!(matches!(error.shape(), Err(TensorError::Shape { .. })));
        }
        for other in [x.clone(), ramp(&[3], 0.1)] {
            let error = y.solve_triangular(&other, false);
            assert!(matches!(error.shape(), Err(TensorError::Shapes { .. })));
        }
        let narrow = y.cast(DType::F32);
        let error = y.solve_triangular(&narrow, false);
        assert!(matches!(error.shape(), Err(TensorError::DTypes { .. })));
        assert!(Tensor::scalar(1.0).matrix_diag().shape().is_err());
        assert!(Tensor::scalar(1.0).tril().shape().is_err());
    }
}
