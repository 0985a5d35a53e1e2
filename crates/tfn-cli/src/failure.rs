//! Why a command ended early.

use std::fmt;
use std::io;
use std::process::ExitCode;

use tfn_tabular::TabularError;

/// What is said last, and the exit code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command was asked for something that cannot be: exit code 2, as for an unknown option.
    Usage(String),
    /// It failed: exit code 1.
    Tabular(TabularError),
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

    pub(crate) fn code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Tabular(_) | Self::Input(_) | Self::Io { .. } => ExitCode::FAILURE,
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
            Self::Usage(text) | Self::Input(text) => f.write_str(text),
            Self::Tabular(error) => write!(f, "{error}"),
            Self::Io { what, error } => write!(f, "{what}: {error}"),
        }
    }
}

impl<E: Into<TabularError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Tabular(error.into())
    }
}
