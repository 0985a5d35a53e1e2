//! Colours by what they are for; the page says what they are, by day and by night.

use plotters::style::RGBColor;

/// What a mark is, by which the page gives it a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    /// Text and what is most important.
    Text,
    /// Axes and their text.
    Axis,
    /// Lines that lead the eye across.
    Grid,
    /// What the model says.
    Model,
    /// Other models, in the background.
    Pale,
    /// What went wrong.
    Miss,
    /// What would be seen if all were right.
    Guide,
}

impl Ink {
    const ALL: [(Self, &str); 7] = [
        (Self::Text, "text"),
        (Self::Axis, "axis"),
        (Self::Grid, "grid"),
        (Self::Model, "model"),
        (Self::Pale, "pale"),
        (Self::Miss, "miss"),
        (Self::Guide, "guide"),
    ];

    /// A colour that nothing else has, to be found again in the SVG.
    pub(super) fn color(self) -> RGBColor {
        RGBColor(1, 0, self as u8)
    }
}

/// Puts classes in place of the colours.
pub(super) fn with_classes(mut svg: String) -> String {
    for (ink, name) in Ink::ALL {
        let RGBColor(red, green, blue) = ink.color();
        for attribute in ["fill", "stroke"] {
            let from = format!("{attribute}=\"#{red:02X}{green:02X}{blue:02X}\"");
            svg = svg.replace(&from, &format!("class=\"{attribute}-{name}\""));
        }
    }
    svg
}
