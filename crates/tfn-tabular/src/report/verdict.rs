//! How good the model is, in a few sentences, and what to beware of.

use maud::{Markup, html};

use crate::figures::Figure;
use crate::record::{Baseline, Record};
use crate::task::Task;

use super::figures::{baseline_in_words, score_name};
use super::given::{Given, Tested};
use super::pictures::binomial_range;
use super::text;

/// The verdict, with warnings.
pub(super) fn verdict(given: &Given<'_>) -> Markup {
    let record = given.record;
    let warnings = warnings(given);
    html! {
        p.verdict { (sentences(record)) }
        @if let Some(tested) = &given.tested { p.verdict { (of_test(tested, record.task)) } }
        @for warning in &warnings { p.warning { strong { "Beware: " } (warning) } }
        @for note in notes(record) { p.note { (note) } }
    }
}

fn find<'a>(figures: &'a [Figure], name: &str) -> Option<&'a Figure> {
    figures.iter().find(|figure| figure.name == name)
}

fn score(value: f64, task: Task) -> String {
    match task {
        Task::Regression => text::number(value),
        Task::Classification => text::percent(value),
    }
}

/// A score with its interval.
fn with_interval(figure: &Figure, task: Task) -> String {
    let own = score(figure.value, task);
    match figure.interval {
        Some([low, high]) => format!("{own} ({} to {})", score(low, task), score(high, task)),
        None => own,
    }
}

fn sentences(record: &Record) -> Markup {
    let inputs = record.columns.iter().filter(|column| column.features > 0).count();
    let rows = format!("{} and {}", text::count(record.rows, "row"), text::count(inputs, "column"));
    let others = record.baselines.iter().map(|baseline| {
        format!("{} {}", score(baseline.score, record.task), words_for(baseline, record.task))
    });
    let others: Vec<String> = others.collect();
    html! {
        "A net trained on " (rows) " predicts " strong { (text::name(&record.target)) } ". "
        @match find(&record.figures, score_name(record.task)) {
            Some(figure) => {
                @match record.task {
                    Task::Regression => {
                        "On held-out rows its root mean squared error is "
                        strong { (with_interval(figure, record.task)) }
                    }
                    Task::Classification => {
                        "On held-out rows " strong { (with_interval(figure, record.task)) }
                        " of its answers are right"
                    }
                }
                @if !others.is_empty() { "; beside it, " (list(&others)) }
                ". "
            }
            None => { "It was not judged on held-out rows. " }
        }
        @if let Some(held) = find(&record.figures, "coverage") {
            (held_in_words(held, record.level, record.task)) "."
        }
    }
}

fn words_for(baseline: &Baseline, task: Task) -> String {
    format!("by {}", baseline_in_words(&baseline.name, task))
}

fn list(all: &[String]) -> String {
    match all {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => all.join(""),
    }
}

fn held_in_words(held: &Figure, level: f64, task: Task) -> String {
    let kind = match task {
        Task::Regression => "intervals",
        Task::Classification => "sets of classes",
    };
    format!("Its {} {kind} held the truth in {}", text::level(level), text::percent(held.value))
}

fn of_test(tested: &Tested<'_>, task: Task) -> Markup {
    html! {
        "On the " (text::count(tested.rows, "row")) " of " strong { (text::name(&tested.name)) }
        @if let Some(figure) = find(tested.figures, score_name(task)) {
            @match task {
                Task::Regression => { " the root mean squared error is " (with_interval(figure, task)) }
                Task::Classification => { " " (with_interval(figure, task)) " of its answers are right" }
            }
            @if let Some(held) = find(tested.figures, "coverage") {
                ". " (held_in_words(held, tested.level, task))
            }
            "."
        } @else {
            " there was nothing to judge by."
        }
    }
}

/// Whether a score is better than another.
fn is_better(own: f64, other: f64, task: Task) -> bool {
    match task {
        Task::Regression => own < other,
        Task::Classification => own > other,
    }
}

fn warnings(given: &Given<'_>) -> Vec<String> {
    let record = given.record;
    let mut all = Vec::new();
    if let Some(own) = find(&record.figures, score_name(record.task)) {
        let simple = |baseline: &&Baseline| matches!(baseline.name.as_str(), "mean" | "linear");
        for baseline in record.baselines.iter().filter(simple) {
            if !is_better(own.value, baseline.score, record.task) {
                all.push(format!(
                    "on held-out rows the model is no better than {}.",
                    baseline_in_words(&baseline.name, record.task)
                ));
            }
        }
    }
    let rows = match record.held_out.len() {
        // The record keeps some rows only.
        2000.. => record.rows,
        rows => rows,
    };
    all.extend(coverage_warning(
        &record.figures,
        record.level,
        rows,
        "on held-out rows",
        record.task,
    ));
    if let Some(tested) = &given.tested {
        let place = format!("on {}", text::name(&tested.name));
        all.extend(coverage_warning(
            tested.figures,
            tested.level,
            tested.judged.len(),
            &place,
            record.task,
        ));
    }
    all
}

/// Too few or too many truths in the intervals: more so than resampling allows, and than chance allows if all held is right.
/// (Where all rows are held, resampling allows nothing.)
fn coverage_warning(
    figures: &[Figure],
    level: f64,
    rows: usize,
    place: &str,
    task: Task,
) -> Option<String> {
    let held = find(figures, "coverage")?;
    let by_chance = binomial_range(rows, level).map(|count| count as f64 / rows.max(1) as f64);
    let [low, high] = held.interval.unwrap_or([held.value, held.value]);
    let is_low = high < level && held.value < by_chance[0];
    let is_high = low > level && held.value > by_chance[1];
    if rows == 0 || !(is_low || is_high) {
        return None;
    }
    let what = match (task, is_low) {
        (Task::Regression, true) => "too narrow",
        (Task::Regression, false) => "wider than they need to be",
        (Task::Classification, true) => "too small",
        (Task::Classification, false) => "larger than they need to be",
    };
    let held = held_in_words(held, level, task);
    Some(format!("{}{} {place}: they are {what}.", held[..1].to_lowercase(), &held[1..]))
}

/// What is worth knowing, though nothing is wrong.
fn notes(record: &Record) -> Vec<String> {
    let Some(own) = find(&record.figures, score_name(record.task)) else { return Vec::new() };
    let Some([low, high]) = own.interval else { return Vec::new() };
    let note = |baseline: &Baseline| {
        let words = baseline_in_words(&baseline.name, record.task);
        let is_better = is_better(own.value, baseline.score, record.task);
        let is_within = (low..=high).contains(&baseline.score);
        match (is_better, is_within, baseline.name.as_str()) {
            (true, true, _) => Some(format!(
                "The gain on {words} is within what the choice of the held-out rows leaves open."
            )),
            (false, false, "plain net") => {
                Some(format!("On held-out rows {words} is closer to the truth than this model."))
            }
            _ => None,
        }
    };
    record.baselines.iter().filter_map(note).collect()
}
