//! Normalization by the statistics of an example.

use tfn_module::describe::{self, Description, Reader};
use tfn_module::{Copies, DeepCopy};
use tfn_tensor::{DType, Tensor};
use tfn_util::TupleArgument;

use super::builder::NormalizationBuilder;
use super::normalization::{NormalizationLayer, Statistics};
use super::place::{Place, Standardized};
use crate::contract::Pass;
use crate::error::Result;

/// Normalizes each example by mean and variance over its own features, in training and prediction alike.
///
/// Counterpart: `tf.keras.layers.LayerNormalization`.
///
/// `y = gamma (x − m) / √(v + epsilon) + beta`, with mean `m` and variance `v` over the features' axes of one example.
///
/// # Shapes
/// Input and output `[.., ..input_shape]`; `gamma` and `beta` `input_shape`, which is one number or several. The axes are the last ones, or those
/// given as [`axis`](NormalizationBuilder::<ExampleStatistics>::axis).
///
/// # Errors
/// Calls fail, under the layer's name, with [`LayerError::Input`](crate::LayerError::Input) for features of another shape.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{Layer, LayerNormalization};
///
/// let layer = LayerNormalization::builder(2).epsilon(1e-6).dtype(DType::F64).build()?;
/// let y = layer.call(&Tensor::from_vec(vec![1.0, 3.0, 40.0, 20.0], &[2, 2]))?.to_vec::<f64>()?;
/// assert!(y.iter().zip([-1.0, 1.0, 1.0, -1.0]).all(|(y, expected)| (y - expected).abs() < 1e-6));
///
/// let images = LayerNormalization::new([8, 8, 3])?;
/// assert_eq!(images.call(&Tensor::ones(&[5, 8, 8, 3], DType::F32))?.shape()?, [5, 8, 8, 3]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
///
/// # References
/// J. L. Ba, J. R. Kiros and G. E. Hinton, *Layer normalization*, 2016, arXiv 1607.06450, equations 3 and 4.
pub type LayerNormalization = NormalizationLayer<ExampleStatistics>;

/// Mean and variance over the features of one example: the [`Statistics`] of [`LayerNormalization`].
#[derive(Clone, Copy, Debug)]
pub struct ExampleStatistics;

impl LayerNormalization {
    /// The layer with all defaults, for features of `input_shape`.
    ///
    /// # Errors
    /// [`LayerError::Size`](crate::LayerError::Size) for a size of zero.
    pub fn new(input_shape: impl Into<TupleArgument>) -> Result<Self> {
        Self::builder(input_shape).build()
    }

    /// A builder that sets the other arguments.
    pub fn builder(
        input_shape: impl Into<TupleArgument>,
    ) -> NormalizationBuilder<ExampleStatistics> {
        let shape = input_shape.into().numbers().to_vec();
        Self::over((-(shape.len() as isize)..0).collect(), shape)
    }
}

impl NormalizationBuilder<ExampleStatistics> {
    /// Axes of the features, as many as these have, in rising order: from 0 on counted from the first, which is the batch's; below 0 from the
    /// last. The last ones by default.
    pub fn axis(mut self, axis: &[isize]) -> Self {
        self.axis = axis.to_vec();
        self
    }
}

impl Statistics for ExampleStatistics {
    const CLASS: &'static str = "LayerNormalization";
    type Settings = ();

    fn make((): (), _shape: &[usize], _dtype: DType) -> Result<Self> {
        Ok(Self)
    }

    fn check(&self, _axis: &[isize], _shape: &[usize]) -> Result<()> {
        Ok(())
    }

    fn normalized(&self, x: &Tensor, place: &Place, epsilon: f64, _pass: &Pass) -> Result<Tensor> {
        let axes: Vec<isize> = place.features().iter().map(|at| *at as isize).collect();
        Ok(Standardized::over(x, &axes, epsilon).y)
    }

    fn describe(&self, _description: &mut Description<'_, '_>) -> describe::Result<()> {
        Ok(())
    }

    fn restore(_reader: &mut Reader<'_, '_>) -> describe::Result<Self> {
        Ok(Self)
    }
}

impl DeepCopy for ExampleStatistics {
    fn deep_copy_with(&self, _copies: &mut Copies) -> Self {
        *self
    }
}
