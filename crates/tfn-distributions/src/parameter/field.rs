//! Parameters in files.

use std::sync::Arc;

use tfn_module::describe::{Data, Field, Loader, Result, Saver};
use tfn_tensor::{DType, Tensor, Variable};

use super::{Parameter, Source};
use crate::parameter_source::ParameterSource;

impl Field for Parameter {
    fn write(&self, saver: &mut Saver<'_>) -> Result<Data> {
        match &self.0 {
            Source::Number(number) => {
                let (dtype, value) = (number.dtype()?, number.cast(DType::F64).item()?);
                saver.tagged(&dtype.to_string(), &value)
            }
            Source::Tensor(tensor) => tensor.write(saver),
            Source::Variable(variable) => variable.write(saver),
            Source::Computed(source) => source.write(saver),
        }
    }

    fn read(data: Data, loader: &mut Loader<'_>) -> Result<Self> {
        Ok(match data.tag() {
            Some("f32") => f32::read(loader.tagged(data)?.1, loader)?.into(),
            Some("f64") => f64::read(loader.tagged(data)?.1, loader)?.into(),
            Some("tensor") => Tensor::read(data, loader)?.into(),
            Some("variable") => Variable::read(data, loader)?.into(),
            Some("object") => Self::from_source(Arc::<dyn ParameterSource>::read(data, loader)?),
            _ => {
                let expected = "a number of a type, a tensor, a variable or a source of values";
                return Err(loader.wrong(&data, expected));
            }
        })
    }
}
