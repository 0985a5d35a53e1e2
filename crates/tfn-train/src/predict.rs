//! Monte Carlo prediction: the mean over draws of the weights, and how sure it is.

use rayon::prelude::*;
use tfn_layers::Layer;
use tfn_tensor::{DType, Key, Tensor};

use crate::check::Argument;
use crate::error::{Result, TrainError};
use crate::metrics::Classification;

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
/// let prediction = MonteCarlo::new(2)?.predict(&Key::from_seed(1), |_key| {
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
    /// Mean probabilities, `[n, classes]`, `f64`.
    pub probs: Tensor,
    /// Entropy of the mean, one number a row.
    pub entropy: Vec<f64>,
    /// Mean of the draws' entropies, one number a row.
    pub expected_entropy: Vec<f64>,
    /// Mutual information of label and weights, one number a row.
    pub mutual_information: Vec<f64>,
}

impl Prediction {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.entropy.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.entropy.is_empty()
    }

    /// The mean probabilities beside the true labels, for metrics.
    ///
    /// # Errors
    /// As [`Classification::new`].
    pub fn scores(&self, labels: &Tensor) -> Result<Classification> {
        Classification::new(&self.probs, labels)
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

/// Prediction by a number of draws of the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MonteCarlo {
    samples: usize,
}

impl MonteCarlo {
    /// With so many draws.
    ///
    /// # Errors
    /// [`TrainError::Value`] if there are none.
    pub fn new(samples: usize) -> Result<Self> {
        Argument::new("MonteCarlo", "samples", samples as f64).positive()?;
        Ok(Self { samples })
    }

    /// Number of draws.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Draws, averages, and takes the uncertainty apart.
    ///
    /// `logits` is called once a draw, with a key of its own (child s of `key`), and gives
    /// unnormalised log-probabilities. Nothing but running sums is kept between draws.
    ///
    /// # Shapes
    /// `logits` gives `[n, classes]`, the same at each draw.
    ///
    /// # Errors
    /// [`TrainError::Shape`] for another shape, [`TrainError::Entry`] if a logit makes the
    /// probabilities of its row NaN, and what `logits` returns.
    pub fn predict(
        &self,
        key: &Key,
        mut logits: impl FnMut(&Key) -> Result<Tensor>,
    ) -> Result<Prediction> {
        let mut sums: Option<Sums> = None;
        for sample in 0..self.samples {
            let logits = logits(&key.index(sample as u64))?;
            let &[_, _] = logits.shape()? else {
                return Err(shape_error(logits.shape()?, "[n, classes]".to_owned()));
            };
            Sums::add_to(&mut sums, &Draws::new(&logits.expand_dims(0))?)?;
        }
        Ok(sums.unwrap_or_else(|| Sums::new(0, 0)).prediction(self.samples))
    }

    /// [`predict`](Self::predict) for a net that gives logits, `batch_size` rows at a time, so that
    /// memory does not grow with the set.
    ///
    /// Batch b draws from child b of `key`: the same key and batch size give the same prediction, which is that of
    /// `predict` with a call of the net, up to the rounding of sums where a batch has few rows: then several draws
    /// go through each layer together ([`Layer::call_each`]). What does not depend on the draw is done once
    /// ([`Layer::prepare`]), and draws run on several threads.
    ///
    /// # Shapes
    /// `features`: `[n, ...]`; the net gives `[rows, classes]`.
    ///
    /// # Errors
    /// [`TrainError::Shape`] for features without rows, [`TrainError::Value`] for a `batch_size` of 0,
    /// those of `predict`, and what the net reports.
    pub fn predict_net(
        &self,
        net: &dyn Layer,
        features: &Tensor,
        batch_size: usize,
        key: &Key,
    ) -> Result<Prediction> {
        Argument::new("predict_net", "batch_size", batch_size as f64).positive()?;
        let shape = features.shape()?;
        let rows = shape.first().copied().unwrap_or(0);
        if rows == 0 {
            return Err(TrainError::Shape {
                op: "predict_net",
                argument: "features",
                given: shape.to_vec(),
                expected: "[n, ...] with n of at least 1".to_owned(),
            });
        }
        let starts = (0..rows).step_by(batch_size).enumerate();
        let parts = starts.map(|(batch, start)| {
            let x = features.narrow(0, start, batch_size.min(rows - start));
            self.predict_batch(net, &x, &key.index(batch as u64))
        });
        let parts = rayon::scope(|_| parts.collect::<Result<Vec<_>>>())?;
        Prediction::concat(&parts)
    }

