use proptest::prelude::*;
use tfn_tensor::{DType, Tensor};

use super::*;
use crate::data::{ColumnType, Remark, Table};
use crate::error::{TableError, TrainError};

#[cfg(feature = "csv")]
mod real_files;

const HEAD: [&str; 6] = ["size", "seen", "built", "city", "same", "price"];

fn table() -> Table {
    let rows = [
        ["10", "yes", "2000-01-01", "Rome", "1", "5"],
        ["", "no", "2000-01-05", "Oslo", "1", "6"],
        ["40", "", "2000-01-01", "", "1", "7"],
        ["10", "no", "2000-01-02", "Oslo", "1", "9"],
    ];
    Table::from_rows(&HEAD, &rows).unwrap()
}

fn rows(features: &Tensor) -> Vec<Vec<f64>> {
    let width = features.shape().unwrap()[1];
    features.to_f64_vec().unwrap().chunks(width).map(<[f64]>::to_vec).collect()
}

fn message<T: std::fmt::Debug>(result: crate::Result<T>) -> String {
    match result {
        Err(error @ TrainError::Table(_)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

fn text_table(name: &str, cells: &[&str]) -> Table {
    let rows: Vec<[String; 2]> =
        cells.iter().enumerate().map(|(row, cell)| [(*cell).to_owned(), row.to_string()]).collect();
    Table::from_rows(&[name.to_owned(), "y".to_owned()], &rows).unwrap()
}

#[test]
fn each_type_of_column_by_hand() {
    let encoder = TableEncoder::regression("price").fit(&table()).unwrap();
    let names = [
        "size",
        "missingindicator_size",
        "seen",
        "missingindicator_seen",
        "built",
        "city_Oslo",
        "city_Rome",
    ];
    assert_eq!(encoder.feature_names(), names);
    assert_eq!((encoder.width(), encoder.target(), encoder.classes()), (7, "price", None));
    // The missing city is in the row of the missing `seen`.
    let constant = Remark::Constant { feature: "same".to_owned() };
    let duplicate = Remark::Duplicate {
        feature: "missingindicator_city".to_owned(),
        of: "missingindicator_seen".to_owned(),
    };
    assert_eq!(encoder.remarks(), [duplicate, constant]);
    let encoded = encoder.encode(&table()).unwrap();
    let expected = [
        [10.0, 0.0, 1.0, 0.0, 10_957.0, 0.0, 1.0],
        [20.0, 1.0, 0.0, 0.0, 10_961.0, 1.0, 0.0],
        [40.0, 0.0, f64::from(1.0 / 3.0_f32), 1.0, 10_957.0, 0.0, 0.0],
        [10.0, 0.0, 0.0, 0.0, 10_958.0, 1.0, 0.0],
    ];
    assert_eq!(rows(&encoded.features), expected);
    assert_eq!(encoded.features.dtype().unwrap(), DType::F32);
    assert!(encoded.remarks.is_empty());
    let set = encoded.dataset().unwrap();
    assert_eq!(set.targets().to_vec::<f32>().unwrap(), [5.0, 6.0, 7.0, 9.0]);
}

#[test]
fn standardised_numbers_have_mean_0_and_deviation_1() {
    let encoder = TableEncoder::regression("price")
        .standardize(true)
        .dtype(DType::F64)
        .features(&["built", "size", "seen"])
        .fit(&table())
        .unwrap();
    let features = rows(&encoder.encode(&table()).unwrap().features);
    // Present are 10, 40, 10: mean 20, variance 200. Days after the first: 0, 4, 0, 1.
    let (size, built) = (200.0_f64.sqrt(), (43.0_f64 / 16.0).sqrt());
    let expected = [[-1.25, -10.0, 0.0], [2.75, 0.0, 1.0], [-1.25, 20.0, 0.0], [-0.25, -10.0, 0.0]];
    for (given, [days, meters, missing]) in features.iter().zip(expected) {
        assert!((given[0] - days / built).abs() < 1e-12, "{given:?}");
        assert!((given[1] - meters / size).abs() < 1e-15, "{given:?}");
        assert_eq!(given[2], missing);
    }
    // Booleans stay what they are.
    assert_eq!(features[0][3], 1.0);
    // Large numbers neither overflow nor lose what differs.
    let wide = text_table("x", &["1e308", "-1e308", "1e308", "-1e308"]);
    let encoder =
        TableEncoder::regression("y").standardize(true).dtype(DType::F64).fit(&wide).unwrap();
    let column = encoder.encode(&wide).unwrap().features.to_f64_vec().unwrap();
    assert_eq!(column, [1.0, -1.0, 1.0, -1.0]);
}

#[test]
fn what_later_tables_have_more_or_less() {
    let encoder = TableEncoder::regression("price").fit(&table()).unwrap();
    let head = ["city", "extra", "seen", "built", "size"];
    let later = [
        ["Bonn", "1", "no", "1999-12-31", "?"],
        ["Oslo", "2", "no", "", "7"],
        ["Rome", "3", "no", "2000-01-01", "7"],
        ["Köln", "4", "no", "", "7"],
        ["Bonn", "5", "no", "2000-01-01", "7"],
    ];
    let encoded = encoder.encode(&Table::from_rows(&head, &later).unwrap()).unwrap();
    let mean = (10_957.0 + 10_961.0 + 10_957.0 + 10_958.0) / 4.0;
    assert_eq!(rows(&encoded.features)[0], [20.0, 1.0, 0.0, 0.0, 10_956.0, 0.0, 0.0]);
    assert_eq!(rows(&encoded.features)[1], [7.0, 0.0, 0.0, 0.0, mean, 1.0, 0.0]);
    let expected = [
        Remark::Ignored { column: "extra".to_owned() },
        Remark::Filled { column: "built".to_owned(), rows: vec![1, 3] },
        Remark::UnknownLevels {
            column: "city".to_owned(),
            levels: vec!["Bonn".to_owned(), "Köln".to_owned()],
            rows: vec![0, 3, 4],
        },
    ];
    assert_eq!(encoded.remarks, expected);
    assert!(encoded.targets.is_none());
    let error = message(encoded.dataset());
    assert_eq!(error, "column `price` has no values, expected a target in each row");
    let said: Vec<String> = encoded.remarks.iter().map(Remark::to_string).collect();
    let expected = [
        "`extra` was no column of the table trained on: ignored",
        "`built` is missing in 2 rows, and never was in the table trained on: filled in",
        "`city` has texts in 3 rows that the table trained on did not have: `Bonn`, `Köln`",
    ];
    assert_eq!(said, expected);
    // A column of targets without any is as good as none.
    let head = ["city", "seen", "built", "size", "price"];
    let open = Table::from_rows(&head, &[["Oslo", "no", "2000-01-01", "7", ""]]).unwrap();
    assert!(encoder.encode(&open).unwrap().targets.is_none());
}

#[test]
fn a_column_of_text_that_a_later_table_has_as_numbers() {
    let train = text_table("flat", &["1", "1", "2", "b"]);
    let encoder = TableEncoder::regression("y").fit(&train).unwrap();
    assert_eq!(encoder.feature_names(), ["flat_1", "flat_2", "flat_b"]);
    let later = text_table("flat", &["2", "1"]);
    assert_eq!(later.column_type("flat").unwrap(), ColumnType::Number);
    let features = rows(&encoder.encode(&later).unwrap().features);
    assert_eq!(features, [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]);
}

#[test]
fn classes_are_labels_in_order() {
    let classes = |cells: &[&str]| {
        let table = text_table("c", cells);
        let encoder = TableEncoder::classification("c").fit(&table).unwrap();
        let labels = encoder.encode(&table).unwrap().targets.unwrap().to_f64_vec().unwrap();
        (encoder.classes().unwrap().to_vec(), labels)
    };
    let (names, labels) = classes(&["b", "a", "b", "c"]);
    assert_eq!((names.join(" "), labels), ("a b c".to_owned(), vec![1.0, 0.0, 1.0, 2.0]));
    let (names, labels) = classes(&["10", "9", "-1", "9"]);
    assert_eq!((names.join(" "), labels), ("-1 9 10".to_owned(), vec![2.0, 1.0, 0.0, 1.0]));
    let table = text_table("c", &["a", "b", "a"]);
    let encoder = TableEncoder::classification("c").fit(&table).unwrap();
    let error = message(encoder.encode(&text_table("c", &["a", "d"])));
    assert_eq!(
        error,
        "table: line 2: column 1 `c` is `d`, expected one of the classes trained on: a, b"
    );
    let error = message(encoder.encode(&text_table("c", &["a", "?"])));
    assert_eq!(
        error,
        "table: line 2: column 1 `c` is missing, expected one of the classes trained on: a, b"
    );
    let error = message(TableEncoder::classification("c").fit(&text_table("c", &["a", "a"])));
    assert_eq!(error, "column `c` has the one class `a`, expected at least two classes");
}

#[test]
fn rare_levels_and_texts_of_one_row_each() {
    let table = text_table("c", &["d", "a", "b", "b", "c", "a"]);
    let encoder = TableEncoder::regression("y").max_levels(3).fit(&table).unwrap();
    assert_eq!(encoder.feature_names(), ["c_a", "c_b", "c_c"]);
    let rare =
        Remark::RareLevels { column: "c".to_owned(), kept: 3, dropped: vec!["d".to_owned()] };
    assert_eq!(encoder.remarks(), [rare]);
    let encoded = encoder.encode(&table).unwrap();
    assert_eq!(rows(&encoded.features)[0], [0.0; 3]);
    // It was fitted, and so it is known.
    assert!(encoded.remarks.is_empty());
    let names = text_table("c", &["d", "a", "b", "e"]);
    let error = message(TableEncoder::regression("y").max_levels(3).fit(&names));
    assert_eq!(
        error,
        "TableEncoder: the only column is the same in all rows, or has a text of its own in each, expected at least one column beside the target that differs between rows"
    );
    assert_eq!(TableEncoder::regression("y").fit(&names).unwrap().width(), 4);
}

#[test]
fn equal_columns_are_left_out_once() {
    let rows =
        [["1", "a", "1.0", "x", "0"], ["2", "b", "2e0", "y", "0"], ["3", "b", "3", "y", "1"]];
    let table = Table::from_rows(&["n", "c", "m", "d", "y"], &rows).unwrap();
    let encoder = TableEncoder::regression("y").fit(&table).unwrap();
    assert_eq!(encoder.feature_names(), ["n", "c_a", "c_b"]);
    let duplicate =
        |feature: &str, of: &str| Remark::Duplicate { feature: feature.into(), of: of.into() };
    let expected = [duplicate("m", "n"), duplicate("d_x", "c_a"), duplicate("d_y", "c_b")];
    assert_eq!(encoder.remarks(), expected);
    assert_eq!(expected[0].to_string(), "`m` is the same as `n` in all rows: left out");
    // What was left out need not be there later, and is not a surprise if it is.
    let later = Table::from_rows(&["c", "n", "m"], &[["a", "2", "7"]]).unwrap();
    assert!(encoder.encode(&later).unwrap().remarks.is_empty());
}

#[test]
fn what_cannot_be_fitted_or_encoded() {
    let fit = |target: &str| TableEncoder::regression(target).fit(&table());
    let error = message(fit("prize"));
    assert_eq!(error, "table: has no column `prize`, expected one of its columns such as `price`");
    let error = message(fit("city"));
    assert_eq!(error, "table: line 1: column 4 `city` is `Rome`, expected a number");
    let error = message(fit("size"));
    assert_eq!(error, "table: line 2: column 1 `size` is missing, expected a number");
    let with = |columns: &[&str]| TableEncoder::regression("price").features(columns).fit(&table());
    let error = message(with(&["size", "site"]));
    assert_eq!(error, "table: has no column `site`, expected one of its columns such as `size`");
    let error = message(with(&["size", "price"]));
    let one = "expected one place, among the features or as the target";
    assert_eq!(error, format!("column `price` has the targets, {one}"));
    let error = message(with(&["size", "size"]));
    assert_eq!(error, format!("column `size` has a second place among the features, {one}"));
    let error = message(with(&["same"]));
    let expected = "the only column is the same in all rows, or has a text of its own in each";
    assert!(
        error.starts_with(&format!("TableEncoder: {expected}, expected at least one")),
        "{error}"
    );
    let error = message(TableEncoder::regression("y").fit(&text_table("x", &["1", "inf"])));
    assert_eq!(error, "table: line 2: column 1 `x` is `inf`, expected a finite number");
    let error = message(TableEncoder::regression("y").fit(&text_table("x", &["1", "1e39"])));
    assert_eq!(
        error,
        "table: line 2: column 1 `x` is `1e39`, expected a number of at most 3.4e38, as F32 holds them"
    );
    let wide = text_table("x", &["1.7e308", "-1.7e308", "-1.7e308"]);
    let standardized = TableEncoder::regression("y").standardize(true).dtype(DType::F64);
    let error = message(standardized.fit(&wide));
    let expected = "numbers too far apart for a standard deviation, expected a finite one";
    assert_eq!(error, format!("column `x` has {expected}"));
    let encoder = fit("price").unwrap();
    let error = message(encoder.encode(&Table::from_rows(&["size"], &[["1"]]).unwrap()));
    assert_eq!(error, "table: has no column `seen`, expected one of its columns such as `size`");
    let mut later = [["1", "yes", "2000-01-01", "Oslo", "1", "5"]; 2];
    later[1][0] = "large";
    let error = message(encoder.encode(&Table::from_rows(&HEAD, &later).unwrap()));
    assert_eq!(error, "table: line 2: column 1 `size` is `large`, expected a number");
    let none = TableEncoder::regression("price").max_levels(0).fit(&table());
    assert!(none.unwrap_err().to_string().contains("`max_levels` is 0"));
    let empty = TableEncoder::regression("price").fit(&table().rows(&[]).unwrap());
    assert!(empty.unwrap_err().to_string().contains("`table` is 0, expected at least one row"));
}

#[test]
fn a_saved_encoder_that_is_none() {
    let encoder = TableEncoder::classification("city").fit(&table().rows(&[0, 1, 3]).unwrap());
    let json = encoder.unwrap().to_json().unwrap();
    assert!(TableEncoder::from_json(&json).is_ok());
    let changed = |from: &str, to: &str| {
        let other = json.replace(from, to);
        assert_ne!(other, json, "{from} is not in {json}");
        message(TableEncoder::from_json(&other))
    };
    for (from, to, said) in [
        ("\"version\":1", "\"version\":2", "version 2, not 1"),
        ("\"f32\"", "\"f16\"", "type `f16`"),
        ("\"version\":1", "\"more\":1,\"version\":1", "unknown field `more`"),
        ("[\"Oslo\",\"Rome\"]", "[\"Oslo\",\"Oslo\"]", "classes with `Oslo` twice"),
        ("[\"Oslo\",\"Rome\"]", "[\"Oslo\"]", "1 classes"),
        ("\"scale\":1.0", "\"scale\":0.0", "a scale that is not positive"),
        ("\"column\":\"seen\"", "\"column\":\"size\"", "columns with `size` twice"),
        ("\"value\"", "{\"level\":0}", "none of its own"),
        ("[\"value\"", "[\"value\",\"value\"", "comes twice"),
        ("\"number\"", "\"complex\"", "unknown variant `complex`"),
    ] {
        let error = changed(from, to);
        assert!(error.contains(said), "{from} {to}: {error}");
        assert!(error.ends_with("expected a text that `to_json` gave"), "{error}");
    }
    for end in 0..json.len() {
        assert!(matches!(
            TableEncoder::from_json(&json[..end]),
            Err(TrainError::Table(TableError::Saved { .. }))
        ));
    }
}

/// Cells of some kind.
fn column() -> impl Strategy<Value = Vec<String>> {
    let number = prop_oneof![any::<f32>().prop_map(|x| x.to_string()), Just("1".to_owned())];
    let text = proptest::sample::select(&["a", "b", "c", "", "yes", "no", "2020-02-02", "7"][..]);
    let text = text.prop_map(str::to_owned);
    prop_oneof![
        proptest::collection::vec(number, 6),
        proptest::collection::vec(text, 6),
        proptest::collection::vec("[a-z\"\\\\ö]{0,3}", 6),
    ]
}

proptest! {
    #[test]
    fn columns_in_any_order_and_a_saved_encoder_give_the_same_bits(
        columns in proptest::collection::vec(column(), 1..6),
        order in Just((0..6).collect::<Vec<usize>>()).prop_shuffle(),
        standardize in any::<bool>(),
    ) {
        let names: Vec<String> = (0..columns.len()).map(|i| format!("x{i}")).chain(["y".to_owned()]).collect();
        let cells = |row: usize, place: usize| columns.get(place).map_or_else(|| row.to_string(), |c| c[row].clone());
        let in_order = |order: &[usize]| {
            let head: Vec<String> = order.iter().map(|&at| names[at].clone()).collect();
            let rows: Vec<Vec<String>> = (0..6).map(|row| order.iter().map(|&at| cells(row, at)).collect()).collect();
            Table::from_rows(&head, &rows).unwrap()
        };
        let all: Vec<usize> = (0..names.len()).collect();
        let shuffled: Vec<usize> = order.into_iter().filter(|at| *at < names.len()).collect();
        let table = in_order(&all);
        if let Ok(encoder) = TableEncoder::regression("y").standardize(standardize).fit(&table) {
            let read = TableEncoder::from_json(&encoder.to_json().unwrap()).unwrap();
            prop_assert_eq!(&read, &encoder);
            let first = encoder.encode(&table).unwrap();
            // Shuffled tables have the target in another place, if not left out for a sixth column.
            let other = read.encode(&in_order(&shuffled)).unwrap();
            prop_assert!(other.remarks.is_empty() && first.remarks.is_empty());
            let bits = |encoded: &Encoded| encoded.features.to_f64_vec().unwrap().into_iter().map(f64::to_bits).collect::<Vec<_>>();
            prop_assert_eq!(bits(&first), bits(&other));
            // No feature is constant, and none is another again.
            let values = rows(&first.features);
            let feature = |at: usize| values.iter().map(|row| row[at]).collect::<Vec<f64>>();
            if standardize {
                return Ok(());
            }
            for at in 0..encoder.width() {
                prop_assert!(feature(at).iter().any(|x| *x != feature(at)[0]));
            }
        }
    }
}
