//! The laws of bijectors.

use tfn_module::{Copies, CopyArc};
use tfn_tensor::{Tensor, Variable};

use super::differences::{check_gradients, weighed};
use super::{LawError, Subject};
use crate::bijectors::Bijector;

/// Checks a bijector at `points` of its domain, in `f64`; of a bijector of vectors they are one vector.
///
/// The laws are those of [`check_bijector_at`].
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
    check_bijector_at(bijector, &Tensor::from_slice(points, &[points.len()]), None)
}

/// Checks a bijector at `x`, a batch of its events of type `f64`.
///
/// The laws: shapes are those it says; the inverse inverts; log-determinants are those of the Jacobian `J`, and that
/// of the inverse the negative; gradients of values and log-determinants, in the argument and in the variables, agree
/// with central differences; values lie in the range; it rises or falls as it says; an affine one is affine; a copy is
/// the same function of its own variables.
///
/// Of a function to more numbers than it is given the log-determinant is `½ ln det(JᵀJ)`, with `J` of all entries of
/// an event of `y`, or of those whose flat indices are `free`.
///
/// # Errors
/// [`LawError`] with the first law that does not hold.
///
/// # Examples
/// ```
/// use tfn_distributions::bijectors::SoftmaxCentered;
/// use tfn_distributions::testing::check_bijector_at;
/// use tfn_tensor::Tensor;
///
/// let x = Tensor::from_vec(vec![-3.0, 0.0, 5.0, 0.1, 0.2, 0.3], &[2, 3]);
/// check_bijector_at(&SoftmaxCentered::new(), &x, None)?;
/// # Ok::<(), tfn_distributions::testing::LawError>(())
/// ```
pub fn check_bijector_at(
    bijector: &dyn Bijector,
    x: &Tensor,
    free: Option<&[usize]>,
) -> Result<(), LawError> {
    let family = bijector.class_name();
    let y = bijector.forward(x).detach();
    let about = |law| Subject { law, family };
    check_shapes(about("shapes are those it says"), bijector, x, &y)?;
    check_inverse(about("the inverse inverts"), bijector, x, &y)?;
    check_jacobian(about("log-determinants are those of the Jacobian"), bijector, x, &y, free)?;
    check_slopes(about("gradients are those of central differences"), bijector, x, &y)?;
    check_range(about("values lie in the range"), bijector, x, &y)?;
    check_direction(about("it rises or falls as it says"), bijector, x, &y)?;
    check_affine(about("an affine bijector is affine"), bijector, x, &y)?;
    check_copy(about("a copy has its own variables"), bijector, x, &y)
}

type Outcome = Result<(), LawError>;

fn shape_of(subject: Subject<'_>, tensor: &Tensor) -> Result<Vec<usize>, LawError> {
    subject.get(tensor.shape().map(<[_]>::to_vec).map_err(Into::into))
}

fn check_shapes(subject: Subject<'_>, b: &dyn Bijector, x: &Tensor, y: &Tensor) -> Outcome {
    let [of_x, of_y] = [shape_of(subject, x)?, shape_of(subject, y)?];
    let batch = of_x[..of_x.len().saturating_sub(b.forward_min_event_ndims())].to_vec();
    let dets = [b.forward_log_det_jacobian(x), b.inverse_log_det_jacobian(y)];
    for (given, expected) in [
        (of_y.clone(), subject.get(b.forward_shape(&of_x))?),
        (of_x.clone(), subject.get(b.inverse_shape(&of_y))?),
        (shape_of(subject, &dets[0])?, batch.clone()),
        (shape_of(subject, &dets[1])?, batch),
    ] {
        if given != expected {
            return Err(subject.broken(format!("shape {given:?}"), format!("{expected:?}")));
        }
    }
    Ok(())
}

fn check_inverse(subject: Subject<'_>, b: &dyn Bijector, x: &Tensor, y: &Tensor) -> Outcome {
    let back = subject.entries(Ok(b.inverse(y)))?;
    let points = subject.entries(Ok(x.clone()))?;
    let values = subject.entries(Ok(y.clone()))?;
    let events = subject.get(b.forward_log_det_jacobian(x).len().map_err(Into::into))?;
    // An error of ε in each yⱼ is one of ε·Σ|∂xᵢ/∂yⱼ·yⱼ| in xᵢ.
    let slopes = jacobians(subject, events, y, |y| b.inverse(y))?;
    let per_event = (values.len() / events.max(1)).max(1);
    let conditioning = slopes.iter().zip(values.chunks(per_event)).flat_map(|(rows, values)| {
        rows.iter()
            .map(move |row| row.iter().zip(values).map(|(slope, y)| (slope * y).abs()).sum::<f64>())
    });
    for (i, (conditioning, &point)) in conditioning.zip(&points).enumerate() {
        let near = (back[i] - point).abs() <= 1e-13 * (point.abs().max(1.0) + 1.0 + conditioning);
        if !near {
            return Err(subject.broken(format!("{} at entry {i}", back[i]), point.to_string()));
        }
    }
    Ok(())
}

/// Rows of a matrix.
type Rows = Vec<Vec<f64>>;

