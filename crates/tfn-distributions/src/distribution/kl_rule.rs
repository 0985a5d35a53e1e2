//! A rule: the divergence of one pair of families in closed form.

use std::any::{Any, TypeId, type_name};
use std::fmt;

use tfn_tensor::Tensor;

use super::Distribution;
use crate::error::Result;

/// A closed form of `KL(self || p)`.
///
/// Counterpart: `tfp.distributions.RegisterKL`. Implement it in the crate of either family, and list it by
/// [`KlRule::of`] in [`kl_rules`](Distribution::kl_rules) of your own one; then
/// [`kl_divergence`](crate::kl_divergence) finds it, through [`Independent`](crate::Independent),
/// [`Sample`](crate::Sample) and joint distributions too.
///
/// # Shapes
/// The result has the shape that the batches of both broadcast to.
///
/// # Examples
/// ```
/// use tfn_distributions::module::Module;
/// use tfn_distributions::tensor::{Stream, Tensor};
/// use tfn_distributions::{
///     Distribution, KlDivergence, KlRule, Normal, Parameter, ParameterSpec, Result, kl_divergence,
/// };
///
/// /// The normal distribution around 0.
/// #[derive(Debug, Module)]
/// struct Centred {
///     scale: Parameter,
/// }
///
/// impl Distribution for Centred {
///     fn parameters(&self) -> Vec<ParameterSpec<'_>> {
///         vec![self.scale.positive("scale")]
///     }
///     fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
///         let scale = self.scale.value();
///         Ok(Tensor::normal_log_prob(x, &(&scale * 0.0), &scale))
///     }
///     fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
///         Ok(self.scale.value() * stream.normal(shape, self.dtype()?))
///     }
///     fn kl_rules(&self) -> &'static [KlRule] {
///         const { &[KlRule::of::<Centred, Normal>()] }
///     }
/// }
///
/// impl KlDivergence<Normal> for Centred {
///     fn kl_divergence_to(&self, p: &Normal) -> Result<Tensor> {
///         let (scale, loc) = (p.scale().value(), p.loc().value());
///         let ratio = self.scale.value() / &scale;
///         Ok((ratio.square() + (loc / scale).square() - 1.0) * 0.5 - ratio.ln())
///     }
/// }
///
/// let divergence = kl_divergence(&Centred { scale: 1.0.into() }, &Normal::new(2.0, 1.0)?)?;
/// assert_eq!(divergence.item()?, 2.0);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "no closed-form KL(`{Self}` || `{P}`)",
    label = "`KlDivergence<{P}>` is not implemented for `{Self}`",
    note = "implement it in the crate of either family; for a pair of which you own neither type call `register_kl`"
)]
pub trait KlDivergence<P: Distribution + ?Sized>: Distribution {
    /// `KL(self || p)` of each pair of the batches.
    ///
    /// # Errors
    /// What reading the parameters reports.
    fn kl_divergence_to(&self, p: &P) -> Result<Tensor>;
}

/// What a rule computes from two values whose types it knows; `None` for values of other types.
type Apply = fn(&dyn Distribution, &dyn Distribution) -> Option<Result<Tensor>>;

/// A [`KlDivergence`] as an entry of [`kl_rules`](Distribution::kl_rules).
#[derive(Clone, Copy)]
pub struct KlRule {
    q: fn() -> (TypeId, &'static str),
    /// `None`: any distribution.
    p: Option<fn() -> (TypeId, &'static str)>,
    apply: Apply,
}

impl KlRule {
    /// The rule for the pair `Q`, `P`.
    pub const fn of<Q: KlDivergence<P>, P: Distribution>() -> Self {
        Self {
            q: identity::<Q>,
            p: Some(identity::<P>),
            apply: |q, p| {
                let (q, p) = (q.downcast_ref::<Q>()?, p.downcast_ref::<P>()?);
                Some(q.kl_divergence_to(p))
            },
        }
    }

    /// The rule for `Q` and any other distribution. Every rule for an exact pair comes before it.
    pub const fn to_any<Q: KlDivergence<dyn Distribution>>() -> Self {
        Self {
            q: identity::<Q>,
            p: None,
            apply: |q, p| Some(q.downcast_ref::<Q>()?.kl_divergence_to(p)),
        }
    }

    /// Whether it holds for any second distribution.
    pub(crate) fn is_wildcard(&self) -> bool {
        self.p.is_none()
    }

    /// Whether it is for values of the types of `q` and `p`.
    pub(crate) fn is_for(&self, q: &dyn Distribution, p: &dyn Distribution) -> bool {
        (self.q)().0 == type_of(q) && self.p.is_none_or(|id| id().0 == type_of(p))
    }

    pub(crate) fn apply(
        &self,
        q: &dyn Distribution,
        p: &dyn Distribution,
    ) -> Option<Result<Tensor>> {
        (self.apply)(q, p)
    }
}

fn identity<T: Distribution>() -> (TypeId, &'static str) {
    (TypeId::of::<T>(), type_name::<T>())
}

/// The concrete type of a distribution.
pub(crate) fn type_of(distribution: &dyn Distribution) -> TypeId {
    (distribution as &dyn Any).type_id()
}

impl fmt::Debug for KlRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KlRule({} || {})", (self.q)().1, self.p.map_or("any", |id| id().1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Deterministic, Laplace, Normal};

    #[test]
    fn a_rule_is_for_its_types_only() {
        let rule = KlRule::of::<Normal, Normal>();
        let (normal, laplace) = (Normal::new(0.0, 1.0).unwrap(), Laplace::new(0.0, 1.0).unwrap());
        assert!(rule.is_for(&normal, &normal) && !rule.is_for(&normal, &laplace));
        assert!(rule.apply(&laplace, &normal).is_none());
        let any = KlRule::to_any::<Deterministic>();
        assert!(any.is_for(&Deterministic::new(0.0).unwrap(), &laplace) && any.is_wildcard());
        assert!(format!("{rule:?}").contains("Normal") && format!("{any:?}").contains("any"));
    }
}
