//! Mean and standard deviation of a dense layer's output under normal weights, as one node.

use std::panic::Location;
use std::sync::Arc;

use super::local_moments::{
    add_rows, bias_loc_gradient, bias_scale_gradient, deviation, variance_gradient,
};
use super::weight_gradient::WeightGradient;
use crate::buffer::Buffer;
use crate::dtype::{Element, dispatch};
use crate::error::{Result, TensorError};
use crate::kernels::{Accumulate, Factor, Product};
use crate::memory;
use crate::shape::count;
use crate::tensor::{Array, Tensor, Vjp, VjpContext, apply};

const OP: &str = "affine_local";

/// Inputs by number, outputs 0 (`loc`) and 1 (`scale`).
const X: usize = 0;
const KERNEL_LOC: usize = 1;
const KERNEL_SCALE: usize = 2;
const BIAS_LOC: usize = 3;
const BIAS_SCALE: usize = 4;

#[derive(Clone, Copy)]
struct Sizes {
    rows: usize,
    inner: usize,
    columns: usize,
}

struct AffineLocal {
    sizes: Sizes,
    x: Tensor,
    kernel_loc: Tensor,
    kernel_scale: Tensor,
    bias_scale: Option<Tensor>,
    scale: Tensor,
}

impl AffineLocal {
    /// `dM = xᵀ·dloc`, `dm_b = Σ dloc`.
    fn through_loc<E: Element>(&self, ctx: &mut VjpContext<'_>, grad: &Tensor) -> Result<()> {
        let Sizes { rows, inner, columns } = self.sizes;
        WeightGradient {
            input: KERNEL_LOC,
            x: &self.x,
            squared: false,
            g: grad,
            weight: None,
            sizes: [rows, inner, columns],
        }
        .add::<E>(ctx)?;
        bias_loc_gradient::<E>(ctx, BIAS_LOC, grad, columns)
    }

    /// `dS = 2S∘(x²ᵀ·dvar)`, `ds_b = 2s_b Σ dvar`.
    fn through_variance<E: Element>(
        &self,
        ctx: &mut VjpContext<'_>,
        grad_of_scale: &Tensor,
        grad: &Tensor,
    ) -> Result<()> {
        let Sizes { rows, inner, columns } = self.sizes;
        WeightGradient {
            input: KERNEL_SCALE,
            x: &self.x,
            squared: true,
            g: grad,
            weight: Some(&self.kernel_scale),
            sizes: [rows, inner, columns],
        }
        .add::<E>(ctx)?;
        match &self.bias_scale {
            Some(bias) => {
                let gradients = [grad_of_scale, grad];
                bias_scale_gradient::<E>(ctx, BIAS_SCALE, bias, &self.scale, gradients)
            }
            None => Ok(()),
        }
    }

    /// `dx = dloc·Mᵀ + 2x∘(dvar·S²ᵀ)`.
    fn through_x<E: Element>(
        &self,
        ctx: &mut VjpContext<'_>,
        loc: Option<&Tensor>,
        variance: Option<&Tensor>,
    ) -> Result<()> {
        let Sizes { rows, inner, columns } = self.sizes;
        let m = Factor::new(self.kernel_loc.data::<E>()?, inner, columns).transposed();
        let s = Factor::new(self.kernel_scale.data::<E>()?, inner, columns).transposed().squared();
        let x = self.x.data::<E>()?;
        let loc = loc.map(Tensor::data::<E>).transpose()?;
        let variance = variance.map(Tensor::data::<E>).transpose()?;
        let left = |grad| Factor::new(grad, rows, columns);
        let loc = loc.map(|grad| Product { a: left(grad), b: m, weight: None });
        let variance = variance.map(|grad| Product { a: left(grad), b: s, weight: Some(x) });
        ctx.into::<E>(X, |out, acc| match (loc, variance) {
            (Some(loc), Some(variance)) => Product::write_sum([loc, variance], out, acc),
            (Some(product), None) | (None, Some(product)) => product.write(out, acc),
            (None, None) => {}
        })
    }
}

