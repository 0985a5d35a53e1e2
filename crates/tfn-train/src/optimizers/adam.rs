//! Adam.

use tfn_tensor::{Element, Gradients, Variable};

use super::clip::Clip;
use super::contract::{Optimizer, check_connected};
use super::groups::ParamGroup;
use super::rules::{Rules, rule_setters};
use super::slots::{Slots, UpdateRule};
use super::state::OptimizerState;
use crate::check::Argument;
use crate::error::Result;
use crate::schedules::Schedule;

/// Adam, with the bias correction and the epsilon of Keras.
///
/// Counterpart: `tf_keras.optimizers.Adam`, defaults included. With the gradient g and the step t,
/// counted from 1:
///
/// ```text
/// m ← β₁ m + (1 − β₁) g
/// v ← β₂ v + (1 − β₂) g²
/// w ← w − lr · √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε)
/// ```
///
/// The paper's algorithm 1 adds ε to the corrected root; here, as in Keras and in the last lines of
/// the paper's section 2, it is added to the root of v itself ("epsilon hat"). State is kept by the
/// identity of the variable, so the list of variables may change between steps.
///
/// A gradient whose square is too large for its type counts as the largest that is not, 9.2e18 in `f32` and 6.7e153
/// in `f64`: else v would be infinite, and the variable would never move again.
///
/// # Examples
/// ```
/// use tfn_tensor::{Tensor, Variable};
/// use tfn_train::{Adam, Optimizer};
///
/// let w = Variable::new("w", Tensor::scalar(5.0))?;
/// let mut adam = Adam::new(0.1)?;
/// for _ in 0..400 {
///     let loss = (w.tensor() - 2.0).square();
///     adam.minimize(&loss, &[w.clone()])?;
/// }
/// assert!((w.value().item()? - 2.0).abs() < 1e-3);
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
///
/// # References
/// Kingma and Ba, *Adam: a method for stochastic optimization*, ICLR 2015, algorithm 1 and section
/// 2.
#[derive(Debug)]
pub struct Adam {
    schedule: Schedule,
    beta_1: f64,
    beta_2: f64,
    epsilon: f64,
    rules: Rules,
    /// Running means of a variable's gradient and of its square.
    moments: Slots<2>,
}

impl Adam {
    /// With Keras's other defaults: β₁ = 0.9, β₂ = 0.999, ε = 1e-7.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) for a learning rate without meaning.
    pub fn new(learning_rate: impl Into<Schedule>) -> Result<Self> {
        Self::builder(learning_rate).build()
    }

    /// A builder that sets the other arguments.
    pub fn builder(learning_rate: impl Into<Schedule>) -> AdamBuilder {
        AdamBuilder::new("Adam", learning_rate.into())
    }
}

/// The arguments of [`Adam`].
#[derive(Clone, Debug)]
#[must_use]
pub struct AdamBuilder {
    op: &'static str,
    learning_rate: Schedule,
    beta_1: f64,
    beta_2: f64,
    epsilon: f64,
    pub(super) rules: Rules,
}

impl AdamBuilder {
    /// For the optimizer that errors call `op`.
    pub(super) fn new(op: &'static str, learning_rate: Schedule) -> Self {
        let rules = Rules::default();
        Self { op, learning_rate, beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7, rules }
    }

    /// Sets the decay of the first moment.
    pub fn beta_1(mut self, beta_1: f64) -> Self {
        self.beta_1 = beta_1;
        self
    }

    /// Sets the decay of the second moment.
    pub fn beta_2(mut self, beta_2: f64) -> Self {
        self.beta_2 = beta_2;
        self
    }

    /// Sets what is added to the root of the second moment.
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    rule_setters!(rules);

