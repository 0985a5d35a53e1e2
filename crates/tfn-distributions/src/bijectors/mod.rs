//! Invertible functions between unconstrained and constrained numbers, one a file.
//!
//! Counterpart: `tfp.bijectors`. Most act entry by entry; the others say how many axes an event has.

mod bijector;
mod into_bijector;
mod steps;
mod triangle;

pub use bijector::Bijector;
#[doc(hidden)]
pub use bijector::BijectorCopy;
pub use into_bijector::{IntoBijector, IntoBijectors};
pub use masked_autoregressive::AutoregressiveNetwork;
#[doc(hidden)]
pub use masked_autoregressive::AutoregressiveNetworkCopy;
pub(crate) use steps::steps;

use std::panic::Location;
use std::sync::Arc;

use tfn_tensor::{Tensor, TensorError};

use crate::constraint::Constraint;
use crate::error::{DistributionError, Result};
use crate::masking::constant as number;
use crate::parameter::Parameter;

/// A bijector without parameters: its type with `new`, sameness, and the rest of the contract as given.
macro_rules! plain {
    ($(#[$doc:meta])* $bijector:ident { $($method:item)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, Module)]
        #[non_exhaustive]
        pub struct $bijector {}

        impl $bijector {
            /// The bijector.
            pub fn new() -> Self {
                Self {}
            }
        }

        impl Bijector for $bijector {
            $($method)*

            fn is_same(&self, other: &dyn Bijector) -> bool {
                other.downcast_ref::<Self>().is_some()
            }
        }
    };
}

/// Each file, with what the crate's users see of it, and `.into()` an `Arc`, which mixed lists hold.
macro_rules! bijectors {
    ($($file:ident: $bijector:ident;)*) => { $(
        mod $file;
        pub use $file::$bijector;

        impl From<$bijector> for Arc<dyn Bijector> {
            fn from(bijector: $bijector) -> Self {
                Arc::new(bijector)
            }
        }
    )* };
}

bijectors! {
    ascending: Ascending;
    blockwise: Blockwise;
    chain: Chain;
    correlation_cholesky: CorrelationCholesky;
    cumsum: Cumsum;
    exp: Exp;
    fill_scale_tril: FillScaleTriL;
    fill_triangular: FillTriangular;
    identity: Identity;
    invert: Invert;
    log: Log;
    masked_autoregressive: MaskedAutoregressive;
    normal_cdf: NormalCDF;
    permute: Permute;
    power: Power;
    rational_quadratic_spline: RationalQuadraticSpline;
    reciprocal: Reciprocal;
    reshape: Reshape;
    scale: Scale;
    scale_matvec_diag: ScaleMatvecDiag;
    scale_matvec_tril: ScaleMatvecTriL;
    shift: Shift;
    sigmoid: Sigmoid;
    softmax_centered: SoftmaxCentered;
    softplus: Softplus;
    square: Square;
    tanh: Tanh;
}

/// The direction of a function that increases.
#[allow(clippy::unnecessary_wraps, reason = "what `is_increasing` returns")]
fn rising(like: &Tensor) -> Option<Tensor> {
    Some(number(1.0, like))
}

/// The log-determinants, 0, of a function of events with `event_ndims` axes that changes no volume.
#[track_caller]
fn no_change(x: &Tensor, event_ndims: usize) -> Tensor {
    let (shape, dtype) = match (x.shape(), x.dtype()) {
        (Ok(shape), Ok(dtype)) => (shape, dtype),
        (Err(error), _) | (_, Err(error)) => return Tensor::from_error(error),
    };
    match shape.len().checked_sub(event_ndims) {
        Some(batch_ndims) => Tensor::zeros(&shape[..batch_ndims], dtype),
        None => Tensor::from_error(TensorError::Shape {
            op: "log_det_jacobian",
            argument: "x",
            given: shape.to_vec(),
            expected: format!("at least {event_ndims} axes"),
            place: Location::caller(),
        }),
    }
}

/// `x` with a number behind the entries of its last axis.
fn with_last(x: &Tensor, value: f64) -> Tensor {
    let last = (no_change(x, 1) + value).expand_dims(-1);
    Tensor::concat(&[x, &last], -1)
}

/// `value` in the shape that it and `like` broadcast to.
fn spread(value: &Tensor, like: &Tensor) -> Tensor {
    no_change(like, 0) + value
}

/// Checks that the value of a parameter that never changes is finite.
fn check(family: &'static str, argument: &'static str, parameter: &Parameter) -> Result<()> {
    check_as(Constraint::Real, family, argument, parameter)
}

/// Checks the value of a parameter that never changes.
fn check_as(
    constraint: Constraint,
    family: &'static str,
    argument: &'static str,
    parameter: &Parameter,
) -> Result<()> {
    if !parameter.is_fixed() {
        return Ok(());
    }
    match constraint.violation(&parameter.value())? {
        None => Ok(()),
        Some(given) => {
            let expected = constraint.expected().into();
            Err(DistributionError::Argument { family, argument, given, expected })
        }
    }
}

/// Checks that the value of a parameter that never changes is finite, and that a `part` of it has no 0.
fn check_nonzero(
    family: &'static str,
    argument: &'static str,
    parameter: &Parameter,
    part: &dyn Fn(&Tensor) -> Tensor,
) -> Result<()> {
    check(family, argument, parameter)?;
    if !parameter.is_fixed() {
        return Ok(());
    }
    let entries = part(&parameter.value()).to_f64_vec()?;
    match entries.iter().position(|&entry| entry == 0.0) {
        None => Ok(()),
        Some(index) => Err(DistributionError::Argument {
            family,
            argument,
            given: format!("0 at entry {index}"),
            expected: "numbers other than 0".into(),
        }),
    }
}

/// How many last axes an axis counted from the end needs: so it stays the same whatever the batch.
fn event_ndims_of(family: &'static str, axis: isize) -> Result<usize> {
    if axis < 0 {
        return Ok(axis.unsigned_abs());
    }
    Err(DistributionError::Argument {
        family,
        argument: "axis",
        given: axis.to_string(),
        expected: "a negative number, which counts from the end".into(),
    })
}

/// Checks that an event has the one shape that a bijector takes.
fn expect_event(
    family: &'static str,
    argument: &'static str,
    given: &[usize],
    expected: &[usize],
) -> Result<()> {
    if given == expected {
        return Ok(());
    }
    let (given, expected) = (given.to_vec(), format!("events {expected:?}"));
    Err(DistributionError::Shape { family, argument, given, expected })
}

/// `x`, or the error that `bijector` takes no events of its shape.
#[track_caller]
fn taken(bijector: &dyn Bijector, x: &Tensor) -> Tensor {
    let shape = x.shape().map_err(DistributionError::from);
    shape.and_then(|shape| bijector.forward_shape(shape)).map_or_else(failed, |_| x.clone())
}

/// `y`, or the error that `bijector` gives no events of its shape.
#[track_caller]
fn given(bijector: &dyn Bijector, y: &Tensor) -> Tensor {
    let shape = y.shape().map_err(DistributionError::from);
    shape.and_then(|shape| bijector.inverse_shape(shape)).map_or_else(failed, |_| y.clone())
}

/// A tensor that carries the error.
#[track_caller]
fn failed(error: DistributionError) -> Tensor {
    let place = Location::caller();
    Tensor::from_error(match error {
        DistributionError::Tensor(error) => error,
        DistributionError::Shape { family: op, argument, given, expected } => {
            TensorError::Shape { op, argument, given, expected, place }
        }
        DistributionError::Shapes { family: op, lhs, rhs, .. } => {
            TensorError::Shapes { op, lhs, rhs, expected: "shapes that broadcast", place }
        }
        other => TensorError::External { op: "bijector", message: other.to_string() },
    })
}
