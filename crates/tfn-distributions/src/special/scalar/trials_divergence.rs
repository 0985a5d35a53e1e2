//! Divergences of distributions over trials that succeed or fail, exact where the two nearly agree.

use super::expm1_gap;
use super::trials_law::Odds;

/// What the trials are counted for.
#[derive(Clone, Copy)]
pub(crate) enum Counted {
    /// The success of one trial.
    Success,
    /// Failures before the first success.
    UntilSuccess,
    /// Successes before the first failure.
    UntilFailure,
}

/// Two probabilities of success, and the logarithms of how many times as large each outcome's is in `p` as in `q`.
#[derive(Clone, Copy)]
struct Pair {
    q: Odds,
    p: Odds,
    log_success_ratio: f64,
    log_failure_ratio: f64,
}

impl Pair {
    /// Of the numbers that they were given by, and whether those are log-odds.
    fn new([q_given, p_given]: [f64; 2], [q_is_logit, p_is_logit]: [bool; 2]) -> Self {
        let odds =
            |given, is_logit| if is_logit { Odds::of_logit(given) } else { Odds::of_prob(given) };
        let (q, p) = (odds(q_given, q_is_logit), odds(p_given, p_is_logit));
        let [log_success_ratio, log_failure_ratio] = if q_is_logit && p_is_logit {
            let rise = if q_given == p_given { 0.0 } else { p_given - q_given };
            if rise.abs() < 1.0 {
                [-(q.q * (-rise).exp_m1()).ln_1p(), -(q.p * rise.exp_m1()).ln_1p()]
            } else {
                [p.log_p - q.log_p, p.log_q - q.log_q]
            }
        } else {
            // From the rarer outcome, which has the digits.
            let rise = if q.p > 0.5 { q.q - p.q } else { p.p - q.p };
            let log_ratio = |rise: f64, mass: f64, far: f64| {
                if rise.abs() < 0.5 * mass { (rise / mass).ln_1p() } else { far }
            };
            [log_ratio(rise, q.p, p.log_p - q.log_p), log_ratio(-rise, q.q, p.log_q - q.log_q)]
        };
        Self { q, p, log_success_ratio, log_failure_ratio }
    }

    /// `Σ q (p/q − 1 − ln(p/q))` over both outcomes, divided by the probability that ends the trials. No term is negative.
    fn divergence(self, counted: Counted) -> f64 {
        let Self { q, p, log_success_ratio, log_failure_ratio } = self;
        if q.p.is_nan() || p.p.is_nan() {
            return f64::NAN;
        }
        let [success, failure] = match counted {
            Counted::Success => [[q.p, p.p], [q.q, p.q]],
            Counted::UntilSuccess => [[1.0, log_success_ratio.exp()], [q.q / q.p, p.q / q.p]],
            Counted::UntilFailure => [[q.p / q.q, p.p / q.q], [1.0, log_failure_ratio.exp()]],
        };
        term(success, log_success_ratio) + term(failure, log_failure_ratio)
    }

    /// The rise of the log-odds from `q` to `p`.
    fn rise(self) -> f64 {
        self.log_success_ratio - self.log_failure_ratio
    }
}

/// `weight (p/q − 1 − ln(p/q))`, given `weight p/q` too; infinite where `p` excludes what has a weight.
fn term([weight, scaled]: [f64; 2], log_ratio: f64) -> f64 {
    if weight == 0.0 {
        scaled
    } else if log_ratio.abs() < 1.0 {
        let gap = expm1_gap(log_ratio);
        if gap == 0.0 { 0.0 } else { weight * gap }
    } else {
        scaled - weight - weight * log_ratio
    }
}

/// The divergence of `q` from `p`, in nats.
pub(crate) fn divergence(counted: Counted, given: [f64; 2], is_logit: [bool; 2]) -> f64 {
    Pair::new(given, is_logit).divergence(counted)
}

/// Its slopes in what `q` and `p` were given by; 0 where there is none that is finite.
pub(crate) fn slopes(
    counted: Counted,
    given: [f64; 2],
    is_logit: [bool; 2],
    value: f64,
) -> [f64; 2] {
    let pair = Pair::new(given, is_logit);
    let (q, p, rise) = (pair.q, pair.p, pair.rise());
    let [success, failure] = [pair.log_success_ratio, pair.log_failure_ratio].map(f64::exp_m1);
    // In the log-odds, the first without what both ways to write it have in common.
    let ([in_prob, in_logit], in_p) = match counted {
        // p − q from the outcome that is the likelier one by q, whose ratio is finite.
        Counted::Success => {
            ([-rise, -rise * q.p * q.q], if q.p > 0.5 { q.p * success } else { -q.q * failure })
        }
        Counted::UntilSuccess => ([-(rise + value) / q.p, -(rise + value) * q.q], success),
        Counted::UntilFailure => ([(value - rise) / q.q, (value - rise) * q.p], -failure),
    };
    let in_q = if is_logit[0] { in_logit } else { in_prob };
    let in_p = if is_logit[1] { in_p } else { in_p / (p.p * p.q) };
    [in_q, in_p].map(|slope| if value.is_finite() && slope.is_finite() { slope } else { 0.0 })
}
