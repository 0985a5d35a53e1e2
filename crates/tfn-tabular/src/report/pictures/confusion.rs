//! Which classes are taken for which.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::judged::JudgedClasses;
use crate::report::tables::{Kind, table};
use crate::report::text;

/// Classes of which the whole matrix is shown, and confusions that are shown of more.
const MOST: usize = 20;

/// How often each class is taken for each.
struct Counts<'a> {
    names: &'a [String],
    /// By true and by predicted class.
    pairs: BTreeMap<(usize, usize), usize>,
    rows: BTreeMap<usize, usize>,
}

impl<'a> Counts<'a> {
    fn of(all: &'a JudgedClasses) -> Self {
        let (mut pairs, mut rows) = (BTreeMap::new(), BTreeMap::new());
        for (&label, &predicted) in all.label.iter().zip(&all.predicted) {
            *pairs.entry((label, predicted)).or_default() += 1;
            *rows.entry(label).or_default() += 1;
        }
        Self { names: &all.classes, pairs, rows }
    }

    fn name(&self, class: usize) -> String {
        text::name(self.names.get(class).map_or("?", String::as_str))
    }

    fn rows(&self, label: usize) -> usize {
        self.rows.get(&label).copied().unwrap_or(0)
    }

    fn count(&self, label: usize, predicted: usize) -> usize {
        self.pairs.get(&(label, predicted)).copied().unwrap_or(0)
    }

    /// Share of the true class.
    fn share(&self, label: usize, count: usize) -> f64 {
        count as f64 / self.rows(label).max(1) as f64
    }
}

/// The confusion matrix, or of many classes the largest confusions.
pub(in crate::report) fn confusion(all: &JudgedClasses) -> Markup {
    let counts = Counts::of(all);
    match all.classes.len() {
        _ if counts.pairs.is_empty() => html! { p { "There are no rows to show." } },
        classes if classes > MOST => largest(&counts),
        _ => matrix(&counts),
    }
}

fn matrix(counts: &Counts<'_>) -> Markup {
    let names: Vec<&str> = counts.names.iter().map(String::as_str).collect();
    let above = text::labels(&names, if names.len() > 8 { 9 } else { 14 });
    let beside = text::labels(&names, 18);
    html! {
        p {
            "Each line has the rows of one true class; the shade is their share of the line: "
            span.key.model { "blue" } " is right, "
            span.key.miss { "orange" } " is taken for another class."
        }
        div.scroll tabindex="0" role="region" aria-label="Confusion matrix" {
            table.confusion {
                thead { tr {
                    th scope="col" { "true class" }
                    @for (class, short) in above.iter().enumerate() {
                        th.number scope="col" title=(counts.name(class)) { (short) }
                    }
                    th.number scope="col" { "rows" }
                } }
                tbody { @for (label, short) in beside.iter().enumerate() { tr {
                    th.words scope="row" title=(counts.name(label)) { (short) }
                    @for predicted in 0..names.len() { (cell(counts, label, predicted)) }
                    td.number { (counts.rows(label)) }
                } } }
            }
        }
        p.note { "Lines are the true classes, columns the predicted ones." }
    }
}

fn cell(counts: &Counts<'_>, label: usize, predicted: usize) -> Markup {
    let count = counts.count(label, predicted);
    let class = shade(label == predicted, counts.share(label, count));
    html! { td class=(class) { (count) } }
}

/// One of six shades; no shade for no rows.
fn shade(is_right: bool, share: f64) -> String {
    let kind = if is_right { "right" } else { "wrong" };
    match (share * 6.0).ceil() as usize {
        0 => "number none".to_owned(),
        step => format!("number {kind}-{}", step.min(6)),
    }
}

fn largest(counts: &Counts<'_>) -> Markup {
    let wrong = counts.pairs.iter().filter(|((label, predicted), _)| label != predicted);
    let mut wrong: Vec<_> = wrong.map(|(&pair, &count)| (pair, count)).collect();
    // The most frequent first; the sort keeps the order of the classes otherwise.
    wrong.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    if wrong.is_empty() {
        return html! { p { "No row is taken for another class." } };
    }
    let head = [
        ("true class", Kind::Words),
        ("taken for", Kind::Words),
        ("rows", Kind::Number),
        ("share of the true class", Kind::Number),
    ];
    let line = |&((label, predicted), count): &((usize, usize), usize)| {
        let share = text::percent(counts.share(label, count));
        vec![counts.name(label), counts.name(predicted), count.to_string(), share]
    };
    let lines: Vec<Vec<String>> = wrong.iter().take(MOST).map(line).collect();
    html! {
        p { "The largest of " (text::count(wrong.len(), "confusion")) " between classes." }
        (table(&head, &lines))
    }
}
