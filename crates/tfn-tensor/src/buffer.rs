//! Flat storage: nalgebra vectors that come from a free list.

use nalgebra::DVector;

use crate::dtype::Element;
use crate::pool::SMALL;

/// One flat run of numbers.
#[derive(Debug)]
pub(crate) struct Buffer<E: Element>(DVector<E>);

impl<E: Element> Buffer<E> {
    /// A buffer of `len` numbers, all of which `fill` writes.
    pub(crate) fn build(len: usize, fill: impl FnOnce(&mut [E])) -> Self {
        let mut buffer = Self::from_vec(E::stale(len));
        fill(buffer.as_mut_slice());
        buffer
    }

    /// A buffer for the moment of at least `len` numbers left by whoever had it before. Lengths are rounded
    /// up, so that few different ones are kept.
    pub(crate) fn stale_at_least(len: usize) -> Self {
        Self::from_vec(E::stale(len.next_power_of_two()))
    }

    pub(crate) fn from_vec(values: Vec<E>) -> Self {
        Self(DVector::from_vec(values))
    }

    pub(crate) fn from_vector(values: DVector<E>) -> Self {
        Self(values)
    }

    pub(crate) fn as_slice(&self) -> &[E] {
        self.0.as_slice()
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [E] {
        self.0.as_mut_slice()
    }
}

impl<E: Element> Clone for Buffer<E> {
    fn clone(&self) -> Self {
        Self::build(self.0.len(), |out| out.copy_from_slice(self.as_slice()))
    }
}

impl<E: Element> Drop for Buffer<E> {
    fn drop(&mut self) {
        if self.0.len() < SMALL {
            return;
        }
        let vector = std::mem::replace(&mut self.0, DVector::from_vec(Vec::new()));
        E::give_back(vector.data.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::fresh_buffers;

    #[test]
    fn a_dropped_buffer_comes_again() {
        let first = Buffer::<f32>::build(4096, |out| out.fill(1.0));
        let address = first.as_slice().as_ptr();
        drop(first);
        let before = fresh_buffers();
        let second = Buffer::<f32>::build(4096, |out| out.fill(2.0));
        assert_eq!(second.as_slice().as_ptr(), address);
        assert_eq!(fresh_buffers(), before);
        let third = Buffer::<f32>::build(4096, |out| out.fill(3.0));
        assert_ne!(third.as_slice().as_ptr(), address);
        assert_eq!(fresh_buffers(), before + 1);
    }
}
