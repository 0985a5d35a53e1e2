use tfn_distributions as distributions;
use tfn_module::{Variable, deep_copy};
use tfn_tensor::{DType, Key, Tensor};

use super::*;
use crate::testing::check_likelihood;
use crate::{
    AffineVariationalReparameterizationLocal as Local, LayerError, Likelihood, Model, Moments,
    Pass, Sequential,
};

fn tensor(values: &[f64], shape: &[usize]) -> Tensor {
    Tensor::from_slice(values, shape)
}

fn numbers(shape: &[usize]) -> Tensor {
    Key::from_seed(21).stream().normal(shape, DType::F64)
}

/// All likelihoods for two targets, with outputs and targets that they take.
fn all() -> Vec<(Box<dyn Likelihood>, Tensor, Tensor)> {
    let real = || numbers(&[3, 2]) * 2.0;
    let counts = || tensor(&[0.0, 3.0, 1.0, 0.0, 7.0, 2.0], &[3, 2]);
    let binary = || tensor(&[0.0, 1.0, 1.0, 1.0, 0.0, 0.0], &[3, 2]);
    let shares = || tensor(&[0.0, 1.0, 0.0, 0.2, 0.3, 0.5, 1.0, 0.0, 0.0], &[3, 3]);
    let own = from_fn(Variable::new("rho", Tensor::scalar(0.3)).unwrap(), |rho, y| {
        distributions::Normal::new(y, rho.tensor().exp())
    });
    let noise = || Noise::starting_at(&[0.4, 1.7]).unwrap();
    let posterior = |noise: Noise| noise.with_posterior(0.1, 0.8).unwrap();
    vec![
        (Box::new(Normal::new().unwrap()), numbers(&[3, 2]), real()),
        (Box::new(Normal::with_noise(noise())), numbers(&[3, 2]), real()),
        (Box::new(Normal::with_noise(posterior(noise()))), numbers(&[3, 2]), real()),
        (
            Box::new(Laplace::with_noise(posterior(Noise::learned().unwrap()))),
            numbers(&[3, 2]),
            real(),
        ),
        (Box::new(StudentT::new().unwrap()), numbers(&[3, 2]), real()),
        (Box::new(StudentT::with_df(3.0, noise())), numbers(&[3, 2]), real()),
        (Box::new(LogNormal::with_noise(noise())), numbers(&[3, 2]), real().exp()),
        (Box::new(HeteroscedasticNormal::new()), numbers(&[3, 4]), real()),
        (Box::new(MixtureDensity::new(3).unwrap()), numbers(&[3, 18]), real()),
        (Box::new(Poisson::new()), numbers(&[3, 2]), counts()),
        (Box::new(NegativeBinomial::new().unwrap()), numbers(&[3, 2]), counts()),
        (Box::new(Bernoulli::new()), numbers(&[3, 2]), binary()),
        (Box::new(Categorical::new()), numbers(&[3, 4]), tensor(&[2.0, 0.0, 3.0], &[3])),
        (Box::new(OneHotCategorical::new()), numbers(&[3, 3]), shares()),
        (Box::new(own), numbers(&[3, 2]), real()),
        (Box::new(Affine::new(Normal::new().unwrap(), 3.0, 0.5)), numbers(&[3, 2]), real()),
        (
            Box::new(Affine::new(HeteroscedasticNormal::new(), tensor(&[1.0, 2.0], &[2]), 4.0)),
            numbers(&[3, 4]),
            real(),
        ),
    ]
}

#[test]
fn every_likelihood_keeps_the_laws() {
    for (likelihood, output, targets) in all() {
        let checked = check_likelihood(likelihood.as_ref(), &output, &targets);
        assert!(checked.is_ok(), "{likelihood:?}: {}", checked.unwrap_err());
    }
}

#[test]
fn marginals_where_there_is_a_closed_form() {
    let closed = ["Normal", "Normal", "LogNormal", "Affine"];
    let output = |outputs: Tensor| Moments { variance: Some(outputs.square()), mean: outputs };
    let found: Vec<String> = all()
        .into_iter()
        .filter(|(likelihood, ..)| {
            likelihood.marginal(&output(numbers(&[3, 4]).narrow(1, 0, 2))).unwrap().is_some()
        })
        .map(|(likelihood, ..)| likelihood.class_name().to_owned())
        .collect();
    assert_eq!(found, closed);
    // An output that is known leaves what the likelihood says of it.
    let known = Moments::known(numbers(&[3, 2]));
    let normal = Normal::with_noise(Noise::starting_at(&[0.4, 1.7]).unwrap());
    let marginal = normal.marginal(&known).unwrap().unwrap();
    assert_eq!(marginal.epistemic.to_vec::<f64>().unwrap(), [0.0; 6]);
    let pass = Pass::new(&normal, &Key::from_seed(1));
    let given = normal.distribution(&known.mean, &pass).unwrap();
    let targets = numbers(&[3, 2]) * 3.0;
    let [a, b] = [marginal.distribution, given]
        .map(|one| one.log_prob(&targets).unwrap().to_vec::<f64>().unwrap());
    assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-13));
}

