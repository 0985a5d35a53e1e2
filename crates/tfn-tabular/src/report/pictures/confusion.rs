//! Which classes are taken for which.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::judged::JudgedClasses;
use crate::report::tables::{Kind, table};
use crate::report::text;

/// Classes of which the whole matrix is shown, and confusions that are shown of more.
const MOST: usize = 20;

/// The confusion matrix, or of many classes the largest confusions.
pub(in crate::report) fn confusion(all: &JudgedClasses) -> Markup {
    let mut counts: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    let mut rows: BTreeMap<usize, usize> = BTreeMap::new();
    for (&label, &predicted) in all.label.iter().zip(&all.predicted) {
        *counts.entry((label, predicted)).or_default() += 1;
        *rows.entry(label).or_default() += 1;
    }
    if counts.is_empty() {
        return html! { p { "There are no rows to show." } };
    }
    let name = |class: usize| all.classes.get(class).map_or("?", String::as_str);
    let share = |label: usize, count: usize| {
        count as f64 / rows.get(&label).copied().unwrap_or(0).max(1) as f64
    };
    if all.classes.len() > MOST {
        return largest(&counts, name, share);
    }
    let classes = 0..all.classes.len();
    let names: Vec<&str> = all.classes.iter().map(String::as_str).collect();
    let (above, beside) =
        (text::labels(&names, if names.len() > 8 { 9 } else { 14 }), text::labels(&names, 18));
    html! {
        p { "Each line has the rows of one true class; the shade is their share of the line: "
            span.key.model { "blue" } " is right, " span.key.miss { "orange" } " is taken for another class." }
        div.scroll tabindex="0" role="region" aria-label="Confusion matrix" {
            table.confusion {
                thead {
                    tr { th scope="col" { "true class" }
                        @for class in classes.clone() {
                            th.number scope="col" title=(text::name(name(class))) { (above[class]) }
                        }
                        th.number scope="col" { "rows" } }
                }
                tbody {
                    @for label in classes.clone() {
                        tr { th.words scope="row" title=(text::name(name(label))) { (beside[label]) }
                            @for predicted in classes.clone() {
                                @let count = counts.get(&(label, predicted)).copied().unwrap_or(0);
                                td class=(shade(label == predicted, share(label, count))) { (count) }
                            }
                            td.number { (rows.get(&label).copied().unwrap_or(0)) } }
                    }
                }
            }
        }
        p.note { "Lines are the true classes, columns the predicted ones." }
    }
}

/// One of six shades; no shade for no rows.
fn shade(is_right: bool, share: f64) -> String {
    let kind = if is_right { "right" } else { "wrong" };
    match (share * 6.0).ceil() as usize {
        0 => "number none".to_owned(),
        step => format!("number {kind}-{}", step.min(6)),
    }
}

fn largest<'a>(
    counts: &BTreeMap<(usize, usize), usize>,
    name: impl Fn(usize) -> &'a str,
    share: impl Fn(usize, usize) -> f64,
) -> Markup {
    let wrong = counts.iter().filter(|((label, predicted), _)| label != predicted);
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
        let names = vec![text::name(name(label)), text::name(name(predicted))];
        [names, vec![count.to_string(), text::percent(share(label, count))]].concat()
    };
    let lines: Vec<Vec<String>> = wrong.iter().take(MOST).map(line).collect();
    html! {
        p { "The largest of " (text::count(wrong.len(), "confusion")) " between classes." }
        (table(&head, &lines))
    }
}
