//! Features, from the rows that are trained on.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use tfn_tensor::DType;

use super::feature::{Feature, Output, sort_levels};
use super::target::Target;
use super::types::TableEncoder;
use crate::data::table::cell::ColumnType;
use crate::data::table::column::Column;
use crate::data::table::contents::Table;
use crate::data::table::remark::Remark;
use crate::error::{Result, TableError};

/// What is to be made of a table.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) target: String,
    pub(super) is_classification: bool,
    pub(super) columns: Option<Vec<String>>,
    pub(super) ignored: Vec<String>,
    pub(super) standardize: bool,
    pub(super) max_levels: usize,
    pub(super) inf_as_missing: bool,
    pub(super) dtype: DType,
}

impl Asked {
    pub(super) fn new(target: String, is_classification: bool) -> Self {
        Self {
            target,
            is_classification,
            columns: None,
            ignored: Vec::new(),
            standardize: false,
            max_levels: 100,
            inf_as_missing: false,
            dtype: DType::F32,
        }
    }
}

/// The encoder of a table's rows.
pub(super) fn fit(asked: &Asked, table: &Table) -> Result<TableEncoder> {
    let of_task = if asked.is_classification { Target::classification } else { Target::regression };
    let target = of_task(table, &asked.target)?;
    target.values(table, table.column(&asked.target)?, asked.dtype)?;
    let mut remarks = table.remarks().to_vec();
    if let (Some(day_first), Some((_, true))) =
        (target.day_first, table.column(&asked.target)?.day_first())
    {
        remarks.push(Remark::AmbiguousDates { column: asked.target.clone(), day_first });
    }
    let columns = without_index(asked, table, columns(asked, table)?, &mut remarks);
    let mut kept = Kept::default();
    for column in &columns {
        if let Some(feature) = feature(asked, table, column, &mut remarks)? {
            kept.add(feature, table, column, &mut remarks)?;
        }
    }
    if kept.features.is_empty() {
        return Err(TableError::NoFeatures { columns: columns.len() }.into());
    }
    let used: HashSet<&str> = kept.features.iter().map(|feature| feature.column.as_str()).collect();
    let unused = table.names().filter(|&name| !used.contains(name) && name != asked.target);
    let unused = unused.map(str::to_owned).collect();
    let features = kept.features;
    let encoder = TableEncoder { target, features, unused, dtype: asked.dtype, remarks };
    // Numbers that the type of the tensors cannot hold are found here, not in the middle of a run.
    encoder.encode(table)?;
    Ok(encoder)
}

/// The columns that features are made of.
fn columns<'a>(asked: &Asked, table: &'a Table) -> Result<Vec<&'a Column>> {
    for name in &asked.ignored {
        table.column(name)?;
    }
    let Some(names) = &asked.columns else {
        let is_used = |name: &String| *name != asked.target && !asked.ignored.contains(name);
        return Ok(table.columns().iter().filter(|column| is_used(&column.name)).collect());
    };
    let mut seen = HashSet::new();
    for name in names {
        let given = match (name == &asked.target, seen.insert(name)) {
            (true, _) => "the targets",
            (_, false) => "a second place among the features",
            _ => continue,
        };
        let (column, given) = (name.clone(), given.to_owned());
        let expected = "one place, among the features or as the target".to_owned();
        return Err(TableError::Column { column, given, expected }.into());
    }
    names.iter().map(|name| table.column(name)).collect()
}

/// Rows of which a column of any name that counts is said to do so; fewer may do it by chance.
const COUNTED: usize = 10;

/// The columns without those that only number the rows, unless these were asked for or are all that there is.
fn without_index<'a>(
    asked: &Asked,
    table: &Table,
    columns: Vec<&'a Column>,
    remarks: &mut Vec<Remark>,
) -> Vec<&'a Column> {
    let first = table.names().next();
    let is_index = |column: &Column| {
        let name = column.name.to_ascii_lowercase();
        let is_unnamed = name == "column_1" && first == Some(&column.name);
        let is_named = ["index", "id"].contains(&name.as_str()) || name.starts_with("unnamed: ");
        column.counts_up() > 1 && (is_unnamed || is_named)
    };
    let (index, others): (Vec<_>, Vec<_>) = columns.iter().partition(|column| is_index(column));
    let is_kept = asked.columns.is_some() || others.is_empty();
    let kept = if is_kept { columns } else { others };
    let left_out = index.into_iter().filter(|_| !is_kept);
    remarks.extend(left_out.map(|column| Remark::Index { column: column.name.clone() }));
    let counting = kept.iter().filter(|column| column.counts_up() >= COUNTED);
    remarks.extend(counting.map(|column| Remark::CountsUp { column: column.name.clone() }));
    kept
}

