//! `tfn info`.

use tfn_tabular::TabularPredictor;

use crate::args::Info;
use crate::describe;
use crate::failure::Failure;
use crate::numbers::digits;
use crate::output::{Output, aligned, heading};

pub(crate) fn run(args: &Info, output: &Output) -> Result<(), Failure> {
    let predictor = TabularPredictor::load(&args.model).map_err(Failure::model(&args.model))?;
    let weights = predictor.signal_to_noise()?;
    if args.json {
        let failed = |error: serde_json::Error| Failure::Io {
            what: "the figures".to_owned(),
            error: error.into(),
        };
        let mut value = serde_json::to_value(predictor.record()).map_err(failed)?;
        value["weights"] = serde_json::to_value(&weights).map_err(failed)?;
        return output.print(&format!("{value}\n"));
    }
    let mut text = describe::record(predictor.record());
    text.push_str(&heading("\nWeights: |mean| / deviation, by quantile"));
    let mut rows = vec![["", "weights", "10 %", "50 %", "90 %"].map(str::to_owned).to_vec()];
    for layer in &weights {
        let mut row = vec![layer.name.clone(), layer.weights.to_string()];
        row.extend(layer.quantiles.iter().map(|&ratio| digits(ratio, 3)));
        rows.push(row);
    }
    text.push_str(&aligned(&rows));
    output.print(&text)
}
