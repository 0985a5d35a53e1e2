//! The families, one a file.

/// What every family of this crate has: `validate_args` as a setter, and `.into()` an `Arc`.
macro_rules! family {
    ($family:ident) => {
        impl $family {
            /// The same with its arguments and the values of its variables checked whenever they are read.
            ///
            /// Counterpart: the argument `validate_args`.
            #[must_use]
            pub fn with_validate_args(mut self, validate_args: bool) -> Self {
                self.validate_args = validate_args;
                self
            }
        }

        impl From<$family> for std::sync::Arc<dyn $crate::Distribution> {
            fn from(distribution: $family) -> Self {
                std::sync::Arc::new(distribution)
            }
        }
    };
}

mod bernoulli;
mod categorical;
mod deterministic;
mod independent;
mod joint_sequential;
mod laplace;
mod mixture_same_family;
mod multivariate_normal_diag;
mod normal;
mod one_hot_categorical;
mod sample;
mod transformed;
mod uniform;

pub use bernoulli::Bernoulli;
pub use categorical::Categorical;
pub use deterministic::Deterministic;
pub use independent::Independent;
pub use joint_sequential::JointDistributionSequential;
pub use laplace::Laplace;
pub use mixture_same_family::MixtureSameFamily;
pub use multivariate_normal_diag::MultivariateNormalDiag;
pub use normal::Normal;
pub(crate) use normal::normal_kl;
pub use one_hot_categorical::OneHotCategorical;
pub use sample::Sample;
pub use transformed::TransformedDistribution;
pub use uniform::Uniform;
