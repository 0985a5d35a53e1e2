//! Sets in NumPy's files, larger than memory.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tfn_module::checkpoint::{NpyHeader, NpzError};
use tfn_tensor::{DType, Tensor};

use super::dataset::Dataset;
use super::examples::Examples;
use crate::error::{Result, TrainError};

/// Features and targets in two `.npy` files, of which only the rows of a minibatch are read at a time.
///
/// What `numpy.save` writes of row-major arrays `[n, ...]` of `float32`, `float64`, `uint8`, `int8`, `int16`, `int32`
/// or `int64`, little-endian. Only the rows asked for are read, neighbouring rows in one go. Nothing is kept in memory,
/// except by the system's file cache. [`Fit`](crate::Fit) reads the next minibatches while a step runs.
/// docs/performance.md has what that costs.
///
/// # Examples
/// ```
/// use tfn_train::data::{Examples, NpyFiles};
/// # fn npy(descr: &str, shape: &str, entries: Vec<u8>) -> Vec<u8> {
/// #     let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
/// #     let length = (text.len() as u16).to_le_bytes();
/// #     [b"\x93NUMPY\x01\x00", &length[..], text.as_bytes(), &entries].concat()
/// # }
/// # let folder = tempfile::tempdir()?;
/// # let (x, y) = (folder.path().join("x.npy"), folder.path().join("y.npy"));
/// # std::fs::write(&x, npy("<f8", "(3, 2)", (0..6).flat_map(|i| f64::from(i).to_le_bytes()).collect()))?;
/// # std::fs::write(&y, npy("|u1", "(3,)", vec![7, 8, 9]))?;
/// // x.npy: float64 of the shape (3, 2); y.npy: uint8 of the shape (3,).
/// let data = NpyFiles::open(&x, &y)?;
/// assert_eq!(data.len(), 3);
/// let batch = data.rows(&[2, 0])?;
/// assert_eq!(batch.features().to_vec::<f32>()?, [4.0, 5.0, 0.0, 1.0]);
/// assert_eq!(batch.targets().to_vec::<f32>()?, [9.0, 7.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct NpyFiles {
    features: Array,
    targets: Array,
    dtype: DType,
}

impl NpyFiles {
    /// Opens both files; tensors of their rows are of type `f32`.
    ///
    /// # Errors
    /// [`TrainError::Npy`] for a file that is no such array, or is shorter than its header says; [`TrainError::Read`] for one that cannot be
    /// read; [`TrainError::Rows`] if the numbers of rows differ.
    pub fn open(features: impl AsRef<Path>, targets: impl AsRef<Path>) -> Result<Self> {
        let features = Array::open(features.as_ref())?;
        let targets = Array::open(targets.as_ref())?;
        let (lhs, rhs) = (features.rows, targets.rows);
        if lhs != rhs {
            let (lhs_argument, rhs_argument) = ("features", "targets");
            return Err(TrainError::Rows { op: "NpyFiles", lhs_argument, lhs, rhs_argument, rhs });
        }
        Ok(Self { features, targets, dtype: DType::F32 })
    }

    /// Sets the type of the tensors.
    #[must_use]
    pub fn dtype(self, dtype: DType) -> Self {
        Self { dtype, ..self }
    }
}

impl Examples for NpyFiles {
    fn len(&self) -> usize {
        self.features.rows
    }

    fn rows(&self, indices: &[usize]) -> Result<Dataset> {
        let [features, targets] =
            [&self.features, &self.targets].map(|array| array.read(indices, self.dtype));
        Dataset::new(features?, targets?)
    }
}

/// One file.
#[derive(Debug)]
struct Array {
    path: PathBuf,
    file: Mutex<File>,
    kind: Kind,
    rows: usize,
    /// Shape of a row.
    shape: Vec<usize>,
    /// Where the entries begin.
    start: u64,
}

/// Type of a file's entries.
#[derive(Clone, Copy, Debug)]
enum Kind {
    F32,
    F64,
    U8,
    I8,
    I16,
    I32,
    I64,
}

impl Kind {
    fn of(descr: &str) -> Option<Self> {
        Some(match descr {
            "<f4" => Self::F32,
            "<f8" => Self::F64,
            "|u1" | "|b1" => Self::U8,
            "|i1" => Self::I8,
            "<i2" => Self::I16,
            "<i4" => Self::I32,
            "<i8" => Self::I64,
            _ => return None,
        })
    }

