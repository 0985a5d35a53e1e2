//! Normal distributions of vectors, by what they compute.

use tfn_tensor::{DType, Tensor, broadcast_shapes};

use super::linear_scale::LinearScale;
use super::{STANDARD_ENTROPY, kl_to_standard, triangle_parts};
use crate::axes::sum_last;
use crate::error::{DistributionError, Result};
use crate::masking::{constant, flat_at_nothing, only_where, squared_length, unless_nan};
use crate::special::scalar::gamma::LN_SQRT_2PI;
use crate::stable::not_below_zero;

/// A batch of normal distributions of vectors as tensors: the mean, and the scale `S` that takes standard normal noise to
/// the distance from it. The covariance is `S·Sᵀ`.
///
/// It is what a family of normal vectors says of itself by
/// [`linear_normal`](crate::Distribution::linear_normal); [`kl_divergence`](crate::kl_divergence) then compares it with every
/// other such family. Its methods are the bodies of the family's own.
///
/// # Shapes
/// Events are vectors `[k]`; the batch is what those of mean and scale broadcast to.
///
/// # Examples
/// A random walk of three steps, whose scale is a triangle of ones times the size of a step:
/// ```
/// use tfn_distributions::module::Module;
/// use tfn_distributions::tensor::{DType, Stream, Tensor};
/// use tfn_distributions::{
///     Distribution, LinearNormal, MultivariateNormalDiag, Parameter, ParameterSpec, Result, kl_divergence,
/// };
///
/// #[derive(Debug, Module)]
/// struct Walk {
///     step: Parameter,
/// }
///
/// impl Walk {
///     fn normal(&self) -> Result<LinearNormal> {
///         let step = self.step.value().expand_dims(-1).expand_dims(-1);
///         let scale = Tensor::ones(&[3, 3], self.dtype()?).tril() * step;
///         LinearNormal::tril(&Tensor::zeros(&[3], self.dtype()?), &scale)
///     }
/// }
///
/// impl Distribution for Walk {
///     fn parameters(&self) -> Vec<ParameterSpec<'_>> {
///         vec![self.step.positive("step")]
///     }
///     fn event_shape(&self) -> Result<Vec<usize>> {
///         Ok(vec![3])
///     }
///     fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
///         self.normal()?.log_prob(x)
///     }
///     fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
///         self.normal()?.sample(&stream.normal(shape, self.dtype()?))
///     }
///     fn linear_normal(&self) -> Option<Result<LinearNormal>> {
///         Some(self.normal())
///     }
/// }
///
/// let walk = Walk { step: 1.0.into() }.checked()?;
/// let noise = MultivariateNormalDiag::new(Tensor::zeros(&[3], DType::F64), Tensor::ones(&[3], DType::F64))?;
/// // Three squares beside the diagonal of ones, by half.
/// assert_eq!(kl_divergence(&walk, &noise)?.item()?, 1.5);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct LinearNormal {
    /// Spread over batch and event.
    loc: Tensor,
    scale: LinearScale,
}

impl LinearNormal {
    /// Independent entries: `S = diag(scale_diag)`, with positive numbers.
    ///
    /// # Shapes
    /// `loc` and `scale_diag` are `[batch…, k]`.
    ///
    /// # Errors
    /// [`DistributionError::Shapes`] if they do not broadcast, [`DistributionError::Shape`] if they have no axis.
    pub fn diag(loc: &Tensor, scale_diag: &Tensor) -> Result<Self> {
        let shape = joined("scale_diag", loc.shape()?, scale_diag.shape()?)?;
        let Some(size) = shape.last() else {
            return Err(no_matrix("scale_diag", &shape, "at least 1 axis"));
        };
        let (batch, _) = split(scale_diag.shape()?, 1);
        let diag = scale_diag.broadcast_to(&[batch, &[*size]].concat());
        Ok(Self { loc: loc.broadcast_to(&shape), scale: LinearScale::Diag(diag) })
    }

    /// `S` the lower triangle of `scale_tril`, with a positive diagonal; what lies above does not count.
    ///
    /// # Shapes
    /// `loc` is `[batch…, k]`, `scale_tril` `[batch…, k, k]`.
    ///
    /// # Errors
    /// [`DistributionError::Shape`] if the matrices are not square, [`DistributionError::Shapes`] if `loc` does not fit.
    pub fn tril(loc: &Tensor, scale_tril: &Tensor) -> Result<Self> {
        let (batch, matrix) = split(scale_tril.shape()?, 2);
        match matrix {
            [rows, columns] if rows == columns => {
                let loc = spread(loc, &[batch, &[*rows]].concat())?;
                Ok(Self { loc, scale: LinearScale::TriL(scale_tril.clone()) })
            }
            _ => Err(no_matrix("scale_tril", scale_tril.shape()?, "square matrices [.., k, k]")),
        }
    }

