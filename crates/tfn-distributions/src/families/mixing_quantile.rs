//! Quantiles of mixtures: roots of their cdf, between those of the components.

use tfn_tensor::{DType, Tensor};

use super::mixing::{Mixing, expect_line, finite};
use crate::distribution::{Distribution, Support};
use crate::error::{DistributionError, Result};
use crate::inversion::{first_number, first_whole};
use crate::masking::constant;

/// On which side of an outcome a level lies.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Side {
    /// Of the quantile.
    Below,
    /// Of the inverse survival function.
    Above,
}

/// What the sum of a tail may be off by, relatively, beside a level of counts that is written down exactly.
const TAIL_ERROR: f64 = 64.0 * f64::EPSILON;

impl Side {
    fn method(self) -> &'static str {
        match self {
            Self::Below => "quantile",
            Self::Above => "inverse_survival_function",
        }
    }

    /// The quantile of a component on this side, or what else has the level as its argument.
    pub(super) fn of(self, distribution: &dyn Distribution, p: &Tensor) -> Result<Tensor> {
        match self {
            Self::Below => distribution.quantile(p),
            Self::Above => distribution.inverse_survival_function(p),
        }
    }
}

/// A mixture of numbers and the levels at which it is asked for outcomes.
struct Search<'a> {
    mixture: &'a dyn Distribution,
    side: Side,
    levels: Vec<f64>,
    shape: Vec<usize>,
    dtype: DType,
}

