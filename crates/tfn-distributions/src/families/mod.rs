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

#[macro_use]
mod joint;
#[macro_use]
mod location_scale;

/// Each file, with what the crate's users see of it.
macro_rules! families {
    ($($file:ident: $($family:ident),+;)*) => { $(
        mod $file;
        pub use $file::{$($family),+};
    )* };
}

mod linear_scale;

families! {
    batch_broadcast: BatchBroadcast;
    batch_reshape: BatchReshape;
    bernoulli: Bernoulli;
    beta: Beta;
    binomial: Binomial;
    categorical: Categorical;
    cauchy: Cauchy;
    chi2: Chi2;
    deterministic: Deterministic;
    dirichlet: Dirichlet;
    exponential: Exponential;
    gamma: Gamma;
    geometric: Geometric;
    gumbel: Gumbel;
    half_cauchy: HalfCauchy;
    half_normal: HalfNormal;
    half_student_t: HalfStudentT;
    horseshoe: Horseshoe;
    independent: Independent;
    inverse_gamma: InverseGamma;
    joint_named: JointDistributionNamed;
    joint_sequential: JointDistributionSequential;
    kumaraswamy: Kumaraswamy;
    laplace: Laplace;
    log_normal: LogNormal;
    log_uniform: LogUniform;
    logistic: Logistic;
    masked: Masked;
    matrix_normal: MatrixNormal;
    mixture: Mixture;
    mixture_same_family: MixtureSameFamily;
    multinomial: Multinomial;
    multivariate_normal_diag: MultivariateNormalDiag;
    multivariate_normal_diag_plus_low_rank: MultivariateNormalDiagPlusLowRank;
    multivariate_normal_tril: MultivariateNormalTriL;
    negative_binomial: NegativeBinomial;
    normal: Normal;
    one_hot_categorical: OneHotCategorical;
    poisson: Poisson;
    relaxed_one_hot_categorical: ExpRelaxedOneHotCategorical, RelaxedOneHotCategorical;
    sample: Sample;
    student_t: StudentT;
    transformed: TransformedDistribution;
    truncated_normal: TruncatedNormal;
    uniform: Uniform;
    weibull: Weibull;
}

mod joint_part;
mod logits_or_probs;
mod mixing;
mod total_count;

pub use joint::JointModel;
pub use joint_part::{Earlier, JointPart};
pub(crate) use linear_scale::LinearNormal;
pub(crate) use normal::normal_kl;