/// A normal likelihood whose marginal forgets something.
#[derive(Debug, Clone, tfn_module::Module)]
#[module(crate = tfn_module)]
struct Forgetful {
    normal: Normal,
    #[module(skip)]
    forgets: usize,
}

impl Likelihood for Forgetful {
    fn distribution(
        &self,
        output: &Tensor,
        pass: &Pass,
    ) -> crate::Result<std::sync::Arc<dyn distributions::Distribution>> {
        self.normal.distribution(output, pass)
    }

    fn marginal(&self, output: &Moments) -> crate::Result<Option<crate::Marginal>> {
        let whole = self.normal.marginal(output)?;
        let known = self.normal.marginal(&Moments::known(output.mean.clone()))?;
        let part = |of: crate::Marginal, known: crate::Marginal| match self.forgets {
            0 => known,
            1 => crate::Marginal { epistemic: known.epistemic, ..of },
            2 => crate::Marginal { aleatoric: of.epistemic.clone(), ..of },
            _ => of,
        };
        Ok(whole.zip(known).map(|(of, known)| part(of, known)))
    }
}

#[test]
fn a_wrong_marginal_is_found() {
    let check = |forgets: usize| {
        let likelihood = Forgetful { normal: Normal::new().unwrap(), forgets };
        check_likelihood(&likelihood, &numbers(&[3, 2]), &numbers(&[3, 2]))
            .map_err(|e| e.to_string())
    };
    assert_eq!(check(3), Ok(()));
    for (forgets, what) in [(0, "density"), (1, "epistemic part"), (2, "aleatoric part")] {
        let error = check(forgets).unwrap_err();
        assert!(error.contains(what) && error.contains("by quadrature"), "{error}");
    }
}

#[test]
fn outputs_are_as_many_as_the_net_must_have() {
    for (likelihood, output, targets) in all() {
        let targets = targets.shape().unwrap().get(1).copied().unwrap_or(4);
        assert_eq!(likelihood.outputs(targets), output.shape().unwrap()[1], "{likelihood:?}");
    }
}

#[test]
fn a_likelihood_of_single_precision_nets() {
    for (likelihood, output, targets) in all() {
        let single = output.cast(DType::F32);
        let pass = Pass::new(likelihood.as_ref(), &Key::from_seed(1));
        let made = likelihood.distribution(&single, &pass);
        match made {
            Ok(made) => assert_eq!(made.dtype().unwrap(), DType::F32, "{likelihood:?}"),
            // The function's own variable is of `f64`.
            Err(error) => assert!(format!("{likelihood:?}").contains("FromFn"), "{error}"),
        }
        drop(targets);
    }
}

