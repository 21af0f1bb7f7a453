//! How llama.cpp encodes a text with the vocabulary of a GGUF file, for SentencePiece (`llama`) and Unigram (`t5`)
//! vocabularies: its rules (src/llama-vocab.cpp), written again for the tests.

use remold::testing::model::{MetaArray, MetaValue, Metadata};
use std::collections::{BinaryHeap, HashMap};
use tokenizers::normalizers::precompiled::Precompiled;

const NORMAL: i32 = 1;
const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
const UNUSED: i32 = 5;

/// A vocabulary that encodes.
pub struct LlamaCpp {
    tokens: Vec<Vec<u8>>,
    scores: Vec<f32>,
    kinds: Vec<i32>,
    ids: HashMap<Vec<u8>, u32>,
    /// Tokens that are looked for in the text first, the longest before the others.
    special: Vec<u32>,
    unigram: bool,
    prefix: bool,
    joins_spaces: bool,
    unknown: u32,
    rules: Option<Precompiled>,
}

impl LlamaCpp {
    pub fn new(metadata: &Metadata) -> Self {
        let array = |key: &str| match metadata.get(&format!("tokenizer.ggml.{key}")) {
            Some(MetaValue::Array(array)) => Some(array.clone()),
            _ => None,
        };
        let flag = |key: &str, otherwise: bool| match metadata.get(&format!("tokenizer.ggml.{key}")) {
            Some(MetaValue::Bool(value)) => *value,
            _ => otherwise,
        };
        let (Some(MetaArray::Str(tokens)), Some(MetaArray::F32(scores)), Some(MetaArray::I32(kinds))) =
            (array("tokens"), array("scores"), array("token_type"))
        else {
            panic!("no tokens, scores and types");
        };
        let mut special: Vec<u32> = (0..tokens.len() as u32)
            .filter(|id| matches!(kinds[*id as usize], UNKNOWN | CONTROL | USER_DEFINED))
            .collect();
        special.sort_by_key(|id| std::cmp::Reverse(tokens[*id as usize].len()));
        let unigram = metadata["tokenizer.ggml.model"].as_str() == Some("t5");
        let rules = match array("precompiled_charsmap") {
            Some(MetaArray::U8(bytes)) => Some(Precompiled::from(&bytes).unwrap()),
            _ => None,
        };
        Self {
            ids: tokens.iter().cloned().zip(0..).collect(),
            tokens,
            scores,
            kinds,
            special,
            unigram,
            prefix: flag("add_space_prefix", !unigram),
            joins_spaces: flag("remove_extra_whitespaces", false),
            unknown: metadata.get("tokenizer.ggml.unknown_token_id").and_then(MetaValue::as_u64).unwrap_or(0) as u32,
            rules,
        }
    }

