//! Checks of numbers, shared by what takes them.

use tfn_tensor::Tensor;

use crate::error::{Result, TrainError};

/// One number on its way into a constructor.
#[derive(Clone, Copy)]
pub(crate) struct Argument {
    pub(crate) op: &'static str,
    pub(crate) argument: &'static str,
    pub(crate) given: f64,
}

impl Argument {
    pub(crate) fn new(op: &'static str, argument: &'static str, given: f64) -> Self {
        Self { op, argument, given }
    }

    pub(crate) fn require(self, ok: bool, expected: &'static str) -> Result<f64> {
        if ok {
            return Ok(self.given);
        }
        Err(TrainError::Value { op: self.op, argument: self.argument, given: self.given, expected })
    }

    pub(crate) fn positive(self) -> Result<f64> {
        self.require(self.given > 0.0 && self.given.is_finite(), "a positive finite number")
    }

    pub(crate) fn not_negative(self) -> Result<f64> {
        self.require(self.given >= 0.0 && self.given.is_finite(), "a finite number of at least 0")
    }

    pub(crate) fn fraction(self) -> Result<f64> {
        self.require((0.0..=1.0).contains(&self.given), "a number from 0 to 1")
    }

    pub(crate) fn probability(self) -> Result<f64> {
        self.require(self.given > 0.0 && self.given < 1.0, "a probability between 0 and 1")
    }

    pub(crate) fn decay(self) -> Result<f64> {
        self.require((0.0..1.0).contains(&self.given), "a number from 0 to below 1")
    }
}

/// Checks that all entries of `[n, ..]` are finite; the first other one is named by its row.
pub(crate) fn check_finite(
    op: &'static str,
    argument: &'static str,
    tensor: &Tensor,
) -> Result<()> {
    if tensor.all_finite()? {
        return Ok(());
    }
    let values = tensor.to_f64_vec()?;
    let rows = tensor.shape()?.first().copied().unwrap_or(1).max(1);
    let width = (values.len() / rows).max(1);
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(index) => Err(TrainError::Entry {
            op,
            argument,
            row: index / width,
            given: values[index],
            expected: "a finite number".to_owned(),
        }),
    }
}

/// A label as the number of a class.
pub(crate) fn check_class(
    op: &'static str,
    argument: &'static str,
    row: usize,
    label: f64,
    classes: usize,
) -> Result<usize> {
    if label.fract() == 0.0 && (0.0..classes as f64).contains(&label) {
        return Ok(label as usize);
    }
    Err(TrainError::Entry {
        op,
        argument,
        row,
        given: label,
        expected: format!("a whole number from 0 to below {classes}"),
    })
}
