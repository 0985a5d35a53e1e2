//! The queue of a walk back.

use std::sync::Arc;

use super::types::{Edge, Slots, Tensor, Waiting};

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

    pub(super) fn pop(&mut self) -> Option<Waiting> {
        let (_, (node, grads)) = self.queue.pop_last()?;
        self.places.remove(&Arc::as_ptr(&node).addr());
        Some((node, grads))
    }
}
