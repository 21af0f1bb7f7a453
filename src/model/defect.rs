//! What is wrong with a file in a way that people know a word for.

/// The code of the warning about a pickle with [`Defect::Unsafe`].
pub(crate) const UNSAFE_CODE: &str = "pytorch.unsafe";

/// A defect that a scan names by a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// Files of a set are not there.
    Missing,
    /// The file ends before its contents do.
    Cut,
    /// The same, of a file that was written to just now.
    Growing,
    /// A Git LFS pointer in place of the file.
    Pointer,
    /// A pickle that runs code which no checkpoint needs.
    Unsafe,
}

impl Defect {
    /// The word: `missing`, `cut`, `growing`, `pointer`, `unsafe`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Cut => "cut",
            Self::Growing => "growing",
            Self::Pointer => "pointer",
            Self::Unsafe => "unsafe",
        }
    }
}
