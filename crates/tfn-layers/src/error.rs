//! What can go wrong in a layer.

use tfn_distributions::DistributionError;
use tfn_module::ModuleError;
use tfn_tensor::{DType, TensorError};
use tfn_util::{AnyError, UtilError};

/// Result of making and calling layers.
pub type Result<T, E = LayerError> = std::result::Result<T, E>;

/// Why a layer could not be made or called.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayerError {
    /// Something failed in a layer; the path leads to it from the outermost net.
    #[error("{path}: {source}")]
    In {
        /// Names from the outermost net to the layer, parted by `/`.
        path: String,
        /// What failed.
        source: Box<LayerError>,
    },
    /// A size that is zero.
    #[error("{layer}: argument `{argument}` is {given}, expected at least 1")]
    Size {
        /// Class of the layer.
        layer: String,
        /// Name of the argument.
        argument: &'static str,
        /// The size given.
        given: usize,
    },
    /// An argument of a layer outside the range that it has to be in.
    #[error("{layer}: argument `{argument}` is {given}, expected {expected}")]
    Argument {
        /// Class of the layer.
        layer: String,
        /// Name of the argument.
        argument: &'static str,
        /// What was given.
        given: String,
        /// What was expected.
        expected: String,
    },
    /// A part of the posterior or prior whose shape (batch and event) is not that of the layer's weight.
    #[error(
        "{layer}: {part} of `{argument}` has shape {given:?} (batch and event), expected {expected:?}"
    )]
    WeightShape {
        /// Class of the layer.
        layer: String,
        /// The factory it came from.
        argument: &'static str,
        /// `kernel`, `bias`, or the name of another weight.
        part: String,
        /// Its shape.
        given: Vec<usize>,
        /// Shape of the layer's weight.
        expected: Vec<usize>,
    },
    /// A posterior or prior of another type than the layer's.
    #[error(
        "{layer}: part {part} of `{argument}` has type {given}, expected {expected}, the layer's `dtype`; write plain \
         numbers of that type (`1.0_{expected}`), or set `dtype`"
    )]
    WeightDType {
        /// Class of the layer.
        layer: String,
        /// The factory it came from.
        argument: &'static str,
        /// Number of the part.
        part: usize,
        /// Its type.
        given: DType,
        /// Type of the layer.
        expected: DType,
    },
    /// A posterior and a prior with different numbers of parts.
    #[error(
        "{layer}: `make_posterior_fn` gave {posterior} parts and `make_prior_fn` {prior}, expected as many"
    )]
    Structure {
        /// Class of the layer.
        layer: String,
        /// Number of parts of the posterior.
        posterior: usize,
        /// Number of parts of the prior.
        prior: usize,
    },
    /// An index of `unpack_weights_fn` that is no part.
    #[error("{layer}: `unpack_weights_fn` gave part {given} of {parts}")]
    Part {
        /// Class of the layer.
        layer: String,
        /// The index given.
        given: usize,
        /// Number of parts.
        parts: usize,
    },
    /// A kernel posterior whose entries are not independent normals.
    #[error(
        "{estimator}: kernel posterior is {given}, expected one whose entries are independent normals \
         (`elementwise_normal`); the estimator `Reparameterization` takes any"
    )]
    Kernel {
        /// Name of the estimator.
        estimator: &'static str,
        /// Family of the kernel posterior.
        given: &'static str,
    },
    /// Entries that are not what `validate_args` asks for.
    #[error(
        "argument `{argument}` has {count} entries that are not {expected}, the first {given} at flat index {index}"
    )]
    Entries {
        /// Name of the argument.
        argument: &'static str,
        /// First offending entry.
        given: f64,
        /// Its place in row-major order.
        index: usize,
        /// Number of offending entries.
        count: usize,
        /// What was expected.
        expected: &'static str,
    },
    /// An input of a shape that the layer does not take.
    #[error("argument `x` has shape {given:?}, expected {expected}")]
    Input {
        /// Its shape.
        given: Vec<usize>,
        /// What was expected.
        expected: String,
    },
    /// Mean and variance were asked for where they are not known.
    #[error(
        "no moments: mean and variance of {of} are not known; draw instead, or write its `forward_moments`"
    )]
    NoMoments {
        /// What they are not known of.
        of: &'static str,
    },
    /// A likelihood that has no closed form for a normal output of the net.
    #[error(
        "no closed form: the distribution of targets is not known for the likelihood `{likelihood}`, with this noise, and a \
         normal output of the net; draw instead, or write its `marginal`"
    )]
    NoMarginal {
        /// Name of the likelihood.
        likelihood: String,
    },
    /// Targets of another shape than the distribution over them.
    #[error(
        "argument `targets` has shape {given:?}, expected {expected:?} as batch and event of the head's distribution; \
         targets are not broadcast"
    )]
    Targets {
        /// Their shape.
        given: Vec<usize>,
        /// Shape of the distribution's outcomes.
        expected: Vec<usize>,
    },
    /// A target that the likelihood gives no density to.
    #[error("argument `targets` is {given} in row {row}, expected {expected}")]
    Target {
        /// Row of the first such target.
        row: usize,
        /// The target.
        given: f64,
        /// What the likelihood takes.
        expected: &'static str,
    },
    /// Weights that the net does not hand over as its own, so that their divergence would be lost.
    #[error(
        "weights `{weights}` are not among the modules of the net that was called: hand over the layer that holds \
         them in the net's `properties`"
    )]
    Untracked {
        /// Name of the weights.
        weights: String,
    },
    /// The last call was asked about, but there has been none.
    #[error(
        "{layer}: `{method}` speaks of the last `call`, but there has been none; use `{method}_at` with a key"
    )]
    NotCalled {
        /// Name of the layer.
        layer: String,
        /// The method.
        method: &'static str,
    },
    /// A pass for no keys.
    #[error("argument `keys` has 0 keys, expected at least 1")]
    NoDraws,
    /// A sequence without layers.
    #[error("Sequential: argument `layers` has 0 layers, expected at least 1")]
    NoLayers,
    /// A range of layers outside the sequence.
    #[error(
        "Sequential: argument `range` is {start}..{end}, expected a range within 0..{layers} of at least one layer"
    )]
    Range {
        /// Start of the range.
        start: usize,
        /// End of the range.
        end: usize,
        /// Number of layers.
        layers: usize,
    },
    /// An error of a tensor.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// An error of a module: a name that is not allowed, say.
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// An error of a distribution.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
    /// An error of a factory or initializer.
    #[error(transparent)]
    Util(#[from] UtilError),
}

