//! The weights of a cell's maps: numbers, or with a posterior.

use std::sync::Arc;

use tfn_module::DeepCopy;
use tfn_module::describe::Describe;
use tfn_tensor::Tensor;

use crate::contract::{Layer, Pass};
use crate::error::Result;
use crate::estimator::{Estimated, Estimator, applied, check_example, check_input};
use crate::kernel_bias::Affine;
use crate::linear::Dense;
use crate::variational::Variational;

/// A dense layer as one of the two maps of a [`Cell`](crate::Cell): [`Affine`], or [`Variational`] of [`Dense`] under any estimator.
pub trait CellWeights: Layer + DeepCopy + Describe {
    /// Whether outputs are functions of the input alone, so that several draws' inputs can go through together.
    const PLAIN: bool;

    /// The linear map.
    fn dense(&self) -> &Dense;

    /// The map at the steps of one sequence, with the draws that `pass` has for it.
    ///
    /// # Errors
    /// What drawing reports.
    fn steps(&self, pass: Pass) -> Result<WeightSteps<'_>>;
}

/// One map of a cell in one pass over a sequence: what all steps share is there.
#[derive(Debug)]
pub struct WeightSteps<'a> {
    map: &'a Dense,
    pass: Pass,
    kind: Kind<'a>,
}

#[derive(Debug)]
enum Kind<'a> {
    Plain { kernel: Tensor, bias: Option<Tensor> },
    Estimated { of: &'a Estimated, estimator: Arc<dyn Estimator>, shared: Vec<Tensor> },
}

impl CellWeights for Affine {
    const PLAIN: bool = true;

    fn dense(&self) -> &Dense {
        self.map()
    }

    fn steps(&self, pass: Pass) -> Result<WeightSteps<'_>> {
        let bias = self.bias().map(|bias| bias.tensor());
        let kind = Kind::Plain { kernel: self.kernel().tensor(), bias };
        Ok(WeightSteps { map: self.map(), pass, kind })
    }
}

impl<E: Estimator + Describe> CellWeights for Variational<Dense, E> {
    const PLAIN: bool = false;

    fn dense(&self) -> &Dense {
        self.map()
    }

    fn steps(&self, pass: Pass) -> Result<WeightSteps<'_>> {
        let (of, estimator) = (self.estimated(), self.estimator());
        pass.path_of(of.weights())?;
        let shared = estimator.shared_by_steps(of.weights(), &pass)?;
        Ok(WeightSteps { map: self.map(), pass, kind: Kind::Estimated { of, estimator, shared } })
    }
}

impl WeightSteps<'_> {
    /// The pre-activations at one step.
    ///
    /// # Shapes
    /// `x` `[.., batch, input_size]`.
    ///
    /// # Errors
    /// As of [`Estimated::output`].
    pub fn at(&self, step: usize, x: &Tensor) -> Result<Tensor> {
        match &self.kind {
            Kind::Plain { kernel, bias } => {
                check_example(self.map, x)?;
                applied(self.map, x, kernel, bias.as_ref())
            }
            Kind::Estimated { of, estimator, shared } => {
                check_input(self.map, x)?;
                of.weights().validate("x", x, false)?;
                estimator.output_at_step(self.map, of.weights(), x, &self.pass, (step, shared))
            }
        }
    }

    /// The pre-activations at all steps at once.
    ///
    /// # Shapes
    /// `x` `[.., batch, steps, input_size]`, with at least one step.
    ///
    /// # Errors
    /// As of [`at`](Self::at).
    pub fn at_all(&self, x: &Tensor) -> Result<Tensor> {
        match &self.kind {
            Kind::Plain { .. } => self.at(0, x),
            Kind::Estimated { of, estimator, shared } => {
                check_input(self.map, x)?;
                of.weights().validate("x", x, false)?;
                estimator.output_at_all_steps(self.map, of.weights(), x, &self.pass, shared)
            }
        }
    }

    pub(super) fn pass(&self) -> &Pass {
        &self.pass
    }
}
