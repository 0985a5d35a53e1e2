//! Elementwise functions of two tensors, under broadcasting.

use std::panic::Location;
use std::sync::Arc;

use super::fused::flowing;
use crate::dtype::{Element, dispatch};
use crate::error::{Result, TensorError};
use crate::kernels::{self, Accumulate};
use crate::shape::broadcast_shapes;
use crate::tensor::{Array, Tensor, Vjp, VjpContext, apply_one};

/// The two operands without error, and the shape they broadcast to.
pub(super) struct Pair<'a> {
    pub(super) lhs: &'a Array,
    pub(super) rhs: &'a Array,
    pub(super) shape: Vec<usize>,
}

impl<'a> Pair<'a> {
    #[track_caller]
    pub(super) fn new(
        op: &'static str,
        lhs: &'a Tensor,
        rhs: &'a Tensor,
    ) -> Result<Self, Arc<TensorError>> {
        let place = Location::caller();
        let (lhs, rhs) = (lhs.array().map_err(Arc::clone)?, rhs.array().map_err(Arc::clone)?);
        if lhs.dtype() != rhs.dtype() {
            let (lhs, rhs) = (lhs.dtype(), rhs.dtype());
            return Err(TensorError::DTypes { op, lhs, rhs, place }.into());
        }
        let Some(shape) = broadcast_shapes(&lhs.shape, &rhs.shape) else {
            return Err(TensorError::Shapes {
                op,
                lhs: lhs.shape.to_vec(),
                rhs: rhs.shape.to_vec(),
                expected: "shapes that broadcast",
                place,
            }
            .into());
        };
        Ok(Self { lhs, rhs, shape })
    }

    /// The untracked result of an elementwise function.
    pub(super) fn map<E: Element>(&self, f: impl Fn(E, E) -> E + Sync + Copy) -> Tensor {
        let (lhs, rhs) = (self.lhs, self.rhs);
        Tensor::build::<E>(&self.shape, |out| {
            let (x, y) = (lhs.slice::<E>(), rhs.slice::<E>());
            kernels::broadcast_map2(
                out,
                Accumulate::Set,
                x,
                &lhs.shape,
                y,
                &rhs.shape,
                &self.shape,
                f,
            );
        })
    }
}

#[derive(Clone, Copy)]
pub(super) enum Function {
    Add,
    Sub,
    Mul,
    Div,
    Maximum,
    Minimum,
}

impl Function {
    fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Sub => "sub",
            Self::Mul => "mul",
            Self::Div => "div",
            Self::Maximum => "maximum",
            Self::Minimum => "minimum",
        }
    }

    fn forward<E: Element>(self, pair: &Pair<'_>) -> Tensor {
        match self {
            Self::Add => pair.map::<E>(|x, y| x + y),
            Self::Sub => pair.map::<E>(|x, y| x - y),
            Self::Mul => pair.map::<E>(|x, y| x * y),
            Self::Div => pair.map::<E>(|x, y| x / y),
            Self::Maximum => pair.map::<E>(|x, y| if x >= y || x.is_nan() { x } else { y }),
            Self::Minimum => pair.map::<E>(|x, y| if x <= y || x.is_nan() { x } else { y }),
        }
    }

    /// Whether the gradient of an input reads the operands.
    fn reads_operands(self) -> bool {
        !matches!(self, Self::Add | Self::Sub)
    }
}

struct Binary {
    function: Function,
    operands: Option<(Tensor, Tensor)>,
}

impl Vjp for Binary {
    fn name(&self) -> &'static str {
        self.function.name()
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        let Some(g) = ctx.grad(0).cloned() else {
            return Ok(());
        };
        let Some((x, y)) = &self.operands else {
            ctx.add(0, g.clone());
            if ctx.needs(1) {
                ctx.add(1, if matches!(self.function, Function::Sub) { -g } else { g });
            }
            return Ok(());
        };
        for input in 0..2 {
            if ctx.needs(input) {
                ctx.add(input, self.partial(input, &g, x, y));
            }
        }
        Ok(())
    }
}

impl Binary {
    fn partial(&self, input: usize, g: &Tensor, x: &Tensor, y: &Tensor) -> Tensor {
        match (self.function, input) {
            (Function::Mul, 0) => times::<false>(g, y),
            (Function::Mul, _) => times::<false>(g, x),
            (Function::Div, 0) => times::<true>(g, y),
            (Function::Div, _) => -times::<true>(&times::<false>(g, &(x / y)), y),
            // Where both are equal the gradient goes to the first, as the value does.
            (Function::Maximum, 0) => times::<false>(&x.ge(y), g),
            (Function::Maximum, _) => times::<false>(&x.lt(y), g),
            (Function::Minimum, 0) => times::<false>(&x.le(y), g),
            (Function::Minimum, _) => times::<false>(&x.gt(y), g),
            (Function::Add | Function::Sub, _) => g.clone(),
        }
    }
}

