//! Columns as files of other programs have them.

use super::*;
use crate::data::CsvOptions;

fn read(text: &str) -> Table {
    let (options, reader) = CsvOptions::default().detect_reader(text.as_bytes()).unwrap();
    Table::from_reader(reader, &options).unwrap()
}

fn said(encoder: &TableEncoder) -> Vec<String> {
    encoder.remarks().iter().map(Remark::to_string).collect()
}

/// A table of `count` rows with `name` counting from `start`, a column `x` and a target.
fn counted(name: &str, start: i64, count: i64) -> Table {
    let rows = (0..count).map(|row| format!("{},{},{row}\n", start + row, row % 3));
    read(&format!("{name},x,y\n{}", rows.collect::<String>()))
}

#[test]
fn columns_that_only_number_the_rows() {
    for name in ["", "Unnamed: 0", "index", "ID"] {
        for start in [0, 1] {
            let table = counted(name, start, 4);
            let encoder = TableEncoder::regression("y").fit(&table).unwrap();
            assert_eq!(encoder.feature_names(), ["x"], "{name}");
            let name = if name.is_empty() { "column_1" } else { name };
            let index = Remark::Index { column: name.to_owned() };
            assert_eq!(encoder.remarks(), [index]);
            // It is no surprise later.
            assert!(encoder.encode(&table).unwrap().remarks.is_empty());
            // Rows set apart are none that count, but come from a table whose rows do.
            let part = table.rows(&[3, 1, 0]).unwrap();
            let encoder = TableEncoder::regression("y").fit(&part).unwrap();
            assert_eq!(encoder.feature_names(), ["x"], "{name}");
            let asked = TableEncoder::regression("y").features(&[name, "x"]).fit(&table).unwrap();
            assert_eq!(asked.feature_names(), [name, "x"]);
        }
    }
    // Other names, and numbers that do not count.
    let encoder = TableEncoder::regression("y").fit(&counted("time", 0, 10)).unwrap();
    assert_eq!(encoder.feature_names(), ["time", "x"]);
    assert_eq!(
        said(&encoder),
        ["`time` counts up by one in every row: it may only number the rows"]
    );
    let encoder = TableEncoder::regression("y").fit(&counted("time", 0, 9)).unwrap();
    assert!(encoder.remarks().is_empty());
    let encoder = TableEncoder::regression("y").fit(&read("id,x,y\n1,1,1\n3,2,2\n")).unwrap();
    assert_eq!(encoder.feature_names(), ["id", "x"]);
    assert!(encoder.remarks().is_empty());
    // Nothing else is there.
    let encoder = TableEncoder::regression("y").fit(&read("id,y\n1,1\n2,5\n")).unwrap();
    assert_eq!(encoder.feature_names(), ["id"]);
}

#[test]
fn an_order_of_dates_stays_that_of_the_rows_fitted() {
    let train = read("day,y\n13/02/1970,1\n01/02/1970,2\n");
    let encoder = TableEncoder::regression("y").dtype(DType::F64).fit(&train).unwrap();
    assert!(encoder.remarks().is_empty());
    let read_again = TableEncoder::from_json(&encoder.to_json().unwrap()).unwrap();
    assert_eq!(read_again, encoder);
    // By itself this one would be the 4th of March.
    let later = read("day,y\n03/04/1970,1\n1970-01-03,2\n");
    let features = rows(&read_again.encode(&later).unwrap().features);
    assert_eq!(features, [[92.0], [2.0]]);
    let error = message(encoder.encode(&read("day,y\n02/13/1970,1\n")));
    let expected = "expected a date such as 2024-02-29 or 29/02/2024";
    assert_eq!(error, format!("table: line 2: column 1 `day` is `02/13/1970`, {expected}"));
    let open = TableEncoder::regression("y").fit(&read("day,y\n03/04/1970,1\n01/01/1970,2\n"));
    let ambiguous = Remark::AmbiguousDates { column: "day".to_owned(), day_first: false };
    assert_eq!(open.as_ref().unwrap().remarks(), [ambiguous]);
    assert_eq!(
        said(&open.unwrap()),
        ["`day` may have the day or the month first: read month first"]
    );
    let open = TableEncoder::regression("y").fit(&read("day;y\n03/04/1970;1\n01/01/1970;2\n"));
    let ambiguous = Remark::AmbiguousDates { column: "day".to_owned(), day_first: true };
    assert_eq!(open.unwrap().remarks(), [ambiguous]);
    // Of targets too.
    let train = read("day,x\n13/02/1970,1\n01/02/1970,2\n");
    let encoder = TableEncoder::regression("day").fit(&train).unwrap();
    let encoder = TableEncoder::from_json(&encoder.to_json().unwrap()).unwrap();
    let encoded = encoder.encode(&read("day,x\n03/04/1970,1\n")).unwrap();
    assert_eq!(encoded.targets.unwrap().to_f64_vec().unwrap(), [92.0]);
    let open = TableEncoder::regression("day").fit(&read("day,x\n03/04/1970,1\n01/01/1970,2\n"));
    assert!(matches!(open.unwrap().remarks(), [Remark::AmbiguousDates { .. }]));
    // No difference, no remark.
    let same = TableEncoder::regression("y").fit(&read("day,y\n02/02/1970,1\n01/01/1970,2\n"));
    assert!(same.unwrap().remarks().is_empty());
}

