//! Random numbers of one entry.
//!
//! Rejection takes as many numbers as it takes. They come from a small generator of the entry's own, which the
//! entry's one number of the stream sets, so that no draw depends on how many the others took.

use std::sync::LazyLock;

/// SplitMix64: Steele, Lea and Flood (2014), "Fast splittable pseudorandom number generators".
pub(crate) struct Numbers(u64);

impl Numbers {
    /// The numbers that follow from a uniform one.
    pub(crate) fn new(word: f64) -> Self {
        Self(word.to_bits())
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A uniform number in (0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.bits() >> 11 | 1) as f64 / (1_u64 << 53) as f64
    }

    /// A standard normal number.
    ///
    /// G. Marsaglia and W. W. Tsang (2000), "The ziggurat method for generating random variables", with as many random
    /// bits for the place as for the layer and more: J. A. Doornik (2005), "An improved ziggurat method".
    pub(crate) fn normal(&mut self) -> f64 {
        let layers = &*LAYERS;
        loop {
            let bits = self.bits();
            let layer = bits as usize % COUNT;
            // The upper 53 bits, which the layer does not read: (−1, 1).
            let x = ((bits >> 11 | 1) as f64 / (1_u64 << 52) as f64 - 1.0) * layers[layer].end;
            let next = &layers[layer + 1];
            if x.abs() < next.end {
                return x;
            }
            if layer == 0 {
                return self.normal_tail().copysign(x);
            }
            let height = next.density + (layers[layer].density - next.density) * self.uniform();
            if height < (-0.5 * x * x).exp() {
                return x;
            }
        }
    }

    /// A normal number beyond the lowest layer.
    fn normal_tail(&mut self) -> f64 {
        loop {
            let beyond = -self.uniform().ln() / LAST;
            if -2.0 * self.uniform().ln() > beyond * beyond {
                return LAST + beyond;
            }
        }
    }
}

const COUNT: usize = 256;
/// Where the lowest layer ends and the tail begins.
const LAST: f64 = 3.654_152_885_361_009;
/// The area of each layer.
const AREA: f64 = 0.004_928_673_233_99;

/// A layer under the normal density: where it ends, and the density there.
#[derive(Clone, Copy)]
struct Layer {
    end: f64,
    density: f64,
}

/// The layers from the lowest one, whose end is that of a rectangle of its area, to the point at the top.
static LAYERS: LazyLock<[Layer; COUNT + 1]> = LazyLock::new(|| {
    let density = |x: f64| (-0.5 * x * x).exp();
    let mut layers = [Layer { end: 0.0, density: 1.0 }; COUNT + 1];
    let mut last = Layer { end: LAST, density: density(LAST) };
    layers[0] = Layer { end: AREA / last.density, density: 0.0 };
    for layer in &mut layers[1..COUNT] {
        *layer = last;
        let above = last.density + AREA / last.end;
        last = Layer { end: (-2.0 * above.ln()).max(0.0).sqrt(), density: above };
    }
    layers
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_have_one_area_and_meet_the_top() {
        let layers = &*LAYERS;
        for pair in layers[1..].windows(2) {
            let area = pair[0].end * (pair[1].density - pair[0].density);
            assert!((area / AREA - 1.0).abs() < 1e-8, "{area}");
        }
    }

    #[test]
    fn normal_numbers_have_the_moments_and_tails_of_normal_ones() {
        let count = 1_000_000;
        let mut numbers = Numbers::new(0.1);
        let draws: Vec<f64> = (0..count).map(|_| numbers.normal()).collect();
        for (power, moment, spread) in
            [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0), (6, 15.0, 10_170.0)]
        {
            let mean = draws.iter().map(|x| x.powi(power)).sum::<f64>() / f64::from(count);
            let deviation = (mean - moment) / f64::sqrt(spread / f64::from(count));
            assert!(deviation.abs() < 5.0, "moment {power}: {mean}");
        }
        // Φ(−1), Φ(−2), Φ(−3), Φ(−3.8), on both sides.
        for (z, tail) in
            [(1.0, 0.158_655_254), (2.0, 0.022_750_132), (3.0, 0.001_349_898), (3.8, 7.234_8e-5)]
        {
            for sign in [-1.0, 1.0] {
                let beyond = draws.iter().filter(|x| sign * **x > z).count() as f64;
                let expected = tail * f64::from(count);
                assert!((beyond - expected).abs() < 5.0 * expected.sqrt(), "{z}: {beyond}");
            }
        }
    }
}
