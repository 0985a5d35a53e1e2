//! From a description to the objects.

use std::any::{Any, TypeId, type_name};
use std::sync::Arc;

use serde_json::{Map, Value};
use tfn_tensor::{Tensor, Variable};

use super::contract::{
    AnyError, Data, Describe, Field, Loaded, Loader, Reader, Registry, Result, Shared,
};
use super::extent::Extent;
use super::refused;
use super::tensors::Tensors;
use crate::error::DescribeError;

impl<'f> Loader<'f> {
    pub(super) fn new(registry: &'f Registry, tensors: Tensors, size: usize) -> Self {
        Self {
            registry,
            tensors,
            size,
            variables: Vec::new(),
            objects: Vec::new(),
            extent: Extent::default(),
            path: String::new(),
            class: "file".to_owned(),
            field: String::new(),
        }
    }

    /// Makes the variables of a list of what they are.
    pub(super) fn read_variables(&mut self, list: &[Value]) -> Result<()> {
        for (index, described) in list.iter().enumerate() {
            self.path = format!("variables/{index}");
            let fields = described.as_object().cloned();
            let fields =
                fields.ok_or_else(|| self.wrong(&Data(described.clone()), "a variable"))?;
            let mut reader = Reader { loader: self, fields };
            let name: String = reader.field("name")?;
            let is_trainable = reader.field("trainable")?;
            let tensor: String = reader.field("tensor")?;
            let value = reader.loader.entry(&tensor)?;
            reader.finish()?;
            let variable = Variable::new(name, value)?;
            variable.set_trainable(is_trainable);
            self.variables.push(variable);
        }
        Ok(())
    }

    /// Makes the objects of a list of their descriptions. Each is made of those before it: so there is no ring, and no
    /// recursion.
    pub(super) fn read_objects(&mut self, list: &[Value]) -> Result<()> {
        for (index, described) in list.iter().enumerate() {
            (self.path, self.class) = (format!("objects/{index}"), "file".to_owned());
            let entry = |key: &str| described.get(key);
            let (Some(class), Some(path), Some(fields)) = (
                entry("class").and_then(Value::as_str),
                entry("path").and_then(Value::as_str),
                entry("fields").and_then(Value::as_object),
            ) else {
                let expected = "an object with `class`, `path` and `fields`";
                return Err(self.wrong(&Data(described.clone()), expected));
            };
            (self.path, self.class) = (path.to_owned(), class.to_owned());
            let loaded = self.read_object(class, fields.clone())?;
            self.objects.push(loaded);
        }
        Ok(())
    }

    fn read_object(&mut self, class: &str, fields: Map<String, Value>) -> Result<Loaded> {
        let (path, class) = (self.path.clone(), class.to_owned());
        let Some(known) = self.registry.classes.get(&class).copied() else {
            return Err(DescribeError::UnknownClass { path, class }.into());
        };
        self.extent = Extent::default();
        let mut reader = Reader { loader: self, fields };
        // The limits hold for each part before anything is made of it.
        let restored = (known.restore)(&mut reader);
        let object = restored.map_err(|source| refused(&path, &class, source))?;
        reader.finish()?;
        self.extent.check(&path)?;
        Ok(Loaded { class, kind: known.kind, object: Some(object), extent: self.extent })
    }

