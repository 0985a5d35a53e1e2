//! `tfn report`.

use tfn_tabular::report::{Report, Tested};
use tfn_tabular::{Asked, TabularPredictor};

use crate::args;
use crate::failure::Failure;
use crate::output::{Output, whole_file};
use crate::source;
use crate::threads::in_pool;

pub(crate) fn run(args: &args::Report, output: &Output) -> Result<(), Failure> {
    let predictor = TabularPredictor::load(&args.model).map_err(Failure::model(&args.model))?;
    let report = Report::new(predictor.record());
    let html = match &args.data {
        None => {
            output.note("without a table: nothing about columns, see tfn report --help");
            report.html()?
        }
        Some(data) => {
            let table = source::read_known(data, &args.written, &predictor, output)?;
            let level = &args.level;
            let asked = Asked {
                level: level.level,
                conformal: !level.raw,
                draws: level.draws,
                first_row: 0,
            };
            in_pool(level.threads, || {
                let evaluation = predictor
                    .evaluate(&table, &asked)
                    .map_err(|error| Failure::of_answers(error, predictor.record()))?;
                let (figures, effects) = (evaluation.figures()?, predictor.effects(&table)?);
                let tested = Tested {
                    name: data.display().to_string(),
                    rows: evaluation.judged.len(),
                    level: asked.level,
                    judged: &evaluation.judged,
                    figures: &figures,
                    out_of_range: &evaluation.out_of_range,
                };
                Ok::<_, Failure>(report.tested(tested).effects(&effects).html()?)
            })??
        }
    };
    whole_file(&args.output, |mut out| {
        std::io::Write::write_all(&mut out, html.as_bytes())
            .map_err(Failure::io(args.output.display().to_string()))
    })?;
    output.note(&format!("wrote {}: open it in a browser", args.output.display()));
    Ok(())
}
