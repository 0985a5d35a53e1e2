//! What a bijector is made of.

use std::sync::Arc;

use super::{Bijector, Chain, Exp, Identity, Invert, Log};

/// The bijectors that make up `bijector`, the last of which acts first: those of a [`Chain`], without an [`Identity`] and
/// without an [`Invert`] of what has an inverse with a name of its own. Equal functions that were put together in other ways have
/// the same steps.
pub(crate) fn steps(bijector: &Arc<dyn Bijector>) -> Vec<Arc<dyn Bijector>> {
    if let Some(chain) = bijector.downcast_ref::<Chain>() {
        chain.bijectors().iter().flat_map(steps).collect()
    } else if let Some(invert) = bijector.downcast_ref::<Invert>() {
        steps(invert.bijector()).iter().rev().map(inverse).collect()
    } else if bijector.downcast_ref::<Identity>().is_some() {
        Vec::new()
    } else {
        vec![bijector.clone()]
    }
}

/// The inverse of a single step.
fn inverse(step: &Arc<dyn Bijector>) -> Arc<dyn Bijector> {
    if step.downcast_ref::<Exp>().is_some() {
        Log::new().into()
    } else if step.downcast_ref::<Log>().is_some() {
        Exp::new().into()
    } else if let Some(invert) = step.downcast_ref::<Invert>() {
        invert.bijector().clone()
    } else {
        Invert::new(step.clone()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bijectors::{Shift, Softplus};

    #[test]
    fn the_same_function_has_the_same_steps() {
        let shift = || Shift::new(1.0).unwrap();
        let plain = Chain::new([Exp::new().into(), shift().into(), Softplus::new().into()]);
        let nested = Chain::new([
            Identity::new().into(),
            Invert::new(Chain::new([Invert::new(shift()).into(), Log::new().into()])).into(),
            Chain::new([Softplus::new().into()]).into(),
        ]);
        let [a, b] = [plain, nested].map(|chain| steps(&chain.into()));
        assert_eq!((a.len(), b.len()), (3, 3));
        assert!(a.iter().zip(&b).all(|(a, b)| a.is_same(b.as_ref())), "{a:?} {b:?}");
    }
}