    /// Draws on several threads, as many at once as [`GROUP`], and adds them in their order.
    fn predict_batch(&self, net: &dyn Layer, x: &Tensor, key: &Key) -> Result<Prediction> {
        let prepared = net.prepare(x);
        let rows = x.shape()?.first().copied().unwrap_or(1).max(1);
        let keys: Vec<Key> = (0..self.samples as u64).map(|sample| key.index(sample)).collect();
        let mut sums: Option<Sums> = None;
        for group in keys.chunks(GROUP) {
            let parts = group.par_chunks(ROWS.div_ceil(rows));
            let draws: Vec<Result<Draws>> =
                parts.map(|keys| Draws::new(&prepared(keys)?)).collect();
            for draws in draws {
                Sums::add_to(&mut sums, &draws?)?;
            }
        }
        Ok(sums.unwrap_or_else(|| Sums::new(0, 0)).prediction(self.samples))
    }
}

/// Draws that are held at a time.
const GROUP: usize = 64;
/// Rows at least that are worth a product: so many draws go through the net together that they have these.
const ROWS: usize = 16;

/// The probabilities of some draws and their logarithms, one draw after the other.
struct Draws {
    rows: usize,
    classes: usize,
    probs: Vec<f64>,
    log_probs: Vec<f64>,
}

impl Draws {
    /// # Errors
    /// [`TrainError::Shape`] for logits that are not `[draws, n, classes]`, [`TrainError::Entry`] if a row has no
    /// probabilities.
    fn new(logits: &Tensor) -> Result<Self> {
        let &[_, rows, classes] = logits.shape()? else {
            let of_one = logits.shape()?.get(1..).unwrap_or_default();
            return Err(shape_error(of_one, "[n, classes]".to_owned()));
        };
        // What draws have in common is the difference of nearly equal numbers: it needs `f64`.
        let logits = logits.detach().cast(DType::F64);
        let log_norm = logits.logsumexp(-1, true);
        let norms = log_norm.to_f64_vec()?;
        if let Some(row) = norms.iter().position(|norm| !norm.is_finite()) {
            return Err(TrainError::Entry {
                op: "predict",
                argument: "logits",
                row: row % rows,
                given: norms[row],
                expected: "finite log-sum-exp of the row".to_owned(),
            });
        }
        let log_probs = logits - log_norm;
        let probs = log_probs.exp().to_f64_vec()?;
        Ok(Self { rows, classes, probs, log_probs: log_probs.to_f64_vec()? })
    }
}

/// Running sums over draws.
struct Sums {
    rows: usize,
    classes: usize,
    probs: Vec<f64>,
    entropy: Vec<f64>,
}

impl Sums {
    fn new(rows: usize, classes: usize) -> Self {
        Self { rows, classes, probs: vec![0.0; rows * classes], entropy: vec![0.0; rows] }
    }

    /// Adds draws, which have the shape of the first.
    fn add_to(sums: &mut Option<Self>, draws: &Draws) -> Result<()> {
        let sums = sums.get_or_insert_with(|| Self::new(draws.rows, draws.classes));
        if [sums.rows, sums.classes] != [draws.rows, draws.classes] {
            let expected = format!("[{}, {}] as at the first draw", sums.rows, sums.classes);
            return Err(shape_error(&[draws.rows, draws.classes], expected));
        }
        let (width, size) = (draws.classes.max(1), (draws.rows * draws.classes).max(1));
        for (probs, log_probs) in
            draws.probs.chunks_exact(size).zip(draws.log_probs.chunks_exact(size))
        {
            for (sum, p) in sums.probs.iter_mut().zip(probs) {
                *sum += p;
            }
            let rows = probs.chunks_exact(width).zip(log_probs.chunks_exact(width));
            for (entropy, (probs, log_probs)) in sums.entropy.iter_mut().zip(rows) {
                // 0 ln 0 = 0
                let term = |(&p, &log_p): (&f64, &f64)| if p > 0.0 { p * log_p } else { 0.0 };
                *entropy -= probs.iter().zip(log_probs).map(term).sum::<f64>();
            }
        }
        Ok(())
    }

