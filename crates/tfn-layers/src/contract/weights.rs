//! The posterior and prior of a layer's weights, and everything drawn or computed from them.

mod described;

use std::fmt;
use std::sync::Arc;

use tfn_distributions::Distribution;
use tfn_module::{Copies, DeepCopy, Module, NameScope, Properties};
use tfn_tensor::{DType, Key, Tensor};
use tfn_util::{KernelBias, KernelBiasSpec};

use super::calls::Calls;
use crate::arguments::{ValueFn, VariationalArguments};
use crate::divergence::{Divergence, PosteriorValue};
use crate::error::{LayerError, Result};

/// A set of weights: their posterior, their prior, and the divergence between them.
///
/// A layer holds one set, several or none. They are modules, so that the net around them finds them
/// ([`find`](tfn_module::find)), adds up their divergences and gives each its key. How an output is computed from
/// weights and an input is the matter of an [`Estimator`](crate::Estimator).
#[derive(Clone)]
pub struct Weights {
    class: String,
    scope: NameScope,
    name: String,
    posterior: Arc<dyn Distribution>,
    prior: Arc<dyn Distribution>,
    parts: KernelBias<usize>,
    value_fn: ValueFn,
    divergence: Divergence,
    dtype: DType,
    seed: u64,
    validate_args: bool,
    calls: Calls,
}

impl Weights {
    /// Makes posterior and prior of the weights that `spec` has shapes for, by the arguments' factories, and checks that
    /// they fit.
    ///
    /// # Errors
    /// [`LayerError::Structure`], [`LayerError::WeightShape`], [`LayerError::WeightDType`], [`LayerError::Part`] for
    /// factories whose results do not fit; what the factories report.
    pub fn new(
        layer: &str,
        arguments: &VariationalArguments,
        mut spec: KernelBiasSpec,
    ) -> Result<Self> {
        let name = tfn_module::layer_name(arguments.name.as_deref().unwrap_or(layer))?;
        let seed = match arguments.seed {
            Some(seed) => seed,
            None => tfn_tensor::random::seed_from_entropy()?,
        };
        let root = Key::from_seed(seed).child(&name);
        spec.kernel_initializer = arguments.kernel_initializer.clone();
        spec.bias_initializer = arguments.bias_initializer.clone();
        spec.use_bias = spec.use_bias && arguments.use_bias;
        spec.dtype = arguments.dtype;
        spec.scope = arguments.scope.clone();
        spec.key = root.child("posterior");
        let posterior = in_type((arguments.make_posterior_fn)(&spec)?, spec.dtype);
        spec.key = root.child("prior");
        let prior = in_type((arguments.make_prior_fn)(&spec)?, spec.dtype);
        let parts = check_parts(layer, arguments, &spec, &posterior, &prior)?;
        Ok(Self {
            class: layer.to_owned(),
            scope: arguments.scope.clone(),
            name,
            posterior,
            prior,
            parts,
            value_fn: arguments.posterior_value_fn.clone(),
            divergence: arguments.divergence.clone(),
            dtype: arguments.dtype,
            seed,
            validate_args: arguments.validate_args,
            calls: Calls::new(root.child("call")),
        })
    }

    /// Class of the layer that the weights belong to.
    pub fn class(&self) -> &str {
        &self.class
    }

    /// Name of the layer that the weights belong to.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The posterior: the distribution of the weights that is trained.
    pub fn posterior(&self) -> &Arc<dyn Distribution> {
        &self.posterior
    }

    /// The prior: the distribution from which the divergence of the posterior is taken.
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

    /// The key of the draw that belongs to the last call of the net that these weights stand in.
    ///
    /// # Errors
    /// [`LayerError::NotCalled`] before the first call; it names `method`, which asks.
    pub fn last_key(&self, method: &'static str) -> Result<Key> {
        let none = || LayerError::NotCalled { layer: self.name.clone(), method };
        self.calls.last_key().ok_or_else(none)
    }

    /// The draw of all parts of the weights for `key`.
    ///
    /// # Errors
    /// What `posterior_value_fn` reports.
    pub fn value_at(&self, key: &Key) -> Result<Vec<Tensor>> {
        Ok(self.value_fn.draw(self.posterior.as_ref(), &key.child("posterior"))?)
    }

