//! Which columns matter to a model, and how.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use tfn_tensor::{DType, Key, Tensor};
use tfn_train::data::{ColumnType, Table};

use crate::error::{Result, TabularError};
use crate::numbers;
use crate::outlook::Outlook;
use crate::predictor::{Asked, TabularPredictor};

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
    /// The class whose probability is predicted; `None` where numbers are predicted.
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
    /// The mean plus one such deviation.
    #[serde(with = "numbers::many")]
    pub high: Vec<f64>,
}

/// Rows that effects are averaged over at most.
const ROWS: usize = 500;
/// Shuffles of each column.
const SHUFFLES: u64 = 3;
/// Draws of the weights for each prediction.
const DRAWS: usize = 30;
/// Columns with a partial dependence at most, and values of each.
const CURVES: usize = 9;
const VALUES: usize = 15;
/// Classes with a partial dependence at most: the most frequent ones.
const CLASSES: usize = 3;

impl TabularPredictor {
    /// Which columns matter for the rows of a table whose targets are known, and how predictions move with them.
    ///
    /// Importance is by permutation (three shuffles of each column), partial dependence at up to 15 quantiles of a column or its
    /// most frequent levels, both over at most 500 rows spread over the table. Features of a column are moved together.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    ///
    /// # Examples
    /// ```
    /// use tfn_tabular::{Setup, TabularPredictor};
    /// use tfn_tabular::data::Table;
    ///
    /// let rows: Vec<[String; 3]> =
    ///     (0..80).map(|i| [i % 20, i * i % 7, 2 * (i % 20) + i % 3].map(|x| x.to_string())).collect();
    /// let table = Table::from_rows(&["x", "chance", "y"].map(str::to_owned), &rows)?;
    /// let setup = Setup { max_epochs: 100, rate: 0.03, ..Setup::for_rows(table.len()) };
    /// let effects = TabularPredictor::builder("y").setup(setup).fit(&table, ())?.effects(&table)?;
    /// assert_eq!(effects.importance[0].column, "x");
    /// let curve = &effects.partial[0];
    /// assert!(curve.mean.last() > curve.mean.first());
    /// # Ok::<(), tfn_tabular::TabularError>(())
    /// ```
    pub fn effects(&self, table: &Table) -> Result<Effects> {
        let known = self.with_target(table)?;
        let every = known.len().div_ceil(ROWS).max(1);
        let rows: Vec<usize> = known.into_iter().step_by(every).collect();
        let encoded = self.encoder.encode(&table.rows(&rows)?)?;
        let Some(targets) = &encoded.targets else {
            return Err(TabularError::NoTargets { target: self.record.target.clone() });
        };
        let width = self.encoder.width().max(1);
        let values = encoded.features.to_f64_vec()?;
        let rows: Vec<Vec<f64>> = values.chunks_exact(width).map(<[f64]>::to_vec).collect();
        let data = Rows { predictor: self, rows, targets };
        let importance = data.importance()?;
        let partial = data.partial(&importance)?;
        Ok(Effects { importance, partial })
    }
}

/// Rows of features, to be changed and asked again.
struct Rows<'a> {
    predictor: &'a TabularPredictor,
    rows: Vec<Vec<f64>>,
    targets: &'a Tensor,
}

