//! Normals of vectors.

use std::sync::Arc;

use tfn::distributions::{Distribution, MultivariateNormalTriL};

use super::Parameters;
use crate::json::{Node, Outcome};

/// A distribution of `family`; `None` if it is none of these.
pub(crate) fn build(
    family: &str,
    parameters: &Parameters,
    _: &Node<'_>,
) -> Outcome<Option<Arc<dyn Distribution>>> {
    if family != "MultivariateNormalTriL" {
        return Ok(None);
    }
    parameters.only(&["loc", "scale_tril"])?;
    let (loc, scale_tril) = (parameters.get("loc")?, parameters.get("scale_tril")?);
    Ok(Some(Arc::new(MultivariateNormalTriL::new(loc, scale_tril)?)))
}
