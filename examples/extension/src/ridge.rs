use std::f64::consts::TAU;

use tfn::distributions::{Distribution, Parameter, ParameterSpec, Result};
use tfn::{Module, Stream, Tensor, module::describe_fields};

/// The prior of ridge regression: normals about 0, whose `precision` may be learned.
#[derive(Clone, Debug, Module)]
pub struct Ridge {
    pub(crate) precision: Parameter,
}
describe_fields!(Ridge as "extension.Ridge" { precision } |made| made.checked());

impl Distribution for Ridge {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![self.precision.positive("precision")]
    }
    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        let precision = self.precision.value();
        Ok(((&precision / TAU).ln() - x.square() * precision) * 0.5)
    }
    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        Ok((stream.normal(shape, self.dtype()?) / self.precision.value().sqrt()).detach())
    }
}
