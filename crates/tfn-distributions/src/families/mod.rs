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

        impl From<$family> for std::sync::Arc<dyn $crate::distribution::Distribution> {
            fn from(distribution: $family) -> Self {
                std::sync::Arc::new(distribution)
            }
        }
    };
}

#[macro_use]
mod constructors;
#[macro_use]
mod joint;
/// What a family over one `distribution` answers as that does, but for `validate_args` of its own.
macro_rules! methods_of_distribution {
    () => {
        fn parameters(&self) -> Vec<ParameterSpec<'_>> {
            Vec::new()
        }

        fn dtype(&self) -> Result<DType> {
            self.distribution.dtype()
        }

        fn check_values(&self) -> Result<()> {
            self.distribution.check_values()
        }

        fn reparameterization(&self) -> Reparameterization {
            self.distribution.reparameterization()
        }

        fn validate_args(&self) -> bool {
            self.validate_args || self.distribution.validate_args()
        }
    };
}

/// The statistics of the `distribution`, brought to the shape of the whole by a method.
macro_rules! statistics_by {
    ($place:ident) => {
        fn mean(&self) -> Result<Tensor> {
            self.$place(&self.distribution.mean()?)
        }

        fn variance(&self) -> Result<Tensor> {
            self.$place(&self.distribution.variance()?)
        }

        fn stddev(&self) -> Result<Tensor> {
            self.$place(&self.distribution.stddev()?)
        }

        fn mode(&self) -> Result<Tensor> {
            self.$place(&self.distribution.mode()?)
        }
    };
}

/// Both tails of the `distribution` and their logarithms, by the method `at`.
macro_rules! tails_at {
    () => {
        fn cdf(&self, value: &Tensor) -> Result<Tensor> {
            self.at(value, &|base, x| base.cdf(x))
        }

        fn log_cdf(&self, value: &Tensor) -> Result<Tensor> {
            self.at(value, &|base, x| base.log_cdf(x))
        }

        fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
            self.at(value, &|base, x| base.survival_function(x))
        }

        fn log_survival_function(&self, value: &Tensor) -> Result<Tensor> {
            self.at(value, &|base, x| base.log_survival_function(x))
        }
    };
}

#[macro_use]
mod location_scale;
#[macro_use]
mod total_count;

/// Each file, with what the crate's users see of it.
macro_rules! families {
    ($($file:ident: $($family:ident),+;)*) => { $(
        mod $file;
        pub use $file::{$($family),+};
    )* };
}

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
    logit_normal: LogitNormal;
    masked: Masked;
    matrix_normal: MatrixNormal;
    mixture: Mixture;
    mixture_same_family: MixtureSameFamily;
    multinomial: Multinomial;
    multivariate_normal_diag: MultivariateNormalDiag;
    multivariate_normal_diag_plus_low_rank: MultivariateNormalDiagPlusLowRank;
    multivariate_normal_full_covariance: MultivariateNormalFullCovariance;
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
    von_mises: VonMises;
    weibull: Weibull;
}

mod logits_or_probs;
mod mixing;
mod mixing_quantile;
mod multivariate_normal;
mod saturated_draws;
