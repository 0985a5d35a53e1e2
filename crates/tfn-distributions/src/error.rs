//! What can go wrong with a distribution.

use std::error::Error;
use std::sync::Arc;

use tfn_tensor::{DType, TensorError};

/// Result of the methods of distributions.
pub type Result<T, E = DistributionError> = std::result::Result<T, E>;

/// Why a distribution could not be made, or could not answer.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DistributionError {
    /// An operation on tensors failed.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// The family has no such method.
    #[error("{family} has no {method}")]
    Unsupported {
        /// The family.
        family: &'static str,
        /// The method.
        method: &'static str,
    },
    /// An argument that the family does not take.
    #[error("{family}: argument `{argument}` is {given}, expected {expected}")]
    Argument {
        /// The family.
        family: &'static str,
        /// The argument, as the user typed it.
        argument: &'static str,
        /// The value given.
        given: String,
        /// What the family asks of it.
        expected: String,
    },
    /// An argument of a shape that the family does not take.
    #[error("{family}: argument `{argument}` has shape {given:?}, expected {expected}")]
    Shape {
        /// The family.
        family: &'static str,
        /// The argument, as the user typed it.
        argument: &'static str,
        /// Its shape.
        given: Vec<usize>,
        /// What the family asks of it.
        expected: String,
    },
    /// Two arguments whose shapes do not broadcast.
    #[error(
        "{family}: `{argument}` of shape {rhs:?} does not broadcast with {lhs:?} of the arguments before it"
    )]
    Shapes {
        /// The family.
        family: &'static str,
        /// The argument, as the user typed it.
        argument: &'static str,
        /// Shape of the arguments before it.
        lhs: Vec<usize>,
        /// Shape of this argument.
        rhs: Vec<usize>,
    },
    /// An argument of another type than the distribution.
    #[error("{family}: argument `{argument}` is {given}, expected {expected}; `cast` one of them")]
    DType {
        /// The family.
        family: &'static str,
        /// The argument, as the user typed it.
        argument: &'static str,
        /// Its type.
        given: DType,
        /// The type of the distribution.
        expected: DType,
    },
    /// A joint distribution was given values for another number of parts.
    #[error("{family}: argument `{argument}` has {given} parts, expected {expected}")]
    Parts {
        /// The family.
        family: &'static str,
        /// The argument, as the user typed it.
        argument: &'static str,
        /// Number of parts given.
        given: usize,
        /// Number of parts of the distribution.
        expected: usize,
    },
    /// No rule gives the divergence of a pair in closed form.
    #[error(
        "no closed-form KL({q} || {p}); tried {}. For an estimate call `estimate_kl`; for a closed form implement \
         `KlDivergence` and list it in `kl_rules` of either family, or call `register_kl` if you own neither",
        tried.join(", ")
    )]
    NoKlRule {
        /// Family of the first distribution.
        q: String,
        /// Family of the second one.
        p: String,
        /// What was looked for.
        tried: Vec<String>,
    },
    /// Two rules for one pair.
    #[error("two rules for KL({q} || {p}), expected one")]
    DuplicateKlRule {
        /// Type of the first distribution.
        q: &'static str,
        /// Type of the second one.
        p: &'static str,
    },
    /// The events of two distributions differ in shape.
    #[error("KL({q} || {p}): event shapes {lhs:?} and {rhs:?} differ")]
    KlEventShapes {
        /// Family of the first distribution.
        q: String,
        /// Family of the second one.
        p: String,
        /// Event shape of the first distribution.
        lhs: Vec<usize>,
        /// Event shape of the second one.
        rhs: Vec<usize>,
    },
    /// Two joint distributions have different numbers of parts, or only one of two is joint.
    #[error("KL({q} || {p}): {lhs} and {rhs} parts")]
    KlParts {
        /// Family of the first distribution.
        q: String,
        /// Family of the second one.
        p: String,
        /// Number of parts of the first distribution.
        lhs: usize,
        /// Number of parts of the second one.
        rhs: usize,
    },
    /// Two joint distributions have parts of different names.
    #[error("KL({q} || {p}): parts {lhs:?} and {rhs:?}")]
    KlPartNames {
        /// Family of the first distribution.
        q: String,
        /// Family of the second one.
        p: String,
        /// Names of the parts of the first distribution.
        lhs: Vec<String>,
        /// Names of the parts of the second one.
        rhs: Vec<String>,
    },
    /// What a family of another crate reports.
    #[error("{family}: {source}")]
    External {
        /// The family.
        family: &'static str,
        /// Its own error.
        source: Arc<dyn Error + Send + Sync>,
    },
}

impl DistributionError {
    /// An error of a family's own, to be handed through the methods of [`Distribution`](crate::Distribution).
    pub fn external(family: &'static str, source: impl Error + Send + Sync + 'static) -> Self {
        Self::External { family, source: Arc::new(source) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_argument_given_and_expected() {
        let error = DistributionError::Argument {
            family: "Normal",
            argument: "scale",
            given: "-1 at entry 2".into(),
            expected: "positive numbers".into(),
        };
        assert_eq!(
            error.to_string(),
            "Normal: argument `scale` is -1 at entry 2, expected positive numbers"
        );
    }

    #[test]
    fn a_foreign_error_keeps_its_source() {
        let source = "x".parse::<f64>().unwrap_err();
        let error = DistributionError::external("Mine", source.clone());
        assert_eq!(error.to_string(), format!("Mine: {source}"));
        assert!(error.source().is_some());
    }
}
