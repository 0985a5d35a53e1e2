//! Encoders as JSON.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use tfn_module::describe::{self, Describe, Description, Reader};
use tfn_tensor::DType;

use super::feature::{Feature, Output};
use super::target::{Target, Task};
use super::types::TableEncoder;
use crate::data::table::cell::ColumnType;
use crate::data::table::remark::Remark;
use crate::error::{Result, TableError, TrainError};

/// The format that is written; another one is refused.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    version: u32,
    dtype: String,
    target: Target,
    features: Vec<Feature>,
    unused: Vec<String>,
    remarks: Vec<Remark>,
}

impl TableEncoder {
    /// The encoder as a text, which [`from_json`](Self::from_json) reads exactly: every number bit by bit.
    ///
    /// A model file has room for it: [`tfn_module::save_with`] takes texts by name, and [`tfn_module::read_metadata`] gives them
    /// back.
    ///
    /// # Errors
    /// None of an encoder that was fitted or read.
    ///
    /// # Examples
    /// ```
    /// use std::collections::BTreeMap;
    /// use tfn_layers::{Affine, Sequential};
    /// use tfn_train::data::{Table, TableEncoder};
    ///
    /// let train = Table::from_rows(&["x", "y"], &[["0.1", "1"], ["0.2", "3"]])?;
    /// let encoder = TableEncoder::regression("y").standardize(true).fit(&train)?;
    /// let net = Sequential::of(Affine::builder(encoder.width(), 1).build()?);
    ///
    /// # let dir = tempfile::tempdir().map_err(|source| tfn_train::TrainError::Read { path: "".into(), source })?;
    /// # let path = dir.path().join("net.safetensors");
    /// tfn_module::save_with(&net, &path, &BTreeMap::from([("encoder".to_owned(), encoder.to_json()?)]))?;
    /// let metadata = tfn_module::read_metadata(&path)?;
    /// assert_eq!(TableEncoder::from_json(&metadata["encoder"])?, encoder);
    /// # Ok::<(), tfn_train::TrainError>(())
    /// ```
    pub fn to_json(&self) -> Result<String> {
        let saved = Saved {
            version: VERSION,
            dtype: self.dtype.to_string(),
            target: self.target.clone(),
            features: self.features.clone(),
            unused: self.unused.clone(),
            remarks: self.remarks.clone(),
        };
        serde_json::to_string(&saved).map_err(|error| saved_error(error.to_string()))
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    /// [`TableError::Saved`] for any other text, and one that was changed into what no encoder is.
    pub fn from_json(json: &str) -> Result<Self> {
        let saved: Saved =
            serde_json::from_str(json).map_err(|error| saved_error(error.to_string()))?;
        if saved.version != VERSION {
            return Err(saved_error(format!("version {}, not {VERSION}", saved.version)));
        }
        let dtype = [DType::F32, DType::F64].into_iter().find(|d| d.to_string() == saved.dtype);
        let Saved { target, features, unused, remarks, .. } = saved;
        let dtype = dtype.ok_or_else(|| saved_error(format!("type `{}`", saved.dtype)))?;
        features.iter().try_for_each(check_feature)?;
        let names = features.iter().map(|feature| &feature.column).chain([&target.column]);
        check_distinct("columns", names.chain(&unused))?;
        match &target.task {
            Task::Classification(classes) if classes.len() < 2 => {
                return Err(saved_error(format!("{} classes", classes.len())));
            }
            Task::Classification(classes) => check_distinct("classes", classes.iter())?,
            Task::Regression(ColumnType::Category) => {
                return Err(saved_error("targets that are text".to_owned()));
            }
            Task::Regression(_) => {}
        }
        if features.is_empty() {
            return Err(saved_error("no features".to_owned()));
        }
        Ok(Self { target, features, unused, dtype, remarks })
    }
}

fn check_feature(feature: &Feature) -> Result<()> {
    let error = |what| Err(saved_error(format!("column `{}` has {what}", feature.column)));
    let is_text = feature.column_type == ColumnType::Category;
    check_distinct("levels", feature.levels.iter())?;
    if feature.outputs.is_empty() {
        return error("no features");
    }
    if !(feature.fill.is_finite() && feature.loc.is_finite() && feature.scale.is_finite()) {
        return error("a mean or scale that is not finite");
    }
    if feature.scale <= 0.0 {
        return error("a scale that is not positive");
    }
    let mut seen = HashSet::new();
    for output in &feature.outputs {
        let (place, is_good) = match *output {
            Output::Value => (None, !is_text),
            Output::Level(at) => (Some(at), is_text && at < feature.levels.len()),
            Output::Missing => (Some(usize::MAX), feature.had_missing),
        };
        if !is_good || !seen.insert(place) {
            return error("a feature that is none of its own, or comes twice");
        }
    }
    Ok(())
}

fn check_distinct<'a>(what: &str, names: impl Iterator<Item = &'a String>) -> Result<()> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(saved_error(format!("{what} with `{name}` twice")));
        }
    }
    Ok(())
}

fn saved_error(given: String) -> TrainError {
    TableError::Saved { given }.into()
}
/// As the text of [`TableEncoder::to_json`].
impl Describe for TableEncoder {
    fn class() -> String {
        "tfn.train.TableEncoder".to_owned()
    }

    fn describe(&self, description: &mut Description<'_, '_>) -> describe::Result<()> {
        description.field("json", &self.to_json()?)?;
        Ok(())
    }

    fn restore(reader: &mut Reader<'_, '_>) -> describe::Result<Self> {
        let json: String = reader.field("json")?;
        Ok(Self::from_json(&json)?)
    }
}