    /// Checks the arguments.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) for a rate without meaning, a beta outside
    /// 0 to 1 (1 excluded), an epsilon or a bound of gradients that is not positive, both bounds at once, or a
    /// negative decay or factor of a rate.
    pub fn build(self) -> Result<Adam> {
        Ok(Adam {
            schedule: self.learning_rate.check()?,
            beta_1: Argument::new(self.op, "beta_1", self.beta_1).decay()?,
            beta_2: Argument::new(self.op, "beta_2", self.beta_2).decay()?,
            epsilon: Argument::new(self.op, "epsilon", self.epsilon).positive()?,
            rules: self.rules.check(self.op)?,
            moments: Slots::new(["m", "v"]),
        })
    }
}

impl Optimizer for Adam {
    fn apply_gradients(&mut self, gradients: &Gradients, variables: &[Variable]) -> Result<()> {
        check_connected(gradients, variables)?;
        let steps = self.iterations();
        let rate = self.schedule.checked_at(steps)?;
        let t = (steps + 1) as f64;
        let correction = (1.0 - self.beta_2.powf(t)).sqrt() / (1.0 - self.beta_1.powf(t));
        let (clip, parts) = self.rules.plan(gradients, variables, steps)?;
        for part in parts {
            let rate = rate * part.rate_factor;
            let step = Step {
                alpha: rate * correction,
                decay: rate * part.weight_decay,
                beta_1: self.beta_1,
                beta_2: self.beta_2,
                epsilon: self.epsilon,
                clip,
            };
            if clip.is_none() && step.decay == 0.0 {
                self.moments.update(gradients, part.variables, &Bare(step))?;
            } else {
                self.moments.update(gradients, part.variables, &step)?;
            }
        }
        self.moments.advance();
        Ok(())
    }

    fn iterations(&self) -> u64 {
        self.moments.iterations()
    }

    fn learning_rate(&self) -> f64 {
        self.schedule.at(self.iterations())
    }

    fn state(&self, variables: &[(String, Variable)]) -> Result<OptimizerState> {
        self.moments.state(variables)
    }

    fn set_state(
        &mut self,
        variables: &[(String, Variable)],
        state: &OptimizerState,
    ) -> Result<()> {
        self.moments.set_state(variables, state)
    }
}

/// The numbers of one step, the same for all variables of a group.
struct Step {
    alpha: f64,
    decay: f64,
    beta_1: f64,
    beta_2: f64,
    epsilon: f64,
    clip: Clip,
}

impl UpdateRule<2> for Step {
    fn change<E: Element>(&self) -> impl Fn(E, [E; 2], E) -> (E, [E; 2]) + Sync + Copy {
        let (bare, clip, decay) = (self.bare(), self.clip.function(), E::from_f64(self.decay));
        #[inline(always)]
        move |w, moments, g| {
            let (step, moments) = bare(moments, clip(g));
            (w - (step + decay * w), moments)
        }
    }
}

/// A step without bounds and decay: even a product with 1 for each entry would take a tenth of its time.
struct Bare(Step);

impl UpdateRule<2> for Bare {
    /// Reads and writes each number once.
    fn change<E: Element>(&self) -> impl Fn(E, [E; 2], E) -> (E, [E; 2]) + Sync + Copy {
        let bare = self.0.bare();
        #[inline(always)]
        move |w, moments, g| {
            let (step, moments) = bare(moments, g);
            (w - step, moments)
        }
    }
}

impl Step {
    /// What is taken off a number by its gradient, and the new moments.
    fn bare<E: Element>(&self) -> impl Fn([E; 2], E) -> (E, [E; 2]) + Sync + Copy + use<E> {
        let [alpha, epsilon] = [self.alpha, self.epsilon].map(E::from_f64);
        let [beta_1, beta_2] = [self.beta_1, self.beta_2].map(E::from_f64);
        // From the f64 values: 1 - 0.999 in f32 is off by 5e-5.
        let [rest_1, rest_2] = [1.0 - self.beta_1, 1.0 - self.beta_2].map(E::from_f64);
        let most = largest::<E>();
        #[inline(always)]
        move |[m, v], g| {
            let g = if g > most { most } else { g };
            let g = if g < -most { -most } else { g };
            let m = beta_1 * m + rest_1 * g;
            let v = beta_2 * v + rest_2 * (g * g);
            (alpha * m / (v.sqrt() + epsilon), [m, v])
        }
    }
}

