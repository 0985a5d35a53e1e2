//! The command as a user has it: arguments, files and pipes in, text and exit codes out.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// `tfn` in a folder.
fn tfn(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tfn"));
    command.args(args).current_dir(folder);
    command
}

fn run(folder: &Path, args: &[&str]) -> Output {
    tfn(folder, args).output().unwrap()
}

/// What it writes to standard output; it must succeed.
fn out(folder: &Path, args: &[&str]) -> String {
    let output = run(folder, args);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {text}");
    String::from_utf8(output.stdout).unwrap()
}

/// What it says on standard error, and its exit code, which must not be 0.
fn fails(folder: &Path, args: &[&str]) -> (i32, String) {
    let output = run(folder, args);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && output.stdout.is_empty(), "{args:?}: {text}");
    assert!(!text.contains("panicked"), "{text}");
    (output.status.code().unwrap(), text)
}

/// `y = 2x + z²` with noise, and a class.
fn table(rows: usize) -> String {
    let mut text = String::from("id,x,z,town,y,kind\n");
    for row in 0..rows {
        let (x, z) = (row * 37 % 101, row * 53 % 89);
        let (x, z) = (x as f64 / 50.0 - 1.0, z as f64 / 40.0 - 1.0);
        let noise = ((row * 7919 % 1000) as f64 / 500.0 - 1.0) * 0.1;
        let town = ["Oslo", "Rome, Lazio", "Bonn"][row % 3];
        let kind = if x + noise > 0.1 { "high" } else { "low" };
        text.push_str(&format!("{row},{x},{z},\"{town}\",{},{kind}\n", 2.0 * x + z * z + noise));
    }
    text
}

/// A folder with `data.csv` and models of it.
fn trained() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("data.csv"), table(80)).unwrap();
    let train = |target: &str, ignore: &str, model: &str| {
        let args = [
            "train", "data.csv", "--target", target, "--ignore", ignore, "-o", model, "--steps",
            "150", "-q",
        ];
        out(folder.path(), &args)
    };
    let text = train("y", "id,kind", "y.tfn");
    assert!(text.contains("regression of `y`") && text.contains("intervals held in"), "{text}");
    // Into a pipe there are no colours.
    assert!(!text.contains('\u{1b}'), "{text:?}");
    train("kind", "id,y", "kind.tfn");
    folder
}

#[test]
fn from_a_table_to_answers() {
    let folder = trained();
    let path = folder.path();
    let mut names: Vec<String> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["data.csv", "kind.tfn", "y.tfn"]);

    // Columns in another order, none for the target, and one that nobody knows.
    let new = "z,town,x,more\n0.5,Oslo,0.5,1\n0.5,\"Rome, Lazio\",9,1\n,Paris,0,1\n";
    fs::write(path.join("new.csv"), new).unwrap();
    let answers = out(path, &["predict", "y.tfn", "new.csv", "--keep", "town"]);
    let lines: Vec<&str> = answers.lines().collect();
    assert_eq!(
        lines[0],
        "town,y,y_lower,y_upper,y_stddev,y_epistemic_share,y_aleatoric_share,out_of_range"
    );
    assert_eq!(lines.len(), 4);
    assert!(lines[1].starts_with("Oslo,") && lines[1].ends_with(','), "{}", lines[1]);
    assert!(lines[2].starts_with("\"Rome, Lazio\",") && lines[2].ends_with(",x"), "{}", lines[2]);
    assert!(lines[3].ends_with(",z|town"), "{}", lines[3]);
    let notes = String::from_utf8(run(path, &["predict", "y.tfn", "new.csv"]).stderr).unwrap();
    assert!(notes.contains("`more` was no column") && notes.contains("`Paris`"), "{notes}");
    assert!(notes.contains("3 rows, 2 of them (66.7 %) out of range"), "{notes}");

    // The same again from standard input and into a file, on one thread.
    let mut child = tfn(
        path,
        &["predict", "y.tfn", "-", "-o", "answers.csv", "--threads", "1", "--keep", "town"],
    )
    .stdin(Stdio::piped())
    .spawn()
    .unwrap();
    child.stdin.take().unwrap().write_all(new.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(fs::read_to_string(path.join("answers.csv")).unwrap(), answers);

    let lines =
        out(path, &["predict", "kind.tfn", "new.csv", "--format", "jsonl", "--probabilities"]);
    for line in lines.lines() {
        let answer: serde_json::Value = serde_json::from_str(line).unwrap();
        let p = |name: &str| answer[name].as_f64().unwrap();
        assert!((p("kind_is_high") + p("kind_is_low") - 1.0).abs() < 1e-5, "{line}");
        let label = answer["kind"].as_str().unwrap();
        assert!(answer["kind_set"].as_str().unwrap().starts_with(label));
        assert!((p(&format!("kind_is_{label}")) - p("kind_probability")).abs() < 1e-6);
    }

    let wide = |level: &str| {
        let text = out(path, &["predict", "y.tfn", "new.csv", "--level", level]);
        let cells: Vec<f64> =
            text.lines().nth(1).unwrap().split(',').filter_map(|cell| cell.parse().ok()).collect();
        cells[2] - cells[1]
    };
    assert!(wide("0.5") < wide("0.9"));
}

