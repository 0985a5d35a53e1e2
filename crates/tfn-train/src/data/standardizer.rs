//! Columns brought to mean 0 and deviation 1.

use tfn_layers::{Layer, LayerError, Likelihood, Pass, likelihoods};
use tfn_module::{DeepCopy, Module, describe_fields};
use tfn_tensor::{DType, Tensor, Variable};

use crate::check::check_finite;
use crate::error::{Result, TrainError};

/// Mean and standard deviation of each column of a data set, and a layer that subtracts the mean and divides by the
/// deviation.
///
/// It is a module: the numbers are variables that are not trained, and are copied and saved with the net that they stand
/// in. Fit it on the training rows alone.
///
/// A constant column has no scale: it becomes 0 everywhere, and stays so for whatever comes later.
///
/// Counterpart: `tf_keras.layers.Normalization`, whose constant columns are divided by the smallest float.
///
/// # Examples
/// ```
/// use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Layer, Sequential, likelihoods};
/// use tfn_tensor::Tensor;
/// use tfn_train::data::Standardizer;
///
/// let x = Tensor::from_vec(vec![1.0_f32, 500.0, 3.0, 700.0], &[2, 2]);
/// let y = Tensor::from_vec(vec![20.0_f32, 40.0], &[2]);
/// let inputs = Standardizer::fit(&x)?;
/// assert_eq!(inputs.call(&x)?.to_vec::<f32>()?, [-1.0, -1.0, 1.0, 1.0]);
///
/// // Targets are seen in their own units: the net learns numbers of unit scale.
/// let targets = Standardizer::fit(&y)?;
/// let model = Sequential::of(inputs)
///     .then(Bayesian::new(2, 1)?)
///     .with_likelihood(targets.units_of(likelihoods::Normal::new()?));
/// assert_eq!(model.call(&x)?.mean()?.shape()?, [2, 1]);
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
#[derive(Clone, Debug, Module)]
#[module(crate = tfn_module)]
pub struct Standardizer {
    loc: Variable,
    scale: Variable,
}

impl Standardizer {
    /// Of the columns of `data`; the sums are taken in `f64`.
    ///
    /// # Shapes
    /// `[n, columns]`, or `[n]` for a single column.
    ///
    /// # Errors
    /// [`TrainError::Shape`] for another shape or no rows, [`TrainError::Entry`] for a number that is not finite.
    pub fn fit(data: &Tensor) -> Result<Self> {
        let shape = data.shape()?.to_vec();
        let (rows, of_row) = match shape.split_first() {
            Some((&rows, of_row)) if rows > 0 && of_row.len() <= 1 => (rows, of_row),
            _ => {
                let expected = "[n] or [n, columns] with n of at least 1".to_owned();
                let (op, argument) = ("Standardizer", "data");
                return Err(TrainError::Shape { op, argument, given: shape, expected });
            }
        };
        let columns = of_row.first().copied().unwrap_or(1);
        check_finite("Standardizer", "data", data)?;
        let values = data.to_f64_vec()?;
        let column = |column: usize| values.iter().skip(column).step_by(columns.max(1));
        let loc: Vec<f64> = (0..columns).map(|c| column(c).sum::<f64>() / rows as f64).collect();
        let scale = (0..columns).map(|c| {
            let first = column(c).next();
            if column(c).all(|value| Some(value) == first) {
                return f64::INFINITY;
            }
            let squares: f64 = column(c).map(|value| (value - loc[c]).powi(2)).sum();
            (squares / rows as f64).sqrt()
        });
        let scale: Vec<f64> = scale.collect();
        let variable = |name, values: &[f64]| -> Result<Variable> {
            let variable = Variable::new(name, Tensor::from_f64(values, of_row, DType::F64))?;
            variable.set_trainable(false);
            Ok(variable)
        };
        Ok(Self { loc: variable("loc", &loc)?, scale: variable("scale", &scale)? })
    }

    /// Checks that it is one that [`fit`](Self::fit) could have made.
    fn checked(self) -> Result<Self> {
        for (argument, variable) in [("loc", &self.loc), ("scale", &self.scale)] {
            let (given, same) = (variable.shape(), self.loc.shape() == variable.shape());
            if given.len() > 1 || !same || variable.dtype() != DType::F64 {
                let expected = "[] or [columns], of loc and scale alike, in f64".to_owned();
                let (op, given) = ("Standardizer", given.to_vec());
                return Err(TrainError::Shape { op, argument, given, expected });
            }
        }
        Ok(self)
    }

    /// Means of the columns, `[columns]` or `[]`.
    pub fn loc(&self) -> Tensor {
        self.loc.value()
    }

    /// Standard deviations of the columns, `[columns]` or `[]`; infinite for a constant one.
    pub fn scale(&self) -> Tensor {
        self.scale.value()
    }

