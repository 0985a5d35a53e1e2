//! Normals, their nearest kin, and what is made of other distributions.

use std::sync::Arc;

use tfn::distributions::{
    Bernoulli, Categorical, Deterministic, Distribution, Independent, Laplace, MixtureSameFamily,
    MultivariateNormalDiag, Normal, OneHotCategorical, Sample, Uniform,
};

use super::Parameters;
use crate::json::{Node, Outcome};

/// A distribution of `family`; `None` if it is none of these.
pub(crate) fn build(
    family: &str,
    parameters: &Parameters,
    fixed: &Node<'_>,
) -> Outcome<Option<Arc<dyn Distribution>>> {
    let names: &[&str] = match family {
        "Normal" | "Laplace" | "Independent" | "Sample" => &["loc", "scale"],
        "Uniform" => &["low", "high"],
        "Bernoulli" | "Categorical" | "OneHotCategorical" => &["logits"],
        "Deterministic" => &["loc"],
        "MultivariateNormalDiag" => &["loc", "scale_diag"],
        "MixtureSameFamily" => &["logits", "loc", "scale"],
        _ => return Ok(None),
    };
    parameters.only(names)?;
    let get = |name: &str| parameters.get(name);
    let distribution: Arc<dyn Distribution> = match family {
        "Independent" => {
            let ndims = fixed.key("reinterpreted_batch_ndims")?.size()?;
            Arc::new(Independent::new(Normal::new(get("loc")?, get("scale")?)?, ndims)?)
        }
        "Sample" => {
            let shape = fixed.key("sample_shape")?.sizes()?;
            Arc::new(Sample::new(Normal::new(get("loc")?, get("scale")?)?, &shape)?)
        }
        "Normal" => Arc::new(Normal::new(get("loc")?, get("scale")?)?),
        "Laplace" => Arc::new(Laplace::new(get("loc")?, get("scale")?)?),
        "Uniform" => Arc::new(Uniform::new(get("low")?, get("high")?)?),
        "Bernoulli" => Arc::new(Bernoulli::from_logits(get("logits")?)?),
        "Categorical" => Arc::new(Categorical::from_logits(get("logits")?)?),
        "OneHotCategorical" => Arc::new(OneHotCategorical::from_logits(get("logits")?)?),
        "Deterministic" => Arc::new(Deterministic::new(get("loc")?)?),
        "MultivariateNormalDiag" => {
            Arc::new(MultivariateNormalDiag::new(get("loc")?, get("scale_diag")?)?)
        }
        _ => {
            let components = Normal::new(get("loc")?, get("scale")?)?;
            Arc::new(MixtureSameFamily::new(Categorical::from_logits(get("logits")?)?, components)?)
        }
    };
    Ok(Some(distribution))
}
