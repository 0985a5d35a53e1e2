//! Pooling layers.

use std::fmt;
use std::marker::PhantomData;

use tfn_module::describe::{self, Describe, Description, Reader};
use tfn_module::{Copies, DeepCopy, Module, Properties, layer_name};
use tfn_tensor::{Tensor, Window, WindowAxis};
use tfn_util::{ConvArgs, Padding, TupleArgument, UtilError, prepare_conv_args};

use crate::contract::{Layer, Moments, Pass};
use crate::error::{LayerError, Result};
use crate::shape::check_axes;

/// What a pooling layer makes of the entries that its window reads.
pub trait PoolKind: Send + Sync + 'static {
    /// First part of the name of a layer's class: `Max` of `MaxPooling`.
    const CLASS: &'static str;

    /// What it makes of the entries at each position of the window.
    fn pool(x: &Tensor, window: &Window) -> Tensor;

    /// Whether it is their mean.
    const IS_MEAN: bool;
}

/// The largest entry: [`MaxPooling`].
#[derive(Clone, Copy, Debug)]
pub struct Max;

/// The mean: [`AveragePooling`].
#[derive(Clone, Copy, Debug)]
pub struct Average;

impl PoolKind for Max {
    const CLASS: &'static str = "Max";
    const IS_MEAN: bool = false;

    fn pool(x: &Tensor, window: &Window) -> Tensor {
        x.max_pool(window)
    }
}

impl PoolKind for Average {
    const CLASS: &'static str = "Average";
    const IS_MEAN: bool = true;

    fn pool(x: &Tensor, window: &Window) -> Tensor {
        x.avg_pool(window)
    }
}

/// A layer that slides a window over images and makes one entry of what it reads, channel by channel.
///
/// Counterpart: `tf_keras.layers.MaxPooling2D` and its kin, in one, two and three dimensions.
///
/// # Shapes
/// Input `[.., ..image, channels]`, output `[.., ..positions, channels]`.
///
/// # Errors
/// Calls fail with [`LayerError::Tensor`] for an image into which the window does not fit.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::util::Padding;
/// use tfn_layers::{AveragePooling, Layer, MaxPooling};
///
/// let images = Tensor::ones(&[5, 28, 28, 6], DType::F32);
/// assert_eq!(MaxPooling::new(2)?.call(&images)?.shape()?, [5, 14, 14, 6]);
/// let same = AveragePooling::builder(3).strides(1).padding(Padding::Same).build()?;
/// assert_eq!(same.call(&images)?.to_vec::<f32>()?, images.to_vec::<f32>()?);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
pub struct Pooling<K> {
    name: String,
    pool_size: Vec<usize>,
    strides: Vec<usize>,
    padding: Padding,
    kind: PhantomData<fn() -> K>,
}

/// The largest entry of what the window reads: see [`Pooling`].
pub type MaxPooling = Pooling<Max>;
/// The mean of what the window reads, without the padding: see [`Pooling`].
pub type AveragePooling = Pooling<Average>;

/// Sets the arguments of a [`Pooling`] layer, then builds it.
#[must_use]
pub struct PoolingBuilder<K> {
    pool_size: TupleArgument,
    rank: Option<usize>,
    strides: Option<TupleArgument>,
    padding: Padding,
    name: Option<String>,
    kind: PhantomData<fn() -> K>,
}

impl<K: PoolKind> Pooling<K> {
    /// The layer with all defaults: a window of `pool_size` (one number, or one for each axis) that moves by its own size.
    ///
    /// # Errors
    /// As for [`PoolingBuilder::build`].
    pub fn new(pool_size: impl Into<TupleArgument>) -> Result<Self> {
        Self::builder(pool_size).build()
    }

    /// A builder that sets the other arguments, by Keras' names.
    pub fn builder(pool_size: impl Into<TupleArgument>) -> PoolingBuilder<K> {
        PoolingBuilder {
            pool_size: pool_size.into(),
            rank: None,
            strides: None,
            padding: Padding::Valid,
            name: None,
            kind: PhantomData,
        }
    }

