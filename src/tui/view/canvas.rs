//! Where the views draw: text that is cut with an ellipsis, rules, bars, lists that scroll.

use super::Ui;
use crate::tui::core::{Hit, LineEdit};
use crate::tui::look::{Look, Theme, two_signs};
use crate::units::placeholders;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use std::borrow::Cow;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns a text takes.
pub(crate) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// The text cut to `most` columns, with an ellipsis at the end if anything was lost.
pub(crate) fn fit(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 1;
    for ch in text.chars() {
        used += ch.width().unwrap_or(0);
        if used > most {
            break;
        }
        out.push(ch);
    }
    if most > 0 {
        out.push('…');
    }
    out
}

/// The text cut to `most` columns at its beginning: for paths and names that differ at the end.
pub(crate) fn fit_end(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let mut kept = Vec::new();
    let mut used = 1;
    for ch in text.chars().rev() {
        used += ch.width().unwrap_or(0);
        if used > most {
            break;
        }
        kept.push(ch);
    }
    if most > 0 {
        kept.push('…');
    }
    kept.into_iter().rev().collect()
}

/// A path cut to `most` columns between two of its parts: `…/runs/exp42`. Its last part is cut only where that alone is too long.
pub(crate) fn fit_path(path: &str, most: usize) -> String {
    if width(path) <= most {
        return path.to_owned();
    }
    let ends = path.match_indices('/').map(|(at, _)| &path[at..]).filter(|end| end.len() > 1);
    let fits = ends.map(|end| format!("…{end}")).find(|end| width(end) <= most);
    fits.unwrap_or_else(|| fit_end(path, most))
}

/// Where the views draw.
pub(crate) struct Canvas<'a> {
    /// The cells.
    pub buf: &'a mut Buffer,
    /// Styles and glyphs.
    pub look: &'a Look,
    /// Scroll offsets and hit boxes.
    pub ui: &'a mut Ui,
}

