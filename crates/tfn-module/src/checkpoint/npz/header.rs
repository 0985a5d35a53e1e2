//! What stands before the numbers of a `.npy` file: type, order and shape, as the text of a Python dict.

use std::io::{self, Read};

use crate::error::NpzError;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// NumPy itself reads no longer text.
const LONGEST: usize = 10_000;
/// The numbers start at a multiple of this.
const ALIGNMENT: usize = 64;

/// The header of a `.npy` file.
///
/// # Examples
/// ```
/// use tfn_module::checkpoint::NpyHeader;
///
/// let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }";
/// let length = (text.len() as u16).to_le_bytes();
/// let file = [b"\x93NUMPY\x01\x00", &length[..], text.as_bytes()].concat();
/// let (header, length) = NpyHeader::read("x.npy", &mut &file[..])?;
/// assert_eq!((header.descr.as_str(), &header.shape[..], length), ("<f4", &[3, 2][..], file.len()));
/// # Ok::<(), tfn_module::checkpoint::NpzError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NpyHeader {
    /// NumPy's word for the type, such as `<f4`; of a record the text of its list.
    pub descr: String,
    /// Whether the first index runs fastest.
    pub fortran_order: bool,
    /// Sizes of the axes.
    pub shape: Vec<usize>,
}

impl NpyHeader {
    /// Reads the header, and says how many bytes it has: behind them stand the entries. `member` names the file in errors.
    ///
    /// # Errors
    /// [`NpzError::Header`] for what is no such header, [`NpzError::Data`] if it cannot be read.
    pub fn read(member: &str, reader: &mut dyn Read) -> Result<(Self, usize), NpzError> {
        let bad = |reason| NpzError::Header { member: member.to_owned(), reason };
        let mut fill = |bytes: &mut [u8]| {
            reader.read_exact(bytes).map_err(|source| match source.kind() {
                io::ErrorKind::UnexpectedEof => bad("it ends in its header"),
                _ => NpzError::Data { member: member.to_owned(), source },
            })
        };
        let mut start = [0; 8];
        fill(&mut start)?;
        if !start.starts_with(MAGIC) {
            return Err(bad("it does not start as one"));
        }
        let (length, before) = match (start[6], start[7]) {
            (1, 0) => {
                let mut length = [0; 2];
                fill(&mut length)?;
                (usize::from(u16::from_le_bytes(length)), 10)
            }
            (2 | 3, 0) => {
                let mut length = [0; 4];
                fill(&mut length)?;
                (usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX), 12)
            }
            _ => return Err(bad("its format version is not 1.0, 2.0 or 3.0")),
        };
        if length > LONGEST {
            return Err(bad("its header is longer than 10000 bytes"));
        }
        let mut text = vec![0; length];
        fill(&mut text)?;
        let text = str::from_utf8(&text).map_err(|_| bad("its header is no text"))?;
        let header = Cursor(text).header().ok_or_else(|| {
            bad("its header is no dict of `descr`, `fortran_order` and `shape` as NumPy writes it")
        })?;
        Ok((header, before + length))
    }

    /// The header of row-major numbers as bytes.
    pub(super) fn bytes(descr: &str, shape: &[usize]) -> Result<Vec<u8>, NpzError> {
        let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
        let comma = if shape.len() == 1 { "," } else { "" };
        let sizes = sizes.join(", ");
        let mut text =
            format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({sizes}{comma}), }}");
        let before = MAGIC.len() + 4;
        let whole = (before + text.len() + 1).next_multiple_of(ALIGNMENT);
        text.extend(std::iter::repeat_n(' ', whole - before - text.len() - 1));
        text.push('\n');
        let length = u16::try_from(text.len()).ok().filter(|&length| length as usize <= LONGEST);
        let length = length.ok_or_else(|| NpzError::Header {
            member: "what was to be written".to_owned(),
            reason: "its header would be longer than 10000 bytes",
        })?;
        Ok([&MAGIC[..], &[1, 0], &length.to_le_bytes(), text.as_bytes()].concat())
    }
}

/// What is left of the text. Without recursion: no text can be nested too deep.
struct Cursor<'t>(&'t str);

impl<'t> Cursor<'t> {
    /// `{'descr': …, 'fortran_order': …, 'shape': …, }`, in any order, each once.
    fn header(mut self) -> Option<NpyHeader> {
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        self.token("{")?;
        while self.token("}").is_none() {
            let key = self.string()?;
            self.token(":")?;
            let new = match key {
                "descr" => descr.replace(self.descr()?).is_none(),
                "fortran_order" => fortran_order.replace(self.flag()?).is_none(),
                "shape" => shape.replace(self.shape()?).is_none(),
                _ => false,
            };
            if !new || (self.token(",").is_none() && !self.0.trim_start().starts_with('}')) {
                return None;
            }
        }
        let nothing_more = self.0.trim().is_empty();
        nothing_more.then_some(())?;
        Some(NpyHeader { descr: descr?, fortran_order: fortran_order?, shape: shape? })
    }

