//! The dense map.

use tfn_module::describe_fields;
use tfn_tensor::Tensor;

use super::LinearMap;
use crate::error::{LayerError, Result};

/// The dense map `x·K`, with kernel `[input_size, output_size]` and bias `[output_size]`.
///
/// # Examples
/// ```
/// use tfn_layers::{Dense, LinearMap};
/// use tfn_layers::tensor::{DType, Tensor};
///
/// let dense = Dense::new(3, 2)?;
/// let (x, kernel) = (Tensor::ones(&[4, 3], DType::F32), Tensor::ones(&dense.kernel_shape(), DType::F32));
/// assert_eq!(dense.apply(&x, &kernel).to_vec::<f32>()?, [3.0; 8]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dense {
    input_size: usize,
    output_size: usize,
}

impl Dense {
    /// The map between vectors of these sizes.
    ///
    /// # Errors
    /// [`LayerError::Size`] for a size of zero.
    pub fn new(input_size: usize, output_size: usize) -> Result<Self> {
        for (argument, given) in [("input_size", input_size), ("output_size", output_size)] {
            if given == 0 {
                return Err(LayerError::Size { layer: "Affine".to_owned(), argument, given });
            }
        }
        Ok(Self { input_size, output_size })
    }

    /// Size of the input's last axis.
    pub fn input_size(&self) -> usize {
        self.input_size
    }

    /// Size of the output's last axis.
    pub fn output_size(&self) -> usize {
        self.output_size
    }
}

describe_fields!(Dense as "tfn.maps.Dense" { input_size, output_size } |dense| {
    Self::new(dense.input_size, dense.output_size)
});

impl LinearMap for Dense {
    fn class(&self) -> &'static str {
        "Affine"
    }

    fn kernel_shape(&self) -> Vec<usize> {
        vec![self.input_size, self.output_size]
    }

    fn bias_shape(&self) -> Vec<usize> {
        vec![self.output_size]
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, String> {
        if *input == [self.input_size] {
            Ok(vec![self.output_size])
        } else {
            Err(format!("[{}]", self.input_size))
        }
    }

    fn apply(&self, x: &Tensor, kernel: &Tensor) -> Tensor {
        x.matmul(kernel)
    }

    /// Both as one node, with two products forward.
    fn moments(
        &self,
        x: &Tensor,
        loc: &Tensor,
        scale: &Tensor,
        bias: Option<(&Tensor, &Tensor)>,
    ) -> (Tensor, Tensor) {
        Tensor::affine_local(x, loc, scale, bias)
    }
}
