//! The sets of a folder.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use tfn::Tensor;
use tfn::train::data::Dataset;

use crate::Failure;

/// One regression problem.
pub(crate) struct Set {
    pub(crate) name: String,
    pub(crate) data: Dataset,
    /// Test rows of each split.
    pub(crate) splits: Vec<Vec<usize>>,
}

impl Set {
    /// The rows that are not among `test`.
    pub(crate) fn without(&self, test: &[usize]) -> Vec<usize> {
        let mut is_test = vec![false; self.data.len()];
        test.iter().for_each(|&row| is_test[row] = true);
        (0..self.data.len()).filter(|&row| !is_test[row]).collect()
    }

    /// Units of the hidden layer, as in the published comparison.
    pub(crate) fn hidden(&self) -> usize {
        if matches!(self.name.as_str(), "protein" | "year") { 100 } else { 50 }
    }
}

/// Sets whose target is not the last column: the target, and columns that are none of its features.
const OTHER_TARGETS: [(&str, &str, &[&str]); 1] =
    [("naval", "gt_compressor_decay", &["gt_turbine_decay"])];

/// The sets of these names, or all, in the order of their names.
pub(crate) fn read_all(folder: &Path, names: &[String]) -> Result<Vec<Set>, Failure> {
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let path = entry?.path();
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = file.as_deref().and_then(|file| file.strip_suffix(".gz").or(Some(file)));
        if let Some(name) = name.and_then(|name| name.strip_suffix(".csv")) {
            found.push((name.to_owned(), path.clone()));
        }
    }
    found.sort();
    if let Some(missing) = names.iter().find(|name| found.iter().all(|(other, _)| other != *name)) {
        return Err(format!("{}: no set `{missing}`", folder.display()).into());
    }
    if found.is_empty() {
        return Err(format!("{}: no NAME.csv or NAME.csv.gz", folder.display()).into());
    }
    found.retain(|(name, _)| names.is_empty() || names.contains(name));
    found.into_iter().map(|(name, path)| read(folder, name, &path)).collect()
}

fn read(folder: &Path, name: String, path: &Path) -> Result<Set, Failure> {
    let failed = |why: String| format!("{}: {why}", path.display());
    let text = text_of(path)?;
    let mut lines = text.lines();
    let head: Vec<&str> = lines.next().unwrap_or_default().split(',').map(str::trim).collect();
    let other = OTHER_TARGETS.iter().find(|(set, ..)| *set == name);
    let left_out = other.map_or(&[][..], |other| other.2);
    let target = match other {
        None => head.len() - 1,
        Some((_, target, _)) => head
            .iter()
            .position(|column| column == target)
            .ok_or_else(|| failed(format!("no column `{target}`")))?,
    };
    let features: Vec<usize> =
        (0..head.len()).filter(|&i| i != target && !left_out.contains(&head[i])).collect();
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for (number, line) in lines.enumerate() {
        let fields: Vec<&str> = line.split(',').collect();
        if fields.len() != head.len() {
            let (given, expected) = (fields.len(), head.len());
            return Err(failed(format!(
                "line {}: {given} fields, expected {expected}",
                number + 2
            ))
            .into());
        }
        let number = |&column: &usize| {
            let field = fields[column].trim();
            let value = field.parse::<f32>().ok().filter(|value| value.is_finite());
            value.ok_or_else(|| failed(format!("line {}: `{field}` is no number", number + 2)))
        };
        for column in &features {
            x.push(number(column)?);
        }
        y.push(number(&target)?);
    }
    let rows = y.len();
    let x = Tensor::from_vec(x, &[rows, features.len()]);
    let data = Dataset::new(x, Tensor::from_vec(y, &[rows]))?;
    let splits = splits(folder, &name, rows)?;
    Ok(Set { name, data, splits })
}

fn splits(folder: &Path, name: &str, rows: usize) -> Result<Vec<Vec<usize>>, Failure> {
    let plain = folder.join(format!("{name}.splits.txt"));
    let path = if plain.exists() { plain } else { folder.join(format!("{name}.splits.txt.gz")) };
    let wrong = |line: usize, why: &str| format!("{}: line {}: {why}", path.display(), line + 1);
    let text = text_of(&path)?;
    let mut all = Vec::new();
    for (line, text) in text.lines().enumerate() {
        let number = |word: &str| match word.parse() {
            Ok(row) if row < rows => Ok(row),
            _ => Err(wrong(line, &format!("`{word}` is no row of {rows}"))),
        };
        let test: Vec<usize> = text.split_whitespace().map(number).collect::<Result<_, _>>()?;
        if test.is_empty() || test.len() + 10 > rows {
            return Err(wrong(line, "too few rows to test by, or to train on").into());
        }
        all.push(test);
    }
    Ok(all)
}

fn text_of(path: &Path) -> Result<String, Failure> {
    let read = || -> io::Result<String> {
        let file = File::open(path)?;
        let is_compressed = path.extension().is_some_and(|extension| extension == "gz");
        let mut reader: Box<dyn Read> =
            if is_compressed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
        let mut text = String::new();
        reader.read_to_string(&mut text)?;
        Ok(text)
    };
    Ok(read().map_err(|error| format!("{}: {error}", path.display()))?)
}
