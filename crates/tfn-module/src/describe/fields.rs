//! Plain data, tensors, variables and collections as fields.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tfn_tensor::random::Key;
use tfn_tensor::{DType, Tensor, Variable};

use super::contract::{Data, Describe, Field, Loader, Result, Saver, SharedField};
use crate::scope::NameScope;

impl Data {
    /// The word that says what it is, if it has one: `object`, `variable`, `tensor`, or one of
    /// [`Saver::tagged`].
    pub fn tag(&self) -> Option<&str> {
        let map = self.0.as_object().filter(|map| map.len() == 1)?;
        map.keys().next().map(String::as_str)
    }
}

impl<T: Describe> Field for T {
    fn write(&self, saver: &mut Saver<'_>) -> Result<Data> {
        saver.own(self)
    }

    fn read(data: Data, loader: &mut Loader<'_>) -> Result<Self> {
        loader.own(&data)
    }
}

#[diagnostic::do_not_recommend]
impl<T: Describe> SharedField for T {
    fn write_shared(&self, saver: &mut Saver<'_>) -> Result<Data> {
        saver.shared_any::<T>(self, std::any::type_name::<T>())
    }

    fn read_shared(data: Data, loader: &mut Loader<'_>) -> Result<Arc<Self>> {
        loader.shared_as_it_is(&data)
    }
}

impl<T: SharedField + ?Sized> Field for Arc<T> {
    fn write(&self, saver: &mut Saver<'_>) -> Result<Data> {
        self.as_ref().write_shared(saver)
    }

    fn read(data: Data, loader: &mut Loader<'_>) -> Result<Self> {
        T::read_shared(data, loader)
    }
}

impl Field for Variable {
    fn write(&self, saver: &mut Saver<'_>) -> Result<Data> {
        saver.variable(self)
    }

    fn read(data: Data, loader: &mut Loader<'_>) -> Result<Self> {
        loader.variable(&data)
    }
}

impl Field for Tensor {
    fn write(&self, saver: &mut Saver<'_>) -> Result<Data> {
        saver.tensor(self)
    }

    fn read(data: Data, loader: &mut Loader<'_>) -> Result<Self> {
        loader.tensor(&data)
    }
}

impl<F: Field> Field for Option<F> {
    fn write(&self, saver: &mut Saver<'_>) -> Result<Data> {
        self.as_ref().map_or(Ok(Data(Value::Null)), |value| value.write(saver))
    }

    fn read(data: Data, loader: &mut Loader<'_>) -> Result<Self> {
        Ok(match data.0 {
            Value::Null => None,
            _ => Some(F::read(data, loader)?),
        })
    }
}

impl<F: Field> Field for Vec<F> {
    fn write(&self, saver: &mut Saver<'_>) -> Result<Data> {
        let items = self.iter().enumerate();
        let data = items.map(|(index, item)| Ok(saver.item(&index.to_string(), item)?.0));
        Ok(Data(Value::Array(data.collect::<Result<_>>()?)))
    }

    fn read(data: Data, loader: &mut Loader<'_>) -> Result<Self> {
        match data.0 {
            Value::Array(items) => {
                items.into_iter().map(|item| F::read(Data(item), loader)).collect()
            }
            _ => Err(loader.wrong(&data, "a list")),
        }
    }
}

impl<F: Field, const N: usize> Field for [F; N] {
    fn write(&self, saver: &mut Saver<'_>) -> Result<Data> {
        let items = self.iter().enumerate();
        let data = items.map(|(index, item)| Ok(saver.item(&index.to_string(), item)?.0));
        Ok(Data(Value::Array(data.collect::<Result<_>>()?)))
    }

    fn read(data: Data, loader: &mut Loader<'_>) -> Result<Self> {
        let items = Vec::read(data.clone(), loader)?;
        items.try_into().map_err(|_| loader.wrong(&data, format!("a list of {N}")))
    }
}

impl<F: Field> Field for BTreeMap<String, F> {
    fn write(&self, saver: &mut Saver<'_>) -> Result<Data> {
        let data = self.iter().map(|(key, item)| Ok((key.clone(), saver.item(key, item)?.0)));
        Ok(Data(Value::Object(data.collect::<Result<_>>()?)))
    }

    fn read(data: Data, loader: &mut Loader<'_>) -> Result<Self> {
        match data.0 {
            Value::Object(items) => {
                let read = |(key, item)| Ok((key, F::read(Data(item), loader)?));
                items.into_iter().map(read).collect()
            }
            _ => Err(loader.wrong(&data, "a map")),
        }
    }
}

