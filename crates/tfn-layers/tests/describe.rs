//! Layers, likelihoods and models come back from files that describe them.

#![allow(clippy::unwrap_used)]

use std::fmt::Debug;
use std::sync::Arc;

use tfn_layers::describe;
use tfn_layers::distributions::bijectors::Softplus;
use tfn_layers::distributions::{
    Distribution, HalfCauchy, Horseshoe, Independent, JointDistributionSequential, Laplace,
    MultivariateNormalTriL, Normal, OneHotCategorical, Parameter, Sample, StudentT,
    TransformedVariable,
};
use tfn_layers::likelihoods::{self, Noise};
use tfn_layers::module::describe::{DescribeError, FileReader, FileWriter, Registry};
use tfn_layers::module::{Module, ModuleError, NameScope, Variable, describe_fields};
use tfn_layers::tensor::{DType, Key, Tensor};
use tfn_layers::util::{KernelBiasSpec, Padding};
use tfn_layers::{
    Affine, AffineVariationalReparameterizationLocal as Bayesian, Convolution,
    ConvolutionTranspose, ConvolutionVariationalFlipoutV2,
    ConvolutionVariationalReparameterizationLocal as BayesianConv, Dense, Estimator, Flatten,
    Flipout, GlobalAveragePooling, Lambda, Layer, LayerError, Likelihood, LinearMap, Local,
    MaxPooling, Mean, Model, Parallel, PerExample, Permute, Reparameterization, Reshape, Residual,
    Sequential, UpSampling, Variational, ZeroPadding, losses,
};

fn registry() -> Registry {
    let mut registry = Registry::new();
    describe::register(&mut registry);
    registry
}

fn bits(tensor: &Tensor) -> Vec<u64> {
    tensor.to_f64_vec().unwrap().iter().map(|x| x.to_bits()).collect()
}

fn variables(of: &(impl Module + ?Sized)) -> Vec<(String, bool, Vec<u64>)> {
    let one = |v: &Variable| (v.name().to_owned(), v.is_trainable(), bits(&v.value()));
    of.variables().iter().map(one).collect()
}

fn again(net: &Arc<dyn Layer>, registry: &Registry) -> Arc<dyn Layer> {
    let bytes = FileWriter::new(registry).add("net", net).unwrap().to_bytes().unwrap();
    let same = FileReader::from_bytes(&bytes, registry).unwrap().take("net").unwrap();
    let twice = FileWriter::new(registry).add("net", &same).unwrap().to_bytes().unwrap();
    assert_eq!(twice, bytes);
    same
}

fn refusal(object: &Arc<dyn Layer>, registry: &Registry) -> DescribeError {
    match FileWriter::new(registry).add("net", object) {
        Err(ModuleError::Describe(error)) => *error,
        _ => unreachable!(),
    }
}

/// Output, losses, gradients and the calls that come next are the same to the last bit.
fn same_layer(given: &Arc<dyn Layer>, expected: &Arc<dyn Layer>, x: &Tensor) {
    assert_eq!(given.name(), expected.name());
    assert_eq!(given.name_scope(), expected.name_scope());
    assert_eq!(variables(given.as_ref()), variables(expected.as_ref()));
    let key = Key::from_seed(3);
    let of = |layer: &Arc<dyn Layer>| {
        let (y, kl) = (layer.call_at(x, &key).unwrap(), layer.losses_at(&key).unwrap());
        let loss = y.square().sum() + &kl;
        let gradients = loss.gradients().unwrap();
        let slopes: Vec<_> =
            layer.trainable_variables().iter().map(|v| bits(&gradients.of(v))).collect();
        let calls: Vec<_> = (0..3).map(|_| bits(&layer.call(x).unwrap())).collect();
        (bits(&y), bits(&kl), slopes, calls)
    };
    assert_eq!(of(given), of(expected));
}

