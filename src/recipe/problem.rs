//! What is wrong with a recipe, where, and what to write instead.

use crate::units::{escape, escape_lines, is_hidden};
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};

/// Problems listed at most; more are counted, not shown.
pub(crate) const MAX_PROBLEMS: usize = 100;

/// Maximum problems looked for: finding the nearest word for each of 50,000 wrong keys would take seconds.
pub(crate) const MAX_FOUND: usize = 1000;

/// Characters of a source line shown at most, so that a one-line JSON file does not fill the screen.
const SHOWN_CHARS: usize = 100;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The recipe cannot be run.
    Error,
    /// The recipe runs; the user should know this.
    Note,
}

/// A place in a recipe's text. Lines and columns begin at 1; columns count characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file, if the text came from one.
    pub file: Option<PathBuf>,
    /// Line.
    pub line: usize,
    /// Column of the first character.
    pub column: usize,
    /// Characters concerned on that line, at least 1.
    pub width: usize,
    /// The line's text.
    pub source: String,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Error or note.
    pub severity: Severity,
    /// The key it is about, in canonical spelling: `target[0].context_length`; empty for the whole text.
    pub path: String,
    /// The fact: one clause, lower case.
    pub message: String,
    /// What is allowed or what to do: full sentences.
    pub help: Option<String>,
    /// Its position, if the recipe came from text.
    pub place: Option<Box<Place>>,
    /// The key as a value, if the problem was found in a recipe and not in its text.
    #[serde(skip)]
    pub at: Option<Box<RecipePath>>,
    /// True if it is about something that this version does not do.
    #[serde(skip)]
    pub(crate) unavailable: bool,
    /// True if it is about the key itself and not about its value.
    #[serde(skip)]
    pub(crate) about_key: bool,
    /// Where the message continues behind the name of the key that it begins with, in bytes.
    #[serde(skip)]
    pub(super) behind_key: u32,
}

/// A key of a recipe, or the table that it would be in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipePath {
    /// Where the key is.
    pub table: RecipeTable,
    /// The key, with keys of its own behind dots; empty for the table as a whole.
    pub key: String,
}

/// A table of a recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecipeTable {
    /// The recipe itself.
    Top,
    /// `[source]`.
    Source,
    /// `[validate]`.
    Validate,
    /// A `[[target]]`, from 0.
    Target(usize),
    /// A `[[pipeline]]` step, from 0.
    Step(usize),
}

impl RecipeTable {
    /// A key of the table.
    pub(crate) fn key(self, key: impl Into<String>) -> RecipePath {
        RecipePath { table: self, key: key.into() }
    }
}

impl RecipePath {
    /// An entry of a key that is a table.
    pub(crate) fn entry(&self, entry: &str) -> Self {
        self.table.key(format!("{}.{entry}", self.key))
    }
}

impl fmt::Display for RecipePath {
    /// `target[0].context_length`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.table {
            RecipeTable::Top => return f.write_str(&self.key),
            RecipeTable::Source => f.write_str("source")?,
            RecipeTable::Validate => f.write_str("validate")?,
            RecipeTable::Target(i) => write!(f, "target[{i}]")?,
            RecipeTable::Step(i) => write!(f, "pipeline[{i}]")?,
        }
        if self.key.is_empty() { Ok(()) } else { write!(f, ".{}", self.key) }
    }
}

/// What a problem says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    text: String,
    behind_key: u32,
}

