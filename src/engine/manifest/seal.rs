//! The last key of a manifest, `xxh3`: the XXH3-128 of everything before it. A manifest that was edited is not believed.

use crate::engine::source_hash::Hash128;
use crate::files;
use crate::model::{ModelError, Result};
use std::fs::File;
use std::io::{self, Read as _, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use twox_hash::xxhash3_128::Hasher;

/// What comes before the digits of the hash, and after them.
const BEFORE: &[u8] = b",\n\"xxh3\": \"";
const AFTER: &[u8] = b"\"\n}\n";
/// What a manifest without the key ends with.
const END: &[u8] = b"\n}\n";
/// Bytes of the key with its value and the end of the manifest.
const SEAL_BYTES: usize = BEFORE.len() + DIGITS + AFTER.len();
const DIGITS: usize = 32;
/// Bytes read at once.
const WINDOW: usize = 1 << 20;
/// Bytes at the end of a manifest in which the key is looked for where it is not at its place.
const TAIL: u64 = 4096;

/// What the last key says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seal {
    /// There is none.
    Absent,
    /// The manifest is what was written.
    Intact,
    /// The manifest was changed since.
    Broken,
}

impl Seal {
    /// Why the manifest is not believed; `None` if it is.
    pub(crate) fn fault(self) -> Option<&'static str> {
        match self {
            Self::Intact => None,
            Self::Absent => {
                Some("the manifest has no checksum of its own (`xxh3`): it was edited, or an earlier version wrote it")
            }
            Self::Broken => Some("the manifest was changed after it was written"),
        }
    }
}

/// Reads a manifest and compares it with its last key.
///
/// # Errors
/// I/O errors.
pub(crate) fn seal_of(path: &Path) -> Result<Seal> {
    let fail = |e: io::Error| ModelError::io(path, "reading", e);
    let mut file = files::open(path).map_err(|e| ModelError::bad(e.to_string()).in_file(path))?;
    let bytes = file.metadata().map_err(fail)?.len();
    let Some(digits) = digits(&file, bytes).map_err(fail)? else {
        let from = bytes.saturating_sub(TAIL);
        let mut tail = vec![0; (bytes - from) as usize];
        file.read_exact_at(&mut tail, from).map_err(fail)?;
        let moved = tail.windows(6).any(|w| w == b"\"xxh3\"");
        return Ok(if moved { Seal::Broken } else { Seal::Absent });
    };
    let (mut hash, mut buffer, mut left) = (Hasher::new(), vec![0; WINDOW], bytes - SEAL_BYTES as u64);
    while left > 0 {
        let n = left.min(WINDOW as u64) as usize;
        file.read_exact(&mut buffer[..n]).map_err(fail)?;
        hash.write(&buffer[..n]);
        left -= n as u64;
    }
    let found = Hash128(hash.finish_128().to_be_bytes()).hex();
    Ok(if found.as_bytes() == digits { Seal::Intact } else { Seal::Broken })
}

/// The digits at the end of a manifest.
fn digits(file: &File, bytes: u64) -> io::Result<Option<[u8; DIGITS]>> {
    let mut end = [0; SEAL_BYTES];
    let Some(at) = bytes.checked_sub(SEAL_BYTES as u64) else { return Ok(None) };
    file.read_exact_at(&mut end, at)?;
    let digits = end.strip_prefix(BEFORE).and_then(|rest| rest.strip_suffix(AFTER));
    Ok(digits.and_then(|d| d.try_into().ok()))
}

/// Writes a manifest on and replaces its last key, or adds it.
pub(super) struct Sealing<W> {
    out: W,
    hash: Hasher,
    /// The last bytes, which may be the old key.
    held: Vec<u8>,
}

impl<W: Write> Sealing<W> {
    /// Writes to `out`.
    pub(super) fn new(out: W) -> Self {
        Self { out, hash: Hasher::new(), held: Vec::with_capacity(2 * SEAL_BYTES) }
    }

    /// Writes the key and the end.
    ///
    /// # Errors
    /// I/O errors; contents that do not end as a manifest does.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let start = self.held.len().saturating_sub(SEAL_BYTES);
        let sealed = self.held[start..].starts_with(BEFORE) && self.held.ends_with(AFTER);
        let cut = if sealed { SEAL_BYTES } else { END.len() };
        if !self.held.ends_with(END) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it does not end as a manifest does"));
        }
        let n = self.held.len() - cut;
        self.pass(n)?;
        let hash = Hash128(self.hash.finish_128().to_be_bytes()).hex();
        self.out.write_all(&[BEFORE, hash.as_bytes(), AFTER].concat())
    }

    /// Hashes and writes the first of the bytes that are held.
    fn pass(&mut self, n: usize) -> io::Result<()> {
        self.hash.write(&self.held[..n]);
        self.out.write_all(&self.held[..n])?;
        self.held.drain(..n);
        Ok(())
    }
}

impl<W: Write> Write for Sealing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        self.pass(self.held.len().saturating_sub(SEAL_BYTES))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut sealing = Sealing::new(&mut out);
        text.chunks(7).for_each(|c| sealing.write_all(c).unwrap());
        sealing.finish().unwrap();
        out
    }

    #[test]
    fn a_changed_manifest_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.remold.json");
        let state = |text: &[u8]| {
            std::fs::write(&path, text).unwrap();
            seal_of(&path).unwrap()
        };
        let text = b"{\n\"remold_manifest\": 1,\n\"tensors\": [\n{\"source_xxh3\":\"00\"}\n]\n}\n";
        let whole = sealed(text);
        assert_eq!(state(text), Seal::Absent);
        assert_eq!(state(&whole), Seal::Intact);
        assert!(serde_json::from_slice::<serde_json::Value>(&whole).unwrap()["xxh3"].is_string());
        assert_eq!(sealed(&whole), whole, "the old key is replaced");
        for at in 0..whole.len() {
            let mut other = whole.clone();
            other[at] ^= 1;
            assert_ne!(state(&other), Seal::Intact, "byte {at}");
        }
        let value: serde_json::Value = serde_json::from_slice(&whole).unwrap();
        assert_eq!(state(&serde_json::to_vec_pretty(&value).unwrap()), Seal::Broken, "written by another program");
        assert_eq!(state(b""), Seal::Absent);
        assert!(Sealing::new(Vec::new()).finish().is_err());
    }
}