    /// The divergence of posterior from prior for `key`, a scalar.
    ///
    /// # Errors
    /// What the divergence reports.
    pub fn losses_at(&self, key: &Key) -> Result<Tensor> {
        let value = PosteriorValue::new(|| self.value_at(key));
        let loss = self.divergence.of(self.posterior.as_ref(), self.prior.as_ref(), &value)?;
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

    /// Under `validate_args`, checks that each entry is finite (or, of a scale, positive and finite).
    ///
    /// # Errors
    /// [`LayerError::Entries`] that names the argument, the first offending entry and their number.
    pub fn validate(&self, argument: &'static str, tensor: &Tensor, positive: bool) -> Result<()> {
        if !self.validate_args {
            return Ok(());
        }
        let wrong = |v: f64| !v.is_finite() || (positive && v <= 0.0);
        let values = tensor.to_f64_vec()?;
        match values.iter().position(|&v| wrong(v)) {
            None => Ok(()),
            Some(index) => Err(LayerError::Entries {
                argument,
                given: values[index],
                index,
                count: values.iter().filter(|&&v| wrong(v)).count(),
                expected: if positive { "positive and finite" } else { "finite" },
            }),
        }
    }
}

impl Module for Weights {
    fn properties<'a>(&'a self, properties: &mut Properties<'a>) {
        properties.add("posterior", &self.posterior).add("prior", &self.prior);
        properties.flatten(&self.calls);
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn name_scope(&self) -> NameScope {
        self.scope.child(&self.name)
    }
}

impl fmt::Debug for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (class, name) = (&self.class, &self.name);
        write!(f, "<Weights of {class}: name={name}, posterior={:?}>", self.posterior)
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

/// A distribution of bare numbers in the type of the layer; any other one as it is.
fn in_type(distribution: Arc<dyn Distribution>, dtype: DType) -> Arc<dyn Distribution> {
    match distribution.dtype() {
        Ok(given) if given != dtype => distribution.with_numbers_as(dtype).unwrap_or(distribution),
        _ => distribution,
    }
}

/// The parts of a joint distribution; of any other one itself.
fn parts_of(distribution: &Arc<dyn Distribution>) -> &[Arc<dyn Distribution>] {
    distribution.parts().unwrap_or(std::slice::from_ref(distribution))
}

fn check_parts(
    layer: &str,
    arguments: &VariationalArguments,
    spec: &KernelBiasSpec,
    posterior: &Arc<dyn Distribution>,
    prior: &Arc<dyn Distribution>,
) -> Result<KernelBias<usize>> {
    let (q, p) = (parts_of(posterior), parts_of(prior));
    if q.len() != p.len() {
        let layer = layer.to_owned();
        return Err(LayerError::Structure { layer, posterior: q.len(), prior: p.len() });
    }
    let names: Vec<Option<&str>> = match spec.others.is_empty() {
        true => vec![None; q.len()],
        false => spec.part_names().into_iter().map(Some).collect(),
    };
    let parts = (arguments.unpack_weights_fn)(&names)?;
    let shapes = [(Some(parts.kernel), "kernel"), (parts.bias, "bias")].into_iter();
    let mut shapes: Vec<(usize, &str, &[usize])> = shapes
        .zip([&spec.kernel_shape, &spec.bias_shape])
        .filter_map(|((part, name), shape)| Some((part?, name, shape.as_slice())))
        .collect();
    let first = spec.part_names().len() - spec.others.len();
    shapes.extend((first..).zip(&spec.others).map(|(i, other)| (i, &*other.name, &*other.shape)));
    for (argument, all) in [("make_posterior_fn", q), ("make_prior_fn", p)] {
        for &(index, name, expected) in &shapes {
            let missing =
                || LayerError::Part { layer: layer.to_owned(), given: index, parts: all.len() };
            let distribution = all.get(index).ok_or_else(missing)?;
            check_part(layer, argument, name, distribution, expected)?;
        }
        for (part, distribution) in all.iter().enumerate() {
            let (given, expected) = (distribution.dtype()?, arguments.dtype);
            if given != expected {
                let layer = layer.to_owned();
                return Err(LayerError::WeightDType { layer, argument, part, given, expected });
            }
        }
    }
    Ok(parts)
}

fn check_part(
    layer: &str,
    argument: &'static str,
    name: &str,
    distribution: &Arc<dyn Distribution>,
    expected: &[usize],
) -> Result<()> {
    let given = [distribution.batch_shape()?, distribution.event_shape()?].concat();
    let fits = match argument {
        "make_posterior_fn" => given == *expected,
        // A prior may say the same of many weights at once.
        _ => tfn_tensor::broadcast_shapes(&given, expected).as_deref() == Some(expected),
    };
    if fits {
        return Ok(());
    }
    let (layer, part, expected) = (layer.to_owned(), name.to_owned(), expected.to_vec());
    Err(LayerError::WeightShape { layer, argument, part, given, expected })
}
