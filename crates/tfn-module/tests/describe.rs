//! Described files: what comes back, and what is refused.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};
use tfn_module::describe::{
    Describe, DescribeError, Description, FileReader, FileWriter, Reader, Registry, Result,
};
use tfn_module::{
    DType, Module, ModuleError, NameScope, Tensor, Variable, load, open_trait, read_metadata, save,
};
use tfn_tensor::random::Key;

trait Layer: Module + LayerCopy {
    fn label(&self) -> String;
}
open_trait!(pub(crate) Layer, LayerCopy);

#[derive(Module)]
struct Dense {
    kernel: Variable,
    scale: Tensor,
    #[module(skip)]
    numbers: Vec<f64>,
}

impl Layer for Dense {
    fn label(&self) -> String {
        self.kernel.name().to_owned()
    }
}

impl Describe for Dense {
    fn class() -> String {
        "test.Dense".to_owned()
    }
    fn describe(&self, description: &mut Description<'_, '_>) -> Result<()> {
        description.field("kernel", &self.kernel)?.field("scale", &self.scale)?;
        description.field("numbers", &self.numbers)?;
        Ok(())
    }
    fn restore(reader: &mut Reader<'_, '_>) -> Result<Self> {
        let (kernel, scale) = (reader.field("kernel")?, reader.field("scale")?);
        Ok(Self { kernel, scale, numbers: reader.field("numbers")? })
    }
}

#[derive(Module)]
struct Net {
    name: Option<String>,
    layers: Vec<Arc<dyn Layer>>,
    own: Dense,
}

impl Layer for Net {
    fn label(&self) -> String {
        self.layers.iter().map(|layer| layer.label()).collect()
    }
}

impl Describe for Net {
    fn class() -> String {
        "test.Net".to_owned()
    }
    fn describe(&self, description: &mut Description<'_, '_>) -> Result<()> {
        description.field("name", &self.name)?.field("layers", &self.layers)?;
        description.field("own", &self.own)?;
        Ok(())
    }
    fn restore(reader: &mut Reader<'_, '_>) -> Result<Self> {
        let (name, layers) = (reader.field("name")?, reader.field("layers")?);
        Ok(Self { name, layers, own: reader.field("own")? })
    }
}

/// Leads to another one, which may be itself.
#[derive(Module)]
struct Link {
    next: OnceLock<Arc<Link>>,
}

impl Describe for Link {
    fn class() -> String {
        "test.Link".to_owned()
    }
    fn describe(&self, description: &mut Description<'_, '_>) -> Result<()> {
        description.field("next", &self.next.get().cloned())?;
        Ok(())
    }
    fn restore(reader: &mut Reader<'_, '_>) -> Result<Self> {
        let next = OnceLock::new();
        if let Some(link) = reader.field("next")? {
            let _ = next.set(link);
        }
        Ok(Self { next })
    }
}

/// A layer that nobody described.
#[derive(Module)]
struct Plain;

impl Layer for Plain {
    fn label(&self) -> String {
        String::new()
    }
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    registry.add::<Dense>().seen_as::<dyn Layer>(|layer| layer);
    registry.add::<Net>().seen_as::<dyn Layer>(|layer| layer);
    registry.add::<Link>();
    registry
}

fn dense(kernel: &Variable) -> Dense {
    let numbers = vec![0.1, -0.0, f64::MIN_POSITIVE / 3.0, 1e300, f64::INFINITY, f64::NAN];
    Dense { kernel: kernel.clone(), scale: Tensor::from_vec(vec![0.1_f32, 0.7], &[2]), numbers }
}

fn net() -> Net {
    let kernel = Variable::new("kernel", Tensor::from_vec(vec![1.0 / 3.0, -0.0], &[1, 2])).unwrap();
    let shared: Arc<dyn Layer> = Arc::new(dense(&kernel));
    let own = dense(&Variable::new("own", Tensor::scalar(2.0)).unwrap().non_trainable());
    Net {
        name: Some("n\u{e4}t".into()),
        layers: vec![shared.clone(), Arc::new(dense(&kernel)), shared],
        own,
    }
}

fn bytes_of(net: &Net) -> Vec<u8> {
    FileWriter::new(&registry()).add("net", net).unwrap().to_bytes().unwrap()
}

