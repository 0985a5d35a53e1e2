//! The sets of images, held to the size that the network takes.

use std::path::Path;

use tfn_tensor::DType;
use tfn_train::data::Dataset;
use tfn_train::data::idx::{LabelledImages, Split, load_pair};

use crate::failure::Failure;

use super::network::{CLASSES, PIXELS};

/// One pair of files, whose images must fit the first layer.
pub(super) fn load(dir: &Path, split: Split) -> Result<LabelledImages, Failure> {
    let set = load_pair(dir, split, CLASSES)?;
    if set.images.image_len() == PIXELS {
        return Ok(set);
    }
    let (rows, cols) = size(&set);
    Err(Failure::Input(format!(
        "images of {} are {rows} x {cols} pixels, expected 28 x 28",
        dir.display()
    )))
}

/// The images of another set, which must be as large as the known ones of `known_dir`.
pub(super) fn load_other(
    dir: &Path,
    known: &LabelledImages,
    known_dir: &Path,
) -> Result<Dataset, Failure> {
    let other = load_pair(dir, Split::Test, CLASSES)?;
    if size(&other) != size(known) {
        let ((rows, cols), (r, c)) = (size(&other), size(known));
        return Err(Failure::Input(format!(
            "--ood: images of {} are {rows} x {cols} pixels, expected {r} x {c} as in {}",
            dir.display(),
            known_dir.display()
        )));
    }
    Ok(Dataset::from_images(&other, DType::F32)?)
}

fn size(set: &LabelledImages) -> (usize, usize) {
    (set.images.rows(), set.images.cols())
}
