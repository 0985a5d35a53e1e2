//! Student's t distribution.

use tfn_module::Module;
use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Tensor};

use super::location_scale::{Standard, Symmetric};
use crate::distribution::{Distribution, Reparameterization};
use crate::error::Result;
use crate::masking::constant;
use crate::parameter::{Parameter, ParameterSpec};
use crate::special::student_t as law;

/// Student's t distribution around `loc`, spread by `scale`, with `df` degrees of freedom: the fewer, the heavier its tails.
///
/// Counterpart: `tfp.distributions.StudentT`. As there the mean is NaN for `df` up to 1, the variance infinite for `df`
/// from 1 to 2 and NaN up to 1.
///
/// ```text
/// log p(x) = −(df + 1)/2 · ln(1 + z²/df) − ln B(½, df/2) − ½ ln df − ln scale,   z = (x − loc)/scale
/// ```
///
/// Samples are drawn by the polar method and differentiable in all parameters.
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, StudentT};
/// use tfn_tensor::Tensor;
///
/// let heavy = StudentT::new(3.0, 1.0, 2.0)?;
/// assert!((heavy.variance()?.item()? - 12.0).abs() < 1e-14);
/// assert_eq!(heavy.cdf(&Tensor::scalar(1.0))?.item()?, 0.5);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
///
/// # References
/// R. W. Bailey, Polar generation of random variates with the t-distribution, Mathematics of Computation 62 (1994).
#[derive(Clone, Debug, Module)]
pub struct StudentT {
    df: Parameter,
    loc: Parameter,
    scale: Parameter,
    validate_args: bool,
}

location_scale!(StudentT, #[doc = "The degrees of freedom."] df);
on_the_line!(StudentT);

/// The distribution of location 0 and scale 1.
pub(super) struct StandardStudentT {
    pub(super) df: Tensor,
}

impl StandardStudentT {
    /// `f` where `df` is above `least`, the number `otherwise` elsewhere; `f` sees only what is above.
    fn above(&self, least: f64, otherwise: f64, f: &dyn Fn(&Tensor) -> Tensor) -> Tensor {
        let is_above = self.df.gt(&constant(least, &self.df));
        let safe = Tensor::select(&is_above, &self.df, &constant(least + 1.0, &self.df));
        Tensor::select(&is_above, &f(&safe), &constant(otherwise, &self.df))
    }

    /// The mean of `|z|`.
    pub(super) fn mean_size(&self) -> Tensor {
        self.above(1.0, f64::NAN, &law::mean_size)
    }

    /// The mean of `z²` where there is one of `z`.
    pub(super) fn mean_square(&self) -> Tensor {
        let square = self.above(2.0, f64::INFINITY, &|df| df / (df - 2.0));
        let is_defined = self.df.gt(&constant(1.0, &self.df));
        Tensor::select(&is_defined, &square, &constant(f64::NAN, &square))
    }

    pub(super) fn entropy(&self) -> Tensor {
        law::entropy(&self.df)
    }
}

impl Symmetric for StandardStudentT {
    fn log_density(&self, x: &Tensor, scale: &Tensor) -> Tensor {
        law::log_fall(&self.df, x, scale) + law::log_peak(&self.df)
    }

    fn tail(&self, z: &Tensor) -> Tensor {
        law::tail(&self.df, z)
    }

    fn tail_quantile(&self, p: &Tensor) -> Tensor {
        law::tail_quantile(&self.df, p)
    }

    fn inner(&self, z: &Tensor) -> Tensor {
        law::inner(&self.df, z)
    }

    fn inner_quantile(&self, p: &Tensor) -> Tensor {
        law::inner_quantile(&self.df, p)
    }

    fn log_tail(&self, z: &Tensor) -> Tensor {
        law::log_tail(&self.df, z)
    }

    fn noise(&self, shape: &[usize], dtype: DType, stream: &mut Stream) -> Tensor {
        let radius = stream.uniform_open(shape, dtype);
        law::polar(&self.df, &radius, &stream.uniform_open(shape, dtype))
    }
}

impl StudentT {
    fn standard(&self) -> StandardStudentT {
        StandardStudentT { df: self.df.value() }
    }
}

impl Distribution for StudentT {
    methods_but_density_by_standard!();

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        Ok(law::log_prob(&self.df.value(), &self.loc.value(), &self.scale.value(), x))
    }

    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![
            self.df.positive("df"),
            self.loc.real("loc"),
            self.scale.positive("scale"),
        ]
    }

    fn mean(&self) -> Result<Tensor> {
        let nothing = self.standard().above(1.0, f64::NAN, &|df| constant(0.0, df));
        self.spread(&(self.loc.value() + nothing))
    }

    fn variance(&self) -> Result<Tensor> {
        self.spread(&(self.standard().mean_square() * self.scale.value().square()))
    }

    fn stddev(&self) -> Result<Tensor> {
        self.spread(&(self.standard().mean_square().sqrt() * self.scale.value()))
    }

    fn mode(&self) -> Result<Tensor> {
        self.spread(&self.loc.value())
    }

    fn entropy(&self) -> Result<Tensor> {
        self.spread(&(self.standard().entropy() + self.scale.value().ln()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DistributionError;
    use tfn_tensor::Variable;

    #[test]
    fn bad_arguments_are_named() {
        let error = StudentT::new(0.0, 0.0, 1.0).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "df", .. }));
        assert!(StudentT::new(1.0, 0.0, -1.0).is_err());
    }

    #[test]
    fn moments_are_there_as_far_as_df_allows() {
        let df = Tensor::from_vec(vec![1.0, 1.5, 2.0, 4.0], &[4]);
        let student_t = StudentT::new(df, 3.0, 2.0).unwrap();
        let mean = student_t.mean().unwrap().to_vec::<f64>().unwrap();
        let variance = student_t.variance().unwrap().to_vec::<f64>().unwrap();
        assert!(mean[0].is_nan() && variance[0].is_nan());
        assert_eq!(mean[1..], [3.0; 3]);
        assert_eq!(variance[1..], [f64::INFINITY, f64::INFINITY, 8.0]);
    }

    #[test]
    fn infinity_has_no_density_and_no_slope() {
        let df = Variable::new("df", Tensor::scalar(3.0)).unwrap();
        let x = Variable::new("x", Tensor::from_vec(vec![f64::INFINITY, 1e200], &[2])).unwrap();
        let log_prob = StudentT::new(&df, 0.0, 1.0).unwrap().log_prob(&x.tensor()).unwrap();
        assert_eq!(log_prob.to_vec::<f64>().unwrap()[0], f64::NEG_INFINITY);
        let gradients = log_prob.sum().gradients().unwrap();
        assert_eq!(gradients.of(&x).to_vec::<f64>().unwrap()[0], 0.0);
        assert!(gradients.of(&df).item().unwrap().is_finite());
    }

    #[test]
    fn a_sample_moves_with_the_degrees_of_freedom() {
        let mean_of_square = |df: &Variable| {
            let student_t = StudentT::new(df, 0.0, 1.0).unwrap();
            student_t.sample(&[200_000], &mut Stream::from_seed(5)).unwrap().square().mean()
        };
        let df = Variable::new("df", Tensor::scalar(12.0)).unwrap();
        let slope = mean_of_square(&df).gradients().unwrap().of(&df).item().unwrap();
        // That of the variance df/(df − 2) is −2/(df − 2)².
        assert!((slope + 0.02).abs() < 1e-3, "{slope}");
    }
}
