//! `tfn evaluate`.

use serde_json::{Map, Value, json};
use tfn_tabular::{Asked, Evaluation, Figure, Judged, TabularPredictor};

use crate::args::Evaluate;
use crate::describe;
use crate::failure::Failure;
use crate::numbers::{count, json, percent};
use crate::output::{Output, aligned, heading};
use crate::source;
use crate::threads::in_pool;

/// Levels of central intervals whose share of targets is shown.
const LEVELS: [f64; 5] = [0.5, 0.8, 0.9, 0.95, 0.99];

pub(crate) fn run(args: &Evaluate, output: &Output) -> Result<(), Failure> {
    let predictor = TabularPredictor::load(&args.model).map_err(Failure::model(&args.model))?;
    let table = source::read_known(&args.data, &args.written, &predictor, output)?;
    let level = &args.level;
    let asked =
        Asked { level: level.level, conformal: !level.raw, draws: level.draws, first_row: 0 };
    let (evaluation, figures) = in_pool(level.threads, || {
        let evaluation = predictor
            .evaluate(&table, &asked)
            .map_err(|error| Failure::of_answers(error, predictor.record()))?;
        let figures = evaluation.figures()?;
        Ok::<_, Failure>((evaluation, figures))
    })??;
    let outside = evaluation.out_of_range.iter().filter(|columns| !columns.is_empty()).count();
    let outside = outside as f64 / evaluation.judged.len().max(1) as f64;
    for remark in &evaluation.remarks {
        output.note(&remark.to_string());
    }
    if evaluation.rows_without_target > 0 {
        let (rows, target) =
            (count(evaluation.rows_without_target, "row"), &predictor.record().target);
        output.note(&format!("{rows} without a value of `{target}`: not judged"));
    }
    if args.json {
        return output.print(&format!("{}\n", as_json(&evaluation, &figures, outside, &asked)));
    }
    let what = match evaluation.judged {
        Judged::Numbers(_) => "intervals",
        Judged::Classes(_) => "sets of classes",
    };
    let mut text = format!(
        "{}, {what} of {}\n\n",
        count(evaluation.judged.len(), "row"),
        percent(asked.level)
    );
    text.push_str(&describe::figures(&figures));
    if let Judged::Numbers(_) = evaluation.judged {
        text.push_str(&heading("\nHow often intervals of the model itself hold"));
        let rows =
            LEVELS.iter().map(|&level| vec![percent(level), percent(held(&evaluation, level))]);
        text.push_str(&aligned(&rows.collect::<Vec<_>>()));
    }
    text.push_str(&format!(
        "\n{} of the rows are out of the range of the rows trained on\n",
        percent(outside)
    ));
    output.print(&text)
}

/// Share of targets within the central interval of a level, by where each is in its predicted distribution.
fn held(evaluation: &Evaluation, level: f64) -> f64 {
    let Judged::Numbers(rows) = &evaluation.judged else { return f64::NAN };
    let is_in = rows.pit.iter().filter(|&&p| (2.0 * p - 1.0).abs() <= level).count();
    is_in as f64 / rows.pit.len() as f64
}

fn as_json(evaluation: &Evaluation, figures: &[Figure], outside: f64, asked: &Asked) -> Value {
    let figure = |figure: &Figure| {
        let interval = figure.interval.map(|interval| interval.map(json));
        (figure.name.clone(), json!({ "value": json(figure.value), "interval": interval }))
    };
    let figures: Map<String, Value> = figures.iter().map(figure).collect();
    let mut value = json!({
        "rows": evaluation.judged.len(),
        "rows_without_target": evaluation.rows_without_target,
        "level": asked.level,
        "conformal": asked.conformal,
        "figures": figures,
        "out_of_range": outside,
    });
    if let Judged::Numbers(_) = evaluation.judged {
        let of = |&level: &f64| json!({ "level": level, "held": json(held(evaluation, level)) });
        value["raw_intervals"] = LEVELS.iter().map(of).collect();
    }
    value
}
