//! The variance of the minibatch gradient under each estimator.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tfn_layers::{Estimated, Estimator, Flipout, Local, Mean, Model, Pass, PerExample};
use tfn_layers::{Reparameterization, estimators};
use tfn_module::{deep_copy, find};
use tfn_tensor::{Key, Variable};

use crate::check::Argument;
use crate::data::{Batches, Dataset};
use crate::error::Result;

/// Measures the variance of the minibatch gradient under each estimator, layer by layer, on a net and data of one's own,
/// and the time of a gradient.
///
/// What is measured is the gradient of `num_examples · mean(−log p(y | x, w))` over a random minibatch in each variable
/// of a layer's posterior; the divergence is left out, because no estimator changes it. The variance is over
/// minibatches and draws. That of [`Mean`] is over minibatches alone; it is the part of the others' variance that is
/// not noise of the draws. All estimators see the same minibatches. The model itself is not changed.
///
/// # Examples
/// ```
/// use tfn_layers::distributions::OneHotCategorical;
/// use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Sequential};
/// use tfn_tensor::{DType, Key, Tensor};
/// use tfn_train::{VarianceProbe, data::Dataset};
///
/// let x = Key::from_seed(1).stream().normal(&[64, 2], DType::F32);
/// let data = Dataset::new(x.clone(), x.argmax(1).one_hot(2))?;
/// let model = Sequential::of(Bayesian::builder(2, 8).activation_fn(Tensor::relu).seed(1).build()?)
///     .then(Bayesian::builder(8, 2).seed(2).build()?)
///     .with_head(|logits| OneHotCategorical::from_logits(logits));
/// let table = VarianceProbe::new(32, 20)?.measure(&model, &data)?;
/// assert_eq!((table.layers.len(), table.rows.len()), (2, 5));
/// println!("{table}");
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
///
/// # References
/// Kingma, Salimans & Welling 2015, [arXiv 1506.02557](https://arxiv.org/abs/1506.02557), section 2.1 and table 1.
#[derive(Clone, Debug)]
pub struct VarianceProbe {
    batch_size: usize,
    gradients: usize,
    chosen: Vec<(Arc<dyn Estimator>, usize)>,
    key: Key,
}

/// The variances that [`VarianceProbe::measure`] found; its `Display` is a table.
#[derive(Clone, Debug)]
pub struct EstimatorVariance {
    /// Paths of the layers.
    pub layers: Vec<String>,
    /// One row for each estimator.
    pub rows: Vec<VarianceRow>,
}

/// What one estimator gave.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct VarianceRow {
    /// Name of the estimator.
    pub estimator: &'static str,
    /// The variance of the gradient for each layer: the mean over all entries of the variables of its posterior.
    pub variances: Vec<f64>,
    /// Median time of one gradient, with the forward pass.
    pub time: Duration,
}

impl VarianceProbe {
    /// A probe of `gradients` minibatches of `batch_size` rows, for all estimators that support the model's posteriors.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) for a batch without rows and for fewer than two gradients.
    pub fn new(batch_size: usize, gradients: usize) -> Result<Self> {
        let op = "VarianceProbe";
        Argument::new(op, "batch_size", batch_size as f64).positive()?;
        check_gradients(gradients)?;
        Ok(Self { batch_size, gradients, chosen: Vec::new(), key: Key::from_seed(0) })
    }

    /// Adds an estimator to be measured, with a number of gradients of its own. Once one is added, only those that were
    /// added are measured.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) for fewer than two gradients.
    pub fn estimator(mut self, estimator: impl Estimator, gradients: usize) -> Result<Self> {
        check_gradients(gradients)?;
        self.chosen.push((Arc::new(estimator), gradients));
        Ok(self)
    }

    /// Where minibatches and noise are drawn from; the key of seed 0 by default.
    #[must_use]
    pub fn key(mut self, key: Key) -> Self {
        self.key = key;
        self
    }

    /// Measures.
    ///
    /// # Errors
    /// [`LayerError::Kernel`](tfn_layers::LayerError::Kernel), under the path of the layer, for a chosen estimator that
    /// cannot do a layer's posterior; fewer rows than a minibatch has; what the model reports.
    pub fn measure(&self, model: &Model, data: &Dataset) -> Result<EstimatorVariance> {
        let model = deep_copy(model)?;
        let all = find::<Estimated>(&model);
        let chosen = if self.chosen.is_empty() { self.possible(&all) } else { self.chosen.clone() };
        let batches = Batches::new(data.len(), self.batch_size)?.drop_last()?;
        let layers: Vec<Vec<Variable>> = all
            .iter()
            .map(|(_, layer)| layer.weights().posterior().trainable_variables())
            .collect();
        let mut rows = Vec::new();
        for (estimator, gradients) in chosen {
            for (path, layer) in &all {
                let set = layer.set_estimator(estimator.clone());
                set.map_err(|error| error.within(path))?;
            }
            let mut moments: Vec<Vec<Moments>> =
                layers.iter().map(|variables| vec![Moments::default(); variables.len()]).collect();
            let mut times = Vec::with_capacity(gradients);
            for repeat in 0..gradients as u64 {
                let key = self.key.index(repeat);
                let order = batches.clone().shuffled(key.child("batch")).epoch(0);
                let batch = data.rows(&order[0])?;
                let started = Instant::now();
                let pass = Pass::new(model.net().as_ref(), &key.child("noise")).training(true);
                let log_prob = model.forward(batch.features(), &pass)?.log_prob(batch.targets())?;
                let loss = -log_prob.sum() * (data.len() as f64 / self.batch_size as f64);
                let gradients = loss.gradients()?;
                times.push(started.elapsed());
                for (variables, moments) in layers.iter().zip(&mut moments) {
                    for (variable, moments) in variables.iter().zip(moments) {
                        moments.add(gradients.of(variable).to_f64_vec()?);
                    }
                }
            }
            times.sort_unstable();
            rows.push(VarianceRow {
                estimator: estimator.name(),
                variances: moments.iter().map(|layer| mean_variance(layer)).collect(),
                time: times[times.len() / 2],
            });
        }
        let layers = estimators(&model).into_iter().map(|(path, _)| path).collect();
        Ok(EstimatorVariance { layers, rows })
    }

