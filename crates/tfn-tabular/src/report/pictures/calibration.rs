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

/// Share of the central intervals that hold the truth, for all levels.
pub(in crate::report) fn coverage(pit: &[f64]) -> Markup {
    let sound = sound(pit);
    if sound.is_empty() {
        return html! { p { "There are no rows to draw." (left_out(pit.len())) } };
    }
    let rows = sound.len() as f64;
    // Half a billionth: 2·0.95 − 1 is not 0.9.
    let held =
        |level: f64| sound.iter().filter(|&&at| (2.0 * at - 1.0).abs() <= level + 5e-10).count();
    let points: Vec<[f64; 2]> = levels().map(|level| [level, held(level) as f64 / rows]).collect();
    let band = |level: f64| {
        let [low, high] = range(sound.len(), level).map(|count| count as f64 / rows);
        [level, low, high]
    };
    let bands: Vec<[f64; 3]> = levels().map(band).collect();
    let outside = |(point, band): (&[f64; 2], &[f64; 3])| !(band[1]..=band[2]).contains(&point[1]);
    let (outer, inner): (Vec<_>, Vec<_>) =
        points.iter().zip(&bands).partition(|(point, band)| outside((point, band)));
    let dots = |all: &[(&[f64; 2], &[f64; 3])]| all.iter().map(|(point, _)| **point).collect();
    let words = format!(
        "Observed coverage of central intervals against their level, from {}. {} of {} levels are outside what chance allows.",
        text::count(sound.len(), "row"),
        outer.len(),
        points.len(),
    );
    let edge = |x: f64| [x, x, x];
    let marks = vec![
        Mark::Band(Ink::Guide, [vec![edge(0.0)], bands.clone(), vec![edge(1.0)]].concat()),
        Mark::Line(Ink::Guide, vec![[0.0, 0.0], [1.0, 1.0]]),
        Mark::Line(Ink::Model, points.clone()),
        Mark::Points(Ink::Model, dots(&inner)),
        Mark::Points(Ink::Miss, dots(&outer)),
    ];
    let axis = |name: &str| Axis::exact(name, 0.0, 1.0);
    let (x, y) = (axis("level of the interval"), axis("share that held the truth"));
    let chart = Chart { words, x, y, size: SIZE, marks };
    let caption = "by level. Below the diagonal intervals are too narrow, above it too wide; within the grey band chance alone explains it in 95 of 100 samples, level by level.";
    let head = [("level", Kind::Number), ("observed", Kind::Number), ("by chance", Kind::Number)];
    let line = |(point, band): (&[f64; 2], &[f64; 3])| {
        let by_chance = format!("{} to {}", text::percent(band[1]), text::percent(band[2]));
        vec![text::level(point[0]), text::percent(point[1]), by_chance]
    };
    let lines: Vec<Vec<String>> = points.iter().zip(&bands).map(line).collect();
    let left = left_out(pit.len() - sound.len());
    picture("Coverage", &format!("{caption}{left}"), &chart, &table(&head, &lines))
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
    let share = 1.0 / bins as f64;
    let [low, high] = range(sound.len(), share);
    let is_out = |count: usize| !(low..=high).contains(&count);
    let edge = |bin: usize| bin as f64 * share;
    let bars = |out: bool| {
        let bars = counts.iter().enumerate().filter(|(_, count)| is_out(**count) == out);
        bars.map(|(bin, &count)| [edge(bin), edge(bin + 1) - 0.06 * share, count as f64]).collect()
    };
    let outside = counts.iter().filter(|count| is_out(**count)).count();
    let words = format!(
        "Histogram of the PIT values of {} in {bins} bins. {outside} bins are outside the range from {low} to {high} that even values would show.",
        text::count(sound.len(), "row"),
    );
    let most = counts.iter().copied().fold(high, usize::max) as f64;
    let even = sound.len() as f64 * share;
    let marks = vec![
        Mark::Band(
            Ink::Guide,
            vec![[0.0, low as f64, high as f64], [1.0, low as f64, high as f64]],
        ),
        Mark::Bars(Ink::Model, bars(false)),
        Mark::Bars(Ink::Miss, bars(true)),
        Mark::Line(Ink::Guide, vec![[0.0, even], [1.0, even]]),
    ];
    let x = Axis::exact("probability integral transform (PIT)", 0.0, 1.0);
    let y = Axis::exact("rows", 0.0, 1.06 * most);
    let chart = Chart { words, x, y, size: SIZE, marks };
    let caption = "in the predicted distributions: even if they are right, high at both ends if they are too narrow, high in the middle if too wide. The grey band holds 19 of 20 bars of even values; orange bars are beyond it.";
    let head = [("from", Kind::Number), ("to", Kind::Number), ("rows", Kind::Number)];
    let line = |(bin, count): (usize, &usize)| {
        vec![text::setting(edge(bin)), text::setting(edge(bin + 1)), count.to_string()]
    };
    let lines: Vec<Vec<String>> = counts.iter().enumerate().map(line).collect();
    picture("Where the truth lies", caption, &chart, &table(&head, &lines))
}
