//! Probabilities by themselves or by their log-odds: what the families over outcomes that can be counted share.

use tfn_module::{Copies, DeepCopy, Properties, Property};
use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Element, Tensor};

use crate::error::Result;
use crate::masking::{constant, ln_or_minus_infinity, ln_probability, nonzero, weigh};
use crate::parallel::{Task, do_all};
use crate::parameter::{Parameter, ParameterSpec};
use crate::special::{SuccessProb, expm1_gap};

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
    pub(super) fn success_prob(&self) -> SuccessProb {
        match self {
            Self::Logits(logits) => SuccessProb { given: logits.value(), is_logit: true },
            Self::Probs(probs) => SuccessProb { given: probs.value(), is_logit: false },
        }
    }

    /// The same in `f64`, without gradient.
    pub(super) fn widened(&self) -> Self {
        let wide = |given: &Parameter| given.value().detach().cast(DType::F64).into();
        match self {
            Self::Logits(logits) => Self::Logits(wide(logits)),
            Self::Probs(probs) => Self::Probs(wide(probs)),
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
    /// `q` is not. Rows that nearly agree are compared by their ratios, which keeps it exact and above 0.
    pub(super) fn row_kl(&self, p: &Self) -> Tensor {
        let (mass, log_q) = (self.row(), self.log_row());
        let log_ratio = match (self, p) {
            (Self::Logits(q), Self::Logits(p)) => p.value() - q.value(),
            _ => p.log_row() - &log_q,
        };
        let is_near = rows_are_near([&mass, &p.row(), &log_ratio].map(Tensor::detach));
        let far = kl_terms(&mass, &log_q, &p.log_row()).sum_axes(&[-1], false);
        if is_near.sum().item().is_ok_and(|near| near == 0.0) {
            return far;
        }
        Tensor::select(&is_near.squeeze(-1), &self.near_row_kl(&mass, p, &is_near), &far)
    }

    /// `Σ q (p/q − 1 − ln(p/q)) − ln Σ p`, both over the outcomes with `q > 0`, of the rows that are near.
    fn near_row_kl(&self, mass: &Tensor, p: &Self, is_near: &Tensor) -> Tensor {
        let is_possible = nonzero(mass);
        let is_used = is_near * &is_possible;
        let kept = |value: &Tensor, stand_in: f64| {
            Tensor::select(&is_used, value, &constant(stand_in, value))
        };
        // ln(p/q), but for a number that is the same for all outcomes.
        let log_ratio = match (self, p) {
            (Self::Logits(q), Self::Logits(p)) => kept(&p.value(), 0.0) - kept(&q.value(), 0.0),
            _ => {
                let (q, p) = (kept(mass, 1.0), kept(&p.row(), 1.0));
                ((p - &q) / q).log1p()
            }
        };
        let centred = &log_ratio - (mass * &log_ratio).sum_axes(&[-1], true).detach();
        let total = (mass * kept(&centred, 0.0).expm1()).sum_axes(&[-1], true).log1p();
        let among = mass * expm1_gap(&kept(&(centred - total), 0.0));
        let elsewhere = (1.0 - is_possible) * is_near;
        let others = Tensor::select(&elsewhere, &p.row(), &constant(0.0, &p.row()));
        among.sum_axes(&[-1], false) - (-others.sum_axes(&[-1], false)).log1p()
    }
}

/// Whether all outcomes that are possible by `q` have nearly the same ratio of probabilities, and more than half of `p`;
/// `[batch…, 1]`.
fn rows_are_near([q, p, log_ratio]: [Tensor; 3]) -> Tensor {
    let zero = constant(0.0, &log_ratio);
    let is_possible = nonzero(&q);
    let log_ratio = Tensor::select(&is_possible, &log_ratio, &zero);
    let mean = (q * &log_ratio).sum_axes(&[-1], true);
    let distance = Tensor::select(&is_possible, &(log_ratio - mean).abs(), &zero);
    // False of a NaN.
    let is_far = 1.0 - distance.lt(&constant(0.5, &distance));
    let among = Tensor::select(&is_possible, &p, &zero).sum_axes(&[-1], true);
    (1.0 - nonzero(&is_far.sum_axes(&[-1], true))) * among.gt(&constant(0.5, &among))
}

/// `mass·(log_q − log_p)` of each outcome; 0 where `mass` is, and infinite with zero gradient where `p` excludes an
/// outcome that `q` does not.
fn kl_terms(mass: &Tensor, log_q: &Tensor, log_p: &Tensor) -> Tensor {
    let excluded = log_p.eq(&constant(f64::NEG_INFINITY, log_p));
    let safe = Tensor::select(&excluded, &constant(0.0, log_p), log_p);
    let value = weigh(mass, &(log_q - safe));
    let impossible = excluded * mass.gt(&constant(0.0, mass));
    Tensor::select(&impossible, &constant(f64::INFINITY, &value), &value)
}

/// Labels drawn by one uniform number each: the first label up to which the probabilities sum to more; NaN where they are none.
pub(super) fn sample_labels(
    log_probs: &Tensor,
    shape: &[usize],
    stream: &mut Stream,
) -> Result<Tensor> {
    let (dtype, own) = (log_probs.dtype()?, log_probs.shape()?);
    let classes = own.last().copied().unwrap_or(0);
    let rows = if own.len() > 1 && !shape.ends_with(&own[..own.len() - 1]) {
        log_probs.broadcast_to(&[shape, &[classes]].concat())
    } else {
        log_probs.detach()
    };
    let sums = cumulated(&rows.to_f64_vec()?, classes);
    let uniforms = stream.uniform_open(shape, DType::F64);
    let uniforms = uniforms.data::<f64>()?;
    Ok(match dtype {
        DType::F32 => Tensor::build::<f32>(shape, |out| pick(out, uniforms, &sums, classes)),
        DType::F64 => Tensor::build::<f64>(shape, |out| pick(out, uniforms, &sums, classes)),
    })
}

/// The probabilities of each row up to every label, so that the last that has any and all behind it have 1 or a little
/// more.
fn cumulated(log_probs: &[f64], classes: usize) -> Vec<f64> {
    let mut sums = Vec::with_capacity(log_probs.len());
    for row in log_probs.chunks_exact(classes.max(1)) {
        let start = sums.len();
        let mut sum = 0.0;
        sums.extend(row.iter().map(|log| {
            sum += log.exp();
            sum
        }));
        let total = sum;
        for sum in &mut sums[start..] {
            // Above every uniform number, whatever the rounding. Of probabilities that are none, or all 0, none is.
            *sum = if total.is_nan() || total == 0.0 {
                f64::NAN
            } else if *sum == total {
                1.0
            } else {
                (*sum / total).min(1.0)
            };
        }
    }
    sums
}

/// Rows of zeros with a 1 at each label; of NaN where there is none.
pub(super) fn one_hot_rows(labels: &Tensor, classes: usize) -> Tensor {
    labels.one_hot(classes) + (labels * 0.0).expand_dims(-1)
}

/// The label of each uniform number, by the row of sums of its place.
fn pick<E: Element>(out: &mut [E], uniforms: &[f64], sums: &[f64], classes: usize) {
    /// Labels up to which sums are compared one and all.
    const FEW: usize = 32;
    /// Draws that a thread takes at a time.
    const CHUNK: usize = 8192;
    let rows = (sums.len() / classes.max(1)).max(1);
    let work = |chunk: usize, out: &mut [E], uniforms: &[f64]| {
        for (i, (out, u)) in out.iter_mut().zip(uniforms).enumerate() {
            let row = if rows == 1 { 0 } else { (chunk * CHUNK + i) % rows };
            let row = &sums[row * classes..(row + 1) * classes];
            let label = if classes <= FEW {
                row.iter().map(|sum| usize::from(sum <= u)).sum()
            } else {
                row.partition_point(|sum| sum <= u)
            };
            let is_none = row.last().is_some_and(|sum| sum.is_nan());
            *out = E::from_f64(if is_none { f64::NAN } else { label as f64 });
        }
    };
    let work = &work;
    let chunks = out.chunks_mut(CHUNK).zip(uniforms.chunks(CHUNK)).enumerate();
    do_all(chunks.map(|(chunk, (out, uniforms))| -> Task<'_> {
        Box::new(move || work(chunk, out, uniforms))
    }));
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
