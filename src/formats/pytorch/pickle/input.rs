//! Bytes of a pickle, from memory or straight from a range of a file.

use crate::model::{Defect, ModelError, Result};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

const BUFFER_BYTES: u64 = 64 << 10;

/// A forward reader with absolute offsets. Long byte strings are stepped over, never read.
pub(crate) struct Input {
    file: Option<(Arc<File>, Arc<PathBuf>)>,
    buf: Vec<u8>,
    /// Offset of `buf[0]`.
    buf_at: u64,
    pos: u64,
    end: u64,
}

impl Input {
    /// Reads from memory; `base` is the offset shown in errors for the first byte.
    pub(crate) fn memory(bytes: Vec<u8>) -> Self {
        let end = bytes.len() as u64;
        Self { file: None, buf: bytes, buf_at: 0, pos: 0, end }
    }

    /// Reads `start..end` of a file.
    pub(crate) fn file(file: &Arc<File>, path: &Arc<PathBuf>, start: u64, end: u64) -> Self {
        let file = Some((Arc::clone(file), Arc::clone(path)));
        Self { file, buf: Vec::new(), buf_at: start, pos: start, end }
    }

    /// Absolute offset of the next byte.
    pub(crate) fn pos(&self) -> u64 {
        self.pos
    }

    /// Bytes left.
    pub(crate) fn left(&self) -> u64 {
        self.end - self.pos
    }

    fn truncated(&self, need: u64) -> ModelError {
        let what = format!("unexpected end of the pickle: {need} bytes needed, {} left", self.left());
        ModelError::bad(what)
            .defect(Defect::Cut)
            .at(self.pos)
            .with_hint("Was the file truncated while it was copied or downloaded?")
    }

    /// The bytes at `pos..` that are buffered, refilled from the file when none are.
    fn buffered(&mut self) -> Result<&[u8]> {
        let have = self.buf_at + self.buf.len() as u64;
        if self.pos < self.buf_at || self.pos >= have {
            let n = self.left().min(BUFFER_BYTES);
            match &self.file {
                Some((file, path)) if n > 0 => {
                    self.buf.resize(n as usize, 0);
                    file.read_exact_at(&mut self.buf, self.pos).map_err(|e| ModelError::io(path, "reading", e))?;
                    self.buf_at = self.pos;
                }
                _ => return Ok(&[]),
            }
        }
        let from = (self.pos - self.buf_at) as usize;
        Ok(&self.buf[from..])
    }

    /// The next byte.
    pub(crate) fn byte(&mut self) -> Result<u8> {
        match self.buffered()?.first() {
            Some(&b) => {
                self.pos += 1;
                Ok(b)
            }
            None => Err(self.truncated(1)),
        }
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut out = [0; N];
        self.fill(&mut out)?;
        Ok(out)
    }

    fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        if out.len() as u64 > self.left() {
            return Err(self.truncated(out.len() as u64));
        }
        let mut done = 0;
        while done < out.len() {
            let part = self.buffered()?;
            let n = part.len().min(out.len() - done);
            if n == 0 {
                return Err(self.truncated((out.len() - done) as u64));
            }
            out[done..done + n].copy_from_slice(&part[..n]);
            done += n;
            self.pos += n as u64;
        }
        Ok(())
    }

    /// The next `n` bytes, where the caller has bounded `n` by a limit; they are checked against what is left before
    /// anything is allocated.
    pub(crate) fn bytes(&mut self, n: u64) -> Result<Vec<u8>> {
        if n > self.left() {
            return Err(self.truncated(n));
        }
        let mut out = vec![0; n as usize];
        self.fill(&mut out)?;
        Ok(out)
    }

    /// Steps over `n` bytes without reading them.
    pub(crate) fn skip(&mut self, n: u64) -> Result<()> {
        if n > self.left() {
            return Err(self.truncated(n));
        }
        self.pos += n;
        Ok(())
    }

    /// The bytes up to the next newline, which is consumed and not given.
    pub(crate) fn line(&mut self, max: u64) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        loop {
            let b = self.byte()?;
            if b == b'\n' {
                return Ok(out);
            }
            if out.len() as u64 >= max {
                return Err(ModelError::bad(format!("a line longer than {max} bytes")).at(self.pos));
            }
            out.push(b);
        }
    }
}