    /// The registry.
    pub fn registry(&self) -> &'f Registry {
        self.registry
    }

    /// The error that the field which is being read is `given`.
    pub fn wrong(&self, given: &Data, expected: impl Into<String>) -> AnyError {
        let mut text = given.0.to_string();
        if text.len() > 60 {
            text = text.chars().take(60).chain("…".chars()).collect();
        }
        self.wrong_as(text, expected)
    }

    fn wrong_as(&self, given: String, expected: impl Into<String>) -> AnyError {
        let (path, class) = (self.path.clone(), self.class.clone());
        let (field, expected) = (self.field.clone(), expected.into());
        DescribeError::Field { path, class, field, given, expected }.into()
    }

    /// The variable that is meant, for all who ask for it the same one.
    ///
    /// # Errors
    /// [`DescribeError::Field`] for anything else.
    pub fn variable(&mut self, data: &Data) -> Result<Variable> {
        let index = index(data, "variable").ok_or_else(|| self.wrong(data, "a variable"))?;
        let found = self.variables.get(index).cloned();
        found.ok_or_else(|| self.wrong(data, "a variable of the file"))
    }

    /// The tensor that is meant; each can be asked for once.
    ///
    /// # Errors
    /// [`DescribeError::Field`] for anything else.
    pub fn tensor(&mut self, data: &Data) -> Result<Tensor> {
        let name = only(data, "tensor").and_then(Value::as_str);
        self.entry(name.ok_or_else(|| self.wrong(data, "a tensor"))?)
    }

    fn entry(&mut self, text: &str) -> Result<Tensor> {
        self.tensors.take(text).map_err(|fault| {
            self.wrong_as(format!("the tensor `{text}`, {fault}"), "a tensor of the file, once")
        })
    }

    /// The value of type `V` that the registry has under the name.
    ///
    /// # Errors
    /// [`DescribeError::UnknownName`] if there is none; `how` says how it is given a name.
    pub fn function<V: Any + Send + Sync>(
        &mut self,
        data: &Data,
        how: &'static str,
    ) -> Result<&'f V> {
        let name = data.0.as_str().ok_or_else(|| self.wrong(data, "the name of a function"))?;
        self.registry.named::<V>(name).ok_or_else(|| {
            let (path, class, field) = (self.path.clone(), self.class.clone(), self.field.clone());
            DescribeError::UnknownName { path, class, field, given: name.to_owned(), how }.into()
        })
    }

    /// The object that is meant, as an `Arc` of `I`: for all who ask for it the same one.
    ///
    /// # Errors
    /// [`DescribeError::NotA`] for an object that is no `I`, [`DescribeError::Field`] for anything else.
    pub fn shared<I: ?Sized + 'static>(&mut self, data: &Data) -> Result<Arc<I>> {
        let expected = type_name::<I>();
        let seen = self.seen_as(data, TypeId::of::<Arc<I>>(), expected)?.downcast::<Arc<I>>();
        seen.map(|seen| *seen).map_err(|_| self.not_a(String::new(), expected))
    }

    fn seen_as(
        &mut self,
        data: &Data,
        wanted: TypeId,
        expected: &'static str,
    ) -> Result<Box<dyn Any>> {
        let (kind, class, object) = self.object(data)?;
        let object = object.ok_or_else(|| self.wrong(data, "an object that no other has"))?;
        let seen = self.registry.seen_as(kind, wanted, &object);
        seen.ok_or_else(|| self.not_a(class, expected))
    }

    /// The object that is meant, of the type `T` itself, as an `Arc`.
    ///
    /// # Errors
    /// As [`shared`](Self::shared).
    pub fn shared_as_it_is<T: Describe>(&mut self, data: &Data) -> Result<Arc<T>> {
        let (_, class, object) = self.object(data)?;
        let object = object.ok_or_else(|| self.wrong(data, "an object that no other has"))?;
        object.downcast().map_err(|_| self.not_a(class, type_name::<T>()))
    }

    /// The object that is meant, by value: nobody else can have it.
    ///
    /// # Errors
    /// As [`shared`](Self::shared).
    pub fn own<T: Describe>(&mut self, data: &Data) -> Result<T> {
        let object = self.taken(data, TypeId::of::<T>(), type_name::<T>())?;
        let object = object.and_then(|object| object.downcast::<T>().ok());
        let object = object.and_then(Arc::into_inner);
        object.ok_or_else(|| self.wrong(data, "an object that no other has"))
    }

    fn taken(
        &mut self,
        data: &Data,
        wanted: TypeId,
        expected: &'static str,
    ) -> Result<Option<Shared>> {
        let (kind, class, _) = self.object(data)?;
        if kind != wanted {
            return Err(self.not_a(class, expected));
        }
        let place = index(data, "object").and_then(|index| self.objects.get_mut(index));
        Ok(place.and_then(|place| place.object.take()))
    }

    /// Type, class and `Arc` of the object that is meant.
    fn object(&mut self, data: &Data) -> Result<(TypeId, String, Option<Shared>)> {
        let index = index(data, "object").ok_or_else(|| self.wrong(data, "an object"))?;
        let Some(loaded) = self.objects.get(index) else {
            return Err(self.wrong(data, "an object before this one"));
        };
        let (kind, class, object) = (loaded.kind, loaded.class.clone(), loaded.object.clone());
        self.extent.add(loaded.extent);
        self.extent.check(&self.path)?;
        Ok((kind, class, object))
    }

    /// The word that says what a value is, and the value.
    ///
    /// # Errors
    /// [`DescribeError::Field`] for a value without one.
    pub fn tagged(&mut self, data: Data) -> Result<(String, Data)> {
        match data.0 {
            Value::Object(map) if map.len() == 1 => {
                map.into_iter().next().map(|(tag, value)| (tag, Data(value))).ok_or("empty".into())
            }
            _ => Err(self.wrong(&data, "a value with a word that says what it is")),
        }
    }

    fn not_a(&self, class: String, expected: &'static str) -> AnyError {
        let path = [self.path.as_str(), self.field.as_str()].join("/");
        DescribeError::NotA { path, class, expected }.into()
    }
}

/// The value of a JSON object that has this key alone.
fn only<'d>(data: &'d Data, key: &str) -> Option<&'d Value> {
    let map = data.0.as_object().filter(|map| map.len() == 1)?;
    map.get(key)
}

fn index(data: &Data, key: &str) -> Option<usize> {
    usize::try_from(only(data, key)?.as_u64()?).ok()
}

impl Reader<'_, '_> {
    /// Reads a field; each can be read once.
    ///
    /// # Errors
    /// [`DescribeError::Field`] if it is not there or no such field, and what else is wrong with it.
    pub fn field<F: Field>(&mut self, name: &str) -> Result<F> {
        let data = self.take(name)?;
        F::read(data, self.loader)
    }

    fn take(&mut self, name: &str) -> Result<Data> {
        name.clone_into(&mut self.loader.field);
        let value = self.fields.remove(name).map(Data);
        value.ok_or_else(|| self.loader.wrong_as("missing".to_owned(), "a field"))
    }

    /// Number of bytes of the file: a constructor that makes more of its fields than that asks first.
    pub fn file_size(&self) -> usize {
        self.loader.size
    }

    /// Whether there is a field of this name that has not been read.
    pub fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// # Errors
    /// [`DescribeError::ExtraFields`] if there are some that nobody has read.
    fn finish(self) -> Result<()> {
        if self.fields.is_empty() {
            return Ok(());
        }
        let extra = self.fields.into_iter().map(|(name, _)| name).collect();
        let (path, class) = (self.loader.path.clone(), self.loader.class.clone());
        Err(DescribeError::ExtraFields { path, class, extra }.into())
    }
}
