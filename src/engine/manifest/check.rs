//! Comparing the files of an output with its manifest, byte for byte by checksum.

use super::find::Found;
use super::read::read;
use super::seal::{Seal, seal_of};
use super::types::{FileRecord, Head};
use crate::files;
use crate::model::{ModelError, Result};
use crate::task::together;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Bytes read at once by each thread.
const WINDOW: u64 = 1 << 20;
/// Most differences that are named.
const MAX_NAMED: usize = 20;
/// No tensor: a stretch of a header or of padding.
const NO_TENSOR: u32 = u32::MAX;

/// How an output is checked.
pub(crate) struct CheckOptions<'a> {
    /// Threads, at least one.
    pub threads: usize,
    /// Ends the check early when it is set.
    pub stop: &'a AtomicBool,
    /// Bytes read so far.
    pub read: &'a AtomicU64,
}

/// What a check found.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// The manifest's head.
    pub head: Head,
    /// Files that were compared.
    pub files: usize,
    /// Tensors that were compared.
    pub tensors: usize,
    /// Bytes that were compared.
    pub bytes: u64,
    /// Every difference that is named, in the order of files and offsets. None: everything was checked and is as it was written.
    pub differences: Vec<Difference>,
    /// Differences in all.
    pub count: usize,
    /// Files in an output folder that the manifest does not list. They are no difference: the folder may hold what the user put there.
    pub unlisted: Vec<PathBuf>,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Difference {
    /// The file.
    pub file: PathBuf,
    /// Where in it the part begins that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// The tensor, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tensor: Option<String>,
    /// What is wrong, in words.
    pub what: String,
}

#[derive(Clone, Copy, Debug)]
struct Stretch {
    offset: u64,
    bytes: u64,
    file: u32,
    /// Index of the tensor, or [`NO_TENSOR`].
    tensor: u32,
    /// `None`: padding, which is zero.
    crc: Option<u32>,
}

/// Compares every byte of an output with its manifest.
///
/// # Errors
/// I/O errors; a manifest that cannot be read or contradicts itself. What differs is not an error.
pub(crate) fn check(found: &Found, options: &CheckOptions<'_>) -> Result<Checked> {
    let mut stretches = Vec::new();
    let (head, records) = read(&found.manifest, |tensor| {
        let number = |n: usize| u32::try_from(n).unwrap_or(NO_TENSOR);
        let (file, index) = (number(tensor.file), number(stretches.len()));
        let crc = Some(tensor.crc32.0);
        stretches.push(Stretch { offset: tensor.offset, bytes: tensor.bytes, file, tensor: index, crc });
        Ok(())
    })?;
    let mut checked = Checked { files: records.len(), tensors: stretches.len(), ..Checked::default() };
    let damaged =
        |what: &str| ModelError::bad(format!("the manifest is inconsistent: {what}")).in_file(&found.manifest);
    if head.output.tensors != stretches.len() {
        return Err(damaged("the number of tensors differs from its tensor count"));
    }
    cover(&records, &mut stretches).map_err(damaged)?;
    let paths = found.files(&head.output, &records);
    let mut differences = Differences::default();
    if seal_of(&found.manifest)? == Seal::Broken {
        let what = "the manifest was changed after it was written".to_owned();
        differences.add(Difference { file: found.manifest.clone(), offset: None, tensor: None, what });
    }
    let mut open: Vec<Option<File>> = Vec::new();
    for (record, path) in records.iter().zip(&paths) {
        let Some(path) = path else { return Err(damaged("a file name points outside of its folder")) };
        open.push(open_one(record, path, &mut differences)?);
    }
    stretches.retain(|s| open.get(s.file as usize).is_some_and(Option::is_some));
    checked.bytes = stretches.iter().map(|s| s.bytes).sum();
    let mut wrong = compare(&stretches, &open, &paths, options)?;
    wrong.sort_unstable();
    differences.count += wrong.len();
    wrong.truncate(MAX_NAMED);
    let mut names = names(found, wrong.iter().map(|i| stretches[*i].tensor))?;
    for i in wrong {
        let stretch = &stretches[i];
        let what = match (stretch.tensor, stretch.crc) {
            (NO_TENSOR, Some(_)) => "the bytes of the header differ from what was written",
            (NO_TENSOR, None) => "the padding between the tensors is not zero",
            _ => "the bytes of the tensor differ from what was written",
        };
        let file = paths[stretch.file as usize].clone().unwrap_or_default();
        let tensor = names.iter_mut().find(|(t, _)| *t == stretch.tensor).map(|(_, name)| std::mem::take(name));
        differences.named.push(Difference { file, offset: Some(stretch.offset), tensor, what: what.to_owned() });
    }
    checked.differences = differences.named;
    checked.count = differences.count;
    checked.unlisted = found.unlisted(&head.output, &records);
    checked.head = head;
    Ok(checked)
}

#[derive(Default)]
struct Differences {
    named: Vec<Difference>,
    count: usize,
}

impl Differences {
    fn add(&mut self, difference: Difference) {
        self.count += 1;
        if self.named.len() < MAX_NAMED {
            self.named.push(difference);
        }
    }
}

