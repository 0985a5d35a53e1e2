//! One walk back through a graph.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::{Edge, Node, VjpContext, Work};
use crate::error::Result;
use crate::gradients::Gradients;
use crate::tensor::Tensor;

/// A node, and the gradients of its outputs so far.
type Waiting = (Arc<Node>, Vec<Option<Tensor>>);

/// Gradients of nodes that wait for the walk to reach them.
///
/// Nodes leave by descending height and, at one height, in the order in which they were found, so
/// that sums are always formed in the same order.
#[derive(Default)]
pub(super) struct Slots {
    queue: BTreeMap<(u64, u64), Waiting>,
    /// Place in the queue by address; looked up, never iterated.
    places: HashMap<usize, (u64, u64)>,
    found: u64,
}

impl Slots {
    pub(super) fn slot(&mut self, edge: &Edge) -> &mut Option<Tensor> {
        let found = self.found;
        let address = Arc::as_ptr(&edge.node).addr();
        let place = *self.places.entry(address).or_insert((edge.node.height, u64::MAX - found));
        let (_, grads) = self.queue.entry(place).or_insert_with(|| {
            self.found += 1;
            (edge.node.clone(), vec![None; edge.node.outputs])
        });
        &mut grads[edge.output]
    }

    fn pop(&mut self) -> Option<Waiting> {
        let (_, (node, grads)) = self.queue.pop_last()?;
        self.places.remove(&Arc::as_ptr(&node).addr());
        Some((node, grads))
    }
}

/// Gradients of every variable below `edge`, whose own gradient is `seed`.
pub(crate) fn backward(edge: &Edge, seed: Tensor) -> Result<Gradients> {
    let mut slots = Slots::default();
    let mut gradients = Gradients::default();
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