    fn width(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::I16 => 2,
            Self::F32 | Self::I32 => 4,
            Self::F64 | Self::I64 => 8,
        }
    }

    /// The numbers in `bytes`.
    fn tensor(self, bytes: &[u8], shape: &[usize], dtype: DType) -> Tensor {
        fn each<const N: usize>(bytes: &[u8], of: impl Fn([u8; N]) -> f64) -> Vec<f64> {
            bytes.as_chunks().0.iter().map(|entry| of(*entry)).collect()
        }
        if let (Self::F32, DType::F32) = (self, dtype) {
            let numbers = bytes.as_chunks().0.iter().map(|entry| f32::from_le_bytes(*entry));
            return Tensor::from_vec(numbers.collect(), shape);
        }
        let numbers = match self {
            Self::F32 => each(bytes, |b| f32::from_le_bytes(b).into()),
            Self::F64 => each(bytes, f64::from_le_bytes),
            Self::U8 => each(bytes, |[b]| b.into()),
            Self::I8 => each(bytes, |b| i8::from_le_bytes(b).into()),
            Self::I16 => each(bytes, |b| i16::from_le_bytes(b).into()),
            Self::I32 => each(bytes, |b| i32::from_le_bytes(b).into()),
            Self::I64 => each(bytes, |b| i64::from_le_bytes(b) as f64),
        };
        Tensor::from_f64(&numbers, shape, dtype)
    }
}

impl Array {
    fn open(path: &Path) -> Result<Self> {
        let failed = |source| TrainError::Read { path: path.to_owned(), source };
        let bad = |what: String| TrainError::Npy { path: path.to_owned(), what };
        let mut file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (header, start) = match NpyHeader::read(&name, &mut file) {
            Err(NpzError::Data { source, .. }) => return Err(failed(source)),
            Err(NpzError::Header { reason, .. }) => return Err(bad(reason.to_owned())),
            other => other.map_err(|error| bad(error.to_string()))?,
        };
        let kind = Kind::of(&header.descr).ok_or_else(|| {
            let expected = "<f4, <f8, |u1, |b1, |i1, <i2, <i4 or <i8";
            bad(format!("its entries are of type {:?}, expected {expected}", header.descr))
        })?;
        if header.fortran_order && header.shape.len() > 1 {
            return Err(bad("its first index runs fastest, expected a row-major array".to_owned()));
        }
        let Some((&rows, shape)) = header.shape.split_first() else {
            return Err(bad("it has the shape (), expected (n, ...)".to_owned()));
        };
        let size = header
            .shape
            .iter()
            .try_fold(kind.width() as u64, |size, &axis| size.checked_mul(axis as u64))
            .and_then(|size| size.checked_add(start as u64));
        if size != Some(length) {
            let expected =
                size.map_or_else(|| "more than there can be".to_owned(), |s| s.to_string());
            return Err(bad(format!("it has {length} bytes, its header asks for {expected}")));
        }
        Ok(Self {
            path: path.to_owned(),
            file: Mutex::new(file),
            kind,
            rows,
            shape: shape.to_vec(),
            start: start as u64,
        })
    }

