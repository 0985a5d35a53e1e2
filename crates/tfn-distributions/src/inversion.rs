//! Outcomes at which rising functions of them, such as a cdf less a level, reach 0: for distributions whose cdf has no inverse that
//! can be written down.
//!
//! All entries are searched at once, each in a bracket of its own, because a cdf is asked for all of them at once.

/// Steps by interpolation and halves, after which a bracket is halved by the bits of its ends: that needs 64.
const FIRST_STEPS: usize = 64;
/// Steps after which a bracket is as narrow as numbers are.
const MOST_STEPS: usize = 160;
/// How far before a number that reaches 0 exactly it is asked, relatively, whether an earlier one does: a function may be flat.
const NEAR: f64 = 1e-7;

/// A function of one number for each entry, all at once.
pub type OfAll<'a, T, E> = &'a dyn Fn(&[f64]) -> Result<Vec<T>, E>;

/// For each entry the first number at which `rising` is not negative any more, between `low` and `high`, to the digits of
/// numbers with the rounding error `epsilon`: that number or a neighbour before it, at which `rising` is nearer to 0. At a jump
/// between neighbours by most of what `rising` changes by from `low` to `high` it is that number.
///
/// Where `rising` is 0 all along a stretch, that is the start of the stretch, unless the stretch is narrower than `1e-7` of its
/// place: then it may be any number of it.
///
/// Where `rising` is not negative at `low` already, that is `low`; where it is negative at `high`, `high`. NaN where `rising`
/// is.
///
/// Chandrupatla's method: inverse quadratic interpolation where three points make a well-behaved curve, else halving, so
/// that a flat or steep function costs no more than halving does. All entries go on until the last one is there.
///
/// # Errors
/// Those of `rising`.
///
/// # Examples
/// ```
/// use tfn_distributions::inversion::first_number;
///
/// let less_two = |x: &[f64]| Ok::<_, std::fmt::Error>(x.iter().map(|x| x * x - 2.0).collect());
/// let root = first_number(&less_two, vec![0.0], vec![2.0], f64::EPSILON)?;
/// assert!((root[0] - 2.0_f64.sqrt()).abs() < 1e-15);
/// # Ok::<(), std::fmt::Error>(())
/// ```
///
/// # References
/// Chandrupatla, *A new hybrid quadratic/bisection algorithm for finding the zero of a nonlinear function without using
/// derivatives*, Advances in Engineering Software 28 (1997).
pub fn first_number<E>(
    rising: OfAll<'_, f64, E>,
    low: Vec<f64>,
    high: Vec<f64>,
    epsilon: f64,
) -> Result<Vec<f64>, E> {
    let (at_low, at_high) = (rising(&low)?, rising(&high)?);
    let ends = low.into_iter().zip(high).zip(at_low.into_iter().zip(at_high));
    let mut entries: Vec<Bracket> =
        ends.map(|((low, high), at)| Bracket::new([low, high], [at.0, at.1], epsilon)).collect();
    for step in 0..MOST_STEPS {
        if entries.iter().all(|entry| entry.is_done) {
            break;
        }
        if step >= FIRST_STEPS {
            // In place of a point shortly before a root too.
            for entry in &mut entries {
                (entry.next, entry.is_probe) = (half_of_bits(entry.a, entry.b), false);
            }
        }
        let points: Vec<f64> = entries
            .iter()
            .map(|entry| if entry.is_done { entry.best() } else { entry.next })
            .collect();
        for (entry, value) in entries.iter_mut().zip(rising(&points)?) {
            entry.narrow(value);
        }
    }
    Ok(entries.into_iter().map(|entry| entry.best()).collect())
}

/// The number in the middle of all that there are between two.
fn half_of_bits(a: f64, b: f64) -> f64 {
    // From the order of numbers to that of integers, and back.
    let place = |x: f64| {
        let bits = x.to_bits().cast_signed();
        if bits < 0 { i64::MIN - bits } else { bits }
    };
    let middle = place(a).midpoint(place(b));
    f64::from_bits((if middle < 0 { i64::MIN - middle } else { middle }).cast_unsigned())
}

/// The ends of an interval with a root in it, and the point before.
struct Bracket {
    a: f64,
    b: f64,
    c: f64,
    at_a: f64,
    at_b: f64,
    at_c: f64,
    /// The next point between `a` and `b`.
    next: f64,
    epsilon: f64,
    /// How much the function rises from end to end.
    rise: f64,
    /// Whether the next point is one shortly before a root.
    is_probe: bool,
    is_done: bool,
}

impl Bracket {
    fn new([low, high]: [f64; 2], [at_low, at_high]: [f64; 2], epsilon: f64) -> Self {
        let (a, at_a, b, at_b) = if at_low >= 0.0 {
            (low, at_low, low, at_low)
        } else if at_high < 0.0 {
            (high, at_high, high, at_high)
        } else {
            (high, at_high, low, at_low)
        };
        let next = 0.5 * a + 0.5 * b;
        let made = Self {
            a,
            b,
            c: a,
            at_a,
            at_b,
            at_c: at_a,
            next,
            epsilon,
            rise: at_high - at_low,
            is_probe: false,
            is_done: false,
        };
        Self { is_done: made.is_narrow() || (at_low + at_high).is_nan(), ..made }
    }

