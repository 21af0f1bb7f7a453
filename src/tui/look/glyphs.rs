//! The ASCII replacement of each glyph that the views draw.

use ratatui::buffer::Buffer;
use std::borrow::Cow;
use unicode_width::UnicodeWidthStr;

/// The ASCII replacement of a glyph; `?` for other characters, as in a file name.
pub(crate) fn ascii_char(c: char) -> char {
    match c {
        ' '..='~' => c,
        '─' | '╌' | '–' | '—' | '−' => '-',
        '│' | '┤' | '├' | '▏' | '┊' => '|',
        '┌' | '┐' | '└' | '┘' | '┬' | '┴' | '┼' | '╭' | '╮' | '╰' | '╯' => '+',
        '→' => '>',
        // A folded line; `-` is an unfolded one.
        '▸' => '+',
        // The selected row. A border is `|`.
        '▌' => '>',
        '›' => ':',
        // Where it stands for a line break; keys are written out.
        '⏎' => '$',
        '‹' | '←' => '<',
        '▾' => '-',
        '↓' | '▼' => 'v',
        '↑' | '▲' => '^',
        // Beside a name, an `o` would be its first letter.
        '●' => '*',
        '•' => 'o',
        '◆' => '@',
        '★' => '*',
        // Braille dots draw curves.
        '\u{2800}'..='\u{28ff}' => '.',
        '○' | '·' => '.',
        // Not a plus: that adds, and is in frames.
        '✓' => 'v',
        '✗' | '×' => 'x',
        '‖' => '|',
        '≈' | '±' => '~',
        '≠' => '!',
        // A second one is put beside it where there is space: see `ascii_buffer`.
        '…' => '.',
        '█' => '#',
        '▓' => '%',
        '▒' => '=',
        '░' => ':',
        '▚' => '/',
        '▤' => '"',
        '▁' | '▂' => '.',
        '▃' | '▄' => ':',
        '▅' | '▆' => '|',
        '▇' => '#',
        '≥' => '>',
        '≤' => '<',
        'σ' => 's',
        'Δ' => 'd',
        '“' | '”' => '"',
        '’' => '\'',
        '\u{a0}' | '\u{202f}' | '\u{2009}' => ' ',
        '⚠' => '!',
        _ => '?',
    }
}

/// Signs that one ASCII character would say wrongly: an arrow is not "greater than", and "at most" is not "less than".
const TWO: [(&str, &str); 4] = [("→", "->"), ("←", "<-"), ("≤", "<="), ("≥", ">=")];

/// A text with two ASCII characters for each of these signs, at most so many columns wide. Where there is no column to spare, the second one takes
/// the place of a blank beside the sign.
pub(crate) fn two_signs(text: &str, most: usize) -> Cow<'_, str> {
    if !TWO.iter().any(|(sign, _)| text.contains(sign)) {
        return Cow::Borrowed(text);
    }
    let long = TWO.iter().fold(text.to_owned(), |text, (sign, two)| text.replace(sign, two));
    if long.width() <= most {
        return Cow::Owned(long);
    }
    let short = TWO.iter().fold(text.to_owned(), |text, (sign, two)| {
        text.replace(&format!(" {sign}"), two).replace(&format!("{sign} "), two)
    });
    Cow::Owned(short)
}

/// Writes an ellipsis as two dots: a `~` would look like the home folder in a path. The second dot is in a blank beside it, or takes the place
/// of a letter.
fn ellipses(buffer: &mut Buffer) {
    let area = buffer.area;
    for y in area.top()..area.bottom() {
        for x in area.left()..area.right() {
            if buffer[(x, y)].symbol() != "…" {
                continue;
            }
            buffer[(x, y)].set_char('.');
            let symbol = |x: u16| (x < area.right()).then(|| buffer[(x, y)].symbol().to_owned());
            let blank = |x: u16| symbol(x).is_none_or(|s| s == " ");
            let letter = |x: Option<u16>| x.and_then(symbol).is_some_and(|s| s.is_ascii() && s != " ");
            let before = x.checked_sub(1).filter(|before| *before >= area.left());
            let second = if x + 1 < area.right() && blank(x + 1) && blank(x + 2) {
                Some(x + 1)
            } else if letter(before) {
                before
            } else {
                Some(x + 1).filter(|next| *next < area.right() && (blank(*next) || letter(Some(*next))))
            };
            if let Some(x) = second {
                buffer[(x, y)].set_char('.');
            }
        }
    }
}

/// Replaces every glyph of a drawn buffer by its ASCII likeness.
pub(crate) fn ascii_buffer(buffer: &mut Buffer) {
    ellipses(buffer);
    for cell in &mut buffer.content {
        if !cell.symbol().is_ascii() {
            let c = cell.symbol().chars().next().map_or(' ', ascii_char);
            cell.set_char(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    #[test]
    fn an_arrow_and_a_bound_are_not_comparisons() {
        let cases = [
            ("0.01 s → 0.03 s", 20, "0.01 s -> 0.03 s"),
            ("0.01 s → 0.03 s", 15, "0.01 s-> 0.03 s"),
            ("≤ 72.0 MB", 20, "<= 72.0 MB"),
            ("≤ 72.0 MB", 9, "<=72.0 MB"),
            ("no sign", 3, "no sign"),
        ];
        for (text, most, expected) in cases {
            assert_eq!(two_signs(text, most), expected);
        }
    }

    #[test]
    fn an_ellipsis_is_two_dots_and_never_the_sign_of_the_home_folder() {
        let cases = [
            ("…mp/runs", "..p/runs"),
            ("abc…   9", "abc..  9"),
            ("abc… 9  ", "ab.. 9  "),
            ("ab…cd   ", "a..cd   "),
            ("abcdefg…", "abcdef.."),
            (" … │ …x ", " ..| .. "),
        ];
        for (text, expected) in cases {
            let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 1));
            buffer.set_string(0, 0, text, Style::default());
            ascii_buffer(&mut buffer);
            let shown: String = buffer.content.iter().map(|c| c.symbol()).collect();
            assert_eq!(shown.trim_end(), expected.trim_end(), "{text}");
        }
    }
}
