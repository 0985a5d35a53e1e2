//! Pooling: the largest entry or the mean of what a window reads.

use std::panic::Location;

use crate::dtype::dispatch;
use crate::error::{Result, TensorError};
use crate::kernels::Pool;
use crate::kernels::convolution::Geometry;
use crate::memory;
use crate::shape::count;
use crate::tensor::{Tensor, Vjp, VjpContext, apply_one};
use crate::window::{Window, WindowAxis};

struct Pooling {
    pool: Pool,
    geometry: Geometry,
    x: Tensor,
}

impl Vjp for Pooling {
    fn name(&self) -> &'static str {
        name(self.pool)
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        let Some(g) = ctx.grad(0).cloned() else {
            return Ok(());
        };
        dispatch!(g.dtype()?, E => {
            let (grad, x) = (g.data::<E>()?, self.x.data::<E>()?);
            ctx.into::<E>(0, |out, accumulate| {
                self.pool.backward(&self.geometry, x, grad, out, accumulate);
            })
        })
    }
}

fn name(pool: Pool) -> &'static str {
    match pool {
        Pool::Max => "max_pool",
        Pool::Average => "avg_pool",
    }
}

/// Whether some position of the window reads nothing but padding.
fn reads_nothing(axis: &WindowAxis, len: usize, positions: usize) -> bool {
    (0..positions).any(|position| {
        let start = position * axis.stride;
        let inside = |k: usize| {
            (start + k * axis.dilation).checked_sub(axis.padding.0).is_some_and(|at| at < len)
        };
        // The first entry that is not before the image.
        let before = axis.padding.0.saturating_sub(start).div_ceil(axis.dilation);
        before >= axis.size || !inside(before)
    })
}

