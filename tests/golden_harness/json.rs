//! Reading a fixture so that nothing in it is passed over: every leaf has to be consumed.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use serde_json::Value;
use tfn::tensor::{DType, Tensor, TensorError, Variable};

/// What goes wrong inside a record: a fixture that is not understood, or an error of the library.
pub(crate) type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// A parsed file, and which of its values have been read.
pub(crate) struct Document {
    root: Value,
    read: RefCell<HashSet<*const Value>>,
}

impl Document {
    pub(crate) fn open(path: &Path) -> Outcome<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        Self::parse(&text).map_err(|error| format!("{}: {error}", path.display()).into())
    }

    pub(crate) fn parse(text: &str) -> Outcome<Self> {
        Ok(Self { root: serde_json::from_str(text)?, read: RefCell::default() })
    }

    pub(crate) fn root(&self) -> Node<'_> {
        Node { document: self, value: &self.root, path: String::new() }
    }

    /// Paths of all leaves that nobody has read.
    pub(crate) fn unread(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.collect_unread(&self.root, "", &mut found);
        found
    }

    fn collect_unread(&self, value: &Value, path: &str, found: &mut Vec<String>) {
        if self.read.borrow().contains(&std::ptr::from_ref(value)) {
            return;
        }
        match value {
            Value::Object(map) if !map.is_empty() => {
                map.iter()
                    .for_each(|(key, value)| self.collect_unread(value, &join(path, key), found));
            }
            Value::Array(items) if !items.is_empty() => {
                let place = |(index, value)| {
                    self.collect_unread(value, &join(path, &label(index, value)), found)
                };
                items.iter().enumerate().for_each(place);
            }
            _ => found.push(path.to_owned()),
        }
    }
}

fn join(path: &str, step: &str) -> String {
    if path.is_empty() { step.to_owned() } else { format!("{path}/{step}") }
}

/// An item of a list is known by its name where it has one.
fn label(index: usize, value: &Value) -> String {
    match value.get("name").and_then(Value::as_str) {
        Some(name) => format!("{index}({name})"),
        None => index.to_string(),
    }
}

/// A value in a document and the way to it.
#[derive(Clone)]
pub(crate) struct Node<'d> {
    document: &'d Document,
    value: &'d Value,
    path: String,
}

impl<'d> Node<'d> {
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    fn step(&self, step: &str, value: &'d Value) -> Self {
        Self { document: self.document, value, path: join(&self.path, step) }
    }

    fn mark(&self) {
        self.document.read.borrow_mut().insert(std::ptr::from_ref(self.value));
    }

    fn wrong(&self, expected: &str) -> Box<dyn std::error::Error> {
        let shown: String = self.value.to_string().chars().take(60).collect();
        format!("{}: expected {expected}, found {shown}", self.path).into()
    }

    /// Says that everything in here is known and is no number of ours to compare with.
    pub(crate) fn informational(&self, why: &str) {
        assert!(!why.is_empty(), "{}: passed over without a reason", self.path);
        self.mark();
    }

    pub(crate) fn is_null(&self) -> bool {
        if self.value.is_null() {
            self.mark();
        }
        self.value.is_null()
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.value.get(key).is_some()
    }

    pub(crate) fn key(&self, key: &str) -> Outcome<Self> {
        let value = self.value.get(key).ok_or_else(|| self.wrong(&format!("a key `{key}`")))?;
        Ok(self.step(key, value))
    }

    /// The value of a key that not every record has.
    pub(crate) fn optional(&self, key: &str) -> Option<Self> {
        self.value.get(key).map(|value| self.step(key, value))
    }

    pub(crate) fn entries(&self) -> Outcome<Vec<(String, Self)>> {
        let map = self.value.as_object().ok_or_else(|| self.wrong("an object"))?;
        if map.is_empty() {
            self.mark();
        }
        Ok(map.iter().map(|(key, value)| (key.clone(), self.step(key, value))).collect())
    }

    pub(crate) fn items(&self) -> Outcome<Vec<Self>> {
        let items = self.value.as_array().ok_or_else(|| self.wrong("a list"))?;
        if items.is_empty() {
            self.mark();
        }
        Ok(items.iter().enumerate().map(|(i, value)| self.step(&label(i, value), value)).collect())
    }

