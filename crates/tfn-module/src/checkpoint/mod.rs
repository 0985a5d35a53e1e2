//! Saving and loading the variables of a module.
//!
//! A checkpoint is a safetensors file: one tensor a variable, under the variable's path
//! ([`named_variables`]), with its shape and type, little-endian. The file's metadata
//! hold one entry, `tfn`: a JSON object of the format's version, the variables' names by path, and a map of
//! your own. Saving the same values twice gives the same bytes. Any reader of safetensors reads such a file,
//! and a file from elsewhere loads if paths, shapes and types are the module's.
//!
//! [`save`] writes beside the file and then renames: whatever interrupts it, the file is the former or the new one,
//! whole. [`load`] checks everything before it changes anything.
//!
//! TFP's own files, NumPy's `.npz` archives of the variables by position, are written by [`save_npz`] and read by
//! [`load_npz`], under the same rules.
//!
//! # Examples
//! ```
//! use tfn_module::{Module, ModuleError, Tensor, Variable, load, save};
//!
//! #[derive(Module)]
//! struct Dense { kernel: Variable }
//!
//! let dense = Dense { kernel: Variable::new("kernel", Tensor::from_vec(vec![1.0_f32, 2.0], &[2]))? };
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("dense.safetensors");
//! save(&dense, &path)?;
//! dense.kernel.assign(&Tensor::from_vec(vec![0.0_f32, 0.0], &[2]))?;
//! load(&dense, &path)?;
//! assert_eq!(dense.kernel.value().to_vec::<f32>()?, [1.0, 2.0]);
//!
//! let wider = Dense { kernel: Variable::new("kernel", Tensor::from_vec(vec![1.0_f32; 3], &[3]))? };
//! let Err(ModuleError::Mismatch(mismatch)) = load(&wider, &path) else { unreachable!() };
//! assert_eq!(mismatch.shapes[0].given, [2]);
//! assert_eq!(mismatch.shapes[0].expected, [3]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod contents;
mod encode;
mod file;
mod mismatch;
mod npz;

use std::collections::BTreeMap;
use std::path::Path;

pub(crate) use contents::Parsed;
pub use contents::{Contents, Entry};
pub(crate) use encode::{Tensors, encode};
pub(crate) use file::read;
pub use file::replace;
pub use npz::{
    NpyHeader, from_npz_bytes, load_npz, load_npz_variables, save_npz, save_npz_variables,
    to_npz_bytes,
};
use tfn_tensor::Variable;

pub use crate::error::{
    ArrayDTypeMismatch, ArrayShapeMismatch, DTypeMismatch, Mismatch, NpzError, NpzMismatch,
    ShapeMismatch,
};
use crate::error::{ModuleError, Result};
use crate::module::{Module, named_variables};

/// Saves all variables of `module`.
///
/// Counterpart: `tfn.Layer.save`, which keys by position, as [`save_npz`] does; here the key is the path.
///
/// # Errors
/// [`ModuleError::Io`]; [`ModuleError::DuplicatePath`]. The former file is then as it was.
pub fn save<M: Module + ?Sized>(module: &M, path: impl AsRef<Path>) -> Result<()> {
    save_with(module, path, &BTreeMap::new())
}

/// Saves all variables of `module`, and a map of your own beside them ([`read_metadata`]).
///
/// # Errors
/// As [`save`].
pub fn save_with<M: Module + ?Sized>(
    module: &M,
    path: impl AsRef<Path>,
    metadata: &BTreeMap<String, String>,
) -> Result<()> {
    let path = path.as_ref();
    let bytes = to_bytes(module, metadata)?;
    file::replace(path, |file| std::io::Write::write_all(file, &bytes))
        .map_err(|source| ModuleError::Io { op: "save", path: path.to_owned(), source })
}

/// The bytes that [`save_with`] writes.
///
/// # Errors
/// [`ModuleError::DuplicatePath`].
pub fn to_bytes<M: Module + ?Sized>(
    module: &M,
    metadata: &BTreeMap<String, String>,
) -> Result<Vec<u8>> {
    let variables = by_path("save", module)?;
    let tensors = variables.iter().map(|(path, variable)| (path.clone(), variable.value()));
    let names = variables.iter().map(|(path, variable)| (path.clone(), variable.name().to_owned()));
    encode(&Tensors { tensors: tensors.collect(), names: names.collect() }, metadata, None)
}

