//! Elementwise functions of several tensors with all partial derivatives from one pass of vector code, that any crate
//! defines.

use std::array;
use std::panic::Location;

use super::fused::{Entries, common_shape, pass};
use crate::buffer::Buffer;
use crate::dtype::{Element, dispatch};
use crate::error::Result;
use crate::graph::{Vjp, VjpContext, apply_one};
use crate::tensor::Tensor;

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
    let place = Location::caller();
    let output = common_shape(F::NAME, inputs, place).map(|shape| {
        let dtype = inputs.first().map_or(Ok(crate::DType::F64), |input| input.dtype());
        dtype.and_then(|dtype| {
            dispatch!(dtype, E => pass::<E, N>(
                inputs,
                &shape,
                #[inline(always)]
                move |x| function.value(x),
            ))
        })
    });
    match output {
        Err(error) => Tensor::from_error(error),
        Ok(Err(error)) => Tensor::from_error(error),
        Ok(Ok(output)) => {
            apply_one(&inputs, output, || Applied { function, inputs: inputs.map(Tensor::detach) })
        }
    }
}

struct Applied<F, const N: usize> {
    function: F,
    inputs: [Tensor; N],
}

impl<F: Entrywise<N>, const N: usize> Vjp for Applied<F, N> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        let Some(g) = ctx.grad(0).cloned() else { return Ok(()) };
        let shape = g.shape()?.to_vec();
        // Whether an input's gradient is one sum, and one for each entry otherwise.
        let is_one: [bool; N] = array::from_fn(|i| self.inputs[i].len() == Ok(1));
        let needs: [bool; N] = array::from_fn(|i| ctx.needs(i));
        let wide = array::from_fn(|i| {
            let input = &self.inputs[i];
            if is_one[i] { input.clone() } else { input.broadcast_to(&shape) }
        });
        let slopes =
            dispatch!(g.dtype()?, E => self.slopes::<E>(&g, &wide, &shape, needs, is_one)?);
        for (input, slope) in slopes.into_iter().enumerate().filter(|(input, _)| needs[*input]) {
            let slope = if is_one[input] { slope.reshape(ctx.shape(input)) } else { slope };
            ctx.add(input, slope);
        }
        Ok(())
    }
}

impl<F: Entrywise<N>, const N: usize> Applied<F, N> {
    fn slopes<E: Element>(
        &self,
        g: &Tensor,
        inputs: &[Tensor; N],
        shape: &[usize],
        needs: [bool; N],
        is_one: [bool; N],
    ) -> Result<Vec<Tensor>> {
        let function = self.function;
        let Some(entries) = Entries::<E, N>::new(&inputs.each_ref(), shape)? else {
            return Ok(Vec::new());
        };
        let each = array::from_fn(|i| needs[i] && !is_one[i]);
        let (each, sums) = entries.slopes(
            g.data::<E>()?,
            each,
            #[inline(always)]
            move |x, g| {
                let partials = function.partials(x);
                // Where nothing flows, a derivative that does not exist harms nothing.
                partials.map(|partial| if g == E::zero() { E::zero() } else { g * partial })
            },
        );
        let slope = |(each, sum): (Option<Buffer<E>>, f64)| match each {
            Some(each) => Tensor::from_buffer(each, shape),
            None => Tensor::from_f64(&[sum], &[], E::DTYPE),
        };
        Ok(each.into_iter().zip(sums).map(slope).collect())
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
