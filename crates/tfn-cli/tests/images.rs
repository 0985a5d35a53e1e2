//! `tfn images` as a user has it: folders of image files in, figures, notes and exit codes out.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn tfn(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tfn")).args(args).current_dir(folder).output().unwrap()
}

/// What it writes to standard output and to standard error; it must succeed.
fn succeeds(folder: &Path, args: &[&str]) -> (String, String) {
    let output = tfn(folder, args);
    let [out, notes] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{args:?}: {notes}");
    (out, notes)
}

/// It must end with this exit code, write nothing to standard output, and say all of `parts`.
#[track_caller]
fn fails(folder: &Path, args: &[&str], code: i32, parts: &[&str]) {
    let output = tfn(folder, args);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
    assert!(output.stdout.is_empty() && !text.contains("panicked"), "{args:?}: {text}");
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

/// An IDX file of unsigned bytes.
fn idx(sizes: &[u32], data: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, sizes.len() as u8];
    file.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
    file.extend(data);
    file
}

/// A pair of files: image `i` is of digit `i % 10`, a bright stripe whose place says which.
fn write_pair(folder: &Path, split: &str, [count, rows, cols]: [u32; 3]) {
    fs::create_dir_all(folder).unwrap();
    let pixels = rows * cols;
    let labels: Vec<u8> = (0..count).map(|image| (image % 10) as u8).collect();
    let pixel = |image: u32, at: u32| match at * 10 / pixels == image % 10 {
        true => 200 + ((at * 7 + image * 13) % 50) as u8,
        false => ((at * 11 + image * 17) % 60) as u8,
    };
    let images: Vec<u8> =
        (0..count).flat_map(|image| (0..pixels).map(move |at| pixel(image, at))).collect();
    let file = |kind: &str| folder.join(format!("{split}-{kind}-ubyte"));
    fs::write(file("images-idx3"), idx(&[count, rows, cols], &images)).unwrap();
    fs::write(file("labels-idx1"), idx(&[count], &labels)).unwrap();
}

/// The figures but the seconds, which are another run's.
fn figures(text: &str) -> Value {
    let mut figures: Value = serde_json::from_str(text).unwrap();
    assert!(figures["seconds"].as_f64().unwrap() > 0.0);
    figures["seconds"] = Value::Null;
    figures
}

#[test]
fn what_is_trained_is_saved_and_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write_pair(&path.join("set"), "train", [40, 28, 28]);
    write_pair(&path.join("set"), "t10k", [20, 28, 28]);
    write_pair(&path.join("other"), "t10k", [10, 28, 28]);
    let common = ["images", "set", "--ood", "other", "--epochs", "1", "--samples", "4"];
    let with = |rest: &[&str]| succeeds(path, &[&common[..], rest].concat());

    let (trained, notes) = with(&["--batch", "8", "--save", "nets", "--json"]);
    assert!(notes.contains("bnn") && notes.contains("twin"), "no lines of epochs in: {notes}");
    assert!(notes.contains("saved to nets"), "{notes}");
    let trained = figures(&trained);
    for name in ["test_error", "nll", "ece", "deterministic_nll", "auroc", "deterministic_auroc"] {
        assert!(trained[name].as_f64().unwrap().is_finite(), "{name}: {trained}");
    }
    assert_eq!((&trained["prior"], &trained["epochs"]), (&"blundell".into(), &1.into()));
    assert_eq!(trained["rejection"].as_array().unwrap().len(), 6);

    // On any number of threads, without the training pair, and without a word where none is wanted.
    for file in ["images-idx3", "labels-idx1"] {
        fs::remove_file(path.join(format!("set/train-{file}-ubyte"))).unwrap();
    }
    let (loaded, notes) = with(&["--load", "nets", "--threads", "1", "--json"]);
    assert_eq!(figures(&loaded), trained);
    assert_eq!(notes.trim_end(), "loaded from nets");
    let (text, notes) = with(&["--load", "nets", "--quiet"]);
    assert_eq!(notes, "");
    for part in ["test error", "Bayesian", "declined", "(AUROC)", "most doubtful", "s in all"] {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
    fails(path, &common, 1, &["no such file, tried", "train-images-idx3-ubyte"]);
}

#[test]
fn a_second_set_of_another_image_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write_pair(&path.join("known"), "t10k", [2, 28, 28]);
    // As many pixels, in another shape.
    write_pair(&path.join("other"), "t10k", [2, 14, 56]);
    write_pair(&path.join("small"), "t10k", [2, 8, 8]);
    let parts = ["--ood: images of other are 14 x 56 pixels, expected 28 x 28 as in known"];
    fails(path, &["images", "known", "--ood", "other"], 1, &parts);
    let parts = ["images of small are 8 x 8 pixels, expected 28 x 28"];
    fails(path, &["images", "small"], 1, &parts);
}

#[test]
fn what_cannot_be_asked_and_what_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write_pair(&path.join("set"), "t10k", [2, 28, 28]);
    for (option, value) in
        [("--batch", "0"), ("--epochs", "0"), ("--samples", "x"), ("--prior", "none")]
    {
        fails(path, &["images", "set", option, value], 2, &["invalid value", value, option]);
    }
    fails(path, &["images"], 2, &["<DIR>"]);
    fails(path, &["images", "set", "--save", "set"], 1, &["set: is a folder, expected"]);
    fails(path, &["images", "none"], 1, &["no such file, tried"]);
    fails(path, &["images", "set", "--load", "none"], 1, &["load: ", "none"]);
    let labels = "set/t10k-labels-idx1-ubyte";
    fails(path, &["images", "set", "--load", labels], 1, &[labels, "not a whole safetensors file"]);
    fs::write(path.join(labels), idx(&[2], &[3, 10])).unwrap();
    fails(path, &["images", "set"], 1, &["label 1 is 10, expected less than 10"]);
}
