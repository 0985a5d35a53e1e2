//! How large a tensor may be.
//!
//! Each tensor is made with leave of [`checked_len`], so that no product of some of its sizes overflows and no request
//! for more than the machine has ends the process.

use std::hint::black_box;
use std::sync::OnceLock;

use crate::dtype::DType;
use crate::error::TensorError;

/// Bytes of the largest number that a tensor can hold. The limit of a shape is the same for either type, so that a
/// change of type never fails where the tensor itself was made.
const WIDEST: usize = size_of::<f64>();
/// Bytes from which on the machine is asked before a tensor is made. What is smaller comes from the allocator as
/// ever, and may come from the free list.
const LARGE: usize = 1 << 30;

/// The number of entries of a shape, if there can be a tensor of it.
///
/// Two rules. The product of the sizes, those of 0 counted as 1, is such that its bytes can be addressed: so each
/// stride of an empty tensor is a number too. And a tensor of a gibibyte or more has no more bytes than the machine
/// has memory and swap (where the system tells: Linux does), and as many as the allocator grants when it is asked.
/// A system that grants more than it has free can still end a process that then fills it.
///
/// # Errors
/// [`TensorError::TooLarge`] if there can be none.
///
/// # Examples
/// ```
/// use tfn_tensor::{DType, TensorError, checked_len};
///
/// assert_eq!(checked_len(&[2, 3], DType::F32)?, 6);
/// assert!(matches!(checked_len(&[1 << 33, 1 << 31], DType::F32), Err(TensorError::TooLarge { .. })));
/// # Ok::<(), TensorError>(())
/// ```
pub fn checked_len(shape: &[usize], dtype: DType) -> Result<usize, TensorError> {
    let len = counted_len(shape, dtype)?;
    if len < LARGE / WIDEST || is_granted(len * dtype.size()) {
        return Ok(len);
    }
    Err(too_large(shape, dtype))
}

/// The number of entries of a shape by the first of the two rules: for numbers that are there already.
pub(crate) fn counted_len(shape: &[usize], dtype: DType) -> Result<usize, TensorError> {
    let (mut len, mut extent) = (1_usize, Some(WIDEST));
    for &size in shape {
        len = len.wrapping_mul(size);
        extent = extent.and_then(|extent| extent.checked_mul(size.max(1)));
    }
    let addressable = extent.is_some_and(|extent| isize::try_from(extent).is_ok());
    if addressable { Ok(len) } else { Err(too_large(shape, dtype)) }
}

#[cold]
fn too_large(shape: &[usize], dtype: DType) -> TensorError {
    let sizes = shape.iter().map(|&size| size.max(1) as u64);
    let bytes = sizes.fold(dtype.size() as u64, u64::saturating_mul);
    TensorError::TooLarge { shape: shape.to_vec(), dtype, bytes }
}

/// Whether a large buffer can be had.
#[cold]
fn is_granted(bytes: usize) -> bool {
    if bytes < LARGE {
        return true;
    }
    let mut probe = Vec::<u8>::new();
    let granted =
        total().is_none_or(|total| bytes <= total) && probe.try_reserve_exact(bytes).is_ok();
    // Memory that nobody looks at need not be asked for at all, for all that a compiler knows.
    black_box(&probe);
    granted
}

/// Bytes of memory and swap, where the system tells.
fn total() -> Option<usize> {
    static TOTAL: OnceLock<Option<usize>> = OnceLock::new();
    *TOTAL.get_or_init(|| total_of(&std::fs::read_to_string("/proc/meminfo").ok()?))
}

/// What `/proc/meminfo` says, in kibibytes a line.
fn total_of(meminfo: &str) -> Option<usize> {
    let of = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<usize>().ok()
    };
    of("MemTotal:")?.saturating_add(of("SwapTotal:").unwrap_or(0)).checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_has_a_limit_even_without_entries() {
        assert_eq!(checked_len(&[2, 3], DType::F32), Ok(6));
        assert_eq!(checked_len(&[], DType::F64), Ok(1));
        assert_eq!(checked_len(&[0, 1 << 40], DType::F64), Ok(0));
        for shape in
            [&[1 << 62][..], &[1 << 33, 1 << 31], &[1 << 63, 2], &[0, usize::MAX, usize::MAX]]
        {
            let error = checked_len(shape, DType::F64).unwrap_err();
            assert!(matches!(&error, TensorError::TooLarge { shape: given, .. } if given == shape));
        }
    }

    #[test]
    fn terabytes_are_refused_with_their_number() {
        let error = checked_len(&[1 << 20, 1 << 20], DType::F32).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("[1048576, 1048576]") && text.contains("4398046511104 bytes"),
            "{text}"
        );
    }

    #[test]
    fn memory_and_swap_are_added() {
        let meminfo = "MemTotal:        1000 kB\nMemFree: 7 kB\nSwapTotal:   24 kB\n";
        assert_eq!(total_of(meminfo), Some(1024 * 1024));
        assert_eq!(total_of("nothing"), None);
    }
}