impl Tensor {
    /// The largest entry of what a window reads, channel by channel. Padding does not count; if an entry is not a number,
    /// the result is none. The gradient goes to the first of those that are equal.
    ///
    /// Counterpart: `tf.nn.max_pool`, for one, two and three axes.
    ///
    /// # Shapes
    /// `self` `[.., ..image, channels]`, the result `[.., ..positions, channels]`.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if the window does not fit into the padded image, or reads nothing but padding somewhere.
    ///
    /// # Examples
    /// ```
    /// # use tfn_tensor::{Tensor, TensorError, Window, WindowAxis};
    /// let x = Tensor::from_vec(vec![1.0, 4.0, 2.0, 3.0], &[1, 4, 1]);
    /// let window = Window::new(&[WindowAxis { stride: 2, ..WindowAxis::of(2) }])?;
    /// assert_eq!(x.max_pool(&window).to_vec::<f64>()?, [4.0, 3.0]);
    /// # Ok::<(), TensorError>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn max_pool(&self, window: &Window) -> Self {
        self.pooled(Pool::Max, window, Location::caller()).unwrap_or_else(Self::from_error)
    }

    /// The mean of what a window reads, channel by channel. Padding does not count.
    ///
    /// Counterpart: `tf.nn.avg_pool`, for one, two and three axes.
    ///
    /// # Shapes
    /// As of [`max_pool`](Self::max_pool).
    ///
    /// # Errors
    /// As for [`max_pool`](Self::max_pool).
    ///
    /// # Examples
    /// ```
    /// # use tfn_tensor::{Tensor, TensorError, Window, WindowAxis};
    /// let x = Tensor::from_vec(vec![1.0, 4.0, 2.0], &[1, 3, 1]);
    /// let window = Window::new(&[WindowAxis { padding: (0, 1), ..WindowAxis::of(2) }])?;
    /// assert_eq!(x.avg_pool(&window).to_vec::<f64>()?, [2.5, 3.0, 2.0]);
    /// # Ok::<(), TensorError>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn avg_pool(&self, window: &Window) -> Self {
        self.pooled(Pool::Average, window, Location::caller()).unwrap_or_else(Self::from_error)
    }

    fn pooled(
        &self,
        pool: Pool,
        window: &Window,
        place: &'static Location<'static>,
    ) -> Result<Self> {
        let shape = self.shape()?;
        let wrong = |expected: String| TensorError::Shape {
            op: name(pool),
            argument: "x",
            given: shape.to_vec(),
            expected,
            place,
        };
        let rank = window.rank();
        let Some(lead) = shape.len().checked_sub(rank + 1) else {
            return Err(wrong(format!("[..] + {rank} axes + [channels]")));
        };
        let (lead, image, channels) =
            (&shape[..lead], &shape[lead..lead + rank], shape[lead + rank]);
        // A window that reads more than that reads padding nearly everywhere.
        let patch = [&window.shape()[..], &[channels]].concat();
        memory::counted_len(&patch, self.dtype()?)?;
        let extents: Vec<usize> = window.axes().iter().map(|axis| axis.extent()).collect();
        let positions = window.positions(image).ok_or_else(|| {
            wrong(format!(
                "axes into which, with their padding, a window of extent {extents:?} fits"
            ))
        })?;
        let output = [lead, &positions, &[channels]].concat();
        memory::checked_len(&output, self.dtype()?)?;
        let mut axes = window.axes().iter().zip(image).zip(&positions);
        if axes.any(|((axis, &len), &count)| reads_nothing(axis, len, count)) {
            let expected =
                "axes of which each position of the window reads an entry, not padding alone";
            return Err(wrong(expected.to_owned()));
        }
        let geometry = Geometry::new(window, count(lead), image, [channels, channels], 1);
        let geometry = geometry.ok_or_else(|| wrong("an image".to_owned()))?;
        let made = dispatch!(self.dtype()?, E => {
            let x = self.data::<E>()?;
            Self::build::<E>(&output, |out| pool.forward(&geometry, x, out))
        });
        Ok(apply_one(&[self], made, || Pooling { pool, geometry, x: self.detach() }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::convolution::tests::Case;
    use crate::testing::check_gradients;
    use crate::{DType, Key, Tensor, TensorError, Variable, Window, WindowAxis};

    /// The entries that a window reads at each position, by a convolution with kernels of one 1.
    fn read(x: &Tensor, window: &Window) -> Tensor {
        let taps: usize = window.shape().iter().product();
        let mut ones = vec![0.0; taps * taps];
        (0..taps).for_each(|tap| ones[tap * taps + tap] = 1.0);
        let kernel = Tensor::from_vec(ones, &[&window.shape()[..], &[1, taps]].concat());
        x.convolution(&kernel, window, 1)
    }

    #[test]
    fn pools_are_the_largest_and_the_mean_of_what_is_read() {
        let mut stream = Key::from_seed(31).stream();
        let mut compared = 0;
        for _ in 0..800 {
            let case = Case::draw(&mut stream);
            let shape = [&case.x[..case.x.len() - 1], &[3]].concat();
            let x = stream.normal(&shape, DType::F64);
            let (max, mean) = (x.max_pool(&case.window), x.avg_pool(&case.window));
            if max.check().is_err() {
                assert!(mean.check().is_err());
                continue;
            }
            compared += 1;
            for channel in 0..3 {
                let x = x.narrow(-1, channel, 1);
                // What lies in the padding reads as 0 of the ones.
                let inside = read(&Tensor::ones(x.shape().unwrap(), DType::F64), &case.window);
                let entries = read(&x, &case.window);
                let taps = *inside.shape().unwrap().last().unwrap();
                let (inside, entries) =
                    (inside.to_vec::<f64>().unwrap(), entries.to_vec::<f64>().unwrap());
                let of = |t: &Tensor| t.narrow(-1, channel, 1).to_vec::<f64>().unwrap();
                let (max, mean) = (of(&max), of(&mean));
                for (row, (max, mean)) in max.iter().zip(&mean).enumerate() {
                    let rows = row * taps..(row + 1) * taps;
                    let read: Vec<f64> = entries[rows.clone()]
                        .iter()
                        .zip(&inside[rows])
                        .filter(|(_, inside)| **inside == 1.0)
                        .map(|(x, _)| *x)
                        .collect();
                    assert_eq!(*max, read.iter().copied().fold(f64::MIN, f64::max), "{case:?}");
                    let expected = read.iter().sum::<f64>() / read.len() as f64;
                    assert!((mean - expected).abs() < 1e-13, "{case:?}: {mean} {expected}");
                }
            }
        }
        assert!(compared > 150, "{compared}");
    }

    #[test]
    fn gradients_agree_with_central_differences() {
        let mut stream = Key::from_seed(32).stream();
        for _ in 0..60 {
            let case = Case::draw_small(&mut stream);
            let x = stream.normal(&case.x, DType::F64);
            if x.max_pool(&case.window).check().is_ok() {
                check_gradients(std::slice::from_ref(&x), |v| v[0].max_pool(&case.window).sin())
                    .unwrap();
                check_gradients(&[x], |v| v[0].avg_pool(&case.window).sin()).unwrap();
            }
        }
    }

    #[test]
    fn equal_entries_infinite_ones_and_such_that_are_no_number() {
        let window = Window::new(&[WindowAxis::of(2)]).unwrap();
        let (low, nan) = (f64::NEG_INFINITY, f64::NAN);
        for (x, expected, slope) in [
            ([2.0, 2.0, 1.0], [2.0, 2.0], [1.0, 1.0, 0.0]),
            ([low, low, low], [low, low], [1.0, 1.0, 0.0]),
            ([nan, 1.0, 2.0], [nan, 2.0], [1.0, 0.0, 1.0]),
            ([3.0, nan, 2.0], [nan, nan], [0.0, 2.0, 0.0]),
        ] {
            let x = Variable::new("x", Tensor::from_vec(x.to_vec(), &[1, 3, 1])).unwrap();
            let y = x.tensor().max_pool(&window);
            let given = y.to_vec::<f64>().unwrap();
            let same = given.iter().zip(&expected).all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(same, "{given:?}");
            let slopes = y.sum().gradients().unwrap();
            let given = slopes.of(&x).to_vec::<f64>().unwrap();
            assert_eq!(given, slope);
        }
    }

    #[test]
    fn large_ones_are_the_same_on_one_thread() {
        let axis = WindowAxis { stride: 2, padding: (1, 1), ..WindowAxis::of(3) };
        let window = Window::new(&[axis, axis]).unwrap();
        let x = Key::from_seed(1).stream().normal(&[37, 31, 30, 5], DType::F32);
        let results = || {
            let x = Variable::new("x", &x).unwrap();
            let y = x.tensor().max_pool(&window) + x.tensor().avg_pool(&window);
            let slopes = y.square().sum().gradients().unwrap().of(&x);
            [y, slopes].map(|tensor| tensor.to_vec::<f32>().unwrap())
        };
        let all = results();
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert!(all == one.install(results));
    }

    #[test]
    fn windows_of_padding_alone_are_errors() {
        let x = Tensor::ones(&[1, 3, 1], DType::F32);
        let wide = WindowAxis { padding: (2, 0), ..WindowAxis::of(2) };
        let between = WindowAxis { padding: (1, 2), dilation: 5, ..WindowAxis::of(2) };
        for axis in [wide, between, WindowAxis::of(4)] {
            let error = x.max_pool(&Window::new(&[axis]).unwrap()).check().unwrap_err();
            assert!(matches!(error, TensorError::Shape { argument: "x", .. }), "{error}");
        }
        let empty = Tensor::ones(&[0, 3, 1], DType::F32);
        let y = empty.avg_pool(&Window::new(&[WindowAxis::of(2)]).unwrap());
        assert_eq!(y.shape().unwrap(), [0, 2, 1]);
        let none = Tensor::ones(&[2, 3, 0], DType::F32);
        let y = none.max_pool(&Window::new(&[WindowAxis::of(2)]).unwrap());
        assert_eq!(y.shape().unwrap(), [2, 2, 0]);
    }
}
