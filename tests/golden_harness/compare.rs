//! How near is near enough: the rules of `golden/FORMAT.md`.

use tfn::tensor::{DType, Tensor};

use crate::json::{Gold, Kind};

/// What the relative tolerance is relative to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Each entry: element-wise values.
    Entry,
    /// The largest entry of the tensor: gradients and matrix products.
    Tensor,
}

/// `|got − want| <= atol + rtol · |want|`, with `|want|` of the entry or the largest of the tensor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tolerance {
    pub(crate) rtol: f64,
    pub(crate) atol: f64,
    pub(crate) scope: Scope,
}

impl Tolerance {
    /// A single number of FORMAT.md's table, entry by entry.
    pub(crate) fn entry(value: f64) -> Self {
        Self { rtol: value, atol: value, scope: Scope::Entry }
    }

    /// A single number of FORMAT.md's table, relative to the largest entry.
    pub(crate) fn tensor(value: f64) -> Self {
        Self { rtol: value, atol: value, scope: Scope::Tensor }
    }

    /// The same without an absolute part.
    pub(crate) fn relative(self) -> Self {
        Self { atol: 0.0, ..self }
    }

    /// The same with another absolute part.
    pub(crate) fn with_atol(self, atol: f64) -> Self {
        Self { atol, ..self }
    }
}

/// An entry that is not what was recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Miss {
    pub(crate) index: usize,
    pub(crate) got: f64,
    pub(crate) want: f64,
    pub(crate) allowed: f64,
}

impl std::fmt::Display for Miss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { index, got, want, allowed } = self;
        write!(
            f,
            "entry {index}: got {got:e}, want {want:e}, off by {:e}, allowed {allowed:e}",
            (got - want).abs()
        )
    }
}

/// The entries of `got` that are off. The allowance of entry `i` may be widened by `extra(i)`.
///
/// Non-finite entries must match exactly: NaN with NaN, infinities with their sign.
pub(crate) fn misses(
    got: &[f64],
    want: &[f64],
    tolerance: Tolerance,
    extra: impl Fn(usize) -> f64,
) -> Vec<Miss> {
    let largest = want
        .iter()
        .filter(|value| value.is_finite())
        .fold(0.0_f64, |max, value| max.max(value.abs()));
    let miss = |(index, (&got, &want)): (usize, (&f64, &f64))| {
        let size = if tolerance.scope == Scope::Tensor { largest } else { want.abs() };
        let allowed = tolerance.atol + tolerance.rtol * size + extra(index);
        let same = if want.is_finite() {
            got.is_finite() && (got - want).abs() <= allowed
        } else {
            got == want || (got.is_nan() && want.is_nan())
        };
        (!same).then_some(Miss { index, got, want, allowed })
    };
    got.iter().zip(want).enumerate().filter_map(miss).collect()
}

/// The entries of `got`, if it has the shape and type of `want`.
pub(crate) fn entries(got: &Tensor, want: &Gold) -> Result<Vec<f64>, String> {
    let error = |error: tfn::tensor::TensorError| error.to_string();
    let (shape, dtype) = (got.shape().map_err(error)?, got.dtype().map_err(error)?);
    if shape != want.shape {
        return Err(format!("shape {shape:?}, want {:?}", want.shape));
    }
    let expected = if want.kind == Kind::F32 { DType::F32 } else { DType::F64 };
    if dtype != expected {
        return Err(format!("type {dtype}, want {expected}"));
    }
    got.to_f64_vec().map_err(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn off(got: &[f64], want: &[f64], tolerance: Tolerance) -> Vec<usize> {
        misses(got, want, tolerance, |_| 0.0).iter().map(|miss| miss.index).collect()
    }

    #[test]
    fn the_allowance_is_that_of_the_entry_or_of_the_largest() {
        let (want, got) = ([1.0, 1000.0], [1.0005, 1000.5]);
        assert_eq!(off(&got, &want, Tolerance::entry(1e-3).relative()), [0; 0]);
        assert_eq!(off(&[1.5, 1000.5], &want, Tolerance::entry(1e-3)), [0]);
        assert_eq!(off(&[1.5, 1000.5], &want, Tolerance::tensor(1e-3)), [0; 0]);
        assert_eq!(off(&[1e-4], &[0.0], Tolerance::entry(1e-3)), [0; 0]);
        assert_eq!(off(&[1e-4], &[0.0], Tolerance::entry(1e-3).relative()), [0]);
    }

    #[test]
    fn non_finite_entries_match_exactly() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        let all = [nan, inf, -inf, 1.0];
        assert_eq!(off(&all, &all, Tolerance::entry(1e-3)), [0; 0]);
        assert_eq!(off(&[inf, nan, inf, nan], &all, Tolerance::entry(1.0)), [0, 1, 2, 3]);
        assert_eq!(off(&[0.0, 0.0, 0.0, inf], &all, Tolerance::entry(1e300)), [0, 1, 2, 3]);
    }
}