impl Canvas<'_> {
    /// The styles.
    pub(crate) fn theme(&self) -> &Theme {
        &self.look.theme
    }

    /// Writes text into at most `most` columns; gives the columns used.
    pub(crate) fn text(&mut self, x: u16, y: u16, most: u16, text: &str, style: Style) -> u16 {
        let area = self.buf.area;
        if y < area.y || y >= area.bottom() || x >= area.right() || most == 0 {
            return 0;
        }
        let most = most.min(area.right() - x);
        let text = placeholders(text);
        let text = if self.look.ascii { two_signs(&text, most.into()) } else { text };
        let cut = fit(&text, most.into());
        self.buf.set_stringn(x, y, &cut, most.into(), style);
        width(&cut) as u16
    }

    /// Writes pieces one after the other; gives the columns used.
    pub(crate) fn spans(&mut self, x: u16, y: u16, most: u16, pieces: &[(&str, Style)]) -> u16 {
        let mut used = 0;
        for (text, style) in pieces {
            used += self.text(x + used, y, most.saturating_sub(used), text, *style);
        }
        used
    }

    /// The name of a key as it is shown: without glyphs, enter is a word.
    pub(crate) fn key(&self, key: &str) -> String {
        if self.look.ascii {
            key.replace('⏎', "enter").replace('←', "left").replace('→', "right")
        } else {
            key.to_owned()
        }
    }

    /// Writes text so that it ends before column `end`; gives the columns used.
    pub(crate) fn right(&mut self, end: u16, y: u16, most: u16, text: &str, style: Style) -> u16 {
        let ascii = self.look.ascii.then(|| two_signs(text, most.into()));
        let text = ascii.as_deref().unwrap_or(text);
        let w = (width(text) as u16).min(most);
        self.text(end.saturating_sub(w), y, w, text, style)
    }

    /// A horizontal rule.
    pub(crate) fn rule(&mut self, x: u16, y: u16, w: u16) {
        let style = self.theme().faint;
        self.text(x, y, w, &"─".repeat(w.into()), style);
    }

    /// A vertical rule.
    pub(crate) fn divide(&mut self, x: u16, y: u16, h: u16) {
        let style = self.theme().faint;
        for row in y..y + h {
            self.text(x, row, 1, "│", style);
        }
    }

    /// A bar of exact length in eighths of a cell, over a faint ground when `ground` is set.
    pub(crate) fn bar(&mut self, x: u16, y: u16, w: u16, fraction: f64, style: Style, ground: bool) {
        const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
        let fraction = if fraction.is_finite() { fraction.clamp(0.0, 1.0) } else { 0.0 };
        let eighths = (fraction * f64::from(w) * 8.0).round() as usize;
        let (full, part) = (eighths / 8, eighths % 8);
        let mut text = "█".repeat(full);
        if self.look.ascii {
            if part >= 4 {
                text.push('█');
            }
        } else {
            text.push_str(PARTS[part]);
        }
        if fraction > 0.0 && text.is_empty() {
            text.push_str(if self.look.ascii { "│" } else { "▏" });
        }
        let used = self.text(x, y, w, &text, style);
        if ground {
            let faint = self.theme().faint;
            self.text(x + used, y, w - used, &"─".repeat((w - used).into()), faint);
        }
    }

    /// A sparkline of the newest values, scaled to their maximum.
    pub(crate) fn spark(&mut self, x: u16, y: u16, w: u16, values: &[f64], style: Style) {
        self.spark_of(&["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"], (x, y), w, values, style);
    }

    /// As [`Canvas::spark`], without the full block, which would touch the line above.
    pub(crate) fn low_spark(&mut self, x: u16, y: u16, w: u16, values: &[f64], style: Style) {
        self.spark_of(&["▁", "▂", "▃", "▄", "▅", "▆", "▇"], (x, y), w, values, style);
    }

    fn spark_of(&mut self, steps: &[&str], (x, y): (u16, u16), w: u16, values: &[f64], style: Style) {
        let shown = &values[values.len().saturating_sub(w.into())..];
        let top = shown.iter().copied().fold(0.0, f64::max);
        let last = steps.len() - 1;
        let step = |v: &f64| if top > 0.0 { ((v / top * last as f64).round() as usize).min(last) } else { 0 };
        let text: String = shown.iter().map(|v| steps[step(v)]).collect();
        self.text(x, y, w, &text, style);
    }

    /// Lays a style over a row.
    pub(crate) fn paint(&mut self, area: Rect, style: Style) {
        self.buf.set_style(area.intersection(self.buf.area), style);
    }

    /// Marks the selected row of a list: a bar in the margin and the selection's style.
    pub(crate) fn select(&mut self, row: Rect, focused: bool) {
        let style = if focused { self.theme().select } else { self.theme().select_idle };
        self.paint(row, style);
        if focused {
            self.ui.cursor = Some(row);
        }
        let mark = if focused { self.theme().accent } else { self.theme().faint };
        self.text(row.x, row.y, 1, "▌", mark);
    }

    /// Blanks an area.
    pub(crate) fn clear(&mut self, area: Rect) {
        let style = self.theme().text;
        for y in area.y..area.bottom().min(self.buf.area.bottom()) {
            for x in area.x..area.right().min(self.buf.area.right()) {
                self.buf[(x, y)].reset();
                self.buf[(x, y)].set_style(style);
            }
        }
    }

    /// A light frame with a title, blank inside; gives the inside.
    pub(crate) fn card(&mut self, area: Rect, title: &str) -> Rect {
        self.clear(area);
        let (faint, bold) = (self.theme().faint, self.theme().title);
        let inner = usize::from(area.width.saturating_sub(2));
        let (x, y) = (area.x, area.y);
        self.text(x, y, area.width, &format!("╭{}╮", "─".repeat(inner)), faint);
        for row in y + 1..area.bottom() - 1 {
            self.text(x, row, 1, "│", faint);
            self.text(area.right() - 1, row, 1, "│", faint);
        }
        self.text(x, area.bottom() - 1, area.width, &format!("╰{}╯", "─".repeat(inner)), faint);
        if !title.is_empty() {
            self.text(x + 2, y, area.width.saturating_sub(4), &format!(" {title} "), bold);
        }
        Rect { x: x + 2, y: y + 1, width: area.width.saturating_sub(4), height: area.height.saturating_sub(2) }
    }

    /// A line being edited, its cursor a reversed cell.
    pub(crate) fn edit(&mut self, x: u16, y: u16, most: u16, line: &LineEdit, style: Style) -> u16 {
        if line.selected {
            return self.offered(x, y, most, &line.text, style);
        }
        let (before, after) = line.split();
        // Keep the cursor in view: the text before it is cut at its beginning.
        let before = fit_end(before, usize::from(most).saturating_sub(2));
        let used = self.text(x, y, most, &before, style);
        let mut rest = after.chars();
        let under = rest.next().unwrap_or(' ').to_string();
        let cursor = style.add_modifier(Modifier::REVERSED);
        let used = used + self.text(x + used, y, most.saturating_sub(used), &under, cursor);
        used + self.text(x + used, y, most.saturating_sub(used), rest.as_str(), style)
    }

    /// What a line offers, all of it selected; between brackets where reversing may be the only sign, or none.
    fn offered(&mut self, x: u16, y: u16, most: u16, text: &str, style: Style) -> u16 {
        let brackets = self.look.ascii || self.look.theme.name == "mono";
        let (open, close) = if brackets { ("[", "]") } else { ("", "") };
        let text = fit_end(text, usize::from(most).saturating_sub(2));
        self.spans(x, y, most, &[(open, style), (&text, style.add_modifier(Modifier::REVERSED)), (close, style)])
    }

    /// First line to show so that `cursor` is in view; remembered by name between frames.
    pub(crate) fn offset(&mut self, name: &'static str, cursor: usize, len: usize, height: u16) -> usize {
        let height = usize::from(height.max(1));
        let at = self.ui.offsets.entry(name).or_insert(0);
        let margin = if height > 6 { 2 } else { 0 };
        if cursor < *at + margin {
            *at = cursor.saturating_sub(margin);
        }
        if cursor + margin >= *at + height {
            *at = cursor + margin + 1 - height;
        }
        *at = (*at).min(len.saturating_sub(height));
        *at
    }

    /// An area that answers to a click.
    pub(crate) fn hit(&mut self, area: Rect, hit: Hit) {
        self.ui.hits.push((area, hit));
    }

    /// A pane that answers to the wheel.
    pub(crate) fn pane(&mut self, area: Rect, hit: Hit) {
        self.ui.panes.push((area, hit));
    }

    /// Text broken at blanks into lines of at most `w` columns, drawn downwards; gives the rows used.
    pub(crate) fn wrapped(&mut self, x: u16, y: u16, w: u16, most: u16, text: &str, style: Style) -> u16 {
        let mut lines = wrap(text, w.into());
        cut_lines(&mut lines, most.into(), w.into());
        for (i, line) in lines.iter().enumerate() {
            self.text(x, y + i as u16, w, line, style);
        }
        lines.len() as u16
    }
}

