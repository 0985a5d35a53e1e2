//! The normal distribution of a matrix whose covariance is a product of rows and columns.

use tfn_module::Module;
use tfn_tensor::Tensor;
use tfn_tensor::random::Stream;

use super::multivariate_normal::{check_loc, check_tril, tril_size};
use crate::axes::sum_last;
use crate::distribution::{Distribution, KlDivergence, KlRule, Reparameterization, validation};
use crate::error::Result;
use crate::gaussian::{LinearScale, STANDARD_ENTROPY, kl_to_standard, triangle_parts};
use crate::masking::{flat_at_nothing, squared_length};
use crate::parameter::{Parameter, ParameterSpec};
use crate::special::scalar::gamma::LN_SQRT_2PI;

/// The normal distribution of `loc + A·Z·Bᵀ` for a matrix `Z` of independent standard normals, `A` and `B` the lower
/// triangles of `scale_row` and `scale_column`.
///
/// Counterpart: `tfp.distributions.MatrixNormalLinearOperator` of triangular operators. What a variable has above the
/// diagonal does not count. The covariance of `X_ij` and `X_kl` is `(A·Aᵀ)_ik · (B·Bᵀ)_jl`.
///
/// ```text
/// log p(X) = −|A⁻¹(X − loc)B⁻ᵀ|²/2 − m·Σ ln A_ii − n·Σ ln B_jj − n·m·ln sqrt(2π)
/// ```
///
/// # Shapes
/// `loc` is `[batch…, n, m]`, `scale_row` `[batch…, n, n]`, `scale_column` `[batch…, m, m]`; the event shape is `[n, m]`.
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, MatrixNormal};
/// use tfn_tensor::{DType, Tensor};
///
/// let row = Tensor::from_vec(vec![2.0, 0.0, 1.0, 1.0], &[2, 2]);
/// let column = Tensor::from_vec(vec![3.0], &[1, 1]);
/// let normal = MatrixNormal::new(Tensor::zeros(&[2, 1], DType::F64), row, column)?;
/// assert_eq!(normal.variance()?.to_vec::<f64>()?, [36.0, 18.0]);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct MatrixNormal {
    loc: Parameter,
    scale_row: Parameter,
    scale_column: Parameter,
    validate_args: bool,
}

family!(MatrixNormal);

impl MatrixNormal {
    /// Normal matrices with means `loc` and the factors `scale_row` and `scale_column` of the covariances of their
    /// rows and columns.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if a fixed argument is not finite, if a fixed factor is not lower
    /// triangular with a positive diagonal, if a factor is not square, if the shapes do not fit, or the types differ.
    pub fn new(
        loc: impl Into<Parameter>,
        scale_row: impl Into<Parameter>,
        scale_column: impl Into<Parameter>,
    ) -> Result<Self> {
        let arguments = [loc.into(), scale_row.into(), scale_column.into()];
        let [loc, scale_row, scale_column] = Parameter::unify(arguments);
        let made = Self { loc, scale_row, scale_column, validate_args: false }.checked()?;
        check_loc(made.family(), &made.loc, &made.event_shape()?)?;
        for (argument, factor) in made.factors() {
            if factor.is_fixed() {
                check_tril(made.family(), argument, factor)?;
            }
        }
        Ok(made)
    }

    /// The mean.
    pub fn loc(&self) -> &Parameter {
        &self.loc
    }

    /// The factor of the covariance of the rows.
    pub fn scale_row(&self) -> &Parameter {
        &self.scale_row
    }

    /// The factor of the covariance of the columns.
    pub fn scale_column(&self) -> &Parameter {
        &self.scale_column
    }

    fn factors(&self) -> [(&'static str, &Parameter); 2] {
        [("scale_row", &self.scale_row), ("scale_column", &self.scale_column)]
    }

    /// `A` and `B` as maps of the rows of matrices.
    fn scales(&self) -> [LinearScale; 2] {
        self.factors().map(|(_, factor)| LinearScale::TriL(factor.value().expand_dims(-3)))
    }

    /// `A⁻¹·distance·B⁻ᵀ`.
    fn standardized(&self, distance: &Tensor) -> Result<Tensor> {
        let [row, column] = self.scales();
        column.solve(&row.solve(&distance.transpose())?.transpose())
    }

    /// `m·Σ ln A_ii + n·Σ ln B_jj`, and the number of entries.
    fn log_det(&self) -> Result<(Tensor, f64)> {
        let [row, column] =
            self.factors().map(|(_, factor)| sum_last(&factor.value().diag_part().ln(), 1));
        let event = self.event_shape()?;
        let (n, m) = (event[0] as f64, event[1] as f64);
        Ok((row * m + column * n, n * m))
    }
}

impl Distribution for MatrixNormal {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        let factors = self.factors().map(|(name, f)| f.real(name).event_ndims(2));
        [self.loc.real("loc").event_ndims(2)].into_iter().chain(factors).collect()
    }

    fn event_shape(&self) -> Result<Vec<usize>> {
        self.factors().into_iter().map(|(name, f)| tril_size(self.family(), name, f)).collect()
    }

    fn check_values(&self) -> Result<()> {
        validation::all_values(&self)?;
        self.factors().into_iter().try_for_each(|(name, f)| check_tril(self.family(), name, f))
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        let (log_det, count) = self.log_det()?;
        let (mean, normalizer) = (self.mean()?, log_det + count * LN_SQRT_2PI);
        flat_at_nothing(x, &mean, 2, &|x| {
            let distance = x - &mean;
            let z = self.standardized(&distance)?;
            Ok(squared_length(&z, &distance, 2)? * -0.5 - &normalizer)
        })
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let noise = stream.normal(shape, self.dtype()?);
        let [row, column] = self.scales();
        Ok(self.loc.value() + row.times(&column.times(&noise)?.transpose())?.transpose())
    }

