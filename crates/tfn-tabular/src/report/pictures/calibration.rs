//! Whether intervals hold as often as they say, and where the truth lies in the predictions.

use maud::{Markup, html};

use super::axis::Axis;
use super::binomial::range;
use super::chart::{Chart, Mark, SIZE};
use super::ink::Ink;
use super::picture::{left_out, picture};
use crate::report::tables::{Kind, table};
use crate::report::text;

/// Levels from 5 % to 95 %, and 99 %.
fn levels() -> impl Iterator<Item = f64> {
    (1..20).map(|step| f64::from(step) / 20.0).chain([0.99])
}

/// Those of the values that can be: probabilities.
fn sound(pit: &[f64]) -> Vec<f64> {
    pit.iter().copied().filter(|value| (0.0..=1.0).contains(value)).collect()
}

const COVERAGE: &str = concat!(
    "of the central intervals of the predictive distribution itself, by level. ",
    "Below the diagonal intervals are too narrow, above it too wide. ",
    "In the grey band chance alone explains it, for 95 of 100 samples at each level."
);

const PIT: &str = concat!(
    "in the predicted distributions. The bars are even if these are right, high at both ends if they are too narrow, ",
    "high in the middle if too wide. The grey band holds 19 of 20 bars of even values; orange bars are beyond it."
);

/// How many central intervals of a level hold the truth.
#[derive(Clone, Copy, Debug)]
struct Held {
    level: f64,
    share: f64,
    /// Shares that chance allows.
    by_chance: [f64; 2],
}

impl Held {
    fn of(pit: &[f64], level: f64) -> Self {
        // Half a billionth: 2·0.95 − 1 is not 0.9.
        let is_held = |at: &&f64| (2.0 * **at - 1.0).abs() <= level + 5e-10;
        let rows = pit.len() as f64;
        Self {
            level,
            share: pit.iter().filter(is_held).count() as f64 / rows,
            by_chance: range(pit.len(), level).map(|count| count as f64 / rows),
        }
    }

    fn is_off(&self) -> bool {
        !(self.by_chance[0]..=self.by_chance[1]).contains(&self.share)
    }

    fn line(&self) -> Vec<String> {
        let [low, high] = self.by_chance.map(text::percent);
        vec![text::level(self.level), text::percent(self.share), format!("{low} to {high}")]
    }
}

/// Share of the central intervals that hold the truth, for all levels.
pub(in crate::report) fn coverage(pit: &[f64]) -> Markup {
    let sound = sound(pit);
    if sound.is_empty() {
        return html! { p { "There are no rows to draw." (left_out(pit.len())) } };
    }
    let all: Vec<Held> = levels().map(|level| Held::of(&sound, level)).collect();
    let off = all.iter().filter(|held| held.is_off()).count();
    let words = format!(
        "Observed coverage of central intervals against their level, from {}. \
         {off} of {} levels are outside what chance allows.",
        text::count(sound.len(), "row"),
        all.len(),
    );
    let axis = |name: &str| Axis::exact(name, 0.0, 1.0);
    let (x, y) = (axis("level of the interval"), axis("share that held the truth"));
    let chart = Chart { words, x, y, size: SIZE, marks: coverage_marks(&all) };
    let head = [("level", Kind::Number), ("observed", Kind::Number), ("by chance", Kind::Number)];
    let lines: Vec<Vec<String>> = all.iter().map(Held::line).collect();
    let left = left_out(pit.len() - sound.len());
    picture("Coverage", &format!("{COVERAGE}{left}"), &chart, &table(&head, &lines))
}

fn coverage_marks(all: &[Held]) -> Vec<Mark> {
    let point = |held: &Held| [held.level, held.share];
    let dots = |off: bool| all.iter().filter(|held| held.is_off() == off).map(point).collect();
    let band = all.iter().map(|held| [held.level, held.by_chance[0], held.by_chance[1]]);
    let band = std::iter::once([0.0; 3]).chain(band).chain([[1.0; 3]]);
    vec![
        Mark::Band(Ink::Guide, band.collect()),
        Mark::Line(Ink::Guide, vec![[0.0, 0.0], [1.0, 1.0]]),
        Mark::Line(Ink::Model, all.iter().map(point).collect()),
        Mark::Points(Ink::Model, dots(false)),
        Mark::Points(Ink::Miss, dots(true)),
    ]
}

/// Histogram of where the truth lies in the predicted distributions.
pub(in crate::report) fn pit(pit: &[f64]) -> Markup {
    let sound = sound(pit);
    if sound.is_empty() {
        return html! {};
    }
    let bins = if sound.len() < 200 { 10 } else { 20 };
    let mut counts = vec![0usize; bins];
    for value in &sound {
        counts[((value * bins as f64) as usize).min(bins - 1)] += 1;
    }
    let head = [("from", Kind::Number), ("to", Kind::Number), ("rows", Kind::Number)];
    let edge = |bin: usize| text::setting(bin as f64 / bins as f64);
    let line = |(bin, count): (usize, &usize)| vec![edge(bin), edge(bin + 1), count.to_string()];
    let lines: Vec<Vec<String>> = counts.iter().enumerate().map(line).collect();
    picture("Where the truth lies", PIT, &histogram(&counts), &table(&head, &lines))
}

/// Bars, and the band that even values would show.
fn histogram(counts: &[usize]) -> Chart {
    let (rows, bins) = (counts.iter().sum::<usize>(), counts.len());
    let share = 1.0 / bins as f64;
    let band = range(rows, share);
    let is_out = |count: usize| !(band[0]..=band[1]).contains(&count);
    let bars = |out: bool| {
        let bars = counts.iter().enumerate().filter(|(_, count)| is_out(**count) == out);
        let edge = |bin: usize| bin as f64 * share;
        bars.map(|(bin, &count)| [edge(bin), edge(bin + 1) - 0.06 * share, count as f64]).collect()
    };
    let outside = counts.iter().filter(|count| is_out(**count)).count();
    let [low, high] = band.map(|count| count as f64);
    let words = format!(
        "Histogram of the PIT values of {} in {bins} bins. {outside} of them are outside the range from {low} to {high} \
         that even values would show.",
        text::count(rows, "row"),
    );
    let most = counts.iter().copied().fold(band[1], usize::max) as f64;
    let even = rows as f64 * share;
    let marks = vec![
        Mark::Band(Ink::Guide, vec![[0.0, low, high], [1.0, low, high]]),
        Mark::Bars(Ink::Model, bars(false)),
        Mark::Bars(Ink::Miss, bars(true)),
        Mark::Line(Ink::Guide, vec![[0.0, even], [1.0, even]]),
    ];
    let x = Axis::exact("probability integral transform (PIT)", 0.0, 1.0);
    let y = Axis::exact("rows", 0.0, 1.06 * most);
    Chart { words, x, y, size: SIZE, marks }
}
