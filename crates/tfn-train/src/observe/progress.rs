//! A progress bar.

use std::io::{self, Stderr};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::lines::Lines;
use crate::fit::{Event, Metrics, Observer};

/// A bar over all steps of a run with its figures, on standard error; where that is no terminal, a plain line
/// after each epoch ([`Lines`]).
///
/// # Examples
/// ```
/// use tfn_train::Observer;
/// use tfn_train::observe::Progress;
///
/// fn takes(_: impl Observer) {}
/// takes(Progress::new("bnn"));
/// ```
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    lines: Lines<Stderr>,
    shown: Option<Instant>,
    validation: Option<f64>,
}

/// Figures that change faster than this cannot be read.
const INTERVAL: Duration = Duration::from_millis(100);

impl Progress {
    /// A bar or lines that begin with this name.
    pub fn new(name: &str) -> Self {
        let bar = ProgressBar::no_length();
        let template = "{prefix} [{bar:24}] {percent:>3} %  {msg}  {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(name.to_owned());
        let lines = Lines::new(io::stderr()).named(name);
        Self { bar, lines, shown: None, validation: None }
    }
}

impl Observer for Progress {
    fn observe(&mut self, event: Event) -> ControlFlow<()> {
        if self.bar.is_hidden() {
            return self.lines.observe(event);
        }
        match event {
            Event::Step { index, of, metrics, .. } => {
                if self.bar.length() != Some(of) {
                    // A run that goes on did not take the time of what was done before.
                    self.bar.set_length(of);
                    self.bar.set_position(index);
                    self.bar.reset_eta();
                }
                if self.shown.is_none_or(|shown| shown.elapsed() >= INTERVAL) || index + 1 == of {
                    self.shown = Some(Instant::now());
                    let metrics = Metrics { validation: self.validation, ..metrics };
                    self.bar.set_message(metrics.to_string());
                    self.bar.set_position(index + 1);
                }
            }
            Event::Epoch { metrics, .. } => {
                self.validation = metrics.validation.or(self.validation);
            }
        }
        ControlFlow::Continue(())
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.abandon();
    }
}
