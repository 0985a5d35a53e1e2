//! Values that change while training: the learning rate by the step, the weight of the KL term by
//! the epoch.

use std::f64::consts::PI;
use std::fmt;
use std::sync::Arc;

use crate::check::Argument;
use crate::error::Result;

/// A learning rate as a function of the step, counted from 0.
///
/// Counterpart: `tf_keras.optimizers.schedules`. A plain number converts into a constant schedule.
///
/// # Examples
/// ```
/// use tfn_train::Schedule;
///
/// let schedule = Schedule::cosine_decay(2e-3, 1000).with_warmup(0.0, 100);
/// assert_eq!(schedule.at(0), 0.0);
/// assert_eq!(schedule.at(100), 2e-3);
/// assert!((schedule.at(600) - 1e-3).abs() < 1e-15);
/// assert_eq!(schedule.at(5000), 0.0);
/// ```
#[derive(Clone)]
pub struct Schedule(Kind);

#[derive(Clone)]
enum Kind {
    Constant(f64),
    Cosine { initial: f64, decay_steps: u64, alpha: f64 },
    Exponential { initial: f64, decay_steps: u64, decay_rate: f64, staircase: bool },
    Warmup { from: f64, steps: u64, then: Arc<Schedule> },
    Custom(Arc<dyn Fn(u64) -> f64 + Send + Sync>),
}

impl Schedule {
    /// The same rate at every step.
    pub fn constant(learning_rate: f64) -> Self {
        Self(Kind::Constant(learning_rate))
    }

    /// Half a cosine wave from `initial_learning_rate` to 0 within `decay_steps`, then 0.
    ///
    /// Counterpart: `CosineDecay`. With t = min(step, decay_steps) / decay_steps and α from
    /// [`Self::with_alpha`]:
    ///
    /// ```text
    /// initial · ((1 − α) (1 + cos π t) / 2 + α)
    /// ```
    ///
    /// # References
    /// Loshchilov and Hutter, *SGDR: Stochastic gradient descent with warm restarts*, ICLR 2017,
    /// equation 5.
    pub fn cosine_decay(initial_learning_rate: f64, decay_steps: u64) -> Self {
        Self(Kind::Cosine { initial: initial_learning_rate, decay_steps, alpha: 0.0 })
    }

    /// Sets the share of the initial rate that a cosine decay ends at; no effect on other
    /// schedules.
    pub fn with_alpha(mut self, share: f64) -> Self {
        if let Kind::Cosine { alpha, .. } = &mut self.0 {
            *alpha = share;
        }
        self
    }

    /// `initial_learning_rate · decay_rate^(step / decay_steps)`, the exponent rounded down if
    /// `staircase`.
    ///
    /// Counterpart: `ExponentialDecay`.
    pub fn exponential_decay(
        initial_learning_rate: f64,
        decay_steps: u64,
        decay_rate: f64,
        staircase: bool,
    ) -> Self {
        Self(Kind::Exponential {
            initial: initial_learning_rate,
            decay_steps,
            decay_rate,
            staircase,
        })
    }

    /// Puts a straight rise in front: from `from` to this schedule's first rate within `steps`,
    /// then this schedule from its step 0 on.
    ///
    /// Counterpart: `warmup_target` and `warmup_steps` of `CosineDecay`.
    pub fn with_warmup(self, from: f64, steps: u64) -> Self {
        Self(Kind::Warmup { from, steps, then: Arc::new(self) })
    }

    /// Any function of the step.
    pub fn custom(rate: impl Fn(u64) -> f64 + Send + Sync + 'static) -> Self {
        Self(Kind::Custom(Arc::new(rate)))
    }

    /// The rate at a step.
    pub fn at(&self, step: u64) -> f64 {
        match &self.0 {
            Kind::Constant(rate) => *rate,
            Kind::Cosine { initial, decay_steps, alpha } => {
                let t = step.min(*decay_steps) as f64 / *decay_steps as f64;
                initial * ((1.0 - alpha) * 0.5 * (1.0 + (PI * t).cos()) + alpha)
            }
            Kind::Exponential { initial, decay_steps, decay_rate, staircase } => {
                let t = step as f64 / *decay_steps as f64;
                initial * decay_rate.powf(if *staircase { t.floor() } else { t })
            }
            Kind::Warmup { from, steps, then } if step < *steps => {
                from + (then.at(0) - from) * (step as f64 / *steps as f64)
            }
            Kind::Warmup { steps, then, .. } => then.at(step - steps),
            Kind::Custom(rate) => rate(step),
        }
    }

