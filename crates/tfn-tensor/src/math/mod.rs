//! Elementary functions of one number.

pub(crate) mod double;
pub(crate) mod single;

/// The functions that kernels compute of an entry.
///
/// For `f32` the hot ones have no branch, no table and no fused multiplication, so that a loop over
/// them becomes vector code with the same bits on every machine. For `f64` they rest on the
/// standard library, or on the published approximations of a kept crate.
#[doc(hidden)]
#[allow(missing_docs)]
pub trait Math: Copy {
    fn m_exp(self) -> Self;
    /// exp(x) − 1 without cancellation.
    fn m_expm1(self) -> Self;
    fn m_ln(self) -> Self;
    /// ln(1 + x) without cancellation.
    fn m_log1p(self) -> Self;
    fn m_tanh(self) -> Self;
    /// 1 / (1 + exp(−x)).
    fn m_sigmoid(self) -> Self;
    /// ln(1 + exp(x)).
    fn m_softplus(self) -> Self;
    /// ln(exp(x) − 1), the inverse of [`Math::m_softplus`].
    fn m_softplus_inverse(self) -> Self;
    /// ln(sigmoid(x)).
    fn m_log_sigmoid(self) -> Self;
    fn m_erf(self) -> Self;
    /// 1 − erf(x) without cancellation.
    fn m_erfc(self) -> Self;
    /// The standard normal cumulative distribution function.
    fn m_ndtr(self) -> Self;
    /// The logarithm of [`Math::m_ndtr`], exact in the far left tail too.
    fn m_log_ndtr(self) -> Self;
    /// Its derivative.
    fn m_log_ndtr_slope(self) -> Self;
    fn m_sin(self) -> Self;
    fn m_cos(self) -> Self;
    fn m_sqrt(self) -> Self;
    fn m_abs(self) -> Self;
    fn m_powf(self, exponent: Self) -> Self;
    /// The largest whole number that is not above x.
    fn m_floor(self) -> Self;
    fn m_is_nan(self) -> bool;
    fn m_is_finite(self) -> bool;
    /// The exponent of the largest numbers.
    const LARGEST_EXPONENT: Self;
    /// The number from 1 to 2 that it is a power of two away from, if it is normal and positive.
    fn m_mantissa(self) -> Self;
    /// The exponent of that power.
    fn m_exponent(self) -> Self;
}

/// Implements [`Math`] for a type by the free functions of a module.
macro_rules! implement {
    ($type:ty, $module:ident, $bits:ty, $signed:ty, $fraction:literal, $bias:literal) => {
        impl Math for $type {
            implement! { @one $module:
                m_exp exp, m_expm1 expm1, m_ln ln, m_log1p log1p, m_tanh tanh, m_sigmoid sigmoid,
                m_softplus softplus, m_softplus_inverse softplus_inverse,
                m_log_sigmoid log_sigmoid, m_erf erf, m_erfc erfc, m_ndtr ndtr,
                m_log_ndtr log_ndtr, m_log_ndtr_slope log_ndtr_slope, m_sin sin, m_cos cos, m_floor floor
            }

            #[inline(always)]
            fn m_sqrt(self) -> Self {
                self.sqrt()
            }

            #[inline(always)]
            fn m_abs(self) -> Self {
                self.abs()
            }

            #[inline(always)]
            fn m_powf(self, exponent: Self) -> Self {
                $module::powf(self, exponent)
            }

            #[inline(always)]
            fn m_is_nan(self) -> bool {
                self.is_nan()
            }

            #[inline(always)]
            fn m_is_finite(self) -> bool {
                self.is_finite()
            }

            const LARGEST_EXPONENT: Self = $bias as $type;

            #[inline(always)]
            fn m_mantissa(self) -> Self {
                let mask = ((1 as $bits) << $fraction) - 1;
                <$type>::from_bits(self.to_bits() & mask | (1.0 as $type).to_bits())
            }

            #[inline(always)]
            fn m_exponent(self) -> Self {
                ((self.to_bits() >> $fraction) as $signed).wrapping_sub($bias) as $type
            }
        }
    };
    (@one $module:ident: $($method:ident $function:ident),+) => {$(
        #[inline(always)]
        fn $method(self) -> Self {
            $module::$function(self)
        }
    )+};
}

implement!(f32, single, u32, i32, 23, 127);
implement!(f64, double, u64, i64, 52, 1023);
