//! Groups of variables that are trained in another way than the rest.

use std::collections::BTreeSet;

use tfn_module::{Module, named_variables};
use tfn_tensor::{Variable, VariableId};

use crate::check::Argument;
use crate::error::{Result, TrainError};

/// The variables at or below a path of a model, and what an optimizer does differently with them.
///
/// What a group does not set is as for the other variables. If a variable is in several groups, each setting comes from
/// the last group that has it.
///
/// # Examples
/// The first layer learns ten times as slowly, and biases do not decay:
/// ```
/// use tfn_module::Module;
/// use tfn_tensor::{Tensor, Variable};
/// use tfn_train::{AdamW, Optimizer, optimizers::ParamGroup};
///
/// #[derive(Module)]
/// struct Dense { kernel: Variable, bias: Variable }
/// #[derive(Module)]
/// struct Net { layers: Vec<Dense> }
///
/// let w = |name| Variable::new(name, Tensor::scalar(1.0));
/// let dense = || Ok::<_, tfn_tensor::TensorError>(Dense { kernel: w("kernel")?, bias: w("bias")? });
/// let net = Net { layers: vec![dense()?, dense()?] };
///
/// let biases: Vec<Variable> = net.layers.iter().map(|layer| layer.bias.clone()).collect();
/// let mut adam = AdamW::builder(0.01)
///     .weight_decay(0.1)
///     .group(ParamGroup::of(&net, "layers/0")?.learning_rate_factor(0.1))
///     .group(ParamGroup::of_variables(&biases).weight_decay(0.0))
///     .build()?;
/// let loss = net.variables().iter().map(Variable::tensor).fold(Tensor::scalar(0.0), |a, b| a + b);
/// adam.minimize(&loss, &net.variables())?;
///
/// // Adam's first step is the rate; a kernel decays by rate · 0.1 too.
/// let gone = |w: &Variable| Ok::<_, tfn_tensor::TensorError>(1.0 - w.value().item()?);
/// assert!((gone(&net.layers[0].kernel)? - 0.001 * 1.1).abs() < 1e-7);
/// assert!((gone(&net.layers[0].bias)? - 0.001).abs() < 1e-7);
/// assert!((gone(&net.layers[1].kernel)? - 0.01 * 1.1).abs() < 1e-7);
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ParamGroup {
    members: BTreeSet<VariableId>,
    learning_rate_factor: Option<f64>,
    weight_decay: Option<f64>,
    frozen: Option<bool>,
}

impl ParamGroup {
    /// The variables of `module` whose path is `prefix` or goes on below it: `layers/1` has `layers/1/kernel`, not
    /// `layers/10/kernel`. All of them, if `prefix` is empty.
    ///
    /// # Errors
    /// [`TrainError::NoVariables`] if there is none.
    pub fn of<M: Module + ?Sized>(module: &M, prefix: &str) -> Result<Self> {
        let below = |path: &str| {
            prefix.is_empty()
                || path.strip_prefix(prefix).is_some_and(|rest| {
                    rest.is_empty() || rest.starts_with('/') || prefix.ends_with('/')
                })
        };
        let named = named_variables(module);
        let found = named.iter().filter(|(path, _)| below(path)).map(|(_, variable)| variable);
        let group = Self::of_variables(found);
        if group.members.is_empty() {
            let paths = named.into_iter().map(|(path, _)| path).collect();
            return Err(TrainError::NoVariables { prefix: prefix.to_owned(), paths });
        }
        Ok(group)
    }

    /// These variables.
    pub fn of_variables<'v>(variables: impl IntoIterator<Item = &'v Variable>) -> Self {
        let members = variables.into_iter().map(Variable::id).collect();
        Self { members, learning_rate_factor: None, weight_decay: None, frozen: None }
    }

    /// Multiplies the learning rate, and the decay with it.
    pub fn learning_rate_factor(mut self, factor: f64) -> Self {
        self.learning_rate_factor = Some(factor);
        self
    }

    /// Sets the decay of weights, in place of the optimizer's.
    pub fn weight_decay(mut self, decay: f64) -> Self {
        self.weight_decay = Some(decay);
        self
    }

    /// Leaves the variables as they are, what is remembered of them too; their gradients do not count in a norm.
    ///
    /// The gradients are computed nevertheless. [`tfn_module::freeze`] saves that.
    pub fn frozen(mut self, frozen: bool) -> Self {
        self.frozen = Some(frozen);
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        let of = |argument, given: Option<f64>| {
            given.map(|given| Argument::new("ParamGroup", argument, given).not_negative())
        };
        of("learning_rate_factor", self.learning_rate_factor).transpose()?;
        of("weight_decay", self.weight_decay).transpose()?;
        Ok(())
    }
}

/// Variables that are trained in the same way.
#[derive(Debug)]
pub(super) struct Part<'v> {
    pub(super) rate_factor: f64,
    pub(super) weight_decay: f64,
    pub(super) variables: Vec<&'v Variable>,
}

