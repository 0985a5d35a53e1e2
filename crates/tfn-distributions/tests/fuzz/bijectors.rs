//! Bijectors at arbitrary points: no panic, and no NaN at or from a point of the domain.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tfn_distributions::bijectors::{
    Ascending, Bijector, Chain, CorrelationCholesky, Cumsum, Exp, FillScaleTriL, FillTriangular,
    Identity, IntoBijector, Invert, Log, NormalCDF, Permute, Power, Reciprocal, Scale,
    ScaleMatvecDiag, ScaleMatvecTriL, Shift, Sigmoid, SoftmaxCentered, Softplus, Square, Tanh,
};
use tfn_distributions::tensor::{DType, Key, Tensor};
use tfn_distributions::{Parameter, Result};

use crate::numbers::{Argument, Numbers};
use Argument::{Moderate, Positive, Probability, Real, Row, Triangle};

type Make = fn(&[Parameter]) -> Result<Arc<dyn Bijector>>;
/// A name, what the points of the domain and the parameters are, and how it is made of the latter.
pub(crate) type Line = (&'static str, Argument, &'static [Argument], Make);

/// The domain of `SoftmaxCentered` is cut short: far apart, its outcomes have entries of 0, and no one way back.
#[rustfmt::skip]
pub(crate) const BIJECTORS: &[Line] = &[
    ("Ascending", Row(&Real), &[], |_| Ok(Ascending::new().into_bijector())),
    ("Chain", Real, &[Positive, Real], |p| Ok(Chain::new([Exp::new().into_bijector(), Shift::new(&p[1])?.into_bijector(), Scale::new(&p[0])?.into_bijector()]).into_bijector())),
    ("CorrelationCholesky", Row(&Real), &[], |_| Ok(CorrelationCholesky::new().into_bijector())),
    ("Cumsum", Row(&Real), &[], |_| Ok(Cumsum::new().into_bijector())),
    ("Exp", Real, &[], |_| Ok(Exp::new().into_bijector())),
    ("FillScaleTriL", Row(&Real), &[], |_| Ok(FillScaleTriL::new().into_bijector())),
    ("FillTriangular", Row(&Real), &[], |_| Ok(FillTriangular::new().into_bijector())),
    ("Identity", Real, &[], |_| Ok(Identity::new().into_bijector())),
    ("Invert", Positive, &[], |_| Ok(Invert::new(Softplus::new()).into_bijector())),
    ("Log", Positive, &[], |_| Ok(Log::new().into_bijector())),
    ("NormalCDF", Real, &[], |_| Ok(NormalCDF::new().into_bijector())),
    ("Permute", Row(&Real), &[], |_| Ok(Permute::new(&[2, 0, 1])?.into_bijector())),
    ("Power", Positive, &[Moderate(&Positive)], |p| Ok(Power::new(&p[0])?.into_bijector())),
    ("Reciprocal", Positive, &[], |_| Ok(Reciprocal::new().into_bijector())),
    ("Scale", Real, &[Positive], |p| Ok(Scale::new(&p[0])?.into_bijector())),
    ("ScaleMatvecDiag", Row(&Real), &[Row(&Positive)], |p| Ok(ScaleMatvecDiag::new(&p[0])?.into_bijector())),
    ("ScaleMatvecTriL", Moderate(&Row(&Real)), &[Moderate(&Triangle)], |p| Ok(ScaleMatvecTriL::new(&p[0])?.into_bijector())),
    ("Shift", Real, &[Real], |p| Ok(Shift::new(&p[0])?.into_bijector())),
    ("Sigmoid", Real, &[], |_| Ok(Sigmoid::new().into_bijector())),
    ("SoftmaxCentered", Row(&Probability), &[], |_| Ok(SoftmaxCentered::new().into_bijector())),
    ("Softplus", Real, &[], |_| Ok(Softplus::new().into_bijector())),
    ("Softplus, above", Real, &[], |_| Ok(Softplus::above(1e-5)?.into_bijector())),
    ("Square", Positive, &[], |_| Ok(Square::new().into_bijector())),
    ("Tanh", Real, &[], |_| Ok(Tanh::new().into_bijector())),
    ("inverse of NormalCDF", Probability, &[], |_| Ok(Invert::new(NormalCDF::new()).into_bijector())),
    ("inverse of Sigmoid", Probability, &[], |_| Ok(Invert::new(Sigmoid::new()).into_bijector())),
];

