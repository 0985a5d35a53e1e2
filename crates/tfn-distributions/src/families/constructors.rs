//! The families that are their parameters: which ones each can have, and the constructor for each set of them.

/// Hands the table to the macro `$then`: each family with sets of parameters, the more special ones first.
macro_rules! for_each_family {
    ($then:ident) => {
        $then! {
            Bernoulli {
                (probs) => Self::from_probs(probs),
                (logits) => Self::from_logits(logits)
            }
            Beta { (concentration1, concentration0) => Self::new(concentration1, concentration0) }
            Binomial {
                (total_count, probs) => Self::from_probs(total_count, probs),
                (total_count, logits) => Self::from_logits(total_count, logits)
            }
            Categorical {
                (probs) => Self::from_probs(probs),
                (logits) => Self::from_logits(logits)
            }
            Cauchy { (loc, scale) => Self::new(loc, scale) }
            Chi2 { (df) => Self::new(df) }
            Deterministic { (loc) => Self::new(loc) }
            Dirichlet { (concentration) => Self::new(concentration) }
            ExpRelaxedOneHotCategorical {
                (temperature, probs) => Self::from_probs(temperature, probs),
                (temperature, logits) => Self::from_logits(temperature, logits)
            }
            Exponential { (rate) => Self::new(rate) }
            Gamma { (concentration, rate) => Self::new(concentration, rate) }
            Geometric {
                (probs) => Self::from_probs(probs),
                (logits) => Self::from_logits(logits)
            }
            Gumbel { (loc, scale) => Self::new(loc, scale) }
            HalfCauchy { (loc, scale) => Self::new(loc, scale) }
            HalfNormal { (scale) => Self::new(scale) }
            HalfStudentT { (df, loc, scale) => Self::new(df, loc, scale) }
            Horseshoe { (scale) => Self::new(scale) }
            InverseGamma { (concentration, scale) => Self::new(concentration, scale) }
            Kumaraswamy { (concentration1, concentration0) => Self::new(concentration1, concentration0) }
            Laplace { (loc, scale) => Self::new(loc, scale) }
            LogNormal { (loc, scale) => Self::new(loc, scale) }
            Logistic { (loc, scale) => Self::new(loc, scale) }
            LogitNormal { (loc, scale) => Self::new(loc, scale) }
            MatrixNormal { (loc, scale_row, scale_column) => Self::new(loc, scale_row, scale_column) }
            Multinomial {
                (total_count, probs) => Self::from_probs(total_count, probs),
                (total_count, logits) => Self::from_logits(total_count, logits)
            }
            MultivariateNormalDiag { (loc, scale_diag) => Self::new(loc, scale_diag) }
            MultivariateNormalDiagPlusLowRank {
                (loc, scale_diag, scale_perturb_factor, scale_perturb_diag) => {
                    Self::new(loc, scale_diag, scale_perturb_factor)?
                        .with_scale_perturb_diag(scale_perturb_diag)
                },
                (loc, scale_diag, scale_perturb_factor) => {
                    Self::new(loc, scale_diag, scale_perturb_factor)
                }
            }
            MultivariateNormalFullCovariance {
                (loc, covariance_matrix) => Self::new(loc, covariance_matrix)
            }
            MultivariateNormalTriL { (loc, scale_tril) => Self::new(loc, scale_tril) }
            NegativeBinomial {
                (total_count, probs) => Self::from_probs(total_count, probs),
                (total_count, logits) => Self::from_logits(total_count, logits)
            }
            Normal { (loc, scale) => Self::new(loc, scale) }
            OneHotCategorical {
                (probs) => Self::from_probs(probs),
                (logits) => Self::from_logits(logits)
            }
            Poisson {
                (log_rate) => Self::from_log_rate(log_rate),
                (rate) => Self::new(rate)
            }
            RelaxedOneHotCategorical {
                (temperature, probs) => Self::from_probs(temperature, probs),
                (temperature, logits) => Self::from_logits(temperature, logits)
            }
            StudentT { (df, loc, scale) => Self::new(df, loc, scale) }
            TruncatedNormal { (loc, scale, low, high) => Self::new(loc, scale, low, high) }
            Uniform { (low, high) => Self::new(low, high) }
            VonMises { (loc, concentration) => Self::new(loc, concentration) }
            Weibull { (concentration, scale) => Self::new(concentration, scale) }
        }
    };
}