    fn args(&self) -> Result<ConvArgs, UtilError> {
        let (size, rank) = (self.pool_size.clone(), self.pool_size.len());
        prepare_conv_args(size, rank, self.strides.clone(), self.padding.clone(), 1)
    }

    fn pooled(&self, x: &Tensor) -> Result<Tensor> {
        let shape = x.shape()?;
        let end = shape.len().saturating_sub(1);
        let image = &shape[end.saturating_sub(self.pool_size.len())..end];
        Ok(K::pool(x, &self.args()?.window(image)?).check()?)
    }
}

impl<K: PoolKind> PoolingBuilder<K> {
    /// Number of axes that the window slides over; by default as many as `pool_size` has numbers, or 2 if it is one number.
    pub fn rank(mut self, rank: usize) -> Self {
        self.rank = Some(rank);
        self
    }

    /// Distance from one position of the window to the next; its size by default.
    pub fn strides(mut self, strides: impl Into<TupleArgument>) -> Self {
        self.strides = Some(strides.into());
        self
    }

    /// What lies around the image; nothing by default.
    pub fn padding(mut self, padding: Padding) -> Self {
        self.padding = padding;
        self
    }

    /// Name of the layer; that of the class by default.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The layer.
    ///
    /// # Errors
    /// [`LayerError::Util`] for arguments that do not fit the rank, zeros among them; [`LayerError::Module`] for a name that
    /// cannot be made valid.
    pub fn build(self) -> Result<Pooling<K>> {
        let many = self.pool_size.numbers().len();
        let rank = self.rank.unwrap_or(if many > 1 { many } else { 2 });
        let strides = self.strides.unwrap_or_else(|| self.pool_size.clone());
        let args = prepare_conv_args(self.pool_size, rank, strides, self.padding, 1)?;
        let name = self.name.unwrap_or_else(|| format!("{}Pooling", K::CLASS));
        Ok(Pooling {
            name: layer_name(&name)?,
            pool_size: args.filter_shape().to_vec(),
            strides: args.strides().to_vec(),
            padding: args.padding().clone(),
            kind: PhantomData,
        })
    }
}

impl<K: PoolKind> Layer for Pooling<K> {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        check_axes(x, self.pool_size.len() + 1, pass)?;
        self.pooled(x)
    }

    /// Of a mean over windows without padding, whose entries are taken as independent of each other: the variance of a
    /// mean. The largest entry has no moments that are known.
    fn forward_moments(&self, x: &Moments, _pass: &Pass) -> Result<Moments> {
        let mean = self.pooled(&x.mean)?;
        match &x.variance {
            None => Ok(Moments::known(mean)),
            Some(variance) if K::IS_MEAN && self.padding == Padding::Valid => {
                let entries: usize = self.pool_size.iter().product();
                let variance = self.pooled(variance)? / entries as f64;
                Ok(Moments { mean, variance: Some(variance) })
            }
            Some(_) => Err(LayerError::NoMoments { of: "this pooling layer" }),
        }
    }

    fn draws_together(&self) -> bool {
        true
    }
}

impl<K: PoolKind> Module for Pooling<K> {
    fn properties<'a>(&'a self, _: &mut Properties<'a>) {}

    fn name(&self) -> String {
        self.name.clone()
    }
}

impl<K: PoolKind> Describe for Pooling<K> {
    fn class() -> String {
        format!("tfn.layers.{}Pooling", K::CLASS)
    }

    fn describe(&self, description: &mut Description<'_, '_>) -> describe::Result<()> {
        description
            .field("name", &self.name)?
            .field("pool_size", &self.pool_size)?
            .field("strides", &self.strides)?
            .field("padding", &self.padding)?;
        Ok(())
    }

    fn restore(reader: &mut Reader<'_, '_>) -> describe::Result<Self> {
        let name: String = reader.field("name")?;
        let (size, strides): (Vec<usize>, Vec<usize>) =
            (reader.field("pool_size")?, reader.field("strides")?);
        let padding: Padding = reader.field("padding")?;
        let builder = Self::builder(size.clone()).rank(size.len()).strides(strides);
        Ok(builder.padding(padding).name(name).build()?)
    }
}

