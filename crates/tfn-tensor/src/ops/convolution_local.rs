//! Mean and standard deviation of a convolution's output under normal weights, as one node.

use std::panic::Location;
use std::sync::Arc;

use super::convolution::{Call, Direction};
use super::local_moments::{
    add_rows, bias_loc_gradient, bias_scale_gradient, deviation, variance_gradient,
};
use crate::buffer::Buffer;
use crate::dtype::{Element, dispatch};
use crate::error::{Result, TensorError};
use crate::kernels::convolution::{Adjoint, Geometry, KernelGradient, Operand};
use crate::kernels::{self, Accumulate};
use crate::tensor::{Array, Tensor, Vjp, VjpContext, apply};
use crate::window::Window;

/// Inputs by number, outputs 0 (`loc`) and 1 (`scale`).
const X: usize = 0;
const KERNEL_LOC: usize = 1;
const KERNEL_SCALE: usize = 2;
const BIAS_LOC: usize = 3;
const BIAS_SCALE: usize = 4;
const NAMES: [&str; 5] = ["x", "kernel_loc", "kernel_scale", "bias_loc", "bias_scale"];

struct ConvolutionLocal {
    geometry: Geometry,
    direction: Direction,
    /// Size of the output's last axis.
    columns: usize,
    x: Tensor,
    kernel_loc: Tensor,
    kernel_scale: Tensor,
    bias_scale: Option<Tensor>,
    scale: Tensor,
}

impl ConvolutionLocal {
    /// `dM` and `dS = 2S∘(..)` from the gradients of mean and variance, with one reading of the images.
    fn through_kernels<E: Element>(
        &self,
        ctx: &mut VjpContext<'_>,
        loc: Option<&Tensor>,
        variance: Option<&Tensor>,
    ) -> Result<()> {
        let geometry = &self.geometry;
        let x = Operand::new(self.x.data::<E>()?);
        let weight = Some(self.kernel_scale.data::<E>()?);
        let loc = loc.filter(|_| ctx.needs(KERNEL_LOC)).map(Tensor::data::<E>).transpose()?;
        let variance = variance.filter(|_| ctx.needs(KERNEL_SCALE)).map(Tensor::data::<E>);
        let variance = variance.transpose()?;
        let loc = loc.map(|grad| self.images_and_results(x, Operand::new(grad)));
        let variance =
            variance.map(|grad| self.images_and_results(x.squared(), Operand::new(grad)));
        match (loc, variance) {
            (Some(loc), Some(variance)) => {
                let shape = &ctx.shape(KERNEL_LOC).to_vec();
                let mut of_scale = None;
                let of_loc = Tensor::build::<E>(shape, |of_loc| {
                    of_scale = Some(Tensor::build::<E>(shape, |of_scale| {
                        let accumulate = Accumulate::Set;
                        let outs = [
                            KernelGradient { out: of_loc, accumulate, weight: None },
                            KernelGradient { out: of_scale, accumulate, weight },
                        ];
                        geometry.kernel_gradients([loc, variance], outs);
                    }));
                });
                ctx.add(KERNEL_LOC, of_loc);
                if let Some(of_scale) = of_scale {
                    ctx.add(KERNEL_SCALE, of_scale);
                }
                Ok(())
            }
            (Some(loc), None) => ctx.into::<E>(KERNEL_LOC, |out, accumulate| {
                let out = KernelGradient { out, accumulate, weight: None };
                geometry.kernel_gradients([loc], [out]);
            }),
            (None, Some(variance)) => ctx.into::<E>(KERNEL_SCALE, |out, accumulate| {
                let out = KernelGradient { out, accumulate, weight };
                geometry.kernel_gradients([variance], [out]);
            }),
            (None, None) => Ok(()),
        }
    }

    /// Which of the input and a gradient of the output are images, and which are results.
    fn images_and_results<'a, E>(
        &self,
        x: Operand<'a, E>,
        grad: Operand<'a, E>,
    ) -> (Operand<'a, E>, Operand<'a, E>) {
        match self.direction {
            Direction::Forward => (x, grad),
            Direction::Transposed => (grad, x),
        }
    }

    /// The gradients of mean and variance brought back through both kernels, the second `2x∘`.
    fn through_x<E: Element>(
        &self,
        ctx: &mut VjpContext<'_>,
        loc: Option<&Tensor>,
        variance: Option<&Tensor>,
    ) -> Result<()> {
        let x = self.x.data::<E>()?;
        let m = Operand::new(self.kernel_loc.data::<E>()?);
        let s = Operand::new(self.kernel_scale.data::<E>()?).squared();
        let loc = loc.map(Tensor::data::<E>).transpose()?.map(Operand::new);
        let variance = variance.map(Tensor::data::<E>).transpose()?.map(Operand::new);
        let geometry = &self.geometry;
        match self.direction {
            Direction::Forward => {
                let loc = loc.map(|y| Adjoint { y, kernel: m, weight: None });
                let variance = variance.map(|y| Adjoint { y, kernel: s, weight: Some(x) });
                ctx.into::<E>(X, |out, acc| match (loc, variance) {
                    (Some(loc), Some(variance)) => geometry.adjoint([loc, variance], out, acc),
                    (Some(term), None) | (None, Some(term)) => geometry.adjoint([term], out, acc),
                    (None, None) => {}
                })
            }
            Direction::Transposed => ctx.into::<E>(X, |out, acc| {
                let mut acc = acc;
                if let Some(grad) = loc {
                    geometry.convolve([(grad, m)], [&mut *out], acc);
                    acc = Accumulate::Add;
                }
                if let Some(grad) = variance {
                    let mut back = Buffer::<E>::stale_at_least(out.len());
                    let back = &mut back.as_mut_slice()[..out.len()];
                    geometry.convolve([(grad, s)], [&mut *back], Accumulate::Set);
                    kernels::map2(out, acc, back, x, move |b, x| (x + x) * b);
                }
            }),
        }
    }
}

