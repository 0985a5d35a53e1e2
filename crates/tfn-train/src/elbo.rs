//! The loss of variational inference.

use tfn_tensor::Tensor;

use crate::check::Argument;
use crate::error::{Result, TrainError};

/// The negative evidence lower bound, per training example.
///
/// Counterpart: `loss = nll + extra_loss / num_examples`, which users of TFP write by hand. With
/// the N training examples, a minibatch of n rows, and the weight β of the KL term (1 for the bound
/// itself):
///
/// ```text
/// loss = (1/n) Σᵢ −log p(yᵢ | xᵢ, w) + β · KL(q(w) ‖ p(w)) / N
/// ```
///
/// N is given once, here, and is the number of examples of the whole training set, whatever the
/// size of a minibatch. The mean over rows is taken here too, so neither term can be scaled twice.
///
/// # Examples
/// ```
/// use tfn_tensor::Tensor;
/// use tfn_train::Elbo;
///
/// let elbo = Elbo::new(100)?;
/// let nll = Tensor::from_vec(vec![1.0, 2.0, 3.0], &[3]); // one value a row
/// let kl = Tensor::scalar(50.0);                          // of all weights of the net
/// let loss = elbo.loss(&nll, &kl, 1.0)?;
/// assert_eq!(loss.loss.item()?, 2.0 + 0.5);
/// assert_eq!((loss.nll.item()?, loss.kl.item()?), (2.0, 50.0));
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
///
/// # References
/// Blundell et al., *Weight uncertainty in neural networks*, ICML 2015, equations 2 and 8; Kingma,
/// Salimans, Welling, *Variational dropout and the local reparameterization trick*, NeurIPS 2015,
/// equations 1 and 3.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elbo {
    num_examples: f64,
    /// What a row counts on average.
    mean_weight: f64,
}

/// A loss and what it is made of.
#[derive(Clone, Debug)]
pub struct ElboLoss {
    /// What to minimise: [`nll`](Self::nll) + weight · [`kl`](Self::kl) / number of examples.
    pub loss: Tensor,
    /// Mean negative log-likelihood of the rows.
    pub nll: Tensor,
    /// Divergence of posterior from prior, of all weights, neither weighted nor divided.
    pub kl: Tensor,
}

impl Elbo {
    /// For a training set of so many examples.
    ///
    /// # Errors
    /// [`TrainError::Value`] if there are none.
    pub fn new(num_examples: usize) -> Result<Self> {
        let num_examples = Argument::new("Elbo", "num_examples", num_examples as f64).positive()?;
        Ok(Self { num_examples, mean_weight: 1.0 })
    }

    /// For a training set whose rows count as much as `weights` says: N is their sum.
    ///
    /// # Errors
    /// [`TrainError::Value`] if the sum is not positive and finite.
    pub fn of_weights(weights: &[f64]) -> Result<Self> {
        let sum = Argument::new("Elbo", "weights", weights.iter().sum()).positive()?;
        Ok(Self { num_examples: sum, mean_weight: sum / weights.len() as f64 })
    }

    /// Number of training examples; of weighted ones the sum of their weights.
    pub fn num_examples(&self) -> f64 {
        self.num_examples
    }

    /// The loss of one minibatch.
    ///
    /// # Shapes
    /// `nll`: `[n]`, the negative log-likelihood of each row, not reduced. `kl`: one entry, the sum
    /// over all layers. All of the result: `[]`.
    ///
    /// # Errors
    /// [`TrainError::Shape`] for other shapes or an empty batch, [`TrainError::Value`] if `weight`
    /// is negative, NaN or infinite, and the errors that `nll` and `kl` carry.
    pub fn loss(&self, nll: &Tensor, kl: &Tensor, weight: f64) -> Result<ElboLoss> {
        let weight = Argument::new("Elbo", "weight", weight).not_negative()?;
        let [nll_shape, kl_shape] = [nll.shape()?, kl.shape()?];
        if nll_shape.len() != 1 || nll_shape[0] == 0 {
            let expected = "[n] with n of at least 1: one value a row, not reduced";
            return Err(shape_error("nll", nll_shape, expected));
        }
        if kl_shape.iter().product::<usize>() != 1 {
            return Err(shape_error("kl", kl_shape, "one entry: the sum over all layers"));
        }
        let (nll, kl) = (nll.mean(), kl.sum());
        let loss = &nll + &kl * (weight / self.num_examples);
        loss.shape()?;
        Ok(ElboLoss { loss, nll, kl })
    }

