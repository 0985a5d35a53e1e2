//! IVON.

use tfn_tensor::{DType, Element, Gradients, Variable};

use super::contract::{Optimizer, check_connected};
use super::ivon_posterior::{IvonPosterior, Part};
use super::slots::Slots;
use super::state::OptimizerState;
use crate::check::Argument;
use crate::error::{Result, TrainError};
use crate::schedules::Schedule;

/// Improved variational online Newton: learns a normal distribution over the weights of plain layers, by one gradient a step.
///
/// The layers know nothing of it: they hold numbers, and no posteriors. Each step takes the gradient of the loss at weights `θ` that
/// are drawn from the distribution, `θ = m + σ ε`. With the mean negative log-likelihood `ℓ` of a batch, the number of examples λ, the
/// weight decay δ and the step t, counted from 1:
///
/// ```text
/// ĝ = ∇ℓ(θ)     ĥ = ĝ (θ − m) / σ²
/// g ← β₁ g + (1 − β₁) ĝ
/// h ← h + (1 − β₂)(ĥ − h) + ½ (1 − β₂)² (ĥ − h)² / (h + δ)
/// m ← m − lr (h₀ + δ) · (g / (1 − β₁ᵗ) + δ m) / (h + δ)
/// σ = 1 / √(λ (h + δ))
/// ```
///
/// `h` estimates the curvature of `ℓ`; that of the whole data is λ times as large. The distribution is an approximation of the posterior of
/// weights whose prior is normal with mean 0 and variance `1 / (λ δ)`; so no divergence belongs into the loss. The rate is
/// multiplied by `h₀ + δ`, as in the authors' code, so that the first steps are those of gradient descent and rates are those of
/// [`Sgd`](super::Sgd). `h + δ` stays positive whatever the gradients are.
///
/// # A step
/// [`IvonPosterior::draw`] puts weights into the variables, the loss and its gradients follow, and
/// [`apply_gradients`](Optimizer::apply_gradients) puts the changed means there. Gradients that were taken at the means say nothing of
/// the curvature and are refused. With [`Fit`](crate::Fit) the draw is the first thing in the step's closure:
///
/// ```
/// use tfn_tensor::{DType, Key, Tensor, Variable};
/// use tfn_train::{Fit, Ivon, data::Dataset};
///
/// let mut stream = Key::from_seed(1).stream();
/// let x = stream.normal(&[200, 1], DType::F64);
/// let y = &x * 2.0 + stream.normal(&[200, 1], DType::F64);
/// let data = Dataset::new(x, y)?;
/// let slope = Variable::new("slope", Tensor::zeros(&[1, 1], DType::F64))?;
///
/// let variables = [slope.clone()];
/// let mut ivon = Ivon::builder(0.1, data.len(), &variables).beta_2(0.99).build()?;
/// let posterior = ivon.posterior();
/// let fit = Fit::new(&data)?.batch_size(50)?.epochs(200);
/// fit.run(&variables, &mut ivon, |batch, step| {
///     posterior.draw(&step.key.child("weights"))?;
///     // Of noise of deviation 1: half the squared distance, but for a constant.
///     let error = batch.features().matmul(&slope.tensor()) - batch.targets();
///     let nll = error.square().squeeze(1) * 0.5;
///     Ok(step.loss(&nll, &Tensor::scalar(0.0))?.into())
/// }, ())?;
/// assert!((slope.value().to_f64_vec()?[0] - 2.0).abs() < 0.2);
/// // The posterior of a slope has the deviation 1/√Σx², about 1/√200.
/// let Some(stddev) = posterior.stddev(&slope) else { return Ok(()) };
/// assert!((stddev.to_f64_vec()?[0] * 200.0_f64.sqrt() - 1.0).abs() < 0.3);
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
///
/// # References
/// Shen, Daheim, Cong, Nickl, Marconi, Bazan, Yokota, Gurevych, Cremers, Khan, Möllenhoff, *Variational learning is effective for large
/// deep networks*, ICML 2024 (arXiv 2402.17641), algorithm 1.
#[derive(Debug)]
pub struct Ivon {
    schedule: Schedule,
    beta_1: f64,
    beta_2: f64,
    weight_decay: f64,
    hess_init: f64,
    clip_radius: f64,
    iterations: u64,
    posterior: IvonPosterior,
}

impl Ivon {
    /// With the other defaults of the authors' code: β₁ = 0.9, β₂ = 0.99999, δ = 1e-4, h₀ = 1.
    ///
    /// # Errors
    /// As [`IvonBuilder::build`].
    pub fn new(
        learning_rate: impl Into<Schedule>,
        num_examples: usize,
        variables: &[Variable],
    ) -> Result<Self> {
        Self::builder(learning_rate, num_examples, variables).build()
    }

