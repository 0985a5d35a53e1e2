//! Distributions by the name of their family, over variables that hold the recorded parameters.

use std::collections::BTreeMap;
use std::sync::Arc;

use tfn::distributions::{
    Bernoulli, Categorical, Deterministic, Distribution, Independent, Laplace, MixtureSameFamily,
    MultivariateNormalDiag, Normal, OneHotCategorical, Sample, Uniform,
};
use tfn::tensor::Variable;

use crate::json::{Gold, Node, Outcome};

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
    fn only(&self, names: &[&str]) -> Outcome {
        let unknown: Vec<_> =
            self.0.keys().filter(|name| !names.contains(&name.as_str())).collect();
        if unknown.is_empty() {
            Ok(())
        } else {
            Err(format!("unknown parameters {unknown:?}").into())
        }
    }
}

/// A distribution of `family`; `None` for a family that does not exist here.
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
    fixed.entries()?;
    Ok(Some(distribution))
}
