//! One HTML file that shows how a model was trained, how good it is and where it is in doubt.

mod doubtful;
mod effects;
mod figures;
mod given;
mod page;
mod pictures;
mod style;
mod tables;
mod text;
mod training;
mod verdict;

use crate::effects::Effects;
use crate::error::Result;
use crate::record::Record;

use given::Given;
pub use given::Tested;

/// A page about a trained model: a verdict in words, how it was trained, its figures of merit beside those of simpler means, its
/// calibration, the rows of which it is most in doubt, and what the columns do.
///
/// The page is one HTML file without scripts, and asks for nothing from elsewhere. The same record gives the same page.
///
/// # Examples
/// ```
/// use tfn_tabular::report::Report;
/// use tfn_tabular::{Figure, Judged, JudgedNumbers, Record, Setup, Task};
///
/// let record = Record {
///     target: "price".to_owned(),
///     task: Task::Regression,
///     task_reason: "380 different numbers".to_owned(),
///     rows: 400,
///     rows_without_target: 0,
///     columns: Vec::new(),
///     remarks: Vec::new(),
///     seed: 1,
///     setup: Setup::for_rows(400),
///     folds: 1,
///     model_rows: 80,
///     curves: Vec::new(),
///     level: 0.9,
///     figures: vec![Figure { name: "rmse".to_owned(), value: 2.5, interval: Some([2.0, 3.0]) }],
///     baselines: Vec::new(),
///     held_out: Judged::Numbers(JudgedNumbers::default()),
///     seconds: 12.0,
/// };
/// let page = Report::new(&record).html()?;
/// assert!(page.starts_with("<!DOCTYPE html>") && page.contains("2.500"));
/// # Ok::<(), tfn_tabular::TabularError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Report<'a> {
    given: Given<'a>,
}

impl<'a> Report<'a> {
    /// About the model with this record.
    pub fn new(record: &'a Record) -> Self {
        Self { given: Given { record, tested: None, effects: None } }
    }

    /// Shows figures of a test file beside those of the held-out rows, and its rows in the pictures.
    #[must_use]
    pub fn tested(mut self, tested: Tested<'a>) -> Self {
        self.given.tested = Some(tested);
        self
    }

    /// Shows what the columns do to the predictions.
    #[must_use]
    pub fn effects(mut self, effects: &'a Effects) -> Self {
        self.given.effects = Some(effects);
        self
    }

    /// The page.
    ///
    /// # Errors
    /// [`TrainError`](tfn_train::TrainError) if the rows of the record cannot be ranked by their doubt.
    pub fn html(&self) -> Result<String> {
        page::html(&self.given)
    }
}
