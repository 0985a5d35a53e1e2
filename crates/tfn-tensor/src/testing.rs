//! The laws that an operation is tested by, for this crate's operations and for anyone's.

use crate::dtype::DType;
use crate::error::{Result, TensorError};
use crate::tensor::Tensor;
use crate::variable::Variable;

/// A gradient that disagrees with the central difference, or an operation that failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GradientError {
    /// Two numbers that should be one.
    #[error(
        "input {input}, entry {entry}: gradient {given}, central difference {expected} (tolerance {tolerance})"
    )]
    Disagrees {
        /// Index of the input.
        input: usize,
        /// Flat index of its entry.
        entry: usize,
        /// What the backward pass gave.
        given: f64,
        /// What differences of the forward pass gave.
        expected: f64,
        /// How far apart they may be.
        tolerance: f64,
    },
    /// The function itself failed.
    #[error(transparent)]
    Tensor(#[from] TensorError),
}

/// Checks the gradients of `function` at `inputs` (in `f64`) against central differences.
///
/// The outputs are weighed by fixed, unequal numbers and summed, so that no error cancels. Differences
/// use a step of `1e-4·max(1, |x|)` and one Richardson extrapolation, whose error is about 1e-10 of the
/// function's size; the tolerance is 1e-7 of the largest gradient entry or of 1.
///
/// # Errors
/// [`GradientError::Disagrees`] at the first entry that is off, [`GradientError::Tensor`] if `function`
/// fails.
///
/// # Examples
/// ```
/// use tfn_tensor::{Tensor, testing::check_gradients};
///
/// let x = Tensor::from_vec(vec![0.3, 1.7], &[2]);
/// check_gradients(&[x], |v| v[0].exp() * v[0].ln())?;
/// # Ok::<(), tfn_tensor::testing::GradientError>(())
/// ```
pub fn check_gradients(
    inputs: &[Tensor],
    function: impl Fn(&[Tensor]) -> Tensor,
) -> Result<(), GradientError> {
    let variables: Vec<Variable> =
        inputs.iter().map(|x| Variable::new("input", x.cast(DType::F64))).collect::<Result<_>>()?;
    let tracked: Vec<Tensor> = variables.iter().map(Variable::tensor).collect();
    let gradients = weighed(&function(&tracked))?.gradients()?;
    for (input, variable) in variables.iter().enumerate() {
        let given = gradients.of(variable).to_vec::<f64>()?;
        let largest = given.iter().fold(1.0_f64, |m, g| m.max(g.abs()));
        for (entry, &given) in given.iter().enumerate() {
            let expected = central_difference(&variables, input, entry, &function)?;
            let tolerance = 1e-7 * largest;
            if (given - expected).is_nan() || (given - expected).abs() > tolerance {
                return Err(GradientError::Disagrees { input, entry, given, expected, tolerance });
            }
        }
    }
    Ok(())
}

/// The outputs' sum with weights that differ from entry to entry.
fn weighed(output: &Tensor) -> Result<Tensor> {
    let weights: Vec<f64> = (0..output.len()?).map(|i| 1.0 + 0.37 * (i as f64).sin()).collect();
    Ok((output * Tensor::from_slice(&weights, output.shape()?)).sum())
}

fn central_difference(
    variables: &[Variable],
    input: usize,
    entry: usize,
    function: &impl Fn(&[Tensor]) -> Tensor,
) -> Result<f64> {
    let values: Vec<Tensor> = variables.iter().map(Variable::value).collect();
    let data = values[input].to_vec::<f64>()?;
    let step = 1e-4 * data[entry].abs().max(1.0);
    let at = |offset: f64| -> Result<f64> {
        let (mut moved, mut data) = (values.clone(), data.clone());
        data[entry] += offset;
        moved[input] = Tensor::from_vec(data, values[input].shape()?);
        weighed(&function(&moved))?.item()
    };
    let slope = |h: f64| -> Result<f64> { Ok((at(h)? - at(-h)?) / (2.0 * h)) };
    Ok((4.0 * slope(step / 2.0)? - slope(step)?) / 3.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Vjp, VjpContext, apply};

    struct Wrong;

    impl Vjp for Wrong {
        fn name(&self) -> &'static str {
            "wrong"
        }

        fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
            if let Some(g) = ctx.grad(0).cloned() {
                ctx.add(0, g * 1.001);
            }
            Ok(())
        }
    }

    #[test]
    fn a_wrong_gradient_is_found() {
        let x = Tensor::from_vec(vec![0.5, 2.0], &[2]);
        let outcome =
            check_gradients(&[x], |v| apply(&[&v[0]], vec![v[0].detach()], || Wrong).remove(0));
        assert!(matches!(outcome, Err(GradientError::Disagrees { input: 0, entry: 0, .. })));
    }
}
