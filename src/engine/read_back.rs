//! Reads files back from the disk and compares checksums: of a finished output, and of what an earlier attempt left.

use super::part_file::PartFile;
use crate::files::DiskReader;
use crate::formats::FilePlan;
use crate::model::Result;
use crate::task::{FirstError, collected, locked, together};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Bytes read at once by each thread. Small adjacent stretches are read together.
const WINDOW: u64 = 1 << 20;

/// A stretch of a file and the CRC-32 of what was written there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    /// Index of the file among those that are read.
    pub file: usize,
    /// Absolute byte offset.
    pub offset: u64,
    /// Length in bytes.
    pub bytes: u64,
    /// CRC-32 of the bytes.
    pub crc: u32,
}

/// The stretches of a file that are not tensor data, with their checksums. `finish` are those that were written last; they may be in
/// one of the fixed stretches.
pub(crate) fn known_stretches(file: usize, plan: &FilePlan, finish: &[(u64, Vec<u8>)]) -> Vec<Stretch> {
    // Both lists may have a million entries (a zip archive has a header for each tensor).
    let mut late: Vec<&(u64, Vec<u8>)> = finish.iter().collect();
    late.sort_by_key(|(at, _)| *at);
    let mut stretches = Vec::new();
    let mut covered = vec![false; late.len()];
    for (offset, bytes) in &plan.fixed {
        let mut bytes = std::borrow::Cow::Borrowed(bytes.as_slice());
        let first = late.partition_point(|(at, _)| at < offset);
        for ((at, late), covered) in late[first..].iter().zip(&mut covered[first..]) {
            let from = usize::try_from(at - offset).unwrap_or(usize::MAX);
            if from >= bytes.len() {
                break;
            }
            if late.len() <= bytes.len() - from {
                bytes.to_mut()[from..from + late.len()].copy_from_slice(late);
                *covered = true;
            }
        }
        stretches.push(Stretch { file, offset: *offset, bytes: bytes.len() as u64, crc: crc32fast::hash(&bytes) });
    }
    let rest = late.into_iter().zip(covered).filter(|(_, covered)| !covered);
    stretches.extend(rest.map(|((offset, bytes), _)| Stretch {
        file,
        offset: *offset,
        bytes: bytes.len() as u64,
        crc: crc32fast::hash(bytes),
    }));
    stretches
}

/// The bytes of a file of `total` bytes that no stretch of it covers, such as padding between tensors, with the checksum of zeros:
/// nothing was written there.
pub(crate) fn gaps(file: usize, total: u64, stretches: &[Stretch]) -> Vec<Stretch> {
    let mut taken: Vec<(u64, u64)> =
        stretches.iter().filter(|s| s.file == file).map(|s| (s.offset, s.offset.saturating_add(s.bytes))).collect();
    taken.push((total, total));
    taken.sort_unstable();
    let (mut gaps, mut at) = (Vec::new(), 0);
    for (start, end) in taken {
        if start > at {
            gaps.push(Stretch { file, offset: at, bytes: start - at, crc: crc_of_zeros(start - at) });
        }
        at = at.max(end);
    }
    gaps
}

fn crc_of_zeros(mut bytes: u64) -> u32 {
    const ZEROS: [u8; 4096] = [0; 4096];
    let mut crc = crc32fast::Hasher::new();
    while bytes > 0 {
        let n = bytes.min(ZEROS.len() as u64);
        crc.update(&ZEROS[..n as usize]);
        bytes -= n;
    }
    crc.finalize()
}

/// Reads `stretches` of `files`, which are synced, with so many threads and gives the indices of those whose bytes have another checksum.
/// Returns early, with what was found so far, when `stop` is set.
///
/// # Errors
/// I/O errors.
pub(crate) fn mismatches(
    stretches: &[Stretch],
    files: &[&PartFile],
    threads: usize,
    stop: &AtomicBool,
) -> Result<Vec<usize>> {
    let mut order: Vec<usize> = (0..stretches.len()).collect();
    order.sort_by_key(|i| (stretches[*i].file, stretches[*i].offset));
    let batches = batches(stretches, &order);
    let readers: Vec<DiskReader<'_>> = files.iter().map(|f| f.on_disk()).collect();
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let error = FirstError::default();
    let work = || {
        let mut buffer = Vec::new();
        while !stop.load(Ordering::Relaxed) && !error.is_set() {
            let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) else { return };
            match check(stretches, &order[batch.clone()], (files, &readers), &mut buffer, stop) {
                Ok(bad) => locked(&found).extend(bad),
                Err(e) => error.set(e),
            }
        }
    };
    together(threads.clamp(1, batches.len().max(1)), work);
    error.result()?;
    let mut found = collected(found);
    found.sort_unstable();
    Ok(found)
}