fn estimator_comes_back<E>(name: &str)
where
    E: Estimator + Default + tfn_layers::module::describe::Describe,
{
    let registry = registry();
    let x = |dtype| Key::from_seed(9).stream().normal(&[4, 3], dtype);
    let builder = || Variational::<Dense, E>::builder(3, 2).seed(5);
    let scope = NameScope::root().child("outer").child("inner");
    let posterior = |spec: &KernelBiasSpec| {
        let normal = |shape: &[usize], start: f64| {
            let scale = Tensor::full(shape, 0.1, DType::F64);
            let scale = TransformedVariable::new(&scale, Softplus::above(1e-5)?, "scale")?;
            let loc = Variable::new("loc", Tensor::full(shape, start, DType::F64))?;
            Independent::new(Normal::new(loc, scale)?, shape.len())
        };
        let (kernel, bias) = (normal(&spec.kernel_shape, 0.3)?, normal(&spec.bias_shape, -0.1)?);
        JointDistributionSequential::new([kernel.into(), bias.into()])
    };
    let prior = |spec: &KernelBiasSpec| {
        let scale = Variable::new("prior_scale", Tensor::scalar(0.7))?.non_trainable();
        let kernel = Sample::new(Laplace::new(0.0, scale)?, &spec.kernel_shape)?;
        let bias = Sample::new(StudentT::new(3.0, 0.0, 1.0)?, &spec.bias_shape)?;
        JointDistributionSequential::new([kernel.into(), bias.into()])
    };
    let all: Vec<(Arc<dyn Layer>, DType)> = vec![
        (Arc::new(builder().build().unwrap()), DType::F32),
        (
            Arc::new(builder().activation_fn(Tensor::tanh).use_bias(false).build().unwrap()),
            DType::F32,
        ),
        (
            Arc::new(
                builder()
                    .dtype(DType::F64)
                    .make_posterior_fn(posterior)
                    .make_prior_fn(prior)
                    .divergence(losses::kl_divergence_monte_carlo)
                    .scope(&scope)
                    .name("hidden")
                    .validate_args(true)
                    .build()
                    .unwrap(),
            ),
            DType::F64,
        ),
        (
            Arc::new(builder().divergence(losses::kl_divergence_quadrature).build().unwrap()),
            DType::F32,
        ),
    ];
    for (layer, dtype) in all {
        layer.variables()[0].set_trainable(false);
        layer.call(&x(dtype)).unwrap();
        let same = again(&layer, &registry);
        same_layer(&same, &layer, &x(dtype));
        let same = same as Arc<dyn std::any::Any + Send + Sync>;
        let same = same.downcast::<Variational<Dense, E>>().unwrap();
        assert_eq!(same.estimator().name(), name);
    }
}

#[test]
fn every_estimator_comes_back() {
    estimator_comes_back::<Local>("Local");
    estimator_comes_back::<Reparameterization>("Reparameterization");
    estimator_comes_back::<Flipout>("Flipout");
    estimator_comes_back::<PerExample>("PerExample");
    estimator_comes_back::<Mean>("Mean");
}

#[test]
fn posteriors_that_are_no_normals_and_an_estimator_set_later_come_back() {
    let registry = registry();
    let posterior = |spec: &KernelBiasSpec| {
        let size: usize = spec.kernel_shape.iter().product();
        let loc = Variable::new("loc", Tensor::zeros(&[size], DType::F32))?;
        let diagonal = |i: usize| if i.is_multiple_of(size + 1) { 0.1 } else { 0.0 };
        let eye: Vec<f32> = (0..size * size).map(diagonal).collect();
        let tril = Variable::new("tril", Tensor::from_vec(eye, &[size, size]))?;
        let kernel = MultivariateNormalTriL::new(loc, tril)?;
        let shape =
            tfn_layers::distributions::bijectors::Reshape::new(&spec.kernel_shape, &[size])?;
        tfn_layers::distributions::TransformedDistribution::new(kernel, shape)
    };
    let prior = |spec: &KernelBiasSpec| Sample::new(Horseshoe::new(1.0)?, &spec.kernel_shape);
    let layer = Variational::<Dense, PerExample>::builder(3, 2)
        .use_bias(false)
        .make_posterior_fn(posterior)
        .make_prior_fn(prior)
        .seed(1)
        .build()
        .unwrap();
    layer.set_estimator(Reparameterization).unwrap();
    let layer: Arc<dyn Layer> = Arc::new(layer);
    let same = again(&layer, &registry);
    same_layer(&same, &layer, &Tensor::ones(&[2, 3], DType::F32));
    assert_eq!(tfn_layers::estimators(same.as_ref())[0].1.name(), "Reparameterization");
}

/// A map of a user's own: one factor for each input.
#[derive(Debug, Clone)]
struct Diagonal {
    size: usize,
}
describe_fields!(Diagonal as "mine.Diagonal" { size });

