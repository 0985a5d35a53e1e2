//! Distributions and `Arc`s of them, taken alike, one or several.

use std::sync::Arc;

use super::Distribution;

/// What can be given where a distribution is expected: a distribution, or an `Arc` of one.
pub trait IntoDistribution {
    /// The shared distribution.
    fn into_distribution(self) -> Arc<dyn Distribution>;
}

impl<D: Distribution> IntoDistribution for D {
    fn into_distribution(self) -> Arc<dyn Distribution> {
        Arc::new(self)
    }
}

impl<D: Distribution> IntoDistribution for Arc<D> {
    fn into_distribution(self) -> Arc<dyn Distribution> {
        self
    }
}

impl IntoDistribution for Arc<dyn Distribution> {
    fn into_distribution(self) -> Arc<dyn Distribution> {
        self
    }
}

impl IntoDistribution for &Arc<dyn Distribution> {
    fn into_distribution(self) -> Arc<dyn Distribution> {
        self.clone()
    }
}

/// What can be given where distributions are expected: a tuple of up to eight, each by itself or as an `Arc`, or an array, a slice or a
/// `Vec` of `Arc`s.
pub trait IntoDistributions {
    /// The shared distributions, in their order.
    fn into_distributions(self) -> Vec<Arc<dyn Distribution>>;
}

impl IntoDistributions for Vec<Arc<dyn Distribution>> {
    fn into_distributions(self) -> Self {
        self
    }
}

impl<const N: usize> IntoDistributions for [Arc<dyn Distribution>; N] {
    fn into_distributions(self) -> Vec<Arc<dyn Distribution>> {
        self.into()
    }
}

impl IntoDistributions for &[Arc<dyn Distribution>] {
    fn into_distributions(self) -> Vec<Arc<dyn Distribution>> {
        self.to_vec()
    }
}

macro_rules! tuples {
    ($($part:ident)*) => {
        impl<$($part: IntoDistribution),*> IntoDistributions for ($($part,)*) {
            fn into_distributions(self) -> Vec<Arc<dyn Distribution>> {
                #[allow(non_snake_case)]
                let ($($part,)*) = self;
                vec![$($part.into_distribution()),*]
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
