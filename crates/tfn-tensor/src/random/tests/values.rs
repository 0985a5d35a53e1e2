//! Fixed values: VALUE-BREAKING if they change, which CHANGELOG then has to say.
//!
//! Words, uniforms and signs agree with a ChaCha written apart from this one, from its definition;
//! normals with the formula of Box and Muller on those words.

use crate::DType::{F32, F64};
use crate::Tensor;
use crate::random::{Key, Stream};

fn stream() -> Stream {
    Key::from_seed(42).child("layers").index(0).child("posterior_kernel").stream()
}

#[test]
fn words() {
    let mut stream = stream();
    let double =
        [12_290_557_103_039_259_568, 15_089_247_272_485_828_439, 4_222_127_395_009_577_262];
    assert_eq!([0; 3].map(|_| stream.next_u64()), double);
    let single = [1_126_825_540, 1_271_788_125, 862_898_433];
    assert_eq!([0; 3].map(|_| stream.next_u32()), single);
    assert_eq!(Stream::from_seed(0).next_u64(), 16_667_285_505_425_367_605);
}

/// Some entries as multiples of their spacing, 2 to the power of `-bits`.
fn multiples(tensor: &Tensor, bits: i32) -> [u64; 4] {
    let values = tensor.to_f64_vec().unwrap();
    [0, 1, 2, 4999].map(|i| (values[i] * 2.0_f64.powi(bits)) as u64)
}

#[test]
fn uniforms() {
    let mut stream = stream();
    let single = [10_359_384, 10_465_374, 8_438_486, 4_458_905];
    assert_eq!(multiples(&stream.uniform(&[5000], F32), 24), single);
    let double = [
        4_165_892_992_423_292,
        6_048_978_195_271_918,
        5_368_549_651_554_570,
        5_472_881_496_902_772,
    ];
    assert_eq!(multiples(&stream.uniform(&[5000], F64), 53), double);
    let single = [8_207_417, 14_452_689, 372_761, 2_197_249];
    assert_eq!(multiples(&stream.uniform_open(&[5000], F32), 24), single);
    let double =
        [170_426_007_083_227, 3_505_362_268_790_219, 6_504_058_595_108_041, 2_924_445_395_796_945];
    assert_eq!(multiples(&stream.uniform_open(&[5000], F64), 53), double);
}

#[test]
fn signs() {
    for dtype in [F32, F64] {
        let signs = stream().signs(&[8200], dtype).to_f64_vec().unwrap();
        let shown: String = signs.iter().map(|&s| if s > 0.0 { '+' } else { '-' }).collect();
        assert_eq!(&shown[..40], "---+-+-----++-+--+--+----++++--+++------");
        assert_eq!(&shown[8190..], "+++---++++");
    }
}

/// Between machines normals may differ in their last digits.
#[test]
fn normals() {
    let mut stream = stream();
    let single = stream.normal(&[5000], F32).to_vec::<f32>().unwrap();
    let expected = [0.531_611_26, 0.957_596, -0.363_606_48, 0.021_636_39, 1.069_383_9];
    for (i, expected) in [0, 1, 2, 3, 4999].into_iter().zip(expected) {
        approx::assert_relative_eq!(single[i], expected, max_relative = 4.0 * f32::EPSILON);
    }
    let double = stream.normal(&[5000], F64).to_vec::<f64>().unwrap();
    let expected = [
        -0.009_507_548_630_002_758,
        0.333_566_045_204_938_27,
        1.007_213_954_412_075,
        0.593_595_730_801_239_8,
        0.412_506_346_519_563_9,
    ];
    for (i, expected) in [0, 1, 2, 3, 4999].into_iter().zip(expected) {
        approx::assert_relative_eq!(double[i], expected, max_relative = 4.0 * f64::EPSILON);
    }
}