    /// The ids of a text, special tokens in it included, without those around it.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let mut out = Vec::new();
        let mut after_special = true;
        for part in self.parts(text) {
            match part {
                Ok(id) => {
                    out.push(id);
                    after_special = true;
                }
                Err(text) if self.unigram => self.unigram(&self.normalized(text), &mut out),
                Err(text) => {
                    let prefix = if self.prefix && after_special { " " } else { "" };
                    self.merge(&format!("{prefix}{text}").replace(' ', "▁"), &mut out);
                    after_special = false;
                }
            }
        }
        out
    }

    fn parts<'a>(&self, text: &'a str) -> Vec<Result<u32, &'a str>> {
        let mut parts = vec![Err(text)];
        for &id in &self.special {
            let wanted = std::str::from_utf8(&self.tokens[id as usize]).unwrap();
            let mut next = Vec::with_capacity(parts.len());
            for part in parts {
                let Err(mut rest) = part else {
                    next.push(part);
                    continue;
                };
                while let Some((before, after)) = rest.split_once(wanted) {
                    next.extend((!before.is_empty()).then_some(Err(before)));
                    next.push(Ok(id));
                    rest = after;
                }
                next.extend((!rest.is_empty()).then_some(Err(rest)));
            }
            parts = next;
        }
        parts
    }

    /// Joins the two neighbours that form the token of the best score, the first of them if there are several.
    fn merge(&self, text: &str, out: &mut Vec<u32>) {
        let mut symbols: Vec<(usize, usize)> = text.char_indices().map(|(at, c)| (at, at + c.len_utf8())).collect();
        let mut after: Vec<usize> = (1..=symbols.len()).collect();
        let mut before: Vec<Option<usize>> = (0..symbols.len()).map(|i| i.checked_sub(1)).collect();
        let mut queue = BinaryHeap::new();
        let offer = |symbols: &[(usize, usize)], queue: &mut BinaryHeap<Pair>, left: usize, right: usize| {
            let Some(&(_, end)) = symbols.get(right) else { return };
            let start = symbols[left].0;
            if let Some(id) = self.ids.get(&text.as_bytes()[start..end]) {
                queue.push(Pair { score: self.scores[*id as usize], left, right, size: end - start });
            }
        };
        for left in 0..symbols.len().saturating_sub(1) {
            offer(&symbols, &mut queue, left, left + 1);
        }
        let size = |s: (usize, usize)| s.1 - s.0;
        while let Some(pair) = queue.pop() {
            let (left, right) = (symbols[pair.left], symbols[pair.right]);
            if size(left) == 0 || size(right) == 0 || size(left) + size(right) != pair.size {
                continue;
            }
            symbols[pair.left].1 = right.1;
            symbols[pair.right] = (right.1, right.1);
            after[pair.left] = after[pair.right];
            if let Some(next) = before.get_mut(after[pair.left]) {
                *next = Some(pair.left);
            }
            if let Some(previous) = before[pair.left] {
                offer(&symbols, &mut queue, previous, pair.left);
            }
            offer(&symbols, &mut queue, pair.left, after[pair.left]);
        }
        for (start, end) in symbols.into_iter().filter(|s| size(*s) > 0) {
            match self.ids.get(&text.as_bytes()[start..end]) {
                Some(id) => out.push(*id),
                None => out.extend(text[start..end].bytes().map(|byte| {
                    let id = self.ids.get(format!("<0x{byte:02X}>").as_bytes()).or_else(|| self.ids.get(&vec![byte]));
                    *id.unwrap_or_else(|| panic!("llama.cpp stops here: no token for the byte {byte:#04x}"))
                })),
            }
        }
    }

    fn normalized(&self, text: &str) -> String {
        let text = self.rules.as_ref().map_or_else(|| text.to_owned(), |rules| rules.normalize_string(text));
        let mut out = String::new();
        let (mut prefixed, mut in_word) = (false, false);
        for c in text.chars() {
            if c == ' ' {
                in_word = false;
                if !self.joins_spaces {
                    out.push('▁');
                }
                continue;
            }
            if !in_word && ((self.prefix && !prefixed) || self.joins_spaces) {
                out.push('▁');
                prefixed = true;
            }
            in_word = true;
            out.push(c);
        }
        out
    }

    /// The likeliest way to spell a text with tokens.
    fn unigram(&self, text: &str, out: &mut Vec<u32>) {
        let kind = |id: u32| self.kinds[id as usize];
        let scores = self.scores.iter().zip(&self.kinds).filter(|(_, k)| **k == NORMAL).map(|(s, _)| f64::from(*s));
        let unknown_score = scores.fold(f64::MAX, f64::min) - 10.0;
        let longest = self.tokens.iter().map(Vec::len).max().unwrap_or(0);
        let mut best: Vec<(f64, usize, u32)> = vec![(f64::MIN, 0, self.unknown); text.len() + 1];
        best[0].0 = 0.0;
        for (at, c) in text.char_indices() {
            let whole = at + c.len_utf8();
            let mut spelled = false;
            for end in (at + 1..=text.len().min(at + longest)).filter(|end| text.is_char_boundary(*end)) {
                let found = self.ids.get(&text.as_bytes()[at..end]).copied();
                let Some(id) = found.filter(|id| matches!(kind(*id), NORMAL | USER_DEFINED | UNUSED)) else { continue };
                spelled |= end == whole;
                let score = if kind(id) == USER_DEFINED { 0.0 } else { f64::from(self.scores[id as usize]) };
                if best[at].0 + score > best[end].0 {
                    best[end] = (best[at].0 + score, at, id);
                }
            }
            if !spelled && best[at].0 + unknown_score > best[whole].0 {
                best[whole] = (best[at].0 + unknown_score, at, self.unknown);
            }
        }
        let start = out.len();
        let mut at = text.len();
        while at > 0 {
            let (_, from, id) = best[at];
            if id != self.unknown || out[start..].last() != Some(&id) {
                out.push(id);
            }
            at = from;
        }
        out[start..].reverse();
    }
}

/// Two neighbours that form a token.
struct Pair {
    score: f32,
    left: usize,
    right: usize,
    size: usize,
}

impl Ord for Pair {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.score.total_cmp(&other.score).then(other.left.cmp(&self.left))
    }
}

impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Pair {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Pair {}
