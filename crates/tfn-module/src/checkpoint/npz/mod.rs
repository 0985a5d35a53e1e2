//! NumPy's archives, as TFP's `Layer.save` writes them: a ZIP archive of `arr_0.npy`, `arr_1.npy`, …, one array a
//! variable, in the order of [`Module::variables`].

mod header;
mod read;
mod write;

pub use header::NpyHeader;

use std::path::Path;

use tfn_tensor::Variable;

use super::file;
use crate::error::{ModuleError, Result};
use crate::module::Module;

/// Saves all variables of `module` as TFP's `Layer.save` does, for TFP's `Layer.load` and `numpy.load`.
///
/// A compressed `.npz` archive: the value of the variable at position `i` of [`Module::variables`] is
/// `arr_i.npy`, of the variable's shape and type, row-major and little-endian. Neither names nor paths are kept;
/// [`save`](super::save) keeps both. The file is replaced whole, or stays as it was. TFP adds `.npz` to a name without
/// it; here `path` is the file's name as it is.
///
/// Counterpart: `tfn.Layer.save`.
///
/// # Errors
/// [`ModuleError::Io`], [`ModuleError::Npz`]. The former file is then as it was.
///
/// # Examples
/// ```
/// use tfn_module::{Module, Tensor, Variable, load_npz, save_npz};
///
/// #[derive(Module)]
/// struct Dense { kernel: Variable, bias: Variable }
///
/// let dense = Dense {
///     kernel: Variable::new("kernel", Tensor::from_vec(vec![1.0_f32, 2.0], &[2, 1]))?,
///     bias: Variable::new("bias", Tensor::from_vec(vec![3.0_f32], &[1]))?,
/// };
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("dense.npz");
/// save_npz(&dense, &path)?; // arr_0 is the bias, arr_1 the kernel
/// dense.kernel.assign(&Tensor::from_vec(vec![0.0_f32, 0.0], &[2, 1]))?;
/// load_npz(&dense, &path)?;
/// assert_eq!(dense.kernel.value().to_vec::<f32>()?, [1.0, 2.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn save_npz<M: Module + ?Sized>(module: &M, path: impl AsRef<Path>) -> Result<()> {
    save_npz_variables(&module.variables(), path)
}

/// Saves `variables` as [`save_npz`] saves those of a module: the variable at position `i` is `arr_i.npy`.
///
/// Counterpart: `tfn.util.variables_save`.
///
/// # Errors
/// As [`save_npz`].
pub fn save_npz_variables(variables: &[Variable], path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    let bytes = write::archive(variables)?;
    file::replace(path, |file| std::io::Write::write_all(file, &bytes))
        .map_err(|source| ModuleError::Io { op: "save_npz", path: path.to_owned(), source })
}

/// The bytes that [`save_npz`] writes. Equal values give equal bytes.
///
/// # Errors
/// As [`save_npz`], without [`ModuleError::Io`].
pub fn to_npz_bytes<M: Module + ?Sized>(module: &M) -> Result<Vec<u8>> {
    write::archive(&module.variables())
}

/// Sets all variables of `module` to the arrays of an `.npz` archive, such as TFP's `Layer.save` writes.
///
/// `arr_i.npy` goes into the variable at position `i` of [`Module::variables`]; it must have that variable's shape
/// and type (`<f4` or `<f8`), in row-major or column-major order. Members may be compressed or not, and in any order.
/// Names and trainability stay the module's. If anything does not fit, nothing changes. No more memory is taken than
/// for the file and for a second value of each variable, whatever the archive claims.
///
/// Counterpart: `tfn.Layer.load`, which goes by the order in the archive and broadcasts.
///
/// # Errors
/// [`ModuleError::NpzMismatch`], with all that is missing, extra, of another shape or of another type;
/// [`ModuleError::Npz`] for what is no archive of arrays, or a truncated or damaged one; [`ModuleError::Io`].
///
/// # Examples
/// ```
/// use tfn_module::{Module, ModuleError, Tensor, Variable, load_npz, save_npz};
///
/// #[derive(Module)]
/// struct Dense { kernel: Variable }
///
/// let dense = |values: Vec<f32>| {
///     let size = values.len();
///     Variable::new("kernel", Tensor::from_vec(values, &[size])).map(|kernel| Dense { kernel })
/// };
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("dense.npz");
/// save_npz(&dense(vec![1.0, 2.0])?, &path)?;
/// let other = dense(vec![0.0, 0.0])?;
/// load_npz(&other, &path)?;
/// assert_eq!(other.kernel.value().to_vec::<f32>()?, [1.0, 2.0]);
///
/// let wider = dense(vec![0.0; 3])?;
/// let Err(ModuleError::NpzMismatch(mismatch)) = load_npz(&wider, &path) else { unreachable!() };
/// assert_eq!(mismatch.shapes[0].name, "kernel");
/// assert_eq!((&mismatch.shapes[0].given[..], &mismatch.shapes[0].expected[..]), (&[2][..], &[3][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn load_npz<M: Module + ?Sized>(module: &M, path: impl AsRef<Path>) -> Result<()> {
    load_npz_variables(&module.variables(), path)
}

/// Sets `variables` as [`load_npz`] sets those of a module: the one at position `i` to `arr_i.npy`.
///
/// Counterpart: `tfn.util.variables_load`.
///
/// # Errors
/// As [`load_npz`].
pub fn load_npz_variables(variables: &[Variable], path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    let bytes = file::read("load_npz", path)?;
    restore(variables, &bytes, &path.display().to_string())
}

/// Sets all variables of `module` from the bytes of an `.npz` archive.
///
/// # Errors
/// As [`load_npz`], without [`ModuleError::Io`].
pub fn from_npz_bytes<M: Module + ?Sized>(module: &M, bytes: &[u8]) -> Result<()> {
    restore(&module.variables(), bytes, "the given bytes")
}

fn restore(variables: &[Variable], bytes: &[u8], origin: &str) -> Result<()> {
    // All values are made before the first is set: an error on the way leaves the variables as they were.
    let values = read::values(variables, bytes, origin)?;
    for (variable, value) in variables.iter().zip(&values) {
        variable.assign(value)?;
    }
    Ok(())
}
