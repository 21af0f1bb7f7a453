//! TOML, YAML and JSON text → the tree of `tree`, with the place of every key and value.
//!
//! Refuses text above 1 MiB, nesting above 32 levels and more than 50,000 values (aliases of YAML count each time they are used), so
//! that no input can take more than a few megabytes.

mod json;
mod toml;
mod yaml;

use super::problem::{Problem, SourceText, Span};
use super::tree::{MAX_TEXT_BYTES, Node, Value};
use std::path::Path;

/// The syntax a recipe is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// TOML 1.
    Toml,
    /// YAML 1.2, core schema.
    Yaml,
    /// JSON, RFC 8259.
    Json,
}

impl Syntax {
    /// By the file's extension; TOML when it says nothing.
    pub fn of(path: &Path) -> Self {
        let ext = path.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
        match ext.as_str() {
            "yaml" | "yml" => Self::Yaml,
            "json" => Self::Json,
            _ => Self::Toml,
        }
    }
}

/// A problem and the span it is at.
pub(crate) type LocatedProblem = (Problem, Span);

/// Reads text into a tree. A TOML text with several mistakes gives all of them and what could be understood.
pub(crate) fn read(source: &SourceText, syntax: Syntax) -> (Option<Node>, Vec<LocatedProblem>) {
    if source.text.len() > MAX_TEXT_BYTES {
        let p = Problem::error(
            "",
            format!("the text has {} bytes; at most {MAX_TEXT_BYTES} are allowed", source.text.len()),
        );
        return (None, vec![(p.with_help("Is this a recipe?"), Span::default())]);
    }
    match syntax {
        Syntax::Toml => toml::read(&source.text),
        Syntax::Yaml => split(yaml::read(&source.text)),
        Syntax::Json => split(json::read(&source.text)),
    }
}

/// The problem of a text that is valid in another syntax than that of its file name. `None` for a file whose name says TOML.
pub(crate) fn meant(source: &SourceText, read_as: Syntax) -> Option<LocatedProblem> {
    let file = source.file.as_deref()?;
    let says_toml = file.extension().is_some_and(|e| e.eq_ignore_ascii_case("toml"));
    if read_as != Syntax::Toml || says_toml || source.text.len() > MAX_TEXT_BYTES {
        return None;
    }
    // YAML holds JSON, so JSON comes first. A text of one word is sound YAML, but no recipe.
    let sound = |syntax: Syntax| matches!(read(source, syntax), (Some(Node { value: Value::Table(_), .. }), broken) if broken.is_empty());
    let (name, extension) = match (sound(Syntax::Json), sound(Syntax::Yaml)) {
        (true, _) => ("JSON", "json"),
        (_, true) => ("YAML", "yaml"),
        _ => return None,
    };
    let renamed = file.with_extension(extension);
    let problem = Problem::error("", format!("this is {name}, and a file without its extension is read as TOML"));
    Some((problem.with_help(format!("Name the file {}.", renamed.display())), Span::default()))
}

fn split(result: Result<Node, LocatedProblem>) -> (Option<Node>, Vec<LocatedProblem>) {
    match result {
        Ok(node) => (Some(node), Vec::new()),
        Err(found) => (None, vec![found]),
    }
}

/// The keys of a table so far.
type Seen = std::collections::HashSet<String>;

/// Remembers a key; an error for a duplicate.
fn once(seen: &mut Seen, key: &str, at: Span) -> Result<(), LocatedProblem> {
    if seen.insert(key.to_owned()) {
        return Ok(());
    }
    let p = Problem::error("", format!("duplicate key `{key}` in this table"));
    Err((p.with_help("Keep one of them."), at))
}
