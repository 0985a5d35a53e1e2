//! Every family and bijector comes back from a file that describes it: the same class, variables and bits.

use std::collections::BTreeSet;
use std::sync::Arc;

use tfn_distributions::bijectors::{
    Bijector, Chain, Exp, IntoBijector, MaskedAutoregressive, Scale, Shift, Softplus,
};
use tfn_distributions::describe;
use tfn_distributions::module::describe::{DescribeError, FileReader, FileWriter, Registry};
use tfn_distributions::module::{Module, ModuleError};
use tfn_distributions::tensor::{DType, Key, Stream, Tensor, Variable};
use tfn_distributions::{
    Binomial, Categorical, Distribution, ExpRelaxedOneHotCategorical, Exponential, Geometric,
    HalfCauchy, HalfStudentT, Horseshoe, Independent, InverseGamma, JointDistributionNamed,
    JointDistributionSequential, JointPart, Laplace, LogUniform, Masked, MatrixNormal, Mixture,
    Multinomial, MultivariateNormalDiagPlusLowRank, NegativeBinomial, Normal, Poisson,
    RelaxedOneHotCategorical, Sample, TransformedDistribution, TransformedVariable,
    TruncatedNormal, Weibull,
};

use super::FAMILIES;
use super::bijectors::{BIJECTORS, Network, draw};
use super::draws::Draws;

fn registry() -> Registry {
    let mut registry = Registry::new();
    describe::register(&mut registry);
    describe::add_network::<Network>(&mut registry);
    registry
}

fn numbers() -> Vec<f64> {
    (0..24)
        .map(|i| f64::from(i * 7 % 24) / 6.0 - 2.0 + 1.0 / 3.0)
        .map(|x| x.clamp(-2.0, 2.0))
        .collect()
}

fn bits(tensor: &Tensor) -> Vec<u64> {
    tensor.to_f64_vec().unwrap().iter().map(|x| x.to_bits()).collect()
}

fn variables(of: &(impl Module + ?Sized)) -> Vec<(String, bool, Vec<u64>)> {
    let one = |v: &Variable| (v.name().to_owned(), v.is_trainable(), bits(&v.value()));
    of.variables().iter().map(one).collect()
}

/// All answers of both, as bits or as words.
fn answers(d: &dyn Distribution, x: &[Tensor]) -> Vec<String> {
    let tensors = [d.log_prob_parts(x), d.mean(), d.variance(), d.entropy(), d.mode()];
    let said = |answer: Result<Tensor, _>| match answer {
        Ok(tensor) => format!("{:?}", bits(&tensor)),
        Err(error) => format!("{error}"),
    };
    let shapes = format!("{:?} {:?} {:?}", d.batch_shape(), d.event_shape(), d.dtype());
    tensors.into_iter().map(said).chain([shapes, d.validate_args().to_string()]).collect()
}

fn comes_back(name: &str, made: &Arc<dyn Distribution>, seen: &mut BTreeSet<String>) {
    let registry = registry();
    for variable in made.variables().iter().skip(1) {
        variable.set_trainable(false);
    }
    let bytes = FileWriter::new(&registry).add(name, made).unwrap().to_bytes().unwrap();
    let mut file = FileReader::from_bytes(&bytes, &registry).unwrap();
    let same: Arc<dyn Distribution> = file.take(name).unwrap();
    assert_eq!(same.family(), made.family());
    assert_eq!(variables(same.as_ref()), variables(made.as_ref()), "{name}");
    assert!(same.variables().iter().all(|v| !made.variables().contains(v)), "{name}");
    let draw = |d: &Arc<dyn Distribution>| d.sample_parts(&[3], &Key::from_seed(1));
    let x = match (draw(made), draw(&same)) {
        (Ok(x), Ok(y)) => {
            let [a, b] = [&x, &y].map(|parts| parts.iter().map(bits).collect::<Vec<_>>());
            assert_eq!(a, b, "{name}");
            x
        }
        _ => vec![Tensor::scalar_of(0.3, made.dtype().unwrap())],
    };
    let x: Vec<Tensor> = x.iter().map(Tensor::detach).collect();
    assert_eq!(answers(same.as_ref(), &x), answers(made.as_ref(), &x), "{name}");
    let again = FileWriter::new(&registry).add(name, &same).unwrap().to_bytes().unwrap();
    assert_eq!(again, bytes, "{name}");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    seen.extend(
        registry
            .classes()
            .into_iter()
            .filter(|class| text.contains(&format!("{class}\\\"")))
            .map(str::to_owned),
    );
}