#[test]
fn densities_by_hand() {
    let density = |likelihood: &dyn Likelihood, output: Tensor, targets: Tensor| {
        let pass = Pass::new(likelihood, &Key::from_seed(1));
        let made = likelihood.distribution(&output, &pass).unwrap();
        likelihood.log_prob(made.as_ref(), &targets).unwrap().to_vec::<f64>().unwrap()
    };
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-13, "{a} {b}");
    let root = (2.0 * std::f64::consts::PI).sqrt();
    // loc 0.5 and scale softplus(-0.3) + 0.001.
    let given = density(
        &HeteroscedasticNormal::new(),
        tensor(&[0.5, -0.3], &[1, 2]),
        tensor(&[1.2], &[1, 1]),
    );
    let scale = (-0.3_f64).exp().ln_1p() + 1e-3;
    close(given[0], -0.5 * (0.7 / scale).powi(2) - (scale * root).ln());
    // Two components: logits, locs, scales.
    let output = tensor(&[0.0, 3.0_f64.ln(), -1.0, 1.0, 0.0, 1.0], &[1, 6]);
    let given =
        density(&MixtureDensity::new(2).unwrap().min_scale(0.0), output, tensor(&[0.4], &[1, 1]));
    let normal = |loc: f64, raw: f64| {
        let scale = raw.exp().ln_1p();
        (-0.5 * ((0.4 - loc) / scale).powi(2)).exp() / (scale * root)
    };
    close(given[0], (0.25 * normal(-1.0, 0.0) + 0.75 * normal(1.0, 1.0)).ln());
    // Mean e^1 and total_count 2: p = mean / (mean + 2).
    let given = density(
        &NegativeBinomial::with_total_count(2.0),
        tensor(&[1.0], &[1, 1]),
        tensor(&[3.0], &[1, 1]),
    );
    let p = 1.0_f64.exp() / (1.0_f64.exp() + 2.0);
    close(given[0], 4.0_f64.ln() + 2.0 * (1.0 - p).ln() + 3.0 * p.ln());
    // A mixed row: the average of the log-probabilities; an impossible class without a share is none.
    let logits = tensor(&[0.0, 2.0_f64.ln(), f64::NEG_INFINITY], &[1, 3]);
    let given = density(&OneHotCategorical::new(), logits, tensor(&[0.25, 0.75, 0.0], &[1, 3]));
    close(given[0], 0.25 * (1.0_f64 / 3.0).ln() + 0.75 * (2.0_f64 / 3.0).ln());
    // What is no number stays none.
    let nan = Variable::new("logits", tensor(&[f64::NAN, 0.0], &[1, 2])).unwrap();
    let likelihood = OneHotCategorical::new();
    let pass = Pass::new(&likelihood, &Key::from_seed(1));
    assert!(likelihood.distribution(&nan.tensor(), &pass).is_err());
    let made = distributions::OneHotCategorical::from_logits(&nan).unwrap();
    let given = likelihood.log_prob(&made, &tensor(&[1.0, 0.0], &[1, 2])).unwrap();
    assert!(given.to_vec::<f64>().unwrap()[0].is_nan());
    // In other units: the density of 3 + 0.5·z.
    let standard = Normal::with_noise(Noise::given(0.2));
    let given =
        density(&Affine::new(standard, 3.0, 0.5), tensor(&[1.0], &[1, 1]), tensor(&[3.6], &[1, 1]));
    close(given[0], -0.5 * ((3.6 - 3.5) / 0.1_f64).powi(2) - (0.1 * root).ln());
}

fn model(likelihood: impl Likelihood + tfn_module::DeepCopy) -> Model {
    let layer = Local::builder(3, 2).dtype(DType::F64).seed(4).build().unwrap();
    Sequential::of(layer).with_likelihood(likelihood)
}

#[test]
fn targets_are_never_broadcast() {
    let layer = Local::builder(3, 1).dtype(DType::F64).seed(4).build().unwrap();
    let one = Sequential::of(layer).with_likelihood(Normal::new().unwrap());
    let x = numbers(&[4, 3]);
    let made = one.call_at(&x, &Key::from_seed(1)).unwrap();
    let [flat, column] = [vec![4], vec![4, 1]]
        .map(|shape| one.log_prob(made.as_ref(), &Tensor::ones(&shape, DType::F64)).unwrap());
    assert_eq!(flat.shape().unwrap(), [4]);
    assert_eq!(flat.to_vec::<f64>().unwrap(), column.to_vec::<f64>().unwrap());
    for shape in [vec![], vec![1], vec![3], vec![1, 4], vec![4, 4], vec![4, 2]] {
        let error = one.log_prob(made.as_ref(), &Tensor::ones(&shape, DType::F64)).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(&format!("has shape {shape:?}, expected [4, 1]")), "{text}");
    }
    let two = model(Normal::new().unwrap());
    let made = two.call_at(&x, &Key::from_seed(1)).unwrap();
    for shape in [vec![2], vec![4], vec![4, 1], vec![8]] {
        assert!(two.log_prob(made.as_ref(), &Tensor::ones(&shape, DType::F64)).is_err());
    }
}

#[test]
fn targets_that_cannot_be_are_named_by_row() {
    let check = |likelihood: &dyn Likelihood, bad: f64| {
        likelihood.check_targets(&tensor(&[1.0, 1.0, bad], &[3])).unwrap_err().to_string()
    };
    let nan = check(&Normal::new().unwrap(), f64::NAN);
    assert!(nan.contains("`targets` is NaN in row 2, expected a finite number"), "{nan}");
    assert!(check(&Poisson::new(), -1.0).contains("is -1 in row 2, expected a whole number"));
    assert!(check(&NegativeBinomial::new().unwrap(), 0.5).contains("is 0.5 in row 2"));
    assert!(check(&LogNormal::new().unwrap(), 0.0).contains("expected a positive finite number"));
    assert!(check(&Bernoulli::new(), 2.0).contains("expected 0 or 1"));
    assert!(check(&Categorical::new(), 1.5).contains("expected a label"));
    assert!(check(&StudentT::new().unwrap(), f64::INFINITY).contains("is inf in row 2"));
    // 1 is -4 in standard units.
    let scaled = Affine::new(Poisson::new(), 3.0, 0.5);
    assert!(scaled.check_targets(&tensor(&[1.0], &[1])).is_err());
    let shares = tensor(&[0.5, 0.5, 0.5, 0.6], &[2, 2]);
    let error = OneHotCategorical::new().check_targets(&shares).unwrap_err().to_string();
    assert!(error.contains("is 1.1 in row 1, expected shares"), "{error}");
    let labels = Categorical::new();
    let made = labels.distribution(&numbers(&[2, 3]), &Pass::new(&labels, &Key::from_seed(1)));
    let error = labels.log_prob(made.unwrap().as_ref(), &tensor(&[1.0, 3.0], &[2])).unwrap_err();
    assert!(error.to_string().contains("is 3 in row 1, expected a label below"), "{error}");
}

