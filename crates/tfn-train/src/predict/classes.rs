//! Predictions of classes: the mean over draws of the weights, and how sure it is.

use tfn_tensor::{DType, Tensor};

use crate::error::{Result, TrainError};

/// Class probabilities averaged over draws of the weights, and the parts of their uncertainty.
///
/// With the probabilities p_s of S draws and the entropy H, in nats:
///
/// ```text
/// probs = (1/S) Σ p_s     entropy = H[probs]     expected_entropy = (1/S) Σ H[p_s]
/// mutual_information = entropy − expected_entropy ≥ 0
/// ```
///
/// The entropy is all uncertainty; the expected entropy is what the data leave open in any case
/// (aleatoric); the mutual information of label and weights is what is not known about the weights
/// (epistemic): more data would lower it.
///
/// # Examples
/// ```
/// use tfn_tensor::Tensor;
/// use tfn_tensor::Key;
/// use tfn_train::MonteCarlo;
///
/// // Two draws that are each certain and contradict each other: nothing but epistemic uncertainty.
/// let draws = [[50.0, -50.0], [-50.0, 50.0]];
/// let mut draw = draws.iter();
/// let prediction = MonteCarlo::new(2)?.classify_logits(&Key::from_seed(1), |_key| {
///     let logits = draw.next().copied().unwrap_or_default();
///     Ok(Tensor::from_slice(&logits, &[1, 2]))
/// })?;
/// assert_eq!(prediction.probs.to_vec::<f64>()?, [0.5, 0.5]);
/// assert!((prediction.entropy[0] - 2.0_f64.ln()).abs() < 1e-15);
/// assert!((prediction.mutual_information[0] - 2.0_f64.ln()).abs() < 1e-15);
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
///
/// # References
/// Depeweg et al., *Decomposition of uncertainty in Bayesian deep learning*, ICML 2018, section 3;
/// Houlsby et al., *Bayesian active learning for classification and preference learning*, 2011,
/// equation 2.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// Mean probabilities, `[n, classes]`, `f64`; of several labels a row `[n, labels, 2]`.
    pub probs: Tensor,
    /// Entropy of the mean, one number a row (and label).
    pub entropy: Vec<f64>,
    /// Mean of the draws' entropies, one number a row (and label).
    pub expected_entropy: Vec<f64>,
    /// Mutual information of label and weights, one number a row (and label).
    pub mutual_information: Vec<f64>,
}

impl Prediction {
    /// Number of rows (times labels).
    pub fn len(&self) -> usize {
        self.entropy.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.entropy.is_empty()
    }

    /// Predictions of consecutive parts of a set, as one.
    ///
    /// # Errors
    /// [`TrainError::Shape`] if there are no parts; parts of different numbers of classes.
    pub fn concat(parts: &[Self]) -> Result<Self> {
        if parts.is_empty() {
            return Err(TrainError::Shape {
                op: "Prediction::concat",
                argument: "parts",
                given: vec![0],
                expected: "at least one part".to_owned(),
            });
        }
        let probs: Vec<&Tensor> = parts.iter().map(|part| &part.probs).collect();
        let joined = |of: fn(&Self) -> &[f64]| parts.iter().flat_map(of).copied().collect();
        Ok(Self {
            probs: Tensor::concat(&probs, 0).check()?,
            entropy: joined(|part| &part.entropy),
            expected_entropy: joined(|part| &part.expected_entropy),
            mutual_information: joined(|part| &part.mutual_information),
        })
    }
}

/// Running sums over draws.
#[derive(Default)]
pub(super) struct Sums {
    draws: usize,
    /// `[n, .., classes]`.
    shape: Vec<usize>,
    probs: Vec<f64>,
    squares: Vec<f64>,
    entropy: Vec<f64>,
}

