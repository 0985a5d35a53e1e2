//! Distributions and `Arc`s of them, taken alike.

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
