//! From bytes to what they hold.

use std::collections::BTreeMap;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;
use tfn_tensor::{DType, Element, Tensor, Variable};

use crate::error::{DescribeError, ModuleError, Result};

/// Key of the one metadata entry.
pub(super) const HEADER_KEY: &str = "tfn";
/// Version of the format that is written, and the latest that is read.
pub(super) const VERSION: u64 = 1;
/// How many entries a tensor without entries may have along its other axes.
const LARGEST_EMPTY: usize = 1 << 20;

/// What a saved file holds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Contents {
    /// The saved variables, sorted by path.
    pub entries: Vec<Entry>,
    /// The map given to [`save_with`](super::save_with).
    pub metadata: BTreeMap<String, String>,
}

/// One saved variable.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Where it was in its module.
    pub path: String,
    /// Its name; `None` if the file is from elsewhere and states none.
    pub name: Option<String>,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its type, `Err` with the file's word for a type that tensors do not have.
    pub dtype: Result<DType, String>,
}

/// A checked view of a file's bytes.
pub(crate) struct Parsed<'b> {
    tensors: SafeTensors<'b>,
    names: BTreeMap<String, String>,
    pub(crate) metadata: BTreeMap<String, String>,
    /// Of the objects that hold the tensors, if there is one.
    pub(crate) description: Option<Value>,
}

impl<'b> Parsed<'b> {
    pub(crate) fn new(op: &'static str, bytes: &'b [u8], origin: &str) -> Result<Self> {
        let bad = |source: Box<dyn std::error::Error + Send + Sync>| ModuleError::Format {
            op,
            given: origin.to_owned(),
            source,
        };
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| bad(e.into()))?;
        let tensors = SafeTensors::deserialize(bytes).map_err(|e| bad(e.into()))?;
        let plain = header.metadata().clone().unwrap_or_default();
        let Some(own) = plain.get(HEADER_KEY) else {
            let metadata = plain.into_iter().collect();
            return Ok(Self { tensors, names: BTreeMap::new(), metadata, description: None });
        };
        let mut own: Value = serde_json::from_str(own).map_err(|e| bad(e.into()))?;
        let version = own["version"].as_u64().unwrap_or_default();
        if version > VERSION {
            let origin = origin.to_owned();
            return Err(ModuleError::Version { op, origin, given: version, expected: VERSION });
        }
        let map = |key: &str| serde_json::from_value(own[key].clone()).map_err(|e| bad(e.into()));
        let (names, metadata) = (map("names")?, map("user")?);
        let description = own.as_object_mut().and_then(|own| own.remove("description"));
        Ok(Self { tensors, names, metadata, description })
    }

    /// All tensors by their names.
    ///
    /// # Errors
    /// [`DescribeError::Tensor`] for a type that tensors do not have, and for a shape that would be larger than the file
    /// but for a size of 0.
    pub(crate) fn tensors(&self) -> Result<BTreeMap<String, Tensor>> {
        let one = |(name, view): (&str, TensorView<'_>)| {
            let wrong = |given: String, expected| DescribeError::Tensor {
                name: name.to_owned(),
                given,
                expected,
            };
            let shape = view.shape();
            let size = shape.iter().try_fold(1_usize, |size, &axis| size.checked_mul(axis.max(1)));
            if size.is_none_or(|size| size > view.data().len().max(LARGEST_EMPTY)) {
                return Err(wrong(format!("{shape:?}"), "a shape of the size of a file").into());
            }
            let tensor = match view.dtype() {
                Dtype::F32 => decode(view.data(), shape, f32::from_le_bytes),
                Dtype::F64 => decode(view.data(), shape, f64::from_le_bytes),
                other => return Err(wrong(other.to_string(), "F32 or F64").into()),
            };
            Ok((name.to_owned(), tensor.check()?))
        };
        self.tensors.iter().map(one).collect()
    }

    pub(super) fn contents(&self) -> Contents {
        let mut entries: Vec<Entry> = self
            .tensors
            .iter()
            .map(|(path, view)| Entry {
                path: path.to_owned(),
                name: self.names.get(path).cloned(),
                shape: view.shape().to_vec(),
                dtype: match view.dtype() {
                    Dtype::F32 => Ok(DType::F32),
                    Dtype::F64 => Ok(DType::F64),
                    other => Err(other.to_string()),
                },
            })
            .collect();
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Contents { entries, metadata: self.metadata.clone() }
    }

    /// The saved value of `variable`; shape and type are known to fit.
    pub(super) fn value(&self, path: &str, variable: &Variable) -> Result<Tensor> {
        let view = self.tensors.tensor(path).map_err(|source| ModuleError::Format {
            op: "load",
            given: path.to_owned(),
            source: source.into(),
        })?;
        tensor(view.data(), variable)
    }
}

/// A value of `variable` from its entries, row-major and little-endian; their number is known to fit.
pub(super) fn tensor(bytes: &[u8], variable: &Variable) -> Result<Tensor> {
    let shape = variable.shape();
    Ok(match variable.dtype() {
        DType::F32 => decode(bytes, shape, f32::from_le_bytes),
        DType::F64 => decode(bytes, shape, f64::from_le_bytes),
    }
    .check()?)
}

fn decode<E: Element, const N: usize>(
    bytes: &[u8],
    shape: &[usize],
    from_bytes: impl Fn([u8; N]) -> E,
) -> Tensor {
    let (entries, _) = bytes.as_chunks::<N>();
    Tensor::from_vec(entries.iter().map(|&entry| from_bytes(entry)).collect(), shape)
}
