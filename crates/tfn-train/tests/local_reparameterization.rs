//! The variational layers against closed forms: moments of their outputs, divergences, gradients.
//!
//! All draws come from fixed seeds. If the seeds were drawn anew, the statistical comparisons here (at most 330
//! at [`ENTRY_BOUND`], one at [`MEAN_BOUND`]) would raise a false alarm in less than one of 10⁶ runs.

// The lint's exception for tests does not reach the functions that tests share.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tfn_distributions::{
    Distribution, DistributionError, Independent, JointDistributionSequential, Normal,
    OneHotCategorical, Sample, kl_divergence,
};
use tfn_layers::testing::check_layer;
use tfn_layers::{
    Affine, AffineVariationalReparameterization as Shared,
    AffineVariationalReparameterizationLocal as Local, Lambda, Layer, LayerError, Model,
    PosteriorValue, Sequential, VariationalLayer, losses,
};
use tfn_module::Module;
use tfn_tensor::{DType, Key, Tensor, Variable};
use tfn_train::Elbo;
use tfn_util::{KernelBiasSpec, initializers};

/// Standard errors that one of many comparisons may be off: a normal number is in 8·10⁻¹¹ of all cases, and the
/// most skewed mean here (of squares, over [`KEYS`] draws) in less than three times as many.
const ENTRY_BOUND: f64 = 6.5;
/// Standard errors that a comparison made once may be off: a normal number is in 5.7·10⁻⁷ of all cases.
const MEAN_BOUND: f64 = 5.0;
/// Draws of each output.
const KEYS: u64 = 20_000;

/// Runs `law` on `cases` random values of `strategy`, the same in each run.
fn for_all<S: Strategy>(cases: u32, strategy: &S, law: impl Fn(S::Value)) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let checked = |value| {
        law(value);
        Ok(())
    };
    TestRunner::new_with_rng(config, rng).run(strategy, checked).unwrap();
}

/// A batch of inputs, and normals for the weights of one layer.
#[derive(Clone, Debug)]
struct Case {
    sizes: [usize; 3],
    x: Vec<f64>,
    kernel: Normals,
    bias: Normals,
}

/// Independent normals.
#[derive(Clone, Debug)]
struct Normals {
    loc: Vec<f64>,
    scale: Vec<f64>,
}

