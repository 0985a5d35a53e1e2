//! A file's bytes as text in UTF-8.

use std::io::{self, BufReader, Chain, Cursor, Read};

use super::encoding::Encoding;
use crate::data::gzip::{MAGIC, Unzipped};

/// A reader that was looked into, and gives what was seen once more: of [`CsvOptions::detect_reader`](super::CsvOptions::detect_reader).
pub type Peeked<R> = Chain<Cursor<Vec<u8>>, R>;

/// The first bytes of a reader, at most so many, and the reader as if they had not been read.
pub(super) fn peek<R: Read>(mut reader: R, count: u64) -> io::Result<(Vec<u8>, Peeked<R>)> {
    let mut first = Vec::new();
    reader.by_ref().take(count).read_to_end(&mut first)?;
    Ok((first.clone(), Cursor::new(first).chain(reader)))
}

/// Bytes, unpacked if they are gzip's.
#[derive(Debug)]
pub(super) enum Unpacked<R> {
    Plain(Peeked<R>),
    Gzip(Box<Unzipped<BufReader<Peeked<R>>>>),
}

impl<R: Read> Unpacked<R> {
    pub(super) fn new(reader: R) -> io::Result<Self> {
        let (first, reader) = peek(reader, MAGIC.len() as u64)?;
        let gzip = |reader| Self::Gzip(Box::new(Unzipped::new(BufReader::new(reader))));
        Ok(if first == MAGIC { gzip(reader) } else { Self::Plain(reader) })
    }
}

impl<R> Unpacked<R> {
    /// What is wrong with a gzip file, if that is why it was not read.
    pub(super) fn gzip_error(&self, error: &io::Error) -> Option<String> {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        match (self, error.kind()) {
            (Self::Gzip(_), UnexpectedEof) => Some("ends too early".to_owned()),
            (Self::Gzip(_), InvalidData | InvalidInput) => Some(error.to_string()),
            _ => None,
        }
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(reader) => reader.read(buffer),
            Self::Gzip(reader) => reader.read(buffer),
        }
    }
}

/// A byte order mark in UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Text, without a byte order mark.
#[derive(Debug)]
pub(super) struct Source<R> {
    bytes: Unpacked<R>,
    encoding: Encoding,
    /// Bytes that are not decoded yet.
    rest: Vec<u8>,
    /// Text, from `start` on not handed out yet.
    text: Vec<u8>,
    start: usize,
    /// Nothing was read yet.
    is_new: bool,
}

impl<R: Read> Source<R> {
    pub(super) fn new(reader: R, encoding: Encoding) -> io::Result<Self> {
        let (rest, text) = (Vec::new(), Vec::new());
        Ok(Self { bytes: Unpacked::new(reader)?, encoding, rest, text, start: 0, is_new: true })
    }

    /// Decodes more; there is no more if `text` stays empty.
    fn fill(&mut self) -> io::Result<()> {
        self.text.clear();
        self.start = 0;
        let mut is_end = false;
        while self.text.is_empty() && !is_end {
            let before = self.rest.len();
            self.rest.resize(before + (1 << 14), 0);
            let result = self.bytes.read(&mut self.rest[before..]);
            self.rest.truncate(before + result.as_ref().map_or(0, |count| *count));
            match result {
                Ok(count) => is_end = count == 0,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            let used = self.encoding.decode(&self.rest, is_end, &mut self.text);
            self.rest.drain(..used);
            if self.is_new && self.text.starts_with(MARK) {
                self.text.drain(..MARK.len());
            }
            self.is_new &= self.text.is_empty() && !is_end;
        }
        Ok(())
    }

    /// Reads the first bytes of what is UTF-8 already, which may be a mark.
    fn begin(&mut self) -> io::Result<()> {
        self.bytes.by_ref().take(MARK.len() as u64).read_to_end(&mut self.text)?;
        self.is_new = false;
        if self.text == MARK {
            self.text.clear();
        }
        Ok(())
    }
}

impl<R> Source<R> {
    pub(super) fn gzip_error(&self, error: &io::Error) -> Option<String> {
        self.bytes.gzip_error(error)
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let is_utf8 = self.encoding == Encoding::Utf8;
        if is_utf8 && self.is_new {
            self.begin()?;
        }
        match self.start == self.text.len() {
            true if is_utf8 => return self.bytes.read(buffer),
            true => self.fill()?,
            false => {}
        }
        let count = (&self.text[self.start..]).read(buffer)?;
        self.start += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