/// All features of a column, before any is left out.
fn feature(
    asked: &Asked,
    table: &Table,
    column: &Column,
    remarks: &mut Vec<Remark>,
) -> Result<Option<Feature>> {
    if column.is_all_missing() {
        remarks.push(Remark::NoValues { column: column.name.clone() });
        return Ok(None);
    }
    let order = column.day_first();
    let mut feature = Feature {
        column: column.name.clone(),
        column_type: column.column_type(),
        fill: 0.0,
        loc: 0.0,
        scale: 1.0,
        levels: Vec::new(),
        had_missing: column.cells().any(|cell| cell.is_none()),
        day_first: order.map(|(is_day_first, _)| is_day_first),
        inf_as_missing: asked.inf_as_missing && column.column_type() == ColumnType::Number,
        outputs: Vec::new(),
    };
    if let Some((day_first, true)) = order {
        remarks.push(Remark::AmbiguousDates { column: column.name.clone(), day_first });
    }
    if let Some(remark) = feature.infinite(table, column) {
        remarks.push(remark);
        feature.had_missing = true;
    }
    if feature.column_type == ColumnType::Category {
        if !add_levels(&mut feature, asked, column, remarks) {
            return Ok(None);
        }
    } else {
        let present: Vec<f64> = feature.numbers(table, column)?.into_iter().flatten().collect();
        feature.outputs.push(Output::Value);
        feature.fill = mean(&present);
        if asked.standardize && feature.column_type != ColumnType::Boolean {
            (feature.loc, feature.scale) = (feature.fill, deviation(&present, feature.fill));
            if !feature.scale.is_finite() {
                let given = "numbers too far apart for a standard deviation".to_owned();
                let (column, expected) = (column.name.clone(), "a finite one".to_owned());
                return Err(TableError::Column { column, given, expected }.into());
            }
        }
    }
    if feature.had_missing {
        feature.outputs.push(Output::Missing);
    }
    Ok(Some(feature))
}

/// Levels, and features of the most frequent ones; `false` if each row has a level of its own and these are too many.
fn add_levels(
    feature: &mut Feature,
    asked: &Asked,
    column: &Column,
    remarks: &mut Vec<Remark>,
) -> bool {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    column.cells().flatten().for_each(|cell| *counts.entry(cell).or_default() += 1);
    feature.levels = counts.keys().map(|&level| level.to_owned()).collect();
    sort_levels(&mut feature.levels);
    let (levels, most) = (feature.levels.len(), asked.max_levels);
    if levels > most && counts.values().all(|&count| count == 1) {
        remarks.push(Remark::AllDifferent { column: column.name.clone(), levels });
        return false;
    }
    let mut by_count: Vec<usize> = (0..levels).collect();
    // Stable: of equally frequent ones the first in order come first.
    by_count.sort_by_key(|&at| std::cmp::Reverse(counts.get(feature.levels[at].as_str())));
    let (frequent, rare) = by_count.split_at(most.min(levels));
    let [mut frequent, mut rare] = [frequent.to_vec(), rare.to_vec()];
    frequent.sort_unstable();
    rare.sort_unstable();
    feature.outputs = frequent.into_iter().map(Output::Level).collect();
    if !rare.is_empty() {
        let dropped = rare.into_iter().map(|at| feature.levels[at].clone()).collect();
        remarks.push(Remark::RareLevels { column: column.name.clone(), kept: most, dropped });
    }
    true
}

/// Features so far, each of which says something that the others do not.
#[derive(Default)]
struct Kept {
    features: Vec<Feature>,
    /// By a hash of its numbers each feature: the place of its column in `features`, and which it is.
    seen: HashMap<u64, Vec<(usize, Output)>>,
}

impl Kept {
    /// Adds those features of a column that are neither constant nor there already.
    fn add(
        &mut self,
        mut feature: Feature,
        table: &Table,
        column: &Column,
        remarks: &mut Vec<Remark>,
    ) -> Result<()> {
        let cells = feature.cells(table, column)?;
        for output in std::mem::take(&mut feature.outputs) {
            let (name, values) = (feature.name(output), feature.values(output, &cells));
            if values.iter().all(|value| Some(value) == values.first()) {
                remarks.push(Remark::Constant { feature: name });
                continue;
            }
            let hash = hash(&values);
            match self.find(hash, &values, table)? {
                Some(of) => remarks.push(Remark::Duplicate { feature: name, of }),
                None => {
                    self.seen.entry(hash).or_default().push((self.features.len(), output));
                    feature.outputs.push(output);
                }
            }
        }
        if !feature.outputs.is_empty() {
            self.features.push(feature);
        }
        Ok(())
    }

    /// The name of a feature of another column with the same numbers; those of one column always differ.
    fn find(&self, hash: u64, values: &[f64], table: &Table) -> Result<Option<String>> {
        for &(place, output) in self.seen.get(&hash).into_iter().flatten() {
            if let Some(feature) = self.features.get(place) {
                let cells = feature.cells(table, table.column(&feature.column)?)?;
                if feature.values(output, &cells) == values {
                    return Ok(Some(feature.name(output)));
                }
            }
        }
        Ok(None)
    }
}

fn hash(values: &[f64]) -> u64 {
    let mut hasher = DefaultHasher::new();
    values.iter().for_each(|value| value.to_bits().hash(&mut hasher));
    hasher.finish()
}

/// The mean, also where the sum is more than a number can be; 0 of nothing.
fn mean(values: &[f64]) -> f64 {
    let count = values.len().max(1) as f64;
    let sum: f64 = values.iter().sum();
    let of_parts = || values.iter().map(|value| value / count).sum();
    let rough = if sum.is_finite() { sum / count } else { of_parts() };
    rough + values.iter().map(|value| (value - rough) / count).sum::<f64>()
}

/// The standard deviation; 1 if it is 0.
fn deviation(values: &[f64], mean: f64) -> f64 {
    let largest = values.iter().map(|value| (value - mean).abs()).fold(0.0, f64::max);
    if largest == 0.0 || !largest.is_finite() {
        return if largest == 0.0 { 1.0 } else { largest };
    }
    let squares: f64 = values.iter().map(|value| ((value - mean) / largest).powi(2)).sum();
    largest * (squares / values.len() as f64).sqrt()
}
