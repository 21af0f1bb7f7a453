//! Stored names to GGUF's.

use super::family::EarlyFamily;

/// The name in GGUF; empty for a tensor that GGUF does not have, `None` for one without a place in the network.
pub(super) fn gguf_name(family: &EarlyFamily, stored: &str) -> Option<String> {
    for (suffix, to) in family.suffixes {
        let Some(stem) = stored.strip_suffix(suffix) else { continue };
        for (pattern, gguf) in family.names {
            if let Some(layer) = matched(pattern, stem) {
                if gguf.is_empty() {
                    return Some(String::new());
                }
                return Some(format!("{}{to}", gguf.replace("{}", layer)));
            }
        }
    }
    None
}

/// The layer in a name that has the form of the pattern; an empty text for a pattern without one.
fn matched<'a>(pattern: &str, name: &'a str) -> Option<&'a str> {
    let Some((before, after)) = pattern.split_once("{}") else { return (pattern == name).then_some("") };
    let layer = name.strip_prefix(before)?.strip_suffix(after)?;
    let number = !layer.is_empty() && layer.len() <= 6 && layer.bytes().all(|b| b.is_ascii_digit());
    number.then_some(layer)
}
