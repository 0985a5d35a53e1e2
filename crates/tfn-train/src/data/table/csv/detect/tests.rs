use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;

use super::*;
use crate::data::{ColumnType, Remark, Table};

fn detect(text: impl AsRef<[u8]>) -> CsvOptions {
    CsvOptions::default().detect_reader(text.as_ref()).unwrap().0
}

fn read(text: impl AsRef<[u8]>) -> Table {
    let (options, reader) = CsvOptions::default().detect_reader(text.as_ref()).unwrap();
    Table::from_reader(reader, &options).unwrap()
}

fn numbers(table: &Table, column: &str) -> Vec<f64> {
    table.numbers(column).unwrap().into_iter().map(|number| number.unwrap_or(f64::NAN)).collect()
}

fn names(table: &Table) -> Vec<&str> {
    table.names().collect()
}

#[test]
fn what_files_are_like() {
    for (text, said) in [
        ("a,b\n1,x\n2,y\n", "delimiter `,`"),
        ("a;b\n1,5;2,5\n2;3\n", "delimiter `;`, decimal comma"),
        ("1,5;2,5\n2,5;3,5\n", "delimiter `;`, decimal comma, no head line"),
        ("a\tb\n1.5\tx, y\n2\ty, z\n", "delimiter tab"),
        ("a|b\n1|x;y\n2|\n", "delimiter `|`"),
        ("a;b;\n1;2;\n3;4;\n", "delimiter `;`"),
        ("a,b\n\"1,234.5\",x\n7,y\n", "delimiter `,`, thousands by `,`"),
        ("a;b\n1.234,5;x\n7;y\n", "delimiter `;`, decimal comma, thousands by `.`"),
        ("a;b\n1 234;x\n7;y\n", "delimiter `;`, thousands by spaces"),
        ("a\tb\n1'234.5\tx\n7\ty\n", "delimiter tab, thousands by `'`"),
        // Thousands to one side, decimals to the other: the delimiter decides.
        ("a;b\n1,234;x\n7;y\n", "delimiter `;`, decimal comma"),
        ("a\tb\n1,234\tx\n7\ty\n", "delimiter tab, thousands by `,`"),
        ("a;b\n1.5;x\n2.25;y\n", "delimiter `;`"),
        ("x\n1,5\n2,5\n", "delimiter `;`, decimal comma"),
        ("x\n1\n2\n", "delimiter `,`"),
        ("x\nOslo, Norway\nRome\n", "delimiter `,`"),
        ("a,b\n\"x;y;z\",1\n\"u;v;w\",2\n", "delimiter `,`"),
        ("", "delimiter `,`"),
        ("a,b", "delimiter `,`"),
    ] {
        assert_eq!(detect(text).to_string(), said, "{text:?}");
    }
}

#[test]
fn whether_the_first_line_has_names() {
    for (text, has_head) in [
        ("a,b\n1,x\n", true),
        ("1,2\n3,4\n", false),
        ("1,\n3,4\n", false),
        ("5.1,3.5,setosa\n4.9,3.0,virginica\n", false),
        ("2020-01-01,5\n2020-01-02,6\n", false),
        ("name,city\nada,Oslo\nbob,Rome\n", true),
        (",x\n0,5\n1,7\n", true),
        ("country,2019,2020\nno,1,2\nse,3,4\n", true),
        ("id,name,3\n1,a,5\n2,b,6\n", true),
        ("a,b\n", true),
    ] {
        assert_eq!(detect(text).has_head(), has_head, "{text:?}");
    }
}

#[test]
fn what_was_said_stays() {
    let text = "1,5;2,5\n2,5;3,5\n".as_bytes();
    let one = |options: CsvOptions| options.detect_reader(text).unwrap().0;
    assert_eq!(one(CsvOptions::default().delimiter(b',')).get_delimiter(), b',');
    assert!(one(CsvOptions::default().with_head()).has_head());
    assert!(!one(CsvOptions::default().decimal_comma(false)).has_decimal_comma());
    assert!(!one(CsvOptions::default().thousands(false)).has_thousands());
    assert!(!one(CsvOptions::default().rename_duplicates(false)).renames_duplicates());
    let latin1 = one(CsvOptions::default().latin1());
    assert_eq!(latin1.get_encoding(), Encoding::Windows1252);
    let trailing = CsvOptions::default().trailing_delimiter(false);
    let (options, reader) = trailing.detect_reader(&b"a,b,\n1,2,\n"[..]).unwrap();
    let table = Table::from_reader(reader, &options).unwrap();
    assert_eq!(names(&table), ["a", "b", "column_3"]);
    let day_first = CsvOptions::default().day_first(true);
    let (options, reader) = day_first.detect_reader(&b"a,b\n03/01/1970,2\n"[..]).unwrap();
    assert_eq!(numbers(&Table::from_reader(reader, &options).unwrap(), "a"), [2.0]);
    let none = CsvOptions::default().missing("-9").detect_reader(&b"a,b\n1,x\n-9,y\n"[..]);
    assert_eq!(none.unwrap().0.get_missing(), ["-9"]);
    let error = CsvOptions::default().quote(b'\n').detect_reader(text).unwrap_err();
    assert!(error.to_string().contains("argument `quote`"), "{error}");
}

