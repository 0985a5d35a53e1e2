use std::fs;

use proptest::prelude::*;

use super::*;
use crate::data::ColumnType;

fn read(text: &str) -> Result<Table> {
    Table::from_reader(text.as_bytes(), &CsvOptions::default())
}

fn error(bytes: &[u8]) -> TableError {
    match Table::from_reader(bytes, &CsvOptions::default()) {
        Err(TrainError::Table(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn cells(table: &Table, column: &str) -> Vec<String> {
    let values = table.values(column).unwrap();
    values.into_iter().map(|cell| cell.unwrap_or("-").to_owned()).collect()
}

#[test]
fn marks_line_ends_and_quotes() {
    let plain = "a,b\n1,x\n2,y\n";
    let variants = [
        "\u{feff}a,b\r\n1,x\r\n2,y",
        "a,b\r1,x\r2,y\r",
        "\n\na , b\n\n1, x \n\n2,y\n\n",
        "\"a\",\"b\"\n\"1\",\"x\"\n\"2\",\"y\"",
    ];
    for text in variants.iter().chain([&plain]) {
        let table = read(text).unwrap();
        assert_eq!(table.names().collect::<Vec<_>>(), ["a", "b"], "{text:?}");
        assert_eq!(table.numbers("a").unwrap(), [Some(1.0), Some(2.0)], "{text:?}");
        assert_eq!(cells(&table, "b"), ["x", "y"], "{text:?}");
    }
    let table = read("a,b\n\"1,5\",\"he said \"\"no\"\"\nand left\"\n").unwrap();
    assert_eq!(cells(&table, "a"), ["1,5"]);
    assert_eq!(cells(&table, "b"), ["he said \"no\"\nand left"]);
    // A column of row numbers that has no name, as pandas writes it.
    assert_eq!(read(",x\n0,5\n").unwrap().names().collect::<Vec<_>>(), ["column_1", "x"]);
}

#[test]
fn errors_name_the_line_that_a_row_begins_on() {
    let line = |text: &str| match error(text.as_bytes()) {
        TableError::Ragged { line, given: 1, expected: 2, .. } => line,
        other => panic!("{other:?}"),
    };
    assert_eq!(line("a,b\n1,2\n3\n"), 3);
    assert_eq!(line("a,b\r\n1,2\r\n3\r\n"), 3);
    assert_eq!(line("a,b\n\"1\n1\",2\n3\n"), 4);
    assert_eq!(line("\n\na,b\n\n\n1,2\n\n3\n"), 8);
    assert_eq!(line("a,b\r\n\r\n1,2\r\n\r\n3"), 5);
}

#[test]
fn each_kind_of_table_that_is_none() {
    let path = || None;
    assert_eq!(error(b""), TableError::Empty { path: path() });
    assert_eq!(error(b"\n\r\n"), TableError::Empty { path: path() });
    assert_eq!(error(b"a,b"), TableError::NoRows { path: path() });
    assert_eq!(error(b"a,b\n\n"), TableError::NoRows { path: path() });
    assert_eq!(error(b"a\n1\n\xff\n"), TableError::NotUtf8 { path: path(), line: 3, column: 1 });
    assert_eq!(error(b"\xff\xfea\n1\n"), TableError::NotUtf8 { path: path(), line: 1, column: 1 });
    let ragged = TableError::Ragged { path: path(), line: 2, given: 3, expected: 2 };
    assert_eq!(error(b"a,b\n1,2,3\n"), ragged);
    let double = error(b"a,b,a\n1,2,3\n").to_string();
    assert_eq!(double, "table: columns 1 and 3 are both named `a`, expected different names");
    for (text, column) in [
        ("a,b\n1,2\n3,\"4\n5,6\n", 2),
        ("a,b\n1,2\n3,\"4", 2),
        ("a,b\n1,2\n3,\"", 2),
        ("a,b\n1,2\n\"3,4\n", 1),
    ] {
        let open = TableError::OpenQuote { path: path(), line: 3, column };
        assert_eq!(error(text.as_bytes()), open, "{text:?}");
    }
    assert_eq!(error(b"\"a,b\n1,2"), TableError::OpenQuote { path: path(), line: 1, column: 1 });
    // Quotes inside of a cell that did not begin with one are letters.
    assert_eq!(cells(&read("a,b\n5\" pipe,1\n").unwrap(), "a"), ["5\" pipe"]);
}

#[test]
fn characters_that_cannot_be_delimiters() {
    let message =
        |options: CsvOptions| Table::from_reader(&b"a\n1\n"[..], &options).unwrap_err().to_string();
    let newline = message(CsvOptions::default().delimiter(b'\n'));
    let expected = "expected a tab or a printable character of ASCII";
    assert_eq!(newline, format!("CsvOptions: argument `delimiter` is '\\n', {expected}"));
    let same = message(CsvOptions::default().quote(b','));
    assert_eq!(
        same,
        "CsvOptions: argument `quote` is ',', expected another character than `delimiter`"
    );
}

#[test]
fn a_file_part_after_part() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("numbers.csv");
    let rows: String = (0..7).map(|i| format!("{i},{}\n", i * i)).collect();
    fs::write(&path, format!("x,y\n{rows}")).unwrap();
    let all = Table::read(&path).unwrap().numbers("y").unwrap();
    assert_eq!(all.len(), 7);
    for size in 1..9 {
        let parts: Vec<Table> = Table::chunks(&path, size).unwrap().map(Result::unwrap).collect();
        assert!(parts.iter().rev().skip(1).all(|part| part.len() == size));
        let joined: Vec<_> = parts.iter().flat_map(|part| part.numbers("y").unwrap()).collect();
        assert_eq!(joined, all);
    }
    // Without a head the first line is a row.
    let options = CsvOptions::default().without_head();
    let parts: Vec<usize> =
        Table::chunks_with(&path, &options, 3).unwrap().map(|part| part.unwrap().len()).collect();
    assert_eq!(parts, [3, 3, 2]);
    assert!(Table::chunks(&path, 0).is_err());
}

#[test]
fn an_error_in_a_later_part_is_the_last_thing_that_comes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bad.csv");
    fs::write(&path, "x,y\n1,2\n3,4\n5\n6,7\n").unwrap();
    let mut parts = Table::chunks(&path, 2).unwrap();
    assert_eq!(parts.next().unwrap().unwrap().len(), 2);
    let error = parts.next().unwrap().unwrap_err().to_string();
    let to_do = "a cell that holds the delimiter is put in quotes";
    let expected =
        format!("{}: line 4: has 1 cell, expected 2, one for each column; {to_do}", path.display());
    assert_eq!(error, expected);
    assert!(parts.next().is_none());
    fs::write(&path, "x,y\n").unwrap();
    let mut parts = Table::chunks(&path, 2).unwrap();
    assert!(matches!(parts.next(), Some(Err(TrainError::Table(TableError::NoRows { .. })))));
    assert!(parts.next().is_none());
    let missing = Table::read(dir.path().join("none.csv")).unwrap_err();
    assert!(matches!(missing, TrainError::Read { .. }), "{missing}");
}

/// A cell in quotes, whatever is in it.
fn quoted(cell: &str) -> String {
    format!("\"{}\"", cell.replace('"', "\"\""))
}

proptest! {
    #[test]
    fn every_number_is_read_as_it_was_written(numbers in proptest::collection::vec(any::<f64>(), 1..20)) {
        let rows: String = numbers.iter().map(|number| format!("{number:?},{number:e}\n")).collect();
        let table = read(&format!("a,b\n{rows}")).unwrap();
        for column in ["a", "b"] {
            let read = table.numbers(column).unwrap();
            for (given, number) in read.iter().zip(&numbers) {
                prop_assert_eq!(given.map(f64::to_bits), Some(*number).filter(|x| !x.is_nan()).map(f64::to_bits));
            }
        }
    }

    #[test]
    fn every_text_in_quotes_is_read_as_it_was_written(texts in proptest::collection::vec("[ -~\n\r\täöü€😀\"\",;]{0,12}", 1..20)) {
        let rows: String = texts.iter().map(|text| format!("{},1\r\n", quoted(text))).collect();
        let table = read(&format!("a,b\n{rows}")).unwrap().with_type("a", ColumnType::Category).unwrap();
        let read = table.values("a").unwrap();
        prop_assert_eq!(read.len(), texts.len());
        for (given, text) in read.iter().zip(&texts) {
            let trimmed = text.trim();
            prop_assert!(*given == Some(trimmed) || (given.is_none() && super::super::cell::is_missing(trimmed)));
        }
    }

    #[test]
    fn bytes_of_any_kind_never_panic(
        bytes in proptest::collection::vec(prop_oneof![proptest::sample::select(&b",\"\n\r1a;. \xef\xbb\xbf\0-"[..]), any::<u8>()], 0..200),
        has_head in any::<bool>(),
        rows in 1_usize..5,
    ) {
        let options = CsvOptions::default();
        let options = if has_head { options } else { options.without_head() };
        if let Ok(table) = Table::from_reader(&bytes[..], &options) {
            let names: Vec<String> = table.names().map(str::to_owned).collect();
            for name in &names {
                prop_assert_eq!(table.values(name).unwrap().len(), table.len());
                let is_text = table.column_type(name).unwrap() == ColumnType::Category;
                prop_assert_eq!(table.numbers(name).is_err(), is_text);
            }
            // The same rows come out part after part.
            let parts = Chunks::new(&bytes[..], None, &options, rows).unwrap();
            prop_assert_eq!(parts.map(|part| part.unwrap().len()).sum::<usize>(), table.len());
            for name in &names {
                let _ = crate::data::TableEncoder::classification(name).fit(&table);
                if let Ok(encoder) = crate::data::TableEncoder::regression(name).fit(&table) {
                    encoder.encode(&table).unwrap();
                }
            }
        }
    }
}

/// Memory of this process now and at most, in MB; 0 where the system does not say.
fn memory() -> [usize; 2] {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    ["VmRSS:", "VmHWM:"].map(|name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.trim().split(' ').next()?.parse::<usize>().ok());
        number.unwrap_or(0) / 1000
    })
}