impl Vjp for ConvolutionLocal {
    fn name(&self) -> &'static str {
        match self.direction {
            Direction::Forward => "convolution_local",
            Direction::Transposed => "convolution_transpose_local",
        }
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        let (loc, of_scale) = (ctx.grad(0).cloned(), ctx.grad(1).cloned());
        dispatch!(self.x.dtype()?, E => {
            if let Some(grad) = &loc {
                bias_loc_gradient::<E>(ctx, BIAS_LOC, grad, self.columns)?;
            }
            let variance =
                of_scale.as_ref().map(|grad| variance_gradient::<E>(&self.scale, grad)).transpose()?;
            if let (Some(of_scale), Some(grad), Some(bias)) = (&of_scale, &variance, &self.bias_scale) {
                bias_scale_gradient::<E>(ctx, BIAS_SCALE, bias, &self.scale, [of_scale, grad])?;
            }
            self.through_kernels::<E>(ctx, loc.as_ref(), variance.as_ref())?;
            self.through_x::<E>(ctx, loc.as_ref(), variance.as_ref())
        })
    }
}

fn forward<E: Element>(
    geometry: &Geometry,
    direction: Direction,
    shape: &[usize],
    inputs: &[&Array],
) -> [Tensor; 2] {
    let bias = |input: usize| inputs.get(input).map(|array| array.slice::<E>());
    let len = shape.iter().product();
    let x = Operand::<E>::new(inputs[X].slice());
    let m = Operand::new(inputs[KERNEL_LOC].slice());
    let s = Operand::new(inputs[KERNEL_SCALE].slice()).squared();
    let mut variance = Buffer::<E>::stale_at_least(len);
    let variance = &mut variance.as_mut_slice()[..len];
    let loc = Tensor::build::<E>(shape, |out| {
        let set = Accumulate::Set;
        match direction {
            Direction::Forward => {
                let outs = [&mut *out, &mut *variance];
                geometry.convolve([(x, m), (x.squared(), s)], outs, set);
            }
            Direction::Transposed => {
                geometry.adjoint([Adjoint { y: x, kernel: m, weight: None }], out, set);
                let term = Adjoint { y: x.squared(), kernel: s, weight: None };
                geometry.adjoint([term], variance, set);
            }
        }
        if let Some(bias) = bias(BIAS_LOC) {
            add_rows(out, bias);
        }
    });
    let scale = Tensor::build::<E>(shape, |out| deviation(out, variance, bias(BIAS_SCALE)));
    [loc, scale]
}