    fn read(&self, rows: &[usize], dtype: DType) -> Result<Tensor> {
        if let Some(&row) = rows.iter().find(|&&row| row >= self.rows) {
            let expected = "an index below the number of rows";
            let (op, argument, given) = ("NpyFiles", "rows", row as f64);
            return Err(TrainError::Value { op, argument, given, expected });
        }
        let width = self.kind.width() * self.shape.iter().product::<usize>();
        let mut bytes = vec![0; rows.len() * width];
        let read = |bytes: &mut [u8]| -> io::Result<()> {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            let mut done = 0;
            while done < rows.len() {
                let first = rows[done];
                let run = rows[done..].iter().zip(first..).take_while(|(row, i)| *row == i).count();
                file.seek(SeekFrom::Start(self.start + (first * width) as u64))?;
                file.read_exact(&mut bytes[done * width..(done + run) * width])?;
                done += run;
            }
            Ok(())
        };
        read(&mut bytes).map_err(|source| TrainError::Read { path: self.path.clone(), source })?;
        let shape = [&[rows.len()], &self.shape[..]].concat();
        Ok(self.kind.tensor(&bytes, &shape, dtype).check()?)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::Fit;

    fn npy(descr: &str, shape: &str, entries: &[u8]) -> Vec<u8> {
        let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
        let length = (text.len() as u16).to_le_bytes();
        [b"\x93NUMPY\x01\x00", &length[..], text.as_bytes(), entries].concat()
    }

    fn bytes<T, const N: usize>(numbers: &[T], of: fn(T) -> [u8; N]) -> Vec<u8>
    where
        T: Copy,
    {
        numbers.iter().flat_map(|&number| of(number)).collect()
    }

    #[test]
    fn entries_of_each_type_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let (x, y) = (folder.path().join("x.npy"), folder.path().join("y.npy"));
        fs::write(&y, npy("<f8", "(3,)", &bytes(&[0.1, 1e300, -2.0], f64::to_le_bytes))).unwrap();
        for (descr, entries) in [
            ("<f4", bytes(&[1.0_f32, -2.0, 3.0, 4.0, 5.0, 100.0], f32::to_le_bytes)),
            ("<f8", bytes(&[1.0, -2.0, 3.0, 4.0, 5.0, 100.0], f64::to_le_bytes)),
            ("|i1", bytes(&[1_i8, -2, 3, 4, 5, 100], i8::to_le_bytes)),
            ("<i2", bytes(&[1_i16, -2, 3, 4, 5, 100], i16::to_le_bytes)),
            ("<i4", bytes(&[1_i32, -2, 3, 4, 5, 100], i32::to_le_bytes)),
            ("<i8", bytes(&[1_i64, -2, 3, 4, 5, 100], i64::to_le_bytes)),
        ] {
            fs::write(&x, npy(descr, "(3, 2, 1)", &entries)).unwrap();
            for dtype in [DType::F32, DType::F64] {
                let data = NpyFiles::open(&x, &y).unwrap().dtype(dtype);
                let rows = data.rows(&[1, 2, 0, 0]).unwrap();
                assert_eq!(rows.features().shape().unwrap(), [4, 2, 1]);
                assert_eq!(rows.features().dtype().unwrap(), dtype);
                let expected = [3.0, 4.0, 5.0, 100.0, 1.0, -2.0, 1.0, -2.0];
                assert_eq!(rows.features().to_f64_vec().unwrap(), expected, "{descr}");
            }
        }
        let data = NpyFiles::open(&x, &y).unwrap().dtype(DType::F64);
        assert_eq!(data.rows(&[0, 1]).unwrap().targets().to_vec::<f64>().unwrap(), [0.1, 1e300]);
        assert!(data.rows(&[3]).unwrap_err().to_string().contains("`rows` is 3"));
        fs::write(&x, npy("|u1", "(3,)", &[0, 7, 255])).unwrap();
        let data = NpyFiles::open(&x, &x).unwrap();
        assert_eq!(data.rows(&[2, 1]).unwrap().features().to_f64_vec().unwrap(), [255.0, 7.0]);
    }

    #[test]
    fn other_files_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let (good, bad) = (folder.path().join("good.npy"), folder.path().join("bad.npy"));
        fs::write(&good, npy("|u1", "(2,)", &[1, 2])).unwrap();
        for (content, message) in [
            (npy("|u1", "(3,)", &[1, 2]), "its header asks for"),
            (npy("|u1", "(2,)", &[1, 2, 3]), "its header asks for"),
            (
                npy("|u1", "(4611686018427387904, 4611686018427387904)", &[1]),
                "more than there can be",
            ),
            (npy("<f2", "(1,)", &[1, 2]), "its entries are of type \"<f2\", expected <f4"),
            (npy(">f8", "(1,)", &[0; 8]), "its entries are of type \">f8\""),
            (npy("|u1", "()", &[1]), "it has the shape ()"),
            (npy("|u1", "(1, 2)", &[1, 2]), "has 1 rows, `targets` has 2"),
            (b"no array".to_vec(), "it does not start as one"),
            (Vec::new(), "it ends in its header"),
        ] {
            fs::write(&bad, content).unwrap();
            let error = NpyFiles::open(&bad, &good).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
        let fortran = npy("|u1", "(1, 2)", &[1, 2]);
        let fortran = String::from_utf8_lossy(&fortran).replace("False", "True ");
        fs::write(&bad, [&b"\x93"[..], &fortran.as_bytes()[3..]].concat()).unwrap();
        let error = NpyFiles::open(&bad, &good).unwrap_err().to_string();
        assert!(error.contains("row-major"), "{error}");
        let error = NpyFiles::open(folder.path().join("none.npy"), &good).unwrap_err();
        assert!(matches!(error, TrainError::Read { .. }), "{error}");
    }

