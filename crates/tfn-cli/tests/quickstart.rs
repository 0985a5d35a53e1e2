//! docs/quickstart.md does what it says: each of its commands is run, on the data that it names.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn every_command_of_the_quickstart_runs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let Ok(page) = fs::read_to_string(root.join("docs/quickstart.md")) else {
        println!("skipped: the published package is without docs/quickstart.md");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("data/concrete")).unwrap();
    for file in ["train.csv", "new.csv"] {
        let name = format!("data/concrete/{file}");
        fs::copy(root.join(&name), folder.path().join(name)).unwrap();
    }
    let blocks = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut commands = Vec::new();
    for line in blocks.flat_map(str::lines) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["cargo", "install", "--path", path] => {
                assert!(root.join(path).join("Cargo.toml").exists())
            }
            ["tfn", command, ..] => {
                let mut run = Command::new(env!("CARGO_BIN_EXE_tfn"));
                run.args(&words[1..]).current_dir(folder.path());
                // As long as a test may take; all else is as it stands there.
                if command == "train" {
                    run.args(["--steps", "600"]);
                }
                let output = run.output().unwrap();
                let text = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{line}: {text}");
                commands.push(command.to_owned());
            }
            _ => panic!("`{line}` is no command that this test knows"),
        }
    }
    assert_eq!(commands, ["train", "predict", "evaluate", "report", "info"]);
    let answers = fs::read_to_string(folder.path().join("answers.csv")).unwrap();
    assert_eq!(answers.lines().count(), 104);
    let report = fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(report.starts_with("<!DOCTYPE html>") && report.len() > 20_000);
}