fn points(domain: Argument, count: usize, numbers: &mut Numbers, dtype: DType) -> Tensor {
    let event = |_| {
        let mut event: Vec<f64> = (0..domain.width()).map(|_| numbers.any()).collect();
        domain.admit(&mut event, None, dtype);
        event
    };
    let values: Vec<f64> = (0..count).flat_map(event).collect();
    Tensor::from_f64(&values, &[&[count], domain.shape()].concat(), dtype)
}

fn entries(tensor: &Tensor) -> std::result::Result<Vec<f64>, String> {
    tensor.to_f64_vec().map_err(|error| error.to_string())
}

/// What is wrong with a bijector at one point of its domain, if anything.
fn at(bijector: &dyn Bijector, x: &Tensor) -> std::result::Result<(), String> {
    let numbers = |name: &str, answer: &Tensor| match entries(answer)? {
        answers if answers.iter().any(|answer| answer.is_nan()) => {
            Err(format!("{name}: {answers:?}"))
        }
        _ => Ok(()),
    };
    let y = bijector.forward(x);
    numbers("forward", &y)?;
    numbers("forward_log_det_jacobian", &bijector.forward_log_det_jacobian(x))?;
    if y.all_finite().unwrap() {
        numbers("inverse", &bijector.inverse(&y))?;
        numbers("inverse_log_det_jacobian", &bijector.inverse_log_det_jacobian(&y))?;
    }
    Ok(())
}

/// An arbitrary outcome has an answer, a number if it lies in the range.
fn back(bijector: &dyn Bijector, y: &Tensor) -> std::result::Result<(), String> {
    let (x, slope) = (bijector.inverse(y), bijector.inverse_log_det_jacobian(y));
    let (x, _) = (entries(&x)?, entries(&slope)?);
    let Some(is_in) = bijector.in_range(y) else { return Ok(()) };
    let is_number = entries(y)?.iter().all(|y| !y.is_nan());
    if is_number
        && entries(&is_in)?.iter().all(|&is_in| is_in != 0.0)
        && x.iter().any(|x| x.is_nan())
    {
        return Err(format!("inverse of {:?}: {x:?}", entries(y)?));
    }
    Ok(())
}

fn run(dtype: DType, seed: u64, calls: u64) {
    const BATCH: u64 = 16;
    let mut found = Vec::new();
    for &(name, domain, arguments, make) in BIJECTORS {
        let key = Key::from_seed(seed).child(name).child(&format!("{dtype}"));
        for batch in 0..calls.div_ceil(BATCH * BIJECTORS.len() as u64) {
            let mut numbers = Numbers::new(key.index(batch).stream(), dtype);
            let parameters: Vec<Tensor> = arguments
                .iter()
                .map(|argument| points(*argument, 1, &mut numbers, dtype).squeeze(0))
                .collect();
            let given: Vec<Parameter> = parameters.iter().map(Parameter::from).collect();
            let bijector = make(&given).unwrap();
            for _ in 0..BATCH {
                let x = points(domain, 1, &mut numbers, dtype).squeeze(0);
                let y = bijector.forward(&x);
                let width = y.len().unwrap();
                let any: Vec<f64> = (0..width).map(|_| numbers.any()).collect();
                let any = Tensor::from_f64(&any, y.shape().unwrap(), dtype);
                let asked = catch_unwind(AssertUnwindSafe(|| {
                    at(bijector.as_ref(), &x).and_then(|()| back(bijector.as_ref(), &any))
                }));
                let wrong = asked.unwrap_or_else(|_| Err("panic".into())).err();
                found.extend(wrong.map(|wrong| {
                    let parameters: Vec<_> = parameters.iter().map(entries).collect();
                    format!("{name} {dtype} {parameters:?} at {:?}: {wrong}", entries(&x))
                }));
            }
        }
    }
    assert!(found.is_empty(), "{} findings\n{}", found.len(), found.join("\n"));
}

#[test]
fn arbitrary_points_in_both_precisions() {
    let (seed, calls) =
        (crate::setting("TFN_FUZZ_SEED", 1), crate::setting("TFN_FUZZ_CALLS", 100_000) / 5);
    [DType::F64, DType::F32].into_iter().for_each(|dtype| run(dtype, seed, calls / 2));
}