/// Those of which the tables have none, or none of constants.
fn others() -> Vec<Arc<dyn Distribution>> {
    let of = |values: &[f64], shape: &[usize]| Tensor::from_f64(values, shape, DType::F64);
    let simplex = || of(&[0.25, 0.25, 0.5], &[3]);
    let through = Chain::new([Exp::new().into(), Shift::new(-0.1).unwrap().into()]);
    let tril = of(&[1.0, 0.0, 0.3, 0.7], &[2, 2]);
    let loc = Variable::new("loc", of(&[0.1, 0.2], &[2])).unwrap();
    let scale = TransformedVariable::new(&of(&[0.5, 2.0], &[2]), Softplus::new(), "scale").unwrap();
    let shared = Normal::new(&loc, &scale).unwrap();
    let weights = || Categorical::from_probs(simplex()).unwrap();
    let components: [Arc<dyn Distribution>; 3] = [
        Exponential::new(0.1_f64).unwrap().into(),
        Weibull::new(1.1, 0.3).unwrap().into(),
        InverseGamma::new(3.0, 0.7).unwrap().into(),
    ];
    vec![
        Normal::new(0.1, 1.0 / 3.0).unwrap().with_validate_args(true).into(),
        Normal::new(0.1_f32, 1.0_f32 / 3.0).unwrap().into(),
        Normal::new(Tensor::scalar(0.1_f32), 0.3).unwrap().into(),
        Binomial::from_probs(5.0, of(&[0.1, 0.9], &[2])).unwrap().into(),
        Categorical::from_logits(of(&[0.0, f64::NEG_INFINITY], &[2])).unwrap().into(),
        ExpRelaxedOneHotCategorical::from_probs(0.7, simplex()).unwrap().into(),
        RelaxedOneHotCategorical::from_logits(0.7, simplex()).unwrap().into(),
        Geometric::from_logits(0.3).unwrap().into(),
        HalfCauchy::new(0.1, 0.7).unwrap().into(),
        HalfStudentT::new(4.1, 0.1, 0.7).unwrap().into(),
        Horseshoe::new(0.1).unwrap().into(),
        LogUniform::new(DType::F32).into(),
        MatrixNormal::new(of(&[0.0, 1.0], &[2, 1]), tril.clone(), of(&[0.7], &[1, 1]))
            .unwrap()
            .into(),
        Multinomial::from_logits(4.0, simplex()).unwrap().into(),
        NegativeBinomial::from_probs(2.5, 0.3).unwrap().into(),
        Poisson::new(2.1).unwrap().into(),
        TruncatedNormal::new(0.1, 0.7, -1.0, 2.0).unwrap().into(),
        MultivariateNormalDiagPlusLowRank::new(
            of(&[0.0, 0.1], &[2]),
            of(&[1.0, 0.7], &[2]),
            of(&[0.3, -0.2], &[2, 1]),
        )
        .unwrap()
        .with_scale_perturb_diag(of(&[0.3], &[1]))
        .unwrap()
        .into(),
        Mixture::new(weights(), components).unwrap().into(),
        Masked::new(shared.clone(), of(&[1.0, 0.0], &[2])).unwrap().into(),
        TransformedDistribution::new(shared.clone(), through).unwrap().into(),
        JointDistributionSequential::new([
            Independent::new(shared.clone(), 1).unwrap().into(),
            Sample::new(Laplace::new(0.0, 1.0).unwrap(), &[2, 3]).unwrap().into(),
        ])
        .unwrap()
        .into(),
        // Two parts that read the same variables.
        JointDistributionNamed::new([
            ("b", JointPart::from(shared.clone())),
            ("a", Laplace::new(&loc, &scale).unwrap().into()),
        ])
        .unwrap()
        .into(),
    ]
}