    /// A builder that sets the other arguments. `num_examples` is the number of training examples, λ; `variables` are all that will be trained.
    pub fn builder(
        learning_rate: impl Into<Schedule>,
        num_examples: usize,
        variables: &[Variable],
    ) -> IvonBuilder {
        IvonBuilder {
            learning_rate: learning_rate.into(),
            num_examples,
            variables: variables.to_vec(),
            beta_1: 0.9,
            beta_2: 0.99999,
            weight_decay: 1e-4,
            hess_init: 1.0,
            clip_radius: f64::INFINITY,
        }
    }

    /// The distribution of the weights; it changes with each step.
    pub fn posterior(&self) -> IvonPosterior {
        self.posterior.clone()
    }

    /// Changes one variable from its draw to its new mean, and what is known of it, in one pass.
    fn change<E: Element>(&self, part: &Part, gradients: &Gradients, rate: f64) -> Result<()> {
        let change = self.rule::<E>(rate);
        let (mut second, mut third, mut step) = (Ok(()), Ok(()), Ok(()));
        part.mean.update::<E>(|mean| {
            second = part.precision.update::<E>(|precision| {
                third = part.momentum.update::<E>(|momentum| {
                    step = gradients.update(&part.variable, [mean, precision, momentum], change);
                });
            });
        })?;
        Ok(second.and(third).and(step)?)
    }

    /// The step of one weight: its draw, `[mean, precision, running mean]` and gradient become its mean and the same anew.
    fn rule<E: Element>(&self, rate: f64) -> impl Fn(E, [E; 3], E) -> (E, [E; 3]) + Sync + Copy {
        let unbias = 1.0 / (1.0 - self.beta_1.powf((self.iterations + 1) as f64));
        let rate = rate * (self.hess_init + self.weight_decay);
        let [beta_1, rest_1, rest_2] =
            [self.beta_1, 1.0 - self.beta_1, 1.0 - self.beta_2].map(E::from_f64);
        let [unbias, rate, decay] = [unbias, rate, self.weight_decay].map(E::from_f64);
        let [examples, radius] = [self.posterior.num_examples(), self.clip_radius].map(E::from_f64);
        let (half, one, most) = (E::from_f64(0.5), E::one(), E::max_value());
        #[inline(always)]
        move |theta, [mean, precision, momentum], gradient| {
            // (1 − β₂)(ĥ − h), in units of h + δ.
            let curvature = gradient * (theta - mean) * examples;
            let step = rest_2 * (curvature - (precision - decay) / precision);
            // 1 + x + x²/2 has no root: the precision stays positive.
            let precision = precision * (one + step + half * (step * step));
            // Nor is it infinite, after which it would never be another number: a gradient may be too large to square.
            let precision = if precision < most { precision } else { most };
            let momentum = beta_1 * momentum + rest_1 * gradient;
            let direction = (unbias * momentum + decay * mean) / precision;
            // A NaN stays one.
            let direction = if direction > radius { radius } else { direction };
            let direction = if direction < -radius { -radius } else { direction };
            let mean = mean - rate * direction;
            (mean, [mean, precision, momentum])
        }
    }
}

/// The arguments of [`Ivon`].
#[derive(Clone, Debug)]
#[must_use]
pub struct IvonBuilder {
    learning_rate: Schedule,
    num_examples: usize,
    variables: Vec<Variable>,
    beta_1: f64,
    beta_2: f64,
    weight_decay: f64,
    hess_init: f64,
    clip_radius: f64,
}

impl IvonBuilder {
    /// Sets the decay of the running mean of gradients.
    pub fn beta_1(mut self, beta_1: f64) -> Self {
        self.beta_1 = beta_1;
        self
    }

    /// Sets the decay of the estimate of the curvature. It looks back on about `1 / (1 − β₂)` steps: runs of fewer need a smaller one.
    pub fn beta_2(mut self, beta_2: f64) -> Self {
        self.beta_2 = beta_2;
        self
    }

    /// Sets δ: the prior is normal with mean 0 and variance `1 / (λ δ)`.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }

    /// Sets the curvature before the first step, h₀. Too large a value only makes the first draws narrow; too small a one makes them
    /// wide, and gradients wild.
    pub fn hess_init(mut self, hess_init: f64) -> Self {
        self.hess_init = hess_init;
        self
    }

