//! Plain lines of text.

use std::io::Write;
use std::ops::ControlFlow;

use crate::fit::{Event, Observer};

/// Writes a plain line after each epoch, or each so many.
///
/// What cannot be written is left out: a run does not end because nobody reads its lines any more.
///
/// # Examples
/// ```
/// use tfn_tensor::{Tensor, Variable};
/// use tfn_train::observe::Lines;
/// use tfn_train::{Fit, Sgd, data::Dataset};
///
/// let y = Tensor::from_vec(vec![1.0, 3.0], &[2]);
/// let (data, mean) = (Dataset::new(y.clone(), y)?, Variable::new("mean", Tensor::scalar(0.0))?);
/// let mut text = Vec::new();
/// Fit::new(&data)?.epochs(4).run(&[mean.clone()], &mut Sgd::new(0.1)?, |batch, step| {
///     let nll = (batch.targets() - mean.tensor()).square();
///     Ok(step.loss(&nll, &Tensor::scalar(0.0))?.into())
/// }, Lines::new(&mut text).every(2))?;
/// assert_eq!(String::from_utf8(text)?, "epoch 2/4  nll 3.5600  kl 0\nepoch 4/4  nll 2.0486  kl 0\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Lines<W> {
    out: W,
    every: u64,
    prefix: String,
}

impl<W: Write> Lines<W> {
    /// Writes to `out`, such as [`std::io::stderr()`].
    pub fn new(out: W) -> Self {
        Self { out, every: 1, prefix: String::new() }
    }

    /// Writes only after each so many epochs, and after the last; 0 counts as 1.
    #[must_use]
    pub fn every(self, epochs: u64) -> Self {
        Self { every: epochs.max(1), ..self }
    }

    /// Begins each line with a name.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self { prefix: format!("{name}: "), ..self }
    }
}

impl<W: Write> Observer for Lines<W> {
    fn observe(&mut self, event: Event) -> ControlFlow<()> {
        if let Event::Epoch { epoch, of, metrics } = event
            && ((epoch + 1) % self.every == 0 || epoch + 1 == of)
        {
            let width = of.to_string().len();
            let prefix = &self.prefix;
            let line = writeln!(self.out, "{prefix}epoch {:>width$}/{of}  {metrics}", epoch + 1);
            drop(line.and_then(|()| self.out.flush()));
        }
        ControlFlow::Continue(())
    }
}
