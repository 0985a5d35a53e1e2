//! One set-up on many regression problems: errors, log-likelihoods and intervals beside what was published of others.
//!
//! ```text
//! cargo run --release --example uci -- --data DIR --json FILE
//! ```
//!
//! `DIR` holds, for each set, `NAME.csv` (a head line, then numbers; the last column is the target) and `NAME.splits.txt`, whose
//! line k lists the test rows of split k; both may be compressed (`.gz`). All splits of all sets there are gone through.
//! docs/uci.md has the results, and how the set-up was chosen.

mod published;
mod results;
mod sets;
mod setup;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use rayon::prelude::*;
use tfn::Key;
use tfn::train::data::Batches;

use results::{Scores, Summary};
use sets::Set;
use setup::Setup;

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Trains and judges one set-up on all splits of all sets of a folder.
#[derive(Parser)]
struct Options {
    /// The folder of the sets.
    #[arg(long)]
    data: PathBuf,
    /// Where the results go, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Names of the sets, separated by commas; all, if none are given.
    #[arg(long, value_delimiter = ',')]
    sets: Vec<String>,
    /// So many splits at most of each set.
    #[arg(long, default_value_t = 20)]
    splits: usize,
    /// Judge by a fifth of the training rows, and leave the test rows alone: to choose a set-up by.
    #[arg(long)]
    tune: bool,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    setup: Setup,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("uci: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Failure> {
    let mut all = BTreeMap::new();
    println!("{}", Summary::HEAD);
    for set in sets::read_all(&options.data, &options.sets)? {
        let started = Instant::now();
        let splits = &set.splits[..set.splits.len().min(options.splits)];
        let scores: Vec<Scores> = splits
            .par_iter()
            .enumerate()
            .map(|(number, test)| {
                let key = Key::from_seed(options.seed).child(&set.name).index(number as u64);
                let judged = if options.tune {
                    tune(options, &set, test, &key)
                } else {
                    judge(options, &set, test, &key)
                };
                judged.map_err(|failure| format!("{}, split {number}: {failure}", set.name).into())
            })
            .collect::<Result<_, Failure>>()?;
        let summary = Summary::new(&scores, started.elapsed().as_secs_f64());
        summary.print(&set);
        all.insert(set.name.clone(), summary);
    }
    if let Some(file) = &options.json {
        let text = serde_json::to_string_pretty(&results::json(&all, &options.setup))?;
        fs::write(file, text + "\n").map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(())
}

/// Trains on all training rows and looks at the test rows; and once more without some of them, by which intervals are calibrated.
fn judge(options: &Options, set: &Set, test: &[usize], key: &Key) -> Result<Scores, Failure> {
    let setup = &options.setup;
    let rows = set.without(test);
    let test = set.data.rows(test)?;
    let model = setup.train(&set.data.rows(&rows)?, set.hidden(), &key.child("all"))?;
    let (rest, calibration) = part(&rows, calibration_rows(rows.len()), &key.child("part"))?;
    let calibration = set.data.rows(&calibration)?;
    let other = setup.train(&set.data.rows(&rest)?, set.hidden(), &key.child("rest"))?;
    let of_calibration = setup.predict(&other, &calibration, key)?;
    let of_other = setup.predict(&other, &test, key)?;
    let calibrated = Some((&of_other, &calibration, &of_calibration));
    results::score(&test, &setup.predict(&model, &test, key)?, calibrated)
}

/// Trains on four fifths of the training rows and looks at the others.
fn tune(options: &Options, set: &Set, test: &[usize], key: &Key) -> Result<Scores, Failure> {
    let rows = set.without(test);
    let (rest, held_out) = part(&rows, rows.len() / 5, &key.child("part"))?;
    let held_out = set.data.rows(&held_out)?;
    let model = options.setup.train(&set.data.rows(&rest)?, set.hidden(), &key.child("all"))?;
    results::score(&held_out, &options.setup.predict(&model, &held_out, key)?, None)
}

/// About a fifth of the rows, and so many that the level of 0.9 falls on a whole number of them: then intervals are no wider than
/// the level asks for.
fn calibration_rows(rows: usize) -> usize {
    (rows / 50).max(1) * 10 - 1
}

/// The rows but for `count` of them that the key chooses, and these.
fn part(rows: &[usize], count: usize, key: &Key) -> Result<(Vec<usize>, Vec<usize>), Failure> {
    let order = Batches::new(rows.len(), rows.len())?.shuffled(key.clone()).epoch(0).concat();
    let mut order: Vec<usize> = order.into_iter().map(|i| rows[i]).collect();
    let rest = order.split_off(count.min(rows.len() - 1));
    Ok((rest, order))
}
