//! The manifest of an output, `NAME.remold.json`: what it was made from and how, and the checksums of every byte (docs/manifest.md).
//!
//! `types` are its contents; `sources` hashes the small source files; `write` writes it piece by piece and publishes it; `read` reads it piece by
//! piece, since there may be a million tensors; `find` finds the manifest of an output and the files it speaks of; `check` compares these files
//! with it.

mod check;
mod find;
mod make;
mod publish;
mod read;
mod sources;
mod types;
mod write;

pub use check::{CheckOptions, Checked, Difference, check};
pub use find::{Found, find};
pub use make::{Figures, Run, file_record, make};
pub use publish::{discard_part, publish, withdraw};
pub use read::read;
pub use sources::hash_sources;
pub use types::{
    Copied, Crc32, ENCODER, FileRecord, Head, MANIFEST_VERSION, Origin, OutputRecord, Rest, SourceFileRecord,
    SourceRecord, TensorRecord,
};
pub use write::importance_hash;