    fn is_narrow(&self) -> bool {
        let size = self.a.abs().max(self.b.abs());
        (self.b - self.a).abs() <= 2.0 * self.epsilon * size + f64::MIN_POSITIVE || self.a == self.b
    }

    fn narrow(&mut self, value: f64) {
        if self.is_done {
            return;
        }
        let x = self.next;
        if (value < 0.0) == (self.at_a < 0.0) {
            (self.c, self.at_c) = (self.a, self.at_a);
        } else {
            (self.c, self.b, self.at_c, self.at_b) = (self.b, self.a, self.at_b, self.at_a);
        }
        (self.a, self.at_a) = (x, value);
        let is_first = self.is_probe && value < 0.0;
        self.is_done = value.is_nan() || self.is_narrow() || is_first;
        let is_found = self.at_a == 0.0 && self.at_c != 0.0;
        self.is_probe = is_found;
        self.next = if is_found {
            self.before_root()
        } else if self.at_a == 0.0 || self.at_b == 0.0 {
            0.5 * self.a + 0.5 * self.b
        } else {
            self.interpolated()
        };
    }

    /// A number shortly before the root `a`, where the function is 0 too if it is flat.
    fn before_root(&self) -> f64 {
        let near = self.a - NEAR * if self.a == 0.0 { self.b.abs() } else { self.a.abs() };
        near.max(0.5 * self.a + 0.5 * self.b)
    }

    fn interpolated(&self) -> f64 {
        let width = self.b - self.a;
        let xi = (self.a - self.b) / (self.c - self.b);
        let phi = (self.at_a - self.at_b) / (self.at_c - self.at_b);
        let curves_well = phi * phi < xi && (1.0 - phi) * (1.0 - phi) < 1.0 - xi;
        let t = if curves_well {
            let (of_b, of_c) = (self.at_b - self.at_a, self.at_c - self.at_a);
            let between = self.at_b - self.at_c;
            self.at_a / of_b * self.at_c / between
                + (self.c - self.a) / width * self.at_a / of_c * self.at_b / -between
        } else {
            0.5
        };
        let least = (2.0 * self.epsilon * self.a.abs() + f64::MIN_POSITIVE) / width.abs();
        let least = least.min(0.5);
        let t = if t.is_nan() { 0.5 } else { t.clamp(least, 1.0 - least) };
        if width.is_finite() { self.a + t * width } else { 0.5 * self.a + 0.5 * self.b }
    }

    fn best(&self) -> f64 {
        if self.at_a.is_nan() || self.at_b.is_nan() {
            return f64::NAN;
        }
        let is_jump = (self.at_a - self.at_b).abs() > 0.5 * self.rise;
        let is_a = if is_jump { self.at_a >= 0.0 } else { self.at_a.abs() <= self.at_b.abs() };
        if is_a { self.a } else { self.b }
    }
}

