//! The training step in a name.

use std::path::Path;

/// Words that precede a step, the most specific first: a Lightning name has an epoch and a step, composer's an epoch and a batch.
const WORDS: [&str; 9] = ["step", "steps", "checkpoint", "iter", "iteration", "ba", "ckpt", "epoch", "ep"];

/// Digits of a step at most.
const DIGITS: usize = 18;

/// The step of a unit with this relative name: the number after a trainer's word, in the last part of the name that has one; otherwise the
/// last separate number of the last part.
pub(super) fn step(name: &str) -> Option<u64> {
    let parts: Vec<&str> = name.rsplit('/').collect();
    if let Some(step) = parts.iter().find_map(|p| announced(p)) {
        return Some(step);
    }
    // A number alone is a step anywhere in the path (`checkpoints/005000/pretrained_model`).
    let alone = |part: &&str| part.parse().ok().filter(|_| part.len() <= DIGITS);
    parts.iter().find_map(alone).or_else(|| number(without_ending(parts.first()?)))
}

/// The number after a trainer's word that is not part of another word.
fn announced(part: &str) -> Option<u64> {
    let part = part.to_ascii_lowercase();
    let behind = |word: &&str| {
        part.match_indices(*word).find_map(|(at, word)| {
            let rest = &part[at + word.len()..];
            let rest = rest.strip_prefix(['-', '_', '=']).unwrap_or(rest);
            let digits = rest.find(|c: char| !c.is_ascii_digit()).map_or(rest, |end| &rest[..end]);
            let own = !part[..at].ends_with(|c: char| c.is_ascii_alphabetic());
            digits.parse().ok().filter(|_| own && digits.len() <= DIGITS)
        })
    };
    WORDS.iter().find_map(behind)
}

/// The last number between characters that are not letters.
fn number(text: &str) -> Option<u64> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|w| w.len() <= DIGITS).filter_map(|w| w.parse().ok()).next_back()
}

/// The name without its extension and without the number of a shard.
fn without_ending(name: &str) -> &str {
    let stem = Path::new(name).file_stem().and_then(|s| s.to_str()).unwrap_or(name);
    let shard = stem.rsplit_once("-of-").and_then(|(front, _)| front.rsplit_once('-'));
    shard.map_or(stem, |(front, _)| front)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_from_the_names_of_trainers() {
        for (name, is) in [
            ("checkpoint-500", Some(500)),
            ("run/checkpoint-500", Some(500)),
            ("checkpoint_3", Some(3)),
            ("global_step10", Some(10)),
            ("global_step_10/actor", Some(10)),
            ("epoch=3-step=100.ckpt", Some(100)),
            ("epoch=3-step=100-v1.ckpt", Some(100)),
            ("iter_0000100", Some(100)),
            ("name-step00000100.safetensors", Some(100)),
            ("ep1-ba100-rank0.pt", Some(100)),
            ("step-2000", Some(2000)),
            ("step300", Some(300)),
            ("epoch_2", Some(2)),
            ("epoch12.pt", Some(12)),
            ("1000", Some(1000)),
            ("checkpoints/005000/pretrained_model", Some(5000)),
            ("adapters/0000100_adapters.safetensors", Some(100)),
            ("model-300", Some(300)),
            ("model-00001-of-00003.safetensors", None),
            ("last.ckpt", None),
            ("run", None),
            ("llama-8b.gguf", None),
            ("checkpoint-99999999999999999999999", None),
            ("", None),
        ] {
            assert_eq!(step(name), is, "{name}");
        }
    }
}
