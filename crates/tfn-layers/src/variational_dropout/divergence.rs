//! The divergence of multiplicative normal noise from a prior without a scale.

use tfn_distributions::Distribution;
use tfn_module::find;
use tfn_tensor::Tensor;

use super::prior::ScaleFree;
use super::scale::DropoutScale;
use crate::divergence::PosteriorValue;
use crate::error::{LayerError, Result};

/// Coefficients of `α`, `α²` and `α³`.
const C: [f64; 3] = [1.161_451_24, -1.502_041_18, 0.586_299_21];

/// The divergence of posteriors `N(loc, α loc²)` from the prior `p(w) ∝ 1/|w|`, summed over all weights: a scalar, up to a constant. It does not
/// read `w`.
///
/// ```text
/// −KL ≈ ½ ln α + 1.16145124 α − 1.50204118 α² + 0.58629921 α³
/// ```
///
/// for each weight, whatever `loc`. For `α` up to 1, the only ones that a [`DropoutScale`] has, this is within 0.02 of the integral plus a
/// constant. As the prior is improper the constant means nothing, and the divergence can be below 0.
///
/// # Errors
/// [`LayerError::Argument`] for other posteriors than those of [`VariationalDropout`](crate::VariationalDropout) and
/// [`Builder::variational_dropout`](crate::Builder::variational_dropout), and for other priors than [`ScaleFree`].
///
/// # References
/// D. P. Kingma, T. Salimans and M. Welling, *Variational dropout and the local reparameterization trick*, NIPS 2015, arXiv 1506.02557, equation 14 and appendix C.
pub fn kl_divergence_variational_dropout(
    q: &dyn Distribution,
    r: &dyn Distribution,
    w: &PosteriorValue<'_>,
) -> Result<Tensor> {
    let _ = w;
    let wrong = |argument, given: &dyn Distribution, expected: &str| LayerError::Argument {
        layer: "kl_divergence_variational_dropout".to_owned(),
        argument,
        given: given.family().to_owned(),
        expected: expected.to_owned(),
    };
    let parts = q.parts().map_or(1, <[_]>::len);
    let scales = find::<DropoutScale>(q);
    if scales.len() != parts {
        return Err(wrong("q", q, "posteriors of variational dropout"));
    }
    if find::<ScaleFree>(r).len() != parts {
        return Err(wrong("r", r, "priors `ScaleFree`"));
    }
    let terms = scales.into_iter().map(|(_, scale)| of_part(scale));
    let sum = terms.reduce(|sum, term| Ok((sum? + term?).check()?));
    sum.unwrap_or_else(|| Err(wrong("q", q, "at least one part")))
}

/// The sum over the weights of one part.
fn of_part(scale: &DropoutScale) -> Result<Tensor> {
    let (alpha, [first, second, third]) = (scale.alpha(), C);
    let polynomial = ((&alpha * third + second) * &alpha + first) * &alpha;
    let each = -(scale.log_alpha() * 0.5 + polynomial);
    Ok(each.broadcast_to(&scale.shape).sum().check()?)
}
