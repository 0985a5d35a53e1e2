//! Standard normals from random words, by the method of Box and Muller.
//!
//! Words are taken in blocks of [`BLOCK`]: the first half of a block gives radii, the second angles,
//! and so do the two coordinates fill the first and the second half of the block's normals. A normal
//! depends on two words of its own block alone.
//!
//! Reference: Box and Muller (1958), "A note on the generation of random normal deviates".

use std::f64::consts::{FRAC_PI_2, TAU};

use num_traits::Zero;
use pulp::{Simd, WithSimd};

use super::arch::arch;
use crate::dtype::Element;
use crate::math::{double, single};

/// Words that go together: so many words make so many normals.
pub(crate) const BLOCK: usize = 32;
const HALF: usize = BLOCK / 2;

/// A random word that is made into one coordinate of a point in the plane.
pub(crate) trait Coordinate: Copy {
    /// The type of the normals.
    type Number: Element;

    /// cos and sin of a whole turn times the word over the number of words, without a branch.
    fn turn(self) -> (Self::Number, Self::Number);
    /// A radius √(−2 ln u), where u is never 0.
    fn radius(self) -> Self::Number;
}

impl Coordinate for u32 {
    type Number = f32;

    #[inline(always)]
    fn turn(self) -> (f32, f32) {
        // The nearest quarter turn, and the rest of at most an eighth.
        let quarter = self.wrapping_add(1 << 29) >> 30;
        let rest = self.wrapping_sub(quarter << 30) as i32;
        let x = rest as f32 * (TAU / 4_294_967_296.0) as f32;
        let square = x * x;
        let sin = (-0.000_195_878_9 * square + 0.008_332_748) * square - 0.166_666_64;
        let sin = x + x * square * sin;
        let cos = (0.000_024_547_942 * square - 0.001_388_830_2) * square + 0.041_666_664;
        let cos = (1.0 - 0.5 * square) + square * square * cos;
        let odd = quarter & 1 == 1;
        let (c, s) = if odd { (sin, cos) } else { (cos, sin) };
        // cos is negative in the quarters 1 and 2, sin in 2 and 3.
        let c_sign = (quarter.wrapping_add(1) & 2) << 30;
        let s_sign = (quarter & 2) << 30;
        (f32::from_bits(c.to_bits() ^ c_sign), f32::from_bits(s.to_bits() ^ s_sign))
    }

    // u is an odd multiple of 2⁻³² before it is rounded.
    #[inline(always)]
    fn radius(self) -> f32 {
        let u = (self >> 1) as i32 as f32 * (1.0 / 2_147_483_648.0) + 1.0 / 4_294_967_296.0;
        (-2.0 * single::ln_of_unit(u)).sqrt()
    }
}

/// With 53 bits in a radius and 54 in an angle.
impl Coordinate for u64 {
    type Number = f64;

    #[inline(always)]
    fn turn(self) -> (f64, f64) {
        /// 1.5 · 2⁵²: in its lowest bits a whole number below 2⁵¹ is that number.
        const WHOLE: f64 = 6_755_399_441_055_744.0;
        let quarter = self.wrapping_add(1 << 61) >> 62;
        let rest = (self.wrapping_sub(quarter << 62) as i64) >> 10;
        let rest = f64::from_bits(WHOLE.to_bits().wrapping_add(rest as u64)) - WHOLE;
        let (cos, sin) = double::cos_sin_reduced(rest * (FRAC_PI_2 / (1_u64 << 52) as f64));
        let odd = quarter & 1 == 1;
        let (c, s) = if odd { (sin, cos) } else { (cos, sin) };
        let c_sign = (quarter.wrapping_add(1) & 2) << 62;
        let s_sign = (quarter & 2) << 62;
        (f64::from_bits(c.to_bits() ^ c_sign), f64::from_bits(s.to_bits() ^ s_sign))
    }

    // u is an odd multiple of 2⁻⁵⁴ before it is rounded.
    #[inline(always)]
    fn radius(self) -> f64 {
        const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
        let u = (self >> 11) as f64 * STEP + 0.5 * STEP;
        (-2.0 * double::ln_of_unit(u)).sqrt()
    }
}

struct Normals<'a, W: Coordinate> {
    out: &'a mut [W::Number],
    words: &'a [W],
}

impl<W: Coordinate> WithSimd for Normals<'_, W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let mut normals = [W::Number::zero(); BLOCK];
        for (out, words) in self.out.chunks_mut(BLOCK).zip(self.words.chunks_exact(BLOCK)) {
            let (first, second) = normals.split_at_mut(HALF);
            let (radii, angles) = words.split_at(HALF);
            for i in 0..HALF {
                let r = radii[i].radius();
                let (c, s) = angles[i].turn();
                first[i] = r * c;
                second[i] = r * s;
            }
            out.copy_from_slice(&normals[..out.len()]);
        }
    }
}

