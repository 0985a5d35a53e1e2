//! Marks between two axes, as SVG.

use maud::{Markup, PreEscaped, html};
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::Axis;
use super::ink::{Ink, with_classes};
use crate::report::text::shortened;

/// What is drawn, in numbers of the two axes.
#[derive(Clone, Debug)]
pub(super) enum Mark {
    /// Through all points, broken where one cannot be drawn.
    Line(Ink, Vec<[f64; 2]>),
    /// Between two heights: place, low, high.
    Band(Ink, Vec<[f64; 3]>),
    /// Dots.
    Points(Ink, Vec<[f64; 2]>),
    /// Upright lines: place, low, high.
    Upright(Ink, Vec<[f64; 3]>),
    /// Level lines: height, from, to.
    Level(Ink, Vec<[f64; 3]>),
    /// Bars on the lower axis: from, to, height.
    Bars(Ink, Vec<[f64; 3]>),
}

/// A picture.
#[derive(Clone, Debug)]
pub(super) struct Chart {
    /// What is to be seen, in words, for those who do not see it.
    pub(super) words: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) size: (i32, i32),
    pub(super) marks: Vec<Mark>,
}

/// Size of most pictures.
pub(super) const SIZE: (i32, i32) = (440, 300);
/// Units of a picture for one of `size`: places are whole numbers, and lines are to be smooth.
const UNITS: i32 = 10;
/// Height of text.
const TEXT: i32 = 13;
const TOP: i32 = 30;
const BOTTOM: i32 = 44;
const RIGHT: i32 = 16;

type Root<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Plot<'a> = DrawingArea<SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// About how wide a text is, rather too wide: fonts differ.
fn width(text: &str) -> i32 {
    let of = |c: char| match c {
        'i' | 'j' | 'l' | ' ' | '.' | ',' | ':' | '\'' | '|' => 0.34,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '\u{2026}' => 1.0,
        'A'..='Z' => 0.74,
        '\0'..='\u{2ff}' | '\u{2000}'..='\u{22ff}' => 0.62,
        _ => 1.1,
    };
    (text.chars().map(of).sum::<f64>() * f64::from(TEXT)).ceil() as i32
}

/// As much of a text as fits.
fn fitted(long: &str, most: i32) -> String {
    let all = long.chars().count();
    let shorter = (1..=all).rev().map(|characters| shortened(long, characters));
    shorter.into_iter().find(|text| width(text) <= most).unwrap_or_default()
}

fn widest(ticks: &[(f64, String)]) -> i32 {
    ticks.iter().map(|(_, text)| width(text)).max().unwrap_or(0)
}

fn text_style(ink: Ink, h: HPos, v: VPos) -> TextStyle<'static> {
    // The backend writes sizes divided by this.
    let size = f64::from(TEXT * UNITS) * 1.24;
    ("sans-serif", size).into_font().color(&ink.color()).pos(Pos::new(h, v))
}

fn line(ink: Ink, width: u32) -> ShapeStyle {
    ink.color().stroke_width(width * UNITS as u32 / 10)
}

impl Chart {
    /// The picture as part of a page.
    pub(super) fn svg(&self) -> Markup {
        let mut svg = String::new();
        let size = (self.size.0 * UNITS, self.size.1 * UNITS);
        let drawn = self.draw(&mut svg, (size.0 as u32, size.1 as u32));
        // What the backend puts around it is written anew.
        let inner = svg.split_once('>').map_or("", |(_, inner)| inner.trim_end());
        let inner = inner.strip_suffix("</svg>").unwrap_or(inner).to_owned();
        let view = format!("0 0 {} {}", size.0, size.1);
        html! {
            @if drawn.is_ok() {
                svg viewBox=(view) width="100%" role="img" aria-label=(self.words) {
                    (PreEscaped(with_classes(inner)))
                }
            } @else {
                p { "This picture could not be drawn; its numbers are below." }
            }
        }
    }

    fn draw(&self, svg: &mut String, size: (u32, u32)) -> Drawn {
        let root = SVGBackend::with_string(svg, size).into_drawing_area();
        let y_ticks = self.y.ticks((self.size.1 / 50).max(2) as usize);
        let left = widest(&y_ticks) + 12;
        let inner = self.size.0 - left - RIGHT;
        let fits = |ticks: &[(f64, String)]| ticks.len() as i32 * (widest(ticks) + 14) <= inner;
        let mut about = 6;
        while about > 1 && !fits(&self.x.ticks(about)) {
            about -= 1;
        }
        let xs = left * UNITS..(self.size.0 - RIGHT) * UNITS;
        // Room for the name, if there is one.
        let top = if self.y.name.is_empty() { 10 } else { TOP };
        let ys = (self.size.1 - BOTTOM) * UNITS..top * UNITS;
        let plot = root.apply_coord_spec(Cartesian2d::<RangedCoordf64, RangedCoordf64>::new(
            self.x.low..self.x.high,
            self.y.low..self.y.high,
            (xs, ys),
        ));
        self.draw_y(&root, &plot, &y_ticks)?;
        for mark in &self.marks {
            self.draw_mark(&plot, mark)?;
        }
        self.draw_x(&root, &plot, &self.x.ticks(about))?;
        root.present()
    }