impl Tensor {
    /// Mean and standard deviation of the [`convolution`](Self::convolution) of `x` with independent normal weights, at
    /// each position by itself: what [`affine_local`](Self::affine_local) is for a product.
    ///
    /// ```text
    /// loc = convolution(x, M) + m_b        scale = sqrt(convolution(x∘x, S∘S) + s_b∘s_b)
    /// ```
    ///
    /// One node with two outputs: two products forward, four back (two if nobody wants the gradient of `x`). At a scale
    /// of exactly zero the gradient is zero, not NaN.
    ///
    /// # Shapes
    /// `x` `[.., ..image, channels]`, `kernel_loc` (`M`) and `kernel_scale` (`S`) `[..window, channels / groups, columns]`,
    /// `bias` (`m_b`, `s_b`) `[columns]` each; both outputs `[.., ..positions, columns]`.
    ///
    /// # Errors
    /// As for [`convolution`](Self::convolution), under the names of these arguments.
    ///
    /// # Examples
    /// ```
    /// # use tfn_tensor::{Tensor, TensorError, Window, WindowAxis};
    /// let x = Tensor::from_vec(vec![3.0, 4.0, 0.0], &[1, 3, 1]);
    /// let (m, s) = (Tensor::from_vec(vec![1.0, -1.0], &[2, 1, 1]), Tensor::from_vec(vec![1.0; 2], &[2, 1, 1]));
    /// let window = Window::new(&[WindowAxis::of(2)])?;
    /// let (loc, scale) = Tensor::convolution_local(&x, &m, &s, None, &window, 1);
    /// assert_eq!((loc.to_vec::<f64>()?, scale.to_vec::<f64>()?), (vec![-1.0, 4.0], vec![5.0, 4.0]));
    /// # Ok::<(), TensorError>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn convolution_local(
        x: &Self,
        kernel_loc: &Self,
        kernel_scale: &Self,
        bias: Option<(&Self, &Self)>,
        window: &Window,
        groups: usize,
    ) -> (Self, Self) {
        let (op, place) = ("convolution_local", Location::caller());
        let call = Call { op, direction: Direction::Forward, window, groups, image: &[], place };
        Self::moments_of_convolution([x, kernel_loc, kernel_scale], bias, call)
    }

    /// Mean and standard deviation of the [`convolution_transpose`](Self::convolution_transpose) of `x` with independent
    /// normal weights, each entry by itself: see [`convolution_local`](Self::convolution_local).
    ///
    /// # Shapes
    /// `x` `[.., ..positions, columns]`, `kernel_loc` and `kernel_scale` `[..window, channels / groups, columns]`, `bias`
    /// `[channels]` each; both outputs `[.., ..image, channels]`.
    ///
    /// # Errors
    /// As for [`convolution_transpose`](Self::convolution_transpose), under the names of these arguments.
    ///
    /// # Examples
    /// ```
    /// # use tfn_tensor::{Tensor, TensorError, Window, WindowAxis};
    /// let y = Tensor::from_vec(vec![3.0, 4.0], &[1, 2, 1]);
    /// let ones = Tensor::from_vec(vec![1.0; 2], &[2, 1, 1]);
    /// let window = Window::new(&[WindowAxis::of(2)])?;
    /// let (loc, scale) = Tensor::convolution_transpose_local(&y, &ones, &ones, None, &window, 1, &[3]);
    /// assert_eq!((loc.to_vec::<f64>()?, scale.to_vec::<f64>()?), (vec![3.0, 7.0, 4.0], vec![3.0, 5.0, 4.0]));
    /// # Ok::<(), TensorError>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn convolution_transpose_local(
        x: &Self,
        kernel_loc: &Self,
        kernel_scale: &Self,
        bias: Option<(&Self, &Self)>,
        window: &Window,
        groups: usize,
        image: &[usize],
    ) -> (Self, Self) {
        let (op, place) = ("convolution_transpose_local", Location::caller());
        let call = Call { op, direction: Direction::Transposed, window, groups, image, place };
        Self::moments_of_convolution([x, kernel_loc, kernel_scale], bias, call)
    }

    fn moments_of_convolution(
        inputs: [&Self; 3],
        bias: Option<(&Self, &Self)>,
        call: Call<'_>,
    ) -> (Self, Self) {
        let mut inputs = inputs.to_vec();
        inputs.extend(bias.iter().flat_map(|(loc, scale)| [*loc, *scale]));
        Self::moments_of_convolution_of(&inputs, call)
            .unwrap_or_else(|error| (Self::from_error(error.clone()), Self::from_error(error)))
    }

    fn moments_of_convolution_of(
        inputs: &[&Self],
        call: Call<'_>,
    ) -> Result<(Self, Self), Arc<TensorError>> {
        let arrays: Vec<&Array> =
            inputs.iter().map(|i| i.array().map_err(Arc::clone)).collect::<Result<_, _>>()?;
        let (geometry, shape) = check(&arrays, call)?;
        let (direction, columns) = (call.direction, shape.last().copied().unwrap_or_default());
        let [loc, scale] = dispatch!(
            arrays[X].dtype(), E => forward::<E>(&geometry, direction, &shape, &arrays)
        );
        let saved_scale = scale.clone();
        let mut outputs = apply(inputs, vec![loc, scale], || ConvolutionLocal {
            geometry,
            direction,
            columns,
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

/// Checks the operands' types and shapes; the sizes of the products, and the shape of the outputs.
fn check(inputs: &[&Array], call: Call<'_>) -> Result<(Geometry, Vec<usize>)> {
    let Call { op, place, .. } = call;
    let first = inputs[X];
    if let Some(other) = inputs.iter().find(|input| input.dtype() != first.dtype()) {
        let (lhs, rhs) = (first.dtype(), other.dtype());
        return Err(TensorError::DTypes { op, lhs, rhs, place });
    }
    let wrong = |input: usize, expected: String| TensorError::Shape {
        op,
        argument: NAMES[input],
        given: inputs[input].shape.to_vec(),
        expected,
        place,
    };
    let kernel = &inputs[KERNEL_LOC].shape;
    let (geometry, shape) = call.geometry(&first.shape, kernel, NAMES[KERNEL_LOC])?;
    if inputs[KERNEL_SCALE].shape != *kernel {
        return Err(wrong(KERNEL_SCALE, format!("{kernel:?}, as kernel_loc")));
    }
    let columns = &shape[shape.len() - 1..];
    if let Some(bias) = (BIAS_LOC..inputs.len()).find(|&i| *inputs[i].shape != *columns) {
        return Err(wrong(bias, format!("{columns:?}")));
    }
    Ok((geometry, shape))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
