//! Normalization by the statistics of groups of channels.

use tfn_module::describe::{self, Description, Reader};
use tfn_module::{Copies, DeepCopy};
use tfn_tensor::{DType, Tensor};

use super::builder::NormalizationBuilder;
use super::normalization::{NormalizationLayer, Statistics};
use super::place::{Place, Standardized};
use crate::contract::Pass;
use crate::error::{LayerError, Result};

/// Normalizes groups of channels of each example, in training and prediction alike.
///
/// Counterpart: `tf.keras.layers.GroupNormalization`.
///
/// `y = gamma (x − m) / √(v + epsilon) + beta`, with mean `m` and variance `v` over all positions of one example and the
/// `input_size / groups` channels of one group, which stand side by side. One group normalizes a whole example; as many groups as channels are
/// instance normalization (Keras' `groups=-1`).
///
/// # Shapes
/// Input and output `[batch, .., input_size]`, or with the channels along another [`axis`](NormalizationBuilder::<GroupStatistics>::axis) behind
/// the batch's; `gamma` and `beta` `[input_size]`.
///
/// # Errors
/// Calls fail, under the layer's name, with [`LayerError::Input`] for another number of channels, or no axis of a batch before them.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Key, Tensor};
/// use tfn_layers::{GroupNormalization, Layer};
///
/// let layer = GroupNormalization::builder(6).groups(3).dtype(DType::F64).build()?;
/// let x = Key::from_seed(1).stream().normal(&[4, 5, 5, 6], DType::F64);
/// let y = layer.call(&x)?;
/// let of_group = y.narrow(0, 2, 1).narrow(-1, 4, 2);
/// assert!(of_group.mean().item()?.abs() < 1e-12);
/// assert!((of_group.square().mean().item()? - 1.0).abs() < 0.01);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
///
/// # References
/// Y. Wu and K. He, *Group normalization*, ECCV 2018, arXiv 1803.08494, equations 1, 2, 6 and 7.
pub type GroupNormalization = NormalizationLayer<GroupStatistics>;

/// Mean and variance over a group of channels of one example: the [`Statistics`] of [`GroupNormalization`].
#[derive(Clone, Copy, Debug)]
pub struct GroupStatistics {
    groups: usize,
}

/// The arguments of [`GroupNormalization`] that other normalizing layers do not have.
#[derive(Debug)]
pub struct GroupSettings {
    groups: usize,
}

impl Default for GroupSettings {
    fn default() -> Self {
        Self { groups: 32 }
    }
}

impl GroupNormalization {
    /// The layer with all defaults, for `input_size` channels in 32 groups.
    ///
    /// # Errors
    /// [`LayerError::Size`] for a size of zero, [`LayerError::Argument`] if 32 does not divide it.
    pub fn new(input_size: usize) -> Result<Self> {
        Self::builder(input_size).build()
    }

    /// A builder that sets the other arguments.
    pub fn builder(input_size: usize) -> NormalizationBuilder<GroupStatistics> {
        Self::over(vec![-1], vec![input_size])
    }

    /// Number of groups.
    pub fn groups(&self) -> usize {
        self.statistics.groups
    }
}

impl NormalizationBuilder<GroupStatistics> {
    /// Axis of the channels: from 1 on counted from the first, 0 being the batch's; below 0 from the last. −1 by default.
    pub fn axis(mut self, axis: isize) -> Self {
        self.axis = vec![axis];
        self
    }

    /// Number of groups, which divides the number of channels; 32 by default.
    pub fn groups(mut self, groups: usize) -> Self {
        self.settings.groups = groups;
        self
    }
}

impl Statistics for GroupStatistics {
    const CLASS: &'static str = "GroupNormalization";
    type Settings = GroupSettings;

    fn make(settings: GroupSettings, _shape: &[usize], _dtype: DType) -> Result<Self> {
        Ok(Self { groups: settings.groups })
    }

    fn check(&self, axis: &[isize], shape: &[usize]) -> Result<()> {
        let wrong = |argument, given, expected| LayerError::Argument {
            layer: Self::CLASS.to_owned(),
            argument,
            given,
            expected,
        };
        if axis.contains(&0) {
            return Err(wrong("axis", "0".to_owned(), "another axis than the batch's".to_owned()));
        }
        match shape.iter().find(|size| !size.is_multiple_of(self.groups)) {
            None if self.groups > 0 && axis.len() == 1 => Ok(()),
            None => Err(wrong("axis", format!("{axis:?}"), "one axis".to_owned())),
            Some(size) => {
                let expected = format!("a number that divides `input_size`, {size}");
                Err(wrong("groups", self.groups.to_string(), expected))
            }
        }
    }

    fn normalized(&self, x: &Tensor, place: &Place, epsilon: f64, _pass: &Pass) -> Result<Tensor> {
        let (shape, at) = (x.shape()?, place.features()[0]);
        if at == place.batch() {
            return Err(LayerError::Input {
                given: shape[place.batch()..].to_vec(),
                expected: "an axis of the batch before that of the channels".to_owned(),
            });
        }
        let (before, behind) = (&shape[..at], &shape[at + 1..]);
        let grouped = [before, &[self.groups, shape[at] / self.groups], behind].concat();
        let axes = (place.batch() + 1..grouped.len()).filter(|axis| *axis != at);
        let axes: Vec<isize> = axes.map(|axis| axis as isize).collect();
        Ok(Standardized::over(&x.reshape(&grouped), &axes, epsilon).y.reshape(shape))
    }

    fn describe(&self, description: &mut Description<'_, '_>) -> describe::Result<()> {
        description.field("groups", &self.groups)?;
        Ok(())
    }

    fn restore(reader: &mut Reader<'_, '_>) -> describe::Result<Self> {
        Ok(Self { groups: reader.field("groups")? })
    }
}

impl DeepCopy for GroupStatistics {
    fn deep_copy_with(&self, _copies: &mut Copies) -> Self {
        *self
    }
}
