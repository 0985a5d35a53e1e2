//! Stochastic gradient descent.

use tfn_tensor::{DType, Element, Gradients, Variable};

use super::clip::Clip;
use super::contract::{Optimizer, check_connected};
use super::groups::ParamGroup;
use super::rules::{Rules, rule_setters};
use super::slots::{Slots, UpdateRule};
use super::state::OptimizerState;
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
/// With a weight decay λ each of them takes `lr λ w` off besides.
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
    rules: Rules,
    memory: Memory,
}

/// Without momentum there is nothing to remember but the number of steps.
#[derive(Debug)]
enum Memory {
    Plain(Slots<0>),
    Momentum { momentum: f64, nesterov: bool, velocities: Slots<1> },
}

impl Memory {
    fn momentum(&self) -> (f64, bool) {
        match self {
            Self::Plain(_) => (0.0, false),
            Self::Momentum { momentum, nesterov, .. } => (*momentum, *nesterov),
        }
    }
}

impl Sgd {
    /// Without momentum.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) for a learning rate without meaning.
    pub fn new(learning_rate: impl Into<Schedule>) -> Result<Self> {
        Self::builder(learning_rate).build()
    }

    /// A builder that sets the other arguments.
    pub fn builder(learning_rate: impl Into<Schedule>) -> SgdBuilder {
        let rules = Rules::default();
        SgdBuilder { learning_rate: learning_rate.into(), momentum: 0.0, nesterov: false, rules }
    }
}

/// The arguments of [`Sgd`].
#[derive(Clone, Debug)]
#[must_use]
pub struct SgdBuilder {
    learning_rate: Schedule,
    momentum: f64,
    nesterov: bool,
    rules: Rules,
}

impl SgdBuilder {
    /// Sets the share of the last step that the next one keeps.
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// Sets whether momentum is Nesterov's: the gradient then counts as if it had been taken at the point that the
    /// momentum leads to.
    pub fn nesterov(mut self, nesterov: bool) -> Self {
        self.nesterov = nesterov;
        self
    }

    rule_setters!(rules);

    /// Checks the arguments.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) for a rate without meaning, a momentum
    /// outside 0 to 1, a bound of gradients that is not positive, both bounds at once, or a negative decay or factor of
    /// a rate.
    pub fn build(self) -> Result<Sgd> {
        let momentum = Argument::new("Sgd", "momentum", self.momentum).fraction()?;
        let velocities = Slots::new(["velocity"]);
        let memory = if momentum == 0.0 {
            Memory::Plain(Slots::new([]))
        } else {
            Memory::Momentum { momentum, nesterov: self.nesterov, velocities }
        };
        let (schedule, rules) = (self.learning_rate.check()?, self.rules.check("Sgd")?);
        Ok(Sgd { schedule, rules, memory })
    }
}

impl Optimizer for Sgd {
    fn apply_gradients(&mut self, gradients: &Gradients, variables: &[Variable]) -> Result<()> {
        check_connected(gradients, variables)?;
        let steps = self.iterations();
        let rate = self.schedule.checked_at(steps)?;
        let (clip, parts) = self.rules.plan(gradients, variables, steps)?;
        for part in parts {
            let rate = rate * part.rate_factor;
            let decay = rate * part.weight_decay;
            let (momentum, nesterov) = self.memory.momentum();
            let step = Step::<false> { rate, decay, clip, momentum, nesterov };
            let variables = part.variables;
            match (&mut self.memory, step.is_bare()) {
                (Memory::Plain(slots), true) => step.bare().apply(slots, gradients, variables)?,
                (Memory::Plain(slots), false) => step.apply(slots, gradients, variables)?,
                (Memory::Momentum { velocities, .. }, true) => {
                    velocities.update(gradients, variables, &step.bare())?;
                }
                (Memory::Momentum { velocities, .. }, false) => {
                    velocities.update(gradients, variables, &step)?;
                }
            }
        }
        match &mut self.memory {
            Memory::Plain(slots) => slots.advance(),
            Memory::Momentum { velocities, .. } => velocities.advance(),
        }
        Ok(())
    }

