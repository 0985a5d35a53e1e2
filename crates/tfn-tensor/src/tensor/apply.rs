//! How operations are written into the graph.

use std::sync::Arc;

use super::types::{Edge, Input, Node, Tensor, Vjp, Work};

/// Adds an operation of any crate to the graph.
///
/// `outputs` are its untracked results, computed from `inputs`; `vjp` makes its vector-Jacobian product
/// and runs only if an input is tracked. The results come back in order, tracked if any input is. If an
/// input carries an error, each result carries it.
///
/// The struct that `vjp` returns should own [detached](Tensor::detach) tensors only, and only those that
/// its backward pass reads.
///
/// Counterpart: `tf.custom_gradient`.
///
/// # Examples
///
/// An operation with two outputs, `x²` and `x³`:
///
/// ```
/// use tfn_tensor::{Result, Tensor, Variable, Vjp, VjpContext, apply};
///
/// struct Powers {
///     x: Tensor,
/// }
///
/// impl Vjp for Powers {
///     fn name(&self) -> &'static str {
///         "powers"
///     }
///     fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
///         if let Some(g) = ctx.grad(0).cloned() {
///             ctx.add(0, g * &self.x * 2.0);
///         }
///         if let Some(g) = ctx.grad(1).cloned() {
///             ctx.add(0, g * self.x.square() * 3.0);
///         }
///         Ok(())
///     }
/// }
///
/// let x = Variable::new("x", Tensor::scalar(2.0))?;
/// let value = x.value();
/// let outputs = vec![value.square(), value.square() * &value];
/// let [square, cube] = <[Tensor; 2]>::try_from(apply(&[&x.tensor()], outputs, || Powers { x: value }))
///     .expect("two in, two out");
/// assert_eq!((square + cube).gradients()?.of(&x).item()?, 4.0 + 12.0);
/// # Ok::<(), tfn_tensor::TensorError>(())
/// ```
pub fn apply<V: Vjp>(
    inputs: &[&Tensor],
    outputs: Vec<Tensor>,
    vjp: impl FnOnce() -> V,
) -> Vec<Tensor> {
    if let Some(error) = inputs.iter().find_map(|input| input.array().err()) {
        return outputs.iter().map(|_| Tensor::from_error(error.clone())).collect();
    }
    if !inputs.iter().any(|input| input.is_tracked()) {
        return outputs;
    }
    let inputs: Vec<Input> = inputs.iter().filter_map(|input| Input::of(input)).collect();
    let highest = inputs.iter().filter_map(|i| i.edge.as_ref()).map(|edge| edge.node.height).max();
    let node = Arc::new(Node {
        height: highest.map_or(0, |height| height + 1),
        inputs,
        outputs: outputs.len(),
        work: Work::Operation(Box::new(vjp())),
    });
    outputs
        .into_iter()
        .enumerate()
        .map(|(output, tensor)| tensor.with_edge(Edge { node: node.clone(), output }))
        .collect()
}

/// [`apply`] for an operation with one output.
pub(crate) fn apply_one<V: Vjp>(
    inputs: &[&Tensor],
    output: Tensor,
    vjp: impl FnOnce() -> V,
) -> Tensor {
    match apply(inputs, vec![output], vjp).pop() {
        Some(tensor) => tensor,
        None => unreachable!("apply gives as many tensors as it takes"),
    }
}

#[cfg(test)]
mod tests {
    use crate::{Result, Tensor, Variable};

    #[test]
    fn a_deep_graph_needs_no_deep_stack() {
        let work = || -> Result<f64> {
            let x = Variable::new("x", Tensor::scalar(1.0))?;
            let mut y = x.tensor();
            for _ in 0..100_000 {
                y = y + 1.0;
            }
            y.gradients()?.of(&x).item()
        };
        let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(work);
        assert_eq!(thread.unwrap().join().unwrap(), Ok(1.0));
    }

    #[test]
    fn nothing_is_recorded_when_nothing_is_tracked() {
        let x = Tensor::scalar(2.0);
        assert!(!(&x * 3.0).exp().is_tracked());
        let frozen = Variable::new("w", Tensor::scalar(1.0)).unwrap().non_trainable();
        assert!(!(frozen.tensor() * x).is_tracked());
    }
}