impl LinearMap for Diagonal {
    fn class(&self) -> &'static str {
        "Diagonal"
    }
    fn kernel_shape(&self) -> Vec<usize> {
        vec![self.size]
    }
    fn bias_shape(&self) -> Vec<usize> {
        vec![self.size]
    }
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, String> {
        if input == [self.size] { Ok(input.to_vec()) } else { Err(format!("[{}]", self.size)) }
    }
    fn apply(&self, x: &Tensor, kernel: &Tensor) -> Tensor {
        x * kernel
    }
}

/// A module that a net uses without a layer that holds it.
#[derive(Debug, Module)]
struct Temperature {
    value: Variable,
}
describe_fields!(Temperature as "mine.Temperature" { value });

fn double(x: &Tensor) -> Tensor {
    x * 2.0
}

#[test]
fn nets_of_all_layers_come_back_with_what_they_share() {
    let mut registry = registry();
    describe::add_map::<Diagonal>(&mut registry);
    describe::add_tracked::<Temperature>(&mut registry);
    describe::add_activation(&mut registry, "mine.double", double);
    let shared: Arc<dyn Layer> =
        Arc::new(Bayesian::builder(3, 3).seed(2).name("shared").build().unwrap());
    let diagonal =
        Variational::<Diagonal, Local>::over(Diagonal { size: 3 }).seed(3).build().unwrap();
    let temperature = Variable::new("t", Tensor::scalar(2.0_f32)).unwrap();
    let inner = Sequential::of(shared.clone())
        .then(diagonal)
        .then(Affine::builder(3, 3).activation_fn(double).seed(4).name("plain").build().unwrap())
        .also_track(Temperature { value: temperature });
    let net = Sequential::of(shared.clone())
        .then(inner)
        .then(Lambda::new("relu", Tensor::relu).unwrap())
        .then(Lambda::new("twice", double).unwrap())
        .then(shared)
        .named("net")
        .unwrap();
    let net: Arc<dyn Layer> = Arc::new(net);
    let same = again(&net, &registry);
    same_layer(&same, &net, &Tensor::ones(&[5, 3], DType::F32));
    let same = (same as Arc<dyn std::any::Any + Send + Sync>).downcast::<Sequential>().unwrap();
    let names: Vec<String> = same.layers().iter().map(|layer| layer.name()).collect();
    assert_eq!(names[0], "shared");
    assert_eq!(names[2..], ["relu", "twice", "shared"]);
    assert!(Arc::ptr_eq(&same.layers()[0], &same.layers()[4]));
    let batches: Arc<dyn Layer> = Arc::new(
        Affine::builder(3, 2).batch_shape(&[4]).dtype(DType::F64).seed(1).build().unwrap(),
    );
    same_layer(&again(&batches, &registry), &batches, &Tensor::ones(&[6, 4, 3], DType::F64));
}

/// Each geometry of a convolution, and what a net of them is made of besides.
#[test]
fn nets_of_convolutions_come_back() {
    let registry = registry();
    let explicit = Padding::Explicit(vec![(1, 0), (0, 2)]);
    let conv = BayesianConv::builder(2, 4, [3, 2]).strides([1, 2]).padding(explicit).groups(2);
    let inner = ConvolutionVariationalFlipoutV2::builder(4, 4, 3).padding(Padding::Same);
    let back = ConvolutionTranspose::builder(4, 3, 3).strides(2).output_padding(1).dilations(1);
    let net = Sequential::of(ZeroPadding::new(&[(1, 0), (0, 0)]))
        .then(conv.seed(1).build().unwrap())
        .then(MaxPooling::builder(2).strides(1).build().unwrap())
        .then(Residual::of(inner.seed(2).build().unwrap()))
        .then(back.seed(3).build().unwrap())
        .then(Parallel::of(Permute::new(&[1, 0, 2])).and(Permute::new(&[1, 0, 2])))
        .then(UpSampling::new(&[2, 1]))
        .then(GlobalAveragePooling::new(2).unwrap())
        .then(Reshape::new(1, &[3, 2]))
        .then(Flatten::new(2));
    let net: Arc<dyn Layer> = Arc::new(net);
    same_layer(&again(&net, &registry), &net, &Tensor::ones(&[2, 6, 6, 2], DType::F32));
    let series = Convolution::builder(2, 3, 2).rank(1).padding(Padding::Causal).dilations(2);
    let series: Arc<dyn Layer> = Arc::new(series.batch_shape(&[2]).seed(4).build().unwrap());
    same_layer(&again(&series, &registry), &series, &Tensor::ones(&[3, 5, 2, 2], DType::F32));
}

fn head(logits: &Tensor) -> Result<OneHotCategorical, LayerError> {
    Ok(OneHotCategorical::from_logits(logits)?)
}

