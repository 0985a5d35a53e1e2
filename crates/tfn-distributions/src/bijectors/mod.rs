//! Invertible functions between unconstrained and constrained numbers, one a file.
//!
//! Counterpart: `tfp.bijectors`. All of them act entry by entry.

mod bijector;
mod chain;
mod exp;
mod identity;
mod invert;
mod scale;
mod shift;
mod softplus;

#[doc(hidden)]
pub use bijector::BijectorCopy;
pub use bijector::{Bijector, IntoBijector};
pub use chain::Chain;
pub use exp::Exp;
pub use identity::Identity;
pub use invert::Invert;
pub use scale::Scale;
pub use shift::Shift;
pub use softplus::Softplus;

use std::sync::Arc;

use tfn_tensor::Tensor;

use crate::masking::constant as number;
use crate::{Constraint, DistributionError, Parameter, Result};

/// `.into()` gives the `Arc` that mixed lists of bijectors hold.
macro_rules! into_arc {
    ($($bijector:ident),*) => { $(
        impl From<$bijector> for Arc<dyn Bijector> {
            fn from(bijector: $bijector) -> Self {
                Arc::new(bijector)
            }
        }
    )* };
}
into_arc!(Chain, Exp, Identity, Invert, Scale, Shift, Softplus);

/// `value` in the shape that it and `like` broadcast to.
fn spread(value: &Tensor, like: &Tensor) -> Tensor {
    match (like.shape(), like.dtype()) {
        (Ok(shape), Ok(dtype)) => Tensor::zeros(shape, dtype) + value,
        (Err(error), _) | (_, Err(error)) => Tensor::from_error(error),
    }
}

/// Checks the value of a parameter that never changes.
fn check(family: &'static str, argument: &'static str, parameter: &Parameter) -> Result<()> {
    if !parameter.is_fixed() {
        return Ok(());
    }
    match Constraint::Real.violation(&parameter.value())? {
        None => Ok(()),
        Some(given) => {
            let expected = Constraint::Real.expected().into();
            Err(DistributionError::Argument { family, argument, given, expected })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_goes_through_every_bijector() {
        let bad = Tensor::from_vec(vec![1.0], &[2]);
        let all: [Arc<dyn Bijector>; 6] = [
            Identity::new().into(),
            Exp::new().into(),
            Softplus::new().into(),
            Shift::new(1.0).unwrap().into(),
            Scale::new(2.0).unwrap().into(),
            Invert::new(Exp::new()).into(),
        ];
        for bijector in &all {
            assert!(bijector.forward(&bad).error().is_some(), "{bijector:?}");
            assert!(bijector.inverse(&bad).error().is_some(), "{bijector:?}");
            assert!(bijector.forward_log_det_jacobian(&bad).error().is_some(), "{bijector:?}");
        }
        assert!(Chain::new(all).forward(&bad).error().is_some());
    }
}
