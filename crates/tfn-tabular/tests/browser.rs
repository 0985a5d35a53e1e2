//! The page as a browser shows it, narrow and wide, by day and by night. Nothing is looked at where no Chromium is installed.
#![cfg(feature = "report")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod made;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Loads each page in a frame of its width, looks at it and writes what is wrong into the body.
const LOOK: &str = include_str!("made/look.html");

/// Of a telephone and of a wide window.
const WIDTHS: [u32; 2] = [400, 1400];

fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let files = std::env::split_paths(&path).flat_map(|dir| names.map(|name| dir.join(name)));
    files.into_iter().find(|file| file.is_file())
}

/// The browser on a file, with a profile of its own.
fn run(
    browser: &Path,
    dir: &Path,
    page: &Path,
    width: u32,
    night: bool,
    more: &[String],
) -> [String; 2] {
    let profile = tempfile::tempdir_in(dir).unwrap();
    let mut command = Command::new(browser);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
    ]);
    command.args([
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]);
    command.args([
        "--disable-dev-shm-usage",
        "--allow-file-access-from-files",
        "--hide-scrollbars",
    ]);
    command.args(["--enable-logging=stderr", "--virtual-time-budget=5000"]);
    command.arg(format!("--user-data-dir={}", profile.path().display()));
    command.arg(format!("--window-size={width},1000"));
    command.arg(format!("--blink-settings=preferredColorScheme={}", u8::from(!night)));
    let output = command.args(more).arg(format!("file://{}", page.display())).output().unwrap();
    [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[test]
fn pages_are_whole_and_legible() {
    let Some(browser) = browser() else {
        // Past the capture of what tests print: it is to be read.
        let skipped = "SKIPPED: no chromium, chromium-browser or google-chrome on PATH";
        writeln!(std::io::stderr(), "{skipped}").unwrap();
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let pages = [
        ("numbers", made::page_of_numbers()),
        ("classes", made::page_of_classes()),
        ("long", made::page_of_long_names()),
    ];
    let mut cases = Vec::new();
    for (name, page) in &pages {
        std::fs::write(dir.path().join(format!("{name}.html")), page).unwrap();
        cases.extend(WIDTHS.map(|width| format!("['{name}.html', {width}]")));
    }
    let look = dir.path().join("look.html");
    std::fs::write(&look, LOOK.replace("{cases}", &format!("[{}]", cases.join(",")))).unwrap();
    for night in [false, true] {
        let [seen, log] = run(&browser, dir.path(), &look, 1500, night, &["--dump-dom".to_owned()]);
        let (_, seen) = seen.split_once("<body>").unwrap_or_else(|| panic!("{log}"));
        let looks = seen.matches(&format!("px, night: {night}")).count();
        assert_eq!(looks, cases.len(), "night: {night}: {seen}{log}");
        assert!(!seen.contains("WRONG"), "night: {night}: {seen}");
        assert!(!log.contains("CONSOLE"), "night: {night}: {log}");
    }
    // For a look with one's own eyes.
    if let Some(kept) = std::env::var_os("TFN_REPORT_PICTURES").map(PathBuf::from) {
        for (name, _) in &pages {
            for width in WIDTHS {
                shoot(&browser, dir.path(), name, &kept, width, false);
                shoot(&browser, dir.path(), name, &kept, width, true);
            }
        }
    }
}

fn shoot(browser: &Path, dir: &Path, name: &str, kept: &Path, width: u32, night: bool) {
    let shot = kept.join(format!("{name}-{width}-{}.png", if night { "night" } else { "day" }));
    std::fs::copy(dir.join(format!("{name}.html")), kept.join(format!("{name}.html"))).unwrap();
    let height = if width < 1000 { 12_000 } else { 6500 };
    let more =
        [format!("--screenshot={}", shot.display()), format!("--window-size={width},{height}")];
    run(browser, dir, &dir.join(format!("{name}.html")), width, night, &more);
    assert!(shot.is_file());
}
