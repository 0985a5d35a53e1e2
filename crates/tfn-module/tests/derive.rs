//! What the derive writes: attributes, names, scopes, generics, enums.

#![allow(clippy::unwrap_used)]

use std::marker::PhantomData;
use std::sync::Arc;

use tfn_module::{
    Module, NameScope, Property, Tensor, TensorError, Variable, deep_copy, named_variables,
};

fn variable(name: &str) -> Variable {
    Variable::new(name, Tensor::scalar(0.0)).unwrap()
}

fn paths<M: Module + ?Sized>(module: &M) -> Vec<String> {
    named_variables(module).into_iter().map(|(path, _)| path).collect()
}

#[derive(Module)]
struct MyMLPLayer {
    #[module(rename = "_kernel")]
    kernel: Variable,
    bias: Variable,
    #[module(skip)]
    hidden: Variable,
    r#type: Variable,
}

#[test]
fn fields_are_attributes_unless_skipped() {
    let layer = MyMLPLayer {
        kernel: variable("k"),
        bias: variable("b"),
        hidden: variable("h"),
        r#type: variable("t"),
    };
    assert_eq!(paths(&layer), ["_kernel", "bias", "type"]);
    assert_eq!((layer.class_name(), layer.name().as_str()), ("MyMLPLayer", "my_mlp_layer"));
    let copy = deep_copy(&layer).unwrap();
    assert_eq!(copy.hidden, layer.hidden, "skipped fields are cloned");
    assert_ne!(copy.bias, layer.bias);
}

#[derive(Module)]
struct Unit;

#[derive(Module)]
struct Tuple(
    Variable,
    #[module(skip)] fn(f64) -> f64,
    #[module(rename = "last")] Variable,
    Variable,
);

#[derive(Module)]
#[module(name = "explicit")]
struct Explicit {}

#[test]
fn tuples_are_numbered_and_units_are_empty() {
    let tuple = Tuple(variable("a"), f64::sin, variable("b"), variable("c"));
    assert_eq!(paths(&tuple), ["0", "3", "last"]);
    assert_eq!((tuple.1)(0.0), 0.0);
    assert!(Unit.variables().is_empty());
    assert_eq!(Explicit {}.name(), "explicit");
    assert_eq!(Explicit {}.name_scope().name(), "explicit/");
}

#[derive(Module)]
enum Bias {
    None,
    Shared(Arc<Tuple>, Variable),
    Own {
        value: Variable,
        #[module(skip)]
        note: String,
    },
}

#[test]
fn an_enum_has_the_attributes_of_its_variant() {
    assert!(Bias::None.variables().is_empty());
    let tuple = Arc::new(Tuple(variable("a"), f64::sin, variable("b"), variable("c")));
    let shared = Bias::Shared(tuple, variable("d"));
    assert_eq!(paths(&shared), ["1", "0/0", "0/3", "0/last"]);
    let own = Bias::Own { value: variable("v"), note: "kept".into() };
    assert_eq!(paths(&own), ["value"]);
    assert_eq!(own.name(), "bias");
    let Bias::Own { value, note } = deep_copy(&own).unwrap() else { unreachable!() };
    assert_eq!((value.name(), note.as_str()), ("v", "kept"));
    assert_ne!(own.variables(), [value]);
}

#[derive(Module)]
enum Never {}

#[test]
fn an_empty_enum_is_a_module() {
    fn is_module<M: Module>() {}
    is_module::<Never>();
}

trait Family: Send + Sync + 'static {
    type Parameter: Property + tfn_module::DeepCopy + Send + Sync;
}

struct Gaussian;

impl Family for Gaussian {
    type Parameter = Variable;
}

/// Nothing of these is `Property`, `Clone` or `DeepCopy`, and nothing of it need be.
struct Marker;

#[derive(Module)]
struct Generic<T, F: Family, P, const N: usize>
where
    T: Module,
{
    items: [T; N],
    parameter: F::Parameter,
    marker: PhantomData<P>,
}

#[derive(Module)]
struct Recursive<T> {
    value: T,
    next: Option<Arc<Recursive<T>>>,
}

#[derive(Module)]
struct Held<M: Module + ?Sized> {
    inner: Arc<M>,
}

#[derive(Module)]
struct Lambda<F> {
    w: Variable,
    #[module(skip)]
    f: F,
}

