//! Targets in other units than the net's.

use std::sync::Arc;

use tfn_distributions::bijectors::{Chain, Scale, Shift};
use tfn_distributions::{Distribution, Parameter, TransformedDistribution};
use tfn_module::Module;
use tfn_tensor::{DType, Tensor};

use crate::contract::{Likelihood, Marginal, Moments, Pass};
use crate::error::Result;

/// A likelihood of standardised targets, seen in the units of the targets: `y = loc + scale·z`, with `z` by `likelihood`.
///
/// The net learns numbers of about unit scale; what the model says, its densities and intervals, is in the units that
/// the data came in.
///
/// # Shapes
/// `loc` and `scale`: `[]`, or `[targets]`. All else as of the likelihood within.
///
/// # Examples
/// ```
/// use tfn_layers::likelihoods::{Affine, Noise, Normal};
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Sequential};
///
/// // House prices of 200 ± 50.
/// let prices = Affine::new(Normal::with_noise(Noise::given(0.1)), 200.0, 50.0);
/// let model = Sequential::of(Bayesian::new(3, 1)?).with_likelihood(prices);
/// let price = model.call(&Tensor::zeros(&[1, 3], DType::F32))?;
/// assert!((price.stddev()?.to_vec::<f32>()?[0] - 5.0).abs() < 1e-5);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
#[derive(Clone, Debug, Module)]
#[module(crate = tfn_module)]
pub struct Affine {
    likelihood: Arc<dyn Likelihood>,
    loc: Parameter,
    scale: Parameter,
}

tfn_module::describe_fields!(Affine as "tfn.likelihoods.Affine" { likelihood, loc, scale });

impl Affine {
    /// Targets of `likelihood` times `scale` plus `loc`.
    pub fn new<L: Likelihood + tfn_module::DeepCopy>(
        likelihood: L,
        loc: impl Into<Parameter>,
        scale: impl Into<Parameter>,
    ) -> Self {
        Self { likelihood: Arc::new(likelihood), loc: loc.into(), scale: scale.into() }
    }

    /// The likelihood of the standardised targets.
    pub fn likelihood(&self) -> &Arc<dyn Likelihood> {
        &self.likelihood
    }

    /// A distribution of standardised targets in the units of the targets.
    fn in_units(
        &self,
        standard: Arc<dyn Distribution>,
        dtype: DType,
    ) -> Result<Arc<dyn Distribution>> {
        let scale = Scale::new(self.scale.value().cast(dtype))?;
        let shift = Shift::new(self.loc.value().cast(dtype))?;
        let units = Chain::new([shift.into(), scale.into()]);
        Ok(TransformedDistribution::new(standard, units)?.into())
    }
}

impl Likelihood for Affine {
    fn distribution(&self, output: &Tensor, pass: &Pass) -> Result<Arc<dyn Distribution>> {
        self.in_units(self.likelihood.distribution(output, pass)?, output.dtype()?)
    }

    fn marginal(&self, output: &Moments) -> Result<Option<Marginal>> {
        let Some(standard) = self.likelihood.marginal(output)? else { return Ok(None) };
        let dtype = output.mean.dtype()?;
        let square = self.scale.value().cast(dtype).square();
        Ok(Some(Marginal {
            distribution: self.in_units(standard.distribution, dtype)?,
            aleatoric: (standard.aleatoric * &square).check()?,
            epistemic: (standard.epistemic * &square).check()?,
        }))
    }

    fn draws_together(&self) -> bool {
        self.likelihood.draws_together()
    }

    fn outputs(&self, targets: usize) -> usize {
        self.likelihood.outputs(targets)
    }

    fn check_targets(&self, targets: &Tensor) -> Result<()> {
        let dtype = targets.dtype()?;
        let (loc, scale) = (self.loc.value().cast(dtype), self.scale.value().cast(dtype));
        self.likelihood.check_targets(&((targets - loc) / scale))
    }
}
