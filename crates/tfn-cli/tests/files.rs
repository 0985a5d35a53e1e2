//! Files that people really have: each gives a good model or answer, or a message that says what to do.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use tempfile::TempDir;

/// A folder, and `tfn` in it.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn has(&self, name: &str) -> bool {
        self.path().join(name).exists()
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path().join(name), bytes).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tfn"));
        command.args(args).current_dir(self.path()).stdin(Stdio::null());
        command
    }

    /// Exit code, standard output and standard error; never a panic.
    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let output = self.command(args).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let (out, error) = (text(&output.stdout), text(&output.stderr));
        assert!(
            !error.contains("panicked") && !error.contains("fault of tfn"),
            "{args:?}: {error}"
        );
        (output.status.code().unwrap(), out, error)
    }

    /// Standard output and error of what must succeed.
    fn good(&self, args: &[&str]) -> (String, String) {
        let (code, out, error) = self.run(args);
        assert_eq!(code, 0, "{args:?}: {error}");
        (out, error)
    }

    /// What a command says that must fail, with all of `parts` in it.
    fn bad(&self, args: &[&str], parts: &[&str]) -> String {
        let (code, out, error) = self.run(args);
        assert!(code == 1 && out.is_empty(), "{args:?}: {code} {out} {error}");
        for part in parts {
            assert!(error.contains(part), "{args:?}: no `{part}` in: {error}");
        }
        error
    }

    /// Trains in few steps on a file of these bytes and gives the record as JSON, and what was said.
    fn train(&self, bytes: impl AsRef<[u8]>, target: &str, more: &[&str]) -> (Value, String) {
        self.write("train.csv", bytes);
        let (out, error) =
            self.good(&[&train("train.csv", target)[..], &["--json"], more].concat());
        (serde_json::from_str(&out).unwrap(), error)
    }

    /// That a file of these bytes is not trained on, and nothing is left behind.
    fn refuse(&self, bytes: impl AsRef<[u8]>, target: &str, parts: &[&str]) -> String {
        self.write("train.csv", bytes);
        let before = fs::read_dir(self.path()).unwrap().count();
        let text =
            self.bad(&[&train("train.csv", target)[..], &["-o", "none.tfn"]].concat(), parts);
        assert_eq!(fs::read_dir(self.path()).unwrap().count(), before, "{text}");
        text
    }

    /// Answers of a model for a file of these bytes, a line each without the head, and what was said.
    fn predict(&self, model: &str, bytes: impl AsRef<[u8]>) -> (Vec<String>, String) {
        self.write("new.csv", bytes);
        let (out, error) = self.good(&["predict", model, "new.csv", "--draws", "4"]);
        (out.lines().skip(1).map(str::to_owned).collect(), error)
    }
}

fn train<'a>(file: &'a str, target: &'a str) -> [&'a str; 8] {
    ["train", file, "--target", target, "--steps", "40", "--hidden", "8"]
}

/// `y = 2x + z²` with noise: three cells of a row, changed by `of`.
fn table(head: &str, rows: usize, of: impl Fn(usize, [String; 3]) -> String) -> String {
    let mut text = format!("{head}\n");
    for row in 0..rows {
        let (x, z) = ((row * 37 % 101) as f64 / 50.0 - 1.0, (row * 53 % 89) as f64 / 40.0 - 1.0);
        let y = 2.0 * x + z * z + ((row * 7919 % 1000) as f64 / 500.0 - 1.0) * 0.1;
        text.push_str(&of(row, [x, z, y].map(|number| format!("{number:.3}"))));
        text.push('\n');
    }
    text
}

fn plain() -> String {
    table("x,z,y", 50, |_, cells| cells.join(","))
}

/// The table with another target.
fn targets(of: impl Fn(usize, &str) -> String) -> String {
    table("x,z,y", 50, |row, [x, z, y]| format!("{x},{z},{}", of(row, &y)))
}

/// The table with another first column.
fn first(of: impl Fn(usize, &str) -> String) -> String {
    table("x,z,y", 50, |row, [x, z, y]| format!("{},{z},{y}", of(row, &x)))
}

/// The root mean squared error of a record: the same for the same numbers.
fn rmse(record: &Value) -> f64 {
    figure(record, "rmse")
}

