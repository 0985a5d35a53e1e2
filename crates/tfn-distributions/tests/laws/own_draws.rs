//! The density of own draws is a number, at ordinary parameters and at extreme ones.

use std::collections::BTreeSet;
use std::sync::Arc;

use tfn_distributions::bijectors::{
    Ascending, Bijector, Chain, Cumsum, Exp, FillScaleTriL, Identity, Invert, Log, NormalCDF,
    Power, Reciprocal, Scale, Shift, Sigmoid, SoftmaxCentered, Softplus, Square, Tanh,
};
use tfn_distributions::tensor::{DType, Key, Tensor};
use tfn_distributions::{Distribution, Gamma, Independent, Normal, TransformedDistribution};

use super::draws::Draws;
use super::edges::{EDGES, EXTREMES};
use super::{FAMILIES, entries};

/// Cases of the tables some of whose own draws have a density that is no finite number, and why.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("Gamma(1e-3, 1)", POLE),
    ("Gamma(1e-30, 1e30)", POLE),
    ("Chi2(0.01)", POLE),
    ("Beta(1e-3, 1e-3)", POLE),
    ("Dirichlet(1e-3)", POLE),
    ("InverseGamma(1e-2, 1)", OVERFLOW),
    ("InverseGamma(1e-3, 1)", OVERFLOW),
    ("StudentT(1e-3, 0, 1)", OVERFLOW),
    ("HalfStudentT(1e-3, 0, 1)", OVERFLOW),
    ("Weibull(1e-3, 1)", OVERFLOW),
    ("LogNormal(0, 1e3)", OVERFLOW),
    ("RelaxedOneHotCategorical(1e-3)", CORNER),
    ("RelaxedOneHotCategorical of five", CORNER),
];
const POLE: &str = "draws below the smallest number are 0, where the density has a pole";
const OVERFLOW: &str = "draws above the largest number are infinite, where there is no density";
const CORNER: &str = "entries below the smallest number are 0, at the edge of the simplex";

/// How many of 500 own draws have a density that is no finite number, and the first of them; of an exception, no number at all.
fn fault(made: &dyn Distribution, is_excepted: bool) -> Option<String> {
    let parts = made.sample_parts(&[500], &Key::from_seed(1)).unwrap();
    let log_prob = entries(made.log_prob_parts(&parts));
    let is_wrong =
        |log_prob: &&f64| if is_excepted { log_prob.is_nan() } else { !log_prob.is_finite() };
    let count = log_prob.iter().filter(|log_prob| is_wrong(log_prob)).count();
    let first = log_prob.iter().position(|log_prob| is_wrong(&log_prob))?;
    let draws = entries(Ok(parts[0].clone()));
    let width = draws.len() / log_prob.len().max(1);
    let at = &draws[first * width..((first + 1) * width).min(draws.len())];
    Some(format!("{count} of {}: {} at {at:?}", log_prob.len(), log_prob[first]))
}

#[test]
fn own_draws_have_a_density() {
    let (mut faults, mut needed) = (Vec::<String>::new(), BTreeSet::new());
    for wide in [1.0, 10.0, 30.0] {
        let numbers: Vec<f64> =
            (0..24).map(|i| wide * (f64::from((i * 7) % 24) / 6.0 - 1.9) / 2.0).collect();
        for (name, make) in FAMILIES.iter().copied().flatten().chain(EDGES).chain(EXTREMES) {
            for dtype in [DType::F64, DType::F32] {
                let Ok(made) = make(&mut Draws::new(&numbers, dtype)) else { continue };
                // Wide numbers may be none that the parameters take.
                if made.check_values().is_err() {
                    continue;
                }
                let is_excepted = EXCEPTIONS.iter().any(|(excepted, _)| excepted == name);
                if is_excepted && fault(&*made, false).is_some() {
                    needed.insert(*name);
                }
                if let Some(fault) = fault(&*made, is_excepted) {
                    faults.push(format!("{name}, {wide}, {dtype}: {fault}"));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
    let stale = EXCEPTIONS.iter().filter(|(name, _)| !needed.contains(name));
    assert_eq!(stale.count(), 0, "of {EXCEPTIONS:?} {needed:?} are needed");
}

/// A number in a type.
fn number(x: f64, dtype: DType) -> Tensor {
    Tensor::from_f64(&[x], &[1], dtype)
}

/// Bijectors with a name, of single numbers.
fn of_numbers(dtype: DType) -> Vec<(&'static str, Arc<dyn Bijector>)> {
    let positive = || Shift::new(number(1e-5, dtype)).unwrap();
    vec![
        ("Identity", Identity::new().into()),
        ("Exp", Exp::new().into()),
        ("Softplus", Softplus::new().into()),
        ("Sigmoid", Sigmoid::new().into()),
        ("Sigmoid between", Sigmoid::between(-3.0, 1e4).unwrap().into()),
        ("Tanh", Tanh::new().into()),
        ("NormalCDF", NormalCDF::new().into()),
        ("Reciprocal", Reciprocal::new().into()),
        ("Scale", Scale::new(number(-1e-10, dtype)).unwrap().into()),
        ("Shift", Shift::new(number(1e10, dtype)).unwrap().into()),
        ("Invert of Log", Invert::new(Log::new()).into()),
        (
            "Invert of a chain",
            Invert::new(Chain::new([Log::new().into(), positive().into()])).into(),
        ),
        ("shifted Softplus", Chain::new([positive().into(), Softplus::new().into()]).into()),
        ("shifted Exp", Chain::new([positive().into(), Exp::new().into()]).into()),
        ("Tanh of Sigmoid", Chain::new([Tanh::new().into(), Sigmoid::new().into()]).into()),
    ]
}

#[test]
fn own_draws_through_any_bijector_have_a_density() {
    let mut faults: Vec<String> = Vec::new();
    for dtype in [DType::F64, DType::F32] {
        for (loc, scale) in
            [(0.0, 1.0), (0.0, 5.0), (3.0, 60.0), (-30.0, 1.0), (30.0, 1e-3), (0.0, 1e3)]
        {
            let mut check =
                |name: &str, base: Arc<dyn Distribution>, bijector: Arc<dyn Bijector>| {
                    let name = format!("{name} of N({loc}, {scale}), {dtype}");
                    let made = TransformedDistribution::new(base, bijector).unwrap();
                    if let Some(fault) = fault(&made, false) {
                        faults.push(format!("{name}: {fault}"));
                    }
                };
            let normal = || Normal::new(number(loc, dtype), number(scale, dtype)).unwrap();
            for (name, bijector) in of_numbers(dtype) {
                check(name, normal().into(), bijector);
            }
            let three = Tensor::from_f64(&[0.0, 0.5, -0.5], &[3], dtype) + number(loc, dtype);
            let rows = || {
                Independent::new(Normal::new(three.clone(), number(scale, dtype)).unwrap(), 1)
                    .unwrap()
            };
            check("SoftmaxCentered", rows().into(), SoftmaxCentered::new().into());
            check("Ascending", rows().into(), Ascending::new().into());
            check("Cumsum", rows().into(), Cumsum::new().into());
            check("FillScaleTriL", rows().into(), FillScaleTriL::new().into());
            // Bijectors of positive numbers.
            let gamma = || Gamma::new(number(0.5, dtype), number(scale, dtype)).unwrap();
            check("Log", gamma().into(), Log::new().into());
            check("Square", gamma().into(), Square::new().into());
            check("Power", gamma().into(), Power::new(0.3).unwrap().into());
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}
