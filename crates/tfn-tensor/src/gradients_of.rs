//! Gradients with respect to tensors that are no variables.

use std::panic::Location;

use crate::error::{Result, TensorError};
use crate::tensor::{Edge, Node, Tensor};

impl Tensor {
    /// The same numbers, from here on tracked as those of a variable are: what
    /// [`gradients_of`](Self::gradients_of) is asked for. A tensor that is tracked already comes back as it is.
    ///
    /// Watched tensors do not count among the variables of [`gradients`](Self::gradients).
    ///
    /// Counterpart: `tf.GradientTape.watch`.
    ///
    /// # Examples
    /// ```
    /// # use tfn_tensor::Tensor;
    /// let x = Tensor::scalar(3.0).watched();
    /// assert!(x.is_tracked() && x.square().is_tracked());
    /// ```
    #[must_use]
    pub fn watched(&self) -> Self {
        if self.is_tracked() {
            return self.clone();
        }
        self.detach().with_edge(Edge { node: Node::watched(), output: 0 })
    }

    /// Gradients of this one number with respect to each of `tensors`, of its shape, by one walk back through the graph;
    /// zeros if the number does not depend on it.
    ///
    /// `tensors` are [watched](Self::watched), those of variables, or results on the way from either of them. The gradients
    /// are not tracked themselves.
    ///
    /// A log-density that is asked at a draw from the very same normal ([`normal_log_prob`](Self::normal_log_prob)) goes by the
    /// noise of the draw, past the draw itself: for its slope at a draw, ask at `draw.detach().watched()`.
    ///
    /// Counterpart: `tf.GradientTape.gradient` with tensors as sources, `unconnected_gradients="zero"`.
    ///
    /// # Errors
    /// [`TensorError::Untracked`] if nothing tracks one of `tensors`; otherwise as [`gradients`](Self::gradients).
    ///
    /// # Examples
    /// What an input does to a loss:
    /// ```
    /// # use tfn_tensor::{Tensor, Variable};
    /// let w = Variable::new("w", Tensor::from_vec(vec![2.0, -1.0], &[2]))?;
    /// let x = Tensor::from_vec(vec![3.0, 4.0], &[2]).watched();
    /// let product = w.tensor() * &x;
    /// let loss = product.square().sum();
    /// let gradients = loss.gradients_of(&[&x, &product])?;
    /// assert_eq!(gradients[0].to_vec::<f64>()?, [24.0, 8.0]);
    /// assert_eq!(gradients[1].to_vec::<f64>()?, [12.0, -8.0]);
    /// # Ok::<(), tfn_tensor::TensorError>(())
    /// ```
    #[track_caller]
    pub fn gradients_of(&self, tensors: &[&Self]) -> Result<Vec<Self>> {
        let (op, place) = ("gradients_of", Location::caller());
        let edge = |(index, tensor): (usize, &&Self)| {
            let array = tensor.array().map_err(|error| error.as_ref().clone())?;
            let untracked = TensorError::Untracked { op, argument: "tensors", index, place };
            array.edge.clone().ok_or(untracked)
        };
        let wanted: Vec<Edge> = tensors.iter().enumerate().map(edge).collect::<Result<_>>()?;
        let found = self.walk_back(op, &wanted)?.edges;
        let gradient = |(tensor, found): (&&Self, Option<Self>)| match found {
            Some(gradient) => Ok(gradient),
            None => Ok(Self::zeros(tensor.shape()?, tensor.dtype()?)),
        };
        tensors.iter().zip(found).map(gradient).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DType, Variable};

    #[test]
    fn watched_tensors_and_results_have_the_gradients_of_variables() -> Result<()> {
        for dtype in [DType::F64, DType::F32] {
            let value = Tensor::from_f64(&[0.5, -2.0, 3.0], &[3], dtype);
            let (variable, watched) = (Variable::new("x", &value)?, value.watched());
            let loss = |x: &Tensor| -> (Tensor, Tensor) {
                let inner = x.sin() * x;
                let loss = (inner.exp() + &inner * x.sum()).sum();
                (loss, inner)
            };
            let (of_variable, inner) = loss(&variable.tensor());
            let expected = of_variable.gradients()?.of(&variable).to_f64_vec()?;
            let given = of_variable.gradients_of(&[&variable.tensor(), &inner])?;
            assert_eq!(given[0].to_f64_vec()?, expected);
            // ∂/∂inner: exp(inner) + Σx.
            let by_hand = (inner.detach().exp() + 1.5).to_f64_vec()?;
            assert_eq!(given[1].to_f64_vec()?, by_hand);
            let (of_watched, _) = loss(&watched);
            assert_eq!(of_watched.gradients_of(&[&watched])?[0].to_f64_vec()?, expected);
            assert!(of_watched.gradients()?.is_empty());
        }
        Ok(())
    }

    #[test]
    fn a_product_has_the_gradient_of_its_input() -> Result<()> {
        let x = Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0], &[2, 2]).watched();
        let w = Variable::new("w", Tensor::from_vec(vec![0.5, -1.0, 2.0, 3.0], &[2, 2]))?;
        let loss = x.matmul(&w.tensor()).sum();
        // Row sums of w, for each row of x.
        assert_eq!(loss.gradients_of(&[&x])?[0].to_vec::<f64>()?, [-0.5, 5.0, -0.5, 5.0]);
        Ok(())
    }

    #[test]
    fn what_the_number_does_not_depend_on_has_zeros() -> Result<()> {
        let (x, y) = (Tensor::scalar(2.0).watched(), Tensor::ones(&[2], DType::F32).watched());
        let loss = x.square();
        let gradients = loss.gradients_of(&[&y, &x, &loss])?;
        assert_eq!(gradients[0].to_vec::<f32>()?, [0.0; 2]);
        assert_eq!((gradients[1].item()?, gradients[2].item()?), (4.0, 1.0));
        assert_eq!(Tensor::scalar(1.0).gradients_of(&[&x])?[0].item()?, 0.0);
        // What has been cut off does not reach the tensor that it was cut from.
        assert_eq!((x.detach() * &x).gradients_of(&[&x])?[0].item()?, 2.0);
        Ok(())
    }

    #[test]
    fn errors_name_what_is_wrong() {
        let x = Tensor::scalar(2.0);
        let watched = x.watched();
        let error = watched.square().gradients_of(&[&watched, &x]).unwrap_err();
        assert!(matches!(error, TensorError::Untracked { index: 1, .. }), "{error}");
        assert!(error.to_string().contains("watched()"), "{error}");
        let row = Tensor::ones(&[2], DType::F64).watched();
        let error = row.gradients_of(&[&row]).unwrap_err();
        assert!(matches!(error, TensorError::Shape { op: "gradients_of", .. }), "{error}");
        let bad = Tensor::from_vec(vec![1.0], &[2]);
        assert!(matches!(bad.watched().error(), Some(TensorError::Shapes { .. })));
        assert!(watched.square().gradients_of(&[&bad]).is_err());
    }
}
