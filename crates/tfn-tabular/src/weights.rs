//! What is known of the weights of a trained model.

use serde::{Deserialize, Serialize};
use tfn_layers::{Layer, Weights};
use tfn_module::find;

use crate::error::Result;
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
            let parts = weights.posteriors();
            for posterior in std::iter::once(parts.kernel).chain(parts.bias) {
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
}