fn figure(record: &Value, name: &str) -> f64 {
    let figures = record["figures"].as_array().unwrap();
    figures.iter().find(|figure| figure["name"] == name).unwrap()["value"].as_f64().unwrap()
}

/// Type and number of features of a column.
fn column(record: &Value, name: &str) -> (String, u64) {
    let columns = record["columns"].as_array().unwrap();
    let found = columns.iter().find(|column| column["name"] == name).unwrap();
    (found["column_type"].as_str().unwrap().to_owned(), found["features"].as_u64().unwrap())
}

fn remarks(record: &Value) -> String {
    record["remarks"].to_string()
}

/// The record of `plain`, to compare others with.
fn reference() -> &'static Value {
    static RECORD: OnceLock<Value> = OnceLock::new();
    RECORD.get_or_init(|| Folder::new().train(plain(), "y", &[]).0)
}

/// A folder with models of numbers (`y.tfn`) and of classes (`kind.tfn`).
fn models() -> &'static Folder {
    static MODELS: OnceLock<Folder> = OnceLock::new();
    MODELS.get_or_init(|| {
        let folder = Folder::new();
        folder.train(plain(), "y", &["-o", "y.tfn"]);
        let kinds = targets(|row, _| ["lo", "hi"][row % 2].to_owned());
        folder.train(kinds, "y", &["-o", "kind.tfn"]);
        folder
    })
}

/// A copy of the models, to write beside.
fn with_models() -> Folder {
    let folder = Folder::new();
    for name in ["y.tfn", "kind.tfn"] {
        fs::copy(models().path().join(name), folder.path().join(name)).unwrap();
    }
    folder
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn the_same_numbers_in_other_clothes_give_the_same_model() {
    let folder = Folder::new();
    let utf16 = |mark: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        format!("{mark}{}", plain()).encode_utf16().flat_map(bytes).collect()
    };
    let comma = |line: &str| line.replace(',', ";").replace('.', ",");
    let semicolons: String = plain().lines().map(|line| comma(line) + "\n").collect();
    let cases: [(&str, Vec<u8>, &str); 11] = [
        ("mark", format!("\u{feff}{}", plain()).into(), ""),
        ("crlf", plain().replace('\n', "\r\n").into(), ""),
        ("cr", plain().replace('\n', "\r").into(), ""),
        ("no end", plain().trim_end().into(), ""),
        ("semicolons", semicolons.into(), "delimiter `;`, decimal comma"),
        ("tabs", plain().replace(',', "\t").into(), "delimiter tab"),
        ("utf16", utf16("\u{feff}", u16::to_le_bytes), "UTF-16"),
        ("utf16 be", utf16("\u{feff}", u16::to_be_bytes), "UTF-16"),
        ("utf16 without a mark", utf16("", u16::to_le_bytes), "UTF-16"),
        ("gzip", gzip(plain().as_bytes()), ""),
        ("spaces", plain().replacen("x,z,y", " x , z,y ", 1).into(), ""),
    ];
    for (name, bytes, said) in cases {
        let (record, text) = folder.train(bytes, "y", &[]);
        assert_eq!(rmse(&record), rmse(reference()), "{name}");
        assert!(text.contains(said), "{name}: {text}");
    }
}

