//! Draws are functions of seed, path, call and position alone.

use std::collections::BTreeSet;

use rand::distr::{Distribution, StandardUniform};
use rand::{Rng, RngExt, SeedableRng, rngs::SmallRng};

use super::Counter;
use crate::DType::{F32, F64};
use crate::random::{Key, Stream};
use crate::{DType, Tensor, TensorError};

const fn assert_send_sync<T: Send + Sync>() {}
const _: () = assert_send_sync::<Stream>();

type Draw = fn(&mut Stream, &[usize], DType) -> Tensor;
const DRAWS: [Draw; 4] = [Stream::normal, Stream::uniform, Stream::uniform_open, Stream::signs];

/// Bits of the entries, so that equal means equal.
fn bits(draw: Draw, stream: &mut Stream, len: usize, dtype: DType) -> Vec<u64> {
    let values = draw(stream, &[len], dtype).to_f64_vec().unwrap();
    assert_eq!(values.len(), len);
    values.into_iter().map(f64::to_bits).collect()
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    for draw in DRAWS {
        for dtype in [F32, F64] {
            let drawn: Vec<_> = [1, 2, 3, 7]
                .into_iter()
                .map(|threads| {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                    let draw = || bits(draw, &mut Stream::from_seed(3), 100_003, dtype);
                    pool.unwrap().install(draw)
                })
                .collect();
            assert!(drawn.iter().all(|other| *other == drawn[0]));
        }
    }
}

#[test]
fn a_shorter_draw_begins_a_longer_one() {
    for draw in DRAWS {
        for dtype in [F32, F64] {
            let long = bits(draw, &mut Stream::from_seed(4), 40_000, dtype);
            for len in [
                0, 1, 2, 3, 31, 32, 33, 255, 256, 257, 4095, 4096, 4097, 9001, 16_383, 16_384,
                39_999,
            ] {
                let short = bits(draw, &mut Stream::from_seed(4), len, dtype);
                assert!(short == long[..len], "{len} entries of {dtype}");
            }
        }
    }
}

#[test]
fn entries_of_a_long_draw_do_not_repeat() {
    for draw in &DRAWS[..3] {
        let values = bits(*draw, &mut Stream::from_seed(5), 50_000, F64);
        assert_eq!(values.iter().collect::<BTreeSet<_>>().len(), values.len());
    }
    // Signs in groups of 64 differ from one another.
    let signs = bits(Stream::signs, &mut Stream::from_seed(5), 64 * 1000, F32);
    assert_eq!(signs.chunks(64).collect::<BTreeSet<_>>().len(), 1000);
}

#[test]
fn seeds_paths_and_calls_give_different_draws() {
    let key = Key::from_seed(0);
    let keys = [
        key.clone(),
        Key::from_seed(1),
        Key::from_seed(1 << 63),
        key.child(""),
        key.child("a"),
        key.child("b"),
        key.child("a").child("b"),
        key.child("b").child("a"),
        key.child("ab"),
        key.index(0),
        key.index(1),
        key.index(0).index(0),
    ];
    let mut seen = BTreeSet::new();
    for key in &keys {
        let mut stream = key.stream();
        for _ in 0..3 {
            assert!(seen.insert(bits(Stream::normal, &mut stream, 8, F64)));
        }
        assert!(seen.insert((0..8).map(|_| stream.next_u64()).collect()));
    }
    assert_eq!(seen.len(), 4 * keys.len());
}

#[test]
fn tensors_and_words_do_not_move_each_other() {
    let (mut plain, mut mixed) = (Stream::from_seed(6), Stream::from_seed(6));
    let first = bits(Stream::normal, &mut plain, 3, F32);
    let second = bits(Stream::normal, &mut plain, 3, F32);
    let words = [plain.next_u64(), plain.next_u64()];
    let mut mixed_words = [0; 2];
    mixed_words[0] = mixed.next_u64();
    assert_eq!(bits(Stream::normal, &mut mixed, 3, F32), first);
    mixed_words[1] = mixed.next_u64();
    assert_eq!(bits(Stream::normal, &mut mixed, 3, F32), second);
    assert_eq!(mixed_words, words);
}

#[test]
fn the_call_counts_and_not_the_shape_of_earlier_ones() {
    let second = |first: &[usize]| {
        let mut stream = Stream::from_seed(7);
        assert!(stream.uniform(first, F32).error().is_none());
        bits(Stream::normal, &mut stream, 4, F64)
    };
    assert_eq!(second(&[2]), second(&[100, 7]));
}

#[test]
fn shapes_are_kept_and_the_empty_and_the_scalar_work() {
    let mut stream = Stream::from_seed(8);
    for shape in [&[][..], &[0], &[3, 0, 2], &[1], &[2, 3, 4]] {
        for draw in DRAWS {
            let tensor = draw(&mut stream, shape, F32);
            assert_eq!((tensor.shape().unwrap(), tensor.dtype().unwrap()), (shape, F32));
        }
    }
}

#[test]
fn a_shape_too_large_is_an_error() {
    let mut stream = Stream::from_seed(8);
    for shape in [&[usize::MAX, 2][..], &[1 << 62], &[1 << 40, 1 << 40]] {
        for draw in DRAWS {
            let tensor = draw(&mut stream, shape, F64);
            assert!(
                matches!(tensor.error(), Some(TensorError::TooLarge { shape: given, .. }) if given == shape)
            );
        }
    }
}

#[test]
fn a_stream_is_a_generator_of_rand() {
    let mut stream = Stream::from_seed(9);
    let copy = stream.clone();
    let by_trait: u64 = StandardUniform.sample(&mut stream.clone());
    assert_eq!(by_trait, stream.next_u64());
    let mut bytes = [0; 8];
    Rng::fill_bytes(&mut copy.clone(), &mut bytes);
    assert_eq!(u64::from_le_bytes(bytes), by_trait);
    let dynamic: &mut dyn Rng = &mut copy.clone();
    assert_eq!(dynamic.next_u64(), by_trait);
    assert!((0..10).contains(&stream.random_range(0..10)));
    let poisson = rand_distr::Poisson::new(4.0_f64).unwrap();
    let mean = poisson.sample_iter(&mut stream).take(40_000).sum::<f64>() / 40_000.0;
    assert!((mean - 4.0).abs() < 4.0 * (4.0_f64 / 40_000.0).sqrt());
}

#[test]
fn a_stream_comes_from_any_generator() {
    let mut seeded = SmallRng::seed_from_u64(1);
    let draw = |stream: &mut Stream| bits(Stream::normal, stream, 4, F32);
    let first = draw(&mut Stream::from_rng(&mut seeded));
    let second = draw(&mut Stream::from_rng(&mut seeded));
    assert_ne!(first, second);
    assert_eq!(first, draw(&mut Stream::from_rng(&mut SmallRng::seed_from_u64(1))));
    let counted = Key::from_rng(&mut Counter(3)).stream().next_u64();
    assert_eq!(Stream::from_rng(&mut Counter(3)).next_u64(), counted);
    assert_eq!(Stream::from_seed(3).next_u64(), Key::from_seed(3).stream().next_u64());
}

#[test]
fn debug_says_where_the_stream_is() {
    let mut stream = Key::replay([]).child("a").stream();
    assert!(stream.normal(&[1], F32).error().is_some());
    assert_eq!(format!("{stream:?}"), "Stream { replay: \"a\", next: 1, .. }");
}
