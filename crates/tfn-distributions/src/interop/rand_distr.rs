//! The distributions of rand and rand_distr.

use std::sync::Arc;

use rand::Rng;
use rand_distr as theirs;
use tfn_tensor::Stream;

use super::number;
use crate::distribution::{Distribution, IntoDistribution};
use crate::error::DistributionError;
use crate::families::{
    Bernoulli, Beta, Cauchy, Chi2, Exponential, Gamma, Geometric, Gumbel, LogNormal, Normal,
    Poisson, Uniform, Weibull,
};

/// A distribution over numbers as a `rand_distr::Distribution<f64>`, which is `rand::distr::Distribution<f64>`.
///
/// Each draw takes 256 bits of the generator and draws at the key that they are; for many draws at once
/// [`sample`](Distribution::sample) is faster by orders of magnitude.
///
/// # Examples
/// ```
/// use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
/// use rand_distr::Distribution as _;
/// use tfn_distributions::{AsRand, Laplace};
///
/// let laplace = AsRand::new(Laplace::new(3.0, 0.1)?)?;
/// let draws: Vec<f64> = laplace.sample_iter(ChaCha8Rng::seed_from_u64(1)).take(5).collect();
/// assert!(draws.iter().all(|x| (x - 3.0).abs() < 3.0));
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct AsRand {
    distribution: Arc<dyn Distribution>,
}

impl AsRand {
    /// `distribution` as one of rand.
    ///
    /// # Errors
    /// [`DistributionError::Shape`] if it is a batch, or one over vectors; and what a first draw reports.
    pub fn new(distribution: impl IntoDistribution) -> Result<Self, DistributionError> {
        let distribution = distribution.into_distribution();
        let given = [distribution.batch_shape()?, distribution.event_shape()?].concat();
        if !given.is_empty() {
            return Err(DistributionError::Shape {
                family: distribution.family(),
                argument: "distribution",
                given,
                expected: "a single distribution over numbers, []".into(),
            });
        }
        distribution.sample(&[], &mut Stream::from_seed(0))?.check()?;
        Ok(Self { distribution })
    }

    /// The distribution.
    pub fn distribution(&self) -> &Arc<dyn Distribution> {
        &self.distribution
    }
}

impl theirs::Distribution<f64> for AsRand {
    /// A draw; NaN if variables behind the parameters have left their range since [`AsRand::new`].
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let draw = self.distribution.sample(&[], &mut Stream::from_rng(rng));
        let entries = draw.and_then(|draw| Ok(draw.to_f64_vec()?));
        entries.ok().and_then(|entries| entries.first().copied()).unwrap_or(f64::NAN)
    }
}

/// Theirs from ours, by their constructor and its arguments.
macro_rules! to_theirs {
    ($($Ours:ident($ours:ident) => $Theirs:ident<$($T:ty)?>($($argument:literal: $value:expr),+);)*) => { $(
        impl TryFrom<&$Ours> for theirs::$Theirs$(<$T>)? {
            type Error = DistributionError;

            fn try_from($ours: &$Ours) -> Result<Self, DistributionError> {
                Self::new($(number($ours, $argument, $value)?),+)
                    .map_err(|source| DistributionError::external($ours.family(), source))
            }
        }
    )* };
}

to_theirs! {
    Bernoulli(d) => Bernoulli<>("probs": d.mean()?);
    Beta(d) => Beta<f64>(
        "concentration1": d.concentration1(),
        "concentration0": d.concentration0()
    );
    Cauchy(d) => Cauchy<f64>("loc": d.loc(), "scale": d.scale());
    Chi2(d) => ChiSquared<f64>("df": d.df());
    Exponential(d) => Exp<f64>("rate": d.rate());
    Gamma(d) => Gamma<f64>("concentration": d.concentration(), "rate": 1.0 / d.rate().value());
    Geometric(d) => Geometric<>("probs": d.probs());
    Gumbel(d) => Gumbel<f64>("loc": d.loc(), "scale": d.scale());
    LogNormal(d) => LogNormal<f64>("loc": d.loc(), "scale": d.scale());
    Normal(d) => Normal<f64>("loc": d.loc(), "scale": d.scale());
    Poisson(d) => Poisson<f64>("rate": d.rate());
    Uniform(d) => Uniform<f64>("low": d.low(), "high": d.high());
    Weibull(d) => Weibull<f64>("scale": d.scale(), "concentration": d.concentration());
}

