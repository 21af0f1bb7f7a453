//! What a typed filter lets pass: the same in every list. Words are matched fuzzily and all of them must match; `!` before a word
//! negates it; `re:…` and `/…/` are regular expressions.

use super::fuzzy::{GAPPED, fit};
use regex::{Regex, RegexBuilder};

/// Bytes a compiled pattern may take.
const REGEX_BYTES: usize = 1 << 18;

/// What a match in a path costs more than one in the name: less than gaps in the name do.
const PATH: usize = 45;
/// What a match by a fact costs, such as the type.
const FACT: usize = 1000;

/// A filter as it was typed, read.
#[derive(Clone, Debug, Default)]
pub(in crate::tui) struct Filter {
    words: Vec<(bool, Word)>,
}

#[derive(Clone, Debug)]
enum Word {
    Fuzzy(String),
    Pattern(Regex),
    /// A pattern that is not complete yet: it hides nothing.
    Incomplete,
}

impl Filter {
    /// Reads a filter.
    pub(in crate::tui) fn parse(text: &str) -> Self {
        Self { words: text.split_whitespace().map(word).collect() }
    }

    /// True if it hides nothing.
    pub(in crate::tui) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The first word that was meant as a regular expression and is none.
    pub(in crate::tui) fn broken(text: &str) -> Option<&str> {
        text.split_whitespace()
            .find(|w| matches!(word(w), (_, Word::Incomplete)) && w.trim_start_matches('!').len() > 1)
    }

    /// True if it has more than plain words.
    pub(in crate::tui) fn is_special(&self) -> bool {
        self.words.iter().any(|(no, word)| *no || !matches!(word, Word::Fuzzy(_)))
    }

    /// True if every word says something true: it matches one of the names, or one of the facts begins with it.
    pub(in crate::tui) fn passes(&self, names: &[&str], facts: &[&str]) -> bool {
        self.passes_text(names, facts, &[])
    }

    /// The same; a word may also be a part of one of the texts.
    pub(in crate::tui) fn passes_text(&self, names: &[&str], facts: &[&str], texts: &[&str]) -> bool {
        self.words.iter().all(|(no, word)| match word {
            Word::Incomplete => true,
            word if *no => {
                let in_text = names.iter().chain(texts).any(|t| word.is_in(t));
                !in_text && !facts.iter().any(|t| word.begins(t))
            }
            word => {
                names.iter().any(|t| word.fits(t))
                    || facts.iter().any(|t| word.begins(t))
                    || texts.iter().any(|t| word.is_in(t))
            }
        })
    }

    /// How badly something that passes fits, 0 for a name that is what was typed: by its own name first, then by its path, by gaps last.
    pub(in crate::tui) fn cost(&self, name: &str, path: &str) -> usize {
        let of = |word: &Word| match word {
            Word::Fuzzy(word) if name.eq_ignore_ascii_case(word) => 0,
            Word::Fuzzy(word) => {
                let own = fit(name, word).map_or(usize::MAX, |f| f.cost.saturating_add(1));
                own.min(
                    fit(path, word).map_or(FACT, |f| PATH + if f.cost < GAPPED { f.cost.min(PATH) } else { f.cost }),
                )
            }
            Word::Pattern(_) | Word::Incomplete => 0,
        };
        self.words.iter().filter(|(no, _)| !no).map(|(_, word)| of(word)).fold(0, usize::saturating_add)
    }

    /// The characters of the first name that were matched, where [`Self::passes`].
    pub(in crate::tui) fn hits(&self, names: &[&str], facts: &[&str]) -> Option<Vec<usize>> {
        self.passes(names, facts).then(|| names.first().map(|n| self.places(n)).unwrap_or_default())
    }

    /// The characters of a name that any of the words match.
    pub(in crate::tui) fn places(&self, name: &str) -> Vec<usize> {
        let own = self.words.iter().filter(|(no, _)| !no);
        own.filter_map(|(_, word)| word.places(name)).flatten().collect()
    }
}

