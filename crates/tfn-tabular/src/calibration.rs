//! Intervals and sets that hold as often as they say.

use tfn_tensor::Tensor;
use tfn_train::calibrate::{ConformalClasses, ConformalIntervals};

use crate::error::Result;
use crate::outlook::Outlook;
use crate::task::Task;

/// Split-conformal calibration of either task.
#[derive(Clone, Debug)]
pub(crate) enum Calibration {
    Intervals(ConformalIntervals),
    Classes(ConformalClasses),
}

impl Calibration {
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

    /// From several parts of the rows together.
    pub(crate) fn merge(task: Task, parts: &[&Self]) -> Result<Self> {
        let intervals = parts.iter().filter_map(|part| match part {
            Self::Intervals(part) => Some(part),
            Self::Classes(_) => None,
        });
        let classes = parts.iter().filter_map(|part| match part {
            Self::Classes(part) => Some(part),
            Self::Intervals(_) => None,
        });
        Ok(match task {
            Task::Regression => Self::Intervals(ConformalIntervals::merge(intervals)?),
            Task::Classification => Self::Classes(ConformalClasses::merge(classes)?),
        })
    }
}
