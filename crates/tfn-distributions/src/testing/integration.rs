//! Integrals over the real line, interval by interval.

use crate::error::Result;

/// Nodes in [−1, 1] and weights of the Gauss–Lobatto rule of seven nodes. It looks at both ends of an interval, so
/// that an end of the support cannot hide beside one.
const LOBATTO: [(f64, f64); 7] = [
    (-1.0, 0.047_619_047_619_047_616),
    (-0.830_223_896_278_566_9, 0.276_826_047_361_565_95),
    (-0.468_848_793_470_714_2, 0.431_745_381_209_862_6),
    (0.0, 0.487_619_047_619_047_6),
    (0.468_848_793_470_714_2, 0.431_745_381_209_862_6),
    (0.830_223_896_278_566_9, 0.276_826_047_361_565_95),
    (1.0, 0.047_619_047_619_047_616),
];
/// Pieces that a tail is cut into.
const TAIL_PIECES: i32 = 40;
/// How often an interval is halved at most.
const MOST_ROUNDS: usize = 60;

/// A stretch of `u` that stands for one of `x`: the ends of the line are brought near.
#[derive(Clone, Copy)]
struct Interval {
    low: f64,
    high: f64,
    map: Map,
}

#[derive(Clone, Copy)]
enum Map {
    Plain,
    /// `x = from + towards·u/(1 − u)` for `u` in `[0, 1)`.
    Tail {
        from: f64,
        towards: f64,
    },
}

impl Map {
    /// `x`, and `dx/du`; nothing is left at infinity.
    fn at(self, u: f64) -> (f64, f64) {
        match self {
            Self::Plain => (u, 1.0),
            Self::Tail { towards, .. } if u >= 1.0 => (towards.signum() * f64::MAX, 0.0),
            Self::Tail { from, towards } => {
                (from + towards * u / (1.0 - u), (towards / (1.0 - u).powi(2)).abs())
            }
        }
    }
}

impl Interval {
    fn halves(self) -> [Self; 2] {
        let middle = 0.5 * (self.low + self.high);
        [Self { high: middle, ..self }, Self { low: middle, ..self }]
    }

    fn nodes(self) -> impl Iterator<Item = (f64, f64)> {
        let (centre, half) = (0.5 * (self.low + self.high), 0.5 * (self.high - self.low));
        LOBATTO.into_iter().map(move |(node, weight)| {
            let (x, slope) = self.map.at(centre + half * node);
            (x, weight * half * slope)
        })
    }
}

/// The integrals over all numbers of the functions whose values `f` gives for a list of arguments, one list a
/// function, up to about `tolerance`.
///
/// `points` are places where the functions are large, in rising order; each interval between two of them, and the
/// two tails, is halved until halving changes nothing.
pub(super) fn integrate<const N: usize>(
    points: &[f64],
    tolerance: f64,
    f: impl Fn(&[f64]) -> Result<[Vec<f64>; N]>,
) -> Result<[f64; N]> {
    let mut sums = [0.0_f64; N];
    let mut active = intervals(points);
    let mut values = rule(&active, &f)?;
    for round in 0..MOST_ROUNDS {
        let halves: Vec<Interval> = active.iter().flat_map(|interval| interval.halves()).collect();
        let finer = rule(&halves, &f)?;
        let mut next = (Vec::new(), Vec::new());
        for (i, coarse) in values.iter().enumerate() {
            let pair = [finer[2 * i], finer[2 * i + 1]];
            let off = |n: usize| (pair[0][n] + pair[1][n] - coarse[n]).abs();
            let done = (0..N).all(|n| off(n) <= 1e-3 * tolerance * (1.0 + sums[n].abs()));
            if done || round + 1 == MOST_ROUNDS {
                (0..N).for_each(|n| sums[n] += pair[0][n] + pair[1][n]);
            } else {
                next.0.extend([halves[2 * i], halves[2 * i + 1]]);
                next.1.extend(pair);
            }
        }
        (active, values) = next;
        if active.is_empty() {
            break;
        }
    }
    Ok(sums)
}

fn intervals(points: &[f64]) -> Vec<Interval> {
    let (Some(&first), Some(&last)) = (points.first(), points.last()) else { return Vec::new() };
    let width = (last - first).max(f64::MIN_POSITIVE);
    let between = points.windows(2).filter(|ends| ends[1] > ends[0]);
    let mut all: Vec<Interval> =
        between.map(|ends| Interval { low: ends[0], high: ends[1], map: Map::Plain }).collect();
    for (from, towards) in [(first, -width), (last, width)] {
        // Pieces that shrink towards the points, so that an end of the support soon after them is seen.
        let map = Map::Tail { from, towards };
        let ends: Vec<f64> = (0..TAIL_PIECES).rev().map(|k| 0.5_f64.powi(k)).collect();
        all.push(Interval { low: 0.0, high: ends[0], map });
        all.extend(ends.windows(2).map(|ends| Interval { low: ends[0], high: ends[1], map }));
    }
    all
}

/// The integrals over each interval by the rule of seven nodes.
fn rule<const N: usize>(
    intervals: &[Interval],
    f: impl Fn(&[f64]) -> Result<[Vec<f64>; N]>,
) -> Result<Vec<[f64; N]>> {
    let nodes: Vec<(f64, f64)> = intervals.iter().flat_map(|interval| interval.nodes()).collect();
    let arguments: Vec<f64> = nodes.iter().map(|(x, _)| *x).collect();
    let values = f(&arguments)?;
    let sum = |n: usize, i: usize| {
        (7 * i..7 * (i + 1)).map(|node| nodes[node].1 * values[n][node]).sum::<f64>()
    };
    Ok((0..intervals.len()).map(|i| std::array::from_fn(|n| sum(n, i))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smooth_broken_and_heavy_tailed_functions_have_their_integrals() {
        let f = |x: &[f64]| -> Result<[Vec<f64>; 3]> {
            let bell = x.iter().map(|x| (-x * x).exp()).collect();
            let step = x.iter().map(|&x| if (0.3..1.7).contains(&x) { 2.0 } else { 0.0 }).collect();
            let heavy = x.iter().map(|x| 1.0 / (1.0 + x * x)).collect();
            Ok([bell, step, heavy])
        };
        let [bell, step, heavy] = integrate(&[-1.0, 0.0, 0.5, 2.0], 1e-9, f).unwrap();
        assert!((bell - std::f64::consts::PI.sqrt()).abs() < 1e-9, "{bell}");
        assert!((step - 2.8).abs() < 1e-9, "{step}");
        assert!((heavy - std::f64::consts::PI).abs() < 1e-9, "{heavy}");
    }
}
