//! What the families with a `total_count` share.

use crate::error::{DistributionError, Result};
use crate::parameter::Parameter;

/// Checks that both have the same `total_count` everywhere: only then is there a closed form.
pub(super) fn check_equal(family: &'static str, q: &Parameter, p: &Parameter) -> Result<()> {
    let equal = q.value().detach().eq(&p.value().detach());
    if equal.to_f64_vec()?.iter().all(|&equal| equal == 1.0) {
        return Ok(());
    }
    Err(DistributionError::NoKlRule {
        q: family.into(),
        p: family.into(),
        tried: vec![format!("{family} || {family} of equal `total_count`")],
    })
}

/// Both tails and their logarithms, by the method `tail::<UPPER, LOG>`.
macro_rules! tails_of_trials {
    () => {
        fn cdf(&self, value: &Tensor) -> Result<Tensor> {
            Ok(self.tail::<false, false>(value))
        }

        fn log_cdf(&self, value: &Tensor) -> Result<Tensor> {
            Ok(self.tail::<false, true>(value))
        }

        fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
            Ok(self.tail::<true, false>(value))
        }

        fn log_survival_function(&self, value: &Tensor) -> Result<Tensor> {
            Ok(self.tail::<true, true>(value))
        }
    };
}
