//! Rules for pairs of which the caller owns neither type.

use std::any::{TypeId, type_name};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use tfn_tensor::Tensor;

use crate::distribution::{Distribution, type_of};
use crate::error::{DistributionError, Result};

/// A registered rule, with its types erased.
type Rule =
    Arc<dyn Fn(&dyn Distribution, &dyn Distribution) -> Option<Result<Tensor>> + Send + Sync>;

static RULES: RwLock<BTreeMap<(TypeId, TypeId), Rule>> = RwLock::new(BTreeMap::new());

/// Adds a closed form for a pair of families that both belong to other crates.
///
/// Counterpart: `tfp.distributions.RegisterKL`. For a family of your own implement
/// [`KlDivergence`](crate::KlDivergence) instead: that rule comes with its values, and nothing need be called.
///
/// # Errors
/// [`DistributionError::DuplicateKlRule`] if the pair has been registered before. A pair whose families bring a
/// rule of their own gives the same error at look-up.
///
/// # Examples
/// ```
/// use tfn_distributions::{Laplace, Normal, kl_divergence, register_kl};
///
/// register_kl(|q: &Laplace, p: &Normal| {
///     let (scale, b) = (p.scale().value(), q.scale().value());
///     let distance = (q.loc().value() - p.loc().value()) / &scale;
///     let ratio = b / scale;
///     // Entropy 1 + ln 2b of the Laplace distribution, and its variance 2b².
///     let constant = 0.5 * (0.5 * std::f64::consts::PI).ln() - 1.0;
///     Ok(ratio.square() + distance.square() * 0.5 - ratio.ln() + constant)
/// })?;
/// let divergence = kl_divergence(&Laplace::new(0.0, 1.0)?, &Normal::new(0.0, 1.0)?)?;
/// assert!((divergence.item()? - 0.2257913526447273).abs() < 1e-12);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
pub fn register_kl<Q: Distribution, P: Distribution>(
    rule: impl Fn(&Q, &P) -> Result<Tensor> + Send + Sync + 'static,
) -> Result<()> {
    let erased: Rule = Arc::new(move |q, p| Some(rule(q.downcast_ref()?, p.downcast_ref()?)));
    let mut rules = RULES.write().unwrap_or_else(PoisonError::into_inner);
    let pair = (TypeId::of::<Q>(), TypeId::of::<P>());
    if rules.contains_key(&pair) {
        return Err(DistributionError::DuplicateKlRule {
            q: type_name::<Q>(),
            p: type_name::<P>(),
        });
    }
    rules.insert(pair, erased);
    Ok(())
}

/// The registered rule for the types of `q` and `p`.
pub(super) fn registered(q: &dyn Distribution, p: &dyn Distribution) -> Option<Rule> {
    let rules = RULES.read().unwrap_or_else(PoisonError::into_inner);
    rules.get(&(type_of(q), type_of(p))).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bernoulli, Laplace, Normal, kl_divergence};

    #[test]
    fn a_second_rule_for_a_pair_is_an_error() {
        let rule = |_: &Bernoulli, _: &Laplace| Ok(Tensor::scalar(7.0));
        register_kl(rule).unwrap();
        assert!(matches!(register_kl(rule), Err(DistributionError::DuplicateKlRule { .. })));
        let (q, p) = (Bernoulli::from_logits(0.0).unwrap(), Laplace::new(0.0, 1.0).unwrap());
        assert_eq!(kl_divergence(&q, &p).unwrap().item().unwrap(), 7.0);
    }

    /// A type of its own, so that other tests see no second rule.
    #[derive(Debug, tfn_module::Module)]
    struct Mine {
        loc: crate::Parameter,
    }

    impl Distribution for Mine {
        fn parameters(&self) -> Vec<crate::ParameterSpec<'_>> {
            vec![self.loc.real("loc")]
        }

        fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
            Ok(x * 0.0)
        }

        fn sample_of(&self, shape: &[usize], _: &mut tfn_tensor::Stream) -> Result<Tensor> {
            Ok(self.loc.value().broadcast_to(shape))
        }

        fn kl_rules(&self) -> &'static [crate::KlRule] {
            const { &[crate::KlRule::of::<Mine, Normal>()] }
        }
    }

    impl crate::KlDivergence<Normal> for Mine {
        fn kl_divergence_to(&self, _: &Normal) -> Result<Tensor> {
            Ok(Tensor::scalar(1.0))
        }
    }

    #[test]
    fn a_registered_rule_beside_one_of_the_family_is_an_error() {
        let (q, p) = (Mine { loc: 0.0.into() }, Normal::new(0.0, 1.0).unwrap());
        assert_eq!(kl_divergence(&q, &p).unwrap().item().unwrap(), 1.0);
        register_kl(|_: &Mine, _: &Normal| Ok(Tensor::scalar(2.0))).unwrap();
        let error = kl_divergence(&q, &p).unwrap_err();
        assert!(matches!(error, DistributionError::DuplicateKlRule { .. }), "{error}");
    }
}