#[test]
fn every_family_comes_back_from_a_file() {
    let mut seen = BTreeSet::new();
    for (name, make) in FAMILIES.iter().copied().flatten() {
        for dtype in [DType::F32, DType::F64] {
            let made = make(&mut Draws::new(&numbers(), dtype)).unwrap();
            // That of the tables has a function of its own.
            if !name.contains("Masked") {
                comes_back(name, &made, &mut seen);
            }
        }
    }
    for made in others() {
        comes_back(made.family(), &made, &mut seen);
    }
    let registry = registry();
    let families = registry.classes().into_iter().filter(|class| class.contains(".distributions."));
    let left: Vec<&str> = families.filter(|class| !seen.contains(*class)).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn every_bijector_comes_back_from_a_file() {
    let (registry, numbers) = (registry(), numbers());
    for line in BIJECTORS {
        for dtype in [DType::F32, DType::F64] {
            let (x, bijector) = draw(line, &numbers, dtype).unwrap();
            let bytes = FileWriter::new(&registry).add("f", &bijector).unwrap().to_bytes().unwrap();
            let same: Arc<dyn Bijector> =
                FileReader::from_bytes(&bytes, &registry).unwrap().take("f").unwrap();
            assert_eq!(same.class_name(), bijector.class_name());
            assert_eq!(variables(same.as_ref()), variables(bijector.as_ref()), "{}", line.0);
            let [given, expected] = [&same, &bijector].map(|f| {
                let y = f.forward(&x);
                [f.inverse(&y), f.forward_log_det_jacobian(&x), y].map(|tensor| bits(&tensor))
            });
            assert_eq!(given, expected, "{}", line.0);
        }
    }
}

#[test]
fn variables_stay_shared_and_functions_are_refused() {
    let registry = registry();
    let loc = Variable::new("loc", Tensor::scalar(0.1)).unwrap();
    let scale = TransformedVariable::new(&Tensor::scalar(0.5), Softplus::new(), "scale").unwrap();
    let pair: Vec<Arc<dyn Distribution>> =
        vec![Normal::new(&loc, &scale).unwrap().into(), Laplace::new(&loc, &scale).unwrap().into()];
    let bytes = FileWriter::new(&registry).add("pair", &pair).unwrap().to_bytes().unwrap();
    let same: Vec<Arc<dyn Distribution>> =
        FileReader::from_bytes(&bytes, &registry).unwrap().take("pair").unwrap();
    let parameters = |d: &Arc<dyn Distribution>| -> Vec<_> {
        d.parameters().iter().map(|spec| spec.parameter.clone()).collect()
    };
    for (a, b) in parameters(&same[0]).iter().zip(parameters(&same[1])) {
        assert!(a.is_same(&b));
    }
    let refused = |d: Arc<dyn Distribution>| match FileWriter::new(&registry).add("d", &d) {
        Err(ModuleError::Describe(error)) => *error,
        _ => unreachable!(),
    };
    let given = JointPart::given((), |(), earlier| Normal::new(earlier.at(0)?, 1.0));
    let parts = [Normal::new(0.0, 1.0).unwrap().into(), given];
    let error = refused(JointDistributionSequential::from_parts(parts).unwrap().into());
    assert!(
        matches!(&error, DescribeError::NotDescribed { path, .. } if path == "d/model/1"),
        "{error}"
    );
    let masked = Masked::new(Normal::new(0.0, 1.0).unwrap(), Tensor::scalar(1.0)).unwrap();
    let error = refused(masked.with_safe_sample_fn(|d| d.mode()).into());
    assert!(
        matches!(&error, DescribeError::Unnamed { path, .. } if path == "d/safe_sample_fn"),
        "{error}"
    );
    let flow = MaskedAutoregressive::from_fn(|y| Ok((y * 0.0, Tensor::scalar(0.0))));
    let normal = Normal::new(Tensor::zeros(&[2], DType::F64), 1.0).unwrap();
    let error = refused(
        TransformedDistribution::new(Independent::new(normal, 1).unwrap(), flow).unwrap().into(),
    );
    assert!(
        matches!(&error, DescribeError::NotDescribed { path, .. } if path == "d/bijector/network"),
        "{error}"
    );
    let tracked = Normal::new(loc.tensor() * 2.0, 1.0).unwrap();
    assert!(matches!(refused(tracked.into()), DescribeError::Tracked { .. }));
}

/// The file of `made`, with each `from` in its description as `to`, which is as long.
fn forged(made: &Arc<dyn Distribution>, from: &str, to: &str) -> String {
    let registry = registry();
    let bytes = FileWriter::new(&registry).add("d", made).unwrap().to_bytes().unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header = std::str::from_utf8(&bytes[8..8 + length]).unwrap();
    assert!(header.contains(from), "{header}");
    let header = header.replace(from, to);
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(&bytes[8 + length..]);
    match FileReader::from_bytes(&file, &registry) {
        Ok(_) => "read".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn absurd_sizes_are_errors() {
    let normal = || Normal::new(0.0, 1.0).unwrap();
    let sample = |shape: &[usize]| Sample::new(normal(), shape).unwrap();
    let error =
        forged(&sample(&[3, 5]).into(), "[3,5]", "[1152921504606846976,1152921504606846976]");
    assert!(error.contains("expected at most"), "{error}");
    let error = forged(&sample(&[3, 5]).into(), "[3,5]", "[1152921504606846976,0]");
    assert!(error.contains("expected at most"), "{error}");
    let nested: Arc<dyn Distribution> = Sample::new(sample(&[7]), &[7]).unwrap().into();
    let error = forged(&nested, "[7]", "[1048577]");
    assert!(error.contains("expected at most"), "{error}");
    let through = TransformedDistribution::new(sample(&[7]), Exp::new()).unwrap();
    let error = forged(&through.into(), "[7]", "[1048577]");
    assert!(error.contains("expected at most 1048576 entries"), "{error}");
    let wide = tfn_distributions::BatchReshape::new(
        Normal::new(Tensor::ones(&[6], DType::F64), 1.0).unwrap(),
        &[2, 3],
    );
    let error = forged(&wide.unwrap().into(), "[2,3]", "[4294967296,4294967296]");
    assert!(error.contains("expected at most"), "{error}");
    let error = forged(
        &Independent::new(normal(), 0).unwrap().into(),
        "ndims\\\":0",
        "ndims\\\":18446744073709551615",
    );
    assert!(error.contains("Independent"), "{error}");
    // A column and a row of a file's size would be a square of that size.
    let n = 2000;
    let column = Variable::new("x", Tensor::ones(&[n, 1], DType::F64)).unwrap();
    let row: Arc<dyn Bijector> =
        Scale::new(Tensor::full(&[n, 1], 2.0, DType::F64)).unwrap().into_bijector();
    let made: Arc<dyn Distribution> =
        Normal::new(TransformedVariable::from_variable(column, row).unwrap(), 1.0).unwrap().into();
    let shape = format!("\"dtype\":\"F64\",\"shape\":[{n},1],\"data_offsets\":[0");
    let error =
        forged(&made, &shape, &format!("\"dtype\":\"F64\",\"shape\":[1,{n}],\"data_offsets\":[0"));
    assert!(error.contains("`parameters` has shape [2000, 2000], expected at most"), "{error}");
}

/// The file with one number of its description as another.
fn with_other_number(bytes: &[u8], stream: &mut Stream) -> Vec<u8> {
    const NUMBERS: [&str; 14] = [
        "0",
        "1",
        "2",
        "3",
        "7",
        "63",
        "2147483648",
        "1152921504606846976",
        "9223372036854775807",
        "18446744073709551615",
        "-1",
        "-9223372036854775808",
        "1e308",
        "0.5",
    ];
    let mut below = |count: usize| (stream.next_u64() % count as u64) as usize;
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header = std::str::from_utf8(&bytes[8..8 + length]).unwrap();
    let starts = |(at, _): &(usize, char)| {
        let is = |at: usize| header.as_bytes()[at].is_ascii_digit();
        is(*at) && !is(at - 1) && !header.as_bytes()[at - 1].is_ascii_alphanumeric()
    };
    let starts: Vec<usize> = header.char_indices().filter(starts).map(|(at, _)| at).collect();
    let mut header = header.to_owned();
    for _ in 0..=below(2) {
        let at = starts[below(starts.len())].min(header.len() - 1);
        let end = header[at..].find(|c: char| !c.is_ascii_digit()).map_or(at, |end| at + end);
        header.replace_range(at..end, NUMBERS[below(NUMBERS.len())]);
    }
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(&bytes[8 + length..]);
    file
}

#[test]
fn no_number_in_a_description_makes_it_panic() {
    let registry = registry();
    let mut stream = Stream::from_seed(1);
    let mut files: Vec<(bool, Vec<u8>)> = Vec::new();
    let tables = FAMILIES.iter().copied().flatten().filter(|(name, _)| !name.contains("Masked"));
    let of_tables = tables.map(|(_, make)| make(&mut Draws::new(&numbers(), DType::F64)).unwrap());
    for made in of_tables.chain(others()) {
        files
            .push((true, FileWriter::new(&registry).add("it", &made).unwrap().to_bytes().unwrap()));
    }
    for line in BIJECTORS {
        let (_, made) = draw(line, &numbers(), DType::F64).unwrap();
        files.push((
            false,
            FileWriter::new(&registry).add("it", &made).unwrap().to_bytes().unwrap(),
        ));
    }
    let mut read = 0;
    for (is_family, whole) in &files {
        for _ in 0..400 {
            let bytes = with_other_number(whole, &mut stream);
            let Ok(mut file) = FileReader::from_bytes(&bytes, &registry) else { continue };
            read += 1;
            if *is_family {
                let Ok(made) = file.take::<Arc<dyn Distribution>>("it") else { continue };
                let shapes = (made.batch_shape(), made.event_shape());
                let _ = (made.dtype(), made.check_values());
                // What is large when it is used is so whoever made it.
                let Ok(all) = shapes.0.and_then(|batch| Ok([batch, shapes.1?].concat())) else {
                    continue;
                };
                if all.iter().product::<usize>() < 1 << 20 {
                    let _ = made.log_prob(&Tensor::scalar(0.3));
                }
            } else if let Ok(made) = file.take::<Arc<dyn Bijector>>("it") {
                let _ = (made.forward_shape(&[2, 6]), made.inverse_shape(&[2, 6]));
                let _ = made.forward(&Tensor::ones(&[2, 6], DType::F64));
            }
        }
    }
    assert!(read > 1000, "{read}");
}
