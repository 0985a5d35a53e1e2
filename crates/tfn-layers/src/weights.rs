//! The posterior and prior of a layer's weights, and everything drawn or computed from them.

use std::cell::OnceCell;
use std::sync::Arc;

use tfn_distributions::Distribution;
use tfn_module::{Copies, DeepCopy, Properties};
use tfn_tensor::{DType, Key, Tensor};
use tfn_util::{KernelBias, KernelBiasSpec};

use crate::arguments::{Activation, ValueFn, VariationalArguments};
use crate::calls::Calls;
use crate::error::{LayerError, Result};

/// A divergence of posterior `q` from prior `r`, given a draw `w` from `q`: a scalar.
pub type Divergence = Arc<
    dyn Fn(&dyn Distribution, &dyn Distribution, &PosteriorValue<'_>) -> Result<Tensor>
        + Send
        + Sync,
>;

/// A draw of the weights that is made when somebody looks at it.
///
/// A Monte Carlo divergence looks, an exact one does not, and then nothing is drawn.
pub struct PosteriorValue<'a> {
    draw: Box<dyn Fn() -> Result<Vec<Tensor>> + 'a>,
    drawn: OnceCell<Vec<Tensor>>,
}

impl<'a> PosteriorValue<'a> {
    /// A value that `draw` makes when it is first looked at.
    pub fn new(draw: impl Fn() -> Result<Vec<Tensor>> + 'a) -> Self {
        Self { draw: Box::new(draw), drawn: OnceCell::new() }
    }

    /// The parts of the weights, in the order of the posterior's parts.
    ///
    /// # Errors
    /// What drawing reports.
    pub fn parts(&self) -> Result<&[Tensor]> {
        if let Some(parts) = self.drawn.get() {
            return Ok(parts);
        }
        let parts = (self.draw)()?;
        Ok(self.drawn.get_or_init(|| parts))
    }
}

impl From<Vec<Tensor>> for PosteriorValue<'static> {
    fn from(parts: Vec<Tensor>) -> Self {
        Self { draw: Box::new(|| Ok(Vec::new())), drawn: OnceCell::from(parts) }
    }
}

/// What every variational layer with a kernel and a bias holds.
///
/// Layer classes differ in how they turn posterior and input into an output; posterior, prior, divergence,
/// activation, name, seed and the sequence of calls are here.
#[derive(Clone)]
pub struct Weights {
    name: String,
    posterior: Arc<dyn Distribution>,
    prior: Arc<dyn Distribution>,
    parts: KernelBias<usize>,
    value_fn: ValueFn,
    divergence: Divergence,
    activation: Option<Activation>,
    dtype: DType,
    seed: u64,
    validate_args: bool,
    calls: Calls,
}

impl Weights {
    /// Makes posterior and prior and checks that they fit the layer.
    ///
    /// # Errors
    /// [`LayerError::Structure`], [`LayerError::WeightShape`], [`LayerError::Part`] for factories whose
    /// results do not fit; what the factories report.
    pub fn new(
        layer: &'static str,
        arguments: &VariationalArguments,
        kernel_shape: &[usize],
        bias_shape: &[usize],
    ) -> Result<Self> {
        let name = tfn_module::layer_name(arguments.name.as_deref().unwrap_or(layer))?;
        let seed = match arguments.seed {
            Some(seed) => seed,
            None => tfn_tensor::random::seed_from_entropy()?,
        };
        let root = Key::from_seed(seed).child(&name);
        let mut spec = KernelBiasSpec::new(kernel_shape, bias_shape);
        spec.kernel_initializer = arguments.kernel_initializer.clone();
        spec.bias_initializer = arguments.bias_initializer.clone();
        spec.dtype = arguments.dtype;
        spec.key = root.child("posterior");
        let posterior = (arguments.make_posterior_fn)(&spec)?;
        spec.key = root.child("prior");
        let prior = (arguments.make_prior_fn)(&spec)?;
        let parts = check_parts(layer, arguments, &spec, &posterior, &prior)?;
        Ok(Self {
            name,
            posterior,
            prior,
            parts,
            value_fn: arguments.posterior_value_fn.clone(),
            divergence: arguments.divergence.clone(),
            activation: arguments.activation_fn.clone(),
            dtype: arguments.dtype,
            seed,
            validate_args: arguments.validate_args,
            calls: Calls::new(root.child("call")),
        })
    }

    /// Name of the layer.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Distribution that the weights are learned as.
    pub fn posterior(&self) -> &Arc<dyn Distribution> {
        &self.posterior
    }

    /// Distribution that the weights are measured against.
    pub fn prior(&self) -> &Arc<dyn Distribution> {
        &self.prior
    }

    /// Index of kernel and bias among the parts of posterior, prior and draws.
    pub fn parts(&self) -> KernelBias<usize> {
        self.parts
    }

