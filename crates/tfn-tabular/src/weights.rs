//! What is known of the weights of a trained model.

use serde::{Deserialize, Serialize};
use tfn_distributions::Distribution;
use tfn_layers::{Layer, Model, Weights};
use tfn_module::find;
use tfn_tensor::Tensor;

use crate::error::{Result, TabularError};
use crate::numbers;
use crate::predictor::TabularPredictor;

/// How certain the weights of a layer are: `|mean| / deviation` of their posteriors. Weights far below 1 could be left out.
///
/// # References
/// Graves, *Practical variational inference for neural networks*, NIPS 2011, section 6; Blundell et al., *Weight uncertainty in
/// neural networks*, ICML 2015, section 5.1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalToNoise {
    /// Which model, and the path of the layer in its net.
    pub name: String,
    /// Number of weights, the bias included.
    pub weights: usize,
    /// The quantiles of 10, 50 and 90 %.
    #[serde(with = "numbers::many")]
    pub quantiles: Vec<f64>,
}

impl TabularPredictor {
    /// Signal-to-noise ratios of the weights, layer by layer.
    ///
    /// # Errors
    /// What the posteriors report.
    pub fn signal_to_noise(&self) -> Result<Vec<SignalToNoise>> {
        let mut layers = Vec::new();
        let found = self.models.iter().enumerate().flat_map(|(place, model)| {
            let net: &dyn Layer = model.net().as_ref();
            let path = move |path| format!("model {}: {path}", place + 1);
            find::<Weights>(net).into_iter().map(move |(found, weights)| (path(found), weights))
        });
        for (path, weights) in found {
            let mut ratios = Vec::new();
            for posterior in posteriors(weights) {
                let Some((loc, scale)) = posterior.elementwise_normal() else { continue };
                ratios.extend((loc.abs() / scale).to_f64_vec()?);
            }
            ratios.sort_by(f64::total_cmp);
            let quantile = |p: f64| ratios[(p * (ratios.len() - 1) as f64).round() as usize];
            if !ratios.is_empty() {
                let quantiles = [0.1, 0.5, 0.9].map(quantile).to_vec();
                layers.push(SignalToNoise { name: path, weights: ratios.len(), quantiles });
            }
        }
        Ok(layers)
    }

    /// Takes out the weights whose `|mean| / deviation` is below `below`: they become 0, with a deviation of 1e-5 and less.
    /// Gives the number of weights taken out, and of all.
    ///
    /// Intervals stay calibrated for the weights before: [`evaluate`](Self::evaluate) says what became of them.
    ///
    /// # Errors
    /// [`TabularError::Setting`] for a negative threshold and one that is no number.
    ///
    /// # References
    /// As of [`SignalToNoise`].
    ///
    /// # Examples
    /// ```
    /// use tfn_tabular::{Setup, TabularPredictor};
    /// use tfn_tabular::data::Table;
    ///
    /// let rows: Vec<[String; 2]> = (0..40).map(|i| [i.to_string(), (2 * i + i % 3).to_string()]).collect();
    /// let table = Table::from_rows(&["x".to_owned(), "y".to_owned()], &rows)?;
    /// let setup = Setup { max_epochs: 40, rate: 0.03, ..Setup::for_rows(table.len()) };
    /// let mut predictor = TabularPredictor::builder("y").setup(setup).fit(&table, ())?;
    /// let [pruned, all] = predictor.prune(1.0)?;
    /// assert!(0 < pruned && pruned < all);
    /// // What is left stays.
    /// assert_eq!(predictor.prune(1.0)?, [pruned, all]);
    /// # Ok::<(), tfn_tabular::TabularError>(())
    /// ```
    pub fn prune(&mut self, below: f64) -> Result<[usize; 2]> {
        if !(below >= 0.0 && below.is_finite()) {
            let (argument, given) = ("below", below.to_string());
            return Err(TabularError::Setting {
                argument,
                given,
                expected: "a number of at least 0",
            });
        }
        let mut counts = [0; 2];
        for weights in self.models.iter().flat_map(weights_of) {
            for posterior in posteriors(weights) {
                let [pruned, all] = prune(posterior, below)?;
                counts = [counts[0] + pruned, counts[1] + all];
            }
        }
        Ok(counts)
    }
}

fn weights_of(model: &Model) -> Vec<&Weights> {
    let net: &dyn Layer = model.net().as_ref();
    find::<Weights>(net).into_iter().map(|(_, weights)| weights).collect()
}

/// Posterior of the kernel, and of the bias if there is one.
fn posteriors(weights: &Weights) -> impl Iterator<Item = &dyn Distribution> {
    let parts = weights.posteriors();
    std::iter::once(parts.kernel).chain(parts.bias).map(AsRef::as_ref)
}

/// Softplus of it is 2e-9.
const NO_SCALE: f64 = -20.0;

/// Prunes the posterior of a part, whose variables are the mean and the scale before softplus: those of this crate's nets.
fn prune(posterior: &dyn Distribution, below: f64) -> Result<[usize; 2]> {
    let variables = posterior.trainable_variables();
    let (Some((loc, scale)), [of_loc, of_scale]) = (posterior.elementwise_normal(), &variables[..])
    else {
        return Ok([0; 2]);
    };
    let ratio = (loc.detach().abs() / scale.detach()).check()?;
    let threshold = Tensor::scalar_of(below, ratio.dtype()?);
    let is_kept = ratio.ge(&threshold);
    let kept: f64 = is_kept.sum().to_f64_vec()?.iter().sum();
    let all = ratio.shape()?.iter().product::<usize>();
    let (zero, none) =
        (Tensor::zeros(&[], loc.dtype()?), Tensor::scalar_of(NO_SCALE, scale.dtype()?));
    of_loc.assign(&Tensor::select(&is_kept, &of_loc.value(), &zero))?;
    of_scale.assign(&Tensor::select(&is_kept, &of_scale.value(), &none))?;
    Ok([all - kept as usize, all])
}