    fn mean(&self) -> Result<Tensor> {
        self.spread(&self.loc.value())
    }

    fn variance(&self) -> Result<Tensor> {
        let [row, column] =
            self.factors().map(|(_, f)| sum_last(&f.value().tril().square(), 1));
        self.spread(&(row.expand_dims(-1) * column.expand_dims(-2)))
    }

    fn mode(&self) -> Result<Tensor> {
        self.mean()
    }

    fn entropy(&self) -> Result<Tensor> {
        let (log_det, count) = self.log_det()?;
        let entropy = log_det + count * STANDARD_ENTROPY;
        Ok(entropy.broadcast_to(&self.batch_shape()?).check()?)
    }

    fn reparameterization(&self) -> Reparameterization {
        Reparameterization::Fully
    }

    fn validate_args(&self) -> bool {
        self.validate_args
    }

    fn kl_rules(&self) -> &'static [KlRule] {
        const { &[KlRule::of::<Self, Self>()] }
    }
}

/// Divergence of the normals of the entries, whose ratio of scales is the Kronecker product of those of rows and columns.
///
/// Source: Louizos and Welling, "Structured and efficient variational deep learning with matrix Gaussian
/// posteriors", 2016, appendix A, with the terms of the triangular ratio's diagonal together.
impl KlDivergence<Self> for MatrixNormal {
    fn kl_divergence_to(&self, p: &Self) -> Result<Tensor> {
        let ratio = |q: &Parameter, p: &Parameter| {
            triangle_parts(&p.value().solve_triangular(&q.value().tril(), false))
        };
        let (row, beside_row) = ratio(&self.scale_row, &p.scale_row);
        let (column, beside_column) = ratio(&self.scale_column, &p.scale_column);
        let distance = p.standardized(&(self.mean()? - p.mean()?))?;
        let along = kl_to_standard(&distance, &(row.expand_dims(-1) * column.expand_dims(-2)));
        let on_row = sum_last(&row.square(), 1);
        let on_column = sum_last(&column.square(), 1);
        let beside = &beside_row * (on_column + &beside_column) + on_row * beside_column;
        Ok(sum_last(&along, 2) + beside * 0.5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DistributionError, MultivariateNormalTriL, kl_divergence};
    use tfn_tensor::DType;

    #[test]
    fn bad_arguments_are_named() {
        let (loc, one) = (Tensor::zeros(&[2, 1], DType::F64), Tensor::ones(&[1, 1], DType::F64));
        let row = Tensor::from_vec(vec![1.0, 0.0, 0.3, 2.0], &[2, 2]);
        let error = MatrixNormal::new(&loc, -&row, &one).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "scale_row", .. }));
        let three = Tensor::zeros(&[3, 1], DType::F64);
        let error = MatrixNormal::new(three, &row, &one).unwrap_err();
        assert!(matches!(error, DistributionError::Shape { argument: "loc", .. }), "{error}");
        let error = MatrixNormal::new(&loc, &loc, &one).unwrap_err();
        assert!(matches!(error, DistributionError::Shape { argument: "scale_row", .. }), "{error}");
    }

    #[test]
    fn the_divergence_from_itself_is_zero() {
        let row = Tensor::from_vec(vec![1.0, 0.0, 0.3, 2.0], &[2, 2]);
        let column = Tensor::from_vec(vec![0.5, 0.0, -0.7, 0.2], &[2, 2]);
        let normal = MatrixNormal::new(&row, &row, column).unwrap();
        assert_eq!(kl_divergence(&normal, &normal).unwrap().item().unwrap(), 0.0);
    }

    #[test]
    fn row_by_row_it_is_the_vector_normal_of_a_kronecker_product() {
        let lower = |entries: &[f64], n| Tensor::from_slice(entries, &[n, n]);
        let loc = Tensor::from_vec(vec![0.1, -0.4, 0.9, 1.3, 0.0, -2.0], &[2, 3]);
        let column = lower(&[0.5, 0.0, 0.0, -0.7, 0.2, 0.0, 0.4, 0.1, 3.0], 3);
        let rows = [lower(&[1.0, 0.0, 0.3, 2.0], 2), lower(&[0.6, 0.0, -0.8, 1.5], 2)];
        let columns = [column.clone(), column * 1.7];
        let matrices: Vec<_> = rows
            .iter()
            .zip(&columns)
            .map(|(row, column)| MatrixNormal::new(&loc * row.sum(), row, column).unwrap())
            .collect();
        let vectors: Vec<_> = matrices
            .iter()
            .map(|normal| {
                let factor = |f: &Parameter| f.value().to_dmatrix::<f64>().unwrap();
                let whole = factor(&normal.scale_row).kronecker(&factor(&normal.scale_column));
                let loc = normal.loc.value().reshape(&[6]);
                MultivariateNormalTriL::new(loc, Tensor::from_matrix(&whole)).unwrap()
            })
            .collect();
        let near = |a: Result<Tensor>, b: Result<Tensor>| {
            let [a, b] = [a, b].map(|t| t.unwrap().to_vec::<f64>().unwrap());
            let both = a.iter().zip(&b);
            let off = format!("{a:?} {b:?}");
            assert!(both.into_iter().all(|(a, b)| (a - b).abs() < 1e-12 * b.abs().max(1.0)), "{off}");
        };
        let (matrix, vector) = (&matrices[0], &vectors[0]);
        near(matrix.log_prob(&(&loc * 0.3)), vector.log_prob(&(&loc * 0.3).reshape(&[6])));
        near(matrix.entropy(), vector.entropy());
        near(matrix.variance(), vector.variance());
        near(kl_divergence(matrix, &matrices[1]), kl_divergence(vector, &vectors[1]));
    }
}