impl<K: PoolKind> DeepCopy for Pooling<K> {
    fn deep_copy_with(&self, _: &mut Copies) -> Self {
        Self {
            name: self.name.clone(),
            pool_size: self.pool_size.clone(),
            strides: self.strides.clone(),
            padding: self.padding.clone(),
            kind: PhantomData,
        }
    }
}

impl<K: PoolKind> fmt::Debug for Pooling<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}Pooling: name={}>", K::CLASS, self.name)
    }
}

/// A layer that makes one entry of each channel of an image.
///
/// Counterpart: `tf_keras.layers.GlobalAveragePooling2D` and its kin, in one, two and three dimensions.
///
/// # Shapes
/// Input `[.., ..image, channels]`, output `[.., channels]`; with `keepdims`, `[.., 1, .., channels]`.
///
/// # Errors
/// Calls fail with [`LayerError::Input`] for an input of fewer axes, and with [`LayerError::Tensor`] for an image without entries.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{GlobalAveragePooling, GlobalMaxPooling, Layer};
///
/// let images = Tensor::ones(&[5, 7, 9, 6], DType::F32);
/// assert_eq!(GlobalAveragePooling::new(2)?.call(&images)?.shape()?, [5, 6]);
/// assert_eq!(GlobalMaxPooling::new(2)?.keepdims(true).call(&images)?.shape()?, [5, 1, 1, 6]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
pub struct GlobalPooling<K> {
    name: String,
    rank: usize,
    keepdims: bool,
    kind: PhantomData<fn() -> K>,
}

/// The largest entry of each channel: see [`GlobalPooling`].
pub type GlobalMaxPooling = GlobalPooling<Max>;
/// The mean of each channel: see [`GlobalPooling`].
pub type GlobalAveragePooling = GlobalPooling<Average>;

impl<K: PoolKind> GlobalPooling<K> {
    /// The layer for images of `rank` axes.
    ///
    /// # Errors
    /// [`LayerError::Util`] for a rank that is not 1, 2 or 3.
    pub fn new(rank: usize) -> Result<Self> {
        prepare_conv_args(1, rank, 1, Padding::Valid, 1)?;
        let name = format!("Global{}Pooling", K::CLASS);
        Ok(Self { name, rank, keepdims: false, kind: PhantomData })
    }

    /// Whether the axes of the image stay, each with one entry; not so by default.
    #[must_use]
    pub fn keepdims(self, keepdims: bool) -> Self {
        Self { keepdims, ..self }
    }

    /// The layer under another name.
    ///
    /// # Errors
    /// [`LayerError::Module`] for a name that cannot be made valid.
    pub fn named(self, name: &str) -> Result<Self> {
        Ok(Self { name: layer_name(name)?, ..self })
    }

    /// The result, and the number of entries that it is made of.
    fn pooled(&self, x: &Tensor) -> Result<(Tensor, usize)> {
        let shape = x.shape()?;
        let lead = shape.len().checked_sub(self.rank + 1);
        let Some((lead, image)) = lead.map(|lead| (lead, &shape[lead..lead + self.rank])) else {
            let expected = format!("[..] + {} axes + [channels]", self.rank);
            return Err(LayerError::Input { given: shape.to_vec(), expected });
        };
        let axes: Vec<WindowAxis> = image.iter().map(|&len| WindowAxis::of(len)).collect();
        let y = K::pool(x, &Window::new(&axes)?);
        let count = image.iter().product();
        if self.keepdims {
            return Ok((y.check()?, count));
        }
        let flat = [&shape[..lead], &shape[lead + self.rank..]].concat();
        Ok((y.reshape(&flat).check()?, count))
    }
}

