//! Draws that were recorded elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::dtype::DType;
use crate::error::TensorError;
use crate::tensor::Tensor;

/// A place in a record of draws.
#[derive(Clone)]
pub(super) struct Replay {
    record: Arc<BTreeMap<String, Vec<Tensor>>>,
    /// Labels from the root, none at the root itself.
    path: Option<String>,
}

impl Replay {
    pub(super) fn new(entries: impl IntoIterator<Item = (String, Tensor)>) -> Self {
        let mut record: BTreeMap<String, Vec<Tensor>> = BTreeMap::new();
        for (path, draw) in entries {
            record.entry(path).or_default().push(draw);
        }
        Self { record: Arc::new(record), path: None }
    }

    pub(super) fn child(self, segment: &str) -> Self {
        let path = match self.path {
            Some(path) => path + "/" + segment,
            None => segment.to_owned(),
        };
        Self { record: self.record, path: Some(path) }
    }

    pub(super) fn path(&self) -> &str {
        self.path.as_deref().unwrap_or_default()
    }

    /// Draw `index` of this place, if it was recorded in this shape.
    pub(super) fn draw(&self, index: u64, shape: &[usize], dtype: DType) -> Tensor {
        self.find(index, shape, dtype).unwrap_or_else(Tensor::from_error)
    }

    fn find(&self, index: u64, shape: &[usize], dtype: DType) -> Result<Tensor, TensorError> {
        let draws = self.record.get(self.path()).map_or(&[][..], Vec::as_slice);
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let Some(draw) = draws.get(index) else {
            let path = self.path().to_owned();
            return Err(TensorError::ReplayMissing { path, index, recorded: draws.len() });
        };
        if draw.shape()? != shape {
            return Err(TensorError::ReplayShape {
                path: self.path().to_owned(),
                index,
                given: draw.shape()?.to_vec(),
                expected: shape.to_vec(),
            });
        }
        Ok(if draw.dtype()? == dtype { draw.clone() } else { draw.cast(dtype) })
    }
}

/// Two places are equal if they are the same place of the same record, not of an equal one.
impl PartialEq for Replay {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.record, &other.record) && self.path == other.path
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::random::Key;

    fn recorded() -> Key {
        Key::replay([
            ("a/b".to_owned(), Tensor::from_vec(vec![1.0, 2.0], &[2])),
            ("a/0".to_owned(), Tensor::from_vec(vec![7.0_f32], &[])),
            ("a/b".to_owned(), Tensor::from_vec(vec![3.0, 4.0, 5.0], &[3, 1])),
            (String::new(), Tensor::from_vec(vec![9.0], &[1])),
            ("bad".to_owned(), Tensor::from_vec(vec![9.0], &[2])),
        ])
    }

    #[test]
    fn draws_come_in_the_order_of_their_path_whatever_their_kind() {
        let key = recorded();
        let mut stream = key.child("a").child("b").stream();
        assert_eq!(stream.normal(&[2], DType::F64).to_vec::<f64>().unwrap(), [1.0, 2.0]);
        let second = stream.uniform(&[3, 1], DType::F64);
        assert_eq!(second.shape().unwrap(), [3, 1]);
        assert_eq!(second.to_vec::<f64>().unwrap(), [3.0, 4.0, 5.0]);
        let single = key.child("a").index(0).stream().signs(&[], DType::F32);
        assert_eq!(single.to_vec::<f32>().unwrap(), [7.0]);
        let root = key.stream().uniform_open(&[1], DType::F64);
        assert_eq!(root.to_vec::<f64>().unwrap(), [9.0]);
    }

    #[test]
    fn each_stream_starts_at_the_first_draw() {
        let key = recorded().child("a/b");
        for _ in 0..2 {
            let first = key.stream().normal(&[2], DType::F64);
            assert_eq!(first.to_vec::<f64>().unwrap(), [1.0, 2.0]);
        }
    }

    #[test]
    fn another_type_is_cast() {
        let key = recorded();
        let narrow = key.child("a/b").stream().normal(&[2], DType::F32);
        assert_eq!(narrow.to_vec::<f32>().unwrap(), [1.0, 2.0]);
        let wide = key.child("a/0").stream().normal(&[], DType::F64);
        assert_eq!(wide.to_vec::<f64>().unwrap(), [7.0]);
    }

    #[test]
    fn what_was_not_recorded_is_an_error_that_names_the_place() {
        let key = recorded();
        let missing = |path: &str, index, recorded| TensorError::ReplayMissing {
            path: path.to_owned(),
            index,
            recorded,
        };
        let mut stream = key.child("a/b").stream();
        let wrong = stream.normal(&[1, 2], DType::F64);
        let expected = TensorError::ReplayShape {
            path: "a/b".to_owned(),
            index: 0,
            given: vec![2],
            expected: vec![1, 2],
        };
        assert_eq!(wrong.error(), Some(&expected));
        // A failed draw is a draw: the next one is the next recorded one.
        assert!(stream.normal(&[3, 1], DType::F64).error().is_none());
        assert_eq!(stream.normal(&[2], DType::F64).error(), Some(&missing("a/b", 2, 2)));
        let elsewhere = key.child("a").stream().signs(&[2], DType::F64);
        assert_eq!(elsewhere.error(), Some(&missing("a", 0, 0)));
    }

    #[test]
    fn a_recorded_error_stays_that_error() {
        let bad = recorded().child("bad").stream().normal(&[2], DType::F64);
        assert!(matches!(bad.error(), Some(TensorError::Shapes { .. })));
    }

    #[test]
    fn records_are_compared_by_identity() {
        let key = recorded();
        assert_eq!(key.child("a"), key.clone().child("a"));
        assert_ne!(key.child("a"), recorded().child("a"));
        assert_ne!(key.child("a"), Key::from_seed(0).child("a"));
    }

    #[test]
    fn words_are_those_of_seed_zero() {
        let (replaying, plain) = (recorded().child("a"), Key::from_seed(0).child("a"));
        assert_eq!(replaying.stream().next_u64(), plain.stream().next_u64());
    }
}
