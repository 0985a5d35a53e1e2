//! Elementwise functions of several tensors that any crate defines, under broadcasting.

use std::panic::Location;
use std::sync::Arc;

use super::fused::common_shape;
use crate::dtype::{Element, dispatch};
use crate::error::{Result, TensorError};
use crate::kernels::{self, Accumulate};
use crate::tensor::{Array, Tensor, Vjp, VjpContext, apply_one};

/// Inputs that one walk of the backward pass reads: the arguments, the value and its gradient.
const WIDTH: usize = 7;

/// A smooth function of `N` numbers (at most 5) with its partial derivatives, for [`pointwise`].
#[derive(Clone, Copy)]
pub struct Pointwise<const N: usize> {
    /// Name of the operation, for errors.
    pub name: &'static str,
    /// The function.
    pub value: fn([f64; N]) -> f64,
    /// Its derivative in each argument, from the arguments and the value (rounded to the type of the tensors).
    pub partials: [fn([f64; N], f64) -> f64; N],
}

/// A function of the entries of `inputs` at the same place under NumPy's broadcasting.
///
/// It is computed in `f64` on all threads, whatever the type of the tensors. A derivative is computed only for an
/// input that needs it, and only where the gradient of the result is not 0: where a [`select`](Tensor::select)
/// takes the other side, a derivative that does not exist harms nothing. A function of some of the arguments alone
/// is better an operation of its own, on their smaller shape.
///
/// # Errors
/// The result carries [`TensorError::DTypes`] if the types of the inputs differ, [`TensorError::Shapes`] if their
/// shapes do not broadcast.
///
/// # Examples
/// ```
/// use tfn_tensor::{Pointwise, Tensor, Variable, pointwise};
///
/// const HYPOT: Pointwise<2> = Pointwise {
///     name: "hypot",
///     value: |[x, y]| x.hypot(y),
///     partials: [|[x, _], h| x / h, |[_, y], h| y / h],
/// };
/// let x = Variable::new("x", Tensor::scalar(3.0))?;
/// let h = pointwise(HYPOT, [&x.tensor(), &Tensor::scalar(4.0)]);
/// assert_eq!((h.item()?, h.gradients()?.of(&x).item()?), (5.0, 0.6));
/// # Ok::<(), tfn_tensor::TensorError>(())
/// ```
#[track_caller]
#[must_use]
pub fn pointwise<const N: usize>(function: Pointwise<N>, inputs: [&Tensor; N]) -> Tensor {
    const { assert!(N >= 1 && N + 2 <= WIDTH, "one to five arguments") };
    applied(&function, &inputs, Location::caller())
}

/// The loops of a function, for one type of entries: all that is compiled for each number of arguments, in each
/// crate that has such a function.
trait Loops<E>: Send + Sync {
    /// `out` ← the function of the entries of `inputs`, one for each argument.
    fn values(&self, out: &mut [E], inputs: &[&[E]]);
    /// `out` ← gradient of the result times derivative in argument number `input`. Behind the arguments among
    /// `operands` come the value and its gradient.
    fn slopes(&self, input: usize, out: &mut [E], operands: &[&[E]]);
}

impl<E: Element, const N: usize> Loops<E> for Pointwise<N> {
    fn values(&self, out: &mut [E], inputs: &[&[E]]) {
        for (i, out) in out.iter_mut().enumerate() {
            *out = E::from_f64((self.value)(entries(inputs, i)));
        }
    }

    fn slopes(&self, input: usize, out: &mut [E], operands: &[&[E]]) {
        let partial = self.partials[input];
        for (i, out) in out.iter_mut().enumerate() {
            let (value, g) = (operands[N][i].to_f64(), operands[N + 1][i].to_f64());
            let partial = if g == 0.0 { 0.0 } else { partial(entries(operands, i), value) };
            // Of what does not move, an infinite gradient makes nothing.
            *out = E::from_f64(if partial == 0.0 { 0.0 } else { g * partial });
        }
    }
}

fn entries<E: Element, const N: usize>(inputs: &[&[E]], place: usize) -> [f64; N] {
    let mut entries = [0.0; N];
    for (entry, input) in entries.iter_mut().zip(inputs) {
        *entry = input[place].to_f64();
    }
    entries
}

/// A function whatever the number of its arguments.
trait Function: Loops<f32> + Loops<f64> {
    fn name(&self) -> &'static str;
    fn boxed(&self) -> Box<dyn Function>;
}

