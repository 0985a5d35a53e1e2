//! A picture, what it shows in words, and its numbers.

use maud::{Markup, html};

use super::chart::Chart;

/// A picture with its caption and its numbers.
pub(super) fn picture(title: &str, caption: &str, chart: &Chart, numbers: &Markup) -> Markup {
    html! {
        figure {
            figcaption { strong { (title) } " " (caption) }
            (chart.svg())
            details {
                summary { "The numbers" }
                (numbers)
            }
        }
    }
}

/// About so many of the indices below `rows`, evenly spaced.
pub(super) fn thinned(rows: usize, most: usize) -> Vec<usize> {
    if rows <= most {
        return (0..rows).collect();
    }
    (0..most).map(|i| i * rows / most).collect()
}

/// What is said of rows that are not in a picture.
pub(super) fn left_out(rows: usize) -> String {
    match rows {
        0 => String::new(),
        1 => " One row has numbers that are not finite and is left out.".to_owned(),
        rows => format!(" {rows} rows have numbers that are not finite and are left out."),
    }
}
