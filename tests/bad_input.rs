//! Bad input: an error that names the argument, what was given and what is expected; never a panic, never a
//! silent NaN, and never a file or a module that has changed.

// The lint's exception for tests does not reach the functions that tests share.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fmt::Display;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use tfn::distributions::{
    Distribution, DistributionError, Independent, JointDistributionSequential, Laplace, Normal,
    OneHotCategorical, Sample, kl_divergence,
};
use tfn::module::{Module, ModuleError, Properties, checkpoint, module_name};
use tfn::train::data::idx::{Split, load_pair, read_images, read_labels};
use tfn::train::data::{Batches, Dataset};
use tfn::train::{Adam, Elbo, Fit};
use tfn::{
    Affine, AffineVariationalReparameterization as Shared,
    AffineVariationalReparameterizationLocal as Local, DType, KernelBiasSpec, Key, Lambda, Layer,
    Sequential, Tensor, Variable, initializers, likelihoods, load, losses, save,
};

/// The message of the error, which has all of `parts` in it.
#[track_caller]
fn refused<T, E: Display>(result: Result<T, E>, parts: &[&str]) -> String {
    let message = match result {
        Ok(_) => panic!("expected an error that says {parts:?}"),
        Err(error) => error.to_string(),
    };
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
    message
}

fn ones(shape: &[usize]) -> Tensor {
    Tensor::ones(shape, DType::F32)
}

fn local() -> Local {
    Local::builder(3, 2).seed(1).name("hidden").build().unwrap()
}

fn shared() -> Shared {
    Shared::builder(3, 2).seed(1).name("hidden").build().unwrap()
}

fn affine() -> Affine {
    Affine::builder(3, 2).seed(1).name("hidden").build().unwrap()
}

fn layers() -> [Arc<dyn Layer>; 3] {
    [Arc::new(local()), Arc::new(shared()), Arc::new(affine())]
}

// ---- inputs of layers ------------------------------------------------------------------------------

#[test]
fn a_wrong_inner_dimension() {
    let key = Key::from_seed(1);
    for layer in layers() {
        let net = Sequential::from_layers([layer]).unwrap().named("net").unwrap();
        let message = refused(net.call_at(&ones(&[4, 5]), &key), &["[4, 5]", "3"]);
        assert!(message.starts_with("net/layers/0/hidden: "), "{message}");
    }
    let parts = ["`x` has shape [4, 5], expected [.., batch, 3]"];
    refused(local().call(&ones(&[4, 5])), &parts);
    refused(shared().call(&ones(&[4, 5])), &parts);
    let parts = ["`x` has shape [4, 5], expected [.., 3]"];
    refused(affine().call(&ones(&[4, 5])), &parts);
    let wrong_type = local().call(&Tensor::ones(&[4, 3], DType::F64));
    refused(wrong_type, &["f64", "f32", "`cast` one of them"]);
}

#[test]
fn input_of_rank_one_where_a_batch_is_needed() {
    let parts = ["`x` has shape [3], expected [.., batch, 3]"];
    refused(local().call(&ones(&[3])), &parts);
    refused(shared().call(&ones(&[3])), &parts);
    // The plain layer takes one vector, as TFP's does, but no number.
    assert_eq!(affine().call(&ones(&[3])).unwrap().shape().unwrap(), [2]);
    for layer in layers() {
        assert!(layer.call_at(&ones(&[]), &Key::from_seed(1)).is_err());
    }
}

