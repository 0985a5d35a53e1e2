//! NumPy's archives: round trips, archives that do not fit, archives that are broken.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use rawzip::{CompressionMethod, ZipArchiveWriter};
use tfn_module::checkpoint::{
    NpzError, NpzMismatch, from_npz_bytes, load_npz_variables, save_npz_variables, to_npz_bytes,
};
use tfn_module::{DType, Module, ModuleError, Tensor, Variable, load_npz, save_npz};

#[derive(Module)]
struct Net {
    list: Vec<Variable>,
}

fn variable(name: &str, shape: &[usize], start: f64, dtype: DType) -> Variable {
    let size: usize = shape.iter().product();
    let values: Vec<f64> = (0..size).map(|i| start + 0.1 * i as f64).collect();
    Variable::new(name, Tensor::from_f64(&values, shape, dtype)).unwrap()
}

/// Both types, ranks 0 to 3, an empty one, and more than ten of them.
fn net(start: f64) -> Net {
    let shapes = [&[][..], &[3], &[2, 3], &[2, 3, 4], &[0, 4], &[1]];
    let list = shapes.iter().chain(&shapes).enumerate().map(|(i, shape)| {
        let dtype = if i < shapes.len() { DType::F32 } else { DType::F64 };
        variable(&format!("v{i}"), shape, start + i as f64, dtype)
    });
    Net { list: list.collect() }
}

fn small(start: f64) -> Net {
    let (f32, f64) = (DType::F32, DType::F64);
    Net { list: vec![variable("bias", &[3], start, f32), variable("kernel", &[2, 3], start, f64)] }
}

fn values(net: &Net) -> Vec<Vec<f64>> {
    net.list.iter().map(|v| v.value().to_f64_vec().unwrap()).collect()
}

