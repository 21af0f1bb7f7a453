//! The manifest of an output, `NAME.remold.json`: what it was made from and how, and the checksums of every byte (docs/manifest.md).
//!
//! `types` are its contents; `sources` hashes the small source files; `write` writes it piece by piece and publishes it; `read` reads it piece by
//! piece, since there may be a million tensors; `renamed` writes it for other names; `evaluation` adds what was measured afterwards; `seal` is its own checksum; `find` finds the
//! manifest of an output and the files it speaks of; `check` compares these files with it.

mod check;
mod evaluation;
mod find;
mod make;
mod publish;
mod read;
mod renamed;
mod seal;
mod sources;
mod types;
mod write;

pub(crate) use check::{CheckOptions, Checked, Difference, check};
pub(crate) use evaluation::add_evaluation;
pub(crate) use find::{Found, find, find_expected};
pub(crate) use make::{Figures, Run, file_record, make};
pub(crate) use publish::{discard_part, publish, withdraw};
pub(crate) use read::read;
pub(crate) use renamed::{NameChange, renamed};
pub(crate) use seal::{Seal, seal_of};
pub(crate) use sources::hash_sources;
pub(crate) use types::{Copied, Crc32, ENCODER, FileRecord, Head, Origin, Rest, TensorRecord};
pub(crate) use write::importance_hash;