/// The outcome of the mixture on whose `side` the probability is `p`, given that of each component side by side on a last axis.
///
/// A change of the parameters or of `p` moves it by the implicit function theorem, `dx = (dp − dF)/F′`.
pub(super) fn outcome_at(
    mixture: &dyn Distribution,
    mixing: &Mixing<'_>,
    p: &Tensor,
    side: Side,
    by_component: &dyn Fn(&Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    expect_line(mixture, side.method())?;
    let is_numbers = matches!(mixture.support(), Support::Continuous | Support::Integers);
    if !is_numbers || mixing.event_ndims != 0 {
        return Err(DistributionError::Unsupported {
            family: mixture.family(),
            method: side.method(),
        });
    }
    let weights = mixing.weights.probs().detach();
    let ends = (by_component(&p.detach())? + &weights * 0.0).detach().check()?;
    let outer = ends.shape()?.split_last().map_or(Vec::new(), |(_, outer)| outer.to_vec());
    let weights = weights.broadcast_to(ends.shape()?).to_f64_vec()?;
    let levels = p.broadcast_to(&outer).to_f64_vec()?;
    let dtype = mixture.dtype()?;
    let [low, high] = brackets(&ends.to_f64_vec()?, &weights, levels.len());
    let search = Search { mixture, side, levels, shape: outer, dtype };
    let is_counts = mixture.support() == Support::Integers;
    let found = if is_counts { search.count(low, high)? } else { search.number(low, high)? };
    let outcome = Tensor::from_f64(&found, &search.shape, dtype);
    if is_counts { Ok(outcome) } else { moving(mixture, &outcome, p, side) }
}

/// The least and the greatest outcome of the components that have a weight; NaN where one is.
fn brackets(ends: &[f64], weights: &[f64], entries: usize) -> [Vec<f64>; 2] {
    let count = ends.len() / entries.max(1);
    let of_entry = |entry: usize| {
        let mut range = [f64::INFINITY, f64::NEG_INFINITY];
        for place in entry * count..(entry + 1) * count {
            let (end, weight) = (ends[place], weights[place]);
            if end.is_nan() || weight.is_nan() {
                return [f64::NAN; 2];
            }
            if weight > 0.0 {
                range = [range[0].min(end), range[1].max(end)];
            }
        }
        range
    };
    let ranges: Vec<[f64; 2]> = (0..entries).map(of_entry).collect();
    [0, 1].map(|side| ranges.iter().map(|range| range[side]).collect())
}

impl Search<'_> {
    /// The first number whose probabilities are those of the level, the smaller of which has the digits.
    fn number(&self, low: Vec<f64>, high: Vec<f64>) -> Result<Vec<f64>> {
        let (epsilon, largest) = match self.dtype {
            DType::F32 => (f64::from(f32::EPSILON), f64::from(f32::MAX)),
            DType::F64 => (f64::EPSILON, f64::MAX),
        };
        let clamp = |x: f64| x.clamp(-largest, largest);
        // The components' own outcomes are rounded, and where they overflow there may be a number all the same.
        let beside = |x: f64, steps: f64| clamp(clamp(x) + steps * epsilon * clamp(x).abs());
        let from = low.iter().map(|x| beside(*x, -4.0)).collect();
        let to = high.iter().map(|x| beside(*x, 4.0)).collect();
        let rising = |points: &[f64]| {
            let [below, above] = self.tails(points)?;
            let difference = |(i, &p): (usize, &f64)| match self.side {
                Side::Below if p <= 0.5 => below[i] - p,
                Side::Below => (1.0 - p) - above[i],
                Side::Above if p <= 0.5 => p - above[i],
                Side::Above => below[i] - (1.0 - p),
            };
            Ok(self.levels.iter().enumerate().map(difference).collect())
        };
        let found = first_number::<DistributionError>(&rising, from, to, epsilon)?;
        Ok(found
            .into_iter()
            .enumerate()
            .map(|(i, x)| self.between(i, x, low[i], high[i]))
            .collect())
    }

    /// The first count that reaches the level.
    fn count(&self, low: Vec<f64>, high: Vec<f64>) -> Result<Vec<f64>> {
        let reaches = |points: &[f64]| {
            let [below, above] = self.tails(points)?;
            let is_there = |(i, &p): (usize, &f64)| {
                let error = TAIL_ERROR * p.min(1.0 - p);
                match self.side {
                    Side::Below => below[i] >= p - error,
                    Side::Above => above[i] <= p + error,
                }
            };
            Ok(self.levels.iter().enumerate().map(is_there).collect())
        };
        let before = low.iter().map(|low| low - 1.0).collect();
        let found = first_whole::<DistributionError>(&reaches, before, high.clone())?;
        Ok(found
            .into_iter()
            .enumerate()
            .map(|(i, x)| self.between(i, x, low[i], high[i]))
            .collect())
    }

    /// The tails below and above each point; one that no level is compared with is left out.
    fn tails(&self, points: &[f64]) -> Result<[Vec<f64>; 2]> {
        let x = Tensor::from_f64(points, &self.shape, self.dtype);
        let is_count = self.mixture.support() == Support::Integers;
        let by_other = |p: &f64| *p > 0.5 && !is_count;
        let (own, other) =
            (self.levels.iter().any(|p| !by_other(p)), self.levels.iter().any(by_other));
        let (is_below, is_above) = match self.side {
            Side::Below => (own, other),
            Side::Above => (other, own),
        };
        let of = |is_asked: bool, tail: Result<Tensor>| -> Result<Vec<f64>> {
            if is_asked {
                Ok(tail?.broadcast_to(&self.shape).to_f64_vec()?)
            } else {
                Ok(vec![0.0; points.len()])
            }
        };
        let nothing = || Ok(Tensor::zeros(&[], self.dtype));
        Ok([
            of(is_below, if is_below { self.mixture.cdf(&x) } else { nothing() })?,
            of(is_above, if is_above { self.mixture.survival_function(&x) } else { nothing() })?,
        ])
    }

    /// `found`, but the ends of the support at the levels 0 and 1, and no further out than the components are.
    fn between(&self, entry: usize, found: f64, low: f64, high: f64) -> f64 {
        let p = self.levels[entry];
        let (to_low, to_high) = match self.side {
            Side::Below => (p == 0.0, p == 1.0),
            Side::Above => (p == 1.0, p == 0.0),
        };
        if !(0.0..=1.0).contains(&p) || low.is_nan() {
            f64::NAN
        } else if to_low {
            low
        } else if to_high {
            high
        } else {
            found.clamp(low.min(high), high.max(low))
        }
    }
}

