//! The half-Student's t distribution.

use std::f64::consts::LN_2;

use tfn_module::Module;
use tfn_tensor::Tensor;
use tfn_tensor::random::Stream;

use super::location_scale::{Folded, Standard};
use super::student_t::StandardStudentT;
use crate::distribution::{Distribution, Reparameterization};
use crate::error::Result;
use crate::parameter::{Parameter, ParameterSpec};

/// Student's t distribution with `df` degrees of freedom around `loc`, folded there: from `loc` upward.
///
/// Counterpart: `tfp.distributions.HalfStudentT`. As there mean and variance are NaN for `df` up to 1, and the variance is
/// infinite for `df` from 1 to 2. Below `loc` the log-density is minus infinity with zero gradient.
///
/// ```text
/// log p(x) = ln 2 − (df + 1)/2 · ln(1 + z²/df) − ln B(½, df/2) − ½ ln df − ln scale,   z = (x − loc)/scale,   x ≥ loc
/// ```
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, HalfStudentT};
/// use tfn_tensor::Tensor;
///
/// let prior = HalfStudentT::new(2.0, 0.0, 1.0)?;
/// assert!((prior.mean()?.item()? - 2.0_f64.sqrt()).abs() < 1e-15);
/// assert_eq!(prior.prob(&Tensor::scalar(-1.0))?.item()?, 0.0);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct HalfStudentT {
    df: Parameter,
    loc: Parameter,
    scale: Parameter,
    validate_args: bool,
}

location_scale!(HalfStudentT, #[doc = "The degrees of freedom."] df);
on_the_half_line!(HalfStudentT);

impl HalfStudentT {
    fn standard(&self) -> Folded<StandardStudentT> {
        Folded(StandardStudentT { df: self.df.value() })
    }

    /// The variance for scale 1.
    fn standard_variance(&self) -> Tensor {
        let Folded(student_t) = self.standard();
        student_t.mean_square() - student_t.mean_size().square()
    }
}

impl Distribution for HalfStudentT {
    methods_by_standard!();

    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![
            self.df.positive("df"),
            self.loc.real("loc"),
            self.scale.positive("scale"),
        ]
    }

    fn mean(&self) -> Result<Tensor> {
        self.spread(&self.placed(&self.standard().0.mean_size()))
    }

    fn variance(&self) -> Result<Tensor> {
        self.spread(&(self.standard_variance() * self.scale.value().square()))
    }

    fn stddev(&self) -> Result<Tensor> {
        self.spread(&(self.standard_variance().sqrt() * self.scale.value()))
    }

    fn mode(&self) -> Result<Tensor> {
        self.spread(&self.loc.value())
    }

    fn entropy(&self) -> Result<Tensor> {
        self.spread(&(self.standard().0.entropy() + self.scale.value().ln() - LN_2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HalfCauchy;
    use tfn_tensor::Variable;

    #[test]
    fn below_loc_there_is_nothing() {
        let df = Variable::new("df", Tensor::scalar(2.0)).unwrap();
        let half = HalfStudentT::new(&df, 1.0, 2.0).unwrap();
        let x = Tensor::from_vec(vec![0.5, f64::NEG_INFINITY], &[2]);
        let log_prob = half.log_prob(&x).unwrap();
        assert_eq!(log_prob.to_vec::<f64>().unwrap(), [f64::NEG_INFINITY; 2]);
        assert_eq!(log_prob.sum().gradients().unwrap().of(&df).item().unwrap(), 0.0);
        assert_eq!(half.log_survival_function(&x).unwrap().to_vec::<f64>().unwrap(), [0.0; 2]);
        assert!(half.log_prob(&Tensor::scalar(f64::NAN)).unwrap().item().unwrap().is_nan());
    }

    #[test]
    fn one_degree_of_freedom_is_the_half_cauchy_distribution() {
        let x = Tensor::from_vec(vec![1e-20, 0.3, 7.0, 1e20], &[4]);
        let (half, other) =
            (HalfStudentT::new(1.0, 0.0, 2.0).unwrap(), HalfCauchy::new(0.0, 2.0).unwrap());
        let ratio = |a: Result<Tensor>, b: Result<Tensor>| {
            (a.unwrap() / b.unwrap() - 1.0).to_vec::<f64>().unwrap()
        };
        for off in [
            ratio(half.cdf(&x), other.cdf(&x)),
            ratio(half.survival_function(&x), other.survival_function(&x)),
            ratio(half.log_survival_function(&x), other.log_survival_function(&x)),
            ratio(half.log_prob(&x), other.log_prob(&x)),
        ] {
            assert!(off.iter().all(|off| off.abs() < 1e-14), "{off:?}");
        }
    }
}
