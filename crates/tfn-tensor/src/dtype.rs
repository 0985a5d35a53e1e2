//! Element types: which numbers a tensor can hold.

use std::fmt;

use crate::lanes::Lanes;
use crate::math::Math;
use crate::pool::Pooled;

/// Type of a tensor's entries, a property at run time.
///
/// Counterpart: `tf.DType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DType {
    /// 32-bit floating point.
    F32,
    /// 64-bit floating point.
    F64,
}

impl DType {
    /// Bytes of one entry.
    pub const fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// Distance from 1 to the next larger number of this type.
    pub const fn epsilon(self) -> f64 {
        match self {
            Self::F32 => f32::EPSILON as f64,
            Self::F64 => f64::EPSILON,
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
        })
    }
}

/// A number a tensor can hold: `f32` or `f64`. Sealed.
///
/// It names the type at the places where data goes in and out and in the kernels of operations;
/// everything between them is typed at run time by [`DType`].
pub trait Element:
    sealed::Sealed
    + Math
    + Lanes
    + Pooled
    + num_traits::Float
    + num_traits::NumAssign
    + fmt::Debug
    + fmt::Display
    + Default
    + Send
    + Sync
    + 'static
{
    /// The run-time name of this type.
    const DTYPE: DType;

    /// This number as `f64`.
    fn to_f64(self) -> f64;

    /// The number of this type nearest to `value`.
    fn from_f64(value: f64) -> Self;
}

impl Element for f32 {
    const DTYPE: DType = DType::F32;

    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value as Self
    }
}

impl Element for f64 {
    const DTYPE: DType = DType::F64;

    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value
    }
}

pub(crate) mod sealed {
    pub trait Sealed: nalgebra::Scalar + Copy {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// Runs `$body` with `$E` naming the element type of `$dtype`.
macro_rules! dispatch {
    ($dtype:expr, $E:ident => $body:expr) => {
        match $dtype {
            $crate::dtype::DType::F32 => {
                type $E = f32;
                $body
            }
            $crate::dtype::DType::F64 => {
                type $E = f64;
                $body
            }
        }
    };
}
pub(crate) use dispatch;