impl Word {
    /// True if it matches a name.
    fn fits(&self, text: &str) -> bool {
        match self {
            // Most names fail here, without being taken apart.
            Self::Fuzzy(word) => follows(text, word) && fit(text, word).is_some(),
            word => word.is_in(text),
        }
    }

    /// True if a fact begins with it.
    fn begins(&self, fact: &str) -> bool {
        match self {
            Self::Fuzzy(word) => fact.to_lowercase().starts_with(&word.to_lowercase()),
            word => word.is_in(fact),
        }
    }

    /// True if it is a part of a text.
    fn is_in(&self, text: &str) -> bool {
        match self {
            Self::Fuzzy(word) => text.to_lowercase().contains(&word.to_lowercase()),
            Self::Pattern(pattern) => pattern.is_match(text),
            Self::Incomplete => true,
        }
    }

    /// The characters of a text that match.
    fn places(&self, text: &str) -> Option<Vec<usize>> {
        match self {
            Self::Fuzzy(word) => fit(text, word).map(|f| f.positions),
            Self::Pattern(pattern) => {
                let found = pattern.find(text)?;
                let start = text[..found.start()].chars().count();
                Some((start..start + found.as_str().chars().count()).collect())
            }
            Self::Incomplete => None,
        }
    }
}

/// True if the letters of a word follow each other in a text.
fn follows(text: &str, word: &str) -> bool {
    let mut text = text.chars().flat_map(char::to_lowercase);
    word.chars().flat_map(char::to_lowercase).all(|c| text.any(|t| t == c))
}

fn word(text: &str) -> (bool, Word) {
    let (no, text) = text.strip_prefix('!').map_or((false, text), |w| (true, w));
    let between = || text.strip_prefix('/').and_then(|t| t.strip_suffix('/')).filter(|t| !t.is_empty());
    let word = match text.strip_prefix("re:").or_else(between) {
        Some(pattern) => {
            let built = RegexBuilder::new(pattern).case_insensitive(true).size_limit(REGEX_BYTES).build();
            built.map_or(Word::Incomplete, Word::Pattern)
        }
        None if text.is_empty() => Word::Incomplete,
        None => Word::Fuzzy(text.to_owned()),
    };
    (no, word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_negations_and_patterns_are_told_apart() {
        let passes =
            |filter: &str| Filter::parse(filter).passes(&["model.layers.1.mlp.down_proj.weight"], &["ffn", "F32"]);
        let cases = [
            ("", true),
            ("down", true),
            ("l.1 down", true),
            ("f32 down", true),
            ("!down", false),
            ("!up", true),
            ("!", true),
            ("re:layers\\.[0-3]\\.", true),
            ("re:^layers", false),
            ("/mlp.*weight/", true),
            ("!/mlp.*weight/", false),
            ("re:(", true),
            ("q8_0", false),
            ("3", false),
        ];
        for (filter, expected) in cases {
            assert_eq!(passes(filter), expected, "{filter}");
        }
    }

    #[test]
    fn what_was_typed_is_better_than_a_part_of_it_a_path_or_gaps() {
        let filter = Filter::parse("rfb");
        let costs = [
            ("RFB", "x/RFB"),
            ("version-RFB-320.onnx", "version-RFB-320.onnx"),
            ("model.onnx", "rfb/model.onnx"),
            ("r.f.b.bin", "r.f.b.bin"),
            ("other", "other"),
        ]
        .map(|(name, path)| filter.cost(name, path));
        assert!(costs.is_sorted() && costs[0] == 0 && costs.windows(2).all(|c| c[0] < c[1]), "{costs:?}");
    }

    #[test]
    fn hits_are_those_of_the_name() {
        let hits = |filter: &str| Filter::parse(filter).hits(&["abc"], &["xyz"]);
        assert_eq!(hits("b"), Some(vec![1]));
        assert_eq!(hits("x re:c$"), Some(vec![2]));
        assert_eq!((hits("q"), hits("!a")), (None, None));
    }
}
