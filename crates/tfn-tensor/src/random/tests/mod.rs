//! Tests of what the parts give together.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod positions;
mod statistics;
mod values;

use std::convert::Infallible;

use rand::TryRng;

/// A generator whose words can be told beforehand.
pub(super) struct Counter(pub(super) u64);

impl TryRng for Counter {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|word| word as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 += 1;
        Ok(self.0 - 1)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            let word = self.try_next_u64()?.to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}