    fn prediction(self, samples: usize) -> Prediction {
        let count = samples as f64;
        let mean = |sums: Vec<f64>| sums.into_iter().map(|sum| sum / count).collect::<Vec<f64>>();
        let (probs, expected_entropy) = (mean(self.probs), mean(self.entropy));
        let plogp = |p: f64| if p > 0.0 { p * p.ln() } else { 0.0 };
        let rows = probs.chunks_exact(self.classes.max(1));
        let entropy: Vec<f64> =
            rows.map(|row| -row.iter().map(|&p| plogp(p)).sum::<f64>()).collect();
        // Not negative by Jensen's inequality; rounding could make it so.
        let gaps = entropy.iter().zip(&expected_entropy).map(|(h, e)| (h - e).max(0.0));
        Prediction {
            mutual_information: gaps.collect(),
            probs: Tensor::from_vec(probs, &[self.rows, self.classes]),
            entropy,
            expected_entropy,
        }
    }
}

fn shape_error(given: &[usize], expected: String) -> TrainError {
    TrainError::Shape { op: "predict", argument: "logits", given: given.to_vec(), expected }
}

#[cfg(test)]
mod tests {
    use tfn_layers::AffineVariationalReparameterizationLocal;

    use super::*;

    fn logits_of(p: &[f64], shape: &[usize]) -> Tensor {
        Tensor::from_vec(p.iter().map(|p| p.ln() + 3.0).collect(), shape)
    }

    #[test]
    fn two_draws_by_hand() {
        let draws = [vec![0.5, 0.25, 0.25, 0.9, 0.1, 0.0], vec![0.1, 0.8, 0.1, 0.9, 0.1, 0.0]];
        let mut calls = 0;
        let prediction = MonteCarlo::new(2).unwrap().predict(&Key::from_seed(0), |_| {
            calls += 1;
            Ok(logits_of(&draws[calls - 1], &[2, 3]))
        });
        let prediction = prediction.unwrap();
        let h = |p: &[f64]| -p.iter().filter(|p| **p > 0.0).map(|p| p * p.ln()).sum::<f64>();
        let close = |a: f64, b: f64| (a - b).abs() < 1e-14;
        let probs = prediction.probs.to_f64_vec().unwrap();
        let mean = [0.3, 0.525, 0.175, 0.9, 0.1, 0.0];
        assert!(probs.iter().zip(mean).all(|(a, b)| close(*a, b)), "{probs:?}");
        assert!(close(prediction.entropy[0], h(&mean[..3])));
        let expected = (h(&draws[0][..3]) + h(&draws[1][..3])) / 2.0;
        assert!(close(prediction.expected_entropy[0], expected));
        assert!(close(prediction.mutual_information[0], h(&mean[..3]) - expected));
        // The draws agree on the second row: what is uncertain there is in the data.
        assert!(close(prediction.entropy[1], h(&[0.9, 0.1])));
        assert!(prediction.mutual_information[1] < 1e-14);
        assert!(prediction.mutual_information[1] >= 0.0);
    }

    #[test]
    fn each_draw_has_its_key_and_the_same_key_gives_the_same_prediction() {
        let noisy = |key: &Key| Ok(key.stream().normal(&[5, 4], DType::F32));
        let run = |samples, seed| {
            let monte_carlo = MonteCarlo::new(samples).unwrap();
            monte_carlo.predict(&Key::from_seed(seed), noisy).unwrap()
        };
        let (a, b, c) = (run(8, 1), run(8, 1), run(8, 2));
        assert_eq!(a.entropy, b.entropy);
        assert_ne!(a.entropy, c.entropy);
        assert!(a.mutual_information.iter().all(|&mi| mi > 1e-3));
        assert!(run(1, 1).mutual_information.iter().all(|&mi| mi < 1e-14));
    }

