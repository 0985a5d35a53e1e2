//! Intervals and sets that hold as often as they say.

use tfn_tensor::Tensor;
use tfn_train::calibrate::{
    ConformalClasses, ConformalIntervals, CrossConformalClasses, CrossConformalIntervals,
};
use tfn_train::{Prediction, Predictive};

use crate::error::Result;
use crate::outlook::Outlook;
use crate::task::Task;

/// How rows that calibrate a model were predicted by it, for either task.
#[derive(Clone, Debug)]
pub(crate) enum Scores {
    Intervals(ConformalIntervals),
    Classes(ConformalClasses),
}

/// Calibration of the models of a predictor, each by rows that it was not trained on.
#[derive(Clone, Debug)]
pub(crate) enum Calibration {
    Intervals(CrossConformalIntervals),
    Classes(CrossConformalClasses),
}

/// Where intervals and sets come from.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    /// The predictive distribution as it is.
    Raw,
    /// The scores of other rows by the like of this model.
    Scores(&'a Scores),
    /// All models of a predictor, and what each says.
    Models(&'a Calibration, &'a [Outlook]),
}

impl Scores {
    /// From predictions of rows and their targets.
    pub(crate) fn fit(outlook: &Outlook, targets: &Tensor) -> Result<Self> {
        Ok(match outlook {
            Outlook::Numbers(predictive) => {
                Self::Intervals(ConformalIntervals::fit(predictive, targets)?)
            }
            Outlook::Classes(prediction) => {
                Self::Classes(ConformalClasses::fit(prediction, targets)?)
            }
        })
    }

    /// Of several parts of the rows together.
    pub(crate) fn merge(task: Task, parts: &[&Self]) -> Result<Self> {
        Ok(match task {
            Task::Regression => Self::Intervals(ConformalIntervals::merge(intervals(parts))?),
            Task::Classification => Self::Classes(ConformalClasses::merge(classes(parts))?),
        })
    }
}

impl Calibration {
    /// Of the scores of each model.
    pub(crate) fn of(task: Task, models: &[Scores]) -> Result<Self> {
        let models: Vec<&Scores> = models.iter().collect();
        Ok(match task {
            Task::Regression => {
                let folds = intervals(&models).cloned().collect();
                Self::Intervals(CrossConformalIntervals::new(folds)?)
            }
            Task::Classification => {
                let folds = classes(&models).cloned().collect();
                Self::Classes(CrossConformalClasses::new(folds)?)
            }
        })
    }
}

impl Source<'_> {
    /// The ends of the interval of each row.
    pub(crate) fn interval(self, predictive: &Predictive, level: f64) -> Result<[Tensor; 2]> {
        Ok(match self {
            Self::Scores(Scores::Intervals(scores)) => scores.interval(predictive, level)?,
            Self::Models(Calibration::Intervals(models), each) => {
                models.interval(&Outlook::numbers(each), level)?
            }
            _ => predictive.interval(level)?,
        })
    }

    /// The classes in the set of each row; `None` for those of the prediction as it is.
    pub(crate) fn sets(
        self,
        prediction: &Prediction,
        level: f64,
    ) -> Result<Option<Vec<Vec<usize>>>> {
        Ok(match self {
            Self::Scores(Scores::Classes(scores)) => Some(scores.sets(prediction, level)?),
            Self::Models(Calibration::Classes(models), each) => {
                Some(models.sets(&Outlook::classes(each), level)?)
            }
            _ => None,
        })
    }
}

fn intervals<'a>(parts: &'a [&Scores]) -> impl Iterator<Item = &'a ConformalIntervals> {
    parts.iter().filter_map(|part| match part {
        Scores::Intervals(part) => Some(part),
        Scores::Classes(_) => None,
    })
}

fn classes<'a>(parts: &'a [&Scores]) -> impl Iterator<Item = &'a ConformalClasses> {
    parts.iter().filter_map(|part| match part {
        Scores::Classes(part) => Some(part),
        Scores::Intervals(_) => None,
    })
}