/// Standard normals, as many as `out` holds. There are whole blocks of words for them.
pub(crate) fn box_muller<W: Coordinate>(out: &mut [W::Number], words: &[W]) {
    assert!(out.len().next_multiple_of(BLOCK) <= words.len(), "whole blocks of words");
    arch().dispatch(Normals { out, words });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words without any generator: Weyl's sequence, mixed.
    fn words(len: usize) -> Vec<u64> {
        let mix = |i: u64| {
            let x = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            x ^ (x >> 31)
        };
        (1..=len as u64).map(mix).collect()
    }

    #[test]
    fn agrees_with_the_formula_at_every_quarter() {
        let high = |x: u64| (x >> 32) as u32;
        let words: Vec<u32> = words(1 << 16).into_iter().map(high).collect();
        let mut out = vec![0.0; words.len()];
        box_muller(&mut out, &words);
        for (block, out) in words.chunks(BLOCK).zip(out.chunks(BLOCK)) {
            for i in 0..HALF {
                let u = (f64::from(block[i] >> 1) + 0.5) / 2_147_483_648.0;
                let r = (-2.0 * u.ln()).sqrt();
                let (s, c) = (TAU * f64::from(block[HALF + i]) / 4_294_967_296.0).sin_cos();
                // Where u is next to 1 its rounding is what is left of the radius.
                let near = 1e-6 * r.max(1.0) + 3e-8 / r;
                assert!((f64::from(out[i]) - r * c).abs() < near);
                assert!((f64::from(out[HALF + i]) - r * s).abs() < near);
            }
        }
    }

    /// The largest error of both coordinates, in units of the last place of `f32`, over radii from all words but
    /// every 257th and over all angles but every 4099th. `u` is what the word stands for, before it is rounded.
    #[test]
    fn errors_stay_within_a_few_units_of_the_last_place() {
        let place = |exact: f64| {
            let rounded = (exact.abs() as f32).max(f32::MIN_POSITIVE);
            f64::from(f32::from_bits(rounded.to_bits() + 1)) - f64::from(rounded)
        };
        let (mut of_radius, mut of_turn) = (0.0_f64, 0.0_f64);
        for word in (0..u32::MAX).step_by(257) {
            let rounded =
                (word >> 1) as i32 as f32 * (1.0 / 2_147_483_648.0) + 1.0 / 4_294_967_296.0;
            let exact = (-2.0 * f64::from(rounded).ln()).sqrt();
            if rounded < 1.0 {
                of_radius = of_radius.max((f64::from(word.radius()) - exact).abs() / place(exact));
            }
        }
        for word in (0..u32::MAX).step_by(4099) {
            let (sin, cos) = (TAU * f64::from(word) / 4_294_967_296.0).sin_cos();
            let (c, s) = word.turn();
            for (given, exact) in [(c, cos), (s, sin)] {
                // Next to a zero of the function the angle itself, of 32 bits, is what is rounded: 2⁻²⁴ of a turn's
                // eighth is the unit there.
                let unit = place(exact).max(f64::from(f32::EPSILON) / 64.0);
                of_turn = of_turn.max((f64::from(given) - exact).abs() / unit);
            }
        }
        println!("normal: radius {of_radius:.3}, cosine and sine {of_turn:.3}");
        assert!(of_radius <= 2.0 && of_turn <= 3.0, "{of_radius} {of_turn}");
    }

    #[test]
    fn both_widths_agree_on_the_same_words() {
        let wide = words(1 << 12);
        let narrow: Vec<u32> = wide.iter().map(|&x| (x >> 32) as u32).collect();
        let (mut a, mut b) = (vec![0.0; wide.len()], vec![0.0; wide.len()]);
        box_muller(&mut a, &narrow);
        box_muller(&mut b, &wide);
        for (a, b) in a.into_iter().zip(b) {
            assert!((f64::from(a) - b).abs() < 1e-3, "{a} {b}");
        }
    }

    #[test]
    fn extreme_words_give_finite_normals() {
        let extremes = [0, 1, 2, 0x1fff_ffff, 0x2000_0000, 0x7fff_ffff, 0x8000_0000, u32::MAX];
        for radius in extremes {
            for angle in extremes {
                let mut words = [radius; BLOCK];
                words[HALF..].fill(angle);
                let mut out = [f32::NAN; BLOCK];
                box_muller(&mut out, &words);
                assert!(out.iter().all(|x| x.abs() < 6.7), "{radius} {angle} {out:?}");
                let mut out = [f64::NAN; BLOCK];
                box_muller(&mut out, &words.map(|x| u64::from(x) << 32 | u64::from(x)));
                assert!(out.iter().all(|x| x.abs() < 8.7), "{radius} {angle} {out:?}");
            }
        }
    }

    #[test]
    fn a_shorter_output_is_the_beginning_of_a_longer_one() {
        let words: Vec<u32> = words(128).into_iter().map(|x| x as u32).collect();
        let mut long = [0.0; 128];
        box_muller(&mut long, &words);
        for len in [0, 1, 16, 17, 31, 32, 33, 100] {
            let mut short = vec![0.0; len];
            box_muller(&mut short, &words);
            assert_eq!(short, long[..len]);
        }
    }

    #[test]
    fn moments_are_those_of_a_standard_normal() {
        let words: Vec<u32> = words(1 << 20).into_iter().map(|x| (x >> 32) as u32).collect();
        let mut out = vec![0.0; words.len()];
        box_muller(&mut out, &words);
        // E x^p and the variance of x^p, within five standard errors.
        for (p, mean, variance) in [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)] {
            let moment = out.iter().map(|&x| f64::from(x).powi(p)).sum::<f64>() / out.len() as f64;
            let error = (moment - mean) / (variance / out.len() as f64).sqrt();
            assert!(error.abs() < 5.0, "moment {p} is {error} standard errors off");
        }
    }
}