#[test]
fn all_comes_back_and_what_was_shared_still_is() {
    let registry = registry();
    let bytes = bytes_of(&net());
    assert_eq!(bytes, bytes_of(&net()), "equal objects give equal bytes");
    let same: Net = FileReader::from_bytes(&bytes, &registry).unwrap().take("net").unwrap();
    assert_eq!(same.name.as_deref(), Some("n\u{e4}t"));
    assert!(Arc::ptr_eq(&same.layers[0], &same.layers[2]));
    assert!(!Arc::ptr_eq(&same.layers[0], &same.layers[1]));
    assert_eq!(same.variables().len(), 2);
    assert_eq!(same.label(), "kernelkernelkernel");
    assert_eq!(same.own.kernel.name(), "own");
    assert!(!same.own.kernel.is_trainable());
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&same.own.numbers), bits(&net().own.numbers));
    let kernel = same.layers[0].variables()[0].value().to_vec::<f64>().unwrap();
    assert_eq!(bits(&kernel), bits(&[1.0 / 3.0, -0.0]));
    assert_eq!(same.own.scale.to_vec::<f32>().unwrap(), [0.1_f32, 0.7]);
    assert_eq!(bytes_of(&same), bytes, "and gives the same file");
}

#[test]
fn several_objects_share_and_stand_beside_strings() {
    let (registry, folder) = (registry(), tempfile::tempdir().unwrap());
    let path = folder.path().join("two.safetensors");
    let net = net();
    let file = FileWriter::new(&registry).add("net", &net).unwrap();
    let file = file.add("first", &net.layers[0]).unwrap().add("w", &net.own.kernel).unwrap();
    let file = file.add("constant", &net.own.scale).unwrap();
    file.metadata("author", "me").save(&path).unwrap();
    let mut read = FileReader::open(&path, &registry).unwrap();
    assert_eq!(read.names().collect::<Vec<_>>(), ["constant", "first", "net", "w"]);
    assert_eq!(read.metadata()["author"], "me");
    assert_eq!(read_metadata(&path).unwrap()["author"], "me");
    let net: Net = read.take("net").unwrap();
    assert!(Arc::ptr_eq(&net.layers[0], &read.take::<Arc<dyn Layer>>("first").unwrap()));
    assert_eq!(read.take::<Variable>("w").unwrap(), net.own.kernel);
    assert_eq!(read.take::<Tensor>("constant").unwrap().shape().unwrap(), [2]);
    let Err(ModuleError::Describe(error)) = read.take::<Net>("net") else { unreachable!() };
    assert!(
        matches!(*error, DescribeError::NoModule { ref given, .. } if given == "net"),
        "{error}"
    );
}

fn refusal(file: Result<FileWriter<'_>, ModuleError>) -> DescribeError {
    match file {
        Err(ModuleError::Describe(error)) => *error,
        _ => unreachable!(),
    }
}

#[test]
fn what_cannot_be_described_is_named() {
    let registry = registry();
    let mut with_plain = net();
    with_plain.layers.push(Arc::new(Plain));
    let error = refusal(FileWriter::new(&registry).add("net", &with_plain));
    let DescribeError::NotDescribed { path, class } = &error else { unreachable!("{error}") };
    assert_eq!((path.as_str(), class.as_str()), ("net/layers/3", "Plain"));
    let mut tracked = net();
    tracked.own.scale = tracked.own.kernel.tensor();
    tracked.own.kernel.set_trainable(true);
    tracked.own.scale = tracked.own.kernel.tensor() * 2.0;
    let error = refusal(FileWriter::new(&registry).add("net", &tracked));
    assert!(
        matches!(&error, DescribeError::Tracked { path } if path == "net/own/scale"),
        "{error}"
    );
    let mut partial = Registry::new();
    partial.add::<Net>();
    partial.add::<Dense>();
    let error = refusal(FileWriter::new(&partial).add("net", &net()));
    assert!(
        matches!(&error, DescribeError::NotA { path, .. } if path == "net/layers/0"),
        "{error}"
    );
    let twice = FileWriter::new(&registry).add("net", &net()).unwrap().add("net", &net());
    assert!(matches!(refusal(twice), DescribeError::TwoModules { .. }));
}

#[test]
fn rings_and_towers_are_refused_when_saved() {
    let registry = registry();
    let link = Arc::new(Link { next: OnceLock::new() });
    let _ = link.next.set(link.clone());
    let error = refusal(FileWriter::new(&registry).add("ring", &link));
    assert!(matches!(&error, DescribeError::Cycle { path, .. } if path == "ring/next"), "{error}");
    let mut tower = Arc::new(Link { next: OnceLock::new() });
    for _ in 0..1000 {
        tower = Arc::new(Link { next: OnceLock::from(tower) });
    }
    let error = refusal(FileWriter::new(&registry).add("tower", &tower));
    assert!(matches!(error, DescribeError::Extent { .. }), "{error}");
}

