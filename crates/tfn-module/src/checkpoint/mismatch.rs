//! Comparing a file with a module.

use std::collections::BTreeMap;

use tfn_tensor::Variable;

use super::contents::{Contents, Entry};
use crate::error::{DTypeMismatch, Mismatch, ShapeMismatch};

impl Mismatch {
    pub(super) fn between(
        origin: &str,
        contents: &Contents,
        variables: &BTreeMap<String, Variable>,
    ) -> Self {
        let mut found = Self { origin: origin.to_owned(), ..Self::default() };
        let mut saved: BTreeMap<&str, &Entry> =
            contents.entries.iter().map(|entry| (entry.path.as_str(), entry)).collect();
        for (path, variable) in variables {
            match saved.remove(path.as_str()) {
                Some(entry) => found.compare(entry, variable),
                None => found.missing.push(path.clone()),
            }
        }
        found.extra = saved.into_keys().map(str::to_owned).collect();
        found
    }

    fn compare(&mut self, saved: &Entry, variable: &Variable) {
        let path = &saved.path;
        if saved.shape != variable.shape() {
            let (given, expected) = (saved.shape.clone(), variable.shape().to_vec());
            self.shapes.push(ShapeMismatch { path: path.clone(), given, expected });
        }
        if saved.dtype != Ok(variable.dtype()) {
            let given = saved.dtype.as_ref().map_or_else(Clone::clone, ToString::to_string);
            self.dtypes.push(DTypeMismatch {
                path: path.clone(),
                given,
                expected: variable.dtype(),
            });
        }
    }
}
