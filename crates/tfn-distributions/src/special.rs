//! Special functions that the tensors do not have.

use statrs::function::erf::erfc_inv;
use tfn_tensor::{Result, Tensor, Vjp, VjpContext, apply};

/// The quantile function of the standard normal, as an operation on tensors.
///
/// Infinite at 0 and 1, NaN outside.
pub(crate) fn ndtri(p: &Tensor) -> Tensor {
    let made = || -> Result<Tensor> {
        let entries: Vec<f64> = p.to_f64_vec()?.into_iter().map(quantile).collect();
        let z = Tensor::from_f64(&entries, p.shape()?, p.dtype()?);
        let tracked = apply(&[p], vec![z.clone()], || Ndtri { z: z.clone() }).pop();
        Ok(tracked.unwrap_or(z))
    };
    made().unwrap_or_else(Tensor::from_error)
}

fn quantile(p: f64) -> f64 {
    match p {
        0.0 => f64::NEG_INFINITY,
        1.0 => f64::INFINITY,
        p if p > 0.0 && p < 1.0 => refined(p),
        _ => f64::NAN,
    }
}

/// One step of Newton's method in `ln p` on the library's value, on the side of the smaller tail.
fn refined(p: f64) -> f64 {
    let (tail, sign) = if p < 0.5 { (p, 1.0) } else { (1.0 - p, -1.0) };
    let start = -std::f64::consts::SQRT_2 * erfc_inv(2.0 * tail);
    let at = Tensor::scalar(start).log_ndtr();
    // The slope of ln Φ at z is exp(−z²/2 − ln sqrt(2π) − ln Φ(z)).
    let step = |log_cdf: f64| {
        let slope = (-0.5 * start * start - 0.918_938_533_204_672_7 - log_cdf).exp();
        start + (tail.ln() - log_cdf) / slope
    };
    sign * at.item().map_or(start, step)
}

struct Ndtri {
    z: Tensor,
}

impl Vjp for Ndtri {
    fn name(&self) -> &'static str {
        "ndtri"
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        if let Some(g) = ctx.grad(0).cloned() {
            let slope = (self.z.square() * 0.5).exp() * (2.0 * std::f64::consts::PI).sqrt();
            ctx.add(0, g * slope);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tfn_tensor::testing::check_gradients;

    #[test]
    fn inverts_the_distribution_function_in_both_tails() {
        let z = Tensor::from_vec(vec![-37.0, -8.0, -3.0, -1e-3, 0.0, 0.5, 2.0, 5.0], &[8]);
        let back = ndtri(&z.ndtr()).to_vec::<f64>().unwrap();
        for (back, z) in back.into_iter().zip(z.to_vec::<f64>().unwrap()) {
            // Above 0 the probability itself is rounded: an error of ε in it moves z by ε/φ(z).
            let density = (-0.5 * z * z).exp() * 0.398_942_280_401_432_7;
            let rounding = if z > 0.0 { 2e-16 / density } else { 0.0 };
            assert!((back - z).abs() <= 1e-13 * z.abs().max(1e-2) + rounding, "{back} {z}");
        }
    }

    #[test]
    fn the_ends_are_infinite() {
        let p = Tensor::from_vec(vec![0.0, 1.0, 0.5, -0.1], &[4]);
        let z = ndtri(&p).to_vec::<f64>().unwrap();
        assert_eq!(z[..3], [f64::NEG_INFINITY, f64::INFINITY, 0.0]);
        assert!(z[3].is_nan());
    }

    #[test]
    fn gradients_agree_with_central_differences() {
        let p = Tensor::from_vec(vec![0.1, 0.5, 0.9], &[3]);
        check_gradients(&[p], |v| ndtri(&v[0])).unwrap();
    }
}
