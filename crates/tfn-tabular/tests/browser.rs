//! The page as a browser shows it, narrow and wide, by day and by night. Nothing is looked at where no Chromium is installed.
#![cfg(feature = "report")]

mod made;

use std::path::{Path, PathBuf};
use std::process::Command;

/// Loads the page in a frame of its own, looks at it and writes what is wrong into the body.
const LOOK: &str = include_str!("made/look.html");

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
        println!("SKIPPED: no chromium, chromium-browser or google-chrome on PATH");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    // For a look with one's own eyes.
    let kept = std::env::var_os("TFN_REPORT_PICTURES").map(PathBuf::from);
    let pages = [("numbers", made::page_of_numbers()), ("classes", made::page_of_classes())];
    let pages = pages.into_iter().chain([("long", made::page_of_long_names())]);
    for (name, page) in pages {
        let file = dir.path().join(format!("{name}.html"));
        std::fs::write(&file, &page).unwrap();
        for width in [400, 1400] {
            for night in [false, true] {
                let look = dir.path().join("look.html");
                let filled = LOOK.replace("{page}", &format!("{name}.html"));
                std::fs::write(&look, filled.replace("{width}", &width.to_string())).unwrap();
                let [seen, log] =
                    run(&browser, dir.path(), &look, 1500, night, &["--dump-dom".to_owned()]);
                let case = format!("{name}, {width} px, night: {night}");
                let (_, seen) =
                    seen.split_once("<body>").unwrap_or_else(|| panic!("{case}: {log}"));
                assert!(
                    seen.contains(&format!("looked at {width} px, night: {night}")),
                    "{case}: {seen}"
                );
                assert!(!seen.contains("WRONG"), "{case}: {seen}");
                assert!(!log.contains("CONSOLE"), "{case}: {log}");
                if let Some(kept) = &kept {
                    shoot(&browser, dir.path(), &file, kept, (name, width, night));
                }
            }
        }
    }
}

fn shoot(
    browser: &Path,
    dir: &Path,
    page: &Path,
    kept: &Path,
    (name, width, night): (&str, u32, bool),
) {
    let shot = kept.join(format!("{name}-{width}-{}.png", if night { "night" } else { "day" }));
    let height = if width < 1000 { 12_000 } else { 6500 };
    let more =
        [format!("--screenshot={}", shot.display()), format!("--window-size={width},{height}")];
    run(browser, dir, page, width, night, &more);
    assert!(shot.is_file());
}