    /// Steps over white space and then `token`, if it is there.
    fn token(&mut self, token: &str) -> Option<()> {
        self.0 = self.0.trim_start().strip_prefix(token)?;
        Some(())
    }

    /// Steps over `length` bytes and gives them.
    fn take(&mut self, length: usize) -> Option<&'t str> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn string(&mut self) -> Option<&'t str> {
        let quote =
            if self.token("'").is_some() { '\'' } else { self.token("\"").map(|()| '"')? };
        let text = self.take(self.0.find(quote)?)?;
        self.take(1)?;
        (!text.contains('\\')).then_some(text)
    }

    /// A string, or the list that describes a record.
    fn descr(&mut self) -> Option<String> {
        self.0 = self.0.trim_start();
        if !self.0.starts_with('[') {
            return self.string().map(str::to_owned);
        }
        let (mut depth, mut quote) = (0_usize, None);
        for (at, c) in self.0.char_indices() {
            match (quote, c) {
                (Some(open), _) if open == c => quote = None,
                (Some(_), _) => {}
                (None, '\'' | '"') => quote = Some(c),
                (None, '[' | '(') => depth += 1,
                (None, ']' | ')') => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return self.take(at + c.len_utf8()).map(str::to_owned);
            }
        }
        None
    }

    fn flag(&mut self) -> Option<bool> {
        self.token("True").map(|()| true).or_else(|| self.token("False").map(|()| false))
    }

    /// `()`, `(2,)`, `(2, 3)`.
    fn shape(&mut self) -> Option<Vec<usize>> {
        let mut shape = Vec::new();
        self.token("(")?;
        while self.token(")").is_none() {
            self.0 = self.0.trim_start();
            let digits = self.0.find(|c: char| !c.is_ascii_digit())?;
            shape.push(self.take(digits)?.parse().ok()?);
            if self.token(",").is_none() && !self.0.trim_start().starts_with(')') {
                return None;
            }
        }
        Some(shape)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn parsed(text: &str) -> Option<(String, bool, Vec<usize>)> {
        Cursor(text).header().map(|header| (header.descr, header.fortran_order, header.shape))
    }

    #[test]
    fn headers_of_numpy_are_read() {
        let of =
            |shape| format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}  \n");
        for (text, shape) in [
            ("()", vec![]),
            ("(3,)", vec![3]),
            ("(3, 4)", vec![3, 4]),
            ("(0, 1, 2)", vec![0, 1, 2]),
        ] {
            assert_eq!(parsed(&of(text)).unwrap(), ("<f4".to_owned(), false, shape));
        }
        let other = r#"{"shape":(3,4),"fortran_order":True,"descr":">f8"}"#;
        assert_eq!(parsed(other).unwrap(), (">f8".to_owned(), true, vec![3, 4]));
        let record =
            "{'descr': [('a]', '<f4', (2,)), ('b', '|S3')], 'fortran_order': False, 'shape': (2,)}";
        assert_eq!(parsed(record).unwrap().0, "[('a]', '<f4', (2,)), ('b', '|S3')]");
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "",
            "{",
            "{}",
            "{'descr'",
            "{'descr': '<f4', 'fortran_order': False}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} more",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'shape': (2,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'more': (2,)}",
            "{'descr': '<f4' 'fortran_order': False, 'shape': (2,)}",
            "{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': 2}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999,)}",
            "{'descr': [('a', '<f4'), 'fortran_order': False, 'shape': (2,)}",
            "{'descr': ], 'fortran_order': False, 'shape': (2,)}",
            "{'descr': '<f\\'4', 'fortran_order': False, 'shape': (2,)}",
            &"[".repeat(5000),
            &format!("{{'descr': {}", "[".repeat(5000)),
            "é{'descr': 'é', 'fortran_order': é",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_and_aligned() {
        for shape in [&[][..], &[7], &[0, 4], &[1, 2, 3], &[1000; 30]] {
            let bytes = NpyHeader::bytes("<f8", shape).unwrap();
            assert_eq!(bytes.len() % ALIGNMENT, 0);
            let (header, length) = NpyHeader::read("a", &mut &bytes[..]).unwrap();
            assert_eq!(
                (header.descr.as_str(), header.fortran_order, length),
                ("<f8", false, bytes.len())
            );
            assert_eq!(header.shape, shape);
        }
        assert!(matches!(NpyHeader::bytes("<f8", &[1; 9000]), Err(NpzError::Header { .. })));
    }
}