#[test]
fn an_empty_batch_gives_an_empty_result() {
    let key = Key::from_seed(1);
    for layer in layers() {
        let variables = layer.trainable_variables();
        let net = Sequential::from_layers([layer]).unwrap().then(Affine::new(2, 4).unwrap());
        for lead in [&[0][..], &[5, 0], &[0, 5]] {
            let y = net.call_at(&ones(&[lead, &[3]].concat()), &key).unwrap();
            assert_eq!(y.shape().unwrap(), [lead, &[4]].concat());
            let gradients = (y.sum() + net.losses_at(&key).unwrap()).gradients().unwrap();
            for variable in &variables {
                assert!(gradients.of(variable).all_finite().unwrap(), "{variable:?}");
            }
        }
    }
    let model = Sequential::of(local()).with_head(|logits| OneHotCategorical::from_logits(logits));
    let likelihood = model.call_at(&ones(&[0, 3]), &key).unwrap().log_prob(&ones(&[0, 2])).unwrap();
    assert_eq!(likelihood.shape().unwrap(), [0]);
    let loss = model.losses_at(&key).unwrap() - likelihood.sum();
    assert_eq!(loss.gradients().unwrap().len(), 4);
    // A mean over no rows would be NaN.
    let none = Elbo::new(10).unwrap().loss(&Tensor::zeros(&[0], DType::F32), &ones(&[]), 1.0);
    refused(none, &["`nll` has shape [0], expected [n] with n of at least 1"]);
}

#[test]
fn sizes_of_zero() {
    let message = |argument| format!("argument `{argument}` is 0, expected at least 1");
    for (sizes, argument) in [([0, 2], "input_size"), ([2, 0], "output_size")] {
        let [inputs, outputs] = sizes;
        refused(Local::new(inputs, outputs), &[&message(argument)]);
        refused(Shared::new(inputs, outputs), &[&message(argument)]);
        refused(Affine::new(inputs, outputs), &[&message(argument)]);
    }
    refused(Batches::new(3, 0), &["`size` is 0, expected a positive"]);
    let none = Dataset::new(ones(&[0, 2]), ones(&[0])).unwrap();
    refused(Fit::new(&none), &["`data` is 0, expected at least 1 row"]);
    refused(Sequential::from_layers([]), &["`layers` has 0 layers, expected at least 1"]);
}

#[test]
fn input_that_is_not_finite_under_validate_args() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let x = Tensor::from_vec(vec![0.0, 1.0, 2.0, 3.0, bad, bad], &[2, 3]);
        let parts = [
            "hidden: ",
            "argument `x` has 2 entries that are not finite",
            &format!("the first {bad} at flat index 4"),
        ];
        let local = Local::builder(3, 2).name("hidden").validate_args(true).build().unwrap();
        refused(local.call(&x), &parts);
        let shared = Shared::builder(3, 2).name("hidden").validate_args(true).build().unwrap();
        refused(shared.call(&x), &parts);
        assert!(local.call(&ones(&[2, 3])).unwrap().all_finite().unwrap());
    }
}

#[test]
fn a_loss_that_is_not_finite_ends_training() {
    // 0 / 0, which no look at the data finds.
    let net = || Sequential::of(Lambda::new("nan", |x| x / x).unwrap()).then(local());
    let x = Tensor::zeros(&[2, 3], DType::F32);
    let data = Dataset::new(x, Tensor::zeros(&[2], DType::F32).one_hot(2)).unwrap();
    let one_hot = net().with_head(|logits| OneHotCategorical::from_logits(logits));
    let normal = net().with_head(|loc| Normal::new(loc * 1.0, Tensor::scalar(1.0_f32)));
    let latent = Variable::new("loc", Tensor::zeros(&[2, 2], DType::F32)).unwrap();
    let late = net().with_likelihood(likelihoods::from_fn(latent, |latent, y| {
        latent.assign(&y.detach())?;
        Normal::new(latent.clone(), 1.0)
    }));
    for (model, words) in [
        (one_hot, "argument `logits` is NaN at entry 0 (4 such entries), expected numbers"),
        (normal, "argument `loc` is NaN at entry 0 (4 such entries), expected finite numbers"),
        (late, "step 0: negative log-likelihood is NaN, expected a finite number"),
    ] {
        // The state of the last head is what that head changes.
        let before = values(model.net().as_ref());
        let fit = Fit::new(&data).unwrap().epochs(1);
        let run = fit.run_model(&model, &mut Adam::new(1e-3).unwrap(), ());
        refused(run, &[words]);
        assert_eq!(values(model.net().as_ref()), before);
    }
}

