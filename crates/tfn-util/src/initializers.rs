//! Initializers: first values of kernels and biases.
//!
//! Counterpart: `tfp.experimental.nn.initializers`. The scaled ones read the number of inputs and
//! outputs of a weight off its shape, past the axes that index a batch of weights.

use std::fmt;
use std::sync::Arc;

use statrs::function::erf::{erf, erf_inv};
use tfn_tensor::{DType, Key, Tensor};

use crate::error::{Result, UtilError};

type Make = dyn Fn(&[usize], usize, DType, &Key) -> Result<Tensor> + Send + Sync;

/// A rule for the first value of a weight, by shape, number of batch axes, type and key.
///
/// # Examples
/// ```
/// use tfn_tensor::{DType, Key, Tensor};
/// use tfn_util::{Initializer, initializers};
///
/// let kernel = initializers::he_normal().make(&[784, 10], 0, DType::F32, &Key::from_seed(1))?;
/// assert_eq!(kernel.shape()?, [784, 10]);
///
/// let halves = Initializer::new("halves", |shape, _, dtype, _| Ok(Tensor::full(shape, 0.5, dtype)));
/// assert_eq!(halves.make(&[], 0, DType::F64, &Key::from_seed(1))?.item()?, 0.5);
/// # Ok::<(), tfn_util::UtilError>(())
/// ```
#[derive(Clone)]
pub struct Initializer {
    name: &'static str,
    make: Arc<Make>,
}

impl Initializer {
    /// An initializer of one's own.
    pub fn new(
        name: &'static str,
        make: impl Fn(&[usize], usize, DType, &Key) -> Result<Tensor> + Send + Sync + 'static,
    ) -> Self {
        Self { name, make: Arc::new(make) }
    }

