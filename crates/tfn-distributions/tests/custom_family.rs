//! A family of a user's own, with its divergence to a family of ours: what it takes, and that it is enough.

#![allow(clippy::unwrap_used)]

use std::f64::consts::PI;

use tfn_distributions::module::Module;
use tfn_distributions::tensor::{Key, Stream, Tensor, Variable};
use tfn_distributions::testing::{Laws, check_distribution, check_kl};
use tfn_distributions::{
    Distribution, Independent, KlDivergence, KlMethod, KlRule, Normal, Parameter, ParameterSpec,
    Reparameterization, Result, Sample, estimate_kl, kl_divergence,
};

/// The logistic distribution.
#[derive(Debug, Module)]
struct Logistic {
    loc: Parameter,
    scale: Parameter,
}

impl Logistic {
    fn new(loc: impl Into<Parameter>, scale: impl Into<Parameter>) -> Result<Self> {
        let [loc, scale] = Parameter::unify([loc.into(), scale.into()]);
        Self { loc, scale }.checked()
    }
}

impl Distribution for Logistic {
    fn family(&self) -> &'static str {
        "Logistic"
    }
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![ParameterSpec::real("loc", &self.loc), ParameterSpec::positive("scale", &self.scale)]
    }
    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        let z = ((x - self.loc.value()) / self.scale.value()).abs(); // symmetric: exp(−|z|) never overflows
        Ok(-&z - (-&z).exp().log1p() * 2.0 - self.scale.value().ln())
    }
    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let u = stream.uniform_open(shape, self.dtype()?);
        Ok(self.loc.value() + self.scale.value() * (u.ln() - (-u).log1p()))
    }
    fn reparameterization(&self) -> Reparameterization {
        Reparameterization::Fully
    }
    fn mean(&self) -> Result<Tensor> {
        self.spread(&self.loc.value())
    }
    fn kl_rules(&self) -> &'static [KlRule] {
        const { &[KlRule::of::<Logistic, Normal>()] }
    }
}

/// `−H(q) + E[−log p]` with the entropy `ln s + 2` and the variance `(πs)²/3` of the logistic distribution.
impl KlDivergence<Normal> for Logistic {
    fn kl_divergence_to(&self, p: &Normal) -> Result<Tensor> {
        let (scale, sigma) = (self.scale.value(), p.scale().value());
        let ratio = &scale / &sigma;
        let distance = (self.loc.value() - p.loc().value()) / sigma;
        let spread = (&ratio * PI).square() / 3.0;
        Ok((distance.square() + spread) * 0.5 - ratio.ln() + (0.5 * (2.0 * PI).ln() - 2.0))
    }
}

fn variable(name: &str, values: &[f64]) -> Variable {
    Variable::new(name, Tensor::from_slice(values, &[values.len()])).unwrap()
}

#[test]
fn it_keeps_the_laws() {
    let laws = Laws::default();
    check_distribution(&Logistic::new(0.3, 1.7).unwrap(), &laws).unwrap();
    let logistic = || {
        let (loc, scale) = (variable("loc", &[0.3, -2.0]), variable("scale", &[1.7, 0.2]));
        Logistic::new(loc, scale).unwrap()
    };
    check_distribution(&logistic(), &laws).unwrap();
    check_distribution(&Independent::new(logistic(), 1).unwrap(), &laws).unwrap();
    check_kl(&logistic(), &Normal::new(variable("loc", &[0.1]), 1.5).unwrap(), &laws).unwrap();
}

#[test]
fn its_rule_is_found_through_wrappers() {
    let logistic = || Logistic::new(variable("loc", &[0.3, -2.0]), 0.7).unwrap();
    let each = kl_divergence(&logistic(), &Normal::new(0.0, 1.0).unwrap()).unwrap();
    let q = Independent::new(logistic(), 1).unwrap();
    let p = Sample::new(Normal::new(0.0, 1.0).unwrap(), &[2]).unwrap();
    let whole = kl_divergence(&q, &p).unwrap();
    assert!((whole.item().unwrap() - each.sum().item().unwrap()).abs() < 1e-12);
    check_kl(&q, &p, &Laws::default()).unwrap();
}

#[test]
fn what_it_does_not_say_is_refused_or_estimated() {
    let q = Logistic::new(0.3, 1.7).unwrap();
    assert_eq!(q.variance().unwrap_err().to_string(), "Logistic has no variance");
    let other = Logistic::new(0.0, 1.0).unwrap();
    let error = kl_divergence(&q, &other).unwrap_err().to_string();
    assert!(error.contains("KL(Logistic || Logistic)") && error.contains("estimate_kl"), "{error}");
    let estimate = estimate_kl(&q, &other, KlMethod::best(Key::from_seed(1))).unwrap();
    assert!(estimate.value.item().unwrap() > 0.0);
    assert!(Logistic::new(0.0, -1.0).is_err());
}
