//! Random words made into standard draws.

use super::words::Words;
use crate::kernels::normal::box_muller;

/// 2⁻²⁴ and 2⁻⁵³: the spacing of the uniforms.
const STEP_F32: f32 = 1.0 / (1_u32 << 24) as f32;
const STEP_F64: f64 = 1.0 / (1_u64 << 53) as f64;

pub(super) fn uniform_f32(words: Words, out: &mut [f32]) {
    words.fill(out, |out, words: &[u32]| {
        for (o, &word) in out.iter_mut().zip(words) {
            *o = (word >> 8) as f32 * STEP_F32;
        }
    });
}

pub(super) fn uniform_f64(words: Words, out: &mut [f64]) {
    words.fill(out, |out, words: &[u64]| {
        for (o, &word) in out.iter_mut().zip(words) {
            *o = (word >> 11) as f64 * STEP_F64;
        }
    });
}

// The lowest bit is set, so that 0 is missing; one bit more would round the largest value to 1.
pub(super) fn uniform_open_f32(words: Words, out: &mut [f32]) {
    words.fill(out, |out, words: &[u32]| {
        for (o, &word) in out.iter_mut().zip(words) {
            *o = (word >> 8 | 1) as f32 * STEP_F32;
        }
    });
}

pub(super) fn uniform_open_f64(words: Words, out: &mut [f64]) {
    words.fill(out, |out, words: &[u64]| {
        for (o, &word) in out.iter_mut().zip(words) {
            *o = (word >> 11 | 1) as f64 * STEP_F64;
        }
    });
}

// A normal depends on the words of its group, so these are whole groups even where entries are not.
pub(super) fn normal_f32(words: Words, out: &mut [f32]) {
    words.fill(out, |out, words: &[u32]| box_muller(out, words));
}

pub(super) fn normal_f64(words: Words, out: &mut [f64]) {
    words.fill(out, |out, words: &[u64]| box_muller(out, words));
}
