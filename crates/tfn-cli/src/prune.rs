//! `tfn prune`.

use tfn_tabular::data::Table;
use tfn_tabular::{Asked, Figure, TabularPredictor};

use crate::args::Prune;
use crate::describe;
use crate::failure::Failure;
use crate::numbers::percent;
use crate::output::Output;
use crate::source;

pub(crate) fn run(args: &Prune, output: &Output) -> Result<(), Failure> {
    let mut predictor = TabularPredictor::load(&args.model).map_err(Failure::model(&args.model))?;
    let data = args.data.as_ref();
    let table =
        data.map(|data| source::read_known(data, &args.written, &predictor, output)).transpose()?;
    let before = table.as_ref().map(|table| figures(&predictor, table)).transpose()?;
    let [pruned, all] = predictor.prune(args.below)?;
    let after = table.as_ref().map(|table| figures(&predictor, table)).transpose()?;
    predictor.save(&args.output)?;
    let share = percent(pruned as f64 / all.max(1) as f64);
    let mut text = format!("{pruned} of {all} weights ({share}) are 0 now\n");
    if let (Some(before), Some(after)) = (before, after) {
        text.push('\n');
        text.push_str(&describe::side_by_side(["before", "after"], &before, &after));
    }
    output.print(&text)?;
    output.note("intervals are calibrated for the weights before; `coverage` of a table says what became of them");
    Ok(())
}

fn figures(predictor: &TabularPredictor, table: &Table) -> Result<Vec<Figure>, Failure> {
    Ok(predictor.evaluate(table, &Asked::default())?.figures()?)
}
