//! Event files of TensorBoard.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{Result, TrainError};
use crate::fit::{Event, Metrics, Observer};

/// Writes the figures of each epoch as scalars that TensorBoard shows (`tensorboard --logdir DIR`): `loss`, `nll`, `kl`, `accuracy`,
/// `validation`, over the number of the epoch; and `kl_weight`, that of its last step.
///
/// A file that cannot be written any more (a full disk) does not end the run: [`failure`](Self::failure) says so.
///
/// # Examples
/// ```
/// use tfn_train::Observer;
/// use tfn_train::observe::TensorBoard;
///
/// let folder = tempfile::tempdir()?;
/// let board = TensorBoard::create(folder.path().join("run 1"))?;
/// fn takes(_: impl Observer) {}
/// takes(board);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # References
/// The file is a sequence of TFRecords (length, its masked CRC-32C, data, its masked CRC-32C) of `Event` messages: `tensorflow/core/lib/io/record_writer.h`
/// and `tensorflow/core/util/event.proto` of TensorFlow.
#[derive(Debug)]
pub struct TensorBoard {
    path: PathBuf,
    out: BufWriter<File>,
    kl_weight: Option<f64>,
    failure: Option<io::Error>,
}

impl TensorBoard {
    /// A new file in the folder `dir`, which is made if need be.
    ///
    /// # Errors
    /// [`TrainError::Read`] if folder or file cannot be made.
    pub fn create(dir: impl AsRef<Path>) -> Result<Self> {
        let dir = dir.as_ref();
        let time = now();
        let name = format!("events.out.tfevents.{}.tfn.{}", time as u64, process::id());
        let path = (0..)
            .map(|number| dir.join(format!("{name}.{number}")))
            .find(|path| !path.exists())
            .unwrap_or_else(|| dir.join(&name));
        let begin = || {
            fs::create_dir_all(dir)?;
            let mut out = BufWriter::new(File::create(&path)?);
            write_record(&mut out, &version_event(time))?;
            out.flush()?;
            Ok(out)
        };
        let out = begin().map_err(|source| TrainError::Read { path: path.clone(), source })?;
        Ok(Self { path, out, kl_weight: None, failure: None })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Why the file ends before the run does, if it does.
    pub fn failure(&self) -> Option<&io::Error> {
        self.failure.as_ref()
    }

    fn write(&mut self, epoch: u64, metrics: &Metrics) -> io::Result<()> {
        let Metrics { loss, nll, kl, accuracy, validation } = *metrics;
        let scalars = [
            ("loss", Some(loss)),
            ("nll", Some(nll)),
            ("kl", Some(kl)),
            ("kl_weight", self.kl_weight),
            ("accuracy", accuracy),
            ("validation", validation),
        ];
        write_record(&mut self.out, &scalars_event(now(), epoch, &scalars))?;
        self.out.flush()
    }
}

impl Observer for TensorBoard {
    fn observe(&mut self, event: Event) -> ControlFlow<()> {
        match event {
            Event::Step { kl_weight, .. } => self.kl_weight = Some(kl_weight),
            Event::Epoch { epoch, metrics, .. } if self.failure.is_none() => {
                self.failure = self.write(epoch, &metrics).err();
            }
            Event::Epoch { .. } => {}
        }
        ControlFlow::Continue(())
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

fn write_record(out: &mut impl Write, data: &[u8]) -> io::Result<()> {
    let length = (data.len() as u64).to_le_bytes();
    for part in [&length[..], data] {
        out.write_all(part)?;
        out.write_all(&masked_crc(part).to_le_bytes())?;
    }
    Ok(())
}

/// The checksum, changed so that it may stand in what is summed up again.
fn masked_crc(data: &[u8]) -> u32 {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

// Messages of protocol buffers: a field is its number and kind (0 varint, 1 eight bytes, 2 bytes with their length, 5 four
// bytes), and its content.

fn version_event(time: f64) -> Vec<u8> {
    let mut event = double(1, time);
    event.extend(bytes(3, b"brain.Event:2"));
    event
}

fn scalars_event(time: f64, step: u64, scalars: &[(&str, Option<f64>)]) -> Vec<u8> {
    let mut summary = Vec::new();
    for (tag, value) in scalars {
        if let Some(value) = value {
            let mut of_tag = bytes(1, tag.as_bytes());
            of_tag.extend(float(2, *value as f32));
            summary.extend(bytes(1, &of_tag));
        }
    }
    let mut event = double(1, time);
    event.extend(varint(2, step));
    event.extend(bytes(5, &summary));
    event
}

fn raw_varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push((value as u8 & 0x7f) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

fn key(field: u8, kind: u8) -> u8 {
    field << 3 | kind
}

fn varint(field: u8, value: u64) -> Vec<u8> {
    [vec![key(field, 0)], raw_varint(value)].concat()
}

fn double(field: u8, value: f64) -> Vec<u8> {
    [&[key(field, 1)], &value.to_le_bytes()[..]].concat()
}

fn bytes(field: u8, content: &[u8]) -> Vec<u8> {
    [&[key(field, 2)], &raw_varint(content.len() as u64)[..], content].concat()
}

fn float(field: u8, value: f32) -> Vec<u8> {
    [&[key(field, 5)], &value.to_le_bytes()[..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first two records of a file by TensorFlow's own writer (tf.summary.create_file_writer, tf.summary.scalar are wrapped in
    /// tensors there; `tf.compat.v1.summary.FileWriter` writes simple values as here).
    #[test]
    fn records_are_those_of_the_format() {
        // CRC-32C of "123456789" is 0xe3069283 (RFC 3720, appendix B.4, and every table of CRCs).
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(
            masked_crc(b"123456789"),
            0xe306_9283_u32.rotate_right(15).wrapping_add(0xa282_ead8)
        );
        let event = scalars_event(2.0, 300, &[("nll", Some(0.5)), ("none", None)]);
        let expected = [
            &[0x09, 0, 0, 0, 0, 0, 0, 0, 0x40][..], // wall_time = 2.0
            &[0x10, 0xac, 0x02],                    // step = 300
            &[0x2a, 12, 0x0a, 10],                  // summary, value
            &[0x0a, 3, b'n', b'l', b'l'],           // tag
            &[0x15, 0, 0, 0, 0x3f],                 // simple_value = 0.5
        ]
        .concat();
        assert_eq!(event, expected);
    }

    #[test]
    fn a_file_has_a_record_for_each_epoch() {
        let folder = tempfile::tempdir().unwrap();
        let mut board = TensorBoard::create(folder.path().join("a/b")).unwrap();
        let other = TensorBoard::create(folder.path().join("a/b")).unwrap();
        assert_ne!(board.path(), other.path());
        for epoch in 0..3 {
            let metrics =
                Metrics { loss: 1.0, nll: 0.5, kl: 3.0, accuracy: None, validation: None };
            assert!(board.observe(Event::Epoch { epoch, of: 3, metrics }).is_continue());
        }
        assert!(board.failure().is_none());
        let mut rest = &fs::read(board.path()).unwrap()[..];
        let mut records = 0;
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
            let crc = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap());
            assert_eq!(crc(8), masked_crc(&rest[..8]));
            assert_eq!(crc(12 + length), masked_crc(&rest[12..12 + length]));
            rest = &rest[16 + length..];
            records += 1;
        }
        assert_eq!(records, 4);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = TensorBoard::create(file.join("dir")).unwrap_err();
        assert!(matches!(error, TrainError::Read { .. }), "{error}");
    }
}
