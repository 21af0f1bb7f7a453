//! The wire format of Protocol Buffers: a walker over files that leaves large contents where they are, and an encoder that lays them out.
//!
//! Specification: protobuf.dev, "Encoding" (2024). Knows no schema: a reader asks for the fields of a message one by one and decides by their numbers.
//! Contents are given as [`Span`]s of the file; only what a reader asks for is read, and what it keeps is charged to a budget. Nesting is bounded by
//! [`MAX_DEPTH`]. Nothing is a memory map: a file that is truncated meanwhile is an error. Tests: `cargo test --lib formats::protobuf`.

mod encode;
mod head;
mod walker;

pub(crate) use encode::{Encoder, Part};
pub(crate) use head::{HeadField, HeadFields};
pub(crate) use walker::{Cursor, Field, Span, Walker, Wire};

/// Deepest nesting of messages: the limit of the reference implementations (100).
pub(crate) const MAX_DEPTH: u32 = 100;
