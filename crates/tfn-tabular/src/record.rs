//! What is known of how a predictor came to be; it is saved with it.

use serde::{Deserialize, Serialize};
use tfn_train::data::ColumnType;

use crate::figures::Figure;
use crate::judged::Judged;
use crate::numbers;
use crate::setup::Setup;
use crate::task::Task;

/// How a predictor was trained, and how good it was on rows that it was not trained on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Name of the target.
    pub target: String,
    /// What is predicted.
    pub task: Task,
    /// Why it is that and not another task, in words.
    pub task_reason: String,
    /// Rows trained on.
    pub rows: usize,
    /// Rows left out, for they have no target.
    pub rows_without_target: usize,
    /// All columns of the table but the target.
    pub columns: Vec<Column>,
    /// What was left out or filled in, in words.
    pub remarks: Vec<String>,
    /// Seed of all that is random.
    pub seed: u64,
    /// How it was built and trained.
    pub setup: Setup,
    /// Models that answer together: each was trained without a part of the rows, which judges and calibrates it. 1 if a single
    /// part was held out.
    pub folds: usize,
    /// Number of rows that a model was trained on; where there are several models, the first one.
    pub model_rows: usize,
    /// How training went, model by model.
    pub curves: Vec<Curve>,
    /// Level of the intervals or sets in `held_out`.
    pub level: f64,
    /// Figures of merit on rows that the model which judged them was not trained on.
    pub figures: Vec<Figure>,
    /// How simpler models do on the same rows.
    pub baselines: Vec<Baseline>,
    /// Some of these rows, at most 2000.
    pub held_out: Judged,
    /// Seconds that it all took.
    pub seconds: f64,
}

/// A column of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What its cells are read as.
    pub column_type: ColumnType,
    /// Cells without a value.
    pub missing: usize,
    /// Number of features made of it; 0 if it was left out.
    pub features: usize,
}

/// Figures of one run, epoch by epoch (of long runs some).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Curve {
    /// Which run it is.
    pub name: String,
    /// Number of each epoch, counted from 1.
    pub epoch: Vec<u64>,
    /// Mean negative log-likelihood of a row.
    #[serde(with = "numbers::many")]
    pub nll: Vec<f64>,
    /// KL divergence of all weights, in nats.
    #[serde(with = "numbers::many")]
    pub kl: Vec<f64>,
}

/// How a simpler model does on the same rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// `mean` (of classes: how frequent they are), `linear`, `plain net`.
    pub name: String,
    /// Root of the mean squared error; of classes the share of right answers.
    #[serde(with = "numbers::one")]
    pub score: f64,
    /// Mean log-likelihood of a row.
    #[serde(with = "numbers::one")]
    pub log_likelihood: f64,
}

impl Record {
    /// A figure by its name.
    pub fn figure(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|figure| figure.name == name).map(|figure| figure.value)
    }
}
