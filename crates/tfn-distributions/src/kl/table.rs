//! Expectations of a log-density under normals as polynomials of their `loc` and `scale`.

use tfn_tensor::{DType, Tensor};

use super::chebyshev::{Chebyshev, left_out};
use super::nodes::{Layout, Nodes};
use super::panels::{Panels, log_density};
use crate::distribution::Distribution;
use crate::error::Result;

/// Values in each direction that make a polynomial.
pub(super) const N: usize = 8;
/// Expectations that make a cell.
const CELL: usize = N * N;
/// Nodes after which cells are no more halved.
const MOST: usize = 8_000_000;

/// A range of `loc` over which one polynomial holds, for scales of one strip.
pub(super) struct Cell {
    middle: f64,
    rate: f64,
    error: f64,
    /// Powers of the place in the range, then those of the place in the strip.
    powers: [[f64; N]; N],
}

/// The scales whose first bits are the same.
struct Strip {
    middle: f64,
    rate: f64,
    /// Lower ends of the cells but the first.
    starts: Vec<f64>,
    first_cell: usize,
}

/// Where an entry lies: its cell, and the places in it from −1 to 1.
pub(super) type Place = (usize, f64, f64);

/// `E log p(loc + scale z)` for all `loc` and `scale` that occur in two tensors.
pub(super) struct Table {
    shift: u32,
    first: u64,
    strips: Vec<Option<Strip>>,
    cells: Vec<Cell>,
    /// What the expectations were computed from, cell by cell, for the gradient in the log-density.
    pub(super) nodes: Nodes,
    error: f64,
}

/// A cell to be made.
struct Pending {
    strip: usize,
    scales: [f64; 2],
    locs: [f64; 2],
}

impl Table {
    /// The table for `prior`, one distribution over numbers; `None` if its log-density is not finite everywhere.
    pub(super) fn new(
        prior: &dyn Distribution,
        loc: &Tensor,
        scale: &Tensor,
        tolerance: f64,
    ) -> Result<Option<Self>> {
        let dtype = loc.dtype()?;
        // Strips are octaves of scale in single precision, half of that in double.
        let (shift, reach) = match dtype {
            DType::F32 => (52, 6.5),
            DType::F64 => (51, 8.5),
        };
        let layout = Layout::new(reach)?;
        let pending = ranges(loc, scale, shift)?;
        let bounds = pending.iter().fold([f64::INFINITY, f64::NEG_INFINITY], |[a, b], cell| {
            let reach = layout.reach * cell.scales[1];
            [a.min(cell.locs[0] - reach), b.max(cell.locs[1] + reach)]
        });
        let Some(first) = pending.first() else { return Ok(None) };
        let (first, smallest) = (first.strip, first.scales[0]);
        let Some(panels) = Panels::new(prior, bounds, smallest, tolerance, dtype)? else {
            return Ok(None);
        };
        let mut made = Self {
            shift,
            first: first as u64,
            strips: Vec::new(),
            cells: Vec::new(),
            nodes: Nodes::default(),
            error: panels.error,
        };
        let tolerance = tolerance.max(panels.noise(dtype));
        let Some(cells) = made.fit(prior, &layout, &panels, pending, (tolerance, dtype))? else {
            return Ok(None);
        };
        made.arrange(cells);
        Ok(Some(made))
    }

    /// Makes cells, halving those that one polynomial does not fit; their strips, starts and order of making.
    fn fit(
        &mut self,
        prior: &dyn Distribution,
        layout: &Layout,
        panels: &Panels,
        mut pending: Vec<Pending>,
        (tolerance, dtype): (f64, DType),
    ) -> Result<Option<Vec<(Pending, Cell, usize)>>> {
        let transforms = (Chebyshev::<N>::transform(), Chebyshev::<N>::to_powers());
        let mut made = Vec::new();
        let mut spent = 0;
        while !pending.is_empty() {
            let mut nodes = Nodes::default();
            for at in pending.iter().flat_map(grid) {
                layout.add(&mut nodes, panels, at);
            }
            spent += nodes.points.len();
            let Some(values) = log_density(prior, &nodes.points, dtype)? else { return Ok(None) };
            let expectations = nodes.expectations(&values);
            let mut halves = Vec::new();
            for (i, cell) in pending.into_iter().enumerate() {
                let values = &expectations[i * CELL..(i + 1) * CELL];
                let [by_loc, by_scale] = errors(&coefficients(&transforms.0, values));
                let [low, high] = cell.locs;
                let width = high - low;
                // A cell much wider than the normals and full of bends may hide some between its nodes.
                let hides = width > 8.0 * cell.scales[0] && panels.between(low, high).len() > 4;
                let splits = width > 0.25 * cell.scales[0] && spent < MOST;
                if splits && (by_loc > tolerance || hides) {
                    let middle = 0.5 * (low + high);
                    halves.extend(
                        [[low, middle], [middle, high]].map(|locs| Pending { locs, ..cell }),
                    );
                } else {
                    let powers = coefficients(&transforms.1, values);
                    let error = by_loc + by_scale;
                    let (middle, rate) = (0.5 * (low + high), 2.0 / width);
                    self.nodes.append(&nodes, i * CELL..(i + 1) * CELL);
                    made.push((cell, Cell { middle, rate, error, powers }, made.len()));
                }
            }
            pending = halves;
        }
        Ok(Some(made))
    }

