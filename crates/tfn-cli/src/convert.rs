//! `tfn convert`.

use std::path::Path;

use tfn_tabular::TabularPredictor;
use tfn_tabular::module::Variable;
use tfn_tabular::module::checkpoint::{load_npz_variables, save_npz_variables};

use crate::args::Convert;
use crate::failure::Failure;
use crate::output::Output;

pub(crate) fn run(args: &Convert, output: &Output) -> Result<(), Failure> {
    match (is_npz(&args.input), is_npz(&args.output), &args.like) {
        (false, true, None) => {
            let predictor = TabularPredictor::load(&args.input).map_err(Failure::model(&args.input))?;
            let weights = weights(&predictor);
            save_npz_variables(&weights, &args.output)?;
            for (place, variable) in weights.iter().enumerate() {
                output.note(&format!("arr_{place}  {}  {:?}", variable.name(), variable.shape()));
            }
            Ok(())
        }
        (true, false, Some(like)) => {
            let predictor = TabularPredictor::load(like).map_err(Failure::model(like))?;
            load_npz_variables(&weights(&predictor), &args.input)?;
            predictor.save(&args.output)?;
            output.warning(
                "intervals are still calibrated for the former weights: judge the new ones with tfn evaluate",
            );
            Ok(())
        }
        _ => Err(Failure::Usage(
            "expected `tfn convert MODEL WEIGHTS.npz`, or `tfn convert WEIGHTS.npz MODEL --like FORMER_MODEL`"
                .to_owned(),
        )),
    }
}

fn is_npz(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npz"))
}

/// The variables of the posteriors, model after model, in the order in which TFP has those of the same layers.
fn weights(predictor: &TabularPredictor) -> Vec<Variable> {
    predictor.models().iter().flat_map(|model| model.net().trainable_variables()).collect()
}
