//! Where a storage is in its file.

/// The bytes of one storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Blob {
    /// Absolute byte offset.
    pub offset: u64,
    /// Number of bytes.
    pub bytes: u64,
}
