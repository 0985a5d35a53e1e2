//! What a Bayesian net is for: which answers to trust.

use serde_json::{Value, json};
use tfn_layers::Model;
use tfn_tensor::Key;
use tfn_train::data::{Dataset, idx::LabelledImages};
use tfn_train::metrics::{Classification, RejectionPoint, auroc, rejection_curve};
use tfn_train::{MonteCarlo, Prediction};

use crate::failure::Failure;

use super::options::Options;
use super::terminal::draw;

/// Shares of images that the net may decline to answer.
const REJECTED: [f64; 6] = [0.0, 0.01, 0.02, 0.05, 0.1, 0.2];
/// Images that are shown, and how many stand side by side.
const SHOWN: usize = 10;
const SIDE_BY_SIDE: usize = 5;
/// Images that are predicted at once.
const CHUNK: usize = 2000;

/// Accuracy and calibration of one network.
struct Scores {
    error: f64,
    nll: f64,
    ece: f64,
}

impl Scores {
    fn new(scores: &Classification) -> Self {
        Self { error: 100.0 * (1.0 - scores.accuracy()), nll: scores.nll(), ece: scores.ece() }
    }
}

/// How well uncertainty tells known images from others.
struct Auroc {
    entropy: f64,
    mutual_information: f64,
    twin_entropy: f64,
}

/// Everything that is reported.
pub(super) struct Report {
    bnn: Scores,
    twin: Scores,
    rejection: Vec<RejectionPoint>,
    auroc: Option<Auroc>,
    prediction: Prediction,
    prior: String,
    epochs: u64,
    pub(super) seconds: f64,
}

impl Report {
    pub(super) fn new(
        bnn: &Model,
        twin: &Model,
        test: &Dataset,
        ood: Option<&Dataset>,
        options: &Options,
    ) -> Result<Self, Failure> {
        let key = Key::from_seed(options.seed).child("prediction");
        let prediction = predict(bnn, test, options.samples, &key)?;
        let certain = predict(twin, test, 1, &key)?;
        let scores = prediction.scores(test.targets())?;
        let rejection = rejection_curve(&prediction.entropy, &scores.correct(), &REJECTED)?;
        let auroc = match ood {
            None => None,
            Some(other) => {
                let unknown = predict(bnn, other, options.samples, &key.child("ood"))?;
                let twins = predict(twin, other, 1, &key)?;
                Some(Auroc {
                    entropy: auroc(&prediction.entropy, &unknown.entropy)?,
                    mutual_information: auroc(
                        &prediction.mutual_information,
                        &unknown.mutual_information,
                    )?,
                    twin_entropy: auroc(&certain.entropy, &twins.entropy)?,
                })
            }
        };
        Ok(Self {
            bnn: Scores::new(&scores),
            twin: Scores::new(&certain.scores(test.targets())?),
            rejection,
            auroc,
            prediction,
            prior: format!("{:?}", options.prior).to_lowercase(),
            epochs: options.epochs,
            seconds: 0.0,
        })
    }

    pub(super) fn text(&self, images: &LabelledImages) -> String {
        let mut text = String::from("              test error      nll      ece\n");
        for (name, s) in [("Bayesian", &self.bnn), ("deterministic", &self.twin)] {
            let Scores { error, nll, ece } = s;
            text.push_str(&format!("{name:>13}   {error:>6.2} %   {nll:.4}   {ece:.4}\n"));
        }
        let declined = row(&self.rejection, |p| 100.0 * p.rejected);
        let errors = row(&self.rejection, |p| 100.0 * p.error);
        text.push_str("\nWhen it may decline the images of highest entropy:\n");
        text.push_str(&format!("     declined   {declined}\n  error of rest {errors}\n"));
        if let Some(a) = &self.auroc {
            text.push_str(&format!(
                "\nImages of the other set told apart (AUROC):\n  entropy {:.4}   mutual information {:.4}\n  \
                 entropy of the deterministic net {:.4}\n",
                a.entropy, a.mutual_information, a.twin_entropy
            ));
        }
        text.push_str(&format!(
            "\nThe {SHOWN} most doubtful digits (label / most likely answers):\n\n{}{:.0} s in all\n",
            self.doubtful(images),
            self.seconds
        ));
        text
    }

    /// Pictures of the images of highest entropy.
    fn doubtful(&self, images: &LabelledImages) -> String {
        let entropy = &self.prediction.entropy;
        let mut order: Vec<usize> = (0..entropy.len()).collect();
        order.sort_by(|&a, &b| entropy[b].total_cmp(&entropy[a]));
        let probs = self.prediction.probs.to_f64_vec().unwrap_or_default();
        let classes = probs.len() / entropy.len().max(1);
        let pictures: Vec<(&[u8], String)> = order
            .into_iter()
            .take(SHOWN)
            .filter_map(|i| {
                let answers = likely(&probs[i * classes..(i + 1) * classes]);
                let label = images.labels.values()[i];
                Some((images.images.image(i)?, format!("{label} / {answers}")))
            })
            .collect();
        let lines = pictures.chunks(SIDE_BY_SIDE);
        lines.map(|line| draw(line, images.images.cols()) + "\n").collect()
    }

    pub(super) fn as_json(&self) -> Value {
        let auroc = self.auroc.as_ref();
        json!({
            "prior": self.prior,
            "epochs": self.epochs,
            "test_error": self.bnn.error,
            "nll": self.bnn.nll,
            "ece": self.bnn.ece,
            "deterministic_test_error": self.twin.error,
            "deterministic_nll": self.twin.nll,
            "deterministic_ece": self.twin.ece,
            "rejection": self.rejection.iter().map(|p| json!([p.rejected, p.error])).collect::<Vec<_>>(),
            "auroc": auroc.map(|a| a.entropy),
            "auroc_mutual_information": auroc.map(|a| a.mutual_information),
            "deterministic_auroc": auroc.map(|a| a.twin_entropy),
            "seconds": self.seconds,
        })
    }
}

fn row(points: &[RejectionPoint], figure: impl Fn(&RejectionPoint) -> f64) -> String {
    points.iter().map(|point| format!("{:>7.2} %", figure(point))).collect()
}

/// The three most likely digits with their percentages.
fn likely(probs: &[f64]) -> String {
    let mut order: Vec<usize> = (0..probs.len()).collect();
    order.sort_by(|&a, &b| probs[b].total_cmp(&probs[a]));
    let answers =
        order.iter().take(3).map(|&class| format!("{class}:{:.0}%", 100.0 * probs[class]));
    answers.collect::<Vec<_>>().join(" ")
}

/// Predictions for all images.
fn predict(
    model: &Model,
    images: &Dataset,
    samples: usize,
    key: &Key,
) -> Result<Prediction, Failure> {
    Ok(MonteCarlo::new(samples)?.batch_size(CHUNK)?.classify(model, images.features(), key)?)
}