type Part = Result<Arc<dyn Distribution>, DistributionError>;
type Joint = Result<JointDistributionSequential, DistributionError>;
type Divergence =
    fn(&dyn Distribution, &dyn Distribution, &PosteriorValue<'_>) -> Result<Tensor, LayerError>;

const MONTE_CARLO: Divergence = losses::kl_divergence_monte_carlo;
const EXACT: Divergence = losses::kl_divergence_exact;

impl Normals {
    fn strategy(len: usize) -> impl Strategy<Value = Self> {
        (vec(-1.5..1.5, len), vec(0.1..1.2, len)).prop_map(|(loc, scale)| Self { loc, scale })
    }

    /// The distribution, trainable.
    fn distribution(&self, name: &str, shape: &[usize]) -> Part {
        let variable = |what: &str, values: &[f64]| {
            Variable::new(format!("{name}_{what}"), Tensor::from_slice(values, shape))
        };
        let normal = Normal::new(variable("loc", &self.loc)?, variable("scale", &self.scale)?)?;
        Ok(Arc::new(Independent::new(normal, shape.len())?))
    }

    /// `Σ KL(N(loc, scale²) || N(0, prior²))`, by the formula.
    fn divergence(&self, prior: f64) -> f64 {
        let term =
            |(m, s): (&f64, &f64)| (prior / s).ln() + (s * s + m * m) / (2.0 * prior * prior) - 0.5;
        self.loc.iter().zip(&self.scale).map(term).sum()
    }
}

impl Case {
    fn strategy() -> impl Strategy<Value = Self> {
        (2_usize..4, 1_usize..5, 1_usize..3).prop_flat_map(|(rows, inputs, outputs)| {
            let x = vec(-2.0..2.0, rows * inputs);
            let weights = (Normals::strategy(inputs * outputs), Normals::strategy(outputs));
            let sizes = [rows, inputs, outputs];
            (x, weights).prop_map(move |(x, (kernel, bias))| Self { sizes, x, kernel, bias })
        })
    }

    fn input(&self) -> Tensor {
        Tensor::from_slice(&self.x, &self.sizes[..2])
    }

    fn posterior(&self) -> impl Fn(&KernelBiasSpec) -> Joint + Send + Sync + 'static {
        let Self { kernel, bias, .. } = self.clone();
        move |spec| {
            JointDistributionSequential::new([
                kernel.distribution("kernel", &spec.kernel_shape)?,
                bias.distribution("bias", &spec.bias_shape)?,
            ])
        }
    }

    fn local(&self, divergence: Divergence) -> Local {
        let [_, inputs, outputs] = self.sizes;
        let builder = Local::builder(inputs, outputs).dtype(DType::F64).seed(1);
        let builder = builder.make_posterior_fn(self.posterior()).make_prior_fn(normal_prior);
        builder.divergence(divergence).build().unwrap()
    }

    fn shared(&self, divergence: Divergence) -> Shared {
        let [_, inputs, outputs] = self.sizes;
        let builder = Shared::builder(inputs, outputs).dtype(DType::F64).seed(1);
        let builder = builder.make_posterior_fn(self.posterior()).make_prior_fn(normal_prior);
        builder.divergence(divergence).build().unwrap()
    }

    /// `x·M + m_b` at one entry of the output.
    fn mean(&self, [row, column]: [usize; 2]) -> f64 {
        let [_, inputs, outputs] = self.sizes;
        let product = |i| self.x[row * inputs + i] * self.kernel.loc[i * outputs + column];
        (0..inputs).map(product).sum::<f64>() + self.bias.loc[column]
    }

    /// `(x_a∘x_b)·S² + s_b²` for two entries of one column; weights of two columns share nothing.
    fn covariance(&self, a: [usize; 2], b: [usize; 2]) -> f64 {
        let [_, inputs, outputs] = self.sizes;
        if a[1] != b[1] {
            return 0.0;
        }
        let product = |i| {
            let scale = self.kernel.scale[i * outputs + a[1]];
            self.x[a[0] * inputs + i] * self.x[b[0] * inputs + i] * scale * scale
        };
        (0..inputs).map(product).sum::<f64>() + self.bias.scale[a[1]].powi(2)
    }

    /// Compares means and all covariances of the outputs, which are normal, with `covariance`.
    fn check_moments(&self, layer: &dyn Layer, covariance: impl Fn([usize; 2], [usize; 2]) -> f64) {
        let [rows, _, outputs] = self.sizes;
        let entries: Vec<_> =
            (0..rows).flat_map(|row| (0..outputs).map(move |column| [row, column])).collect();
        let means: Vec<f64> = entries.iter().map(|&entry| self.mean(entry)).collect();
        let (x, root) = (self.input(), Key::from_seed(3));
        let mut sums = vec![0.0; entries.len()];
        let mut products = vec![0.0; entries.len() * entries.len()];
        for i in 0..KEYS {
            let y = layer.call_at(&x, &root.index(i)).unwrap();
            let y = y.data::<f64>().unwrap();
            for (a, row) in products.chunks_exact_mut(means.len()).enumerate() {
                sums[a] += y[a] - means[a];
                for (b, product) in row.iter_mut().enumerate().take(a + 1) {
                    *product += (y[a] - means[a]) * (y[b] - means[b]);
                }
            }
        }
        let n = KEYS as f64;
        let within = |what: &str, given: f64, expected: f64, error: f64| {
            let off = (given - expected).abs() / error;
            assert!(off < ENTRY_BOUND, "{what}: {given}, expected {expected}: {off} errors off");
        };
        for (a, &first) in entries.iter().enumerate() {
            let variance = covariance(first, first);
            let mean = means[a] + sums[a] / n;
            within(&format!("mean of {first:?}"), mean, means[a], (variance / n).sqrt());
            for (b, &second) in entries.iter().enumerate().take(a + 1) {
                let expected = covariance(first, second);
                let error = (variance * covariance(second, second) + expected * expected) / n;
                let given = products[a * entries.len() + b] / n;
                let what = format!("covariance of {first:?} and {second:?}");
                within(&what, given, expected, error.sqrt());
            }
        }
    }
}

const PRIOR: f64 = 0.8;

/// `N(0, 0.8²)` on every weight.
fn normal_prior(spec: &KernelBiasSpec) -> Joint {
    let part =
        |shape: &[usize]| -> Part { Ok(Arc::new(Sample::new(Normal::new(0.0, PRIOR)?, shape)?)) };
    JointDistributionSequential::new([part(&spec.kernel_shape)?, part(&spec.bias_shape)?])
}

#[test]
fn local_outputs_have_the_moments_of_independent_rows() {
    for_all(6, &Case::strategy(), |case| {
        case.check_moments(&case.local(MONTE_CARLO), |a, b| {
            if a == b { case.covariance(a, b) } else { 0.0 }
        });
    });
}