#[test]
fn numbers_that_are_grouped_only_in_part_are_text() {
    let table = read("a;b;c;d\n1.234,5;1.234;1.23;0,5\n7;5;0.5;0,25\n1.000.000;1.2345;2;,125\n");
    assert_eq!(numbers(&table, "a"), [1234.5, 7.0, 1e6]);
    assert_eq!(numbers(&table, "d"), [0.5, 0.25, 0.125]);
    assert_eq!(table.column_type("b").unwrap(), ColumnType::Number);
    // Not groups of three: points are decimal ones here.
    assert_eq!(numbers(&table, "b"), [1.234, 5.0, 1.2345]);
    assert_eq!(numbers(&table, "c"), [1.23, 0.5, 2.0]);
    let table = read("a,b\n\"1,234\",\"1,2,3\"\n5,\"4,5\"\n");
    assert_eq!(numbers(&table, "a"), [1234.0, 5.0]);
    assert_eq!(table.column_type("b").unwrap(), ColumnType::Category);
}

#[test]
fn encodings() {
    let text = "Stadt;Größe €\nKöln;1,5\n😀;2,5\n";
    let utf16 = |unit: fn(u16) -> [u8; 2]| {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        units.flat_map(unit).collect::<Vec<u8>>()
    };
    for (bytes, name) in [
        (text.as_bytes().to_vec(), "UTF-8"),
        (format!("\u{feff}{text}").into_bytes(), "UTF-8"),
        (utf16(u16::to_le_bytes), "UTF-16"),
        (utf16(u16::to_be_bytes), "UTF-16"),
    ] {
        let options = detect(&bytes);
        assert_eq!(options.get_encoding().name(), name);
        assert!(options.has_decimal_comma());
        let table = read(&bytes);
        assert_eq!(names(&table), ["Stadt", "Größe €"]);
        assert_eq!(table.values("Stadt").unwrap(), [Some("Köln"), Some("😀")]);
    }
    let table = read(b"Stadt;Gr\xf6\xdfe \x80\nK\xf6ln;1,5\n");
    assert_eq!(names(&table), ["Stadt", "Größe €"]);
    assert_eq!(detect(b"a\nK\xf6").to_string(), "delimiter `,`, Windows-1252");
    // Half a character.
    let mut half = utf16(u16::to_le_bytes);
    half.push(b'x');
    let (options, reader) = CsvOptions::default().detect_reader(&half[..]).unwrap();
    let error = Table::from_reader(reader, &options).unwrap_err().to_string();
    assert!(error.starts_with("table: line 4: column 1 is not UTF-8"), "{error}");
}

#[test]
fn a_byte_that_is_not_utf8_behind_what_was_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("long.csv");
    let rows = 1 << 18;
    let mut bytes = b"x,y\n".to_vec();
    (0..rows).for_each(|row: u32| bytes.extend(format!("{},a\n", row % 10).bytes()));
    bytes.extend(b"1,K\xf6ln\n");
    std::fs::write(&path, &bytes).unwrap();
    let options = CsvOptions::detect(&path).unwrap();
    assert_eq!(options.get_encoding(), Encoding::Utf8);
    let error = Table::read_with(&path, &options).unwrap_err().to_string();
    let place = format!("{}: line {}: column 2 is not UTF-8", path.display(), rows + 2);
    assert!(error.starts_with(&place) && error.contains("`CsvOptions::latin1`"), "{error}");
    let table = Table::read_with(&path, &options.latin1()).unwrap();
    assert_eq!(table.values("y").unwrap().last().unwrap(), &Some("Köln"));
}

