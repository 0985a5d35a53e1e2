//! Reading image sets in the IDX format of MNIST, plain or gzip-compressed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use tfn_tensor::{DType, Tensor};

use super::gzip::{self, Unzipped};
use crate::error::{Result, TrainError};

/// Type code of unsigned bytes in an IDX header.
const UNSIGNED_BYTE: u8 = 0x08;
/// Upper limit of what is reserved before any data was seen: a header may claim anything.
const RESERVE_LIMIT: u64 = 1 << 26;

/// Which half of an image set: its files' names begin with `train` or `t10k`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// The training half, `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`.
    Train,
    /// The test half, `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`.
    Test,
}

impl Split {
    /// How the names of its files begin.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "t10k",
        }
    }
}

/// Grey images of one size, one byte a pixel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    count: usize,
    rows: usize,
    cols: usize,
    pixels: Vec<u8>,
}

impl Images {
    /// Number of images.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Height of an image.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Width of an image.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Pixels of one image.
    pub fn image_len(&self) -> usize {
        self.rows * self.cols
    }

    /// All pixels, image after image, row after row.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The pixels of one image, or nothing if there is no such image.
    pub fn image(&self, index: usize) -> Option<&[u8]> {
        let start = index.checked_mul(self.image_len())?;
        (index < self.count).then(|| self.pixels.get(start..start + self.image_len()))?
    }

    /// Mean over all pixels of all images (NaN if there are none).
    pub fn mean_pixel(&self) -> f64 {
        let sum: u64 = self.pixels.iter().map(|&pixel| u64::from(pixel)).sum();
        sum as f64 / self.pixels.len() as f64
    }

    /// The images as rows of a tensor, pixels divided by 255.
    ///
    /// # Shapes
    /// `[count, rows * cols]`
    pub fn to_tensor(&self, dtype: DType) -> Tensor {
        let shape = [self.count, self.image_len()];
        match dtype {
            DType::F32 => {
                let scaled = self.pixels.iter().map(|&p| f32::from(p) / 255.0);
                Tensor::from_vec(scaled.collect::<Vec<f32>>(), &shape)
            }
            DType::F64 => {
                let scaled = self.pixels.iter().map(|&p| f64::from(p) / 255.0);
                Tensor::from_vec(scaled.collect::<Vec<f64>>(), &shape)
            }
        }
    }
}

/// Class labels, each below the number of classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    values: Vec<u8>,
    classes: usize,
}

impl Labels {
    /// Number of labels.
    pub fn count(&self) -> usize {
        self.values.len()
    }

    /// Number of classes that the labels were checked against.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The labels.
    pub fn values(&self) -> &[u8] {
        &self.values
    }

    /// How often each class occurs.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes];
        for &label in &self.values {
            counts[usize::from(label)] += 1;
        }
        counts
    }

    /// The labels as numbers.
    ///
    /// # Shapes
    /// `[count]`
    pub fn to_tensor(&self, dtype: DType) -> Tensor {
        let values: Vec<f64> = self.values.iter().map(|&label| label.into()).collect();
        Tensor::from_f64(&values, &[self.values.len()], dtype)
    }
}

/// Images and their labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledImages {
    /// The images.
    pub images: Images,
    /// One label for each of them.
    pub labels: Labels,
}

/// Reads one half of an image set from a folder.
///
/// The files may be plain or gzip-compressed (with or without `.gz` in the name);
/// `train-images-idx3-ubyte.gz` is looked for first, then the name without the ending, then both
/// with a dot before `idx3`.
///
/// # Errors
/// A file that is missing, not IDX, truncated, longer than its header says, or of another number of
/// dimensions; a label that is not below `classes`; another number of labels than of images.
pub fn load_pair(dir: impl AsRef<Path>, split: Split, classes: usize) -> Result<LabelledImages> {
    let dir = dir.as_ref();
    let images_path = find(dir, split, "images", "idx3-ubyte")?;
    let labels_path = find(dir, split, "labels", "idx1-ubyte")?;
    let images = read_images(&images_path)?;
    let labels = read_labels(&labels_path, classes)?;
    if images.count() != labels.count() {
        return Err(TrainError::LabelCount {
            path: labels_path,
            given: labels.count(),
            expected: images.count(),
        });
    }
    Ok(LabelledImages { images, labels })
}