#[test]
fn shared_outputs_have_the_moments_of_one_draw() {
    for_all(6, &Case::strategy(), |case| {
        case.check_moments(&case.shared(MONTE_CARLO), |a, b| case.covariance(a, b));
    });
}

#[test]
fn the_local_pre_activation_is_the_closed_form() {
    for_all(32, &Case::strategy(), |case| {
        let (loc, scale) = case.local(EXACT).pre_activation(&case.input()).unwrap();
        let (loc, scale) = (loc.to_vec::<f64>().unwrap(), scale.to_vec::<f64>().unwrap());
        for (i, (loc, scale)) in loc.into_iter().zip(scale).enumerate() {
            let entry = [i / case.sizes[2], i % case.sizes[2]];
            let (mean, variance) = (case.mean(entry), case.covariance(entry, entry));
            assert!((loc - mean).abs() < 1e-14 * (1.0 + mean.abs()), "{loc} {mean}");
            assert!((scale * scale / variance - 1.0).abs() < 1e-14, "{scale} {variance}");
        }
    });
}

#[test]
fn the_exact_divergence_is_not_negative_zero_at_equality_and_additive() {
    for_all(64, &(Case::strategy(), Case::strategy()), |(case, other)| {
        let key = Key::from_seed(1);
        let exact = |layer: &dyn Layer| layer.losses_at(&key).unwrap().item().unwrap();
        let (local, shared) = (case.local(EXACT), other.shared(EXACT));
        let (first, second) = (exact(&local), exact(&shared));
        assert!(first >= 0.0 && second >= 0.0, "{first} {second}");
        let weights = |case: &Case| case.kernel.divergence(PRIOR) + case.bias.divergence(PRIOR);
        assert!((first - weights(&case)).abs() < 1e-12 * first.max(1.0), "{first}");
        assert!((second - weights(&other)).abs() < 1e-12 * second.max(1.0), "{second}");
        // The parts of one layer, and the layers of one net.
        let part = |q: &Arc<dyn Distribution>, p: &Arc<dyn Distribution>| {
            kl_divergence(q.as_ref(), p.as_ref()).unwrap().item().unwrap()
        };
        let kernel = part(local.kernel_posterior(), local.kernel_prior());
        let bias = part(local.bias_posterior().unwrap(), local.bias_prior().unwrap());
        assert!(kernel >= 0.0 && bias >= 0.0);
        assert!((first - (kernel + bias)).abs() < 1e-13 * first.max(1.0));
        let itself = kl_divergence(local.posterior().as_ref(), local.posterior().as_ref());
        assert!(itself.unwrap().item().unwrap().abs() < 1e-14);
        let net = Sequential::of(local).then(Sequential::of(shared));
        assert!((exact(&net) - (first + second)).abs() < 1e-13 * (first + second).max(1.0));
    });
}

/// A net of all kinds of layers, one nested, with its exact divergence: 3 → 2 → tanh → 2 → tanh → 2.
fn net(divergence: Divergence) -> (Sequential, f64) {
    let normals = |len: usize, step: f64| Normals {
        loc: (0..len).map(|i| (i as f64 * step).sin()).collect(),
        scale: (0..len).map(|i| 0.3 + 0.2 * (i as f64 * step).cos()).collect(),
    };
    let case = |inputs: usize, step: f64| Case {
        sizes: [4, inputs, 2],
        x: Vec::new(),
        kernel: normals(inputs * 2, step),
        bias: normals(2, step + 1.0),
    };
    let cases = [case(3, 0.7), case(2, 1.3), case(2, 2.1)];
    let exact = cases.iter().map(|c| c.kernel.divergence(PRIOR) + c.bias.divergence(PRIOR)).sum();
    let inner = Sequential::of(cases[1].shared(divergence))
        .then(Lambda::new("tanh", Tensor::tanh).unwrap());
    let inner = Sequential::of(inner).then(cases[2].local(divergence)).named("inner").unwrap();
    let tanh = Lambda::new("tanh", Tensor::tanh).unwrap();
    (Sequential::of(cases[0].local(divergence)).then(tanh).then(inner), exact)
}

