//! What was trained, on what, and how.

use maud::{Markup, html};
use tfn_train::data::ColumnType;

use crate::record::{Column, Record};

use super::tables::{Kind, table};
use super::text;

/// Columns that are shown at once; of more the table is folded away.
const COLUMNS: usize = 12;

/// The target, the table, the net and its training.
pub(super) fn training(record: &Record) -> Markup {
    html! {
        dl {
            dt { "Target" }
            dd { (text::name(&record.target)) ", as " (record.task) ": " (record.task_reason) }
            dt { "Rows" }
            dd {
                (record.rows)
                @if record.rows_without_target > 0 {
                    ", and " (record.rows_without_target) " left out without a target"
                }
            }
            dt { "Judged" }
            dd { (judged(record)) }
            (setup(record))
        }
        @if !record.remarks.is_empty() {
            h3 { "Remarks" }
            ul { @for remark in &record.remarks { li { (text::name(remark)) } } }
        }
        h3 { "Columns" }
        @if record.columns.is_empty() {
            p { "No columns are on record." }
        } @else if record.columns.len() > COLUMNS {
            details {
                summary { (text::count(record.columns.len(), "column")) }
                (columns(&record.columns))
            }
        } @else {
            (columns(&record.columns))
        }
    }
}

fn judged(record: &Record) -> String {
    match record.folds {
        0 | 1 => "on rows held out from training".to_owned(),
        folds => format!(
            "by cross-validation: {folds} models, each on the rows that it was not trained on; they answer together"
        ),
    }
}

fn setup(record: &Record) -> Markup {
    let setup = &record.setup;
    let hidden: Vec<String> = setup.hidden.iter().map(usize::to_string).collect();
    let net = match hidden.as_slice() {
        [] => "no hidden layer".to_owned(),
        [units] => format!("one hidden layer of {units} units"),
        _ => format!("hidden layers of {} units", hidden.join(", ")),
    };
    // A run may have ended before all epochs of the set-up.
    let ran = record.curves.first().and_then(|curve| curve.epoch.last()).copied();
    let epochs = ran.unwrap_or_else(|| setup.epochs(record.model_rows));
    let batch = setup.batch_size(record.model_rows);
    html! {
        dt { "Net" }
        dd { (net) }
        dt { "Prior of the weights" }
        dd {
            "normal, scale " (text::setting(setup.prior_scale)) "; "
            (text::setting(setup.noise_prior_scale)) " where the noise depends on the row"
        }
        dt { "Training" }
        dd {
            (epochs) " epochs, minibatches of " (batch) " rows, Adam's rate "
            (text::setting(setup.rate)) " falling to 0; the KL term comes in over "
            (text::level(setup.warmup)) " of the epochs"
        }
        dt { "Draws of the weights for a prediction" }
        dd { (setup.draws) }
        dt { "Seed" }
        dd { (record.seed) }
        dt { "Time" }
        dd { (duration(record.seconds)) }
    }
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 10.0 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s.is_finite() => format!("{:.1} min", s / 60.0),
        _ => "not known".to_owned(),
    }
}

fn columns(columns: &[Column]) -> Markup {
    let head = [
        ("column", Kind::Words),
        ("read as", Kind::Words),
        ("missing", Kind::Number),
        ("features", Kind::Number),
    ];
    let line = |column: &Column| {
        let kind = match column.column_type {
            ColumnType::Number => "numbers",
            ColumnType::Boolean => "yes or no",
            ColumnType::Date => "dates",
            ColumnType::Category => "categories",
        };
        let features = match column.features {
            0 => "left out".to_owned(),
            features => features.to_string(),
        };
        vec![column.name.clone(), kind.to_owned(), column.missing.to_string(), features]
    };
    table(&head, &columns.iter().map(line).collect::<Vec<_>>())
}
