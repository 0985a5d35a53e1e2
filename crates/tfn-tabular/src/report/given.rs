//! What a report is made of.

use crate::effects::Effects;
use crate::figures::Figure;
use crate::judged::Judged;
use crate::record::Record;

/// How a predictor did on the rows of another file.
#[derive(Clone, Debug)]
pub struct Tested<'a> {
    /// Name of the file.
    pub name: String,
    /// Its rows, with or without a target.
    pub rows: usize,
    /// Level of the intervals or sets in `judged`.
    pub level: f64,
    /// Its predictions beside the truth; their rows are counted from 0 in the file.
    pub judged: &'a Judged,
    /// Figures of merit on it.
    pub figures: &'a [Figure],
    /// Names of the columns in which a row is outside what the training rows had, one entry for each row of the file.
    pub out_of_range: &'a [Vec<String>],
}

/// All that is shown.
#[derive(Clone, Debug)]
pub(super) struct Given<'a> {
    pub(super) record: &'a Record,
    pub(super) tested: Option<Tested<'a>>,
    pub(super) effects: Option<&'a Effects>,
}

/// The rows that pictures are made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown<'a> {
    /// The file that they come from; none of held-out rows.
    pub(super) file: Option<&'a str>,
    pub(super) judged: &'a Judged,
    pub(super) level: f64,
    pub(super) out_of_range: Option<&'a [Vec<String>]>,
}

impl Given<'_> {
    /// Those of the test file, or the held-out ones if there are none.
    pub(super) fn shown(&self) -> Shown<'_> {
        match &self.tested {
            Some(tested) if !tested.judged.is_empty() => Shown {
                file: Some(&tested.name),
                judged: tested.judged,
                level: tested.level,
                out_of_range: Some(tested.out_of_range),
            },
            _ => Shown {
                file: None,
                judged: &self.record.held_out,
                level: self.record.level,
                out_of_range: None,
            },
        }
    }
}