#[test]
fn head_lines_that_are_missing_or_odd() {
    let folder = Folder::new();
    let (_, rows) = plain().split_once('\n').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let (record, text) = folder.train(&rows, "column_3", &["-o", "bare.tfn"]);
    assert!(text.contains("no head line"), "{text}");
    assert_eq!(record["rows"], 50);
    let (record, _) = folder.train(&rows, "column_3", &["--no-header"]);
    assert_eq!(rmse(&record), rmse(reference()));
    folder.refuse(&rows, "y", &["has no column `y`", "`column_1`, `column_2`, `column_3`"]);
    // A model of a table without names answers for another one.
    let (answers, _) = folder.predict("bare.tfn", "0.5,0.25\n0.1,0.2\n");
    assert_eq!(answers.len(), 2);

    let (record, _) = folder.train(plain().replacen("x,z,y", "x,x,y", 1), "y", &[]);
    assert!(remarks(&record).contains("now `x_2`"), "{record}");
    let index = table(",x,z,y", 50, |row, cells| format!("{row},{}", cells.join(",")));
    let (record, _) = folder.train(index, "y", &[]);
    assert_eq!(column(&record, "column_1"), ("number".to_owned(), 0));
    assert_eq!(rmse(&record), rmse(reference()));
    folder.refuse(plain(), " y ", &["has no column ` y `", "`y`"]);

    // Names and classes with all that must be quoted.
    let odd = table("größe,\"a,\"\"b\"\"\nc\",ziel", 50, |row, [x, z, _]| {
        format!("{x},{z},{}", ["\"ja, \"\"klar\"\"\"", "\"ne\nin\""][row % 2])
    });
    let (record, _) = folder.train(&odd, "ziel", &["-o", "odd.tfn"]);
    assert_eq!(column(&record, "a,\"b\"\nc"), ("number".to_owned(), 1));
    folder.write("new.csv", &odd);
    let args = ["predict", "odd.tfn", "new.csv", "--probabilities", "--format", "jsonl"];
    let (answers, _) = folder.good(&args);
    for line in answers.lines() {
        let answer: Value = serde_json::from_str(line).unwrap();
        assert!(["ja, \"klar\"", "ne\nin"].contains(&answer["ziel"].as_str().unwrap()), "{line}");
        assert!(answer["ziel_is_ne\nin"].is_number(), "{line}");
    }
    // On a terminal a name is one line.
    let (out, _) = folder.good(&train("new.csv", "ziel"));
    assert!(out.contains("a,\"b\"\\nc"), "{out}");
}

#[test]
fn cells_of_all_kinds() {
    let folder = Folder::new();
    let quoted = table("x,word,y", 50, |row, [x, _, y]| {
        format!("{x},{},{y}", ["\"a\nb\"", "\"c \"\"d\"\", e\""][row % 2])
    });
    let (record, _) = folder.train(quoted, "y", &[]);
    assert_eq!((&record["rows"], column(&record, "word").1), (&Value::from(50), 2));

    let latin =
        table("x,stra?e,y", 50, |row, [x, _, y]| format!("{x},{},{y}", ["K#ln", "Bonn"][row % 2]));
    let swap = |byte: u8| match byte {
        b'#' => 0xf6,
        b'?' => 0xdf,
        other => other,
    };
    let latin: Vec<u8> = latin.bytes().map(swap).collect();
    let (record, text) = folder.train(latin, "y", &[]);
    assert_eq!(column(&record, "straße"), ("category".to_owned(), 2));
    assert!(text.contains("Windows-1252"), "{text}");

    let groups = first(|row, _| format!("\"{},{:03}\"", 1 + row, row * 7 % 1000));
    let (record, text) = folder.train(groups, "y", &[]);
    assert_eq!(column(&record, "x"), ("number".to_owned(), 1));
    assert!(text.contains("thousands by `,`"), "{text}");

    let gaps = first(|row, x| [x, "NA", x, "null", x, "?", x][row % 7].to_owned());
    let (record, _) = folder.train(gaps, "y", &[]);
    assert_eq!(column(&record, "x"), ("number".to_owned(), 2));
    assert_eq!(record["columns"][0]["missing"], 21);

    let dates = first(|row, _| match row % 2 {
        0 => format!("2024-01-{:02}", row % 28 + 1),
        _ => format!("{:02}.01.2024", row % 28 + 1),
    });
    let (record, _) = folder.train(dates, "y", &[]);
    assert_eq!(column(&record, "x"), ("date".to_owned(), 1));

    let (record, _) = folder.train(first(|_, _| String::new()), "y", &[]);
    assert_eq!(column(&record, "x").1, 0);
    assert!(remarks(&record).contains("`x` has no values: left out"), "{record}");

    let twice = table("x,z,again,y", 50, |_, [x, z, y]| format!("{x},{z},{x},{y}"));
    let (record, _) = folder.train(twice, "y", &[]);
    assert!(remarks(&record).contains("`again` is the same as `x` in all rows"), "{record}");
    assert_eq!(rmse(&record), rmse(reference()));

    // The target is none of the features anyway.
    let (record, _) = folder.train(plain(), "y", &["--ignore", "y"]);
    assert_eq!(rmse(&record), rmse(reference()));
    let text =
        folder.refuse("x,y\n1,2\n", "y", &["1 row with a value of `y`, expected at least 12"]);
    assert!(text.contains("1 row, 2 columns"), "{text}");
    folder.write("train.csv", plain());
    let all = [&train("train.csv", "y")[..], &["--ignore", "x,z"]].concat();
    folder.bad(&all, &["no column is left"]);
}

