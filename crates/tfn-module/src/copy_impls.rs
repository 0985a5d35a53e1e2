//! Deep copies of variables, collections and plain data.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;
use std::sync::OnceLock;

use tfn_tensor::Variable;

use crate::copy::{Copies, DeepCopy};
use crate::scope::NameScope;

impl DeepCopy for Variable {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        copies.variable(self)
    }
}

impl<T: DeepCopy> DeepCopy for Option<T> {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        self.as_ref().map(|value| value.deep_copy_with(copies))
    }
}

impl<T: DeepCopy> DeepCopy for OnceLock<T> {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        match self.get() {
            Some(value) => Self::from(value.deep_copy_with(copies)),
            None => Self::new(),
        }
    }
}

impl<T: DeepCopy> DeepCopy for Vec<T> {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        self.iter().map(|item| item.deep_copy_with(copies)).collect()
    }
}

impl<T: DeepCopy, const N: usize> DeepCopy for [T; N] {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        std::array::from_fn(|index| self[index].deep_copy_with(copies))
    }
}

impl<K: Clone + Ord, T: DeepCopy> DeepCopy for BTreeMap<K, T> {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        self.iter().map(|(key, value)| (key.clone(), value.deep_copy_with(copies))).collect()
    }
}

impl<K: Clone + Eq + Hash, T: DeepCopy, S: BuildHasher + Clone> DeepCopy for HashMap<K, T, S> {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        let mut copy = Self::with_capacity_and_hasher(self.len(), self.hasher().clone());
        for (key, value) in self {
            copy.insert(key.clone(), value.deep_copy_with(copies));
        }
        copy
    }
}

macro_rules! tuples {
    ($(($($T:ident $index:tt),+))+) => {$(
        impl<$($T: DeepCopy),+> DeepCopy for ($($T,)+) {
            fn deep_copy_with(&self, copies: &mut Copies) -> Self {
                ($(self.$index.deep_copy_with(copies),)+)
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

/// Plain data: a clone is a copy.
macro_rules! plain {
    ($($T:ty),+ $(,)?) => {$(
        impl DeepCopy for $T {
            fn deep_copy_with(&self, _: &mut Copies) -> Self {
                self.clone()
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

impl<T: ?Sized> DeepCopy for PhantomData<T> {
    fn deep_copy_with(&self, _: &mut Copies) -> Self {
        Self
    }
}
