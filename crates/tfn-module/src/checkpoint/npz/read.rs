//! From an archive to the values of variables.

use std::io::Read;

use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive, ZipArchiveEntryWayfinder, ZipSliceArchive};
use tfn_tensor::{Tensor, Variable};

use super::header::NpyHeader;
use crate::checkpoint::contents::tensor;
use crate::error::{ModuleError, NpzError, NpzMismatch, Result};

/// Where an array is in its archive.
struct Member {
    place: ZipArchiveEntryWayfinder,
    method: CompressionMethod,
    /// Number of bytes of header and entries, as the archive states it.
    size: u64,
}

/// An archive whose directory is read.
struct Archive<'b> {
    bytes: ZipSliceArchive<&'b [u8]>,
    /// The array of each variable, where there is one.
    arrays: Vec<Option<Member>>,
    /// Names of the other members.
    others: Vec<String>,
    /// Number of all members.
    count: usize,
}

/// The values of `variables`, in their order, if all of them fit.
pub(super) fn values(variables: &[Variable], bytes: &[u8], origin: &str) -> Result<Vec<Tensor>> {
    let bad = |source| ModuleError::Npz { op: "load_npz", given: origin.to_owned(), source };
    let mut archive = Archive::open(bytes, variables.len()).map_err(bad)?;
    let mut mismatch = NpzMismatch {
        origin: origin.to_owned(),
        given: archive.count,
        expected: variables.len(),
        extra: std::mem::take(&mut archive.others),
        ..NpzMismatch::default()
    };
    let mut values = Vec::new();
    for (position, (variable, member)) in variables.iter().zip(&archive.arrays).enumerate() {
        match member {
            None => mismatch.missing.push((position, variable.name().to_owned())),
            Some(member) => {
                let read = archive.read(position, member, variable, &mut mismatch);
                if let Some(bytes) = read.map_err(bad)? {
                    values.push(tensor(&bytes, variable)?);
                }
            }
        }
    }
    if mismatch.is_empty() { Ok(values) } else { Err(ModuleError::NpzMismatch(Box::new(mismatch))) }
}

pub(super) fn name(number: usize) -> String {
    format!("arr_{number}.npy")
}

/// The number in `arr_12.npy`, written as NumPy writes it.
fn number(member: &[u8]) -> Option<usize> {
    let digits = member.strip_prefix(b"arr_")?.strip_suffix(b".npy")?;
    let found = str::from_utf8(digits).ok()?.parse().ok()?;
    (name(found).as_bytes() == member).then_some(found)
}

fn broken(source: rawzip::Error) -> NpzError {
    NpzError::Archive(source.into())
}

impl<'b> Archive<'b> {
    fn open(bytes: &'b [u8], variables: usize) -> Result<Self, NpzError> {
        let bytes = ZipArchive::from_slice(bytes).map_err(broken)?;
        let mut arrays: Vec<Option<Member>> = (0..variables).map(|_| None).collect();
        let mut others = Vec::new();
        let mut entries = bytes.entries();
        let mut count = 0;
        while let Some(entry) = entries.next_entry().map_err(broken)? {
            count += 1;
            let path = entry.file_path();
            let number = number(path.as_bytes());
            let Some((number, array)) = number.and_then(|n| Some((n, arrays.get_mut(n)?))) else {
                others.push(String::from_utf8_lossy(path.as_bytes()).into_owned());
                continue;
            };
            let member = Member {
                place: entry.wayfinder(),
                method: entry.compression_method(),
                size: entry.uncompressed_size_hint(),
            };
            if array.replace(member).is_some() {
                return Err(NpzError::Twice { member: name(number) });
            }
        }
        if count as u64 != bytes.entries_hint() {
            let stated = bytes.entries_hint();
            return Err(NpzError::Archive(
                format!("it states {stated} members and has {count}").into(),
            ));
        }
        Ok(Self { bytes, arrays, others, count })
    }

    /// The entries of an array as they stand in a tensor; `None` if it does not fit.
    ///
    /// No more is decompressed than the header and what fits the variable.
    fn read(
        &self,
        position: usize,
        member: &Member,
        variable: &Variable,
        mismatch: &mut NpzMismatch,
    ) -> Result<Option<Vec<u8>>, NpzError> {
        let name = || name(position);
        let damaged = |source| NpzError::Data { member: name(), source };
        let entry = self.bytes.get_entry(member.place).map_err(broken)?;
        let plain: Box<dyn Read> = match member.method {
            CompressionMethod::STORE => Box::new(entry.data()),
            CompressionMethod::DEFLATE => Box::new(DeflateDecoder::new(entry.data())),
            other => return Err(NpzError::Method { member: name(), given: other.as_u16() }),
        };
        let mut reader = entry.verifying_reader(plain);
        let (header, length) = NpyHeader::read(&name(), &mut reader)?;
        if !mismatch.compare(position, variable, &header.shape, &header.descr) {
            return Ok(None);
        }
        let width = variable.dtype().size();
        let size = width * variable.shape().iter().product::<usize>();
        let expected = (length + size) as u64;
        if member.size != expected {
            return Err(NpzError::Size { member: name(), given: member.size, expected });
        }
        let mut bytes = vec![0; size];
        reader.read_exact(&mut bytes).map_err(damaged)?;
        // Asks for one byte more than there should be: the reader compares length and checksum at the end.
        if reader.read(&mut [0]).map_err(damaged)? != 0 {
            return Err(damaged(std::io::ErrorKind::InvalidData.into()));
        }
        if header.fortran_order {
            bytes = row_major(&bytes, &header.shape, width);
        }
        Ok(Some(bytes))
    }
}

/// Entries of `width` bytes, of which the first index runs fastest, with the last running fastest.
fn row_major(bytes: &[u8], shape: &[usize], width: usize) -> Vec<u8> {
    let mut sorted = Vec::with_capacity(bytes.len());
    for entry in 0..bytes.len() / width {
        let (mut rest, mut from, mut outer) = (entry, 0, bytes.len() / width);
        for &size in shape.iter().rev() {
            outer /= size;
            from += rest % size * outer;
            rest /= size;
        }
        sorted.extend_from_slice(&bytes[from * width..(from + 1) * width]);
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_that_numpy_writes() {
        for (member, found) in [
            ("arr_0.npy", Some(0)),
            ("arr_10.npy", Some(10)),
            ("arr_010.npy", None),
            ("arr_+1.npy", None),
            ("arr_.npy", None),
            ("arr_1", None),
            ("x/arr_1.npy", None),
            ("arr_99999999999999999999.npy", None),
        ] {
            assert_eq!(number(member.as_bytes()), found, "{member}");
        }
    }

    #[test]
    fn columns_become_rows() {
        let bytes: Vec<u8> = (0..24).collect();
        let sorted = row_major(&bytes, &[2, 3, 4], 1);
        for (i, j, k) in (0..24).map(|at| (at / 12, at / 4 % 3, at % 4)) {
            assert_eq!(usize::from(sorted[12 * i + 4 * j + k]), i + 2 * j + 6 * k);
        }
        assert_eq!(row_major(&[1, 2, 3, 4, 5, 6, 7, 8], &[2, 2], 2), [1, 2, 5, 6, 3, 4, 7, 8]);
        assert!(row_major(&[], &[0, 4], 8).is_empty());
    }
}
