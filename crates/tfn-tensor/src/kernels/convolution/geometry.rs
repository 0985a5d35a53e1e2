//! Where the entries of a patch lie in an image.

use std::ops::Range;

use crate::window::{Window, WindowAxis};

/// Axes of an image that the kernels see; those that a window does not have are of length 1.
const AXES: usize = 3;

/// Sizes of a convolution of `[batch, ..image, channels]` to `[batch, ..positions, columns]` by a kernel
/// `[..window, channels / groups, columns]`.
///
/// Group `g` has its share of the channels, one after another, and makes its share of the columns.
#[derive(Clone, Debug)]
pub(crate) struct Geometry {
    pub(crate) batch: usize,
    axes: [WindowAxis; AXES],
    image: [usize; AXES],
    positions: [usize; AXES],
    channels: usize,
    columns: usize,
    groups: usize,
}

/// What a window reads of one axis at one position.
struct Span {
    /// Index of its first entry, in the padding if it is negative.
    start: isize,
    /// The entries of the window that lie inside the image.
    inside: Range<usize>,
}

#[inline(always)]
fn span(axis: &WindowAxis, len: usize, position: usize) -> Span {
    let start = (position * axis.stride) as isize - axis.padding.0 as isize;
    // Entry k lies at start + k·dilation. A division takes longer than all the rest.
    let steps = |distance: usize| match axis.dilation {
        1 => distance,
        dilation => distance.div_ceil(dilation),
    };
    let first = steps((-start).max(0) as usize).min(axis.size);
    let last = steps((len as isize - start).max(0) as usize).min(axis.size);
    Span { start, inside: first..last.max(first) }
}

impl Geometry {
    /// The sizes for a window over `image`, into which it fits.
    pub(crate) fn new(
        window: &Window,
        batch: usize,
        image: &[usize],
        [channels, columns]: [usize; 2],
        groups: usize,
    ) -> Option<Self> {
        let positions = window.positions(image)?;
        let lead = AXES - window.rank();
        let mut of = Self {
            batch,
            axes: [WindowAxis::of(1); AXES],
            image: [1; AXES],
            positions: [1; AXES],
            channels,
            columns,
            groups,
        };
        of.axes[lead..].copy_from_slice(window.axes());
        of.image[lead..].copy_from_slice(image);
        of.positions[lead..].copy_from_slice(&positions);
        Some(of)
    }

    /// Positions of the window over all examples.
    pub(crate) fn rows(&self) -> usize {
        self.batch * self.positions_of_one()
    }

    pub(in crate::kernels) fn positions_of_one(&self) -> usize {
        self.positions.iter().product()
    }

    /// Entries of an example's image.
    pub(in crate::kernels) fn image_of_one(&self) -> usize {
        self.image.iter().product::<usize>() * self.channels
    }

    /// Entries of a patch of one group, which are the rows of the kernel.
    pub(crate) fn depth(&self) -> usize {
        self.axes.iter().map(|axis| axis.size).product::<usize>() * self.channels_of_one()
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    pub(super) fn groups(&self) -> usize {
        self.groups
    }

    fn channels_of_one(&self) -> usize {
        self.channels / self.groups
    }

    /// The columns that a group makes.
    pub(super) fn columns_of(&self, group: usize) -> Range<usize> {
        let each = self.columns / self.groups;
        group * each..(group + 1) * each
    }

    /// Visits the patches of a group at some rows, line by line: what a window reads along the last axis of the image.
    ///
    /// Patches are visited in order, each from its first line to its last; lines of padding only if `PADDING`.
    #[inline(always)]
    pub(in crate::kernels) fn visit<const PADDING: bool>(
        &self,
        group: usize,
        rows: Range<usize>,
        mut visit: impl FnMut(Line),
    ) {
        let [planes, lines, len] = self.image;
        let [first, second, last] = self.axes;
        let (channels, own) = (self.channels, self.channels_of_one());
        let [deep, across, along] = self.positions;
        let line_of_window = last.size * own;
        let (rest, mut x) = (rows.start / along, rows.start % along);
        let (rest, mut y) = (rest / across, rest % across);
        let (mut example, mut z) = (rest / deep, rest % deep);
        let (mut spans_z, mut spans_y) = (span(&first, planes, z), span(&second, lines, y));
        for row in 0..rows.len() {
            let spans_x = span(&last, len, x);
            let Range { start, end } = spans_x.inside;
            let begin = spans_x.start + (start * last.dilation) as isize;
            let whole =
                |inside: &Range<usize>, size| if PADDING { 0..size } else { inside.clone() };
            for k in whole(&spans_z.inside, first.size) {
                for l in whole(&spans_y.inside, second.size) {
                    let at = (k * second.size + l) * line_of_window;
                    let read = spans_z.inside.contains(&k) & spans_y.inside.contains(&l);
                    let (mut from, mut inside) = (0, 0..0);
                    if read & (start < end) {
                        let plane = (spans_z.start + (k * first.dilation) as isize) as usize;
                        let line = (spans_y.start + (l * second.dilation) as isize) as usize;
                        let line = ((example * planes + plane) * lines + line) * len;
                        from = (line + begin as usize) * channels + group * own;
                        inside = start..end;
                    }
                    visit(Line { row, at, from, inside });
                }
            }
            x += 1;
            if x == along {
                (x, y) = (0, y + 1);
                if y == across {
                    (y, z) = (0, z + 1);
                    if z == deep {
                        (z, example) = (0, example + 1);
                    }
                    spans_z = span(&first, planes, z);
                }
                spans_y = span(&second, lines, y);
            }
        }
    }

    /// Entries of a line of the window, and of its step from one of them to the next.
    #[inline(always)]
    pub(in crate::kernels) fn line(&self) -> LineShape {
        let (last, own) = (self.axes[AXES - 1], self.channels_of_one());
        // Neighbours of all channels lie in one piece.
        let joined = last.dilation == 1 && self.groups == 1;
        LineShape { size: last.size, own, step: last.dilation * self.channels, joined }
    }
}

/// A line of a patch.
pub(in crate::kernels) struct Line {
    /// Number of the patch, counted from the first that is visited.
    pub(in crate::kernels) row: usize,
    /// Where the line begins in the patch.
    pub(in crate::kernels) at: usize,
    /// Where the first entry that is no padding lies in the images.
    pub(in crate::kernels) from: usize,
    /// Which entries of the window are no padding, each of as many numbers as a group has channels.
    pub(in crate::kernels) inside: Range<usize>,
}

/// What all lines have in common.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct LineShape {
    /// Entries, padding included.
    pub(in crate::kernels) size: usize,
    /// Numbers of an entry.
    pub(in crate::kernels) own: usize,
    /// Distance of one entry to the next in the image.
    pub(in crate::kernels) step: usize,
    /// Whether they lie in one piece.
    pub(in crate::kernels) joined: bool,
}
