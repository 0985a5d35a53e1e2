//! Which rule a pair gets: the order of the look-up.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use tfn_distributions::module::Module;
use tfn_distributions::tensor::{Stream, Tensor};
use tfn_distributions::{
    Cauchy, Distribution, DistributionError, Independent, KlDivergence, KlRule, Laplace, Normal,
    Parameter, ParameterSpec, Result, Uniform, kl_divergence,
};

/// Families that are normals, each with rules of its own; a rule answers with a number that names it.
macro_rules! normal_like {
    ($family:ident, rules: $rules:expr, parent: $parent:expr) => {
        #[derive(Debug, Module)]
        struct $family {
            loc: Parameter,
        }

        impl $family {
            fn new() -> Self {
                Self { loc: 0.0.into() }
            }
        }

        impl Distribution for $family {
            fn parameters(&self) -> Vec<ParameterSpec<'_>> {
                vec![self.loc.real("loc")]
            }
            fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
                Normal::new(&self.loc, 1.0)?.log_prob(x)
            }
            fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
                Normal::new(&self.loc, 1.0)?.sample(shape, stream)
            }
            fn kl_rules(&self) -> &'static [KlRule] {
                const { $rules }
            }
            fn parent(&self) -> Option<Arc<dyn Distribution>> {
                $parent
            }
        }
    };
}

/// `KL($q || $p)` is `$number`.
macro_rules! rule {
    ($q:ident, $p:ty, $number:expr) => {
        impl KlDivergence<$p> for $q {
            fn kl_divergence_to(&self, _: &$p) -> Result<Tensor> {
                Ok(Tensor::scalar($number))
            }
        }
    };
}

fn unit() -> Option<Arc<dyn Distribution>> {
    Some(Normal::new(0.0, 1.0).ok()?.into())
}

normal_like!(Child, rules: &[KlRule::of::<Child, Laplace>()], parent: unit());
rule!(Child, Laplace, 1.0);

normal_like!(Grandchild, rules: &[], parent: Some(Arc::new(Child::new())));

normal_like!(Picky, rules: &[KlRule::of::<Normal, Picky>(), KlRule::of::<Picky, Normal>()], parent: unit());
impl KlDivergence<Picky> for Normal {
    fn kl_divergence_to(&self, _: &Picky) -> Result<Tensor> {
        Ok(Tensor::scalar(2.0))
    }
}
rule!(Picky, Normal, 3.0);

normal_like!(Any, rules: &[KlRule::to_any::<Any>(), KlRule::of::<Any, Normal>()], parent: None);
impl KlDivergence<dyn Distribution> for Any {
    fn kl_divergence_to(&self, _: &dyn Distribution) -> Result<Tensor> {
        Ok(Tensor::scalar(4.0))
    }
}
rule!(Any, Normal, 5.0);

fn value(q: &dyn Distribution, p: &dyn Distribution) -> f64 {
    kl_divergence(q, p).unwrap().item().unwrap()
}

fn normal() -> Normal {
    Normal::new(1.0, 1.0).unwrap()
}

#[test]
fn rules_of_the_parents_hold_for_their_children() {
    assert_eq!(value(&Child::new(), &normal()), 0.5);
    assert_eq!(value(&normal(), &Grandchild::new()), 0.5);
    assert_eq!(value(&Grandchild::new(), &Laplace::new(0.0, 1.0).unwrap()), 1.0);
}

#[test]
fn a_rule_of_either_side_is_found_and_the_nearest_wins() {
    assert_eq!(value(&normal(), &Picky::new()), 2.0);
    assert_eq!(value(&Picky::new(), &normal()), 3.0);
    // One step to either side: q keeps its type.
    assert_eq!(value(&Picky::new(), &Picky::new()), 3.0);
    assert_eq!(value(&Child::new(), &Picky::new()), 2.0);
}

#[test]
fn an_exact_pair_comes_before_a_rule_for_any() {
    assert_eq!(value(&Any::new(), &normal()), 5.0);
    assert_eq!(value(&Any::new(), &Uniform::new(0.0, 1.0).unwrap()), 4.0);
    // Even if the exact pair needs a step to the parent.
    assert_eq!(value(&Any::new(), &Child::new()), 5.0);
}

#[test]
fn rules_of_parents_are_found_inside_wrappers() {
    let loc = || Tensor::from_vec(vec![0.0, 1.0, 2.0], &[3]);
    let q = Independent::new(Child { loc: loc().into() }, 1).unwrap();
    let p = Independent::new(Normal::new(loc(), 1.0).unwrap(), 1).unwrap();
    // The parent of `Child` lies at 0: (0 + 1 + 4)/2.
    assert_eq!(value(&q, &p), 2.5);
    let error = kl_divergence(&p, &Independent::new(Cauchy::new(loc(), 1.0).unwrap(), 1).unwrap());
    assert!(matches!(error, Err(DistributionError::NoKlRule { .. })));
}
