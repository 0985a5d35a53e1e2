//! Files of described objects.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::contract::{Data, Field, Loader, Object, Registry, Saver};
use super::extent::Extent;
use super::refused;
use super::tensors::Tensors;
use crate::checkpoint::{self, Parsed};
use crate::error::{DescribeError, ModuleError, Result};

/// Version of the description that is written, and the latest that is read.
const VERSION: u64 = 1;

/// Writes objects with all that is in them into one file, from which a [`FileReader`] makes them anew.
///
/// The file is a safetensors file: one tensor a variable, and one for each tensor that never changes, under the fields
/// that lead to it. The description of the objects stands in its metadata, beside a map of the user's that
/// [`read_metadata`](crate::read_metadata) reads. Equal objects give equal bytes.
///
/// # Examples
/// See [`Describe`](super::Describe).
#[must_use]
pub struct FileWriter<'r> {
    saver: Saver<'r>,
    modules: Map<String, Value>,
    metadata: BTreeMap<String, String>,
}

impl<'r> FileWriter<'r> {
    /// A file of nothing yet, of the types that `registry` knows.
    pub fn new(registry: &'r Registry) -> Self {
        Self { saver: Saver::new(registry), modules: Map::new(), metadata: BTreeMap::new() }
    }

    /// Adds an object under a name. What it has in common with one that was added before stays so.
    ///
    /// # Errors
    /// [`DescribeError::TwoModules`] for a name that was there; [`DescribeError`] that names the field for what has no
    /// form as data.
    pub fn add<F: Field>(mut self, name: &str, object: &F) -> Result<Self> {
        if self.modules.contains_key(name) {
            return Err(DescribeError::TwoModules { name: name.to_owned() }.into());
        }
        let written = self.saver.item(name, object);
        let Data(value) = written.map_err(|source| refused(name, "file", source))?;
        self.modules.insert(name.to_owned(), value);
        Ok(self)
    }

    /// Adds a string of one's own.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// [`ModuleError::Format`] if they cannot be made.
    pub fn to_bytes(self) -> Result<Vec<u8>> {
        let Saver { objects, variables, tensors, .. } = self.saver;
        let objects = objects.into_iter().map(|object| {
            let Object { class, path, name, fields, .. } = object;
            match name {
                None => json!({ "class": class, "path": path, "fields": fields }),
                Some(name) => {
                    json!({ "class": class, "path": path, "name": name, "fields": fields })
                }
            }
        });
        let listed = variables.iter().map(|(entry, variable)| {
            let (name, trainable) = (variable.name(), variable.is_trainable());
            json!({ "name": name, "tensor": entry, "trainable": trainable })
        });
        let description = json!({
            "version": VERSION,
            "crate": env!("CARGO_PKG_VERSION"),
            "objects": objects.collect::<Vec<_>>(),
            "variables": listed.collect::<Vec<_>>(),
            "modules": self.modules,
        });
        let names =
            variables.iter().map(|(entry, variable)| (entry.clone(), variable.name().to_owned()));
        let tensors = checkpoint::Tensors { tensors, names: names.collect() };
        checkpoint::encode(&tensors, &self.metadata, Some(description))
    }

    /// Writes the file. Whatever interrupts it, the file is the former or the new one, whole.
    ///
    /// # Errors
    /// [`ModuleError::Io`]; as [`to_bytes`](Self::to_bytes).
    pub fn save(self, path: impl AsRef<Path>) -> Result<()> {
        let (path, bytes) = (path.as_ref(), self.to_bytes()?);
        checkpoint::replace(path, |file| file.write_all(&bytes)).map_err(|source| ModuleError::Io {
            op: "save",
            path: path.to_owned(),
            source,
        })
    }
}

/// The objects of a file that a [`FileWriter`] wrote.
///
/// A file may come from anywhere: whatever is wrong with it is an error, and no more memory is taken than a few times
/// its size.
///
/// # Examples
/// See [`Describe`](super::Describe).
pub struct FileReader<'r> {
    loader: Loader<'r>,
    modules: Map<String, Value>,
    metadata: BTreeMap<String, String>,
}

