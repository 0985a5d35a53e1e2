//! `initializers.json`: limits and spreads of first values, by shape and batch axes.

use tfn::tensor::Tensor;
use tfn::util::{Initializer, UtilError, initializers};
use tfn::{DType, Key};

use crate::compare::Tolerance;
use crate::json::{Gold, Kind, Node, Outcome};
use crate::report::Report;

/// Draws of one record.
const DRAWS: usize = 40_000;

pub(crate) fn check(root: Node<'_>, report: &mut Report) -> Outcome {
    let meta = root.key("meta")?;
    // Standard deviation of a standard normal cut off at 2: what divides the limits of the normal ones.
    let cut = meta.key("truncnorm_std_constant")?.number()?;
    for (key, value) in meta.entries()? {
        if key != "truncnorm_std_constant" {
            value.informational("versions and seed of the recording");
        }
    }
    for node in root.key("records")?.items()? {
        let name = node.key("name")?.text()?;
        let (shape, batch_ndims) = (node.key("shape")?.sizes()?, node.key("batch_ndims")?.size()?);
        let title = format!("{name} {shape:?} batch_ndims {batch_ndims}");
        report.record(&node, &title, |report| {
            let initializer = by_name(name)?;
            if node.key("error")?.text_or_null()?.is_some() {
                let got = initializer.make(&shape, batch_ndims, DType::F32, &Key::from_seed(1));
                let refused =
                    matches!(got, Err(UtilError::Shape { ref given, .. }) if *given == shape);
                report.holds(refused, || format!("{got:?}"));
                return Ok(());
            }
            draws(&initializer, &shape, batch_ndims, cut, &node, report)
        });
    }
    for node in root.key("errors")?.items()? {
        // A type of whole numbers, which TFP refuses at the call: ours has no such `DType`.
        report.same("errors", "integer dtype", node.key("what")?.text()?);
        report.same("errors", Some("TypeError"), node.key("error")?.text_or_null()?);
    }
    Ok(())
}

fn by_name(name: &str) -> Outcome<Initializer> {
    Ok(match name {
        "glorot_uniform" => initializers::glorot_uniform(),
        "glorot_normal" => initializers::glorot_normal(),
        "he_uniform" => initializers::he_uniform(),
        "he_normal" => initializers::he_normal(),
        _ => return Err("unknown initializer".into()),
    })
}

/// The limits and spreads of both our draws and TFP's against the formula's.
fn draws(
    initializer: &Initializer,
    shape: &[usize],
    batch_ndims: usize,
    cut: f64,
    node: &Node<'_>,
    report: &mut Report,
) -> Outcome {
    let mut ours = Vec::with_capacity(DRAWS);
    for index in 0_u64.. {
        if ours.len() >= DRAWS {
            break;
        }
        let draw =
            initializer.make(shape, batch_ndims, DType::F64, &Key::from_seed(11).index(index))?;
        if draw.shape()? != shape {
            return Err(format!("a draw of shape {:?}", draw.shape()?).into());
        }
        ours.extend(draw.to_f64_vec()?);
    }
    report.same("sample_shape", shape.to_vec(), node.key("sample_shape")?.sizes()?);
    let (limit, spread) =
        (node.key("limit_formula")?.number()?, node.key("stddev_formula")?.number()?);
    let theirs = Moments {
        count: node.key("n")?.size()?,
        mean: node.key("sample_mean")?.number()?,
        spread: node.key("sample_std")?.number()?,
        least: node.key("sample_min")?.number()?,
        largest: node.key("sample_max")?.number()?,
    };
    let ours = Moments::of(&ours);
    for (who, moments) in [("TFP's", theirs), ("our", ours)] {
        for (what, failure) in moments.misfits(limit, spread) {
            report.compared += 1;
            report.holds(!failure, || {
                format!("{who} {what}: {moments:?}, limit {limit}, spread {spread}")
            });
        }
    }
    // A uniform of 1, which no stream gives, is the limit itself.
    let one = Key::replay([(String::new(), Tensor::ones(shape, DType::F64))]);
    let edge = initializer.make(shape, batch_ndims, DType::F64, &one)?;
    let limits = Gold { shape: shape.to_vec(), kind: Kind::F64, data: vec![limit; edge.len()?] };
    report.compare("limit", &edge, &limits, Tolerance::entry(1e-9).relative());
    // The largest of so many draws comes near it.
    let reach = ours.largest.min(-ours.least) / limit;
    report.holds(reach > 0.995, || format!("our draws reach {reach} of the limit"));
    for fan in ["fan_in", "fan_out"] {
        node.key(fan)?.informational("ours show in the spread, whose formula is compared");
    }
    if let Some(wide) = node.optional("pretruncation_stddev_formula") {
        let wide = wide.number()?;
        report.holds((wide * cut / spread - 1.0).abs() < 1e-12, || "spread before the cut".into());
        report.holds((limit / (2.0 * wide) - 1.0).abs() < 1e-12, || "limit of the cut".into());
    }
    Ok(())
}

#[derive(Clone, Copy, Debug)]
struct Moments {
    count: usize,
    mean: f64,
    spread: f64,
    least: f64,
    largest: f64,
}

impl Moments {
    fn of(draws: &[f64]) -> Self {
        let count = draws.len() as f64;
        let mean = draws.iter().sum::<f64>() / count;
        let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / count;
        Self {
            count: draws.len(),
            mean,
            spread: variance.sqrt(),
            least: draws.iter().copied().fold(f64::INFINITY, f64::min),
            largest: draws.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        }
    }

    /// What lies further from the formula than five standard errors, or outside the limits.
    fn misfits(&self, limit: f64, spread: f64) -> [(&'static str, bool); 4] {
        let error = spread / (self.count as f64).sqrt();
        // The standard error of the spread of normal draws; that of bounded ones is smaller.
        [
            ("mean", self.mean.abs() > 5.0 * error),
            ("spread", (self.spread - spread).abs() > 5.0 * error / std::f64::consts::SQRT_2),
            ("smallest draw", self.least < -limit * (1.0 + 1e-6)),
            ("largest draw", self.largest > limit * (1.0 + 1e-6)),
        ]
    }
}
