//! How figures and tables are written for people.

pub(crate) use super::print::Style;
pub(crate) use crate::units::{bytes, count, plural};

/// Seconds: `0.42 s`, `12.3 s`, `4:07`, `1:02:03`.
pub(crate) fn seconds(s: f64) -> String {
    let whole = s.max(0.0) as u64;
    match whole {
        0..10 => format!("{s:.2} s"),
        10..60 => format!("{s:.1} s"),
        60..3600 => format!("{}:{:02}", whole / 60, whole % 60),
        _ => format!("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60),
    }
}

/// A value from outside on one line. What is printed is escaped again where it is printed, line ends excepted: this is for values
/// that must not start a line.
pub(crate) fn safe(text: &str) -> String {
    crate::units::escape(text).into_owned()
}

/// Cuts to a display width, with an ellipsis.
pub(crate) fn cut(text: &str, width: usize) -> String {
    use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let w = c.width().unwrap_or(0);
        if used + w + 1 > width {
            break;
        }
        used += w;
        out.push(c);
    }
    out.push('…');
    out
}

/// Cuts to a display width in the middle: variants of a model have names that begin alike and end with their types.
pub(crate) fn cut_middle(text: &str, width: usize) -> String {
    use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};
    if text.width() <= width {
        return text.to_owned();
    }
    let begin = cut(text, width / 3);
    let mut room = width.saturating_sub(begin.width());
    let end = text.char_indices().rev().take_while(|(_, c)| {
        let w = c.width().unwrap_or(0);
        let fits = w <= room;
        room = if fits { room - w } else { 0 };
        fits
    });
    let at = end.last().map_or(text.len(), |(at, _)| at);
    format!("{begin}{}", &text[at..])
}

/// Parts with a separator between them, in lines of at most `columns` where there is a limit: a terminal would break them inside of words.
/// The first line begins with `first`, the others with `rest`; each ends with a line end.
pub(crate) fn fold(parts: &[String], separator: &str, (first, rest): (&str, &str), columns: Option<usize>) -> String {
    use super::print::width as width_of;
    let (mut out, mut line) = (String::new(), first.to_owned());
    let mut is_empty = true;
    for (i, part) in parts.iter().enumerate() {
        // What ends a line that goes on, too, must fit.
        let end = if i + 1 < parts.len() { width_of(separator.trim_end()) } else { 0 };
        let longer = width_of(&line) + width_of(separator) + width_of(part) + end;
        match (is_empty, columns.is_some_and(|most| longer > most)) {
            (true, _) => line.push_str(part),
            (false, false) => line.push_str(&format!("{separator}{part}")),
            (false, true) => {
                out.push_str(&format!("{line}{}\n", separator.trim_end()));
                line = format!("{rest}{part}");
            }
        }
        is_empty = false;
    }
    format!("{out}{line}\n")
}

/// The words of a text; what is between backticks is one, so that a command is never broken.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut open = false;
    for word in text.split(' ') {
        match words.last_mut().filter(|_| open) {
            Some(last) => last.push_str(&format!(" {word}")),
            None => words.push(word.to_owned()),
        }
        open ^= word.matches('`').count() % 2 == 1;
    }
    words
}

/// A line about something to know, folded at words on a terminal.
pub(crate) fn warning(text: &str, style: Style) -> String {
    let parts: Vec<String> = [style.warning("warning:")].into_iter().chain(words(&safe(text))).collect();
    fold(&parts, " ", ("", "  "), style.columns())
}

/// A table with aligned columns; `right[i]` aligns column `i` to the right. Two blanks between columns.
pub(crate) fn table(rows: &[Vec<String>], right: &[bool]) -> String {
    table_of(rows.len(), |i| rows[i].clone(), right, "")
}

/// As [`table`], of `n` rows that are made when they are needed (twice): a table of a million tensors is never in memory as cells. Each
/// line begins with `indent`.
pub(crate) fn table_of(n: usize, row: impl Fn(usize) -> Vec<String>, right: &[bool], indent: &str) -> String {
    use super::print::width as width_of;
    let mut widths: Vec<usize> = Vec::new();
    for i in 0..n {
        let row = row(i);
        widths.resize(widths.len().max(row.len()), 0);
        row.iter().zip(&mut widths).for_each(|(cell, width)| *width = width_of(cell).max(*width));
    }
    let mut out = String::new();
    for i in 0..n {
        let begin = out.len();
        out.push_str(indent);
        for (c, cell) in row(i).iter().enumerate() {
            let pad = widths[c].saturating_sub(width_of(cell));
            let (before, after) = if right.get(c).copied().unwrap_or(false) { (pad, 0) } else { (0, pad) };
            out.extend(std::iter::repeat_n(' ', before + if c > 0 { 2 } else { 0 }));
            out.push_str(cell);
            out.extend(std::iter::repeat_n(' ', after));
        }
        out.truncate(out.trim_end().len().max(begin));
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_like_times() {
        assert_eq!(
            (seconds(0.421), seconds(247.0), seconds(3723.0)),
            ("0.42 s".into(), "4:07".into(), "1:02:03".into())
        );
    }

    #[test]
    fn lines_are_folded_between_parts() {
        let parts = ["4.53 MB", "8.51 bits per weight", "read back by remold"].map(str::to_owned);
        let folded = fold(&parts, " · ", ("  ", "  "), Some(34));
        assert_eq!(folded, "  4.53 MB · 8.51 bits per weight ·\n  read back by remold\n");
        assert!(folded.lines().all(|line| crate::units::print::width(line) <= 34));
        assert_eq!(fold(&parts, " · ", ("  ", "  "), None).lines().count(), 1);
        let text = words("use `remold convert a b` or leave it");
        assert_eq!(text, ["use", "`remold convert a b`", "or", "leave", "it"]);
        assert_eq!(warning("a  b", Style::plain()), "warning: a  b\n");
    }

    #[test]
    fn tables_align_and_cuts_fit() {
        let rows = vec![vec!["a".into(), "10".into()], vec!["long".into(), "9".into()]];
        assert_eq!(table(&rows, &[false, true]), "a     10\nlong   9\n");
        assert_eq!(cut("tensor.weight", 7), "tensor…");
        assert_eq!(cut_middle("exp42-checkpoint-2000-Q4_K_M", 24), "exp42-c…oint-2000-Q4_K_M");
        assert_eq!(cut_middle("model-Q4_K_M", 24), "model-Q4_K_M");
        assert_eq!(safe("a\x1b[2J\nb"), "a\\u{1b}[2J\\nb");
    }
}