/// For each entry the smallest whole number that `reaches` its level, from numbers of which `low` does not and `high` does.
///
/// # Errors
/// Those of `reaches`.
pub fn first_whole<E>(
    reaches: OfAll<'_, bool, E>,
    mut low: Vec<f64>,
    mut high: Vec<f64>,
) -> Result<Vec<f64>, E> {
    // Beyond 2^53, and of infinite ends, no number lies between two neighbours.
    let between = |low: f64, high: f64| {
        let middle = low + ((high - low) / 2.0).floor();
        (low < middle && middle < high).then_some(middle)
    };
    loop {
        let middle: Vec<Option<f64>> =
            low.iter().zip(&high).map(|(&low, &high)| between(low, high)).collect();
        if middle.iter().all(Option::is_none) {
            break;
        }
        let points: Vec<f64> =
            middle.iter().zip(&high).map(|(middle, high)| middle.unwrap_or(*high)).collect();
        for (entry, is_reached) in reaches(&points)?.into_iter().enumerate() {
            if let Some(middle) = middle[entry] {
                let end = if is_reached { &mut high } else { &mut low };
                end[entry] = middle;
            }
        }
    }
    Ok(high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::convert::Infallible;

    fn logistic(x: f64, loc: f64, scale: f64) -> f64 {
        1.0 / (1.0 + ((loc - x) / scale).exp())
    }

    fn roots(of: &dyn Fn(usize, f64) -> f64, low: Vec<f64>, high: Vec<f64>) -> Vec<f64> {
        let rising = |points: &[f64]| {
            Ok::<_, Infallible>(points.iter().enumerate().map(|(i, &x)| of(i, x)).collect())
        };
        first_number(&rising, low, high, f64::EPSILON).unwrap()
    }

    #[test]
    fn roots_of_smooth_steep_and_flat_curves() {
        let calls = Cell::new(0);
        let of = |i: usize, x: f64| {
            calls.set(calls.get() + usize::from(i == 0));
            -0.7 + match i {
                0 => logistic(x, 0.3, 1.0),
                1 => logistic(x, 1e3, 1e-6),
                // Two steps with nothing between them.
                2 => 0.5 * logistic(x, -50.0, 0.01) + 0.5 * logistic(x, 50.0, 0.01),
                _ => x.clamp(0.0, 1.0),
            }
        };
        let found = roots(&of, vec![-1e4, 0.0, -60.0, 0.0], vec![1e4, 1e4, 60.0, 1.0]);
        let odds = (0.7_f64 / 0.3).ln();
        let expected = [0.3 + odds, 1e3 + 1e-6 * odds, 50.0 + 0.01 * (0.4_f64 / 0.6).ln(), 0.7];
        for (given, expected) in found.iter().zip(expected) {
            assert!((given - expected).abs() <= 1e-12 * expected.abs(), "{given} {expected}");
        }
        assert!(calls.get() < 80, "{}", calls.get());
    }

    #[test]
    fn of_a_flat_stretch_the_first_number_is_taken() {
        let flat = |_: usize, x: f64| (x - 1.0).min(0.0) + (x - 2.0).max(0.0);
        for (low, high) in [(0.0, 3.0), (-1e6, 2.0), (0.9, 1.2), (1e-300, 1e300)] {
            let given = roots(&flat, vec![low], vec![high])[0];
            assert!((given - 1.0).abs() <= 4.0 * f64::EPSILON, "{low} {high}: {given}");
        }
    }

    #[test]
    fn roots_of_any_size_are_found_in_any_bracket() {
        for root in [1e-290, 3e-40, 0.7, 8e199] {
            for sign in [1.0, -1.0] {
                let of = |_: usize, x: f64| if x < sign * root { -1.0 } else { 1.0 };
                let given = roots(&of, vec![-f64::MAX], vec![f64::MAX])[0];
                assert!((given / (sign * root) - 1.0).abs() < 1e-15, "{given} {root}");
            }
        }
    }

    #[test]
    fn of_a_flat_stretch_of_any_size_the_first_number_is_taken() {
        for root in [1e-275, 1e-290, 3e-40, 0.7, 8e199] {
            for (low, high) in [(-f64::MAX, f64::MAX), (0.0, f64::MAX), (-f64::MAX, 1e20 * root)] {
                let above = |x: f64| if x < 1e25 * root { 0.0 } else { 1.0 };
                let of = |_: usize, x: f64| if x < root { -1.0 } else { above(x) };
                let given = roots(&of, vec![low], vec![high])[0];
                assert!((given / root - 1.0).abs() < 1e-15, "{low} {high}: {given} {root}");
            }
        }
    }

    #[test]
    fn at_a_jump_between_neighbours_the_later_one_is_taken() {
        for (before, after) in [(-1e-30, 0.5), (-0.5, 1e-30), (-0.5, 0.0)] {
            let of = |_: usize, x: f64| if x < 0.3 { before } else { after };
            for (low, high) in [(0.0, 1.0), (0.29, 1e9), (-1e300, 1e300)] {
                let given = roots(&of, vec![low], vec![high])[0];
                assert!((0.3..0.3 + 4.0 * f64::EPSILON).contains(&given), "{low} {high}: {given}");
            }
        }
    }

    #[test]
    fn levels_beyond_an_end_are_at_that_end() {
        let of = |_: usize, x: f64| x;
        assert_eq!(roots(&of, vec![1.0, -2.0], vec![2.0, -1.0]), [1.0, -1.0]);
    }

    #[test]
    fn whole_numbers_are_the_first_to_reach_the_level() {
        let at = |p: f64| {
            let reaches = |points: &[f64]| {
                let cdf = |x: &f64| ((x.floor() + 1.0) / 10.0).clamp(0.0, 1.0);
                Ok::<_, Infallible>(points.iter().map(|x| cdf(x) >= p).collect())
            };
            first_whole(&reaches, vec![-1.0, -1.0], vec![9.0, 100.0]).unwrap()
        };
        assert_eq!(at(0.35), [3.0, 3.0]);
        assert_eq!(at(0.4), [3.0, 3.0]);
        assert_eq!(at(0.05), [0.0, 0.0]);
        assert_eq!(at(0.95), [9.0, 9.0]);
        // Ends between which there is no other number: of large ones, and of infinite ones.
        let far = 2.0_f64.powi(60);
        let step = |points: &[f64]| Ok::<_, Infallible>(points.iter().map(|&x| x >= far).collect());
        let high = vec![2.0 * far, f64::INFINITY, f64::NAN];
        let found = first_whole(&step, vec![1.0, 1.0, 1.0], high).unwrap();
        assert_eq!(found[..2], [far, f64::INFINITY]);
        assert!(found[2].is_nan());
    }

    #[test]
    fn a_function_that_is_nan_gives_nan() {
        assert!(roots(&|_, _| f64::NAN, vec![0.0], vec![1.0])[0].is_nan());
    }
}