    pub(crate) fn text(&self) -> Outcome<&'d str> {
        self.mark();
        self.value.as_str().ok_or_else(|| self.wrong("a string"))
    }

    /// A string, or `None` for null.
    pub(crate) fn text_or_null(&self) -> Outcome<Option<&'d str>> {
        if self.is_null() { Ok(None) } else { self.text().map(Some) }
    }

    pub(crate) fn texts(&self) -> Outcome<Vec<&'d str>> {
        self.items()?.iter().map(Self::text).collect()
    }

    pub(crate) fn flag(&self) -> Outcome<bool> {
        self.mark();
        self.value.as_bool().ok_or_else(|| self.wrong("true or false"))
    }

    pub(crate) fn size(&self) -> Outcome<usize> {
        self.mark();
        let size = self.value.as_u64().ok_or_else(|| self.wrong("a whole number"))?;
        Ok(usize::try_from(size)?)
    }

    pub(crate) fn sizes(&self) -> Outcome<Vec<usize>> {
        self.items()?.iter().map(Self::size).collect()
    }

    /// A number, the non-finite ones written as strings.
    pub(crate) fn number(&self) -> Outcome<f64> {
        self.mark();
        match self.value {
            Value::Number(number) => number.as_f64().ok_or_else(|| self.wrong("a number")),
            Value::String(name) => match name.as_str() {
                "NaN" => Ok(f64::NAN),
                "Infinity" => Ok(f64::INFINITY),
                "-Infinity" => Ok(f64::NEG_INFINITY),
                _ => Err(self.wrong("a number")),
            },
            _ => Err(self.wrong("a number")),
        }
    }

    pub(crate) fn numbers(&self) -> Outcome<Vec<f64>> {
        self.items()?.iter().map(Self::number).collect()
    }

    pub(crate) fn tensor(&self) -> Outcome<Gold> {
        let kind = match self.key("dtype")?.text()? {
            "float64" => Kind::F64,
            "float32" => Kind::F32,
            "int32" => Kind::Int,
            _ => return Err(self.wrong("a dtype of float64, float32 or int32")),
        };
        let gold =
            Gold { shape: self.key("shape")?.sizes()?, kind, data: self.key("data")?.numbers()? };
        if gold.shape.iter().product::<usize>() != gold.data.len() {
            return Err(self.wrong("as many entries as the shape has"));
        }
        if self.entries()?.len() != 3 {
            return Err(self.wrong("a tensor: shape, dtype and data alone"));
        }
        Ok(gold)
    }

    /// A tensor, or `None` for null.
    pub(crate) fn tensor_or_null(&self) -> Outcome<Option<Gold>> {
        if self.is_null() { Ok(None) } else { self.tensor().map(Some) }
    }

    /// Tensors by name.
    pub(crate) fn tensors(&self) -> Outcome<BTreeMap<String, Gold>> {
        self.entries()?.into_iter().map(|(name, node)| Ok((name, node.tensor()?))).collect()
    }
}

/// Type of a recorded tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    F32,
    F64,
    Int,
}

/// A recorded tensor.
#[derive(Clone, Debug)]
pub(crate) struct Gold {
    pub(crate) shape: Vec<usize>,
    pub(crate) kind: Kind,
    pub(crate) data: Vec<f64>,
}

impl Gold {
    /// A recorded number that stands alone.
    pub(crate) fn scalar(value: f64) -> Self {
        Self { shape: Vec::new(), kind: Kind::F64, data: vec![value] }
    }

    pub(crate) fn zeros(shape: &[usize], kind: Kind) -> Self {
        Self { shape: shape.to_vec(), kind, data: vec![0.0; shape.iter().product()] }
    }

    /// Its type; whole numbers travel as f64.
    pub(crate) fn dtype(&self) -> DType {
        if self.kind == Kind::F32 { DType::F32 } else { DType::F64 }
    }

    pub(crate) fn to_tensor(&self) -> Tensor {
        Tensor::from_f64(&self.data, &self.shape, self.dtype())
    }

    pub(crate) fn to_variable(&self, name: &str) -> Result<Variable, TensorError> {
        Variable::new(name, self.to_tensor())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_parsed_to_the_last_bit() -> Outcome {
        let text = r#"{"x": -1.2249011479562941, "y": "-Infinity", "z": [1, 2.5]}"#;
        let document = Document::parse(text)?;
        let root = document.root();
        assert_eq!(
            root.key("x")?.number()?.to_bits(),
            "-1.2249011479562941".parse::<f64>()?.to_bits(),
            "serde_json needs its feature `float_roundtrip`"
        );
        assert_eq!(root.key("y")?.number()?, f64::NEG_INFINITY);
        assert_eq!(document.unread(), ["z/0", "z/1"]);
        assert_eq!(root.key("z")?.numbers()?, [1.0, 2.5]);
        assert!(document.unread().is_empty());
        Ok(())
    }

    #[test]
    fn what_nobody_reads_is_named() -> Outcome {
        let text = r#"{"a": {"b": [{"name": "one", "c": 1}, {}], "d": null}, "e": []}"#;
        let document = Document::parse(text)?;
        assert_eq!(
            document.unread(),
            ["a/b/0(one)/name", "a/b/0(one)/c", "a/b/1", "a/d", "e"]
                .map(str::to_owned)
                .into_iter()
                .collect::<std::collections::BTreeSet<_>>()
                .into_iter()
                .collect::<Vec<_>>()
        );
        let a = document.root().key("a")?;
        assert!(a.key("d")?.is_null());
        a.key("b")?.informational("a test");
        assert_eq!(document.unread(), ["e"]);
        assert!(document.root().key("missing").is_err());
        assert!(a.key("b")?.text().is_err());
        Ok(())
    }
}
