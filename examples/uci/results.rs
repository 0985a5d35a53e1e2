//! What is measured, and its mean and standard error over splits.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tfn::train::Predictive;
use tfn::train::calibrate::ConformalIntervals;
use tfn::train::data::Dataset;
use tfn::train::metrics::coverage_and_width;

use crate::Failure;
use crate::published::{self, Published};
use crate::sets::Set;
use crate::setup::Setup;

/// Level of all intervals.
const LEVEL: f64 = 0.9;

/// Figures of one split, in the units of the target.
pub(crate) struct Scores {
    rmse: f64,
    log_likelihood: f64,
    crps: f64,
    coverage: f64,
    width: f64,
    /// Coverage and width of the conformal intervals.
    conformal: Option<[f64; 2]>,
}

/// Looks at predictions of test rows: those of a model, and those of another one together with its predictions of calibration rows.
pub(crate) fn score(
    test: &Dataset,
    predictive: &Predictive,
    calibrated: Option<(&Predictive, &Dataset, &Predictive)>,
) -> Result<Scores, Failure> {
    let scores = predictive.scores(test.targets())?;
    let [coverage, width] = scores.interval(LEVEL)?;
    let conformal = match calibrated {
        None => None,
        Some((predictive, calibration, of_calibration)) => {
            let fit = ConformalIntervals::fit(of_calibration, calibration.targets())?;
            let [low, high] = fit.interval(predictive, LEVEL)?;
            Some(coverage_and_width(test.targets(), &low, &high)?)
        }
    };
    let log_likelihood = -scores.nll()?;
    let (rmse, crps) = (scores.rmse(), scores.crps()?);
    Ok(Scores { rmse, log_likelihood, crps, coverage, width, conformal })
}

/// A mean over splits and its standard error.
#[derive(Clone, Copy)]
pub(crate) struct Mean {
    mean: f64,
    standard_error: f64,
}

impl Mean {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let values: Vec<f64> = values.collect();
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let square = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        let standard_error = if n > 1.0 { (square / (n - 1.0) / n).sqrt() } else { f64::NAN };
        Self { mean, standard_error }
    }

    fn json(self) -> Value {
        json!({ "mean": self.mean, "standard_error": self.standard_error })
    }
}

/// Figures of one set.
pub(crate) struct Summary {
    splits: usize,
    seconds: f64,
    rmse: Mean,
    log_likelihood: Mean,
    crps: Mean,
    coverage: Mean,
    width: Mean,
    conformal: Option<[Mean; 2]>,
}

impl Summary {
    pub(crate) const HEAD: &str = "set        splits   RMSE              log-likelihood     90 % intervals hold: raw, conformal (width)   seconds";

    pub(crate) fn new(scores: &[Scores], seconds: f64) -> Self {
        let mean = |of: fn(&Scores) -> f64| Mean::of(scores.iter().map(of));
        let conformal: Option<Vec<[f64; 2]>> = scores.iter().map(|s| s.conformal).collect();
        let conformal =
            conformal.map(|all| [0, 1].map(|i| Mean::of(all.iter().map(move |both| both[i]))));
        Self {
            splits: scores.len(),
            seconds,
            rmse: mean(|s| s.rmse),
            log_likelihood: mean(|s| s.log_likelihood),
            crps: mean(|s| s.crps),
            coverage: mean(|s| s.coverage),
            width: mean(|s| s.width),
            conformal,
        }
    }

    pub(crate) fn print(&self, set: &Set) {
        let digits = if self.rmse.mean < 0.05 { 5 } else { 3 };
        let both =
            |m: Mean, digits: usize| format!("{:.digits$} ± {:.digits$}", m.mean, m.standard_error);
        let percent =
            |m: Mean| format!("{:.1} ± {:.1} %", 100.0 * m.mean, 100.0 * m.standard_error);
        let conformal = self.conformal.map_or_else(String::new, |[held, width]| {
            format!(", {} ({:.3} of {:.3})", percent(held), width.mean, self.width.mean)
        });
        println!(
            "{:10} {:6}   {:17} {:17}  {}{conformal}  {:.0}",
            set.name,
            self.splits,
            both(self.rmse, digits),
            both(self.log_likelihood, 3),
            percent(self.coverage),
            self.seconds
        );
        for Published { method, rmse, log_likelihood } in published::of(&set.name) {
            let number = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), |x| x.to_string());
            println!("  {method:22}{:17} {:17}", number(rmse), number(log_likelihood));
        }
    }

    fn json(&self) -> Value {
        let mut value = json!({
            "splits": self.splits,
            "seconds": self.seconds,
            "rmse": self.rmse.json(),
            "log_likelihood": self.log_likelihood.json(),
            "crps": self.crps.json(),
            "raw_coverage": self.coverage.json(),
            "raw_width": self.width.json(),
        });
        if let Some([coverage, width]) = self.conformal {
            value["conformal_coverage"] = coverage.json();
            value["conformal_width"] = width.json();
        }
        value
    }
}

pub(crate) fn json(all: &BTreeMap<String, Summary>, setup: &Setup) -> Value {
    let sets: serde_json::Map<String, Value> =
        all.iter().map(|(name, summary)| (name.clone(), summary.json())).collect();
    json!({ "level": LEVEL, "setup": format!("{setup:?}"), "sets": sets })
}
