//! Wrappers of other crates.

use std::any::Any;
use std::fmt::Debug;

use tfn_tensor::Tensor;

use crate::error::Result;

/// How a distribution of any crate is made from the one inside it, as far as KL divergences need to know: for
/// [`Structure::Wrapped`](crate::Structure::Wrapped).
///
/// It stands for a change of distributions under which the divergence of two follows from that of the two inside:
/// outcomes renamed without loss, independent repetitions, a batch in another order.
///
/// # Examples
/// Pairs of independent numbers of one distribution:
/// ```
/// use std::sync::Arc;
///
/// use tfn_distributions::module::Module;
/// use tfn_distributions::tensor::{DType, Stream, Tensor};
/// use tfn_distributions::{
///     Distribution, Laplace, ParameterSpec, Result, Structure, Wrapper, kl_divergence,
/// };
///
/// #[derive(Debug, Module)]
/// struct Pair {
///     of: Arc<dyn Distribution>,
/// }
///
/// impl Distribution for Pair {
///     fn parameters(&self) -> Vec<ParameterSpec<'_>> {
///         Vec::new()
///     }
///     fn dtype(&self) -> Result<DType> {
///         self.of.dtype()
///     }
///     fn batch_shape(&self) -> Result<Vec<usize>> {
///         self.of.batch_shape()
///     }
///     fn event_shape(&self) -> Result<Vec<usize>> {
///         Ok(vec![2])
///     }
///     fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
///         let entry = |i| self.of.log_prob(&x.narrow(-1, i, 1).squeeze(-1));
///         Ok(entry(0)? + entry(1)?)
///     }
///     fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
///         let one = &shape[..shape.len() - 1];
///         let [a, b] = [self.of.sample_of(one, stream)?, self.of.sample_of(one, stream)?];
///         Ok(Tensor::stack(&[&a, &b], -1))
///     }
///     fn structure(&self) -> Structure {
///         Structure::Wrapped { base: self.of.clone(), wrapper: Arc::new(InPairs) }
///     }
/// }
///
/// #[derive(Debug)]
/// struct InPairs;
///
/// impl Wrapper for InPairs {
///     fn is_same(&self, other: &dyn Wrapper) -> bool {
///         other.downcast_ref::<Self>().is_some()
///     }
///     fn kl_from_base(&self, divergence: &Tensor, _: &[usize]) -> Result<Tensor> {
///         Ok(divergence * 2.0)
///     }
/// }
///
/// let (q, p) = (Laplace::new(0.5, 1.0)?, Laplace::new(0.0, 2.0)?);
/// let one = kl_divergence(&q, &p)?.item()?;
/// let (q, p) = (Pair { of: q.into() }, Pair { of: p.into() });
/// assert_eq!(kl_divergence(&q, &p)?.item()?, 2.0 * one);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
pub trait Wrapper: Any + Debug + Send + Sync {
    /// Whether `other` makes the same of every distribution: only then is [`kl_from_base`](Self::kl_from_base) called. Where this
    /// is not known, the answer is `false`.
    fn is_same(&self, other: &dyn Wrapper) -> bool;

    /// The divergence of two distributions with this wrapper, from the `divergence` of those inside.
    ///
    /// # Shapes
    /// `divergence` has the shape that the batches of those inside broadcast to; the result broadcasts to `batch_shape`,
    /// which is that of the batches of the two with the wrapper.
    ///
    /// # Errors
    /// Those of the tensors.
    fn kl_from_base(&self, divergence: &Tensor, batch_shape: &[usize]) -> Result<Tensor>;
}

impl dyn Wrapper {
    /// The wrapper as `W`, if it is one.
    pub fn downcast_ref<W: Wrapper>(&self) -> Option<&W> {
        (self as &dyn Any).downcast_ref()
    }
}
