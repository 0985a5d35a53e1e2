//! What a shell and `man` know of the command.

use std::path::Path;

use clap::CommandFactory;

use crate::args::Args;
use crate::failure::Failure;
use crate::output::Output;

pub(crate) fn completions(shell: clap_complete::Shell, output: &Output) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "tfn", &mut text);
    output.print(&String::from_utf8_lossy(&text))
}

/// `tfn.1`, and a page for each command.
pub(crate) fn man(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(Failure::io(folder.display().to_string()))?;
    clap_mangen::generate_to(Args::command(), folder)
        .map_err(Failure::io(folder.display().to_string()))
}
