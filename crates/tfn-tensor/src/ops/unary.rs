//! Elementwise functions of one tensor.

use num_traits::Float;

use super::fused::flowing;
use crate::dtype::{Element, dispatch};
use crate::error::Result;
use crate::kernels::{self, Accumulate};
use crate::tensor::{Tensor, Vjp, VjpContext, apply_one};

/// What the backward pass of a function reads.
enum Reads {
    Nothing,
    Input,
    Output,
}

struct Unary {
    function: Function,
    /// Input or output, as [`Reads`] says; empty if it reads nothing.
    saved: Option<Tensor>,
}

impl Vjp for Unary {
    fn name(&self) -> &'static str {
        self.function.name()
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        let Some(g) = ctx.grad(0).cloned() else {
            return Ok(());
        };
        if g.is_lazy() {
            ctx.add(0, self.lazy(g)?);
            return Ok(());
        }
        dispatch!(g.dtype()?, E => {
            let grad = g.data::<E>()?;
            let saved = self.saved.as_ref().map_or(Ok(grad), |saved| saved.data::<E>())?;
            ctx.into::<E>(0, |out, accumulate| {
                kernels::map_by(out, accumulate, [grad, saved], &|out, accumulate, [grad, read]| {
                    self.function.backward(out, accumulate, grad, read);
                });
            })
        })
    }
}

impl Unary {
    /// The gradient of the input, lazy where that of the output is.
    fn lazy(&self, g: Tensor) -> Result<Tensor> {
        let (function, saved, shape) = (self.function, self.saved.clone(), g.shape()?.to_vec());
        Ok(dispatch!(g.dtype()?, E => {
            let unit = g.array().map_or(1, |array| array.entries::<E>().unit());
            Tensor::lazy::<E>(&shape, unit, move |start, out, accumulate| {
                let Ok(array) = g.array() else { return };
                array.entries::<E>().with_block(start, out.len(), |grad| {
                    let saved = saved.as_ref().and_then(|saved| saved.array().ok());
                    let read = saved.map_or(grad, |array| &array.slice::<E>()[start..start + out.len()]);
                    function.backward(out, accumulate, grad, read);
                });
            })
        }))
    }
}

impl Tensor {
    /// The function of each entry.
    fn unary(&self, function: Function) -> Self {
        let array = match self.array() {
            Ok(array) => array,
            Err(error) => return Self::from_error(error.clone()),
        };
        let output = dispatch!(array.dtype(), E => {
            Tensor::build::<E>(&array.shape, |out| {
                kernels::map_by(out, Accumulate::Set, [array.slice::<E>()], &|out, _, [x]| function.forward(out, x));
            })
        });
        let saved = match function.reads() {
            _ if !self.is_tracked() => None,
            Reads::Nothing => None,
            Reads::Input => Some(self.detach()),
            Reads::Output => Some(output.clone()),
        };
        apply_one(&[self], output, || Unary { function, saved })
    }
}