    #[test]
    fn a_run_on_files_has_the_bits_of_one_in_memory_and_names_bad_rows() {
        use tfn_layers::{
            AffineVariationalReparameterizationLocal as Bayesian, Sequential, likelihoods,
        };
        use tfn_tensor::Key;

        let folder = tempfile::tempdir().unwrap();
        let (x, y) = (folder.path().join("x.npy"), folder.path().join("y.npy"));
        let mut numbers =
            Key::from_seed(1).stream().normal(&[50, 3], DType::F32).to_vec::<f32>().unwrap();
        let targets: Vec<f32> = numbers.chunks(3).map(|row| row[0] - row[2]).collect();
        let write = |numbers: &[f32]| {
            fs::write(&x, npy("<f4", "(50, 3)", &bytes(numbers, f32::to_le_bytes))).unwrap();
        };
        write(&numbers);
        fs::write(&y, npy("<f4", "(50,)", &bytes(&targets, f32::to_le_bytes))).unwrap();
        let run = |data: &dyn Examples| {
            let model = Sequential::of(Bayesian::builder(3, 1).seed(1).build()?)
                .with_likelihood(likelihoods::Normal::new()?);
            let fit = Fit::new(data)?.batch_size(8)?.epochs(3).validation_split(0.2)?;
            fit.run_model(&model, &mut crate::Adam::new(0.01)?, ())
        };
        let memory = Dataset::new(
            Tensor::from_vec(numbers.clone(), &[50, 3]),
            Tensor::from_vec(targets, &[50]),
        );
        let files = NpyFiles::open(&x, &y).unwrap();
        assert_eq!(run(&files).unwrap(), run(&memory.unwrap()).unwrap());
        // Row 3 is trained on, not held out; see the message.
        numbers[3 * 37 + 1] = f32::NAN;
        write(&numbers);
        let error = run(&NpyFiles::open(&x, &y).unwrap()).unwrap_err().to_string();
        assert!(error.contains("`features` is NaN in row 37, expected a finite number"), "{error}");
    }

    /// What an epoch of images takes from files, as a multiple of one in memory; docs/performance.md has the figure.
    #[test]
    #[ignore = "a measurement"]
    fn cost_of_an_epoch() {
        use std::time::Instant;

        use tfn_layers::{
            AffineVariationalReparameterizationLocal as Bayesian, Sequential, likelihoods,
        };
        use tfn_tensor::Key;

        const ROWS: usize = 20_000;
        let folder = tempfile::tempdir().unwrap();
        let (x, y) = (folder.path().join("x.npy"), folder.path().join("y.npy"));
        let features = Key::from_seed(1).stream().uniform(&[ROWS, 784], DType::F32);
        let numbers = bytes(&features.to_vec::<f32>().unwrap(), f32::to_le_bytes);
        fs::write(&x, npy("<f4", "(20000, 784)", &numbers)).unwrap();
        let labels: Vec<u8> = (0..ROWS).map(|row| (row % 10) as u8).collect();
        fs::write(&y, npy("|u1", "(20000,)", &labels)).unwrap();
        let files = NpyFiles::open(&x, &y).unwrap();
        let all: Vec<usize> = (0..ROWS).collect();
        let memory = files.rows(&all).unwrap();
        let time = |data: &dyn Examples| {
            let model = Sequential::of(
                Bayesian::builder(784, 300).activation_fn(Tensor::relu).seed(1).build().unwrap(),
            )
            .then(Bayesian::builder(300, 10).seed(2).build().unwrap())
            .with_likelihood(likelihoods::Categorical::new());
            let fit = Fit::new(data).unwrap().batch_size(128).unwrap().epochs(1);
            let started = Instant::now();
            fit.run_model(&model, &mut crate::Adam::new(0.001).unwrap(), ()).unwrap();
            started.elapsed().as_secs_f64()
        };
        let ratios = (0..7).map(|_| time(&files) / time(&memory));
        let mut ratios: Vec<f64> = ratios.collect();
        ratios.sort_by(f64::total_cmp);
        println!("{:.3} (from {:.3} to {:.3})", ratios[3], ratios[0], ratios[6]);
    }
}