impl LayerError {
    /// The error of a user's function, of whatever type. A `LayerError` stays what it is, and an error that a
    /// `LayerError` has a variant for becomes that variant.
    pub fn of_any(error: AnyError) -> Self {
        match error.downcast::<Self>() {
            Ok(ours) => *ours,
            Err(other) => match UtilError::of_any(other) {
                UtilError::Tensor(error) => Self::Tensor(error),
                UtilError::Module(error) => Self::Module(error),
                UtilError::Distribution(error) => Self::Distribution(error),
                other => Self::Util(other),
            },
        }
    }

    /// The same failure, seen from the layer or net `name` around it.
    #[must_use]
    pub fn within(self, name: &str) -> Self {
        match self {
            Self::In { path, source } => Self::In { path: format!("{name}/{path}"), source },
            other => Self::In { path: name.to_string(), source: Box::new(other) },
        }
    }

    /// The same failure, seen from the net that has a module at `path`, which is empty for the net itself.
    pub(crate) fn below(self, path: &str) -> Self {
        if path.is_empty() { self } else { self.within(path) }
    }

    /// The same failure as that of a tensor, for an operation that gives tensors.
    pub(crate) fn into_tensor(self, op: &'static str) -> TensorError {
        match self {
            Self::Tensor(error) | Self::Util(UtilError::Tensor(error)) => error,
            other => TensorError::External { op, message: other.to_string() },
        }
    }

    /// What failed, without the path to it.
    pub fn root(&self) -> &Self {
        match self {
            Self::In { source, .. } => source.root(),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_grows_outwards() {
        let error = LayerError::NoLayers.within("hidden").within("net");
        assert!(error.to_string().starts_with("net/hidden: Sequential"), "{error}");
        assert!(matches!(error.root(), LayerError::NoLayers));
    }
}