/// Writes, from one table, the functions with their kernels and the methods of [`Tensor`].
///
/// A line: method, optional `f64` parameters, what the backward pass reads, function of an entry `x`,
/// gradient from that of the output `g` and the entry read `v`.
macro_rules! unary {
    ($(
        $(#[$doc:meta])*
        $vis:vis $variant:ident $method:ident($($p:ident),*) reads $reads:ident:
            |$x:ident| $forward:expr; |$g:ident, $v:ident| $backward:expr;
    )*) => {
        #[derive(Clone, Copy, Debug)]
        enum Function { $($variant { $($p: f64),* }),* }

        impl Function {
            fn name(self) -> &'static str {
                match self { $(Self::$variant { .. } => stringify!($method)),* }
            }

            fn reads(self) -> Reads {
                match self { $(Self::$variant { .. } => Reads::$reads),* }
            }

            /// One block of entries of the output.
            fn forward<E: Element>(self, out: &mut [E], x: &[E]) {
                match self { $(Self::$variant { $($p),* } => {
                    $(let $p = <E as Element>::from_f64($p);)*
                    kernels::write_block(out, Accumulate::Set, [x], #[inline(always)] move |[$x]| $forward);
                }),* }
            }

            /// One block of entries of the input's gradient.
            fn backward<E: Element>(self, out: &mut [E], acc: Accumulate, grad: &[E], read: &[E]) {
                match self { $(Self::$variant { $($p),* } => {
                    $(let $p = <E as Element>::from_f64($p); let _ = $p;)*
                    kernels::write_block(out, acc, [grad, read], #[inline(always)] move |[$g, $v]| $backward);
                }),* }
            }
        }

        impl Tensor { $(
            $(#[$doc])*
            #[must_use]
            $vis fn $method(&self, $($p: f64),*) -> Self {
                self.unary(Function::$variant { $($p),* })
            }
        )* }
    };
}

#[inline(always)]
fn c<E: Element>(value: f64) -> E {
    <E as Element>::from_f64(value)
}

/// `1/sqrt(2π)`.
const FRAC_1_SQRT_2PI: f64 = 0.398_942_280_401_432_7;

unary! {
    /// `−x`.
    pub(super) Neg negated() reads Nothing: |x| -x; |g, _v| -g;
    /// `|x|`; gradient 0 at 0.
    pub Abs abs() reads Input: |x| x.abs();
        |g, v| if v > E::zero() { g } else if v < E::zero() { -g } else { E::zero() };
    /// `exp(x)`.
    pub Exp exp() reads Output: |x| x.m_exp(); |g, v| flowing(g, g * v);
    /// `exp(x) − 1`, accurate near 0.
    pub Expm1 expm1() reads Output: |x| x.m_expm1(); |g, v| flowing(g, g * (v + E::one()));
    /// Natural logarithm.
    pub Ln ln() reads Input: |x| x.m_ln(); |g, v| flowing(g, g / v);
    /// `ln(1 + x)`, accurate near 0.
    pub Log1p log1p() reads Input: |x| x.m_log1p(); |g, v| flowing(g, g / (E::one() + v));
    /// Square root; gradient 0 at 0, so that a variance of zero contributes nothing instead of NaN.
    pub Sqrt sqrt() reads Output: |x| x.m_sqrt();
        |g, v| if v > E::zero() { g * c::<E>(0.5) / v } else { E::zero() };
    /// `x²`.
    pub Square square() reads Input: |x| x * x; |g, v| flowing(g, g * (v + v));
    /// `1/x`.
    pub Reciprocal reciprocal() reads Output: |x| E::one() / x; |g, v| flowing(g, -g * v * v);
    /// Hyperbolic tangent.
    pub Tanh tanh() reads Output: |x| x.m_tanh(); |g, v| g * (E::one() - v * v);
    /// `1 / (1 + exp(−x))`.
    pub Sigmoid sigmoid() reads Output: |x| x.m_sigmoid(); |g, v| g * v * (E::one() - v);
    /// `ln(sigmoid(x))`, without underflow.
    pub LogSigmoid log_sigmoid() reads Input: |x| x.m_log_sigmoid(); |g, v| g * (-v).m_sigmoid();
    /// `max(x, 0)`; gradient 0 at 0.
    pub Relu relu() reads Output: |x| if x <= E::zero() { E::zero() } else { x };
        |g, v| if v > E::zero() { g } else { E::zero() };
    /// `x` above 0, `exp(x) − 1` below.
    pub Elu elu() reads Output: |x| if x > E::zero() { x } else { x.m_expm1() };
        |g, v| if v > E::zero() { g } else { g * (v + E::one()) };
    /// `ln(1 + exp(x))`, over the whole range.
    pub Softplus softplus() reads Output: |x| x.m_softplus(); |g, v| -g * (-v).m_expm1();
    /// `low + ln(1 + exp(x))`, a positive number that never falls below `low`: in one pass what the sum takes two for.
    pub SoftplusAbove softplus_above(low) reads Input: |x| x.m_softplus() + low; |g, v| g * v.m_sigmoid();
    /// `ln(exp(x) − 1)`, the inverse of [`softplus`](Tensor::softplus), over the whole range.
    pub SoftplusInverse softplus_inverse() reads Input: |x| x.m_softplus_inverse();
        |g, v| flowing(g, -g / (-v).m_expm1());
    /// Sine.
    pub Sin sin() reads Input: |x| x.m_sin(); |g, v| g * v.m_cos();
    /// Cosine.
    pub Cos cos() reads Input: |x| x.m_cos(); |g, v| -g * v.m_sin();
    /// Tangent.
    pub Tan tan() reads Output: |x| Float::tan(x); |g, v| flowing(g, g * (E::one() + v * v));
    /// Angle in (−π/2, π/2) whose tangent is `x`.
    pub Atan atan() reads Input: |x| Float::atan(x); |g, v| g / (E::one() + v * v);
    /// `ln(1 + x²)`, accurate near 0 and where `x²` overflows.
    pub Log1pSquare log1p_square() reads Input:
        |x| {
            let (near, far) = ((x * x).m_log1p(), x.m_abs().m_ln());
            if x.m_abs() > c::<E>(1e12) { far + far } else { near }
        };
        |g, v| g * c::<E>(2.0) / (v + E::one() / v);
    /// Error function.
    pub Erf erf() reads Input: |x| x.m_erf();
        |g, v| g * c::<E>(std::f64::consts::FRAC_2_SQRT_PI) * (-v * v).m_exp();
    /// Cumulative distribution function of the standard normal.
    pub Ndtr ndtr() reads Input: |x| x.m_ndtr();
        |g, v| g * c::<E>(FRAC_1_SQRT_2PI) * (c::<E>(-0.5) * v * v).m_exp();
    /// Logarithm of [`ndtr`](Tensor::ndtr), exact far into the left tail.
    pub LogNdtr log_ndtr() reads Input: |x| x.m_log_ndtr(); |g, v| g * v.m_log_ndtr_slope();
    /// `x` to the power of a number.
    pub Powf powf(exponent) reads Input: |x| x.m_powf(exponent);
        |g, v| {
            let slope = g * exponent * v.m_powf(exponent - E::one());
            if exponent == E::zero() { E::zero() } else { flowing(g, slope) }
        };
    /// `x` forced into `[low, high]`; gradient 0 outside.
    pub Clamp clamp(low, high) reads Input:
        |x| if x < low { low } else if x > high { high } else { x };
        |g, v| if v < low || v > high { E::zero() } else { g };
    /// −1, 0 or 1; gradient 0.
    pub Sign sign() reads Nothing:
        |x| if x > E::zero() { E::one() } else if x < E::zero() { -E::one() } else { x };
        |_g, _v| E::zero();
    /// The largest integer not above `x`; gradient 0.
    pub Floor floor() reads Nothing: |x| Float::floor(x); |_g, _v| E::zero();
    /// `x + number`.
    pub(super) AddNumber add_number(number) reads Nothing: |x| x + number; |g, _v| g;
    /// `number − x`.
    pub(super) NumberMinus number_minus(number) reads Nothing: |x| number - x; |g, _v| -g;
    /// `number · x`.
    pub(super) MulNumber mul_number(number) reads Nothing: |x| x * number; |g, _v| g * number;
    /// `x / number`.
    pub(super) DivNumber div_number(number) reads Nothing: |x| x / number; |g, _v| g / number;
    /// `number / x`.
    pub(super) NumberOver number_over(number) reads Input: |x| number / x; |g, v| -g * number / (v * v);
}

#[cfg(test)]
mod tests {
    use crate::testing::check_gradients;
    use crate::{DType, Result, Tensor, Variable};

    /// Each differentiable function, with points at which it is smooth.
    type Case = (&'static str, fn(&Tensor) -> Tensor, &'static [f64]);

    const REAL: &[f64] = &[-3.1, -1.0, -0.2, 0.3, 1.7, 4.0];
    const POSITIVE: &[f64] = &[0.05, 0.2, 1.0, 3.7, 40.0];

    const CASES: &[Case] = &[
        ("neg", |x| -x, REAL),
        ("abs", |x| x.abs(), REAL),
        ("exp", |x| x.exp(), REAL),
        ("expm1", |x| x.expm1(), REAL),
        ("ln", |x| x.ln(), POSITIVE),
        ("log1p", |x| x.log1p(), POSITIVE),
        ("sqrt", |x| x.sqrt(), POSITIVE),
        ("square", |x| x.square(), REAL),
        ("reciprocal", |x| x.reciprocal(), REAL),
        ("tanh", |x| x.tanh(), REAL),
        ("sigmoid", |x| x.sigmoid(), REAL),
        ("log_sigmoid", |x| x.log_sigmoid(), REAL),
        ("relu", |x| x.relu(), REAL),
        ("elu", |x| x.elu(), REAL),
        ("softplus", |x| x.softplus(), REAL),
        ("softplus_above", |x| x.softplus_above(0.3), REAL),
        ("softplus_inverse", |x| x.softplus_inverse(), POSITIVE),
        ("sin", |x| x.sin(), REAL),
        ("cos", |x| x.cos(), REAL),
        ("tan", |x| x.tan(), REAL),
        ("atan", |x| x.atan(), REAL),
        ("log1p_square", |x| x.log1p_square(), REAL),
        ("erf", |x| x.erf(), REAL),
        ("ndtr", |x| x.ndtr(), REAL),
        ("log_ndtr", |x| x.log_ndtr(), REAL),
        ("powf", |x| x.powf(2.5), POSITIVE),
        ("clamp", |x| x.clamp(-1.5, 2.0), REAL),
        ("sign", |x| x.sign(), POSITIVE),
        ("floor", |x| x.floor(), &[-3.1, -0.2, 0.3, 1.7]),
        ("add_number", |x| x + 2.0, REAL),
        ("number_minus", |x| 2.0 - x, REAL),
        ("mul_number", |x| x * -3.0, REAL),
        ("number_over", |x| 3.0 / x, REAL),
    ];

    #[test]
    fn gradients_agree_with_central_differences() {
        for (name, function, points) in CASES {
            let x = Tensor::from_slice(points, &[points.len()]);
            check_gradients(&[x], |v| function(&v[0])).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }

    #[test]
    fn no_gradient_is_nan_at_the_edge_of_a_smooth_range() -> Result<()> {
        for function in [|x: &Tensor| x.sqrt(), |x: &Tensor| x.abs(), |x: &Tensor| x.relu()] {
            let x = Variable::new("x", Tensor::zeros(&[2], DType::F64))?;
            let gradient = function(&x.tensor()).sum().gradients()?.of(&x);
            assert_eq!(gradient.to_vec::<f64>()?, [0.0, 0.0]);
        }
        let x = Variable::new("x", Tensor::from_vec(vec![-800.0, 800.0], &[2]))?;
        for function in
            [|x: &Tensor| x.softplus(), |x: &Tensor| x.log_sigmoid(), |x: &Tensor| x.elu()]
        {
            assert!(function(&x.tensor()).sum().gradients()?.of(&x).all_finite()?);
        }
        Ok(())
    }

    #[test]
    fn the_logarithm_of_one_and_a_square_neither_overflows_nor_loses_digits() -> Result<()> {
        let x = Variable::new("x", Tensor::from_vec(vec![1e-170, 1e-9, 0.0, -1e13, 1e300], &[5]))?;
        let log = x.tensor().log1p_square();
        let expected = [0.0, 1e-18, 0.0, 26.0 * 10.0_f64.ln(), 600.0 * 10.0_f64.ln()];
        for (given, expected) in log.to_vec::<f64>()?.into_iter().zip(expected) {
            assert!((given - expected).abs() <= 4e-16 * expected, "{given} {expected}");
        }
        let slope = log.sum().gradients()?.of(&x).to_vec::<f64>()?;
        assert_eq!((slope[0], slope[2], slope[4]), (2e-170, 0.0, 2e-300));
        Ok(())
    }

    #[test]
    fn nan_goes_through_every_function() -> Result<()> {
        for dtype in [DType::F32, DType::F64] {
            for (name, function, _) in CASES {
                let y = function(&Tensor::full(&[9], f64::NAN, dtype));
                assert!(y.to_f64_vec()?.iter().all(|v| v.is_nan()), "{name} {dtype}");
            }
        }
        Ok(())
    }
}
