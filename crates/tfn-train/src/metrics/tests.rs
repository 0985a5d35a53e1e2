use tfn_tensor::{DType, Tensor};

use super::*;
use crate::error::Result;

pub(super) fn scores(probs: &[f64], labels: &[f64]) -> Result<Classification> {
    let rows = labels.len();
    let probs = Tensor::from_f64(probs, &[rows, probs.len() / rows], DType::F64);
    Classification::new(&probs, &Tensor::from_vec(labels.to_vec(), &[rows]))
}