impl Field for String {
    fn write(&self, _: &mut Saver<'_>) -> Result<Data> {
        Ok(Data(json!(self)))
    }

    fn read(data: Data, loader: &mut Loader<'_>) -> Result<Self> {
        let text = data.0.as_str().map(str::to_owned);
        text.ok_or_else(|| loader.wrong(&data, "a string"))
    }
}

impl Field for NameScope {
    fn write(&self, _: &mut Saver<'_>) -> Result<Data> {
        Ok(Data(json!(self.name())))
    }

    fn read(data: Data, loader: &mut Loader<'_>) -> Result<Self> {
        let name = String::read(data, loader)?;
        Ok(match name.trim_end_matches('/') {
            "" => Self::root(),
            name => Self::root().child(name),
        })
    }
}

/// Its bytes, in hexadecimal digits.
impl Field for Key {
    fn write(&self, _: &mut Saver<'_>) -> Result<Data> {
        let bytes = self.to_bytes().ok_or("a key that replays recorded draws is no data")?;
        Ok(Data(json!(bytes.map(|byte| format!("{byte:02x}")).concat())))
    }

    fn read(data: Data, loader: &mut Loader<'_>) -> Result<Self> {
        let byte = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
        let bytes = data.0.as_str().and_then(|text| {
            let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(byte).collect();
            <[u8; 32]>::try_from(bytes?).ok()
        });
        bytes.map(Self::from_bytes).ok_or_else(|| loader.wrong(&data, "64 hexadecimal digits"))
    }
}

impl Field for bool {
    fn write(&self, _: &mut Saver<'_>) -> Result<Data> {
        Ok(Data(json!(self)))
    }

    fn read(data: Data, loader: &mut Loader<'_>) -> Result<Self> {
        data.0.as_bool().ok_or_else(|| loader.wrong(&data, "true or false"))
    }
}

macro_rules! whole_numbers {
    ($($T:ty: $read:ident, $expected:literal;)*) => { $(
        impl Field for $T {
            fn write(&self, _: &mut Saver<'_>) -> Result<Data> {
                Ok(Data(json!(self)))
            }

            fn read(data: Data, loader: &mut Loader<'_>) -> Result<Self> {
                let number = data.0.$read().and_then(|number| number.try_into().ok());
                number.ok_or_else(|| loader.wrong(&data, $expected))
            }
        }
    )* };
}
whole_numbers! {
    u8: as_u64, "a whole number of at least 0 and at most 255";
    u32: as_u64, "a whole number of at least 0";
    u64: as_u64, "a whole number of at least 0";
    usize: as_u64, "a whole number of at least 0";
    i32: as_i64, "a whole number";
    i64: as_i64, "a whole number";
    isize: as_i64, "a whole number";
}

/// To the last bit; what JSON has no numbers for are the strings `"inf"`, `"-inf"` and `"NaN"`.
impl Field for f64 {
    fn write(&self, _: &mut Saver<'_>) -> Result<Data> {
        Ok(Data(if self.is_finite() { json!(self) } else { json!(self.to_string()) }))
    }

    fn read(data: Data, loader: &mut Loader<'_>) -> Result<Self> {
        match data.0.as_str() {
            Some("inf") => Ok(Self::INFINITY),
            Some("-inf") => Ok(Self::NEG_INFINITY),
            Some("NaN") => Ok(Self::NAN),
            _ => data.0.as_f64().ok_or_else(|| loader.wrong(&data, "a number")),
        }
    }
}

impl Field for f32 {
    fn write(&self, saver: &mut Saver<'_>) -> Result<Data> {
        f64::from(*self).write(saver)
    }

    fn read(data: Data, loader: &mut Loader<'_>) -> Result<Self> {
        let wide = f64::read(data.clone(), loader)?;
        let narrow = wide as Self;
        if wide.is_nan() || f64::from(narrow) == wide {
            return Ok(narrow);
        }
        Err(loader.wrong(&data, "a number of type f32"))
    }
}

impl Field for DType {
    fn write(&self, _: &mut Saver<'_>) -> Result<Data> {
        Ok(Data(json!(self.to_string())))
    }

    fn read(data: Data, loader: &mut Loader<'_>) -> Result<Self> {
        let named = |dtype: &Self| data.0.as_str() == Some(dtype.to_string().as_str());
        let dtype = [Self::F32, Self::F64].into_iter().find(named);
        dtype.ok_or_else(|| loader.wrong(&data, "\"f32\" or \"f64\""))
    }
}