    /// `likelihood` for targets in the units that this standardizer was fitted to: the net then works with targets of
    /// mean 0 and deviation 1, and predictions come in the units of the targets.
    ///
    /// A constant target keeps the unit 1.
    pub fn units_of(&self, likelihood: impl Likelihood + DeepCopy) -> likelihoods::Affine {
        let scale = self.scale.value();
        let one = Tensor::ones(&[], DType::F64);
        let is_constant = scale.eq(&Tensor::scalar_of(f64::INFINITY, DType::F64));
        let scale = Tensor::select(&is_constant, &one, &scale);
        likelihoods::Affine::new(likelihood, self.loc.value(), scale)
    }
}

describe_fields!(Standardizer as "tfn.data.Standardizer" { loc, scale } |made| made.checked());

impl Layer for Standardizer {
    fn forward(&self, x: &Tensor, _pass: &Pass) -> tfn_layers::Result<Tensor> {
        let (given, columns) = (x.shape()?, self.loc.shape());
        if columns.len() == 1 && given.last() != columns.first() {
            let expected = format!("[.., {}], the columns that were fitted", columns[0]);
            return Err(LayerError::Input { given: given.to_vec(), expected });
        }
        // In `f64`, so that a large mean takes no digits away.
        let dtype = x.dtype()?;
        let centred = x.cast(DType::F64) - self.loc.tensor();
        Ok((centred / self.scale.tensor()).cast(dtype).check()?)
    }

    fn draws_together(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tfn_layers::{Affine, Sequential};
    use tfn_module::deep_copy;
    use tfn_tensor::Key;

    #[test]
    fn columns_by_hand() {
        let x = Tensor::from_vec(vec![1e9, 7.0, 1e9 + 2.0, 7.0, 1e9 + 4.0, 7.0], &[3, 2]);
        let standardizer = Standardizer::fit(&x).unwrap();
        let deviation = (8.0_f64 / 3.0).sqrt();
        assert_eq!(standardizer.loc().to_vec::<f64>().unwrap(), [1e9 + 2.0, 7.0]);
        assert_eq!(standardizer.scale().to_vec::<f64>().unwrap(), [deviation, f64::INFINITY]);
        let out = standardizer.call(&x).unwrap().to_vec::<f64>().unwrap();
        assert_eq!(out, [-2.0 / deviation, 0.0, 0.0, 0.0, 2.0 / deviation, 0.0]);
        // A constant column says nothing, whatever comes later.
        let later = standardizer.call(&Tensor::from_vec(vec![1e9, 50.0], &[1, 2])).unwrap();
        assert_eq!(later.to_vec::<f64>().unwrap()[1], 0.0);
        assert!(standardizer.trainable_variables().is_empty());
        assert_eq!(standardizer.variables().len(), 2);
    }

    #[test]
    fn a_net_standardises_as_if_it_was_done_before() {
        let x = Key::from_seed(1).stream().normal(&[9, 3], DType::F64) * 40.0 + 7.0;
        let standardizer = Standardizer::fit(&x).unwrap();
        let plain = Affine::builder(3, 1).dtype(DType::F64).seed(2).build().unwrap();
        let before = plain.call(&standardizer.call(&x).unwrap()).unwrap();
        let net = Sequential::of(standardizer).then(plain);
        let copy = deep_copy(&net).unwrap();
        assert_eq!(net.call(&x).unwrap().to_vec::<f64>().unwrap(), before.to_vec::<f64>().unwrap());
        assert_eq!(
            copy.call(&x).unwrap().to_vec::<f64>().unwrap(),
            before.to_vec::<f64>().unwrap()
        );
        let error = net.call(&x.narrow(1, 0, 2)).unwrap_err().to_string();
        assert!(error.contains("has shape [9, 2], expected [.., 3]"), "{error}");
    }

    #[test]
    fn what_cannot_be_standardised_is_refused() {
        let error = Standardizer::fit(&Tensor::from_vec(vec![1.0, f64::NAN], &[2])).unwrap_err();
        assert!(matches!(error, TrainError::Entry { row: 1, .. }), "{error}");
        assert!(Standardizer::fit(&Tensor::zeros(&[0, 2], DType::F64)).is_err());
        assert!(Standardizer::fit(&Tensor::scalar(1.0)).is_err());
        // A constant target keeps its unit, so that its density is one.
        let constant = Standardizer::fit(&Tensor::full(&[4], 3.0, DType::F64)).unwrap();
        let head = constant.units_of(likelihoods::Normal::new().unwrap());
        let pass = Pass::new(&head, &Key::from_seed(1));
        let made = head.distribution(&Tensor::zeros(&[2, 1], DType::F64), &pass).unwrap();
        assert_eq!(made.mean().unwrap().to_vec::<f64>().unwrap(), [3.0, 3.0]);
        assert!((made.stddev().unwrap().to_vec::<f64>().unwrap()[0] - 1.0).abs() < 1e-15);
    }
}
