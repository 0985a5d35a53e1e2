//! Convolutions and their adjoints.

use std::panic::Location;
use std::sync::Arc;

use crate::dtype::{DType, Element, dispatch};
use crate::error::{Result, TensorError};
use crate::kernels::Accumulate;
use crate::kernels::convolution::{Adjoint, Geometry, KernelGradient, Operand};
use crate::memory;
use crate::shape::count;
use crate::tensor::{Tensor, Vjp, VjpContext, apply_one};
use crate::window::Window;

const X: usize = 0;
const KERNEL: usize = 1;

/// Which way a kernel is applied.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// Images to results.
    Forward,
    /// Results to images: the adjoint.
    Transposed,
}

/// What a window is slid over, and how.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) op: &'static str,
    pub(super) direction: Direction,
    pub(super) window: &'a Window,
    pub(super) groups: usize,
    /// Shape of the image that an adjoint gives; empty for a convolution.
    pub(super) image: &'a [usize],
    pub(super) place: &'static Location<'static>,
}

impl Call<'_> {
    fn wrong(&self, argument: &'static str, given: &[usize], expected: String) -> TensorError {
        let (op, place) = (self.op, self.place);
        TensorError::Shape { op, argument, given: given.to_vec(), expected, place }
    }

    /// Sizes of the kernels' products, and the shape of the output.
    pub(super) fn geometry(
        &self,
        x: &[usize],
        kernel: &[usize],
        argument: &'static str,
    ) -> Result<(Geometry, Vec<usize>)> {
        let (window, rank) = (self.window, self.window.rank());
        let shape = window.shape();
        let kernel_expected = || format!("{shape:?} + [channels / groups, columns]");
        let [of_window @ .., per_group, columns] = kernel else {
            return Err(self.wrong(argument, kernel, kernel_expected()));
        };
        if *of_window != shape[..] {
            return Err(self.wrong(argument, kernel, kernel_expected()));
        }
        let groups = self.groups;
        if groups == 0 || columns % groups != 0 {
            return Err(TensorError::OutOfRange {
                op: self.op,
                argument: "groups",
                given: groups.to_string(),
                expected: format!("at least 1, and a divisor of the kernel's {columns} columns"),
                place: self.place,
            });
        }
        let channels = per_group.checked_mul(groups);
        let too_many = || self.wrong(argument, kernel, kernel_expected());
        let channels = channels.ok_or_else(too_many)?;
        let ends_with = match self.direction {
            Direction::Forward => channels,
            Direction::Transposed => *columns,
        };
        let Some((lead, [space @ .., last])) =
            x.len().checked_sub(rank + 1).map(|lead| x.split_at(lead))
        else {
            let expected = format!("[..] + {rank} axes + [{ends_with}]");
            return Err(self.wrong("x", x, expected));
        };
        if *last != ends_with {
            let expected = format!("{ends_with} channels in the last axis");
            return Err(self.wrong("x", x, expected));
        }
        let image = match self.direction {
            Direction::Forward => space,
            Direction::Transposed => self.image,
        };
        let positions = window.positions(image);
        let (space, end) = match (self.direction, positions) {
            (Direction::Forward, Some(positions)) => (positions, *columns),
            (Direction::Forward, None) => {
                let extents: Vec<usize> = window.axes().iter().map(|axis| axis.extent()).collect();
                let expected = format!(
                    "axes into which, with their padding, a window of extent {extents:?} fits"
                );
                return Err(self.wrong("x", x, expected));
            }
            (Direction::Transposed, positions) => {
                if positions.as_deref() != Some(space) {
                    let expected =
                        format!("an image over which the window has {space:?} positions");
                    return Err(self.wrong("image", image, expected));
                }
                (image.to_vec(), channels)
            }
        };
        let output = [lead, &space, &[end]].concat();
        // The image that an adjoint's gradient has to be made of is the output, and the other way about.
        memory::checked_len(&output, DType::F64)?;
        let batch = count(lead);
        let geometry = Geometry::new(window, batch, image, [channels, *columns], groups);
        let geometry = geometry.ok_or_else(too_many)?;
        // The block of patches that each task needs.
        memory::checked_len(&[geometry.block_rows(), geometry.depth()], DType::F64)?;
        Ok((geometry, output))
    }
}

struct Convolution {
    geometry: Geometry,
    direction: Direction,
    x: Option<Tensor>,
    kernel: Option<Tensor>,
}

impl Vjp for Convolution {
    fn name(&self) -> &'static str {
        match self.direction {
            Direction::Forward => "convolution",
            Direction::Transposed => "convolution_transpose",
        }
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        let Some(g) = ctx.grad(0).cloned() else {
            return Ok(());
        };
        let Self { geometry, direction, .. } = self;
        dispatch!(g.dtype()?, E => {
            let grad = Operand::new(g.data::<E>()?);
            if let Some(kernel) = &self.kernel {
                let kernel = Operand::new(kernel.data::<E>()?);
                ctx.into::<E>(X, |out, accumulate| match direction {
                    Direction::Forward => {
                        let term = Adjoint { y: grad, kernel, weight: None };
                        geometry.adjoint([term], out, accumulate);
                    }
                    Direction::Transposed => geometry.convolve([(grad, kernel)], [out], accumulate),
                })?;
            }
            if let Some(x) = &self.x {
                let x = Operand::new(x.data::<E>()?);
                let pair = match direction {
                    Direction::Forward => (x, grad),
                    Direction::Transposed => (grad, x),
                };
                ctx.into::<E>(KERNEL, |out, accumulate| {
                    let out = KernelGradient { out, accumulate, weight: None };
                    geometry.kernel_gradients([pair], [out]);
                })?;
            }
            Ok(())
        })
    }
}

