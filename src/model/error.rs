//! What can be wrong with a model: one fact a variant, with file and place.

use super::{Defect, ErrorCode, FormatId, Hint, OptionPath};
use crate::units::{escape, system_error};
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

/// An error about a model file. Every part of it has an accessor; nothing needs to parse its text. `Display` is one line: file, place, fact,
/// fit for a terminal whatever the file holds; [`ModelError::hint`] says what to do.
#[derive(Debug)]
pub struct ModelError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    format: Option<FormatId>,
    file: Option<PathBuf>,
    offset: Option<u64>,
    step: Option<(usize, String)>,
    field: Option<Field>,
    about: Option<OptionPath>,
    fact: String,
    hint: Option<Hint>,
    shortage: bool,
    defect: Option<Defect>,
    io: Option<std::io::Error>,
}

/// Where in the file or the request the error is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// A place in a file: a tensor, a metadata key, an entry of an archive.
    Named(String),
    /// An option of the recipe.
    Option(OptionPath),
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::Option(path) => write!(f, "{path}"),
        }
    }
}

impl ModelError {
    #[cold]
    fn make(kind: ErrorKind, fact: String) -> Self {
        Self(Box::new(Inner {
            kind,
            format: None,
            file: None,
            offset: None,
            step: None,
            field: None,
            about: None,
            fact,
            hint: None,
            shortage: false,
            defect: None,
            io: None,
        }))
    }

    /// The file is wrong: `what` is one clause, lower case, without a full stop.
    #[cold]
    pub fn bad(what: impl Into<String>) -> Self {
        Self::make(ErrorKind::BadFile, what.into())
    }

