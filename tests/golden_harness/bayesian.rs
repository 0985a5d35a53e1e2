//! Variational layers over recorded weights, called with recorded noise.

use std::collections::BTreeMap;
use std::sync::Arc;

use tfn::bijectors::{Bijector, Chain, Shift, Softplus};
use tfn::distributions::{
    Deterministic, Distribution, Independent, JointDistributionSequential, Laplace, Normal, Sample,
    TransformedVariable,
};
use tfn::tensor::{Tensor, Variable};
use tfn::util::{
    KernelBias, UtilError, make_kernel_bias_posterior_mvn_diag,
    make_kernel_bias_prior_spike_and_slab, unpack_kernel_and_bias,
};
use tfn::{DType, KernelBiasSpec, Key, losses};
use tfn_layers::{Builder, Dense, Estimator, Variational};

use crate::json::{Gold, Outcome};

/// What the bias of a recorded layer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bias {
    Normal,
    Deterministic,
    Laplace,
    /// Posterior and prior have one part.
    KernelOnly,
    /// The part is there, but `unpack_weights_fn` drops it.
    Dropped,
}

impl Bias {
    pub(crate) fn of(kind: &str) -> Outcome<Self> {
        Ok(match kind {
            "normal" => Self::Normal,
            "deterministic" => Self::Deterministic,
            "laplace" => Self::Laplace,
            "kernel_only" => Self::KernelOnly,
            "unpack_none" => Self::Dropped,
            _ => return Err(format!("unknown kind of bias `{kind}`").into()),
        })
    }
}

/// The priors that divergences were recorded against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prior {
    SpikeAndSlab,
    StandardNormal,
}

/// How the divergence is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    MonteCarlo,
    Exact,
}

/// An activation by its name.
pub(crate) fn activation(name: &str) -> Outcome<fn(&Tensor) -> Tensor> {
    Ok(match name {
        "none" => Tensor::clone,
        "relu" => Tensor::relu,
        "tanh" => Tensor::tanh,
        "elu" => Tensor::elu,
        _ => return Err(format!("unknown activation `{name}`").into()),
    })
}

/// A type by its name.
pub(crate) fn dtype(name: &str) -> Outcome<DType> {
    match name {
        "f64" => Ok(DType::F64),
        "f32" => Ok(DType::F32),
        _ => Err(format!("unknown dtype `{name}`").into()),
    }
}

/// What a layer is built of.
pub(crate) struct Recipe {
    pub(crate) sizes: [usize; 2],
    pub(crate) dtype: DType,
    pub(crate) activation: fn(&Tensor) -> Tensor,
    pub(crate) bias: Bias,
    pub(crate) posterior: Arc<dyn Distribution>,
}

impl Recipe {
    /// The recipe of a layer whose posterior's variables hold the recorded values.
    ///
    /// A normal bias is that of the default posterior, whose variables are found by their names.
    pub(crate) fn new(
        sizes: [usize; 2],
        dtype: DType,
        activation: fn(&Tensor) -> Tensor,
        bias: Bias,
        recorded: &BTreeMap<String, Gold>,
    ) -> Outcome<Self> {
        let mut spec = KernelBiasSpec::new(&sizes, &sizes[1..]);
        spec.dtype = dtype;
        let default = make_kernel_bias_posterior_mvn_diag(&spec)?;
        let kernel = default.parts().ok_or("the default posterior has no parts")?[0].clone();
        let other = |part| -> Outcome<Arc<dyn Distribution>> {
            Ok(Arc::new(JointDistributionSequential::new([kernel.clone(), part])?))
        };
        let zeros = |name: &str| Variable::new(name, Tensor::zeros(&sizes[1..], dtype));
        let posterior = match bias {
            Bias::Normal | Bias::Dropped => default,
            Bias::KernelOnly => Arc::new(JointDistributionSequential::new([kernel.clone()])?),
            Bias::Deterministic => {
                let point = Deterministic::new(zeros("posterior_bias_loc")?)?;
                other(Arc::new(Independent::new(point, 1)?))?
            }
            Bias::Laplace => {
                let shift = Shift::new(Tensor::scalar_of(1e-5, dtype))?;
                let positive: [Arc<dyn Bijector>; 2] = [shift.into(), Softplus::new().into()];
                let scale = zeros("posterior_bias_scale")?;
                let scale = TransformedVariable::from_variable(scale, Chain::new(positive))?;
                let laplace = Laplace::new(zeros("posterior_bias_loc")?, scale)?;
                other(Arc::new(Independent::new(laplace, 1)?))?
            }
        };
        assign(&posterior.trainable_variables(), recorded)?;
        Ok(Self { sizes, dtype, activation, bias, posterior })
    }

