//! Whether two files hold the same bytes.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

const WINDOW: usize = 1 << 20;

/// Compares two files to their ends or to the first difference.
///
/// # Errors
/// I/O errors.
pub(crate) fn contents(one: &Path, other: &Path) -> io::Result<bool> {
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut a, mut b) = (Vec::with_capacity(WINDOW), Vec::with_capacity(WINDOW));
    loop {
        a.clear();
        b.clear();
        (&mut one).take(WINDOW as u64).read_to_end(&mut a)?;
        (&mut other).take(WINDOW as u64).read_to_end(&mut b)?;
        if a != b {
            return Ok(false);
        }
        if a.is_empty() {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_byte_counts() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let mut bytes = vec![7; WINDOW + 5];
        std::fs::write(path("a"), &bytes).unwrap();
        std::fs::write(path("b"), &bytes).unwrap();
        assert!(contents(&path("a"), &path("b")).unwrap());
        bytes[WINDOW + 4] = 8;
        std::fs::write(path("b"), &bytes).unwrap();
        assert!(!contents(&path("a"), &path("b")).unwrap());
        std::fs::write(path("b"), &bytes[1..]).unwrap();
        assert!(!contents(&path("a"), &path("b")).unwrap());
    }
}
