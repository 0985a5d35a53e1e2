//! What can go wrong around a training run.

mod checkpoint;
mod state;
mod table;

use std::io;
use std::path::{Path, PathBuf};

use tfn_distributions::DistributionError;
use tfn_layers::LayerError;
use tfn_module::ModuleError;
use tfn_tensor::TensorError;

pub use checkpoint::CheckpointError;
pub use state::StateError;
pub use table::TableError;
pub(crate) use table::{count, quoted};

/// Result of this crate's functions.
pub type Result<T, E = TrainError> = std::result::Result<T, E>;

/// Why reading data, training or evaluating failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// An operation on tensors failed.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// Saving or loading a module's variables failed.
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// A distribution refused its input.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
    /// A layer refused its input.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// An optimizer was given a state that is not that of its variables.
    #[error(transparent)]
    State(#[from] StateError),
    /// A run cannot go on from a checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A table was not read, or not made into numbers.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A number is outside what the function takes.
    #[error("{op}: argument `{argument}` is {given}, expected {expected}")]
    Value {
        /// Name of the function or type.
        op: &'static str,
        /// Name of the argument.
        argument: &'static str,
        /// The number given.
        given: f64,
        /// What the function asks of it.
        expected: &'static str,
    },
    /// A tensor has a shape that the function does not take.
    #[error("{op}: argument `{argument}` has shape {given:?}, expected {expected}")]
    Shape {
        /// Name of the function or type.
        op: &'static str,
        /// Name of the argument.
        argument: &'static str,
        /// Its shape.
        given: Vec<usize>,
        /// What the function asks of it.
        expected: String,
    },
    /// Two arguments that go together row by row have different numbers of rows.
    #[error("{op}: `{lhs_argument}` has {lhs} rows, `{rhs_argument}` has {rhs}")]
    Rows {
        /// Name of the function or type.
        op: &'static str,
        /// Name of the first argument.
        lhs_argument: &'static str,
        /// Rows of the first argument.
        lhs: usize,
        /// Name of the second argument.
        rhs_argument: &'static str,
        /// Rows of the second argument.
        rhs: usize,
    },
    /// An entry of a tensor is not what the function takes.
    #[error("{op}: argument `{argument}` is {given} in row {row}, expected {expected}")]
    Entry {
        /// Name of the function or type.
        op: &'static str,
        /// Name of the argument.
        argument: &'static str,
        /// Row of the first such entry.
        row: usize,
        /// The entry.
        given: f64,
        /// What the function asks of it.
        expected: String,
    },
    /// Classes were asked of a model that gives something else.
    #[error(
        "{method}: the model's head gives a {family}, expected a distribution over classes (`class_log_probs`)"
    )]
    NotClasses {
        /// The method.
        method: &'static str,
        /// Family of the distribution.
        family: &'static str,
    },
    /// Rows are held out for validation, or early stopping is asked for, in a run without a model.
    #[error(
        "Fit::run: validation and early stopping need a model that predicts, and a step of one's own has none; use `run_model`"
    )]
    NoModel,
    /// Early stopping is asked for without rows that say what is better.
    #[error(
        "Fit::early_stopping: there are no validation rows; give them by `validation` or `validation_split`"
    )]
    NoValidation,
    /// The source of a run's rows gave fewer than it said.
    #[error("Fit: the rows of the data ended before the run did")]
    NoMoreRows,
    /// The loss depends on variables that the model does not know of.
    #[error(
        "Fit: the loss depends on {foreign} variable(s) that are not among the model's trainable ones and would never be \
         trained: a layer or likelihood hands over all that it holds in `properties`"
    )]
    ForeignVariables {
        /// Number of such variables.
        foreign: usize,
    },
    /// The likelihood of calibration rows grows without end as a parameter goes to a limit, so that none is best.
    #[error(
        "{op}: the calibration rows are ever more likely as the {parameter} goes to {limit}, expected {expected}"
    )]
    NoMaximum {
        /// Name of the type.
        op: &'static str,
        /// What is to be found.
        parameter: &'static str,
        /// Where it goes.
        limit: f64,
        /// What the rows must be for a maximum.
        expected: &'static str,
    },
    /// None of the variables given to an optimizer has a gradient.
    #[error("apply_gradients: none of the {variables} variables given has a gradient")]
    NoGradients {
        /// Number of variables given.
        variables: usize,
    },
    /// An optimizer that was made for some variables is given another one.
    #[error("{op}: variable `{variable}` is none of the {known} that it was made for")]
    UnknownVariable {
        /// Name of the optimizer.
        op: &'static str,
        /// Name of the variable.
        variable: String,
        /// Number of variables that it was made for.
        known: usize,
    },
    /// Gradients are to be applied that were not taken at a draw of the weights.
    #[error(
        "{op}: the variables hold their means, expected the draw at which the gradients were taken (`draw` before the loss)"
    )]
    NotDrawn {
        /// Name of the optimizer.
        op: &'static str,
    },
    /// No variable of a module is at or below a path.
    #[error("ParamGroup: no variable at or below `{prefix}`, the paths are {}", paths.join(", "))]
    NoVariables {
        /// The path given.
        prefix: String,
        /// Paths of all variables of the module.
        paths: Vec<String>,
    },
    /// A loss or a gradient became NaN or infinite.
    #[error("step {step}: {what} is {given}, expected a finite number")]
    NotFinite {
        /// Number of the step, counted from 0.
        step: u64,
        /// What is not finite: the loss or a part of it, the gradient of a variable, or the norm of all gradients.
        what: String,
        /// Its value, or the first such entry.
        given: f64,
    },
    /// None of the files that could hold the data is in the folder.
    #[error("{}: no such file, tried {}", dir.display(), tried.join(", "))]
    NoFile {
        /// The folder.
        dir: PathBuf,
        /// Names that were looked for.
        tried: Vec<String>,
    },
    /// A file could not be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file is no `.npy` array that can be trained on.
    #[error("{}: {what}", path.display())]
    Npy {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A file is not an IDX file of unsigned bytes.
    #[error("{}: begins with {given:#010x}, expected {expected:#010x} (IDX, unsigned bytes)", path.display())]
    IdxMagic {
        /// The file.
        path: PathBuf,
        /// Its first four bytes.
        given: u32,
        /// The four bytes of such a file.
        expected: u32,
    },
    /// An IDX file has another number of dimensions.
    #[error("{}: has {given} dimensions, expected {expected}", path.display())]
    IdxDimensions {
        /// The file.
        path: PathBuf,
        /// Its number of dimensions.
        given: usize,
        /// The number expected: 3 for images, 1 for labels.
        expected: usize,
    },
    /// A file ends within the IDX header.
    #[error("{}: ends within the first {expected} bytes of its header", path.display())]
    IdxHeader {
        /// The file.
        path: PathBuf,
        /// Bytes that the header needs at least.
        expected: usize,
    },
    /// The sizes in an IDX header cannot be true.
    #[error("{}: its header claims the size {given:?}, more than a file can hold", path.display())]
    IdxSize {
        /// The file.
        path: PathBuf,
        /// The sizes claimed.
        given: Vec<usize>,
    },
    /// An IDX file ends early.
    #[error("{}: ends after {given} bytes of data, expected {expected}", path.display())]
    IdxTruncated {
        /// The file.
        path: PathBuf,
        /// Bytes of data in it.
        given: u64,
        /// Bytes that its header announces.
        expected: u64,
    },
    /// An IDX file holds more than its header announces.
    #[error("{}: has more than the {expected} bytes of data that its header announces", path.display())]
    IdxTrailing {
        /// The file.
        path: PathBuf,
        /// Bytes that its header announces.
        expected: u64,
    },
    /// There are more or fewer labels than images.
    #[error("{}: holds {given} labels, expected {expected}, one for each image", path.display())]
    LabelCount {
        /// The file of the labels.
        path: PathBuf,
        /// Number of labels.
        given: usize,
        /// Number of images.
        expected: usize,
    },
    /// A label is not the number of a class.
    #[error("{}: label {index} is {given}, expected less than {classes}", path.display())]
    LabelRange {
        /// The file of the labels.
        path: PathBuf,
        /// Index of the first such label.
        index: usize,
        /// The label.
        given: usize,
        /// Number of classes.
        classes: usize,
    },
}

impl TrainError {
    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }

    /// The same failure, with rows counted from before so many more.
    pub(crate) fn after_rows(self, start: usize) -> Self {
        match self {
            Self::Entry { op, argument, row, given, expected } => {
                Self::Entry { op, argument, row: row + start, given, expected }
            }
            other => other,
        }
    }
}
