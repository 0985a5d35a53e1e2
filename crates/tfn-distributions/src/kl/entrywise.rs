//! Functions of `loc` and `scale`, entry by entry, with their partial derivatives, in one pass.

use tfn_tensor::{DType, Element, Tensor, Vjp, VjpContext, apply};

use crate::parallel::{Task, do_all};

/// Entries that a thread takes at a time.
const CHUNK: usize = 4096;

/// `f(loc, scale)` with the partial derivatives that `f` gives behind its value; both of one shape.
pub(crate) fn entrywise(
    name: &'static str,
    loc: &Tensor,
    scale: &Tensor,
    f: impl Fn(f64, f64) -> [f64; 3] + Sync,
) -> Tensor {
    match pass(loc, scale, f) {
        Err(error) => Tensor::from_error(error),
        Ok([value, by_loc, by_scale]) => {
            let vjp = || Entrywise { name, partials: [by_loc, by_scale] };
            apply(&[loc, scale], vec![value.clone()], vjp).pop().unwrap_or(value)
        }
    }
}

struct Entrywise {
    name: &'static str,
    partials: [Tensor; 2],
}

impl Vjp for Entrywise {
    fn name(&self) -> &'static str {
        self.name
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> tfn_tensor::Result<()> {
        let Some(g) = ctx.grad(0).cloned() else { return Ok(()) };
        for (input, partial) in self.partials.iter().enumerate() {
            if ctx.needs(input) {
                ctx.add(input, &g * partial);
            }
        }
        Ok(())
    }
}

/// All results of `f`, a tensor each.
pub(super) fn pass<const N: usize>(
    loc: &Tensor,
    scale: &Tensor,
    f: impl Fn(f64, f64) -> [f64; N] + Sync,
) -> tfn_tensor::Result<[Tensor; N]> {
    match loc.dtype()? {
        DType::F64 => by_chunks::<f64, N>(loc, scale, &|loc, scale, outputs| {
            write(loc, scale, outputs, &f);
        }),
        DType::F32 => by_chunks::<f32, N>(loc, scale, &|loc, scale, outputs| {
            write(loc, scale, outputs, &f);
        }),
    }
}

/// Writes the results of `f` on this thread.
fn write<E: Element, const N: usize>(
    loc: &[E],
    scale: &[E],
    outputs: [&mut [E]; N],
    f: &impl Fn(f64, f64) -> [f64; N],
) {
    for (i, (&m, &s)) in loc.iter().zip(scale).enumerate() {
        let values = f(Element::to_f64(m), Element::to_f64(s));
        for j in 0..N {
            outputs[j][i] = E::from_f64(values[j]);
        }
    }
}

/// What [`write`] does for a function, of which it is compiled for each.
type Write<'a, E, const N: usize> = dyn Fn(&[E], &[E], [&mut [E]; N]) + Sync + 'a;

/// The tensors that `write` makes, chunk by chunk on all threads.
fn by_chunks<E: Element, const N: usize>(
    loc: &Tensor,
    scale: &Tensor,
    write: &Write<'_, E, N>,
) -> tfn_tensor::Result<[Tensor; N]> {
    let shape = loc.shape()?;
    let (loc, scale) = (loc.data::<E>()?, scale.data::<E>()?);
    let mut outputs: [Vec<E>; N] = std::array::from_fn(|_| vec![E::zero(); loc.len()]);
    let mut parts = outputs.each_mut().map(|output| output.chunks_mut(CHUNK));
    do_all(loc.chunks(CHUNK).zip(scale.chunks(CHUNK)).map(|(loc, scale)| -> Task<'_> {
        let outputs = parts.each_mut().map(|part| part.next().unwrap_or_default());
        Box::new(move || write(loc, scale, outputs))
    }));
    Ok(outputs.map(|values| Tensor::from_vec(values, shape)))
}

/// The least and the greatest `loc` for all scales that begin with the same bits: their bits behind `shift`, in order.
pub(super) fn ranges<E: Element>(
    loc: &Tensor,
    scale: &Tensor,
    shift: u32,
) -> tfn_tensor::Result<Vec<(usize, [f64; 2])>> {
    const NONE: [f64; 2] = [f64::INFINITY, f64::NEG_INFINITY];
    let (loc, scale) = (loc.data::<E>()?, scale.data::<E>()?);
    // Those of positive finite numbers.
    let count = (f64::INFINITY.to_bits() >> shift) as usize;
    let of_chunk = |loc: &[E], scale: &[E]| {
        let mut found = vec![NONE; count];
        for (&m, &s) in loc.iter().zip(scale) {
            let (m, s) = (Element::to_f64(m), Element::to_f64(s));
            if s > 0.0
                && m.is_finite()
                && let Some([low, high]) = found.get_mut((s.to_bits() >> shift) as usize)
            {
                (*low, *high) = (low.min(m), high.max(m));
            }
        }
        found
    };
    let both = |mut a: Vec<[f64; 2]>, b: Vec<[f64; 2]>| {
        for ([low, high], [l, h]) in a.iter_mut().zip(b) {
            (*low, *high) = (low.min(l), high.max(h));
        }
        a
    };
    let chunks = 16 * CHUNK;
    let mut found = vec![Vec::new(); loc.len().div_ceil(chunks)];
    let parts = loc.chunks(chunks).zip(scale.chunks(chunks));
    do_all(found.iter_mut().zip(parts).map(|(found, (loc, scale))| -> Task<'_> {
        Box::new(move || *found = of_chunk(loc, scale))
    }));
    let found = found.into_iter().fold(vec![NONE; count], both);
    Ok(found.into_iter().enumerate().filter(|(_, [low, high])| low <= high).collect())
}
