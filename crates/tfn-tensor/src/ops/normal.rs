//! Log-density of the normal distribution, and the divergence of two normals, each as one pass.

use std::panic::Location;

use super::fused::{common_shape, flowing, pass, pass_now, pass_with_log};

use crate::dtype::{Element, dispatch};
use crate::error::Result;
use crate::tensor::{Input, Tensor, Vjp, VjpContext, apply_one};

/// `ln sqrt(2π)`.
pub(super) const LN_SQRT_2PI: f64 = 0.918_938_533_204_672_7;

struct NormalLogProb {
    x: Tensor,
    loc: Tensor,
    scale: Tensor,
}

impl NormalLogProb {
    /// Gradient of input 0 (`x`), 1 (`loc`) or 2 (`scale`) from the output's; `z = (x − loc)/scale`.
    fn partial<E: Element>(&self, input: usize, g: &Tensor) -> Result<Tensor> {
        let (operands, shape) = ([g, &self.x, &self.loc, &self.scale], g.shape()?);
        match input {
            0 => pass::<E, 4>(
                operands,
                shape,
                #[inline(always)]
                move |[g, x, m, s]| flowing(g, -g * ((x - m) / s) / s),
            ),
            1 => pass::<E, 4>(
                operands,
                shape,
                #[inline(always)]
                move |[g, x, m, s]| flowing(g, g * ((x - m) / s) / s),
            ),
            _ => pass::<E, 4>(
                operands,
                shape,
                #[inline(always)]
                move |[g, x, m, s]| {
                    let z = (x - m) / s;
                    flowing(g, g * ((z * z - E::one()) / s))
                },
            ),
        }
    }
}

impl Vjp for NormalLogProb {
    fn name(&self) -> &'static str {
        "normal_log_prob"
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        let Some(g) = ctx.grad(0).cloned() else { return Ok(()) };
        for input in 0..3 {
            if ctx.needs(input) {
                let partial = dispatch!(g.dtype()?, E => self.partial::<E>(input, &g))?;
                ctx.add(input, partial);
            }
        }
        Ok(())
    }
}

struct NormalKl {
    q_loc: Tensor,
    q_scale: Tensor,
    p_loc: Tensor,
    p_scale: Tensor,
}

impl NormalKl {
    /// Gradient of input 0 (`q_loc`), 1 (`q_scale`), 2 (`p_loc`) or 3 (`p_scale`) from the output's, with
    /// `d = (q_loc − p_loc)/p_scale` and `r = q_scale/p_scale`.
    fn partial<E: Element>(&self, input: usize, g: &Tensor) -> Result<Tensor> {
        let shape = g.shape()?;
        let (scales, places) =
            ([g, &self.q_scale, &self.p_scale], [g, &self.q_loc, &self.p_loc, &self.p_scale]);
        match input {
            0 => pass::<E, 4>(
                places,
                shape,
                #[inline(always)]
                move |[g, q, p, s]| g * ((q - p) / s) / s,
            ),
            1 => pass::<E, 3>(
                scales,
                shape,
                #[inline(always)]
                move |[g, q, p]| g * ((q - p) * (q + p) / (p * p) / q),
            ),
            2 => pass::<E, 4>(
                places,
                shape,
                #[inline(always)]
                move |[g, q, p, s]| -g * ((q - p) / s) / s,
            ),
            _ => pass::<E, 5>(
                [g, &self.q_loc, &self.p_loc, &self.q_scale, &self.p_scale],
                shape,
                #[inline(always)]
                move |[g, q, p, s, t]| {
                    let d = (q - p) / t;
                    -g * ((d * d + (s - t) * (s + t) / (t * t)) / t)
                },
            ),
        }
    }
}

impl Vjp for NormalKl {
    fn name(&self) -> &'static str {
        "normal_kl"
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        let Some(g) = ctx.grad(0).cloned() else { return Ok(()) };
        for input in 0..4 {
            if ctx.needs(input) {
                let partial = dispatch!(g.dtype()?, E => self.partial::<E>(input, &g))?;
                ctx.add(input, partial);
            }
        }
        Ok(())
    }
}

struct NormalSample {
    loc: Tensor,
    scale: Tensor,
    noise: Tensor,
}

/// `−z²/2 − ln sqrt(2π)`.
#[inline(always)]
fn log_kernel<E: Element>(z: E) -> E {
    z * z * <E as Element>::from_f64(-0.5) - <E as Element>::from_f64(LN_SQRT_2PI)
}

