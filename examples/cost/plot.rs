//! A drawing of times against sizes, both on logarithmic scales, as SVG.

use std::fmt::Write;

/// Width and height of a panel, and the space around it.
const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 200.0;
const MARGIN: f64 = 50.0;

/// One panel: a name, and the times in milliseconds on one thread and on two for each size.
pub(crate) struct Panel {
    pub(crate) name: &'static str,
    pub(crate) points: Vec<(usize, [f64; 2])>,
}

/// Where a value lies between the powers of ten around all values, from 0 to 1.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    fn new(values: impl Iterator<Item = f64> + Clone) -> Self {
        let low = values.clone().fold(f64::INFINITY, f64::min).log10().floor();
        let high = values.fold(0.0, f64::max).log10().ceil();
        Self { low, high: high.max(low + 1.0) }
    }

    fn place(&self, value: f64) -> f64 {
        (value.log10() - self.low) / (self.high - self.low)
    }

    fn powers(&self) -> impl Iterator<Item = f64> {
        (self.low as i32..=self.high as i32).map(|power| 10_f64.powi(power))
    }
}

/// All panels side by side; the solid line is one thread, the dashed one two.
pub(crate) fn svg(panels: &[Panel]) -> Result<String, std::fmt::Error> {
    let width = panels.len() as f64 * (WIDTH + MARGIN) + MARGIN;
    let height = HEIGHT + 2.0 * MARGIN;
    let mut out = String::new();
    writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>"#
    )?;
    for (index, panel) in panels.iter().enumerate() {
        let left = MARGIN + index as f64 * (WIDTH + MARGIN);
        writeln!(out, r#"<g transform="translate({left} {MARGIN})">"#)?;
        draw(&mut out, panel)?;
        writeln!(out, "</g>")?;
    }
    writeln!(out, "</svg>")?;
    Ok(out)
}

fn draw(out: &mut String, Panel { name, points }: &Panel) -> std::fmt::Result {
    let sizes = Scale::new(points.iter().map(|(size, _)| *size as f64));
    let times = Scale::new(points.iter().flat_map(|(_, times)| *times));
    writeln!(out, r#"<rect width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="black"/>"#)?;
    for size in sizes.powers() {
        let x = sizes.place(size) * WIDTH;
        writeln!(out, r##"<path d="M{x:.1} 0V{HEIGHT}" stroke="#ddd"/>"##)?;
        let below = HEIGHT + 16.0;
        writeln!(out, r#"<text x="{x:.1}" y="{below}" text-anchor="middle">{size}</text>"#)?;
    }
    for time in times.powers() {
        let y = (1.0 - times.place(time)) * HEIGHT;
        writeln!(out, r##"<path d="M0 {y:.1}H{WIDTH}" stroke="#ddd"/>"##)?;
        writeln!(out, r#"<text x="-6" y="{y:.1}" text-anchor="end">{time}</text>"#)?;
    }
    for (threads, dash) in [(0, "none"), (1, "6 4")] {
        let place = |(size, time): &(usize, [f64; 2])| {
            let (x, y) = (sizes.place(*size as f64), 1.0 - times.place(time[threads]));
            format!("{:.1},{:.1}", x * WIDTH, y * HEIGHT)
        };
        let line = points.iter().map(place).collect::<Vec<_>>().join(" ");
        writeln!(
            out,
            r#"<polyline points="{line}" fill="none" stroke="black" stroke-dasharray="{dash}"/>"#
        )?;
    }
    let (middle, title) = (WIDTH / 2.0, HEIGHT + 34.0);
    writeln!(out, r#"<text x="{middle}" y="{title}" text-anchor="middle">{name}</text>"#)?;
    writeln!(out, r#"<text x="0" y="-8">ms (solid: one thread, dashed: two)</text>"#)
}
