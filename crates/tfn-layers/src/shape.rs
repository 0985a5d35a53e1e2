//! Layers that move entries without changing them.

use std::fmt;

use tfn_module::{Copies, DeepCopy, Module, Properties, describe_fields, layer_name};
use tfn_tensor::Tensor;
use tfn_util::flatten_rightmost;

use crate::contract::{Layer, Moments, Pass};
use crate::error::{LayerError, Result};

/// The common parts of a layer that only moves entries by `moved`, whatever axes are in front of an example's: its moments
/// move as its input does.
macro_rules! moving_layer {
    ($Type:ident as $class:literal { $($field:ident),* } ) => {
        impl Layer for $Type {
            fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
                check_axes(x, self.ndims(), pass)?;
                self.moved(x)
            }

            fn forward_moments(&self, x: &Moments, _pass: &Pass) -> Result<Moments> {
                let variance = x.variance.as_ref().map(|variance| self.moved(variance));
                Ok(Moments { mean: self.moved(&x.mean)?, variance: variance.transpose()? })
            }

            fn draws_together(&self) -> bool {
                true
            }
        }

        impl $Type {
            /// The layer under another name.
            ///
            /// # Errors
            /// [`LayerError::Module`] for a name that cannot be made valid.
            pub fn named(self, name: &str) -> Result<Self> {
                Ok(Self { name: layer_name(name)?, ..self })
            }
        }

        impl Module for $Type {
            fn properties<'a>(&'a self, _: &mut Properties<'a>) {}

            fn name(&self) -> String {
                self.name.clone()
            }
        }

        describe_fields!($Type as $class { name, $($field),* } |made| {
            let name = made.name.clone();
            made.named(&name).and_then(Self::checked)
        });

        impl DeepCopy for $Type {
            fn deep_copy_with(&self, _: &mut Copies) -> Self {
                self.clone()
            }
        }

        impl fmt::Debug for $Type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "<{}: name={}>", stringify!($Type), self.name)
            }
        }
    };
}

/// A layer that makes one axis of the last `ndims` axes.
///
/// Counterpart: `tf_keras.layers.Flatten`, `tfp.experimental.nn.util.flatten_rightmost`.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{Flatten, Layer};
///
/// let images = Tensor::ones(&[5, 4, 4, 16], DType::F32);
/// assert_eq!(Flatten::new(3).call(&images)?.shape()?, [5, 256]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
#[derive(Clone)]
pub struct Flatten {
    name: String,
    ndims: usize,
}

impl Flatten {
    fn ndims(&self) -> usize {
        self.ndims
    }

    fn checked(self) -> Result<Self> {
        Ok(self)
    }

    /// The layer for examples of `ndims` axes.
    pub fn new(ndims: usize) -> Self {
        Self { name: "Flatten".to_owned(), ndims }
    }

    fn moved(&self, x: &Tensor) -> Result<Tensor> {
        Ok(flatten_rightmost(self.ndims)(x).check()?)
    }
}

moving_layer!(Flatten as "tfn.layers.Flatten" { ndims } );

/// A layer that gives the last `ndims` axes another shape.
///
/// Counterpart: `tf_keras.layers.Reshape`.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{Layer, Reshape};
///
/// let rows = Tensor::ones(&[5, 784], DType::F32);
/// assert_eq!(Reshape::new(1, &[28, 28, 1]).call(&rows)?.shape()?, [5, 28, 28, 1]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
#[derive(Clone)]
pub struct Reshape {
    name: String,
    ndims: usize,
    target_shape: Vec<usize>,
}

impl Reshape {
    fn ndims(&self) -> usize {
        self.ndims
    }

    fn checked(self) -> Result<Self> {
        Ok(self)
    }

    /// The layer for examples of `ndims` axes, which get `target_shape`.
    pub fn new(ndims: usize, target_shape: &[usize]) -> Self {
        Self { name: "Reshape".to_owned(), ndims, target_shape: target_shape.to_vec() }
    }

    fn moved(&self, x: &Tensor) -> Result<Tensor> {
        let lead = leading(x, self.ndims)?;
        Ok(x.reshape(&[&x.shape()?[..lead], &self.target_shape].concat()).check()?)
    }
}