    #[test]
    fn parts_join_in_order() {
        let one = |p: &[f64]| {
            let draw = |_: &Key| Ok(logits_of(p, &[p.len() / 2, 2]));
            MonteCarlo::new(3).unwrap().predict(&Key::from_seed(0), draw).unwrap()
        };
        let all = one(&[0.5, 0.5, 0.75, 0.25, 0.875, 0.125]);
        let parts = [one(&[0.5, 0.5]), one(&[0.75, 0.25, 0.875, 0.125])];
        let joined = Prediction::concat(&parts).unwrap();
        assert_eq!(joined.entropy, all.entropy);
        assert_eq!(joined.probs.to_f64_vec().unwrap(), all.probs.to_f64_vec().unwrap());
        assert_eq!((joined.len(), joined.is_empty()), (3, false));
        assert!(Prediction::concat(&[]).is_err());
        let labels = Tensor::from_vec(vec![0.0, 0.0, 1.0], &[3]);
        assert_eq!(joined.scores(&labels).unwrap().correct(), [true, true, false]);
    }

    #[test]
    fn a_net_is_asked_batch_by_batch() {
        let layer =
            AffineVariationalReparameterizationLocal::builder(3, 4).seed(2).build().unwrap();
        let x = Key::from_seed(4).stream().normal(&[7, 3], DType::F32);
        let (monte_carlo, key) = (MonteCarlo::new(3).unwrap(), Key::from_seed(9));
        let got = monte_carlo.predict_net(&layer, &x, 5, &key).unwrap();
        let part = |batch: u64, start, len| {
            let x = x.narrow(0, start, len);
            let call = |key: &Key| Ok(layer.call_at(&x, key)?);
            monte_carlo.predict(&key.index(batch), call).unwrap()
        };
        let parts = [part(0, 0, 5), part(1, 5, 2)];
        assert_eq!(got.entropy, Prediction::concat(&parts).unwrap().entropy);
        assert_eq!(got.len(), 7);
        let refused =
            |x: &Tensor, size| monte_carlo.predict_net(&layer, x, size, &key).unwrap_err();
        let error = refused(&x, 0).to_string();
        assert!(error.contains("`batch_size` is 0"), "{error}");
        let error = refused(&x.narrow(0, 0, 0), 5).to_string();
        assert!(error.contains("`features` has shape [0, 3]"), "{error}");
        assert!(matches!(refused(&x.narrow(1, 0, 2), 5), TrainError::Layer(_)));
    }

    #[test]
    fn extreme_logits_stay_exact() {
        let logits = |_: &Key| Ok(Tensor::from_vec(vec![1e4, -1e4, f64::NEG_INFINITY], &[1, 3]));
        let monte_carlo = MonteCarlo::new(2).unwrap();
        let prediction = monte_carlo.predict(&Key::from_seed(0), logits).unwrap();
        assert_eq!(prediction.probs.to_f64_vec().unwrap(), [1.0, 0.0, 0.0]);
        assert_eq!((prediction.entropy[0], prediction.expected_entropy[0]), (0.0, 0.0));
    }

    #[test]
    fn bad_logits_are_refused() {
        let monte_carlo = MonteCarlo::new(2).unwrap();
        let run = |tensor: Tensor| monte_carlo.predict(&Key::from_seed(0), |_| Ok(tensor.clone()));
        let error = run(Tensor::zeros(&[3], DType::F64)).unwrap_err().to_string();
        assert!(error.contains("`logits` has shape [3], expected [n, classes]"), "{error}");
        let error = run(Tensor::from_vec(vec![0.0, 0.0, 1.0, f64::NAN], &[2, 2])).unwrap_err();
        assert!(matches!(error, TrainError::Entry { row: 1, .. }), "{error}");
        let mut rows = 0;
        let growing = monte_carlo.predict(&Key::from_seed(0), |_| {
            rows += 1;
            Ok(Tensor::zeros(&[rows, 2], DType::F64))
        });
        let error = growing.unwrap_err().to_string();
        assert!(
            error.contains("has shape [2, 2], expected [1, 2] as at the first draw"),
            "{error}"
        );
        assert!(MonteCarlo::new(0).is_err());
        assert!(run(Tensor::zeros(&[0, 4], DType::F64)).unwrap().is_empty());
    }
}
