//! One walk back through a graph.

use std::collections::BTreeMap;

use super::types::{Edge, Slots, Tensor, VjpContext, Work};
use crate::error::Result;
use crate::variable_id::VariableId;

/// Gradients of every variable below `edge`, whose own gradient is `seed`.
pub(crate) fn backward(edge: &Edge, seed: Tensor) -> Result<BTreeMap<VariableId, Tensor>> {
    let mut slots = Slots::default();
    let mut gradients = BTreeMap::new();
    *slots.slot(edge) = Some(seed);
    while let Some((node, mut grads)) = slots.pop() {
        match &node.work {
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
    Ok(gradients)
}
