//! The front matter of a model card (README.md): a small tree of strings, lists and maps.
//!
//! Scalars are kept as text: GGUF wants strings, and a version `1.10` or a language `no` must not become a number or a
//! boolean.

use indexmap::IndexMap;
use saphyr_parser::{Event, Parser, ScalarStyle};

/// A card is small; nothing nests deeper in practice than four.
const MAX_DEPTH: usize = 32;
/// No front matter is larger (one of a benchmark-laden embedding model takes about 200 KB).
const MAX_BYTES: usize = 4 << 20;

/// A YAML value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Yaml {
    Null,
    Str(String),
    List(Vec<Yaml>),
    Map(IndexMap<String, Yaml>),
}

impl Yaml {
    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Str(s) = self { Some(s) } else { None }
    }

    /// A scalar as a list of one, a list as the texts in it.
    pub(super) fn texts(&self) -> Vec<&str> {
        match self {
            Self::Str(s) => vec![s],
            Self::List(items) => items.iter().filter_map(Self::text).collect(),
            _ => Vec::new(),
        }
    }
}

/// Parses the front matter of a README; an empty map when there is none.
///
/// # Errors
/// One line that says what is wrong with the YAML.
pub(super) fn front_matter(readme: &str) -> Result<IndexMap<String, Yaml>, String> {
    let mut lines = readme.lines();
    if lines.next() != Some("---") {
        return Ok(IndexMap::new());
    }
    let yaml: String = lines.take_while(|l| *l != "---").flat_map(|l| [l, "\n"]).collect();
    if yaml.len() > MAX_BYTES {
        return Err(format!("the front matter has {} bytes", yaml.len()));
    }
    // Tabs are not valid YAML, but cards have them.
    match parse(&yaml.replace('\t', "  "))? {
        Yaml::Map(map) => Ok(map),
        Yaml::Null => Ok(IndexMap::new()),
        _ => Err("the front matter is not a mapping".to_owned()),
    }
}

enum Open {
    List(Vec<Yaml>),
    Map(IndexMap<String, Yaml>, Option<String>),
}

fn parse(text: &str) -> Result<Yaml, String> {
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|e| e.to_string())?;
        let done = match event {
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                None
            }
            Event::MappingStart(..) => {
                open.push(Open::Map(IndexMap::new(), None));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(items)) => Some(Yaml::List(items)),
                Some(Open::Map(map, _)) => Some(Yaml::Map(map)),
                None => return Err("an end without a beginning".to_owned()),
            },
            Event::Scalar(value, style, ..) => {
                let plain = style == ScalarStyle::Plain;
                let null = plain && matches!(&*value, "" | "~" | "null" | "Null" | "NULL");
                Some(if null { Yaml::Null } else { Yaml::Str(value.into_owned()) })
            }
            Event::Alias(_) => Some(Yaml::Null),
            _ => None,
        };
        if open.len() > MAX_DEPTH {
            return Err(format!("nested deeper than {MAX_DEPTH}"));
        }
        let Some(value) = done else { continue };
        match open.last_mut() {
            None => return Ok(value),
            Some(Open::List(items)) => items.push(value),
            Some(Open::Map(map, key)) => match key.take() {
                None => *key = Some(value.text().unwrap_or_default().to_owned()),
                Some(key) => {
                    map.insert(key, value);
                }
            },
        }
    }
    Ok(Yaml::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_read_as_text() {
        let card =
            "---\nlicense: apache-2.0\nlanguage:\n- en\n- no\nversion: 1.10\nbase_model: [a/b, c/d]\n---\n# Hi\n";
        let map = front_matter(card).unwrap();
        assert_eq!(map["license"].text(), Some("apache-2.0"));
        assert_eq!(map["language"].texts(), ["en", "no"]);
        assert_eq!(map["version"].text(), Some("1.10"));
        assert_eq!(map["base_model"].texts(), ["a/b", "c/d"]);
        assert!(front_matter("# no card").unwrap().is_empty());
        assert!(front_matter("---\n---\n").unwrap().is_empty());
    }

    #[test]
    fn broken_cards_say_so() {
        assert!(front_matter("---\na: [b\n---\n").is_err());
        assert!(front_matter("---\n- a\n---\n").is_err());
        assert!(front_matter(&format!("---\na: {}\n---\n", "[".repeat(1000))).is_err());
    }
}
