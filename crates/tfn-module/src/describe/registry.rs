//! Which types and functions files can name.

use std::any::{Any, TypeId};
use std::marker::PhantomData;
use std::sync::Arc;

use super::contract::{
    Added, Cast, Class, Describe, Description, FunctionId, Reader, Registry, Result, Shared,
};

impl Registry {
    /// A registry that knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a type under its [class](Describe::class). A class that was there already is from now on this type.
    ///
    /// # Examples
    /// See [`Describe`], and for traits [`Added::seen_as`].
    pub fn add<T: Describe>(&mut self) -> Added<'_, T> {
        let (kind, describe, restore) = (TypeId::of::<T>(), described::<T>, restored::<T>);
        self.add_class(T::class(), Class { kind, describe, restore });
        Added { registry: self, kind: PhantomData }
    }

    /// Gives a value a name that files know it by, such as the [function](FunctionId) of a layer.
    ///
    /// # Examples
    /// ```
    /// use tfn_module::describe::{FunctionId, Registry};
    ///
    /// struct Activation(fn(f64) -> f64);
    ///
    /// let mut registry = Registry::new();
    /// registry.name("sqrt", FunctionId::of(&f64::sqrt), Activation(f64::sqrt));
    /// assert_eq!(registry.name_of::<Activation>(FunctionId::of(&f64::sqrt)), Some("sqrt"));
    /// assert_eq!(registry.named::<Activation>("sqrt").map(|f| f.0(4.0)), Some(2.0));
    /// ```
    pub fn name<V: Any + Send + Sync>(&mut self, name: &str, function: FunctionId, value: V) {
        self.add_named(TypeId::of::<V>(), name, function, Arc::new(value));
    }

    // What is behind the generic methods is compiled once, and not for each type.

    fn add_class(&mut self, name: String, class: Class) {
        self.types.insert(class.kind, name.clone());
        self.classes.insert(name, class);
    }

    fn add_cast(&mut self, key: (TypeId, TypeId), cast: Cast) {
        self.casts.insert(key, cast);
    }

    fn add_named(&mut self, kind: TypeId, name: &str, function: FunctionId, value: Shared) {
        if let Some(function) = function.0 {
            self.functions.insert((kind, function), name.to_owned());
        }
        self.named.insert((kind, name.to_owned()), value);
    }

    /// The name of a function among the values of type `V`.
    pub fn name_of<V: Any>(&self, function: FunctionId) -> Option<&str> {
        self.functions.get(&(TypeId::of::<V>(), function.0?)).map(String::as_str)
    }

    /// The value of type `V` of this name.
    pub fn named<V: Any + Send + Sync>(&self, name: &str) -> Option<&V> {
        self.named.get(&(TypeId::of::<V>(), name.to_owned()))?.downcast_ref()
    }

    /// All classes, in alphabetical order.
    pub fn classes(&self) -> Vec<&str> {
        let mut classes: Vec<&str> = self.classes.keys().map(String::as_str).collect();
        classes.sort_unstable();
        classes
    }

    /// How an object of type `kind` is described, under which class, if it can then come back as `I`.
    pub(super) fn class_of(&self, kind: TypeId) -> Option<(&str, &Class)> {
        let (class, found) = self.classes.get_key_value(self.types.get(&kind)?)?;
        (found.kind == kind).then_some((class, found))
    }

    /// Whether an `Arc` of the type `kind` can become one of the type `wanted`.
    pub(super) fn is_seen_as(&self, kind: TypeId, wanted: TypeId) -> bool {
        self.casts.contains_key(&(kind, wanted))
    }

    /// The `Arc` of an object of the type `kind` as one of the type `wanted`, in a box.
    pub(super) fn seen_as(
        &self,
        kind: TypeId,
        wanted: TypeId,
        object: &Shared,
    ) -> Option<Box<dyn Any>> {
        self.casts.get(&(kind, wanted))?(object)
    }
}

fn described<T: Describe>(object: &dyn Any, description: &mut Description<'_, '_>) -> Result<()> {
    object.downcast_ref::<T>().map_or(Ok(()), |object| object.describe(description))
}

fn restored<T: Describe>(reader: &mut Reader<'_, '_>) -> Result<Shared> {
    Ok(Arc::new(T::restore(reader)?))
}

impl<T: Describe> Added<'_, T> {
    /// Says that the type can stand where an `Arc` of a trait is asked for.
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    /// use tfn_module::describe::{AnyError, Describe, Description, FileReader, FileWriter, Reader, Registry};
    /// use tfn_module::{Module, open_trait};
    ///
    /// trait Layer: Module + LayerCopy {
    ///     fn call(&self, x: f64) -> f64;
    /// }
    /// open_trait!(pub(crate) Layer, LayerCopy);
    ///
    /// #[derive(Module)]
    /// struct Double;
    ///
    /// impl Layer for Double {
    ///     fn call(&self, x: f64) -> f64 {
    ///         2.0 * x
    ///     }
    /// }
    ///
    /// impl Describe for Double {
    ///     fn class() -> String {
    ///         "mine.Double".to_owned()
    ///     }
    ///     fn describe(&self, _: &mut Description<'_, '_>) -> Result<(), AnyError> {
    ///         Ok(())
    ///     }
    ///     fn restore(_: &mut Reader<'_, '_>) -> Result<Self, AnyError> {
    ///         Ok(Self)
    ///     }
    /// }
    ///
    /// let mut registry = Registry::new();
    /// registry.add::<Double>().seen_as::<dyn Layer>(|layer| layer);
    /// let double: Arc<dyn Layer> = Arc::new(Double);
    /// let bytes = FileWriter::new(&registry).add("layers", &vec![double.clone(), double])?.to_bytes()?;
    /// let layers: Vec<Arc<dyn Layer>> = FileReader::from_bytes(&bytes, &registry)?.take("layers")?;
    /// assert_eq!(layers[0].call(3.0), 6.0);
    /// assert!(Arc::ptr_eq(&layers[0], &layers[1]));
    /// # Ok::<(), AnyError>(())
    /// ```
    #[allow(clippy::return_self_not_must_use, reason = "the registry has it")]
    pub fn seen_as<I: ?Sized + 'static>(self, cast: fn(Arc<T>) -> Arc<I>) -> Self {
        let key = (TypeId::of::<T>(), TypeId::of::<Arc<I>>());
        let cast = move |object: &Shared| -> Option<Box<dyn Any>> {
            Some(Box::new(cast(object.clone().downcast::<T>().ok()?)))
        };
        self.registry.add_cast(key, Box::new(cast));
        self
    }
}

impl FunctionId {
    /// That of `function`.
    pub fn of<F: Any>(function: &F) -> Self {
        Self((size_of_val(function) == 0).then(TypeId::of::<F>))
    }

    /// Whether it can be told which function it is: one that captures values, or a pointer, is any of many.
    pub fn is_known(self) -> bool {
        self.0.is_some()
    }
}
