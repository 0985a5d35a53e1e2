//! Whether classes are right as often as their probability says.

use maud::{Markup, html};

use crate::judged::JudgedClasses;

use super::axis::Axis;
use super::binomial::range;
use super::chart::{Chart, Mark, SIZE};
use super::ink::Ink;
use super::picture::{left_out, picture};
use crate::report::tables::{Kind, table};
use crate::report::text;

const BINS: usize = 10;

/// Rows of about the same confidence.
#[derive(Clone, Copy, Debug, Default)]
struct Bin {
    rows: usize,
    right: usize,
    /// Sum of the confidences.
    sure: f64,
}

impl Bin {
    fn confidence(self) -> f64 {
        self.sure / self.rows as f64
    }

    fn accuracy(self) -> f64 {
        self.right as f64 / self.rows as f64
    }

    /// Shares of right answers that chance allows if the confidence is right.
    fn by_chance(self) -> [f64; 2] {
        range(self.rows, self.confidence()).map(|count| count as f64 / self.rows as f64)
    }

    fn is_off(self) -> bool {
        let [low, high] = self.by_chance();
        !(low..=high).contains(&self.accuracy())
    }
}

fn bins(all: &JudgedClasses) -> [Bin; BINS] {
    let mut bins = [Bin::default(); BINS];
    let rows = all.probability.iter().zip(all.label.iter().zip(&all.predicted));
    for (&probability, (label, predicted)) in rows {
        if (0.0..=1.0 + 1e-9).contains(&probability) {
            let bin = &mut bins[((probability * BINS as f64) as usize).min(BINS - 1)];
            bin.rows += 1;
            bin.right += usize::from(label == predicted);
            bin.sure += probability.min(1.0);
        }
    }
    bins
}

/// Two classes leave none less than one half.
fn lowest(all: &JudgedClasses) -> f64 {
    if all.classes.len() == 2 { 0.5 } else { 0.0 }
}

const RELIABILITY: &str = concat!(
    "against confidence. Below the diagonal the model is too sure of itself. ",
    "Upright lines are what chance alone allows in 95 of 100 samples; orange dots are beyond it."
);

/// Share of right answers against confidence.
pub(in crate::report) fn reliability(all: &JudgedClasses) -> Markup {
    let filled: Vec<Bin> = bins(all).into_iter().filter(|bin| bin.rows > 0).collect();
    let drawn: usize = filled.iter().map(|bin| bin.rows).sum();
    let left = left_out(all.probability.len() - drawn);
    if filled.is_empty() {
        return html! { p { "There are no rows to draw." (left) } };
    }
    let off = filled.iter().filter(|bin| bin.is_off()).count();
    let words = format!(
        "Reliability diagram: share of right answers against confidence in {} of {}. \
         {off} are outside what chance allows.",
        text::count(filled.len(), "bin"),
        text::count(drawn, "row"),
    );
    let low = lowest(all);
    let least = filled.iter().map(|bin| bin.accuracy().min(bin.by_chance()[0])).fold(low, f64::min);
    // Room for dots at the ends.
    let axis =
        |name: &str, low: f64| Axis::exact(name, low - 0.02 * (1.0 - low), 1.02 - 0.02 * low);
    let (x, y) =
        (axis("probability of the predicted class", low), axis("share that is right", least));
    let chart = Chart { words, x, y, size: SIZE, marks: marks(&filled, low) };
    picture("Share of right answers", &format!("{RELIABILITY}{left}"), &chart, &numbers(&filled))
}

fn marks(filled: &[Bin], low: f64) -> Vec<Mark> {
    let point = |bin: &Bin| [bin.confidence(), bin.accuracy()];
    let dots = |off: bool| filled.iter().filter(|bin| bin.is_off() == off).map(point).collect();
    let chance = |bin: &Bin| {
        let [low, high] = bin.by_chance();
        [bin.confidence(), low, high]
    };
    vec![
        Mark::Line(Ink::Guide, vec![[low, low], [1.0, 1.0]]),
        Mark::Upright(Ink::Axis, filled.iter().map(chance).collect()),
        Mark::Line(Ink::Model, filled.iter().map(point).collect()),
        Mark::Points(Ink::Model, dots(false)),
        Mark::Points(Ink::Miss, dots(true)),
    ]
}

/// How many rows have which confidence.
pub(in crate::report) fn confidence(all: &JudgedClasses) -> Markup {
    let bins = bins(all);
    if bins.iter().all(|bin| bin.rows == 0) {
        return html! {};
    }
    let edge = |bin: usize| bin as f64 / BINS as f64;
    let bar = |(bin, of): (usize, &Bin)| [edge(bin), edge(bin + 1) - 0.006, of.rows as f64];
    let bars = bins.iter().enumerate().map(bar).filter(|bar| bar[2] > 0.0).collect();
    let (most, rows) = (bins.iter().map(|bin| bin.rows).max().unwrap_or(0), all.probability.len());
    let sure = bins[BINS - 1].rows;
    let words = format!(
        "Histogram of the confidence of {}: {sure} at 0.9 or more.",
        text::count(rows, "row")
    );
    let x = Axis::exact("probability of the predicted class", lowest(all), 1.0);
    let y = Axis::exact("rows", 0.0, 1.06 * most as f64);
    let chart = Chart { words, x, y, size: SIZE, marks: vec![Mark::Bars(Ink::Model, bars)] };
    let caption = "of the predictions: how many rows have it.";
    let filled: Vec<Bin> = bins.iter().copied().filter(|bin| bin.rows > 0).collect();
    picture("Confidence", caption, &chart, &numbers(&filled))
}

fn numbers(filled: &[Bin]) -> Markup {
    let number = Kind::Number;
    let head = [("confidence", number), ("right", number), ("by chance", number), ("rows", number)];
    let line = |bin: &Bin| {
        let [low, high] = bin.by_chance().map(text::percent);
        let chance = format!("{low} to {high}");
        let (confidence, right) = (text::percent(bin.confidence()), text::percent(bin.accuracy()));
        vec![confidence, right, chance, bin.rows.to_string()]
    };
    table(&head, &filled.iter().map(line).collect::<Vec<_>>())
}
