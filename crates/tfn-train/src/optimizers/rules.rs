//! What all optimizers have in common: bounds of gradients, decay of weights, groups of variables.

use tfn_tensor::{Gradients, Variable};

use super::clip::{Clip, Clipping};
use super::groups::{ParamGroup, Part, parts};
use crate::check::Argument;
use crate::error::Result;

#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    pub(super) clipping: Clipping,
    pub(super) weight_decay: f64,
    pub(super) groups: Vec<ParamGroup>,
}

impl Rules {
    pub(super) fn check(self, op: &'static str) -> Result<Self> {
        self.clipping.check(op)?;
        Argument::new(op, "weight_decay", self.weight_decay).not_negative()?;
        self.groups.iter().try_for_each(ParamGroup::check)?;
        Ok(self)
    }

    /// The variables by how they are trained, and the bounds for all of them at the step numbered `step`.
    pub(super) fn plan<'v>(
        &self,
        gradients: &Gradients,
        variables: &'v [Variable],
        step: u64,
    ) -> Result<(Clip, Vec<Part<'v>>)> {
        let parts = parts(&self.groups, self.weight_decay, variables);
        let together = parts.iter().flat_map(|part| part.variables.iter().copied());
        Ok((self.clipping.of(gradients, together, step)?, parts))
    }
}

/// The methods of a builder that set its [`Rules`]; `$rules` is the way to them from `self`.
macro_rules! rule_setters {
    ($($rules:ident).+) => {
        /// Scales all gradients of a step so that their norm together, over all variables given, is at most `norm`.
        ///
        /// A norm that is NaN or infinite is an error of the step. Gradients are read once more.
        ///
        /// Counterpart: `global_clipnorm`. Source: Pascanu, Mikolov, Bengio, *On the difficulty of training recurrent
        /// neural networks*, ICML 2013, algorithm 1.
        pub fn clip_norm(mut self, norm: f64) -> Self {
            self.$($rules).+.clipping.norm = Some(norm);
            self
        }

        /// Cuts off each entry of a gradient at `value` and `-value`. Not beside [`clip_norm`](Self::clip_norm).
        ///
        /// Counterpart: `clipvalue`.
        pub fn clip_value(mut self, value: f64) -> Self {
            self.$($rules).+.clipping.value = Some(value);
            self
        }

        /// Sets the decay λ of weights: each step takes `lr λ w` off besides, whatever the gradients are.
        ///
        /// Counterpart: `weight_decay`. Source: Loshchilov and Hutter, *Decoupled weight decay regularization*, ICLR
        /// 2019, algorithms 1 and 2.
        pub fn weight_decay(mut self, decay: f64) -> Self {
            self.$($rules).+.weight_decay = decay;
            self
        }

        /// Adds a group of variables that are trained in another way. Later groups go before earlier ones.
        pub fn group(mut self, group: ParamGroup) -> Self {
            self.$($rules).+.groups.push(group);
            self
        }
    };
}
pub(super) use rule_setters;
