//! A line of text being edited: insertion at a cursor, by characters.

use super::keys::{Code, Key};

/// What became of a key in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
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
}

impl LineEdit {
    /// A line holding `text`, cursor at its end.
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), cursor: text.chars().count() }
    }

    /// Text before and from the cursor.
    pub fn split(&self) -> (&str, &str) {
        self.text.split_at(self.byte())
    }

    fn byte(&self) -> usize {
        self.text.char_indices().nth(self.cursor).map_or(self.text.len(), |(i, _)| i)
    }

    /// Inserts at the cursor; line breaks and control characters become spaces.
    pub fn insert(&mut self, text: &str) {
        const MOST: usize = 4096;
        for c in text.chars().take(MOST.saturating_sub(self.text.len())) {
            let at = self.byte();
            self.text.insert(at, if c.is_control() { ' ' } else { c });
            self.cursor += 1;
        }
    }

    /// Applies a key.
    pub fn key(&mut self, key: Key) -> Completion {
        let end = self.text.chars().count();
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
            (Code::Delete, _) if self.cursor < end => {
                self.text.remove(self.byte());
            }
            _ => match key.typed() {
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
    fn a_paste_stays_one_line() {
        let mut line = LineEdit::default();
        line.insert("a\nb\tc");
        assert_eq!(line.text, "a b c");
    }
}