/// A `.npy` file.
fn npy(descr: &str, fortran: &str, shape: &str, entries: &[u8]) -> Vec<u8> {
    let text = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
    let length = u16::try_from(text.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], text.as_bytes(), entries].concat()
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn doubles(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn zip(method: CompressionMethod, members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipArchiveWriter::new(Vec::new());
    for (name, bytes) in members {
        let (mut entry, config) =
            archive.new_file(*name).compression_method(method).start().unwrap();
        let descriptor = if method == CompressionMethod::DEFLATE {
            let mut writer = config.wrap(DeflateEncoder::new(&mut entry, Compression::default()));
            writer.write_all(bytes).unwrap();
            let (encoder, descriptor) = writer.finish().unwrap();
            encoder.finish().unwrap();
            descriptor
        } else {
            let mut writer = config.wrap(&mut entry);
            writer.write_all(bytes).unwrap();
            writer.finish().unwrap().1
        };
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap()
}

fn deflated(members: &[(&str, &[u8])]) -> Vec<u8> {
    zip(CompressionMethod::DEFLATE, members)
}

fn bias() -> Vec<u8> {
    npy("<f4", "False", "(3,)", &floats(&[1.0, 2.0, 3.0]))
}

fn kernel() -> Vec<u8> {
    npy("<f8", "False", "(2, 3)", &doubles(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
}

/// What loading into [`small`] comes to, which must stay as it was.
fn refused(bytes: &[u8]) -> ModuleError {
    let net = small(-1.0);
    let before = values(&net);
    let error = from_npz_bytes(&net, bytes).unwrap_err();
    assert_eq!(values(&net), before);
    assert!(net.list.iter().all(|variable| variable.version() == 0));
    error
}

fn mismatch(bytes: &[u8]) -> NpzMismatch {
    match refused(bytes) {
        ModuleError::NpzMismatch(mismatch) => *mismatch,
        other => unreachable!("{other}"),
    }
}

fn broken(bytes: &[u8]) -> NpzError {
    match refused(bytes) {
        ModuleError::Npz { op: "load_npz", source, .. } => source,
        other => unreachable!("{other}"),
    }
}

#[test]
fn what_was_saved_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.npz");
    let (saved, loaded) = (net(1.5), net(-20.0));
    save_npz(&saved, &path).unwrap();
    load_npz(&loaded, &path).unwrap();
    assert_eq!(values(&loaded), values(&saved));
    assert_eq!(fs::read(&path).unwrap(), to_npz_bytes(&saved).unwrap());
    assert_eq!(to_npz_bytes(&loaded).unwrap(), to_npz_bytes(&saved).unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    let list = net(0.0).list;
    load_npz_variables(&list, &path).unwrap();
    save_npz_variables(&list, &path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), to_npz_bytes(&saved).unwrap());
}

#[test]
fn odd_numbers_come_back_bit_by_bit() {
    let odd = [f64::NAN, f64::INFINITY, -0.0, f64::MIN_POSITIVE / 2.0, f64::MAX, 0.1];
    let make = |values: &[f64]| Net {
        list: vec![Variable::new("v", Tensor::from_slice(values, &[6])).unwrap()],
    };
    let (saved, loaded) = (make(&odd), make(&[0.0; 6]));
    from_npz_bytes(&loaded, &to_npz_bytes(&saved).unwrap()).unwrap();
    let bits = |net: &Net| {
        let values = net.list[0].value().to_vec::<f64>().unwrap();
        values.into_iter().map(f64::to_bits).collect::<Vec<_>>()
    };
    assert_eq!(bits(&loaded), bits(&saved));
}

#[test]
fn a_module_without_variables_is_saved_too() {
    let none = Net { list: vec![] };
    from_npz_bytes(&none, &to_npz_bytes(&none).unwrap()).unwrap();
}

/// `numpy.savez` of float32 `[[1, 2, 3], [4, 5, 6]]`, float64 `[0.5, -0.25]`, float64 0 to 23 as `(2, 3, 4)` in
/// column-major order, float32 `7` and an empty float32 of `(0, 4)`.
#[test]
fn a_file_of_numpy_is_read() {
    let (f32, f64) = (DType::F32, DType::F64);
    let net = Net {
        list: vec![
            variable("a", &[2, 3], 0.0, f32),
            variable("b", &[2], 0.0, f64),
            variable("c", &[2, 3, 4], 0.0, f64),
            variable("d", &[], 0.0, f32),
            variable("e", &[0, 4], 0.0, f32),
        ],
    };
    from_npz_bytes(&net, include_bytes!("npz/savez.npz")).unwrap();
    let counted: Vec<f64> = (0..24).map(f64::from).collect();
    let expected =
        [vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], vec![0.5, -0.25], counted, vec![7.0], vec![]];
    assert_eq!(values(&net), expected);
}

#[test]
fn members_may_be_stored_and_in_any_order() {
    let net = small(-1.0);
    let members = [("arr_1.npy", &kernel()[..]), ("arr_0.npy", &bias()[..])];
    from_npz_bytes(&net, &zip(CompressionMethod::STORE, &members)).unwrap();
    let expected = [vec![1.0, 2.0, 3.0], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]];
    assert_eq!(values(&net), expected);
}

#[test]
fn columns_first_is_read_too() {
    let net = small(-1.0);
    let columns = npy("<f8", "True", "(2, 3)", &doubles(&[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]));
    from_npz_bytes(&net, &deflated(&[("arr_0.npy", &bias()), ("arr_1.npy", &columns)])).unwrap();
    assert_eq!(values(&net)[1], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
}

#[test]
fn all_that_does_not_fit_is_listed_and_nothing_changes() {
    let turned = npy("<f4", "False", "(3, 2)", &floats(&[0.0; 6]));
    let found = mismatch(&deflated(&[
        ("arr_1.npy", &turned),
        ("arr_2.npy", b"not looked at"),
        ("kernel.npy", b""),
        ("notes.txt", b""),
    ]));
    assert_eq!((found.given, found.expected), (4, 2));
    assert_eq!(found.missing, [(0, "bias".to_owned())]);
    assert_eq!(found.extra, ["arr_2.npy", "kernel.npy", "notes.txt"]);
    let [shape] = &found.shapes[..] else { unreachable!("{found}") };
    assert_eq!((shape.position, shape.name.as_str()), (1, "kernel"));
    assert_eq!((&shape.given[..], &shape.expected[..]), (&[3, 2][..], &[2, 3][..]));
    let [dtype] = &found.dtypes[..] else { unreachable!("{found}") };
    assert_eq!((dtype.position, dtype.name.as_str()), (1, "kernel"));
    assert_eq!((dtype.given.as_str(), dtype.expected), ("<f4", DType::F64));

    let message = ModuleError::NpzMismatch(Box::new(found)).to_string();
    for part in [
        "load_npz: the given bytes does not fit",
        "number: 4 arrays, expected 2",
        "missing: `arr_0.npy`, for `bias`",
        "extra: `arr_2.npy`",
        "extra: `notes.txt`",
        "shape: array 1, `kernel`, is [3, 2], expected [2, 3]",
        "dtype: array 1, `kernel`, is <f4, expected <f8",
    ] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_missing_number_is_listed_where_the_number_of_arrays_is_right() {
    let found = mismatch(&deflated(&[("arr_0.npy", &bias()), ("arr_2.npy", &kernel())]));
    assert_eq!((found.given, found.expected), (2, 2));
    assert_eq!(found.missing, [(1, "kernel".to_owned())]);
    assert_eq!(found.extra, ["arr_2.npy"]);
}

#[test]
fn a_message_names_no_more_than_some_of_the_extra_members() {
    let names: Vec<String> = (0..1000).map(|i| format!("member {i}")).collect();
    let members: Vec<_> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    let found = mismatch(&deflated(&members));
    assert_eq!(found.extra.len(), 1000);
    let message = found.to_string();
    assert!(message.contains("`member 19`") && !message.contains("`member 20`"), "{message}");
    assert!(message.contains("980 members more"), "{message}");
}

#[test]
fn other_types_and_byte_orders_are_listed() {
    for descr in [">f4", "<i4", "<f2", "|O", "<f8", "<c8", "=f4", ""] {
        let other = npy(descr, "False", "(3,)", &[0; 12]);
        let found = mismatch(&deflated(&[("arr_0.npy", &other), ("arr_1.npy", &kernel())]));
        assert_eq!(found.dtypes[0].given, descr);
        assert!(found.shapes.is_empty());
    }
}

#[test]
fn a_claim_of_a_huge_shape_is_a_shape_that_does_not_fit() {
    for shape in ["(18446744073709551615,)", "(4294967295, 4294967295, 4294967295)"] {
        let huge = npy("<f4", "False", shape, &[]);
        let found = mismatch(&deflated(&[("arr_0.npy", &huge), ("arr_1.npy", &kernel())]));
        assert_eq!(found.shapes[0].name, "bias");
    }
    let unwritable = npy("<f4", "False", "(99999999999999999999,)", &[]);
    let bytes = deflated(&[("arr_0.npy", &unwritable), ("arr_1.npy", &kernel())]);
    assert!(matches!(broken(&bytes), NpzError::Header { .. }));
}

#[test]
fn members_that_are_no_arrays_are_errors() {
    let long = [&b"\x93NUMPY\x02\x00"[..], &u32::MAX.to_le_bytes(), &[b' '; 100]].concat();
    for member in [
        &b""[..],
        b"\x93NUMPY",
        b"\x93NUMPY\x01\x00",
        b"\x93NUMPY\x01\x00\xff\x00{'descr': ",
        b"\x93NUMPY\x04\x00\x02\x00{}",
        b"\x93NUMPY\x01\x00\x02\x00{}",
        b"\x93NUMPY\x01\x00\x02\x00\xff\xff",
        b"PK\x03\x04 another archive",
        &long,
    ] {
        let error = broken(&deflated(&[("arr_0.npy", member), ("arr_1.npy", &kernel())]));
        assert!(
            matches!(&error, NpzError::Header { member, .. } if member == "arr_0.npy"),
            "{error}"
        );
    }
}

#[test]
fn later_format_versions_are_read() {
    for version in [2, 3] {
        let text = b"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }\n";
        let length = u32::try_from(text.len()).unwrap().to_le_bytes();
        let start = [b"\x93NUMPY", &[version, 0][..], &length, text].concat();
        let bias = [start, floats(&[4.0, 5.0, 6.0])].concat();
        let net = small(0.0);
        from_npz_bytes(&net, &deflated(&[("arr_0.npy", &bias), ("arr_1.npy", &kernel())])).unwrap();
        assert_eq!(values(&net)[0], [4.0, 5.0, 6.0]);
    }
}

#[test]
fn too_many_and_too_few_entries_are_errors() {
    for (count, bytes) in [(2, 8), (4, 16), (10_000_000, 40_000_000)] {
        let member = npy("<f4", "False", "(3,)", &vec![0; bytes]);
        let error = broken(&deflated(&[("arr_0.npy", &member), ("arr_1.npy", &kernel())]));
        let NpzError::Size { member: name, given, expected } = error else {
            unreachable!("{count}: {error}");
        };
        assert_eq!((name.as_str(), given), ("arr_0.npy", member.len() as u64));
        assert_eq!(expected, bias().len() as u64);
    }
}

/// The directory states the size that fits; what is compressed goes on for 40 MB.
#[test]
fn a_member_that_inflates_beyond_its_size_is_stopped() {
    let endless = npy("<f4", "False", "(3,)", &vec![0; 40_000_000]);
    let mut bytes = deflated(&[("arr_0.npy", &endless), ("arr_1.npy", &kernel())]);
    let (stated, fits) =
        ((endless.len() as u32).to_le_bytes(), (bias().len() as u32).to_le_bytes());
    let directory = bytes.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    assert_eq!(bytes[directory + 24..directory + 28], stated);
    bytes[directory + 24..directory + 28].copy_from_slice(&fits);
    assert!(matches!(broken(&bytes), NpzError::Data { .. }));
}

#[test]
fn a_wrong_checksum_is_an_error() {
    let members = [("arr_0.npy", &bias()[..]), ("arr_1.npy", &kernel()[..])];
    let mut bytes = zip(CompressionMethod::STORE, &members);
    let entry = bytes.windows(12).position(|w| w == floats(&[1.0, 2.0, 3.0])).unwrap();
    bytes[entry] ^= 1;
    let error = broken(&bytes);
    assert!(matches!(&error, NpzError::Data { member, .. } if member == "arr_0.npy"), "{error}");
}

#[test]
fn two_members_of_one_name_and_other_methods_are_errors() {
    let twice = deflated(&[("arr_0.npy", &bias()), ("arr_0.npy", &bias())]);
    assert!(matches!(broken(&twice), NpzError::Twice { member } if member == "arr_0.npy"));
    let members = [("arr_0.npy", &bias()[..]), ("arr_1.npy", &kernel()[..])];
    let other = zip(CompressionMethod::LZMA, &members);
    assert!(matches!(broken(&other), NpzError::Method { given: 14, .. }));
}

#[test]
fn files_of_another_kind_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.npz");
    let net = small(0.0);
    for foreign in [&b""[..], b"PK\x03\x04 a zip file", &bias(), b"{}", &[0xff; 64]] {
        fs::write(&path, foreign).unwrap();
        let Err(ModuleError::Npz { op, given, source }) = load_npz(&net, &path) else {
            unreachable!("{foreign:?} was loaded");
        };
        assert_eq!((op, given), ("load_npz", path.display().to_string()));
        assert!(matches!(source, NpzError::Archive(_)), "{source}");
    }
    let none = load_npz(&net, folder.path().join("none"));
    assert!(matches!(none, Err(ModuleError::Io { op: "load_npz", .. })));
    assert!(matches!(load_npz(&net, folder.path()), Err(ModuleError::Io { .. })));
    let below = save_npz(&net, path.join("deeper"));
    assert!(matches!(below, Err(ModuleError::Io { op: "save_npz", .. })));
    assert!(net.list.iter().all(|variable| variable.version() == 0));
}

#[test]
fn a_truncated_file_is_an_error_at_every_length() {
    let bytes = to_npz_bytes(&small(1.0)).unwrap();
    for length in 0..bytes.len() {
        broken(&bytes[..length]);
    }
}

/// Numbers from 0 to `below`, always the same.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }
}

/// Truncated, with bits flipped and with bytes replaced: an error that changes nothing, or the very values.
#[test]
fn a_damaged_file_never_panics_and_never_loads_in_part() {
    let saved = small(1.0);
    let members = [("arr_0.npy", &bias()[..]), ("arr_1.npy", &kernel()[..])];
    let stored = zip(CompressionMethod::STORE, &members);
    let of_stored = small(0.0);
    from_npz_bytes(&of_stored, &stored).unwrap();
    let mut numbers = Numbers(17);
    for (whole, expected) in
        [(to_npz_bytes(&saved).unwrap(), values(&saved)), (stored, values(&of_stored))]
    {
        let net = small(-3.0);
        let before = values(&net);
        let check = |bytes: &[u8]| {
            let loaded = from_npz_bytes(&net, bytes);
            let kept = if loaded.is_ok() { &expected } else { &before };
            assert_eq!(&values(&net), kept, "{loaded:?}");
            if loaded.is_ok() {
                for (variable, value) in net.list.iter().zip(&before) {
                    let value = Tensor::from_f64(value, variable.shape(), variable.dtype());
                    variable.assign(&value).unwrap();
                }
            }
        };
        for at in 0..8 * whole.len() {
            let mut damaged = whole.clone();
            damaged[at / 8] ^= 1 << (at % 8);
            check(&damaged);
        }
        for _ in 0..20_000 {
            let mut damaged = whole.clone();
            if numbers.next(4) == 0 {
                damaged.truncate(numbers.next(whole.len()));
            }
            for _ in 0..=numbers.next(4) {
                if let Some(length) = damaged.len().checked_sub(1).filter(|&l| l > 0) {
                    let at = numbers.next(length);
                    let odd = [0, 1, 0x7f, 0x80, 0xff, numbers.next(256) as u8];
                    damaged[at] = odd[numbers.next(odd.len())];
                }
            }
            check(&damaged);
        }
    }
}
