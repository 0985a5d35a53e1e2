//! What is shown: answers and summaries on standard output, all else on standard error.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

use anstyle::{AnsiColor, Style};
use tfn_module::checkpoint::replace;

use crate::failure::Failure;

/// Where to. Colours are for terminals, and off where `NO_COLOR` is set.
#[derive(Debug)]
pub(crate) struct Output {
    is_quiet: bool,
}

impl Output {
    pub(crate) fn new(is_quiet: bool) -> Self {
        Self { is_quiet }
    }

    /// A line on standard error, unless nothing but errors is asked for.
    pub(crate) fn note(&self, text: &str) {
        if !self.is_quiet {
            let dim = Style::new().dimmed();
            self.line(&format!("{dim}{text}{dim:#}"));
        }
    }

    /// A line on standard error that must be seen.
    pub(crate) fn warning(&self, text: &str) {
        let yellow = Style::new().bold().fg_color(Some(AnsiColor::Yellow.into()));
        self.line(&format!("{yellow}warning:{yellow:#} {text}"));
    }

    /// Why the command failed.
    pub(crate) fn error(&self, text: &str) {
        let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
        self.line(&format!("{red}error:{red:#} {text}"));
    }

    fn line(&self, text: &str) {
        // Nobody is left to be told that nobody can be told.
        let _ = writeln!(anstream::stderr(), "{text}");
    }

    /// Text on standard output.
    pub(crate) fn print(&self, text: &str) -> Result<(), Failure> {
        let mut out = anstream::stdout().lock();
        out.write_all(text.as_bytes())
            .and_then(|()| out.flush())
            .map_err(Failure::io("standard output"))
    }

    /// Whether nothing but errors and warnings is asked for.
    pub(crate) fn is_quiet(&self) -> bool {
        self.is_quiet
    }

    /// Whether somebody sees a progress bar.
    pub(crate) fn has_progress(&self) -> bool {
        !self.is_quiet && io::stderr().is_terminal()
    }
}

/// A table of text: the first column to the left, all others to the right.
pub(crate) fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let gap = " ".repeat(widths[column] - cell.chars().count());
            match column {
                0 => line.push_str(&format!("{cell}{gap}")),
                _ => line.push_str(&format!("  {gap}{cell}")),
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A heading.
pub(crate) fn heading(text: &str) -> String {
    let bold = Style::new().bold();
    format!("{bold}{text}{bold:#}\n")
}

/// A name on one line, and not longer than one can read.
pub(crate) fn shown(text: &str) -> String {
    const MOST: usize = 60;
    let mut shown = String::new();
    for character in text.chars().take(MOST) {
        match character {
            '\u{0}'..='\u{1f}' | '\u{7f}' => shown.extend(character.escape_default()),
            other => shown.push(other),
        }
    }
    if text.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    shown
}

/// That a file can be written and is none of those that are read: said before the work and not after it.
pub(crate) fn check_output(path: &Path, read: &[&Path]) -> Result<(), Failure> {
    if path.is_dir() {
        let expected = "is a folder, expected the name of a file to write";
        return Err(Failure::Path(format!("{}: {expected}", path.display())));
    }
    let whole = path.canonicalize().ok();
    match read.iter().find(|other| whole.is_some() && other.canonicalize().ok() == whole) {
        None => Ok(()),
        Some(_) => Err(Failure::Usage(format!(
            "--output: {} is read by this command, expected another file",
            path.display()
        ))),
    }
}

/// Writes a file that is there only when it is whole.
pub(crate) fn whole_file(
    path: &Path,
    write: impl FnOnce(BufWriter<File>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    check_output(path, &[])?;
    let name = path.display().to_string();
    let mut failure = None;
    let replaced = replace(path, |file| {
        write(BufWriter::new(file.try_clone()?)).map_err(|error| {
            failure = Some(error);
            io::Error::other("not written")
        })
    });
    replaced.map_err(|error| failure.unwrap_or_else(|| Failure::io(&name)(error)))
}
