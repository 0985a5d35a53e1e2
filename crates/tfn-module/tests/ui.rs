//! The compiler's words for what cannot be derived, beside those in `tests/ui/*.stderr`.
//!
//! The compiler is asked directly, with the library that this test was built with: nothing is compiled a second time
//! for it. `UI=overwrite cargo test -p tfn-module --test ui` writes the expected words anew.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const FOLDER: &str = "tests/ui";

#[test]
fn messages() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources: Vec<PathBuf> = fs::read_dir(package.join(FOLDER))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    sources.sort();
    assert!(!sources.is_empty());
    let library = library();
    let mut differences = String::new();
    for source in sources {
        let (given, expected) =
            (messages_of(package, &source, &library), source.with_extension("stderr"));
        if std::env::var_os("UI").is_some_and(|value| value == "overwrite") {
            fs::write(&expected, &given).unwrap();
        }
        let expected = fs::read_to_string(&expected).unwrap_or_default();
        if given != expected {
            let name = source.display();
            differences += &format!("\n==== {name}, expected:\n{expected}\n==== given:\n{given}");
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

/// The library beside this test: the one that was built last, as the test itself was a moment after it.
fn library() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let libraries = fs::read_dir(test.parent().unwrap()).unwrap().filter_map(|entry| {
        let path = entry.ok()?.path();
        let name = path.file_name()?.to_str()?;
        let is_ours = name.starts_with("libtfn_module-") && name.ends_with(".rlib");
        is_ours.then(|| (fs::metadata(&path).and_then(|data| data.modified()).unwrap(), path))
    });
    libraries.max().unwrap().1
}

/// What the compiler says of a source that must not compile.
fn messages_of(package: &Path, source: &Path, library: &Path) -> String {
    let out = tempfile::tempdir().unwrap();
    let name = Path::new(FOLDER).join(source.file_name().unwrap());
    let output = Command::new(std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into()))
        .current_dir(package)
        .args(["--edition=2024", "--emit=metadata", "--color=never", "--crate-type=bin"])
        .arg("--out-dir")
        .arg(out.path())
        .arg(format!("-Ldependency={}", library.parent().unwrap().display()))
        .arg(format!("--extern=tfn_module={}", library.display()))
        .arg(&name)
        .output()
        .unwrap();
    assert!(!output.status.success(), "{} compiles", name.display());
    normalized(&String::from_utf8(output.stderr).unwrap())
}

/// Without what differs from machine to machine and says nothing: places outside of the folder, counts, the summary.
fn normalized(messages: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut elsewhere = false;
    for line in messages.lines() {
        let line = line.trim_end();
        if let Some((arrow, place)) = line.split_once("--> ").or_else(|| line.split_once("::: ")) {
            elsewhere = !place.starts_with(FOLDER);
            let file = place.rsplit("/src/").next().unwrap().split(':').next().unwrap();
            let mark = if line.contains("--> ") { "-->" } else { ":::" };
            lines.push(if elsewhere {
                format!("{arrow}{mark} src/{file}")
            } else {
                line.to_owned()
            });
            continue;
        }
        let is_summary = line.starts_with("error: aborting")
            || line.starts_with("For more information about")
            || line.starts_with("Some errors have detailed");
        if is_summary {
            continue;
        }
        let bare = line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit());
        lines.push(match line.trim_start().strip_prefix("and ") {
            Some(rest) if rest.ends_with(" others") => line.replace(rest, "$N others"),
            _ if elsewhere && bare.trim_start().starts_with('|') => {
                format!("  {}", bare.trim_start())
            }
            _ => line.to_owned(),
        });
    }
    let text = lines.join("\n");
    format!("{}\n", text.trim_end())
}