/// `outcome`, with the slopes that it has as a root in the level and in the parameters.
fn moving(mixture: &dyn Distribution, outcome: &Tensor, p: &Tensor, side: Side) -> Result<Tensor> {
    let [below, above] = [mixture.log_cdf(outcome)?, mixture.log_survival_function(outcome)?];
    if !p.is_tracked() && !below.is_tracked() && !above.is_tracked() {
        return Ok(outcome.clone());
    }
    let log_density = mixture.log_prob(outcome)?.detach();
    let x = outcome.watched();
    let slope =
        |tail: Tensor| Ok::<_, DistributionError>(tail.sum().gradients_of(&[&x])?.remove(0));
    let slopes = [slope(mixture.log_cdf(&x)?)?, slope(mixture.log_survival_function(&x)?)?];
    // The smaller tail has the digits.
    let is_low = below.detach().le(&above.detach());
    let [below, above] =
        [(&below, &slopes[0], 1.0), (&above, &slopes[1], 0.0)].map(|(tail, slope, is_own)| {
            // The ratio of both logarithms' slopes: where the density is far down, its own logarithm has no digits to compare.
            let weight = slope.reciprocal();
            // Where the density is nothing, as at the ends, nothing moves.
            let moves = weight.abs().lt(&constant(f64::INFINITY, &weight))
                * is_low.eq(&constant(is_own, &is_low));
            change(tail) * Tensor::select(&moves, &weight, &constant(0.0, &weight))
        });
    let sign = if side == Side::Below { 1.0 } else { -1.0 };
    let by_level = change(p) * finite(&(-&log_density).exp()) * sign;
    Ok((outcome + by_level - below - above).check()?)
}

