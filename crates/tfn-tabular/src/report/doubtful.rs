//! Rows of which the model is in doubt, and rows unlike those that it was trained on.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::judged::{Judged, JudgedClasses, JudgedNumbers};

use super::given::{Shown, Tested};
use super::tables::{Kind, bars, table};
use super::text;

/// Rows that are shown.
const ROWS: usize = 10;

/// The rows with the greatest doubt, and where it comes from.
pub(super) fn doubtful(shown: &Shown<'_>) -> Markup {
    let doubt = shown.judged.doubt();
    let mut order: Vec<usize> = (0..doubt.len()).collect();
    // No number is more doubtful than any; rows of the same doubt stay in order.
    let key = |row: usize| if doubt[row].is_nan() { f64::INFINITY } else { doubt[row] };
    order.sort_by(|&a, &b| key(b).total_cmp(&key(a)));
    order.truncate(ROWS);
    if order.is_empty() {
        return html! { p { "There are no rows to show." } };
    }
    let outside = |row: Option<&usize>| {
        let all = shown.out_of_range?;
        Some(all.get(*row?).map(Vec::as_slice).unwrap_or_default())
    };
    html! {
        p {
            "Rows are counted from 1, without the line of names. Doubt is of two kinds: "
            "the model has seen little like the row, which more data would mend, "
            "or rows like it differ among themselves (noise), which it would not."
        }
        @match shown.judged {
            Judged::Numbers(rows) => (numbers(rows, &order, shown.level, outside)),
            Judged::Classes(rows) => (classes(rows, &order, outside)),
        }
    }
}

fn at(values: &[f64], row: usize) -> f64 {
    values.get(row).copied().unwrap_or(f64::NAN)
}

fn row_number(rows: &[usize], at: usize) -> String {
    rows.get(at).map_or(at + 1, |row| row + 1).to_string()
}

/// Where doubt comes from, and the columns that explain it.
fn why(epistemic_share: f64, outside: Option<&[String]>) -> String {
    let mut words = if epistemic_share.is_nan() {
        "not known".to_owned()
    } else if epistemic_share > 0.5 {
        format!("the model has seen little like it ({})", text::percent(epistemic_share))
    } else {
        format!("noise ({})", text::percent(1.0 - epistemic_share))
    };
    if let Some(columns @ [_, ..]) = outside {
        let names: Vec<String> = columns.iter().map(|column| text::shortened(column, 30)).collect();
        words += &format!("; outside the training range: {}", names.join(", "));
    }
    words
}

fn numbers<'a>(
    all: &JudgedNumbers,
    order: &[usize],
    level: f64,
    outside: impl Fn(Option<&usize>) -> Option<&'a [String]>,
) -> Markup {
    let interval = format!("{} interval", text::level(level));
    let head = [
        ("row", Kind::Number),
        ("predicted", Kind::Number),
        (interval.as_str(), Kind::Number),
        ("truth", Kind::Number),
        ("held", Kind::Words),
        ("why, and how much of the doubt that is", Kind::Words),
    ];
    let line = |&row: &usize| {
        let (low, high, truth) = (at(&all.lower, row), at(&all.upper, row), at(&all.target, row));
        let held = if (low..=high).contains(&truth) { "yes" } else { "no" };
        vec![
            row_number(&all.row, row),
            text::number(at(&all.mean, row)),
            text::interval(Some([low, high])),
            text::number(truth),
            held.to_owned(),
            why(at(&all.epistemic_share, row), outside(all.row.get(row))),
        ]
    };
    table(&head, &order.iter().map(line).collect::<Vec<_>>())
}

fn classes<'a>(
    all: &JudgedClasses,
    order: &[usize],
    outside: impl Fn(Option<&usize>) -> Option<&'a [String]>,
) -> Markup {
    let head = [
        ("row", Kind::Number),
        ("predicted", Kind::Words),
        ("probability", Kind::Number),
        ("truth", Kind::Words),
        ("its probability", Kind::Number),
        ("classes in the set", Kind::Number),
        ("why, and how much of the doubt that is", Kind::Words),
    ];
    let class = |labels: &[usize], row: usize| {
        let name = labels.get(row).and_then(|&label| all.classes.get(label));
        name.map_or("?".to_owned(), |name| text::shortened(name, 40))
    };
    let line = |&row: &usize| {
        vec![
            row_number(&all.row, row),
            class(&all.predicted, row),
            text::percent(at(&all.probability, row)),
            class(&all.label, row),
            text::percent(at(&all.label_probability, row)),
            all.set_size.get(row).map_or("?".to_owned(), usize::to_string),
            why(at(&all.epistemic_share, row), outside(all.row.get(row))),
        ]
    };
    table(&head, &order.iter().map(line).collect::<Vec<_>>())
}

/// How many rows of a test file are outside what the training rows had, by column.
pub(super) fn out_of_range(tested: &Tested<'_>) -> Markup {
    let rows = tested.out_of_range.len();
    let outside = tested.out_of_range.iter().filter(|columns| !columns.is_empty()).count();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for column in tested.out_of_range.iter().flatten() {
        *counts.entry(column).or_default() += 1;
    }
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let share = |count: usize| text::percent(count as f64 / rows.max(1) as f64);
    let lines: Vec<_> = counts
        .iter()
        .map(|&(name, count)| (name.to_owned(), count as f64, [count.to_string(), share(count)]))
        .collect();
    html! {
        @if outside == 0 {
            p { "No row of " (text::name(&tested.name)) " has a value outside what the training rows had." }
        } @else {
            p {
                (outside) " of " (text::count(rows, "row")) " of " (text::name(&tested.name)) " (" (share(outside))
                ") have a value outside what the training rows had: "
                "beyond their least or greatest number, or a level that they lacked. "
                "Predictions of such rows are guesses to be checked."
            }
            (bars(["column", "rows", "share"], &lines))
        }
    }
}
