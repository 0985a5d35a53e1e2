//! What an attribute of a module can be.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use tfn_tensor::Variable;

use super::contract::{Module, Properties, Property};
use crate::scope::NameScope;

impl<M: Module> Property for M {
    fn visit<'a>(&'a self, properties: &mut Properties<'a>) {
        properties.module(self);
    }
}

impl Property for dyn Module {
    fn visit<'a>(&'a self, properties: &mut Properties<'a>) {
        properties.module(self);
    }
}

impl Property for Variable {
    fn visit<'a>(&'a self, properties: &mut Properties<'a>) {
        properties.variable(self);
    }
}

impl<T: Property> Property for Option<T> {
    fn visit<'a>(&'a self, properties: &mut Properties<'a>) {
        if let Some(value) = self {
            value.visit(properties);
        }
    }

    fn is_plain() -> bool {
        T::is_plain()
    }
}

impl<T: Property> Property for OnceLock<T> {
    fn visit<'a>(&'a self, properties: &mut Properties<'a>) {
        if let Some(value) = self.get() {
            value.visit(properties);
        }
    }
}

impl<T: Property + ?Sized> Property for Arc<T> {
    fn visit<'a>(&'a self, properties: &mut Properties<'a>) {
        properties.shared(&**self);
    }
}

impl<T: Property> Property for [T] {
    fn visit<'a>(&'a self, properties: &mut Properties<'a>) {
        if T::is_plain() {
            return;
        }
        for (index, item) in self.iter().enumerate() {
            properties.item(index, item);
        }
    }
}

impl<T: Property> Property for Vec<T> {
    fn visit<'a>(&'a self, properties: &mut Properties<'a>) {
        self.as_slice().visit(properties);
    }

    fn is_plain() -> bool {
        T::is_plain()
    }
}

impl<T: Property, const N: usize> Property for [T; N] {
    fn visit<'a>(&'a self, properties: &mut Properties<'a>) {
        self.as_slice().visit(properties);
    }

    fn is_plain() -> bool {
        T::is_plain()
    }
}

impl<K: AsRef<str>, T: Property> Property for BTreeMap<K, T> {
    fn visit<'a>(&'a self, properties: &mut Properties<'a>) {
        for (key, value) in self {
            properties.add(key.as_ref(), value);
        }
    }
}

// The walk sorts by key: the order of the hash does not show.
impl<K: AsRef<str>, T: Property, S> Property for HashMap<K, T, S> {
    fn visit<'a>(&'a self, properties: &mut Properties<'a>) {
        for (key, value) in self {
            properties.add(key.as_ref(), value);
        }
    }
}

macro_rules! tuples {
    ($(($($T:ident $index:tt),+))+) => {$(
        impl<$($T: Property),+> Property for ($($T,)+) {
            fn visit<'a>(&'a self, properties: &mut Properties<'a>) {
                $(properties.item($index, &self.$index);)+
            }
        }
    )+};
}
tuples! {
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
}

/// Plain data: no leaves.
macro_rules! plain {
    ($($T:ty),+ $(,)?) => {$(
        impl Property for $T {
            fn visit<'a>(&'a self, _: &mut Properties<'a>) {}

            fn is_plain() -> bool {
                true
            }
        }
    )+};
}
plain!(
    (),
    bool,
    char,
    f32,
    f64,
    i8,
    i16,
    i32,
    i64,
    i128,
    isize,
    u8,
    u16,
    u32,
    u64,
    u128,
    usize,
    String,
    &'static str,
    Cow<'static, str>,
    std::time::Duration,
    std::path::PathBuf,
    tfn_tensor::DType,
    tfn_tensor::Tensor,
    tfn_tensor::random::Key,
    NameScope,
);

impl Property for str {
    fn visit<'a>(&'a self, _: &mut Properties<'a>) {}
}

impl<T: ?Sized> Property for PhantomData<T> {
    fn visit<'a>(&'a self, _: &mut Properties<'a>) {}
}
