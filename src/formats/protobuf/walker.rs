//! Walks over the fields of messages in a file.

use super::MAX_DEPTH;
use crate::model::{Defect, ModelError, OpenedFile, Result, open_request_file};
use std::collections::HashSet;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes that are read at once. Structures are dense, and large contents are skipped.
const WINDOW: u64 = 64 << 10;
/// What the structure of a file may take in memory: a graph of 100,000 nodes with all its types takes a fifth of it.
const BUDGET: u64 = 1 << 30;
/// What a message is charged, whatever it holds.
const MESSAGE_COST: u64 = 128;
/// Longest text that is kept once for all its uses.
const SHARED_TEXT_BYTES: u64 = 256;

/// A range of bytes in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Absolute offset.
    pub offset: u64,
    /// Number of bytes.
    pub len: u64,
}

/// A place in a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor {
    at: u64,
    end: u64,
    depth: u32,
}

/// One field of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    /// Its number.
    pub number: u32,
    /// Its contents.
    pub wire: Wire,
    /// The whole field with its tag.
    pub span: Span,
}

/// The contents of a field, by wire type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// An integer or a truth value.
    Varint(u64),
    /// Eight bytes.
    Fixed64(u64),
    /// Four bytes.
    Fixed32(u32),
    /// Bytes, text, a message, or packed numbers.
    Bytes(Span),
    /// A group, which only very old schemas have.
    Group,
}

/// Reads messages from a file.
#[derive(Debug)]
pub(crate) struct Walker {
    /// `None` when the window is all there is.
    file: Option<Arc<File>>,
    path: Arc<PathBuf>,
    opened: Option<OpenedFile>,
    len: u64,
    window: Vec<u8>,
    window_at: u64,
    budget: u64,
    texts: HashSet<Arc<str>>,
}

