//! Axes: from where to where, and what is written beside them.

use crate::report::text::is_drawable;

/// An axis. Places on it are numbers, or their logarithms to base 10.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub(super) name: String,
    pub(super) low: f64,
    pub(super) high: f64,
    is_log: bool,
    /// Text at given places; none if round numbers are chosen.
    levels: Option<Vec<String>>,
}

/// Most of what is written beside an axis.
const TICKS: usize = 12;

impl Axis {
    /// From one number to another.
    pub(super) fn exact(name: &str, low: f64, high: f64) -> Self {
        Self { name: name.to_owned(), low, high, is_log: false, levels: None }
    }

    /// All numbers that can be drawn, and some room at both ends.
    pub(super) fn of(name: &str, values: impl IntoIterator<Item = f64>) -> Self {
        let [low, high] = ends(values).unwrap_or([0.0, 1.0]);
        let room = match high - low {
            span if span > 1e-9 * high.abs().max(low.abs()) => 0.04 * span,
            _ => (0.1 * high.abs()).max(0.5),
        };
        Self::exact(name, low - room, high + room)
    }

    /// As [`of`](Self::of), by logarithms if the numbers are positive and far apart.
    pub(super) fn of_scale(name: &str, values: impl IntoIterator<Item = f64>) -> Self {
        let values: Vec<f64> = values.into_iter().collect();
        match ends(values.iter().copied()) {
            Some([low, high]) if low > 0.0 && high / low > 30.0 => {
                let logs = values.iter().map(|value| value.log10());
                let name = format!("{name} (log scale)");
                Self { is_log: true, ..Self::of(&name, logs) }
            }
            _ => Self::of(name, values),
        }
    }

    /// Levels from the top down: the first is at the greatest number.
    pub(super) fn levels(levels: Vec<String>) -> Self {
        let high = (levels.len() as f64 - 0.5).max(0.5);
        let levels = Some(levels.into_iter().rev().collect());
        Self { levels, ..Self::exact("", -0.5, high) }
    }

    /// The same under another name.
    pub(super) fn named(&self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self.clone() }
    }

    pub(super) fn is_log(&self) -> bool {
        self.is_log
    }

    /// Where a number is, within the ends; none if it cannot be drawn.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        let place = if self.is_log { value.log10() } else { value };
        is_drawable(place).then(|| place.clamp(self.low, self.high))
    }

    /// About so many places and what is written there.
    pub(super) fn ticks(&self, about: usize) -> Vec<(f64, String)> {
        if let Some(levels) = &self.levels {
            return levels.iter().enumerate().map(|(i, level)| (i as f64, level.clone())).collect();
        }
        if self.is_log {
            return self.decades(about);
        }
        let step = round_step((self.high - self.low) / about.max(1) as f64);
        let first = (self.low / step - 1e-6).ceil();
        let places = (0..TICKS).map(|i| (first + i as f64) * step);
        let places: Vec<f64> =
            places.take_while(|place| *place <= self.high + 1e-6 * step).collect();
        let most = places.iter().fold(0.0, |most: f64, place| most.max(place.abs()));
        places.into_iter().map(|place| (place, label(place, step, most))).collect()
    }

    fn decades(&self, about: usize) -> Vec<(f64, String)> {
        let decades = self.high - self.low;
        let inner: &[f64] = if decades < 2.5 { &[1.0, 3.0] } else { &[1.0] };
        let stride = (decades / about.max(1) as f64).ceil().max(1.0) as i32;
        let (first, last) = (self.low.floor() as i32, self.high.ceil() as i32);
        let all =
            (first..=last).filter(|decade| decade.rem_euclid(stride) == 0).flat_map(|decade| {
                inner.iter().map(move |factor| {
                    let value = factor * 10f64.powi(decade);
                    let text = match decade {
                        -3..=5 => format!("{value:.*}", (-decade).max(0) as usize),
                        _ => format!("{factor}e{decade}").replace('-', "\u{2212}"),
                    };
                    (value.log10(), text)
                })
            });
        all.filter(|(place, _)| (self.low..=self.high).contains(place)).collect()
    }
}

/// The least and the greatest number that can be drawn.
fn ends(values: impl IntoIterator<Item = f64>) -> Option<[f64; 2]> {
    values.into_iter().filter(|&value| is_drawable(value)).fold(None, |ends, value| match ends {
        None => Some([value, value]),
        Some([low, high]) => Some([low.min(value), high.max(value)]),
    })
}

/// The next of 1, 2, 5 times a power of ten.
fn round_step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    let factors = [1.0, 2.0, 5.0].into_iter();
    let step = factors.map(|factor| factor * power).find(|step| *step >= least * (1.0 - 1e-9));
    step.unwrap_or(10.0 * power)
}

fn label(place: f64, step: f64, most: f64) -> String {
    let place = if place.abs() < 1e-6 * step { 0.0 } else { place };
    let decimals = |step: f64| (-(step * (1.0 + 1e-9)).log10().floor()).max(0.0) as usize;
    let text = if place != 0.0 && (most >= 1e6 || step < 1e-4) {
        let digits = (most.log10().floor() - step.log10().floor()).clamp(0.0, 6.0) as usize;
        let text = format!("{place:.digits$e}");
        match text.split_once('e') {
            Some((digits, exponent)) if digits.contains('.') => {
                let digits = digits.trim_end_matches('0').trim_end_matches('.');
                format!("{digits}e{exponent}")
            }
            _ => text,
        }
    } else {
        format!("{place:.*}", decimals(step).min(6))
    };
    text.replace('-', "\u{2212}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis) -> Vec<String> {
        axis.ticks(5).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn round_numbers_are_written() {
        assert_eq!(texts(&Axis::exact("", 0.0, 1.0)), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(texts(&Axis::exact("", -3.0, 21.0)), ["0", "5", "10", "15", "20"]);
        assert_eq!(texts(&Axis::exact("", -2e7, 2e7)), ["−2e7", "−1e7", "0", "1e7", "2e7"]);
        assert_eq!(texts(&Axis::of_scale("", [0.01, 100.0])), ["0.01", "0.1", "1", "10", "100"]);
    }

    #[test]
    fn any_numbers_have_an_axis() {
        let cases: [&[f64]; 8] = [
            &[],
            &[f64::NAN, f64::INFINITY],
            &[0.0],
            &[1e16, 1e16 + 2.0],
            &[-1e99, 1e99],
            &[1e-300, 2e-300],
            &[f64::MAX, 1.0],
            &[1e-90, 1e90],
        ];
        for values in cases {
            for axis in [Axis::of("", values.to_vec()), Axis::of_scale("", values.to_vec())] {
                assert!(axis.low < axis.high, "{values:?}: {axis:?}");
                assert!(axis.ticks(5).len() <= TICKS, "{values:?}");
                let places = values.iter().filter_map(|&value| axis.place(value));
                assert!(places.into_iter().all(|place| (axis.low..=axis.high).contains(&place)));
            }
        }
    }
}
