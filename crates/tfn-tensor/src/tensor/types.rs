//! The types of tensors and of graphs, which name each other.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::dtype::DType;
use crate::error::{Result, TensorError};
use crate::storage::Storage;
use crate::variable_id::VariableId;

/// An immutable n-dimensional array of `f32` or `f64` that remembers how it was made.
///
/// Counterpart: `tf.Tensor`, with `tf.GradientTape` built in. Entries lie row-major over the shape.
/// A clone shares the entries. Arithmetic gives tensors, so that a formula reads like the formula,
/// and a failed check (shapes, types) gives a tensor that carries its error: every way out
/// ([`data`](Self::data), [`item`](Self::item), [`shape`](Self::shape),
/// [`gradients`](Self::gradients), …) returns [`Result`] and hands it over.
///
/// # Examples
///
/// ```
/// use tfn_tensor::{Tensor, TensorError, Variable};
///
/// let x = Variable::new("x", Tensor::from_vec(vec![1.0, 2.0, 3.0], &[3]))?;
/// let loss = ((x.tensor() - 1.0).square() * 0.5).sum();
/// assert_eq!(loss.item()?, 2.5);
/// assert_eq!(loss.gradients()?.of(&x).to_vec::<f64>()?, [0.0, 1.0, 2.0]);
///
/// let wrong = x.tensor() + Tensor::from_vec(vec![1.0, 2.0], &[2]);
/// assert!(matches!((wrong * 2.0).sum().item(), Err(TensorError::Shapes { .. })));
/// # Ok::<(), TensorError>(())
/// ```
#[derive(Clone)]
pub struct Tensor(pub(super) Repr);

#[derive(Clone)]
pub(super) enum Repr {
    Array(Array),
    Failed(Arc<TensorError>),
}

/// A tensor without an error.
#[derive(Clone)]
pub(crate) struct Array {
    pub(crate) shape: Arc<[usize]>,
    pub(crate) storage: Storage,
    pub(crate) edge: Option<Edge>,
}

/// The making of one tensor: output number `output` of a node.
#[derive(Clone)]
pub(crate) struct Edge {
    pub(crate) node: Arc<Node>,
    pub(crate) output: usize,
}

/// What the walk back has to know of an input.
pub(crate) struct Input {
    /// `None` if nothing tracks it.
    pub(crate) edge: Option<Edge>,
    pub(crate) shape: Arc<[usize]>,
    pub(crate) dtype: DType,
}

pub(crate) enum Work {
    Leaf(VariableId),
    /// A tensor that is [watched](Tensor::watched).
    Watched,
    Operation(Box<dyn Vjp>),
}

/// One application of an operation, or a variable.
pub(crate) struct Node {
    /// One more than the highest input: inputs always lie lower, so descending height is an order in
    /// which a node comes after everything that uses it.
    pub(crate) height: u64,
    pub(crate) inputs: Vec<Input>,
    pub(crate) outputs: usize,
    pub(crate) work: Work,
}

/// A vector-Jacobian product: the backward pass of one operation, definable in any crate.
///
/// See [`apply`](crate::apply) for an example.
pub trait Vjp: Any + Send + Sync {
    /// Name of the operation, for errors and reports.
    fn name(&self) -> &'static str;

    /// Adds to the gradient of each input that is [needed](VjpContext::needs) the product of the
    /// outputs' gradients with the Jacobian. May be called more than once.
    ///
    /// # Errors
    /// Whatever the computation reports; the walk ends with it.
    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()>;
}

/// What a backward pass sees: the gradients of its outputs, and where to put those of its inputs.
pub struct VjpContext<'a> {
    pub(super) node: &'a Node,
    pub(super) grads: Vec<Option<Tensor>>,
    pub(super) slots: &'a mut Slots,
    pub(super) error: Option<TensorError>,
}

/// A node, and the gradients of its outputs so far.
pub(super) type Waiting = (Arc<Node>, Vec<Option<Tensor>>);

/// Gradients of nodes that wait for the walk to reach them.
///
/// Nodes leave by descending height and, at one height, in the order in which they were found, so
/// that sums are always formed in the same order.
#[derive(Default)]
pub(super) struct Slots {
    pub(super) queue: BTreeMap<(u64, u64), Waiting>,
    /// Place in the queue by address; looked up, never iterated.
    pub(super) places: HashMap<usize, (u64, u64)>,
    pub(super) found: u64,
}