    /// Right, but not supported.
    #[cold]
    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Self::make(ErrorKind::Unsupported, what.into())
    }

    /// A limit that can be raised.
    #[cold]
    pub(crate) fn limit(what: impl Into<String>) -> Self {
        Self::make(ErrorKind::Limit, what.into())
    }

    /// More space or memory is needed than is free now: a limit that may pass.
    #[cold]
    pub(crate) fn shortage(what: impl Into<String>) -> Self {
        let mut e = Self::limit(what);
        e.0.shortage = true;
        e
    }

    /// The request is wrong.
    #[cold]
    pub fn request(what: impl Into<String>) -> Self {
        Self::make(ErrorKind::BadRequest, what.into())
    }

    /// The request is wrong because the operating system will refuse it, which may change: `error` is what it would say.
    #[cold]
    pub(crate) fn would_be_refused(what: impl Into<String>, error: std::io::Error) -> Self {
        let mut e = Self::request(what);
        e.0.io = Some(error);
        e
    }

    /// An operating-system error while doing `what` (`reading`, `creating`).
    #[cold]
    pub(crate) fn io(file: &Path, what: &str, error: std::io::Error) -> Self {
        let kind = if error.kind() == std::io::ErrorKind::NotFound { ErrorKind::BadRequest } else { ErrorKind::Io };
        let words = system_error(&error);
        // Of a file that is not there, nothing more needs to be said.
        let opens = kind == ErrorKind::BadRequest && matches!(what, "opening" | "reading");
        let mut e = Self::make(kind, if opens { words } else { format!("{what}: {words}") });
        e.0.io = Some(error);
        e.in_file(file)
    }

    /// The operating system refuses to start a thread.
    #[cold]
    pub(crate) fn no_thread(error: std::io::Error) -> Self {
        let mut e = Self::make(ErrorKind::Io, format!("a thread cannot be started: {}", system_error(&error)));
        e.0.io = Some(error);
        e.with_hint("A limit on processes or memory is reached: raise it (`ulimit -u`, `ulimit -v`, or that of the container), or end other processes.")
    }

    /// Adds the file, unless one is named already.
    #[must_use]
    pub fn in_file(mut self, file: &Path) -> Self {
        self.0.file.get_or_insert_with(|| file.to_owned());
        self
    }

    /// Adds the format, unless one is named already.
    #[must_use]
    pub(crate) fn in_format(mut self, format: FormatId) -> Self {
        self.0.format.get_or_insert(format);
        self
    }

    /// Adds the absolute byte offset in the file, unless one is given already.
    #[must_use]
    pub(crate) fn at(mut self, offset: u64) -> Self {
        self.0.offset.get_or_insert(offset);
        self
    }

    /// Adds the field path (`metadata[3].key`), unless one is given already.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.0.field.get_or_insert_with(|| Field::Named(field.into()));
        self
    }

    /// Adds the step of the pipeline that it is about, counted from 0.
    #[must_use]
    pub(crate) fn in_step(mut self, at: usize, name: &str) -> Self {
        self.0.step.get_or_insert_with(|| (at, name.to_owned()));
        self
    }

    /// Adds the option that is wrong as the field, unless a field is given already.
    #[must_use]
    pub fn in_option(mut self, option: impl Into<OptionPath>) -> Self {
        self.0.field.get_or_insert_with(|| Field::Option(option.into()));
        self
    }

    /// Adds the option that decides about it, where the field is something else.
    #[must_use]
    pub fn about_option(mut self, option: impl Into<OptionPath>) -> Self {
        self.0.about.get_or_insert_with(|| option.into());
        self
    }

    /// Adds a clause to what is said, for instance in what state things are now.
    #[must_use]
    pub(crate) fn and(mut self, clause: &str) -> Self {
        self.0.fact.push_str("; ");
        self.0.fact.push_str(clause);
        self
    }

    /// Adds the remedy: one sentence in the imperative or a question.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Hint>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Says which of the well-known defects it is.
    #[must_use]
    pub(crate) fn defect(mut self, defect: Defect) -> Self {
        self.0.defect.get_or_insert(defect);
        self
    }

    /// Which of the well-known defects it is, if it is one.
    pub(crate) fn known_defect(&self) -> Option<Defect> {
        self.0.defect
    }

    /// The root of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The code of the error in events.
    pub(crate) fn code(&self) -> ErrorCode {
        use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem, StorageFull};
        match self.0.kind {
            _ if self.has_os_error(&[StorageFull]) => ErrorCode::DiskFull,
            _ if self.has_os_error(&[PermissionDenied, ReadOnlyFilesystem]) => ErrorCode::Io,
            ErrorKind::BadFile => ErrorCode::FileBad,
            ErrorKind::Unsupported => ErrorCode::Unsupported,
            ErrorKind::Limit => ErrorCode::Limit,
            ErrorKind::BadRequest => ErrorCode::Request,
            ErrorKind::Io => ErrorCode::Io,
        }
    }

    fn has_os_error(&self, kinds: &[std::io::ErrorKind]) -> bool {
        self.os_error().is_some_and(|e| kinds.contains(&e.kind()))
    }

    /// The fact alone: one clause without file and place.
    pub(crate) fn fact(&self) -> &str {
        &self.0.fact
    }

    /// What to do about it, if that is known.
    pub fn hint(&self) -> Option<&Hint> {
        self.0.hint.as_ref()
    }

    /// True if it goes away when there is more space or more memory.
    pub(crate) fn is_shortage(&self) -> bool {
        self.0.shortage
    }

    /// The absolute byte offset in the file.
    pub fn offset(&self) -> Option<u64> {
        self.0.offset
    }

    /// Where in the file or the request it is.
    pub(crate) fn field_path(&self) -> Option<&Field> {
        self.0.field.as_ref()
    }

    /// The step of the pipeline that it is about, counted from 0.
    pub(crate) fn step(&self) -> Option<usize> {
        self.0.step.as_ref().map(|(at, _)| *at)
    }

    /// The option that it is about, whether that is its field or not.
    pub(crate) fn option(&self) -> Option<&OptionPath> {
        match (&self.0.about, &self.0.field) {
            (Some(option), _) | (None, Some(Field::Option(option))) => Some(option),
            _ => None,
        }
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
    pub(crate) fn os_error(&self) -> Option<&std::io::Error> {
        self.0.io.as_ref()
    }
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, self.0.field.as_ref().map(ToString::to_string).as_deref())
    }
}

/// An error with its option named as somebody knows it.
struct Worded<'a>(&'a ModelError, &'a dyn Fn(&OptionPath) -> String);

impl fmt::Display for Worded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.0.0.field.as_ref().map(|field| match field {
            Field::Option(path) => (self.1)(path),
            named => named.to_string(),
        });
        self.0.write(f, field.as_deref())
    }
}

impl ModelError {
    /// The error in words, with the option that it is about under the name that `option` gives it.
    pub(crate) fn worded(&self, option: &dyn Fn(&OptionPath) -> String) -> String {
        Worded(self, option).to_string()
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, field: Option<&str>) -> fmt::Result {
        let e = &*self.0;
        if let Some((at, name)) = &e.step {
            write!(f, "step {} ({}): ", at + 1, escape(name))?;
        }
        if let Some(file) = &e.file {
            write!(f, "{}", escape(&file.to_string_lossy()))?;
            if let Some(offset) = e.offset {
                write!(f, " @{offset:#x}")?;
            }
            if let Some(field) = field {
                write!(f, " {}", escape(field))?;
            }
            write!(f, ": ")?;
        } else if let Some(field) = field {
            write!(f, "{}: ", escape(field))?;
        }
        // It may contain names from files; none of them may begin a line of its own.
        f.write_str(&escape(&e.fact))
    }
}

/// The first names of a list and how many more there are: for messages about many tensors.
pub(crate) fn few<S: AsRef<str>>(names: &[S]) -> String {
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