    /// [`loss`](Self::loss) of a minibatch whose rows count as much as `weights` says: the mean over its rows of
    /// `weight · nll`, divided by the mean weight of the whole set.
    ///
    /// Over all minibatches of an epoch it is the same as if a row of weight 2 stood in the set twice.
    ///
    /// # Shapes
    /// `weights` has one number a row.
    ///
    /// # Errors
    /// As [`loss`](Self::loss), and [`TrainError::Rows`] for another number of weights.
    pub fn weighted_loss(
        &self,
        nll: &Tensor,
        weights: &[f64],
        kl: &Tensor,
        weight: f64,
    ) -> Result<ElboLoss> {
        let rows = nll.shape()?.first().copied().unwrap_or(0);
        if weights.len() != rows {
            let (lhs_argument, lhs, rhs_argument) = ("weights", weights.len(), "nll");
            let op = "Elbo";
            return Err(TrainError::Rows { op, lhs_argument, lhs, rhs_argument, rhs: rows });
        }
        let shares: Vec<f64> = weights.iter().map(|weight| weight / self.mean_weight).collect();
        let shares = Tensor::from_f64(&shares, &[rows], nll.dtype()?);
        self.loss(&(nll * shares), kl, weight)
    }
}

fn shape_error(argument: &'static str, given: &[usize], expected: &str) -> TrainError {
    TrainError::Shape { op: "Elbo", argument, given: given.to_vec(), expected: expected.to_owned() }
}

#[cfg(test)]
mod tests {
    use tfn_tensor::{DType, Variable};

    use super::*;

    #[test]
    fn gradients_carry_the_scales() {
        let nll = Variable::new("nll", Tensor::from_vec(vec![1.0, 5.0], &[2])).unwrap();
        let kl = Variable::new("kl", Tensor::scalar(8.0)).unwrap();
        let elbo = Elbo::new(40).unwrap();
        let parts = elbo.loss(&nll.tensor(), &kl.tensor(), 0.5).unwrap();
        assert_eq!(parts.loss.item().unwrap(), 3.0 + 0.5 * 8.0 / 40.0);
        let gradients = parts.loss.gradients().unwrap();
        assert_eq!(gradients.of(&nll).to_f64_vec().unwrap(), [0.5, 0.5]);
        assert_eq!(gradients.of(&kl).item().unwrap(), 0.5 / 40.0);
        assert_eq!(elbo.num_examples(), 40.0);
    }

    #[test]
    fn the_parts_do_not_depend_on_weight_or_number_of_examples() {
        let (nll, kl) = (Tensor::ones(&[4], DType::F32), Tensor::full(&[1], 3.0, DType::F32));
        for (examples, weight) in [(1, 0.0), (10, 1.0), (1000, 2.0)] {
            let parts = Elbo::new(examples).unwrap().loss(&nll, &kl, weight).unwrap();
            assert_eq!(parts.nll.item().unwrap(), 1.0);
            assert_eq!(parts.kl.item().unwrap(), 3.0);
            let expected = 1.0 + weight * 3.0 / examples as f64;
            assert!((parts.loss.item().unwrap() - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn reduced_or_empty_input_is_refused() {
        let elbo = Elbo::new(10).unwrap();
        let (one, two) = (Tensor::scalar(1.0), Tensor::ones(&[2], DType::F64));
        let message = |result: Result<ElboLoss>| result.unwrap_err().to_string();
        let reduced = message(elbo.loss(&one, &one, 1.0));
        assert!(reduced.contains("`nll` has shape [], expected [n]"), "{reduced}");
        let empty = message(elbo.loss(&Tensor::zeros(&[0], DType::F64), &one, 1.0));
        assert!(empty.contains("`nll` has shape [0]"), "{empty}");
        let not_summed = message(elbo.loss(&two, &two, 1.0));
        assert!(not_summed.contains("`kl` has shape [2], expected one entry"), "{not_summed}");
        let weight = message(elbo.loss(&two, &one, -1.0));
        assert!(weight.contains("`weight` is -1"), "{weight}");
        assert!(elbo.loss(&two, &Tensor::ones(&[], DType::F32), 1.0).is_err());
        assert!(matches!(Elbo::new(0), Err(TrainError::Value { argument: "num_examples", .. })));
    }
}
