//! How serious a message is.

/// How serious a message or a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For the record.
    Info,
    /// Worth a look.
    Warn,
    /// Wrong.
    Error,
}
