//! Quadrature against integrals with 40 digits, and the errors it reports against those it makes.

#![allow(clippy::unwrap_used)]

use tfn_distributions::tensor::{DType, Tensor, Variable};
use tfn_distributions::{
    Categorical, Distribution, Horseshoe, Independent, KlMethod, Laplace, LogUniform,
    MixtureSameFamily, Normal, Sample, estimate_kl, kl_divergence,
};

fn numbers(values: &[f64], dtype: DType) -> Tensor {
    Tensor::from_f64(values, &[values.len()], dtype)
}

fn spike_and_slab(dtype: DType) -> MixtureSameFamily {
    let weights = Categorical::from_logits(Tensor::zeros(&[2], dtype)).unwrap();
    let scales = numbers(&[1.0, 2000.0], dtype);
    MixtureSameFamily::new(weights, Normal::new(Tensor::zeros(&[], dtype), scales).unwrap())
        .unwrap()
}

/// Checks the divergences of all entries, together and one by one.
fn check(name: &str, p: &dyn Distribution, exact: &[[f64; 3]], tolerance: f64) {
    let dtype = p.dtype().unwrap();
    let column = |i: usize| numbers(&exact.iter().map(|row| row[i]).collect::<Vec<_>>(), dtype);
    let all = Normal::new(column(0), column(1)).unwrap();
    let all = estimate_kl(&all, p, KlMethod::quadrature()).unwrap();
    let [values, errors] = [all.value, all.error].map(|t| t.to_f64_vec().unwrap());
    for (i, &[loc, scale, exact]) in exact.iter().enumerate() {
        let [loc, scale] = [loc, scale].map(|x| Tensor::scalar_of(x, dtype));
        let one = Normal::new(loc.clone(), scale.clone()).unwrap();
        let one = estimate_kl(&one, p, KlMethod::quadrature()).unwrap();
        let one = (one.value.to_f64_vec().unwrap()[0], one.error.to_f64_vec().unwrap()[0]);
        for (value, error) in [(values[i], errors[i]), one] {
            let (off, at) = ((value - exact).abs(), format!("{name} {dtype:?} {loc:?} {scale:?}"));
            assert!(off <= error, "{at}: off by {off:e}, said {error:e}");
            assert!(error <= tolerance * exact.abs().max(1.0), "{at}: {error:e} of {exact}");
        }
    }
}

#[test]
fn the_error_covers_what_is_off() {
    for (dtype, tolerance) in [(DType::F64, 1e-6), (DType::F32, 1e-4)] {
        check("spike and slab", &spike_and_slab(dtype), SPIKE_SLAB, tolerance);
        let horseshoe = Horseshoe::new(Tensor::ones(&[], dtype)).unwrap();
        check("horseshoe", &horseshoe, HORSESHOE, tolerance);
    }
}

/// Entries in all places, as variables.
fn posterior(dtype: DType) -> (Variable, Variable, Normal) {
    let loc: Vec<f64> = (0..60).map(|i| f64::from(i * 37 % 61) * 0.07 - 1.3).collect();
    let scale: Vec<f64> = (0..60).map(|i| (f64::from(i * 23 % 59) * 0.12 - 6.0).exp()).collect();
    let loc = Variable::new("loc", numbers(&loc, dtype)).unwrap();
    let scale = Variable::new("scale", numbers(&scale, dtype)).unwrap();
    let q = Normal::new(&loc, &scale).unwrap();
    (loc, scale, q)
}

/// Quadrature against the closed form: values within the error, slopes to `tolerance`.
fn check_closed_form(p: &dyn Distribution, tolerance: f64) {
    let (loc, scale, q) = posterior(p.dtype().unwrap());
    let exact = kl_divergence(&q, p).unwrap();
    let quadrature = estimate_kl(&q, p, KlMethod::quadrature()).unwrap();
    let read = |t: &Tensor| t.to_f64_vec().unwrap();
    let errors = read(&quadrature.error);
    for ((a, b), error) in read(&quadrature.value).iter().zip(read(&exact)).zip(errors) {
        assert!((a - b).abs() <= error, "{p:?}: {a} {b} {error:e}");
    }
    let (exact, given) =
        (exact.sum().gradients().unwrap(), quadrature.value.sum().gradients().unwrap());
    for variable in [&loc, &scale].into_iter().chain(&p.trainable_variables()) {
        for (a, b) in read(&given.of(variable)).iter().zip(read(&exact.of(variable))) {
            let name = variable.name();
            assert!((a - b).abs() <= tolerance * b.abs().max(1.0), "{p:?} {name}: {a} {b}");
        }
    }
}

