use tfn::distributions::{Distribution, Parameter, ParameterSpec, Result};
use tfn::{Module, Stream, Tensor};

/// The prior of ridge regression: `len` normals about 0 with one `precision`, which may be learned.
#[derive(Clone, Debug, Module)]
pub struct Ridge {
    pub(crate) precision: Parameter,
    pub(crate) len: usize,
}
impl Distribution for Ridge {
    fn family(&self) -> &'static str {
        "Ridge"
    }
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![ParameterSpec::positive("precision", &self.precision)]
    }
    fn event_shape(&self) -> Result<Vec<usize>> {
        Ok(vec![self.len])
    }
    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        let scale = self.precision.value().sqrt().reciprocal().expand_dims(-1);
        Ok(Tensor::normal_log_prob(x, &(&scale * 0.0), &scale))
    }
    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let scale = self.precision.value().sqrt().reciprocal().expand_dims(-1);
        Ok((scale * stream.normal(shape, self.dtype()?)).detach())
    }
}
