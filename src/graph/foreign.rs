//! What a file says beyond the structure of a graph, kept verbatim for a writer of the same format.

use super::ValueType;

/// A field of the source's encoding that the graph does not model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Foreign {
    /// Its number in the message it was in (Protocol Buffers).
    pub number: u32,
    /// The whole field as it was in the file, with its tag.
    pub bytes: Box<[u8]>,
}

/// The foreign fields of one message, in file order.
pub(crate) type Extra = Vec<Foreign>;

/// How a file declared a type, where that says more than the type itself (denotations, unusual spellings).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Declared {
    /// The type of the value when it was read: the bytes are valid only as long as the value still has it.
    pub of: ValueType,
    /// The declaration in the encoding of the file.
    pub bytes: Box<[u8]>,
}