impl<K: PoolKind> Layer for GlobalPooling<K> {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        check_axes(x, self.rank + 1, pass)?;
        Ok(self.pooled(x)?.0)
    }

    /// Of the mean, whose entries are taken as independent of each other.
    fn forward_moments(&self, x: &Moments, _pass: &Pass) -> Result<Moments> {
        let (mean, count) = self.pooled(&x.mean)?;
        match &x.variance {
            None => Ok(Moments::known(mean)),
            Some(variance) if K::IS_MEAN => {
                let variance = self.pooled(variance)?.0 / count as f64;
                Ok(Moments { mean, variance: Some(variance) })
            }
            Some(_) => Err(LayerError::NoMoments { of: "this pooling layer" }),
        }
    }

    fn draws_together(&self) -> bool {
        true
    }
}

impl<K: PoolKind> Module for GlobalPooling<K> {
    fn properties<'a>(&'a self, _: &mut Properties<'a>) {}

    fn name(&self) -> String {
        self.name.clone()
    }
}

impl<K: PoolKind> Describe for GlobalPooling<K> {
    fn class() -> String {
        format!("tfn.layers.Global{}Pooling", K::CLASS)
    }

    fn describe(&self, description: &mut Description<'_, '_>) -> describe::Result<()> {
        description
            .field("name", &self.name)?
            .field("rank", &self.rank)?
            .field("keepdims", &self.keepdims)?;
        Ok(())
    }

    fn restore(reader: &mut Reader<'_, '_>) -> describe::Result<Self> {
        let (name, rank, keepdims): (String, usize, bool) =
            (reader.field("name")?, reader.field("rank")?, reader.field("keepdims")?);
        Ok(Self::new(rank)?.keepdims(keepdims).named(&name)?)
    }
}

impl<K: PoolKind> DeepCopy for GlobalPooling<K> {
    fn deep_copy_with(&self, _: &mut Copies) -> Self {
        let name = self.name.clone();
        Self { name, rank: self.rank, keepdims: self.keepdims, kind: PhantomData }
    }
}

impl<K: PoolKind> fmt::Debug for GlobalPooling<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Global{}Pooling: name={}>", K::CLASS, self.name)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::check_layer;
    use tfn_tensor::{DType, Key};

    #[test]
    fn the_laws_hold_and_global_pools_are_means_and_maxima() {
        let x = Key::from_seed(3).stream().normal(&[2, 4, 3, 2], DType::F64);
        check_layer(&MaxPooling::new(2).unwrap(), &x).unwrap();
        check_layer(&AveragePooling::builder(2).padding(Padding::Same).build().unwrap(), &x)
            .unwrap();
        let (mean, max) =
            (GlobalAveragePooling::new(2).unwrap(), GlobalMaxPooling::new(2).unwrap());
        check_layer(&mean, &x).unwrap();
        let (mean, max) = (mean.call(&x).unwrap(), max.call(&x).unwrap());
        let of = |t: &Tensor| t.to_vec::<f64>().unwrap();
        let (x, mean, max) = (of(&x), of(&mean), of(&max));
        for n in 0..2 {
            for c in 0..2 {
                let all: Vec<f64> = (0..12).map(|i| x[n * 24 + i * 2 + c]).collect();
                assert!((mean[n * 2 + c] - all.iter().sum::<f64>() / 12.0).abs() < 1e-14);
                assert_eq!(max[n * 2 + c], all.iter().copied().fold(f64::MIN, f64::max));
            }
        }
    }

    #[test]
    fn wrong_arguments_and_images_are_errors() {
        assert!(MaxPooling::new(0).is_err() && MaxPooling::builder(2).strides(0).build().is_err());
        assert!(MaxPooling::builder([2, 2, 2]).rank(2).build().is_err());
        assert!(GlobalMaxPooling::new(4).is_err() && GlobalMaxPooling::new(0).is_err());
        let x = |shape: &[usize]| Tensor::ones(shape, DType::F32);
        assert!(MaxPooling::new(3).unwrap().call(&x(&[2, 2, 5, 1])).is_err());
        assert!(MaxPooling::new(3).unwrap().call(&x(&[2])).is_err());
        assert!(GlobalMaxPooling::new(2).unwrap().call(&x(&[2, 3])).is_err());
        assert!(GlobalMaxPooling::new(1).unwrap().call(&x(&[2, 0, 3])).is_err());
    }
}
