//! Tensors of a model that its file holds in a form that cannot be converted as it is.

use super::{Hint, Model, ModelError, OptionName, Remedy, Result, TensorEntry, few};

/// A tensor that a conversion would lose.
#[derive(Clone, Debug)]
pub struct Unreadable {
    /// Its name.
    pub name: String,
    /// What it is: `a sparse tensor (COO)`.
    pub what: String,
    /// How to save it so that it can be read, one sentence.
    pub remedy: String,
    /// The same values as a plain tensor, where that can be made here (sparse tensors).
    pub dense: Option<TensorEntry>,
    /// How many of the model's tensors come before it.
    pub before: usize,
}

impl Model {
    /// Refuses a model with tensors that cannot be read.
    ///
    /// # Errors
    /// Unsupported, naming a few of the tensors, what they are and what to do.
    pub(crate) fn check_readable(&self) -> Result<()> {
        let Some(first) = self.unreadable.first() else { return Ok(()) };
        let names: Vec<String> = self.unreadable.iter().map(|u| format!("{} ({})", u.name, u.what)).collect();
        let (verb, of) = if names.len() == 1 { ("is not", "tensor") } else { ("are not", "tensors") };
        let what = format!("{} {of} of the model {verb} stored as plain values: {}", names.len(), few(&names));
        let mut hint = Hint::from(&first.remedy);
        if self.unreadable.iter().all(|u| u.dense.is_some()) {
            hint = Hint::from("Convert with `")
                .then(Remedy::Option(OptionName::DENSIFY))
                .then("`, which writes sparse tensors as dense ones. Or: ")
                .join(&hint);
        }
        Err(ModelError::unsupported(what).in_file(&self.path).with_hint(hint))
    }

    /// The model with its sparse tensors written out in full, in their places.
    ///
    /// # Errors
    /// Indices that are not in order, that repeat, or that are out of bounds; I/O errors.
    pub(crate) fn densified(mut self) -> Result<Self> {
        let (dense, left) = std::mem::take(&mut self.unreadable).into_iter().partition(|u| u.dense.is_some());
        let dense: Vec<Unreadable> = dense;
        self.unreadable = left;
        for u in dense.into_iter().rev() {
            if let Some(entry) = u.dense {
                // Nothing is read but the indices, which are checked before the first rows.
                entry.data.read_rows(0..0, &mut []).map_err(|e| e.field(u.name))?;
                self.tensors.insert(u.before.min(self.tensors.len()), entry);
            }
        }
        Ok(self)
    }
}
