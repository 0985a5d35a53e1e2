//! Transformed variables.

use std::sync::Arc;

use tfn_module::describe::{Describe, Description, Reader, Result};
use tfn_tensor::Variable;

use super::bounds::check_growth;
use crate::bijectors::Bijector;
use crate::transformed_variable::Inner;

impl Describe for Inner {
    fn class() -> String {
        "tfn.TransformedVariable".to_owned()
    }

    fn describe(&self, description: &mut Description<'_, '_>) -> Result<()> {
        description.field("variable", &self.variable)?.field("bijector", &self.bijector)?;
        Ok(())
    }

    fn restore(reader: &mut Reader<'_, '_>) -> Result<Self> {
        let variable: Variable = reader.field("variable")?;
        let bijector: Arc<dyn Bijector> = reader.field("bijector")?;
        check_growth(reader, bijector.as_ref(), variable.shape())?;
        Self::new(variable, bijector)?.ok_or_else(|| "a variable of one holder".into())
    }
}
