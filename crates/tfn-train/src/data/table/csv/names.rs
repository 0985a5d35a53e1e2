//! Names of columns.

use std::collections::HashSet;

use crate::data::table::remark::Remark;

/// Names those that have none by their places: `column_3`.
pub(super) fn number(names: &mut [String]) {
    for (name, place) in names.iter_mut().zip(1..) {
        if name.is_empty() {
            *name = format!("column_{place}");
        }
    }
}

/// The second column of a name `x` becomes `x_2`, the third `x_3`, and so on past names that are there.
pub(super) fn rename_duplicates(names: &mut [String]) -> Vec<Remark> {
    let mut used: HashSet<String> = names.iter().cloned().collect();
    let mut seen: HashSet<String> = HashSet::new();
    let mut remarks = Vec::new();
    for (name, place) in names.iter_mut().zip(1..) {
        if seen.insert(name.clone()) {
            continue;
        }
        let mut numbered = (2..).map(|number: usize| format!("{name}_{number}"));
        if let Some(new) = numbered.find(|new| !used.contains(new)) {
            used.insert(new.clone());
            let column = std::mem::replace(name, new.clone());
            remarks.push(Remark::Renamed { column, place, name: new });
        }
    }
    remarks
}