// ---- weights of layers -----------------------------------------------------------------------------

type Part = Result<Arc<dyn Distribution>, DistributionError>;
type Joint = Result<JointDistributionSequential, DistributionError>;

/// Normals whose location and scale are variables.
fn normals(shape: &[usize], scale: f64) -> Part {
    let loc = Variable::new("loc", Tensor::zeros(shape, DType::F32))?;
    let scale = Variable::new("scale", Tensor::full(shape, scale, DType::F32))?;
    Ok(Arc::new(Independent::new(Normal::new(loc, scale)?, shape.len())?))
}

fn standard_normal(spec: &KernelBiasSpec) -> Joint {
    let part = |shape: &[usize]| -> Part {
        Ok(Arc::new(Sample::new(Normal::new(0.0_f32, 1.0_f32)?, shape)?))
    };
    JointDistributionSequential::new([part(&spec.kernel_shape)?, part(&spec.bias_shape)?])
}

#[test]
fn a_scale_that_is_not_positive() {
    for bad in [0.0, -0.5, f64::NAN, f64::INFINITY] {
        let parts = ["Normal: argument `scale` is", &format!("{bad}"), "expected finite positive"];
        refused(Normal::new(0.0, bad), &parts);
        refused(
            Normal::new(0.0, Tensor::from_vec(vec![1.0, bad], &[2])),
            &[&parts[..], &["entry 1"]].concat(),
        );
    }
    // As the scale of a posterior: a number is refused when the layer is built ...
    let fixed = Local::builder(3, 2).make_posterior_fn(|spec| -> Joint {
        let part = |shape: &[usize]| -> Part {
            let scale = Tensor::full(shape, -1.0, DType::F32);
            let normal = Normal::new(Tensor::zeros(shape, DType::F32), scale)?;
            Ok(Arc::new(Independent::new(normal, shape.len())?))
        };
        JointDistributionSequential::new([part(&spec.kernel_shape)?, part(&spec.bias_shape)?])
    });
    refused(
        fixed.build(),
        &["`scale` is -1 at entry 0 (6 such entries), expected finite positive"],
    );
    // ... and a variable, which can change, at each call under `validate_args`.
    for (kernel, bias, argument) in [(-1.0, 1.0, "kernel"), (1.0, 0.0, "bias")] {
        let layer = Local::builder(3, 2)
            .make_posterior_fn(move |spec| -> Joint {
                let parts = [normals(&spec.kernel_shape, 1.0)?, normals(&spec.bias_shape, 1.0)?];
                JointDistributionSequential::new(parts)
            })
            .validate_args(true)
            .build()
            .unwrap();
        assert!(layer.call(&ones(&[1, 3])).unwrap().all_finite().unwrap());
        for variable in layer.variables() {
            let scale = if variable.shape().len() == 2 { kernel } else { bias };
            if variable.name() == "scale" {
                variable.assign(&Tensor::full(variable.shape(), scale, DType::F32)).unwrap();
            }
        }
        let parts = [
            &format!("argument `scale of the {argument} posterior` has"),
            "entries that are not positive and finite, the first",
        ];
        refused(layer.call(&ones(&[1, 3])), &parts.map(|part| part as &str));
    }
}

