//! Numbers of arbitrary bits, and their way into what an argument may be.

use tfn_distributions::tensor::{DType, Stream};

/// What an argument takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Argument {
    Real,
    /// A finite number with others above it.
    Low,
    Positive,
    Probability,
    /// A whole number of at least 0.
    Count,
    /// A number above the argument before, at a finite distance.
    Above,
    /// Rows along a last axis, a number for each of [`ROW`] entries.
    Row(&'static Self),
    /// Rows of probabilities.
    Simplex,
    /// Lower triangular matrices with positive numbers on the diagonal.
    Triangle,
    /// The same from numbers of moderate size, whose products and sums do not overflow.
    Moderate(&'static Self),
}

/// Entries of a row.
pub(crate) const ROW: usize = 3;

impl Argument {
    /// The shape of one.
    pub(crate) fn shape(self) -> &'static [usize] {
        match self {
            Self::Row(_) | Self::Simplex => &[ROW],
            Self::Triangle => &[ROW, ROW],
            Self::Moderate(each) => each.shape(),
            _ => &[],
        }
    }

    pub(crate) fn width(self) -> usize {
        self.shape().iter().product()
    }

    /// The same numbers where they are allowed, others near them where they are not.
    pub(crate) fn admit(self, numbers: &mut [f64], before: Option<f64>, dtype: DType) {
        match self {
            Self::Row(each) => each.admit_each(numbers, before, dtype),
            Self::Simplex => simplex(numbers, dtype),
            Self::Moderate(each) => {
                numbers.iter_mut().for_each(|x| *x = moderate(*x));
                each.admit(numbers, before, dtype);
            }
            Self::Triangle => {
                for (i, row) in numbers.chunks_mut(ROW).enumerate() {
                    Self::Real.admit_each(&mut row[..i], None, dtype);
                    Self::Positive.admit_each(&mut row[i..=i], None, dtype);
                    row[i + 1..].fill(0.0);
                }
            }
            _ => self.admit_each(numbers, before, dtype),
        }
    }

    fn admit_each(self, numbers: &mut [f64], before: Option<f64>, dtype: DType) {
        let (tiny, huge) = limits(dtype);
        for x in numbers {
            let finite = if x.is_nan() { 1.0 } else { x.clamp(-huge, huge) };
            *x = match self {
                Self::Positive => finite.abs().max(tiny),
                Self::Probability if finite.abs() > 1.0 => round(finite.recip().abs(), dtype),
                Self::Probability => finite.abs(),
                Self::Count => finite.abs().floor(),
                Self::Low => finite.min(next_down(huge, dtype)),
                Self::Above => {
                    let low = before.unwrap_or(0.0);
                    let high = finite.abs().max(next_up(low, dtype));
                    if high - low <= huge { high } else { next_up(low, dtype) }
                }
                _ => finite,
            };
        }
    }
}

/// The number, or the nearest one between 2⁻²⁰ and 2²⁰ in size.
fn moderate(x: f64) -> f64 {
    let limit = 2.0_f64.powi(20);
    if x.is_nan() { 1.0 } else { x.signum() * x.abs().clamp(limit.recip(), limit) }
}

/// Rows of numbers of at least 0 that sum to 1.
pub(crate) fn simplex(numbers: &mut [f64], dtype: DType) {
    Argument::Positive.admit_each(numbers, None, dtype);
    let largest = numbers.iter().copied().fold(0.0, f64::max);
    numbers.iter_mut().for_each(|x| *x /= largest);
    let sum: f64 = numbers.iter().sum();
    numbers.iter_mut().for_each(|x| *x = round(*x / sum, dtype));
}

/// The smallest and the largest positive number.
fn limits(dtype: DType) -> (f64, f64) {
    match dtype {
        DType::F32 => (f64::from(f32::from_bits(1)), f64::from(f32::MAX)),
        DType::F64 => (f64::from_bits(1), f64::MAX),
    }
}

pub(crate) fn round(x: f64, dtype: DType) -> f64 {
    match dtype {
        DType::F32 => f64::from(x as f32),
        DType::F64 => x,
    }
}

fn next_up(x: f64, dtype: DType) -> f64 {
    match dtype {
        DType::F32 => f64::from((x as f32).next_up()),
        DType::F64 => x.next_up(),
    }
}

fn next_down(x: f64, dtype: DType) -> f64 {
    -next_up(-x, dtype)
}

/// Numbers at which something may change.
const SPECIAL: &[f64] = &[
    0.0,
    1.0,
    0.5,
    2.0,
    3.0,
    10.0,
    1e3,
    1e6,
    1e9,
    1e-3,
    1e-6,
    1e-9,
    1e-40,
    1e-300,
    1e30,
    1e38,
    1e154,
    1e300,
    f64::MIN_POSITIVE,
    f64::MAX,
    f64::INFINITY,
    f64::NAN,
];

/// A source of numbers of one type.
pub(crate) struct Numbers {
    stream: Stream,
    dtype: DType,
}

impl Numbers {
    pub(crate) fn new(stream: Stream, dtype: DType) -> Self {
        Self { stream, dtype }
    }

    pub(crate) fn below(&mut self, count: u64) -> usize {
        (self.stream.next_u64() % count) as usize
    }

    /// Arbitrary bits, a special number or a neighbour of one, a whole number, or one of moderate size.
    pub(crate) fn any(&mut self) -> f64 {
        let number = match self.below(8) {
            0 | 1 => self.bits(),
            2 => SPECIAL[self.below(SPECIAL.len() as u64)],
            3 => self.below(40) as f64,
            _ => {
                let fraction = self.stream.next_u64() as f64 / 2.0_f64.powi(64);
                (1.0 + fraction) * 2.0_f64.powi(self.below(40) as i32 - 20)
            }
        };
        let number = self.near(round(number, self.dtype));
        if self.below(2) == 0 { number } else { -number }
    }

    /// The number, or one of its neighbours.
    pub(crate) fn near(&mut self, number: f64) -> f64 {
        match self.below(6) {
            0 => next_up(number, self.dtype),
            1 => next_down(number, self.dtype),
            _ => number,
        }
    }

    fn bits(&mut self) -> f64 {
        let bits = self.stream.next_u64();
        match self.dtype {
            DType::F32 => f64::from(f32::from_bits(bits as u32)),
            DType::F64 => f64::from_bits(bits),
        }
    }
}
