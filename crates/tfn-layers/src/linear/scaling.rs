//! The map of one factor for each feature.

use tfn_module::describe_fields;
use tfn_tensor::Tensor;

use super::LinearMap;
use crate::error::{LayerError, Result};

/// The map `x ∘ K`: one factor for each feature, with kernel and bias `[input_size]`.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{LinearMap, Scaling};
///
/// let scaling = Scaling::new(2)?;
/// let y = scaling.apply(&Tensor::ones(&[1, 2], DType::F64), &Tensor::from_vec(vec![3.0, 5.0], &[2]));
/// assert_eq!(y.to_vec::<f64>()?, [3.0, 5.0]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scaling {
    input_size: usize,
}

impl Scaling {
    /// The map of vectors of this size.
    ///
    /// # Errors
    /// [`LayerError::Size`] for a size of zero.
    pub fn new(input_size: usize) -> Result<Self> {
        if input_size == 0 {
            let (layer, argument) = ("Scaling".to_owned(), "input_size");
            return Err(LayerError::Size { layer, argument, given: 0 });
        }
        Ok(Self { input_size })
    }
}

describe_fields!(Scaling as "tfn.maps.Scaling" { input_size } |map| Self::new(map.input_size));

impl LinearMap for Scaling {
    fn class(&self) -> &'static str {
        "Scaling"
    }

    fn kernel_shape(&self) -> Vec<usize> {
        vec![self.input_size]
    }

    fn bias_shape(&self) -> Vec<usize> {
        vec![self.input_size]
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, String> {
        let own = self.kernel_shape();
        if input == own { Ok(own) } else { Err(format!("{own:?}")) }
    }

    fn apply(&self, x: &Tensor, kernel: &Tensor) -> Tensor {
        x * kernel
    }
}
