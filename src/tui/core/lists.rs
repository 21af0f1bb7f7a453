//! Moving in a list.

/// A place in a list of `len` lines, moved by some, within the list.
pub(crate) fn moved(at: usize, by: isize, len: usize) -> usize {
    at.saturating_add_signed(by).min(len.saturating_sub(1))
}
