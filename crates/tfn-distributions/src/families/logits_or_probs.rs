//! Probabilities by themselves or by their log-odds: what the families over outcomes that can be counted share.

use tfn_module::{Copies, DeepCopy, Properties, Property};
use tfn_tensor::Tensor;
use tfn_tensor::random::Stream;

use crate::masking::{constant, ln_or_minus_infinity, ln_probability, weigh};
use crate::special::Chance;
use crate::{Parameter, ParameterSpec, Result};

/// The parameter of a family with two constructors, `from_logits` and `from_probs`.
#[derive(Clone, Debug)]
pub(super) enum LogitsOrProbs {
    Logits(Parameter),
    Probs(Parameter),
}

/// The probability of one outcome of two.
impl LogitsOrProbs {
    pub(super) fn spec_of_one(&self) -> ParameterSpec<'_> {
        match self {
            Self::Logits(logits) => logits.extended("logits"),
            Self::Probs(probs) => probs.unit_interval("probs"),
        }
    }

    /// As special functions take it.
    pub(super) fn chance(&self) -> Chance {
        match self {
            Self::Logits(logits) => Chance { given: logits.value(), is_logit: true },
            Self::Probs(probs) => Chance { given: probs.value(), is_logit: false },
        }
    }

    /// Probabilities of the outcome and of its opposite.
    pub(super) fn masses(&self) -> [Tensor; 2] {
        match self {
            Self::Logits(logits) => {
                let logits = logits.value();
                [logits.sigmoid(), (-logits).sigmoid()]
            }
            Self::Probs(probs) => {
                let probs = probs.value();
                let rest = 1.0 - &probs;
                [probs, rest]
            }
        }
    }

    /// Their logarithms, each from the probability that has the digits.
    pub(super) fn log_masses(&self) -> [Tensor; 2] {
        match self {
            Self::Logits(logits) => {
                let logits = logits.value();
                [logits.log_sigmoid(), (-logits).log_sigmoid()]
            }
            Self::Probs(_) => {
                let [p, rest] = self.masses();
                [ln_probability(&p, &rest), ln_probability(&rest, &p)]
            }
        }
    }
}

/// The probabilities of `K` outcomes, along the last axis.
impl LogitsOrProbs {
    pub(super) fn spec_of_row(&self) -> ParameterSpec<'_> {
        let spec = match self {
            Self::Logits(logits) => logits.extended("logits"),
            Self::Probs(probs) => probs.simplex("probs"),
        };
        spec.event_ndims(1)
    }

    pub(super) fn num_categories(&self) -> Result<usize> {
        let (Self::Logits(parameter) | Self::Probs(parameter)) = self;
        Ok(parameter.shape()?.last().copied().unwrap_or(0))
    }

    pub(super) fn row(&self) -> Tensor {
        match self {
            Self::Logits(logits) => logits.value().softmax(-1),
            Self::Probs(probs) => probs.value(),
        }
    }

    /// The logarithms of the probabilities, normalised.
    pub(super) fn log_row(&self) -> Tensor {
        match self {
            Self::Logits(logits) => logits.value().log_softmax(-1),
            Self::Probs(probs) => ln_or_minus_infinity(&probs.value()),
        }
    }

    pub(super) fn row_entropy(&self) -> Tensor {
        -weigh(&self.row(), &self.log_row()).sum_axes(&[-1], false)
    }

    /// `Σ q (ln q − ln p)` along the last axis; 0 where `q = 0`, and infinite with zero gradient where `p = 0` but
    /// `q` is not.
    pub(super) fn row_kl(&self, p: &Self) -> Tensor {
        kl_terms(&self.row(), &self.log_row(), &p.log_row()).sum_axes(&[-1], false)
    }
}

/// `mass·(log_q − log_p)` of each outcome; 0 where `mass` is, and infinite with zero gradient where `p` excludes an
/// outcome that `q` does not.
pub(super) fn kl_terms(mass: &Tensor, log_q: &Tensor, log_p: &Tensor) -> Tensor {
    let excluded = log_p.eq(&constant(f64::NEG_INFINITY, log_p));
    let safe = Tensor::select(&excluded, &constant(0.0, log_p), log_p);
    let value = weigh(mass, &(log_q - safe));
    let impossible = excluded * mass.gt(&constant(0.0, mass));
    Tensor::select(&impossible, &constant(f64::INFINITY, &value), &value)
}

/// Labels drawn by adding Gumbel noise to the log-probabilities and taking the largest.
pub(super) fn sample_labels(
    log_probs: &Tensor,
    shape: &[usize],
    stream: &mut Stream,
) -> Result<Tensor> {
    let log_probs = log_probs.detach();
    let classes = log_probs.shape()?.last().copied().unwrap_or(0);
    let noise = stream.uniform_open(&[shape, &[classes]].concat(), log_probs.dtype()?);
    Ok((log_probs - (-noise.ln()).ln()).argmax(-1))
}

impl Property for LogitsOrProbs {
    fn visit<'a>(&'a self, properties: &mut Properties<'a>) {
        let (Self::Logits(parameter) | Self::Probs(parameter)) = self;
        parameter.visit(properties);
    }
}

impl DeepCopy for LogitsOrProbs {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        match self {
            Self::Logits(logits) => Self::Logits(logits.deep_copy_with(copies)),
            Self::Probs(probs) => Self::Probs(probs.deep_copy_with(copies)),
        }
    }
}
