//! How one key is made from another.
//!
//! A key is 256 bits. Everything made from it is a value of a pseudorandom function, ChaCha with 20
//! rounds under that key: its 128 bits of input are a block counter, which says what is being made,
//! and a stream number, which holds up to eight bytes of a label. The first 32 bytes of that block
//! are the new key. A longer label goes through several such steps, of which only the last is marked
//! as the last, so that no label is the beginning of another one and different labels do not meet.
//!
//! These numbers are a promise: a change of anything here changes every drawn value.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

/// The 256 bits of a key.
pub(super) type Bits = [u8; 32];

/// The key from which seeds make the roots of their trees.
const ROOT: Bits = *b"tfn keys, by seed, path and call";
/// Words of one ChaCha block.
const BLOCK_WORDS: u128 = 16;
/// Bytes of a label that one step takes.
const CHUNK: usize = 8;
/// Mark of a step that does not hold the end of its label.
const MORE: u64 = 9;

/// What is made from a key: the high byte of the block counter.
#[derive(Clone, Copy)]
enum Purpose {
    Seed = 0,
    Child = 1,
    Draws = 2,
}

/// The root of the tree of `seed`.
pub(super) fn root(seed: u64) -> Bits {
    step(&ROOT, Purpose::Seed, CHUNK as u64, seed)
}

/// The key of the child named `label`.
pub(super) fn child(parent: &Bits, label: &[u8]) -> Bits {
    let mut bits = *parent;
    let mut rest = label;
    while rest.len() > CHUNK {
        let (now, later) = rest.split_at(CHUNK);
        bits = step(&bits, Purpose::Child, MORE, number(now));
        rest = later;
    }
    step(&bits, Purpose::Child, rest.len() as u64, number(rest))
}

/// The key under which a stream draws.
pub(super) fn draws(parent: &Bits) -> Bits {
    step(parent, Purpose::Draws, 0, 0)
}

fn step(bits: &Bits, purpose: Purpose, mark: u64, chunk: u64) -> Bits {
    let mut cipher = ChaCha20Rng::from_seed(*bits);
    cipher.set_stream(chunk);
    cipher.set_word_pos(u128::from((purpose as u64) << 8 | mark) * BLOCK_WORDS);
    let mut made = Bits::default();
    cipher.fill_bytes(&mut made);
    made
}

/// Up to eight bytes as a number, the first one lowest.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn labels_that_look_alike_give_different_keys() {
        let parent = root(0);
        let labels: [&[u8]; 14] = [
            b"",
            b"\0",
            b"\0\0",
            b"a",
            b"a\0",
            b"\0a",
            b"kernel_0",
            b"kernel_0\0",
            b"kernel_0a",
            b"kernel_1",
            b"kernel_0kernel_0",
            b"kernel_0kernel_0\0",
            b"kernel_0kernel_1",
            b"kernel_1kernel_0",
        ];
        let mut keys: BTreeSet<Bits> = labels.iter().map(|label| child(&parent, label)).collect();
        keys.extend([parent, draws(&parent), root(1), child(&root(1), b"a")]);
        assert_eq!(keys.len(), labels.len() + 4);
    }

    #[test]
    fn a_label_in_two_parts_is_not_two_labels() {
        let parent = root(7);
        let twice = child(&child(&parent, b"kernel_0"), b"a");
        assert_ne!(child(&parent, b"kernel_0a"), twice);
    }

    // VALUE-BREAKING if it changes: every key, and with it every draw, follows from these. They agree
    // with a ChaCha written apart from this one, from its definition.
    #[test]
    fn fixed_keys() {
        let parent = root(42);
        let keys = [
            (parent, "363422729ea2851f214b944aacea03406efe50a15600840315d7fd7e59ddecd4"),
            (
                child(&parent, b""),
                "86b02bea9b13d045e90b1ce1934484cf912095622e4cac2804a32a62cb8da111",
            ),
            (
                child(&parent, b"posterior_kernel"),
                "4058f25803e5fd0c1ce9123b1b858b23347ee94f0f8749ffb810d7dc66b06590",
            ),
            (
                child(&parent, b"posterior_kernels"),
                "73451145c0de7e7e949c5833b92830a1a5a486ae905a44284c562ad60794769a",
            ),
            (draws(&parent), "43ca754cd54cb4aedd899cb2cdcad1b8d5b7574693f3ad75e8e2ac7717d5c1ee"),
        ];
        for (key, expected) in keys {
            assert_eq!(hex(&key), expected);
        }
    }

    fn hex(bits: &Bits) -> String {
        bits.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
