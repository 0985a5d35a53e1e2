use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;

use super::*;
use crate::data::{CsvOptions, Table};
use crate::error::{TableError, TrainError};

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Gives a few bytes at a time.
struct Slow<'a>(&'a [u8], usize);

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.1.min(buffer.len());
        self.0.read(&mut buffer[..count])
    }
}

fn text(bytes: &[u8], step: usize, encoding: Encoding) -> Vec<u8> {
    let mut all = Vec::new();
    Source::new(Slow(bytes, step), encoding).unwrap().read_to_end(&mut all).unwrap();
    all
}

#[test]
fn files_that_are_packed_are_read_whatever_their_name_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("table.csv");
    // Two members, one after the other, are one file.
    let bytes = [packed(b"x,y\n1,2\n"), packed(b"3,4\n"), vec![0; 512]].concat();
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(Table::read(&path).unwrap().numbers("y").unwrap(), [Some(2.0), Some(4.0)]);
    assert_eq!(Table::chunks(&path, 1).unwrap().count(), 2);
    let table = Table::from_reader(&bytes[..], &CsvOptions::default()).unwrap();
    assert_eq!(table.len(), 2);
}

#[test]
fn a_packed_file_that_is_not_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("table.csv.gz");
    let bytes = packed("x,y\n1,2\n3,4\n".repeat(50).as_bytes());
    for end in [10, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..end]).unwrap();
        let error = Table::read(&path).unwrap_err();
        let expected =
            TableError::Gzip { path: Some(path.clone()), given: "ends too early".to_owned() };
        assert!(matches!(&error, TrainError::Table(given) if *given == expected), "{error}");
        assert!(error.to_string().contains("expected a whole gzip file; copy it again"));
    }
    let mut changed = bytes.clone();
    let last = changed.len() - 6;
    changed[last] ^= 1;
    std::fs::write(&path, &changed).unwrap();
    let error = Table::read(&path).unwrap_err();
    assert!(matches!(&error, TrainError::Table(TableError::Gzip { .. })), "{error}");
}

#[test]
fn windows_1252() {
    let given = text(b"\x80 \x9f \xa0 \xe4\x81", 1, Encoding::Windows1252);
    assert_eq!(String::from_utf8(given).unwrap(), "€ Ÿ \u{a0} ä\u{81}");
}

proptest! {
    #[test]
    fn utf16_in_any_pieces(given in "[a-zäö€😀\n]{0,40}", step in 1..7_usize) {
        let le: Vec<u8> = given.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let be: Vec<u8> = given.encode_utf16().flat_map(u16::to_be_bytes).collect();
        prop_assert_eq!(text(&le, step, Encoding::Utf16Le), given.as_bytes());
        prop_assert_eq!(text(&be, step, Encoding::Utf16Be), given.as_bytes());
        prop_assert_eq!(text(given.as_bytes(), step, Encoding::Utf8), given.as_bytes());
    }
}