fn apply_kernel<E: Element>(
    geometry: &Geometry,
    direction: Direction,
    shape: &[usize],
    x: &[E],
    kernel: &[E],
) -> Tensor {
    let (x, kernel) = (Operand::new(x), Operand::new(kernel));
    Tensor::build::<E>(shape, |out| match direction {
        Direction::Forward => geometry.convolve([(x, kernel)], [out], Accumulate::Set),
        Direction::Transposed => {
            geometry.adjoint([Adjoint { y: x, kernel, weight: None }], out, Accumulate::Set);
        }
    })
}

impl Tensor {
    /// Slides a window over images and multiplies what it reads with a kernel: a convolution in the sense of neural
    /// networks, that is, a cross-correlation.
    ///
    /// ```text
    /// y[n, p, c] = Σ_k Σ_i x[n, p·stride + k·dilation − before, i]·kernel[k, i, c]        for each position p
    /// ```
    ///
    /// `k` runs over the window, `i` over the channels of the group of `c`; entries in the padding count as zero. With
    /// `groups` the channels and the columns are cut into as many equal parts, and each part of the columns sees its own
    /// part of the channels (depthwise: as many groups as channels).
    ///
    /// Counterpart: `tf.nn.convolution`, for one, two and three axes.
    ///
    /// # Shapes
    /// `self` `[.., ..image, channels]`, `kernel` `[..window, channels / groups, columns]`, the result
    /// `[.., ..positions, columns]`.
    ///
    /// # Errors
    /// [`TensorError::Shape`] for a kernel or an input that does not fit, and for a window that is larger than the padded
    /// image; [`TensorError::OutOfRange`] for groups that do not divide the columns.
    ///
    /// # Examples
    /// ```
    /// # use tfn_tensor::{Tensor, TensorError, Window, WindowAxis};
    /// let x = Tensor::from_vec(vec![1.0, 2.0, 4.0, 8.0], &[1, 4, 1]);
    /// let difference = Tensor::from_vec(vec![-1.0, 1.0], &[2, 1, 1]);
    /// let y = x.convolution(&difference, &Window::new(&[WindowAxis::of(2)])?, 1);
    /// assert_eq!(y.to_vec::<f64>()?, [1.0, 2.0, 4.0]);
    /// # Ok::<(), TensorError>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn convolution(&self, kernel: &Self, window: &Window, groups: usize) -> Self {
        let (op, direction, place) = ("convolution", Direction::Forward, Location::caller());
        self.convolved(kernel, Call { op, direction, window, groups, image: &[], place })
            .unwrap_or_else(Self::from_error)
    }

    /// The adjoint of [`convolution`](Self::convolution) with the same kernel, window and groups: each entry is sent to
    /// all places that the convolution would have read to make it.
    ///
    /// Several shapes of image can have the same positions of the window; `image` says which is meant.
    ///
    /// Counterpart: `tf.nn.conv_transpose`, for one, two and three axes.
    ///
    /// # Shapes
    /// `self` `[.., ..positions, columns]`, `kernel` `[..window, channels / groups, columns]`, the result
    /// `[.., ..image, channels]`.
    ///
    /// # Errors
    /// As for [`convolution`](Self::convolution); [`TensorError::Shape`] for an image over which the window has other
    /// positions.
    ///
    /// # Examples
    /// ```
    /// # use tfn_tensor::{Tensor, TensorError, Window, WindowAxis};
    /// let y = Tensor::from_vec(vec![1.0, 10.0], &[1, 2, 1]);
    /// let kernel = Tensor::from_vec(vec![1.0, 2.0, 3.0], &[3, 1, 1]);
    /// let window = Window::new(&[WindowAxis { stride: 2, ..WindowAxis::of(3) }])?;
    /// let x = y.convolution_transpose(&kernel, &window, 1, &[5]);
    /// assert_eq!(x.to_vec::<f64>()?, [1.0, 2.0, 13.0, 20.0, 30.0]);
    /// # Ok::<(), TensorError>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn convolution_transpose(
        &self,
        kernel: &Self,
        window: &Window,
        groups: usize,
        image: &[usize],
    ) -> Self {
        let (op, direction) = ("convolution_transpose", Direction::Transposed);
        let place = Location::caller();
        self.convolved(kernel, Call { op, direction, window, groups, image, place })
            .unwrap_or_else(Self::from_error)
    }

    fn convolved(&self, kernel: &Self, call: Call<'_>) -> Result<Self, Arc<TensorError>> {
        let (x, k) = (self.array().map_err(Arc::clone)?, kernel.array().map_err(Arc::clone)?);
        if x.dtype() != k.dtype() {
            let (lhs, rhs) = (x.dtype(), k.dtype());
            return Err(TensorError::DTypes { op: call.op, lhs, rhs, place: call.place }.into());
        }
        let direction = call.direction;
        let (geometry, shape) = call.geometry(&x.shape, &k.shape, "kernel")?;
        let output = dispatch!(x.dtype(), E => {
            apply_kernel::<E>(&geometry, direction, &shape, x.slice(), k.slice())
        });
        Ok(apply_one(&[self, kernel], output, || Convolution {
            geometry,
            direction,
            x: kernel.is_tracked().then(|| self.detach()),
            kernel: self.is_tracked().then(|| kernel.detach()),
        }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) mod tests;