#[test]
fn figures_in_words_and_as_json() {
    let folder = trained();
    let path = folder.path();
    let text = out(path, &["evaluate", "y.tfn", "data.csv"]);
    for word in ["RMSE", "log-likelihood", "CRPS", "90.0 %", "out of the range"] {
        assert!(text.contains(word), "{text}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&out(path, &["evaluate", "y.tfn", "data.csv", "--json"])).unwrap();
    assert_eq!(json["rows"], 80);
    let rmse = &json["figures"]["rmse"];
    let value = rmse["value"].as_f64().unwrap();
    assert!(rmse["interval"][0].as_f64().unwrap() <= value);
    let json: serde_json::Value =
        serde_json::from_str(&out(path, &["evaluate", "kind.tfn", "data.csv", "--json"])).unwrap();
    assert!(json["figures"]["accuracy"]["value"].as_f64().unwrap() > 0.7);
    let text = out(path, &["info", "kind.tfn"]);
    assert!(text.contains("classification of `kind`") && text.contains("layers/1"), "{text}");
    let json: serde_json::Value =
        serde_json::from_str(&out(path, &["info", "y.tfn", "--json"])).unwrap();
    assert_eq!(json["columns"].as_array().unwrap().len(), 5);
    assert_eq!(json["columns"][0]["features"], 0);
}

#[test]
fn what_is_wrong_is_said_with_file_line_and_column() {
    let folder = trained();
    let path = folder.path();
    let (code, text) = fails(path, &["train", "none.csv", "--target", "y"]);
    assert!(code == 1 && text.contains("none.csv"), "{code} {text}");
    let (code, text) = fails(path, &["train", "data.csv", "--target", "yy"]);
    assert!(code == 1 && text.contains("data.csv: has no column `yy`"), "{text}");
    assert!(text.contains("such as `y`"), "{text}");
    fs::write(path.join("new.csv"), "x,town\n1,Oslo\n").unwrap();
    let (code, text) = fails(path, &["predict", "y.tfn", "new.csv"]);
    assert!(code == 1 && text.contains("new.csv: has no column `z`"), "{text}");
    fs::write(path.join("new.csv"), "x,town,z\n1,Oslo,2\n1,Oslo,much\n").unwrap();
    let (_, text) = fails(path, &["predict", "y.tfn", "new.csv", "-o", "answers.csv"]);
    assert!(
        text.contains("new.csv: line 3") && text.contains("`z`") && text.contains("`much`"),
        "{text}"
    );
    // No half file is left.
    assert!(!path.join("answers.csv").exists() && !path.join("answers.csv.partial").exists());
    let (_, text) = fails(path, &["evaluate", "y.tfn", "new.csv"]);
    assert!(text.contains("new.csv") || text.contains("`y`"), "{text}");
    let (code, text) = fails(path, &["predict", "data.csv", "new.csv"]);
    assert!(code == 1 && text.contains("data.csv"), "{text}");
    for args in [
        &["predict"][..],
        &["no-such-command"],
        &["predict", "y.tfn", "new.csv", "--level", "90"],
        &["train", "data.csv", "--target", "y", "--time-limit", "soon"],
        &["train", "data.csv", "--target", "y", "--resume"],
    ] {
        let (code, text) = fails(path, args);
        assert_eq!(code, 2, "{args:?}: {text}");
    }
}

#[test]
fn answers_do_not_depend_on_the_run_and_stream_through_parts() {
    let folder = trained();
    let path = folder.path();
    // More rows than are answered at a time.
    fs::write(path.join("long.csv"), table(10_000)).unwrap();
    let predict = || out(path, &["predict", "y.tfn", "long.csv", "--draws", "4", "--keep", "id"]);
    let answers = predict();
    assert_eq!(answers.lines().count(), 10_001);
    assert!(answers.lines().last().unwrap().starts_with("9999,"));
    assert_eq!(predict(), answers);
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let folder = trained();
    fs::write(folder.path().join("long.csv"), table(20_000)).unwrap();
    let mut child = tfn(folder.path(), &["predict", "y.tfn", "long.csv", "--draws", "2", "-q"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty());
}

#[test]
fn a_training_that_is_killed_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("data.csv"), table(60)).unwrap();
    let args = |model: &'static str| {
        [
            "train",
            "data.csv",
            "--target",
            "y",
            "--steps",
            "400",
            "--threads",
            "1",
            "-q",
            "-o",
            model,
        ]
    };
    out(path, &args("whole.tfn"));
    let mut child = tfn(path, &args("model.tfn")).stdout(Stdio::null()).spawn().unwrap();
    // Once the first run is done and saved, it is killed.
    let start = Instant::now();
    while !path.join("model.tfn.partial/model-1.safetensors").exists() {
        assert!(start.elapsed() < Duration::from_secs(120));
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!path.join("model.tfn").exists());
    out(path, &[&args("model.tfn")[..], &["--resume"]].concat());
    assert!(!path.join("model.tfn.partial").exists());
    let answers = |model: &str| out(path, &["predict", model, "data.csv"]);
    assert_eq!(answers("model.tfn"), answers("whole.tfn"));
}