/// A file of these tensors, with `change` made to the description of [`net`].
fn changed(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let bytes = bytes_of(&net());
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let mut own: Value = serde_json::from_str(&header.metadata().as_ref().unwrap()["tfn"]).unwrap();
    change(&mut own["description"]);
    let parsed = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let header = HashMap::from([("tfn".to_owned(), own.to_string())]);
    safetensors::serialize(parsed.iter(), Some(header)).unwrap()
}

fn error_of(bytes: &[u8]) -> ModuleError {
    let registry = registry();
    let read = FileReader::from_bytes(bytes, &registry);
    let read = read.and_then(|mut file| file.take::<Net>("net").map(|_| ()));
    read.unwrap_err()
}

#[test]
fn lies_in_the_description_are_typed_errors() {
    type Change = fn(&mut Value);
    let described = |change: Change| match error_of(&changed(change)) {
        ModuleError::Describe(error) => *error,
        other => unreachable!("{other}"),
    };
    let error = described(|d| d["version"] = json!(2));
    assert!(matches!(error, DescribeError::Version { given: 2, expected: 1, .. }), "{error}");
    let error = described(|d| d["objects"][0]["class"] = json!("other.Dense"));
    assert!(
        matches!(&error, DescribeError::UnknownClass { class, .. } if class == "other.Dense"),
        "{error}"
    );
    assert!(error.to_string().contains("net/layers/0"), "{error}");
    let error = described(|d| d["objects"][0]["fields"]["more"] = json!(1));
    assert!(
        matches!(&error, DescribeError::ExtraFields { extra, .. } if extra == &["more"]),
        "{error}"
    );
    let error = described(|d| d["modules"]["net"] = json!({ "object": 0 }));
    assert!(matches!(error, DescribeError::NotA { .. }), "{error}");
    let field: &[Change] = &[
        |d| drop(d["objects"][0]["fields"].as_object_mut().unwrap().remove("kernel")),
        |d| d["objects"][0]["fields"]["kernel"] = json!({ "variable": 7 }),
        |d| d["objects"][0]["fields"]["kernel"] = json!({ "variable": -1 }),
        |d| d["objects"][0]["fields"]["kernel"] = json!({ "variable": 1e300 }),
        |d| d["objects"][0]["fields"]["scale"] = json!({ "tensor": "nothing" }),
        |d| d["objects"][0]["fields"]["scale"] = d["objects"][1]["fields"]["scale"].clone(),
        |d| d["objects"][0]["fields"]["numbers"] = json!("many"),
        |d| d["objects"][0]["fields"]["numbers"] = json!([{}]),
        |d| d["objects"][3]["fields"]["layers"] = json!([{ "object": 3 }]),
        |d| d["objects"][3]["fields"]["layers"] = json!([{ "object": u64::MAX }]),
        |d| d["objects"][3]["fields"]["own"] = json!({ "object": 0 }),
        |d| d["objects"][0] = json!(null),
        |d| d["objects"] = json!(null),
        |d| d["variables"][0] = json!([]),
        |d| d["variables"][0]["name"] = json!(3),
        |d| d["variables"][0]["tensor"] = json!("nothing"),
        |d| d["modules"] = json!([]),
        |d| d["modules"]["net"] = json!("it"),
    ];
    for (index, change) in field.iter().enumerate() {
        let error = described(*change);
        assert!(matches!(error, DescribeError::Field { .. }), "{index}: {error}");
    }
    let error = described(|d| {
        d["objects"][0]["fields"]["numbers"] = json!([]);
        d["modules"] = json!({});
    });
    assert!(matches!(error, DescribeError::NoModule { .. }), "{error}");
}

#[test]
fn tensors_that_nobody_names_and_other_files_are_refused() {
    let registry = registry();
    let tensor = |shape: Vec<usize>, data: &'static [u8], dtype| {
        safetensors::tensor::TensorView::new(dtype, shape, data).unwrap()
    };
    use safetensors::tensor::Dtype;
    let with = |extra: safetensors::tensor::TensorView<'static>| {
        let bytes = bytes_of(&net());
        let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
        let parsed = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let tensors = parsed.tensors().into_iter().chain([("extra".to_owned(), extra)]);
        error_of(&safetensors::serialize(tensors, header.metadata().clone()).unwrap()).to_string()
    };
    let error = with(tensor(vec![1], &[0; 8], Dtype::F64));
    assert!(error.contains("the tensors extra, which"), "{error}");
    let error = with(tensor(vec![1], &[0; 8], Dtype::I64));
    assert!(error.contains("tensor `extra` is I64"), "{error}");
    let error = with(tensor(vec![0, 1 << 60, 1 << 60], &[], Dtype::F64));
    assert!(error.contains("a shape of the size of a file"), "{error}");
    // A checkpoint has variables, but says nothing of what they are in.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    save(&net(), &path).unwrap();
    let Err(ModuleError::Describe(error)) = FileReader::open(&path, &registry) else {
        unreachable!()
    };
    assert!(matches!(*error, DescribeError::NoDescription { .. }), "{error}");
    // The variables of a described file have the paths of its fields.
    FileWriter::new(&registry).add("layers", &net().layers).unwrap().save(&path).unwrap();
    let kernel = Variable::new("w", Tensor::zeros(&[1, 2], DType::F64)).unwrap();
    assert!(load(&dense(&kernel), &path).is_err());
}

