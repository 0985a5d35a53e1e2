//! The MNIST files that the repository carries are what its `data/mnist/README.md` says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;

use sha2::{Digest, Sha256};
use tfn_tensor::DType;
use tfn_train::data::Dataset;
use tfn_train::data::idx::{Split, load_pair};

/// The repository's copy; a published package has none, and then there is nothing to check.
fn folder() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../data/mnist");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: {} does not exist", folder.display());
    None
}

#[test]
fn checksums_hold() {
    let Some(folder) = folder() else { return };
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let expected: Vec<(&str, &str)> = readme
        .lines()
        .filter_map(|line| line.split_once("  "))
        .filter(|(sum, name)| sum.len() == 64 && name.ends_with(".gz"))
        .collect();
    assert_eq!(expected.len(), 4, "README.md lists the sha256 of four files");
    for (sum, name) in expected {
        let digest = Sha256::digest(std::fs::read(folder.join(name)).unwrap());
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, sum, "{name}");
    }
}

#[test]
fn known_facts_hold() {
    let Some(folder) = folder() else { return };
    let train = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949];
    let test = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009];
    for (split, count, mean, labels) in
        [(Split::Train, 60000, 33.3184, train), (Split::Test, 10000, 33.7912, test)]
    {
        let set = load_pair(&folder, split, 10).unwrap();
        assert_eq!((set.images.rows(), set.images.cols()), (28, 28));
        assert_eq!((set.images.count(), set.labels.count()), (count, count));
        assert!((set.images.mean_pixel() - mean).abs() < 5e-5);
        assert_eq!(set.labels.class_counts(), labels);
        let data = Dataset::from_images(&set, DType::F32).unwrap();
        assert_eq!(data.features().shape().unwrap(), [count, 784]);
        let mean_input = data.features().cast(DType::F64).mean().item().unwrap();
        assert!((mean_input * 255.0 - mean).abs() < 5e-4, "{mean_input}");
    }
}

#[test]
fn nine_is_no_class_of_a_set_of_nine() {
    let Some(folder) = folder() else { return };
    let error = load_pair(folder, Split::Test, 9).unwrap_err().to_string();
    assert!(error.contains("label 7 is 9, expected less than 9"), "{error}");
}
