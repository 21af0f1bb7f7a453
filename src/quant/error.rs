//! What can be wrong with a request to quantize or dequantize rows.

use super::block_type::BlockType;

/// A request that a block format cannot serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantError {
    /// The row length is not a multiple of the block length.
    #[error("rows of {cols} elements are not a multiple of the {}-element blocks of {ty}", ty.block_elems())]
    RowLength {
        /// The requested format.
        ty: BlockType,
        /// Elements of a row.
        cols: usize,
    },
    /// The format can be measured but not written.
    #[error("{ty} cannot be written by this version")]
    NotWritable {
        /// The requested format.
        ty: BlockType,
    },
    /// The format can be measured but not read.
    #[error("{ty} cannot be dequantized by this version")]
    NotReadable {
        /// The requested format.
        ty: BlockType,
    },
    /// The format is defined only with importance weights.
    #[error("{ty} needs an importance matrix")]
    NeedsImatrix {
        /// The requested format.
        ty: BlockType,
    },
    /// A buffer has the wrong length.
    #[error("expected {expected} {what}, found {found}")]
    Size {
        /// What is counted.
        what: &'static str,
        /// How many were expected.
        expected: usize,
        /// How many there are.
        found: usize,
    },
}
