//! The tensors of a file, each of which is taken once.

use std::collections::BTreeMap;

use tfn_tensor::Tensor;

use crate::error::DescribeError;

/// The tensors that a description may name; `None` once they were taken.
pub(super) struct Tensors(BTreeMap<String, Option<Tensor>>);

impl Tensors {
    pub(super) fn new(tensors: BTreeMap<String, Tensor>) -> Self {
        Self(tensors.into_iter().map(|(name, tensor)| (name, Some(tensor))).collect())
    }

    /// The tensor called `name`, or what is wrong with the name.
    ///
    /// Each is given out once, as each was saved once: a small file cannot become many large objects.
    pub(super) fn take(&mut self, name: &str) -> Result<Tensor, &'static str> {
        match self.0.get_mut(name) {
            None => Err("which the file has not"),
            Some(tensor) => tensor.take().ok_or("for the second time"),
        }
    }

    /// # Errors
    /// [`DescribeError::ExtraTensors`] if there are some that nobody asked for, nor will: `later` says of which that is so.
    pub(super) fn check_all_taken(&self, later: &[&str]) -> Result<(), DescribeError> {
        let left = self
            .0
            .iter()
            .filter(|(name, tensor)| tensor.is_some() && !later.contains(&name.as_str()));
        let extra: Vec<String> = left.map(|(name, _)| name.clone()).collect();
        if extra.is_empty() { Ok(()) } else { Err(DescribeError::ExtraTensors { extra }) }
    }
}
