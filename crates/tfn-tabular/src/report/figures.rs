//! Figures of merit and those of simpler means.

use maud::{Markup, html};

use crate::figures::Figure;
use crate::record::Record;
use crate::task::Task;

use super::given::Given;
use super::tables::{Kind, table};
use super::text;

/// How a figure is called and what it is.
fn meaning(name: &str, level: &str) -> (String, String) {
    let (title, words) = match name {
        "rmse" => ("RMSE", "root of the mean squared error; lower is better"),
        "mae" => ("MAE", "mean absolute error; lower is better"),
        "r2" => ("R²", "share of the variance that is explained"),
        "log_likelihood" => ("Log-likelihood", "mean of a row, in nats; higher is better"),
        "crps" => ("CRPS", "continuous ranked probability score; lower is better"),
        "coverage" => {
            return (
                "Coverage".to_owned(),
                format!("share of the truths that are held, to be {level}"),
            );
        }
        "width" => return ("Width".to_owned(), format!("of the {level} intervals on average")),
        "accuracy" => ("Accuracy", "share of right answers"),
        "brier" => ("Brier score", "mean squared error of the probabilities; lower is better"),
        "ece" => ("ECE", "expected calibration error; lower is better"),
        "set_size" => {
            return ("Set size".to_owned(), format!("classes in a {level} set on average"));
        }
        "auroc" => ("AUROC", "how well the two classes are told apart: 0.5 by chance, 1 at best"),
        "aurc" => ("AURC", "mean error when doubtful rows are declined; lower is better"),
        other => return (text::name(other), String::new()),
    };
    (title.to_owned(), words.to_owned())
}

fn is_share(name: &str) -> bool {
    matches!(name, "coverage" | "accuracy")
}

fn value(name: &str, value: f64) -> String {
    if is_share(name) { text::percent(value) } else { text::number(value) }
}

fn interval(figure: &Figure) -> String {
    match figure.interval {
        Some([low, high]) if is_share(&figure.name) => {
            format!("{} to {}", text::percent(low), text::percent(high))
        }
        interval => text::interval(interval),
    }
}

const INTERVAL: &str = "95\u{202f}% interval";

/// Both tables.
pub(super) fn figures(given: &Given<'_>) -> Markup {
    html! {
        p { "Intervals are of 95\u{202f}%: what the choice of the rows leaves open, by resampling them." }
        (merits(given))
        h3 { "Beside simpler means" }
        (baselines(given.record))
    }
}

fn merits(given: &Given<'_>) -> Markup {
    let (own, tested) = (given.record.figures.as_slice(), given.tested.as_ref());
    let of_test = tested.map(|tested| tested.figures).unwrap_or_default();
    let find =
        |all: &'_ [Figure], name: &str| all.iter().find(|figure| figure.name == name).cloned();
    let only_of_test = of_test.iter().filter(|figure| find(own, &figure.name).is_none());
    let level = levels(given);
    let line = |name: &str| {
        let (title, words) = meaning(name, &level);
        let mut line = vec![title];
        line.extend(cells(find(own, name)));
        if tested.is_some() {
            line.extend(cells(find(of_test, name)));
        }
        line.push(words);
        line
    };
    let names = own.iter().chain(only_of_test).map(|figure| figure.name.as_str());
    let lines: Vec<Vec<String>> = names.map(line).collect();
    if lines.is_empty() {
        return html! { p { "No figures are on record." } };
    }
    let file = tested.map(|tested| text::shortened(&tested.name, 20));
    let places = std::iter::once("held-out rows").chain(file.as_deref());
    let mut head = vec![("figure", Kind::Words)];
    head.extend(places.flat_map(|place| [(place, Kind::Number), (INTERVAL, Kind::Number)]));
    head.push(("meaning", Kind::Words));
    table(&head, &lines)
}

/// A figure and its interval, or dashes.
fn cells(figure: Option<Figure>) -> [String; 2] {
    match figure {
        Some(figure) => [value(&figure.name, figure.value), interval(&figure)],
        None => ["\u{2013}".to_owned(), "\u{2013}".to_owned()],
    }
}

/// Level of the intervals that are judged, and that of the test if it is another.
fn levels(given: &Given<'_>) -> String {
    let level = text::level(given.record.level);
    match &given.tested {
        Some(tested) if tested.level != given.record.level => {
            format!("{level} (of the test: {})", text::level(tested.level))
        }
        _ => level,
    }
}

/// The figure that is compared with simpler means.
pub(super) fn score_name(task: Task) -> &'static str {
    match task {
        Task::Regression => "rmse",
        Task::Classification => "accuracy",
    }
}

/// What a simpler means does, in words.
pub(super) fn baseline_in_words(name: &str, task: Task) -> String {
    match (name, task) {
        ("mean", Task::Regression) => "always answering the mean".to_owned(),
        ("mean", Task::Classification) => "always answering the most frequent class".to_owned(),
        ("linear", Task::Regression) => "linear regression".to_owned(),
        ("linear", Task::Classification) => "logistic regression".to_owned(),
        ("plain net", _) => "a plain net".to_owned(),
        (other, _) => text::name(other),
    }
}

fn baselines(record: &Record) -> Markup {
    if record.baselines.is_empty() {
        return html! { p { "No simpler means were tried." } };
    }
    let name = score_name(record.task);
    let (title, _) = meaning(name, "");
    let head =
        [("model", Kind::Words), (title.as_str(), Kind::Number), ("Log-likelihood", Kind::Number)];
    let of = |name: &str| record.figure(name).unwrap_or(f64::NAN);
    let own =
        vec!["this model".to_owned(), value(name, of(name)), text::number(of("log_likelihood"))];
    let others = record.baselines.iter().map(|baseline| {
        let words = baseline_in_words(&baseline.name, record.task);
        vec![words, value(name, baseline.score), text::number(baseline.log_likelihood)]
    });
    let lines: Vec<Vec<String>> = std::iter::once(own).chain(others).collect();
    html! {
        p { "All on the same held-out rows." }
        (table(&head, &lines))
    }
}
