//! SentencePiece's compiled normalization rules (`precompiled_charsmap`): a length, a trie of that many bytes, and the texts
//! that the trie's values point to (layout: sentencepiece, `src/normalizer.cc`, `DecodePrecompiledCharsMap`; the trie is
//! darts-clone's double array). In `tokenizer.json` they are written in base64 (RFC 4648).

/// A node's unit: bit 31 marks a value, the rest is the value.
const VALUE: u32 = 1 << 31;

/// No rule gives a longer text, its closing zero included (the longest of Unicode's compatibility forms has 33 bytes).
const MAX_TEXT_BYTES: usize = 1024;

/// True if a reader that follows the trie stays within it, and every value is the start of a text that ends: programs index
/// the file without looking. Empty rules are none.
pub(crate) fn is_sound(bytes: &[u8]) -> bool {
    let Some((head, rest)) = bytes.split_first_chunk::<4>() else { return bytes.is_empty() };
    let size = u32::from_le_bytes(*head) as usize;
    let Some((trie, texts)) = rest.split_at_checked(size) else { return false };
    let (units, tail) = trie.as_chunks::<4>();
    let (units, Ok(texts)) =
        (units.iter().map(|u| u32::from_le_bytes(*u)).collect::<Vec<_>>(), std::str::from_utf8(texts))
    else {
        return false;
    };
    let is_text = |value: u32| {
        let at = value as usize;
        texts.is_char_boundary(at) && texts.as_bytes()[at..].iter().take(MAX_TEXT_BYTES).any(|b| *b == 0)
    };
    let sound = |(at, unit): (usize, &u32)| {
        // No label leads to a unit that is a value; a reader begins at the first one, whatever it is.
        if unit & VALUE != 0 && at != 0 {
            return true;
        }
        // Children are found by the next byte, which changes the low eight bits.
        let base = at ^ ((unit >> 10) << ((unit & 1 << 9) >> 6)) as usize;
        let has_value = unit & 1 << 8 != 0;
        (base | 0xff) < units.len() && (!has_value || is_text(units[base] & !VALUE))
    };
    tail.is_empty() && !units.is_empty() && units.iter().enumerate().all(sound)
}

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 with its padding.
pub(crate) fn to_base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = (0..3).fold(0u32, |g, i| g << 8 | u32::from(chunk.get(i).copied().unwrap_or(0)));
        for i in 0..4 {
            let letter = LETTERS[(group >> (18 - 6 * i)) as usize & 63];
            out.push(if i <= chunk.len() { letter as char } else { '=' });
        }
    }
    out
}

/// The bytes of a base64 text; `None` if it is none.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let letters = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) || text.len() - letters.len() > 2 {
        return None;
    }
    let mut out = Vec::with_capacity(letters.len() / 4 * 3 + 2);
    let (mut bits, mut held) = (0u32, 0);
    for letter in letters.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokenizers::normalizers::precompiled::Precompiled;

    fn rules() -> Vec<u8> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/tokenizers/xlm-roberta/tokenizer.json");
        let json: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        from_base64(json["normalizer"]["normalizers"][0]["precompiled_charsmap"].as_str().unwrap()).unwrap()
    }

    #[test]
    fn a_root_that_claims_to_be_a_value_is_checked_all_the_same() {
        let mut bytes = rules();
        bytes[7] |= 0x80;
        assert!(!is_sound(&bytes));
    }

    #[test]
    fn rules_that_sentencepiece_compiled_are_sound() {
        assert!(is_sound(&rules()) && is_sound(&[]));
        for cut in [1, 3, 4, 5, 100, 1000] {
            assert!(!is_sound(&rules()[..cut]), "{cut} bytes");
        }
        assert!(!is_sound(&[0; 4]), "no root");
    }

    #[test]
    fn base64_is_that_of_the_standard() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(to_base64(bytes.as_bytes()), text);
            assert_eq!(from_base64(text).as_deref(), Some(bytes.as_bytes()));
        }
        for text in ["Zg=", "Z===", "Zm9v!", "Zm9*", "Zg==Zg=="] {
            assert_eq!(from_base64(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn sound_rules_can_be_followed(at in any::<prop::sample::Index>(), byte in any::<u8>(), text in "\\PC{0,20}") {
            let mut bytes = rules();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if is_sound(&bytes) && let Ok(rules) = Precompiled::from(&bytes) {
                let _ = rules.normalize_string(&text);
                let _ = rules.normalize_string("Ａｂ１ ﬁn①\u{3000}e\u{301}");
            }
        }

        #[test]
        fn base64_comes_back(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(from_base64(&to_base64(&bytes)), Some(bytes));
        }
    }
}
