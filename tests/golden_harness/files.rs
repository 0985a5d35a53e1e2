//! The folder of the fixtures, and what reads which file.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::json::{Document, Node, Outcome};
use crate::report::Report;
use crate::{
    bijectors, distributions, elbo_trajectory, initializers, kl, local_layer, module, other_layers,
    posterior, spike_slab, tfp_npz,
};

type Check = fn(Node<'_>, &mut Report) -> Outcome;

/// Each file with its comparison.
pub(crate) const FILES: &[(&str, Check)] = &[
    ("bijectors.json", bijectors::check),
    ("distributions.json", distributions::check),
    ("elbo_trajectory.json", elbo_trajectory::check),
    ("initializers.json", initializers::check),
    ("kl.json", kl::check),
    ("local_layer.json", local_layer::check),
    ("module.json", module::check),
    ("other_layers.json", other_layers::check),
    ("posterior.json", posterior::check),
    ("spike_slab.json", spike_slab::check),
    ("tfp_npz/expected.json", tfp_npz::check),
];

/// Files that are there to be read by people, or that `tfp_npz/expected.json` speaks of.
const OTHERS: &[&str] =
    &["FORMAT.md", "tfp_npz/conv.npz", "tfp_npz/local.npz", "tfp_npz/sequential.npz"];

/// Where the fixtures are.
pub(crate) fn folder() -> PathBuf {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    std::env::var_os("TFN_GOLDEN_DIR").map_or_else(own, PathBuf::from)
}

/// The comparison of one file of the list, made once.
pub(crate) fn report_of(file: &str) -> &'static Report {
    static REPORTS: [OnceLock<Report>; FILES.len()] = [const { OnceLock::new() }; FILES.len()];
    let Some(index) = FILES.iter().position(|(name, _)| *name == file) else {
        unreachable!("{file} is not in the list of files");
    };
    REPORTS[index].get_or_init(|| {
        let (file, check) = FILES[index];
        Report::of(file, Document::open(&folder().join(file)), check)
    })
}

/// Files in the folder that nothing here reads.
pub(crate) fn unknown_files() -> Outcome<Vec<String>> {
    let mut found = Vec::new();
    collect(&folder(), "", &mut found)?;
    let known = |file: &String| {
        OTHERS.contains(&file.as_str()) || FILES.iter().any(|(known, _)| known == file)
    };
    found.retain(|file| !known(file));
    Ok(found)
}

fn collect(folder: &Path, prefix: &str, found: &mut Vec<String>) -> Outcome {
    let entries =
        std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{name}/"), found)?;
        } else {
            found.push(name);
        }
    }
    Ok(())
}
