//! Pieces of HTML and SVG: text is escaped, and every element that is opened is closed.

use crate::units;
use std::fmt::Display;

/// A text from outside inside of an element or a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Control characters and bidirectional overrides first: they would change how the rest of the page reads.
    for c in units::escape(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// An element with attributes that are written as they are, around content that is markup.
pub(super) fn element(name: &str, attributes: &str, content: impl Display) -> String {
    let space = if attributes.is_empty() { "" } else { " " };
    format!("<{name}{space}{attributes}>{content}</{name}>")
}

/// An element without attributes around a text.
pub(super) fn text(name: &str, text: &str) -> String {
    element(name, "", escape(text))
}

/// A table in a box that scrolls sideways where it is wider than the page. Cells are markup; the first column is a heading of its row.
pub(super) fn table(head: &[String], rows: impl Iterator<Item = Vec<String>>) -> String {
    let heads: String = head.iter().map(|h| element("th", "scope=\"col\"", h)).collect();
    let row = |cells: Vec<String>| {
        let mut cells = cells.into_iter();
        let first = cells.next().map(|c| element("th", "scope=\"row\"", c)).unwrap_or_default();
        let rest: String = cells.map(|c| element("td", "", c)).collect();
        element("tr", "", first + &rest)
    };
    let body: String = rows.map(|r| row(r) + "\n").collect();
    let head = element("thead", "", element("tr", "", heads));
    element("div", "class=\"wide\"", element("table", "", head + "\n" + &element("tbody", "", body))) + "\n"
}

/// A coordinate with as many digits as a screen can show.
pub(super) fn at(v: f64) -> String {
    let text = format!("{:.1}", if v.is_finite() { v } else { 0.0 });
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Fails unless every element is closed in order, attributes are quoted, and no `<` or `&` stands alone.
    pub(in crate::evaluate) fn check_well_formed(page: &str) {
        const EMPTY: [&str; 6] = ["meta", "circle", "line", "path", "rect", "br"];
        let mut open: Vec<&str> = Vec::new();
        let mut rest = page.strip_prefix("<!DOCTYPE html>").unwrap_or(page);
        while let Some(start) = rest.find(['<', '&']) {
            if rest[start..].starts_with('&') {
                let end = rest[start..].find(';').unwrap_or(0);
                assert!((3..8).contains(&end), "a lone &: {:?}", rest[start..].chars().take(30).collect::<String>());
                rest = &rest[start + end..];
                continue;
            }
            let end = start + rest[start..].find('>').unwrap_or_else(|| panic!("not closed: {}", &rest[start..]));
            let tag = &rest[start + 1..end];
            rest = &rest[end + 1..];
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name), "closed out of order");
                continue;
            }
            let closed = tag.ends_with('/');
            let name = tag.trim_end_matches('/').split_whitespace().next().unwrap_or_default();
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "{tag}");
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
            assert!(!tag.contains('<') && !tag.contains('\''), "{tag}");
            assert_eq!(closed, EMPTY.contains(&name), "{tag}");
            if name == "style" {
                let end = rest.find("</style>").unwrap();
                rest = &rest[end..];
            }
            if !closed {
                open.push(name);
            }
        }
        assert!(open.is_empty(), "never closed: {open:?}");
    }

    #[test]
    fn texts_cannot_leave_their_place() {
        assert_eq!(
            escape("<script>\"a\" & 'b'\u{1b}\u{202e}"),
            "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;\\u{1b}\\u{202e}"
        );
        check_well_formed(&text("p", "a<b>&c"));
        assert_eq!((at(1.0), at(2.25), at(f64::NAN)), ("1".into(), "2.2".into(), "0".into()));
    }

    #[test]
    #[should_panic(expected = "out of order")]
    fn what_is_not_well_formed_is_found() {
        check_well_formed("<p><b></p></b>");
    }
}
