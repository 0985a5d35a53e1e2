//! What the terminal shows: a progress bar, and digits.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tfn::train::Event;

/// A bar over all steps with the figures of the run.
pub(crate) struct Progress {
    bar: ProgressBar,
    name: String,
}

impl Progress {
    pub(crate) fn new(name: &str, steps: u64) -> Self {
        let bar = ProgressBar::new(steps);
        let template = "{prefix:>4} [{bar:24}] {percent:>3} %  {msg}  {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(name.to_string());
        bar.enable_steady_tick(Duration::from_millis(500));
        Self { bar, name: name.to_string() }
    }

    /// Moves the bar; where there is no terminal, prints a line for each epoch instead.
    pub(crate) fn show(&self, event: &Event) {
        match event {
            Event::Step { index, figures, .. } => {
                self.bar.set_position(index + 1);
                if index % 20 == 0 {
                    let accuracy = 100.0 * figures.accuracy.unwrap_or(f64::NAN);
                    self.bar.set_message(format!(
                        "nll {:.3}  kl {:.0}  accuracy {accuracy:.1} %",
                        figures.nll, figures.kl
                    ));
                }
            }
            Event::Epoch { epoch, of, figures } if self.bar.is_hidden() => println!(
                "{:>4} epoch {:>2}/{of}  nll {:.4}  kl {:.0}  accuracy {:.2} %  {} s left",
                self.name,
                epoch + 1,
                figures.nll,
                figures.kl,
                100.0 * figures.accuracy.unwrap_or(f64::NAN),
                self.bar.eta().as_secs()
            ),
            _ => {}
        }
    }

    pub(crate) fn finish(&self) {
        self.bar.finish();
    }
}

/// Grey images side by side, two rows of pixels to a line of text, each under its caption.
pub(crate) fn draw(images: &[(&[u8], String)], columns: usize) -> String {
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
