//! What can be asked on the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use tfn_tabular::Task;

use crate::images;
use crate::numbers::parse_count;

/// Learns from a table, and answers with intervals that hold.
#[derive(Debug, Parser)]
#[command(
    name = "tfn",
    version,
    arg_required_else_help = true,
    after_help = "Examples:\n  tfn train houses.csv --target price -o houses.tfn\n  tfn predict houses.tfn new.csv > answers.csv"
)]
pub(crate) struct Args {
    /// Say nothing but errors and warnings
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Learn to predict one column of a table from the others
    #[command(
        after_help = "Examples:\n  tfn train houses.csv --target price\n  tfn train patients.csv.gz --target outcome --ignore id,name -o outcome.tfn --time-limit 5m"
    )]
    Train(Train),
    /// Answer for the rows of another table
    #[command(
        after_help = "Examples:\n  tfn predict model.tfn new.csv > answers.csv\n  cat new.csv | tfn predict model.tfn - --level 0.5 --format jsonl"
    )]
    Predict(Predict),
    /// Say how good a model is on a table whose answers are known
    #[command(
        after_help = "Examples:\n  tfn evaluate model.tfn test.csv\n  tfn evaluate model.tfn test.csv --json > figures.json"
    )]
    Evaluate(Evaluate),
    /// Say what a model is: its columns, how it was trained, how good it was
    #[command(
        after_help = "Examples:\n  tfn info model.tfn\n  tfn info model.tfn --json | jq .figures"
    )]
    Info(Info),
    /// Make a report, one HTML file to look at and to show
    #[command(
        after_help = "Examples:\n  tfn report model.tfn test.csv -o report.html\n  tfn report model.tfn\n\nThe table must have the target. With one the report also shows which columns matter and which rows are doubtful in\nthat table; without one it is about the rows held out in training."
    )]
    Report(Report),
    /// Take out the weights that are not known to differ from 0
    #[command(
        after_help = "Examples:\n  tfn prune model.tfn -o pruned.tfn\n  tfn prune model.tfn test.csv --below 0.5 -o pruned.tfn\n\nA weight goes if its mean is fewer than so many deviations away from 0. With a table the figures before and after\nstand side by side."
    )]
    Prune(Prune),
    /// Exchange weights with TensorFlow Probability: arrays in a file .npz
    #[command(
        after_help = "Examples:\n  tfn convert model.tfn weights.npz\n  tfn convert weights.npz other.tfn --like model.tfn\n\nThe arrays are those that Layer.save of tfp.experimental.nn writes for the same layers, arr_0, arr_1, …: model after model\nand layer after layer, mean and untransformed scale of bias and kernel."
    )]
    Convert(Convert),
    /// Learn the digits of MNIST, or images in its format, and show which answers not to trust
    #[command(
        after_help = "Examples:\n  tfn images data/mnist\n  tfn images data/mnist --prior normal --epochs 5 --json > figures.json\n\nThe folder holds train-images-idx3-ubyte, train-labels-idx1-ubyte and the same of t10k, gzip'd or not; images are of 28 x 28 pixels, labels 0 to 9. A deterministic network of the same size is trained beside the Bayesian one."
    )]
    Images(images::Options),
    /// Write a shell's completions to standard output
    #[command(
        after_help = "Examples:\n  tfn completions bash > ~/.local/share/bash-completion/completions/tfn\n  tfn completions fish > ~/.config/fish/completions/tfn.fish"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder
    #[command(
        after_help = "Examples:\n  tfn man ~/.local/share/man/man1\n  tfn man . && man ./tfn.1"
    )]
    Man {
        /// The folder
        folder: PathBuf,
    },
}

/// How a table is written.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Written {
    /// Character between cells, `tab` for a tab [default: found out]
    #[arg(long, value_name = "CHAR", value_parser = parse_delimiter, help_heading = "How the table is written")]
    pub(crate) delimiter: Option<u8>,
    /// The first line is a row, not names; columns are column_1, column_2, …
    #[arg(long, help_heading = "How the table is written")]
    pub(crate) no_header: bool,
    /// Numbers are written 1,5 [default: found out]
    #[arg(long, help_heading = "How the table is written")]
    pub(crate) decimal_comma: bool,
    /// In dates such as 03/04/2024 the day is first [default: found out, or the month]
    #[arg(long, help_heading = "How the table is written")]
    pub(crate) day_first: bool,
    /// One more way in which the table says that there is no value, as -999; may be repeated
    #[arg(
        long,
        value_name = "TEXT",
        allow_hyphen_values = true,
        help_heading = "How the table is written"
    )]
    pub(crate) missing: Vec<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Train {
    /// The table, a CSV file, gzip'd or not; - for standard input
    pub(crate) data: PathBuf,
    /// The column to predict
    #[arg(long, short)]
    pub(crate) target: String,
    /// File for the model
    #[arg(long, short, value_name = "FILE", default_value = "model.tfn")]
    pub(crate) output: PathBuf,
    /// Predict numbers or classes [default: found out from the target]
    #[arg(long, value_enum)]
    pub(crate) task: Option<TaskName>,
    /// Columns to leave out, separated by commas
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub(crate) ignore: Vec<String>,
    /// Train for about so long at most: 90s, 5m, 1h
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) time_limit: Option<Duration>,
    /// Seed of all that is random: the same seed gives the same model
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Threads [default: as many as the machine has]; the model does not depend on it
    #[arg(long, value_name = "N", value_parser = parse_count)]
    pub(crate) threads: Option<usize>,
    /// Go on with a training that was interrupted; the table and the options must be the same
    #[arg(long)]
    pub(crate) resume: bool,
    /// Units of the hidden layers, from the features on [default: by the number of rows]
    #[arg(long, value_name = "UNITS", value_delimiter = ',', value_parser = parse_count, help_heading = "How it is trained")]
    pub(crate) hidden: Option<Vec<usize>>,
    /// Steps of the optimizer at least, in whole epochs [default: 20000, or fewer for less than 800 rows]; with it or --hidden
    /// no linear model is chosen
    #[arg(long, value_name = "N", value_parser = parse_count, help_heading = "How it is trained")]
    pub(crate) steps: Option<usize>,
    #[command(flatten)]
    pub(crate) written: Written,
    /// Write all figures to standard output as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Predict {
    /// The model
    pub(crate) model: PathBuf,
    /// The table; - for standard input
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) level: Level,
    /// How answers are written
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    pub(crate) format: Format,
    /// Columns of the table to copy in front of the answers, separated by commas
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub(crate) keep: Vec<String>,
    /// Of a classification, the probability of each class too
    #[arg(long)]
    pub(crate) probabilities: bool,
    /// File for the answers [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) written: Written,
}

