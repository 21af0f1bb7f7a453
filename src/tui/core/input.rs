//! A line of text being edited: insertion at a cursor, by characters. What it begins with is selected, as in the address bar of a browser: the
//! first letter takes its place, a key that moves or rubs out keeps it.

use super::keys::{Code, Key};

/// What became of a key in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Completion {
    /// Still editing.
    Editing,
    /// Enter.
    Accepted,
    /// Esc.
    Dropped,
    /// Not for the line.
    Ignored,
}

/// One line of text with a cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineEdit {
    /// The text.
    pub text: String,
    /// Cursor, in characters from the start.
    pub cursor: usize,
    /// All of it is what the line began with, and goes when something is typed.
    pub selected: bool,
}

impl LineEdit {
    /// A line holding `text`, cursor at its end.
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), cursor: text.chars().count(), selected: false }
    }

    /// A line that offers `text`: selected as long as nothing is done to it.
    pub(crate) fn offering(text: &str) -> Self {
        Self { selected: !text.is_empty(), ..Self::new(text) }
    }

    /// Text before and from the cursor.
    pub(crate) fn split(&self) -> (&str, &str) {
        self.text.split_at(self.byte())
    }

    fn byte(&self) -> usize {
        self.text.char_indices().nth(self.cursor).map_or(self.text.len(), |(i, _)| i)
    }

    /// Inserts at the cursor, or in place of what is selected; line breaks and control characters become spaces.
    pub(crate) fn insert(&mut self, text: &str) {
        const MAX_BYTES: usize = 4096;
        if std::mem::take(&mut self.selected) {
            *self = Self::default();
        }
        for c in text.chars().take(MAX_BYTES.saturating_sub(self.text.len())) {
            let at = self.byte();
            self.text.insert(at, if c.is_control() { ' ' } else { c });
            self.cursor += 1;
        }
    }

    /// Applies a key.
    pub(crate) fn key(&mut self, key: Key) -> Completion {
        let end = self.text.chars().count();
        let typed = key.typed();
        // What is selected goes by what is typed; every other key that is for the line keeps it.
        let selected = self.selected;
        self.selected &= typed.is_some();
        match (key.code, key.ctrl) {
            (Code::Enter, _) => return Completion::Accepted,
            (Code::Esc, _) => return Completion::Dropped,
            (Code::Left, _) | (Code::Char('b'), true) => self.cursor = self.cursor.saturating_sub(1),
            (Code::Right, _) | (Code::Char('f'), true) => self.cursor = (self.cursor + 1).min(end),
            (Code::Home, _) | (Code::Char('a'), true) => self.cursor = 0,
            (Code::End, _) | (Code::Char('e'), true) => self.cursor = end,
            (Code::Char('u'), true) => {
                self.text.drain(..self.byte());
                self.cursor = 0;
            }
            (Code::Char('k'), true) => self.text.truncate(self.byte()),
            (Code::Char('w'), true) => {
                let before = self.split().0;
                let keep = before.trim_end().rfind([' ', '/', '-', '_', '.']).map_or(0, |i| i + 1);
                let keep =
                    if keep == before.len() { before.trim_end_matches(['/', '-', '_', '.']).len() } else { keep };
                let at = self.byte();
                self.text.drain(keep..at);
                self.cursor = self.text[..keep].chars().count();
            }
            (Code::Backspace, _) if self.cursor > 0 => {
                self.cursor -= 1;
                self.text.remove(self.byte());
            }
            (Code::Backspace, _) => {}
            (Code::Delete, _) if selected => *self = Self::default(),
            (Code::Delete, _) if self.cursor < end => {
                self.text.remove(self.byte());
            }
            _ => match typed {
                Some(c) => self.insert(c.encode_utf8(&mut [0; 4])),
                None => return Completion::Ignored,
            },
        }
        Completion::Editing
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::parse_keys;
    use super::*;

    fn typed(start: &str, keys: &str) -> (String, usize) {
        let mut line = LineEdit::new(start);
        for k in parse_keys(keys) {
            line.key(k);
        }
        (line.text, line.cursor)
    }

    #[test]
    fn editing_by_characters_not_bytes() {
        assert_eq!(typed("blå", "<backspace>o<left>x"), ("blxo".into(), 3));
        assert_eq!(typed("ab", "<home><delete>é<end>!"), ("éb!".into(), 3));
        assert_eq!(typed("a/model-x", "<ctrl-w>"), ("a/model-".into(), 8));
        assert_eq!(typed("abc def", "<left><ctrl-u>"), ("f".into(), 0));
        assert_eq!(typed("", "<backspace><delete><left>"), (String::new(), 0));
    }

    #[test]
    fn what_a_line_offers_goes_by_the_first_letter_and_stays_by_a_key_that_moves() {
        let cases = [
            ("q8", "q8"),
            ("<left>x", "q4_xk"),
            ("<right>!", "q4_k!"),
            ("<home>x", "xq4_k"),
            ("<end>s", "q4_ks"),
            ("<backspace>0", "q4_0"),
            ("<delete>", ""),
            ("<ctrl-u>", ""),
            ("<enter>", "q4_k"),
        ];
        for (keys, expected) in cases {
            let mut line = LineEdit::offering("q4_k");
            for k in parse_keys(keys) {
                line.key(k);
            }
            assert_eq!((line.text.as_str(), line.selected), (expected, false), "{keys}");
        }
        let mut line = LineEdit::offering("q4_k");
        line.insert("pasted");
        assert_eq!(line.text, "pasted");
        assert!(!LineEdit::offering("").selected, "nothing is nothing to select");
    }

    #[test]
    fn a_paste_stays_one_line() {
        let mut line = LineEdit::default();
        line.insert("a\nb\tc");
        assert_eq!(line.text, "a b c");
    }
}
