//! Sums of squares by tensor, and their merging.

use crate::model::{ModelError, Result};
use std::collections::BTreeMap;
use std::collections::btree_map;

/// What was collected: for each tensor, the squares of its inputs added up over all tokens.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Activations {
    /// By tensor name, in the order of the bytes of the names.
    pub entries: BTreeMap<String, Entry>,
    /// The texts, as they were named.
    pub datasets: Vec<String>,
    /// Tokens of a window.
    pub chunk_size: u32,
}

/// The sums of one tensor.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Entry {
    /// Σx²: columns × matrices, matrix by matrix. A tensor has one matrix, or one for each expert.
    pub sums: Vec<f32>,
    /// Tokens that each matrix got; at least one number. The number of sums is a multiple of theirs.
    pub counts: Vec<u64>,
}

impl Entry {
    /// Columns of a matrix.
    pub(crate) fn columns(&self) -> usize {
        self.sums.len() / self.counts.len().max(1)
    }

    /// Each matrix: its sums and its tokens.
    pub(crate) fn matrices(&self) -> impl Iterator<Item = (&[f32], u64)> {
        self.sums.chunks(self.columns().max(1)).zip(self.counts.iter().copied())
    }

    /// Adds the sums and counts of the same tensor.
    fn add(&mut self, other: &Self) -> Result<()> {
        let shape = |e: &Self| format!("{} columns in {} matrices", e.columns(), e.counts.len());
        if self.sums.len() != other.sums.len() {
            let what = format!("{} here, but {} in the files before it", shape(other), shape(self));
            return Err(ModelError::bad(what));
        }
        // The legacy form, and llama-imatrix before it knew experts, have one count for all matrices.
        match (self.counts.len(), other.counts.len()) {
            (a, b) if a == b => {}
            (1, b) => self.counts = vec![self.counts[0]; b],
            (_, 1) => {}
            _ => {
                let what = format!("{} here, but {} in the files before it", shape(other), shape(self));
                return Err(ModelError::bad(what));
            }
        }
        self.sums.iter_mut().zip(&other.sums).for_each(|(a, b)| *a += b);
        for (n, count) in self.counts.iter_mut().enumerate() {
            let more = other.counts.get(n).or(other.counts.first()).copied().unwrap_or(0);
            *count = count.saturating_add(more);
        }
        Ok(())
    }
}

impl Activations {
    /// Adds those of another text. The names of its texts are appended.
    ///
    /// # Errors
    /// Another shape of a tensor, which is named; nothing of use is left then.
    pub(crate) fn merge(&mut self, other: Self) -> Result<()> {
        for (name, entry) in other.entries {
            match self.entries.entry(name) {
                btree_map::Entry::Vacant(place) => drop(place.insert(entry)),
                btree_map::Entry::Occupied(mut place) => {
                    let merged = place.get_mut().add(&entry);
                    merged.map_err(|e| {
                        let hint = "The files were made from different models; merge those of one model.";
                        e.field(place.key()).with_hint(hint)
                    })?;
                }
            }
        }
        self.datasets.extend(other.datasets);
        Ok(())
    }

    /// Windows that the tensor with the most tokens got.
    pub(crate) fn chunks(&self) -> u32 {
        let most = self.entries.values().flat_map(|e| e.counts.iter().copied()).max().unwrap_or(0);
        u32::try_from(most / u64::from(self.chunk_size.max(1))).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::path::{Path, PathBuf};

    /// A file of golden data, or `None` with a visible note.
    pub(in crate::calibrate) fn golden(name: &str) -> Option<PathBuf> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let places = ["fixtures/golden", "../shared/golden", "../../shared/golden"];
        let found = places.iter().map(|p| root.join(p).join(name)).find(|p| p.exists());
        if found.is_none() {
            crate::skip::skipped(&format!("golden data {name} absent"));
        }
        found
    }

    pub(in crate::calibrate) fn activations(entries: &[(&str, &[f32], &[u64])], dataset: &str) -> Activations {
        let entry = |(name, sums, counts): &(&str, &[f32], &[u64])| {
            ((*name).to_owned(), Entry { sums: sums.to_vec(), counts: counts.to_vec() })
        };
        let entries = entries.iter().map(entry).collect();
        Activations { entries, datasets: vec![dataset.to_owned()], chunk_size: 4 }
    }

    #[test]
    fn sums_and_counts_add_up_and_texts_are_appended() {
        let mut a = activations(&[("a", &[1.0, 2.0], &[8]), ("e", &[1.0, 1.0, 2.0, 2.0], &[3, 0])], "one");
        let b = activations(&[("b", &[5.0], &[4]), ("e", &[1.0, 1.0, 1.0, 1.0], &[1, 9])], "two");
        a.merge(b).unwrap();
        assert_eq!(a.entries.keys().collect::<Vec<_>>(), ["a", "b", "e"]);
        assert_eq!(a.entries["e"], Entry { sums: vec![2.0, 2.0, 3.0, 3.0], counts: vec![4, 9] });
        assert_eq!((a.datasets.clone(), a.chunks()), (vec!["one".to_owned(), "two".to_owned()], 2));
        // One count for all matrices.
        a.merge(activations(&[("e", &[0.0; 4], &[2])], "three")).unwrap();
        assert_eq!(a.entries["e"].counts, [6, 11]);
        let mut old = activations(&[("e", &[0.0; 4], &[2])], "three");
        old.merge(a).unwrap();
        assert_eq!(old.entries["e"].counts, [8, 13]);
    }

    #[test]
    fn other_shapes_are_refused_with_the_tensor_named() {
        let a = activations(&[("blk.0.ffn_up.weight", &[1.0; 6], &[1, 1])], "one");
        for other in [[1; 3].as_slice(), &[1, 1, 1, 1, 1, 1]] {
            let b = activations(&[("blk.0.ffn_up.weight", &[1.0; 6], other)], "two");
            let e = a.clone().merge(b).unwrap_err();
            assert!(e.to_string().starts_with("blk.0.ffn_up.weight: "), "{e}");
            assert!(e.hint().unwrap().text().contains("different models"), "{e}");
        }
        let b = activations(&[("blk.0.ffn_up.weight", &[1.0; 4], &[1])], "two");
        let e = a.clone().merge(b).unwrap_err().to_string();
        assert!(e.contains("4 columns") && e.contains("3 columns"), "{e}");
    }
}
