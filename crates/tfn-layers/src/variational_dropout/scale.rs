//! The scale of multiplicative normal noise.

use tfn_distributions::ParameterSource;
use tfn_module::{Module, Variable, describe_fields};
use tfn_tensor::{DType, Tensor};

/// The standard deviation `√α |loc|` of `loc` under multiplicative noise from `N(1, α)`, with a learned `α` below 1.
///
/// What is trained is `logit(α)`, so that `α` stays between 0 and 1.
#[derive(Debug, Module)]
#[module(crate = tfn_module)]
pub struct DropoutScale {
    /// Location of the noisy weights; that of noise alone is 1.
    pub(super) loc: Option<Variable>,
    /// Logit of `α`: one number, or one for each weight.
    pub(super) logit_alpha: Variable,
    /// Shape of the weights.
    pub(super) shape: Vec<usize>,
}

describe_fields!(DropoutScale as "tfn.layers.DropoutScale" { loc, logit_alpha, shape } |made| {
    let fits = |variable: &Variable| variable.shape() == made.shape;
    let alpha = made.logit_alpha.shape().is_empty() || fits(&made.logit_alpha);
    if alpha && made.loc.as_ref().is_none_or(fits) {
        Ok(made)
    } else {
        Err("`loc` and `logit_alpha` do not have the shape of the weights")
    }
});

impl DropoutScale {
    /// The variance `α` of the noise: one number, or one for each weight.
    pub fn alpha(&self) -> Tensor {
        self.logit_alpha.tensor().sigmoid()
    }

    /// `ln α`, also where `α` underflows.
    pub fn log_alpha(&self) -> Tensor {
        -(-self.logit_alpha.tensor()).softplus()
    }
}

impl ParameterSource for DropoutScale {
    fn value(&self) -> Tensor {
        let root = (self.log_alpha() * 0.5).exp();
        match &self.loc {
            Some(loc) => loc.tensor().abs() * root,
            None => root.broadcast_to(&self.shape),
        }
    }

    fn shape(&self) -> Result<Vec<usize>, tfn_distributions::DistributionError> {
        Ok(self.shape.clone())
    }

    fn dtype(&self) -> Result<DType, tfn_distributions::DistributionError> {
        Ok(self.logit_alpha.dtype())
    }
}