    /// The schedule itself, if its numbers make sense.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) for a rate that is negative, NaN or
    /// infinite, for zero `decay_steps`, and for an `alpha` outside 0 to 1. What a custom function
    /// returns is checked when an optimizer asks for it.
    pub fn check(self) -> Result<Self> {
        match &self.0 {
            Kind::Constant(rate) => {
                Argument::new("Schedule", "learning_rate", *rate).not_negative()?;
            }
            Kind::Cosine { initial, decay_steps, alpha } => {
                Argument::new("Schedule", "initial_learning_rate", *initial).not_negative()?;
                Argument::new("Schedule", "decay_steps", *decay_steps as f64).positive()?;
                Argument::new("Schedule", "alpha", *alpha).fraction()?;
            }
            Kind::Exponential { initial, decay_steps, decay_rate, .. } => {
                Argument::new("Schedule", "initial_learning_rate", *initial).not_negative()?;
                Argument::new("Schedule", "decay_steps", *decay_steps as f64).positive()?;
                Argument::new("Schedule", "decay_rate", *decay_rate).positive()?;
            }
            Kind::Warmup { from, then, .. } => {
                Argument::new("Schedule", "from", *from).not_negative()?;
                then.as_ref().clone().check()?;
            }
            Kind::Custom(_) => {}
        }
        Ok(self)
    }

    /// The rate at a step, refused if it is negative, NaN or infinite.
    pub(crate) fn checked_at(&self, step: u64) -> Result<f64> {
        Argument::new("Schedule", "learning_rate", self.at(step)).not_negative()
    }
}

impl From<f64> for Schedule {
    fn from(learning_rate: f64) -> Self {
        Self::constant(learning_rate)
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Constant(rate) => write!(f, "Constant({rate})"),
            Kind::Cosine { initial, decay_steps, alpha } => {
                write!(f, "CosineDecay({initial}, {decay_steps} steps, alpha {alpha})")
            }
            Kind::Exponential { initial, decay_steps, decay_rate, staircase } => write!(
                f,
                "ExponentialDecay({initial}, {decay_rate} in {decay_steps}, staircase {staircase})"
            ),
            Kind::Warmup { from, steps, then } => {
                write!(f, "Warmup({from}, {steps} steps, {then:?})")
            }
            Kind::Custom(_) => write!(f, "Custom"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosine_ends_at_alpha() {
        let schedule = Schedule::cosine_decay(0.5, 10).with_alpha(0.1);
        assert_eq!(schedule.at(0), 0.5);
        assert!((schedule.at(5) - 0.5 * 0.55).abs() < 1e-15);
        assert!((schedule.at(10) - 0.05).abs() < 1e-15);
        assert_eq!(schedule.at(10), schedule.at(11));
        // (1 + cos(π / 5)) / 2, cos(π / 5) = (1 + √5) / 4
        let golden = (1.0 + 5.0_f64.sqrt()) / 4.0;
        assert!((schedule.at(2) - 0.5 * (0.9 * (1.0 + golden) / 2.0 + 0.1)).abs() < 1e-15);
    }

    #[test]
    fn exponential_with_and_without_stairs() {
        let smooth = Schedule::exponential_decay(0.1, 4, 0.25, false);
        assert!((smooth.at(2) - 0.05).abs() < 1e-16);
        assert!((smooth.at(8) - 0.1 / 16.0).abs() < 1e-16);
        let stairs = Schedule::exponential_decay(0.1, 4, 0.25, true);
        assert_eq!(stairs.at(3), 0.1);
        assert_eq!(stairs.at(7), 0.025);
    }

    #[test]
    fn warmup_rises_and_hands_over() {
        let schedule = Schedule::exponential_decay(1.0, 1, 0.5, false).with_warmup(0.2, 4);
        let rates: Vec<f64> = (0..7).map(|step| schedule.at(step)).collect();
        let expected = [0.2, 0.4, 0.6, 0.8, 1.0, 0.5, 0.25];
        assert!(rates.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15), "{rates:?}");
        assert_eq!(Schedule::constant(3.0).with_warmup(0.0, 0).at(0), 3.0);
    }

    #[test]
    fn custom_is_asked_each_time() {
        let schedule = Schedule::custom(|step| if step < 2 { 1.0 } else { -1.0 });
        assert_eq!(schedule.checked_at(1).unwrap(), 1.0);
        let error = schedule.checked_at(2).unwrap_err().to_string();
        assert!(
            error.contains("`learning_rate` is -1, expected a finite number of at least 0"),
            "{error}"
        );
    }

    #[test]
    fn numbers_without_meaning_are_refused() {
        for (schedule, argument) in [
            (Schedule::constant(-1.0), "`learning_rate` is -1"),
            (Schedule::constant(f64::NAN), "`learning_rate` is NaN"),
            (Schedule::cosine_decay(f64::INFINITY, 1), "`initial_learning_rate` is inf"),
            (Schedule::cosine_decay(1.0, 0), "`decay_steps` is 0"),
            (Schedule::cosine_decay(1.0, 5).with_alpha(1.5), "`alpha` is 1.5"),
            (Schedule::exponential_decay(1.0, 5, 0.0, false), "`decay_rate` is 0"),
            (Schedule::constant(1.0).with_warmup(-2.0, 5), "`from` is -2"),
            (Schedule::constant(-3.0).with_warmup(0.0, 5), "`learning_rate` is -3"),
        ] {
            let error = schedule.check().unwrap_err().to_string();
            assert!(error.contains(argument) && error.contains("expected"), "{error}");
        }
    }
}
