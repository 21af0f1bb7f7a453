//! Importance matrices: for each tensor, how much each input column matters.
//!
//! `read` opens llama.cpp's two file forms. This module holds the values by tensor name; filters and new names (of layers that moved up)
//! are applied before anything is quantized. Refuses values that are NaN, infinite or negative, and matrices that are zero throughout. Test
//! with `cargo test imatrix`.

mod read;

pub(crate) use read::RawMatrix;

use crate::model::{ModelError, Result, TensorEntry};
use indexmap::IndexMap;

/// Largest importance matrix read, in bytes. That of a network of 671 billion parameters with 256 experts takes about 1 GB.
pub(crate) const MAX_BYTES: u64 = 4 << 30;

/// What to do about values that no program produces.
const AGAIN: &str = "The file is damaged: compute the importance matrix again.";

/// Importance of the columns of each tensor; one run of columns per expert for stacked experts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Imatrix {
    /// Values by tensor name: columns × experts, expert by expert.
    pub entries: IndexMap<String, Vec<f32>>,
    /// The file's name as given, stored as `quantize.imatrix.file`.
    pub file: String,
    /// The first data set it was made from, stored as `quantize.imatrix.dataset`.
    pub dataset: Option<String>,
    /// Chunks of text it was made from, stored as `quantize.imatrix.chunks_count` when not zero.
    pub chunks: u32,
    /// Number of entries before those of removed layers were dropped, stored as `quantize.imatrix.entries_count`.
    pub listed: usize,
    /// Entries with experts (or the one matrix) that no token of the text reached. The legacy form does not record them.
    pub unseen: IndexMap<String, UnreachedMatrices>,
}

/// How many of the matrices stacked in a tensor no token reached; their columns all have the same weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnreachedMatrices {
    /// Matrices that no token reached.
    pub unseen: usize,
    /// All of them.
    pub of: usize,
}

impl Imatrix {
    /// From values by tensor name.
    ///
    /// # Errors
    /// A value that is NaN, infinite or negative, naming the tensor.
    pub(crate) fn from_entries(entries: IndexMap<String, Vec<f32>>) -> Result<Self> {
        for (name, values) in &entries {
            // They are means of squares.
            let negative = || values.iter().position(|v| *v < 0.0);
            if let Some(i) = crate::quant::first_non_finite(values).or_else(negative) {
                let what =
                    format!("importance value {i} is {}, but importances must be finite and not negative", values[i]);
                return Err(ModelError::bad(what).field(name).with_hint(AGAIN));
            }
        }
        Ok(Self { listed: entries.len(), entries, ..Self::default() })
    }

    /// Keeps the entries of the tensors that `keep` names, as `--include-weights` and `--exclude-weights` do.
    pub(crate) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.entries.retain(|name, _| keep(name));
        self.unseen.retain(|name, _| keep(name));
        self.listed = self.entries.len();
    }

    /// The same values under new names; an entry without one is dropped.
    #[must_use]
    pub(crate) fn renamed(self, name: impl Fn(&str) -> Option<String>) -> Self {
        let entries = self.entries.into_iter().filter_map(|(old, v)| Some((name(&old)?, v))).collect();
        let unseen = self.unseen.into_iter().filter_map(|(old, v)| Some((name(&old)?, v))).collect();
        Self { entries, unseen, ..self }
    }

    /// The values of a tensor: columns × experts.
    pub(crate) fn get(&self, tensor: &str) -> Option<&[f32]> {
        self.entries.get(tensor).map(Vec::as_slice)
    }

    /// True if the matrix has the values that a tensor needs: its columns, for each stacked expert.
    pub(crate) fn covers(&self, tensor: &TensorEntry) -> bool {
        self.get(&tensor.name).is_some_and(|v| v.len() as u64 == tensor.cols().saturating_mul(tensor.stacked()))
    }

    /// The importance of the columns for row `row` of a tensor with `columns` columns and `rows_per_expert` rows for each expert (all rows,
    /// if there are no stacked experts). `None` if the matrix has no entry for the tensor.
    pub(crate) fn columns_of_row(
        &self,
        tensor: &str,
        columns: usize,
        rows_per_expert: u64,
        row: u64,
    ) -> Option<&[f32]> {
        let expert = usize::try_from(row / rows_per_expert.max(1)).ok()?;
        self.get(tensor)?.get(expert.checked_mul(columns)?..)?.get(..columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_change_the_count_and_new_names_do_not() {
        let names = ["blk.0.ffn_up.weight", "blk.1.ffn_up.weight", "blk.1.attn_q.weight"];
        let entries = names.iter().enumerate().map(|(i, n)| ((*n).to_owned(), vec![i as f32])).collect();
        let mut m = Imatrix::from_entries(entries).unwrap();
        m.retain(|n| n.contains("ffn"));
        assert_eq!((m.entries.len(), m.listed), (2, 2));
        let m = m.renamed(|n| n.strip_prefix("blk.1.").map(|rest| format!("blk.0.{rest}")));
        assert_eq!((m.entries.len(), m.listed, m.get(names[0])), (1, 2, Some(&[1.0][..])));
    }
}
