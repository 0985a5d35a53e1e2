//! A curve with its bands and the data, as SVG.

use std::fmt::Write;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const MARGIN: f64 = 60.0;

/// What is drawn: mean and bands at each `x`, and the data.
pub(crate) struct Plot {
    pub(crate) x: Vec<f64>,
    pub(crate) mean: Vec<f64>,
    pub(crate) low: Vec<f64>,
    pub(crate) high: Vec<f64>,
    /// Standard deviation of what is not known of the weights.
    pub(crate) epistemic: Vec<f64>,
    pub(crate) points: Vec<(f64, f64)>,
    pub(crate) x_label: &'static str,
    pub(crate) y_label: &'static str,
}

/// From numbers to places on the page.
struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    fn place(&self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low);
        self.from + (self.to - self.from) * share.clamp(-0.5, 1.5)
    }

    /// About five round numbers.
    fn ticks(&self) -> Vec<f64> {
        let rough = (self.high - self.low) / 5.0;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|&s| s >= rough);
        let step = step.unwrap_or(rough);
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step).floor() as i64;
        (first..=last).map(|i| i as f64 * step).collect()
    }
}

fn ends(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    (values.clone().fold(f64::INFINITY, f64::min), values.fold(f64::NEG_INFINITY, f64::max))
}

impl Plot {
    pub(crate) fn svg(&self) -> Result<String, std::fmt::Error> {
        let (first, last) = ends(self.x.iter().copied());
        let seen = ends(self.points.iter().map(|(x, _)| *x));
        let (_, most) = ends(self.points.iter().map(|(_, y)| *y));
        let x = Axis { low: first, high: last, from: MARGIN, to: WIDTH - 20.0 };
        let y = Axis { low: -0.35 * most, high: 2.2 * most, from: HEIGHT - MARGIN, to: 20.0 };
        let mut out = String::new();
        writeln!(
            out,
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="white"/>
<clipPath id="frame"><rect x="{}" y="{}" width="{}" height="{}"/></clipPath>"##,
            x.from,
            y.to,
            x.to - x.from,
            y.from - y.to
        )?;
        // Where there are no data the page is grey.
        for (from, to) in [(first, seen.0), (seen.1, last)] {
            let (from, to) = (x.place(from), x.place(to));
            let (top, height) = (y.to, y.from - y.to);
            writeln!(
                out,
                r##"<rect x="{from:.1}" y="{top}" width="{:.1}" height="{height}" fill="#f0f0f0"/>"##,
                to - from
            )?;
        }
        writeln!(out, r##"<g clip-path="url(#frame)">"##)?;
        self.band(&mut out, (&x, &y), &self.low, &self.high, "#9ecae1", 0.7)?;
        let side = |sign: f64| {
            let at = |(mean, deviation): (&f64, &f64)| mean + sign * 1.645 * deviation;
            self.mean.iter().zip(&self.epistemic).map(at).collect::<Vec<f64>>()
        };
        self.band(&mut out, (&x, &y), &side(-1.0), &side(1.0), "#3182bd", 0.6)?;
        let mut path = String::new();
        for (at, mean) in self.x.iter().zip(&self.mean) {
            write!(path, "{:.1},{:.1} ", x.place(*at), y.place(*mean))?;
        }
        writeln!(
            out,
            r##"<polyline points="{path}" fill="none" stroke="#08306b" stroke-width="2"/>"##
        )?;
        for (at, value) in &self.points {
            writeln!(
                out,
                r##"<circle cx="{:.1}" cy="{:.1}" r="2" fill="black" fill-opacity="0.5"/>"##,
                x.place(*at),
                y.place(*value)
            )?;
        }
        writeln!(out, "</g>")?;
        self.frame(&mut out, &x, &y)?;
        writeln!(out, "</svg>")?;
        Ok(out)
    }

    fn band(
        &self,
        out: &mut String,
        (x, y): (&Axis, &Axis),
        low: &[f64],
        high: &[f64],
        colour: &str,
        opacity: f64,
    ) -> std::fmt::Result {
        let upper = self.x.iter().zip(high);
        let lower = self.x.iter().zip(low).rev();
        let mut path = String::new();
        for (at, value) in upper.chain(lower) {
            write!(path, "{:.1},{:.1} ", x.place(*at), y.place(*value))?;
        }
        writeln!(out, r##"<polygon points="{path}" fill="{colour}" fill-opacity="{opacity}"/>"##)
    }

    fn frame(&self, out: &mut String, x: &Axis, y: &Axis) -> std::fmt::Result {
        for tick in x.ticks() {
            let at = x.place(tick);
            writeln!(
                out,
                r##"<text x="{at:.1}" y="{:.1}" text-anchor="middle">{tick:.1}</text>"##,
                y.from + 18.0
            )?;
        }
        for tick in y.ticks() {
            let at = y.place(tick);
            writeln!(
                out,
                r##"<text x="{:.1}" y="{:.1}" text-anchor="end">{tick:.0}</text>"##,
                x.from - 8.0,
                at + 4.0
            )?;
        }
        let (left, top) = (x.from, y.to);
        writeln!(
            out,
            r##"<rect x="{left}" y="{top}" width="{}" height="{}" fill="none" stroke="black"/>
<text x="{}" y="{}" text-anchor="middle">{}</text>
<text transform="translate(16 {}) rotate(-90)" text-anchor="middle">{}</text>
<text x="{}" y="40" fill="#08306b">mean</text>
<text x="{}" y="58" fill="#3182bd">90 % of what is not known of the weights</text>
<text x="{}" y="76" fill="#6baed6">90 % conformal interval of a new measurement</text>
<text x="{}" y="94" fill="#777777">grey: no data</text>"##,
            x.to - x.from,
            y.from - y.to,
            (x.from + x.to) / 2.0,
            y.from + 42.0,
            self.x_label,
            (y.from + y.to) / 2.0,
            self.y_label,
            left + 12.0,
            left + 12.0,
            left + 12.0,
            left + 12.0,
        )
    }
}