#[test]
fn large_and_small_numbers() {
    let folder = Folder::new();
    for (cell, features, said) in [
        ("1e39", 1, ""),
        ("1e300", 1, ""),
        ("1e400", 2, "`x` is infinite in 1 row, first in line 5"),
        ("-inf", 2, "`x` is infinite in 1 row, first in line 5"),
    ] {
        let odd = first(|row, x| if row == 3 { cell.to_owned() } else { x.to_owned() });
        let (record, _) = folder.train(odd, "y", &[]);
        assert_eq!(column(&record, "x"), ("number".to_owned(), features), "{cell}");
        assert!(remarks(&record).contains(said), "{cell}: {record}");
    }
    // In other units all is as it was.
    for unit in ["e30", "e-30"] {
        let (record, _) = folder.train(targets(|_, y| format!("{y}{unit}")), "y", &[]);
        let ratio = rmse(&record) / format!("1{unit}").parse::<f64>().unwrap() / rmse(reference());
        assert!((ratio - 1.0).abs() < 0.01, "{unit} {ratio}");
    }
    folder.refuse(
        targets(|_, y| format!("{y}e300")),
        "y",
        &["train.csv: line 2: column 3 `y` is", "at most 3.4e38", "in a larger unit"],
    );
    folder.refuse(
        targets(|row, y| if row == 3 { "inf".to_owned() } else { y.to_owned() }),
        "y",
        &["train.csv: line 5: column 3 `y` is `inf`, expected a finite number"],
    );
    // What numbers of 32 bits cannot tell apart is not trained on as if it were one number.
    let offset = targets(|_, y| format!("{:.3}", 1e9 + y.parse::<f64>().unwrap()));
    folder.refuse(offset, "y", &["column `y`", "around 1.0e9", "subtract a constant"]);
    let tiny = targets(|_, y| format!("{y}e-300"));
    folder.refuse(tiny, "y", &["column `y`", "e-300", "give it in a smaller unit"]);
    let seconds = targets(|row, _| (1_700_000_000 + row * 86_400).to_string());
    folder.train(seconds, "y", &[]);

    let models = with_models();
    models.write("new.csv", "x,z\n0,0\n1e300,0\n");
    let parts = ["new.csv: line 3: column 1 `x` is `1e300`", "at most 3.4e38"];
    models.bad(&["predict", "y.tfn", "new.csv"], &parts);
    let (answers, text) = models.predict("y.tfn", "x,z\n0,0\ninf,0\n");
    assert!(answers[1].ends_with(",x"), "{answers:?}");
    assert!(text.contains("`x` is infinite in 1 row, first in line 3: taken as missing"), "{text}");
}

#[test]
fn targets_of_all_kinds() {
    let folder = Folder::new();
    folder.refuse(targets(|_, _| "5".to_owned()), "y", &["column `y` is `5` in all rows"]);
    let both = targets(|row, _| ["5", "5.0"][row % 2].to_owned());
    folder.refuse(both, "y", &["column `y` is `5` in all rows"]);
    folder.refuse(targets(|_, _| "cat".to_owned()), "y", &["column `y` is `cat` in all rows"]);
    let none = targets(|_, _| "NA".to_owned());
    folder.refuse(none, "y", &["0 rows with a value of `y`, expected at least 12"]);

    let some = targets(|row, y| if row % 5 == 0 { String::new() } else { y.to_owned() });
    let (record, _) = folder.train(&some, "y", &[]);
    assert_eq!((&record["rows"], &record["rows_without_target"]), (&40.into(), &10.into()));
    let (out, _) = folder.good(&train("train.csv", "y"));
    assert!(out.contains("40 rows, 10 rows without a target left out"), "{out}");

    // A slip of the pen among numbers makes no fifty classes of them.
    let slip = targets(|row, y| if row == 17 { "much".to_owned() } else { y.to_owned() });
    folder.refuse(
        &slip,
        "y",
        &["train.csv: line 19: column 3 `y` is `much`, expected a number", "--missing", "--task"],
    );
    let (record, _) = folder.train(&slip, "y", &["--missing", "much"]);
    assert_eq!((&record["task"], &record["rows"]), (&"regression".into(), &49.into()));

    // The same classes as another program writes them.
    for (classes, others) in [(["0", "1"], ["0.0", "1.0"]), (["true", "false"], ["TRUE", "FALSE"])]
    {
        folder.train(targets(|row, _| classes[row % 2].to_owned()), "y", &["-o", "two.tfn"]);
        folder.write("new.csv", targets(|row, _| others[row % 2].to_owned()));
        let (out, _) = folder.good(&["evaluate", "two.tfn", "new.csv", "--json"]);
        let json: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(json["rows"], 50, "{others:?}");
    }
}