impl Sums {
    /// Adds draws of log-probabilities, `[draws, n, .., classes]`, which need not be normalised.
    ///
    /// # Errors
    /// [`TrainError::Shape`] for others than those of the first, [`TrainError::Entry`] if a row has no probabilities.
    pub(super) fn add(&mut self, log_probs: &Tensor) -> Result<()> {
        let given = log_probs.shape()?;
        let of_one = given.get(1..).unwrap_or_default();
        let classes = of_one.last().copied().unwrap_or(1);
        let entries = of_one.iter().rev().skip(1).product::<usize>();
        if self.draws == 0 {
            self.shape = of_one.to_vec();
            (self.probs, self.squares) =
                (vec![0.0; entries * classes], vec![0.0; entries * classes]);
            self.entropy = vec![0.0; entries];
        }
        if self.shape != of_one {
            let expected = format!("{:?} as at the first draw", self.shape);
            return Err(shape_error("logits", of_one, &expected));
        }
        // What draws have in common is the difference of nearly equal numbers: it needs `f64`.
        let log_probs = log_probs.detach().cast(DType::F64);
        let log_norm = log_probs.logsumexp(-1, true);
        let norms = log_norm.to_f64_vec()?;
        if let Some(index) = norms.iter().position(|norm| !norm.is_finite()) {
            let rows = of_one.first().copied().unwrap_or(1).max(1);
            let in_row = (entries / rows).max(1);
            return Err(TrainError::Entry {
                op: "predict",
                argument: "logits",
                row: index / in_row % rows,
                given: norms[index],
                expected: "finite log-sum-exp of the row".to_owned(),
            });
        }
        let log_probs = log_probs - log_norm;
        let (probs, log_probs) = (log_probs.exp().to_f64_vec()?, log_probs.to_f64_vec()?);
        let size = (entries * classes).max(1);
        for (probs, log_probs) in probs.chunks_exact(size).zip(log_probs.chunks_exact(size)) {
            for ((sum, square), p) in self.probs.iter_mut().zip(&mut self.squares).zip(probs) {
                *sum += p;
                *square += p * p;
            }
            let rows = probs.chunks_exact(classes).zip(log_probs.chunks_exact(classes));
            for (entropy, (probs, log_probs)) in self.entropy.iter_mut().zip(rows) {
                // 0 ln 0 = 0
                let term = |(&p, &log_p): (&f64, &f64)| if p > 0.0 { p * log_p } else { 0.0 };
                *entropy -= probs.iter().zip(log_probs).map(term).sum::<f64>();
            }
        }
        self.draws += given.first().copied().unwrap_or(0);
        Ok(())
    }

    /// The largest standard error of a mean probability.
    pub(super) fn standard_error(&self) -> f64 {
        let count = self.draws as f64;
        let of_one = |(sum, square): (&f64, &f64)| {
            let variance = (square - sum * sum / count).max(0.0) / (count - 1.0).max(1.0);
            (variance / count).sqrt()
        };
        self.probs.iter().zip(&self.squares).map(of_one).fold(0.0, f64::max)
    }

    pub(super) fn prediction(self) -> Result<Prediction> {
        let count = self.draws as f64;
        let mean = |sums: Vec<f64>| sums.into_iter().map(|sum| sum / count).collect::<Vec<f64>>();
        let (probs, expected_entropy) = (mean(self.probs), mean(self.entropy));
        let plogp = |p: f64| if p > 0.0 { p * p.ln() } else { 0.0 };
        let rows = probs.chunks_exact(self.shape.last().copied().unwrap_or(1).max(1));
        let entropy: Vec<f64> =
            rows.map(|row| -row.iter().map(|&p| plogp(p)).sum::<f64>()).collect();
        // Not negative by Jensen's inequality; rounding could make it so.
        let gaps = entropy.iter().zip(&expected_entropy).map(|(h, e)| (h - e).max(0.0));
        Ok(Prediction {
            mutual_information: gaps.collect(),
            probs: Tensor::from_vec(probs, &self.shape).check()?,
            entropy,
            expected_entropy,
        })
    }
}

pub(super) fn shape_error(argument: &'static str, given: &[usize], expected: &str) -> TrainError {
    TrainError::Shape {
        op: "predict",
        argument,
        given: given.to_vec(),
        expected: expected.to_owned(),
    }
}
