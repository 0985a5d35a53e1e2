//! Normal numbers and vectors as tensors: what families and divergences compute alike.

mod linear_normal;
mod linear_scale;

pub use linear_normal::LinearNormal;
pub(crate) use linear_scale::LinearScale;

use tfn_tensor::Tensor;

use crate::axes::sum_last;
use crate::masking::constant;

/// `ln sqrt(2πe)`, the entropy of the standard normal.
pub(crate) const STANDARD_ENTROPY: f64 = 1.418_938_533_204_672_7;

/// Divergence of each entry between normals given by `(loc, scale)`.
///
/// ```text
/// ((loc_q − loc_p)/scale_p)²/2 + (r² − 1)/2 − ln r,   r = scale_q/scale_p
/// ```
/// Exactly 0 where both are equal.
pub(crate) fn normal_kl(q: &(Tensor, Tensor), p: &(Tensor, Tensor)) -> Tensor {
    Tensor::normal_kl(&q.0, &q.1, &p.0, &p.1)
}

/// The diagonal of triangular matrices and the sum of the squares beside it.
pub(crate) fn triangle_parts(triangle: &Tensor) -> (Tensor, Tensor) {
    let diagonal = triangle.diag_part();
    let beside = sum_last(&(triangle - diagonal.matrix_diag()).square(), 2);
    (diagonal, beside)
}

/// Divergence of each normal from the standard normal: exactly 0 where it is one, so that nothing cancels near equality.
pub(crate) fn kl_to_standard(loc: &Tensor, scale: &Tensor) -> Tensor {
    Tensor::normal_kl(loc, scale, &constant(0.0, loc), &constant(1.0, scale))
}