impl Vjp for AffineLocal {
    fn name(&self) -> &'static str {
        OP
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        let (loc, scale) = (ctx.grad(0).cloned(), ctx.grad(1).cloned());
        dispatch!(self.x.dtype()?, E => {
            if let Some(grad) = &loc {
                self.through_loc::<E>(ctx, grad)?;
            }
            let variance = scale.as_ref().map(|grad| variance_gradient::<E>(&self.scale, grad)).transpose()?;
            if let (Some(scale), Some(variance)) = (&scale, &variance) {
                self.through_variance::<E>(ctx, scale, variance)?;
            }
            self.through_x::<E>(ctx, loc.as_ref(), variance.as_ref())
        })
    }
}

/// `loc = x·M + m_b` and `scale = sqrt(x²·S² + s_b²)`.
fn forward<E: Element>(sizes: Sizes, shape: &[usize], inputs: &[&Array]) -> [Tensor; 2] {
    let Sizes { rows, inner, columns } = sizes;
    let bias = |input: usize| inputs.get(input).map(|array| array.slice::<E>());
    let x = Factor::<E>::new(inputs[X].slice(), rows, inner);
    let m = Factor::new(inputs[KERNEL_LOC].slice(), inner, columns);
    let s = Factor::new(inputs[KERNEL_SCALE].slice(), inner, columns);
    let mut variance = Buffer::<E>::stale_at_least(rows * columns);
    let variance = &mut variance.as_mut_slice()[..rows * columns];
    let loc = Tensor::build::<E>(shape, |out| {
        Product::write_each([
            (Product { a: x, b: m, weight: None }, &mut *out, Accumulate::Set),
            (
                Product { a: x.squared(), b: s.squared(), weight: None },
                &mut *variance,
                Accumulate::Set,
            ),
        ]);
        if let Some(bias) = bias(BIAS_LOC) {
            add_rows(out, bias);
        }
    });
    let scale = Tensor::build::<E>(shape, |out| {
        deviation(out, variance, bias(BIAS_SCALE));
    });
    [loc, scale]
}

/// Checks the operands' types and shapes; the sizes of the product, and the shape of the outputs.
fn check(
    inputs: &[&Array],
    place: &'static Location<'static>,
) -> Result<(Sizes, Vec<usize>), TensorError> {
    const NAMES: [&str; 5] = ["x", "kernel_loc", "kernel_scale", "bias_loc", "bias_scale"];
    let first = inputs[X];
    if let Some(other) = inputs.iter().find(|input| input.dtype() != first.dtype()) {
        let (lhs, rhs) = (first.dtype(), other.dtype());
        return Err(TensorError::DTypes { op: OP, lhs, rhs, place });
    }
    let wrong = |input: usize, expected: String| TensorError::Shape {
        op: OP,
        argument: NAMES[input],
        given: inputs[input].shape.to_vec(),
        expected,
        place,
    };
    let &[inner, columns] = &*inputs[KERNEL_LOC].shape else {
        return Err(wrong(KERNEL_LOC, "[in, out]".into()));
    };
    if inputs[KERNEL_SCALE].shape != inputs[KERNEL_LOC].shape {
        return Err(wrong(KERNEL_SCALE, format!("[{inner}, {columns}], as kernel_loc")));
    }
    if let Some(bias) = (BIAS_LOC..inputs.len()).find(|&i| *inputs[i].shape != [columns]) {
        return Err(wrong(bias, format!("[{columns}]")));
    }
    match &*first.shape {
        [lead @ .., last] if !lead.is_empty() && *last == inner => {
            let shape: Vec<usize> = lead.iter().copied().chain([columns]).collect();
            memory::checked_len(&shape, first.dtype())?;
            Ok((Sizes { rows: count(lead), inner, columns }, shape))
        }
        _ => Err(wrong(X, format!("[.., batch, {inner}]"))),
    }
}

