//! Elementwise functions of several tensors with all partial derivatives from one pass of vector code, that any crate
//! defines.

use std::array;
use std::panic::Location;

use super::fused::{AddSlopes, Entries, common_shape, pass};
use crate::dtype::{DType, Element, dispatch};
use crate::error::Result;
use crate::kernels::Sums;
use crate::tensor::{Tensor, Vjp, VjpContext, apply_one};

/// A function of `N` numbers for [`entrywise`], the same code for both element types.
///
/// Both methods are best `#[inline(always)]` and without branches: choices between two values that are both there, so
/// that loops over them become vector code.
pub trait Entrywise<const N: usize>: Copy + Send + Sync + 'static {
    /// Name of the operation, for errors.
    const NAME: &'static str;

    /// The function.
    fn value<E: Element>(self, x: [E; N]) -> E;

    /// Its derivatives.
    fn partials<E: Element>(self, x: [E; N]) -> [E; N];
}

/// A function of the entries of `inputs` at the same place under NumPy's broadcasting, in the arithmetic of their type.
///
/// One pass forward and one for all gradients together; those of inputs that are one number are summed on the way.
/// [`pointwise`](crate::pointwise) computes in `f64` and takes functions that are no vector code.
///
/// # Errors
/// The result carries [`TensorError::DTypes`](crate::TensorError::DTypes) if the types of the inputs differ,
/// [`TensorError::Shapes`](crate::TensorError::Shapes) if their shapes do not broadcast.
///
/// # Examples
/// ```
/// use tfn_tensor::{Element, Entrywise, Tensor, Variable, entrywise};
///
/// #[derive(Clone, Copy)]
/// struct Area;
///
/// impl Entrywise<2> for Area {
///     const NAME: &'static str = "area";
///
///     fn value<E: Element>(self, [x, y]: [E; 2]) -> E {
///         x * y
///     }
///
///     fn partials<E: Element>(self, [x, y]: [E; 2]) -> [E; 2] {
///         [y, x]
///     }
/// }
/// let x = Variable::new("x", Tensor::scalar(3.0))?;
/// let y = Tensor::from_vec(vec![4.0, 5.0], &[2]);
/// let area = entrywise(Area, [&x.tensor(), &y]).sum();
/// assert_eq!((area.item()?, area.gradients()?.of(&x).item()?), (27.0, 9.0));
/// # Ok::<(), tfn_tensor::TensorError>(())
/// ```
#[track_caller]
#[must_use]
pub fn entrywise<F: Entrywise<N>, const N: usize>(function: F, inputs: [&Tensor; N]) -> Tensor {
    applied(&Compiled(function), &inputs, Location::caller())
}

/// A function whatever it and the number of its arguments are.
trait Function: Send + Sync {
    fn name(&self) -> &'static str;
    fn boxed(&self) -> Box<dyn Function>;
    /// Its values, in the shape that the inputs broadcast to.
    fn values(&self, inputs: &[&Tensor], dtype: DType, shape: &[usize]) -> Result<Tensor>;
    /// The gradients of the inputs: one for each entry where `each` says so, their sum elsewhere.
    fn slopes(&self, g: &Tensor, inputs: &[Tensor], each: &[bool]) -> Result<Vec<Tensor>>;
}

/// All that is compiled for each function.
struct Compiled<F, const N: usize>(F);

impl<F: Entrywise<N>, const N: usize> Function for Compiled<F, N> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn boxed(&self) -> Box<dyn Function> {
        Box::new(Self(self.0))
    }

    fn values(&self, inputs: &[&Tensor], dtype: DType, shape: &[usize]) -> Result<Tensor> {
        let function = self.0;
        let inputs = array::from_fn(|i| inputs[i]);
        dispatch!(dtype, E => pass::<E, N>(
            inputs,
            shape,
            #[inline(always)]
            move |x| function.value(x),
        ))
    }

    fn slopes(&self, g: &Tensor, inputs: &[Tensor], each: &[bool]) -> Result<Vec<Tensor>> {
        let function = self.0;
        dispatch!(g.dtype()?, E => slopes::<E, N>(g, inputs, each, &|sums, inputs, gradient, outputs| {
            add_slopes(function, sums, inputs, gradient, outputs);
        }))
    }
}

fn add_slopes<E: Element, F: Entrywise<N>, const N: usize>(
    function: F,
    sums: &mut Sums<N>,
    inputs: [&[E]; N],
    gradient: &[E],
    outputs: [&mut [E]; N],
) {
    sums.add(
        inputs,
        gradient,
        outputs,
        #[inline(always)]
        move |x, g| {
            let mut slopes = function.partials(x);
            for slope in &mut slopes {
                // Where nothing flows, a derivative that does not exist harms nothing.
                *slope = if g == E::zero() { E::zero() } else { g * *slope };
            }
            slopes
        },
    );
}

/// [`Function::slopes`] of a function in its compiled form.
fn slopes<E: Element, const N: usize>(
    g: &Tensor,
    inputs: &[Tensor],
    each: &[bool],
    add: &AddSlopes<'_, E, N, N>,
) -> Result<Vec<Tensor>> {
    let shape = g.shape()?;
    let operands: [&Tensor; N] = array::from_fn(|i| &inputs[i]);
    let Some(entries) = Entries::<E, N>::new(&operands, shape)? else {
        return Ok(Vec::new());
    };
    let (made, sums) = entries.slopes_by(g.data::<E>()?, array::from_fn(|i| each[i]), add);
    let mut slopes = Vec::with_capacity(N);
    for (made, sum) in made.into_iter().zip(sums) {
        slopes.push(match made {
            Some(made) => Tensor::from_buffer(made, shape),
            None => Tensor::scalar_of(sum, E::DTYPE),
        });
    }
    Ok(slopes)
}

