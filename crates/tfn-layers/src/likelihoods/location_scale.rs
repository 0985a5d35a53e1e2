//! Numbers around the net's output, with noise that does not depend on the input.

use std::sync::Arc;

use tfn_distributions::bijectors::{Chain, Shift, Softplus};
use tfn_distributions::{self as distributions, Distribution, Parameter, TransformedVariable};
use tfn_module::{Module, describe_fields};
use tfn_tensor::Tensor;

use super::noise::Noise;
use crate::contract::{Likelihood, Marginal, Moments, Pass, check_each};
use crate::error::Result;

macro_rules! location_scale {
    ($($(#[$doc:meta])* $Name:ident as $class:literal: $expected:literal, $allowed:expr, $marginal:ident;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, Module)]
        #[module(crate = tfn_module)]
        pub struct $Name {
            noise: Noise,
        }

        impl $Name {
            /// With one scale for all targets, which is learned and starts at 1.
            ///
            /// # Errors
            /// None.
            pub fn new() -> Result<Self> {
                Ok(Self { noise: Noise::learned()? })
            }

            /// With this noise.
            pub fn with_noise(noise: Noise) -> Self {
                Self { noise }
            }

            /// The noise.
            pub fn noise(&self) -> &Noise {
                &self.noise
            }
        }

        describe_fields!($Name as $class { noise });

        impl Likelihood for $Name {
            fn distribution(&self, output: &Tensor, pass: &Pass) -> Result<Arc<dyn Distribution>> {
                Ok(distributions::$Name::new(output, self.noise.scale(output, pass)?)?.into())
            }

            fn marginal(&self, output: &Moments) -> Result<Option<Marginal>> {
                match self.noise.known_scale(output.mean.dtype()?)? {
                    Some(scale) => $marginal(output, &scale),
                    None => Ok(None),
                }
            }

            fn draws_together(&self) -> bool {
                true
            }

            fn check_targets(&self, targets: &Tensor) -> Result<()> {
                check_each(targets, $expected, $allowed)
            }
        }
    )* };
}

location_scale! {
    /// Normal targets around the net's output: `y ~ N(output, scale²)`.
    ///
    /// # Shapes
    /// Outputs and targets `[n, targets]`, or targets `[n]` for a single one.
    Normal as "tfn.likelihoods.Normal": "a finite number", f64::is_finite, normal;
    /// Targets around the net's output with the heavier tails of `y ~ Laplace(output, scale)`: the loss is the absolute
    /// error.
    ///
    /// # Shapes
    /// As of [`Normal`].
    Laplace as "tfn.likelihoods.Laplace": "a finite number", f64::is_finite, no_closed_form;
    /// Positive targets, whose logarithm is normal around the net's output: `ln y ~ N(output, scale²)`.
    ///
    /// # Shapes
    /// As of [`Normal`].
    LogNormal as "tfn.likelihoods.LogNormal": "a positive finite number", |target| target > 0.0 && target.is_finite(), log_normal;
}

/// Variances of the output and of the noise, for each target.
fn variances(output: &Moments, scale: &Tensor) -> Result<[Tensor; 2]> {
    let zeros = Tensor::zeros(output.mean.shape()?, output.mean.dtype()?);
    let of_noise = zeros + scale.square();
    Ok([output.variance_or_zeros()? + &of_noise * 0.0, of_noise])
}

/// Normal noise on a normal output is normal.
fn normal(output: &Moments, scale: &Tensor) -> Result<Option<Marginal>> {
    let [epistemic, aleatoric] = variances(output, scale)?;
    let stddev = (&epistemic + &aleatoric).sqrt();
    let distribution = distributions::Normal::new(&output.mean, stddev)?.into();
    let (aleatoric, epistemic) = (aleatoric.check()?, epistemic.check()?);
    Ok(Some(Marginal { distribution, aleatoric, epistemic }))
}

/// Of a log-normal `exp(m + v/2)` is the mean and `exp(2m + v)·(exp v − 1)` the variance. With `v` of the output and `s` of the noise,
/// the mean given the output is log-normal itself, with `m + s/2` and `v`.
fn log_normal(output: &Moments, scale: &Tensor) -> Result<Option<Marginal>> {
    let [v, s] = variances(output, scale)?;
    let distribution = distributions::LogNormal::new(&output.mean, (&v + &s).sqrt())?.into();
    let unit = (&output.mean * 2.0 + &v + &s).exp();
    let aleatoric = (&unit * v.exp() * s.expm1()).check()?;
    let epistemic = (unit * v.expm1()).check()?;
    Ok(Some(Marginal { distribution, aleatoric, epistemic }))
}

fn no_closed_form(_output: &Moments, _scale: &Tensor) -> Result<Option<Marginal>> {
    Ok(None)
}

/// Targets around the net's output with outliers: `y ~ StudentT(df, output, scale)`.
///
/// # Shapes
/// As of [`Normal`].
///
/// # Examples
/// ```
/// use tfn_layers::likelihoods::{Noise, StudentT};
/// use tfn_layers::module::Module;
///
/// assert_eq!(StudentT::new()?.trainable_variables().len(), 2);
/// assert_eq!(StudentT::with_df(4.0, Noise::learned()?).trainable_variables().len(), 1);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
#[derive(Clone, Debug, Module)]
#[module(crate = tfn_module)]
pub struct StudentT {
    df: Parameter,
    noise: Noise,
}

describe_fields!(StudentT as "tfn.likelihoods.StudentT" { df, noise });

impl StudentT {
    /// With a learned scale, which starts at 1, and learned degrees of freedom, which start at 5 and stay above 2, so
    /// that there is a variance.
    ///
    /// # Errors
    /// None.
    pub fn new() -> Result<Self> {
        let above_two = Chain::new([Shift::new(2.0)?.into(), Softplus::new().into()]);
        let df = TransformedVariable::new(&Tensor::scalar(5.0), above_two, "df")?;
        Ok(Self { df: df.into(), noise: Noise::learned()? })
    }

    /// With these degrees of freedom and this noise.
    pub fn with_df(df: impl Into<Parameter>, noise: Noise) -> Self {
        Self { df: df.into(), noise }
    }
}

impl Likelihood for StudentT {
    fn distribution(&self, output: &Tensor, pass: &Pass) -> Result<Arc<dyn Distribution>> {
        let (df, scale) = (self.df.value().cast(output.dtype()?), self.noise.scale(output, pass)?);
        Ok(distributions::StudentT::new(df, output, scale)?.into())
    }

    fn draws_together(&self) -> bool {
        true
    }
}
