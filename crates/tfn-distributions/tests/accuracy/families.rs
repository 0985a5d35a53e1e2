//! The families, and what is to be said of their rows.

use std::sync::Arc;

use tfn_distributions::{
    Bernoulli, Categorical, Distribution, Laplace, Normal, Parameter, Result, Uniform, VonMises,
};

use crate::statrs_peer::{self as statrs, Peer};

/// A family of the table.
pub(crate) struct Subject {
    /// The name of the family and of its file.
    pub(crate) name: &'static str,
    /// A distribution from the parameters in the file's order.
    pub(crate) make: fn(&[Parameter]) -> Result<Arc<dyn Distribution>>,
    /// The same in statrs.
    pub(crate) statrs: Option<Peer>,
    /// Remarks on quantities.
    pub(crate) notes: &'static [(&'static str, &'static str)],
}

macro_rules! subjects {
    ($($name:literal, |$at:ident| $make:expr, $statrs:expr, $notes:expr;)*) => {
        &[$(Subject { name: $name, make: |$at| Ok($make?.into()), statrs: $statrs, notes: &$notes }),*]
    };
}

pub(crate) const SUBJECTS: &[Subject] = subjects! {
    "Normal", |at| Normal::new(&at[0], &at[1]), Some(statrs::NORMAL), [];
    "Laplace", |at| Laplace::new(&at[0], &at[1]), Some(statrs::LAPLACE), [];
    "Uniform", |at| Uniform::new(&at[0], &at[1]), Some(statrs::UNIFORM), [];
    "VonMises", |at| VonMises::new(&at[0], &at[1]), None, [];
    "Bernoulli", |at| Bernoulli::from_logits(&at[0]), Some(statrs::BERNOULLI), [];
    "Categorical", |at| Categorical::from_logits(&at[0]), None, [];
};
