//! Predicted numbers against the true ones.

use maud::{Markup, html};

use crate::judged::JudgedNumbers;

use super::axis::Axis;
use super::chart::{Chart, Mark};
use super::ink::Ink;
use super::picture::{left_out, picture, thinned};
use crate::report::tables::{Kind, table};
use crate::report::text::{self, is_drawable};

/// Rows that are drawn at most.
const ROWS: usize = 300;

/// One row: its place in the lists, what is true, predicted, and the ends of the interval.
type Row = [f64; 4];

/// Predictions with their intervals against the truth.
pub(in crate::report) fn actual(all: &JudgedNumbers, level: f64) -> Markup {
    let pairs = all.target.iter().zip(&all.mean).zip(all.lower.iter().zip(&all.upper));
    let all_rows: Vec<(usize, Row)> =
        pairs.map(|((&y, &mean), (&low, &high))| [y, mean, low, high]).enumerate().collect();
    let finite = |row: &Row| is_drawable(row[0]) && is_drawable(row[1]);
    let rows: Vec<(usize, Row)> = all_rows.iter().copied().filter(|(_, row)| finite(row)).collect();
    if rows.is_empty() {
        return html! { p { "There are no rows to draw." (left_out(all_rows.len())) } };
    }
    let rows: Vec<(usize, Row)> =
        thinned(rows.len(), ROWS).into_iter().filter_map(|at| rows.get(at).copied()).collect();
    let drawn: Vec<Row> = rows.iter().map(|(_, row)| *row).collect();
    let (chart, cut) = chart(&drawn, level);
    let mut caption = format!(
        "with {} intervals; the diagonal is where all would be right. \
         Orange intervals do not hold the truth.",
        text::level(level)
    );
    if rows.len() < all_rows.len() {
        caption += &format!(" {} of {} rows are drawn.", rows.len(), all_rows.len());
    }
    caption += &left_out(all_rows.iter().filter(|(_, row)| !finite(row)).count());
    if cut > 0 {
        caption += &format!(" {} reach beyond the picture.", text::count(cut, "interval"));
    }
    picture("Predictions", &caption, &chart, &numbers(all, &rows))
}

/// The picture, and how many intervals are cut off.
fn chart(rows: &[Row], level: f64) -> (Chart, usize) {
    let values = || rows.iter().flat_map(|row| [row[0], row[1]]);
    let x = Axis::of("actual", values());
    // Intervals may be endless: half as much again as the dots take is theirs.
    let room = 0.25 * (x.high - x.low);
    let ends = || rows.iter().flat_map(|row| [row[2], row[3]]);
    let within = |value: &f64| (x.low - room..=x.high + room).contains(value);
    let beyond = rows.iter().filter(|row| !within(&row[2]) || !within(&row[3]));
    let cut = beyond.filter(|row| !row[2].is_nan() && !row[3].is_nan()).count();
    let y = Axis::of("predicted", values().chain(ends().filter(within)));
    let clamp = |value: f64| value.clamp(y.low, y.high);
    let is_held = |row: &&Row| (row[2]..=row[3]).contains(&row[0]);
    let upright = |held: bool| {
        let rows = rows.iter().filter(move |row| is_held(row) == held);
        rows.map(|row| [row[0], clamp(row[2]), clamp(row[3])]).collect()
    };
    let missed = rows.iter().filter(|row| !is_held(row)).count();
    let words = format!(
        "Scatter plot of predictions against the truth for {}, each with its {} interval: \
         {} hold the truth, {missed} do not.",
        text::count(rows.len(), "row"),
        text::level(level),
        rows.len() - missed,
    );
    let (low, high) = (x.low.max(y.low), x.high.min(y.high));
    let marks = vec![
        Mark::Upright(Ink::Model, upright(true)),
        Mark::Upright(Ink::Miss, upright(false)),
        Mark::Line(Ink::Guide, vec![[low, low], [high, high]]),
        Mark::Points(Ink::Text, rows.iter().map(|row| [row[0], row[1]]).collect()),
    ];
    (Chart { words, x, y, size: (460, 390), marks }, cut)
}

fn numbers(all: &JudgedNumbers, rows: &[(usize, Row)]) -> Markup {
    let number = Kind::Number;
    let head = [
        ("row", number),
        ("actual", number),
        ("predicted", number),
        ("from", number),
        ("to", number),
    ];
    let line = |(at, row): &(usize, Row)| {
        let name = all.row.get(*at).map_or(at + 1, |row| row + 1).to_string();
        [vec![name], row.iter().map(|&value| text::number(value)).collect()].concat()
    };
    table(&head, &rows.iter().map(line).collect::<Vec<_>>())
}
