//! TOML through the `toml` crate, which recovers from mistakes and so reports several at once.

use super::LocatedProblem;
use crate::recipe::problem::{Problem, Span};
use crate::recipe::tree::{Budget, Entry, Node, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// All problems are reported for texts up to this size, only the first for larger ones: a megabyte of brackets is half a million problems.
const MAX_RECOVERED_BYTES: usize = 1 << 16;

/// Reads a document; text that cannot be parsed is left out of the tree and reported.
pub(super) fn read(text: &str) -> (Option<Node>, Vec<LocatedProblem>) {
    let (table, errors) = if text.len() <= MAX_RECOVERED_BYTES {
        let (table, errors) = DeTable::parse_recoverable(text);
        (table.into_inner(), errors)
    } else {
        match DeTable::parse(text) {
            Ok(table) => (table.into_inner(), Vec::new()),
            Err(e) => (DeTable::new(), vec![e]),
        }
    };
    let mut found: Vec<LocatedProblem> = errors
        .iter()
        .map(|e| {
            let span = e.span().unwrap_or(0..0);
            let p = Problem::error("", e.message().replace('\n', " "));
            (p.with_help("This is not valid TOML."), Span { start: span.start, end: span.end })
        })
        .collect();
    let mut budget = Budget::default();
    match budget.take(1, 1, Span::default()).and_then(|()| entries(&table, 1, &mut budget)) {
        Ok(entries) => (Some(Node { value: Value::Table(entries), at: Span::default() }), found),
        Err(e) => {
            found.push(e);
            (None, found)
        }
    }
}

/// The entries of a table in the order of the text (the map may be sorted by name).
fn entries(table: &DeTable<'_>, depth: usize, budget: &mut Budget) -> Result<Vec<Entry>, LocatedProblem> {
    let mut out = Vec::new();
    for (key, value) in table {
        let node = node(value, depth + 1, budget)?;
        out.push(Entry { key: key.get_ref().to_string(), key_at: span(key), node });
    }
    out.sort_by_key(|e| e.key_at.start);
    Ok(out)
}

fn node(value: &Spanned<DeValue<'_>>, depth: usize, budget: &mut Budget) -> Result<Node, LocatedProblem> {
    let at = span(value);
    budget.take(1, depth, at)?;
    let value = match value.get_ref() {
        DeValue::String(s) => Value::Text(s.to_string()),
        DeValue::Boolean(b) => Value::Bool(*b),
        DeValue::Datetime(d) => Value::Text(d.to_string()),
        DeValue::Integer(i) => {
            let number = i128::from_str_radix(i.as_str(), i.radix());
            Value::Int(number.map_err(|_| (Problem::error("", "this number is too large"), at))?)
        }
        DeValue::Float(f) => {
            let number = f.as_str().parse();
            Value::Float(number.map_err(|_| (Problem::error("", "this is not a number"), at))?)
        }
        DeValue::Array(items) => {
            let items: Result<_, LocatedProblem> = items.iter().map(|v| node(v, depth + 1, budget)).collect();
            Value::List(items?)
        }
        DeValue::Table(table) => Value::Table(entries(table, depth, budget)?),
    };
    Ok(Node { value, at })
}

fn span<T>(s: &Spanned<T>) -> Span {
    Span { start: s.span().start, end: s.span().end }
}