impl Tensor {
    /// Mean and standard deviation of `x·W + b` for independent normal weights, which is all that the
    /// local reparameterization estimator needs of them.
    ///
    /// ```text
    /// loc = x·M + m_b        scale = sqrt((x∘x)·(S∘S) + s_b∘s_b)
    /// ```
    ///
    /// One node with two outputs: two matrix products forward, four back (two if nobody wants the
    /// gradient of `x`). At a scale of exactly zero the gradient is zero, not NaN.
    ///
    /// # Shapes
    /// `x` `[.., batch, in]`, `kernel_loc` (`M`) and `kernel_scale` (`S`) `[in, out]`, `bias` (`m_b`,
    /// `s_b`) `[out]` each; both outputs `[.., batch, out]`.
    ///
    /// # References
    /// Kingma, Salimans & Welling 2015, [arXiv 1506.02557](https://arxiv.org/abs/1506.02557), section
    /// 2.2; additive form of Molchanov, Ashukha & Vetrov 2017,
    /// [arXiv 1701.05369](https://arxiv.org/abs/1701.05369), section 4.3.
    ///
    /// # Examples
    /// ```
    /// # use tfn_tensor::{Tensor, TensorError};
    /// let x = Tensor::from_vec(vec![3.0, 4.0], &[1, 2]);
    /// let (m, s) = (Tensor::from_vec(vec![1.0, -1.0], &[2, 1]), Tensor::from_vec(vec![1.0; 2], &[2, 1]));
    /// let (loc, scale) = Tensor::affine_local(&x, &m, &s, None);
    /// assert_eq!((loc.item()?, scale.item()?), (-1.0, 5.0));
    /// # Ok::<(), TensorError>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn affine_local(
        x: &Self,
        kernel_loc: &Self,
        kernel_scale: &Self,
        bias: Option<(&Self, &Self)>,
    ) -> (Self, Self) {
        let place = Location::caller();
        let mut inputs = vec![x, kernel_loc, kernel_scale];
        inputs.extend(bias.iter().flat_map(|(loc, scale)| [*loc, *scale]));
        Self::affine_local_of(&inputs, place)
            .unwrap_or_else(|error| (Self::from_error(error.clone()), Self::from_error(error)))
    }

    fn affine_local_of(
        inputs: &[&Self],
        place: &'static Location<'static>,
    ) -> Result<(Self, Self), Arc<TensorError>> {
        let array: Vec<&Array> =
            inputs.iter().map(|i| i.array().map_err(Arc::clone)).collect::<Result<_, _>>()?;
        let (sizes, shape) = check(&array, place)?;
        let [loc, scale] = dispatch!(array[X].dtype(), E => forward::<E>(sizes, &shape, &array));
        let saved_scale = scale.clone();
        let mut outputs = apply(inputs, vec![loc, scale], || AffineLocal {
            sizes,
            x: inputs[X].detach(),
            kernel_loc: inputs[KERNEL_LOC].detach(),
            kernel_scale: inputs[KERNEL_SCALE].detach(),
            bias_scale: inputs.get(BIAS_SCALE).map(|bias| bias.detach()),
            scale: saved_scale,
        })
        .into_iter();
        match (outputs.next(), outputs.next()) {
            (Some(loc), Some(scale)) => Ok((loc, scale)),
            _ => unreachable!("apply gives as many tensors as it takes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_gradients;
    use crate::{DType, Result, Tensor, TensorError, Variable};

    fn ramp(shape: &[usize], step: f64, low: f64) -> Tensor {
        let len: usize = shape.iter().product();
        Tensor::from_vec((0..len).map(|i| ((i * 5) % 7) as f64 * step + low).collect(), shape)
    }

    fn inputs(lead: &[usize]) -> [Tensor; 5] {
        let x: Vec<usize> = lead.iter().copied().chain([3]).collect();
        [
            ramp(&x, 0.31, -0.8),
            ramp(&[3, 4], 0.2, -0.5),
            ramp(&[3, 4], 0.1, 0.05),
            ramp(&[4], 0.3, -1.0),
            ramp(&[4], 0.1, 0.2),
        ]
    }

    #[test]
    fn gradients_agree_with_central_differences() {
        for lead in [&[5][..], &[2, 3], &[1]] {
            let all = inputs(lead);
            let weigh = |(loc, scale): (Tensor, Tensor)| loc.square() * 0.3 + scale.sin();
            check_gradients(&all, |v| {
                weigh(Tensor::affine_local(&v[0], &v[1], &v[2], Some((&v[3], &v[4]))))
            })
            .unwrap();
            check_gradients(&all[..3], |v| weigh(Tensor::affine_local(&v[0], &v[1], &v[2], None)))
                .unwrap();
            check_gradients(&all[..3], |v| Tensor::affine_local(&v[0], &v[1], &v[2], None).0)
                .unwrap();
            check_gradients(&all[..3], |v| Tensor::affine_local(&v[0], &v[1], &v[2], None).1)
                .unwrap();
        }
    }

    #[test]
    fn the_fused_node_agrees_with_the_formula() -> Result<()> {
        let [x, m, s, mb, sb] = inputs(&[6]);
        let (loc, scale) = Tensor::affine_local(&x, &m, &s, Some((&mb, &sb)));
        let plain_loc = x.matmul(&m) + &mb;
        let plain_scale = (x.square().matmul(&s.square()) + sb.square()).sqrt();
        for (a, b) in [(loc, plain_loc), (scale, plain_scale)] {
            for (a, b) in a.to_vec::<f64>()?.into_iter().zip(b.to_vec::<f64>()?) {
                assert!((a - b).abs() <= 1e-15 * b.abs().max(1.0), "{a} {b}");
            }
        }
        Ok(())
    }

    #[test]
    fn a_row_of_zeros_has_zero_gradient_not_nan() -> Result<()> {
        let x = Variable::new("x", Tensor::from_vec(vec![0.0, 0.0, 1.0, 2.0], &[2, 2]))?;
        let s = Variable::new("s", Tensor::full(&[2, 3], 0.5, DType::F64))?;
        let m = Tensor::ones(&[2, 3], DType::F64);
        let (_, scale) = Tensor::affine_local(&x.tensor(), &m, &s.tensor(), None);
        let gradients = scale.sum().gradients()?;
        assert_eq!(gradients.of(&x).to_vec::<f64>()?[..2], [0.0, 0.0]);
        assert!(gradients.of(&x).all_finite()? && gradients.of(&s).all_finite()?);
        Ok(())
    }

    #[test]
    fn products_are_two_forward_and_four_back() -> Result<()> {
        let [x, m, s, ..] = inputs(&[5]);
        let variables = [&m, &s].map(|value| Variable::new("v", value).unwrap());
        let [m, s] = variables.each_ref().map(Variable::tensor);
        let count = crate::kernels::product_count;
        let before = count();
        let (loc, scale) = Tensor::affine_local(&x, &m, &s, None);
        assert_eq!(count() - before, 2);
        (loc + scale).sum().gradients()?;
        assert_eq!(count() - before, 2 + 2);
        let x = Variable::new("x", x)?;
        let before = count();
        let (loc, scale) = Tensor::affine_local(&x.tensor(), &m, &s, None);
        (loc + scale).sum().gradients()?;
        assert_eq!(count() - before, 2 + 4);
        Ok(())
    }

    #[test]
    fn shapes_are_checked_by_name() {
        let [x, m, s, mb, sb] = inputs(&[5]);
        let cases = [
            ("x", Tensor::affine_local(&ramp(&[3], 0.1, 0.0), &m, &s, None)),
            ("x", Tensor::affine_local(&ramp(&[5, 4], 0.1, 0.0), &m, &s, None)),
            ("kernel_loc", Tensor::affine_local(&x, &mb, &s, None)),
            ("kernel_scale", Tensor::affine_local(&x, &m, &m.transpose(), None)),
            ("bias_loc", Tensor::affine_local(&x, &m, &s, Some((&x, &sb)))),
            ("bias_scale", Tensor::affine_local(&x, &m, &s, Some((&mb, &x)))),
        ];
        for (name, (loc, scale)) in cases {
            let error = loc.shape().unwrap_err();
            assert!(
                matches!(&error, TensorError::Shape { argument, .. } if *argument == name),
                "{error}"
            );
            assert_eq!(scale.shape().unwrap_err(), error);
        }
    }
}
