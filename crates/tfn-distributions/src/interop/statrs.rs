//! The distributions of statrs.

use statrs::distribution as theirs;
use statrs::distribution::Discrete;
use statrs::statistics::{Distribution as _, Max};
use tfn_tensor::Tensor;

use super::number;
use crate::distribution::Distribution;
use crate::error::DistributionError;
use crate::families::{
    Bernoulli, Beta, Categorical, Cauchy, Chi2, Deterministic, Exponential, Gamma, Gumbel,
    InverseGamma, Laplace, LogNormal, Normal, Poisson, StudentT, Uniform, Weibull,
};

/// Ours and theirs, with the number that each parameter of ours is there; both constructors take them in this order.
macro_rules! exchange {
    ($($Ours:ident($($parameter:ident: $get:expr),+) = $Theirs:ident;)*) => { $(
        impl TryFrom<theirs::$Theirs> for $Ours {
            type Error = DistributionError;

            fn try_from(theirs: theirs::$Theirs) -> Result<Self, DistributionError> {
                let get = ($({ let get: fn(&theirs::$Theirs) -> f64 = $get; get(&theirs) },)+);
                let ($($parameter,)+) = get;
                Self::new($($parameter),+)
            }
        }

        impl TryFrom<&$Ours> for theirs::$Theirs {
            type Error = DistributionError;

            fn try_from(ours: &$Ours) -> Result<Self, DistributionError> {
                Self::new($(number(ours, stringify!($parameter), ours.$parameter())?),+)
                    .map_err(|source| DistributionError::external(ours.family(), source))
            }
        }
    )* };
}

exchange! {
    Beta(concentration1: |d| d.shape_a(), concentration0: |d| d.shape_b()) = Beta;
    Cauchy(loc: |d| d.location(), scale: |d| d.scale()) = Cauchy;
    Chi2(df: |d| d.freedom()) = ChiSquared;
    Deterministic(loc: |d| d.v()) = Dirac;
    Exponential(rate: |d| d.rate()) = Exp;
    Gamma(concentration: |d| d.shape(), rate: |d| d.rate()) = Gamma;
    Gumbel(loc: |d| d.location(), scale: |d| d.scale()) = Gumbel;
    InverseGamma(concentration: |d| d.shape(), scale: |d| d.rate()) = InverseGamma;
    Laplace(loc: |d| d.location(), scale: |d| d.scale()) = Laplace;
    LogNormal(loc: |d| d.location(), scale: |d| d.scale()) = LogNormal;
    Normal(
        loc: |d| d.mean().unwrap_or(f64::NAN),
        scale: |d| d.std_dev().unwrap_or(f64::NAN)
    ) = Normal;
    Poisson(rate: |d| d.lambda()) = Poisson;
    Uniform(low: |d| d.min(), high: |d| d.max()) = Uniform;
    Weibull(concentration: |d| d.shape(), scale: |d| d.scale()) = Weibull;
}

impl TryFrom<theirs::Bernoulli> for Bernoulli {
    type Error = DistributionError;

    fn try_from(theirs: theirs::Bernoulli) -> Result<Self, DistributionError> {
        Self::from_probs(theirs.p())
    }
}

impl TryFrom<&Bernoulli> for theirs::Bernoulli {
    type Error = DistributionError;

    fn try_from(ours: &Bernoulli) -> Result<Self, DistributionError> {
        Self::new(number(ours, "probs", ours.mean()?)?)
            .map_err(|source| DistributionError::external(ours.family(), source))
    }
}

impl TryFrom<theirs::StudentsT> for StudentT {
    type Error = DistributionError;

    fn try_from(theirs: theirs::StudentsT) -> Result<Self, DistributionError> {
        Self::new(theirs.freedom(), theirs.location(), theirs.scale())
    }
}

impl TryFrom<&StudentT> for theirs::StudentsT {
    type Error = DistributionError;

    fn try_from(ours: &StudentT) -> Result<Self, DistributionError> {
        let loc = number(ours, "loc", ours.loc())?;
        let scale = number(ours, "scale", ours.scale())?;
        Self::new(loc, scale, number(ours, "df", ours.df())?)
            .map_err(|source| DistributionError::external(ours.family(), source))
    }
}

impl TryFrom<theirs::Categorical> for Categorical {
    type Error = DistributionError;

    fn try_from(theirs: theirs::Categorical) -> Result<Self, DistributionError> {
        let probs: Vec<f64> = (0..=theirs.max()).map(|label| theirs.pmf(label)).collect();
        let count = probs.len();
        Self::from_probs(Tensor::from_vec(probs, &[count]))
    }
}

impl TryFrom<&Categorical> for theirs::Categorical {
    type Error = DistributionError;