/// 0, with the slope of `x`.
fn change(x: &Tensor) -> Tensor {
    let fixed = x.detach();
    let change = x - &fixed;
    // Infinity less infinity.
    Tensor::select(&change.eq(&change), &change, &constant(0.0, &fixed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Binomial, Categorical, Mixture, MixtureSameFamily, Normal, Poisson, Uniform};
    use tfn_tensor::Variable;
    use tfn_tensor::testing::check_gradients;

    fn row(values: &[f64], dtype: DType) -> Tensor {
        Tensor::from_f64(values, &[values.len()], dtype)
    }

    fn read(tensor: Result<Tensor>) -> Vec<f64> {
        tensor.unwrap().to_f64_vec().unwrap()
    }

    fn weights(probs: &[f64], dtype: DType) -> Categorical {
        Categorical::from_probs(row(probs, dtype)).unwrap()
    }

    /// A quarter of `N(−1, .5)` and three of `N(2, 1.5)`.
    fn two_normals(dtype: DType) -> [Box<dyn Distribution>; 2] {
        let normal = |loc: f64, scale: f64| {
            Normal::new(row(&[loc], dtype), row(&[scale], dtype)).unwrap().into()
        };
        let both = Normal::new(row(&[-1.0, 2.0], dtype), row(&[0.5, 1.5], dtype)).unwrap();
        let weights = || weights(&[0.25, 0.75], dtype);
        [
            Box::new(MixtureSameFamily::new(weights(), both).unwrap()),
            Box::new(Mixture::new(weights(), [normal(-1.0, 0.5), normal(2.0, 1.5)]).unwrap()),
        ]
    }

    /// By mpmath with 60 digits.
    #[test]
    fn both_tails_have_all_digits() {
        let below = [
            (1e-300, -53.559_003_739_510_17),
            (1e-30, -15.158_635_564_908_18),
            (1e-12, -8.491_386_820_699_246),
            (0.3, -0.113_799_925_780_283_6),
            (0.5, 1.353_910_772_579_335_2),
            (0.9, 3.666_157_424_955_178_6),
        ];
        let above = [
            (1e-300, 57.559_003_739_510_17),
            (1e-30, 19.158_635_564_908_18),
            (1e-12, 12.491_386_820_699_246),
            (0.3, 2.380_020_654_712_627),
        ];
        for dtype in [DType::F64, DType::F32] {
            let (least, near) = if dtype == DType::F64 { (0.0, 4e-16) } else { (1e-37, 5e-7) };
            for mixture in two_normals(dtype) {
                for (side, cases) in [(Side::Below, &below[..]), (Side::Above, &above[..])] {
                    let cases: Vec<_> = cases.iter().filter(|(p, _)| *p > least).collect();
                    let levels = row(&cases.iter().map(|case| case.0).collect::<Vec<_>>(), dtype);
                    let given = read(side.of(&*mixture, &levels));
                    for (given, (p, expected)) in given.iter().zip(cases) {
                        // A level of f32 is rounded, which moves what lies where the density is low.
                        let off = (given - expected).abs();
                        assert!(
                            off <= near * expected.abs().max(1.0),
                            "{dtype:?} {p}: {given} {expected}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn batches_of_levels_and_of_mixtures_broadcast() {
        let dtype = DType::F64;
        let scale = Tensor::from_vec(vec![0.5, 1.5, 1.0, 1.0, 3.0, 0.1], &[3, 2]);
        let mixture = MixtureSameFamily::new(
            weights(&[0.25, 0.75], dtype),
            Normal::new(row(&[-1.0, 2.0], dtype), scale).unwrap(),
        );
        let mixture = mixture.unwrap();
        let levels = Tensor::from_vec(vec![1e-20, 0.2, 0.5, 0.999], &[4, 1]);
        let x = mixture.quantile(&levels).unwrap();
        assert_eq!(x.shape().unwrap(), [4, 3]);
        let back = read(mixture.cdf(&x));
        for (back, level) in back.iter().zip(read(Ok(levels + &x * 0.0))) {
            assert!((back / level - 1.0).abs() < 1e-13, "{back} {level}");
        }
    }

    #[test]
    fn outcomes_move_as_the_implicit_function_theorem_says() {
        let inputs = [&[-1.0, 2.0][..], &[0.5, 1.5], &[0.3, -0.4], &[0.01, 0.3, 0.5, 0.97]];
        let inputs = inputs.map(|values| row(values, DType::F64));
        let same = |v: &[Tensor]| -> Result<Box<dyn Distribution>> {
            let weights = Categorical::from_logits(&v[2])?;
            Ok(Box::new(MixtureSameFamily::new(weights, Normal::new(&v[0], &v[1])?)?))
        };
        let other = |v: &[Tensor]| -> Result<Box<dyn Distribution>> {
            let of = |i: usize| Normal::new(v[0].narrow(0, i, 1), v[1].narrow(0, i, 1));
            let weights = Categorical::from_logits(&v[2])?;
            Ok(Box::new(Mixture::new(weights, [of(0)?.into(), of(1)?.into()])?))
        };
        for side in [Side::Below, Side::Above] {
            check_gradients(&inputs, |v| side.of(&*same(v).unwrap(), &v[3]).unwrap()).unwrap();
            check_gradients(&inputs, |v| side.of(&*other(v).unwrap(), &v[3]).unwrap()).unwrap();
        }
    }

    #[test]
    fn far_out_and_at_the_ends_slopes_are_finite() {
        for dtype in [DType::F32, DType::F64] {
            let loc = Variable::new("loc", row(&[-1.0, 2.0], dtype)).unwrap();
            let p = Variable::new("p", row(&[0.0, 1e-30, 0.5, 1.0], dtype)).unwrap();
            let normals = Normal::new(&loc, 1.0).unwrap();
            let mixture = MixtureSameFamily::new(weights(&[0.5, 0.5], dtype), normals).unwrap();
            let x = mixture.quantile(&p.tensor()).unwrap();
            let values = read(Ok(x.clone()));
            assert_eq!([values[0], values[3]], [f64::NEG_INFINITY, f64::INFINITY]);
            let slopes = x.narrow(0, 1, 2).sum().gradients().unwrap();
            let of_loc = read(Ok(slopes.of(&loc)));
            // Far out the nearer component alone moves the outcome; in the middle both do by halves.
            assert!((of_loc[0] - 1.5).abs() < 1e-5 && (of_loc[1] - 0.5).abs() < 1e-5, "{of_loc:?}");
            let ends = x.sum().gradients().unwrap();
            for slope in read(Ok(ends.of(&loc))).into_iter().chain(read(Ok(ends.of(&p)))) {
                assert!(!slope.is_nan(), "{slope}");
            }
        }
    }

    #[test]
    fn weights_of_zero_and_gaps_leave_the_first_number_that_reaches_the_level() {
        let dtype = DType::F64;
        let uniform =
            Uniform::new(row(&[0.0, 2.0, -9.0], dtype), row(&[1.0, 3.0, 9.0], dtype)).unwrap();
        let mixture = MixtureSameFamily::new(weights(&[0.5, 0.5, 0.0], dtype), uniform).unwrap();
        let levels = row(&[0.0, 0.25, 0.5, 0.75, 1.0, -0.1, f64::NAN], dtype);
        let given = read(mixture.quantile(&levels));
        assert_eq!(given[..5], [0.0, 0.5, 1.0, 2.5, 3.0]);
        assert!(given[5].is_nan() && given[6].is_nan());
        let given = read(mixture.inverse_survival_function(&levels));
        assert_eq!([given[0], given[1], given[3], given[4]], [3.0, 2.5, 0.5, 0.0]);
    }

    /// A component so narrow that no number near its outcome has its level takes the outcome with it all the same.
    #[test]
    fn outcomes_between_neighbouring_numbers_move() {
        for (dtype, far) in [(DType::F32, 1e10), (DType::F64, 1e100)] {
            let loc = Variable::new("loc", row(&[far, 5.0], dtype)).unwrap();
            let normals = Normal::new(&loc, row(&[1e-3, 1.0], dtype)).unwrap();
            let weights = Categorical::from_logits(row(&[1e4, 0.0], dtype)).unwrap();
            let mixture = MixtureSameFamily::new(weights, normals).unwrap();
            for side in [Side::Below, Side::Above] {
                let x = side.of(&mixture, &row(&[1e-4], dtype)).unwrap();
                let slopes = x.sum().gradients().unwrap().of(&loc);
                assert_eq!(read(Ok(slopes)), [1.0, 0.0]);
            }
        }
    }

    /// Outcomes grow with their unit, where distances between them overflow too, and those of one component.
    #[test]
    fn the_largest_numbers_have_outcomes() {
        for (dtype, power) in [(DType::F32, 127), (DType::F64, 1023)] {
            let of = |unit: f64| {
                let (loc, scale) = (row(&[unit, -unit], dtype), row(&[unit, 0.5 * unit], dtype));
                let weights = weights(&[0.25, 0.75], dtype);
                MixtureSameFamily::new(weights, Normal::new(loc, scale).unwrap()).unwrap()
            };
            let (unit, levels) = (2.0_f64.powi(power), row(&[0.1, 0.5, 0.8, 0.9], dtype));
            for side in [Side::Below, Side::Above] {
                let (large, small) = (side.of(&of(unit), &levels), side.of(&of(1.0), &levels));
                for (large, small) in read(large).iter().zip(read(small)) {
                    assert!((large / unit - small).abs() < 1e-6, "{large} {small}");
                }
            }
        }
    }

    #[test]
    fn counts_are_the_first_to_reach_the_level() {
        for dtype in [DType::F32, DType::F64] {
            let coins = Binomial::from_probs(row(&[2.0], dtype), row(&[0.5], dtype)).unwrap();
            let poisson = Poisson::new(row(&[3.0], dtype)).unwrap();
            let alone = Mixture::new(
                weights(&[0.5, 0.5], dtype),
                [coins.clone().into(), coins.clone().into()],
            )
            .unwrap();
            let levels = row(&[0.0, 0.25, 0.3, 0.75, 1.0], dtype);
            assert_eq!(read(alone.quantile(&levels)), [0.0, 0.0, 1.0, 1.0, 2.0]);
            let both = Mixture::new(weights(&[0.75, 0.25], dtype), [coins.into(), poisson.into()])
                .unwrap();
            let counts = row(&(0..12).map(f64::from).collect::<Vec<_>>(), dtype);
            assert_eq!(read(both.quantile(&both.cdf(&counts).unwrap())), read(Ok(counts.clone())));
            let above = both.survival_function(&counts).unwrap();
            assert_eq!(read(both.inverse_survival_function(&above)), read(Ok(counts)));
            assert_eq!(read(both.quantile(&row(&[1.0], dtype))), [f64::INFINITY]);
        }
    }

    #[test]
    fn what_has_no_order_has_no_quantile() {
        let dtype = DType::F64;
        let vectors = crate::MultivariateNormalDiag::new(
            Tensor::zeros(&[2, 3], dtype),
            Tensor::ones(&[3], dtype),
        )
        .unwrap();
        let mixture = MixtureSameFamily::new(weights(&[0.5, 0.5], dtype), vectors).unwrap();
        let error = mixture.quantile(&Tensor::scalar(0.5)).unwrap_err();
        assert_eq!(error.to_string(), "MixtureSameFamily has no quantile");
    }
}
