//! The line that each row of a file begins on.

use std::collections::VecDeque;
use std::io::{self, Read};

/// A reader that remembers where the lines begin that have anything in them, as far as it has read ahead.
///
/// A reader of CSV counts empty lines, and the second half of a CRLF, with the row that comes after them.
#[derive(Debug)]
pub(super) struct Lines<R> {
    inner: R,
    /// Bytes that were read.
    offset: u64,
    line: u64,
    before: u8,
    /// Where lines begin, and their numbers.
    starts: VecDeque<(u64, u64)>,
}

impl<R> Lines<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, offset: 0, line: 1, before: b'\n', starts: VecDeque::new() }
    }

    pub(super) fn get_ref(&self) -> &R {
        &self.inner
    }

    /// The number of the first line that begins at byte `start` or later; those before it are forgotten.
    pub(super) fn line_at(&mut self, start: u64) -> u64 {
        while self.starts.front().is_some_and(|&(offset, _)| offset < start) {
            self.starts.pop_front();
        }
        self.starts.front().map_or(self.line, |&(_, line)| line)
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        for &byte in buffer.iter().take(count) {
            match (self.before, byte) {
                (b'\r', b'\n') => {}
                (_, b'\r' | b'\n') => self.line += 1,
                (b'\r' | b'\n', _) => self.starts.push_back((self.offset, self.line)),
                _ => {}
            }
            self.before = byte;
            self.offset += 1;
        }
        Ok(count)
    }
}
