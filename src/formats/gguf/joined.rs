//! Split sets whose files were joined with `cat`, which GGUF does not allow: the first header only describes its own tensors, and
//! the rest would be silently ignored.
//!
//! Downloads in parts (`model.gguf.part1of2`) are meant to be joined this way; files of llama-gguf-split, each with a header,
//! are not.

use super::MAGIC;
use super::header::Header;
use super::split::split_of;
use crate::model::{Hint, ModelError, Remedy, Result, Warning};
use std::os::unix::fs::FileExt;

/// Checks the bytes after the last tensor of a file.
///
/// # Errors
/// When another GGUF begins there and the file says that it is part of a set.
pub(super) fn check(header: &mut Header, file_len: u64) -> Result<()> {
    let ends = header.tensors.iter().map(|t| t.offset.saturating_add(t.bytes));
    let end = ends.max().unwrap_or(0).max(header.data_offset);
    // Writers pad the last tensor; its own end is checked too, in case one does not.
    let padded = end.checked_next_multiple_of(header.alignment).unwrap_or(end);
    let begins = |at: u64| {
        let mut magic = [0; MAGIC.len()];
        at < file_len && header.file.read_exact_at(&mut magic, at).is_ok() && magic == MAGIC
    };
    let Some(next) = [padded, end].into_iter().find(|at| begins(*at)) else { return Ok(()) };
    let Some((_, count, _)) = split_of(&header.metadata) else {
        let text = format!("another GGUF file begins after the tensors, at {next:#x}; it is ignored");
        header.warnings.push(Warning::new("gguf.another-behind", text));
        return Ok(());
    };
    let what = format!(
        "several files of a split set of {count} were concatenated: the second one begins here, and no program can read it"
    );
    let hint = "Download the files again, keep their names (NAME-00001-of-0000N.gguf), and open the first one; ";
    let hint = Hint::from(hint).then(Remedy::Run("merge".to_owned())).then(" joins them into one file.");
    Err(ModelError::bad(what).in_file(&header.path).at(next).with_hint(hint))
}