/// Intervals and sets.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Level {
    /// Probability with which intervals hold the truth, or sets the true class
    #[arg(long, default_value_t = 0.9, value_parser = parse_level)]
    pub(crate) level: f64,
    /// Intervals of the model as it is, not calibrated on held-out rows
    #[arg(long)]
    pub(crate) raw: bool,
    /// Draws of the weights of each model [default: as calibrated, 40 or 100]
    #[arg(long, value_name = "N", value_parser = parse_count)]
    pub(crate) draws: Option<usize>,
    /// Threads [default: as many as the machine has]; the answers do not depend on it
    #[arg(long, value_name = "N", value_parser = parse_count)]
    pub(crate) threads: Option<usize>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Evaluate {
    /// The model
    pub(crate) model: PathBuf,
    /// The table, with the target; - for standard input
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) level: Level,
    #[command(flatten)]
    pub(crate) written: Written,
    /// Write all figures to standard output as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Report {
    /// The model
    pub(crate) model: PathBuf,
    /// A table with the target; - for standard input
    pub(crate) data: Option<PathBuf>,
    /// File for the report
    #[arg(long, short, value_name = "FILE", default_value = "report.html")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) level: Level,
    #[command(flatten)]
    pub(crate) written: Written,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Prune {
    /// The model
    pub(crate) model: PathBuf,
    /// A table with the target, to judge by; - for standard input
    pub(crate) data: Option<PathBuf>,
    /// File for the pruned model
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Least |mean| / deviation of a weight that stays
    #[arg(long, value_name = "RATIO", default_value_t = 1.0)]
    pub(crate) below: f64,
    #[command(flatten)]
    pub(crate) written: Written,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Convert {
    /// The model, or the weights
    pub(crate) input: PathBuf,
    /// The weights, or the model
    pub(crate) output: PathBuf,
    /// For weights that become a model: the model that has all but the weights
    #[arg(long, value_name = "MODEL")]
    pub(crate) like: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Info {
    /// The model
    pub(crate) model: PathBuf,
    /// Write all that is known to standard output as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TaskName {
    /// Numbers
    Regression,
    /// Classes
    Classification,
}

impl From<TaskName> for Task {
    fn from(name: TaskName) -> Self {
        match name {
            TaskName::Regression => Self::Regression,
            TaskName::Classification => Self::Classification,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Comma-separated, with a head line
    Csv,
    /// One JSON object a line
    Jsonl,
}

fn parse_delimiter(given: &str) -> Result<u8, String> {
    match (given, given.as_bytes()) {
        ("tab" | "\\t", _) => Ok(b'\t'),
        (_, &[byte]) => Ok(byte),
        _ => Err("expected one character of ASCII, or `tab`".to_owned()),
    }
}

fn parse_level(given: &str) -> Result<f64, String> {
    match given.parse() {
        Ok(level) if level > 0.0 && level < 1.0 => Ok(level),
        _ => Err("expected a number between 0 and 1, such as 0.9".to_owned()),
    }
}

fn parse_time(given: &str) -> Result<Duration, String> {
    let (number, unit) = match given.find(|c: char| c.is_ascii_alphabetic()) {
        Some(at) => given.split_at(at),
        None => (given, "s"),
    };
    let seconds = match unit {
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => f64::NAN,
    };
    let error = "expected a time such as 90s, 5m or 1h".to_owned();
    let number: f64 = number.trim().parse().map_err(|_| error.clone())?;
    let time = number * seconds;
    if time > 0.0 { Duration::try_from_secs_f64(time).map_err(|_| error) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_agree_with_each_other() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_command_teaches_by_two_examples() {
        for command in Args::command().get_subcommands() {
            let name = command.get_name();
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.matches(&format!("tfn {name}")).count() >= 2, "{name}: {help}");
        }
    }

    #[test]
    fn times() {
        for (given, seconds) in [("90", 90.0), ("90s", 90.0), ("1.5m", 90.0), ("2 h", 7200.0)] {
            assert_eq!(parse_time(given).map(|time| time.as_secs_f64()), Ok(seconds), "{given}");
        }
        for given in ["", "m", "-1s", "5 days", "0", "1e400h", "nan"] {
            assert!(parse_time(given).is_err(), "{given}");
        }
    }
}