/// The largest number whose square is one too, with some room for the rounding of means of such squares.
fn largest<E: Element>() -> E {
    E::max_value().sqrt() * E::from_f64(0.5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TrainError;
    use tfn_tensor::{DType, Tensor};

    /// Gradients of Σ c·w with respect to w are c: any gradient at will.
    fn gradients_of(w: &Variable, c: &[f64]) -> Gradients {
        let c = Tensor::from_f64(c, w.shape(), w.dtype());
        (w.tensor() * c).sum().gradients().unwrap()
    }

    #[test]
    fn three_steps_by_hand() {
        let w = Variable::new("w", Tensor::from_vec(vec![1.0, -2.0], &[2])).unwrap();
        let mut adam = Adam::builder(0.1).beta_1(0.5).beta_2(0.75).epsilon(0.25).build().unwrap();
        let mut expected = [1.0_f64, -2.0];
        let (mut m, mut v) = ([0.0_f64; 2], [0.0_f64; 2]);
        for (t, g) in [[2.0, -1.0], [0.0, 3.0], [-4.0, 0.5]].into_iter().enumerate() {
            adam.apply_gradients(&gradients_of(&w, &g), std::slice::from_ref(&w)).unwrap();
            let t = t as i32 + 1;
            for i in 0..2 {
                m[i] = 0.5 * m[i] + 0.5 * g[i];
                v[i] = 0.75 * v[i] + 0.25 * g[i] * g[i];
                // Written with the corrected moments: ε there is ε / √(1 − β₂ᵗ).
                let root = (1.0 - 0.75_f64.powi(t)).sqrt();
                let corrected = (m[i] / (1.0 - 0.5_f64.powi(t)), v[i].sqrt() / root);
                expected[i] -= 0.1 * corrected.0 / (corrected.1 + 0.25 / root);
            }
        }
        let got = w.value().to_f64_vec().unwrap();
        assert!((0..2).all(|i| (got[i] - expected[i]).abs() < 1e-15), "{got:?} {expected:?}");
        assert_eq!(adam.iterations(), 3);
    }

    #[test]
    fn first_step_is_the_learning_rate_for_any_size_of_gradient() {
        for dtype in [DType::F32, DType::F64] {
            let w = Variable::new("w", Tensor::zeros(&[3], dtype)).unwrap();
            let mut adam = Adam::new(1e-3).unwrap();
            let gradients = gradients_of(&w, &[1e3, -1.0, 30.0]);
            adam.apply_gradients(&gradients, std::slice::from_ref(&w)).unwrap();
            let got = w.value().to_f64_vec().unwrap();
            // ε / √(1 − β₂) = 3.2e-6 is what is missing for |g| = 1.
            assert!(got.iter().zip([-1e-3, 1e-3, -1e-3]).all(|(a, b)| (a - b).abs() < 4e-9));
        }
    }

    #[test]
    fn a_variable_moves_again_after_a_gradient_too_large_to_square() {
        for (dtype, large) in
            [(DType::F32, 1e20), (DType::F32, 3e38), (DType::F64, 1e160), (DType::F64, 1e308)]
        {
            let w = Variable::new("w", Tensor::zeros(&[2], dtype)).unwrap();
            // A memory that fades soon: of two numbers one has seen the large gradient, one has not.
            let mut adam = Adam::builder(0.1).beta_1(0.5).beta_2(0.5).build().unwrap();
            let mut before = vec![0.0; 2];
            for step in 0..2500 {
                let first = if step == 0 { large } else { 1.0 };
                let gradients = gradients_of(&w, &[first, 1.0]);
                adam.apply_gradients(&gradients, std::slice::from_ref(&w)).unwrap();
                let now = w.value().to_f64_vec().unwrap();
                let moved = before[0] - now[0];
                // No step is longer than the rate, and the first is as long.
                assert!((0.0..=0.1001).contains(&moved), "{large} {step}: {moved}");
                if step == 0 {
                    assert!((moved - 0.1).abs() < 1e-6, "{moved}");
                }
                before = now;
            }
            // Both moments are those of gradients of 1 by now; ε makes a step shorter by 1e-8.
            let last = before.clone();
            adam.apply_gradients(&gradients_of(&w, &[1.0, 1.0]), std::slice::from_ref(&w)).unwrap();
            let now = w.value().to_f64_vec().unwrap();
            let room = if dtype == DType::F32 { 3e-5 } else { 2e-8 };
            for (now, last) in now.iter().zip(last) {
                assert!((last - now - 0.1).abs() < room, "{large}: {now} {last}");
            }
        }
    }

    #[test]
    fn a_gradient_that_is_not_finite_is_refused_with_nothing_changed() {
        for given in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let w = Variable::new("w", Tensor::full(&[2], 3.0, DType::F64)).unwrap();
            let mut adam = Adam::new(0.1).unwrap();
            let gradients = gradients_of(&w, &[1.0, given]);
            let error = adam.apply_gradients(&gradients, std::slice::from_ref(&w)).unwrap_err();
            assert!(error.to_string().contains("variable `w`"), "{error}");
            assert_eq!(w.value().to_f64_vec().unwrap(), [3.0, 3.0]);
            assert_eq!(adam.iterations(), 0);
        }
    }

    #[test]
    fn unconnected_variables_keep_value_and_state() {
        let [w, u] = ["w", "u"].map(|name| Variable::new(name, Tensor::scalar(1.0)).unwrap());
        let both = [w.clone(), u.clone()];
        let mut adam = Adam::new(0.1).unwrap();
        adam.minimize(&w.tensor().square(), &both).unwrap();
        assert_eq!(u.value().item().unwrap(), 1.0);
        let named = [("w".to_owned(), w.clone()), ("u".to_owned(), u.clone())];
        let state = adam.state(&named).unwrap();
        assert!(state.get("m", "w").unwrap().item().unwrap() != 0.0);
        assert_eq!(state.get("v", "u").unwrap().item().unwrap(), 0.0);
        let error = adam.minimize(&u.tensor().square(), std::slice::from_ref(&w)).unwrap_err();
        assert!(matches!(error, TrainError::NoGradients { variables: 1 }), "{error}");
        assert_eq!(adam.iterations(), 1);
    }

    #[test]
    fn follows_its_schedule() {
        let w = Variable::new("w", Tensor::scalar(0.0)).unwrap();
        let mut adam = Adam::new(Schedule::custom(|step| [0.5, 0.0, -1.0][step as usize])).unwrap();
        let mut values = Vec::new();
        for _ in 0..2 {
            adam.apply_gradients(&gradients_of(&w, &[7.0]), std::slice::from_ref(&w)).unwrap();
            values.push(w.value().item().unwrap());
        }
        assert!((values[0] + 0.5).abs() < 1e-6);
        assert_eq!(values[0], values[1]);
        assert_eq!(adam.learning_rate(), -1.0);
        assert!(adam.apply_gradients(&gradients_of(&w, &[7.0]), std::slice::from_ref(&w)).is_err());
    }

    #[test]
    fn arguments_without_meaning_are_refused() {
        for (builder, message) in [
            (Adam::builder(-1.0), "`learning_rate` is -1"),
            (Adam::builder(1.0).beta_1(1.0), "`beta_1` is 1, expected a number from 0 to below 1"),
            (Adam::builder(1.0).beta_2(-0.1), "`beta_2` is -0.1"),
            (Adam::builder(1.0).epsilon(0.0), "`epsilon` is 0, expected a positive finite number"),
        ] {
            let error = builder.build().unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
