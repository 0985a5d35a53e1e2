//! Saving and loading: round trips, files that do not fit, files that are broken.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;

use tfn_module::checkpoint::{from_bytes, inspect, to_bytes};
use tfn_module::{
    DType, Module, ModuleError, Tensor, Variable, load, read_metadata, save, save_with,
};

#[derive(Module)]
struct Layer {
    kernel: Variable,
    bias: Option<Variable>,
}

#[derive(Module)]
struct Net {
    layers: Vec<Layer>,
    step: Variable,
}

fn variable(name: &str, shape: &[usize], start: f64, dtype: DType) -> Variable {
    let size: usize = shape.iter().product();
    let values: Vec<f64> = (0..size).map(|i| start + 0.1 * i as f64).collect();
    Variable::new(name, Tensor::from_f64(&values, shape, dtype)).unwrap()
}

fn net(start: f64) -> Net {
    let layer = |i: usize, dtype| Layer {
        kernel: variable("scope/kernel", &[i + 1, 3], start + i as f64, dtype),
        bias: (i > 0).then(|| variable("scope/bias", &[3], start - i as f64, dtype)),
    };
    Net {
        layers: vec![layer(0, DType::F32), layer(1, DType::F64), layer(2, DType::F32)],
        step: variable("step", &[], start, DType::F64).non_trainable(),
    }
}

fn values(net: &Net) -> Vec<Vec<f64>> {
    net.variables().iter().map(|v| v.value().to_f64_vec().unwrap()).collect()
}

fn no_metadata() -> BTreeMap<String, String> {
    BTreeMap::new()
}

#[test]
fn what_was_saved_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.safetensors");
    let (saved, loaded) = (net(1.5), net(-20.0));
    save(&saved, &path).unwrap();
    let before = loaded.variables();
    load(&loaded, &path).unwrap();
    assert_eq!(values(&loaded), values(&saved));
    assert_eq!(loaded.variables(), before, "the variables are the same cells");
    assert!(!loaded.step.is_trainable());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn odd_numbers_come_back_bit_by_bit() {
    let odd = [f64::NAN, f64::INFINITY, -0.0, f64::MIN_POSITIVE / 2.0, f64::MAX, 0.1];
    let make = |values: &[f64]| Layer {
        kernel: Variable::new("k", Tensor::from_slice(values, &[6])).unwrap(),
        bias: None,
    };
    let (saved, loaded) = (make(&odd), make(&[0.0; 6]));
    from_bytes(&loaded, &to_bytes(&saved, &no_metadata()).unwrap()).unwrap();
    let bits = |v: &Variable| {
        v.value().to_vec::<f64>().unwrap().into_iter().map(f64::to_bits).collect::<Vec<_>>()
    };
    assert_eq!(bits(&loaded.kernel), bits(&saved.kernel));
}

#[test]
fn a_file_says_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.safetensors");
    let metadata = BTreeMap::from([
        ("epochs".to_owned(), "40".to_owned()),
        ("é/ \"".to_owned(), "\n".to_owned()),
    ]);
    save_with(&net(0.0), &path, &metadata).unwrap();
    assert_eq!(read_metadata(&path).unwrap(), metadata);
    let contents = inspect(&path).unwrap();
    let found: Vec<_> = contents
        .entries
        .iter()
        .map(|e| {
            (
                e.path.as_str(),
                e.name.as_deref().unwrap(),
                e.shape.as_slice(),
                e.dtype.clone().unwrap(),
            )
        })
        .collect();
    let expected: [(&str, &str, &[usize], DType); 6] = [
        ("layers/0/kernel", "scope/kernel", &[1, 3], DType::F32),
        ("layers/1/bias", "scope/bias", &[3], DType::F64),
        ("layers/1/kernel", "scope/kernel", &[2, 3], DType::F64),
        ("layers/2/bias", "scope/bias", &[3], DType::F32),
        ("layers/2/kernel", "scope/kernel", &[3, 3], DType::F32),
        ("step", "step", &[], DType::F64),
    ];
    assert_eq!(found, expected);
}

#[test]
fn equal_modules_give_equal_bytes() {
    let metadata: BTreeMap<_, _> = (0..20).map(|i| (i.to_string(), "x".to_owned())).collect();
    let first = to_bytes(&net(0.5), &metadata).unwrap();
    for _ in 0..5 {
        assert_eq!(to_bytes(&net(0.5), &metadata).unwrap(), first);
    }
}

