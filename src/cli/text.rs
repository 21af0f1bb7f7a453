//! How figures and tables are written for people.

pub use super::print::Style;
pub use crate::units::{bytes, count};

/// Seconds: `0.42 s`, `12.3 s`, `4:07`, `1:02:03`.
pub fn seconds(s: f64) -> String {
    let whole = s.max(0.0) as u64;
    match whole {
        0..10 => format!("{s:.2} s"),
        10..60 => format!("{s:.1} s"),
        60..3600 => format!("{}:{:02}", whole / 60, whole % 60),
        _ => format!("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60),
    }
}

/// A value from outside on one line. What is printed is escaped again where it is printed, line ends excepted: this is for values
/// that must not begin a line of their own.
pub fn safe(text: &str) -> String {
    crate::units::escape(text).into_owned()
}

/// Cuts to a display width, with an ellipsis.
pub fn cut(text: &str, width: usize) -> String {
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

/// A table with aligned columns; `right[i]` aligns column `i` to the right. Two blanks between columns.
pub fn table(rows: &[Vec<String>], right: &[bool]) -> String {
    use super::print::width as width_of;
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| rows.iter().filter_map(|r| r.get(c)).map(|s| width_of(s)).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (c, cell) in row.iter().enumerate() {
            let pad = " ".repeat(widths[c].saturating_sub(width_of(cell)));
            if c > 0 {
                line.push_str("  ");
            }
            if right.get(c).copied().unwrap_or(false) {
                line.push_str(&pad);
                line.push_str(cell);
            } else {
                line.push_str(cell);
                line.push_str(&pad);
            }
        }
        out.push_str(line.trim_end());
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
    fn tables_align_and_cuts_fit() {
        let rows = vec![vec!["a".into(), "10".into()], vec!["long".into(), "9".into()]];
        assert_eq!(table(&rows, &[false, true]), "a     10\nlong   9\n");
        assert_eq!(cut("tensor.weight", 7), "tensor…");
        assert_eq!(safe("a\x1b[2J\nb"), "a\\u{1b}[2J\\nb");
    }
}
