//! The result of a walk back: one gradient a variable.

use std::collections::BTreeMap;
use std::panic::Location;

use crate::error::{Result, TensorError};
use crate::graph::backward;
use crate::tensor::Tensor;
use crate::variable::{Variable, VariableId};

/// Gradients of one scalar with respect to the variables it depends on, by identity.
///
/// Counterpart: what `tf.GradientTape.gradient` returns.
#[derive(Clone, Debug, Default)]
pub struct Gradients {
    of: BTreeMap<VariableId, Tensor>,
}

impl Gradients {
    pub(crate) fn insert(&mut self, variable: VariableId, gradient: Tensor) {
        self.of.insert(variable, gradient);
    }

    /// The gradient of `variable`, of its shape; `None` if the scalar does not depend on it.
    pub fn get(&self, variable: &Variable) -> Option<&Tensor> {
        self.of.get(&variable.id())
    }

    /// The gradient of `variable`, zeros if the scalar does not depend on it.
    pub fn of(&self, variable: &Variable) -> Tensor {
        let zeros = || Tensor::zeros(variable.shape(), variable.dtype());
        self.get(variable).cloned().unwrap_or_else(zeros)
    }

    /// Number of variables that the scalar depends on.
    pub fn len(&self) -> usize {
        self.of.len()
    }

    /// Whether the scalar depends on no variable.
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }
}

impl Tensor {
    /// Gradients of this one number with respect to each trainable variable that it was made from,
    /// by one walk back through the graph.
    ///
    /// # Errors
    /// The error that the tensor carries; [`TensorError::Shape`] if it has not exactly one entry; what
    /// the backward pass of a foreign operation reports.
    ///
    /// # Examples
    /// ```
    /// # use tfn_tensor::{Tensor, Variable};
    /// let w = Variable::new("w", Tensor::scalar(3.0))?;
    /// let gradients = (w.tensor() * w.tensor()).gradients()?;
    /// assert_eq!(gradients.of(&w).item()?, 6.0);
    /// # Ok::<(), tfn_tensor::TensorError>(())
    /// ```
    #[track_caller]
    pub fn gradients(&self) -> Result<Gradients> {
        let live = self.live().map_err(|error| error.as_ref().clone())?;
        if live.len() != 1 {
            return Err(TensorError::Shape {
                op: "gradients",
                argument: "self",
                given: live.shape.to_vec(),
                expected: "exactly one entry; `sum()` or `mean()` first".into(),
                place: Location::caller(),
            });
        }
        let seed = Self::ones(&live.shape, live.dtype());
        live.edge.as_ref().map_or_else(|| Ok(Gradients::default()), |edge| backward(edge, seed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_to_a_variable_counts_once() -> Result<()> {
        let x = Variable::new("x", Tensor::from_vec(vec![1.0, -2.0], &[2]))?;
        let y = x.tensor();
        let z = &y * &y + &y * 3.0 + x.tensor();
        let gradients = z.sum().gradients()?;
        assert_eq!(gradients.of(&x).to_vec::<f64>()?, [6.0, 0.0]);
        assert_eq!(gradients.len(), 1);
        Ok(())
    }

    #[test]
    fn a_diamond_is_walked_in_order() -> Result<()> {
        let x = Variable::new("x", Tensor::scalar(2.0))?;
        let a = x.tensor().square();
        let b = &a * 3.0;
        let c = (&b + &a).exp() * 0.0 + &b * &a;
        assert_eq!(c.gradients()?.of(&x).item()?, 12.0 * 8.0);
        Ok(())
    }

    #[test]
    fn gradients_may_be_asked_twice() -> Result<()> {
        let x = Variable::new("x", Tensor::scalar(2.0))?;
        let y = x.tensor().exp();
        let first = y.gradients()?.of(&x).item()?;
        assert_eq!(y.gradients()?.of(&x).item()?, first);
        Ok(())
    }

    #[test]
    fn unconnected_variables_get_zeros() -> Result<()> {
        let x = Variable::new("x", Tensor::from_vec(vec![1.0_f32; 3], &[3]))?;
        let gradients = Tensor::scalar(1.0_f32).gradients()?;
        assert!(gradients.is_empty() && gradients.get(&x).is_none());
        assert_eq!(gradients.of(&x).to_vec::<f32>()?, [0.0; 3]);
        assert!(matches!(x.tensor().gradients(), Err(TensorError::Shape { .. })));
        Ok(())
    }
}
