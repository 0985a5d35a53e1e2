//! From variables to bytes.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use safetensors::tensor::{Dtype, View};
use serde_json::json;
use tfn_tensor::{DType, Element, Tensor, Variable};

use super::contents::{HEADER_KEY, VERSION};
use crate::error::{ModuleError, Result};

/// A variable's value as safetensors wants it.
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

pub(super) fn encode(
    variables: &BTreeMap<String, Variable>,
    metadata: &BTreeMap<String, String>,
) -> Result<Vec<u8>> {
    let names: BTreeMap<&String, &str> =
        variables.iter().map(|(path, variable)| (path, variable.name())).collect();
    // One entry: the order of several would be that of a hash.
    let header = json!({ "version": VERSION, "names": names, "user": metadata }).to_string();
    let tensors = variables
        .iter()
        .map(|(path, variable)| Ok((path, encode_one(variable)?)))
        .collect::<Result<Vec<_>>>()?;
    safetensors::serialize(tensors, Some(HashMap::from([(HEADER_KEY.to_owned(), header)]))).map_err(
        |source| ModuleError::Format {
            op: "save",
            given: "what was to be written".to_owned(),
            source: source.into(),
        },
    )
}

fn encode_one(variable: &Variable) -> Result<Encoded> {
    let dtype = match variable.dtype() {
        DType::F32 => Dtype::F32,
        DType::F64 => Dtype::F64,
    };
    Ok(Encoded { dtype, shape: variable.shape().to_vec(), bytes: bytes(variable)? })
}

/// The entries of a variable's value, row-major and little-endian.
pub(super) fn bytes(variable: &Variable) -> Result<Vec<u8>> {
    let value = variable.value();
    match variable.dtype() {
        DType::F32 => bytes_of(&value, f32::to_le_bytes),
        DType::F64 => bytes_of(&value, f64::to_le_bytes),
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
