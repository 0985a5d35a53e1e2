use std::f64::consts::{FRAC_PI_2, TAU};

use tfn::distributions::{Distribution, KlDivergence, KlRule, Parameter, ParameterSpec};
use tfn::distributions::{Reparameterization, Result};
use tfn::{Module, Stream, Tensor, module::describe_fields};

use crate::Ridge;

/// Hyperbolic secant distributions: posteriors of mean `loc` and deviation `scale` with heavier tails than a normal's.
#[derive(Clone, Debug, Module)]
pub struct Sech {
    pub(crate) loc: Parameter,
    pub(crate) scale: Parameter,
}
describe_fields!(Sech as "extension.Sech" { loc, scale } |made| made.checked());

impl Distribution for Sech {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![self.loc.real("loc"), self.scale.positive("scale")]
    }
    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        let z = ((x - self.loc.value()) / self.scale.value()).abs() * FRAC_PI_2;
        Ok(-&z - (z * -2.0).exp().log1p() - self.scale.value().ln())
    }
    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let [a, b] = [self.dtype()?; 2].map(|dtype| stream.normal(shape, dtype));
        Ok(self.loc.value() + self.scale.value() * (a / b).abs().ln() / FRAC_PI_2)
    }
    fn reparameterization(&self) -> Reparameterization {
        Reparameterization::Fully
    }
    fn kl_rules(&self) -> &'static [KlRule] {
        const { &[KlRule::of::<Sech, Ridge>()] }
    }
}
/// `E[−ln p] − H`, where the entropy `H` is `ln(4 scale)`.
impl KlDivergence<Ridge> for Sech {
    fn kl_divergence_to(&self, p: &Ridge) -> Result<Tensor> {
        let (scale, precision) = (self.scale.value(), p.precision.value());
        let square = self.loc.value().square() + scale.square();
        Ok((square * &precision - (precision / TAU).ln()) * 0.5 - (scale * 4.0).ln())
    }
}
