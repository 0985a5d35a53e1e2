//! Archives that cannot be read, and archives that do not fit.

use std::error::Error;
use std::fmt;
use std::io;

use tfn_tensor::{DType, Variable};

/// Why the bytes of an archive are no arrays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NpzError {
    /// Not a ZIP archive, or a truncated or damaged one.
    #[error("not a whole ZIP archive: {0}")]
    Archive(#[source] Box<dyn Error + Send + Sync>),
    /// Two members of one name.
    #[error("member `{member}` is there twice")]
    Twice {
        /// Name of the member.
        member: String,
    },
    /// A member that is neither stored as it is nor deflated.
    #[error(
        "member `{member}` is compressed by method {given}, expected 0 (stored) or 8 (deflated)"
    )]
    Method {
        /// Name of the member.
        member: String,
        /// The method's number.
        given: u16,
    },
    /// A member that is no `.npy` file.
    #[error("member `{member}` is no .npy file: {reason}")]
    Header {
        /// Name of the member.
        member: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A member that has more or fewer bytes than its shape asks for.
    #[error("member `{member}` has {given} bytes, expected {expected}")]
    Size {
        /// Name of the member.
        member: String,
        /// Number of bytes that the archive states.
        given: u64,
        /// Number of bytes of header and entries.
        expected: u64,
    },
    /// A member that cannot be decompressed, or has another checksum or length than the archive states.
    #[error("member `{member}` is damaged: {source}")]
    Data {
        /// Name of the member.
        member: String,
        /// What is wrong with it.
        source: io::Error,
    },
}

/// All that keeps an archive's arrays from being loaded into variables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NpzMismatch {
    /// The file, or what else was read.
    pub origin: String,
    /// Number of members of the archive.
    pub given: usize,
    /// Number of variables.
    pub expected: usize,
    /// Variables without an array: their positions and names.
    pub missing: Vec<(usize, String)>,
    /// Members that are no variable's: of another name than `arr_0.npy`, `arr_1.npy`, …, or of a higher number.
    pub extra: Vec<String>,
    /// Arrays of another shape.
    pub shapes: Vec<ArrayShapeMismatch>,
    /// Arrays of another type or byte order.
    pub dtypes: Vec<ArrayDTypeMismatch>,
}

/// An array of another shape than its variable.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArrayShapeMismatch {
    /// Number of the array, and position of the variable.
    pub position: usize,
    /// Name of the variable.
    pub name: String,
    /// Shape in the archive.
    pub given: Vec<usize>,
    /// Shape of the variable.
    pub expected: Vec<usize>,
}

/// An array of another type than its variable, or big-endian.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArrayDTypeMismatch {
    /// Number of the array, and position of the variable.
    pub position: usize,
    /// Name of the variable.
    pub name: String,
    /// Type in the archive, in NumPy's words.
    pub given: String,
    /// Type of the variable.
    pub expected: DType,
}

/// Number of extra members that a message names: an archive may have any number of them.
const SHOWN: usize = 20;

/// NumPy's word for a type, little-endian.
pub(crate) const fn descr(dtype: DType) -> &'static str {
    match dtype {
        DType::F32 => "<f4",
        DType::F64 => "<f8",
    }
}

impl NpzMismatch {
    /// Compares an array, its shape and NumPy's word for its type, with its variable; whether it fits.
    pub(crate) fn compare(
        &mut self,
        position: usize,
        variable: &Variable,
        shape: &[usize],
        word: &str,
    ) -> bool {
        let name = variable.name();
        let same_shape = shape == variable.shape();
        if !same_shape {
            self.shapes.push(ArrayShapeMismatch {
                position,
                name: name.to_owned(),
                given: shape.to_vec(),
                expected: variable.shape().to_vec(),
            });
        }
        let same_dtype = word == descr(variable.dtype());
        if !same_dtype {
            self.dtypes.push(ArrayDTypeMismatch {
                position,
                name: name.to_owned(),
                given: word.to_owned(),
                expected: variable.dtype(),
            });
        }
        same_shape && same_dtype
    }

    /// Whether archive and variables fit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.given == self.expected
            && self.missing.is_empty()
            && self.extra.is_empty()
            && self.shapes.is_empty()
            && self.dtypes.is_empty()
    }
}

impl fmt::Display for NpzMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} does not fit the variables, which are left as they were", self.origin)?;
        if self.given != self.expected {
            write!(f, "\n  number: {} arrays, expected {}", self.given, self.expected)?;
        }
        for (position, name) in &self.missing {
            write!(f, "\n  missing: `arr_{position}.npy`, for `{name}`")?;
        }
        for member in self.extra.iter().take(SHOWN) {
            write!(f, "\n  extra: `{member}` is no variable's")?;
        }
        if let Some(more @ 1..) = self.extra.len().checked_sub(SHOWN) {
            write!(f, "\n  extra: {more} members more")?;
        }
        for ArrayShapeMismatch { position, name, given, expected } in &self.shapes {
            write!(
                f,
                "\n  shape: array {position}, `{name}`, is {given:?}, expected {expected:?}"
            )?;
        }
        for ArrayDTypeMismatch { position, name, given, expected } in &self.dtypes {
            let expected = descr(*expected);
            write!(f, "\n  dtype: array {position}, `{name}`, is {given}, expected {expected}")?;
        }
        Ok(())
    }
}
