//! The dense layer with one draw of the weights for the whole batch.

use tfn_tensor::{Key, Tensor};

use crate::arguments::{FromArguments, VariationalArguments};
use crate::error::Result;
use crate::variational::variational_layer;
use crate::weights::Weights;

const CLASS: &str = "AffineVariationalReparameterization";

/// A dense layer that draws its weights once a call, shared by the batch.
///
/// Counterpart: `tfp.experimental.nn.AffineVariationalReparameterization`.
///
/// ```text
/// W, b ~ posterior        y = activation(x·W + b)
/// ```
///
/// It takes any posterior whose samples carry gradients, a user's own too. Where the posterior is
/// elementwise normal,
/// [`AffineVariationalReparameterizationLocal`](crate::AffineVariationalReparameterizationLocal) gives
/// gradients of lower variance. The loss is scaled as that layer's documentation says.
///
/// # Shapes
/// Input `[.., batch, input_size]` with at least one axis before the last; output
/// `[.., batch, output_size]`.
///
/// # Errors
/// Calls fail, under the layer's name, with [`LayerError::Tensor`](crate::LayerError::Tensor) for another
/// inner size, a missing batch axis or another type, and under `validate_args` with
/// [`LayerError::Entries`](crate::LayerError::Entries) for input that is not finite. Building: see
/// [`Builder::build`](crate::Builder::build).
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{AffineVariationalReparameterization, Layer, losses};
///
/// let layer = AffineVariationalReparameterization::builder(3, 2).seed(1).build()?;
/// let y = layer.call(&Tensor::ones(&[5, 3], DType::F32))?;
/// // One draw for the batch: equal rows give equal outputs.
/// assert_eq!(y.narrow(0, 0, 1).to_vec::<f32>()?, y.narrow(0, 4, 1).to_vec::<f32>()?);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
///
/// # References
/// Kingma & Welling 2014, [arXiv 1312.6114](https://arxiv.org/abs/1312.6114), section 2.4.
pub struct AffineVariationalReparameterization {
    weights: Weights,
    input_size: usize,
}

variational_layer!(AffineVariationalReparameterization);

impl FromArguments for AffineVariationalReparameterization {
    fn from_arguments(arguments: &VariationalArguments) -> Result<Self> {
        let (inputs, outputs) = arguments.sizes(CLASS)?;
        let weights = Weights::new(CLASS, arguments, &[inputs, outputs], &[outputs])?;
        Ok(Self { weights, input_size: inputs })
    }
}

impl AffineVariationalReparameterization {
    /// Size of the input's last axis.
    pub fn input_size(&self) -> usize {
        self.input_size
    }

    fn output(&self, x: &Tensor, key: &Key) -> Result<Tensor> {
        self.weights.validate(CLASS, "x", x, false)?;
        let value = self.weights.value_at(key)?;
        let parts = self.weights.parts();
        let mut y = x.matmul(&value[parts.kernel]);
        if let Some(bias) = parts.bias {
            y = y + &value[bias];
        }
        Ok(self.weights.activate(y).check()?)
    }
}