    fn draw_y(&self, root: &Root<'_>, plot: &Plot<'_>, ticks: &[(f64, String)]) -> Drawn {
        for (place, text) in ticks {
            let ends = vec![(self.x.low, *place), (self.x.high, *place)];
            plot.draw(&PathElement::new(ends, line(Ink::Grid, 7)))?;
            let (x, y) = plot.map_coordinate(&(self.x.low, *place));
            let style = text_style(Ink::Axis, HPos::Right, VPos::Center);
            root.draw(&Text::new(text.clone(), (x - 6 * UNITS, y), style))?;
        }
        if self.y.name.is_empty() {
            return Ok(());
        }
        let style = text_style(Ink::Axis, HPos::Left, VPos::Top);
        let name = fitted(&self.y.name, self.size.0 - 4);
        root.draw(&Text::new(name, (2 * UNITS, 3 * UNITS), style))
    }

    fn draw_x(&self, root: &Root<'_>, plot: &Plot<'_>, ticks: &[(f64, String)]) -> Drawn {
        let ends = vec![(self.x.low, self.y.low), (self.x.high, self.y.low)];
        plot.draw(&PathElement::new(ends, line(Ink::Axis, 10)))?;
        for (place, text) in ticks {
            let (x, y) = plot.map_coordinate(&(*place, self.y.low));
            root.draw(&PathElement::new(vec![(x, y), (x, y + 4 * UNITS)], line(Ink::Axis, 10)))?;
            let style = text_style(Ink::Axis, HPos::Center, VPos::Top);
            // A text at the end is not to stand out of the picture.
            let half = width(text) * UNITS / 2;
            let x = x.min(self.size.0 * UNITS - half).max(half);
            root.draw(&Text::new(text.clone(), (x, y + 6 * UNITS), style))?;
        }
        let (x, _) = plot.map_coordinate(&(self.x.high, self.y.low));
        let style = text_style(Ink::Axis, HPos::Right, VPos::Top);
        let y = (self.size.1 - TEXT - 6) * UNITS;
        let name = fitted(&self.x.name, self.size.0 - RIGHT - 2);
        root.draw(&Text::new(name, (x, y), style))
    }

    fn place(&self, [x, y]: [f64; 2]) -> Option<(f64, f64)> {
        Some((self.x.place(x)?, self.y.place(y)?))
    }

    fn draw_mark(&self, plot: &Plot<'_>, mark: &Mark) -> Drawn {
        match mark {
            Mark::Line(ink, points) => self.draw_line(plot, *ink, points),
            Mark::Band(ink, points) => self.draw_band(plot, *ink, points),
            Mark::Points(ink, points) => {
                let mut places = points.iter().filter_map(|&point| self.place(point));
                let style = ink.color().filled();
                places.try_for_each(|place| plot.draw(&Circle::new(place, 5 * UNITS / 2, style)))
            }
            Mark::Upright(ink, all) => {
                let ends = all.iter().map(|&[x, low, high]| [[x, low], [x, high]]);
                self.draw_lines(plot, *ink, ends)
            }
            Mark::Level(ink, all) => {
                let ends = all.iter().map(|&[y, from, to]| [[from, y], [to, y]]);
                self.draw_lines(plot, *ink, ends)
            }
            Mark::Bars(ink, all) => self.draw_bars(plot, *ink, all),
        }
    }

    fn draw_line(&self, plot: &Plot<'_>, ink: Ink, points: &[[f64; 2]]) -> Drawn {
        let places: Vec<_> = points.iter().map(|&point| self.place(point)).collect();
        let width = if ink == Ink::Model { 18 } else { 12 };
        for part in places.split(Option::is_none).filter(|part| !part.is_empty()) {
            let part: Vec<_> = part.iter().copied().flatten().collect();
            plot.draw(&PathElement::new(part, line(ink, width)))?;
        }
        Ok(())
    }

    fn draw_band(&self, plot: &Plot<'_>, ink: Ink, points: &[[f64; 3]]) -> Drawn {
        let at = |end: usize| points.iter().map(move |point| [point[0], point[end]]);
        let whole = at(1).zip(at(2));
        let whole = whole.filter_map(|(low, high)| self.place(low).zip(self.place(high)));
        let (low, mut high): (Vec<_>, Vec<_>) = whole.unzip();
        high.reverse();
        if low.is_empty() {
            return Ok(());
        }
        plot.draw(&Polygon::new([low, high].concat(), ink.color().mix(0.2).filled()))
    }

    fn draw_bars(&self, plot: &Plot<'_>, ink: Ink, all: &[[f64; 3]]) -> Drawn {
        for &[from, to, height] in all {
            let corners = self.place([from, self.y.low]).zip(self.place([to, height]));
            if let Some(((left, low), (right, high))) = corners {
                let corners = [(left, high), (right, low)];
                plot.draw(&Rectangle::new(corners, ink.color().mix(0.55).filled()))?;
            }
        }
        Ok(())
    }

    fn draw_lines(
        &self,
        plot: &Plot<'_>,
        ink: Ink,
        ends: impl Iterator<Item = [[f64; 2]; 2]>,
    ) -> Drawn {
        for [from, to] in ends {
            if let Some((from, to)) = self.place(from).zip(self.place(to)) {
                let style = ink.color().mix(0.6).stroke_width(line(ink, 13).stroke_width);
                plot.draw(&PathElement::new(vec![from, to], style))?;
            }
        }
        Ok(())
    }
}