/// A reader that was looked into gives all that there is.
#[test]
fn nothing_is_lost_of_what_was_looked_at() {
    let mut text = "x;y\n".to_owned();
    (0..300_000).for_each(|row| text.push_str(&format!("{};{}\n", row % 7, row % 5)));
    assert!(text.len() > SNIFFED);
    for bytes in [text.clone().into_bytes(), packed(text.as_bytes())] {
        let table = read(&bytes);
        assert_eq!(table.len(), 300_000);
        assert_eq!(numbers(&table, "y")[299_999], 4.0);
    }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_gzip_file_that_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cut.csv");
    let bytes = packed(b"x;y\n1;2\n3;4\n5;6\n");
    std::fs::write(&path, &bytes[..bytes.len() - 12]).unwrap();
    let error = CsvOptions::detect(&path).unwrap_err();
    assert!(
        matches!(&error, TrainError::Table(TableError::Gzip { path: Some(p), .. }) if *p == path)
    );
    let missing = CsvOptions::detect(dir.path().join("none.csv")).unwrap_err();
    assert!(matches!(missing, TrainError::Read { .. }), "{missing}");
}

#[test]
fn doubled_names_and_lines_that_end_in_a_delimiter() {
    let table = read("a,b,a,,a_2,a\n1,2,3,4,5,6\n");
    assert_eq!(names(&table), ["a", "b", "a_3", "column_4", "a_2", "a_4"]);
    let renamed = |place, name: &str| Remark::Renamed {
        column: "a".to_owned(),
        place,
        name: name.to_owned(),
    };
    assert_eq!(table.remarks(), [renamed(3, "a_3"), renamed(6, "a_4")]);
    for text in ["a;b;\n1;2;\n3;4;\n", "a;b\n1;2;\n3;4; \n"] {
        let table = read(text);
        assert_eq!(names(&table), ["a", "b"], "{text}");
        assert_eq!(numbers(&table, "b"), [2.0, 4.0]);
    }
    assert_eq!(names(&read("1;2;\n3;4;\n")), ["column_1", "column_2"]);
    // A column that is empty so far, or has a name, stays.
    assert_eq!(names(&read("a;b;\n1;2;\n3;4;5\n")), ["a", "b", "column_3"]);
    assert_eq!(names(&read("a;b;c\n1;2;\n3;4;\n")), ["a", "b", "c"]);
    // The first row need not show all columns.
    let table = read("1;;\n3;4;\n");
    assert_eq!(names(&table), ["column_1", "column_2", "column_3"]);
    // More than one, as in the air quality set of UCI.
    let table = read("a;b;;\n1;2;;\n;;;\n3;4;;\n");
    assert_eq!((names(&table), table.len()), (vec!["a", "b"], 3));
    // What comes behind the last delimiter later is not lost silently.
    let options = CsvOptions::default().trailing_delimiter(true);
    let error = Table::from_reader(&b"a,b,\n1,2,\n3,4,5\n"[..], &options).unwrap_err();
    assert!(error.to_string().starts_with("table: line 3: has 3 cells, expected 2"), "{error}");
}

#[test]
fn files_that_are_no_text() {
    for (bytes, said) in [
        (&b"PK\x03\x04\x14\0\x06\0\x08\0\xff\xee"[..], "an Excel workbook or a ZIP archive"),
        (b"PAR1\x15\x04\x15\xff\0", "a Parquet file"),
        (b"a,b\n1,\xff\0\n", "no text but other data"),
    ] {
        let error = CsvOptions::default().detect_reader(bytes).unwrap_err().to_string();
        let expected = format!("table: is {said}, expected text; export the table as CSV");
        assert_eq!(error, expected);
        assert!(CsvOptions::default().latin1().detect_reader(bytes).is_ok());
    }
    assert_eq!(names(&read("BZh,PAR1\n1,2\n")), ["BZh", "PAR1"]);
}

#[test]
fn a_first_line_that_says_the_delimiter() {
    for text in ["sep=|\r\na|b\r\n1;2|x\r\n3|y\r\n", "\u{feff}\"sep=|\"\na|b\n1;2|x\n3|y\n"] {
        let table = read(text);
        assert_eq!(names(&table), ["a", "b"], "{text}");
        assert_eq!(table.values("a").unwrap(), [Some("1;2"), Some("3")]);
        let error = table.with_type("a", ColumnType::Number).unwrap_err().to_string();
        assert!(error.starts_with("table: line 3: column 1 `a` is `1;2`"), "{error}");
    }
    assert_eq!(names(&read("sep=\n1\n")), ["sep="]);
    let (options, reader) = CsvOptions::default().detect_reader(&b"sep=;\n"[..]).unwrap();
    let error = Table::from_reader(reader, &options).unwrap_err();
    assert!(matches!(error, TrainError::Table(TableError::Empty { .. })), "{error}");
}