#[test]
fn a_report_is_one_file() {
    let folder = trained();
    let path = folder.path();
    out(path, &["report", "kind.tfn"]);
    assert!(fs::read_to_string(path.join("report.html")).unwrap().contains("<svg"));
    out(path, &["report", "y.tfn", "data.csv", "-o", "y.html"]);
    let html = fs::read_to_string(path.join("y.html")).unwrap();
    assert!(html.contains("data.csv") && html.contains("town") && html.len() > 20_000);
    let (code, text) = fails(path, &["report", "y.tfn", "data.csv", "-o", "no/such/folder.html"]);
    assert!(code == 1 && text.contains("no/such/folder.html"), "{text}");
}

#[test]
fn pruning_says_what_it_took_and_what_it_cost() {
    let folder = trained();
    let path = folder.path();
    let text = out(path, &["prune", "y.tfn", "data.csv", "-o", "pruned.tfn"]);
    assert!(
        text.contains("weights (") && text.contains("before") && text.contains("RMSE"),
        "{text}"
    );
    let (code, text) = fails(path, &["prune", "y.tfn", "-o", "none.tfn", "--below=-1"]);
    assert!(code == 1 && text.contains("`below` is -1"), "{text}");
    // Nothing is taken.
    out(path, &["prune", "y.tfn", "-o", "same.tfn", "--below", "0"]);
    let answers = |model: &str| out(path, &["predict", model, "data.csv"]);
    assert_eq!(answers("same.tfn"), answers("y.tfn"));
    assert_ne!(answers("pruned.tfn"), answers("y.tfn"));
}

#[test]
fn weights_go_out_and_come_back() {
    let folder = trained();
    let path = folder.path();
    out(path, &["convert", "y.tfn", "weights.npz"]);
    out(path, &["convert", "weights.npz", "same.tfn", "--like", "y.tfn"]);
    let answers = |model: &str| out(path, &["predict", model, "data.csv"]);
    assert_eq!(answers("same.tfn"), answers("y.tfn"));
    // Two layers of four arrays each; half a file is none.
    let bytes = fs::read(path.join("weights.npz")).unwrap();
    fs::write(path.join("half.npz"), &bytes[..bytes.len() / 2]).unwrap();
    let (code, text) = fails(path, &["convert", "half.npz", "none.tfn", "--like", "y.tfn"]);
    assert!(code == 1 && text.contains("half.npz"), "{text}");
    assert!(!path.join("none.tfn").exists());
    let (code, _) = fails(path, &["convert", "y.tfn", "kind.tfn"]);
    assert_eq!(code, 2);
}

#[test]
fn help_completions_and_manual_pages() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let help = out(path, &["--help"]);
    let commands = [
        "train",
        "predict",
        "evaluate",
        "report",
        "info",
        "prune",
        "convert",
        "images",
        "completions",
        "man",
    ];
    for command in commands {
        assert!(help.contains(command), "{help}");
        assert!(out(path, &[command, "--help"]).contains("Examples:"));
    }
    assert!(out(path, &["--version"]).starts_with("tfn "));
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(out(path, &["completions", shell]).contains("evaluate"));
    }
    out(path, &["man", "pages"]);
    let page = fs::read_to_string(path.join("pages/tfn-train.1")).unwrap();
    assert!(page.contains(".TH") && page.contains("time\\-limit"), "{page}");
}
