//! Tables of text and numbers.

use maud::{Markup, html};

use super::text;

/// How a column is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Words, to the left.
    Words,
    /// Numbers, to the right.
    Number,
}

/// A table that scrolls by itself if it is wide. The first column names the rows.
pub(super) fn table(head: &[(&str, Kind)], rows: &[Vec<String>]) -> Markup {
    let class = |column: usize| match head.get(column) {
        Some((_, Kind::Number)) => "number",
        _ => "words",
    };
    html! {
        // Reached by the keyboard, so that it can be scrolled without a mouse.
        div.scroll tabindex="0" role="region" aria-label="Table" {
            table {
                thead { tr {
                    @for (column, (name, _)) in head.iter().enumerate() {
                        th.(class(column)) scope="col" { (name) }
                    }
                } }
                tbody {
                    @for row in rows {
                        tr {
                            @for (column, cell) in row.iter().enumerate() {
                                @if column == 0 {
                                    th.(class(column)) scope="row" { (text::name(cell)) }
                                } @else {
                                    td.(class(column)) { (cell) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Names with a value each, as bars with the value and a remark beside them. Bars are shares of the greatest value.
pub(super) fn bars(head: [&str; 3], rows: &[(String, f64, [String; 2])]) -> Markup {
    let values = rows.iter().map(|(_, value, _)| *value).filter(|value| value.is_finite());
    let most = values.fold(0.0, f64::max);
    let width = |value: f64| match value / most {
        share if share.is_finite() => format!("width:{:.1}%", 100.0 * share.clamp(0.0, 1.0)),
        _ => "width:0%".to_owned(),
    };
    html! {
        div.scroll tabindex="0" role="region" aria-label="Table" {
            table.bars {
                thead { tr {
                    th scope="col" { (head[0]) }
                    th.number scope="col" { (head[1]) }
                    th.number scope="col" { (head[2]) }
                    th.track aria-hidden="true" {}
                } }
                tbody {
                    @for (name, value, [first, second]) in rows {
                        tr {
                            th.words scope="row" { (text::name(name)) }
                            td.number { (first) }
                            td.number { (second) }
                            td.track aria-hidden="true" { div.bar style=(width(*value)) {} }
                        }
                    }
                }
            }
        }
    }
}