#[test]
fn a_posterior_or_prior_of_the_wrong_event_shape() {
    let transposed = |spec: &KernelBiasSpec| -> Joint {
        let [inputs, outputs] = [spec.kernel_shape[0], spec.kernel_shape[1]];
        JointDistributionSequential::new([
            normals(&[outputs, inputs], 1.0)?,
            normals(&spec.bias_shape, 1.0)?,
        ])
    };
    let wide = |spec: &KernelBiasSpec| -> Joint {
        JointDistributionSequential::new([normals(&spec.kernel_shape, 1.0)?, normals(&[7], 1.0)?])
    };
    let kernel =
        "kernel of `make_posterior_fn` has shape [2, 3] (batch and event), expected [3, 2]";
    refused(Local::builder(3, 2).make_posterior_fn(transposed).build(), &[kernel]);
    refused(Shared::builder(3, 2).make_posterior_fn(transposed).build(), &[kernel]);
    let bias = "bias of `make_posterior_fn` has shape [7] (batch and event), expected [2]";
    refused(Local::builder(3, 2).make_posterior_fn(wide).build(), &[bias]);
    let prior = "bias of `make_prior_fn` has shape [7] (batch and event), expected [2]";
    refused(Local::builder(3, 2).make_prior_fn(wide).build(), &[prior]);
}

#[test]
fn posterior_and_prior_of_different_structure() {
    let alone = |spec: &KernelBiasSpec| normals(&spec.kernel_shape, 1.0);
    let parts = ["`make_posterior_fn` gave 1 parts and `make_prior_fn` 2, expected as many"];
    refused(Local::builder(3, 2).make_posterior_fn(alone).build(), &parts);
    refused(Shared::builder(3, 2).make_posterior_fn(alone).build(), &parts);
    let parts = ["`make_posterior_fn` gave 2 parts and `make_prior_fn` 1, expected as many"];
    refused(Local::builder(3, 2).make_prior_fn(alone).build(), &parts);
    // The divergences by themselves.
    let spec = KernelBiasSpec::new(&[3, 2], &[2]);
    let (joint, kernel) = (standard_normal(&spec).unwrap(), alone(&spec).unwrap());
    let value = vec![Tensor::zeros(&[3, 2], DType::F32)].into();
    for divergence in [losses::kl_divergence_exact, losses::kl_divergence_monte_carlo] {
        refused(
            divergence(kernel.as_ref(), &joint, &value),
            &["gave 1 parts", "2, expected as many"],
        );
    }
    refused(kl_divergence(kernel.as_ref(), &joint), &["1 and 2 parts"]);
}

#[test]
fn a_kernel_posterior_that_is_not_normal() {
    let laplace = |spec: &KernelBiasSpec| -> Joint {
        let part = |shape: &[usize]| -> Part {
            Ok(Arc::new(Sample::new(Laplace::new(0.0_f32, 1.0_f32)?, shape)?))
        };
        JointDistributionSequential::new([part(&spec.kernel_shape)?, part(&spec.bias_shape)?])
    };
    let parts = [
        "kernel posterior is Sample, expected one whose entries are independent normals",
        "the estimator `Reparameterization` takes any",
    ];
    refused(Local::builder(3, 2).make_posterior_fn(laplace).build(), &parts);
    let any = Shared::builder(3, 2).make_posterior_fn(laplace).build().unwrap();
    assert!(any.call(&ones(&[4, 3])).unwrap().all_finite().unwrap());
}

#[test]
fn a_pair_without_a_rule() {
    // The default prior is a mixture.
    let layer = Local::builder(3, 2).name("hidden").divergence(losses::kl_divergence_exact);
    let layer = layer.build().unwrap();
    layer.call(&ones(&[4, 3])).unwrap();
    let parts = [
        "hidden: no closed-form KL(Independent",
        "MixtureSameFamily",
        "tried ",
        "`estimate_kl`",
        "`KlDivergence`",
        "`register_kl`",
    ];
    refused(layer.losses(), &parts);
    refused(losses::compute_extra_loss(&layer, losses::kl_divergence_exact), &parts);
    let pair = kl_divergence(&Laplace::new(0.0, 1.0).unwrap(), &Normal::new(0.0, 1.0).unwrap());
    refused(pair, &["KL(Laplace || Normal)", "`estimate_kl`", "`register_kl`"]);
}

