//! The laws of all bijectors, over random parameters and points.

use std::sync::Arc;

use proptest::prelude::*;
use tfn_distributions::bijectors::{
    Ascending, AutoregressiveNetwork, Bijector, Blockwise, Chain, CorrelationCholesky, Cumsum, Exp,
    FillScaleTriL, FillTriangular, Identity, Invert, Log, MaskedAutoregressive, NormalCDF, Permute,
    Power, RationalQuadraticSpline, Reciprocal, Reshape, Scale, ScaleMatvecDiag, ScaleMatvecTriL,
    Shift, Sigmoid, SoftmaxCentered, Softplus, Square, Tanh,
};
use tfn_distributions::module::Module;
use tfn_distributions::module::describe::{self, Describe, Description, Reader};
use tfn_distributions::tensor::{DType, Tensor, Variable};
use tfn_distributions::testing::check_bijector_at;
use tfn_distributions::{
    Distribution, MultivariateNormalDiag, MultivariateNormalTriL, Parameter, Result,
    TransformedDistribution, TransformedVariable,
};

use super::draws::Draws;
use super::{broken, entries, for_each_draw, near};

/// A name, the shape of the points, what numbers in −2 … 2 are sent through to lie in the domain, and how the bijector
/// is made.
pub(crate) type Line = (&'static str, &'static [usize], fn(f64) -> f64, fn(&mut Draws<'_>) -> Made);
pub(crate) type Made = Result<Arc<dyn Bijector>>;

fn made(bijector: impl Into<Arc<dyn Bijector>>) -> Made {
    Ok(bijector.into())
}

fn any(x: f64) -> f64 {
    3.0 * x
}

/// Where values do not yet round to the end of a range.
fn middle(x: f64) -> f64 {
    x
}

/// A factor of either sign, not near 0.
fn factor(x: f64) -> f64 {
    x + 0.2_f64.copysign(x)
}

/// A network of one layer, whose weights are masked so that each entry depends on those before it.
#[derive(Clone, Debug, Module)]
pub(crate) struct Network {
    /// `[2, n, n]`: of the shift and of the logarithm of the scale.
    weights: Parameter,
}

impl AutoregressiveNetwork for Network {
    fn shift_and_log_scale(&self, y: &Tensor) -> Result<(Tensor, Tensor)> {
        let weights = self.weights.value();
        let masked = &weights - weights.tril();
        let part = |index: usize| {
            let hidden = (y * 0.5).tanh().expand_dims(-2);
            hidden.matmul(&masked.narrow(0, index, 1).squeeze(0)).squeeze(-2)
        };
        Ok((part(0), part(1) * 0.5))
    }
}

impl Describe for Network {
    fn class() -> String {
        "laws.Network".to_owned()
    }

    fn describe(&self, description: &mut Description<'_, '_>) -> describe::Result<()> {
        description.field("weights", &self.weights)?;
        Ok(())
    }

    fn restore(reader: &mut Reader<'_, '_>) -> describe::Result<Self> {
        Ok(Self { weights: reader.field("weights")? })
    }
}

/// Three variable sizes that sum to 8.
fn bins(d: &mut Draws<'_>) -> Result<Parameter> {
    let variable = Variable::new("bins", d.real(&[2]).value().detach())?;
    let sizes = Chain::new([Scale::new(8.0)?.into(), SoftmaxCentered::new().into()]);
    Ok(TransformedVariable::from_variable(variable, sizes)?.into())
}

pub(crate) const BIJECTORS: &[Line] = &[
    ("Ascending", &[2, 3], middle, |_| made(Ascending::new())),
    ("Blockwise", &[2, 4], middle, |d| {
        let parts: [Arc<dyn Bijector>; 3] = [
            Sigmoid::new().into(),
            SoftmaxCentered::new().into(),
            Scale::new(d.variable(&[], factor))?.into(),
        ];
        made(Blockwise::new(parts, &[1, 2, 1])?)
    }),
    ("Chain", &[4], middle, |d| {
        made(Chain::new([Exp::new().into(), Shift::new(d.real(&[]))?.into(), Tanh::new().into()]))
    }),
    ("Chain of vectors", &[2, 3], middle, |d| {
        made(Chain::new([
            SoftmaxCentered::new().into(),
            Scale::new(d.variable(&[], |x| (x / 4.0).exp()))?.into(),
            Shift::new(d.real(&[3]))?.into(),
        ]))
    }),
    ("Chain of matrices", &[2, 6], any, |d| {
        let shift = Shift::new(d.real(&[6]))?;
        made(Chain::new([FillScaleTriL::new().into(), shift.into()]))
    }),
    ("CorrelationCholesky", &[2, 6], middle, |_| made(CorrelationCholesky::new())),
    ("Cumsum", &[2, 3], any, |_| made(Cumsum::new())),
    ("Cumsum of columns", &[2, 3, 2], any, |_| made(Cumsum::along(-2)?)),
    ("Exp", &[4], any, |_| made(Exp::new())),
    ("FillScaleTriL", &[2, 6], any, |_| made(FillScaleTriL::new())),
    ("FillScaleTriL, exp", &[2, 3], middle, |d| {
        let diag = Chain::new([Exp::new().into(), Shift::new(d.real(&[]))?.into()]);
        made(FillScaleTriL::with_diag(diag, None)?)
    }),
    ("FillTriangular", &[2, 6], any, |_| made(FillTriangular::new())),
    ("FillTriangular, upper", &[2, 6], any, |_| made(FillTriangular::upper())),
    ("Identity", &[4], any, |_| made(Identity::new())),
    ("Invert", &[4], f64::exp, |_| made(Invert::new(Softplus::new()))),
    ("Log", &[4], f64::exp, |_| made(Log::new())),
    ("MaskedAutoregressive", &[2, 3], middle, |d| {
        made(MaskedAutoregressive::new(Network { weights: d.real(&[2, 3, 3]) }))
    }),
    ("NormalCDF", &[4], middle, |_| made(NormalCDF::new())),
    ("Permute", &[2, 3], any, |_| made(Permute::new(&[1, 2, 0])?)),
    ("Power", &[4], f64::exp, |d| made(Power::new(d.variable(&[4], factor))?)),
    ("Power, odd", &[4], factor, |_| made(Power::new(3.0)?)),
    ("RationalQuadraticSpline", &[2, 4], any, |d| {
        let (widths, heights) = (bins(d)?, bins(d)?);
        let spline = RationalQuadraticSpline::new(widths, heights, d.positive(&[4, 2]))?;
        made(spline.with_range_min(-4.0)?)
    }),
    ("Reciprocal", &[4], factor, |_| made(Reciprocal::new())),
    ("Reshape", &[2, 4], any, |_| made(Reshape::new(&[2, 1, 2], &[4])?)),
    ("Scale", &[4], any, |d| made(Scale::new(d.variable(&[4], factor))?)),
    ("ScaleMatvecDiag", &[2, 3], any, |d| made(ScaleMatvecDiag::new(d.variable(&[2, 3], factor))?)),
    ("ScaleMatvecTriL", &[2, 3], any, |d| made(ScaleMatvecTriL::new(d.variable(&[3, 3], factor))?)),
    ("ScaleMatvecTriL, adjoint", &[2, 3], any, |d| {
        made(ScaleMatvecTriL::new(d.variable(&[2, 3, 3], factor))?.with_adjoint(true))
    }),
    ("Shift", &[4], any, |d| made(Shift::new(d.real(&[4]))?)),
    ("Sigmoid", &[4], middle, |_| made(Sigmoid::between(-0.5, 2.0)?)),
    ("SoftmaxCentered", &[2, 3], any, |_| made(SoftmaxCentered::new())),
    ("Softplus", &[4], any, |_| made(Softplus::new())),
    ("Softplus, hinge_softness", &[4], any, |_| {
        made(Softplus::above(-0.5)?.with_hinge_softness(-2.0)?)
    }),
    ("Square", &[4], f64::exp, |_| made(Square::new())),
    ("Tanh", &[4], middle, |_| made(Tanh::new())),
];

/// The points of a line, from the last numbers, and its bijector.
pub(crate) fn draw(
    line: &Line,
    numbers: &[f64],
    dtype: DType,
) -> Result<(Tensor, Arc<dyn Bijector>)> {
    let (_, shape, domain, make) = line;
    let reversed: Vec<f64> = numbers.iter().rev().copied().collect();
    let points: Parameter = Draws::new(&reversed, dtype).variable(shape, domain);
    Ok((points.value().detach(), make(&mut Draws::new(numbers, dtype))?))
}

#[test]
fn every_bijector_keeps_the_laws() {
    for line in BIJECTORS {
        for_each_draw(12, |numbers| {
            let (x, bijector) = draw(line, &numbers, DType::F64).map_err(|e| broken(line.0, e))?;
            check_bijector_at(bijector.as_ref(), &x, free(line.0)).map_err(|e| broken(line.0, e))
        });
    }
}

/// The entries of an event of `y` that the others follow from, where the log-determinant is of them.
fn free(name: &str) -> Option<&'static [usize]> {
    (name == "CorrelationCholesky").then_some(&[4, 8, 9, 12, 13, 14])
}

#[test]
fn single_precision_agrees_with_double() {
    for line in BIJECTORS {
        for_each_draw(12, |numbers| {
            let [(wide_x, wide), (x, narrow)] =
                [DType::F64, DType::F32].map(|dtype| draw(line, &numbers, dtype).unwrap());
            for (given, expected) in [
                (narrow.forward(&x), wide.forward(&wide_x)),
                (narrow.forward_log_det_jacobian(&x), wide.forward_log_det_jacobian(&wide_x)),
                (narrow.inverse(&narrow.forward(&x)), wide_x),
            ] {
                prop_assert_eq!(given.dtype().unwrap(), DType::F32);
                let [given, expected] = [given, expected].map(|t| t.to_f64_vec().unwrap());
                let close = near(&given, &expected, 2e-3);
                prop_assert!(close, "{}: {:?} {:?}", line.0, given, expected);
            }
            Ok(())
        });
    }
}

/// All that a bijector makes of a tensor.
fn everything(bijector: &dyn Bijector, tensor: &Tensor) -> [Tensor; 4] {
    [
        bijector.forward(tensor),
        bijector.inverse(tensor),
        bijector.forward_log_det_jacobian(tensor),
        bijector.inverse_log_det_jacobian(tensor),
    ]
}

#[test]
fn an_error_goes_through_every_bijector_and_no_shape_panics() {
    let numbers: Vec<f64> = (0..24).map(|i| f64::from(i) / 12.0 - 1.0).collect();
    let bad = Tensor::from_vec(vec![1.0], &[2]);
    for line in BIJECTORS {
        let (_, bijector) = draw(line, &numbers, DType::F64).unwrap();
        let given = everything(bijector.as_ref(), &bad);
        assert!(given.iter().all(|given| given.error().is_some()), "{}: {given:?}", line.0);
        for shape in [&[][..], &[0], &[1], &[7], &[2, 0], &[0, 0], &[3, 7], &[5, 5], &[2, 3, 0]] {
            let x = Tensor::ones(shape, DType::F64);
            let given = everything(bijector.as_ref(), &x);
            let _ = bijector.in_range(&x);
            let needed = [bijector.forward_min_event_ndims(), bijector.inverse_min_event_ndims()];
            for (log_det, needed) in given[2..].iter().zip(needed) {
                let fails = log_det.error().is_some();
                assert!(shape.len() >= needed || fails, "{} {shape:?}", line.0);
            }
        }
    }
}

#[test]
fn a_normal_vector_through_a_triangular_matrix_is_the_multivariate_normal() {
    for_each_draw(12, |numbers| {
        let mut d = Draws::new(&numbers, DType::F64);
        let (loc, scale) = (d.real(&[3]), d.variable(&[3, 3], |x| x.abs() + 0.3));
        let chain = [Shift::new(&loc)?.into(), ScaleMatvecTriL::new(&scale)?.into()];
        let ones = Tensor::ones(&[3], DType::F64);
        let standard = MultivariateNormalDiag::new(&ones * 0.0, ones)?;
        let through = TransformedDistribution::new(standard, Chain::new(chain))?;
        let normal = MultivariateNormalTriL::new(&loc, &scale)?;
        let x = d.real(&[2, 3]).value();
        for (given, expected) in [
            (through.log_prob(&x), normal.log_prob(&x)),
            (through.mean(), normal.mean()),
            (through.entropy(), normal.entropy()),
        ] {
            let (given, expected) = (entries(given), entries(expected));
            prop_assert!(near(&given, &expected, 1e-12), "{:?} {:?}", given, expected);
        }
        Ok(())
    });
}

#[test]
fn matrices_outside_the_range_have_no_mass() {
    let normal = |size: usize| {
        let ones = Tensor::ones(&[size], DType::F64);
        MultivariateNormalDiag::new(&ones * 0.0, ones).unwrap()
    };
    let matrix = |entries: [f64; 4]| Tensor::from_vec(entries.to_vec(), &[2, 2]);
    let factor = TransformedDistribution::new(normal(1), CorrelationCholesky::new()).unwrap();
    let scale = TransformedDistribution::new(normal(3), FillScaleTriL::new()).unwrap();
    for (distribution, inside) in
        [(factor, matrix([1.0, 0.0, 0.6, 0.8])), (scale, matrix([2.0, 0.0, -7.0, 0.1]))]
    {
        let log_prob = |y: &Tensor| distribution.log_prob(y).unwrap().item().unwrap();
        assert!(log_prob(&inside).is_finite());
        for outside in [inside.transpose(), &inside * -1.0] {
            assert_eq!(log_prob(&outside), f64::NEG_INFINITY);
        }
    }
}
