//! `tfn train`.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tfn_tabular::{Setup, TabularPredictor, Watch};

use crate::args::Train;
use crate::describe;
use crate::failure::Failure;
use crate::numbers::{count, duration};
use crate::output::{Output, check_output, heading};
use crate::source;
use crate::threads::in_pool;

/// Columns that are shown.
const COLUMNS: usize = 100;

pub(crate) fn run(args: &Train, output: &Output) -> Result<(), Failure> {
    let start = Instant::now();
    check_output(&args.output, &[&args.data])?;
    let table = source::read(&args.data, &args.written, output)?;
    let read = duration(start.elapsed().as_secs_f64());
    let (rows, columns) = (count(table.len(), "row"), count(table.names().count(), "column"));
    output.note(&format!("{rows}, {columns}, read in {read}"));
    let known = table.present(&args.target)?.len();
    let partial = partial(&args.output);
    prepare(&partial, args.resume)?;

    let mut builder = TabularPredictor::builder(&args.target)
        .ignore(&args.ignore)
        .seed(args.seed)
        .checkpoints(&partial);
    if let Some(task) = args.task {
        builder = builder.task(task.into());
    }
    if let Some(limit) = args.time_limit {
        builder = builder.time_limit(limit.saturating_sub(start.elapsed()));
    }
    if args.hidden.is_some() || args.steps.is_some() {
        let mut setup = Setup::for_rows(known);
        setup.hidden = args.hidden.clone().unwrap_or(setup.hidden);
        if let Some(steps) = args.steps {
            (setup.steps, setup.max_epochs) = (steps as u64, steps as u64);
        }
        builder = builder.setup(setup);
    }
    let progress = Progress::new(output);
    let trained =
        in_pool(args.threads, || builder.fit(&table, |done, of| progress.watch(done, of)))?;
    progress.bar.finish_and_clear();
    let predictor = match trained {
        Ok(predictor) => predictor,
        Err(error) => {
            // Only if there is nothing in it: runs that are done may have taken hours.
            let _ = fs::remove_dir(&partial);
            return Err(Failure::of_training(error, &args.target));
        }
    };
    predictor.save(&args.output)?;
    fs::remove_dir_all(&partial).map_err(Failure::io(partial.display().to_string()))?;
    say(&predictor, args, output)
}

fn say(predictor: &TabularPredictor, args: &Train, output: &Output) -> Result<(), Failure> {
    let (record, file) = (predictor.record(), args.output.display());
    let doubts = describe::doubts(record);
    if args.json {
        let mut value = serde_json::to_value(record)
            .map_err(|error| Failure::Io { what: "the figures".to_owned(), error: error.into() })?;
        value["model"] = json!(file.to_string());
        value["warnings"] = json!(doubts);
        output.print(&format!("{value}\n"))?;
    } else {
        let mut text = describe::training(record);
        text.push_str(&heading("\nColumns"));
        text.push_str(&describe::columns(record, COLUMNS));
        for remark in &record.remarks {
            text.push_str(&format!("{remark}\n"));
        }
        text.push_str(&heading("\nOn rows that were not trained on"));
        text.push_str(&describe::baselines(record));
        text.push('\n');
        text.push_str(&describe::coverage(record));
        output.print(&text)?;
    }
    for doubt in doubts {
        output.warning(&doubt);
    }
    output.note(&format!("saved {file}; next: tfn predict {file} new.csv > answers.csv"));
    Ok(())
}

/// The folder that an interrupted training is gone on from.
fn partial(model: &Path) -> PathBuf {
    let mut name = OsString::from(model);
    name.push(".partial");
    PathBuf::from(name)
}

fn prepare(partial: &Path, resume: bool) -> Result<(), Failure> {
    if resume && !partial.exists() {
        let name = partial.display();
        return Err(Failure::Usage(format!(
            "--resume: there is no {name}, the folder of a training that was interrupted"
        )));
    }
    let is_empty = fs::read_dir(partial).map_or(true, |mut entries| entries.next().is_none());
    if !resume && !is_empty {
        let name = partial.display();
        return Err(Failure::Usage(format!(
            "an interrupted training was left in {name}: --resume goes on with it, or delete that folder to start anew"
        )));
    }
    fs::create_dir_all(partial).map_err(Failure::io(partial.display().to_string()))
}

/// A bar of steps, seen on terminals.
struct Progress {
    bar: ProgressBar,
}

impl Progress {
    fn new(output: &Output) -> Self {
        let bar = if output.has_progress() { ProgressBar::new(0) } else { ProgressBar::hidden() };
        let style = "training  [{bar:40}] {percent:>3} %  {elapsed} of about {duration}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.enable_steady_tick(Duration::from_millis(250));
        Self { bar }
    }
}

impl Watch for Progress {
    fn watch(&self, done: u64, of: u64) {
        self.bar.set_length(of);
        self.bar.set_position(done);
    }
}
