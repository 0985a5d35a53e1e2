//! Mean and variance in place of draws.

use tfn_tensor::Tensor;

use crate::activation::Activation;
use crate::error::{LayerError, Result};

/// Mean and variance of each entry of a tensor that is not known exactly. Covariances between entries are not kept.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::Tensor;
/// use tfn_layers::{Activation, Moments};
///
/// let normal = Moments { mean: Tensor::scalar(0.0), variance: Some(Tensor::scalar(1.0)) };
/// // The positive part of a standard normal: mean 1/√(2π), variance ½ − 1/(2π).
/// let positive = normal.through(&Activation::new(Tensor::relu)).ok_or("no moments")?;
/// assert!((positive.mean.item()? - 0.3989422804014327).abs() < 1e-15);
/// assert!((positive.variance.ok_or("known")?.item()? - 0.3408450569081046).abs() < 1e-15);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Moments {
    /// Means.
    pub mean: Tensor,
    /// Variances, of the means' shape; `None` if all are zero.
    pub variance: Option<Tensor>,
}

/// Nodes of the rule for smooth functions stand this far apart, in standard deviations, ...
const STEP: f64 = 0.25;
/// ... and so many of them on either side of the mean.
const NODES: i32 = 32;

impl Moments {
    /// The moments of a tensor that is known exactly: the tensor itself, and no variance.
    pub fn known(tensor: Tensor) -> Self {
        Self { mean: tensor, variance: None }
    }

    /// Variances, zeros if all are.
    pub(crate) fn variance_or_zeros(&self) -> Result<Tensor> {
        match &self.variance {
            Some(variance) => Ok(variance.clone()),
            None => Ok(Tensor::zeros(self.mean.shape()?, self.mean.dtype()?)),
        }
    }

    /// Standard deviations; `None` if all are zero.
    pub fn stddev(&self) -> Option<Tensor> {
        self.variance.as_ref().map(Tensor::sqrt)
    }

