//! How good predictions are, as figures with the intervals that the choice of rows leaves.

use serde::{Deserialize, Serialize};
use tfn_tensor::Key;
use tfn_train::metrics::{Bootstrap, aurc, auroc};

use crate::error::Result;
use crate::judged::{Judged, JudgedClasses, JudgedNumbers};
use crate::numbers;

/// A figure of merit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// `rmse`, `mae`, `r2`, `log_likelihood`, `crps`, `coverage`, `width`; of classes `accuracy`, `log_likelihood`, `brier`,
    /// `ece`, `coverage`, `set_size`, and of two classes `auroc`; of both `aurc`.
    pub name: String,
    /// Its value.
    #[serde(with = "numbers::one")]
    pub value: f64,
    /// The 95 % interval over resamples of the rows; none for `ece` and `aurc`, which resampling shifts, for more than 20 000 rows,
    /// and where a resample may lack a class.
    #[serde(with = "numbers::pair")]
    pub interval: Option<[f64; 2]>,
}

/// Resamples of the rows.
const RESAMPLES: usize = 1000;
/// Rows that are resampled at most: more leave nothing open, and take long.
const ROWS: usize = 20_000;
/// Bins of the expected calibration error, of equal width.
const BINS: usize = 15;

impl Judged {
    /// All figures of merit, with bootstrap intervals of 95 %.
    ///
    /// # Errors
    /// [`TrainError::Value`](tfn_train::TrainError::Value) if there are no rows.
    pub fn figures(&self, key: &Key) -> Result<Vec<Figure>> {
        let metrics: Vec<(&str, Metric<'_>)> = match self {
            Self::Numbers(rows) => of_numbers(rows),
            Self::Classes(rows) => of_classes(rows),
        };
        let all: Vec<usize> = (0..self.len()).collect();
        let mut figures = Vec::new();
        for (name, metric) in metrics {
            let (name, value) = (name.to_owned(), metric(&all));
            figures.push(Figure { name, value, interval: self.interval(&metric, key)? });
        }
        if let Self::Classes(rows) = self {
            figures.push(Figure { name: "ece".to_owned(), value: ece(rows), interval: None });
        }
        let area = aurc(self.doubt(), &self.losses())?;
        figures.push(Figure { name: "aurc".to_owned(), value: area, interval: None });
        Ok(figures)
    }

    fn interval(&self, metric: &Metric<'_>, key: &Key) -> Result<Option<[f64; 2]>> {
        if self.len() > ROWS {
            return Ok(None);
        }
        let resampled = Bootstrap::new(self.len(), RESAMPLES, key, |rows| Ok(metric(rows)));
        // A resample may lack a class, and then has no figure.
        Ok(match resampled {
            Ok(resampled) => Some(resampled.interval(0.95)?),
            Err(tfn_train::TrainError::Entry { .. }) => None,
            Err(error) => return Err(error.into()),
        })
    }
}

/// A figure of some of the rows.
type Metric<'a> = Box<dyn Fn(&[usize]) -> f64 + 'a>;

/// The mean over rows.
fn mean(rows: &[usize], of: impl Fn(usize) -> f64) -> f64 {
    rows.iter().map(|&row| of(row)).sum::<f64>() / rows.len() as f64
}

fn of_numbers(all: &JudgedNumbers) -> Vec<(&'static str, Metric<'_>)> {
    let error = |row: usize| all.target[row] - all.mean[row];
    let squares = move |rows: &[usize]| mean(rows, |row| error(row).powi(2));
    vec![
        ("rmse", Box::new(move |rows| squares(rows).sqrt())),
        ("mae", Box::new(move |rows| mean(rows, |row| error(row).abs()))),
        (
            "r2",
            Box::new(move |rows| {
                let centre = mean(rows, |row| all.target[row]);
                1.0 - squares(rows) / mean(rows, |row| (all.target[row] - centre).powi(2))
            }),
        ),
        ("log_likelihood", Box::new(|rows| mean(rows, |row| all.log_prob[row]))),
        ("crps", Box::new(|rows| mean(rows, |row| all.crps[row]))),
        (
            "coverage",
            Box::new(|rows| {
                let is_in =
                    |row: usize| (all.lower[row]..=all.upper[row]).contains(&all.target[row]);
                mean(rows, |row| f64::from(is_in(row)))
            }),
        ),
        ("width", Box::new(|rows| mean(rows, |row| all.upper[row] - all.lower[row]))),
    ]
}

fn of_classes(all: &JudgedClasses) -> Vec<(&'static str, Metric<'_>)> {
    let is_right = |row: usize| f64::from(all.label[row] == all.predicted[row]);
    let mut metrics: Vec<(&str, Metric<'_>)> = vec![
        ("accuracy", Box::new(move |rows| mean(rows, is_right))),
        ("log_likelihood", Box::new(|rows| mean(rows, |row| all.label_probability[row].ln()))),
        ("brier", Box::new(|rows| mean(rows, |row| all.brier[row]))),
        ("coverage", Box::new(|rows| mean(rows, |row| f64::from(all.is_in_set[row])))),
        ("set_size", Box::new(|rows| mean(rows, |row| all.set_size[row] as f64))),
    ];
    let of_second = |row: usize| match all.predicted[row] {
        1 => all.probability[row],
        _ => 1.0 - all.probability[row],
    };
    if all.classes.len() == 2 {
        metrics.push((
            "auroc",
            Box::new(move |rows| {
                let of = |label| -> Vec<f64> {
                    let rows = rows.iter().filter(|&&row| all.label[row] == label);
                    rows.map(|&row| of_second(row)).collect()
                };
                auroc(&of(0), &of(1)).unwrap_or(f64::NAN)
            }),
        ));
    }
    metrics
}

/// Expected calibration error: the mean distance of confidence and share of right answers, over bins of the confidence.
fn ece(all: &JudgedClasses) -> f64 {
    let mut bins = vec![[0.0; 2]; BINS];
    for (row, probability) in all.probability.iter().enumerate() {
        let bin = ((probability * BINS as f64) as usize).min(BINS - 1);
        bins[bin][0] += probability;
        bins[bin][1] += f64::from(all.label[row] == all.predicted[row]);
    }
    bins.iter().map(|[sure, right]| (sure - right).abs()).sum::<f64>() / all.label.len() as f64
}