    /// Cuts off each entry of `(g / (1 − β₁ᵗ) + δ m) / (h + δ)` at `radius` and `-radius`. Default: no bound.
    pub fn clip_radius(mut self, radius: f64) -> Self {
        self.clip_radius = radius;
        self
    }

    /// Checks the arguments.
    ///
    /// # Errors
    /// [`TrainError::Value`] for a rate without meaning, a beta outside 0 to 1 (1 excluded), and a number of examples, decay, curvature or
    /// radius that is not positive.
    pub fn build(self) -> Result<Ivon> {
        let argument = |name, given| Argument::new("Ivon", name, given);
        let weight_decay = argument("weight_decay", self.weight_decay).positive()?;
        let hess_init = argument("hess_init", self.hess_init).positive()?;
        let num_examples = argument("num_examples", self.num_examples as f64).positive()?;
        let clip_radius = argument("clip_radius", self.clip_radius)
            .require(self.clip_radius > 0.0, "a positive number")?;
        let precision = hess_init + weight_decay;
        let posterior = IvonPosterior::new(&self.variables, num_examples, precision)?;
        Ok(Ivon {
            schedule: self.learning_rate.check()?,
            beta_1: argument("beta_1", self.beta_1).decay()?,
            beta_2: argument("beta_2", self.beta_2).decay()?,
            weight_decay,
            hess_init,
            clip_radius,
            iterations: 0,
            posterior,
        })
    }
}

impl Optimizer for Ivon {
    /// The step of [`Ivon`], of gradients that were taken at a draw; the variables then hold means.
    ///
    /// # Errors
    /// [`TrainError::NotDrawn`] where no weights are drawn, [`TrainError::UnknownVariable`] for a variable that it was not made for; nothing changes then.
    /// Else as [`Optimizer::apply_gradients`].
    fn apply_gradients(&mut self, gradients: &Gradients, variables: &[Variable]) -> Result<()> {
        check_connected(gradients, variables)?;
        let rate = self.schedule.checked_at(self.iterations)?;
        if !self.posterior.is_drawn() {
            return Err(TrainError::NotDrawn { op: "Ivon" });
        }
        let mut places = Vec::new();
        for variable in variables.iter().filter(|variable| gradients.get(variable).is_some()) {
            let place = self.place(variable)?;
            if !places.contains(&place) {
                places.push(place);
            }
        }
        for &place in &places {
            let part = &self.posterior.parts()[place];
            match part.variable.dtype() {
                DType::F32 => self.change::<f32>(part, gradients, rate)?,
                DType::F64 => self.change::<f64>(part, gradients, rate)?,
            }
        }
        self.posterior.restore_all_but(&places)?;
        self.iterations += 1;
        Ok(())
    }

    fn iterations(&self) -> u64 {
        self.iterations
    }

    fn learning_rate(&self) -> f64 {
        self.schedule.at(self.iterations)
    }

    /// The running mean of the gradient, `g`, and `h + δ` under the name `precision`. The means are the variables' own values: it is a state
    /// between steps, not between a draw and the step.
    fn state(&self, variables: &[(String, Variable)]) -> Result<OptimizerState> {
        let mut state = OptimizerState::new(self.iterations)?;
        for (path, variable) in variables {
            let place = self.place(variable)?;
            let part = &self.posterior.parts()[place];
            state.insert("g", path, part.momentum.value())?;
            state.insert("precision", path, part.precision.value())?;
        }
        Ok(state)
    }

    fn set_state(
        &mut self,
        variables: &[(String, Variable)],
        state: &OptimizerState,
    ) -> Result<()> {
        // What fits two numbers for each weight fits here.
        Slots::new(["g", "precision"]).set_state(variables, state)?;
        let places = variables
            .iter()
            .map(|(_, variable)| self.place(variable))
            .collect::<Result<Vec<_>>>()?;
        let iterations = state.iterations()?;
        self.posterior.restore()?;
        for (place, (path, _)) in places.into_iter().zip(variables) {
            if let (Some(g), Some(precision)) = (state.get("g", path), state.get("precision", path))
            {
                let part = &self.posterior.parts()[place];
                part.precision.assign(&precision)?;
                part.momentum.assign(&g)?;
            }
        }
        self.iterations = iterations;
        Ok(())
    }
}

impl Ivon {
    fn place(&self, variable: &Variable) -> Result<usize> {
        self.posterior.find(variable.id()).ok_or_else(|| TrainError::UnknownVariable {
            op: "Ivon",
            variable: variable.name().to_owned(),
            known: self.posterior.parts().len(),
        })
    }
}

#[cfg(test)]
mod tests;
