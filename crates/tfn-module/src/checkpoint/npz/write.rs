//! From variables to an archive.

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use rawzip::{CompressionMethod, ZipArchiveWriter};
use tfn_tensor::Variable;

use super::header::NpyHeader;
use super::read;
use crate::checkpoint::encode;
use crate::error::{ModuleError, NpzError, Result, descr};

pub(super) fn archive(variables: &[Variable]) -> Result<Vec<u8>> {
    let bad = |source| ModuleError::Npz {
        op: "save_npz",
        given: "what was to be written".to_owned(),
        source,
    };
    let mut archive = ZipArchiveWriter::new(Vec::new());
    for (number, variable) in variables.iter().enumerate() {
        let header = NpyHeader::bytes(descr(variable.dtype()), variable.shape()).map_err(bad)?;
        let entries = encode::bytes(&variable.value())?;
        add(&mut archive, &read::name(number), &[&header, &entries])
            .map_err(|error| bad(NpzError::Archive(error.into())))?;
    }
    archive.finish().map_err(|error| bad(NpzError::Archive(error.into())))
}

/// Adds a member of `parts`, deflated.
fn add(
    archive: &mut ZipArchiveWriter<Vec<u8>>,
    name: &str,
    parts: &[&[u8]],
) -> Result<(), rawzip::Error> {
    let builder = archive.new_file(name).compression_method(CompressionMethod::DEFLATE);
    let (mut entry, config) = builder.start()?;
    let mut writer = config.wrap(DeflateEncoder::new(&mut entry, Compression::default()));
    for part in parts {
        writer.write_all(part)?;
    }
    let (encoder, descriptor) = writer.finish()?;
    encoder.finish()?;
    entry.finish(descriptor)?;
    Ok(())
}