/// The model of a net with as many outputs as `likelihood` has for two targets.
fn model(likelihood: impl Likelihood + tfn_layers::module::DeepCopy) -> Model {
    let net = Sequential::of(
        Bayesian::builder(3, 4).activation_fn(Tensor::relu).seed(1).build().unwrap(),
    );
    let outputs = likelihood.outputs(2);
    net.then(Bayesian::builder(4, outputs).seed(2).build().unwrap()).with_likelihood(likelihood)
}

fn model_again(model: &Model, registry: &Registry) -> Model {
    let bytes = FileWriter::new(registry).add("model", model).unwrap().to_bytes().unwrap();
    FileReader::from_bytes(&bytes, registry).unwrap().take("model").unwrap()
}

fn same_model(given: &Model, expected: &Model, y: &Tensor) {
    let x = Key::from_seed(4).stream().normal(&[5, 3], DType::F32);
    assert_eq!(variables(given), variables(expected));
    assert_eq!(given.head().class_name(), expected.head().class_name());
    let of = |model: &Model| {
        let keys: Vec<Key> = (0..3).map(|i| Key::from_seed(7).index(i)).collect();
        let made = model.call_at(&x, &keys[0]).unwrap();
        let log_prob = bits(&model.log_prob(made.as_ref(), y).unwrap());
        let outputs = model.net().prepare(&x)(&keys).unwrap();
        let several = model.distributions(&outputs, &keys).unwrap();
        let means: Vec<_> = several.iter().map(|d| d.mean().map(|mean| bits(&mean)).ok()).collect();
        let kl = bits(&model.losses_at(&keys[1]).unwrap());
        let called = model.call(&x).unwrap();
        let next = bits(&model.log_prob(called.as_ref(), y).unwrap());
        (log_prob, means, kl, next, bits(&model.losses().unwrap()))
    };
    assert_eq!(of(given), of(expected));
}

#[test]
fn every_likelihood_comes_back() {
    let mut registry = registry();
    describe::add_head(&mut registry, "mine.head", head);
    let ones = Tensor::ones(&[5, 2], DType::F32);
    let labels = Tensor::ones(&[5], DType::F32);
    let scales = || Variable::new("scales", Tensor::full(&[2], 0.4, DType::F64)).unwrap();
    let with_posterior =
        || Noise::starting_at(&[0.5, 0.7]).unwrap().with_posterior(0.1, 1.1).unwrap();
    let of = |model: Model, y: &Tensor| same_model(&model_again(&model, &registry), &model, y);
    of(model(likelihoods::Normal::new().unwrap()), &ones);
    of(model(likelihoods::Normal::with_noise(Noise::given(0.1))), &ones);
    of(model(likelihoods::Normal::with_noise(Noise::given(scales()))), &ones);
    of(model(likelihoods::Normal::with_noise(with_posterior())), &ones);
    of(model(likelihoods::Laplace::with_noise(Noise::starting_at(&[0.3]).unwrap())), &ones);
    of(model(likelihoods::LogNormal::new().unwrap()), &ones);
    of(model(likelihoods::StudentT::new().unwrap()), &ones);
    of(model(likelihoods::StudentT::with_df(4.0, with_posterior())), &ones);
    of(model(likelihoods::HeteroscedasticNormal::new().min_scale(0.01)), &ones);
    of(model(likelihoods::MixtureDensity::new(3).unwrap().min_scale(0.1)), &ones);
    of(model(likelihoods::Poisson::new()), &ones);
    of(model(likelihoods::NegativeBinomial::new().unwrap()), &ones);
    of(model(likelihoods::Categorical::new()), &labels);
    of(model(likelihoods::OneHotCategorical::new()), &Tensor::ones(&[5], DType::F32).one_hot(2));
    of(model(likelihoods::Bernoulli::new()), &ones);
    let units = Tensor::from_vec(vec![3.0, 0.5], &[2]);
    of(
        model(likelihoods::Affine::new(
            likelihoods::Normal::with_noise(with_posterior()),
            200.0,
            units,
        )),
        &ones,
    );
    let net = Sequential::of(Bayesian::builder(3, 2).seed(1).build().unwrap());
    of(net.with_head(head), &labels.one_hot(2));
}

