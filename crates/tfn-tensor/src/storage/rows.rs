//! Numbers that are zero but for some rows.

use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use super::types::{LazyData, Rows, Storage};
use crate::buffer::Buffer;
use crate::dtype::Element;
use crate::kernels::{self, Accumulate};

impl<E: Element> Rows<E> {
    /// Row `indices[i]` of a table is row `i` of `values`, which are there and of type `E`.
    pub(crate) fn new(width: usize, indices: Arc<[usize]>, values: Storage) -> Self {
        Self::of(width, vec![(indices, values)])
    }

    fn of(width: usize, parts: Vec<(Arc<[usize]>, Storage)>) -> Self {
        Self { width, parts, sums: OnceLock::new(), entries: PhantomData }
    }

    /// The sum of both, if their rows are of one length.
    pub(crate) fn joined(&self, other: &Self) -> Option<Self> {
        let parts = || self.parts.iter().chain(&other.parts).cloned().collect();
        (self.width == other.width).then(|| Self::of(self.width, parts()))
    }

    /// Entries of a row.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// The indices, ascending and each once, and the sum of the rows of each.
    pub(crate) fn sums(&self) -> (&[usize], &Storage) {
        let (indices, values) = self.sums.get_or_init(|| self.summed());
        (indices, values)
    }

    fn summed(&self) -> (Vec<usize>, Storage) {
        if let [(indices, values)] = &self.parts[..]
            && indices.is_sorted_by(|a, b| a < b)
        {
            return (indices.to_vec(), values.clone());
        }
        // Equal indices stay in the order in which they came, so that sums are always formed in it.
        let mut order: Vec<(usize, &[E])> =
            self.parts.iter().flat_map(|part| self.rows_of(part)).collect();
        order.sort_by_key(|&(index, _)| index);
        let mut indices: Vec<usize> = order.iter().map(|&(index, _)| index).collect();
        indices.dedup();
        let values = Buffer::build(indices.len() * self.width, |out| {
            let groups = order.chunk_by(|a, b| a.0 == b.0);
            for (out, group) in out.chunks_exact_mut(self.width).zip(groups) {
                for (i, (_, row)) in group.iter().enumerate() {
                    if i == 0 { out.copy_from_slice(row) } else { kernels::add_block(out, row) }
                }
            }
        });
        (indices, Storage::new(values))
    }

    fn rows_of<'a>(
        &self,
        (indices, values): &'a (Arc<[usize]>, Storage),
    ) -> impl Iterator<Item = (usize, &'a [E])> {
        let values = values.buffer::<E>().map_or(&[][..], Buffer::as_slice);
        indices.iter().copied().zip(values.chunks_exact(self.width))
    }

    /// Writes the table's entries from `start` on; what is added touches no entries but those of the rows.
    pub(crate) fn write(&self, start: usize, out: &mut [E], accumulate: Accumulate) {
        if accumulate == Accumulate::Set {
            out.fill(E::zero());
        }
        let (indices, values) = self.sums();
        let values = values.buffer::<E>().map_or(&[][..], Buffer::as_slice);
        let (width, end) = (self.width, start + out.len());
        let first = indices.partition_point(|&index| (index + 1) * width <= start);
        let rows = indices[first..].iter().zip(values[first * width..].chunks_exact(width));
        for (&index, row) in rows.take_while(|&(&index, _)| index * width < end) {
            let (from, to) = (start.max(index * width), end.min((index + 1) * width));
            let row = &row[from - index * width..to - index * width];
            kernels::add_block(&mut out[from - start..to - start], row);
        }
    }

    /// The table, as blocks that are made when they are wanted.
    pub(crate) fn lazy(self) -> LazyData<E> {
        let rows = Arc::new(self);
        let table = rows.clone();
        let write = Box::new(move |start: usize, out: &mut [E], accumulate| {
            table.write(start, out, accumulate);
        });
        LazyData { unit: 1, write, total: None, same: None, rows: Some(rows) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(indices: &[usize], values: &[f64]) -> Rows<f64> {
        Rows::new(2, indices.into(), Storage::new(Buffer::from_vec(values.to_vec())))
    }

    fn sums(rows: &Rows<f64>) -> (&[usize], &[f64]) {
        let (indices, values) = rows.sums();
        (indices, values.buffer::<f64>().unwrap().as_slice())
    }

    #[test]
    fn rows_are_sorted_and_those_of_one_index_added() {
        let one = part(&[3, 1, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(sums(&one), (&[1, 3][..], &[3.0, 4.0, 6.0, 8.0][..]));
        let both = one.joined(&part(&[0, 1], &[7.0, 8.0, 9.0, 10.0])).unwrap();
        assert_eq!(sums(&both), (&[0, 1, 3][..], &[7.0, 8.0, 12.0, 14.0, 6.0, 8.0][..]));
        let wider = Rows::new(4, [0].into(), Storage::new(Buffer::from_vec(vec![1.0; 4])));
        assert!(one.joined(&wider).is_none());
    }

    #[test]
    fn what_is_in_order_is_not_copied() {
        let rows = part(&[1, 4], &[1.0, 2.0, 3.0, 4.0]);
        assert!(rows.sums().1.is(&rows.parts[0].1));
        assert_eq!(sums(&part(&[], &[])), (&[][..], &[][..]));
    }

    #[test]
    fn any_part_of_the_table_is_written_alike() {
        let rows = part(&[3, 1], &[1.0, 2.0, 3.0, 4.0]);
        let table = [0.0, 0.0, 3.0, 4.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.0];
        for start in 0..=table.len() {
            for end in start..=table.len() {
                let mut out = vec![f64::NAN; end - start];
                rows.write(start, &mut out, Accumulate::Set);
                assert_eq!(out, table[start..end]);
                rows.write(start, &mut out, Accumulate::Add);
                assert!(out.iter().zip(&table[start..end]).all(|(twice, x)| *twice == x + x));
            }
        }
    }
}
