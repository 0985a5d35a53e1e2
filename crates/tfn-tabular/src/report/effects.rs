//! Which columns matter, and how.

use maud::{Markup, html};

use crate::effects::{Effects, Importance};

use super::pictures;
use super::tables::bars;
use super::text;

/// Importance of the columns, and how predictions move with the most important ones.
pub(super) fn effects(effects: &Effects, target: &str) -> Markup {
    html! {
        h3 { "How much each column matters" }
        @if effects.importance.is_empty() {
            p { "No column was shuffled." }
        } @else {
            p {
                "By how much the negative log-likelihood of a row rises, in nats, "
                "when a column is shuffled between the rows: 0 if it does not matter. The deviation is over shuffles."
            }
            (bars(["column", "rise", "deviation"], &lines(&effects.importance)))
        }
        @if !effects.partial.is_empty() {
            h3 { "How predictions move with a column" }
            p {
                "The mean prediction if a column is set to a value in all rows, the others as they are, "
                "with one standard deviation of what is not known of the weights. All pictures have the same scale."
            }
            (pictures::partial(&effects.partial, target))
        }
    }
}

fn lines(importance: &[Importance]) -> Vec<(String, f64, [String; 2])> {
    let most = importance.iter().map(|one| one.increase.abs()).filter(|value| value.is_finite());
    let most = most.fold(0.0, f64::max);
    let line = |one: &Importance| {
        let numbers = [text::beside(one.increase, most), text::beside(one.stddev, most)];
        (one.column.clone(), one.increase, numbers)
    };
    importance.iter().map(line).collect()
}
