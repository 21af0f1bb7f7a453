//! How much of the metadata is kept.

/// Which metadata arrays are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrays {
    /// All of them.
    Keep,
    /// Only short ones: a look at many files does not need their vocabularies.
    SkipLong,
}

impl Arrays {
    pub(super) fn keeps(self, n: usize) -> bool {
        self == Self::Keep || n <= 64
    }
}