    /// A first value of shape `shape`, the first `batch_ndims` axes of which index a batch.
    ///
    /// # Errors
    /// [`UtilError::Shape`] if a scaled initializer finds no inputs and outputs in the shape.
    pub fn make(
        &self,
        shape: &[usize],
        batch_ndims: usize,
        dtype: DType,
        key: &Key,
    ) -> Result<Tensor> {
        Ok((self.make)(shape, batch_ndims, dtype, key)?.check()?)
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

impl fmt::Debug for Initializer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Numbers of inputs and outputs that one entry of a weight's result depends on and feeds.
struct Fans {
    inputs: f64,
    outputs: f64,
}

/// `[n]` is `n` inputs and one output; of `[.., in, out]` the leading sizes multiply both.
fn fans(initializer: &'static str, shape: &[usize], batch_ndims: usize) -> Result<Fans> {
    let wrong =
        |expected| UtilError::Shape { initializer, given: shape.to_vec(), batch_ndims, expected };
    let event = shape.get(batch_ndims..).ok_or_else(|| wrong("at least `batch_ndims` axes"))?;
    match *event {
        [ref field @ .., inputs, outputs] => {
            let field: f64 = field.iter().map(|&size| size as f64).product();
            Ok(Fans { inputs: field * inputs as f64, outputs: field * outputs as f64 })
        }
        [inputs] if batch_ndims == 0 => Ok(Fans { inputs: inputs as f64, outputs: 1.0 }),
        _ => {
            Err(wrong("two axes (inputs, outputs) after the batch axes, or one and no batch axes"))
        }
    }
}

/// Uniform on `(−limit, limit)` with the standard deviation that `deviation` finds.
fn uniform(name: &'static str, deviation: fn(&Fans) -> f64) -> Initializer {
    Initializer::new(name, move |shape, batch_ndims, dtype, key| {
        let limit = 3.0_f64.sqrt() * deviation(&fans(name, shape, batch_ndims)?);
        Ok((key.stream().uniform(shape, dtype) * 2.0 - 1.0) * limit)
    })
}

/// Normal cut off at two standard deviations, widened so that `deviation` holds after the cut.
fn truncated_normal(name: &'static str, deviation: fn(&Fans) -> f64) -> Initializer {
    /// Standard deviation of a standard normal cut off at ±2.
    const CUT: f64 = 0.879_625_661_034_239_8;
    Initializer::new(name, move |shape, batch_ndims, dtype, key| {
        let scale = deviation(&fans(name, shape, batch_ndims)?) / CUT;
        let inside = erf(2.0 / std::f64::consts::SQRT_2);
        let uniform = key.stream().uniform_open(shape, DType::F64).to_vec::<f64>()?;
        let draw = |u: f64| scale * std::f64::consts::SQRT_2 * erf_inv(inside * (2.0 * u - 1.0));
        Ok(Tensor::from_f64(&uniform.into_iter().map(draw).collect::<Vec<_>>(), shape, dtype))
    })
}

fn glorot(fans: &Fans) -> f64 {
    (2.0 / (fans.inputs + fans.outputs)).sqrt()
}

fn he(fans: &Fans) -> f64 {
    (2.0 / fans.inputs).sqrt()
}

/// Uniform with variance `2 / (fan_in + fan_out)`.
///
/// # References
/// Glorot & Bengio 2010, AISTATS, equation 16.
pub fn glorot_uniform() -> Initializer {
    uniform("glorot_uniform", glorot)
}

/// Truncated normal with variance `2 / (fan_in + fan_out)`.
///
/// # References
/// Glorot & Bengio 2010, AISTATS, equation 12.
pub fn glorot_normal() -> Initializer {
    truncated_normal("glorot_normal", glorot)
}

/// Uniform with variance `2 / fan_in`.
///
/// # References
/// He, Zhang, Ren & Sun 2015, [arXiv 1502.01852](https://arxiv.org/abs/1502.01852), equation 10.
pub fn he_uniform() -> Initializer {
    uniform("he_uniform", he)
}

/// Truncated normal with variance `2 / fan_in`.
///
/// # References
/// He, Zhang, Ren & Sun 2015, [arXiv 1502.01852](https://arxiv.org/abs/1502.01852), equation 10.
pub fn he_normal() -> Initializer {
    truncated_normal("he_normal", he)
}

/// A matrix whose rows, or columns if there are fewer of them, are orthonormal, evenly from all such. Axes before the last two are counted
/// among the inputs.
///
/// # References
/// Saxe, McClelland & Ganguli 2014, [arXiv 1312.6120](https://arxiv.org/abs/1312.6120), section 3.
pub fn orthogonal() -> Initializer {
    const NAME: &str = "orthogonal";
    Initializer::new(NAME, |shape, batch_ndims, dtype, key| {
        let expected = "two axes (inputs, outputs) after the batch axes";
        let wrong =
            || UtilError::Shape { initializer: NAME, given: shape.to_vec(), batch_ndims, expected };
        let (batch, event) = shape.split_at_checked(batch_ndims).ok_or_else(wrong)?;
        let [field @ .., inputs, outputs] = event else { return Err(wrong()) };
        let inputs = field.iter().product::<usize>() * inputs;
        let (few, many) = (inputs.min(*outputs), inputs.max(*outputs));
        let matrices = batch.iter().product::<usize>();
        let normals = key.stream().normal(&[matrices, few, many], DType::F64).to_vec::<f64>()?;
        let mut entries = Vec::with_capacity(normals.len());
        for rows in normals.chunks(few.saturating_mul(many).max(1)) {
            let rows = orthonormal(rows, many);
            match inputs == few {
                true => entries.extend(rows.concat()),
                false => entries.extend((0..many).flat_map(|i| rows.iter().map(move |row| row[i]))),
            }
        }
        Ok(Tensor::from_f64(&entries, shape, dtype))
    })
}

/// Rows of length `len` made orthonormal one after another, by Gram and Schmidt, twice, so that rounding leaves nothing of the others.
fn orthonormal(rows: &[f64], len: usize) -> Vec<Vec<f64>> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut done: Vec<Vec<f64>> = Vec::new();
    for row in rows.chunks(len.max(1)) {
        let mut row = row.to_vec();
        for _ in 0..2 {
            for other in &done {
                let along = dot(&row, other);
                row.iter_mut().zip(other).for_each(|(x, other)| *x -= along * other);
            }
            let norm = dot(&row, &row).sqrt();
            row.iter_mut().for_each(|x| *x /= norm);
        }
        done.push(row);
    }
    done
}

/// All entries 0.
pub fn zeros() -> Initializer {
    Initializer::new("zeros", |shape, _, dtype, _| Ok(Tensor::zeros(shape, dtype)))
}

/// All entries 1.
pub fn ones() -> Initializer {
    Initializer::new("ones", |shape, _, dtype, _| Ok(Tensor::ones(shape, dtype)))
}

/// All entries `value`.
pub fn constant(value: f64) -> Initializer {
    Initializer::new("constant", move |shape, _, dtype, _| Ok(Tensor::full(shape, value, dtype)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn moments(initializer: &Initializer, shape: &[usize]) -> (f64, f64, f64) {
        let values = initializer
            .make(shape, 0, DType::F64, &Key::from_seed(3))
            .unwrap()
            .to_vec::<f64>()
            .unwrap();
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
        (mean, variance.sqrt(), values.iter().fold(0.0_f64, |m, v| m.max(v.abs())))
    }

    #[test]
    fn spread_and_limit_follow_the_sizes() {
        let shape = [300, 200];
        let (glorot, he) = ((2.0_f64 / 500.0).sqrt(), (2.0_f64 / 300.0).sqrt());
        let root3 = 3.0_f64.sqrt();
        for (initializer, deviation, limit) in [
            (glorot_uniform(), glorot, glorot * root3),
            (he_uniform(), he, he * root3),
            (glorot_normal(), glorot, 2.0 * glorot / 0.8796256610342398),
            (he_normal(), he, 2.0 * he / 0.8796256610342398),
        ] {
            let (mean, spread, largest) = moments(&initializer, &shape);
            // 60 000 draws: five standard errors of the mean and of the deviation.
            let error = 5.0 * deviation / 60_000.0_f64.sqrt();
            assert!(mean.abs() < error, "{initializer:?} mean {mean}");
            assert!((spread - deviation).abs() < error, "{initializer:?} deviation {spread}");
            assert!(largest <= limit * (1.0 + 1e-4) && largest > 0.99 * limit, "{initializer:?}");
        }
    }

    #[test]
    fn orthogonal_matrices_have_orthonormal_rows_or_columns() {
        let key = Key::from_seed(4);
        for (shape, batch) in
            [(&[5, 20][..], 0), (&[20, 5], 0), (&[6, 6], 0), (&[2, 3, 4], 1), (&[2, 3, 4], 0)]
        {
            let whole = orthogonal().make(shape, batch, DType::F64, &key).unwrap();
            assert_eq!(whole.shape().unwrap(), shape);
            let columns = shape[shape.len() - 1];
            let matrices: usize = shape[..batch].iter().product();
            let whole =
                whole.reshape(&[matrices, whole.len().unwrap() / matrices / columns, columns]);
            let rows = whole.shape().unwrap()[1];
            let [a, b] = match rows <= columns {
                true => [whole.clone(), whole.permute(&[0, 2, 1])],
                false => [whole.permute(&[0, 2, 1]), whole.clone()],
            };
            let few = rows.min(columns);
            for i in 0..matrices {
                let [a, b] = [&a, &b].map(|m| m.narrow(0, i, 1).squeeze(0));
                let product = a.matmul(&b).to_vec::<f64>().unwrap();
                for (at, given) in product.into_iter().enumerate() {
                    let expected = if at / few == at % few { 1.0 } else { 0.0 };
                    assert!((given - expected).abs() < 1e-14 * 20.0, "{shape:?} {at} {given}");
                }
            }
        }
        assert!(orthogonal().make(&[4], 0, DType::F64, &key).is_err());
        assert!(orthogonal().make(&[0, 4], 0, DType::F64, &key).unwrap().is_empty().unwrap());
    }

    #[test]
    fn shapes_without_inputs_and_outputs_are_errors() {
        let key = Key::from_seed(0);
        for (shape, batch) in [(&[4, 5][..], 1), (&[5], 1), (&[], 0), (&[2], 3)] {
            let error = he_normal().make(shape, batch, DType::F32, &key).unwrap_err();
            assert!(matches!(error, UtilError::Shape { initializer: "he_normal", .. }), "{error}");
        }
        assert!(zeros().make(&[], 0, DType::F32, &key).is_ok());
        assert_eq!(constant(2.5).make(&[2], 0, DType::F64, &key).unwrap().sum().item(), Ok(5.0));
    }
}
