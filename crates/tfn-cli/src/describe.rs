//! What is known of a model and its figures, in words and tables.

use tfn_tabular::data::ColumnType;
use tfn_tabular::{Figure, Record, Task};

use crate::numbers::{count, digits, duration, percent};
use crate::output::{aligned, heading, shown};

/// What a figure is called.
fn title(name: &str) -> &str {
    match name {
        "rmse" => "RMSE",
        "mae" => "mean absolute error",
        "r2" => "R²",
        "log_likelihood" => "log-likelihood of a row",
        "crps" => "CRPS",
        "coverage" => "intervals or sets that hold",
        "width" => "mean width of intervals",
        "accuracy" => "accuracy",
        "brier" => "Brier score",
        "set_size" => "mean size of sets",
        "auroc" => "area under the ROC curve",
        "ece" => "expected calibration error",
        "aurc" => "area under the risk–coverage curve",
        other => other,
    }
}

/// A share is a percentage, all else a number.
fn value(name: &str, number: f64) -> String {
    match name {
        "coverage" | "accuracy" => percent(number),
        _ => digits(number, 4),
    }
}

/// Figures with their intervals.
pub(crate) fn figures(figures: &[Figure]) -> String {
    let row = |figure: &Figure| {
        let interval = figure.interval.map_or_else(String::new, |[low, high]| {
            format!("{} to {}", value(&figure.name, low), value(&figure.name, high))
        });
        vec![title(&figure.name).to_owned(), value(&figure.name, figure.value), interval]
    };
    let head = ["", "value", "95 % interval"].map(str::to_owned).to_vec();
    aligned(&std::iter::once(head).chain(figures.iter().map(row)).collect::<Vec<_>>())
}

/// Two lists of the same figures.
pub(crate) fn side_by_side(names: [&str; 2], first: &[Figure], second: &[Figure]) -> String {
    let head = vec![String::new(), names[0].to_owned(), names[1].to_owned()];
    let rows = first.iter().zip(second).map(|(a, b)| {
        vec![title(&a.name).to_owned(), value(&a.name, a.value), value(&b.name, b.value)]
    });
    aligned(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}

/// The model beside simpler means.
pub(crate) fn baselines(record: &Record) -> String {
    let name = score_name(record.task);
    let row = |label: &str, score: Option<f64>, log_likelihood: Option<f64>| {
        let text = |name, number: Option<f64>| number.map_or_else(String::new, |n| value(name, n));
        vec![label.to_owned(), text(name, score), text("log_likelihood", log_likelihood)]
    };
    let mut rows = vec![["", title(name), "log-likelihood"].map(str::to_owned).to_vec()];
    rows.push(row("this model", record.figure(name), record.figure("log_likelihood")));
    for baseline in &record.baselines {
        rows.push(row(
            label(&baseline.name, record.task),
            Some(baseline.score),
            Some(baseline.log_likelihood),
        ));
    }
    aligned(&rows)
}

/// What a baseline is called.
fn label(name: &str, task: Task) -> &str {
    match (name, task) {
        ("mean", Task::Classification) => "class frequencies",
        (other, _) => other,
    }
}

fn score_name(task: Task) -> &'static str {
    match task {
        Task::Regression => "rmse",
        Task::Classification => "accuracy",
    }
}

/// How well intervals or sets held.
pub(crate) fn coverage(record: &Record) -> String {
    let (held, level) = (record.figure("coverage"), percent(record.level));
    let held = held.map_or_else(String::new, percent);
    let (what, size) = match record.task {
        Task::Regression => ("intervals", "mean width"),
        Task::Classification => ("sets of classes", "mean size"),
    };
    let number = record.figure("width").or_else(|| record.figure("set_size"));
    let number = number.map_or_else(String::new, |number| digits(number, 4));
    format!("{level} {what} held in {held} of the held-out rows, {size} {number}\n")
}