#[test]
fn a_name_that_modules_refuse() {
    for bad in ["", "1a", "é", "!!"] {
        let given = format!("argument `name` is {bad:?}, expected ASCII letters, digits and `_`");
        refused(module_name(bad), &[&given]);
        refused(Local::builder(1, 1).name(bad).build(), &[&given]);
        refused(Affine::builder(1, 1).name(bad).build(), &[&given]);
        refused(Sequential::of(local()).named(bad), &[&given]);
    }
    refused(module_name("a b"), &["`name` is \"a b\""]);
    // A layer mends what can be mended, as TFP's does.
    assert_eq!(Local::builder(1, 1).name("a b").build().unwrap().name(), "a_b");
}

// ---- files of images -------------------------------------------------------------------------------

/// An IDX file of unsigned bytes.
fn idx(sizes: &[u32], data: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, sizes.len() as u8];
    file.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
    file.extend(data);
    file
}

/// The same as a gzip stream of one stored block, without the checksum at its end.
fn gzip_without_end(data: &[u8]) -> Vec<u8> {
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 1];
    let len = data.len() as u16;
    file.extend(len.to_le_bytes());
    file.extend((!len).to_le_bytes());
    file.extend(data);
    file
}

/// Writes a file, and asserts that `read` refuses it in these words and leaves it as it is.
#[track_caller]
fn file_refused<T, E: Display>(
    content: &[u8],
    read: impl FnOnce(&Path) -> Result<T, E>,
    parts: &[&str],
) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, content).unwrap();
    let message = refused(read(&path), parts);
    assert!(message.contains(path.to_str().unwrap()), "no path in: {message}");
    assert!(fs::read(&path).unwrap() == content, "the file has changed");
}

#[test]
fn truncated_image_files() {
    let whole = idx(&[2, 3, 4], &[9; 24]);
    for (length, words) in [
        (0, "first 4 bytes of its header"),
        (3, "first 4 bytes of its header"),
        (4, "first 8 bytes of its header"),
        (15, "first 16 bytes of its header"),
        (16, "ends after 0 bytes of data, expected 24"),
        (17, "ends after 1 bytes of data, expected 24"),
        (39, "ends after 23 bytes of data, expected 24"),
    ] {
        file_refused(&whole[..length], |path| read_images(path), &[words]);
    }
    let labels = idx(&[5], &[0, 1, 2, 3]);
    let words = "ends after 4 bytes of data, expected 5";
    file_refused(&labels, |path| read_labels(path, 10), &[words]);
    // A compressed file whose end is cut off: within its header, its data, its checksum.
    let compressed = gzip_without_end(&whole);
    for (length, words) in [
        (9, "first 4 bytes of its header"),
        (20, "first 8 bytes of its header"),
        (40, "ends after 9 bytes of data, expected 24"),
        (compressed.len(), "ends after 24 bytes"),
    ] {
        file_refused(&compressed[..length], |path| read_images(path), &[words]);
    }
}

#[test]
fn foreign_image_files() {
    let magic = "expected 0x00000803 (IDX, unsigned bytes)";
    for foreign in [&b"\x89PNG\r\n\x1a\n and so on"[..], b"{\"json\": true}", &[0xff; 64]] {
        file_refused(foreign, |path| read_images(path), &["begins with 0x", magic]);
    }
    file_refused(&idx(&[3], &[1; 3]), |path| read_images(path), &["has 1 dimensions, expected 3"]);
    let images = idx(&[1, 2, 2], &[1; 4]);
    file_refused(&images, |path| read_labels(path, 10), &["has 3 dimensions, expected 1"]);
    let long = idx(&[1, 2, 2], &[1; 5]);
    file_refused(&long, |path| read_images(path), &["more than the 4 bytes of data"]);
    let huge = idx(&[u32::MAX; 3], &[1; 5]);
    file_refused(&huge, |path| read_images(path), &["claims the size [4294967295, "]);
    let claims = idx(&[u32::MAX, 1, 1], &[1; 5]);
    file_refused(&claims, |path| read_images(path), &["ends after 5 bytes", "expected 4294967295"]);
    file_refused(
        &gzip_without_end(&[7; 40])[..30],
        |path| read_images(path),
        &["begins with 0x07"],
    );
    let broken = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 7, 7, 7, 7, 7, 7, 7, 7];
    file_refused(&broken, |path| read_images(path), &[]);
    refused(read_images("no such file"), &["no such file"]);
    let empty = tempfile::tempdir().unwrap();
    let none = load_pair(empty.path(), Split::Test, 10);
    refused(none, &["no such file, tried t10k-images-idx3-ubyte.gz, "]);
}