/// Opens a file whose size is the recorded one; else says what is wrong with it.
fn open_one(record: &FileRecord, path: &Path, differences: &mut Differences) -> Result<Option<File>> {
    let what = match files::open(path) {
        Ok(file) => {
            let bytes = file.metadata().map_err(|e| ModelError::io(path, "reading", e))?.len();
            if bytes == record.bytes {
                return Ok(Some(file));
            }
            format!("the file has {bytes} bytes instead of {}", record.bytes)
        }
        Err(files::ReadError::Io(e)) if e.kind() == std::io::ErrorKind::NotFound => "the file is missing".to_owned(),
        Err(files::ReadError::Io(e)) => return Err(ModelError::io(path, "opening", e)),
        Err(e) => format!("the file cannot be compared: {e}"),
    };
    differences.add(Difference { file: path.to_owned(), offset: None, tensor: None, what });
    Ok(None)
}

/// Adds what is not a tensor, and the gaps between all of these, and sorts by file and offset.
fn cover(records: &[FileRecord], stretches: &mut Vec<Stretch>) -> std::result::Result<(), &'static str> {
    for (f, record) in records.iter().enumerate() {
        let rest = record.rest.iter().map(|r| Stretch {
            offset: r.offset,
            bytes: r.bytes,
            file: f as u32,
            tensor: NO_TENSOR,
            crc: Some(r.crc32.0),
        });
        stretches.extend(rest);
    }
    stretches.retain(|s| s.bytes > 0);
    stretches.sort_by_key(|s| (s.file, s.offset));
    let mut gaps = Vec::new();
    let (mut file, mut at) = (0u32, 0u64);
    let size = |f: u32| records.get(f as usize).map(|r| r.bytes);
    let gap = |file, from, to| Stretch { offset: from, bytes: to - from, file, tensor: NO_TENSOR, crc: None };
    for s in stretches.iter() {
        while file < s.file {
            let end = size(file).ok_or("a tensor is in a file that is not listed")?;
            if end > at {
                gaps.push(gap(file, at, end));
            }
            (file, at) = (file + 1, 0);
        }
        let end = s.offset.checked_add(s.bytes).filter(|end| size(file).is_some_and(|size| *end <= size));
        let end = end.ok_or("a tensor extends past the end of its file")?;
        if s.offset < at {
            return Err("two parts of a file overlap");
        }
        if s.offset > at {
            gaps.push(gap(file, at, s.offset));
        }
        at = end;
    }
    while let Some(end) = size(file) {
        if end > at {
            gaps.push(gap(file, at, end));
        }
        (file, at) = (file + 1, 0);
    }
    stretches.extend(gaps);
    stretches.sort_by_key(|s| (s.file, s.offset));
    Ok(())
}

/// The indices of the stretches whose bytes are other ones than recorded.
fn compare(
    stretches: &[Stretch],
    files: &[Option<File>],
    paths: &[Option<PathBuf>],
    options: &CheckOptions<'_>,
) -> Result<Vec<usize>> {
    let next = AtomicUsize::new(0);
    let (wrong, error) = (Mutex::new(Vec::new()), Mutex::new(None));
    let work = || {
        let mut buffer = Vec::new();
        loop {
            let first = next.fetch_add(BATCH, Ordering::Relaxed);
            if first >= stretches.len() {
                return;
            }
            for (i, stretch) in stretches.iter().enumerate().skip(first).take(BATCH) {
                if options.stop.load(Ordering::Relaxed) {
                    return;
                }
                let Some(Some(file)) = files.get(stretch.file as usize) else { continue };
                match is_same(stretch, file, &mut buffer, options) {
                    Ok(true) => {}
                    Ok(false) => wrong.lock().unwrap_or_else(PoisonError::into_inner).push(i),
                    Err(e) => {
                        let mut error = error.lock().unwrap_or_else(PoisonError::into_inner);
                        error.get_or_insert((*stretch, e));
                        return;
                    }
                }
            }
        }
    };
    together(options.threads, work);
    if let Some((stretch, e)) = error.into_inner().unwrap_or_else(PoisonError::into_inner) {
        let path = paths.get(stretch.file as usize).cloned().flatten().unwrap_or_default();
        return Err(ModelError::io(&path, "reading", e).at(stretch.offset));
    }
    Ok(wrong.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Stretches that a thread takes at once.
const BATCH: usize = 4;

fn is_same(s: &Stretch, file: &File, buffer: &mut Vec<u8>, options: &CheckOptions<'_>) -> std::io::Result<bool> {
    let (mut crc, mut at, end) = (crc32fast::Hasher::new(), s.offset, s.offset + s.bytes);
    while at < end && !options.stop.load(Ordering::Relaxed) {
        let n = (end - at).min(WINDOW);
        buffer.resize(n as usize, 0);
        file.read_exact_at(buffer, at)?;
        options.read.fetch_add(n, Ordering::Relaxed);
        match s.crc {
            Some(_) => crc.update(buffer),
            None if buffer.iter().any(|b| *b != 0) => return Ok(false),
            None => {}
        }
        at += n;
    }
    // One that was not read to its end differs in nothing that is known.
    Ok(at < end || s.crc.is_none_or(|c| c == crc.finalize()))
}

/// The names of these tensors, from a second look at the manifest.
fn names(found: &Found, tensors: impl Iterator<Item = u32>) -> Result<Vec<(u32, String)>> {
    let wanted: Vec<u32> = tensors.filter(|t| *t != NO_TENSOR).collect();
    let (mut names, mut index) = (Vec::new(), 0u32);
    if wanted.is_empty() {
        return Ok(names);
    }
    read(&found.manifest, |tensor| {
        if wanted.contains(&index) {
            names.push((index, tensor.name));
        }
        index = index.saturating_add(1);
        Ok(())
    })?;
    Ok(names)
}