impl<'r> FileReader<'r> {
    /// Reads a file, all of whose classes `registry` knows.
    ///
    /// # Errors
    /// [`ModuleError::Io`], [`ModuleError::Format`], [`ModuleError::Version`]; [`ModuleError::Describe`] with
    /// [`DescribeError::NoDescription`], [`DescribeError::Version`], [`DescribeError::UnknownClass`] and what else is
    /// wrong with the description.
    pub fn open(path: impl AsRef<Path>, registry: &'r Registry) -> Result<Self> {
        let path = path.as_ref();
        Self::read(&checkpoint::read("load", path)?, &path.display().to_string(), registry)
    }

    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// As [`open`](Self::open), without [`ModuleError::Io`].
    pub fn from_bytes(bytes: &[u8], registry: &'r Registry) -> Result<Self> {
        Self::read(bytes, "the given bytes", registry)
    }

    fn read(bytes: &[u8], origin: &str, registry: &'r Registry) -> Result<Self> {
        let mut parsed = Parsed::new("load", bytes, origin)?;
        let description = parsed.description.take();
        let missing = || DescribeError::NoDescription { origin: origin.to_owned() };
        let mut description = description.ok_or_else(missing)?;
        check_version(&description, origin)?;
        let mut loader = Loader::new(registry, Tensors::new(parsed.tensors()?), bytes.len());
        let read = |source| refused(origin, "file", source);
        let list = |key: &str| description.get(key).and_then(Value::as_array);
        let (Some(variables), Some(objects)) = (list("variables"), list("objects")) else {
            return Err(read(loader.wrong(&Data(Value::Null), "`variables` and `objects`")).into());
        };
        loader.read_variables(variables).map_err(read)?;
        loader.read_objects(objects).map_err(read)?;
        let Some(Value::Object(modules)) = description.get_mut("modules").map(Value::take) else {
            return Err(read(loader.wrong(&Data(Value::Null), "`modules`")).into());
        };
        let mut later = Vec::new();
        modules.values().for_each(|value| tensor_names(value, &mut later));
        loader.tensors.check_all_taken(&later)?;
        (loader.path, loader.class) = (origin.to_owned(), "file".to_owned());
        Ok(Self { loader, modules, metadata: parsed.metadata })
    }

    /// The object of this name, of the type with which it was added; each can be taken once.
    ///
    /// # Errors
    /// [`DescribeError::NoModule`] if there is none, [`DescribeError::NotA`] if it is of another type.
    pub fn take<F: Field>(&mut self, name: &str) -> Result<F> {
        let Some(value) = self.modules.remove(name) else {
            let (given, expected) = (name.to_owned(), self.modules.keys().cloned().collect());
            return Err(DescribeError::NoModule { given, expected }.into());
        };
        name.clone_into(&mut self.loader.field);
        self.loader.extent = Extent::default();
        let path = self.loader.path.clone();
        Ok(F::read(Data(value), &mut self.loader)
            .map_err(|source| refused(&path, "file", source))?)
    }

    /// The names of the objects that have not been taken.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.modules.keys().map(String::as_str)
    }

    /// The strings that stand beside the objects.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }
}

fn check_version(description: &Value, origin: &str) -> Result<(), DescribeError> {
    let given = description.get("version").and_then(Value::as_u64).unwrap_or(u64::MAX);
    if given <= VERSION {
        return Ok(());
    }
    let by = description.get("crate").and_then(Value::as_str).unwrap_or("unknown").to_owned();
    Err(DescribeError::Version { origin: origin.to_owned(), given, by, expected: VERSION })
}

/// Adds the names of the tensors that `value` speaks of.
fn tensor_names<'v>(value: &'v Value, names: &mut Vec<&'v str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| tensor_names(item, names)),
        Value::Object(fields) => {
            names.extend(fields.get("tensor").and_then(Value::as_str));
            fields.values().for_each(|field| tensor_names(field, names));
        }
        _ => {}
    }
}
