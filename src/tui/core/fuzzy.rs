//! What a typed filter lets pass: fuzzy matching, one for every list that is searched by typing (the palette, the tree), and the words of the
//! tables of tensors.

use super::filter::Filter;
use crate::model::Role;

/// True if a tensor passes a filter: by its name, its role, one of its types.
pub(in crate::tui) fn passes<'a>(
    filter: &Filter,
    name: &str,
    role: Role,
    types: impl Iterator<Item = &'a str> + Clone,
) -> bool {
    let facts: Vec<&str> = std::iter::once(role.name()).chain(types).collect();
    filter.passes(&[name], &facts)
}

/// How a query fits a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fit {
    /// How badly: gaps cost, a late start costs, a start inside a word costs.
    pub cost: usize,
    /// The characters of the text that were matched, by place.
    pub positions: Vec<usize>,
}

/// What a start inside a word costs.
const INSIDE: usize = 20;
/// What a match with gaps costs more than one without.
pub(super) const GAPPED: usize = 100;

/// Fits `query` to `text` regardless of case: as a whole, else as a subsequence that is not spread further than chance would
/// spread it. An empty query fits everything.
pub(crate) fn fit(text: &str, query: &str) -> Option<Fit> {
    let lower = |s: &str| s.chars().map(|c| c.to_lowercase().next().unwrap_or(c)).collect::<Vec<char>>();
    let (text, query) = (lower(text), lower(query.trim()));
    let Some(first) = query.first() else { return Some(Fit { cost: 0, positions: Vec::new() }) };
    let inside = |at: usize| at > 0 && text[at - 1].is_alphanumeric() && text[at].is_alphabetic();
    let start = |at: usize| at + if inside(at) { INSIDE } else { 0 };
    let whole = (0..text.len()).filter(|at| text[*at..].starts_with(&query)).min_by_key(|at| start(*at));
    if let Some(at) = whole {
        return Some(Fit { cost: start(at), positions: (at..at + query.len()).collect() });
    }
    let letters: Vec<char> = query.iter().copied().filter(|c| !c.is_whitespace()).collect();
    let widest = letters.len() * 4 + 4;
    let from = |at: usize| {
        let mut positions = Vec::with_capacity(letters.len());
        let mut next = at;
        for c in &letters {
            next += text[next..].iter().position(|t| t == c)?;
            positions.push(next);
            next += 1;
        }
        let width = next - at;
        (width <= widest).then(|| Fit { cost: GAPPED + (width - letters.len()) * 4 + start(at), positions })
    };
    (0..text.len()).filter(|at| text[*at] == *first).filter_map(from).min_by_key(|fit| fit.cost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_word_is_better_than_a_part_and_a_part_than_gaps() {
        let cost = |text, query| fit(text, query).map(|f| f.cost);
        assert!(cost("quit", "quit") < cost("requite", "quit") && cost("requite", "quit") < cost("q-u-i-t", "quit"));
        assert_eq!(cost("anything", ""), Some(0));
        assert_eq!(cost("checkpoint", "tc"), None, "the order counts");
        assert_eq!(fit("Checkpoint-2000", "cp2").map(|f| f.positions), Some(vec![0, 5, 11]));
        assert_eq!(fit("a-b-B", "b").map(|f| f.positions), Some(vec![2]), "regardless of case");
        assert_eq!(cost("q and a very long way off to the letter u", "qu"), None, "chance is no match");
    }
}