fn applied(
    function: &dyn Function,
    inputs: &[&Tensor],
    place: &'static Location<'static>,
) -> Tensor {
    let output = common_shape(function.name(), inputs, place).map(|shape| {
        let dtype = inputs.first().map_or(Ok(DType::F64), |input| input.dtype());
        dtype.and_then(|dtype| function.values(inputs, dtype, &shape))
    });
    match output {
        Err(error) => Tensor::from_error(error),
        Ok(Err(error)) => Tensor::from_error(error),
        Ok(Ok(output)) => apply_one(inputs, output, || Applied {
            function: function.boxed(),
            inputs: inputs.iter().map(|input| input.detach()).collect(),
        }),
    }
}

struct Applied {
    function: Box<dyn Function>,
    inputs: Vec<Tensor>,
}

impl Vjp for Applied {
    fn name(&self) -> &'static str {
        self.function.name()
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        let Some(g) = ctx.grad(0).cloned() else { return Ok(()) };
        let shape = g.shape()?.to_vec();
        // Whether an input's gradient is one sum, and one for each entry otherwise.
        let is_one: Vec<bool> = self.inputs.iter().map(|input| input.len() == Ok(1)).collect();
        let needs: Vec<bool> = (0..self.inputs.len()).map(|input| ctx.needs(input)).collect();
        let wide = |(input, is_one): (&Tensor, &bool)| {
            if *is_one { input.clone() } else { input.broadcast_to(&shape) }
        };
        let wide: Vec<Tensor> = self.inputs.iter().zip(&is_one).map(wide).collect();
        let each: Vec<bool> = needs.iter().zip(&is_one).map(|(need, one)| *need && !one).collect();
        let slopes = self.function.slopes(&g, &wide, &each)?;
        for (input, slope) in slopes.into_iter().enumerate().filter(|(input, _)| needs[*input]) {
            let slope = if is_one[input] { slope.reshape(ctx.shape(input)) } else { slope };
            ctx.add(input, slope);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check_gradients;
    use crate::{DType, Key, TensorError, Variable};

    /// `a exp(−x²/b)`.
    #[derive(Clone, Copy)]
    struct Bell;

    impl Entrywise<3> for Bell {
        const NAME: &'static str = "bell";

        #[inline(always)]
        fn value<E: Element>(self, [a, x, b]: [E; 3]) -> E {
            a * (-x * x / b).m_exp()
        }

        #[inline(always)]
        fn partials<E: Element>(self, [a, x, b]: [E; 3]) -> [E; 3] {
            let e = (-x * x / b).m_exp();
            [e, -a * e * (x + x) / b, a * e * x * x / (b * b)]
        }
    }

    #[test]
    fn gradients_agree_with_central_differences_under_broadcasting() {
        let x = Tensor::from_slice(&[0.5, -1.5, 2.5, 0.1, 0.7, 1.1], &[2, 3]);
        let b = Tensor::from_slice(&[1.3, 0.8], &[2, 1]);
        for a in [Tensor::scalar(2.0), Tensor::from_slice(&[2.0], &[1, 1]), &x + 3.0] {
            let inputs = [a, x.clone(), b.clone()];
            check_gradients(&inputs, |v| entrywise(Bell, [&v[0], &v[1], &v[2]])).unwrap();
        }
        check_gradients(&[x], |v| entrywise(Bell, [&v[0], &v[0], &Tensor::scalar(2.0)])).unwrap();
    }

    #[test]
    fn large_inputs_are_summed_in_the_same_order_on_any_number_of_threads() {
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let draw = |seed| Key::from_seed(seed).stream().normal(&[100_001], DType::F32);
                let x = Variable::new("x", draw(1)).unwrap();
                let b = Variable::new("b", Tensor::scalar(2.0_f32)).unwrap();
                let y = entrywise(Bell, [&draw(2), &x.tensor(), &b.tensor()]).sum();
                let gradients = y.gradients().unwrap();
                let [x, b] = [&x, &b].map(|v| gradients.of(v).to_vec::<f32>().unwrap());
                (y.item().unwrap().to_bits(), x, b)
            })
        };
        let (value, x, b) = run(1);
        assert_eq!(run(3), (value, x.clone(), b));
        // An entry by itself, by the formula.
        let a = Key::from_seed(2).stream().normal(&[5], DType::F32).to_f64_vec().unwrap()[4];
        let at = Key::from_seed(1).stream().normal(&[5], DType::F32).to_f64_vec().unwrap()[4];
        let exact = -a * (-at * at / 2.0).exp() * at;
        assert!((f64::from(x[4]) - exact).abs() <= 1e-6 * exact.abs(), "{} {exact}", x[4]);
    }

    #[test]
    fn shapes_and_types_are_checked() {
        let (one, two) = (Tensor::scalar(1.0), Tensor::ones(&[2], DType::F64));
        let error = entrywise(Bell, [&one, &two, &Tensor::ones(&[3], DType::F64)]).item();
        assert!(matches!(error, Err(TensorError::Shapes { op: "bell", .. })));
        let error = entrywise(Bell, [&one, &two, &Tensor::scalar(1.0_f32)]).item();
        assert!(matches!(error, Err(TensorError::DTypes { op: "bell", .. })));
    }
}
