//! How training went, epoch by epoch.

use maud::{Markup, html};

use crate::record::{Curve, Record};

use super::axis::Axis;
use super::chart::{Chart, Mark, SIZE};
use super::ink::Ink;
use super::picture::{picture, thinned};
use crate::report::tables::{Kind, table};
use crate::report::text;

const NLL: &str = "of a row on average, in nats; lower is better.";
const KL: &str = "of the weights from their prior, in nats: what was learned, and what it costs.";

type Values = fn(&Curve) -> &[f64];

/// Loss and KL divergence of all runs.
pub(in crate::report) fn curves(record: &Record) -> Markup {
    if record.curves.iter().all(|curve| curve.epoch.is_empty()) {
        return html! { p { "No figures of the epochs were kept." } };
    }
    let others = record.curves.len().saturating_sub(1);
    html! {
        @if others > 0 {
            p {
                "The " span.key.model { "thick line" } " is the first model, the "
                span.key.pale { "thin ones" } " are "
                (text::count(others, "model")) ", each trained without a part of the rows."
            }
        }
        div.panels {
            (panel(record, "Negative log-likelihood", NLL, |curve| &curve.nll))
            (panel(record, "KL divergence", KL, |curve| &curve.kl))
        }
    }
}

fn panel(record: &Record, title: &str, caption: &str, values: Values) -> Markup {
    let y = axis(&record.curves, values);
    let is_hidden = |value: f64| !y.is_log() && !(y.low..=y.high).contains(&value);
    let hidden = record.curves.iter().flat_map(values).any(|&value| is_hidden(value));
    let line = |(place, curve): (usize, &Curve)| {
        let points = curve.epoch.iter().zip(values(curve)).map(|(&epoch, &value)| {
            [epoch as f64, if is_hidden(value) { f64::NAN } else { value }]
        });
        Mark::Line(if place == 0 { Ink::Model } else { Ink::Pale }, points.collect())
    };
    // The first model on top.
    let marks = record.curves.iter().enumerate().rev().map(line).collect();
    let epochs = record.curves.iter().flat_map(|curve| &curve.epoch);
    let x = Axis::of("epoch", epochs.map(|&epoch| epoch as f64));
    let words = format!("Line chart of the {title} by epoch. {}", in_words(&record.curves, values));
    let chart = Chart { words, x, y, size: SIZE, marks };
    let more =
        if hidden { " Some epochs, most often the first, are beyond the picture." } else { "" };
    picture(title, &format!("{caption}{more}"), &chart, &numbers(&record.curves, values))
}

/// From what is reached after the first tenth of the epochs, if the beginning would leave no room for it.
fn axis(curves: &[Curve], values: Values) -> Axis {
    let pairs = || curves.iter().flat_map(|curve| curve.epoch.iter().zip(values(curve)));
    let whole = Axis::of_scale("nats", pairs().map(|(_, &value)| value));
    let last = curves.iter().flat_map(|curve| &curve.epoch).max().copied().unwrap_or(0);
    let late = pairs().filter(|(epoch, _)| 10 * **epoch > last).map(|(_, &value)| value);
    let late = Axis::of("nats", late);
    if !whole.is_log() && whole.high - whole.low > 4.0 * (late.high - late.low) {
        return late;
    }
    whole
}

fn in_words(curves: &[Curve], values: Values) -> String {
    match curves.first().map(|curve| (values(curve).first(), values(curve).last())) {
        Some((Some(&first), Some(&last))) => {
            format!(
                "Of the first model it goes from {} to {}.",
                text::number(first),
                text::number(last)
            )
        }
        _ => String::new(),
    }
}

fn numbers(curves: &[Curve], values: Values) -> Markup {
    let Some(first) = curves.first() else { return html! {} };
    let names: Vec<String> = curves.iter().map(|curve| text::name(&curve.name)).collect();
    let mut head = vec![("epoch", Kind::Number)];
    head.extend(names.iter().map(|name| (name.as_str(), Kind::Number)));
    let epochs = thinned(first.epoch.len(), 12).into_iter().filter_map(|at| first.epoch.get(at));
    let mut epochs: Vec<u64> = epochs.copied().collect();
    epochs.extend(first.epoch.last());
    epochs.dedup();
    let of = |curve: &Curve, epoch: u64| {
        let at = curve.epoch.iter().position(|&other| other == epoch);
        text::number(at.and_then(|at| values(curve).get(at).copied()).unwrap_or(f64::NAN))
    };
    let row = |&epoch: &u64| {
        let mut row = vec![epoch.to_string()];
        row.extend(curves.iter().map(|curve| of(curve, epoch)));
        row
    };
    table(&head, &epochs.iter().map(row).collect::<Vec<_>>())
}