#[test]
fn labels_beyond_nine() {
    for bad in [10, 255] {
        let labels = idx(&[3], &[0, 9, bad]);
        let words = format!("label 2 is {bad}, expected less than 10");
        file_refused(&labels, |path| read_labels(path, 10), &[&words]);
    }
    let labels = Tensor::from_vec(vec![0.0_f32, 10.0], &[2]);
    let data = Dataset::new(ones(&[2, 3]), labels).unwrap();
    refused(
        data.one_hot(10),
        &["`targets` is 10 in row 1, expected a whole number from 0 to below 10"],
    );
    let folder = tempfile::tempdir().unwrap();
    write_set(folder.path(), &[2, 4, 4], &[1, 2, 3]);
    refused(load_pair(folder.path(), Split::Test, 10), &["holds 3 labels, expected 2"]);
}

/// The t10k pair of a set of images.
fn write_set(folder: &Path, images: &[u32], labels: &[u8]) {
    let pixels: u32 = images.iter().product();
    let content = idx(images, &vec![7; pixels as usize]);
    fs::write(folder.join("t10k-images-idx3-ubyte"), content).unwrap();
    let content = idx(&[labels.len() as u32], labels);
    fs::write(folder.join("t10k-labels-idx1-ubyte"), content).unwrap();
}

// ---- files of variables ----------------------------------------------------------------------------

/// The values of all variables, as bits.
fn values(module: &dyn Module) -> Vec<Vec<u64>> {
    let bits = |value: f64| value.to_bits();
    let values = |v: &Variable| v.value().to_f64_vec().unwrap().into_iter().map(bits).collect();
    module.variables().iter().map(values).collect()
}

#[test]
fn truncated_and_foreign_files_of_variables() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.safetensors");
    let net = Sequential::of(local()).then(affine());
    save(&net, &path).unwrap();
    let whole = fs::read(&path).unwrap();
    for variable in net.variables() {
        variable.assign(&(variable.value() + 1.0)).unwrap();
    }
    let before = values(&net);
    let read = |path: &Path| load(&net, path);
    let header = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    for length in [0, 1, 7, 8, 9, header - 1, header, header + 1, whole.len() - 1] {
        file_refused(&whole[..length], read, &["load: ", "is not a whole safetensors file: "]);
    }
    let longer = [&whole[..], b"x"].concat();
    let absurd = [&[0xff; 8][..], &whole[8..]].concat();
    let png = b"\x89PNG\r\n\x1a\n and so on";
    for foreign in [&longer[..], &absurd, png, b"{\"json\": true}", &idx(&[2, 2, 2], &[1; 8])] {
        file_refused(foreign, read, &["load: ", "is not a whole safetensors file: "]);
    }
    assert_eq!(values(&net), before);
    refused(load(&net, folder.path().join("none")), &["load: ", "none: "]);
    load(&net, &path).unwrap();
    assert_ne!(values(&net), before);
}