moving_layer!(Reshape as "tfn.layers.Reshape" { ndims, target_shape } );

/// A layer that puts the last axes into another order.
///
/// Counterpart: `tf_keras.layers.Permute`, whose `dims` count from 1.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{Layer, Permute};
///
/// let channels_first = Tensor::ones(&[5, 3, 28, 20], DType::F32);
/// assert_eq!(Permute::new(&[1, 2, 0]).call(&channels_first)?.shape()?, [5, 28, 20, 3]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
#[derive(Clone)]
pub struct Permute {
    name: String,
    dims: Vec<usize>,
}

impl Permute {
    fn ndims(&self) -> usize {
        self.dims.len()
    }

    fn checked(self) -> Result<Self> {
        Ok(self)
    }

    /// The layer for examples of as many axes as `dims` has numbers; axis `i` of the result is axis `dims[i]` of the example.
    pub fn new(dims: &[usize]) -> Self {
        Self { name: "Permute".to_owned(), dims: dims.to_vec() }
    }

    fn moved(&self, x: &Tensor) -> Result<Tensor> {
        let lead = leading(x, self.dims.len())?;
        let order: Vec<isize> = (0..lead)
            .chain(self.dims.iter().map(|dim| lead.saturating_add(*dim)))
            .map(signed)
            .collect();
        Ok(x.permute(&order).check()?)
    }
}

moving_layer!(Permute as "tfn.layers.Permute" { dims } );

/// A layer that puts zeros around images.
///
/// Counterpart: `tf_keras.layers.ZeroPadding2D` and its kin, for any number of axes.
///
/// # Shapes
/// Input `[.., ..image, channels]` with as many axes of the image as there are pairs.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{Layer, ZeroPadding};
///
/// let images = Tensor::ones(&[5, 28, 28, 1], DType::F32);
/// assert_eq!(ZeroPadding::new(&[(2, 2), (0, 1)]).call(&images)?.shape()?, [5, 32, 29, 1]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
#[derive(Clone)]
pub struct ZeroPadding {
    name: String,
    /// Before and after each axis, one after another.
    padding: Vec<usize>,
}

impl ZeroPadding {
    fn ndims(&self) -> usize {
        self.padding.len() / 2 + 1
    }

    fn checked(self) -> Result<Self> {
        if self.padding.len().is_multiple_of(2) {
            return Ok(self);
        }
        Err(LayerError::Argument {
            layer: "ZeroPadding".to_owned(),
            argument: "padding",
            given: format!("{} numbers", self.padding.len()),
            expected: "two for each axis".to_owned(),
        })
    }

    /// The layer that puts so many zeros before and after each axis of an image.
    pub fn new(padding: &[(usize, usize)]) -> Self {
        let padding = padding.iter().flat_map(|&(before, after)| [before, after]).collect();
        Self { name: "ZeroPadding".to_owned(), padding }
    }

    fn moved(&self, x: &Tensor) -> Result<Tensor> {
        let pairs = self.padding.as_chunks::<2>().0;
        let mut border = vec![(0, 0); leading(x, pairs.len() + 1)?];
        border.extend(pairs.iter().map(|&[before, after]| (before, after)));
        border.push((0, 0));
        Ok(x.pad(&border, 0.0).check()?)
    }
}

moving_layer!(ZeroPadding as "tfn.layers.ZeroPadding" { padding } );

/// A layer that repeats each entry of an image along its axes.
///
/// Counterpart: `tf_keras.layers.UpSampling2D` and its kin with `interpolation="nearest"`.
///
/// # Shapes
/// Input `[.., ..image, channels]` with as many axes of the image as `size` has numbers.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::Tensor;
/// use tfn_layers::{Layer, UpSampling};
///
/// let x = Tensor::from_vec(vec![1.0, 2.0], &[1, 2, 1]);
/// assert_eq!(UpSampling::new(&[2]).call(&x)?.to_vec::<f64>()?, [1.0, 1.0, 2.0, 2.0]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
#[derive(Clone)]
pub struct UpSampling {
    name: String,
    size: Vec<usize>,
}

impl UpSampling {
    fn ndims(&self) -> usize {
        self.size.len() + 1
    }

    fn checked(self) -> Result<Self> {
        Ok(self)
    }