#[test]
fn dates_have_one_order_for_a_column() {
    // Python: (date(1970, 2, 13) - date(1970, 1, 1)).days
    let table = read("a,b,c\n02/01/1970,01/02/1970,03/04/1970\n13/02/1970,02/13/1970,01/01/1970\n");
    assert_eq!(numbers(&table, "a"), [1.0, 43.0]);
    assert_eq!(numbers(&table, "b"), [1.0, 43.0]);
    // Open: March 4th, or with `;` April 3rd.
    assert_eq!(numbers(&table, "c"), [62.0, 0.0]);
    assert_eq!(numbers(&read("c;d\n03/04/1970;1\n"), "c"), [92.0]);
    let table = read("a,b\n1970-01-02,20240229\n3.1.1970,20240301\n");
    assert_eq!(numbers(&table, "a"), [1.0, 2.0]);
    assert_eq!(table.column_type("b").unwrap(), ColumnType::Number);
    // Not all of one order.
    let table = read("a,b\n13/02/1970,1\n02/13/1970,2\n");
    assert_eq!(table.column_type("a").unwrap(), ColumnType::Category);
    // Nothing is said: dates are those of ISO 8601.
    let plain = Table::from_reader(&b"a\n1970/01/02\n"[..], &CsvOptions::default()).unwrap();
    assert_eq!(plain.column_type("a").unwrap(), ColumnType::Category);
}

/// Cells that hold any of the delimiters are in quotes.
fn written(cell: &str, delimiter: u8) -> String {
    let has = |c: char| cell.contains(c);
    if has(char::from(delimiter)) || has('"') || has('\n') {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (-1_000_000..1_000_000_i32).prop_map(|n| n.to_string()),
        4 => (-1e3..1e3_f64).prop_map(|x| format!("{x:.3}")),
        4 => "[a-zäö]{1,8}",
        1 => "[a-z]{1,4}[,;|\t\"] ?[a-z]{1,4}",
        1 => Just("2024-02-29".to_owned()),
        1 => Just(String::new()),
    ]
}

proptest! {
    #[test]
    fn the_delimiter_of_any_table_is_found(
        rows in (2..7_usize).prop_flat_map(|width| proptest::collection::vec(proptest::collection::vec(cell(), width), 4..30)),
        delimiter in proptest::sample::select(&DELIMITERS[..]),
        has_crlf in any::<bool>(),
    ) {
        let head = (0..rows[0].len()).map(|place| format!("name{place}")).collect::<Vec<_>>();
        let separator = char::from(delimiter).to_string();
        let end = if has_crlf { "\r\n" } else { "\n" };
        let line = |row: &Vec<String>| row.iter().map(|c| written(c, delimiter)).collect::<Vec<_>>().join(&separator) + end;
        let text: String = std::iter::once(&head).chain(&rows).map(line).collect();
        let (options, reader) = CsvOptions::default().detect_reader(text.as_bytes()).unwrap();
        prop_assert_eq!(char::from(options.get_delimiter()), char::from(delimiter), "{}", text);
        prop_assert!(options.has_head());
        let table = Table::from_reader(reader, &options).unwrap();
        prop_assert_eq!(table.len(), rows.len());
        prop_assert_eq!(table.names().collect::<Vec<_>>(), head);
    }

    #[test]
    fn any_bytes_are_looked_at_without_a_panic(
        bytes in proptest::collection::vec(prop_oneof![proptest::sample::select(&b",;|\t\"\n\r1a. \xff\xfe\x1f\x8b\x08'0/-:"[..]), any::<u8>()], 0..200),
    ) {
        if let Ok((options, mut reader)) = CsvOptions::default().detect_reader(&bytes[..]) {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).unwrap();
            prop_assert_eq!(&all, &bytes);
            if let Ok(table) = Table::from_reader(&bytes[..], &options) {
                for name in table.names() {
                    let is_text = table.column_type(name).unwrap() == ColumnType::Category;
                    prop_assert_eq!(table.numbers(name).is_err(), is_text);
                }
            }
        }
    }
}
