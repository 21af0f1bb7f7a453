//! Ranges of a file that were never written: a writer that sets the length first and then stops leaves a file of the right size.

use std::fs::File;

/// The first hole; `None` if there is none or the file system does not report holes.
pub(super) fn first(file: &File) -> Option<u64> {
    let bytes = file.metadata().ok()?.len();
    let at = rustix::fs::seek(file, rustix::fs::SeekFrom::Hole(0)).ok()?;
    (at < bytes).then_some(at)
}