#[test]
fn the_file_is_safetensors_in_little_endian() {
    let layer = Layer {
        kernel: Variable::new("k", Tensor::from_vec(vec![1.0_f32, -2.0], &[2])).unwrap(),
        bias: None,
    };
    let bytes = to_bytes(&layer, &no_metadata()).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(file.names(), ["kernel"]);
    assert_eq!(file.tensor("kernel").unwrap().data(), [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
}

#[test]
fn a_module_without_variables_is_saved_too() {
    let empty = Net { layers: vec![], step: variable("step", &[0, 4], 0.0, DType::F32) };
    from_bytes(&empty, &to_bytes(&empty, &no_metadata()).unwrap()).unwrap();
    #[derive(Module)]
    struct Nothing;
    from_bytes(&Nothing, &to_bytes(&Nothing, &no_metadata()).unwrap()).unwrap();
}

#[test]
fn all_that_does_not_fit_is_listed_and_nothing_changes() {
    let bytes = to_bytes(&net(1.0), &no_metadata()).unwrap();
    let other = Net {
        layers: vec![
            Layer {
                kernel: variable("k", &[1, 3], 0.0, DType::F32),
                bias: Some(variable("b", &[3], 0.0, DType::F32)),
            },
            Layer { kernel: variable("k", &[3, 2], 0.0, DType::F64), bias: None },
            Layer {
                kernel: variable("k", &[9], 0.0, DType::F64),
                bias: Some(variable("b", &[3], 0.0, DType::F64)),
            },
        ],
        step: variable("step", &[], 0.0, DType::F64),
    };
    let before = values(&other);
    let versions: Vec<u64> = other.variables().iter().map(Variable::version).collect();
    let Err(ModuleError::Mismatch(mismatch)) = from_bytes(&other, &bytes) else {
        unreachable!("a file that does not fit was loaded");
    };
    assert_eq!(mismatch.missing, ["layers/0/bias"]);
    assert_eq!(mismatch.extra, ["layers/1/bias"]);
    let shapes: Vec<_> = mismatch
        .shapes
        .iter()
        .map(|s| (s.path.as_str(), s.given.as_slice(), s.expected.as_slice()))
        .collect();
    assert_eq!(
        shapes,
        [("layers/1/kernel", &[2, 3][..], &[3, 2][..]), ("layers/2/kernel", &[3, 3], &[9])]
    );
    let dtypes: Vec<_> =
        mismatch.dtypes.iter().map(|d| (d.path.as_str(), d.given.as_str(), d.expected)).collect();
    assert_eq!(
        dtypes,
        [("layers/2/bias", "f32", DType::F64), ("layers/2/kernel", "f32", DType::F64)]
    );
    assert_eq!(values(&other), before);
    assert_eq!(other.variables().iter().map(Variable::version).collect::<Vec<_>>(), versions);

    let message = ModuleError::Mismatch(mismatch).to_string();
    for part in [
        "missing: `layers/0/bias`",
        "extra: `layers/1/bias`",
        "shape: `layers/1/kernel` is [2, 3], expected [3, 2]",
        "dtype: `layers/2/bias` is f32, expected f64",
    ] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_truncated_file_is_an_error_at_every_length() {
    let bytes = to_bytes(&net(1.0), &BTreeMap::from([("k".into(), "v".into())])).unwrap();
    let module = net(-3.0);
    let before = values(&module);
    for length in 0..bytes.len() {
        let loaded = from_bytes(&module, &bytes[..length]);
        assert!(
            matches!(loaded, Err(ModuleError::Format { op: "load", .. })),
            "{length} bytes: {loaded:?}"
        );
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert!(matches!(from_bytes(&module, &longer), Err(ModuleError::Format { .. })));
    assert_eq!(values(&module), before);
    from_bytes(&module, &bytes).unwrap();
}

#[test]
fn a_damaged_header_never_panics_and_never_loads_in_part() {
    let module = net(-3.0);
    let bytes = to_bytes(&module, &no_metadata()).unwrap();
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let before = values(&module);
    for at in 0..header {
        for value in [0, b'"', b'9', b'}', 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] = value;
            if from_bytes(&module, &damaged).is_err() {
                assert_eq!(values(&module), before);
            }
        }
    }
}

#[test]
fn files_of_another_kind_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let module = net(0.0);
    let before = values(&module);
    for foreign in [
        &b""[..],
        b"PK\x03\x04 a zip file",
        b"\x93NUMPY\x01\x00v\x00{'descr': '<f4'}",
        b"{}",
        &[0xff; 64],
    ] {
        fs::write(&path, foreign).unwrap();
        let Err(ModuleError::Format { op, given, .. }) = load(&module, &path) else {
            unreachable!("{foreign:?} was loaded");
        };
        assert_eq!((op, given), ("load", path.display().to_string()));
        assert!(matches!(read_metadata(&path), Err(ModuleError::Format { op: "inspect", .. })));
    }
    assert!(matches!(
        load(&module, folder.path().join("none")),
        Err(ModuleError::Io { op: "load", .. })
    ));
    assert!(matches!(load(&module, folder.path()), Err(ModuleError::Io { .. })));
    assert_eq!(values(&module), before);
}

fn foreign(dtype: safetensors::Dtype, metadata: Option<&[(&str, &str)]>) -> Vec<u8> {
    let bytes = vec![0; 3 * dtype.bitsize() / 8];
    let view = safetensors::tensor::TensorView::new(dtype, vec![3], &bytes).unwrap();
    let metadata =
        metadata.map(|m| m.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
    safetensors::serialize([("kernel", view)], metadata).unwrap()
}

#[test]
fn a_safetensors_file_from_elsewhere_loads_if_it_fits() {
    let layer = Layer { kernel: variable("k", &[3], 5.0, DType::F32), bias: None };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, foreign(safetensors::Dtype::F32, Some(&[("format", "np")]))).unwrap();
    load(&layer, &path).unwrap();
    assert_eq!(layer.kernel.value().to_vec::<f32>().unwrap(), [0.0; 3]);
    assert_eq!(read_metadata(&path).unwrap()["format"], "np");
    assert_eq!(inspect(&path).unwrap().entries[0].name, None);

    let Err(ModuleError::Mismatch(mismatch)) =
        from_bytes(&layer, &foreign(safetensors::Dtype::I64, None))
    else {
        unreachable!("whole numbers were loaded");
    };
    assert_eq!(
        (mismatch.dtypes[0].given.as_str(), mismatch.dtypes[0].expected),
        ("I64", DType::F32)
    );
}

#[test]
fn metadata_of_a_later_version_or_of_no_sense_is_an_error() {
    let layer = Layer { kernel: variable("k", &[3], 5.0, DType::F32), bias: None };
    let with =
        |own: &str| from_bytes(&layer, &foreign(safetensors::Dtype::F32, Some(&[("tfn", own)])));
    let later = with(r#"{"version": 2, "names": {}, "user": {}}"#);
    assert!(matches!(later, Err(ModuleError::Version { given: 2, expected: 1, .. })));
    for own in ["", "[]", "{\"version\": 1}", r#"{"version": 1, "names": 3, "user": {}}"#] {
        assert!(matches!(with(own), Err(ModuleError::Format { .. })), "{own}");
    }
    assert_eq!(layer.kernel.version(), 0);
}

#[derive(Module)]
struct Table {
    entries: BTreeMap<String, BTreeMap<String, Variable>>,
}

/// Two variables under the path `entries/a/b/c`.
fn clashing() -> Table {
    let entry = |outer: &str, inner: &str, name: &str| {
        let v = variable(name, &[], 0.0, DType::F64);
        (outer.to_owned(), BTreeMap::from([(inner.to_owned(), v)]))
    };
    Table { entries: BTreeMap::from([entry("a", "b/c", "first"), entry("a/b", "c", "second")]) }
}

#[test]
fn two_variables_under_one_path_cannot_be_saved() {
    let table = clashing();
    let Err(ModuleError::DuplicatePath { op, path, first, second }) =
        to_bytes(&table, &no_metadata())
    else {
        unreachable!("two variables of one path were saved");
    };
    assert_eq!((op, path.as_str()), ("save", "entries/a/b/c"));
    assert_eq!((first.as_str(), second.as_str()), ("first", "second"));
    assert!(matches!(from_bytes(&table, &[]), Err(ModuleError::DuplicatePath { op: "load", .. })));
}

#[test]
fn a_failing_save_leaves_the_former_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.safetensors");
    save(&net(1.0), &path).unwrap();
    let former = fs::read(&path).unwrap();
    assert!(save(&clashing(), &path).is_err());
    assert_eq!(fs::read(&path).unwrap(), former);
    let below_a_file = path.join("deeper");
    assert!(matches!(save(&net(1.0), below_a_file), Err(ModuleError::Io { op: "save", .. })));
    assert_eq!(fs::read(&path).unwrap(), former);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    load(&net(0.0), &path).unwrap();
}

#[test]
fn a_plain_file_name_is_saved_in_the_working_folder() {
    let name = format!("tfn-checkpoint-test-{}.safetensors", std::process::id());
    let saved = save(&net(1.0), &name);
    let loaded = load(&net(0.0), &name);
    fs::remove_file(&name).unwrap();
    saved.unwrap();
    loaded.unwrap();
}
