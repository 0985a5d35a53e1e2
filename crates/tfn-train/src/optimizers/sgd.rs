//! Stochastic gradient descent.

use tfn_tensor::{Element, Gradients, Variable};

use super::{Optimizer, States, check_connected, update};
use crate::check::Argument;
use crate::error::Result;
use crate::schedules::Schedule;

/// Stochastic gradient descent, with momentum if asked for.
///
/// Counterpart: `tf_keras.optimizers.SGD`. With the gradient g, the rate lr and the momentum μ:
///
/// ```text
/// w ← w − lr g                              without momentum
/// u ← μ u − lr g,  w ← w + u                with momentum
/// u ← μ u − lr g,  w ← w + μ u − lr g       Nesterov
/// ```
///
/// # Examples
/// ```
/// use tfn_tensor::{Tensor, Variable};
/// use tfn_train::{Optimizer, Sgd};
///
/// let w = Variable::new("w", Tensor::scalar(5.0))?;
/// let mut sgd = Sgd::builder(0.25).momentum(0.5).build()?;
/// sgd.minimize(&w.tensor().square(), &[w.clone()])?;
/// assert_eq!(w.value().item()?, 2.5);
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
///
/// # References
/// Sutskever, Martens, Dahl, Hinton, *On the importance of initialization and momentum in deep
/// learning*, ICML 2013, equations 1 to 4.
#[derive(Debug)]
pub struct Sgd {
    schedule: Schedule,
    momentum: f64,
    nesterov: bool,
    iterations: u64,
    velocities_f32: States<f32, 1>,
    velocities_f64: States<f64, 1>,
}

impl Sgd {
    /// Without momentum.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) for a learning rate without meaning.
    pub fn new(learning_rate: impl Into<Schedule>) -> Result<Self> {
        Self::builder(learning_rate).build()
    }

    /// To set the other arguments.
    pub fn builder(learning_rate: impl Into<Schedule>) -> SgdBuilder {
        SgdBuilder { learning_rate: learning_rate.into(), momentum: 0.0, nesterov: false }
    }
}

/// The arguments of [`Sgd`].
#[derive(Clone, Debug)]
#[must_use]
pub struct SgdBuilder {
    learning_rate: Schedule,
    momentum: f64,
    nesterov: bool,
}

impl SgdBuilder {
    /// Sets the share of the last step that the next one keeps.
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// Sets whether the gradient counts as taken where the momentum will have led.
    pub fn nesterov(mut self, nesterov: bool) -> Self {
        self.nesterov = nesterov;
        self
    }

    /// Checks the arguments.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) for a rate without meaning or a momentum
    /// outside 0 to 1.
    pub fn build(self) -> Result<Sgd> {
        Ok(Sgd {
            schedule: self.learning_rate.check()?,
            momentum: Argument::new("Sgd", "momentum", self.momentum).fraction()?,
            nesterov: self.nesterov,
            iterations: 0,
            velocities_f32: States::new(),
            velocities_f64: States::new(),
        })
    }
}

impl Optimizer for Sgd {
    fn apply_gradients(&mut self, gradients: &Gradients, variables: &[Variable]) -> Result<()> {
        check_connected(gradients, variables)?;
        let step = Step {
            rate: self.schedule.checked_at(self.iterations)?,
            momentum: self.momentum,
            nesterov: self.nesterov,
        };
        step.apply(&mut self.velocities_f32, gradients, variables)?;
        step.apply(&mut self.velocities_f64, gradients, variables)?;
        self.iterations += 1;
        Ok(())
    }

    fn iterations(&self) -> u64 {
        self.iterations
    }

    fn learning_rate(&self) -> f64 {
        self.schedule.at(self.iterations)
    }
}

/// The numbers of one step, the same for all variables.
struct Step {
    rate: f64,
    momentum: f64,
    nesterov: bool,
}

