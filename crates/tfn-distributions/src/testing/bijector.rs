//! The laws of bijectors.

use tfn_module::{Copies, CopyArc};
use tfn_tensor::{Tensor, Variable};

use super::differences::{check_gradients, weighed};
use super::{LawError, Subject};
use crate::bijectors::Bijector;

/// Checks a bijector at `points` of its domain, in `f64`.
///
/// The laws: the inverse inverts; the Jacobian is the slope by central differences and that of the inverse its
/// negative; gradients of values and Jacobians, in the argument and in the variables, agree with central
/// differences; values lie in the range; it rises or falls as it says; an affine one is affine; a copy is the same
/// function of its own variables.
///
/// # Errors
/// [`LawError`] with the first law that does not hold.
///
/// # Examples
/// ```
/// use tfn_distributions::bijectors::Softplus;
/// use tfn_distributions::testing::check_bijector;
///
/// check_bijector(&Softplus::new(), &[-3.0, 0.0, 5.0])?;
/// # Ok::<(), tfn_distributions::testing::LawError>(())
/// ```
pub fn check_bijector(bijector: &dyn Bijector, points: &[f64]) -> Result<(), LawError> {
    let family = bijector.class_name();
    let x = Tensor::from_slice(points, &[points.len()]);
    let y = bijector.forward(&x).detach();
    let about = |law| Subject { law, family };
    check_inverse(about("the inverse inverts"), bijector, &x, &y)?;
    check_jacobian(about("the Jacobian is the slope"), bijector, &x, &y)?;
    check_slopes(about("gradients are those of central differences"), bijector, &x, &y)?;
    check_range(about("values lie in the range"), bijector, &y)?;
    check_direction(about("it rises or falls as it says"), bijector, &x, &y)?;
    check_affine(about("an affine bijector is affine"), bijector, &x, &y)?;
    check_copy(about("a copy has its own variables"), bijector, &x, &y)
}

type Outcome = Result<(), LawError>;

fn check_inverse(subject: Subject<'_>, b: &dyn Bijector, x: &Tensor, y: &Tensor) -> Outcome {
    let back = subject.entries(Ok(b.inverse(y)))?;
    let points = subject.entries(Ok(x.clone()))?;
    // An error of ε in y is one of ε·|y/f′(x)| in x.
    let slopes = subject.entries(Ok(b.forward_log_det_jacobian(x).exp()))?;
    let values = subject.entries(Ok(y.clone()))?;
    for (i, &point) in points.iter().enumerate() {
        let conditioning = 1.0 + (values[i] / slopes[i]).abs();
        let near = (back[i] - point).abs() <= 1e-13 * (point.abs().max(1.0) + conditioning);
        if !near {
            return Err(subject.broken(format!("{} for {}", back[i], values[i]), point.to_string()));
        }
    }
    Ok(())
}

fn check_jacobian(subject: Subject<'_>, b: &dyn Bijector, x: &Tensor, y: &Tensor) -> Outcome {
    let points = Variable::new("x", x.clone()).map_err(|error| subject.failed(error))?;
    let gradients = b.forward(&points.tensor()).sum().gradients();
    let slopes = gradients.map_err(|error| subject.failed(error))?.of(&points).abs().ln();
    let forward = b.forward_log_det_jacobian(x);
    let shape =
        |tensor: &Tensor| subject.get(tensor.shape().map(<[_]>::to_vec).map_err(Into::into));
    if shape(&forward)? != shape(x)? {
        return Err(subject.broken(format!("shape {:?}", shape(&forward)?), "that of the argument"));
    }
    let forward = subject.entries(Ok(forward))?;
    subject.equal(&forward, &subject.entries(Ok(slopes))?, 1e-10)?;
    let inverse = subject.entries(Ok(-b.inverse_log_det_jacobian(y)))?;
    subject.equal(&inverse, &forward, 1e-8)
}

fn check_slopes(subject: Subject<'_>, b: &dyn Bijector, x: &Tensor, y: &Tensor) -> Outcome {
    let make = |name: &str, value: &Tensor| {
        Variable::new(name, value.clone()).map_err(|error| subject.failed(error))
    };
    let (x, y) = (make("x", x)?, make("y", y)?);
    let mut of_x = vec![x.clone()];
    of_x.extend(b.trainable_variables());
    check_gradients(subject, &of_x, || weighed(&b.forward(&x.tensor())))?;
    check_gradients(subject, &of_x, || weighed(&b.forward_log_det_jacobian(&x.tensor())))?;
    let of_y = b.trainable_variables();
    check_gradients(subject, &of_y, || weighed(&b.inverse(&y.tensor())))?;
    check_gradients(subject, &of_y, || weighed(&b.inverse_log_det_jacobian(&y.tensor())))?;
    // In y the step must be small beside the distance to the end of the range: by the chain rule instead.
    let slope = b.inverse(&y.tensor()).sum().gradients();
    let given = slope.map_err(|error| subject.failed(error))?.of(&y).abs();
    let given = subject.entries(Ok(given))?;
    let expected = subject.entries(Ok(b.inverse_log_det_jacobian(&y.value()).exp()))?;
    subject.equal(&given, &expected, 1e-8)
}

fn check_range(subject: Subject<'_>, b: &dyn Bijector, y: &Tensor) -> Outcome {
    let Some(inside) = b.in_range(y) else {
        return Ok(());
    };
    match subject.entries(Ok(inside))?.iter().position(|&inside| inside == 0.0) {
        None => Ok(()),
        Some(i) => Err(subject.broken(format!("{:?} outside at entry {i}", y), "inside")),
    }
}

fn check_direction(subject: Subject<'_>, b: &dyn Bijector, x: &Tensor, y: &Tensor) -> Outcome {
    let Some(rising) = b.is_increasing(x) else {
        return Ok(());
    };
    let further = b.forward(&(x + 1e-3));
    let zeros = y * 0.0;
    let says = subject.entries(Ok(rising + &zeros))?;
    let does = subject.entries(Ok(further.gt(y)))?;
    subject.equal(&says, &does, 0.0)
}

fn check_affine(subject: Subject<'_>, b: &dyn Bijector, x: &Tensor, y: &Tensor) -> Outcome {
    let Some((scale, shift)) = b.affine(x) else {
        return Ok(());
    };
    let given = subject.entries(Ok(x * scale + shift))?;
    subject.equal(&given, &subject.entries(Ok(y.clone()))?, 1e-12)
}

fn check_copy(subject: Subject<'_>, b: &dyn Bijector, x: &Tensor, y: &Tensor) -> Outcome {
    let copy =
        b.copy_arc(&mut Copies::default()).ok_or_else(|| subject.broken("no copy", "one"))?;
    let same = subject.entries(Ok(copy.forward(x)))?;
    subject.equal(&same, &subject.entries(Ok(y.clone()))?, 0.0)?;
    let (own, copied) = (b.variables(), copy.variables());
    if own.len() != copied.len() || own.iter().any(|variable| copied.contains(variable)) {
        return Err(subject.broken("variables shared with the copy", "fresh ones"));
    }
    Ok(())
}