impl Rows<'_> {
    fn features(&self, rows: &[Vec<f64>]) -> Result<Tensor> {
        let width = self.predictor.encoder.width();
        Ok(Tensor::from_f64(&rows.concat(), &[rows.len(), width], DType::F32).check()?)
    }

    fn predict(&self, rows: &[Vec<f64>]) -> Result<Outlook> {
        let asked = Asked { draws: Some(DRAWS), ..Asked::default() };
        self.predictor.outlook(&self.features(rows)?, &asked)
    }

    /// Mean negative log-likelihood of the targets.
    fn nll(&self, rows: &[Vec<f64>]) -> Result<f64> {
        let log_prob = self.predict(rows)?.log_prob(self.targets)?;
        Ok(-log_prob.iter().sum::<f64>() / log_prob.len() as f64)
    }

    fn importance(&self) -> Result<Vec<Importance>> {
        let before = self.nll(&self.rows)?;
        let key = Key::from_seed(0).child("importance");
        let of_column = |(column, _, features): (&str, ColumnType, Range<usize>)| {
            let of_shuffle = |shuffle: u64| {
                let order = shuffled(self.rows.len(), &key.index(shuffle))?;
                let mut rows = self.rows.clone();
                for (row, from) in rows.iter_mut().zip(order) {
                    row[features.clone()].copy_from_slice(&self.rows[from][features.clone()]);
                }
                Ok(self.nll(&rows)? - before)
            };
            let increases = (0..SHUFFLES).map(of_shuffle).collect::<Result<Vec<f64>>>()?;
            let increase = increases.iter().sum::<f64>() / increases.len() as f64;
            let squares: f64 = increases.iter().map(|x| (x - increase).powi(2)).sum();
            let stddev = (squares / (increases.len() - 1) as f64).sqrt();
            Ok(Importance { column: column.to_owned(), increase, stddev })
        };
        let columns = self.predictor.encoder.columns();
        let mut importance = columns.map(of_column).collect::<Result<Vec<_>>>()?;
        importance.sort_by(|a, b| b.increase.total_cmp(&a.increase));
        Ok(importance)
    }

    fn partial(&self, importance: &[Importance]) -> Result<Vec<PartialDependence>> {
        let mut partial = Vec::new();
        for Importance { column, .. } in importance.iter().take(CURVES) {
            let found = self.predictor.encoder.columns().find(|(name, ..)| name == column);
            let Some((_, column_type, features)) = found else { continue };
            let (at, number, values) = self.values(column, column_type, features.clone());
            let mut curves: Vec<PartialDependence> = Vec::new();
            for value in &values {
                let mut rows = self.rows.clone();
                rows.iter_mut().for_each(|row| row[features.clone()].copy_from_slice(value));
                for (place, (class, mean, deviation)) in self.means(&rows)?.into_iter().enumerate()
                {
                    if curves.len() == place {
                        let (column, at, number) = (column.clone(), at.clone(), number.clone());
                        let curve =
                            PartialDependence { column, class, at, number, ..Default::default() };
                        curves.push(curve);
                    }
                    curves[place].mean.push(mean);
                    curves[place].low.push(mean - deviation);
                    curves[place].high.push(mean + deviation);
                }
            }
            partial.extend(curves);
        }
        Ok(partial)
    }

    /// Values of a column: their names, as numbers if they are such, and the features of each.
    fn values(
        &self,
        column: &str,
        column_type: ColumnType,
        features: Range<usize>,
    ) -> (Vec<String>, Option<Vec<f64>>, Vec<Vec<f64>>) {
        let mut given: Vec<&[f64]> = self.rows.iter().map(|row| &row[features.clone()]).collect();
        if column_type == ColumnType::Category {
            // By how often they come; levels without a feature are all alike.
            let mut counts: Vec<(usize, &[f64])> = Vec::new();
            for value in given {
                match counts.iter_mut().find(|(_, known)| *known == value) {
                    Some((count, _)) => *count += 1,
                    None => counts.push((1, value)),
                }
            }
            counts.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
            counts.truncate(VALUES);
            let names = self.predictor.encoder.feature_names();
            let prefix = format!("{column}_");
            let name = |value: &[f64]| match value.iter().position(|&x| x == 1.0) {
                Some(at) => {
                    let name = &names[features.start + at];
                    name.strip_prefix(&prefix).unwrap_or("missing").to_owned()
                }
                None => "other".to_owned(),
            };
            let at = counts.iter().map(|(_, value)| name(value)).collect();
            return (at, None, counts.into_iter().map(|(_, value)| value.to_vec()).collect());
        }
        let names = self.predictor.encoder.feature_names();
        // Where the value itself is left out, only whether there is one is left.
        if names[features.start] != column {
            return (
                ["there", "missing"].map(str::to_owned).to_vec(),
                None,
                vec![vec![0.0], vec![1.0]],
            );
        }
        given.sort_by(|a, b| a[0].total_cmp(&b[0]));
        let last = given.len() - 1;
        let mut values: Vec<Vec<f64>> = Vec::new();
        for step in 0..VALUES {
            // The indicator of a missing value, if there is one, stays that of a value that is there.
            let mut value = vec![0.0; features.len()];
            value[0] = given[step * last / (VALUES - 1)][0];
            if values.last() != Some(&value) {
                values.push(value);
            }
        }
        let number = values.iter().map(|value| self.predictor.encoder.inverse(column, value[0]));
        let number: Vec<f64> = number.collect();
        let at = number.iter().map(|number| format!("{number:.6}")).map(trimmed).collect();
        (at, Some(number), values)
    }

    /// For numbers one mean over the rows, for classes that of each of the most frequent; and the mean over rows of the deviation that is
    /// not knowing the weights.
    fn means(&self, rows: &[Vec<f64>]) -> Result<Vec<(Option<String>, f64, f64)>> {
        let features = self.features(rows)?;
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let Some(classes) = self.predictor.classes() else {
            let Outlook::Numbers(predictive) = self.predict(rows)? else { return Ok(Vec::new()) };
            let epistemic = predictive.variance()?.epistemic.sqrt().to_f64_vec()?;
            return Ok(vec![(None, mean(&predictive.mean()?.to_f64_vec()?), mean(&epistemic))]);
        };
        // Each draw of each model by itself, for the deviation between them.
        let (mut all, mut squares) = (Vec::new(), Vec::new());
        let count = (DRAWS * self.predictor.models().len()) as f64;
        for draw in 0..DRAWS {
            let asked = Asked { draws: Some(1), first_row: draw as u64, ..Asked::default() };
            for prediction in Outlook::classes(&self.predictor.outlooks(&features, &asked)?) {
                let probs = prediction.probs.to_f64_vec()?;
                all.resize(probs.len(), 0.0);
                squares.resize(probs.len(), 0.0);
                for (at, p) in probs.into_iter().enumerate() {
                    all[at] += p / count;
                    squares[at] += p * p / count;
                }
            }
        }
        let of = |class: usize| {
            let entries = || (class..all.len()).step_by(classes.len());
            let p: Vec<f64> = entries().map(|at| all[at]).collect();
            let deviations: Vec<f64> =
                entries().map(|at| (squares[at] - all[at] * all[at]).max(0.0).sqrt()).collect();
            (Some(classes[class].clone()), mean(&p), mean(&deviations))
        };
        Ok(self.frequent(classes.len())?.into_iter().map(of).collect())
    }

    /// The most frequent classes; of two the second.
    fn frequent(&self, classes: usize) -> Result<Vec<usize>> {
        if classes == 2 {
            return Ok(vec![1]);
        }
        let mut counts = vec![0_usize; classes];
        self.targets.to_f64_vec()?.iter().for_each(|&label| counts[label as usize] += 1);
        let mut order: Vec<usize> = (0..classes).collect();
        order.sort_by_key(|&class| std::cmp::Reverse(counts[class]));
        order.truncate(CLASSES);
        Ok(order)
    }
}

/// A number without zeros at its end.
fn trimmed(number: String) -> String {
    number.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The numbers below `rows` in an order by chance.
fn shuffled(rows: usize, key: &Key) -> Result<Vec<usize>> {
    let chance = key.stream().uniform(&[rows], DType::F64).to_vec::<f64>()?;
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by(|&a, &b| chance[a].total_cmp(&chance[b]));
    Ok(order)
}
