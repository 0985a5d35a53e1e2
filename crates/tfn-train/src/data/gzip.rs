//! Reading gzip files as `gzip -d` does.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// First bytes of a gzip member.
pub(super) const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// What a gzip file holds: that of all its members, one after the other. Zero bytes behind a member, by which files are
/// filled up to whole blocks, are no data; anything else there is an error.
#[derive(Debug)]
pub(super) struct Unzipped<R> {
    /// `None` behind the last member.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Unzipped<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { member: Some(GzDecoder::new(reader)) }
    }

    /// Goes on to the next member, if there is one.
    fn advance(&mut self) -> io::Result<()> {
        let Some(member) = &mut self.member else { return Ok(()) };
        let is_end = skip_zeros(member.get_mut())?;
        let rest = self.member.take().map(GzDecoder::into_inner);
        self.member = rest.filter(|_| !is_end).map(GzDecoder::new);
        Ok(())
    }
}

/// Skips zero bytes; whether nothing follows.
fn skip_zeros(reader: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let bytes = match reader.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            bytes => bytes?,
        };
        let (zeros, all) = (bytes.iter().take_while(|&&byte| byte == 0).count(), bytes.len());
        reader.consume(zeros);
        if zeros < all || all == 0 {
            return Ok(all == 0);
        }
    }
}

impl<R: BufRead> Read for Unzipped<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let count = member.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            self.advance()?;
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Write};

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// What is read with a buffer of so many bytes.
    fn read(bytes: &[u8], capacity: usize) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        Unzipped::new(BufReader::with_capacity(capacity, bytes)).read_to_end(&mut all)?;
        Ok(all)
    }

    #[test]
    fn members_are_one_after_the_other_and_padding_is_no_data() {
        let (a, b, empty) = (packed(b"first "), packed(b"second"), packed(b""));
        for zeros in [0, 1, 2, 17, 512, 100_000] {
            let zeros = vec![0; zeros];
            for (members, right) in [
                (vec![&a], &b"first "[..]),
                (vec![&a, &b], b"first second"),
                (vec![&a, &empty, &b], b"first second"),
                (vec![&empty], b""),
            ] {
                for capacity in [1, 3, 8192] {
                    let behind =
                        [members.iter().copied().flatten().copied().collect(), zeros.clone()];
                    assert_eq!(read(&behind.concat(), capacity).unwrap(), right);
                    let between = members.iter().map(|member| [&member[..], &zeros].concat());
                    assert_eq!(
                        read(&between.collect::<Vec<_>>().concat(), capacity).unwrap(),
                        right
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_not_whole_is_an_error() {
        let whole = packed(b"some bytes");
        for end in [2, 9, whole.len() / 2, whole.len() - 1] {
            assert_eq!(read(&whole[..end], 64).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
            // Of a second member too, with padding between.
            let second = [&whole, &[0, 0][..], &whole[..end]].concat();
            assert!(read(&second, 64).is_err(), "{end}");
        }
        for garbage in [&b"text that is no member"[..], b"\x001", b"\0\0\0\0\0\0\0\0\0\0\0\0\0x"] {
            assert!(read(&[&whole, garbage].concat(), 64).is_err());
        }
    }
}