#[test]
fn numbers_with_a_decimal_comma_are_read_in_later_tables_too() {
    let train = read("size;y\n1,5;1.000\n2,5;2.000,5\n");
    let encoder = TableEncoder::regression("y").dtype(DType::F64).fit(&train).unwrap();
    let encoded = encoder.encode(&train).unwrap();
    assert_eq!(encoded.targets.unwrap().to_f64_vec().unwrap(), [1000.0, 2000.5]);
    let later = read("size;y\n7,25;1\nbig;2\n");
    let error = message(encoder.encode(&later));
    let expected = "expected a number with a decimal comma";
    assert_eq!(error, format!("table: line 3: column 1 `size` is `big`, {expected}"));
    let later = later.rows(&[0]).unwrap();
    assert_eq!(rows(&encoder.encode(&later).unwrap().features), [[7.25]]);
}

#[test]
fn infinite_numbers_as_missing_ones() {
    let train = text_table("x", &["1", "inf", "1e400", "3", "-inf"]);
    let fit = |builder: TableEncoderBuilder| builder.inf_as_missing(true).fit(&train);
    let encoder = fit(TableEncoder::regression("y")).unwrap();
    assert_eq!(encoder.feature_names(), ["x", "missingindicator_x"]);
    let infinite = |count, line| Remark::Infinite { column: "x".to_owned(), count, line };
    assert_eq!(encoder.remarks(), [infinite(3, 2)]);
    let encoded = encoder.encode(&train).unwrap();
    let expected = [[1.0, 0.0], [2.0, 1.0], [2.0, 1.0], [3.0, 0.0], [2.0, 1.0]];
    assert_eq!(rows(&encoded.features), expected);
    assert_eq!(encoded.remarks, [infinite(3, 2)]);
    let read_again = TableEncoder::from_json(&encoder.to_json().unwrap()).unwrap();
    assert_eq!(read_again, encoder);
    let later = read_again.encode(&text_table("x", &["5", "-inf"])).unwrap();
    assert_eq!(rows(&later.features), [[5.0, 0.0], [2.0, 1.0]]);
    assert_eq!(later.remarks, [infinite(1, 2)]);
    // Finite, but not in single precision: unless it is standardised.
    let large = text_table("x", &["1", "1e39", "2"]);
    let single = TableEncoder::regression("y").inf_as_missing(true);
    let error = message(single.clone().fit(&large));
    assert_eq!(
        error,
        "table: line 2: column 1 `x` is `1e39`, expected a number of at most 3.4e38, as F32 holds them"
    );
    assert!(single.standardize(true).fit(&large).is_ok());
    let targets = text_table("y0", &["1", "inf"]);
    let error = message(TableEncoder::regression("y0").inf_as_missing(true).fit(&targets));
    assert_eq!(error, "table: line 2: column 1 `y0` is `inf`, expected a finite number");
}

#[test]
fn an_encoder_saved_before_dates_had_orders() {
    let json = r#"{"version":1,"dtype":"f32","target":{"column":"y","task":{"regression":"number"}},"features":[{"column":"x","column_type":"number","fill":1.5,"loc":0.0,"scale":1.0,"levels":[],"had_missing":false,"outputs":["value"]}],"unused":[],"remarks":[]}"#;
    let encoder = TableEncoder::from_json(json).unwrap();
    assert_eq!(encoder.feature_names(), ["x"]);
    // What is not needed is not written.
    assert_eq!(encoder.to_json().unwrap(), json);
}

#[test]
fn new_names_are_said() {
    let encoder = TableEncoder::regression("y").fit(&read("x,x,y\n1,5,1\n2,3,2\n")).unwrap();
    assert_eq!(encoder.feature_names(), ["x", "x_2"]);
    assert_eq!(said(&encoder), ["column 2 is named `x` as an earlier one: now `x_2`"]);
}

#[test]
fn rows_without_a_target() {
    let table = read("x,y,z\n1,NA,3\n2,5,\n3,,1\n4,7,1\n");
    let (table, dropped) = table.drop_missing("y").unwrap();
    assert_eq!((table.len(), dropped), (2, 2));
    assert_eq!(table.numbers("z").unwrap(), [None, Some(1.0)]);
    // Lines are those of the file.
    let error = message(TableEncoder::regression("z").fit(&table));
    assert_eq!(error, "table: line 3: column 3 `z` is missing, expected a number");
    let (table, dropped) = table.drop_missing("x").unwrap();
    assert_eq!((table.len(), dropped), (2, 0));
    let error = message(table.drop_missing("yy").map(|_| ()));
    assert!(error.contains("has no column `yy`"), "{error}");
    let (none, dropped) = read("x,y\n1,\n2,\n").drop_missing("y").unwrap();
    assert!(none.is_empty() && dropped == 2);
}