/// Ranges of `order` whose stretches are read together: one long stretch, or several within a window.
fn batches(stretches: &[Stretch], order: &[usize]) -> Vec<std::ops::Range<usize>> {
    let mut batches: Vec<std::ops::Range<usize>> = Vec::new();
    for (n, &i) in order.iter().enumerate() {
        let stretch = &stretches[i];
        if let Some(last) = batches.last_mut() {
            let first = &stretches[order[last.start]];
            if first.file == stretch.file && stretch.offset.saturating_add(stretch.bytes) - first.offset <= WINDOW {
                last.end = n + 1;
                continue;
            }
        }
        batches.push(n..n + 1);
    }
    batches
}

fn check(
    stretches: &[Stretch],
    batch: &[usize],
    (files, readers): (&[&PartFile], &[DiskReader<'_>]),
    buffer: &mut Vec<u8>,
    stop: &AtomicBool,
) -> Result<Vec<usize>> {
    let (Some(first), Some(last)) = (batch.first(), batch.last()) else { return Ok(Vec::new()) };
    let start = stretches[*first].offset;
    let end = batch.iter().map(|i| stretches[*i].offset + stretches[*i].bytes).max().unwrap_or(start);
    let (file, reader) = (files[stretches[*last].file], &readers[stretches[*last].file]);
    if end - start > WINDOW {
        let mut crc = crc32fast::Hasher::new();
        let mut at = start;
        while at < end && !stop.load(Ordering::Relaxed) {
            // Every window but the first begins where direct reads may.
            let n = (end - at).min(WINDOW - at % WINDOW);
            crc.update(file.read_back(reader, at, n as usize, buffer)?);
            at += n;
        }
        return Ok(if at < end || crc.finalize() == stretches[*first].crc { Vec::new() } else { vec![*first] });
    }
    let bytes = file.read_back(reader, start, (end - start) as usize, buffer)?;
    let differs = |i: &&usize| {
        let p = &stretches[**i];
        let from = (p.offset - start) as usize;
        crc32fast::hash(&bytes[from..from + p.bytes as usize]) != p.crc
    };
    Ok(batch.iter().filter(differs).copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stretch_is_compared_small_or_large() {
        let dir = tempfile::tempdir().unwrap();
        let total = 3 * WINDOW + 5000;
        let part = PartFile::create(&dir.path().join("x"), &dir.path().join("x"), total, 0o600).unwrap();
        let bytes: Vec<u8> = (0..total).map(|i| (i * 7 % 251) as u8).collect();
        part.write_at(&bytes, 0).unwrap();
        let sizes = [10u64, 0, 100, 2 * WINDOW + 3, 17, 400_000, 1];
        let mut offset = 0;
        let mut stretches = Vec::new();
        for size in sizes {
            let crc = crc32fast::hash(&bytes[offset as usize..(offset + size) as usize]);
            stretches.push(Stretch { file: 0, offset, bytes: size, crc });
            offset += size + 3;
        }
        let never = AtomicBool::new(false);
        assert_eq!(mismatches(&stretches, &[&part], 3, &never).unwrap(), [0usize; 0]);
        for (i, stretch) in stretches.iter().enumerate().filter(|(_, p)| p.bytes > 0) {
            let at = stretch.offset + stretch.bytes - 1;
            part.write_at(&[bytes[at as usize] ^ 0x10], at).unwrap();
            assert_eq!(mismatches(&stretches, &[&part], 2, &never).unwrap(), [i]);
            part.write_at(&bytes[at as usize..=at as usize], at).unwrap();
        }
    }

    #[test]
    fn what_no_stretch_covers_must_be_zero() {
        let dir = tempfile::tempdir().unwrap();
        let part = PartFile::create(&dir.path().join("x"), &dir.path().join("x"), 10_000, 0o600).unwrap();
        let stretch = |offset, bytes| Stretch { file: 0, offset, bytes, crc: crc_of_zeros(bytes) };
        // Out of order, one inside another.
        let stretches = [stretch(5000, 100), stretch(32, 64), stretch(40, 8), stretch(128, 32)];
        let gaps = gaps(0, 10_000, &stretches);
        let places: Vec<(u64, u64)> = gaps.iter().map(|g| (g.offset, g.bytes)).collect();
        assert_eq!(places, [(0, 32), (96, 32), (160, 4840), (5100, 4900)]);
        let never = AtomicBool::new(false);
        assert_eq!(mismatches(&gaps, &[&part], 2, &never).unwrap(), [0usize; 0]);
        part.write_at(&[1], 127).unwrap();
        part.write_at(&[1], 9999).unwrap();
        assert_eq!(mismatches(&gaps, &[&part], 2, &never).unwrap(), [1, 3]);
    }

    #[test]
    fn stretches_written_last_are_compared_as_they_are_then() {
        let plan = FilePlan::whole("x".into(), vec![0; 10]);
        let stretches = known_stretches(0, &plan, &[(2, vec![7, 8]), (20, vec![9])]);
        let crcs: Vec<(u64, u32)> = stretches.iter().map(|p| (p.offset, p.crc)).collect();
        assert_eq!(crcs, [(0, crc32fast::hash(&[0, 0, 7, 8, 0, 0, 0, 0, 0, 0])), (20, crc32fast::hash(&[9]))]);
    }
}
