//! Bijectors and `Arc`s of them, taken alike, one or several.

use std::sync::Arc;

use super::Bijector;

/// What can be given where a bijector is expected: a bijector, or an `Arc` of one.
pub trait IntoBijector {
    /// The shared bijector.
    fn into_bijector(self) -> Arc<dyn Bijector>;
}

impl<B: Bijector> IntoBijector for B {
    fn into_bijector(self) -> Arc<dyn Bijector> {
        Arc::new(self)
    }
}

impl<B: Bijector> IntoBijector for Arc<B> {
    fn into_bijector(self) -> Arc<dyn Bijector> {
        self
    }
}

impl IntoBijector for Arc<dyn Bijector> {
    fn into_bijector(self) -> Arc<dyn Bijector> {
        self
    }
}

impl IntoBijector for &Arc<dyn Bijector> {
    fn into_bijector(self) -> Arc<dyn Bijector> {
        self.clone()
    }
}

/// What can be given where bijectors are expected: a tuple of up to eight, each by itself or as an `Arc`, or an array, a slice or a
/// `Vec` of `Arc`s.
pub trait IntoBijectors {
    /// The shared bijectors, in their order.
    fn into_bijectors(self) -> Vec<Arc<dyn Bijector>>;
}

impl IntoBijectors for Vec<Arc<dyn Bijector>> {
    fn into_bijectors(self) -> Self {
        self
    }
}

impl<const N: usize> IntoBijectors for [Arc<dyn Bijector>; N] {
    fn into_bijectors(self) -> Vec<Arc<dyn Bijector>> {
        self.into()
    }
}

impl IntoBijectors for &[Arc<dyn Bijector>] {
    fn into_bijectors(self) -> Vec<Arc<dyn Bijector>> {
        self.to_vec()
    }
}

macro_rules! tuples {
    ($($part:ident)*) => {
        impl<$($part: IntoBijector),*> IntoBijectors for ($($part,)*) {
            fn into_bijectors(self) -> Vec<Arc<dyn Bijector>> {
                #[allow(non_snake_case)]
                let ($($part,)*) = self;
                vec![$($part.into_bijector()),*]
            }
        }
    };
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);