#[test]
fn training_goes_on_from_the_loaded_model() {
    let registry = registry();
    let model = model(likelihoods::Normal::new().unwrap());
    let same = model_again(&model, &registry);
    let (x, y) = (Tensor::ones(&[8, 3], DType::F32), Tensor::ones(&[8, 2], DType::F32));
    let train = |model: &Model| {
        for step in 0..5 {
            let key = Key::from_seed(step);
            let made = model.call_at(&x, &key).unwrap();
            let nll = -model.log_prob(made.as_ref(), &y).unwrap().mean();
            let gradients = (nll + model.losses_at(&key).unwrap() / 100.0).gradients().unwrap();
            for variable in model.trainable_variables() {
                variable.assign(&(variable.value() - gradients.of(&variable) * 0.05)).unwrap();
            }
        }
        variables(model)
    };
    let before = variables(&same);
    let trained = train(&model);
    assert_eq!(variables(&same), before, "it has variables of its own");
    assert_eq!(train(&same), trained);
}

#[test]
fn functions_without_a_name_are_errors_that_say_how_to_give_one() {
    let registry = registry();
    let layer =
        |build: &dyn Fn(tfn_layers::Builder<Dense, Local>) -> tfn_layers::Builder<Dense, Local>| {
            let layer = build(Bayesian::builder(3, 2).seed(1)).build().unwrap();
            let net: Arc<dyn Layer> =
                Arc::new(Sequential::of(Bayesian::new(3, 3).unwrap()).then(layer));
            net.call(&Tensor::ones(&[2, 3], DType::F32)).unwrap();
            net
        };
    let unnamed = |error: &DescribeError, at: &str, by: &str| {
        let DescribeError::Unnamed { path, how, .. } = error else { unreachable!("{error}") };
        assert_eq!(path, at);
        assert!(how.contains(by), "{error}");
    };
    let factor = 3.0;
    let error = refusal(&layer(&|b| b.activation_fn(move |x| x * factor)), &registry);
    unnamed(&error, "net/layers/1/activation_fn", "add_activation");
    let error = refusal(&layer(&|b| b.name("second").activation_fn(double)), &registry);
    assert!(error.to_string().contains("activation_fn` (of `second`) is a function"), "{error}");
    unnamed(&error, "net/layers/1/activation_fn", "add_activation");
    let error =
        refusal(&layer(&|b| b.divergence(|_, _, _| Ok(Tensor::scalar(0.0_f32)))), &registry);
    unnamed(&error, "net/layers/1/estimated/weights/divergence", "add_divergence");
    let mean = |q: &dyn Distribution, _: &Key| -> Result<Vec<Tensor>, LayerError> {
        Ok(q.parts()
            .unwrap_or_default()
            .iter()
            .map(|part| part.mean())
            .collect::<Result<_, _>>()?)
    };
    let error = refusal(&layer(&|b| b.posterior_value_fn(mean)), &registry);
    unnamed(&error, "net/layers/1/estimated/weights/posterior_value_fn", "add_posterior_value");
    let lambda: Arc<dyn Layer> = Arc::new(Lambda::new("f", |x| x * 3.0).unwrap());
    unnamed(&refusal(&lambda, &registry), "net/function", "add_activation");
    let model = Sequential::of(Bayesian::new(3, 2).unwrap()).with_head(head);
    let Err(ModuleError::Describe(error)) = FileWriter::new(&registry).add("model", &model) else {
        unreachable!()
    };
    unnamed(&error, "model/head/function", "add_head");
    let state = Temperature { value: Variable::new("t", Tensor::scalar(1.0)).unwrap() };
    let stateful: Arc<dyn Layer> =
        Arc::new(Lambda::with_state("s", state, |t, x| x * t.value.tensor()).unwrap());
    assert!(matches!(refusal(&stateful, &registry), DescribeError::NotDescribed { .. }));

    // With names they come back; whoever reads without them is told which one it was.
    let mut named = self::registry();
    describe::add_activation(&mut named, "mine.double", double);
    describe::add_posterior_value(&mut named, "mine.mean", mean);
    describe::add_divergence(&mut named, "mine.none", nothing);
    let net = layer(&|b| b.activation_fn(double).posterior_value_fn(mean).divergence(nothing));
    same_layer(&again(&net, &named), &net, &Tensor::ones(&[2, 3], DType::F32));
    let bytes = FileWriter::new(&named).add("net", &net).unwrap().to_bytes().unwrap();
    let Err(ModuleError::Describe(error)) = FileReader::from_bytes(&bytes, &registry) else {
        unreachable!()
    };
    let DescribeError::UnknownName { field, given, .. } = &*error else { unreachable!("{error}") };
    assert_eq!((field.as_str(), given.as_str()), ("posterior_value_fn", "mine.mean"));
}

