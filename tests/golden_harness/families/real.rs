//! Families on the real and the half line and the circle.

use std::sync::Arc;

use tfn::distributions::{
    Cauchy, Distribution, HalfCauchy, HalfNormal, HalfStudentT, Horseshoe, LogNormal, StudentT,
    TruncatedNormal, VonMises,
};

use super::Parameters;
use crate::json::{Node, Outcome};

/// A distribution of `family`; `None` if it is none of these.
pub(crate) fn build(
    family: &str,
    parameters: &Parameters,
    _fixed: &Node<'_>,
) -> Outcome<Option<Arc<dyn Distribution>>> {
    let names: &[&str] = match family {
        "Cauchy" | "HalfCauchy" | "LogNormal" => &["loc", "scale"],
        "HalfNormal" | "Horseshoe" => &["scale"],
        "TruncatedNormal" => &["loc", "scale", "low", "high"],
        "VonMises" => &["loc", "concentration"],
        "HalfStudentT" | "StudentT" => &["df", "loc", "scale"],
        _ => return Ok(None),
    };
    parameters.only(names)?;
    let get = |name: &str| parameters.get(name);
    let distribution: Arc<dyn Distribution> = match family {
        "Cauchy" => Arc::new(Cauchy::new(get("loc")?, get("scale")?)?),
        "HalfCauchy" => Arc::new(HalfCauchy::new(get("loc")?, get("scale")?)?),
        "LogNormal" => Arc::new(LogNormal::new(get("loc")?, get("scale")?)?),
        "HalfStudentT" => Arc::new(HalfStudentT::new(get("df")?, get("loc")?, get("scale")?)?),
        "TruncatedNormal" => {
            let [loc, scale, low, high] = [get("loc")?, get("scale")?, get("low")?, get("high")?];
            Arc::new(TruncatedNormal::new(loc, scale, low, high)?)
        }
        "VonMises" => Arc::new(VonMises::new(get("loc")?, get("concentration")?)?),
        "StudentT" => Arc::new(StudentT::new(get("df")?, get("loc")?, get("scale")?)?),
        "Horseshoe" => Arc::new(Horseshoe::new(get("scale")?)?),
        _ => Arc::new(HalfNormal::new(get("scale")?)?),
    };
    Ok(Some(distribution))
}
