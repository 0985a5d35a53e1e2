//! The dense map.

use tfn_module::describe::{self, Describe, Description, Reader};
use tfn_tensor::{Tensor, broadcast_shapes};

use super::{LinearMap, independent_moments};
use crate::error::{LayerError, Result};

/// The dense map `x·K`, with kernel `[input_size, output_size]` and bias `[output_size]`; with a batch of kernels
/// ([`batch_shape`](Self::batch_shape)), both have its axes before these, and so have input and output.
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dense {
    input_size: usize,
    output_size: usize,
    batch_shape: Vec<usize>,
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
        Ok(Self { input_size, output_size, batch_shape: Vec::new() })
    }

    /// A map for each entry of a batch. Axes of an input before its last one broadcast with it.
    ///
    /// # Errors
    /// [`LayerError::Size`] for an axis of zero.
    ///
    /// # Examples
    /// ```
    /// use tfn_layers::{Dense, LinearMap};
    ///
    /// let many = Dense::new(3, 2)?.batch_shape(&[4])?;
    /// assert_eq!((many.kernel_shape(), many.bias_shape()), (vec![4, 3, 2], vec![4, 2]));
    /// assert_eq!(many.output_shape(&[1, 3]), Ok(vec![4, 2]));
    /// # Ok::<(), tfn_layers::LayerError>(())
    /// ```
    pub fn batch_shape(self, batch_shape: &[usize]) -> Result<Self> {
        if batch_shape.contains(&0) {
            let (layer, argument) = ("Affine".to_owned(), "batch_shape");
            return Err(LayerError::Size { layer, argument, given: 0 });
        }
        Ok(Self { batch_shape: batch_shape.to_vec(), ..self })
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

impl Describe for Dense {
    fn class() -> String {
        "tfn.maps.Dense".to_owned()
    }

    fn describe(&self, description: &mut Description<'_, '_>) -> describe::Result<()> {
        description
            .field("input_size", &self.input_size)?
            .field("output_size", &self.output_size)?
            .field("batch_shape", &self.batch_shape)?;
        Ok(())
    }

    fn restore(reader: &mut Reader<'_, '_>) -> describe::Result<Self> {
        let map = Self::new(reader.field("input_size")?, reader.field("output_size")?)?;
        // Files of the first version know no batch.
        let batch_shape = match reader.has("batch_shape") {
            true => reader.field("batch_shape")?,
            false => Vec::new(),
        };
        Ok(map.batch_shape(&batch_shape)?)
    }
}

impl LinearMap for Dense {
    fn class(&self) -> &'static str {
        "Affine"
    }

    fn kernel_shape(&self) -> Vec<usize> {
        [&self.batch_shape, &[self.input_size, self.output_size][..]].concat()
    }

    fn bias_shape(&self) -> Vec<usize> {
        [&self.batch_shape, &[self.output_size][..]].concat()
    }

    fn from_kernel_shape(kernel: &[usize]) -> Option<Self> {
        let [batch_shape @ .., input_size, output_size] = kernel else { return None };
        Self::new(*input_size, *output_size).and_then(|map| map.batch_shape(batch_shape)).ok()
    }

    fn batch_ndims(&self) -> usize {
        self.batch_shape.len()
    }

    fn input_ndims(&self) -> usize {
        self.batch_shape.len() + 1
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, String> {
        if let [batch @ .., last] = input
            && *last == self.input_size
            && batch.len() == self.batch_shape.len()
            && broadcast_shapes(batch, &self.batch_shape).as_ref() == Some(&self.batch_shape)
        {
            return Ok(self.bias_shape());
        }
        Err(format!("{:?}", [&self.batch_shape, &[self.input_size][..]].concat()))
    }

    fn apply(&self, x: &Tensor, kernel: &Tensor) -> Tensor {
        if self.batch_shape.is_empty() {
            return x.matmul(kernel);
        }
        // Each vector by itself, so that the axes before it broadcast with the batch of kernels.
        x.expand_dims(-2).matmul(kernel).squeeze(-2)
    }

    /// Both as one node, with two products forward.
    fn moments(
        &self,
        x: &Tensor,
        loc: &Tensor,
        scale: &Tensor,
        bias: Option<(&Tensor, &Tensor)>,
    ) -> (Tensor, Tensor) {
        if self.batch_shape.is_empty() {
            return Tensor::affine_local(x, loc, scale, bias);
        }
        independent_moments(self, x, loc, scale, bias)
    }
}
