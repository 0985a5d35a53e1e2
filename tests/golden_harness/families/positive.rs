//! Families that stand on the gamma and beta functions.

use std::sync::Arc;

use tfn::distributions::{Beta, Dirichlet, Distribution, Exponential, Gamma, InverseGamma};

use super::Parameters;
use crate::json::{Node, Outcome};

/// A distribution of `family`; `None` if it is none of these.
pub(crate) fn build(
    family: &str,
    parameters: &Parameters,
    _: &Node<'_>,
) -> Outcome<Option<Arc<dyn Distribution>>> {
    let names: &[&str] = match family {
        "Beta" => &["concentration1", "concentration0"],
        "Dirichlet" => &["concentration"],
        "Exponential" => &["rate"],
        "Gamma" => &["concentration", "rate"],
        "InverseGamma" => &["concentration", "scale"],
        _ => return Ok(None),
    };
    parameters.only(names)?;
    let get = |name: &str| parameters.get(name);
    let distribution: Arc<dyn Distribution> = match family {
        "Beta" => Arc::new(Beta::new(get("concentration1")?, get("concentration0")?)?),
        "Dirichlet" => Arc::new(Dirichlet::new(get("concentration")?)?),
        "Exponential" => Arc::new(Exponential::new(get("rate")?)?),
        "Gamma" => Arc::new(Gamma::new(get("concentration")?, get("rate")?)?),
        _ => Arc::new(InverseGamma::new(get("concentration")?, get("scale")?)?),
    };
    Ok(Some(distribution))
}
