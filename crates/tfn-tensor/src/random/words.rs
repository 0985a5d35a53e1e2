//! Words of random bits by position, and the filling of tensors from them.
//!
//! Word `i` of draw `n` is word `i` of the ChaCha8 stream `n` under the key of the draws: a function
//! of its position alone. So a tensor can be filled in blocks, in any order and by any number of
//! threads, and a shorter draw is the beginning of a longer one.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::prf::Bits;
use crate::kernels::in_chunks;

/// Entries that one thread fills at a time.
const BLOCK: usize = 4096;
/// Entries below which waking other threads takes longer than filling.
const PARALLEL: usize = 4 * BLOCK;
/// Entries that are filled from one scratch of words.
const TILE: usize = 256;
/// Entries that are converted together: words are made for whole groups.
const GROUP: usize = crate::kernels::normal::BLOCK;
/// Signs that one 32-bit word holds.
const SIGNS: usize = 32;
const _: () =
    assert!(BLOCK.is_multiple_of(TILE) && TILE.is_multiple_of(GROUP) && TILE.is_multiple_of(SIGNS));

/// Random bits that one entry takes.
pub(super) trait Word: Copy + Default + Send {
    /// The number from its bytes, lowest first.
    fn from_bytes(bytes: &[u8]) -> Self;
}

impl Word for u32 {
    #[inline(always)]
    fn from_bytes(bytes: &[u8]) -> Self {
        let mut word = [0; size_of::<Self>()];
        word.copy_from_slice(bytes);
        Self::from_le_bytes(word)
    }
}

impl Word for u64 {
    #[inline(always)]
    fn from_bytes(bytes: &[u8]) -> Self {
        let mut word = [0; size_of::<Self>()];
        word.copy_from_slice(bytes);
        Self::from_le_bytes(word)
    }
}

/// The words of one draw.
#[derive(Clone, Copy)]
pub(super) struct Words {
    key: Bits,
    draw: u64,
}

impl Words {
    pub(super) fn new(key: Bits, draw: u64) -> Self {
        Self { key, draw }
    }

    /// The generator of these words from byte `position` (a multiple of four) on.
    pub(super) fn generator(&self, position: usize) -> ChaCha8Rng {
        let mut generator = ChaCha8Rng::from_seed(self.key);
        generator.set_stream(self.draw);
        generator.set_word_pos(position as u128 / 4);
        generator
    }

    /// Fills `out` by `convert`, which is given tiles of it and one word for each entry. A tile is
    /// [`TILE`] entries but for the last one; the words of a tile are whole groups.
    pub(super) fn fill<W: Word, E: Send>(
        &self,
        out: &mut [E],
        convert: impl Fn(&mut [E], &[W]) + Sync,
    ) {
        let size = size_of::<W>();
        self.fill_tiles(out, size * BLOCK, &|generator, tile| {
            let count = tile.len().next_multiple_of(GROUP);
            let mut bytes = [0; TILE * size_of::<u64>()];
            let mut words = [W::default(); TILE];
            let (bytes, words) = (&mut bytes[..size * count], &mut words[..count]);
            generator.fill_bytes(bytes);
            for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(size)) {
                *word = W::from_bytes(bytes);
            }
            convert(tile, words);
        });
    }

    /// Fills `out` with `minus` and `plus`, chosen by one bit each.
    pub(super) fn fill_signs<E: Copy + Send + Sync>(&self, out: &mut [E], minus: E, plus: E) {
        self.fill_tiles(out, BLOCK / 8, &|generator, tile| {
            for group in tile.chunks_mut(SIGNS) {
                let mut word = generator.next_u32();
                for entry in group {
                    *entry = if word & 1 == 0 { minus } else { plus };
                    word >>= 1;
                }
            }
        });
    }

    /// Runs `fill` over the tiles of `out` in order within each block, with a generator that is at
    /// the first word of the block when it starts.
    fn fill_tiles<E: Send>(
        &self,
        out: &mut [E],
        block_bytes: usize,
        fill: &(dyn Fn(&mut ChaCha8Rng, &mut [E]) + Sync),
    ) {
        in_chunks(out, BLOCK, out.len() >= PARALLEL, &|index, block| {
            let mut generator = self.generator(index * block_bytes);
            block.chunks_mut(TILE).for_each(|tile| fill(&mut generator, tile));
        });
    }
}
