//! Minibatches: which rows make up each step of each epoch.

use tfn_tensor::{DType, Key, Stream, checked_len};

use crate::check::Argument;
use crate::error::Result;

/// The rows of each minibatch, epoch by epoch.
///
/// Counterpart: `tf.data.Dataset.shuffle(n, reshuffle_each_iteration=True).batch(size)`. Each epoch
/// has its own uniform permutation of all rows, a pure function of the key and the number of the
/// epoch: an epoch may be asked for again, or out of order, and gives the same rows.
///
/// # Examples
/// ```
/// use tfn_tensor::Key;
/// use tfn_train::data::Batches;
///
/// let batches = Batches::new(10, 4)?.shuffled(Key::from_seed(1));
/// assert_eq!(batches.per_epoch(), 3); // 4, 4 and 2 rows
/// let mut seen: Vec<usize> = batches.epoch(0).concat();
/// seen.sort();
/// assert_eq!(seen, (0..10).collect::<Vec<_>>());
/// assert_ne!(batches.epoch(0), batches.epoch(1));
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Batches {
    rows: usize,
    size: usize,
    key: Option<Key>,
    drop_last: bool,
}

impl Batches {
    /// Batches of `size` out of `rows` rows, in order, a shorter last one included.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) if `rows` or `size` is 0, or memory cannot hold the order of so many
    /// rows.
    pub fn new(rows: usize, size: usize) -> Result<Self> {
        for (argument, given) in [("rows", rows), ("size", size)] {
            Argument::new("Batches", argument, given as f64).positive()?;
        }
        // The order of an epoch, its copy in batches, and what a batch is known by, are five numbers a row at most.
        let fits = checked_len(&[rows, 5], DType::F64).is_ok();
        Argument::new("Batches", "rows", rows as f64)
            .require(fits, "no more rows than memory holds the order of")?;
        Ok(Self { rows, size, key: None, drop_last: false })
    }

    /// Shuffles each epoch anew.
    #[must_use]
    pub fn shuffled(mut self, key: Key) -> Self {
        self.key = Some(key);
        self
    }

    /// Leaves out a last batch that is shorter than the others.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) if that would leave no batch at all.
    pub fn drop_last(mut self) -> Result<Self> {
        let expected = "at most the number of rows, to leave a batch";
        Argument::new("Batches", "size", self.size as f64)
            .require(self.size <= self.rows, expected)?;
        self.drop_last = true;
        Ok(self)
    }

    /// Number of batches in an epoch.
    pub fn per_epoch(&self) -> usize {
        if self.drop_last { self.rows / self.size } else { self.rows.div_ceil(self.size) }
    }

    /// The rows of each batch of an epoch, counted from 0.
    pub fn epoch(&self, epoch: u64) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..self.rows).collect();
        if let Some(key) = &self.key {
            shuffle(&mut order, &mut key.child("epoch").index(epoch).stream());
        }
        order.chunks(self.size).take(self.per_epoch()).map(<[usize]>::to_vec).collect()
    }
}

/// A uniform permutation, by Fisher and Yates.
fn shuffle(order: &mut [usize], stream: &mut Stream) {
    for last in (1..order.len()).rev() {
        order.swap(last, below(last + 1, stream));
    }
}

/// A uniform number below `n`, without the bias of a remainder: Lemire, *Fast random integer
/// generation in an interval*, ACM TOMACS 29 (2019), algorithm 5.
fn below(n: usize, stream: &mut Stream) -> usize {
    let n = n as u64;
    loop {
        let product = u128::from(stream.next_u64()) * u128::from(n);
        if product as u64 >= n.wrapping_neg() % n {
            return (product >> 64) as usize;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batches(rows: usize, size: usize, seed: u64) -> Batches {
        Batches::new(rows, size).unwrap().shuffled(Key::from_seed(seed))
    }

    #[test]
    fn an_epoch_is_a_permutation_cut_into_batches() {
        let batches = batches(103, 10, 7);
        for epoch in [0, 1, 5] {
            let rows = batches.epoch(epoch);
            assert!(rows[..10].iter().all(|batch| batch.len() == 10));
            assert_eq!((rows.len(), rows[10].len()), (11, 3));
            let mut all = rows.concat();
            assert_ne!(all, (0..103).collect::<Vec<_>>());
            all.sort_unstable();
            assert_eq!(all, (0..103).collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_epoch_depends_on_key_and_number_only() {
        let first = batches(50, 8, 3);
        let third = first.epoch(2);
        first.epoch(9);
        assert_eq!(batches(50, 8, 3).epoch(2), third);
        assert_ne!(first.epoch(3), third);
        assert_ne!(batches(50, 8, 4).epoch(2), third);
        // The batch size only cuts.
        assert_eq!(batches(50, 50, 3).epoch(2).concat(), third.concat());
    }

    #[test]
    fn drawn_order_is_a_promise() {
        assert_eq!(batches(8, 8, 1).epoch(0), [[6, 0, 4, 1, 5, 7, 3, 2]]);
    }

    #[test]
    fn without_a_key_the_order_stays() {
        let batches = Batches::new(5, 2).unwrap();
        assert_eq!(batches.epoch(4), [vec![0, 1], vec![2, 3], vec![4]]);
        assert_eq!(batches.per_epoch(), 3);
        let dropped = batches.drop_last().unwrap();
        assert_eq!(dropped.epoch(0), [[0, 1], [2, 3]]);
        assert_eq!(dropped.per_epoch(), 2);
    }

    #[test]
    fn more_rows_than_memory_can_order_are_refused() {
        for rows in [usize::MAX, 1 << 62, 1 << 44] {
            let error = Batches::new(rows, 1).unwrap_err().to_string();
            assert!(error.contains("`rows` is") && error.contains("memory"), "{error}");
        }
        Batches::new(1 << 20, usize::MAX).unwrap();
    }

    #[test]
    fn every_place_is_equally_likely() {
        // Where row 0 of 5 ends up in 5000 epochs: χ² with 4 degrees of freedom exceeds 33.4 once
        // in 10^6.
        let batches = batches(5, 5, 11);
        let mut counts = [0_i32; 5];
        for epoch in 0..5000 {
            let place = batches.epoch(epoch)[0].iter().position(|&row| row == 0);
            counts[place.unwrap()] += 1;
        }
        let chi_square: f64 = counts.iter().map(|&c| f64::from(c - 1000).powi(2) / 1000.0).sum();
        assert!(chi_square < 33.4, "{counts:?}");
    }

    #[test]
    fn sizes_of_zero_are_refused() {
        let error = Batches::new(0, 4).unwrap_err().to_string();
        assert!(error.contains("`rows` is 0"), "{error}");
        assert!(Batches::new(4, 0).unwrap_err().to_string().contains("`size` is 0"));
        let error = Batches::new(3, 4).unwrap().drop_last().unwrap_err().to_string();
        assert!(error.contains("`size` is 4, expected at most the number of rows"), "{error}");
    }
}
