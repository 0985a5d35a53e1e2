use tfn::bijectors::Bijector;
use tfn::{Module, Tensor, module::describe_fields};

/// `(x + sqrt(x² + 4))/2`, from all numbers to the positive ones without an exponential (Barron 2021, arXiv:2112.11687).
#[derive(Clone, Debug, Module)]
pub struct Squareplus;

describe_fields!(Squareplus as "extension.Squareplus" {});

impl Bijector for Squareplus {
    fn forward(&self, x: &Tensor) -> Tensor {
        let is_left = x.lt(&(x * 0.0));
        let large = ((x.square() + 4.0).sqrt() + Tensor::select(&is_left, &-x, x)) * 0.5;
        Tensor::select(&is_left, &large.reciprocal(), &large)
    }
    fn inverse(&self, y: &Tensor) -> Tensor {
        y - y.reciprocal()
    }
    fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
        -self.forward(x).square().reciprocal().log1p()
    }
}
