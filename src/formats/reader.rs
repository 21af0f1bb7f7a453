//! Reads the header of a binary file field by field: positioned reads into a moving window, never past the end of the file.
//!
//! Every error names the file, the absolute offset and the field. Nothing is allocated for a length before that length was
//! checked against the bytes left. No memory map: truncating the file while it is read gives an error, not a signal.

use crate::model::{Defect, ModelError, OpenedFile, Result, open_request_file};
use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// First read: holds the whole header of most files without a vocabulary.
const FIRST_WINDOW: u64 = 32 << 10;
/// Later reads.
const WINDOW: u64 = 1 << 20;

/// A cursor over the beginning of a file.
#[derive(Debug)]
pub(crate) struct HeaderReader {
    file: Arc<File>,
    path: Arc<PathBuf>,
    opened: OpenedFile,
    len: u64,
    pos: u64,
    window: Vec<u8>,
    window_at: u64,
    big_endian: bool,
    /// Fields may not reach beyond this offset.
    stop: u64,
    /// Bytes of a read after the first.
    usual: u64,
}

macro_rules! integers {
    ($($(#[$doc:meta])* $name:ident: $t:ty;)*) => {
        $($(#[$doc])*
        ///
        /// # Errors
        /// When the file ends before it, and I/O errors.
        pub(crate) fn $name(&mut self, field: fmt::Arguments<'_>) -> Result<$t> {
            const N: usize = size_of::<$t>();
            let big = self.big_endian;
            let mut raw = [0u8; N];
            raw.copy_from_slice(self.bytes(N as u64, field)?);
            Ok(if big { <$t>::from_be_bytes(raw) } else { <$t>::from_le_bytes(raw) })
        })*
    };
}

impl HeaderReader {
    /// Opens a file at its beginning.
    ///
    /// # Errors
    /// I/O errors; a path that is not a regular file.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = open_request_file(path)?;
        let meta = file.metadata().map_err(|e| ModelError::io(path, "reading", e))?;
        let file = Arc::new(file);
        Ok(Self {
            opened: OpenedFile { path: path.to_owned(), file: Some(file.clone()), stamp: (&meta).into() },
            file,
            path: Arc::new(path.to_owned()),
            len: meta.len(),
            pos: 0,
            window: Vec::new(),
            window_at: 0,
            big_endian: false,
            stop: u64::MAX,
            usual: WINDOW,
        })
    }

    /// The open file, to be shared by the tensors in it.
    pub(crate) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// The file as it was before anything was read.
    pub(crate) fn opened(&self) -> &OpenedFile {
        &self.opened
    }

    /// The path it was opened by.
    pub(crate) fn path(&self) -> &Arc<PathBuf> {
        &self.path
    }

    /// Bytes of the whole file when it was opened.
    pub(crate) fn file_len(&self) -> u64 {
        self.len
    }

    /// Absolute offset of the next byte.
    pub(crate) fn pos(&self) -> u64 {
        self.pos
    }

    /// Bytes from here to the end of the file.
    pub(crate) fn left(&self) -> u64 {
        self.len - self.pos
    }

    /// Numbers are big-endian from here on.
    pub(crate) fn set_big_endian(&mut self) {
        self.big_endian = true;
    }

    /// Whether numbers are big-endian.
    pub(crate) fn is_big_endian(&self) -> bool {
        self.big_endian
    }

    /// From here, the fields may take at most `bytes`: limits the memory that a large hostile file can make us use.
    pub(crate) fn set_budget(&mut self, bytes: u64) {
        self.stop = self.pos.saturating_add(bytes);
    }

    /// From here, reads take so many bytes: fewer, where the fields are far from each other.
    pub(crate) fn set_window(&mut self, bytes: u64) {
        self.usual = bytes;
    }

    /// A bad-file error at the current offset.
    #[cold]
    pub(crate) fn bad(&self, field: fmt::Arguments<'_>, what: impl Into<String>) -> ModelError {
        self.place(ModelError::bad(what), self.pos, field)
    }

    /// Adds file, offset and field to an error.
    #[cold]
    pub(crate) fn place(&self, error: ModelError, at: u64, field: fmt::Arguments<'_>) -> ModelError {
        error.in_file(&self.path).at(at).field(field.to_string())
    }

    /// Checks that `n` more bytes exist.
    ///
    /// # Errors
    /// When the file ends before.
    pub(crate) fn need(&self, n: u64, field: fmt::Arguments<'_>) -> Result<()> {
        if n <= self.left() {
            if self.pos + n <= self.stop {
                return Ok(());
            }
            let error = ModelError::limit("the header is larger than in any real model");
            return Err(self.place(error, self.pos, field));
        }
        let error =
            self.bad(field, format!("it needs {n} bytes but the file has {} left", self.left())).defect(Defect::Cut);
        Err(error.with_hint("Is the download complete? Compare the file's size with the original's."))
    }

    /// Checks a count that was the last 8 bytes read: at most `limit`, and its entries of at least `min_entry` bytes fit in
    /// the rest.
    ///
    /// # Errors
    /// When one of them does not hold.
    pub(crate) fn count(&self, n: u64, min_entry: u64, limit: u64, field: fmt::Arguments<'_>) -> Result<usize> {
        let at = self.pos.saturating_sub(8);
        let needed = n.checked_mul(min_entry);
        if needed.is_none_or(|b| b > self.left()) {
            let what = format!(
                "{n} entries of at least {min_entry} bytes do not fit in the {} bytes left in the file",
                self.left()
            );
            let error = ModelError::bad(what)
                .defect(Defect::Cut)
                .with_hint("The file is damaged or its download is incomplete.");
            return Err(self.place(error, at, field));
        }
        if n > limit {
            let error = ModelError::limit(format!("{n} entries are more than the {limit} allowed"));
            return Err(self.place(error, at, field));
        }
        usize::try_from(n).map_err(|_| self.bad(field, format!("{n} entries do not fit in memory")))
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// When the file ends before, and I/O errors.
    pub(crate) fn bytes(&mut self, n: u64, field: fmt::Arguments<'_>) -> Result<&[u8]> {
        self.need(n, field)?;
        let start = self.pos - self.window_at;
        if self.pos < self.window_at || start + n > self.window.len() as u64 {
            self.refill(n)?;
        }
        let start = (self.pos - self.window_at) as usize;
        self.pos += n;
        Ok(&self.window[start..start + n as usize])
    }

    /// Skips the next `n` bytes without reading them.
    ///
    /// # Errors
    /// When the file ends before.
    pub(crate) fn skip(&mut self, n: u64, field: fmt::Arguments<'_>) -> Result<()> {
        self.need(n, field)?;
        self.pos += n;
        Ok(())
    }

    integers! {
        /// The next byte.
        u8: u8;
        /// The next 16-bit number.
        u16: u16;
        /// The next 32-bit number.
        u32: u32;
        /// The next 64-bit number.
        u64: u64;
    }

    /// Fills the window with at least `n` bytes from the current position; `n` is known to be in the file.
    fn refill(&mut self, n: u64) -> Result<()> {
        let usual = if self.window.is_empty() { FIRST_WINDOW } else { self.usual };
        let size = n.max(usual).min(self.left());
        self.window.resize(usize::try_from(size).unwrap_or(usize::MAX), 0);
        self.window_at = self.pos;
        self.file.read_exact_at(&mut self.window, self.pos).map_err(|e| {
            self.window.clear();
            if e.kind() == std::io::ErrorKind::UnexpectedEof {
                ModelError::bad("the file was truncated while it was read")
                    .defect(Defect::Cut)
                    .in_file(&self.path)
                    .at(self.pos)
            } else {
                ModelError::io(&self.path, "reading", e).at(self.pos)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn reader(bytes: &[u8]) -> (tempfile::NamedTempFile, HeaderReader) {
        let mut f = tempfile::NamedTempFile::new().unwrap();
        f.write_all(bytes).unwrap();
        let r = HeaderReader::open(f.path()).unwrap();
        (f, r)
    }

    #[test]
    fn reads_across_windows_in_both_byte_orders() {
        let bytes: Vec<u8> = (0..3_000_000u32).map(|i| i as u8).collect();
        let (_f, mut r) = reader(&bytes);
        assert_eq!(r.u32(format_args!("a")).unwrap(), 0x0302_0100);
        r.skip(FIRST_WINDOW - 6, format_args!("b")).unwrap();
        assert_eq!(r.u16(format_args!("c")).unwrap(), 0xfffe);
        r.set_big_endian();
        assert_eq!(r.u16(format_args!("d")).unwrap(), 0x0001);
        let at = r.pos();
        let big = r.bytes(2_000_000, format_args!("e")).unwrap();
        assert_eq!(big[1_999_999], bytes[at as usize + 1_999_999]);
        r.skip(r.left(), format_args!("f")).unwrap();
        assert_eq!(r.left(), 0);
        assert!(r.u8(format_args!("g")).is_err());
    }

    #[test]
    fn errors_name_place_and_field() {
        let (_f, mut r) = reader(&[1, 2, 3]);
        r.u8(format_args!("x")).unwrap();
        let e = r.u32(format_args!("metadata[{}].key", 3)).unwrap_err();
        assert!(e.to_string().ends_with("@0x1 metadata[3].key: it needs 4 bytes but the file has 2 left"), "{e}");
        r.skip(2, format_args!("y")).unwrap();
        assert!(r.count(u64::MAX, 8, 10, format_args!("n")).is_err());
        assert!(r.count(2, 1, 1, format_args!("n")).is_err());
        assert_eq!(r.count(0, 1, 2, format_args!("n")).unwrap(), 0);
    }
}
