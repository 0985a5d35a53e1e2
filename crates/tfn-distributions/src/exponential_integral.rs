//! The scaled exponential integral `exp(h) E₁(h)`.

use tfn_tensor::{Result, Tensor, Vjp, VjpContext, apply};

/// Euler's constant.
pub(crate) const EULER_GAMMA: f64 = 0.577_215_664_901_532_9;
/// Up to here the power series is used, above it the continued fraction.
const LARGEST_OF_SERIES: f64 = 1.0;

/// `ln(exp(h) E₁(h))` for `h = z²/2`; infinite at 0 and at infinity, with zero gradient there.
///
/// M. Abramowitz and I. A. Stegun, Handbook of Mathematical Functions (1964), 5.1.11 and 5.1.22.
pub(crate) fn log_scaled_e1_of_half_square(z: &Tensor) -> Tensor {
    let made = || -> Result<Tensor> {
        let pairs: Vec<(f64, f64)> = z.to_f64_vec()?.into_iter().map(value_and_slope).collect();
        let (values, slopes): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        let (shape, dtype) = (z.shape()?, z.dtype()?);
        let value = Tensor::from_f64(&values, shape, dtype);
        let slope = Tensor::from_f64(&slopes, shape, dtype);
        let tracked = apply(&[z], vec![value.clone()], || LogScaledE1 { slope }).pop();
        Ok(tracked.unwrap_or(value))
    };
    made().unwrap_or_else(Tensor::from_error)
}

fn value_and_slope(z: f64) -> (f64, f64) {
    let size = z.abs();
    let half_square = 0.5 * size * size;
    if size == 0.0 {
        return (f64::INFINITY, 0.0);
    }
    if size == f64::INFINITY {
        return (f64::NEG_INFINITY, 0.0);
    }
    if half_square <= LARGEST_OF_SERIES {
        let scaled = half_square.exp() * series(size, half_square);
        return (scaled.ln(), z - 2.0 / (z * scaled));
    }
    // exp(h) E₁(h) is 1/(h + c), whose logarithmic slope in h is −c/h.
    let c = correction(half_square);
    let log = 2.0 * size.ln() - std::f64::consts::LN_2 + (c / half_square).ln_1p();
    (-log, -2.0 * c / z)
}

/// `E₁(h) = −γ − ln h − Σ (−h)ᵏ/(k·k!)`, with `ln h` from `z`, whose square may underflow.
fn series(size: f64, h: f64) -> f64 {
    let (mut power, mut sum) = (1.0, 0.0);
    for k in 1..=24 {
        let k = f64::from(k);
        power *= -h / k;
        sum += power / k;
    }
    -EULER_GAMMA - (2.0 * size.ln() - std::f64::consts::LN_2) - sum
}

/// `c = 1 − 1/(h + 3 − 4/(h + 5 − 9/(h + 7 − …)))`.
fn correction(h: f64) -> f64 {
    // The error falls as exp(−4 sqrt(nh)).
    let terms = 20.0 + (100.0 / h).ceil();
    let fraction = (1..=terms as u32).rev().fold(0.0, |rest, k| {
        let k = f64::from(k);
        k * k / (h + 2.0 * k + 1.0 - rest)
    });
    1.0 - fraction
}

struct LogScaledE1 {
    slope: Tensor,
}

impl Vjp for LogScaledE1 {
    fn name(&self) -> &'static str {
        "log_scaled_e1"
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        if let Some(g) = ctx.grad(0).cloned() {
            // At 0 the gradient that arrives may be infinite.
            let (is_flat, zero) = (self.slope.eq(&(&self.slope * 0.0)), &self.slope * 0.0);
            ctx.add(0, Tensor::select(&is_flat, &zero, &(g * &self.slope)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tfn_tensor::testing::check_gradients;

    /// mpmath, 50 digits: `h = z**2/2`, `log(exp(h)*e1(h))` and its derivative in `z`.
    const EXACT: &[[f64; 3]] = &[
        [1e-200, 6.825622855478666, -2.171199118416877e+197],
        [1e-20, 4.524169818288256, -2.1687425905796664e+18],
        [0.001, 2.634148841196754, -143.55907925460556],
        [0.5, 0.6095385095926175, -1.6744067126278486],
        [1.0, -0.08022287204478747, -1.1670570579706232],
        [1.25, -0.3539618609601108, -1.0295213579539206],
        [1.40625, -0.5092959413594071, -0.9604972283525196],
        [1.421875, -0.5242539266822144, -0.9541399274678608],
        [1.5, -0.5975913394523769, -0.9236469548339966],
        [2.0, -1.0179674386282178, -0.7675637999891692],
        [3.0, -1.6785651430767685, -0.5719084577939728],
        [10.0, -3.93145509494607, -0.19622121479636062],
        [40.0, -6.685859392338413, -0.049937733114066046],
        [10000.0, -17.727533583392418, -0.00019999999600000024],
        [100000000.0, -36.14821430734479, -1.9999999999999997e-08],
    ];

    #[test]
    fn values_and_slopes_are_exact_over_the_whole_range() {
        for &[z, value, slope] in EXACT {
            let given = value_and_slope(z);
            assert!((given.0 - value).abs() <= 2e-15 * value.abs().max(1.0), "{z} {}", given.0);
            assert!((given.1 / slope - 1.0).abs() <= 4e-15, "{z} {}", given.1);
        }
    }

    #[test]
    fn it_is_even_and_infinite_at_zero() {
        let z = Tensor::from_vec(vec![-0.7, 0.7, 0.0, f64::INFINITY, f64::NAN], &[5]);
        let value = log_scaled_e1_of_half_square(&z).to_vec::<f64>().unwrap();
        assert_eq!(value[0], value[1]);
        assert_eq!(value[2..4], [f64::INFINITY, f64::NEG_INFINITY]);
        assert!(value[4].is_nan());
    }

    #[test]
    fn gradients_agree_with_central_differences() {
        let z = Tensor::from_vec(vec![-3.0, -0.3, 0.9, 1.7, 12.0], &[5]);
        check_gradients(&[z], |v| log_scaled_e1_of_half_square(&v[0])).unwrap();
    }
}
