//! The normal distribution of weights that IVON learns.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tfn_tensor::{DType, Key, Tensor, Variable, VariableId};

use crate::error::{Result, TrainError};

/// The distribution of the weights that an [`Ivon`](super::Ivon) trains: independent normals, `m` and `σ` for each weight.
///
/// Between draws the variables hold their means. [`draw`](Self::draw) puts weights drawn from the distribution in their place,
/// [`restore`](Self::restore) the means back. A clone is the same distribution, which changes as the optimizer does.
///
/// While weights are drawn, nothing else should set the variables, and the model should not be saved: what is restored are the
/// means of before.
///
/// # Examples
/// Prediction by the mean over draws:
/// ```
/// use tfn_layers::{Affine, Layer};
/// use tfn_module::Module;
/// use tfn_tensor::{DType, Key, Tensor};
/// use tfn_train::{Ivon, MonteCarlo};
///
/// let net = Affine::builder(2, 3).seed(1).build()?;
/// let posterior = Ivon::new(0.1, 100, &net.trainable_variables())?.posterior();
/// let x = Tensor::ones(&[5, 2], DType::F32);
/// let before = net.call(&x)?.to_vec::<f32>()?;
/// let prediction = MonteCarlo::new(50)?.classify_logits(&Key::from_seed(1), |key| {
///     posterior.draw(key)?;
///     Ok(net.call(&x)?)
/// })?;
/// posterior.restore()?;
/// assert_eq!(net.call(&x)?.to_vec::<f32>()?, before);
/// assert!(prediction.mutual_information[0] > 0.0);
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct IvonPosterior {
    parts: Vec<Part>,
    num_examples: f64,
    is_drawn: Arc<AtomicBool>,
}

/// What is known of one variable.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) variable: Variable,
    /// The mean, while the variable holds a draw.
    pub(super) mean: Variable,
    /// `h + δ`: the precision of the posterior, for each example.
    pub(super) precision: Variable,
    /// Running mean of the gradient.
    pub(super) momentum: Variable,
}

impl IvonPosterior {
    /// With the same precision for all weights; a variable that comes twice counts once.
    pub(super) fn new(variables: &[Variable], num_examples: f64, precision: f64) -> Result<Self> {
        let mut parts: Vec<Part> = Vec::new();
        for variable in variables {
            if parts.iter().any(|part| part.variable.id() == variable.id()) {
                continue;
            }
            let cell = |name: &str, value: f64| {
                let value = Tensor::full(variable.shape(), value, variable.dtype());
                Ok::<_, TrainError>(Variable::new(name, value)?.non_trainable())
            };
            let (mean, momentum) = (cell("mean", 0.0)?, cell("momentum", 0.0)?);
            let precision = cell("precision", precision)?;
            parts.push(Part { variable: variable.clone(), mean, precision, momentum });
        }
        Ok(Self { parts, num_examples, is_drawn: Arc::default() })
    }

    /// Puts weights drawn from the distribution into the variables; weights that were drawn before are replaced.
    ///
    /// The same key and the same distribution give the same weights. Variables that are not trainable keep their values.
    ///
    /// # Errors
    /// None of variables that have one shape and type, as all have.
    pub fn draw(&self, key: &Key) -> Result<()> {
        let was_drawn = self.is_drawn.swap(true, Ordering::Relaxed);
        for (part, index) in self.parts.iter().zip(0..) {
            if !was_drawn {
                part.mean.assign(&part.variable.value())?;
            }
            if part.variable.is_trainable() {
                let (shape, dtype) = (part.variable.shape(), part.variable.dtype());
                let noise = key.index(index).stream().normal(shape, dtype) * self.deviation(part);
                part.variable.assign(&(part.mean.value() + noise))?;
            }
        }
        Ok(())
    }

    /// Puts the means back; nothing where no weights are drawn.
    ///
    /// # Errors
    /// As [`draw`](Self::draw).
    pub fn restore(&self) -> Result<()> {
        self.restore_all_but(&[])
    }

    /// Puts back the means of all variables but some, which hold theirs already.
    pub(super) fn restore_all_but(&self, places: &[usize]) -> Result<()> {
        if self.is_drawn.swap(false, Ordering::Relaxed) {
            let others = self.parts.iter().enumerate().filter(|(place, _)| !places.contains(place));
            for (_, part) in others {
                part.variable.assign(&part.mean.value())?;
            }
        }
        Ok(())
    }

    /// Whether the variables hold weights that were drawn.
    pub fn is_drawn(&self) -> bool {
        self.is_drawn.load(Ordering::Relaxed)
    }

    /// Standard deviations of a variable's weights, of its shape; `None` of a variable that the optimizer was not made for.
    pub fn stddev(&self, variable: &Variable) -> Option<Tensor> {
        self.find(variable.id()).map(|place| self.deviation(&self.parts[place]))
    }

    /// Means of a variable's weights, of its shape; `None` of a variable that the optimizer was not made for.
    pub fn mean(&self, variable: &Variable) -> Option<Tensor> {
        let part = &self.parts[self.find(variable.id())?];
        Some(if self.is_drawn() { part.mean.value() } else { part.variable.value() })
    }

    fn deviation(&self, part: &Part) -> Tensor {
        // In `f64`: of many examples the product is large.
        let precision = part.precision.value().cast(DType::F64) * self.num_examples;
        (1.0 / precision.sqrt()).cast(part.variable.dtype())
    }

    pub(super) fn find(&self, id: VariableId) -> Option<usize> {
        self.parts.iter().position(|part| part.variable.id() == id)
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    pub(super) fn num_examples(&self) -> f64 {
        self.num_examples
    }
}