/// A module of any variables.
struct Named(Vec<(&'static str, Variable)>);

impl Module for Named {
    fn properties<'a>(&'a self, properties: &mut Properties<'a>) {
        for (name, variable) in &self.0 {
            properties.add(*name, variable);
        }
    }
}

#[test]
fn a_file_of_another_module_says_all_that_differs_and_changes_nothing() {
    let variable = |name: &'static str, shape: &[usize], dtype| {
        (name, Variable::new(name, Tensor::ones(shape, dtype)).unwrap())
    };
    let saved = Named(vec![
        variable("both", &[2], DType::F32),
        variable("shape", &[2, 3], DType::F32),
        variable("dtype", &[2], DType::F64),
        variable("extra_1", &[1], DType::F32),
        variable("extra_2", &[1], DType::F32),
    ]);
    let module = Named(vec![
        variable("both", &[2], DType::F32),
        variable("shape", &[3, 2], DType::F32),
        variable("dtype", &[2], DType::F32),
        variable("missing_1", &[1], DType::F32),
        variable("missing_2", &[1], DType::F32),
    ]);
    for (_, variable) in &module.0 {
        variable.assign(&(variable.value() * 5.0)).unwrap();
    }
    let before = values(&module);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("saved");
    save(&saved, &path).unwrap();
    let bytes = fs::read(&path).unwrap();
    let parts = [
        path.to_str().unwrap(),
        "does not fit the module, which is left as it was",
        "missing: `missing_1`",
        "missing: `missing_2`",
        "extra: `extra_1`",
        "extra: `extra_2`",
        "shape: `shape` is [2, 3], expected [3, 2]",
        "`dtype` is ",
    ];
    refused(load(&module, &path), &parts);
    assert_eq!(values(&module), before);
    assert!(fs::read(&path).unwrap() == bytes, "the file has changed");
    let Err(ModuleError::Mismatch(mismatch)) = load(&module, &path) else {
        panic!("expected a mismatch");
    };
    assert_eq!((mismatch.missing.len(), mismatch.extra.len()), (2, 2));
    assert_eq!((mismatch.shapes.len(), mismatch.dtypes.len()), (1, 1));
}

#[test]
fn a_save_that_cannot_be_done_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let taken = folder.path().join("taken");
    fs::create_dir(&taken).unwrap();
    refused(save(&local(), &taken), &["save: ", taken.to_str().unwrap()]);
    assert!(taken.is_dir());
    let nowhere = folder.path().join("none/net");
    refused(save(&local(), &nowhere), &["save: ", nowhere.to_str().unwrap()]);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(left, [taken]);
    // Two variables under one path would be one in the file.
    let one = |name| Variable::new(name, ones(&[1])).unwrap();
    let twice = Named(vec![("same", one("first")), ("same", one("second"))]);
    let path = folder.path().join("twice");
    refused(
        save(&twice, &path),
        &["save: path `same` leads to two variables, `first` and `second`"],
    );
    assert!(!path.exists());
}

/// A net whose file is larger than what the interrupted process below may write.
fn large(seed: u64) -> Affine {
    let builder = Affine::builder(300, 200).seed(seed);
    builder.kernel_initializer(initializers::he_normal()).build().unwrap()
}

/// The test starts itself as another process, which the system kills while it writes.
#[cfg(unix)]
#[test]
fn an_interrupted_save_leaves_the_former_file() {
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    const PATH: &str = "TFN_TEST_INTERRUPTED_SAVE";
    if let Some(path) = std::env::var_os(PATH) {
        save(&large(2), path).ok();
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net");
    save(&large(1), &path).unwrap();
    let former = fs::read(&path).unwrap();
    let killed = Command::new("sh")
        .args(["-c", "ulimit -c 0; ulimit -f 64; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "an_interrupted_save_leaves_the_former_file"])
        .env(PATH, &path)
        .output()
        .unwrap();
    assert!(killed.status.signal().is_some(), "{killed:?}");
    // What it had written stands beside the file, which is whole.
    let beside = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let beside: Vec<_> = beside.filter(|other| *other != path).collect();
    assert_eq!(beside.len(), 1, "the process died before or after it wrote");
    assert!(fs::metadata(&beside[0]).unwrap().len() < former.len() as u64);
    assert!(fs::read(&path).unwrap() == former, "the file has changed");
    let net = large(3);
    load(&net, &path).unwrap();
    assert_eq!(values(&net), values(&large(1)));
    let entries = checkpoint::inspect(&path).unwrap().entries;
    assert_eq!(entries.len(), 2);
}