    /// The estimators that can do every layer.
    fn possible(&self, layers: &[(String, &Estimated)]) -> Vec<(Arc<dyn Estimator>, usize)> {
        let all: [Arc<dyn Estimator>; 5] = [
            Arc::new(Local),
            Arc::new(Flipout),
            Arc::new(PerExample),
            Arc::new(Reparameterization),
            Arc::new(Mean),
        ];
        let can = |estimator: &Arc<dyn Estimator>| {
            layers.iter().all(|(_, layer)| estimator.check(layer.weights()).is_ok())
        };
        all.into_iter().filter(can).map(|estimator| (estimator, self.gradients)).collect()
    }
}

fn check_gradients(gradients: usize) -> Result<()> {
    let argument = Argument::new("VarianceProbe", "gradients", gradients as f64);
    argument.require(gradients >= 2, "at least 2").map(drop)
}

/// Mean and sum of squared distances from it, entry by entry (Welford).
#[derive(Clone, Default)]
struct Moments {
    count: f64,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl Moments {
    fn add(&mut self, values: Vec<f64>) {
        self.count += 1.0;
        if self.mean.is_empty() {
            self.squares = vec![0.0; values.len()];
            self.mean = values;
            return;
        }
        for ((mean, square), value) in self.mean.iter_mut().zip(&mut self.squares).zip(values) {
            let apart = value - *mean;
            *mean += apart / self.count;
            *square += apart * (value - *mean);
        }
    }
}

/// The mean over all entries of their unbiased variances.
fn mean_variance(variables: &[Moments]) -> f64 {
    let entries: usize = variables.iter().map(|moments| moments.squares.len()).sum();
    let of = |moments: &Moments| moments.squares.iter().sum::<f64>() / (moments.count - 1.0);
    variables.iter().map(of).sum::<f64>() / entries.max(1) as f64
}

impl fmt::Display for EstimatorVariance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:20}", "estimator")?;
        for layer in &self.layers {
            write!(f, " {layer:>14}")?;
        }
        writeln!(f, " {:>14}", "time")?;
        for row in &self.rows {
            write!(f, "{:20}", row.estimator)?;
            for variance in &row.variances {
                write!(f, " {variance:>14.3e}")?;
            }
            writeln!(f, " {:>11.3} ms", row.time.as_secs_f64() * 1e3)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tfn_distributions::Normal;
    use tfn_layers::util::make_kernel_bias_posterior_mvn_diag_with_scale;
    use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Sequential};
    use tfn_module::Module;
    use tfn_tensor::{DType, Tensor};

    use super::*;

    /// Of one weight `w ~ N(m, s²)`, one kind of input and a normal likelihood of deviation 1 all variances are known. With
    /// `y = x·w` and gradient `x·(y − t)` in `m` for each of `M` examples, the gradient of the sum of `N` has the
    /// variance `N²·x⁴·s²` where all examples share the draw, and that divided by `M` where none do.
    #[test]
    fn variances_of_one_weight_are_those_of_theory() {
        const ROWS: usize = 40;
        const BATCH: usize = 20;
        let (x, scale) = (1.5_f64, 0.2_f64);
        let features = Tensor::full(&[ROWS, 1], x, DType::F64);
        let data = Dataset::new(features, Tensor::zeros(&[ROWS, 1], DType::F64)).unwrap();
        let layer = Bayesian::builder(1, 1)
            .dtype(DType::F64)
            .use_bias(false)
            .make_posterior_fn(move |spec| {
                make_kernel_bias_posterior_mvn_diag_with_scale(spec, scale)
            })
            .seed(1);
        let model = Sequential::of(layer.build().unwrap()).with_head(|loc| Normal::new(loc, 1.0));
        // The scale is left alone, so that the variance is that of the location's gradient.
        model.variables()[1].set_trainable(false);
        let probe = VarianceProbe::new(BATCH, 4000).unwrap();
        let table = probe.measure(&model, &data).unwrap();
        let shared = (ROWS as f64).powi(2) * x.powi(4) * scale.powi(2);
        for row in &table.rows {
            let expected = match row.estimator {
                "Reparameterization" => shared,
                "Local" | "PerExample" => shared / BATCH as f64,
                // The size of the noise is shared, its sign is not.
                "Flipout" => shared / BATCH as f64,
                _ => 0.0,
            };
            let given = row.variances[0];
            // Of 4000 draws the variance has a relative error of 2.2 % if they are normal, of 4.5 % for Flipout's, whose
            // fourth moment is thrice as large.
            let tolerance = 0.2 * expected + 1e-18;
            assert!((given - expected).abs() <= tolerance, "{}: {given} {expected}", row.estimator);
        }
        assert_eq!(estimators(&model)[0].1.name(), "Local");
        assert!(VarianceProbe::new(0, 10).is_err() && VarianceProbe::new(10, 1).is_err());
    }
}
