//! Reads what is on disk rather than what is in the page cache.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

/// Alignment of offset, length and memory that direct reads need on every disk in use, in bytes.
const ALIGNMENT: usize = 4096;

/// Reads a file that was synced, from the disk where the system can: with direct I/O, else after dropping the file's cached pages, else from
/// the page cache. Direct I/O is also the cheapest: nothing is copied.
///
/// Direct I/O is a flag of the open file, so nothing may write through the file while this exists.
#[derive(Debug)]
pub(crate) struct DiskReader<'a> {
    file: &'a File,
    direct: AtomicBool,
}

impl<'a> DiskReader<'a> {
    /// For an open file.
    pub(crate) fn new(file: &'a File) -> Self {
        let direct = set_direct(file, true);
        if !direct {
            drop_cache(file);
        }
        Self { file, direct: AtomicBool::new(direct) }
    }

    /// The `bytes` at `offset`, read into `buffer`, which grows to slightly more than that. May be called from many threads.
    ///
    /// # Errors
    /// I/O errors; `UnexpectedEof` when the file ends before.
    pub(crate) fn read<'b>(&self, offset: u64, bytes: usize, buffer: &'b mut Vec<u8>) -> io::Result<&'b [u8]> {
        let before = (offset % ALIGNMENT as u64) as usize;
        let wanted = before + bytes;
        let room = wanted.next_multiple_of(ALIGNMENT) + ALIGNMENT;
        // Never shrunk: growing it again would clear it again.
        if buffer.len() < room {
            buffer.resize(room, 0);
        }
        let skip = buffer.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        let whole = wanted.next_multiple_of(ALIGNMENT);
        let mut filled = 0;
        while filled < wanted {
            let window = &mut buffer[skip + filled..skip + whole];
            match self.file.read_at(window, offset - before as u64 + filled as u64) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                // The file system accepts the flag but not these reads.
                Err(e) if e.kind() == io::ErrorKind::InvalidInput && self.direct.swap(false, Ordering::Relaxed) => {
                    set_direct(self.file, false);
                    drop_cache(self.file);
                }
                // Another thread just found the same.
                Err(e) if e.kind() == io::ErrorKind::InvalidInput && !is_direct(self.file) => {
                    return self
                        .file
                        .read_exact_at(&mut buffer[skip..skip + wanted], offset - before as u64)
                        .map(|()| &buffer[skip + before..skip + wanted]);
                }
                Err(e) => return Err(e),
            }
        }
        Ok(&buffer[skip + before..skip + wanted])
    }
}

impl Drop for DiskReader<'_> {
    fn drop(&mut self) {
        if self.direct.load(Ordering::Relaxed) {
            set_direct(self.file, false);
        }
    }
}

/// Turns direct I/O on or off for an open file; true if that succeeded.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn set_direct(file: &File, on: bool) -> bool {
    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
    let Ok(flags) = fcntl_getfl(file) else { return false };
    let mut wanted = flags;
    wanted.set(OFlags::DIRECT, on);
    fcntl_setfl(file, wanted).is_ok()
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_direct(file: &File) -> bool {
    rustix::fs::fcntl_getfl(file).is_ok_and(|flags| flags.contains(rustix::fs::OFlags::DIRECT))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn set_direct(_file: &File, _on: bool) -> bool {
    false
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn is_direct(_file: &File) -> bool {
    false
}

/// Shorter ranges are left to the system.
const WRITEBACK_BYTES: u64 = 256 << 10;

/// Asks the system to start writing a range of a file to disk, without waiting, so that a later sync has less to wait for. Does nothing if
/// unsupported.
pub(crate) fn start_writeback(file: &File, offset: u64, bytes: u64) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if bytes >= WRITEBACK_BYTES {
        // The advice that pages are not needed writes the dirty ones.
        let _ = rustix::fs::fadvise(file, offset, std::num::NonZeroU64::new(bytes), rustix::fs::Advice::DontNeed);
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = (file, offset, bytes);
}

/// Asks the system to drop the cached pages of a synced file, so that the next read comes from disk. Does nothing if unsupported.
fn drop_cache(file: &File) {
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
    #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
    let _ = file;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_stretch_is_read_and_the_end_of_the_file_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let bytes: Vec<u8> = (0..50_001u32).map(|i| (i * 7 % 251) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let file = File::options().read(true).write(true).open(&path).unwrap();
        file.sync_data().unwrap();
        let reader = DiskReader::new(&file);
        let mut buffer = Vec::new();
        for (at, n) in
            [(0, 1), (0, 50_001), (1, 50_000), (4096, 4096), (4095, 2), (50_000, 1), (12_345, 20_000), (7, 0)]
        {
            assert_eq!(reader.read(at as u64, n, &mut buffer).unwrap(), &bytes[at..at + n], "{at} {n}");
        }
        let beyond = reader.read(50_000, 2, &mut buffer).unwrap_err();
        assert_eq!(beyond.kind(), io::ErrorKind::UnexpectedEof);
        drop(reader);
        assert!(!is_direct(&file), "the flag is taken back");
        file.write_all_at(b"abc", 3).unwrap();
    }
}