    /// The layer that repeats each entry so often along each axis of an image.
    pub fn new(size: &[usize]) -> Self {
        Self { name: "UpSampling".to_owned(), size: size.to_vec() }
    }

    fn moved(&self, x: &Tensor) -> Result<Tensor> {
        let (shape, lead) = (x.shape()?, leading(x, self.size.len() + 1)?);
        let (mut apart, mut whole, mut result) =
            (shape[..lead].to_vec(), shape[..lead].to_vec(), shape[..lead].to_vec());
        for (&len, &size) in shape[lead..].iter().zip(&self.size) {
            apart.extend([len, 1]);
            whole.extend([len, size]);
            result.push(len.saturating_mul(size));
        }
        let channels = &shape[shape.len() - 1..];
        for shape in [&mut apart, &mut whole, &mut result] {
            shape.extend(channels);
        }
        Ok(x.reshape(&apart).broadcast_to(&whole).reshape(&result).check()?)
    }
}

moving_layer!(UpSampling as "tfn.layers.UpSampling" { size } );

/// Checks that an input has the axes of an example, behind that of the draws if it has one.
pub(crate) fn check_axes(x: &Tensor, ndims: usize, pass: &Pass) -> Result<()> {
    let shape = x.shape()?;
    let least = ndims.saturating_add(usize::from(pass.is_input_of_each()));
    if shape.len() >= least {
        return Ok(());
    }
    let (given, expected) = (shape.to_vec(), format!("at least {least} axes"));
    Err(LayerError::Input { given, expected })
}

/// How many axes lie before the last `ndims`.
fn leading(x: &Tensor, ndims: usize) -> Result<usize> {
    let shape = x.shape()?;
    let too_few =
        || LayerError::Input { given: shape.to_vec(), expected: format!("at least {ndims} axes") };
    shape.len().checked_sub(ndims).ok_or_else(too_few)
}

fn signed(axis: usize) -> isize {
    isize::try_from(axis).unwrap_or(isize::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::check_layer;
    use tfn_tensor::{DType, Key};

    #[test]
    fn the_laws_hold_and_wrong_shapes_are_errors() {
        let x = Key::from_seed(2).stream().normal(&[2, 2, 3, 2], DType::F64);
        check_layer(&Flatten::new(3), &x).unwrap();
        check_layer(&Reshape::new(3, &[4, 3]), &x).unwrap();
        check_layer(&Permute::new(&[2, 0, 1]), &x).unwrap();
        check_layer(&ZeroPadding::new(&[(1, 0), (0, 2)]), &x).unwrap();
        check_layer(&UpSampling::new(&[2, 3]), &x).unwrap();
        let row = Tensor::ones(&[2], DType::F64);
        assert!(Flatten::new(3).call(&row).is_err());
        assert!(Reshape::new(3, &[4]).call(&row).is_err());
        assert!(Reshape::new(1, &[4]).call(&row).is_err());
        assert!(Permute::new(&[0, 1]).call(&row).is_err());
        assert!(Permute::new(&[1]).call(&row).is_err());
        assert!(Permute::new(&[usize::MAX]).call(&row).is_err());
        assert!(ZeroPadding::new(&[(1, 1), (1, 1)]).call(&row).is_err());
        assert!(ZeroPadding::new(&[(usize::MAX, 1)]).call(&x).is_err());
        assert!(UpSampling::new(&[2, 2]).call(&row).is_err());
        assert!(UpSampling::new(&[usize::MAX]).call(&x).is_err());
    }

    #[test]
    fn entries_lie_where_they_should() {
        let x = Tensor::from_vec((0..6).map(f64::from).collect(), &[1, 2, 3, 1]);
        let up = UpSampling::new(&[1, 2]).call(&x).unwrap().to_vec::<f64>().unwrap();
        assert_eq!(up, [0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0, 5.0, 5.0]);
        let padded = ZeroPadding::new(&[(0, 0), (1, 0)]).call(&x).unwrap().to_vec::<f64>().unwrap();
        assert_eq!(padded, [0.0, 0.0, 1.0, 2.0, 0.0, 3.0, 4.0, 5.0]);
        let turned = Permute::new(&[1, 0, 2]).call(&x).unwrap().to_vec::<f64>().unwrap();
        assert_eq!(turned, [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    }
}
