//! What is known of a node by itself.

use std::any::Any;
use std::sync::Arc;

use super::types::{Edge, Input, Node, Tensor, Vjp, Work};
use crate::variable_id::VariableId;

impl PartialEq for Edge {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.node, &other.node) && self.output == other.output
    }
}

impl Node {
    /// What it keeps for its backward pass, if its operation is `V`.
    pub(crate) fn operation<V: Vjp>(&self) -> Option<&V> {
        match &self.work {
            Work::Operation(vjp) => (vjp.as_ref() as &dyn Any).downcast_ref(),
            Work::Leaf(_) | Work::Watched => None,
        }
    }

    pub(crate) fn leaf(variable: VariableId) -> Arc<Self> {
        Self::source(Work::Leaf(variable))
    }

    pub(crate) fn watched() -> Arc<Self> {
        Self::source(Work::Watched)
    }

    fn source(work: Work) -> Arc<Self> {
        Arc::new(Self { height: 0, inputs: Vec::new(), outputs: 1, work })
    }
}

/// Drops a chain of nodes of any length without recursion.
impl Drop for Node {
    fn drop(&mut self) {
        let mut pending: Vec<Input> = std::mem::take(&mut self.inputs);
        while let Some(input) = pending.pop() {
            if let Some(mut node) = input.edge.and_then(|edge| Arc::into_inner(edge.node)) {
                pending.append(&mut node.inputs);
            }
        }
    }
}

impl Input {
    pub(super) fn of(tensor: &Tensor) -> Option<Self> {
        let array = tensor.array().ok()?;
        Some(Self { edge: array.edge.clone(), shape: array.shape.clone(), dtype: array.dtype() })
    }
}
