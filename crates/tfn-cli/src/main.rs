//! The command `tfn`.

mod args;
mod convert;
mod describe;
mod evaluate;
mod failure;
mod generate;
mod images;
mod info;
mod numbers;
mod output;
mod predict;
mod prune;
mod report;
mod source;
mod threads;
mod train;

use std::panic;
use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};
use failure::Failure;
use output::Output;

fn main() -> ExitCode {
    let args = Args::parse();
    let output = Output::new(args.quiet);
    // A fault of the program itself is said in a line of its own, and ends as a failure.
    panic::set_hook(Box::new(|info| {
        let place = info.location().map_or_else(String::new, |place| format!(" ({place})"));
        let payload = info.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let text = text.unwrap_or("no text");
        Output::new(false).error(&format!("a fault of tfn itself{place}: {text}"));
    }));
    let result = panic::catch_unwind(|| run(&args.command, &output));
    match result {
        Ok(Ok(())) => ExitCode::SUCCESS,
        // Whoever reads the output has seen enough.
        Ok(Err(failure)) if failure.is_closed_pipe() => ExitCode::SUCCESS,
        Ok(Err(failure)) => {
            output.error(&failure.to_string());
            failure.code()
        }
        Err(_) => {
            output.error("please report the line above, the command and its input");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Train(train) => train::run(train, output),
        Command::Predict(predict) => predict::run(predict, output),
        Command::Evaluate(evaluate) => evaluate::run(evaluate, output),
        Command::Info(info) => info::run(info, output),
        Command::Report(report) => report::run(report, output),
        Command::Prune(prune) => prune::run(prune, output),
        Command::Convert(convert) => convert::run(convert, output),
        Command::Images(options) => images::run(options, output),
        Command::Completions { shell } => generate::completions(*shell, output),
        Command::Man { folder } => generate::man(folder),
    }
}
