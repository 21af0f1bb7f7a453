//! Reads a file named by a user or a model: anything but a regular file is refused at once, and never more than a limit is read.
//!
//! Opening a named pipe blocks until a writer comes, a device may be endless, and a file in `/proc` reports no length. So a file is opened
//! without blocking, checked through the descriptor, and read up to a limit whatever its length.

use crate::units::system_error;
use std::fmt;
use std::fs::{File, FileType, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

/// Why a file is not read.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// A system error.
    Io(io::Error),
    /// What it is instead of a regular file, with an article.
    NotAFile(&'static str),
    /// It has more bytes than the limit.
    TooLarge(u64),
    /// It is not UTF-8 text.
    NotText,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(e) => f.write_str(&system_error(e)),
            Self::NotAFile(what) => write!(f, "it is {what}, not a regular file"),
            Self::TooLarge(limit) => write!(f, "it is larger than the {limit} bytes allowed"),
            Self::NotText => f.write_str("it is not UTF-8 text"),
        }
    }
}

impl std::error::Error for ReadError {}

impl From<io::Error> for ReadError {
    fn from(e: io::Error) -> Self {
        Self::Io(e)
    }
}

/// Opens a regular file (or a link to one) for reading, without waiting for anything.
///
/// # Errors
/// Anything but a regular file, and I/O errors.
pub(crate) fn open(path: &Path) -> Result<File, ReadError> {
    // Checked first: opening a device may act on it (a tape rewinds, a modem answers).
    regular(std::fs::metadata(path)?.file_type())?;
    let file = OpenOptions::new().read(true).custom_flags(nonblocking()).open(path)?;
    // And again through the descriptor: the name may refer to something else by now.
    regular(file.metadata()?.file_type())?;
    Ok(file)
}

/// The contents of a regular file of at most `limit` bytes.
///
/// # Errors
/// As [`open`], and files that are longer.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, ReadError> {
    let file = open(path)?;
    if file.metadata()?.len() > limit {
        return Err(ReadError::TooLarge(limit));
    }
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(ReadError::TooLarge(limit));
    }
    Ok(bytes)
}

/// As [`read`], for text.
///
/// # Errors
/// As [`read`], and bytes that are not UTF-8.
pub(crate) fn read_text(path: &Path, limit: u64) -> Result<String, ReadError> {
    String::from_utf8(read(path, limit)?).map_err(|_| ReadError::NotText)
}

/// The flag that makes opening a pipe not wait for its other end.
pub(super) fn nonblocking() -> i32 {
    i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0)
}

/// The flag that makes opening a link fail.
pub(super) fn nofollow() -> i32 {
    i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0)
}

/// Refuses anything but a regular file.
pub(super) fn regular(kind: FileType) -> Result<(), ReadError> {
    let what = match kind {
        k if k.is_file() => return Ok(()),
        k if k.is_dir() => "a folder",
        k if k.is_symlink() => "a symbolic link",
        k if k.is_fifo() => "a named pipe",
        k if k.is_socket() => "a socket",
        k if k.is_char_device() || k.is_block_device() => "a device",
        _ => "something else",
    };
    Err(ReadError::NotAFile(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_is_refused_at_once_and_lengths_are_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe"), rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        std::os::unix::fs::symlink(path("pipe"), path("link")).unwrap();
        std::fs::write(path("file"), b"12345").unwrap();
        for (name, what) in
            [("pipe", "a named pipe"), ("link", "a named pipe"), ("socket", "a socket"), ("", "a folder")]
        {
            assert!(matches!(read(&path(name), 9), Err(ReadError::NotAFile(w)) if w == what), "{name}");
        }
        for device in ["/dev/zero", "/dev/null"] {
            assert!(matches!(read(Path::new(device), 9), Err(ReadError::NotAFile("a device"))), "{device}");
        }
        assert_eq!(read(&path("file"), 5).unwrap(), b"12345");
        assert!(matches!(read(&path("file"), 4), Err(ReadError::TooLarge(4))));
        assert!(matches!(read(&path("none"), 4), Err(ReadError::Io(e)) if e.kind() == io::ErrorKind::NotFound));
        // A file with length zero that is not empty.
        assert!(matches!(read(Path::new("/proc/self/maps"), 4), Err(ReadError::TooLarge(4))));
    }
}
