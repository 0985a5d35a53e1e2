//! Draws of counts, by addition of masses or by rejection.

use std::sync::LazyLock;

use super::gamma_draws::GammaDraw;
use super::incomplete_gamma::log_front;
use super::numbers::Numbers;
use super::trials_law;
use super::trials_law::Odds;

/// Means below which masses are added up from 0 on.
const FEW: f64 = 10.0;

/// The first count up to which the mass reaches `level`, from the mass at 0 and the ratio of the mass at `k + 1` to
/// that at `k`.
fn count_up(level: f64, mass_of_none: f64, ratio: impl Fn(f64) -> f64) -> f64 {
    let (mut count, mut mass, mut rest) = (0.0, mass_of_none, level);
    // Beyond, rounding alone keeps the sum from the level.
    while rest > mass && mass > 1e-18 {
        rest -= mass;
        mass *= ratio(count);
        count += 1.0;
    }
    count
}

/// The Poisson distribution of one rate, to be drawn from.
///
/// From a mean of 10 on by W. Hörmann (1993), "The transformed rejection method for generating Poisson random
/// variables", algorithm PTRS.
#[derive(Clone, Copy)]
pub(crate) struct PoissonDraws {
    rate: f64,
    mass_of_none: f64,
    a: f64,
    b: f64,
    scale: f64,
    inside: f64,
    log_rate: f64,
}

impl PoissonDraws {
    pub(crate) fn new(rate: f64) -> Self {
        let b = 0.931 + 2.53 * rate.sqrt();
        Self {
            rate,
            mass_of_none: if rate < FEW { (-rate).exp() } else { 0.0 },
            a: -0.059 + 0.02483 * b,
            b,
            scale: 1.1239 + 1.1328 / (b - 3.4),
            inside: 0.9277 - 3.6224 / (b - 2.0),
            log_rate: rate.ln(),
        }
    }

    pub(crate) fn draw(&self, numbers: &mut Numbers) -> f64 {
        let Self { rate, a, b, .. } = *self;
        if rate < FEW {
            return count_up(numbers.uniform(), self.mass_of_none, |k| rate / (k + 1.0));
        }
        if !rate.is_finite() {
            return rate;
        }
        loop {
            let (u, v) = (numbers.uniform() - 0.5, numbers.uniform());
            let edge = 0.5 - u.abs();
            let k = ((2.0 * a / edge + b) * u + rate + 0.43).floor();
            if edge >= 0.07 && v <= self.inside {
                return k;
            }
            let outside = k < 0.0 || (edge < 0.013 && v > edge);
            if !outside && (v * self.scale / (a / (edge * edge) + b)).ln() <= self.log_mass(k) {
                return k;
            }
        }
    }

    /// The log-mass at `k`, with digits for a comparison where counts are few.
    fn log_mass(&self, k: f64) -> f64 {
        match SMALL.get(k as usize) {
            Some(log_factorial) => k * self.log_rate - self.rate - log_factorial,
            None => log_front(k, self.rate),
        }
    }
}

/// `ln k!` of small counts.
static SMALL: LazyLock<[f64; 256]> = LazyLock::new(|| {
    let mut sum = 0.0;
    std::array::from_fn(|k| {
        sum += f64::ln(k.max(1) as f64);
        sum
    })
});

/// A count of the Poisson distribution.
pub(crate) fn poisson(rate: f64, numbers: &mut Numbers) -> f64 {
    PoissonDraws::new(rate).draw(numbers)
}

/// A count of successes of `n` trials.
///
/// From a mean of 10 on by W. Hörmann (1993), "The generation of binomial random variates", algorithm BTRS.
pub(crate) fn binomial(n: f64, at: Odds, numbers: &mut Numbers) -> f64 {
    let mean = n * at.p;
    if n == 0.0 || mean.is_nan() {
        return if n == 0.0 { 0.0 } else { mean };
    }
    if at.p > 0.5 {
        return n - binomial(n, at.swapped(), numbers);
    }
    if mean < FEW {
        let odds = at.p / at.q;
        let ratio = |k: f64| (n - k) / (k + 1.0) * odds;
        return count_up(numbers.uniform(), (n * at.log_q).exp(), ratio).min(n);
    }
    let stddev = (mean * at.q).sqrt();
    let b = 1.15 + 2.53 * stddev;
    let a = -0.0873 + 0.0248 * b + 0.01 * at.p;
    let (inside, scale) = (0.92 - 4.2 / b, (2.83 + 5.1 / b) * stddev);
    let highest = trials_law::log_mass(n, ((n + 1.0) * at.p).floor(), at);
    loop {
        let (u, v) = (numbers.uniform() - 0.5, numbers.uniform());
        let edge = 0.5 - u.abs();
        let k = ((2.0 * a / edge + b) * u + mean + 0.5).floor();
        if edge >= 0.07 && v <= inside {
            return k;
        }
        let level = v * scale / (a / (edge * edge) + b);
        if k >= 0.0 && k <= n && level.ln() <= trials_law::log_mass(n, k, at) - highest {
            return k;
        }
    }
}

/// A count of successes before failure number `r`: of a Poisson distribution whose rate is drawn from a gamma
/// distribution of concentration `r`.
pub(crate) fn negative_binomial(r: f64, at: Odds, numbers: &mut Numbers) -> f64 {
    let mean = r * at.p / at.q;
    if mean < FEW && at.p < 0.9 {
        let ratio = |k: f64| (r + k) / (k + 1.0) * at.p;
        return count_up(numbers.uniform(), (r * at.log_q).exp(), ratio);
    }
    let log_rate = GammaDraw::new(r, numbers).ln() + at.logit();
    poisson(log_rate.exp(), numbers)
}