impl TryFrom<theirs::Normal<f64>> for Normal {
    type Error = DistributionError;

    fn try_from(theirs: theirs::Normal<f64>) -> Result<Self, DistributionError> {
        Self::new(theirs.mean(), theirs.std_dev())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;
    use rand_distr::Distribution as _;
    use tfn_tensor::{DType, Tensor};

    /// Their draws have our mean, within five standard errors.
    macro_rules! same_means {
        ($($Ours:ident as $Theirs:ident<$($T:ty)?> -> $D:ty: $ours:expr;)*) => { $({
            let ours = $ours.unwrap();
            let theirs = theirs::$Theirs$(::<$T>)?::try_from(&ours).unwrap();
            let rng = ChaCha8Rng::seed_from_u64(7);
            let sum: f64 = theirs.sample_iter(rng).take(4000).map(|x: $D| f64::from(x as f32)).sum();
            let (mean, spread) = (ours.mean().unwrap(), ours.stddev().unwrap());
            let off = (sum / 4000.0 - mean.item().unwrap()).abs();
            let error = spread.item().unwrap() / 4000_f64.sqrt();
            assert!(off < 5.0 * error, "{} {off} {error}", stringify!($Ours));
        })* };
    }

    #[test]
    fn theirs_have_our_means() {
        same_means! {
            Beta as Beta<f64> -> f64: Beta::new(2.0, 3.0);
            Chi2 as ChiSquared<f64> -> f64: Chi2::new(3.0);
            Exponential as Exp<f64> -> f64: Exponential::new(2.0);
            Gamma as Gamma<f64> -> f64: Gamma::new(2.0, 3.0);
            Geometric as Geometric<> -> u64: Geometric::from_probs(0.3);
            Gumbel as Gumbel<f64> -> f64: Gumbel::new(1.0, 2.0);
            LogNormal as LogNormal<f64> -> f64: LogNormal::new(0.5, 0.3);
            Normal as Normal<f64> -> f64: Normal::new(1.0, 2.0);
            Poisson as Poisson<f64> -> f64: Poisson::new(3.0);
            Uniform as Uniform<f64> -> f64: Uniform::new(1.0, 2.0);
            Weibull as Weibull<f64> -> f64: Weibull::new(2.0, 3.0);
        }
        let coin = theirs::Bernoulli::try_from(&Bernoulli::from_probs(0.25).unwrap()).unwrap();
        assert_eq!(coin.p(), 0.25);
        assert!(theirs::Cauchy::try_from(&Cauchy::new(0.0, 1.0).unwrap()).is_ok());
    }

    #[test]
    fn a_normal_comes_back() {
        let theirs = theirs::Normal::new(1.5, 2.5).unwrap();
        let ours = Normal::try_from(theirs).unwrap();
        assert_eq!(ours.scale().value().item().unwrap(), 2.5);
    }

    #[test]
    fn ours_draw_from_any_generator() {
        let weibull = AsRand::new(Weibull::new(2.0, 3.0).unwrap()).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let draws: Vec<f64> = (0..4000).map(|_| weibull.sample(&mut rng)).collect();
        let mean = draws.iter().sum::<f64>() / 4000.0;
        // 3 Γ(3/2), with a standard deviation of 1.39.
        assert!((mean - 2.658_680_776_358_274).abs() < 5.0 * 1.39 / 4000_f64.sqrt(), "{mean}");
    }

    #[test]
    fn a_batch_is_none_of_theirs() {
        let batch = || Normal::new(Tensor::zeros(&[3], DType::F64), 1.0).unwrap();
        let error = theirs::Normal::try_from(&batch()).unwrap_err();
        assert!(matches!(error, DistributionError::Shape { argument: "loc", .. }), "{error}");
        let error = AsRand::new(batch()).unwrap_err();
        assert!(matches!(error, DistributionError::Shape { argument: "distribution", .. }));
        let single = Normal::new(0.0, 1.0).unwrap();
        assert!(AsRand::new(crate::Sample::new(single, &[2]).unwrap()).is_err());
    }
}
