//! Text that many holders share: the name of a tensor, and the words that say what it is.
//!
//! A model may have a million tensors, and each is in the model, in the plan, in the layout and in the report. They share one copy of its
//! name, and all tensors share the few words for types, roles and kinds.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Borrow;
use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// Words that a thread remembers at most: real models have a few dozen.
const MAX_WORDS: usize = 1024;
/// Longest word that is remembered, in bytes.
const LONGEST_WORD: usize = 64;

thread_local! {
    static WORDS: RefCell<HashSet<Name>> = RefCell::new(HashSet::new());
}

/// Immutable text. A clone shares it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

impl Name {
    /// A word that many tensors have in common, such as a type: equal words share one copy.
    pub(crate) fn word(text: &str) -> Self {
        if text.len() > LONGEST_WORD {
            return text.into();
        }
        WORDS.with_borrow_mut(|words| match words.get(text) {
            Some(known) => known.clone(),
            None => {
                let new = Self::from(text);
                if words.len() < MAX_WORDS {
                    words.insert(new.clone());
                }
                new
            }
        })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a word from JSON; for `deserialize_with`.
    ///
    /// # Errors
    /// What is not text.
    pub(crate) fn read_word<'de, D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_str(Visitor { word: true })
    }

    /// As [`Name::read_word`], for a field that may be absent.
    ///
    /// # Errors
    /// What is neither text nor null.
    pub(crate) fn read_optional_word<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Self>, D::Error> {
        Ok(Option::<Self>::deserialize(d)?.map(|n| Self::word(&n)))
    }
}

impl Default for Name {
    fn default() -> Self {
        Self::word("")
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

// Hashes and compares as the text does.
impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&String> for Name {
    fn from(text: &String) -> Self {
        Self(text.as_str().into())
    }
}

impl From<&Name> for Name {
    fn from(name: &Name) -> Self {
        name.clone()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.as_str().to_owned()
    }
}

impl From<&Name> for String {
    fn from(name: &Name) -> Self {
        name.as_str().to_owned()
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialEq<String> for Name {
    fn eq(&self, other: &String) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<Name> for str {
    fn eq(&self, other: &Name) -> bool {
        self == other.as_str()
    }
}

impl PartialEq<Name> for &str {
    fn eq(&self, other: &Name) -> bool {
        *self == other.as_str()
    }
}

impl PartialEq<Name> for String {
    fn eq(&self, other: &Name) -> bool {
        self == other.as_str()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_str(Visitor { word: false })
    }
}

/// Takes text from a deserializer without a `String` in between.
struct Visitor {
    word: bool,
}

impl serde::de::Visitor<'_> for Visitor {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, text: &str) -> Result<Name, E> {
        Ok(if self.word { Name::word(text) } else { text.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_words_share_one_copy_and_names_are_as_their_text() {
        let (a, b) = (Name::word("Q4_K"), Name::word("Q4_K"));
        assert!(Arc::ptr_eq(&a.0, &b.0));
        let read: Vec<Name> = serde_json::from_str(r#"["Q4_K","ä\n"]"#).unwrap();
        assert!(read == ["Q4_K", "ä\n"] && !Arc::ptr_eq(&read[0].0, &a.0));
        assert_eq!(serde_json::to_string(&read).unwrap(), r#"["Q4_K","ä\n"]"#);
        assert_eq!(format!("{:>6}|{:?}", read[0], read[1]), r#"  Q4_K|"ä\n""#);
        assert!(HashSet::from([a]).contains("Q4_K"));
    }

    #[test]
    fn a_thread_remembers_a_bounded_number_of_words() {
        (0..2 * MAX_WORDS).for_each(|i| drop(Name::word(&i.to_string())));
        Name::word(&"x".repeat(LONGEST_WORD + 1));
        WORDS.with_borrow(|words| assert!(words.len() <= MAX_WORDS && words.iter().all(|w| w.len() <= LONGEST_WORD)));
    }
}
