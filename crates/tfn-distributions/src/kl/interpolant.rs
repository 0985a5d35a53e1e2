//! The divergence of normals from a prior that is the same for all of them, by a table of its expectations.

use std::sync::Arc;

use tfn_tensor::{Element, Tensor, Vjp, VjpContext, apply};

use super::entrywise::pass;
use super::panels::epsilon;
use super::table::{N, Table, back};
use crate::distribution::Distribution;
use crate::error::Result;
use crate::gaussian::STANDARD_ENTROPY;
use crate::parallel::{Task, do_all};

/// Entries whose gradients are added up one after the other, on any number of threads.
const CHUNK: usize = 16_384;

/// Divergence and error of each entry; `None` if the prior's log-density is not finite.
///
/// Gradients reach `loc`, `scale`, and the variables of the prior.
pub(super) fn by_table(
    prior: &dyn Distribution,
    loc: &Tensor,
    scale: &Tensor,
    tolerance: f64,
) -> Result<Option<[Tensor; 2]>> {
    let Some(table) = Table::new(prior, loc, scale, tolerance)? else { return Ok(None) };
    let (table, dtype) = (Arc::new(table), loc.dtype()?);
    let rounding = 16.0 * epsilon(dtype);
    let [value, by_loc, by_scale, error] = pass(loc, scale, |loc, scale| {
        let [expected, by_loc, by_scale, error] = table.at(loc, scale);
        let entropy = scale.ln() + STANDARD_ENTROPY;
        let error = error + rounding * (expected.abs() + entropy.abs());
        [-entropy - expected, -by_loc, -scale.recip() - by_scale, error]
    })?;
    let points = Tensor::from_f64(&table.nodes.points, &[table.nodes.points.len()], dtype);
    let density = if prior_is_tracked(prior) {
        match prior.elementwise_log_prob(&points) {
            Some(density) => density?,
            None => return Ok(None),
        }
    } else {
        Tensor::zeros(&[], dtype)
    };
    let vjp = || ByTable {
        table: table.clone(),
        entries: [loc.detach(), scale.detach()],
        partials: [by_loc, by_scale],
    };
    let tracked = apply(&[loc, scale, &density], vec![value.clone()], vjp).pop();
    Ok(Some([tracked.unwrap_or(value), error]))
}

fn prior_is_tracked(prior: &dyn Distribution) -> bool {
    !prior.trainable_variables().is_empty()
}

struct ByTable {
    table: Arc<Table>,
    entries: [Tensor; 2],
    partials: [Tensor; 2],
}

impl Vjp for ByTable {
    fn name(&self) -> &'static str {
        "kl_by_table"
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> tfn_tensor::Result<()> {
        let Some(g) = ctx.grad(0).cloned() else { return Ok(()) };
        for (input, partial) in self.partials.iter().enumerate() {
            if ctx.needs(input) {
                ctx.add(input, &g * partial);
            }
        }
        if ctx.needs(2) {
            let slopes = match g.dtype()? {
                tfn_tensor::DType::F32 => self.density_slopes::<f32>(&g)?,
                tfn_tensor::DType::F64 => self.density_slopes::<f64>(&g)?,
            };
            ctx.add(2, Tensor::from_f64(&slopes, &[slopes.len()], g.dtype()?));
        }
        Ok(())
    }
}

impl ByTable {
    /// The gradient in the log-density at each of the table's points.
    fn density_slopes<E: Element>(&self, g: &Tensor) -> tfn_tensor::Result<Vec<f64>> {
        let [loc, scale] = self.entries.each_ref().map(Tensor::data::<E>);
        let (g, loc, scale) = (g.data::<E>()?, loc?, scale?);
        let mut chunks = vec![Vec::new(); g.len().div_ceil(CHUNK)];
        let parts = g.chunks(CHUNK).zip(loc.chunks(CHUNK)).zip(scale.chunks(CHUNK));
        do_all(chunks.iter_mut().zip(parts).map(|(slopes, ((g, loc), scale))| -> Task<'_> {
            Box::new(move || *slopes = self.power_slopes(g, loc, scale))
        }));
        let mut sum = vec![0.0; self.table.len() * N * N];
        for chunk in &chunks {
            sum.iter_mut().zip(chunk).for_each(|(sum, slope)| *sum += slope);
        }
        let of_expectations: Vec<f64> =
            sum.chunks(N * N).flat_map(|powers| back(powers).into_iter().flatten()).collect();
        let nodes = &self.table.nodes;
        let mut slopes = Vec::with_capacity(nodes.points.len());
        for (&end, slope) in nodes.ends.iter().zip(of_expectations) {
            slopes.extend(nodes.weights[slopes.len()..end].iter().map(|weight| slope * weight));
        }
        Ok(slopes)
    }

    /// The gradient in the powers of all cells' polynomials.
    fn power_slopes<E: Element>(&self, g: &[E], loc: &[E], scale: &[E]) -> Vec<f64> {
        let mut slopes = vec![0.0; self.table.len() * N * N];
        for ((g, loc), scale) in g.iter().zip(loc).zip(scale) {
            let Some((cell, t, u)) =
                self.table.place(Element::to_f64(*loc), Element::to_f64(*scale))
            else {
                continue;
            };
            let mut outer = -Element::to_f64(*g);
            for row in slopes[cell * N * N..(cell + 1) * N * N].chunks_mut(N) {
                let mut power = outer;
                for slope in row {
                    *slope += power;
                    power *= u;
                }
                outer *= t;
            }
        }
        slopes
    }
}
