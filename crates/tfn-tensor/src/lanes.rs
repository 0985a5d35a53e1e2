//! Vectors of either element type.

use pulp::Simd;

/// A number with the vectors of an instruction set.
pub trait Lanes: Copy {
    /// As many of them as a register holds.
    type Vector<S: Simd>: Copy;

    /// How many these are.
    fn lanes<S: Simd>() -> usize;
    /// The same number in all lanes.
    fn splat<S: Simd>(simd: S, x: Self) -> Self::Vector<S>;
    /// `x·y + z`, rounded once where the instruction set has that.
    fn multiply_add<S: Simd>(
        simd: S,
        x: Self::Vector<S>,
        y: Self::Vector<S>,
        z: Self::Vector<S>,
    ) -> Self::Vector<S>;
    /// `x + y`.
    fn sum<S: Simd>(simd: S, x: Self::Vector<S>, y: Self::Vector<S>) -> Self::Vector<S>;
    /// `x·y`.
    fn product<S: Simd>(simd: S, x: Self::Vector<S>, y: Self::Vector<S>) -> Self::Vector<S>;
    /// As many whole vectors as the numbers fill.
    fn vectors<S: Simd>(simd: S, x: &[Self]) -> &[Self::Vector<S>];
    /// As many whole vectors as the numbers fill, for writing.
    fn vectors_mut<S: Simd>(simd: S, x: &mut [Self]) -> &mut [Self::Vector<S>];
}

macro_rules! implement {
    ($type:ty, $vector:ident, $lanes:ident, $splat:ident, $fma:ident, $add:ident, $mul:ident, $vectors:ident, $vectors_mut:ident) => {
        impl Lanes for $type {
            type Vector<S: Simd> = S::$vector;

            #[inline(always)]
            fn lanes<S: Simd>() -> usize {
                S::$lanes
            }

            #[inline(always)]
            fn splat<S: Simd>(simd: S, x: Self) -> S::$vector {
                simd.$splat(x)
            }

            #[inline(always)]
            fn multiply_add<S: Simd>(
                simd: S,
                x: S::$vector,
                y: S::$vector,
                z: S::$vector,
            ) -> S::$vector {
                simd.$fma(x, y, z)
            }

            #[inline(always)]
            fn sum<S: Simd>(simd: S, x: S::$vector, y: S::$vector) -> S::$vector {
                simd.$add(x, y)
            }

            #[inline(always)]
            fn product<S: Simd>(simd: S, x: S::$vector, y: S::$vector) -> S::$vector {
                simd.$mul(x, y)
            }

            #[inline(always)]
            fn vectors<S: Simd>(_: S, x: &[Self]) -> &[S::$vector] {
                S::$vectors(x).0
            }

            #[inline(always)]
            fn vectors_mut<S: Simd>(_: S, x: &mut [Self]) -> &mut [S::$vector] {
                S::$vectors_mut(x).0
            }
        }
    };
}

implement!(
    f32,
    f32s,
    F32_LANES,
    splat_f32s,
    mul_add_e_f32s,
    add_f32s,
    mul_f32s,
    as_simd_f32s,
    as_mut_simd_f32s
);
implement!(
    f64,
    f64s,
    F64_LANES,
    splat_f64s,
    mul_add_e_f64s,
    add_f64s,
    mul_f64s,
    as_simd_f64s,
    as_mut_simd_f64s
);