/// Keeps the first `most` lines; a sign at the end of the last one says that there were more.
pub(in crate::tui) fn cut_lines(lines: &mut Vec<String>, most: usize, w: usize) {
    let more = lines.len() > most;
    lines.truncate(most);
    if let (true, Some(last)) = (more, lines.last_mut()) {
        *last = fit(&format!("{last} …"), w);
    }
}

/// Breaks a text at blanks, and a word that is longer than a line, such as a path, within it. A number keeps its `%`.
pub(in crate::tui) fn wrap(text: &str, most: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut words: Vec<Cow<'_, str>> = Vec::new();
    for word in text.split_whitespace() {
        match words.last_mut() {
            Some(number) if word.starts_with('%') && number.ends_with(|c: char| c.is_ascii_digit()) => {
                *number = format!("{number} {word}").into();
            }
            _ => words.push(word.into()),
        }
    }
    for word in &words {
        let mut word: &str = word;
        while most > 0 && width(word) > most {
            let used = lines.last().map_or(0, |l| width(l));
            let free = most.saturating_sub(if used > 0 { used + 1 } else { 0 });
            if free < MIN_PIECE.min(most) {
                lines.push(String::new());
                continue;
            }
            let (piece, rest) = word.split_at(piece_end(word, free));
            if let Some(line) = lines.last_mut() {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(piece);
            }
            lines.push(String::new());
            word = rest;
        }
        let line = lines.last_mut().map_or(0, |l| width(l));
        if line > 0 && line + 1 + width(word) > most {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// Columns that a piece of a broken word has at least.
const MIN_PIECE: usize = 8;

/// Bytes of the beginning of a word that fits into so many columns: up to a sign that separates parts of a name, if there is one in its
/// second half.
fn piece_end(word: &str, most: usize) -> usize {
    let mut used = 0;
    let mut end = 0;
    let mut sign = 0;
    for (at, ch) in word.char_indices() {
        used += ch.width().unwrap_or(0);
        if used > most && end > 0 {
            break;
        }
        end = at + ch.len_utf8();
        if "/-_.".contains(ch) && used * 2 > most {
            sign = end;
        }
    }
    if sign > 0 { sign } else { end }
}

/// A rectangle of this size in the middle of another, cut to fit.
pub(in crate::tui) fn centered(body: Rect, w: u16, h: u16) -> Rect {
    let (w, h) = (w.min(body.width.saturating_sub(2)), h.min(body.height));
    Rect { x: body.x + (body.width - w) / 2, y: body.y + (body.height - h) / 2, width: w, height: h }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_by_columns() {
        assert_eq!(fit("abcdef", 6), "abcdef");
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("abc", 0), "");
        assert_eq!(fit_end("a/b/model.gguf", 8), "…el.gguf");
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("it is 20 % larger", 9), ["it is", "20 %", "larger"]);
        let path = wrap("→ /work/runs/exp42-exports/checkpoint-3000-Q4_K_M.gguf now", 24);
        assert_eq!(path, ["→ /work/runs/exp42-", "exports/checkpoint-3000-", "Q4_K_M.gguf now"]);
        assert_eq!(wrap("日本語日本語", 5), ["日本", "語日", "本語"]);
        assert_eq!(wrap("ab", 0).concat(), "ab");
    }
}
