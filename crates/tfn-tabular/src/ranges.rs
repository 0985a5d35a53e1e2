//! Where the rows lie that a model was trained on.

use tfn_tensor::{DType, Tensor};
use tfn_train::data::{Encoded, Remark};

use crate::error::Result;

/// Smallest and largest value of each feature.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ranges {
    low: Vec<f64>,
    high: Vec<f64>,
}

impl Ranges {
    /// Of features `[n, width]`.
    pub(crate) fn of(features: &Tensor) -> Result<Self> {
        let width = features.shape()?.last().copied().unwrap_or(0).max(1);
        let mut ranges =
            Self { low: vec![f64::INFINITY; width], high: vec![f64::NEG_INFINITY; width] };
        for row in features.to_f64_vec()?.chunks_exact(width) {
            for (at, &value) in row.iter().enumerate() {
                ranges.low[at] = ranges.low[at].min(value);
                ranges.high[at] = ranges.high[at].max(value);
            }
        }
        Ok(ranges)
    }

    /// `[2, width]`
    pub(crate) fn to_tensor(&self) -> Tensor {
        Tensor::from_f64(&[&self.low[..], &self.high].concat(), &[2, self.low.len()], DType::F64)
    }

    /// What [`to_tensor`](Self::to_tensor) gave, of so many features.
    pub(crate) fn from_tensor(tensor: &Tensor, width: usize) -> Option<Self> {
        let is_right = tensor.shape().ok()? == [2, width];
        let values = tensor.to_f64_vec().ok().filter(|_| is_right)?;
        let (low, high) = values.split_at(width);
        Some(Self { low: low.to_vec(), high: high.to_vec() })
    }

    /// Names of the columns in which a row is outside the range, or has a text or a gap that was never seen, row by
    /// row. `columns` is the name of each feature's column.
    pub(crate) fn outside(&self, encoded: &Encoded, columns: &[&str]) -> Result<Vec<Vec<String>>> {
        let values = encoded.features.to_f64_vec()?;
        let of_row = |row: &[f64]| {
            let mut names: Vec<String> = Vec::new();
            for (at, value) in row.iter().enumerate() {
                let is_in = (self.low[at]..=self.high[at]).contains(value);
                if !is_in && names.last().is_none_or(|last| last != columns[at]) {
                    names.push(columns[at].to_owned());
                }
            }
            names
        };
        let mut outside: Vec<Vec<String>> =
            values.chunks_exact(self.low.len().max(1)).map(of_row).collect();
        for remark in &encoded.remarks {
            if let Remark::UnknownLevels { column, rows, .. } | Remark::Filled { column, rows } =
                remark
            {
                for &row in rows {
                    outside[row].push(column.clone());
                }
            }
        }
        Ok(outside)
    }
}

#[cfg(test)]
mod tests {
    use tfn_train::data::{Table, TableEncoder};

    use super::*;

    #[test]
    fn rows_outside_name_their_columns() {
        let rows = [["1", "a", "3", "0"], ["5", "b", "4", "1"], ["2", "a", "9", "2"]];
        let train = Table::from_rows(&["x", "kind", "z", "y"], &rows).unwrap();
        let encoder = TableEncoder::regression("y").fit(&train).unwrap();
        let ranges = Ranges::of(&encoder.encode(&train).unwrap().features).unwrap();
        let width = encoder.width();
        assert_eq!(Ranges::from_tensor(&ranges.to_tensor(), width), Some(ranges.clone()));
        assert_eq!(Ranges::from_tensor(&ranges.to_tensor(), width + 1), None);
        let columns = ["x", "kind", "kind", "z"];
        let new = [["5", "a", "3"], ["5.5", "c", "2"], ["", "b", "9"]];
        let new = encoder.encode(&Table::from_rows(&["x", "kind", "z"], &new).unwrap()).unwrap();
        let outside = ranges.outside(&new, &columns).unwrap();
        assert_eq!(outside, [vec![], vec!["x", "z", "kind"], vec!["x"]]);
    }
}
