//! The minibatches of a run, one after another.

use std::ops::Range;
use std::sync::mpsc::sync_channel;
use std::thread::Scope;

use rayon::ThreadPoolBuilder;
use tfn_layers::LayerError;

use crate::data::{Batches, Dataset, Examples};
use crate::error::{Result, TrainError};

/// Minibatches in the order in which they are trained on, each with its rows' numbers in the data.
pub(super) type Loader<'scope> = Box<dyn Iterator<Item = Result<(Dataset, Vec<usize>)>> + 'scope>;

/// Says of a minibatch whether it can be trained on.
pub(super) type Check<'a> = &'a (dyn Fn(&Dataset) -> Result<()> + Sync);

/// Minibatches read ahead of the step that is being done.
const AHEAD: usize = 2;

/// Which minibatches a run takes.
pub(super) struct Plan<'a> {
    pub(super) data: &'a dyn Examples,
    /// The rows that are trained on, if it is not all.
    pub(super) rows: Option<&'a [usize]>,
    pub(super) batches: &'a Batches,
    pub(super) epochs: Range<u64>,
    /// Minibatches of the first epoch that have been trained on before.
    pub(super) done: usize,
    pub(super) check: Option<Check<'a>>,
}

impl<'a> Plan<'a> {
    /// The minibatches: those of a set in memory are gathered when they are asked for (which takes a fiftieth of a step
    /// and would take the step's cores if it ran beside it), others are read on a thread of their own, and looked at there.
    pub(super) fn load<'scope>(self, scope: &'scope Scope<'scope, 'a>) -> Loader<'scope>
    where
        'a: 'scope,
    {
        let Self { data, rows, batches, epochs, done, check } = self;
        let first = epochs.start;
        let of_epoch = move |epoch| {
            let skipped = if epoch == first { done } else { 0 };
            batches.epoch(epoch).into_iter().skip(skipped)
        };
        let in_data = move |batch: Vec<usize>| match rows {
            Some(rows) => batch.into_iter().map(|row| rows[row]).collect(),
            None => batch,
        };
        let plan = epochs.flat_map(of_epoch).map(in_data);
        if data.in_memory().is_some() {
            return Box::new(plan.map(move |rows| Ok((read(data, &rows)?, rows))));
        }
        let (sender, receiver) = sync_channel(AHEAD);
        let work = move || {
            for rows in plan {
                let batch = read(data, &rows).and_then(|batch| {
                    check.map_or(Ok(()), |check| check(&batch)).map_err(|e| in_row_of(e, &rows))?;
                    Ok(batch)
                });
                let is_last = batch.is_err();
                // Nobody receives any more if the run has ended.
                if sender.send(batch.map(|batch| (batch, rows))).is_err() || is_last {
                    break;
                }
            }
        };
        // In a pool of its own: all threads of the common one may be waiting for minibatches.
        let pool = ThreadPoolBuilder::new().num_threads(1).build();
        scope.spawn(move || match pool {
            Ok(pool) => pool.install(work),
            Err(_) => work(),
        });
        Box::new(receiver.into_iter())
    }
}

/// Rows of a source with what they count, also if the source says that apart from them.
pub(super) fn read(data: &dyn Examples, rows: &[usize]) -> Result<Dataset> {
    let batch = data.rows(rows)?;
    Ok(match data.weights() {
        Some(weights) if batch.weights().is_none() => {
            batch.weighing(rows.iter().map(|&row| weights[row]).collect())
        }
        _ => batch,
    })
}

/// An error that names a row of a minibatch, with that row's number in the data.
pub(super) fn in_row_of(error: TrainError, rows: &[usize]) -> TrainError {
    let of = |row: usize| rows.get(row).copied().unwrap_or(row);
    match error {
        TrainError::Entry { op, argument, row, given, expected } => {
            TrainError::Entry { op, argument, row: of(row), given, expected }
        }
        TrainError::Layer(LayerError::Target { row, given, expected }) => {
            LayerError::Target { row: of(row), given, expected }.into()
        }
        other => other,
    }
}
