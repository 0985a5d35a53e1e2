//! Nodes and weights for the expectation of a log-density under one normal.

use super::gauss::{hermite_rule, legendre_rule};
use super::panels::Panels;
use crate::error::Result;
use crate::special::scalar::gamma::LN_SQRT_2PI;

/// Nodes where one polynomial of degree 11 holds wherever the normal has mass, and to either side of a break.
const SMOOTH: usize = 8;
const PIECE: usize = 10;

/// Points and weights of many expectations, one behind the other.
#[derive(Default)]
pub(super) struct Nodes {
    pub(super) points: Vec<f64>,
    pub(super) weights: Vec<f64>,
    /// Where each expectation ends.
    pub(super) ends: Vec<usize>,
}

impl Nodes {
    /// The expectations of values at the points.
    pub(super) fn expectations(&self, values: &[f64]) -> Vec<f64> {
        let mut start = 0;
        let each = self.ends.iter().map(|&end| {
            let range = start..end;
            start = end;
            self.weights[range.clone()].iter().zip(&values[range]).map(|(w, v)| w * v).sum()
        });
        each.collect()
    }

    pub(super) fn append(&mut self, other: &Self, which: std::ops::Range<usize>) {
        let start = if which.start == 0 { 0 } else { other.ends[which.start - 1] };
        let shift = self.points.len();
        let end = if which.is_empty() { start } else { other.ends[which.end - 1] };
        self.points.extend_from_slice(&other.points[start..end]);
        self.weights.extend_from_slice(&other.weights[start..end]);
        self.ends.extend(other.ends[which].iter().map(|end| end - start + shift));
    }
}

/// How nodes are laid.
pub(super) struct Layout {
    smooth: Vec<(f64, f64)>,
    piece: Vec<(f64, f64)>,
    /// Standard deviations beyond which nothing counts.
    pub(super) reach: f64,
}

impl Layout {
    pub(super) fn new(reach: f64) -> Result<Self> {
        Ok(Self { smooth: hermite_rule(SMOOTH)?, piece: legendre_rule(PIECE), reach })
    }

    /// Adds the nodes for the normal with `loc` and `scale`: a Gauss–Hermite rule inside a panel; otherwise
    /// Gauss–Legendre rules between the breaks, on pieces of at most two standard deviations.
    pub(super) fn add(&self, nodes: &mut Nodes, panels: &Panels, [loc, scale]: [f64; 2]) {
        let (low, high) = (loc - self.reach * scale, loc + self.reach * scale);
        let breaks = panels.between(low, high);
        if breaks.is_empty() {
            nodes.points.extend(self.smooth.iter().map(|(z, _)| loc + scale * z));
            nodes.weights.extend(self.smooth.iter().map(|(_, w)| w));
        } else {
            let mut start = low;
            for &end in breaks.iter().chain([&high]) {
                self.between(nodes, [start, end], [loc, scale]);
                start = end;
            }
        }
        nodes.ends.push(nodes.points.len());
    }

    fn between(&self, nodes: &mut Nodes, [low, high]: [f64; 2], [loc, scale]: [f64; 2]) {
        let pieces = (0.5 * (high - low) / scale).ceil().max(1.0);
        let half = 0.5 * (high - low) / pieces;
        for piece in 0..pieces as usize {
            let middle = low + half * (2 * piece + 1) as f64;
            for (t, weight) in &self.piece {
                let x = middle + half * t;
                let z = (x - loc) / scale;
                nodes.points.push(x);
                nodes.weights.push(weight * half / scale * (-0.5 * z * z - LN_SQRT_2PI).exp());
            }
        }
    }
}
