//! Counts.

use std::sync::Arc;

use tfn::distributions::{Distribution, Poisson};

use super::Parameters;
use crate::json::{Node, Outcome};

/// A distribution of `family`; `None` if it is none of these.
pub(crate) fn build(
    family: &str,
    parameters: &Parameters,
    _: &Node<'_>,
) -> Outcome<Option<Arc<dyn Distribution>>> {
    if family != "Poisson" {
        return Ok(None);
    }
    parameters.only(&["rate"])?;
    Ok(Some(Arc::new(Poisson::new(parameters.get("rate")?)?)))
}