    /// `S = diag(scale_diag) + U·Uᵀ` for positive `scale_diag` and any `U`, the `factor`: by Woodbury's formula and the
    /// determinant lemma (Golub and Van Loan, "Matrix computations", 2.1.4) in `O(k·r²)`.
    ///
    /// # Shapes
    /// `loc` and `scale_diag` are `[batch…, k]`, `factor` `[batch…, k, r]`.
    ///
    /// # Errors
    /// [`DistributionError::Shape`] if `factor` is not of matrices, [`DistributionError::Shapes`] if `loc` or
    /// `scale_diag` does not fit.
    pub fn diag_plus_low_rank(loc: &Tensor, scale_diag: &Tensor, factor: &Tensor) -> Result<Self> {
        let (batch, matrix) = split(factor.shape()?, 2);
        let &[size, _] = matrix else {
            return Err(no_matrix("factor", factor.shape()?, "matrices [.., k, r]"));
        };
        let own = [batch, &[size]].concat();
        let whole = fitting("scale_diag", scale_diag.shape()?, &own)?;
        let (outer, _) = split(scale_diag.shape()?, 1);
        let diag = scale_diag.broadcast_to(&[outer, &[size]].concat());
        let scale = LinearScale::LowRank { diag, factor: factor.clone() };
        Ok(Self { loc: spread(loc, &whole)?, scale })
    }

    /// The mean, of the shape `batch + [k]`.
    pub fn loc(&self) -> &Tensor {
        &self.loc
    }

    fn size(&self) -> Result<f64> {
        Ok(self.loc.shape()?.last().map_or(0.0, |&size| size as f64))
    }

    fn batch(&self) -> Result<&[usize]> {
        Ok(split(self.loc.shape()?, 1).0)
    }

    /// The log-density `−|S⁻¹(x − loc)|²/2 − ln det S − k·ln sqrt(2π)`.
    ///
    /// # Shapes
    /// `x` broadcasts with `batch + [k]`; the result has the shape of both without the last axis.
    ///
    /// # Errors
    /// Those of the tensors, here and in the other methods.
    pub fn log_prob(&self, x: &Tensor) -> Result<Tensor> {
        let normal = self.widened()?;
        let normalizer = normal.scale.log_det() + self.size()? * LN_SQRT_2PI;
        let (given, expected) = (x.dtype()?, self.loc.dtype()?);
        if given != expected {
            let (family, argument) = ("LinearNormal", "x");
            return Err(DistributionError::DType { family, argument, given, expected });
        }
        let x = x.cast(normal.loc.dtype()?);
        let log_prob = flat_at_nothing(&x, &normal.loc, 1, &|x| {
            let distance = x - &normal.loc;
            let z = normal.scale.solve(&distance)?;
            Ok(squared_length(&z, &distance, 1)? * -0.5 - &normalizer)
        })?;
        // Slopes of what the type does not hold would cancel each other as infinities.
        let log_prob = log_prob.cast(self.loc.dtype()?);
        let is_any = log_prob.gt(&constant(f64::NEG_INFINITY, &log_prob));
        Ok(unless_nan(&log_prob, &only_where(&is_any, &log_prob)))
    }

    /// `loc + S·noise`: a sample, if `noise` is standard normal of the shape `sample + batch + [k]`.
    ///
    /// # Errors
    /// Those of the tensors.
    pub fn sample(&self, noise: &Tensor) -> Result<Tensor> {
        Ok(&self.loc + self.scale.times(noise)?)
    }

    /// The entropy `k/2·ln(2πe) + ln det S`, of the shape of the batch.
    ///
    /// # Errors
    /// Those of the tensors.
    pub fn entropy(&self) -> Result<Tensor> {
        let entropy = self.widened()?.scale.log_det() + self.size()? * STANDARD_ENTROPY;
        Ok(entropy.cast(self.loc.dtype()?).broadcast_to(self.batch()?).check()?)
    }

    /// The diagonal of [`covariance`](Self::covariance), of the shape `batch + [k]`.
    ///
    /// # Errors
    /// Those of the tensors.
    pub fn variance(&self) -> Result<Tensor> {
        Ok(self.scale.variance().broadcast_to(self.loc.shape()?).check()?)
    }

    /// The covariance `S·Sᵀ`, of the shape `batch + [k, k]`.
    ///
    /// # Errors
    /// Those of the tensors.
    pub fn covariance(&self) -> Result<Tensor> {
        let covariance = self.scale.covariance();
        let size = covariance.shape()?.last().copied().unwrap_or(0);
        Ok(covariance.broadcast_to(&[self.batch()?, &[size, size]].concat()).check()?)
    }

    /// The same, its batch broadcast.
    pub(crate) fn broadcast_batch(&self, batch: &[usize]) -> Result<Self> {
        let (_, event) = split(self.loc.shape()?, 1);
        let loc = self.loc.broadcast_to(&[batch, event].concat()).check()?;
        Ok(Self { loc, scale: self.scale.clone() })
    }

    /// The same, its batch in another shape of as many entries.
    pub(crate) fn reshape_batch(&self, batch: &[usize]) -> Result<Self> {
        let before = self.batch()?;
        let reshaped = |tensor: &Tensor, ndims: usize| {
            let (_, own) = split(tensor.shape()?, ndims);
            let whole = tensor.broadcast_to(&[before, own].concat());
            Ok(whole.reshape(&[batch, own].concat()).check()?)
        };
        Ok(Self { loc: reshaped(&self.loc, 1)?, scale: self.scale.each(&reshaped)? })
    }