/// The log-density as what is left without the scale's logarithm, and the scale.
#[inline(always)]
fn log_prob_parts<E: Element>([x, m, s]: [E; 3]) -> (E, E, [E; 0]) {
    (log_kernel((x - m) / s), s, [])
}

/// The same from the noise of a draw.
#[inline(always)]
fn draw_parts<E: Element>([z, s]: [E; 2]) -> (E, E, [E; 0]) {
    (log_kernel(z), s, [])
}

/// The divergence as what is left without the logarithm, and the ratio of the scales.
#[inline(always)]
fn kl_parts<E: Element>([m, s, n, t]: [E; 4]) -> (E, E, [E; 0]) {
    let (d, r, one) = ((m - n) / t, s / t, E::one());
    ((d * d + (r - one) * (r + one)) * <E as Element>::from_f64(0.5), r, [])
}

/// `a − ln b` of two such parts.
fn minus_log<E: Element, const N: usize>(
    parts: impl Fn([E; N]) -> (E, E, [E; 0]) + Send + Sync + Copy,
) -> impl Fn([E; N]) -> E + Send + Sync + Copy {
    #[inline(always)]
    move |entries| {
        let (rest, factor, []) = parts(entries);
        rest - factor.m_ln()
    }
}

/// The noise that `x` was drawn with, if it is a draw from this very normal and the noise is a constant.
fn own_noise(x: &Tensor, loc: &Tensor, scale: &Tensor) -> Option<Tensor> {
    let drawn = x.array().ok()?.edge.as_ref()?;
    let sample: &NormalSample = drawn.node.operation()?;
    let [of_loc, of_scale, of_noise] = &drawn.node.inputs[..] else { return None };
    let same = |input: &Input, saved: &Tensor, given: &Tensor| {
        let (Ok(saved), Ok(given)) = (saved.array(), given.array()) else { return false };
        input.edge == given.edge && saved.storage.is(&given.storage) && input.shape == given.shape
    };
    (same(of_loc, &sample.loc, loc) && same(of_scale, &sample.scale, scale))
        .then(|| sample.noise.clone())
        .filter(|_| of_noise.edge.is_none())
}

/// The log-density of a normal at a draw of its own. As a function of location, scale and noise it is
/// `−noise²/2 − ln scale − ln sqrt(2π)`: the way through the draw and the location cancel.
fn log_prob_of_draw(noise: &Tensor, scale: &Tensor, shape: &[usize]) -> Tensor {
    let output = scale.dtype().and_then(|dtype| {
        dispatch!(dtype, E => {
            pass_with_log::<E, 2>(
                [noise, scale],
                shape,
                minus_log(draw_parts),
                -1.0,
                draw_parts,
            )
        })
    });
    match output {
        Err(error) => Tensor::from_error(error),
        Ok(output) => apply_one(&[scale], output, || LogProbOfDraw { scale: scale.detach() }),
    }
}

struct LogProbOfDraw {
    scale: Tensor,
}

impl Vjp for LogProbOfDraw {
    fn name(&self) -> &'static str {
        "normal_log_prob"
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        let Some(g) = ctx.grad(0).cloned() else { return Ok(()) };
        let partial = dispatch!(g.dtype()?, E => pass::<E, 2>(
            [&g, &self.scale],
            g.shape()?,
            #[inline(always)]
            move |[g, s]| -g / s,
        ))?;
        ctx.add(0, partial);
        Ok(())
    }
}

impl Vjp for NormalSample {
    fn name(&self) -> &'static str {
        "normal_sample"
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        let Some(g) = ctx.grad(0).cloned() else { return Ok(()) };
        // Two gradients read this one, so its entries had better be there.
        dispatch!(g.dtype()?, E => g.data::<E>().map(|_| ())?);
        ctx.add(0, g.clone());
        for (input, factor) in [(1, &self.noise), (2, &self.scale)] {
            if ctx.needs(input) {
                let partial = dispatch!(g.dtype()?, E => pass::<E, 2>(
                    [&g, factor],
                    g.shape()?,
                    #[inline(always)]
                    move |[g, factor]| g * factor,
                ))?;
                ctx.add(input, partial);
            }
        }
        Ok(())
    }
}

