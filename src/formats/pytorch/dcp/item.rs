//! One chunk: an archive of `torch.save` with a single tensor, somewhere in the file of a rank.

use super::super::beside::Beside;
use super::super::entries;
use super::super::pickle::{Node, load};
use super::super::source::Source;
use super::super::{empty_model, walk};
use super::metadata::Stored;
use crate::model::{Defect, Model, ModelError, OpenedFile, Result, SourceCheck, TensorEntry, Warning};
use std::path::Path;
use std::sync::Arc;

/// A file of a rank, and what was found in it.
pub(crate) struct Opened {
    source: Source,
    stamp: OpenedFile,
    /// The checksums of pickles, which are known to be wrong.
    wrong: Vec<Arc<dyn SourceCheck>>,
    /// Takes the warnings.
    report: Model,
}

impl Opened {
    /// Opens the file.
    ///
    /// # Errors
    /// I/O errors.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let source = Source::open(path)?;
        let stamp = OpenedFile::new(path, &source.file)?;
        Ok(Self { source, stamp, wrong: Vec::new(), report: empty_model(path) })
    }

    /// The tensor in a range of the file; the inner error says in words why it cannot be read.
    ///
    /// # Errors
    /// A range beyond the file; damaged archives; anything but a plain tensor in it.
    pub(crate) fn tensor(
        &mut self,
        name: &str,
        stored: &Stored,
        beside: &mut Beside,
    ) -> Result<Result<TensorEntry, String>> {
        let len = self.source.len;
        if stored.offset.checked_add(stored.bytes).is_none_or(|end| end > len) {
            let what = format!("its {} bytes extend past the end of the file, which has {len} bytes", stored.bytes);
            return Err(ModelError::bad(what)
                .defect(Defect::Cut)
                .with_hint("Was the file truncated while it was copied?"));
        }
        let entries = entries::entries(&self.source, stored.offset, stored.bytes)?;
        entries::byte_order(&self.source, &entries)?;
        self.source.crcs.extend(entries::crcs(&entries));
        self.source.blobs = entries::storages(&entries)?;
        let (mut input, wrong) = entries::object(&self.source, &entries)?;
        if wrong.is_some() && self.wrong.is_empty() {
            let text = "the checksum of data.pkl does not match its contents: the file may be damaged";
            self.report.warnings.push(Warning::new("pytorch.checksum", text));
            self.wrong.extend(wrong);
        }
        let pickle = load(&mut input)?;
        walk::globals(&pickle.tree, &mut self.report);
        beside.entries(&self.source, &entries);
        beside.stream(&mut input);
        match pickle.tree.get(pickle.root) {
            Node::Tensor(tensor) => self.source.pickled(&pickle.tree, name, tensor),
            _ => Ok(Err("its stored value is not a plain tensor".to_owned())),
        }
    }

    /// Adds stamps, checks and warnings to the model.
    pub(crate) fn finish(self, model: &mut Model) {
        model.opened.push(self.stamp);
        model.checks.0.extend(self.source.checks().0);
        model.checks.0.extend(self.wrong);
        for warning in self.report.warnings {
            if !model.warnings.contains(&warning) {
                model.warnings.push(warning);
            }
        }
    }
}