    fn try_from(ours: &Categorical) -> Result<Self, DistributionError> {
        Self::new(&row(ours, "probs", &ours.probs())?)
            .map_err(|source| DistributionError::external(ours.family(), source))
    }
}

/// The entries of a parameter of one distribution over vectors.
fn row(
    distribution: &dyn Distribution,
    argument: &'static str,
    value: &Tensor,
) -> Result<Vec<f64>, DistributionError> {
    let given = value.shape()?;
    if given.len() == 1 {
        return Ok(value.to_f64_vec()?);
    }
    Err(DistributionError::Shape {
        family: distribution.family(),
        argument,
        given: given.to_vec(),
        expected: "one row, as another crate has it".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::distribution::{Continuous, ContinuousCDF};
    use tfn_tensor::DType;

    /// There, back, and the same log-density.
    macro_rules! both_ways {
        ($($Ours:ident($($argument:expr),+) = $Theirs:ident at $x:expr;)*) => { $({
            let ours = $Ours::new($($argument),+).unwrap();
            let theirs = theirs::$Theirs::try_from(&ours).unwrap();
            let log_prob = ours.log_prob(&Tensor::scalar($x)).unwrap().item().unwrap();
            let off = log_prob - theirs.ln_pdf($x);
            assert!(off.abs() < 1e-9, "{} {off}", stringify!($Ours));
            let back = $Ours::try_from(theirs).unwrap();
            let again = back.log_prob(&Tensor::scalar($x)).unwrap().item().unwrap();
            assert_eq!(again, log_prob, "{}", stringify!($Ours));
        })* };
    }

    #[test]
    fn there_and_back_nothing_changes() {
        both_ways! {
            Beta(2.0, 3.5) = Beta at 0.3;
            Cauchy(0.5, 2.0) = Cauchy at 1.5;
            Chi2(3.0) = ChiSquared at 1.5;
            Exponential(2.5) = Exp at 1.5;
            Gamma(2.0, 3.0) = Gamma at 1.5;
            Gumbel(0.5, 2.0) = Gumbel at 1.5;
            InverseGamma(2.0, 3.0) = InverseGamma at 1.5;
            Laplace(0.5, 2.0) = Laplace at 1.5;
            LogNormal(0.5, 2.0) = LogNormal at 1.5;
            Normal(0.5, 2.0) = Normal at 1.5;
            StudentT(3.0, 0.5, 2.0) = StudentsT at 1.5;
            Uniform(-1.0, 2.0) = Uniform at 1.5;
            Weibull(2.0, 3.0) = Weibull at 1.5;
        }
    }

    #[test]
    fn masses_and_points_go_there_and_back() {
        let point = theirs::Dirac::try_from(&Deterministic::new(1.5).unwrap()).unwrap();
        assert_eq!((point.v(), point.cdf(1.5)), (1.5, 1.0));
        let coin = theirs::Bernoulli::try_from(&Bernoulli::from_logits(0.0).unwrap()).unwrap();
        assert_eq!(Bernoulli::try_from(coin).unwrap().mean().unwrap().item().unwrap(), 0.5);
        let counts = theirs::Poisson::try_from(&Poisson::new(3.0).unwrap()).unwrap();
        assert_eq!(Poisson::try_from(counts).unwrap().mean().unwrap().item().unwrap(), 3.0);
        let labels =
            Categorical::from_probs(Tensor::from_vec(vec![0.5, 0.25, 0.25], &[3])).unwrap();
        let back = Categorical::try_from(theirs::Categorical::try_from(&labels).unwrap()).unwrap();
        assert_eq!(back.probs().to_vec::<f64>().unwrap(), [0.5, 0.25, 0.25]);
    }

    #[test]
    fn a_batch_is_none_of_theirs() {
        let batch = Normal::new(Tensor::zeros(&[3], DType::F64), 1.0).unwrap();
        let error = theirs::Normal::try_from(&batch).unwrap_err();
        assert!(
            matches!(&error, DistributionError::Shape { argument: "loc", given, .. } if given == &[3]),
            "{error}"
        );
        let rows = Categorical::from_logits(Tensor::zeros(&[2, 3], DType::F64)).unwrap();
        assert!(theirs::Categorical::try_from(&rows).is_err());
    }

    #[test]
    fn what_they_refuse_is_their_error() {
        let wide = Weibull::new(1.0, f64::MAX).unwrap();
        assert!(theirs::Weibull::try_from(&wide).is_ok());
        let low =
            Exponential::new(tfn_tensor::Variable::new("rate", Tensor::scalar(-1.0)).unwrap());
        let error = theirs::Exp::try_from(&low.unwrap()).unwrap_err();
        assert!(matches!(error, DistributionError::External { family: "Exponential", .. }));
    }
}
