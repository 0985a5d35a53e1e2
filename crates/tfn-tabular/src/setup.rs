//! Net, prior, noise and length of training, by documented defaults.

use serde::{Deserialize, Serialize};

/// Up to so many rows each row is judged, by a model that was trained on the other parts; above, one part is held out.
pub(crate) const CROSS_VALIDATED: usize = 2000;

/// How a model of a table is built and trained. The table of how the defaults were chosen is in docs/uci.md.
///
/// # Examples
/// ```
/// use tfn_tabular::Setup;
///
/// let small = Setup::for_rows(500);
/// assert_eq!((small.batch_size(500), small.epochs(500)), (32, 1000));
/// let large = Setup::for_rows(1_000_000);
/// assert_eq!((large.batch_size(1_000_000), large.epochs(1_000_000)), (256, 6));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// Number of units of each hidden layer, beginning at the features.
    pub hidden: Vec<usize>,
    /// Fewest steps of the optimizer, rounded up to whole epochs; but there are never more than `max_epochs` epochs.
    pub steps: u64,
    /// Largest number of epochs.
    pub max_epochs: u64,
    /// Adam's rate at the beginning; it falls to 0 by half a cosine.
    pub rate: f64,
    /// Share of the epochs within which the weight of the KL term rises from 0 to 1.
    pub warmup: f64,
    /// Scale of the normal prior of the weights.
    pub prior_scale: f64,
    /// Scale of the prior of the weights by which the noise depends on the row.
    pub noise_prior_scale: f64,
    /// Draws of the weights of each model for a prediction.
    pub draws: usize,
}

impl Setup {
    /// The defaults for a table of so many rows.
    pub fn for_rows(rows: usize) -> Self {
        Self {
            hidden: vec![if rows < 20_000 { 50 } else { 100 }],
            steps: 20_000,
            max_epochs: 1000,
            rate: 0.01,
            warmup: 0.9,
            prior_scale: 1.0,
            noise_prior_scale: 0.1,
            // Of a small table five models answer.
            draws: if rows <= CROSS_VALIDATED { 40 } else { 100 },
        }
    }

    /// The same for a model without a hidden layer, which is trained in 1500 steps, unless all are to be fewer.
    #[must_use]
    pub fn linear(&self) -> Self {
        let (steps, max_epochs, rate) = (1500, 1500, 0.03);
        Self { hidden: Vec::new(), steps: self.steps.min(steps), max_epochs, rate, ..self.clone() }
    }

    /// Rows of a minibatch: from 32 of small tables to 256 of large ones.
    pub fn batch_size(&self, rows: usize) -> usize {
        (rows / 64).clamp(32, 256)
    }

    /// Number of epochs for so many rows.
    pub fn epochs(&self, rows: usize) -> u64 {
        let of_an_epoch = rows.div_ceil(self.batch_size(rows)).max(1) as u64;
        self.steps.div_ceil(of_an_epoch).clamp(1, self.max_epochs.max(1))
    }
}