#[test]
fn closed_forms_agree_with_their_slopes_in_all_variables() {
    let variable = |name: &str, value: f64| Variable::new(name, Tensor::scalar(value)).unwrap();
    let (m, s) = (variable("p_loc", 0.3), variable("p_scale", 0.8));
    check_closed_form(&Normal::new(&m, &s).unwrap(), 1e-6);
    check_closed_form(&Laplace::new(&m, &s).unwrap(), 1e-3);
    check_closed_form(&LogUniform::new(DType::F64), 1e-4);
}

#[test]
fn independent_priors_of_one_kind_are_tabulated_in_any_wrapper() {
    let (_, _, q) = posterior(DType::F64);
    let alone = estimate_kl(&q, &spike_and_slab(DType::F64), KlMethod::quadrature()).unwrap();
    let q = Independent::new(q, 1).unwrap();
    let p = Sample::new(spike_and_slab(DType::F64), &[60]).unwrap();
    let whole = estimate_kl(&q, &p, KlMethod::quadrature()).unwrap();
    let sum: f64 = alone.value.to_f64_vec().unwrap().iter().sum();
    assert!((whole.value.item().unwrap() - sum).abs() < 1e-9);
    let error: f64 = alone.error.to_f64_vec().unwrap().iter().sum();
    assert!((whole.error.item().unwrap() - error).abs() < 1e-15 + 1e-9 * error);
    assert!(error < 1e-5, "{error}");
}

/// `loc`, `scale`, and the divergence of that normal from a half standard normal and half `N(0, 2000²)`: by mpmath, piecewise
/// with 40 digits.
const SPIKE_SLAB: &[[f64; 3]] = &[
    [0.0, 1e-6, 14.008157863483069],
    [0.0, 0.02, 4.10487021096646],
    [0.0, 0.5, 1.0107171875681953],
    [0.0, 3.0, 2.1389715530007174],
    [0.0, 1e3, 0.9951877372916174],
    [1e-3, 1e-6, 14.008158363233193],
    [1e-3, 0.02, 4.104870710716435],
    [1e-3, 0.5, 1.010717687183648],
    [1e-3, 3.0, 2.1389717316647],
    [1e-3, 1e3, 0.9951877372917505],
    [0.3, 1e-6, 14.05313486132476],
    [0.3, 0.02, 4.149847194798566],
    [0.3, 0.5, 1.05568152103993],
    [0.3, 3.0, 2.1550239334460715],
    [0.3, 1e3, 0.9951877492664131],
    [5.3, 1e-6, 21.607975087538787],
    [5.3, 0.02, 11.704478929328022],
    [5.3, 0.5, 8.467939396888394],
    [5.3, 3.0, 5.209027656439216],
    [5.3, 1e3, 0.9951914747568158],
    [-40.0, 1e-6, 21.6097601980663],
    [-40.0, 0.02, 11.706272645580174],
    [-40.0, 0.5, 8.487396851911972],
    [-40.0, 3.0, 6.695638476433918],
    [-40.0, 1e3, 0.995400617395555],
    [1e3, 1e-6, 21.7345601980663],
    [1e3, 0.02, 11.831072645580173],
    [1e3, 0.5, 8.612196851911973],
    [1e3, 3.0, 6.820438476433918],
    [1e3, 1e3, 1.1265251838653887],
];

/// The same from the horseshoe of scale 1, of density `exp(x²/2) E₁(x²/2)/sqrt(2π³)`.
const HORSESHOE: &[[f64; 3]] = &[
    [0.0, 1e-6, 11.095096955309748],
    [0.0, 0.02, 2.3616425192851556],
    [0.0, 0.5, 0.413824735933742],
    [0.0, 3.0, 0.4959321100890008],
    [0.0, 1e3, 5.5916288775143945],
    [1e-3, 1e-6, 11.826091541140974],
    [1e-3, 0.02, 2.3619267298772666],
    [1e-3, 0.5, 0.41382613875599994],
    [1e-3, 3.0, 0.49593218861271143],
    [1e-3, 1e3, 5.591628877515394],
    [0.3, 1e-6, 13.471966692371593],
    [0.3, 0.02, 3.5677034800520215],
    [0.3, 0.5, 0.5344657175075365],
    [0.3, 3.0, 0.5029890897787549],
    [0.3, 1e3, 5.5916289673950645],
    [5.3, 1e-6, 17.167328995109358],
    [5.3, 0.02, 7.263829477438623],
    [5.3, 0.5, 4.037415420824137],
    [5.3, 3.0, 1.9939254742886423],
    [5.3, 1e3, 5.5916569301394246],
    [-40.0, 1e-6, 21.146099836152086],
    [-40.0, 0.02, 11.242612034547552],
    [-40.0, 0.5, 8.023580754862818],
    [-40.0, 3.0, 6.226325183829829],
    [-40.0, 1e3, 5.593226330392602],
    [1e3, 1e-6, 27.582605821212002],
    [1e3, 0.02, 17.67911826827588],
    [1e3, 0.5, 14.460242193809082],
    [1e3, 3.0, 12.668473974512118],
];