    /// A layer over the recipe's posterior.
    pub(crate) fn build<E: Estimator + Default>(
        &self,
        prior: Prior,
        method: Method,
    ) -> Outcome<Variational<Dense, E>> {
        let ([inputs, outputs], posterior) = (self.sizes, self.posterior.clone());
        let parts = posterior.parts().map_or(1, <[_]>::len);
        let (bias, make_prior) = (self.bias, move |spec: &KernelBiasSpec| match prior {
            Prior::SpikeAndSlab => spike_and_slab(spec, parts),
            Prior::StandardNormal => standard_normal(spec, parts),
        });
        let unpack = move |names: &[Option<&str>]| -> Result<KernelBias<usize>, UtilError> {
            let all = unpack_kernel_and_bias(names)?;
            Ok(KernelBias { bias: all.bias.filter(|_| bias != Bias::Dropped), ..all })
        };
        let builder = Builder::<Dense, E>::new(inputs, outputs)
            .make_posterior_fn(move |_: &KernelBiasSpec| Ok::<_, UtilError>(posterior.clone()))
            .make_prior_fn(make_prior)
            .unpack_weights_fn(unpack)
            .dtype(self.dtype)
            .activation_fn(self.activation)
            .seed(1);
        Ok(match method {
            Method::MonteCarlo => builder.build()?,
            Method::Exact => builder.divergence(losses::kl_divergence_exact).build()?,
        })
    }
}

/// Gives each variable the value recorded under its name.
pub(crate) fn assign(variables: &[Variable], recorded: &BTreeMap<String, Gold>) -> Outcome {
    for variable in variables {
        let name = variable.name();
        let value = recorded.get(name).ok_or_else(|| format!("no variable `{name}` recorded"))?;
        variable.assign(&value.to_tensor())?;
    }
    Ok(())
}

/// The default prior of the first `parts` parts.
fn spike_and_slab(spec: &KernelBiasSpec, parts: usize) -> Result<Arc<dyn Distribution>, UtilError> {
    let both = make_kernel_bias_prior_spike_and_slab(spec)?;
    let kept = both.parts().unwrap_or_default().iter().take(parts).cloned();
    Ok(Arc::new(JointDistributionSequential::new(kept)?))
}

fn standard_normal(
    spec: &KernelBiasSpec,
    parts: usize,
) -> Result<Arc<dyn Distribution>, UtilError> {
    let number = |value: f64| Tensor::scalar_of(value, spec.dtype);
    let mut kept: Vec<Arc<dyn Distribution>> = Vec::new();
    for shape in [&spec.kernel_shape, &spec.bias_shape].into_iter().take(parts) {
        kept.push(Arc::new(Sample::new(Normal::new(number(0.0), number(1.0))?, shape)?));
    }
    Ok(Arc::new(JointDistributionSequential::new(kept)?))
}

/// Recorded standard draws of one call of a layer: of its output, and of the parts of its weights.
#[derive(Default)]
pub(crate) struct Noise(Vec<(String, Tensor)>);

impl Noise {
    pub(crate) fn push(&mut self, path: impl Into<String>, draw: Tensor) {
        self.0.push((path.into(), draw));
    }

    /// The draw that gives a Laplace distribution's standard draw `noise`: it samples by its quantiles.
    pub(crate) fn push_laplace(&mut self, path: impl Into<String>, noise: &Gold) -> Outcome {
        let standard = Laplace::new(0.0, 1.0)?;
        let wide = Tensor::from_slice(&noise.data, &noise.shape);
        self.push(path, standard.cdf(&wide)?);
        Ok(())
    }

    pub(crate) fn key(self) -> Key {
        Key::replay(self.0)
    }
}
