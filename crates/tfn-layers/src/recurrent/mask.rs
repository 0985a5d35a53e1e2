//! Masks: which steps of which sequences are to be read.

use tfn_tensor::Tensor;

use crate::error::{LayerError, Result};

/// A mask `[.., batch, steps]` of zeros and ones for sequences `x`.
#[derive(Debug)]
pub(super) struct Mask(Tensor);

impl Mask {
    /// The mask given for the layer `class` at `x`: its shape is that of the sequences' last two axes before the features, or of more of them.
    pub(super) fn given(class: &str, mask: &Tensor, x: &Tensor) -> Result<Self> {
        let wrong = |given, expected| {
            let (layer, argument) = (class.to_owned(), "mask");
            LayerError::Argument { layer, argument, given, expected }
        };
        let (given, of_x) = (mask.shape()?, x.shape()?);
        let steps = &of_x[..of_x.len().saturating_sub(1)];
        if given.len() < 2 || !steps.ends_with(given) {
            let last = &steps[steps.len().saturating_sub(2)..];
            return Err(wrong(format!("of shape {given:?}"), format!("shape {last:?}")));
        }
        if let Some(entry) =
            mask.to_f64_vec()?.into_iter().find(|entry| ![0.0, 1.0].contains(entry))
        {
            return Err(wrong(format!("{entry}"), "entries 0 and 1".to_owned()));
        }
        Ok(Self(mask.detach().cast(x.dtype()?).check()?))
    }

    /// The mask of those steps that have a feature which is not `value`.
    pub(super) fn by_value(value: f64, x: &Tensor) -> Result<Self> {
        let same = x.detach().eq(&Tensor::full(&[], value, x.dtype()?));
        Ok(Self((1.0 - same).max_axis(-1, false).check()?))
    }

    /// Both masks: a step is read if both say so.
    pub(super) fn and(self, other: Self) -> Result<Self> {
        Ok(Self((self.0 * other.0).check()?))
    }

    /// The sequences with zeros where they are not read, so that no NaN of theirs gets into a gradient.
    pub(super) fn cleared(&self, x: &Tensor) -> Result<Tensor> {
        let zero = Tensor::zeros(&[], x.dtype()?);
        Ok(Tensor::select(&self.0.expand_dims(-1), x, &zero).check()?)
    }

    /// The output of a step, with zeros where it is not read.
    pub(super) fn zeroed(&self, step: usize, output: &Tensor) -> Result<Tensor> {
        let zero = Tensor::zeros(&[], output.dtype()?);
        Ok(Tensor::select(&self.0.narrow(-1, step, 1), output, &zero).check()?)
    }

    /// The states after a step: the new ones where it is read, the old ones elsewhere.
    pub(super) fn chosen(&self, step: usize, new: &[Tensor], old: &[Tensor]) -> Vec<Tensor> {
        let read = self.0.narrow(-1, step, 1);
        new.iter().zip(old).map(|(new, old)| Tensor::select(&read, new, old)).collect()
    }
}
