//! Splitting a model's name into basename, size, fine-tune and version, as gguf-py's `Metadata` does.

use regex::Regex;
use std::sync::LazyLock;

/// Parts of a model name; unknown parts are `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NameParts {
    pub full: Option<String>,
    pub organization: Option<String>,
    pub basename: Option<String>,
    pub finetune: Option<String>,
    pub version: Option<String>,
    pub size_label: Option<String>,
}

fn pattern(text: &str) -> Regex {
    // The patterns are constants of this file; a test compiles them all.
    Regex::new(text).unwrap_or_else(|e| unreachable!("constant pattern: {e}"))
}

// Patterns and order of the checks: gguf-py/gguf/metadata.py, get_model_id_components.
static VERSION: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(?i:(v|iter)?[0-9]+([.][0-9]+)*)$"));
static QUANT: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(?i:i?q[0-9](_\w)*|b?fp?(16|32))$"));
static SIZE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(?i:([A]|[0-9]+[x])?[0-9]+([._][0-9]+)?[KMBT][0-9]?|small|mini|medium|large|x?xl)$"));
static TUNE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(?i:chat|instruct|vision|lora)$"));
static TITLE_EXEMPT: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(v[0-9]+(?:\.[0-9]+)*|[0-9].*)$"));

#[derive(Clone, Copy, Default, PartialEq)]
struct Kinds {
    basename: bool,
    size: bool,
    finetune: bool,
    version: bool,
    quant: bool,
}

impl Kinds {
    fn count(self) -> usize {
        [self.basename, self.size, self.finetune, self.version, self.quant].into_iter().filter(|b| *b).count()
    }
}

/// Takes a model id (`org/name` or a folder name) apart. `parameters` decides whether a size in the name can be this model's.
pub(super) fn name_parts(id: &str, parameters: u64) -> NameParts {
    if id.contains(' ') {
        return NameParts { full: Some(id.to_owned()), ..NameParts::default() };
    }
    let (organization, full) = match id.split_once('/') {
        Some((org, name)) => (Some(org).filter(|o| !o.starts_with('.')), name),
        None => (None, id),
    };
    let mut parts: Vec<String> = full.split('-').filter(|p| !p.is_empty()).map(str::to_owned).collect();
    let kinds = part_kinds(&mut parts, parameters);
    let join = |pick: fn(&Kinds) -> bool| {
        let chosen: Vec<&str> = parts.iter().zip(&kinds).filter(|(_, k)| pick(k)).map(|(p, _)| p.as_str()).collect();
        (!chosen.is_empty()).then(|| chosen.join("-"))
    };
    let size_label = {
        let mut seen: Vec<&str> = Vec::new();
        for (part, kind) in parts.iter().zip(&kinds) {
            if kind.size && !seen.contains(&part.as_str()) {
                seen.push(part);
            }
        }
        (!seen.is_empty()).then(|| seen.join("-"))
    };
    let finetune = join(|k| k.finetune);
    let version = join(|k| k.version && !k.basename);
    let ambiguous = size_label.is_none() && finetune.is_none() && version.is_none();
    let basename = if ambiguous { None } else { join(|k| k.basename) };
    NameParts {
        full: Some(full.to_owned()),
        organization: organization.map(str::to_owned),
        basename,
        finetune,
        version,
        size_label,
    }
}

/// What each part of a name says; sizes and quantizations are normalised.
fn part_kinds(parts: &mut [String], parameters: u64) -> Vec<Kinds> {
    let mut kinds = vec![Kinds::default(); parts.len()];
    for (i, (part, kind)) in parts.iter_mut().zip(&mut kinds).enumerate() {
        if VERSION.is_match(part) {
            kind.version = true;
        } else if QUANT.is_match(part) {
            kind.quant = true;
            *part = part.to_uppercase();
        } else if i > 0 && SIZE.is_match(part) {
            let (label, fits) = size_part(part, parameters);
            *part = label;
            kind.size = fits;
            kind.finetune = !fits;
        } else if i > 0 && TUNE.is_match(part) {
            kind.finetune = true;
        }
    }
    let numbered = parts.iter().zip(&kinds).any(|(p, k)| k.size && p.chars().any(|c| c.is_ascii_digit()));
    if numbered {
        for (part, kind) in parts.iter().zip(&mut kinds) {
            kind.size &= !part.chars().all(char::is_alphabetic);
        }
    }
    let mut at_start = true;
    for (part, kind) in parts.iter().zip(&mut kinds) {
        if at_start && ((kind.count() == 0 && part.starts_with(char::is_alphabetic)) || kind.version) {
            kind.basename = true;
        } else {
            at_start = false;
            if kind.count() == 0 {
                kind.finetune = true;
            }
        }
    }
    for kind in kinds.iter_mut().rev() {
        if !(kind.basename && kind.count() > 1) {
            break;
        }
        kind.basename = false;
    }
    kinds
}

