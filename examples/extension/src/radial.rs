use std::f64::consts::PI;

use tfn::distributions::special::lgamma;
use tfn::distributions::{Distribution, KlDivergence, KlRule, Parameter, ParameterSpec};
use tfn::distributions::{Reparameterization, Result};
use tfn::{Module, Stream, Tensor};

use crate::Ridge;

/// The radial posterior of a vector (Farquhar, Osborne and Gal 2020, arXiv:1907.00865): `loc` and a step of normal
/// length in a random direction, so that many weights lie no farther from `loc` than one.
#[derive(Clone, Debug, Module)]
pub struct Radial {
    pub(crate) loc: Parameter,
    pub(crate) scale: Parameter,
}
impl Distribution for Radial {
    fn family(&self) -> &'static str {
        "Radial"
    }
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        let scale = ParameterSpec::positive("scale", &self.scale);
        vec![ParameterSpec::real("loc", &self.loc).event_ndims(1), scale.event_ndims(1)]
    }
    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        let (n, scale) = (self.event_shape()?[0] as f64, self.scale.value());
        let square = ((x - self.loc.value()) / &scale).square().sum_axes(&[-1], false);
        let area = n / 2.0 * PI.ln() - lgamma(&(&square * 0.0 + n / 2.0));
        let radial = square.ln() * ((1.0 - n) / 2.0) - square * 0.5 - 0.5 * (2.0 * PI).ln();
        Ok(radial - area - scale.ln().sum_axes(&[-1], false))
    }
    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let noise = stream.normal(shape, self.dtype()?);
        let length = stream.normal(&shape[..shape.len() - 1], self.dtype()?).expand_dims(-1);
        let direction = &noise / noise.square().sum_axes(&[-1], true).sqrt();
        Ok(self.loc.value() + self.scale.value() * direction * length)
    }
    fn reparameterization(&self) -> Reparameterization {
        Reparameterization::Fully
    }
    fn kl_rules(&self) -> &'static [KlRule] {
        const { &[KlRule::of::<Radial, Ridge>()] }
    }
}
impl KlDivergence<Ridge> for Radial {
    fn kl_divergence_to(&self, p: &Ridge) -> Result<Tensor> {
        let (n, scale) = (self.event_shape()?[0] as f64, self.scale.value());
        let (loc, precision) = (self.loc.value(), p.precision.value());
        let square = (loc.square() + scale.square() / n).sum_axes(&[-1], false) * &precision;
        // Minus the entropy: the squared length is 1 in the mean, its logarithm −γ − ln 2.
        let step = &loc + &scale / n.sqrt();
        let log_q =
            self.log_prob_of(&step)? + (n - 1.0) / 2.0 * (0.577_215_664_901_532_9 + 2.0_f64.ln());
        Ok(log_q + square * 0.5 - (precision / (2.0 * PI)).ln() * (n / 2.0))
    }
}