    /// The divergence `KL(self || p)`; never below 0, and exactly 0 where both are equal.
    ///
    /// ```text
    /// (|R|² − k + |z|²)/2 − ln det R,   R = S_p⁻¹·S_q,   z = S_p⁻¹(loc_q − loc_p)
    /// ```
    /// Source: Duchi, "Derivations for linear algebra and optimization", section 9; with `Σ = S·Sᵀ` the trace of
    /// `Σ_p⁻¹·Σ_q` is the squared Frobenius norm.
    ///
    /// # Shapes
    /// That of both batches broadcast.
    ///
    /// # Errors
    /// Those of the tensors: sizes or batches that do not fit, two types.
    pub fn kl_divergence_to(&self, p: &Self) -> Result<Tensor> {
        if self.scale.is_triangular() && p.scale.is_triangular() {
            let ratio = p.scale.solve_columns(&self.scale.dense());
            let distance = p.scale.solve(&(&self.loc - &p.loc))?;
            let (diagonal, beside) = triangle_parts(&ratio);
            return Ok(sum_last(&kl_to_standard(&distance, &diagonal), 1) + beside * 0.5);
        }
        let dtype = (&self.loc - &p.loc).dtype()?;
        let [q, p] = [self, p].map(|normal| normal.cast(DType::F64));
        let (q, p) = (q?, p?);
        let distance = p.scale.solve(&(&q.loc - &p.loc))?;
        let value = q.scales_to(&p)? + sum_last(&distance.square(), 1) * 0.5;
        Ok(value.cast(dtype))
    }

    /// `(|R|² − k)/2 − ln det R`. Where `R` is nearly the identity, its distance `E` from it gives
    /// `|E|²/2 + tr(E²)/2 − tr(E³)/3 + tr(E⁴)/4 − …`.
    fn scales_to(&self, p: &Self) -> Result<Tensor> {
        let (q, p) = (&self.scale, &p.scale);
        let [dense_q, dense_p] = [q.dense(), p.dense()];
        let rest = p.solve_columns(&(&dense_q - dense_p));
        let squares = sum_last(&rest.square(), 2);
        let is_near = squares.detach().lt(&constant(1e-8, &squares)).check()?;
        // |R|² − k is |E|² + 2 tr E.
        let trace = rest.diag_part().sum_axes(&[-1], false);
        let far = squares.clone() * 0.5 + trace + (p.log_det() - q.log_det());
        if is_near.sum().item()? == 0.0 {
            return Ok(not_below_zero(&far));
        }
        let twice = rest.matmul(&rest);
        let [rest, twice_t] = [&rest, &twice].map(Tensor::transpose);
        let [second, third, fourth] = [
            twice.diag_part().sum_axes(&[-1], false),
            sum_last(&(&twice * rest), 2),
            sum_last(&(&twice * twice_t), 2),
        ];
        let near = (squares + second) * 0.5 - third / 3.0 + fourth * 0.25;
        Ok(not_below_zero(&Tensor::select(&is_near, &near, &far)))
    }

    /// In `f64` where the scale is a sum, of which the parts may cancel; as it is where it is a triangle.
    fn widened(&self) -> Result<Self> {
        if self.scale.is_triangular() { Ok(self.clone()) } else { self.cast(DType::F64) }
    }

    fn cast(&self, dtype: DType) -> Result<Self> {
        let scale = self.scale.each(&|tensor, _| Ok(tensor.cast(dtype)))?;
        Ok(Self { loc: self.loc.cast(dtype), scale })
    }
}

/// The shape before the last `ndims` axes, and theirs.
fn split(shape: &[usize], ndims: usize) -> (&[usize], &[usize]) {
    shape.split_at(shape.len().saturating_sub(ndims))
}

fn joined(argument: &'static str, lhs: &[usize], rhs: &[usize]) -> Result<Vec<usize>> {
    broadcast_shapes(lhs, rhs).ok_or_else(|| unequal(argument, lhs, rhs))
}

/// The shape that `given` and `whole` broadcast to, events of that of `whole`.
fn fitting(argument: &'static str, given: &[usize], whole: &[usize]) -> Result<Vec<usize>> {
    let shape = joined(argument, whole, given)?;
    if given.is_empty() || shape.last() != whole.last() {
        return Err(unequal(argument, whole, given));
    }
    Ok(shape)
}

fn spread(loc: &Tensor, whole: &[usize]) -> Result<Tensor> {
    Ok(loc.broadcast_to(&fitting("loc", loc.shape()?, whole)?))
}

fn unequal(argument: &'static str, lhs: &[usize], rhs: &[usize]) -> DistributionError {
    let family = "LinearNormal";
    DistributionError::Shapes { family, argument, lhs: lhs.to_vec(), rhs: rhs.to_vec() }
}

fn no_matrix(argument: &'static str, given: &[usize], expected: &str) -> DistributionError {
    let (family, expected) = ("LinearNormal", expected.into());
    DistributionError::Shape { family, argument, given: given.to_vec(), expected }
}
