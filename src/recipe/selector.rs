//! Which tensors a rule means: a role, a kind, a name with `*`, or a regular expression.

use crate::model::{Role, TensorEntry};
use regex::{Regex, RegexBuilder};

/// Bytes a compiled `re:` pattern may take: dozens of character classes. The default of the crate is forty times that.
const REGEX_BYTES: usize = 1 << 18;

/// Characters of regular expressions that occur in no tensor name and have no meaning in the other selectors.
const REGEX_SIGNS: &[char] = &['\\', '(', ')', '[', ']', '{', '}', '^', '$', '|', '+'];

/// A selector of tensors, as keys of `tensor_types` and members of `layers` say it.
#[derive(Clone, Debug)]
pub enum Selector {
    /// `attention`, `ffn`, `norm`, `embedding`, `output`, `other`: every tensor of that role.
    Role(Role),
    /// Any other plain text: every tensor whose name has it (`ffn_down`, `blk.3.`), as llama-quantize searches it.
    Word(String),
    /// A name with `*` (any characters) or `?` (one character), against the whole name.
    Glob(String),
    /// A regular expression, searched in the name as llama.cpp does (anchor with `^` and `$`). The prefix `re:` marks it where it has none
    /// of the signs that no name and no other selector has; without `re:` it counts in lower case, as llama-quantize has it.
    Regex(Regex),
}

impl Selector {
    /// Reads a selector.
    ///
    /// # Errors
    /// One clause saying what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(pattern) = text.strip_prefix("re:") {
            if pattern.is_empty() {
                return Err("`re:` has no pattern".to_owned());
            }
            return regex(pattern);
        }
        if text.contains(REGEX_SIGNS) {
            return regex(&text.to_lowercase());
        }
        if text.trim().is_empty() {
            return Err("a selector cannot be empty".to_owned());
        }
        if text.contains(['*', '?']) {
            return Ok(Self::Glob(text.to_owned()));
        }
        let role = Role::ALL.into_iter().find(|r| r.name() == text);
        Ok(role.map_or_else(|| Self::Word(text.to_owned()), Self::Role))
    }

    /// True if the tensor is meant.
    pub(crate) fn selects(&self, tensor: &TensorEntry) -> bool {
        self.matches(&tensor.name, tensor.role(), tensor.kind())
    }

    /// True if the tensor of that name, role and kind is meant.
    pub fn matches(&self, name: &str, role: Role, kind: &str) -> bool {
        match self {
            Self::Role(r) => *r == role,
            Self::Word(w) => w == kind || name.contains(w.as_str()) || name.contains(&w.to_lowercase()),
            Self::Glob(pattern) => glob(pattern.as_bytes(), name.as_bytes()),
            Self::Regex(regex) => regex.is_match(name),
        }
    }
}

fn regex(pattern: &str) -> Result<Selector, String> {
    let built = RegexBuilder::new(pattern).size_limit(REGEX_BYTES).build();
    built.map(Selector::Regex).map_err(|e| {
        let last = e.to_string().lines().last().unwrap_or("").trim_start_matches("error: ").to_owned();
        format!("invalid regular expression `{pattern}`: {last}")
    })
}

/// Wildcard match in at most `pattern × name` steps: on a mismatch, the last star takes one byte more.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&c) if c == b'?' || c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    n = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_match_what_they_say() {
        let name = "blk.3.ffn_down.weight";
        for (text, want) in [
            ("ffn", true),
            ("attention", false),
            ("ffn_down", true),
            ("ffn_up", false),
            (name, true),
            ("blk.3.ffn_down", true),
            ("blk.3.", true),
            ("FFN_Down", true),
            ("blk\\.(2|3)\\.FFN", true),
            ("blk\\.[45]", false),
            ("blk.*.ffn_*", true),
            ("*ffn_down*", true),
            ("blk.?.ffn_down.weight", true),
            ("*.bias", false),
            ("re:ffn_(down|up)", true),
            ("re:^ffn", false),
            ("re:blk\\.[0-3]\\.", true),
            ("*", true),
        ] {
            assert_eq!(Selector::parse(text).unwrap().matches(name, Role::Ffn, "ffn_down"), want, "{text}");
        }
    }

    #[test]
    fn wrong_selectors_are_refused() {
        for text in ["", " ", "re:", "re:(", "(", "re:a{1000}{1000}{1000}"] {
            assert!(Selector::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn many_stars_end_soon() {
        let pattern = "*a".repeat(60);
        assert!(!Selector::parse(&pattern).unwrap().matches(&"a".repeat(59), Role::Other, ""));
        assert!(Selector::parse(&pattern).unwrap().matches(&"a".repeat(60), Role::Other, ""));
    }
}