/// Sets all variables of `module` to what was saved, found by path.
///
/// Names and trainability stay the module's. If anything does not fit, nothing changes.
///
/// Counterpart: `tfn.Layer.load`; TFP's own files are read by [`load_npz`].
///
/// # Errors
/// [`ModuleError::Mismatch`], with all that is missing, extra, of another shape or of another type;
/// [`ModuleError::Format`], [`ModuleError::Version`]; [`ModuleError::Io`]; [`ModuleError::DuplicatePath`].
pub fn load<M: Module + ?Sized>(module: &M, path: impl AsRef<Path>) -> Result<()> {
    load_with(module, path).map(|_| ())
}

/// [`load`], and the map that [`save_with`] was given: both of one reading, whoever replaces the file meanwhile.
///
/// # Errors
/// As [`load`].
///
/// # Examples
/// ```
/// use std::collections::BTreeMap;
/// use tfn_module::checkpoint::{load_with, save_with};
/// use tfn_module::{Module, Tensor, Variable};
///
/// #[derive(Module)]
/// struct Net { gain: Variable }
///
/// let net = Net { gain: Variable::new("gain", Tensor::scalar(2.0))? };
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("net.safetensors");
/// save_with(&net, &path, &BTreeMap::from([("steps".to_owned(), "7".to_owned())]))?;
/// net.gain.assign(&Tensor::scalar(0.0))?;
/// assert_eq!(load_with(&net, &path)?["steps"], "7");
/// assert_eq!(net.gain.value().item()?, 2.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn load_with<M: Module + ?Sized>(
    module: &M,
    path: impl AsRef<Path>,
) -> Result<BTreeMap<String, String>> {
    let path = path.as_ref();
    restore(module, &file::read("load", path)?, &path.display().to_string())
}

/// Sets all variables of `module` from the bytes of a saved file.
///
/// # Errors
/// As [`load`], without [`ModuleError::Io`].
pub fn from_bytes<M: Module + ?Sized>(module: &M, bytes: &[u8]) -> Result<()> {
    restore(module, bytes, "the given bytes").map(|_| ())
}

/// The map that [`save_with`] was given. A file from elsewhere has its own safetensors metadata here.
///
/// # Errors
/// [`ModuleError::Format`], [`ModuleError::Version`]; [`ModuleError::Io`].
pub fn read_metadata(path: impl AsRef<Path>) -> Result<BTreeMap<String, String>> {
    Ok(inspect(path)?.metadata)
}

/// What a saved file holds, without a module to load it into.
///
/// # Errors
/// [`ModuleError::Format`], [`ModuleError::Version`]; [`ModuleError::Io`].
pub fn inspect(path: impl AsRef<Path>) -> Result<Contents> {
    let path = path.as_ref();
    let origin = path.display().to_string();
    Ok(contents::Parsed::new("inspect", &file::read("inspect", path)?, &origin)?.contents())
}

/// The map beside the variables.
fn restore<M: Module + ?Sized>(
    module: &M,
    bytes: &[u8],
    origin: &str,
) -> Result<BTreeMap<String, String>> {
    let variables = by_path("load", module)?;
    let parsed = contents::Parsed::new("load", bytes, origin)?;
    let contents = parsed.contents();
    let mismatch = Mismatch::between(origin, &contents, &variables);
    if !mismatch.is_empty() {
        return Err(ModuleError::Mismatch(Box::new(mismatch)));
    }
    // All values are made before the first is set: an error on the way leaves the module as it was.
    let values: Vec<_> = variables
        .iter()
        .map(|(path, variable)| parsed.value(path, variable))
        .collect::<Result<_>>()?;
    for (variable, value) in variables.values().zip(&values) {
        variable.assign(value)?;
    }
    Ok(contents.metadata)
}

fn by_path<M: Module + ?Sized>(op: &'static str, module: &M) -> Result<BTreeMap<String, Variable>> {
    let mut variables: BTreeMap<String, Variable> = BTreeMap::new();
    for (path, variable) in named_variables(module) {
        if let Some(first) = variables.get(&path) {
            let (first, second) = (first.name().to_owned(), variable.name().to_owned());
            return Err(ModuleError::DuplicatePath { op, path, first, second });
        }
        variables.insert(path, variable);
    }
    Ok(variables)
}
