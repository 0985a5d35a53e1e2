//! The laws of a likelihood.

use tfn_module::find;
use tfn_tensor::{DType, Key, Tensor, Variable};

use super::marginal::check_marginal;
use super::{LayerLawError, check_gradient, check_own, same};
use crate::contract::{Input, Likelihood, Pass, Weights, align_targets};
use crate::error::{LayerError, Result};

/// Checks a likelihood at a net's `output` of type `f64` and at `targets`: gradients of the log-likelihood in the
/// output and in every variable agree with central differences; a row's log-likelihood depends on that row alone; of
/// several draws together each gives what it gives alone; a [marginal](Likelihood::marginal), if it has one, is the
/// mean over outputs; the targets pass its own check.
///
/// Gradients as in [`check_layer`](super::check_layer).
///
/// # Shapes
/// `output`: `[n, outputs]` with `n` of at least 2, `targets`: `[n, ..]`.
///
/// # Errors
/// The first law that is broken.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::Tensor;
/// use tfn_layers::{likelihoods, testing::check_likelihood};
///
/// let output = Tensor::from_vec(vec![0.3, -1.2, 0.7], &[3, 1]);
/// let targets = Tensor::from_vec(vec![0.1, 0.4, 2.0], &[3]);
/// check_likelihood(&likelihoods::Normal::new()?, &output, &targets)?;
/// # Ok::<(), tfn_layers::testing::LayerLawError>(())
/// ```
pub fn check_likelihood(
    likelihood: &dyn Likelihood,
    output: &Tensor,
    targets: &Tensor,
) -> Result<(), LayerLawError> {
    likelihood.check_targets(targets)?;
    let name = likelihood.name();
    let keys = [Key::from_seed(5), Key::from_seed(6)];
    let input = Variable::new("output", output)?;
    let log_prob = |output: &Tensor, targets: &Tensor, key: &Key| -> Result<Tensor> {
        let pass = Pass::begin(likelihood, std::slice::from_ref(key), Input::One, false);
        let made = likelihood.distribution(output, &pass)?;
        let shape = [made.batch_shape()?, made.event_shape()?].concat();
        likelihood.log_prob(made.as_ref(), &align_targets(targets, &shape)?)
    };
    let rows = log_prob(output, targets, &keys[0])?;
    let count = output.shape()?.first().copied().unwrap_or(0);
    if rows.shape()? != [count] {
        let expected = format!("a log-likelihood for each of {count} rows");
        let given = rows.shape()?.to_vec();
        return Err(LayerError::Input { given, expected }.into());
    }
    for row in 0..count {
        let one = |tensor: &Tensor| tensor.narrow(0, row, 1);
        let alone = log_prob(&one(output), &one(targets), &keys[0])?.to_f64_vec()?;
        if !same(&one(&rows).to_f64_vec()?, &alone) {
            return Err(LayerLawError::Impure { layer: name, what: "a row's log-likelihood" });
        }
    }
    if likelihood.draws_together() {
        let outputs = Tensor::stack(&[output, &(output * 0.9)], 0);
        let pass = Pass::begin(likelihood, &keys, Input::Each, false);
        let made = likelihood.distribution(&outputs, &pass)?;
        let shape = [made.batch_shape()?, made.event_shape()?].concat();
        let targets_of_each = align_targets(targets, shape.get(1..).unwrap_or_default())?;
        let together = likelihood.log_prob(made.as_ref(), &targets_of_each)?.to_f64_vec()?;
        let second = log_prob(&(output * 0.9), targets, &keys[1])?;
        let each = Tensor::concat(&[&rows, &second], 0).to_f64_vec()?;
        if !same(&together, &each) {
            let what = "the log-likelihood of several draws together";
            return Err(LayerLawError::Impure { layer: name, what });
        }
    }
    check_marginal(likelihood, output, targets)?;
    // Each row counts differently, so that none hides another.
    let weights = Tensor::from_vec((1..=count).map(|row| row as f64).collect(), &[count]);
    let objective = |output: &Tensor| -> Result<Tensor> {
        let sum = (log_prob(output, targets, &keys[0])?.cast(DType::F64) * &weights).sum();
        let mut sum = sum;
        for (_, weights) in find::<Weights>(likelihood) {
            sum = sum + weights.losses_at(&keys[0])?.cast(DType::F64);
        }
        Ok(sum.check()?)
    };
    let gradients = objective(&input.tensor())?.gradients()?;
    check_own(&name, &gradients, &likelihood.trainable_variables(), &input)?;
    for variable in likelihood.trainable_variables() {
        if gradients.get(&variable).is_none() {
            let variable = variable.name().to_string();
            return Err(LayerLawError::Unused { layer: name, variable });
        }
        let given = gradients.of(&variable).to_vec::<f64>()?;
        check_gradient(&name, &variable, &given, &|| Ok(objective(output)?.item()?))?;
    }
    let given = gradients.of(&input).to_vec::<f64>()?;
    check_gradient(&name, &input, &given, &|| Ok(objective(&input.value())?.item()?))
}