/// The normalised size, and whether it can be the size of a model of `parameters` (otherwise it is taken for a context length).
fn size_part(part: &str, parameters: u64) -> (String, bool) {
    let mut chars: Vec<char> = part.replace('_', ".").chars().collect();
    let n = chars.len();
    // `7b1` means 7.1B.
    if n >= 2 && chars[n - 1].is_ascii_digit() {
        let (letter, digit) = (chars[n - 2], chars[n - 1]);
        chars.truncate(n - 2);
        chars.extend(['.', digit, letter]);
    }
    let n = chars.len();
    if n > 1 && chars[n - 2].is_ascii_digit() && "kmbt".contains(chars[n - 1]) {
        chars[n - 1] = chars[n - 1].to_ascii_uppercase();
    }
    let number: String = chars[..n.saturating_sub(1)].iter().collect();
    let power = chars.last().and_then(|c| " KMBT".find(*c));
    if parameters != 0
        && let (Ok(number), Some(power)) = (number.parse::<f64>(), power)
    {
        let label = number * 1000f64.powi(power as i32);
        if (label - parameters as f64).abs() > (parameters.saturating_mul(7) / 8) as f64 {
            if let Some(last) = chars.last_mut() {
                *last = last.to_ascii_lowercase();
            }
            return (chars.into_iter().collect(), false);
        }
    }
    (chars.into_iter().collect(), true)
}

/// Words of an id in title case, acronyms, versions and numbers left as they are.
pub(super) fn title(id: &str) -> String {
    let spaced = id.trim().replace('-', " ");
    let words = spaced.split_whitespace().map(|w| {
        let lower = w.chars().any(char::is_lowercase) && !w.chars().any(char::is_uppercase);
        if !lower || TITLE_EXEMPT.is_match(w) {
            return w.to_owned();
        }
        let mut after_letter = false;
        w.chars()
            .flat_map(|c| {
                let upper = !after_letter && c.is_lowercase();
                after_letter = c.is_lowercase() || c.is_uppercase();
                if upper { c.to_uppercase().collect::<Vec<_>>() } else { vec![c] }
            })
            .collect()
    });
    words.collect::<Vec<String>>().join(" ")
}

/// The size label computed from the parameter counts: `7.2B`, `8x1.7M` (gguf-py/gguf/utility.py, size_label).
pub(super) fn size_label(total: u64, shared: u64, expert: u64, experts: u64) -> String {
    if experts > 0 { format!("{experts}x{}", rounded(shared + expert)) } else { rounded(total) }
}

fn rounded(count: u64) -> String {
    let c = count as f64;
    let (scaled, suffix) = if c > 1e12 {
        (c * 1e-12, "T")
    } else if c > 1e9 {
        (c * 1e-9, "B")
    } else if c > 1e6 {
        (c * 1e-6, "M")
    } else {
        (c * 1e-3, "K")
    };
    let digits = format!("{}", scaled.round_ties_even()).trim_start_matches('0').len();
    format!("{scaled:.*}{suffix}", 2usize.saturating_sub(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Expected values: gguf-py/tests/test_metadata.py documents the same names.
    #[test]
    fn names_of_well_known_models() {
        let p = name_parts("Mistral-7B-Instruct-v0.2", 7_241_732_096);
        assert_eq!(p.basename.as_deref(), Some("Mistral"));
        assert_eq!((p.size_label.as_deref(), p.finetune.as_deref()), (Some("7B"), Some("Instruct")));
        assert_eq!(p.version.as_deref(), Some("v0.2"));
        let p = name_parts("meta-llama/Llama-3.2-1B-Instruct", 1_235_814_400);
        assert_eq!(p.organization.as_deref(), Some("meta-llama"));
        assert_eq!((p.basename.as_deref(), p.size_label.as_deref()), (Some("Llama-3.2"), Some("1B")));
        let p = name_parts("Phi-3-mini-4k-instruct", 3_821_079_552);
        assert_eq!((p.basename.as_deref(), p.size_label.as_deref()), (Some("Phi-3"), Some("mini")));
        assert_eq!(p.finetune.as_deref(), Some("4k-instruct"));
        assert_eq!(name_parts("bloom-7b1", 7_000_000_000).size_label.as_deref(), Some("7.1B"));
        assert_eq!(name_parts("tiny-llama", 4_200_000).basename, None);
    }

    #[test]
    fn titles() {
        assert_eq!(title("tiny-qwen3moe"), "Tiny Qwen3Moe");
        assert_eq!(title("Mistral-7B-v0.1"), "Mistral 7B v0.1");
        assert_eq!(title("openai-gpt2"), "Openai Gpt2");
    }

    #[test]
    fn labels_have_two_digits() {
        assert_eq!(size_label(2_005_000, 0, 0, 0), "2.0M");
        assert_eq!(size_label(46_702_792_704, 1_605_636_096, 5_637_144_576, 8), "8x7.2B");
        assert_eq!(size_label(999, 0, 0, 0), "1.0K");
        assert_eq!(size_label(123_000_000, 0, 0, 0), "123M");
    }

    #[test]
    fn odd_names_do_not_panic() {
        for name in ["", "-", "/", "a/", "x-xl", "7b", "v", "é-7é", "0-0x0k0", ".", "a b", "x-1_2k9"] {
            let _ = (name_parts(name, 1), name_parts(name, 0), title(name));
        }
    }
}
