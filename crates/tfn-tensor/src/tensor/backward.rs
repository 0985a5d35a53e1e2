//! One walk back through a graph.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::types::{Edge, Slots, Tensor, VjpContext, Work};
use crate::error::Result;
use crate::variable_id::VariableId;

/// What a walk back finds: the gradients of every variable, and those of the edges that were asked for.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) variables: BTreeMap<VariableId, Tensor>,
    pub(crate) edges: Vec<Option<Tensor>>,
}

/// Gradients of every variable and of the edges `wanted` below `edge`, whose own gradient is `seed`.
pub(crate) fn backward(edge: &Edge, seed: Tensor, wanted: &[Edge]) -> Result<Found> {
    let mut edges = vec![None; wanted.len()];
    let mut slots = Slots::default();
    let mut gradients = BTreeMap::new();
    *slots.slot(edge) = Some(seed);
    while let Some((node, mut grads)) = slots.pop() {
        // Whatever uses a node has been walked before it: its gradients are whole.
        for (wanted, found) in wanted.iter().zip(&mut edges) {
            if Arc::ptr_eq(&wanted.node, &node) {
                found.clone_from(&grads[wanted.output]);
            }
        }
        match &node.work {
            Work::Watched => {}
            Work::Leaf(variable) => {
                if let Some(Some(gradient)) = grads.pop() {
                    gradients.insert(*variable, gradient);
                }
            }
            Work::Operation(vjp) => {
                let mut ctx = VjpContext { node: &node, grads, slots: &mut slots, error: None };
                vjp.vjp(&mut ctx)?;
                if let Some(error) = ctx.error {
                    return Err(error);
                }
            }
        }
    }
    Ok(Found { variables: gradients, edges })
}
