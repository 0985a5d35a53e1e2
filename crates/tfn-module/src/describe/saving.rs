//! From objects to their description.

use std::any::{Any, TypeId, type_name};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Map, json};
use tfn_tensor::{Tensor, Variable};

use super::contract::{
    Class, Data, Describe, Description, Field, FunctionId, Object, Registry, Result, Saver,
};
use super::extent::Extent;
use super::refused;
use crate::error::DescribeError;
use crate::module::Module;

impl<'r> Saver<'r> {
    pub(super) fn new(registry: &'r Registry) -> Self {
        Self {
            registry,
            path: Vec::new(),
            seen: HashMap::new(),
            objects: Vec::new(),
            variables: Vec::new(),
            known: HashMap::new(),
            tensors: BTreeMap::new(),
            extent: Extent::default(),
            open: Vec::new(),
        }
    }

    /// Names of the fields that lead to what is being written, parted by `/`.
    pub fn path(&self) -> String {
        self.path.join("/")
    }

    /// A variable: which one it is, its value, its name, and whether it is trained.
    ///
    /// # Errors
    /// None.
    pub fn variable(&mut self, variable: &Variable) -> Result<Data> {
        let index = match self.known.get(&variable.id()) {
            Some(&index) => index,
            None => {
                let entry = self.entry(variable.value());
                self.variables.push((entry, variable.clone()));
                self.known.insert(variable.id(), self.variables.len() - 1);
                self.variables.len() - 1
            }
        };
        Ok(Data(json!({ "variable": index })))
    }

    /// A tensor that never changes.
    ///
    /// # Errors
    /// [`DescribeError::Tracked`] for one that was computed from variables; the error that it carries.
    pub fn tensor(&mut self, tensor: &Tensor) -> Result<Data> {
        if tensor.clone().check()?.is_tracked() {
            return Err(DescribeError::Tracked { path: self.path() }.into());
        }
        Ok(Data(json!({ "tensor": self.entry(tensor.clone()) })))
    }

    /// A function by its name among the values of type `V` of the registry.
    ///
    /// # Errors
    /// [`DescribeError::Unnamed`] if it has none; `how` says how it is given one.
    pub fn function<V: Any>(&mut self, function: FunctionId, how: &'static str) -> Result<Data> {
        let module = || self.open.iter().rev().flatten().next().cloned().unwrap_or_default();
        let unnamed = || DescribeError::Unnamed { path: self.path(), module: module(), how };
        Ok(Data(json!(self.registry.name_of::<V>(function).ok_or_else(unnamed)?)))
    }