    /// Posterior of kernel and bias.
    pub fn posteriors(&self) -> KernelBias<&Arc<dyn Distribution>> {
        self.parts.map(|part| &parts_of(&self.posterior)[part])
    }

    /// Prior of kernel and bias.
    pub fn priors(&self) -> KernelBias<&Arc<dyn Distribution>> {
        self.parts.map(|part| &parts_of(&self.prior)[part])
    }

    /// Type of the weights.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The seed that was given, or drawn from the system when the layer was built.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Whether inputs and weights are checked at each call.
    pub fn validate_args(&self) -> bool {
        self.validate_args
    }

    /// The calls so far.
    pub fn calls(&self) -> &Calls {
        &self.calls
    }

    /// Everything posterior and prior say to a walk: a layer's `properties`.
    pub fn properties<'a>(&'a self, properties: &mut Properties<'a>) {
        properties.add("posterior", &self.posterior).add("prior", &self.prior);
    }

    /// The draw of all parts of the weights for `key`.
    ///
    /// # Errors
    /// What `posterior_value_fn` reports.
    pub fn value_at(&self, key: &Key) -> Result<Vec<Tensor>> {
        Ok((self.value_fn)(self.posterior.as_ref(), &key.child("posterior"))?)
    }

    /// The divergence of posterior from prior for `key`, a scalar.
    ///
    /// # Errors
    /// What the divergence reports.
    pub fn losses_at(&self, key: &Key) -> Result<Tensor> {
        let value = PosteriorValue::new(|| self.value_at(key));
        let loss = (self.divergence)(self.posterior.as_ref(), self.prior.as_ref(), &value)?;
        Ok(loss.check()?)
    }

    /// The divergence used by the losses.
    pub fn divergence(&self) -> &Divergence {
        &self.divergence
    }

    /// Replaces the divergence used by the losses.
    pub fn set_divergence(&mut self, divergence: Divergence) {
        self.divergence = divergence;
    }

    /// The layer's output from its pre-activation.
    pub fn activate(&self, y: Tensor) -> Tensor {
        match &self.activation {
            Some(activation) => activation(&y),
            None => y,
        }
    }

    /// Under `validate_args`, checks that each entry is finite (or, of a scale, positive and finite).
    ///
    /// # Errors
    /// [`LayerError::Entries`] that names the argument, the first offending entry and their number.
    pub fn validate(
        &self,
        layer: &'static str,
        argument: &'static str,
        tensor: &Tensor,
        positive: bool,
    ) -> Result<()> {
        if !self.validate_args {
            return Ok(());
        }
        let wrong = |v: f64| !v.is_finite() || (positive && v <= 0.0);
        let values = tensor.to_f64_vec()?;
        match values.iter().position(|&v| wrong(v)) {
            None => Ok(()),
            Some(index) => Err(LayerError::Entries {
                layer,
                argument,
                given: values[index],
                index,
                count: values.iter().filter(|&&v| wrong(v)).count(),
                expected: if positive { "positive and finite" } else { "finite" },
            }),
        }
    }
}

impl DeepCopy for Weights {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        Self {
            posterior: self.posterior.deep_copy_with(copies),
            prior: self.prior.deep_copy_with(copies),
            ..self.clone()
        }
    }
}

/// The parts of a joint distribution; of any other one itself.
fn parts_of(distribution: &Arc<dyn Distribution>) -> &[Arc<dyn Distribution>] {
    distribution.parts().unwrap_or(std::slice::from_ref(distribution))
}

fn check_parts(
    layer: &'static str,
    arguments: &VariationalArguments,
    spec: &KernelBiasSpec,
    posterior: &Arc<dyn Distribution>,
    prior: &Arc<dyn Distribution>,
) -> Result<KernelBias<usize>> {
    let (q, p) = (parts_of(posterior), parts_of(prior));
    if q.len() != p.len() {
        return Err(LayerError::Structure { layer, posterior: q.len(), prior: p.len() });
    }
    let parts = (arguments.unpack_weights_fn)(&vec![None; q.len()])?;
    for (part, name, expected) in
        [(Some(parts.kernel), "kernel", &spec.kernel_shape), (parts.bias, "bias", &spec.bias_shape)]
    {
        let Some(index) = part else { continue };
        for (argument, all) in [("make_posterior_fn", q), ("make_prior_fn", p)] {
            let missing = LayerError::Part { layer, given: index, parts: all.len() };
            let distribution = all.get(index).ok_or(missing)?;
            let given = [distribution.batch_shape()?, distribution.event_shape()?].concat();
            let fits = match argument {
                "make_posterior_fn" => given == *expected,
                // A prior may say the same of many weights at once.
                _ => tfn_tensor::broadcast_shapes(&given, expected).as_ref() == Some(expected),
            };
            if !fits {
                let expected = expected.clone();
                return Err(LayerError::WeightShape {
                    layer,
                    argument,
                    part: name,
                    given,
                    expected,
                });
            }
        }
    }
    Ok(parts)
}