fn nothing(
    q: &dyn Distribution,
    _: &dyn Distribution,
    _: &tfn_layers::PosteriorValue<'_>,
) -> Result<Tensor, LayerError> {
    Ok(Tensor::zeros(&[], q.dtype()?))
}

/// What reading says of the file of `model` with one `from` in its description as `to`.
fn forged(model: &Model, from: &str, to: &str) -> String {
    let registry = registry();
    let bytes = FileWriter::new(&registry).add("model", model).unwrap().to_bytes().unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header = std::str::from_utf8(&bytes[8..8 + length]).unwrap();
    assert!(header.contains(from), "{from} {header}");
    let header = header.replacen(from, to, 1);
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(&bytes[8 + length..]);
    match FileReader::from_bytes(&file, &registry) {
        Ok(_) => "read".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_a_constructor_would_refuse_is_refused() {
    let mixture = || model(likelihoods::MixtureDensity::new(3).unwrap());
    let cases = [
        ("\\\"components\\\":3", "\\\"components\\\":0", "MixtureDensity`: a number of components"),
        (
            "\\\"components\\\":3",
            "\\\"components\\\":9223372036854775807",
            "a number of components",
        ),
        ("\\\"kernel\\\":0", "\\\"kernel\\\":7", "`unpack_weights_fn` gave part 7 of 2"),
        ("\\\"kernel\\\":0", "\\\"kernel\\\":1", "`make_posterior_fn` has shape [4]"),
        (
            "\\\"dtype\\\":\\\"f32\\\",\\\"kernel\\\"",
            "\\\"dtype\\\":\\\"f64\\\",\\\"kernel\\\"",
            "expected f64",
        ),
        (
            "\\\"input_size\\\":3",
            "\\\"input_size\\\":4",
            "kernel of `make_posterior_fn` has shape [3, 4]",
        ),
        ("\\\"input_size\\\":3", "\\\"input_size\\\":0", "expected at least 1"),
        ("\\\"input_size\\\":3", "\\\"input_size\\\":-3", "expected a whole number"),
        ("\\\"sample_shape\\\":[3,4]", "\\\"sample_shape\\\":[3,1152921504606846976]", "expected"),
        (
            "tfn.layers.Sequential",
            "tfn.layers.Sequentiel",
            "`tfn.layers.Sequentiel`, which the registry",
        ),
        (
            "kl_divergence_monte_carlo",
            "kl_divergence_montecarlo_",
            "which the registry does not know",
        ),
        ("tfn.estimators.Local", "tfn.maps.Dense", "missing"),
    ];
    for (from, to, expected) in cases {
        let error = forged(&mixture(), from, to);
        assert!(error.contains(expected), "{from} {to}: {error}");
    }
}

#[test]
fn no_damage_makes_it_panic() {
    let registry = registry();
    let noise = Noise::starting_at(&[0.5; 2]).unwrap().with_posterior(0.0, 1.0).unwrap();
    let head = likelihoods::Affine::new(likelihoods::Normal::with_noise(noise), 1.0, 2.0);
    let df = Parameter::from(HalfCauchy::new(0.0, 1.0).unwrap().scale());
    assert!(df.is_fixed());
    let whole = FileWriter::new(&registry).add("model", &model(head)).unwrap().to_bytes().unwrap();
    let mut stream = Key::from_seed(1).stream();
    let mut next = |below: usize| (stream.next_u64() % below as u64) as usize;
    let x = Tensor::ones(&[2, 3], DType::F32);
    let mut read = 0;
    for _ in 0..6_000 {
        let mut bytes = whole.clone();
        for _ in 0..=next(2) {
            let at = next(bytes.len());
            match next(4) {
                0 => bytes[at] ^= 1 << next(8),
                1 | 2 if bytes[at].is_ascii_digit() => bytes[at] = b'0' + next(10) as u8,
                1 => bytes[at] = b"0123456789{}[]\",:-ntf"[next(21)],
                2 => {}
                _ => bytes.truncate(at),
            }
            if bytes.is_empty() {
                break;
            }
        }
        let Ok(mut file) = FileReader::from_bytes(&bytes, &registry) else { continue };
        if let Ok(model) = file.take::<Model>("model") {
            read += 1;
            let _ =
                model.call_at(&x, &Key::from_seed(1)).map(|d| d.mean().map(|mean| mean.check()));
        }
    }
    assert!(read > 300, "{read}");
}