impl Tensor {
    /// `loc + scale·noise`, each entry by itself, under broadcasting: for standard normal `noise` a draw from
    /// `N(loc, scale²)` through which gradients flow.
    ///
    /// One pass forward and one for each gradient.
    ///
    /// ```
    /// # use tfn_tensor::{Tensor, TensorError};
    /// let [loc, scale, noise] = [1.0, 0.5, -2.0].map(Tensor::scalar);
    /// assert_eq!(Tensor::normal_sample(&loc, &scale, &noise).item()?, 0.0);
    /// # Ok::<(), TensorError>(())
    /// ```
    ///
    /// Reference: Kingma & Welling 2014, [arXiv 1312.6114](https://arxiv.org/abs/1312.6114), section 2.4.
    #[track_caller]
    #[must_use]
    pub fn normal_sample(loc: &Self, scale: &Self, noise: &Self) -> Self {
        let (place, operands) = (Location::caller(), [loc, scale, noise]);
        let shape = match common_shape("normal_sample", &operands, place) {
            Ok(shape) => shape,
            Err(error) => return Self::from_error(error),
        };
        let output = loc.dtype().and_then(|dtype| {
            dispatch!(dtype, E => pass_now::<E, 3>(
                operands,
                &shape,
                #[inline(always)]
                move |[m, s, e]| m + s * e,
            ))
        });
        match output {
            Err(error) => Self::from_error(error),
            Ok(output) => apply_one(&operands, output, || {
                let [loc, scale, noise] = operands.map(Self::detach);
                NormalSample { loc, scale, noise }
            }),
        }
    }