    fn iterations(&self) -> u64 {
        match &self.memory {
            Memory::Plain(slots) => slots.iterations(),
            Memory::Momentum { velocities, .. } => velocities.iterations(),
        }
    }

    fn learning_rate(&self) -> f64 {
        self.schedule.at(self.iterations())
    }

    fn state(&self, variables: &[(String, Variable)]) -> Result<OptimizerState> {
        match &self.memory {
            Memory::Plain(slots) => slots.state(variables),
            Memory::Momentum { velocities, .. } => velocities.state(variables),
        }
    }

    fn set_state(
        &mut self,
        variables: &[(String, Variable)],
        state: &OptimizerState,
    ) -> Result<()> {
        match &mut self.memory {
            Memory::Plain(slots) => slots.set_state(variables, state),
            Memory::Momentum { velocities, .. } => velocities.set_state(variables, state),
        }
    }
}

/// The numbers of one step, the same for all variables of a group. It is bare, without bounds and decay, or not: even a
/// product with 1 for each entry would take a tenth of its time.
#[derive(Clone, Copy)]
struct Step<const BARE: bool> {
    rate: f64,
    decay: f64,
    clip: Clip,
    momentum: f64,
    nesterov: bool,
}

impl Step<false> {
    fn is_bare(&self) -> bool {
        self.clip.is_none() && self.decay == 0.0
    }

    fn bare(self) -> Step<true> {
        let Self { rate, decay, clip, momentum, nesterov } = self;
        Step { rate, decay, clip, momentum, nesterov }
    }
}

impl<const BARE: bool> Step<BARE> {
    /// What is taken off a number by its gradient and by its decay.
    fn parts<E: Element>(&self) -> impl Fn(E, E) -> (E, E) + Sync + Copy + use<E, BARE> {
        let [rate, decay] = [self.rate, self.decay].map(E::from_f64);
        let clip = self.clip.function();
        #[inline(always)]
        move |w, g| if BARE { (rate * g, E::zero()) } else { (rate * clip(g), decay * w) }
    }

    /// Of a table only the rows that were looked up change, unless all of it decays.
    fn apply(
        &self,
        slots: &mut Slots<0>,
        gradients: &Gradients,
        variables: Vec<&Variable>,
    ) -> Result<()> {
        let is_by_rows =
            |variable: &&Variable| self.decay == 0.0 && gradients.rows(variable).is_some();
        let (by_rows, whole): (Vec<&Variable>, Vec<&Variable>) =
            variables.into_iter().partition(is_by_rows);
        for variable in by_rows {
            match variable.dtype() {
                DType::F32 => {
                    gradients.update_rows(variable, [], UpdateRule::<0>::change::<f32>(self))?
                }
                DType::F64 => {
                    gradients.update_rows(variable, [], UpdateRule::<0>::change::<f64>(self))?
                }
            }
        }
        slots.update(gradients, whole, self)
    }
}

impl<const BARE: bool> UpdateRule<0> for Step<BARE> {
    fn change<E: Element>(&self) -> impl Fn(E, [E; 0], E) -> (E, [E; 0]) + Sync + Copy {
        let parts = self.parts();
        #[inline(always)]
        move |w, [], g| {
            let (step, decay) = parts(w, g);
            (w - if BARE { step } else { step + decay }, [])
        }
    }
}

impl<const BARE: bool> UpdateRule<1> for Step<BARE> {
    fn change<E: Element>(&self) -> impl Fn(E, [E; 1], E) -> (E, [E; 1]) + Sync + Copy {
        let (momentum, nesterov) = (E::from_f64(self.momentum), self.nesterov);
        let parts = self.parts();
        #[inline(always)]
        move |w, [u], g| {
            let (step, decay) = parts(w, g);
            let u = momentum * u - step;
            let change = if nesterov { momentum * u - step } else { u };
            (w + if BARE { change } else { change - decay }, [u])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tfn_tensor::Tensor;

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