#[test]
fn generics_are_bounded_by_their_use() {
    let generic = Generic::<_, Gaussian, Marker, 2> {
        items: [
            Recursive { value: variable("a"), next: None },
            Recursive { value: variable("b"), next: None },
        ],
        parameter: variable("p"),
        marker: PhantomData,
    };
    assert_eq!(paths(&generic), ["parameter", "items/0/value", "items/1/value"]);
    assert_eq!(generic.name(), "generic");
    assert_eq!(generic.class_name(), "Generic");
    assert_eq!(deep_copy(&generic).unwrap().variables().len(), 3);

    let inner = Arc::new(Recursive { value: variable("b"), next: None });
    let outer = Recursive { value: variable("a"), next: Some(inner.clone()) };
    assert_eq!(paths(&deep_copy(&outer).unwrap()), ["value", "next/value"]);

    let held = Held { inner };
    assert_eq!(paths(&deep_copy(&held).unwrap()), ["inner/value"]);
    let any: Held<dyn Module> = Held { inner: Arc::new(Unit) };
    assert_eq!(any.submodules().len(), 1);

    #[derive(Module)]
    struct Elsewhere<M>
    where
        M: Module + ?Sized,
    {
        inner: Option<Arc<M>>,
        #[module(skip)]
        weak: std::sync::Weak<M>,
    }
    let elsewhere = Elsewhere { inner: Some(Arc::new(Unit)), weak: std::sync::Weak::new() };
    assert_eq!(deep_copy(&elsewhere).unwrap().submodules().len(), 1);
    assert!(elsewhere.weak.upgrade().is_none());

    let factor = 2.0;
    let lambda = Lambda { w: variable("w"), f: move |x: f64| factor * x };
    let copy = deep_copy(&lambda).unwrap();
    assert_eq!((copy.f)(3.0), 6.0);
    assert_ne!(copy.w, lambda.w);
}

#[derive(Module)]
#[module(no_deep_copy)]
struct Alone {
    any: Vec<Arc<dyn Module>>,
    #[module(skip)]
    lock: std::sync::Mutex<()>,
}

#[test]
fn what_cannot_be_copied_can_still_be_walked() {
    let alone = Alone { any: vec![Arc::new(Unit)], lock: std::sync::Mutex::new(()) };
    assert_eq!(alone.submodules().len(), 1);
    assert!(alone.lock.try_lock().is_ok());
}

mod elsewhere {
    pub(crate) use tfn_module as inner;
}

#[derive(Module)]
#[module(crate = elsewhere::inner)]
struct Moved {
    w: Variable,
}

#[test]
fn the_crate_can_be_named() {
    assert_eq!(paths(&Moved { w: variable("w") }), ["w"]);
}

macro_rules! layer {
    ($name:ident, $field:ident: $T:ty) => {
        #[derive(Module)]
        struct $name {
            $field: $T,
        }
    };
}
layer!(FromMacro, w: Option<Variable>);

#[test]
fn the_derive_works_inside_another_macro() {
    assert_eq!(paths(&FromMacro { w: Some(variable("w")) }), ["w"]);
}

/// Like a tf.Module that is made under a name, in the scope it is made in.
#[derive(Module)]
struct Inner {
    #[module(name)]
    name: String,
    #[module(scope)]
    scope: NameScope,
    w: std::sync::OnceLock<Variable>,
}

impl Inner {
    fn new(outside: &NameScope, name: &str) -> Self {
        Self { name: name.into(), scope: outside.child(name), w: std::sync::OnceLock::new() }
    }

    fn call(&self) -> Result<(), TensorError> {
        self.w.set(self.with_name_scope(|scope| scope.variable("w", Tensor::scalar(0.0)))?).ok();
        Ok(())
    }
}

#[derive(Module)]
struct Outer {
    #[module(name)]
    name: String,
    b: Variable,
    s: Variable,
    k: std::sync::OnceLock<Variable>,
    child: Inner,
    inside: Inner,
}

impl Outer {
    fn new(name: &str) -> Result<Self, TensorError> {
        let scope = NameScope::root().child(name);
        Ok(Self {
            name: name.into(),
            b: Variable::new("b", Tensor::scalar(0.0))?,
            s: scope.variable("s", Tensor::scalar(0.0))?,
            k: std::sync::OnceLock::new(),
            child: Inner::new(&NameScope::root(), "inner"),
            inside: Inner::new(&scope, "inside"),
        })
    }

    fn call(&self) -> Result<(), TensorError> {
        self.child.call()?;
        self.inside.call()?;
        self.k.set(self.with_name_scope(|scope| scope.variable("k", Tensor::scalar(0.0)))?).ok();
        Ok(())
    }
}

#[test]
fn variables_are_named_by_the_scope_of_their_module() -> Result<(), TensorError> {
    let outer = Outer::new("outer")?;
    outer.call()?;
    assert_eq!(outer.name(), "outer");
    assert_eq!(outer.name_scope().name(), "outer/");
    assert_eq!(outer.child.name_scope().name(), "inner/");
    assert_eq!(outer.inside.name_scope().name(), "outer/inside/");
    let names: Vec<String> = outer.variables().iter().map(|v| v.name().to_owned()).collect();
    assert_eq!(names, ["b", "outer/k", "outer/s", "inner/w", "outer/inside/w"]);

    let custom = Outer::new("custom")?;
    custom.call()?;
    assert_eq!(custom.name_scope().name(), "custom/");
    let names: Vec<String> = custom.variables().iter().map(|v| v.name().to_owned()).collect();
    assert_eq!(names, ["b", "custom/k", "custom/s", "inner/w", "custom/inside/w"]);
    Ok(())
}
