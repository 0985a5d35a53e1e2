//! Values outside the range of a bijector, and the points of it that stand in for them.

use tfn_tensor::Tensor;
use tfn_tensor::random::Stream;

use super::TransformedDistribution;
use crate::distribution::Distribution;
use crate::error::Result;
use crate::masking::{all_last, constant};

/// Powers of ten that are tried for a point that a bijector leads back to, on either side of 1.
const MOST_POWERS: i32 = 20;

impl TransformedDistribution {
    /// The mask of events inside the range of the bijector; `None` if all are.
    pub(super) fn inside_mask(&self, y: &Tensor) -> Result<Option<Tensor>> {
        let ndims = self.bijector.inverse_min_event_ndims();
        let is_finite = || all_last(&y.abs().lt(&constant(f64::INFINITY, y)), ndims);
        let mask = match (self.bijector.in_range(y), y.all_finite()?) {
            (None, true) => return Ok(None),
            (None, false) => is_finite(),
            (Some(mask), true) => mask,
            (Some(mask), false) => mask * is_finite(),
        };
        // What is no number stays so.
        let mask = mask.maximum(&(1.0 - all_last(&y.eq(y), ndims)));
        Ok((!all_nonzero(&mask)?).then_some(mask))
    }

    /// `y` with events outside the range replaced by one inside, and the mask of those that are not; without
    /// one if there are none.
    pub(super) fn inside(&self, y: &Tensor) -> Result<(Tensor, Option<Tensor>)> {
        let Some(mask) = self.inside_mask(y)? else { return Ok((y.clone(), None)) };
        let ndims = self.bijector.inverse_min_event_ndims();
        let point = self.bijector.forward(&self.moderate()?).detach();
        let wide = (0..ndims).fold(mask.clone(), |mask, _| mask.expand_dims(-1));
        Ok((Tensor::select(&wide, y, &point), Some(mask)))
    }

    /// An event before the bijector, moderate, so that it can be sent there and back.
    pub(super) fn moderate(&self) -> Result<Tensor> {
        let mut noise = Stream::from_seed(0);
        let x = self.distribution.sample_of(&self.shape_before()?, &mut noise)?;
        let x = x.detach().clamp(-1.0, 1.0);
        if !self.event_shape()?.is_empty() {
            return Ok(x);
        }
        self.returning(&x)
    }

    /// `x`, but where it is rounded to an end of a range on its way through the bijector, another number that comes back, if one is
    /// found: one half, a power of ten, or what the bijector takes to such a number.
    fn returning(&self, x: &Tensor) -> Result<Tensor> {
        let returns = |point: &Tensor| {
            let back = self.bijector.inverse(&self.bijector.forward(point)).detach();
            (back - point).abs().le(&(point.abs() * 0.5))
        };
        let mut done = returns(x);
        if all_nonzero(&done)? {
            return Ok(x.clone());
        }
        let [below, above] = [-1.0, 1.0].map(|side| constant(side, x));
        let side = Tensor::select(&x.lt(&constant(0.0, x)), &below, &above);
        let powers = (1..=MOST_POWERS).flat_map(|power| [10.0_f64.powi(power), 10.0_f64.powi(-power)]);
        let mut point = x.clone();
        for size in std::iter::once(0.5).chain(powers) {
            for number in [&side * size, &side * -size] {
                for next in [number.clone(), self.bijector.inverse(&number).detach()] {
                    let takes = (1.0 - &done) * returns(&next);
                    point = Tensor::select(&takes, &next, &point);
                    done = done + takes;
                    if all_nonzero(&done)? {
                        return Ok(point);
                    }
                }
            }
        }
        Ok(point)
    }
}

/// `answer`, which nothing moves if the mask has no entry: the range may have no number that could stand in.
pub(super) fn unless_all_outside(mask: &Tensor, answer: Tensor) -> Result<Tensor> {
    Ok(if mask.sum().item()? == 0.0 { answer.detach() } else { answer })
}

/// Whether no entry of a mask is 0.
pub(super) fn all_nonzero(mask: &Tensor) -> Result<bool> {
    Ok(mask.eq(&constant(0.0, mask)).sum().item()? == 0.0)
}