#[test]
fn a_copy_learns_noise_of_its_own() {
    for noise in
        [Noise::learned().unwrap(), Noise::learned().unwrap().with_posterior(0.0, 1.0).unwrap()]
    {
        let model = model(Normal::with_noise(noise));
        let copy = deep_copy(&model).unwrap();
        let (x, key) = (numbers(&[4, 3]), Key::from_seed(2));
        let scale = |model: &Model| {
            model.call_at(&x, &key).unwrap().stddev().unwrap().to_vec::<f64>().unwrap()
        };
        let before = scale(&model);
        assert_eq!(scale(&copy), before);
        for variable in copy.head().trainable_variables() {
            variable.assign(&(variable.value() + 1.0)).unwrap();
        }
        assert_ne!(scale(&copy), before);
        assert_eq!(scale(&model), before);
    }
}

#[test]
fn noise_with_a_posterior_has_its_losses_and_its_draws() {
    let noise = Noise::starting_at(&[0.5, 2.0]).unwrap().with_posterior(0.3, 0.7).unwrap();
    let model = model(Normal::with_noise(noise));
    let key = Key::from_seed(9);
    // KL of N(ln s, 0.1²) from N(0.3, 0.7²), for both scales.
    let by_hand: f64 = [0.5_f64.ln(), 2.0_f64.ln()]
        .iter()
        .map(|loc| (0.7_f64 / 0.1).ln() + (0.01 + (loc - 0.3) * (loc - 0.3)) / (2.0 * 0.49) - 0.5)
        .sum();
    let losses = model.losses_at(&key).unwrap().item().unwrap();
    let of_net = model.net().losses_at(&key).unwrap().item().unwrap();
    assert!((losses - of_net - by_hand).abs() < 1e-12, "{losses} {of_net} {by_hand}");
    assert!(matches!(model.losses(), Err(LayerError::In { .. })), "not called yet");
    model.call(&numbers(&[4, 3])).unwrap();
    assert!(
        model.losses().unwrap().item().unwrap() > model.net().losses().unwrap().item().unwrap()
    );
    // A draw of its own for each key, the same for all rows, and together as each.
    let keys = [key.index(0), key.index(1), key.index(2)];
    let x = numbers(&[4, 3]);
    let outputs = model.net().prepare(&x)(&keys).unwrap();
    let together = model.distributions(&outputs, &keys).unwrap();
    assert_eq!(together.len(), 1);
    let scales = together[0].stddev().unwrap();
    assert_eq!(scales.shape().unwrap(), [3, 4, 2]);
    let scales = scales.to_vec::<f64>().unwrap();
    assert!(scales[0] == scales[2] && scales[0] != scales[8] && scales[8] != scales[16]);
    for (draw, key) in keys.iter().enumerate() {
        let alone = model.call_at(&x, key).unwrap().stddev().unwrap().to_vec::<f64>().unwrap();
        assert_eq!(alone, scales[8 * draw..8 * (draw + 1)]);
    }
    let seen = |keys: &[Key]| {
        let closure =
            Sequential::of(Local::builder(3, 2).dtype(DType::F64).seed(4).build().unwrap())
                .with_head(|y| distributions::Normal::new(y, 1.0));
        closure
            .distributions(&outputs, keys)
            .unwrap()
            .iter()
            .map(|d| d.batch_shape().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(seen(&keys), vec![vec![4, 2]; 3], "no function of a user sees the axis of draws");
}

#[test]
fn outputs_that_cannot_be_shared_out_are_errors() {
    let likelihood = HeteroscedasticNormal::new();
    let pass = Pass::new(&likelihood, &Key::from_seed(1));
    let error = likelihood.distribution(&numbers(&[2, 3]), &pass).unwrap_err().to_string();
    assert!(error.contains("has shape [2, 3], expected [.., outputs] with 2 outputs"), "{error}");
    assert!(MixtureDensity::new(0).is_err() && Noise::starting_at(&[]).is_err());
    assert!(Noise::starting_at(&[0.5, -1.0]).is_err());
    assert!(Noise::learned().unwrap().with_posterior(0.0, -1.0).is_err());
}