#[test]
fn many_texts_and_many_classes() {
    let folder = Folder::new();
    let row = |row: usize| format!("w{row},{},{}\n", row % 7, row % 7 * 2 + row % 3);
    let long: String = (0..10_000).map(row).collect();
    let (record, _) = folder.train(format!("t,x,y\n{long}"), "y", &[]);
    assert_eq!(column(&record, "t"), ("category".to_owned(), 0));
    assert!(remarks(&record).contains("`t` has 10000 texts, each of them once"), "{record}");

    let start = Instant::now();
    let row = |row: usize| format!("{},{},c{}\n", row % 97, row % 89, row % 1000);
    let many: String = (0..2100).map(row).collect();
    folder.write("train.csv", format!("x,z,y\n{many}"));
    let args = ["train", "train.csv", "--target", "y", "--steps", "3", "--hidden", "2"];
    let (out, _) = folder.good(&[&args[..], &["--json", "-o", "many.tfn"]].concat());
    let record: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(record["held_out"]["classes"]["classes"].as_array().unwrap().len(), 1000);
    let (answers, _) = folder.predict("many.tfn", "x,z\n1,2\n");
    assert_eq!(answers.len(), 1);
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

#[test]
fn files_that_are_no_tables() {
    let folder = with_models();
    for (bytes, parts) in [
        (&b""[..], &["train.csv: is empty"][..]),
        (b"\n\n\n", &["train.csv: is empty"]),
        (b"x,z,y\n", &["train.csv: has no rows"]),
        (b"PK\x03\x04\x14\0\x06\0\xff\xfe", &["an Excel workbook", "export the table as CSV"]),
    ] {
        folder.refuse(bytes, "y", parts);
    }
    let packed = gzip(plain().as_bytes());
    folder.refuse(&packed[..packed.len() / 2], "y", &["train.csv", "ends too early"]);
    folder.refuse(plain() + "1,2\n", "y", &["line 52: has 2 cells, expected 3"]);
    folder.refuse(plain() + "1\n", "y", &["line 52: has 1 cell, expected 3"]);
    folder.refuse(plain() + "1,2,3,4\n", "y", &["line 52: has 4 cells, expected 3"]);
    let quote = plain() + "1,\"2,3\n1,2,3\n";
    folder.refuse(quote, "y", &["line 52: column 2 begins with a quote that has no end"]);
    let nul = first(|row, x| if row == 4 { format!("{x}\0") } else { x.to_owned() });
    folder.refuse(nul, "y", &["train.csv: line 6: column 1 has a NUL byte"]);
    folder.refuse(plain() + &"\0".repeat(4096), "y", &["line 52", "NUL byte"]);
    folder.bad(&train("none.csv", "y"), &["none.csv: No such file"]);
    fs::create_dir(folder.path().join("folder")).unwrap();
    folder.bad(&train("folder", "y"), &["folder: Is a directory"]);

    // One taken for the other.
    folder.write("data.csv", plain());
    folder.bad(&train("y.tfn", "y"), &["y.tfn: is a file of tensors"]);
    folder.bad(&["predict", "y.tfn", "y.tfn"], &["y.tfn: is a file of tensors", "expected text"]);
    for command in ["predict", "evaluate"] {
        let args = [command, "data.csv", "y.tfn"];
        folder.bad(&args, &["data.csv: cannot be read as a model", "`tfn train`"]);
    }
    folder.bad(&["info", "data.csv"], &["data.csv: cannot be read as a model"]);
}

#[test]
fn rows_that_are_long() {
    let folder = Folder::new();
    let names: Vec<String> = (0..3000).map(|column| format!("c{column}")).collect();
    let mut text = format!("{},y\n", names.join(","));
    for row in 0..40 {
        let cells: Vec<String> = (0..3000).map(|column| (row * column % 13).to_string()).collect();
        text.push_str(&format!("{},{}.5\n", cells.join(","), row % 7));
    }
    folder.write("train.csv", text);
    let (out, _) = folder.good(&train("train.csv", "y"));
    assert!(out.contains("… and 2900 more columns") && out.lines().count() < 3200, "{out}");

    // Long texts are cut where they are shown.
    folder.write("train.csv", first(|_, _| "a".repeat(100_000)));
    let (out, _) = folder.good(&train("train.csv", "y"));
    assert!(out.contains("is the same in all rows") && out.len() < 5000, "{}", out.len());
    let models = with_models();
    models.write("new.csv", format!("x,z\n1,{}\n", "b".repeat(100_000)));
    let text = models.bad(&["predict", "y.tfn", "new.csv"], &["new.csv: line 2: column 2 `z`"]);
    assert!(text.len() < 1000, "{}", text.len());
}

#[test]
fn tables_that_are_not_as_at_the_training() {
    let folder = with_models();
    let (plain_answers, _) = folder.predict("y.tfn", "x,z\n0.5,0.25\n");
    let (answers, text) = folder.predict("y.tfn", "more,z,x\n7,0.25,0.5\n");
    assert_eq!(answers, plain_answers);
    assert!(text.contains("`more` was no column of the table trained on: ignored"), "{text}");
    assert!(text.contains("1 row, 0 of them"), "{text}");
    // The target may be there, whatever it is.
    assert_eq!(folder.predict("y.tfn", "y,z,x\nwho knows,0.25,0.5\n").0, plain_answers);
    assert_eq!(folder.predict("y.tfn", "x;z\n0,5;0,25\n").0, plain_answers);

    let refuse = |bytes: &str, parts: &[&str]| {
        folder.write("new.csv", bytes);
        folder.bad(&["predict", "y.tfn", "new.csv", "-o", "answers.csv"], parts);
        assert!(!folder.has("answers.csv"));
    };
    refuse("x,q\n1,2\n", &["new.csv: has no column `z`, expected one of its columns such as"]);
    refuse("x,z\n", &["new.csv: has no rows"]);
    refuse("", &["new.csv: is empty"]);
    refuse("x,z\n1,2\n1,big\n", &["new.csv: line 3: column 2 `z` is `big`, expected a number"]);
    refuse("1,2\n3,4\n", &["has no column `x`", "put a line with the names"]);

    let (out, text) = {
        let some = targets(|row, y| if row % 5 == 0 { String::new() } else { y.to_owned() });
        folder.write("new.csv", some);
        folder.good(&["evaluate", "y.tfn", "new.csv"])
    };
    assert!(out.contains("40 rows, intervals of 90.0 %"), "{out}");
    assert!(text.contains("10 rows without a value of `y`: not judged"), "{text}");
    let judge = |model: &str, bytes: &str, parts: &[&str]| {
        folder.write("new.csv", bytes);
        folder.bad(&["evaluate", model, "new.csv"], parts);
    };
    judge("y.tfn", "x,z\n1,2\n", &["no values of `y`"]);
    judge("y.tfn", "x,z,y\n1,2,\n", &["no values of `y`"]);
    judge(
        "y.tfn",
        "x,z,y\n1,2,3\n1,2,much\n",
        &["line 3: column 3 `y` is `much`, expected a number"],
    );
    let parts = ["line 3: column 3 `y` is `new`", "hi, lo", "leave such rows out"];
    judge("kind.tfn", "x,z,y\n1,2,hi\n1,2,new\n", &parts);
}

#[test]
fn what_is_said_of_a_long_file_is_said_once() {
    let folder = with_models();
    // More rows than are answered at a time, with gaps in all parts.
    let rows: String = (0..20_000).map(|row| if row % 3 == 0 { ",0\n" } else { "0,0\n" }).collect();
    folder.write("new.csv", format!("x,z,more\n{}", rows.replace('\n', ",1\n")));
    let args = ["predict", "y.tfn", "new.csv", "--draws", "1", "-o", "answers.csv"];
    let (_, text) = folder.good(&args);
    assert_eq!(text.matches("`x` is missing in 6667 rows").count(), 1, "{text}");
    assert_eq!(text.matches("`x` is missing").count(), 1, "{text}");
    assert_eq!(text.matches("`more` was no column").count(), 1, "{text}");
}

#[test]
fn outputs_that_cannot_be() {
    let folder = with_models();
    folder.write("data.csv", plain());
    fs::create_dir(folder.path().join("folder")).unwrap();
    // Said before the work is done.
    let start = Instant::now();
    let args = ["train", "data.csv", "--target", "y", "-o", "folder"];
    folder.bad(&args, &["folder: is a folder, expected the name of a file"]);
    folder.bad(&["predict", "y.tfn", "data.csv", "-o", "folder"], &["folder: is a folder"]);
    assert!(start.elapsed() < Duration::from_secs(10));
    folder
        .bad(&["predict", "y.tfn", "data.csv", "-o", "none/a.csv"], &["none/a.csv: No such file"]);
    // A training makes the folder of its model.
    folder.good(&[&train("data.csv", "y")[..], &["-q", "-o", "new/y.tfn"]].concat());
    assert!(folder.has("new/y.tfn") && !folder.has("new/y.tfn.partial"));
    // What is read is not written over.
    for args in [
        &["train", "data.csv", "--target", "y", "-o", "data.csv"][..],
        &["predict", "y.tfn", "data.csv", "-o", "./data.csv"],
        &["predict", "y.tfn", "data.csv", "-o", "y.tfn"],
    ] {
        let (code, _, text) = folder.run(args);
        assert!(code == 2 && text.contains("is read by this command"), "{text}");
    }
    assert_eq!(fs::read_to_string(folder.path().join("data.csv")).unwrap(), plain());
    folder.bad(&["predict", "y.tfn", "data.csv", "--keep", "q"], &["data.csv: has no column `q`"]);
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new();
    folder.write("data.csv", plain());
    let path = folder.path().join("data.csv");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // Root may read it all the same.
    if fs::File::open(&path).is_err() {
        folder.bad(&train("data.csv", "y"), &["data.csv: Permission denied"]);
    }
}

#[test]
fn a_command_that_is_killed_leaves_no_half_file() {
    let folder = with_models();
    let rows = "0.5,0.25\n".repeat(100_000);
    folder.write("long.csv", format!("x,z\n{rows}"));
    let kill = |args: &[&str], is_begun: &dyn Fn() -> bool| {
        let mut child = folder.command(args).stderr(Stdio::null()).spawn().unwrap();
        let start = Instant::now();
        while !is_begun() {
            assert!(start.elapsed() < Duration::from_secs(60), "{args:?}");
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success(), "{args:?}");
    };
    // The file beside it that becomes the answers when it is whole.
    let is_some = || {
        let entries = fs::read_dir(folder.path()).unwrap();
        entries.filter_map(Result::ok).any(|entry| {
            let name = entry.file_name().into_string().unwrap();
            name.starts_with(".tfn-") && entry.metadata().is_ok_and(|file| file.len() > 0)
        })
    };
    kill(&["predict", "y.tfn", "long.csv", "-o", "answers.csv"], &is_some);
    assert!(!folder.has("answers.csv"));
    // What was left does not hinder the next one.
    folder.write("new.csv", "x,z\n1,2\n");
    folder.good(&["predict", "y.tfn", "new.csv", "-o", "answers.csv"]);
    assert!(folder.has("answers.csv"));

    folder.write("data.csv", plain());
    let args = ["train", "data.csv", "--target", "y", "-o", "killed.tfn"];
    kill(&args, &|| folder.has("killed.tfn.partial/model-1.safetensors"));
    assert!(!folder.has("killed.tfn"));
    let args = [&train("data.csv", "y")[..], &["-o", "killed.tfn"]].concat();
    // What was done is not thrown away.
    let output = folder.command(&args).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text.contains("an interrupted training was left in killed.tfn.partial: --resume"),
        "{text}"
    );
    fs::remove_dir_all(folder.path().join("killed.tfn.partial")).unwrap();
    folder.good(&args);
    assert!(folder.has("killed.tfn") && !folder.has("killed.tfn.partial"));
}
