//! From tensors to bytes.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use safetensors::tensor::{Dtype, View};
use serde_json::{Value, json};
use tfn_tensor::{DType, Element, Tensor};

use super::contents::{HEADER_KEY, VERSION};
use crate::error::{ModuleError, Result};

/// A tensor as safetensors wants it.
struct Encoded {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl View for Encoded {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// The tensors of a file, and which of them are variables of a name.
#[derive(Default)]
pub(crate) struct Tensors {
    pub(crate) tensors: BTreeMap<String, Tensor>,
    pub(crate) names: BTreeMap<String, String>,
}

/// The bytes of a file of `tensors`, with a map of the user's and a description of the objects that hold them.
pub(crate) fn encode(
    Tensors { tensors, names }: &Tensors,
    metadata: &BTreeMap<String, String>,
    description: Option<Value>,
) -> Result<Vec<u8>> {
    // One entry: the order of several would be that of a hash.
    let mut header = json!({ "version": VERSION, "names": names, "user": metadata });
    if let Some(description) = description {
        header["description"] = description;
    }
    let header = HashMap::from([(HEADER_KEY.to_owned(), header.to_string())]);
    let tensors = tensors.iter().map(|(path, tensor)| Ok((path, encode_one(tensor)?)));
    safetensors::serialize(tensors.collect::<Result<Vec<_>>>()?, Some(header)).map_err(|source| {
        ModuleError::Format {
            op: "save",
            given: "what was to be written".to_owned(),
            source: source.into(),
        }
    })
}

fn encode_one(tensor: &Tensor) -> Result<Encoded> {
    let dtype = match tensor.dtype()? {
        DType::F32 => Dtype::F32,
        DType::F64 => Dtype::F64,
    };
    Ok(Encoded { dtype, shape: tensor.shape()?.to_vec(), bytes: bytes(tensor)? })
}

/// The entries of a tensor, row-major and little-endian.
pub(super) fn bytes(tensor: &Tensor) -> Result<Vec<u8>> {
    match tensor.dtype()? {
        DType::F32 => bytes_of(tensor, f32::to_le_bytes),
        DType::F64 => bytes_of(tensor, f64::to_le_bytes),
    }
}

fn bytes_of<E: Element, const N: usize>(
    value: &Tensor,
    to_bytes: impl Fn(E) -> [u8; N],
) -> Result<Vec<u8>> {
    let entries = value.data::<E>()?;
    let mut bytes = Vec::with_capacity(N * entries.len());
    for &entry in entries {
        bytes.extend_from_slice(&to_bytes(entry));
    }
    Ok(bytes)
}
