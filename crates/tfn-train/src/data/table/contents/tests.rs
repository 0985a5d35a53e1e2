use super::*;

fn table() -> Table {
    let rows = [
        ["1", "yes", "2024-01-01", "a"],
        ["?", "NO", "2024-01-02 12:00", "1"],
        ["-2.5e1", "", "NaN", " b "],
    ];
    Table::from_rows(&["n", "b", "d", "c"], &rows).unwrap()
}

#[test]
fn types_are_those_that_all_cells_fit() {
    let table = table();
    let types = ["n", "b", "d", "c"].map(|name| table.column_type(name).unwrap());
    assert_eq!(types, ColumnType::ALL);
    assert_eq!(table.numbers("n").unwrap(), [Some(1.0), None, Some(-25.0)]);
    assert_eq!(table.numbers("b").unwrap(), [Some(1.0), Some(0.0), None]);
    assert_eq!(table.numbers("d").unwrap(), [Some(19_723.0), Some(19_724.5), None]);
    assert_eq!(table.values("c").unwrap(), [Some("a"), Some("1"), Some("b")]);
    let empty = Table::from_rows(&["x"], &[["NA"], [""]]).unwrap();
    assert_eq!(empty.numbers("x").unwrap(), [None, None]);
}

#[test]
fn rows_keep_types_and_lines() {
    let part = table().rows(&[2, 1]).unwrap();
    assert_eq!(part.numbers("n").unwrap(), [Some(-25.0), None]);
    assert_eq!(part.column_type("c").unwrap(), ColumnType::Category);
    let error = part.numbers("c").unwrap_err().to_string();
    assert_eq!(error, "table: line 3: column 4 `c` is `b`, expected a number");
    let error = table().rows(&[3]).unwrap_err().to_string();
    assert_eq!(error, "Table::rows: argument `indices` is 3, expected the index of a row");
    assert!(table().rows(&[]).unwrap().is_empty());
}

#[test]
fn a_type_that_does_not_fit_names_the_cell() {
    let error = table().with_type("c", ColumnType::Boolean).unwrap_err().to_string();
    assert_eq!(error, "table: line 1: column 4 `c` is `a`, expected true, false, yes or no");
    let number = table().with_type("n", ColumnType::Category).unwrap();
    assert_eq!(number.column_type("n").unwrap(), ColumnType::Category);
}

#[test]
fn tables_that_are_none() {
    let error = |names: &[&str], rows: &[Vec<&str>]| match Table::from_rows(names, rows) {
        Err(TrainError::Table(error)) => error,
        other => panic!("{other:?}"),
    };
    let path = || None;
    assert_eq!(error(&["a"], &[]), TableError::NoRows { path: path() });
    let ragged = TableError::Ragged { path: path(), line: 2, given: 1, expected: 2 };
    assert_eq!(error(&["a", "b"], &[vec!["1", "2"], vec!["1"]]), ragged);
    let text = error(&["a", "b", " a"], &[]).to_string();
    assert_eq!(text, "table: columns 1 and 3 are both named `a`, expected different names");
}

#[test]
fn a_wrong_name_is_answered_by_the_nearest() {
    let near = |name| nearest(name, ["price", "prize", "Area", "rooms"].into_iter());
    assert_eq!(near("prise"), ["price", "prize"]);
    assert_eq!(near("area"), ["Area"]);
    assert_eq!(near("roms"), ["rooms"]);
    assert_eq!(near("something else"), ["price", "prize", "Area", "rooms"]);
    assert_eq!(distance("kitten", "sitting"), 3);
    assert_eq!(distance("", "abc"), 3);
    assert_eq!(distance("abc", ""), 3);
}