/// What speaks against a model.
pub(crate) fn doubts(record: &Record) -> Vec<String> {
    let is_better = |ours: f64, theirs: f64| match record.task {
        Task::Regression => ours < theirs,
        Task::Classification => ours > theirs,
    };
    let name = score_name(record.task);
    let ours = (record.figure(name), record.figure("log_likelihood"));
    let (Some(score), Some(log_likelihood)) = ours else { return Vec::new() };
    let mut doubts = Vec::new();
    let is_linear = record.setup.hidden.is_empty();
    let others = record.baselines.iter().filter(|baseline| match baseline.name.as_str() {
        "linear" => !is_linear,
        name => name != "plain net",
    });
    for baseline in others {
        let (a, b) = (is_better(score, baseline.score), log_likelihood > baseline.log_likelihood);
        let what = match (a, b) {
            (true, true) => continue,
            (false, false) => format!("neither its {} nor its log-likelihood is", title(name)),
            (false, true) => format!("its {} is not", title(name)),
            (true, false) => "its log-likelihood is not".to_owned(),
        };
        let other = label(&baseline.name, record.task);
        doubts.push(format!("on held-out rows {what} better than that of `{other}`"));
    }
    let coverage = record.figures.iter().find(|figure| figure.name == "coverage");
    if let Some([low, high]) = coverage.and_then(|figure| figure.interval) {
        let is_below = high < record.level;
        let is_above = low > record.level && record.task == Task::Regression;
        if is_below || is_above {
            let held = percent(record.figure("coverage").unwrap_or(f64::NAN));
            let what = match record.task {
                Task::Regression => "intervals",
                Task::Classification => "sets of classes",
            };
            let but = if is_below { "they are too narrow" } else { "they are wider than need be" };
            let level = percent(record.level);
            doubts.push(format!("its {level} {what} held in {held} of the held-out rows: {but}"));
        }
    }
    doubts
}

/// What each column is, a line each, of so many at most.
pub(crate) fn columns(record: &Record, most: usize) -> String {
    let row = |column: &tfn_tabular::Column| {
        let kind = match column.column_type {
            ColumnType::Number => "number",
            ColumnType::Boolean => "true or false",
            ColumnType::Date => "date",
            ColumnType::Category => "text",
        };
        let missing = match column.missing {
            0 => String::new(),
            count => format!("{count} missing"),
        };
        let features = match column.features {
            0 => "left out".to_owned(),
            features => count(features, "feature"),
        };
        vec![shown(&column.name), kind.to_owned(), features, missing]
    };
    let mut text = aligned(&record.columns.iter().take(most).map(row).collect::<Vec<_>>());
    if let Some(more) = record.columns.len().checked_sub(most).filter(|&more| more > 0) {
        text.push_str(&format!("… and {}\n", count(more, "more column")));
    }
    text
}

/// How it was trained, in sentences.
pub(crate) fn training(record: &Record) -> String {
    let setup = &record.setup;
    let units: Vec<String> = setup.hidden.iter().map(ToString::to_string).collect();
    let net = match units.as_slice() {
        [] => "no hidden layer, for a linear model was better".to_owned(),
        [one] => format!("a hidden layer of {one} units"),
        _ => format!("hidden layers of {} units", units.join(", ")),
    };
    let judged = match record.folds {
        1 => "judged by held-out rows".to_owned(),
        folds => format!("{folds} models by cross-validation"),
    };
    let without = match record.rows_without_target {
        0 => String::new(),
        rows => format!(", {} without a target left out", count(rows, "row")),
    };
    let (epochs, batch) = (setup.epochs(record.model_rows), setup.batch_size(record.model_rows));
    format!(
        "{} of `{}` ({}): {}{without}\n{net}; {} in minibatches of {batch}, seed {}; {judged}; took {}\n",
        record.task,
        shown(&record.target),
        record.task_reason,
        count(record.rows, "row"),
        count(usize::try_from(epochs).unwrap_or(usize::MAX), "epoch"),
        record.seed,
        duration(record.seconds)
    )
}

/// All of it.
pub(crate) fn record(record: &Record) -> String {
    let mut text = training(record);
    text.push_str(&heading("\nColumns"));
    text.push_str(&columns(record, usize::MAX));
    for remark in &record.remarks {
        text.push_str(&format!("{remark}\n"));
    }
    text.push_str(&heading("\nOn rows that it was not trained on"));
    text.push_str(&figures(&record.figures));
    text.push_str(&heading("\nBeside simpler means"));
    text.push_str(&baselines(record));
    text
}
