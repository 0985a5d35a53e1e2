//! Windows that slide over the middle axes of a tensor.

use std::panic::Location;

use crate::error::{Result, TensorError};

/// Axes that a window can have at most.
const AXES: usize = 3;

/// How a window slides over one axis.
///
/// # Examples
/// ```
/// use tfn_tensor::WindowAxis;
///
/// // Seven entries and a zero at either end, by windows of three that start at every second one.
/// let axis = WindowAxis { stride: 2, padding: (1, 1), ..WindowAxis::of(3) };
/// assert_eq!(axis.positions(7), Some(4));
/// assert_eq!(WindowAxis::of(3).positions(2), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WindowAxis {
    /// Entries that the window reads.
    pub size: usize,
    /// Distance from one position of the window to the next.
    pub stride: usize,
    /// Distance between two entries that the window reads.
    pub dilation: usize,
    /// Entries of padding before and after the axis.
    pub padding: (usize, usize),
}

impl WindowAxis {
    /// A window of `size` neighbours that moves by one, without padding.
    pub fn of(size: usize) -> Self {
        Self { size, stride: 1, dilation: 1, padding: (0, 0) }
    }

    /// Length from the first entry that the window reads to the last: `(size − 1)·dilation + 1`.
    pub fn extent(&self) -> usize {
        self.size.saturating_sub(1).saturating_mul(self.dilation).saturating_add(1)
    }

    /// Number of positions of the window over an axis of `len` entries; `None` if it has none.
    pub fn positions(&self, len: usize) -> Option<usize> {
        let padded = len.checked_add(self.padding.0)?.checked_add(self.padding.1)?;
        let free = padded.checked_sub(self.extent()).filter(|_| self.size > 0)?;
        Some(free.checked_div(self.stride)? + 1)
    }
}

/// A window over one, two or three axes, as convolutions and pooling slide it over an image.
///
/// # Examples
/// ```
/// use tfn_tensor::{Window, WindowAxis};
///
/// let window = Window::new(&[WindowAxis::of(5), WindowAxis { stride: 2, ..WindowAxis::of(3) }])?;
/// assert_eq!(window.positions(&[28, 28]), Some(vec![24, 13]));
/// assert!(Window::new(&[WindowAxis { stride: 0, ..WindowAxis::of(3) }]).is_err());
/// # Ok::<(), tfn_tensor::TensorError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    axes: Vec<WindowAxis>,
}

impl Window {
    /// The window with these axes.
    ///
    /// # Errors
    /// [`TensorError::OutOfRange`] for no axes or more than three, and for a size, stride or dilation of zero or so
    /// large that memory could not hold what it spans.
    #[track_caller]
    pub fn new(axes: &[WindowAxis]) -> Result<Self> {
        let place = Location::caller();
        let wrong = |argument, given: String, expected: &str| {
            Err(TensorError::OutOfRange {
                op: "Window",
                argument,
                given,
                expected: expected.to_owned(),
                place,
            })
        };
        if !(1..=AXES).contains(&axes.len()) {
            return wrong("axes", format!("{} axes", axes.len()), "1, 2 or 3");
        }
        for axis in axes {
            let numbers =
                [("size", axis.size), ("stride", axis.stride), ("dilation", axis.dilation)];
            if let Some(&(argument, given)) = numbers.iter().find(|(_, given)| *given == 0) {
                return wrong(argument, given.to_string(), "at least 1");
            }
            let padding = axis.padding.0.saturating_add(axis.padding.1);
            let span = axis.extent().saturating_add(padding).saturating_add(axis.stride);
            if span > usize::MAX >> 16 {
                return wrong("axes", format!("{axis:?}"), "sizes that memory can hold");
            }
        }
        let entries = axes.iter().try_fold(1_usize, |all, axis| all.checked_mul(axis.size));
        if entries.is_none_or(|entries| entries > usize::MAX >> 16) {
            let sizes: Vec<usize> = axes.iter().map(|axis| axis.size).collect();
            return wrong("size", format!("{sizes:?}"), "a window that memory can hold");
        }
        Ok(Self { axes: axes.to_vec() })
    }

    /// Its axes.
    pub fn axes(&self) -> &[WindowAxis] {
        &self.axes
    }

    /// How many axes it has.
    pub fn rank(&self) -> usize {
        self.axes.len()
    }

    /// Size of the window along each axis.
    pub fn shape(&self) -> Vec<usize> {
        self.axes.iter().map(|axis| axis.size).collect()
    }

    /// Number of positions along each axis of an image of that shape; `None` if the window does not fit into it.
    pub fn positions(&self, image: &[usize]) -> Option<Vec<usize>> {
        if image.len() != self.rank() {
            return None;
        }
        self.axes.iter().zip(image).map(|(axis, &len)| axis.positions(len)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_numbers_are_errors_or_none() {
        let most = usize::MAX;
        for axis in [
            WindowAxis { size: most, ..WindowAxis::of(1) },
            WindowAxis { stride: most, ..WindowAxis::of(1) },
            WindowAxis { dilation: most, ..WindowAxis::of(2) },
            WindowAxis { padding: (most, most), ..WindowAxis::of(1) },
            WindowAxis { padding: (0, most), ..WindowAxis::of(1) },
        ] {
            assert!(
                matches!(Window::new(&[axis]), Err(TensorError::OutOfRange { .. })),
                "{axis:?}"
            );
        }
        assert!(Window::new(&[]).is_err() && Window::new(&[WindowAxis::of(1); 4]).is_err());
        assert_eq!(WindowAxis { padding: (0, 1), ..WindowAxis::of(1) }.positions(most), None);
    }

    #[test]
    fn positions_are_those_that_a_walk_counts() {
        for (len, size, stride, dilation, low, high) in combinations(6) {
            let axis = WindowAxis { size, stride, dilation, padding: (low, high) };
            let last = (size - 1) * dilation;
            let walk = (0..len + low + high).step_by(stride);
            let count = walk.filter(|start| start + last < len + low + high).count();
            assert_eq!(axis.positions(len).unwrap_or(0), count, "{axis:?} over {len}");
        }
    }

    /// Some of all numbers below `most`.
    fn combinations(
        most: usize,
    ) -> impl Iterator<Item = (usize, usize, usize, usize, usize, usize)> {
        (0..most.pow(4)).map(move |index| {
            let digit = |place: u32| index / most.pow(place) % most;
            (digit(0), digit(1) + 1, digit(2) % 3 + 1, digit(3) % 3 + 1, digit(3) / 3, digit(2) / 3)
        })
    }
}
