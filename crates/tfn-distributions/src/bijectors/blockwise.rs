//! Bijectors side by side.

use std::sync::Arc;

use tfn_module::Module;
use tfn_tensor::Tensor;

use super::{Bijector, expect_event, given, no_change, taken};
use crate::error::{DistributionError, Result};
use crate::masking::all_last;

/// A vector in blocks, each of which goes through its own bijector.
///
/// Counterpart: `tfp.bijectors.Blockwise`. The bijectors act entry by entry or on vectors, whose length they may
/// change.
///
/// # Examples
/// ```
/// use tfn_distributions::bijectors::{Bijector, Blockwise, Exp, SoftmaxCentered};
/// use tfn_tensor::Tensor;
///
/// let both = Blockwise::new([Exp::new().into(), SoftmaxCentered::new().into()], &[2, 1])?;
/// let y = both.forward(&Tensor::from_vec(vec![0.0; 3], &[3]));
/// assert_eq!(y.to_vec::<f64>()?, [1.0, 1.0, 0.5, 0.5]);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Blockwise {
    bijectors: Vec<Arc<dyn Bijector>>,
    block_sizes: Vec<usize>,
    sizes_after: Vec<usize>,
}

fn argument(argument: &'static str, given: String, expected: String) -> DistributionError {
    DistributionError::Argument { family: "Blockwise", argument, given, expected }
}

impl Blockwise {
    /// One of `bijectors` for each block; `block_sizes` are the numbers of entries of the blocks.
    ///
    /// # Errors
    /// [`DistributionError::Argument`] if there are none, if there is not one size for each, or one takes or gives
    /// events of more than one axis; [`DistributionError::Shape`] if one does not take vectors of its size.
    pub fn new(
        bijectors: impl IntoIterator<Item = Arc<dyn Bijector>>,
        block_sizes: &[usize],
    ) -> Result<Self> {
        let bijectors: Vec<_> = bijectors.into_iter().collect();
        if bijectors.is_empty() {
            return Err(argument("bijectors", "empty".into(), "at least one".into()));
        }
        if bijectors.len() != block_sizes.len() {
            let expected = format!("one for each of {} bijectors", bijectors.len());
            return Err(argument("block_sizes", format!("{} sizes", block_sizes.len()), expected));
        }
        let sizes = bijectors.iter().zip(block_sizes);
        let sizes_after = sizes.map(|(b, &size)| size_after(b.as_ref(), size)).collect::<Result<_>>()?;
        Ok(Self { bijectors, block_sizes: block_sizes.to_vec(), sizes_after })
    }

    /// The bijectors, as given.
    pub fn bijectors(&self) -> &[Arc<dyn Bijector>] {
        &self.bijectors
    }

    /// The entries of each block of `x`.
    pub fn block_sizes(&self) -> &[usize] {
        &self.block_sizes
    }

    /// What `part` makes of each bijector and its block.
    fn each(
        &self,
        whole: &Tensor,
        sizes: &[usize],
        part: &dyn Fn(&dyn Bijector, &Tensor) -> Tensor,
    ) -> Vec<Tensor> {
        let starts = sizes.iter().scan(0, |next, &size| {
            *next += size;
            Some(*next - size)
        });
        let blocks = starts.zip(sizes).map(|(start, &size)| whole.narrow(-1, start, size));
        self.bijectors.iter().zip(blocks).map(|(b, block)| part(b.as_ref(), &block)).collect()
    }
}

/// How many entries `bijector` makes of `size`.
fn size_after(bijector: &dyn Bijector, size: usize) -> Result<usize> {
    let ndims = [bijector.forward_min_event_ndims(), bijector.inverse_min_event_ndims()];
    if let [0, 0] | [1, 1] = ndims
        && let [after] = bijector.forward_shape(&[size])?[..]
    {
        return Ok(after);
    }
    let given = format!("{} from {} axes to {}", bijector.class_name(), ndims[0], ndims[1]);
    Err(argument("bijectors", given, "functions of entries, or of vectors to vectors".into()))
}

fn joined(parts: &[Tensor]) -> Tensor {
    Tensor::concat(&parts.iter().collect::<Vec<_>>(), -1)
}

impl Bijector for Blockwise {
    fn forward(&self, x: &Tensor) -> Tensor {
        joined(&self.each(&taken(self, x), &self.block_sizes, &|b, x| b.forward(x)))
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        joined(&self.each(&given(self, y), &self.sizes_after, &|b, y| b.inverse(y)))
    }

    fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
        let terms = self.each(&taken(self, x), &self.block_sizes, &|b, x| {
            b.forward_log_det_jacobian_over(x, 1)
        });
        terms.into_iter().fold(no_change(x, 1), |sum, term| sum + term)
    }

    fn inverse_log_det_jacobian(&self, y: &Tensor) -> Tensor {
        let terms = self.each(&given(self, y), &self.sizes_after, &|b, y| {
            b.inverse_log_det_jacobian_over(y, 1)
        });
        terms.into_iter().fold(no_change(y, 1), |sum, term| sum + term)
    }

    fn forward_min_event_ndims(&self) -> usize {
        1
    }

    fn forward_event_shape(&self, x: &[usize]) -> Result<Vec<usize>> {
        expect_event("Blockwise", "x", x, &[self.block_sizes.iter().sum()])?;
        Ok(vec![self.sizes_after.iter().sum()])
    }

    fn inverse_event_shape(&self, y: &[usize]) -> Result<Vec<usize>> {
        expect_event("Blockwise", "y", y, &[self.sizes_after.iter().sum()])?;
        Ok(vec![self.block_sizes.iter().sum()])
    }

    fn is_affine(&self) -> bool {
        self.bijectors.iter().all(|bijector| bijector.is_affine())
    }

    fn in_range(&self, y: &Tensor) -> Option<Tensor> {
        let everywhere = no_change(y, 1) + 1.0;
        let masks = self.each(&given(self, y), &self.sizes_after, &|b, y| {
            let mask = b.in_range(y);
            mask.map_or(everywhere.clone(), |mask| all_last(&mask, 1 - b.inverse_min_event_ndims()))
        });
        Some(masks.into_iter().fold(everywhere.clone(), |inside, mask| inside * mask))
    }

    fn in_domain(&self, x: &Tensor) -> Option<Tensor> {
        let everywhere = no_change(x, 1) + 1.0;
        let masks = self.each(&given(self, x), &self.block_sizes, &|b, x| {
            let mask = b.in_domain(x);
            mask.map_or(everywhere.clone(), |mask| all_last(&mask, 1 - b.forward_min_event_ndims()))
        });
        Some(masks.into_iter().fold(everywhere.clone(), |inside, mask| inside * mask))
    }

    fn is_same(&self, other: &dyn Bijector) -> bool {
        let same = |(a, b): (&Arc<dyn Bijector>, &Arc<dyn Bijector>)| a.is_same(b.as_ref());
        other.downcast_ref::<Self>().is_some_and(|other| {
            self.block_sizes == other.block_sizes
                && self.bijectors.iter().zip(&other.bijectors).all(same)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bijectors::{Exp, FillTriangular, Identity, Permute, SoftmaxCentered};
    use crate::testing::check_bijector_at;

    fn parts() -> [Arc<dyn Bijector>; 3] {
        [Exp::new().into(), SoftmaxCentered::new().into(), Identity::new().into()]
    }

    #[test]
    fn keeps_the_laws() {
        let x = Tensor::from_vec(vec![-3.0, 0.5, 2.5, 1.0, 0.2, 0.1, 0.4, -0.6], &[2, 4]);
        let blockwise = Blockwise::new(parts(), &[1, 2, 1]).unwrap();
        check_bijector_at(&blockwise, &x, None).unwrap();
        assert!(blockwise.is_same(&Blockwise::new(parts(), &[1, 2, 1]).unwrap()));
        assert!(!blockwise.is_same(&Blockwise::new(parts(), &[2, 1, 1]).unwrap()));
        let y = Tensor::from_vec(vec![1.0, 0.25, 0.25, 0.5, -7.0, -1.0, 0.25, 0.25, 0.5, 0.0], &[2, 5]);
        assert_eq!(blockwise.in_range(&y).unwrap().to_vec::<f64>().unwrap(), [1.0, 0.0]);
    }

    #[test]
    fn blocks_that_do_not_fit_are_errors() {
        let message = |bijectors: Vec<Arc<dyn Bijector>>, sizes: &[usize]| {
            Blockwise::new(bijectors, sizes).unwrap_err().to_string()
        };
        let start = "Blockwise: argument";
        assert_eq!(message(vec![], &[]), format!("{start} `bijectors` is empty, expected at least one"));
        assert_eq!(
            message(parts().into(), &[1, 2]),
            format!("{start} `block_sizes` is 2 sizes, expected one for each of 3 bijectors")
        );
        assert_eq!(
            message(vec![FillTriangular::new().into()], &[3]),
            format!(
                "{start} `bijectors` is FillTriangular from 1 axes to 2, expected functions of entries, or of \
                 vectors to vectors"
            )
        );
        assert!(message(vec![Permute::new(&[1, 0]).unwrap().into()], &[3]).starts_with("Permute"));
        let blockwise = Blockwise::new(parts(), &[1, 2, 1]).unwrap();
        let error = blockwise.forward(&Tensor::scalar(1.0).broadcast_to(&[3])).shape().unwrap_err();
        assert!(error.to_string().contains("has shape [3], expected events [4]"), "{error}");
    }
}
