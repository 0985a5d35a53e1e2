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

fn span(axis: &WindowAxis, len: usize, position: usize) -> Span {
    let start = (position * axis.stride) as isize - axis.padding.0 as isize;
    // Entry k lies at start + k·dilation.
    let from = (-start).max(0) as usize;
    let to = (len as isize - start).max(0) as usize;
    let first = from.div_ceil(axis.dilation).min(axis.size);
    let last = to.div_ceil(axis.dilation).min(axis.size);
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

    /// Visits the patches of a group at some rows in runs that lie in one piece both in the patch and in the image:
    /// where a run begins in the patches, where in the image (nowhere, if it is padding), and its length.
    ///
    /// Patches are visited from the first entry to the last.
    #[inline(always)]
    pub(in crate::kernels) fn visit(
        &self,
        group: usize,
        rows: Range<usize>,
        mut visit: impl FnMut(usize, Option<usize>, usize),
    ) {
        let [_, rows_of_image, len] = self.image;
        let [first, second, last] = self.axes;
        let (channels, own) = (self.channels, self.channels_of_one());
        // Neighbours of all channels lie in one piece.
        let joined = last.dilation == 1 && self.groups == 1;
        let [_, across, along] = self.positions;
        let (mut at, plane) = (0, last.size * own);
        for row in rows {
            let (rest, x) = (row / along, row % along);
            let (rest, y) = (rest / across, rest % across);
            let (example, z) = (rest / self.positions[0], rest % self.positions[0]);
            let z = span(&first, self.image[0], z);
            let y = span(&second, rows_of_image, y);
            let x = span(&last, len, x);
            for k in 0..first.size {
                for l in 0..second.size {
                    if !z.inside.contains(&k) || !y.inside.contains(&l) || x.inside.is_empty() {
                        visit(at, None, plane);
                        at += plane;
                        continue;
                    }
                    let deep = (z.start + (k * first.dilation) as isize) as usize;
                    let high = (y.start + (l * second.dilation) as isize) as usize;
                    let line = ((example * self.image[0] + deep) * rows_of_image + high) * len;
                    // The first entry inside: what the start lacks, its index makes up for.
                    let begin = x.start + (x.inside.start * last.dilation) as isize;
                    let begin = (line + begin as usize) * channels + group * own;
                    if x.inside.start > 0 {
                        visit(at, None, x.inside.start * own);
                    }
                    let inside = at + x.inside.start * own;
                    if joined {
                        visit(inside, Some(begin), x.inside.len() * own);
                    } else {
                        for i in 0..x.inside.len() {
                            let from = begin + i * last.dilation * channels;
                            visit(inside + i * own, Some(from), own);
                        }
                    }
                    if x.inside.end < last.size {
                        visit(at + x.inside.end * own, None, (last.size - x.inside.end) * own);
                    }
                    at += plane;
                }
            }
        }
    }
}
