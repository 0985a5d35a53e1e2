//! Why a command ended early.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tfn_tabular::train::{TableError, TrainError};
use tfn_tabular::{Record, TabularError, Task};

/// What is said last, and the exit code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command was asked for something that cannot be: exit code 2, as for an unknown option.
    Usage(String),
    /// It failed: exit code 1.
    Tabular(TabularError),
    /// A file is no model: exit code 1.
    Model {
        /// The file.
        path: PathBuf,
        /// Why it was not read.
        error: Box<TabularError>,
    },
    /// There cannot be a file of this name: exit code 1.
    Path(String),
    /// It failed, and there is something to do: exit code 1.
    Hint {
        /// Why it failed.
        error: Box<TabularError>,
        /// What to do.
        hint: String,
    },
    /// A file is read, and holds something else than the command takes: exit code 1.
    Input(String),
    /// A file cannot be written or read: exit code 1.
    Io {
        /// What was being done.
        what: String,
        /// Why it failed.
        error: io::Error,
    },
}

impl Failure {
    /// For `map_err` of something done with a file.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |error| Self::Io { what, error }
    }

    /// For `map_err` of a model that is loaded.
    pub(crate) fn model(path: &Path) -> impl FnOnce(TabularError) -> Self {
        let path = path.to_owned();
        move |error| Self::Model { path, error: Box::new(error) }
    }

    /// A failed training, and what options do about it.
    pub(crate) fn of_training(error: TabularError, target: &str) -> Self {
        let hint = match table_error(&error) {
            Some(TableError::Cell { column, given, .. })
                if column == target && given.parse::<f64>().is_err() && !given.is_empty() =>
            {
                "correct the cell; if it stands for no value, say so by --missing; texts are predicted with \
                 --task classification"
            }
            _ => return error.into(),
        };
        Self::Hint { error: Box::new(error), hint: hint.to_owned() }
    }

    /// Failed answers of a model, and what to do about the table.
    pub(crate) fn of_answers(error: TabularError, record: &Record) -> Self {
        let is_number = |name: &String| name.parse::<f64>().is_ok();
        let hint = match table_error(&error) {
            Some(TableError::NoColumn { near, .. }) if near.iter().all(is_number) => {
                "the first line seems to be a row: put a line with the names of the columns above it"
            }
            Some(TableError::Cell { column, given, .. })
                if *column == record.target
                    && record.task == Task::Classification
                    && !given.is_empty() =>
            {
                "a class that the model does not know cannot be judged: leave such rows out, or train with them"
            }
            _ => return error.into(),
        };
        Self::Hint { error: Box::new(error), hint: hint.to_owned() }
    }

    pub(crate) fn code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }

    /// Whether the output was closed before the end, as by `head`.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Io { error, .. } if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) | Self::Path(text) | Self::Input(text) => f.write_str(text),
            Self::Tabular(error) => write!(f, "{error}"),
            Self::Model { path, error } => {
                let path = path.display();
                write!(
                    f,
                    "{path}: cannot be read as a model, expected a file that `tfn train` wrote ({error})"
                )
            }
            Self::Hint { error, hint } => write!(f, "{error}; {hint}"),
            Self::Io { what, error } => write!(f, "{what}: {error}"),
        }
    }
}

impl<E: Into<TabularError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Tabular(error.into())
    }
}

fn table_error(error: &TabularError) -> Option<&TableError> {
    match error {
        TabularError::Train(TrainError::Table(error)) => Some(error),
        _ => None,
    }
}