#[test]
fn the_monte_carlo_divergence_of_a_net_has_the_exact_mean() {
    const DRAWS: u64 = 20_000;
    let (net, by_formula) = net(MONTE_CARLO);
    net.call(&input(3)).unwrap();
    let exact = losses::compute_extra_loss(&net, losses::kl_divergence_exact);
    let exact = exact.unwrap().item().unwrap();
    assert!((exact - by_formula).abs() < 1e-12 * exact, "{exact} {by_formula}");
    let root = Key::from_seed(5);
    let draws: Vec<f64> =
        (0..DRAWS).map(|i| net.losses_at(&root.index(i)).unwrap().item().unwrap()).collect();
    let n = DRAWS as f64;
    let mean = draws.iter().sum::<f64>() / n;
    let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let off = (mean - exact).abs() / (variance / n).sqrt();
    assert!(off < MEAN_BOUND, "{mean} by draws, {exact} exactly: {off} standard errors off");
    // An estimate of something, and not of nothing: the standard error is small beside the value.
    assert!((variance / n).sqrt() < 0.01 * exact, "{variance}");
}

fn input(width: usize) -> Tensor {
    let values = (0..4 * width).map(|i| (i as f64 * 1.7).sin()).collect();
    Tensor::from_vec(values, &[4, width])
}

#[test]
fn gradients_of_layers_and_nets_agree_with_central_differences() {
    let case = || Case {
        sizes: [4, 3, 2],
        x: Vec::new(),
        kernel: Normals { loc: vec![0.3, -0.2, 0.5, 0.9, -0.7, 0.1], scale: vec![0.4; 6] },
        bias: Normals { loc: vec![0.2, -0.3], scale: vec![0.2, 0.6] },
    };
    let builder = |name: &str| {
        let builder = Local::builder(3, 2).dtype(DType::F64).seed(4).name(name);
        builder.make_posterior_fn(case().posterior()).activation_fn(Tensor::softplus)
    };
    let affine = || {
        let builder = Affine::builder(2, 3).dtype(DType::F64).seed(2).activation_fn(Tensor::elu);
        builder.bias_initializer(initializers::constant(0.1)).build().unwrap()
    };
    // The default prior, a mixture, by Monte Carlo.
    check_layer(&builder("mixture").build().unwrap(), &input(3)).unwrap();
    let exact = builder("exact").make_prior_fn(normal_prior);
    let exact = exact.divergence(losses::kl_divergence_exact).build().unwrap();
    check_layer(&exact, &input(3)).unwrap();
    check_layer(&case().shared(MONTE_CARLO), &input(3)).unwrap();
    check_layer(&case().shared(EXACT), &input(3)).unwrap();
    check_layer(&affine(), &input(2)).unwrap();
    for divergence in [MONTE_CARLO, EXACT] {
        check_layer(&net(divergence).0, &input(3)).unwrap();
    }
    let nested = Sequential::of(exact).then(affine()).named("first").unwrap();
    let nested = Sequential::of(nested).then(Sequential::of(net(MONTE_CARLO).0));
    check_layer(&nested, &input(3)).unwrap();
}

/// The loss of a step as a number, for fixed data and key.
fn elbo(model: &Model, classes: usize) -> Tensor {
    let targets = Tensor::from_vec(vec![0.0, 1.0, 1.0, 0.0], &[4]).one_hot(classes);
    let key = Key::from_seed(21);
    let nll = -model.call_at(&input(3), &key).unwrap().log_prob(&targets).unwrap();
    Elbo::new(7).unwrap().loss(&nll, &model.losses_at(&key).unwrap(), 0.5).unwrap().loss
}

#[test]
fn the_elbo_of_a_model_has_the_gradients_of_central_differences() {
    check_elbo(MONTE_CARLO);
    check_elbo(EXACT);
}

fn check_elbo(divergence: Divergence) {
    const STEP: f64 = 1e-4;
    let model = net(divergence).0.with_head(|logits| OneHotCategorical::from_logits(logits));
    let gradients = elbo(&model, 2).gradients().unwrap();
    let variables = model.trainable_variables();
    assert_eq!(variables.len(), 12);
    for variable in variables {
        let given = gradients.get(&variable).unwrap().to_vec::<f64>().unwrap();
        let start = variable.value();
        let slope = |entry: usize, step: f64| {
            let at = |offset: f64| {
                let mut moved = start.to_vec::<f64>().unwrap();
                moved[entry] += offset;
                variable.assign(&Tensor::from_vec(moved, variable.shape())).unwrap();
                elbo(&model, 2).item().unwrap()
            };
            (at(step) - at(-step)) / (2.0 * step)
        };
        for (entry, &given) in given.iter().enumerate() {
            let expected = (4.0 * slope(entry, STEP / 2.0) - slope(entry, STEP)) / 3.0;
            let name = variable.name();
            assert!((given - expected).abs() < 1e-8, "{name}, {entry}: {given}, {expected}");
        }
        variable.assign(&start).unwrap();
        assert!(given.iter().any(|gradient| gradient.abs() > 1e-4), "{given:?}");
    }
}
