//! Makes text from outside safe for a terminal: tensor names, metadata, file names and recipe keys may contain anything.
//!
//! A control character can move the cursor, change the title or paint over earlier output; a bidirectional override or a zero-width
//! character makes one name look like another. Both are written as Rust writes them: `\u{1b}`. Backslashes are kept, so that escaping twice
//! changes nothing.
//!
//! Which characters: the general categories Cc, Cf, Zl and Zp of Unicode 16, and other invisible characters that are letters or marks
//! (Hangul fillers, U+034F, the supplementary variation selectors). U+FE00 to U+FE0F are kept: emoji in names and templates have them.

use std::borrow::Cow;
use std::fmt::Write;

/// True for a character that a terminal interprets or that is invisible.
pub(crate) fn is_hidden(c: char) -> bool {
    match c {
        ' '..='~' => false,
        c if c.is_control() => true,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{8e2}' | '\u{feff}' => true,
        '\u{600}'..='\u{605}' | '\u{890}'..='\u{891}' | '\u{fff9}'..='\u{fffb}' => true,
        '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{3164}' | '\u{ffa0}' => true,
        // 180b to 180f are Mongolian selectors, 200b to 200f zero widths and marks, 2028 to 202e separators and overrides,
        // 2060 to 206f joiners and isolates.
        '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' => true,
        '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}' => true,
        _ => false,
    }
}

/// A value on one line: every hidden character escaped, line ends too.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    escaped(text, is_hidden, |out, c| out.extend(c.escape_default()))
}

/// Text of several lines: every hidden character except line ends is escaped.
pub(crate) fn escape_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c != '\n' && is_hidden(c), |out, c| out.extend(c.escape_default()))
}

/// One column for each hidden character, for screens of cells.
pub(crate) fn placeholders(text: &str) -> Cow<'_, str> {
    escaped(text, is_hidden, |out, _| out.push(char::REPLACEMENT_CHARACTER))
}

/// A line that a program wrote to a terminal, without its sequences (ECMA-48, sections 5.4 and 5.6) and other control characters.
pub(crate) fn without_sequences(line: &str) -> String {
    let mut out = String::new();
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        let kind = match c {
            '\u{1b}' => chars.next(),
            '\u{9b}' => Some('['),
            '\u{9d}' => Some(']'),
            _ => {
                out.extend((!c.is_control()).then_some(c));
                continue;
            }
        };
        match kind {
            // A control sequence ends with its first byte from 0x40.
            Some('[') => while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {},
            // A control string, such as a title, ends with BEL or ST.
            Some(']' | 'P' | '_' | '^' | 'X') => loop {
                match chars.next() {
                    None | Some('\u{7}' | '\u{9c}') => break,
                    Some('\u{1b}') => {
                        chars.next();
                        break;
                    }
                    Some(_) => {}
                }
            },
            _ => {}
        }
    }
    out
}

/// Serialized JSON with every hidden character as `\uXXXX`. Such characters only occur inside strings, so the value stays the same. (JSON
/// itself only escapes C0, RFC 8259 §7.)
pub(crate) fn escape_json(json: &str) -> Cow<'_, str> {
    escaped(
        json,
        |c| c != '\n' && is_hidden(c),
        |out, c| {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string does not fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        },
    )
}

fn escaped(text: &str, hidden: impl Fn(char) -> bool, put: impl Fn(&mut String, char)) -> Cow<'_, str> {
    let Some(first) = text.char_indices().find(|(_, c)| hidden(*c)).map(|(at, _)| at) else {
        return Cow::Borrowed(text);
    };
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(&text[..first]);
    for c in text[first..].chars() {
        if hidden(c) { put(&mut out, c) } else { out.push(c) }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_acts_on_is_written_out() {
        for (text, shown) in [
            ("blk.0.weight ü → ✓ 重み", "blk.0.weight ü → ✓ 重み"),
            ("a\x1b[2Jb\x07", "a\\u{1b}[2Jb\\u{7}"),
            ("\u{9b}31m\x7f\u{85}", "\\u{9b}31m\\u{7f}\\u{85}"),
            ("x\r\ny\tz", "x\\r\\ny\\tz"),
            ("a\u{202e}b\u{2066}c\u{200b}d\u{feff}", "a\\u{202e}b\\u{2066}c\\u{200b}d\\u{feff}"),
            ("e\u{e0041}\u{3164}", "e\\u{e0041}\\u{3164}"),
        ] {
            assert_eq!(escape(text), shown);
            assert_eq!(escape(&escape(text)), shown, "twice is once");
        }
        assert_eq!(escape_lines("a\n\u{1b}b\n"), "a\n\\u{1b}b\n");
        assert_eq!(placeholders("a\u{1b}\u{202e}b"), "a\u{fffd}\u{fffd}b");
    }

    #[test]
    fn sequences_of_terminals_are_left_out() {
        for (line, text) in [
            ("plain ü", "plain ü"),
            ("\u{1b}[2K\u{1b}[1;31mred\u{1b}[0m", "red"),
            ("a\u{1b}]0;title\u{7}b\u{1b}]8;;x\u{1b}\\c\u{9b}2Kd\u{1b}7e\tf", "abcdef"),
            ("end\u{1b}", "end"),
            ("end\u{1b}]0;never", "end"),
        ] {
            assert_eq!(without_sequences(line), text);
        }
    }

    #[test]
    fn json_keeps_its_value() {
        let value = serde_json::json!({ "k\u{9b}": "a\u{1b}\u{7f}\u{85}\u{2028}\u{202e}\u{e0041}ü\n" });
        let text = serde_json::to_string(&value).unwrap();
        let escaped = escape_json(&text);
        assert!(!escaped.chars().any(is_hidden), "{escaped}");
        assert!(escaped.contains("\\u009b") && escaped.contains("\\udb40\\udc41"), "{escaped}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), value);
    }
}