/// `variables` by how they are trained, without the frozen ones.
pub(super) fn parts<'v>(
    groups: &[ParamGroup],
    weight_decay: f64,
    variables: &'v [Variable],
) -> Vec<Part<'v>> {
    if groups.is_empty() {
        return vec![Part {
            rate_factor: 1.0,
            weight_decay,
            variables: variables.iter().collect(),
        }];
    }
    let mut parts: Vec<Part<'v>> = Vec::new();
    for variable in variables {
        let (mut factor, mut decay, mut frozen) = (1.0, weight_decay, false);
        for group in groups.iter().filter(|group| group.members.contains(&variable.id())) {
            factor = group.learning_rate_factor.unwrap_or(factor);
            decay = group.weight_decay.unwrap_or(decay);
            frozen = group.frozen.unwrap_or(frozen);
        }
        let same = |part: &&mut Part<'_>| (part.rate_factor, part.weight_decay) == (factor, decay);
        match parts.iter_mut().find(same) {
            _ if frozen => {}
            Some(part) => part.variables.push(variable),
            None => parts.push(Part {
                rate_factor: factor,
                weight_decay: decay,
                variables: vec![variable],
            }),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use tfn_tensor::Tensor;

    use super::*;
    use crate::{Adam, Optimizer, Sgd};

    #[derive(Module)]
    struct Net {
        layers: Vec<Variable>,
        gain: Variable,
    }

    fn net() -> Net {
        let w = |name: &str| Variable::new(name, Tensor::scalar(1.0)).unwrap();
        Net { layers: (0..11).map(|_| w("w")).collect(), gain: w("gain") }
    }

    /// Σ w: all gradients are 1.
    fn sum(net: &Net) -> Tensor {
        net.variables().iter().map(Variable::tensor).fold(Tensor::scalar(0.0), |a, b| a + b)
    }

    fn item(variable: &Variable) -> f64 {
        variable.value().item().unwrap()
    }

    #[test]
    fn a_prefix_is_whole_segments() {
        let net = net();
        let members = |prefix| ParamGroup::of(&net, prefix).unwrap().members;
        assert_eq!(members("layers/1"), BTreeSet::from([net.layers[1].id()]));
        assert_eq!((members("layers").len(), members("layers/").len()), (11, 11));
        assert_eq!(members("").len(), 12);
        let error = ParamGroup::of(&net, "layer").unwrap_err().to_string();
        assert!(error.contains("at or below `layer`, the paths are gain, layers/0,"), "{error}");
    }

    #[test]
    fn factor_decay_and_frozen_by_hand() {
        let net = net();
        let mut sgd = Sgd::builder(0.25)
            .weight_decay(0.5)
            .group(ParamGroup::of(&net, "layers/0").unwrap().learning_rate_factor(2.0))
            .group(ParamGroup::of(&net, "layers/1").unwrap().weight_decay(0.0))
            .group(ParamGroup::of(&net, "gain").unwrap().frozen(true))
            .build()
            .unwrap();
        sgd.minimize(&sum(&net), &net.variables()).unwrap();
        assert_eq!(item(&net.layers[0]), 1.0 - 0.5 - 0.5 * 0.5);
        assert_eq!(item(&net.layers[1]), 1.0 - 0.25);
        assert_eq!(item(&net.layers[2]), 1.0 - 0.25 - 0.25 * 0.5);
        assert_eq!(item(&net.gain), 1.0);
    }

    #[test]
    fn the_last_group_that_sets_something_counts() {
        let net = net();
        let mut sgd = Sgd::builder(0.25)
            .group(ParamGroup::of(&net, "").unwrap().learning_rate_factor(0.0).frozen(true))
            .group(ParamGroup::of(&net, "layers").unwrap().frozen(false).weight_decay(1.0))
            .group(ParamGroup::of(&net, "layers/3").unwrap().learning_rate_factor(1.0))
            .build()
            .unwrap();
        sgd.minimize(&sum(&net), &net.variables()).unwrap();
        assert_eq!(item(&net.layers[3]), 1.0 - 0.25 - 0.25);
        assert_eq!((item(&net.layers[4]), item(&net.gain)), (1.0, 1.0));
    }

    #[test]
    fn frozen_gradients_do_not_count_in_the_norm_and_leave_no_memory() {
        let net = net();
        let frozen = ParamGroup::of(&net, "layers").unwrap().frozen(true);
        let mut sgd = Sgd::builder(1.0).group(frozen.clone()).clip_norm(1.0).build().unwrap();
        sgd.minimize(&sum(&net), &net.variables()).unwrap();
        assert_eq!(item(&net.gain), 0.0);
        let mut adam = Adam::builder(1.0).group(frozen).build().unwrap();
        adam.minimize(&sum(&net), &net.variables()).unwrap();
        let state = adam.state(&named_variables(&net)).unwrap();
        assert_eq!(state.get("m", "layers/0").unwrap().item().unwrap(), 0.0);
        assert!(state.get("m", "gain").unwrap().item().unwrap() > 0.0);
    }

    #[test]
    fn groups_without_meaning_are_refused() {
        let net = net();
        let group = ParamGroup::of(&net, "gain").unwrap();
        for (group, message) in [
            (group.clone().learning_rate_factor(-1.0), "`learning_rate_factor` is -1"),
            (group.weight_decay(f64::NAN), "ParamGroup: argument `weight_decay` is NaN"),
        ] {
            let error = Adam::builder(1.0).group(group).build().unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