impl Walker {
    /// Opens a file.
    ///
    /// # Errors
    /// I/O errors; a path that is not a regular file.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = open_request_file(path)?;
        let meta = file.metadata().map_err(|e| ModelError::io(path, "reading", e))?;
        let file = Arc::new(file);
        let opened = OpenedFile { path: path.to_owned(), file: Some(file.clone()), stamp: (&meta).into() };
        Ok(Self { file: Some(file), opened: Some(opened), len: meta.len(), ..Self::over(path, Vec::new()) })
    }

    /// A walker over bytes in memory; the path is for errors.
    pub(crate) fn over(path: &Path, bytes: Vec<u8>) -> Self {
        Self {
            file: None,
            path: Arc::new(path.to_owned()),
            opened: None,
            len: bytes.len() as u64,
            window: bytes,
            window_at: 0,
            budget: BUDGET,
            texts: HashSet::new(),
        }
    }

    /// The open file, to be shared by the tensors in it.
    pub(crate) fn file(&self) -> Option<&Arc<File>> {
        self.file.as_ref()
    }

    /// The path it was opened by.
    pub(crate) fn path(&self) -> &Arc<PathBuf> {
        &self.path
    }

    /// The file as it was before anything was read.
    pub(crate) fn opened(&self) -> Option<&OpenedFile> {
        self.opened.as_ref()
    }

    /// The message that is the whole file.
    pub(crate) fn root(&self) -> Cursor {
        Cursor { at: 0, end: self.len, depth: 0 }
    }

    /// The message in a field's contents.
    ///
    /// # Errors
    /// Messages that are nested too deeply, or too many of them.
    pub(crate) fn enter(&mut self, span: Span, outer: &Cursor) -> Result<Cursor> {
        if outer.depth >= MAX_DEPTH {
            let what = format!("messages are nested more than {MAX_DEPTH} deep");
            return Err(ModelError::limit(what).in_file(&self.path).at(span.offset));
        }
        self.charge(MESSAGE_COST, span.offset)?;
        Ok(Cursor { at: span.offset, end: span.offset + span.len, depth: outer.depth + 1 })
    }

    /// The next field of a message; `None` at its end.
    ///
    /// # Errors
    /// What is no field, or ends after the message; I/O errors.
    pub(crate) fn next(&mut self, cursor: &mut Cursor) -> Result<Option<Field>> {
        if cursor.at >= cursor.end {
            return Ok(None);
        }
        let start = cursor.at;
        let (number, wire_type) = self.tag(cursor)?;
        let wire = match wire_type {
            3 => {
                self.skip_group(number, cursor)?;
                Wire::Group
            }
            4 => return Err(self.bad(start, "the end of a group that was not begun")),
            _ => self.contents(wire_type, cursor)?,
        };
        Ok(Some(Field { number, wire, span: Span { offset: start, len: cursor.at - start } }))
    }

    /// Reads bytes to keep them.
    ///
    /// # Errors
    /// More than the budget has left; I/O errors.
    pub(crate) fn bytes(&mut self, span: Span) -> Result<Box<[u8]>> {
        self.charge(span.len.saturating_add(32), span.offset)?;
        let mut out = Vec::new();
        let mut at = span.offset;
        while at < span.offset + span.len {
            let n = (span.offset + span.len - at).min(WINDOW);
            out.extend_from_slice(self.look(at, n)?);
            at += n;
        }
        Ok(out.into())
    }

    /// Reads text to keep it; equal short texts share one copy.
    ///
    /// # Errors
    /// As [`Walker::bytes`]; bytes that are not UTF-8.
    pub(crate) fn text(&mut self, span: Span) -> Result<Arc<str>> {
        if span.len <= SHARED_TEXT_BYTES {
            let bytes = self.look(span.offset, span.len)?;
            let Ok(text) = std::str::from_utf8(bytes) else { return Err(self.not_text(span)) };
            // The set is not borrowed together with the window.
            let text: Arc<str> = text.into();
            if let Some(known) = self.texts.get(&text) {
                return Ok(known.clone());
            }
            self.charge(span.len + 64, span.offset)?;
            self.texts.insert(text.clone());
            return Ok(text);
        }
        let bytes = self.bytes(span)?;
        std::str::from_utf8(&bytes).map(Into::into).map_err(|_| self.not_text(span))
    }

    /// Calls back with each number of a packed list of varints and the offset after it.
    ///
    /// # Errors
    /// Varints that are too long or end after the list; I/O errors.
    pub(crate) fn varints(&mut self, span: Span, mut each: impl FnMut(u64, u64) -> Result<()>) -> Result<()> {
        let mut cursor = Cursor { at: span.offset, end: span.offset + span.len, depth: 0 };
        while cursor.at < cursor.end {
            let value = self.varint(&mut cursor)?;
            each(value, cursor.at)?;
        }
        Ok(())
    }

    /// Charges memory that the reader takes.
    ///
    /// # Errors
    /// More than the budget has left.
    pub(crate) fn charge(&mut self, bytes: u64, at: u64) -> Result<()> {
        match self.budget.checked_sub(bytes) {
            Some(left) => {
                self.budget = left;
                Ok(())
            }
            None => {
                let what = "the structure of the file is larger than that of any real model";
                Err(ModelError::limit(what).in_file(&self.path).at(at))
            }
        }
    }

    /// A bad-file error at an offset.
    #[cold]
    pub(crate) fn bad(&self, at: u64, what: impl Into<String>) -> ModelError {
        ModelError::bad(what).in_file(&self.path).at(at)
    }

    #[cold]
    fn not_text(&self, span: Span) -> ModelError {
        self.bad(span.offset, "text that is not UTF-8")
    }

    /// The contents of a field that is not part of a group.
    fn contents(&mut self, wire_type: u32, cursor: &mut Cursor) -> Result<Wire> {
        match wire_type {
            0 => Ok(Wire::Varint(self.varint(cursor)?)),
            1 => self.fixed(cursor).map(|b| Wire::Fixed64(u64::from_le_bytes(b))),
            5 => self.fixed(cursor).map(|b| Wire::Fixed32(u32::from_le_bytes(b))),
            2 => {
                let at = cursor.at;
                let len = self.varint(cursor)?;
                if len > cursor.end - cursor.at {
                    let what =
                        format!("{len} bytes do not fit in the {} bytes left in the message", cursor.end - cursor.at);
                    return Err(self.cut(self.bad(at, what), cursor));
                }
                let span = Span { offset: cursor.at, len };
                cursor.at += len;
                Ok(Wire::Bytes(span))
            }
            other => {
                Err(self.bad(cursor.at.saturating_sub(1), format!("{other} is not a wire type of Protocol Buffers")))
            }
        }
    }

    fn tag(&mut self, cursor: &mut Cursor) -> Result<(u32, u32)> {
        let at = cursor.at;
        let tag = self.varint(cursor)?;
        match u32::try_from(tag >> 3) {
            Ok(number @ 1..=0x1fff_ffff) => Ok((number, (tag & 7) as u32)),
            _ => Err(self.bad(at, format!("{} is not a field number of Protocol Buffers", tag >> 3))),
        }
    }

    /// Skips to the end of a group; groups in groups are counted, not followed.
    fn skip_group(&mut self, number: u32, cursor: &mut Cursor) -> Result<()> {
        let start = cursor.at;
        let mut open = vec![number];
        while let Some(innermost) = open.last().copied() {
            if cursor.at >= cursor.end {
                return Err(self.bad(start, "a group without an end"));
            }
            let at = cursor.at;
            match self.tag(cursor)? {
                (n, 3) if open.len() < MAX_DEPTH as usize => open.push(n),
                (n, 4) if n == innermost => {
                    open.pop();
                }
                (_, 3 | 4) => return Err(self.bad(at, "groups that are not nested properly")),
                (_, wire_type) => {
                    self.contents(wire_type, cursor)?;
                }
            }
        }
        Ok(())
    }

    fn varint(&mut self, cursor: &mut Cursor) -> Result<u64> {
        let most = (cursor.end - cursor.at).min(10);
        let at = cursor.at;
        let bytes = self.look(at, most)?;
        let mut value = 0u64;
        for (i, &byte) in bytes.iter().enumerate() {
            // The tenth byte has one bit; the reference drops the others.
            value |= u64::from(byte & 0x7f).checked_shl(7 * i as u32).unwrap_or(0);
            if byte < 0x80 {
                cursor.at += i as u64 + 1;
                return Ok(value);
            }
        }
        if most < 10 {
            let error = self.bad(at, "the message ends inside of a number");
            return Err(self.cut(error, cursor));
        }
        Err(self.bad(at, "a number longer than ten bytes"))
    }

    fn fixed<const N: usize>(&mut self, cursor: &mut Cursor) -> Result<[u8; N]> {
        if cursor.end - cursor.at < N as u64 {
            let error = self.bad(cursor.at, "the message ends inside of a number");
            return Err(self.cut(error, cursor));
        }
        let mut raw = [0u8; N];
        raw.copy_from_slice(self.look(cursor.at, N as u64)?);
        cursor.at += N as u64;
        Ok(raw)
    }

    /// What does not fit in the outermost message does not fit in the file.
    fn cut(&self, error: ModelError, cursor: &Cursor) -> ModelError {
        if cursor.end != self.len {
            return error;
        }
        error.defect(Defect::Cut).with_hint("Is the download complete? Compare the file's size with the original's.")
    }

    /// Bytes of the file, which are known to be in it.
    fn look(&mut self, at: u64, n: u64) -> Result<&[u8]> {
        let inside = at >= self.window_at && at + n <= self.window_at + self.window.len() as u64;
        if !inside {
            self.refill(at, n)?;
        }
        let start = usize::try_from(at - self.window_at).unwrap_or(usize::MAX);
        let end = start.saturating_add(n as usize);
        match self.window.get(start..end) {
            Some(bytes) => Ok(bytes),
            None => Err(ModelError::bad("the data ends early").in_file(&self.path).at(at)),
        }
    }

    fn refill(&mut self, at: u64, n: u64) -> Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let size = n.max(WINDOW).min(self.len.saturating_sub(at));
        self.window.resize(usize::try_from(size).unwrap_or(usize::MAX), 0);
        self.window_at = at;
        let read = file.read_exact_at(&mut self.window, at);
        read.map_err(|e| {
            self.window.clear();
            if e.kind() == std::io::ErrorKind::UnexpectedEof {
                ModelError::bad("the file was truncated while it was read")
                    .defect(Defect::Cut)
                    .in_file(&self.path)
                    .at(at)
            } else {
                ModelError::io(&self.path, "reading", e).at(at)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Encoder;
    use super::*;

    fn walk(bytes: &[u8]) -> Result<Vec<Field>> {
        let mut w = Walker::over(Path::new("a"), bytes.to_vec());
        let mut cursor = w.root();
        let mut fields = Vec::new();
        while let Some(f) = w.next(&mut cursor)? {
            fields.push(f);
        }
        Ok(fields)
    }

    #[test]
    fn gives_each_field_with_its_place() {
        let mut e = Encoder::default();
        e.varint(1, 300);
        e.bytes(2, b"abc");
        e.fixed32(3, 7);
        let bytes = e.into_bytes();
        let fields = walk(&bytes).unwrap();
        assert_eq!(fields[0].wire, Wire::Varint(300));
        assert_eq!(fields[1].wire, Wire::Bytes(Span { offset: 5, len: 3 }));
        assert_eq!(fields[1].span, Span { offset: 3, len: 5 });
        assert_eq!(fields[2].wire, Wire::Fixed32(7));
        // -1 takes ten bytes.
        assert_eq!(walk(&[8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]).unwrap()[0].wire, Wire::Varint(u64::MAX));
    }

    #[test]
    fn groups_are_one_field() {
        // Field 4 is a group with a number, bytes and another group in it.
        let bytes = [0x23, 0x08, 1, 0x12, 2, 9, 9, 0x1b, 0x1c, 0x24, 0x08, 5];
        let fields = walk(&bytes).unwrap();
        assert_eq!((fields[0].number, fields[0].wire, fields[0].span.len), (4, Wire::Group, 10));
        assert_eq!(fields[1].wire, Wire::Varint(5));
        for bad in [&[0x23u8, 0x1c][..], &[0x23], &[0x24], &[0x23, 0x08]] {
            assert!(walk(bad).is_err(), "{bad:?}");
        }
        assert!(walk(&vec![0x23; 1 << 20]).is_err());
    }

    #[test]
    fn refuses_what_is_no_message() {
        for (bytes, fact) in [
            (&[0x12u8, 5, 1][..], "5 bytes do not fit in the 1 bytes left in the message"),
            (&[0x08, 0x80], "the message ends inside of a number"),
            (&[0x0d, 1, 2], "the message ends inside of a number"),
            (&[0x0e, 1], "6 is not a wire type of Protocol Buffers"),
            (&[0x02, 1], "0 is not a field number of Protocol Buffers"),
            (&[0x08, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 1], "a number longer than ten bytes"),
            (&[0x12, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1], "18446744073709551615 bytes do not fit"),
        ] {
            let e = walk(bytes).unwrap_err().to_string();
            assert!(e.contains(fact), "{e}");
        }
    }

    #[test]
    fn nesting_and_memory_are_bounded() {
        let mut w = Walker::over(Path::new("a"), vec![0; 8]);
        let (span, mut cursor) = (Span { offset: 0, len: 8 }, w.root());
        for _ in 0..MAX_DEPTH {
            cursor = w.enter(span, &cursor).unwrap();
        }
        assert!(w.enter(span, &cursor).unwrap_err().to_string().contains("nested more than 100 deep"));
        let e = (0..).find_map(|_| w.charge(1 << 20, 0).err()).unwrap();
        assert!(e.to_string().contains("larger than that of any real model"), "{e}");
    }

    #[test]
    fn reads_a_file_through_windows() {
        let mut e = Encoder::default();
        let long = vec![7u8; 300_000];
        e.bytes(1, &long);
        e.bytes(2, b"name");
        e.bytes(3, &[0xff]);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), e.into_bytes()).unwrap();
        let mut w = Walker::open(file.path()).unwrap();
        let mut cursor = w.root();
        let mut spans = Vec::new();
        while let Some(f) = w.next(&mut cursor).unwrap() {
            let Wire::Bytes(span) = f.wire else { panic!("bytes") };
            spans.push(span);
        }
        assert_eq!(&*w.bytes(spans[0]).unwrap(), long);
        assert_eq!(&*w.text(spans[1]).unwrap(), "name");
        assert!(w.text(spans[2]).unwrap_err().to_string().contains("not UTF-8"));
    }
}
