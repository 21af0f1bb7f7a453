//! What can be wrong with a model: one fact a variant, with file and place.

use super::FormatId;
use crate::units::escape;
use std::fmt;
use std::path::{Path, PathBuf};

/// Shorthand for results of reading and viewing models.
pub type Result<T, E = ModelError> = std::result::Result<T, E>;

/// Which of the four roots an error has; it decides the exit code and the tone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The file is wrong (truncated, inconsistent, hostile).
    BadFile,
    /// Right, but nothing here can do it (yet).
    Unsupported,
    /// A limit that can be raised.
    Limit,
    /// The request is wrong (no such file, output exists).
    BadRequest,
    /// The operating system said no.
    Io,
}

/// An error about a model file. `Display` is one line: file, place, fact,
/// fit for a terminal whatever the file holds; [`ModelError::hint`] says what to do.
#[derive(Debug)]
pub struct ModelError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    format: Option<FormatId>,
    file: Option<PathBuf>,
    offset: Option<u64>,
    field: Option<String>,
    what: String,
    hint: Option<String>,
    io: Option<std::io::Error>,
}

impl ModelError {
    #[cold]
    fn make(kind: ErrorKind, what: String) -> Self {
        Self(Box::new(Inner { kind, format: None, file: None, offset: None, field: None, what, hint: None, io: None }))
    }

    /// The file is wrong: `what` is one clause, lower case, without a full stop.
    #[cold]
    pub fn bad(what: impl Into<String>) -> Self {
        Self::make(ErrorKind::BadFile, what.into())
    }

    /// Right, but not supported.
    #[cold]
    pub fn unsupported(what: impl Into<String>) -> Self {
        Self::make(ErrorKind::Unsupported, what.into())
    }

    /// A limit that can be raised.
    #[cold]
    pub fn limit(what: impl Into<String>) -> Self {
        Self::make(ErrorKind::Limit, what.into())
    }

    /// The request is wrong.
    #[cold]
    pub fn request(what: impl Into<String>) -> Self {
        Self::make(ErrorKind::BadRequest, what.into())
    }

    /// An operating-system error while doing `what` (`reading`, `creating`).
    #[cold]
    pub fn io(file: &Path, what: &str, error: std::io::Error) -> Self {
        let kind = if error.kind() == std::io::ErrorKind::NotFound { ErrorKind::BadRequest } else { ErrorKind::Io };
        let mut e = Self::make(kind, format!("{what}: {error}"));
        e.0.io = Some(error);
        e.in_file(file)
    }

    /// Adds the file, unless one is named already.
    #[must_use]
    pub fn in_file(mut self, file: &Path) -> Self {
        self.0.file.get_or_insert_with(|| file.to_owned());
        self
    }

    /// Adds the format, unless one is named already.
    #[must_use]
    pub fn in_format(mut self, format: FormatId) -> Self {
        self.0.format.get_or_insert(format);
        self
    }

    /// Adds the absolute byte offset in the file, unless one is given already.
    #[must_use]
    pub fn at(mut self, offset: u64) -> Self {
        self.0.offset.get_or_insert(offset);
        self
    }

    /// Adds the field path (`metadata[3].key`), unless one is given already.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.0.field.get_or_insert_with(|| field.into());
        self
    }

    /// Adds a clause to what is said, for instance in what state things are now.
    #[must_use]
    pub fn and(mut self, clause: &str) -> Self {
        self.0.what.push_str("; ");
        self.0.what.push_str(clause);
        self
    }

    /// Adds the remedy: one sentence in the imperative or a question.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The root of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The fact alone: one clause without file and place.
    pub fn what(&self) -> &str {
        &self.0.what
    }

    /// What to do about it, if that is known.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The file it is about.
    pub fn file(&self) -> Option<&Path> {
        self.0.file.as_deref()
    }

    /// The format it is about.
    pub fn format(&self) -> Option<FormatId> {
        self.0.format
    }

    /// The operating-system error behind it.
    pub fn os_error(&self) -> Option<&std::io::Error> {
        self.0.io.as_ref()
    }
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let e = &*self.0;
        if let Some(file) = &e.file {
            write!(f, "{}", escape(&file.to_string_lossy()))?;
            if let Some(offset) = e.offset {
                write!(f, " @{offset:#x}")?;
            }
            if let Some(field) = &e.field {
                write!(f, " {}", escape(field))?;
            }
            write!(f, ": ")?;
        } else if let Some(field) = &e.field {
            write!(f, "{}: ", escape(field))?;
        }
        // Names from files stand in it; none of them may begin a line of its own.
        f.write_str(&escape(&e.what))
    }
}

/// The first names of a list and how many more there are: for messages about many tensors.
pub fn few<S: AsRef<str>>(names: &[S]) -> String {
    const NAMED: usize = 8;
    let mut text = names.iter().take(NAMED).map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    if names.len() > NAMED {
        text.push_str(&format!(" and {} more", names.len() - NAMED));
    }
    text
}

impl std::error::Error for ModelError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.io.as_ref().map(|e| e as _)
    }
}
