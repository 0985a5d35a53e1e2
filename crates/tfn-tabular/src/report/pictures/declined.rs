//! What is left of the error when the most doubtful rows are not answered.

use maud::{Markup, html};
use tfn_train::metrics::risk_coverage_curve;

use crate::error::Result;
use crate::judged::Judged;

use super::axis::Axis;
use super::chart::{Chart, Mark};
use super::ink::Ink;
use super::picture::{left_out, picture, thinned};
use crate::report::tables::{Kind, table};
use crate::report::text;

/// Shares of the rows in the table.
const SHARES: [f64; 8] = [0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9];

/// Error of the answered rows against the share of rows declined.
pub(in crate::report) fn declined(judged: &Judged) -> Result<Markup> {
    let pairs = judged.doubt().iter().copied().zip(judged.losses());
    let finite = |(doubt, loss): &(f64, f64)| doubt.is_finite() && loss.is_finite();
    let (doubt, losses): (Vec<f64>, Vec<f64>) = pairs.filter(finite).unzip();
    let left = left_out(judged.len() - doubt.len());
    if doubt.is_empty() {
        return Ok(html! { p { "There are no rows to draw." (left) } });
    }
    let is_number = matches!(judged, Judged::Numbers(_));
    let error = |risk: f64| if is_number { risk.sqrt() } else { risk };
    let curve = risk_coverage_curve(&doubt, &losses)?;
    let errors: Vec<f64> = curve.iter().map(|point| error(point.risk)).collect();
    let (rows, all) = (errors.len(), errors.last().copied().unwrap_or(f64::NAN));
    // The error of a handful of rows says nothing.
    let least = (rows / 20).max(10).min(rows);
    let point = |at: usize| Some([1.0 - (at + 1) as f64 / rows as f64, *errors.get(at)?]);
    let mut points: Vec<[f64; 2]> =
        thinned(rows - least + 1, 300).into_iter().filter_map(|at| point(least - 1 + at)).collect();
    points.push([0.0, all]);
    let name = if is_number { "RMSE of the rest" } else { "share of wrong answers in the rest" };
    let declined = |share: f64| {
        let answered = ((1.0 - share) * rows as f64).round().max(1.0) as usize;
        (answered, errors.get(answered - 1).copied().unwrap_or(f64::NAN))
    };
    let shown = |value: f64| if is_number { text::number(value) } else { text::percent(value) };
    let words = format!(
        "The error by share of rows declined: {} with all rows answered, {} with a fifth declined, {} with a half.",
        shown(all),
        shown(declined(0.2).1),
        shown(declined(0.5).1),
    );
    let y = Axis::of(name, points.iter().map(|point| point[1]).chain([0.0]));
    let y = Axis::exact(name, 0.0, y.high);
    let x = Axis::exact("share of rows declined, the most doubtful first", 0.0, 1.0);
    let marks =
        vec![Mark::Line(Ink::Guide, vec![[0.0, all], [1.0, all]]), Mark::Line(Ink::Model, points)];
    let chart = Chart { words, x, y, size: (460, 280), marks };
    let caption = format!(
        "if the most doubtful rows are left to others. A line that falls says that doubt is where errors are; the dashed line is the error of all rows. Fewer than {} are not drawn.{left}",
        text::count(least, "row")
    );
    let head = [("declined", Kind::Number), ("rows answered", Kind::Number), (name, Kind::Number)];
    let line = |share: f64| {
        let (answered, error) = declined(share);
        vec![text::level(share), answered.to_string(), shown(error)]
    };
    let lines = SHARES.map(line);
    Ok(picture("Error of the answered rows", &caption, &chart, &table(&head, &lines)))
}
