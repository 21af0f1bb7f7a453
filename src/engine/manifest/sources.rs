//! Hashes of the source files that are not read tensor by tensor, and of the headers of those that are.

use super::types::SourceFileRecord;
use crate::files::{self, FileStamp};
use crate::formats;
use crate::model::{ModelError, OpenedFile, Result};
use crate::plan::Prepared;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;

/// Bytes read at a time.
const WINDOW: usize = 1 << 20;
/// Longest safetensors header that is hashed: the format's own limit.
const MAX_HEADER_BYTES: u64 = 100_000_000;

/// What the manifest says of every input. Files that were read whole are read once more; weight files are not, but for the header of
/// safetensors files.
///
/// # Errors
/// I/O errors; a file that is not what it was when it was opened.
pub(crate) fn hash_sources(prepared: &Prepared) -> Result<Vec<SourceFileRecord>> {
    prepared.inputs.iter().map(hash_one).collect()
}

fn hash_one(input: &OpenedFile) -> Result<SourceFileRecord> {
    let fail = |e| ModelError::io(&input.path, "reading", e);
    let mut record = SourceFileRecord {
        path: std::path::absolute(&input.path).unwrap_or_else(|_| input.path.clone()),
        bytes: input.stamp.bytes,
        mtime_ns: i64::try_from(input.stamp.mtime_ns).unwrap_or_default(),
        ..SourceFileRecord::default()
    };
    match &input.file {
        Some(file) if formats::header_bytes(&input.path).is_some() => {
            let mut first = [0; 8];
            if let (Some(bytes), Ok(())) = (formats::header_bytes(&input.path), file.read_exact_at(&mut first, 0)) {
                let header = bytes(first);
                if header <= input.stamp.bytes.min(MAX_HEADER_BYTES) {
                    record.header_sha256 = Some(sha256_at(file, header).map_err(fail)?);
                    record.header_bytes = Some(header);
                }
            }
        }
        Some(_) => {}
        None => {
            // One that was removed since cannot be hashed; that it was not changed is checked elsewhere.
            let Ok(mut file) = files::open(&input.path) else { return Ok(record) };
            let same = FileStamp::of_file(&file).is_ok_and(|now| !input.stamp.rewritten(&now));
            if same {
                record.sha256 = Some(sha256(&mut file).map_err(fail)?);
            }
        }
    }
    Ok(record)
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

fn sha256(file: &mut File) -> std::io::Result<String> {
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; WINDOW]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(hash)),
            n => hash.update(&buffer[..n]),
        }
    }
}

fn sha256_at(file: &File, bytes: u64) -> std::io::Result<String> {
    let (mut hash, mut buffer, mut at) = (Sha256::new(), vec![0; WINDOW], 0);
    while at < bytes {
        let n = (bytes - at).min(WINDOW as u64) as usize;
        file.read_exact_at(&mut buffer[..n], at)?;
        hash.update(&buffer[..n]);
        at += n as u64;
    }
    Ok(hex(hash))
}