impl<const N: usize> Function for Pointwise<N> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn boxed(&self) -> Box<dyn Function> {
        Box::new(*self)
    }
}

fn applied(
    function: &dyn Function,
    inputs: &[&Tensor],
    place: &'static Location<'static>,
) -> Tensor {
    match forward(function, inputs, place) {
        Err(error) => Tensor::from_error(error),
        Ok(output) => apply_one(inputs, output.clone(), || Applied {
            function: function.boxed(),
            inputs: inputs.iter().map(|input| input.detach()).collect(),
            output,
        }),
    }
}

fn forward(
    function: &dyn Function,
    inputs: &[&Tensor],
    place: &'static Location<'static>,
) -> Result<Tensor, Arc<TensorError>> {
    let shape = common_shape(function.name(), inputs, place)?;
    let mut lives = Vec::with_capacity(inputs.len());
    for input in inputs {
        lives.push(input.array().map_err(Arc::clone)?);
    }
    Ok(dispatch!(lives[0].dtype(), E => Tensor::build::<E>(&shape, |out| {
        match lives[..] {
            [a] => values::<E, 1>(function, out, [a], &shape),
            [a, b] => values::<E, 2>(function, out, [a, b], &shape),
            [a, b, c] => values::<E, 3>(function, out, [a, b, c], &shape),
            [a, b, c, d] => values::<E, 4>(function, out, [a, b, c, d], &shape),
            [a, b, c, d, e] => values::<E, 5>(function, out, [a, b, c, d, e], &shape),
            _ => unreachable!("one to five arguments"),
        }
    })))
}
/// `out` ← the function of `inputs`.
fn values<E: Element, const N: usize>(
    function: &dyn Loops<E>,
    out: &mut [E],
    inputs: [&Array; N],
    shape: &[usize],
) {
    let inputs = inputs.map(|input| (input.slice::<E>(), &*input.shape));
    kernels::broadcast_map_by(out, Accumulate::Set, inputs, shape, &|out, _, inputs: [&[E]; N]| {
        function.values(out, &inputs);
    });
}

/// `out` ← or += gradient of the result times derivative in argument number `input`.
fn slopes<E: Element>(
    function: &dyn Loops<E>,
    input: usize,
    out: &mut [E],
    accumulate: Accumulate,
    operands: [(&[E], &[usize]); WIDTH],
    shape: &[usize],
) {
    let set = |out: &mut [E], operands: [&[E]; WIDTH]| function.slopes(input, out, &operands);
    kernels::broadcast_map_by(out, accumulate, operands, shape, &|out, accumulate, operands| {
        match accumulate {
            Accumulate::Set => set(out, operands),
            Accumulate::Add => kernels::add_made(out, operands, &set),
        }
    });
}

struct Applied {
    function: Box<dyn Function>,
    inputs: Vec<Tensor>,
    output: Tensor,
}

