//! How predictions move with a column.

use maud::{Markup, html};

use crate::effects::PartialDependence;

use super::axis::Axis;
use super::chart::{Chart, Mark};
use super::ink::Ink;
use super::picture::picture;
use crate::report::tables::{Kind, table};
use crate::report::text::{self, is_drawable};

/// Levels that are drawn at most.
const LEVELS: usize = 20;
/// Width of one of many small pictures.
const WIDTH: i32 = 340;

/// One small picture for each column and class, all on the same scale.
pub(in crate::report) fn partial(all: &[PartialDependence], target: &str) -> Markup {
    let values = all.iter().flat_map(|one| one.low.iter().chain(&one.high).chain(&one.mean));
    let scale = Axis::of("", values.copied());
    html! {
        div.multiples {
            @for one in all { (panel(one, &scale, target)) }
        }
    }
}

fn panel(one: &PartialDependence, scale: &Axis, target: &str) -> Markup {
    let target = match &one.class {
        Some(class) => format!("probability of {}", text::shortened(class, 24)),
        None => text::shortened(target, 36),
    };
    let chart = match &one.number {
        Some(numbers) => by_number(one, numbers, scale, &target),
        None => by_level(one, scale, &target),
    };
    let mut left = String::new();
    if one.number.is_none() && one.at.len() > LEVELS {
        left += &format!("The first {LEVELS} of {} levels.", one.at.len());
    }
    let numbers_of_all =
        one.mean.iter().chain(&one.low).chain(&one.high).chain(one.number.iter().flatten());
    if numbers_of_all.into_iter().any(|&value| !is_drawable(value)) {
        left += " What is not finite is left out.";
    }
    picture(&text::name(&one.column), &left, &chart, &numbers(one, &target))
}

fn triples(one: &PartialDependence, places: &[f64]) -> Vec<[f64; 3]> {
    let ends = one.low.iter().zip(&one.high);
    places.iter().zip(ends).map(|(&place, (&low, &high))| [place, low, high]).collect()
}

fn by_number(one: &PartialDependence, numbers: &[f64], scale: &Axis, target: &str) -> Chart {
    let points: Vec<[f64; 2]> = numbers.iter().zip(&one.mean).map(|(&x, &y)| [x, y]).collect();
    let ends = (one.mean.first().copied(), one.mean.last().copied());
    let words = format!(
        "Line chart of {target} by {}, from {} to {}.",
        text::name(&one.column),
        text::number(ends.0.unwrap_or(f64::NAN)),
        text::number(ends.1.unwrap_or(f64::NAN)),
    );
    let marks = vec![
        Mark::Band(Ink::Model, triples(one, numbers)),
        Mark::Line(Ink::Model, points.clone()),
        Mark::Points(Ink::Model, if points.len() < 3 { points } else { Vec::new() }),
    ];
    let x = Axis::of(&text::shortened(&one.column, 40), numbers.iter().copied());
    let y = scale.named(target);
    Chart { words, x, y, size: (WIDTH, 240), marks }
}

fn by_level(one: &PartialDependence, scale: &Axis, target: &str) -> Chart {
    let shown: Vec<&str> = one.at.iter().take(LEVELS).map(String::as_str).collect();
    let shown = text::labels(&shown, 16);
    let count = shown.len();
    let places: Vec<f64> = (0..count).map(|place| (count - 1 - place) as f64).collect();
    let points = places.iter().zip(&one.mean).map(|(&y, &x)| [x, y]).collect();
    let words = format!(
        "Dot plot of {target} by level of {}: {}.",
        text::name(&one.column),
        levels_in_words(one)
    );
    let marks =
        vec![Mark::Level(Ink::Model, triples(one, &places)), Mark::Points(Ink::Model, points)];
    let x = scale.named(target);
    let y = Axis::levels(shown);
    Chart { words, x, y, size: (WIDTH, (60 + 24 * count as i32).max(130)), marks }
}

fn levels_in_words(one: &PartialDependence) -> String {
    let pairs = one.at.iter().zip(&one.mean).take(LEVELS);
    let words: Vec<String> = pairs
        .map(|(level, &mean)| format!("{} {}", text::shortened(level, 24), text::number(mean)))
        .collect();
    words.join(", ")
}

fn numbers(one: &PartialDependence, target: &str) -> Markup {
    let kind = if one.number.is_some() { Kind::Number } else { Kind::Words };
    let column = text::name(&one.column);
    let head = [
        (column.as_str(), kind),
        (target, Kind::Number),
        ("less one deviation", Kind::Number),
        ("and one more", Kind::Number),
    ];
    let line = |at: usize| {
        let of = |values: &[f64]| text::number(values.get(at).copied().unwrap_or(f64::NAN));
        let level = one.at.get(at).cloned().unwrap_or_default();
        vec![level, of(&one.mean), of(&one.low), of(&one.high)]
    };
    table(&head, &(0..one.at.len()).map(line).collect::<Vec<_>>())
}