impl Step {
    fn apply<E: Element>(
        &self,
        velocities: &mut States<E, 1>,
        gradients: &Gradients,
        variables: &[Variable],
    ) -> Result<()> {
        let (rate, momentum) = (E::from_f64(self.rate), E::from_f64(self.momentum));
        if self.momentum == 0.0 {
            // Of a table only the rows that were looked up change.
            let is_by_rows = |variable: &&Variable| {
                variable.dtype() == E::DTYPE && gradients.rows(variable).is_some()
            };
            let (by_rows, whole): (Vec<&Variable>, Vec<&Variable>) =
                variables.iter().partition(is_by_rows);
            for variable in by_rows {
                gradients.update_rows::<E, 0>(
                    variable,
                    [],
                    #[inline(always)]
                    move |w, [], g| (w - rate * g, []),
                )?;
            }
            let whole: Vec<Variable> = whole.into_iter().cloned().collect();
            return update(
                &mut States::new(),
                gradients,
                &whole,
                #[inline(always)]
                move |w, [], g| (w - rate * g, []),
            );
        }
        let nesterov = self.nesterov;
        update(
            velocities,
            gradients,
            variables,
            #[inline(always)]
            move |w, [u], g| {
                let step = rate * g;
                let u = momentum * u - step;
                (w + if nesterov { momentum * u - step } else { u }, [u])
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tfn_tensor::{DType, Tensor};

    /// Values of w after each step of minimising w² / 2, whose gradient is w.
    fn run(mut sgd: Sgd, dtype: DType, steps: usize) -> Vec<f64> {
        let w = Variable::new("w", Tensor::full(&[1], 1.0, dtype)).unwrap();
        let mut values = Vec::new();
        for _ in 0..steps {
            let loss = (w.tensor().square() * 0.5).sum();
            sgd.minimize(&loss, std::slice::from_ref(&w)).unwrap();
            values.push(w.value().item().unwrap());
        }
        values
    }

    #[test]
    fn plain_is_a_geometric_series() {
        for dtype in [DType::F32, DType::F64] {
            assert_eq!(run(Sgd::new(0.5).unwrap(), dtype, 3), [0.5, 0.25, 0.125]);
        }
    }

    #[test]
    fn of_a_table_the_rows_looked_up_change() {
        let table = Variable::new("table", Tensor::ones(&[4, 2], DType::F64)).unwrap();
        let gain = Variable::new("gain", Tensor::ones(&[], DType::F64)).unwrap();
        let variables = [table.clone(), gain.clone()];
        // Row 2 is looked up twice.
        let loss = (table.tensor().gather(0, &[2, 0, 2]) * gain.tensor()).sum();
        assert!(loss.gradients().unwrap().rows(&table).is_some());
        Sgd::new(0.25).unwrap().minimize(&loss, &variables).unwrap();
        let expected = [0.75, 0.75, 1.0, 1.0, 0.5, 0.5, 1.0, 1.0];
        assert_eq!(table.value().to_vec::<f64>().unwrap(), expected);
        assert_eq!(gain.value().item().unwrap(), 1.0 - 0.25 * 6.0);
    }

    #[test]
    fn momentum_by_hand() {
        let sgd = Sgd::builder(0.5).momentum(0.5).build().unwrap();
        // u: -0.5, -0.25 - 0.25, -0.25 - 0
        assert_eq!(run(sgd, DType::F64, 3), [0.5, 0.0, -0.25]);
    }

    #[test]
    fn nesterov_by_hand() {
        let sgd = Sgd::builder(0.5).momentum(0.5).nesterov(true).build().unwrap();
        // u: -0.5, -0.375; w: 1 - 0.25 - 0.5, 0.25 - 0.1875 - 0.125
        assert_eq!(run(sgd, DType::F32, 2), [0.25, -0.0625]);
    }

    #[test]
    fn arguments_without_meaning_are_refused() {
        let error = Sgd::builder(0.1).momentum(1.5).build().unwrap_err().to_string();
        assert!(error.contains("`momentum` is 1.5, expected a number from 0 to 1"), "{error}");
        assert!(Sgd::new(f64::NAN).is_err());
    }
}
