//! Which columns matter to a model, and how.

use serde::{Deserialize, Serialize};

use crate::numbers;

/// What the columns do to the predictions of a model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effects {
    /// All columns that features are made of, the most important first.
    pub importance: Vec<Importance>,
    /// Of the most important ones, how predictions move with them.
    pub partial: Vec<PartialDependence>,
}

/// How much worse predictions become when a column is shuffled between the rows.
///
/// # References
/// Breiman, *Random forests*, Machine Learning 45 (2001), section 10; Fisher, Rudin, Dominici, *All models are wrong, but many are
/// useful*, JMLR 20 (2019), equation 3.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Importance {
    /// Name of the column.
    pub column: String,
    /// By how much the mean negative log-likelihood of a row rises, in nats: the mean over shuffles.
    #[serde(with = "numbers::one")]
    pub increase: f64,
    /// Standard deviation of that over the shuffles.
    #[serde(with = "numbers::one")]
    pub stddev: f64,
}

/// The prediction, averaged over rows in which one column is set to a value, for several values.
///
/// # References
/// Friedman, *Greedy function approximation: a gradient boosting machine*, Annals of Statistics 29 (2001), section 8.2.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartialDependence {
    /// Name of the column.
    pub column: String,
    /// The class whose probability it is; none of numbers.
    pub class: Option<String>,
    /// The values, as text: numbers, or levels of a category.
    pub at: Vec<String>,
    /// The values as numbers; none for levels.
    pub number: Option<Vec<f64>>,
    /// Mean prediction, or probability of the class.
    #[serde(with = "numbers::many")]
    pub mean: Vec<f64>,
    /// The mean less one standard deviation of what is not known of the weights, row by row.
    #[serde(with = "numbers::many")]
    pub low: Vec<f64>,
    /// The mean and one such deviation more.
    #[serde(with = "numbers::many")]
    pub high: Vec<f64>,
}
