//! Numbers in JSON, which knows none that are not finite: those are the strings `inf`, `-inf` and `nan`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number, or the name of one that is not finite.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Finite(f64),
    Named(String),
}

/// A number on its way into JSON.
struct Written(f64);

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            number if number.is_finite() => serializer.serialize_f64(number),
            number => serializer.serialize_str(&number.to_string().to_lowercase()),
        }
    }
}

fn read<E: serde::de::Error>(number: Number) -> Result<f64, E> {
    match number {
        Number::Finite(number) => Ok(number),
        Number::Named(name) => match name.as_str() {
            "inf" => Ok(f64::INFINITY),
            "-inf" => Ok(f64::NEG_INFINITY),
            "nan" => Ok(f64::NAN),
            _ => Err(E::custom(format!("`{name}`, expected a number"))),
        },
    }
}

/// For one number: `#[serde(with = "numbers::one")]`.
pub(crate) mod one {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(number: &f64, to: S) -> Result<S::Ok, S::Error> {
        Written(*number).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        read(Number::deserialize(from)?)
    }
}

/// For several: `#[serde(with = "numbers::many")]`.
pub(crate) mod many {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(numbers: &[f64], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(numbers.iter().map(|&number| Written(number)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
        Vec::<Number>::deserialize(from)?.into_iter().map(read).collect()
    }
}

/// For an interval that may be missing: `#[serde(with = "numbers::pair")]`.
pub(crate) mod pair {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        pair: &Option<[f64; 2]>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        pair.map(|pair| pair.map(Written)).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<[f64; 2]>, D::Error> {
        match Option::<[Number; 2]>::deserialize(from)? {
            None => Ok(None),
            Some([low, high]) => Ok(Some([read(low)?, read(high)?])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct All {
        #[serde(with = "one")]
        one: f64,
        #[serde(with = "many")]
        many: Vec<f64>,
        #[serde(with = "pair")]
        pair: Option<[f64; 2]>,
    }

    #[test]
    fn numbers_come_back() {
        let infinite = f64::INFINITY;
        for pair in [None, Some([-infinite, 1.5])] {
            let all = All { one: -infinite, many: vec![0.1 + 0.2, infinite, -0.0], pair };
            let text = serde_json::to_string(&all).unwrap();
            assert_eq!(serde_json::from_str::<All>(&text).unwrap(), all, "{text}");
        }
        let nan = r#"{"one":"nan","many":[],"pair":null}"#;
        assert!(serde_json::from_str::<All>(nan).unwrap().one.is_nan());
        assert!(serde_json::from_str::<All>(&nan.replace("nan", "none")).is_err());
    }
}