impl Message {
    /// A message that begins with the name of the key it is about: `` `pure` takes `true` or `false` ``.
    pub(crate) fn of_key(key: &str, rest: String) -> Self {
        let text = format!("`{key}` {rest}");
        let behind_key = u32::try_from(text.len() - rest.len()).unwrap_or(0);
        Self { text, behind_key }
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self { text, behind_key: 0 }
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl Problem {
    /// An error about a key.
    pub(crate) fn error(path: impl Into<String>, message: impl Into<Message>) -> Self {
        let Message { text, behind_key } = message.into();
        Self {
            severity: Severity::Error,
            path: path.into(),
            message: text,
            help: None,
            place: None,
            at: None,
            unavailable: false,
            about_key: false,
            behind_key,
        }
    }

    /// An error about a key of a recipe.
    pub(crate) fn of(path: &RecipePath, message: impl Into<Message>) -> Self {
        Self { at: Some(Box::new(path.clone())), ..Self::error(path.to_string(), message) }
    }

    /// The message without the name of its key, for where that is shown already.
    pub(crate) fn fact(&self) -> &str {
        self.message.get(self.behind_key as usize..).unwrap_or(&self.message)
    }

    /// A note about a key.
    pub(crate) fn note(path: impl Into<String>, message: impl Into<Message>) -> Self {
        Self { severity: Severity::Note, ..Self::error(path, message) }
    }

    /// Marks it as about something that this version does not do.
    pub(crate) fn unavailable(self) -> Self {
        Self { unavailable: true, ..self }
    }

    /// Marks it as about the key itself.
    pub(crate) fn about_key(self) -> Self {
        Self { about_key: true, ..self }
    }

    /// True if it is about the quantization of a target.
    pub(crate) fn is_of_quantization(&self) -> bool {
        self.at.as_ref().is_some_and(|at| matches!(at.table, RecipeTable::Target(_)) && at.key == "quantization")
    }

    /// True if it is about a target or a step, which planning checks too.
    pub(crate) fn is_planned(&self) -> bool {
        matches!(self.at.as_ref().map(|at| at.table), Some(RecipeTable::Target(_) | RecipeTable::Step(_)))
    }

    /// Adds what to do.
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        let help = help.into();
        self.help = (!help.is_empty()).then_some(help);
        self
    }

    /// Adds the place of a span.
    pub(crate) fn at(self, span: Span, source: &SourceText) -> Self {
        Self { place: Some(Box::new(source.place(span))), ..self }
    }

    /// True if the recipe cannot be run because of it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Problem {
    /// Three or four lines: place and fact, the source line, a caret, the help. No line feed at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let note = if self.is_error() { "" } else { "note: " };
        // These contain keys and values of the recipe; none of them may begin a line of its own.
        let (path, message) = (escape(&self.path), escape(&self.message));
        let Some(place) = &self.place else {
            match &*path {
                "" => write!(f, "{note}{message}")?,
                path => write!(f, "{path}: {note}{message}")?,
            }
            return self.help.iter().try_for_each(|h| write!(f, "\n  hint: {}", escape_lines(h)));
        };
        let file = place.file.as_deref().map_or("<recipe>".into(), Path::to_string_lossy);
        // It is about the file as a whole: there is no line to show.
        if place.source.is_empty() && (place.line, place.column) == (1, 1) {
            write!(f, "{}: {note}{message}", escape(&file))?;
            return self.help.iter().try_for_each(|h| write!(f, "\n  hint: {}", escape_lines(h)));
        }
        write!(f, "{}:{}:{}: {note}{message}", escape(&file), place.line, place.column)?;
        let (shown, column) = window(&place.source, place.column);
        let number = place.line.to_string();
        let space = SHOWN_CHARS.saturating_sub(column - 1).max(1);
        write!(f, "\n  {number} | {shown}")?;
        let (pad, carets) = (" ".repeat(column - 1), "^".repeat(place.width.clamp(1, space)));
        write!(f, "\n  {:w$} | {pad}{carets}", "", w = number.len())?;
        self.help.iter().try_for_each(|h| write!(f, "\n  {:w$}   {}", "", escape_lines(h), w = number.len()))
    }
}

/// The text of problems without the lines of the recipe and the marks below them: for places that have one line.
pub(crate) fn without_excerpts(text: &str) -> String {
    let is_excerpt = |line: &&str| {
        let rest = line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit());
        line.starts_with("  ") && (rest.starts_with(" | ") || rest.starts_with("| "))
    };
    let lines: Vec<&str> = text.lines().filter(|line| !is_excerpt(line)).map(str::trim).collect();
    let mut out = String::new();
    for line in lines.into_iter().filter(|line| !line.is_empty()) {
        if !out.is_empty() {
            out.push_str(if out.ends_with(['.', '?', ':']) { " " } else { ". " });
        }
        out.push_str(line);
    }
    out
}