    /// Log-density of `N(loc, scale²)` at `x`, each entry by itself, under broadcasting.
    ///
    /// ```text
    /// z = (x − loc) / scale        ln p = −z²/2 − ln scale − ln sqrt(2π)
    /// ```
    ///
    /// One pass forward and one for each gradient. The value is standardised by one division: with
    /// `x/scale − loc/scale` the gradient of a small scale would lose its digits. At a draw that
    /// [`normal_sample`](Self::normal_sample) made from this very `loc` and `scale` it needs no division: `z` is
    /// the noise, and what flows to `loc` directly and through the draw cancels.
    ///
    /// ```
    /// # use tfn_tensor::{Tensor, TensorError};
    /// let x = Tensor::from_vec(vec![0.0, 1.0], &[2]);
    /// let (loc, scale) = (Tensor::scalar(0.0), Tensor::scalar(1.0));
    /// let log_prob = Tensor::normal_log_prob(&x, &loc, &scale).to_vec::<f64>()?;
    /// assert!((log_prob[0] + 0.9189385332046727).abs() < 1e-15);
    /// assert!((log_prob[1] + 1.4189385332046727).abs() < 1e-15);
    /// # Ok::<(), TensorError>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn normal_log_prob(x: &Self, loc: &Self, scale: &Self) -> Self {
        let place = Location::caller();
        let shape = match common_shape("normal_log_prob", &[x, loc, scale], place) {
            Ok(shape) => shape,
            Err(error) => return Self::from_error(error),
        };
        if let Some(noise) = own_noise(x, loc, scale) {
            return log_prob_of_draw(&noise, scale, &shape);
        }
        let output = x.dtype().and_then(|dtype| {
            dispatch!(dtype, E => {
                if scale.len()? == 1 {
                    // One logarithm for all entries.
                    return pass::<E, 4>(
                        [x, loc, scale, &scale.detach().ln()],
                        &shape,
                        #[inline(always)]
                        move |[x, m, s, log]| log_kernel((x - m) / s) - log,
                    );
                }
                pass_with_log::<E, 3>(
                    [x, loc, scale],
                    &shape,
                    minus_log(log_prob_parts),
                    -1.0,
                    log_prob_parts,
                )
            })
        });
        match output {
            Err(error) => Self::from_error(error),
            Ok(output) => apply_one(&[x, loc, scale], output, || NormalLogProb {
                x: x.detach(),
                loc: loc.detach(),
                scale: scale.detach(),
            }),
        }
    }

    /// `KL(N(q_loc, q_scale²) ‖ N(p_loc, p_scale²))`, each entry by itself, under broadcasting.
    ///
    /// ```text
    /// d = (q_loc − p_loc)/p_scale    r = q_scale/p_scale    KL = d²/2 + (r² − 1)/2 − ln r
    /// ```
    ///
    /// One pass forward and one for each gradient. Exactly 0 where both are equal.
    ///
    /// ```
    /// # use tfn_tensor::{Tensor, TensorError};
    /// let [zero, one, two] = [0.0, 1.0, 2.0].map(Tensor::scalar);
    /// assert_eq!(Tensor::normal_kl(&two, &one, &zero, &one).item()?, 2.0);
    /// assert_eq!(Tensor::normal_kl(&zero, &two, &zero, &two).item()?, 0.0);
    /// # Ok::<(), TensorError>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn normal_kl(q_loc: &Self, q_scale: &Self, p_loc: &Self, p_scale: &Self) -> Self {
        let (place, operands) = (Location::caller(), [q_loc, q_scale, p_loc, p_scale]);
        let shape = match common_shape("normal_kl", &operands, place) {
            Ok(shape) => shape,
            Err(error) => return Self::from_error(error),
        };
        let output = q_loc.dtype().and_then(|dtype| {
            dispatch!(dtype, E => {
                pass_with_log::<E, 4>(
                    operands,
                    &shape,
                    minus_log(kl_parts),
                    -1.0,
                    kl_parts,
                )
            })
        });
        match output {
            Err(error) => Self::from_error(error),
            Ok(output) => apply_one(&operands, output, || {
                let [q_loc, q_scale, p_loc, p_scale] = operands.map(Self::detach);
                NormalKl { q_loc, q_scale, p_loc, p_scale }
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_gradients;
    use crate::{Result, Tensor, TensorError};

    #[test]
    fn gradients_agree_with_central_differences_under_broadcasting() {
        let x = Tensor::from_vec(vec![0.3, -1.2, 2.2, 0.9, 1.1, -0.4], &[2, 3]);
        let loc = Tensor::from_vec(vec![0.1, 0.5, -0.3], &[3]);
        let scale = Tensor::from_vec(vec![0.7, 1.9], &[2, 1]);
        let f = |v: &[Tensor]| Tensor::normal_log_prob(&v[0], &v[1], &v[2]);
        check_gradients(&[x.clone(), loc, scale], f).unwrap();
        check_gradients(&[Tensor::scalar(0.4), x, Tensor::scalar(1.3)], f).unwrap();
    }

    #[test]
    fn gradients_of_a_sample_agree_with_central_differences() {
        let loc = Tensor::from_vec(vec![0.3, -1.2, 2.2, 0.9, 1.1, -0.4], &[2, 3]);
        let scale = Tensor::from_vec(vec![0.7, 1.9, 0.4], &[3]);
        let noise = Tensor::from_vec(vec![0.1, -0.5], &[2, 1]);
        let f = |v: &[Tensor]| Tensor::normal_sample(&v[0], &v[1], &v[2]).sin();
        check_gradients(&[loc, scale, noise], f).unwrap();
    }

    #[test]
    fn lazy_data_gives_what_whole_tensors_give() -> Result<()> {
        use crate::{DType, Key, Variable};
        let shape = [70, 300];
        let draw = |seed| Key::from_seed(seed).stream().normal(&shape, DType::F64);
        let [zero, one] = [0.0, 1.0].map(Tensor::scalar);
        let gradient = |whole: bool| -> Result<(f64, Vec<f64>)> {
            let rho = Variable::new("rho", draw(1))?;
            let scale = rho.tensor().softplus_above(1e-5);
            let w = Tensor::normal_sample(&draw(2), &scale, &draw(3));
            let terms = [
                Tensor::normal_log_prob(&w, &draw(2), &scale),
                Tensor::normal_kl(&draw(2), &scale, &zero, &one),
                Tensor::normal_log_prob(&w, &zero, &one),
            ];
            assert!(terms.iter().all(Tensor::is_lazy));
            let loss = if whole {
                terms
                    .iter()
                    .map(|term| Tensor::from_slice(&[1.0], &[1]) * term)
                    .fold(zero.clone(), |a, b| a + b)
            } else {
                terms[0].sum() + terms[1].sum() + terms[2].sum()
            };
            let loss = loss.sum();
            Ok((loss.item()?, loss.gradients()?.of(&rho).to_vec::<f64>()?))
        };
        let (lazy, whole) = (gradient(false)?, gradient(true)?);
        assert!((lazy.0 - whole.0).abs() <= 1e-12 * whole.0.abs());
        for (a, b) in lazy.1.iter().zip(&whole.1) {
            assert!((a - b).abs() <= 1e-12 * b.abs().max(1.0), "{a} {b}");
        }
        Ok(())
    }

    #[test]
    fn at_a_draw_of_its_own_the_noise_is_the_standardised_value() -> Result<()> {
        use crate::{DType, Key, Variable};
        for shape in [&[7][..], &[90, 200]] {
            let draw = |seed| Key::from_seed(seed).stream().normal(shape, DType::F64);
            let loc = Variable::new("loc", draw(1))?;
            let rho = Variable::new("rho", draw(2))?;
            let (m, s, noise) = (loc.tensor(), rho.tensor().softplus_above(1e-3), draw(3));
            let w = Tensor::normal_sample(&m, &s, &noise);
            // Another node for the same scale: the density knows nothing of the draw.
            let other = rho.tensor().softplus_above(1e-3);
            let own = Tensor::normal_log_prob(&w, &m, &s).sum() + w.sin().sum();
            let any = Tensor::normal_log_prob(&w, &m, &other).sum() + w.sin().sum();
            assert!(super::own_noise(&w, &m, &s).is_some());
            assert!(super::own_noise(&w, &m, &other).is_none());
            assert!(super::own_noise(&w, &(&m + 1.0), &s).is_none());
            assert!(super::own_noise(&w.detach(), &m, &s).is_none());
            assert!((own.item()? - any.item()?).abs() <= 1e-9 * any.item()?.abs());
            let (own, any) = (own.gradients()?, any.gradients()?);
            for variable in [&loc, &rho] {
                let (own, any) = (own.of(variable), any.of(variable));
                for (a, b) in own.to_vec::<f64>()?.iter().zip(&any.to_vec::<f64>()?) {
                    assert!((a - b).abs() <= 1e-8 * b.abs().max(1.0), "{a} {b}");
                }
            }
        }
        let noise = Variable::new("noise", Tensor::scalar(0.3))?;
        let [m, s] = [1.0, 2.0].map(Tensor::scalar);
        let w = Tensor::normal_sample(&m, &s, &noise.tensor());
        let slope = Tensor::normal_log_prob(&w, &m, &s).gradients()?.of(&noise).item()?;
        assert!((slope + 0.3).abs() < 1e-15);
        Ok(())
    }

    #[test]
    fn values_agree_with_statrs() -> Result<()> {
        use statrs::distribution::{Continuous, Normal};
        for (x, loc, scale) in [(0.3, -1.0, 0.01), (1e3, 0.0, 30.0), (-5.0, 5.0, 1e-3)] {
            let [a, b, c] = [x, loc, scale].map(Tensor::scalar);
            let expected = Normal::new(loc, scale).unwrap().ln_pdf(x);
            let got = Tensor::normal_log_prob(&a, &b, &c).item()?;
            assert!((got - expected).abs() <= 1e-12 * expected.abs(), "{got} {expected}");
        }
        Ok(())
    }

    #[test]
    fn gradients_of_the_divergence_agree_with_central_differences() {
        let q_loc = Tensor::from_vec(vec![0.3, -1.2, 2.2, 0.9, 1.1, -0.4], &[2, 3]);
        let q_scale = Tensor::from_vec(vec![0.7, 1.9, 0.4], &[3]);
        let (p_loc, p_scale) = (Tensor::from_vec(vec![0.1, -0.5], &[2, 1]), Tensor::scalar(1.3));
        let f = |v: &[Tensor]| Tensor::normal_kl(&v[0], &v[1], &v[2], &v[3]);
        check_gradients(&[q_loc, q_scale, p_loc, p_scale], f).unwrap();
    }

    #[test]
    fn the_divergence_is_the_textbook_one() -> Result<()> {
        for [m, s, n, t] in [[0.3, 0.7, -1.0, 2.0], [5.0, 1e-3, 0.0, 1.0], [0.0, 30.0, 0.1, 0.5]] {
            let [a, b, c, d] = [m, s, n, t].map(Tensor::scalar);
            let ratio: f64 = s / t;
            let expected = (ratio.powi(2) + ((m - n) / t).powi(2) - 1.0) / 2.0 - ratio.ln();
            let got = Tensor::normal_kl(&a, &b, &c, &d).item()?;
            assert!((got - expected).abs() <= 1e-14 * expected, "{got} {expected}");
        }
        Ok(())
    }

    #[test]
    fn shapes_are_checked() {
        let two = Tensor::from_vec(vec![0.0; 2], &[2]);
        let three = Tensor::from_vec(vec![1.0; 3], &[3]);
        let one = Tensor::scalar(1.0);
        for (x, loc, scale) in [(&two, &three, &one), (&two, &one, &three), (&one, &two, &three)] {
            let error = Tensor::normal_log_prob(x, loc, scale).shape().unwrap_err();
            assert!(matches!(error, TensorError::Shapes { op: "normal_log_prob", .. }));
        }
    }
}