impl Vjp for Applied {
    fn name(&self) -> &'static str {
        self.function.name()
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        let Some(g) = ctx.grad(0).cloned() else {
            return Ok(());
        };
        dispatch!(g.dtype()?, E => {
            let nothing = [<E as Element>::from_f64(0.0)];
            let mut operands: [(&[E], &[usize]); WIDTH] = [(&nothing, &[]); WIDTH];
            let sources = self.inputs.iter().chain([&self.output, &g]);
            for (operand, source) in operands.iter_mut().zip(sources) {
                *operand = (source.data::<E>()?, source.shape()?);
            }
            for input in (0..self.inputs.len()).filter(|&input| ctx.needs(input)).collect::<Vec<_>>() {
                let shape = g.shape()?;
                let write = |out: &mut [E], accumulate| {
                    slopes::<E>(&*self.function, input, out, accumulate, operands, shape);
                };
                if ctx.shape(input) == shape {
                    ctx.into::<E>(input, write)?;
                } else {
                    ctx.add(input, Tensor::build::<E>(shape, |out| write(out, Accumulate::Set)));
                }
            }
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check_gradients;
    use crate::{DType, Variable};

    const SCALED_POWER: Pointwise<3> = Pointwise {
        name: "scaled_power",
        value: |[a, x, p]| a * x.powf(p),
        partials: [
            |[_, x, p], _| x.powf(p),
            |[_, x, p], value| value * p / x,
            |[_, x, _], value| value * x.ln(),
        ],
    };

    fn tensor(values: &[f64], shape: &[usize]) -> Tensor {
        Tensor::from_slice(values, shape)
    }

    #[test]
    fn values_and_gradients_broadcast() {
        let x = tensor(&[0.5, 1.5, 2.5, 3.5, 0.7, 1.1], &[2, 3]);
        let exponent = tensor(&[1.3, -0.8, 2.2], &[3]);
        for a in [tensor(&[2.0], &[]), tensor(&[1.3, 0.8], &[2, 1]), &x + 1.0] {
            let y = pointwise(SCALED_POWER, [&a, &x, &exponent]);
            let expected = &a * (x.ln() * &exponent).exp();
            let difference = (&y - expected).abs().sum().item().unwrap();
            assert!(y.shape().unwrap() == [2, 3] && difference < 1e-13, "{difference}");
            let inputs = [a, x.clone(), exponent.clone()];
            check_gradients(&inputs, |v| pointwise(SCALED_POWER, [&v[0], &v[1], &v[2]])).unwrap();
        }
        // One tensor in several places adds up its gradients.
        check_gradients(&[x], |v| pointwise(SCALED_POWER, [&v[0], &v[0], &v[0]])).unwrap();
    }

    #[test]
    fn five_arguments_have_their_gradients() {
        const SUM: Pointwise<5> = Pointwise {
            name: "weighted_sum",
            value: |[a, b, c, d, e]| a * b + c * d / e,
            partials: [
                |[_, b, ..], _| b,
                |[a, ..], _| a,
                |[_, _, _, d, e], _| d / e,
                |[_, _, c, _, e], _| c / e,
                |[_, _, c, d, e], _| -c * d / (e * e),
            ],
        };
        let [a, e] = [tensor(&[2.0], &[]), tensor(&[0.5, 3.0], &[2])];
        let [b, c, d] = [1.5, -0.7, 4.0].map(|x| tensor(&[x, x + 1.0], &[2]));
        let y = pointwise(SUM, [&a, &b, &c, &d, &e]);
        assert_eq!(y.to_vec::<f64>().unwrap(), [3.0 - 0.7 * 4.0 / 0.5, 5.0 + 0.3 * 5.0 / 3.0]);
        check_gradients(&[a, b, c, d, e], |v| pointwise(SUM, [&v[0], &v[1], &v[2], &v[3], &v[4]]))
            .unwrap();
    }

    #[test]
    fn single_precision_is_computed_in_double() {
        let x = Variable::new("x", Tensor::from_vec(vec![3.0_f32], &[1])).unwrap();
        let (a, p) = (Tensor::scalar(1.0_f32), Tensor::scalar(0.1_f32));
        let y = pointwise(SCALED_POWER, [&a, &x.tensor(), &p]);
        let power = f64::from(0.1_f32);
        assert_eq!(y.data::<f32>().unwrap(), [3.0_f64.powf(power) as f32]);
        let slope = y.sum().gradients().unwrap().of(&x).to_f64_vec().unwrap()[0];
        assert!((slope - power * 3.0_f64.powf(power - 1.0)).abs() < 1e-8);
    }

    #[test]
    fn no_derivative_is_asked_for_where_nothing_flows() {
        const ROOT: Pointwise<1> =
            Pointwise { name: "root", value: |[x]| x.sqrt(), partials: [|_, root| 0.5 / root] };
        let x = Variable::new("x", tensor(&[0.0, 4.0], &[2])).unwrap();
        let masked = pointwise(ROOT, [&x.tensor()]) * tensor(&[0.0, 1.0], &[2]);
        assert_eq!(masked.sum().gradients().unwrap().of(&x).to_vec::<f64>().unwrap(), [0.0, 0.25]);
    }

    #[test]
    fn an_error_names_operation_shapes_and_place() {
        let (one, two) = (tensor(&[1.0], &[]), tensor(&[1.0, 2.0], &[2]));
        let bad = pointwise(SCALED_POWER, [&one, &two, &Tensor::ones(&[3], DType::F64)]);
        let error = bad.shape().unwrap_err();
        let TensorError::Shapes { op, lhs, rhs, place, .. } = &error else { panic!("{error}") };
        assert_eq!((*op, &lhs[..], &rhs[..]), ("scaled_power", &[2][..], &[3][..]));
        assert!(place.file().ends_with("pointwise.rs"), "{place}");
        let mixed = pointwise(SCALED_POWER, [&one, &two, &Tensor::scalar(1.0_f32)]);
        assert!(matches!(mixed.item(), Err(TensorError::DTypes { .. })));
    }
}
