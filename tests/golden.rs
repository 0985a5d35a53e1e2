//! Every number recorded from TensorFlow Probability in `tests/golden`, compared with ours.
//!
//! The rules are those of `tests/golden/FORMAT.md`; `TFN_GOLDEN_DIR` names another folder of the same kind.
//! A file, a record or a key that is not understood fails the test, and so does an entry
//! of `golden_harness/betterments.rs` that matches nothing. `cargo test --test golden -- --nocapture` prints per
//! file how many values were compared.

#[path = "golden_harness/bayesian.rs"]
mod bayesian;
#[path = "golden_harness/betterments.rs"]
mod betterments;
#[path = "golden_harness/bijectors.rs"]
mod bijectors;
#[path = "golden_harness/compare.rs"]
mod compare;
#[path = "golden_harness/distributions.rs"]
mod distributions;
#[path = "golden_harness/elbo_trajectory.rs"]
mod elbo_trajectory;
#[path = "golden_harness/families/mod.rs"]
mod families;
#[path = "golden_harness/files.rs"]
mod files;
#[path = "golden_harness/initializers.rs"]
mod initializers;
#[path = "golden_harness/json.rs"]
mod json;
#[path = "golden_harness/kl.rs"]
mod kl;
#[path = "golden_harness/layer_names.rs"]
mod layer_names;
#[path = "golden_harness/local_layer.rs"]
mod local_layer;
#[path = "golden_harness/local_layer_facts.rs"]
mod local_layer_facts;
#[path = "golden_harness/module.rs"]
mod module;
#[path = "golden_harness/other_layers.rs"]
mod other_layers;
#[path = "golden_harness/posterior.rs"]
mod posterior;
#[path = "golden_harness/report.rs"]
mod report;
#[path = "golden_harness/spike_slab.rs"]
mod spike_slab;
#[path = "golden_harness/tfp_npz.rs"]
mod tfp_npz;

use files::{FILES, folder, report_of, unknown_files};

#[test]
fn every_file_is_understood() {
    let unknown = unknown_files().unwrap();
    assert!(unknown.is_empty(), "{}: unknown files {unknown:?}", folder().display());
}

/// The instruction sets that the kernels can be asked to use, by `TFN_KERNELS`; what the machine has not falls
/// back to what it has.
#[test]
fn every_code_path_holds() {
    const PATH: &str = "TFN_KERNELS";
    if std::env::var_os(PATH).is_some() {
        return;
    }
    for path in ["portable", "avx2", "avx512"] {
        let this = std::env::current_exe().unwrap();
        let run = std::process::Command::new(this).env(PATH, path).output().unwrap();
        assert!(run.status.success(), "{path}: {}", String::from_utf8_lossy(&run.stdout));
    }
}

/// Compares one file; the numbers are shared with the summary.
fn holds(file: &str) {
    let report = report_of(file);
    println!("{}", report.summary());
    assert!(report.failures.is_empty(), "{}\n{}", report.summary(), report.failures.join("\n"));
    assert!(report.compared + report.checked > 0, "{file}: nothing was compared");
}

/// One test a file, and one that prints them all.
macro_rules! files {
    ($($test:ident: $file:literal;)*) => {
        $(
            #[test]
            fn $test() {
                holds($file);
            }
        )*

        #[test]
        fn summary_of_all_files() {
            let tested = [$($file),*];
            assert!(FILES.iter().all(|(file, _)| tested.contains(file)), "a file without a test");
            let reports = tested.map(report_of);
            for report in &reports {
                println!("{}", report.summary());
            }
            let total: usize = reports.iter().map(|report| report.compared).sum();
            println!("{:28} {total} values compared in all", folder().display());
        }
    };
}

files! {
    bijectors_json: "bijectors.json";
    distributions_json: "distributions.json";
    elbo_trajectory_json: "elbo_trajectory.json";
    initializers_json: "initializers.json";
    kl_json: "kl.json";
    local_layer_json: "local_layer.json";
    module_json: "module.json";
    other_layers_json: "other_layers.json";
    posterior_json: "posterior.json";
    spike_slab_json: "spike_slab.json";
    tfp_npz: "tfp_npz/expected.json";
}