/// Reads an IDX file of images: unsigned bytes in three dimensions, count × rows × columns.
///
/// # Errors
/// As for [`load_pair`].
pub fn read_images(path: impl AsRef<Path>) -> Result<Images> {
    let ([count, rows, cols], pixels) = read_idx::<3>(path.as_ref())?;
    Ok(Images { count, rows, cols, pixels })
}

/// Reads an IDX file of labels: unsigned bytes in one dimension, each below `classes`.
///
/// # Errors
/// As for [`load_pair`].
pub fn read_labels(path: impl AsRef<Path>, classes: usize) -> Result<Labels> {
    let path = path.as_ref();
    let (_, values) = read_idx::<1>(path)?;
    if let Some(index) = values.iter().position(|&v| usize::from(v) >= classes) {
        return Err(TrainError::LabelRange {
            path: path.to_owned(),
            index,
            given: values[index].into(),
            classes,
        });
    }
    Ok(Labels { values, classes })
}

fn find(dir: &Path, split: Split, what: &str, ending: &str) -> Result<PathBuf> {
    let stem = format!("{}-{what}", split.prefix());
    let names = [
        format!("{stem}-{ending}.gz"),
        format!("{stem}-{ending}"),
        format!("{stem}.{ending}.gz"),
        format!("{stem}.{ending}"),
    ];
    let found = names.iter().map(|name| dir.join(name)).find(|path| path.is_file());
    found.ok_or_else(|| TrainError::NoFile { dir: dir.to_owned(), tried: names.to_vec() })
}

fn open(path: &Path) -> Result<Box<dyn Read>> {
    let io_error = |source| TrainError::read(path, source);
    let mut file = BufReader::new(File::open(path).map_err(io_error)?);
    let compressed = file.fill_buf().map_err(io_error)?.starts_with(&gzip::MAGIC);
    Ok(if compressed { Box::new(Unzipped::new(file)) } else { Box::new(file) })
}

/// The dimensions and the bytes of an IDX file of unsigned bytes in `D` dimensions.
fn read_idx<const D: usize>(path: &Path) -> Result<([usize; D], Vec<u8>)> {
    let mut reader = open(path)?;
    let magic = header_word(&mut reader, path, 0)?;
    let [zero_a, zero_b, kind, dimensions] = magic;
    if (zero_a, zero_b, kind) != (0, 0, UNSIGNED_BYTE) {
        return Err(TrainError::IdxMagic {
            path: path.to_owned(),
            given: u32::from_be_bytes(magic),
            expected: u32::from_be_bytes([0, 0, UNSIGNED_BYTE, D as u8]),
        });
    }
    if usize::from(dimensions) != D {
        return Err(TrainError::IdxDimensions {
            path: path.to_owned(),
            given: dimensions.into(),
            expected: D,
        });
    }
    let mut shape = [0; D];
    for (i, size) in shape.iter_mut().enumerate() {
        *size = u32::from_be_bytes(header_word(&mut reader, path, i + 1)?) as usize;
    }
    let bytes = read_body(&mut reader, path, &shape)?;
    Ok((shape, bytes))
}

fn header_word(reader: &mut dyn Read, path: &Path, index: usize) -> Result<[u8; 4]> {
    let mut word = [0; 4];
    match reader.read_exact(&mut word) {
        Ok(()) => Ok(word),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(TrainError::IdxHeader { path: path.to_owned(), expected: 4 * (index + 1) })
        }
        Err(error) => Err(TrainError::read(path, error)),
    }
}