    /// A module behind an `Arc`, to come back as an `Arc` of `I`; in all places where it stands the same one.
    ///
    /// # Errors
    /// [`DescribeError::NotDescribed`], [`DescribeError::NotA`], [`DescribeError::Cycle`],
    /// [`DescribeError::Extent`]; what the object reports.
    pub fn shared<I: ?Sized + 'static>(&mut self, object: &dyn Module) -> Result<Data> {
        let wanted = (TypeId::of::<I>(), TypeId::of::<Arc<I>>(), type_name::<I>());
        self.shared_object(object, object.class_name(), Some(object.name()), wanted)
    }

    /// [`shared`](Self::shared) for what is no module; `class` names its type in errors.
    ///
    /// # Errors
    /// As [`shared`](Self::shared).
    pub fn shared_any<I: ?Sized + 'static>(
        &mut self,
        object: &dyn Any,
        class: &str,
    ) -> Result<Data> {
        let wanted = (TypeId::of::<I>(), TypeId::of::<Arc<I>>(), type_name::<I>());
        self.shared_object(object, class, None, wanted)
    }

    /// The object, if its type is the first of `wanted`, or can become the second.
    fn shared_object(
        &mut self,
        object: &dyn Any,
        class: &str,
        module: Option<String>,
        (itself, behind_arc, expected): (TypeId, TypeId, &'static str),
    ) -> Result<Data> {
        let kind = object.type_id();
        let (name, known) = self.class_of(kind, class)?;
        if kind != itself && !self.registry.is_seen_as(kind, behind_arc) {
            let (path, class) = (self.path(), name.to_owned());
            return Err(DescribeError::NotA { path, class, expected }.into());
        }
        let key = (std::ptr::from_ref(object).cast::<()>().addr(), kind);
        let index = match self.seen.get(&key) {
            Some(&Some(index)) => index,
            Some(None) => {
                let class = class.to_owned();
                return Err(DescribeError::Cycle { path: self.path(), class }.into());
            }
            None => {
                self.seen.insert(key, None);
                let index = self.object((name, module), known, object)?;
                self.seen.insert(key, Some(index));
                index
            }
        };
        Ok(self.reference(index))
    }

    /// An object that its holder has by value.
    ///
    /// # Errors
    /// As [`shared`](Self::shared).
    pub fn own<T: Describe>(&mut self, object: &T) -> Result<Data> {
        self.own_object(object, type_name::<T>())
    }

    fn own_object(&mut self, object: &dyn Any, class: &str) -> Result<Data> {
        let (name, known) = self.class_of(object.type_id(), class)?;
        let index = self.object((name, None), known, object)?;
        Ok(self.reference(index))
    }

    /// Writes an item of a field whose value is a list or a map.
    ///
    /// # Errors
    /// What it reports.
    pub fn item<F: Field>(&mut self, name: &str, item: &F) -> Result<Data> {
        self.path.push(name.to_owned());
        let value = item.write(self);
        self.path.pop();
        value
    }

    /// A value with a word that says what it is.
    ///
    /// # Errors
    /// What the value reports.
    pub fn tagged<F: Field>(&mut self, tag: &str, value: &F) -> Result<Data> {
        Ok(Data(json!({ tag: value.write(self)?.0 })))
    }

    fn class_of(&self, kind: TypeId, class: &str) -> Result<(&'r str, Class)> {
        let registry = self.registry;
        let unknown = || DescribeError::NotDescribed { path: self.path(), class: class.to_owned() };
        let (name, known) = registry.class_of(kind).ok_or_else(unknown)?;
        Ok((name, *known))
    }

    /// Describes an object, and gives its number.
    fn object(
        &mut self,
        (class, name): (&str, Option<String>),
        known: Class,
        object: &dyn Any,
    ) -> Result<usize> {
        let path = self.path();
        // Before the recursion, which the extent itself is only known after.
        Extent { height: self.open.len(), size: 0 }.check(&path)?;
        let around = std::mem::take(&mut self.extent);
        self.open.push(name);
        let mut description = Description { saver: self, fields: Map::new() };
        let described = (known.describe)(object, &mut description);
        let fields = description.fields;
        let name = self.open.pop().flatten();
        let extent = std::mem::replace(&mut self.extent, around);
        described.map_err(|source| refused(&path, class, source))?;
        extent.check(&path)?;
        self.objects.push(Object { class: class.to_owned(), path, name, fields, extent });
        Ok(self.objects.len() - 1)
    }

    fn reference(&mut self, index: usize) -> Data {
        self.extent.add(self.objects[index].extent);
        Data(json!({ "object": index }))
    }

    /// Adds a tensor to the file, under the path of what is being written.
    fn entry(&mut self, tensor: Tensor) -> String {
        let path = self.path();
        let numbered = |number: usize| match number {
            0 => path.clone(),
            _ => format!("{path}#{number}"),
        };
        let free = (0..).map(numbered).find(|name| !self.tensors.contains_key(name));
        let name = free.unwrap_or_default();
        self.tensors.insert(name.clone(), tensor);
        name
    }
}

impl Description<'_, '_> {
    /// Names of the fields that lead to the object, parted by `/`.
    pub fn path(&self) -> String {
        self.saver.path()
    }

    /// Writes down a field.
    ///
    /// # Errors
    /// [`DescribeError`] that names the field, if it has no form as data.
    pub fn field<F: Field>(&mut self, name: &str, value: &F) -> Result<&mut Self> {
        let Data(value) = self.saver.item(name, value)?;
        self.fields.insert(name.to_owned(), value);
        Ok(self)
    }
}