#[test]
fn no_damage_makes_it_panic() {
    let registry = registry();
    let whole = bytes_of(&net());
    let try_it = |bytes: &[u8]| {
        if let Ok(mut file) = FileReader::from_bytes(bytes, &registry) {
            let _ = file.take::<Net>("net");
        }
    };
    for length in 0..whole.len() {
        assert!(FileReader::from_bytes(&whole[..length], &registry).is_err());
    }
    let mut state = 1_u64;
    let mut next = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for _ in 0..20_000 {
        let mut bytes = whole.clone();
        for _ in 0..=next(4) {
            let at = next(bytes.len());
            match next(3) {
                0 => bytes[at] ^= 1 << next(8),
                1 => bytes[at] = b"0123456789{}[]\",:-ntf"[next(21)],
                _ => drop(bytes.drain(at..(at + next(9)).min(bytes.len()))),
            }
            if bytes.is_empty() {
                break;
            }
        }
        try_it(&bytes);
    }
    let deep = "[".repeat(1_000_000);
    try_it(&changed(|d| d["modules"]["net"] = json!(deep)));
    let nested = format!("{{\"tfn\":\"{}\"}}", "[".repeat(1_000_000));
    let header = format!("{{\"__metadata__\":{nested}}}");
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    assert!(matches!(error_of(&file), ModuleError::Format { .. }));
}

#[test]
fn what_would_grow_without_bounds_is_refused() {
    // Each has the one before it twice: a walk over the last would never end.
    let doubled = |d: &mut Value| {
        let first = d["objects"][0].clone();
        let mut objects = vec![first];
        objects[0]["class"] = json!("test.Link");
        objects[0]["fields"] = json!({ "next": null });
        for index in 0..200 {
            objects.push(json!({
                "class": "test.Link", "path": "", "fields": { "next": { "object": index } }
            }));
        }
        d["objects"] = json!(objects);
    };
    let error = error_of(&changed(doubled)).to_string();
    assert!(error.contains("objects one in the other, expected at most 100"), "{error}");
}

/// One field of each kind.
#[derive(Clone, Debug, PartialEq)]
struct Plainest {
    flag: bool,
    counts: [usize; 2],
    seed: u64,
    small: u8,
    signed: isize,
    wide: f64,
    narrow: f32,
    dtype: DType,
    key: Key,
    scope: NameScope,
    by_name: BTreeMap<String, Vec<Option<i64>>>,
}
tfn_module::describe_fields!(Plainest as "test.Plainest" {
    flag, counts, seed, small, signed, wide, narrow, dtype, key, scope, by_name
});

#[test]
fn every_kind_of_plain_field_comes_back() {
    let mut registry = Registry::new();
    registry.add::<Plainest>();
    let by_name = [("tensor", vec![Some(-3), None]), ("b", vec![])];
    let plain = Plainest {
        flag: true,
        counts: [3, usize::MAX],
        seed: u64::MAX,
        small: 255,
        signed: isize::MIN,
        wide: f64::NEG_INFINITY,
        narrow: 0.1,
        dtype: DType::F32,
        key: Key::from_seed(7).child("layers/3"),
        scope: NameScope::root().child("outer").child("inner"),
        by_name: by_name.map(|(name, list)| (name.to_owned(), list)).into(),
    };
    let bytes = |plain: &Plainest| FileWriter::new(&registry).add("it", plain).unwrap().to_bytes();
    let read = |bytes: &[u8]| {
        FileReader::from_bytes(bytes, &registry).and_then(|mut file| file.take::<Plainest>("it"))
    };
    assert_eq!(read(&bytes(&plain).unwrap()).unwrap(), plain);
    let replayed = Plainest { key: Key::replay([]), ..plain };
    let Err(ModuleError::Describe(error)) = FileWriter::new(&registry).add("it", &replayed) else {
        unreachable!()
    };
    assert!(matches!(*error, DescribeError::Refused { .. }), "{error}");
}
