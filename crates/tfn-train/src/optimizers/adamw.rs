//! Adam with decoupled weight decay.

use tfn_tensor::{Gradients, Variable};

use super::adam::{Adam, AdamBuilder};
use super::contract::Optimizer;
use super::groups::ParamGroup;
use super::rules::rule_setters;
use super::state::OptimizerState;
use crate::error::Result;
use crate::schedules::Schedule;

/// Adam with decoupled weight decay.
///
/// Counterpart: `tf_keras.optimizers.AdamW`, defaults included. With λ, the decay, and all else as for [`Adam`]:
///
/// ```text
/// w ← w − lr λ w − lr · √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε)
/// ```
///
/// The decay is no part of the gradient, so that neither m nor v know of it. In the paper λ is not multiplied by the
/// rate's initial value, only by its schedule η; here, as in Keras and PyTorch, it is multiplied by the rate as a whole.
///
/// In a variational layer the prior already draws weights to it; decay is for layers that have none.
///
/// # Examples
/// ```
/// use tfn_tensor::{Tensor, Variable};
/// use tfn_train::{AdamW, Optimizer};
///
/// let w = Variable::new("w", Tensor::scalar(5.0))?;
/// let mut adam = AdamW::builder(0.1).weight_decay(0.5).build()?;
/// adam.minimize(&w.tensor().square(), &[w.clone()])?;
/// assert!((w.value().item()? - (5.0 - 0.1 * 0.5 * 5.0 - 0.1)).abs() < 1e-6);
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
///
/// # References
/// Loshchilov and Hutter, *Decoupled weight decay regularization*, ICLR 2019, algorithm 2.
#[derive(Debug)]
pub struct AdamW(Adam);

impl AdamW {
    /// With Keras's other defaults: λ = 0.004, and those of [`Adam`].
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) for a learning rate without meaning.
    pub fn new(learning_rate: impl Into<Schedule>) -> Result<Self> {
        Self::builder(learning_rate).build()
    }

    /// A builder that sets the other arguments.
    pub fn builder(learning_rate: impl Into<Schedule>) -> AdamWBuilder {
        AdamWBuilder { adam: AdamBuilder::new("AdamW", learning_rate.into()).weight_decay(0.004) }
    }
}

/// The arguments of [`AdamW`].
#[derive(Clone, Debug)]
#[must_use]
pub struct AdamWBuilder {
    adam: AdamBuilder,
}

impl AdamWBuilder {
    /// Sets the decay of the first moment.
    pub fn beta_1(mut self, beta_1: f64) -> Self {
        self.adam = self.adam.beta_1(beta_1);
        self
    }

    /// Sets the decay of the second moment.
    pub fn beta_2(mut self, beta_2: f64) -> Self {
        self.adam = self.adam.beta_2(beta_2);
        self
    }

    /// Sets what is added to the root of the second moment.
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.adam = self.adam.epsilon(epsilon);
        self
    }

    rule_setters!(adam.rules);

    /// Checks the arguments.
    ///
    /// # Errors
    /// As [`AdamBuilder::build`].
    pub fn build(self) -> Result<AdamW> {
        Ok(AdamW(self.adam.build()?))
    }
}

impl Optimizer for AdamW {
    fn apply_gradients(&mut self, gradients: &Gradients, variables: &[Variable]) -> Result<()> {
        self.0.apply_gradients(gradients, variables)
    }

    fn iterations(&self) -> u64 {
        self.0.iterations()
    }

    fn learning_rate(&self) -> f64 {
        self.0.learning_rate()
    }

    fn state(&self, variables: &[(String, Variable)]) -> Result<OptimizerState> {
        self.0.state(variables)
    }

    fn set_state(
        &mut self,
        variables: &[(String, Variable)],
        state: &OptimizerState,
    ) -> Result<()> {
        self.0.set_state(variables, state)
    }
}

#[cfg(test)]
mod tests {
    use tfn_tensor::{DType, Tensor};

    use super::*;

    #[test]
    fn three_steps_by_the_paper() {
        // Algorithm 2 as written, with the corrected moments, and ε there ε / √(1 − β₂ᵗ) here.
        for dtype in [DType::F32, DType::F64] {
            let w = Variable::new("w", Tensor::scalar_of(2.0, dtype)).unwrap();
            let builder = AdamW::builder(Schedule::exponential_decay(0.125, 1, 0.5, false));
            let mut adam =
                builder.beta_1(0.5).beta_2(0.75).epsilon(0.25).weight_decay(0.5).build().unwrap();
            let (mut x, mut m, mut v) = (2.0_f64, 0.0_f64, 0.0_f64);
            for (t, g) in [3.0, -1.0, 0.5].into_iter().enumerate() {
                adam.minimize(&(w.tensor() * g), std::slice::from_ref(&w)).unwrap();
                let (t, rate) = (t as i32 + 1, 0.125 * 0.5_f64.powi(t as i32));
                m = 0.5 * m + 0.5 * g;
                v = 0.75 * v + 0.25 * g * g;
                let root = (1.0 - 0.75_f64.powi(t)).sqrt();
                let step = m / (1.0 - 0.5_f64.powi(t)) / (v.sqrt() / root + 0.25 / root);
                x -= rate * (step + 0.5 * x);
                let got = w.value().item().unwrap();
                let eps = if dtype == DType::F32 { 1e-6 } else { 1e-14 };
                assert!((got - x).abs() < eps, "{got} {x}");
            }
        }
    }

    #[test]
    fn without_decay_it_is_adam() {
        let run = |optimizer: &mut dyn Optimizer| {
            let w = Variable::new("w", Tensor::from_vec(vec![1.0_f32, -3.0, 0.5], &[3])).unwrap();
            for _ in 0..5 {
                let loss = w.tensor().square().sum();
                optimizer.minimize(&loss, std::slice::from_ref(&w)).unwrap();
            }
            w.value().to_vec::<f32>().unwrap()
        };
        let plain = run(&mut Adam::new(0.1).unwrap());
        assert_eq!(run(&mut AdamW::builder(0.1).weight_decay(0.0).build().unwrap()), plain);
        // λ = 0.004 by default: 5 · 0.1 · 0.004 of the weight in five steps.
        let decayed = run(&mut AdamW::new(0.1).unwrap());
        assert!((plain[1] - decayed[1] + 3.0 * 0.002).abs() < 5e-4, "{plain:?} {decayed:?}");
    }

    #[test]
    fn arguments_without_meaning_are_refused() {
        let error = AdamW::builder(0.1).weight_decay(-1.0).build().unwrap_err().to_string();
        assert!(error.contains("AdamW: argument `weight_decay` is -1"), "{error}");
        let error = AdamW::builder(0.1).beta_1(2.0).build().unwrap_err().to_string();
        assert!(error.contains("AdamW: argument `beta_1` is 2"), "{error}");
    }
}