/// The Jacobian of each event of a batch, by the gradient of each of its outputs.
fn jacobians(
    subject: Subject<'_>,
    events: usize,
    at: &Tensor,
    function: impl Fn(&Tensor) -> Tensor,
) -> Result<Vec<Rows>, LawError> {
    let variable = Variable::new("x", at.clone()).map_err(|error| subject.failed(error))?;
    let value = function(&variable.tensor());
    let outputs = subject.get(value.len().map_err(Into::into))? / events.max(1);
    let mut all = vec![Rows::new(); events];
    for output in 0..outputs {
        // Events do not depend on one another: the sum over them has the gradients of all.
        let entry = value.reshape(&[events, outputs]).narrow(1, output, 1).sum();
        let gradients = entry.gradients().map_err(|error| subject.failed(error))?;
        let row = subject.entries(Ok(gradients.of(&variable)))?;
        let inputs = (row.len() / events.max(1)).max(1);
        all.iter_mut().zip(row.chunks(inputs)).for_each(|(rows, row)| rows.push(row.to_vec()));
    }
    Ok(all)
}

/// `a·b`.
fn product(a: &Rows, b: &Rows) -> Rows {
    let entry = |row: &[f64], j: usize| row.iter().zip(b).map(|(a, b)| a * b[j]).sum();
    let columns = b.first().map_or(0, Vec::len);
    a.iter().map(|row| (0..columns).map(|j| entry(row, j)).collect()).collect()
}

/// `½ ln det(JᵀJ)`, which is `ln |det J|` of a square `J`: the logarithms of the lengths that its columns have across
/// those before them.
fn log_volume(jacobian: &Rows, free: Option<&[usize]>) -> f64 {
    let rows: Rows = match free {
        Some(free) => free.iter().filter_map(|&row| jacobian.get(row).cloned()).collect(),
        None => jacobian.clone(),
    };
    let inputs = rows.first().map_or(0, Vec::len);
    let mut columns: Rows = (0..inputs).map(|j| rows.iter().map(|row| row[j]).collect()).collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut sum = 0.0;
    for j in 0..inputs {
        let (done, rest) = columns.split_at_mut(j + 1);
        let column = &done[j];
        let square = dot(column, column);
        sum += 0.5 * square.ln();
        for other in rest {
            let share = dot(column, other) / square;
            other.iter_mut().zip(column).for_each(|(entry, part)| *entry -= share * part);
        }
    }
    sum
}

fn check_jacobian(
    subject: Subject<'_>,
    b: &dyn Bijector,
    x: &Tensor,
    y: &Tensor,
    free: Option<&[usize]>,
) -> Outcome {
    let forward = subject.entries(Ok(b.forward_log_det_jacobian(x)))?;
    let slopes = jacobians(subject, forward.len(), x, |x| b.forward(x))?;
    let volumes: Vec<f64> = slopes.iter().map(|slopes| log_volume(slopes, free)).collect();
    subject.equal(&forward, &volumes, 1e-10)?;
    let inverse = subject.entries(Ok(-b.inverse_log_det_jacobian(y)))?;
    subject.equal(&inverse, &forward, 1e-8)?;
    let back = jacobians(subject, forward.len(), y, |y| b.inverse(y))?;
    for (back, slopes) in back.iter().zip(&slopes) {
        for (i, row) in product(back, slopes).iter().enumerate() {
            let unit: Vec<f64> = (0..row.len()).map(|j| f64::from(u8::from(i == j))).collect();
            subject.equal(row, &unit, 1e-8)?;
        }
    }
    Ok(())
}

fn check_slopes(subject: Subject<'_>, b: &dyn Bijector, x: &Tensor, y: &Tensor) -> Outcome {
    let x = Variable::new("x", x.clone()).map_err(|error| subject.failed(error))?;
    let mut of_x = vec![x.clone()];
    of_x.extend(b.trainable_variables());
    check_gradients(subject, &of_x, || weighed(&b.forward(&x.tensor())))?;
    check_gradients(subject, &of_x, || weighed(&b.forward_log_det_jacobian(&x.tensor())))?;
    let of_y = b.trainable_variables();
    check_gradients(subject, &of_y, || weighed(&b.inverse(y)))?;
    check_gradients(subject, &of_y, || weighed(&b.inverse_log_det_jacobian(y)))?;
    // In y the step must be small beside the distance to the end of the range: by the chain rule instead.
    let slope = |terms: Tensor| {
        let gradients = weighed(&terms).and_then(|sum| Ok(sum.gradients()?.of(&x)));
        subject.entries(gradients)
    };
    let given = slope(-b.inverse_log_det_jacobian(&b.forward(&x.tensor())))?;
    subject.equal(&given, &slope(b.forward_log_det_jacobian(&x.tensor()))?, 1e-7)
}

fn check_range(subject: Subject<'_>, b: &dyn Bijector, x: &Tensor, y: &Tensor) -> Outcome {
    for (at, inside) in [(y, b.in_range(y)), (x, b.in_domain(x))] {
        let Some(inside) = inside else { continue };
        if let Some(i) = subject.entries(Ok(inside))?.iter().position(|&inside| inside == 0.0) {
            return Err(subject.broken(format!("{at:?} outside at entry {i}"), "inside"));
        }
    }
    Ok(())
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
    if b.is_affine() {
        let (middle, end) = (b.forward(&(x * 1.5 + 0.5)), b.forward(&(x * 2.0 + 1.0)));
        let given = subject.entries(Ok(middle * 2.0 - end))?;
        subject.equal(&given, &subject.entries(Ok(y.clone()))?, 1e-12)?;
    }
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
