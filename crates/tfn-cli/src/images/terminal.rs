//! What the terminal shows of images.

/// Grey images side by side, two rows of pixels to a line of text, each under its caption.
pub(super) fn draw(images: &[(&[u8], String)], columns: usize) -> String {
    const SHADES: &[u8; 6] = b" .:+#@";
    let mut text = String::new();
    for (_, caption) in images {
        text.push_str(&format!("{caption:<width$}", width = columns + 2));
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    let lines = images.first().map_or(0, |(pixels, _)| pixels.len() / columns / 2);
    for line in 0..lines {
        for (pixels, _) in images {
            let at = |row: usize, column: usize| usize::from(pixels[row * columns + column]);
            for column in 0..columns {
                let mean = (at(2 * line, column) + at(2 * line + 1, column)) / 2;
                text.push(SHADES[mean * (SHADES.len() - 1) / 255].into());
            }
            text.push_str("  ");
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    }
    text
}