/// Time and memory of reading a file of a million rows and twenty columns: numbers, texts and dates.
/// `cargo test -p tfn-train --lib a_million_rows -- --ignored --nocapture`
#[test]
#[ignore = "takes a minute and a gigabyte of disk and memory"]
fn a_million_rows() {
    use std::io::Write;
    use std::time::Instant;

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("million.csv");
    let mut file = io::BufWriter::new(File::create(&path).unwrap());
    let names: Vec<String> = (0..20).map(|column| format!("x{column}")).collect();
    writeln!(file, "{}", names.join(",")).unwrap();
    let mut state = 1_u64;
    for row in 0..1_000_000 {
        let cells = (0..20).map(|column| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let random = state >> 40;
            match column {
                0 => row.to_string(),
                1..=14 => format!("{:.4}", random as f64 / 1e4),
                15..=17 => format!("level{}", random % 10),
                18 => format!("2024-{:02}-{:02}", random % 12 + 1, random % 28 + 1),
                _ => ["yes", "no", ""][(random % 3) as usize].to_owned(),
            }
        });
        writeln!(file, "{}", cells.collect::<Vec<_>>().join(",")).unwrap();
    }
    drop(file);
    let size = fs::metadata(&path).unwrap().len() / 1_000_000;
    let (before, start) = (memory(), Instant::now());
    let options = CsvOptions::detect(&path).unwrap();
    let detected = start.elapsed();
    let table = Table::read_with(&path, &options).unwrap();
    let (after, read) = (memory(), start.elapsed());
    println!("{size} MB: detected in {detected:.2?}, with reading {read:.2?}; {options}");
    println!("memory before {}, after {}, at most {} MB", before[0], after[0], after[1]);
    assert_eq!((table.len(), table.names().count()), (1_000_000, 20));
    assert_eq!(table.column_type("x18").unwrap(), ColumnType::Date);
}
