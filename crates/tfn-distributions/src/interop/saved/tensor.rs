//! Tensors as plain data.

use serde::{Deserialize, Serialize};
use tfn_tensor::{DType, Tensor};

use crate::error::{DistributionError, Result};

/// A tensor as plain data.
///
/// In formats for people, such as JSON, infinities and NaN are the strings `"inf"`, `"-inf"`, `"nan"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedTensor {
    /// Whether its numbers are `f32`; otherwise they are `f64`.
    pub single: bool,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its entries, row by row.
    #[serde(with = "numbers")]
    pub data: Vec<f64>,
}

impl SavedTensor {
    /// The present value of `tensor`.
    ///
    /// # Errors
    /// The error that it carries.
    pub fn of(tensor: &Tensor) -> Result<Self> {
        let (single, shape) = (tensor.dtype()? == DType::F32, tensor.shape()?.to_vec());
        Ok(Self { single, shape, data: tensor.to_f64_vec()? })
    }

    /// The tensor, the `argument` of a `family`.
    pub(super) fn tensor(&self, family: &'static str, argument: &'static str) -> Result<Tensor> {
        let count = self.shape.iter().try_fold(1_usize, |count, &size| count.checked_mul(size));
        if count != Some(self.data.len()) {
            let expected = format!("the shape of {} numbers", self.data.len());
            let given = self.shape.clone();
            return Err(DistributionError::Shape { family, argument, given, expected });
        }
        let dtype = if self.single { DType::F32 } else { DType::F64 };
        Ok(Tensor::from_f64(&self.data, &self.shape, dtype).check()?)
    }
}

/// Numbers, and strings for those that JSON does not have.
mod numbers {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Entry {
        Number(f64),
        Name(String),
    }

    pub(super) fn serialize<S: Serializer>(data: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return data.serialize(serializer);
        }
        serializer.collect_seq(data.iter().map(|&x| match x {
            _ if x.is_finite() => Entry::Number(x),
            _ if x.is_nan() => Entry::Name("nan".into()),
            _ => Entry::Name(if x > 0.0 { "inf" } else { "-inf" }.into()),
        }))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<f64>, D::Error> {
        if !d.is_human_readable() {
            return Vec::deserialize(d);
        }
        let entries: Vec<Entry> = Vec::deserialize(d)?;
        let number = |entry| match entry {
            Entry::Number(x) => Ok(x),
            Entry::Name(name) => match name.as_str() {
                "inf" => Ok(f64::INFINITY),
                "-inf" => Ok(f64::NEG_INFINITY),
                "nan" => Ok(f64::NAN),
                _ => Err(D::Error::custom(format!("`{name}` is no number"))),
            },
        };
        entries.into_iter().map(number).collect()
    }
}
