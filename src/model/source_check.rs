//! Checksums that a source file carries for its own bytes.
//!
//! A format that has them gives its model one [`SourceCheck`] for each run of bytes. What is read anyway is checked while it is
//! read; [`SourceChecks::finish`] reads what is left of the runs that were used in part, and is called before anything is published.

use super::Result;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// One run of bytes with a checksum.
pub trait SourceCheck: Send + Sync + fmt::Debug {
    /// Checks from now on, or does not.
    fn enable(&self, on: bool);

    /// What is known to be wrong without reading more.
    ///
    /// # Errors
    /// A bad-file error that names the file and the place.
    fn known(&self) -> Result<()>;

    /// Reads what was used in part to its end and compares; returns early when `cancel` is set.
    ///
    /// # Errors
    /// A bad-file error that names the file and the place; I/O errors.
    fn finish(&self, cancel: &AtomicBool) -> Result<()>;
}

/// Every checksum of a model's files. Cloning is cheap: the checks are shared.
#[derive(Clone, Debug, Default)]
pub struct SourceChecks(pub Vec<Arc<dyn SourceCheck>>);

impl SourceChecks {
    /// Checks from now on, or does not.
    pub fn enable(&self, on: bool) {
        self.0.iter().for_each(|c| c.enable(on));
    }

    /// What is known to be wrong without reading more.
    ///
    /// # Errors
    /// As [`SourceCheck::known`].
    pub(crate) fn known(&self) -> Result<()> {
        self.0.iter().try_for_each(|c| c.known())
    }

    /// Checks what was used in part to its end.
    ///
    /// # Errors
    /// As [`SourceCheck::finish`].
    pub fn finish(&self, cancel: &AtomicBool) -> Result<()> {
        self.0.iter().try_for_each(|c| c.finish(cancel))
    }
}
