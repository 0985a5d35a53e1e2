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

const CAPTION: &str = concat!(
    "if the most doubtful rows are left to others. A line that falls says that doubt is where errors are; ",
    "the dashed line is the error of all rows."
);

/// Errors of the least doubtful rows: of one row, of two, and so on.
struct Errors {
    is_number: bool,
    errors: Vec<f64>,
}

impl Errors {
    /// Of so many of the rows.
    fn of(&self, answered: usize) -> f64 {
        let at = answered.checked_sub(1).and_then(|at| self.errors.get(at));
        at.copied().unwrap_or(f64::NAN)
    }

    /// Rows that are answered if a share is declined.
    fn answered(&self, declined: f64) -> usize {
        ((1.0 - declined) * self.errors.len() as f64).round().max(1.0) as usize
    }

    /// The error if a share is declined, in words.
    fn shown(&self, declined: f64) -> String {
        let error = self.of(self.answered(declined));
        if self.is_number { text::number(error) } else { text::percent(error) }
    }

    fn name(&self) -> &'static str {
        if self.is_number { "RMSE of the rest" } else { "share of wrong answers in the rest" }
    }

    /// Fewest rows of which an error is drawn: that of a handful says nothing.
    fn least(&self) -> usize {
        (self.errors.len() / 20).max(10).min(self.errors.len())
    }

    fn chart(&self) -> Chart {
        let (rows, least, name) = (self.errors.len(), self.least(), self.name());
        let point = |answered: usize| [1.0 - answered as f64 / rows as f64, self.of(answered)];
        let answered = thinned(rows - least + 1, 300).into_iter().map(|more| least + more);
        let mut points: Vec<[f64; 2]> = answered.map(point).collect();
        points.push(point(rows));
        let words = format!(
            "The error by share of rows declined: {} with all rows answered, {} with a fifth declined, \
             {} with a half.",
            self.shown(0.0),
            self.shown(0.2),
            self.shown(0.5),
        );
        let y = Axis::of(name, points.iter().map(|point| point[1]).chain([0.0]));
        let y = Axis::exact(name, 0.0, y.high);
        let x = Axis::exact("share of rows declined, the most doubtful first", 0.0, 1.0);
        let all = self.of(rows);
        let marks = vec![
            Mark::Line(Ink::Guide, vec![[0.0, all], [1.0, all]]),
            Mark::Line(Ink::Model, points),
        ];
        Chart { words, x, y, size: (460, 280), marks }
    }
}

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
    let errors = curve.iter().map(|point| error(point.risk)).collect();
    let errors = Errors { is_number, errors };
    let fewest = text::count(errors.least(), "row");
    let caption = format!("{CAPTION} Errors of fewer than {fewest} are not drawn.{left}");
    let number = Kind::Number;
    let head = [("declined", number), ("rows answered", number), (errors.name(), number)];
    let line = |share: f64| {
        vec![text::level(share), errors.answered(share).to_string(), errors.shown(share)]
    };
    let numbers = table(&head, &SHARES.map(line));
    Ok(picture("Error of the answered rows", &caption, &errors.chart(), &numbers))
}