/// `g·slope`, or `g/slope` if `OVER`; 0 where `g` is.
fn times<const OVER: bool>(g: &Tensor, slope: &Tensor) -> Tensor {
    match Pair::new("mul", g, slope) {
        Err(error) => Tensor::from_error(error),
        Ok(pair) => dispatch!(pair.lhs.dtype(), E => pair.map::<E>(|g, slope| {
            flowing(g, if OVER { g / slope } else { g * slope })
        })),
    }
}

impl Tensor {
    #[track_caller]
    pub(super) fn binary(&self, other: &Self, function: Function) -> Self {
        let pair = match Pair::new(function.name(), self, other) {
            Ok(pair) => pair,
            Err(error) => return Self::from_error(error),
        };
        let output = dispatch!(pair.lhs.dtype(), E => function.forward::<E>(&pair));
        apply_one(&[self, other], output, || Binary {
            function,
            operands: function.reads_operands().then(|| (self.detach(), other.detach())),
        })
    }

    /// The larger of two entries; NaN if either is.
    #[track_caller]
    #[must_use]
    pub fn maximum(&self, other: &Self) -> Self {
        self.binary(other, Function::Maximum)
    }

    /// The smaller of two entries; NaN if either is.
    #[track_caller]
    #[must_use]
    pub fn minimum(&self, other: &Self) -> Self {
        self.binary(other, Function::Minimum)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_gradients;
    use crate::{Result, Tensor, TensorError, Variable};

    fn tensor(values: &[f64], shape: &[usize]) -> Tensor {
        Tensor::from_slice(values, shape)
    }

    #[test]
    fn gradients_agree_with_central_differences_under_broadcasting() {
        let x = tensor(&[0.5, -1.5, 2.5, 3.5, -0.7, 1.1], &[2, 3]);
        for y in [
            tensor(&[1.3, 0.8, -2.2, 0.6, 1.9, -1.4], &[2, 3]),
            tensor(&[1.3, 0.8, -2.2], &[3]),
            tensor(&[1.3, -0.8], &[2, 1]),
            tensor(&[1.3], &[]),
            tensor(&[1.3, -0.8, 0.4, 0.9], &[4, 1, 1]),
        ] {
            let inputs = [x.clone(), y];
            check_gradients(&inputs, |v| &v[0] + &v[1]).unwrap();
            check_gradients(&inputs, |v| &v[0] - &v[1]).unwrap();
            check_gradients(&inputs, |v| &v[0] * &v[1]).unwrap();
            check_gradients(&inputs, |v| &v[0] / &v[1]).unwrap();
            check_gradients(&inputs, |v| v[0].maximum(&v[1])).unwrap();
            check_gradients(&inputs, |v| v[1].minimum(&v[0])).unwrap();
        }
    }

    #[test]
    fn where_nothing_flows_an_infinite_slope_does_no_harm() -> Result<()> {
        let edge = [0.0, f64::INFINITY, f64::NEG_INFINITY];
        let (x, y) =
            (Variable::new("x", tensor(&edge, &[3]))?, Variable::new("y", tensor(&[0.0], &[]))?);
        let (mask, zero) = (tensor(&[0.0], &[]), tensor(&[0.0], &[]));
        let behind = |f: Tensor| Tensor::select(&mask, &f, &zero).sum().gradients();
        for f in [
            &x.tensor() * y.tensor(),
            &x.tensor() / y.tensor(),
            (&x.tensor() * 1e3).exp(),
            x.tensor().ln(),
            x.tensor().reciprocal(),
            Tensor::normal_log_prob(&x.tensor(), &y.tensor(), &y.tensor()),
        ] {
            let slopes = behind(f)?;
            assert_eq!(slopes.of(&x).to_vec::<f64>()?, [0.0; 3]);
            assert_eq!(slopes.of(&y).item()?, 0.0);
        }
        Ok(())
    }

    #[test]
    fn an_error_names_operation_shapes_and_place() {
        let sum = tensor(&[1.0, 2.0], &[2]) * tensor(&[1.0, 2.0, 3.0], &[3]);
        let error = sum.exp().shape().unwrap_err();
        let TensorError::Shapes { op, lhs, rhs, place, .. } = &error else { panic!("{error}") };
        assert_eq!((*op, &lhs[..], &rhs[..]), ("mul", &[2][..], &[3][..]));
        assert!(place.file().ends_with("binary.rs"), "{place}");
        let mixed = tensor(&[1.0], &[1]) + Tensor::scalar(1.0_f32);
        assert!(matches!(mixed.item(), Err(TensorError::DTypes { .. })));
    }

    #[test]
    fn extremes_hand_on_nan() -> Result<()> {
        let x = tensor(&[f64::NAN, 1.0, 2.0], &[3]);
        let y = tensor(&[1.0, f64::NAN, 3.0], &[3]);
        let larger = x.maximum(&y).to_vec::<f64>()?;
        assert!(larger[0].is_nan() && larger[1].is_nan() && larger[2] == 3.0);
        Ok(())
    }
}
