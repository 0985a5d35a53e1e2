//! Distributions by the name of their family, over variables that hold the recorded parameters.

use std::collections::BTreeMap;
use std::sync::Arc;

use tfn::distributions::Distribution;
use tfn::tensor::Variable;

use crate::json::{Gold, Node, Outcome};

mod basic;
mod discrete;
mod multivariate;
mod positive;
mod real;

/// Recorded parameters as variables, so that gradients reach them.
pub(crate) struct Parameters(BTreeMap<String, Variable>);

impl Parameters {
    pub(crate) fn new(recorded: &BTreeMap<String, Gold>) -> Outcome<Self> {
        let variable = |(name, gold): (&String, &Gold)| Ok((name.clone(), gold.to_variable(name)?));
        Ok(Self(recorded.iter().map(variable).collect::<Outcome<_>>()?))
    }

    pub(crate) fn get(&self, name: &str) -> Outcome<&Variable> {
        self.0.get(name).ok_or_else(|| format!("no parameter `{name}`").into())
    }

    /// Fails on parameters other than these.
    pub(crate) fn only(&self, names: &[&str]) -> Outcome {
        let unknown: Vec<_> =
            self.0.keys().filter(|name| !names.contains(&name.as_str())).collect();
        if unknown.is_empty() {
            Ok(())
        } else {
            Err(format!("unknown parameters {unknown:?}").into())
        }
    }
}

/// The distribution of `family`, if the group has it.
type Build = fn(&str, &Parameters, &Node<'_>) -> Outcome<Option<Arc<dyn Distribution>>>;

/// A group of families each.
const GROUPS: &[Build] =
    &[basic::build, discrete::build, multivariate::build, positive::build, real::build];

/// A distribution of `family`; `None` for a family that does not exist here.
pub(crate) fn build(
    family: &str,
    parameters: &Parameters,
    fixed: &Node<'_>,
) -> Outcome<Option<Arc<dyn Distribution>>> {
    for build in GROUPS {
        if let Some(distribution) = build(family, parameters, fixed)? {
            fixed.entries()?;
            return Ok(Some(distribution));
        }
    }
    Ok(None)
}
