//! The difference between a file and a module.

use std::fmt;

use tfn_tensor::DType;

/// All that keeps a file from being loaded into a module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mismatch {
    /// The file, or what else was read.
    pub origin: String,
    /// Paths that the module has and the file has not.
    pub missing: Vec<String>,
    /// Paths that the file has and the module has not.
    pub extra: Vec<String>,
    /// Paths that have different shapes.
    pub shapes: Vec<ShapeMismatch>,
    /// Paths that have different types.
    pub dtypes: Vec<DTypeMismatch>,
}

/// A variable of another shape than the saved one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShapeMismatch {
    /// Path of the variable.
    pub path: String,
    /// Shape in the file.
    pub given: Vec<usize>,
    /// Shape in the module.
    pub expected: Vec<usize>,
}

/// A variable of another type than the saved one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DTypeMismatch {
    /// Path of the variable.
    pub path: String,
    /// Type in the file, in the file's words.
    pub given: String,
    /// Type in the module.
    pub expected: DType,
}

impl Mismatch {
    /// Whether file and module fit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty()
            && self.extra.is_empty()
            && self.shapes.is_empty()
            && self.dtypes.is_empty()
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} does not fit the module, which is left as it was", self.origin)?;
        for path in &self.missing {
            write!(f, "\n  missing: `{path}` is in the module only")?;
        }
        for path in &self.extra {
            write!(f, "\n  extra: `{path}` is in the file only")?;
        }
        for ShapeMismatch { path, given, expected } in &self.shapes {
            write!(f, "\n  shape: `{path}` is {given:?}, expected {expected:?}")?;
        }
        for DTypeMismatch { path, given, expected } in &self.dtypes {
            write!(f, "\n  dtype: `{path}` is {given}, expected {expected}")?;
        }
        Ok(())
    }
}
