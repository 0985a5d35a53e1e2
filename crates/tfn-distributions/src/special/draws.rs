//! Draws by rejection on tensors, in `f64` whatever the type of the parameters.

use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Element, Pointwise, Tensor, pointwise};

use super::incomplete_beta::quantile_in;
use super::incomplete_gamma::{log_quantile_in_a, quantile_in_a};
use super::scalar::gamma_draws;
use super::scalar::gamma_draws::GammaDraw;
use super::scalar::numbers::Numbers;
use crate::parallel::{Task, do_all};

/// Variables of gamma distributions of rate 1, with implicit gradients: those of the quantile that each one is.
pub(crate) fn gamma_sample(a: &Tensor, shape: &[usize], stream: &mut Stream) -> Tensor {
    const DRAW: Pointwise<2> = Pointwise {
        name: "gamma_sample",
        value: |[a, word]| GammaDraw::new(a, &mut Numbers::new(word)).value(),
        partials: [|[a, _], x| quantile_in_a(a, x), |_, _| 0.0],
    };
    in_type_of(a, pointwise(DRAW, [&a.cast(DType::F64), &words(shape, stream)]))
}

/// Their logarithms, in `f64`.
pub(crate) fn log_gamma_sample(a: &Tensor, shape: &[usize], stream: &mut Stream) -> Tensor {
    const DRAW: Pointwise<2> = Pointwise {
        name: "log_gamma_sample",
        value: |[a, word]| GammaDraw::new(a, &mut Numbers::new(word)).ln(),
        partials: [|[a, _], log| log_quantile_in_a(a, log), |_, _| 0.0],
    };
    pointwise(DRAW, [&a.cast(DType::F64), &words(shape, stream)])
}

/// Variables of beta distributions, with implicit gradients.
pub(crate) fn beta_sample(a: &Tensor, b: &Tensor, shape: &[usize], stream: &mut Stream) -> Tensor {
    const DRAW: Pointwise<3> = Pointwise {
        name: "beta_sample",
        value: |[a, b, word]| gamma_draws::beta([a, b], &mut Numbers::new(word)),
        partials: [
            |[a, b, _], x| quantile_in(0, a, b, x),
            |[a, b, _], x| quantile_in(1, a, b, x),
            |_, _| 0.0,
        ],
    };
    let [a64, b64] = [a, b].map(|tensor| tensor.cast(DType::F64));
    in_type_of(a, pointwise(DRAW, [&a64, &b64, &words(shape, stream)]))
}

/// What sets the numbers of each entry.
pub(super) fn words(shape: &[usize], stream: &mut Stream) -> Tensor {
    stream.uniform_open(shape, DType::F64)
}

/// Draws from one distribution, of the type of `like`, without gradients.
pub(super) fn draws_of_one(
    like: &Tensor,
    shape: &[usize],
    stream: &mut Stream,
    draw: &(dyn Fn(&mut Numbers) -> f64 + Sync),
) -> Tensor {
    /// Draws that a thread takes at a time.
    const CHUNK: usize = 4096;
    fn fill<E: Element>(out: &mut [E], words: &[f64], draw: &(dyn Fn(&mut Numbers) -> f64 + Sync)) {
        do_all(out.chunks_mut(CHUNK).zip(words.chunks(CHUNK)).map(|(out, words)| -> Task<'_> {
            Box::new(move || {
                for (out, word) in out.iter_mut().zip(words) {
                    *out = E::from_f64(draw(&mut Numbers::new(*word)));
                }
            })
        }));
    }
    let mut made = || -> tfn_tensor::Result<Tensor> {
        let words = words(shape, stream);
        let words = words.data::<f64>()?;
        Ok(match like.dtype()? {
            DType::F32 => Tensor::build::<f32>(shape, |out| fill(out, words, draw)),
            DType::F64 => Tensor::build::<f64>(shape, |out| fill(out, words, draw)),
        })
    };
    made().unwrap_or_else(Tensor::from_error)
}

/// What was drawn in `f64`, in the type of `like`.
pub(super) fn in_type_of(like: &Tensor, draws: Tensor) -> Tensor {
    match like.dtype() {
        Ok(dtype) => draws.cast(dtype),
        Err(error) => Tensor::from_error(error),
    }
}