    /// The moments of the function's values, if each entry is normal; `None` for a function that is not known to act
    /// entry by entry, and for those methods of [`Tensor`] other than `relu` that are not smooth or not defined
    /// everywhere.
    ///
    /// Of `relu` they are exact. Of smooth functions they come from the trapezoidal rule with 65 nodes over eight standard deviations to
    /// both sides, differentiable like everything else; of the `tanh` of a normal it has nine digits at deviation 1, three at deviation 5.
    pub fn through(&self, activation: &Activation) -> Option<Self> {
        let Some(variance) = &self.variance else {
            return Some(Self::known(activation.apply(&self.mean)));
        };
        if activation.is_relu() {
            return Some(self.through_relu(variance));
        }
        if !activation.is_smooth() {
            return None;
        }
        let stddev = variance.sqrt();
        let node = |i: i32| {
            let z = STEP * f64::from(i);
            (z, STEP * (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt())
        };
        let values: Vec<(Tensor, f64)> = (-NODES..=NODES)
            .map(node)
            .map(|(z, weight)| (activation.apply(&(&self.mean + &stddev * z)), weight))
            .collect();
        let sum = |of: &dyn Fn(&Tensor) -> Tensor| {
            let terms = values.iter().map(|(value, weight)| of(value) * *weight);
            terms.reduce(|sum, term| sum + term)
        };
        let mean = sum(&Tensor::clone)?;
        let variance = sum(&|value| (value - &mean).square())?;
        Some(Self { mean, variance: Some(variance) })
    }

    /// With `a = |mean| / s`, `q` the normal tail beyond `a` and `t = φ(a) − a q`: the mean is `relu(mean) + s t`, and no difference of large
    /// numbers is left in the variance.
    fn through_relu(&self, variance: &Tensor) -> Self {
        const TINY: f64 = 1e-30;
        let stddev = (variance + TINY).sqrt();
        let a = (&self.mean / &stddev).abs();
        let density = (a.square() * -0.5).exp() * (1.0 / (2.0 * std::f64::consts::PI).sqrt());
        let tail = ((&a * std::f64::consts::FRAC_1_SQRT_2).erf() * -1.0 + 1.0) * 0.5;
        let t = (density - &a * &tail).relu();
        let is_positive = self.mean.ge(&(&self.mean * 0.0)).detach();
        let share = &is_positive + (&is_positive * -2.0 + 1.0) * tail - &a * &t - t.square();
        let variance = (share * (variance + TINY)).relu();
        Self { mean: self.mean.relu() + stddev * t, variance: Some(variance) }
    }

    /// Those behind a layer's activation, if it has one.
    pub(crate) fn behind(self, activation: Option<&Activation>) -> Result<Self> {
        let Some(activation) = activation else { return self.check() };
        let none = LayerError::NoMoments { of: "the layer's activation" };
        self.through(activation).ok_or(none)?.check()
    }

    pub(crate) fn check(self) -> Result<Self> {
        let variance = self.variance.map(|variance| variance.check()).transpose()?;
        Ok(Self { mean: self.mean.check()?, variance })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use tfn_tensor::Variable;

    fn normal(mean: &[f64], variance: &[f64]) -> Moments {
        let tensor = |values: &[f64]| Tensor::from_vec(values.to_vec(), &[values.len()]);
        Moments { mean: tensor(mean), variance: Some(tensor(variance)) }
    }

    /// Mean and variance of `f` of a normal, by Simpson's rule with 200 001 nodes.
    fn simpson(f: impl Fn(f64) -> f64, mean: f64, variance: f64) -> [f64; 2] {
        const N: i32 = 100_000;
        let h = 10.0 / f64::from(N);
        let sum = |g: &dyn Fn(f64) -> f64| {
            (-N..=N).fold(0.0, |sum, i| {
                let z = h * f64::from(i);
                let end = i.abs() == N;
                let weight = if end {
                    1.0
                } else if (i + N) % 2 == 1 {
                    4.0
                } else {
                    2.0
                };
                sum + weight * g(mean + variance.sqrt() * z) * (-0.5 * z * z).exp()
            }) * h
                / 3.0
                / (2.0 * std::f64::consts::PI).sqrt()
        };
        let first = sum(&f);
        [first, sum(&|x| (f(x) - first).powi(2))]
    }

    #[test]
    fn relu_is_exact_far_out_too() {
        let means = [0.0, 0.3, -0.3, 2.0, -2.0, 6.0, -6.0, 40.0, -40.0, 1e4, -1e4];
        for variance in [1e-4, 0.5, 9.0] {
            let moments = normal(&means, &[variance; 11]);
            let got = moments.through(&Activation::new(Tensor::relu)).unwrap();
            let [mean, var] = [got.mean, got.variance.unwrap()].map(|t| t.to_vec::<f64>().unwrap());
            for (i, &m) in means.iter().enumerate() {
                let [want_mean, want_var] = simpson(|x| x.max(0.0), m, variance);
                let s = variance.sqrt();
                assert!((mean[i] - want_mean).abs() < 1e-8 * s + 1e-12 * m.abs(), "{m} {variance}");
                assert!(
                    (var[i] - want_var).abs() < 1e-7 * variance,
                    "{m} {variance}: {} {want_var}",
                    var[i]
                );
            }
        }
    }

    #[test]
    fn smooth_functions_by_quadrature() {
        type Case = (fn(&Tensor) -> Tensor, fn(f64) -> f64);
        let cases: [Case; 5] = [
            (|x| x.tanh(), f64::tanh),
            (|x| x.sigmoid(), |x| 1.0 / (1.0 + (-x).exp())),
            (|x| x.softplus(), |x| x.exp().ln_1p()),
            (|x| x.sin(), f64::sin),
            (|x| x.square(), |x| x * x),
        ];
        for (function, f) in cases {
            for (variance, tolerance) in [(1e-3, 1e-9), (1.0, 1e-9), (25.0, 3e-3)] {
                for mean in [0.0, -0.7, 3.0] {
                    let moments = normal(&[mean], &[variance]);
                    let got = moments.through(&Activation::elementwise(function)).unwrap();
                    let [want_mean, want_var] = simpson(f, mean, variance);
                    let (m, v) = (got.mean.item().unwrap(), got.variance.unwrap().item().unwrap());
                    let scale = want_var.sqrt().max(1e-3);
                    assert!(
                        (m - want_mean).abs() < tolerance * scale,
                        "{mean} {variance} {m} {want_mean}"
                    );
                    assert!(
                        (v - want_var).abs() < tolerance * scale * scale * 3.0,
                        "{mean} {variance} {v} {want_var}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_has_no_moments_says_so() {
        let moments = normal(&[1.0], &[1.0]);
        for function in [Activation::new(Tensor::sign), Activation::new(Tensor::sqrt)] {
            assert!(moments.through(&function).is_none());
        }
        assert!(moments.through(&Activation::new(|x| x.log_softmax(-1))).is_none());
        let known = Moments::known(Tensor::scalar(4.0));
        let root = known.through(&Activation::new(Tensor::sqrt)).unwrap();
        assert!(root.variance.is_none() && root.mean.item().unwrap() == 2.0);
    }

    #[test]
    fn gradients_are_finite_also_without_variance() {
        let mean = Variable::new("mean", Tensor::from_vec(vec![0.0, 1.0, -1.0], &[3])).unwrap();
        let variance =
            Variable::new("variance", Tensor::from_vec(vec![0.0, 1.0, 1e-12], &[3])).unwrap();
        let moments = Moments { mean: mean.tensor(), variance: Some(variance.tensor()) };
        let out = moments.through(&Activation::new(Tensor::relu)).unwrap();
        let sum = (out.mean + out.variance.unwrap()).sum();
        let gradients = sum.gradients().unwrap();
        for variable in [&mean, &variance] {
            assert!(gradients.of(variable).all_finite().unwrap(), "{:?}", gradients.of(variable));
        }
    }
}