/// The part of a line around a column that is shown, and the column within it. Control characters become spaces.
fn window(line: &str, column: usize) -> (String, usize) {
    let start = if column > SHOWN_CHARS * 3 / 4 { column - SHOWN_CHARS / 2 } else { 0 };
    let text: String = line.chars().skip(start).take(SHOWN_CHARS).map(|c| if is_hidden(c) { ' ' } else { c }).collect();
    (text.trim_end().to_owned(), column.saturating_sub(start).max(1))
}

/// Everything that is wrong with a recipe, in the order of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipeErrors {
    problems: Vec<Problem>,
}

impl RecipeErrors {
    /// Takes what [`placed`] gives.
    pub(crate) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// A single problem without a place.
    pub(crate) fn one(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }

    /// The problems; never empty.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The problems, by value.
    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }
}

/// Problems with their places, in the order of the text, no more than [`MAX_PROBLEMS`]. Only those shown are placed: a place costs a walk
/// through the text.
pub(crate) fn placed(mut found: Vec<(Problem, Span)>, source: &SourceText) -> Vec<Problem> {
    found.sort_by_key(|(_, at)| at.start);
    let (all, more) = (found.len(), found.len().saturating_sub(MAX_PROBLEMS));
    found.truncate(MAX_PROBLEMS);
    let mut out: Vec<Problem> = found.into_iter().map(|(p, at)| p.at(at, source)).collect();
    if more > 0 {
        let count = if all >= MAX_FOUND { String::new() } else { format!("{more} ") };
        out.push(Problem::error("", format!("and {count}more")));
    }
    out
}

impl fmt::Display for RecipeErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, p) in self.problems.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{p}")?;
        }
        Ok(())
    }
}

impl std::error::Error for RecipeErrors {}

/// A range of bytes in a recipe's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub start: usize,
    pub end: usize,
}

/// The text a recipe came from, for turning spans into places.
#[derive(Clone, Debug, Default)]
pub(crate) struct SourceText {
    pub file: Option<PathBuf>,
    pub text: String,
}

impl SourceText {
    /// The place of a span; anything out of range is clamped to the end of the text.
    pub(crate) fn place(&self, span: Span) -> Place {
        let bytes = self.text.as_bytes();
        let start = self.text.floor_char_boundary(span.start.min(bytes.len()));
        let before = &self.text[..start];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        let rest = &self.text[start..];
        let line_end = start + rest.find('\n').unwrap_or(rest.len());
        let end = self.text.floor_char_boundary(span.end.clamp(start, line_end));
        Place {
            file: self.file.clone(),
            line: before.bytes().filter(|&b| b == b'\n').count() + 1,
            column: self.text[line_start..start].chars().count() + 1,
            width: self.text[start..end].trim_end().chars().count().max(1),
            source: self.text[line_start..line_end].trim_end_matches('\r').to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters() {
        let source = SourceText { file: None, text: "a = 1\r\nü = \"x\" # y\n".into() };
        let at = source.place(Span { start: 12, end: 15 });
        assert_eq!((at.line, at.column, at.width, at.source.as_str()), (2, 5, 3, "ü = \"x\" # y"));
        let end = source.place(Span { start: 999, end: 1000 });
        assert_eq!((end.line, end.column, end.width), (3, 1, 1));
    }

    #[test]
    fn one_line_has_the_facts_and_no_excerpt() {
        let source = SourceText { file: Some("w.toml".into()), text: "[[target]]\nquantization = \"q99\"\n".into() };
        let of = |help: &str| Problem::error("", "unknown").with_help(help).at(Span { start: 26, end: 31 }, &source);
        let text = format!("{}\n{}", of("For gguf: a | b."), of(""));
        assert!(text.contains("^"), "{text}");
        assert_eq!(without_excerpts(&text), "w.toml:2:16: unknown. For gguf: a | b. w.toml:2:16: unknown");
    }

    #[test]
    fn long_lines_are_shown_in_part() {
        let source = SourceText { file: None, text: format!("{}bad", "x ".repeat(4000)) };
        let problem = Problem::error("", "no").at(Span { start: 8000, end: 8003 }, &source);
        let text = problem.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.iter().all(|l| l.len() < 120), "{text}");
        assert_eq!(lines[1].find("bad"), lines[2].find("^^^"));
    }
}