    /// Puts the cells in order, strip by strip.
    fn arrange(&mut self, mut cells: Vec<(Pending, Cell, usize)>) {
        cells.sort_by(|(a, ..), (b, ..)| {
            a.strip.cmp(&b.strip).then(a.locs[0].total_cmp(&b.locs[0]))
        });
        let made = std::mem::take(&mut self.nodes);
        for (pending, cell, order) in cells {
            let index = pending.strip - self.first as usize;
            self.strips.resize_with(self.strips.len().max(index + 1), || None);
            if let Some(Some(strip)) = self.strips.get_mut(index) {
                strip.starts.push(pending.locs[0]);
            } else {
                let [low, high] = pending.scales;
                self.strips[index] = Some(Strip {
                    middle: 0.5 * (low + high),
                    rate: 2.0 / (high - low),
                    starts: Vec::new(),
                    first_cell: self.cells.len(),
                });
            }
            self.cells.push(cell);
            self.nodes.append(&made, order * CELL..(order + 1) * CELL);
        }
    }

    /// The place of an entry, `None` if it is not a proper normal.
    #[inline]
    pub(super) fn place(&self, loc: f64, scale: f64) -> Option<Place> {
        let index = (scale.to_bits() >> self.shift).wrapping_sub(self.first);
        let strip = self.strips.get(index as usize)?.as_ref()?;
        if !loc.is_finite() {
            return None;
        }
        let cell = strip.first_cell + strip.starts.partition_point(|start| *start <= loc);
        let of_loc = self.cells.get(cell)?;
        Some((cell, (loc - of_loc.middle) * of_loc.rate, (scale - strip.middle) * strip.rate))
    }

    /// The expectation, its slopes in `loc` and `scale`, and its error.
    #[inline]
    pub(super) fn at(&self, loc: f64, scale: f64) -> [f64; 4] {
        let index = (scale.to_bits() >> self.shift).wrapping_sub(self.first);
        let (Some((cell, t, u)), Some(Some(strip))) =
            (self.place(loc, scale), self.strips.get(index as usize))
        else {
            return [f64::NAN; 4];
        };
        let cell = &self.cells[cell];
        let (mut row, mut slopes) = ([0.0; N], [0.0; N]);
        for powers in cell.powers.iter().rev() {
            for k in 0..N {
                slopes[k] = slopes[k] * t + row[k];
                row[k] = row[k] * t + powers[k];
            }
        }
        let (mut value, mut by_scale, mut by_loc) = (0.0, 0.0, 0.0);
        for k in (0..N).rev() {
            by_scale = by_scale * u + value;
            value = value * u + row[k];
            by_loc = by_loc * u + slopes[k];
        }
        [value, by_loc * cell.rate, by_scale * strip.rate, cell.error + self.error]
    }

    /// Number of cells.
    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }
}

/// The ranges of `loc` for the scales of each strip, wide enough for a polynomial.
fn ranges(loc: &Tensor, scale: &Tensor, shift: u32) -> Result<Vec<Pending>> {
    let found = match loc.dtype()? {
        DType::F32 => super::entrywise::ranges::<f32>(loc, scale, shift)?,
        DType::F64 => super::entrywise::ranges::<f64>(loc, scale, shift)?,
    };
    let strip = |(strip, [low, high]): (usize, [f64; 2])| {
        let scales = [strip as u64, strip as u64 + 1].map(|bits| f64::from_bits(bits << shift));
        let locs = [low - 0.5 * scales[1], high + 0.5 * scales[1]];
        Pending { strip, scales, locs }
    };
    Ok(found.into_iter().map(strip).collect())
}

/// `loc` and `scale` of the expectations for a cell.
fn grid(cell: &Pending) -> impl Iterator<Item = [f64; 2]> {
    let along = |[low, high]: [f64; 2]| {
        Chebyshev::<N>::nodes().map(|t| 0.5 * (low + high) + 0.5 * (high - low) * t)
    };
    let (locs, scales) = (along(cell.locs), along(cell.scales));
    locs.into_iter().flat_map(move |loc| scales.map(|scale| [loc, scale]))
}

/// `matrix · values · matrixᵀ`.
fn coefficients(matrix: &[[f64; N]; N], values: &[f64]) -> [[f64; N]; N] {
    let dot = |a: &[f64; N], b: &[f64; N]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let columns: [[f64; N]; N] =
        std::array::from_fn(|j| std::array::from_fn(|i| values[i * N + j]));
    let half: [[f64; N]; N] =
        std::array::from_fn(|a| std::array::from_fn(|j| dot(&matrix[a], &columns[j])));
    std::array::from_fn(|a| std::array::from_fn(|b| dot(&half[a], &matrix[b])))
}

/// What the expansion leaves out in either direction.
fn errors(coefficients: &[[f64; N]; N]) -> [f64; 2] {
    let largest = |of: &dyn Fn(usize, usize) -> f64| -> [f64; N] {
        std::array::from_fn(|a| (0..N).fold(0.0, |worst: f64, b| worst.max(of(a, b).abs())))
    };
    let rows = largest(&|a, b| coefficients[a][b]);
    let columns = largest(&|a, b| coefficients[b][a]);
    [left_out(&rows), left_out(&columns)]
}

/// The gradient in the expectations of a cell from that in the powers of its polynomial.
pub(super) fn back(powers: &[f64]) -> [[f64; N]; N] {
    let matrix = Chebyshev::<N>::to_powers();
    let transposed: [[f64; N]; N] = std::array::from_fn(|i| std::array::from_fn(|a| matrix[a][i]));
    coefficients(&transposed, powers)
}