fn read_body(reader: &mut dyn Read, path: &Path, shape: &[usize]) -> Result<Vec<u8>> {
    let length = shape.iter().try_fold(1_u64, |length, &size| length.checked_mul(size as u64));
    // Three dimensions of 32 bits can claim more than any file holds.
    let length = length
        .filter(|&length| length < u64::MAX)
        .ok_or_else(|| TrainError::IdxSize { path: path.to_owned(), given: shape.to_vec() })?;
    let mut bytes = Vec::with_capacity(length.min(RESERVE_LIMIT) as usize);
    let cut_off = match reader.take(length + 1).read_to_end(&mut bytes) {
        Ok(_) => (bytes.len() as u64) < length,
        // A gzip stream that ends early; what came out so far stays in `bytes`.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => true,
        Err(error) => return Err(TrainError::read(path, error)),
    };
    if cut_off {
        return Err(TrainError::IdxTruncated {
            path: path.to_owned(),
            given: bytes.len() as u64,
            expected: length,
        });
    }
    if bytes.len() as u64 > length {
        return Err(TrainError::IdxTrailing { path: path.to_owned(), expected: length });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use tempfile::TempDir;

    use super::*;

    const IMAGES: &str = "train-images-idx3-ubyte";
    const LABELS: &str = "train-labels-idx1-ubyte";

    /// An IDX file of unsigned bytes.
    fn idx(shape: &[u32], data: &[u8]) -> Vec<u8> {
        let mut file = vec![0, 0, UNSIGNED_BYTE, shape.len() as u8];
        file.extend(shape.iter().flat_map(|size| size.to_be_bytes()));
        file.extend(data);
        file
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn folder(files: &[(&str, &[u8])]) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            std::fs::write(dir.path().join(name), bytes).unwrap();
        }
        dir
    }

    /// What reading says of these bytes as an image file; the file must stay as it was.
    fn refusal(bytes: &[u8]) -> TrainError {
        let dir = folder(&[(IMAGES, bytes)]);
        let path = dir.path().join(IMAGES);
        let error = read_images(&path).unwrap_err();
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        assert!(error.to_string().contains(IMAGES), "{error}");
        error
    }

    #[test]
    fn plain_and_compressed_files_are_read_under_all_names() {
        let images = idx(&[2, 1, 3], &[0, 51, 255, 7, 8, 9]);
        let labels = idx(&[2], &[4, 0]);
        for (images_name, labels_name, pack) in [
            (format!("{IMAGES}.gz"), format!("{LABELS}.gz"), true),
            (IMAGES.to_owned(), LABELS.to_owned(), true),
            ("train-images.idx3-ubyte".into(), "train-labels.idx1-ubyte.gz".into(), false),
        ] {
            let packed = |bytes: &[u8]| if pack { gzip(bytes) } else { bytes.to_vec() };
            let dir = folder(&[(&images_name, &packed(&images)), (&labels_name, &packed(&labels))]);
            let set = load_pair(dir.path(), Split::Train, 5).unwrap();
            let read = &set.images;
            assert_eq!((read.count(), read.rows(), read.cols()), (2, 1, 3));
            assert_eq!(read.pixels(), [0, 51, 255, 7, 8, 9]);
            assert_eq!((read.image(1), read.image(2)), (Some(&[7, 8, 9][..]), None));
            assert_eq!(read.mean_pixel(), 55.0);
            assert_eq!((set.labels.values(), set.labels.classes()), (&[4, 0][..], 5));
            assert_eq!(set.labels.class_counts(), [1, 0, 0, 0, 1]);
            let error = load_pair(dir.path(), Split::Test, 5).unwrap_err().to_string();
            assert!(
                error.contains("tried t10k-images-idx3-ubyte.gz, t10k-images-idx3-ubyte,"),
                "{error}"
            );
        }
    }

    #[test]
    fn tensors_hold_scaled_pixels_and_labels_as_numbers() {
        let dir = folder(&[
            (IMAGES, &idx(&[2, 1, 2], &[0, 51, 255, 102])),
            (LABELS, &idx(&[2], &[9, 3])),
        ]);
        let set = load_pair(dir.path(), Split::Train, 10).unwrap();
        for dtype in [DType::F32, DType::F64] {
            let pixels = set.images.to_tensor(dtype);
            assert_eq!((pixels.shape().unwrap(), pixels.dtype().unwrap()), (&[2, 2][..], dtype));
            let exact = [0.0, 0.2, 1.0, 0.4];
            let pixels = pixels.to_f64_vec().unwrap();
            assert!(pixels.iter().zip(exact).all(|(a, b)| (a - b).abs() < 1e-7));
            assert_eq!(set.labels.to_tensor(dtype).to_f64_vec().unwrap(), [9.0, 3.0]);
        }
    }

    #[test]
    fn foreign_files_are_refused() {
        let error = refusal(b"PK\x03\x04 not images");
        assert!(matches!(error, TrainError::IdxMagic { given: 0x504b_0304, expected: 0x803, .. }));
        // Floats (type code 0x0d) instead of bytes.
        assert!(matches!(refusal(&[0, 0, 0x0d, 3, 0]), TrainError::IdxMagic { .. }));
        let labels = idx(&[2], &[1, 2]);
        assert!(matches!(
            refusal(&labels),
            TrainError::IdxDimensions { given: 1, expected: 3, .. }
        ));
        let error = refusal(&labels).to_string();
        assert!(error.contains("has 1 dimensions, expected 3"), "{error}");
    }

    #[test]
    fn truncated_and_overlong_files_are_refused() {
        let whole = idx(&[2, 2, 2], &[1; 8]);
        for length in [0, 3, 4, 15] {
            assert!(matches!(refusal(&whole[..length]), TrainError::IdxHeader { .. }), "{length}");
        }
        assert!(matches!(
            refusal(&whole[..16]),
            TrainError::IdxTruncated { given: 0, expected: 8, .. }
        ));
        let cut = refusal(&whole[..23]).to_string();
        assert!(cut.contains("ends after 7 bytes of data, expected 8"), "{cut}");
        let mut long = whole.clone();
        long.push(1);
        assert!(matches!(refusal(&long), TrainError::IdxTrailing { expected: 8, .. }));
        assert!(matches!(refusal(&gzip(&long)), TrainError::IdxTrailing { expected: 8, .. }));
    }

    #[test]
    fn damaged_gzip_is_refused() {
        let whole =
            gzip(&idx(&[2, 20, 20], &(0..800).map(|i| (i * i % 251) as u8).collect::<Vec<_>>()));
        assert!(matches!(
            refusal(&whole[..whole.len() / 2]),
            TrainError::IdxTruncated { expected: 800, .. }
        ));
        // All data there, checksum cut off.
        assert!(matches!(refusal(&whole[..whole.len() - 4]), TrainError::IdxTruncated { .. }));
        // Zeros behind it, by which it is filled up to whole blocks, are no data.
        for zeros in [1, 512] {
            let dir = folder(&[(IMAGES, &[&whole[..], &vec![0; zeros]].concat())]);
            let images = read_images(dir.path().join(IMAGES)).unwrap();
            assert_eq!((images.count(), images.image(1).map(<[u8]>::len)), (2, Some(400)));
        }
        let mut flipped = whole.clone();
        let checksum = whole.len() - 6;
        flipped[checksum] ^= 1;
        assert!(matches!(refusal(&flipped), TrainError::Read { .. }));
        let mut followed = whole;
        followed.extend(b"something else");
        assert!(matches!(refusal(&followed), TrainError::Read { .. }));
    }

    #[test]
    fn a_header_that_claims_the_impossible_reserves_nothing() {
        let huge = idx(&[u32::MAX, u32::MAX, 1], &[]);
        assert!(matches!(refusal(&huge), TrainError::IdxTruncated { given: 0, .. }));
        let more = idx(&[u32::MAX, u32::MAX, u32::MAX], &[]);
        let error = refusal(&more);
        assert!(matches!(error, TrainError::IdxSize { .. }), "{error}");
    }

    #[test]
    fn labels_must_be_classes_and_as_many_as_images() {
        let images = idx(&[3, 1, 1], &[1, 2, 3]);
        let message = |labels: &[u8]| {
            let dir = folder(&[(IMAGES, &images), (LABELS, labels)]);
            load_pair(dir.path(), Split::Train, 10).unwrap_err().to_string()
        };
        let range = message(&idx(&[3], &[9, 10, 11]));
        assert!(range.contains("label 1 is 10, expected less than 10"), "{range}");
        let count = message(&idx(&[2], &[0, 1]));
        assert!(count.contains("holds 2 labels, expected 3"), "{count}");
        let missing = read_labels("no/such/file", 10).unwrap_err().to_string();
        assert!(missing.starts_with("no/such/file: "), "{missing}");
    }

    #[test]
    fn an_empty_set_is_a_set() {
        let dir = folder(&[(IMAGES, &idx(&[0, 28, 28], &[])), (LABELS, &idx(&[0], &[]))]);
        let set = load_pair(dir.path(), Split::Train, 10).unwrap();
        assert_eq!((set.images.count(), set.images.image(0)), (0, None));
        assert_eq!(set.images.to_tensor(DType::F32).shape().unwrap(), [0, 784]);
    }
}
