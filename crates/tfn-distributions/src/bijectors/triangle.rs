//! The order in which vectors fill triangular matrices.

use tfn_tensor::Tensor;

use super::{Bijector, number, with_last};
use crate::error::{DistributionError, Result};
use crate::masking::all_last;

/// Which number of a vector stands where in a triangular matrix of `size` rows: TFP's order, a clockwise spiral.
pub(super) struct Triangle {
    pub(super) size: usize,
    /// For each entry of the matrix the index of its number; `None` where it is 0.
    pub(super) places: Vec<Option<usize>>,
}

/// How many entries a triangle of so many rows has.
pub(super) fn entries_of(rows: usize) -> usize {
    rows * (rows + 1) / 2
}

/// The rows of a triangle with so many entries, if there is one.
pub(super) fn rows_of(entries: usize) -> Option<usize> {
    let rows = (entries.saturating_mul(8).saturating_add(1).isqrt() - 1) / 2;
    (entries_of(rows) == entries).then_some(rows)
}

/// The rows of the triangle that vectors of shape `x` fill.
pub(super) fn rows_from(family: &'static str, x: &[usize]) -> Result<usize> {
    let rows = if let &[entries] = x { rows_of(entries) } else { None };
    rows.ok_or_else(|| DistributionError::Shape {
        family,
        argument: "x",
        given: x.to_vec(),
        expected: "one axis of n(n + 1)/2 entries".into(),
    })
}

/// The rows of square matrices of shape `y`.
pub(super) fn rows_in(family: &'static str, y: &[usize]) -> Result<usize> {
    match *y {
        [rows, columns] if rows == columns => Ok(rows),
        _ => Err(DistributionError::Shape {
            family,
            argument: "y",
            given: y.to_vec(),
            expected: "a square matrix".into(),
        }),
    }
}

impl Triangle {
    /// The triangle that `bijector` fills with `x`, by its rows.
    pub(super) fn filled(b: &dyn Bijector, x: &Tensor, by_rows: fn(usize) -> Self) -> Result<Self> {
        let shape = b.forward_shape(x.shape()?)?;
        Ok(by_rows(shape.last().copied().unwrap_or(0)))
    }

    /// The triangle that `bijector` finds in `y`, by its rows.
    pub(super) fn found(b: &dyn Bijector, y: &Tensor, by_rows: fn(usize) -> Self) -> Result<Self> {
        b.inverse_shape(y.shape()?)?;
        Ok(by_rows(y.shape()?.last().copied().unwrap_or(0)))
    }

    pub(super) fn lower(size: usize) -> Self {
        let (entries, tail) = (entries_of(size), entries_of(size) - size);
        // The vector without its first row, and then all of it backwards.
        let at = |flat: usize| if flat < tail { size + flat } else { entries + tail - 1 - flat };
        Self::new(size, |row, column| (column <= row).then(|| at(row * size + column)))
    }

    pub(super) fn upper(size: usize) -> Self {
        let entries = entries_of(size);
        // The vector, and then backwards what is left of it without the first row.
        let at = |flat: usize| if flat < entries { flat } else { 2 * entries - 1 - flat };
        Self::new(size, |row, column| (column >= row).then(|| at(row * size + column)))
    }

    /// The lower triangle without a diagonal: that of a matrix of one row less, pushed down.
    pub(super) fn strictly_lower(size: usize) -> Self {
        let inner = Self::lower(size.saturating_sub(1));
        Self::new(size, |row, column| {
            (column < row).then(|| inner.places[(row - 1) * inner.size + column]).flatten()
        })
    }

    fn new(size: usize, place: impl Fn(usize, usize) -> Option<usize>) -> Self {
        let places = (0..size * size).map(|flat| place(flat / size, flat % size)).collect();
        Self { size, places }
    }

    /// The flat place in the matrix of each number of the vector.
    pub(super) fn numbers(&self) -> Vec<usize> {
        let mut numbers: Vec<(usize, usize)> = self
            .places
            .iter()
            .enumerate()
            .filter_map(|(at, place)| Some(((*place)?, at)))
            .collect();
        numbers.sort_unstable();
        numbers.into_iter().map(|(_, at)| at).collect()
    }

    /// The matrices that vectors of `entries` numbers fill: `index` says from which entry a place is filled, by its
    /// flat index and the index of its number in the triangle.
    pub(super) fn fill(
        &self,
        x: &Tensor,
        entries: usize,
        index: impl Fn(usize, usize) -> usize,
    ) -> Tensor {
        let index = |(at, place): (usize, &Option<usize>)| place.map_or(entries, |i| index(at, i));
        let indices: Vec<usize> = self.places.iter().enumerate().map(index).collect();
        let rows = with_last(x, 0.0).gather(-1, &indices);
        match x.shape() {
            Ok([batch @ .., _]) => rows.reshape(&[batch, &[self.size, self.size]].concat()),
            _ => rows,
        }
    }

    /// The matrices as vectors, row by row.
    pub(super) fn flat(&self, y: &Tensor) -> Tensor {
        match y.shape() {
            Ok([batch @ .., _, _]) => y.reshape(&[batch, &[self.size * self.size]].concat()),
            _ => y.clone(),
        }
    }

    /// 1 for matrices that are 0 where no number stands, except at the places that `but` names.
    pub(super) fn is_filled(&self, y: &Tensor, but: impl Fn(usize) -> bool) -> Tensor {
        let outside: Vec<usize> =
            (0..self.places.len()).filter(|&at| self.places[at].is_none() && !but(at)).collect();
        all_last(&self.flat(y).gather(-1, &outside).eq(&number(0.0, y)), 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_triangles() {
        let rows: Vec<Option<usize>> = (0..8).map(rows_of).collect();
        assert_eq!(rows, [Some(0), Some(1), None, Some(2), None, None, Some(3), None]);
    }

    #[test]
    fn every_number_has_its_place() {
        for size in 0..6 {
            for triangle in [Triangle::lower(size), Triangle::upper(size)] {
                let numbers = triangle.numbers();
                assert_eq!(numbers.len(), entries_of(size));
                let back = |(i, &at): (usize, &usize)| triangle.places[at] == Some(i);
                assert!(numbers.iter().enumerate().all(back));
            }
            let strict = Triangle::strictly_lower(size).numbers().len();
            assert_eq!(strict, entries_of(size) - size);
        }
    }
}
