//! What the models say after a prompt, in columns: the first difference marked, the KL divergence below each token, and the most
//! probable tokens at the cursor.

use super::{BY_TAB, beyond, number, short_label, style};
use crate::quality::continuation::{STEPS, TOP, mark};
use crate::tui::core::{Hit, State};
use crate::tui::tabs::compare::state::{CompareState, Spoken};
use crate::tui::view::canvas::{Canvas, fit, width};
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use unicode_width::UnicodeWidthChar;

/// Minimum columns of a text.
const LEAST: u16 = 22;
/// Columns of the names before the lines of divergence.
const NAMES: u16 = 6;
/// Columns of what is said at their end.
const SUMMARY: u16 = 27;

/// A character of a text: the token it belongs to, its line and column.
struct Placed {
    token: usize,
    line: usize,
    column: usize,
    text: char,
    width: usize,
}

/// The characters of tokens in lines of `most` columns; line ends are shown and kept.
fn flow(pieces: &[String], most: usize) -> Vec<Placed> {
    let mut out = Vec::new();
    let (mut line, mut column) = (0, 0);
    for (token, piece) in pieces.iter().enumerate() {
        for c in piece.chars() {
            let (text, ends) = match c {
                '\n' => ('⏎', true),
                c if c.is_control() => ('·', false),
                c => (c, false),
            };
            let width = text.width().unwrap_or(0);
            if column + width > most && column > 0 {
                (line, column) = (line + 1, 0);
            }
            out.push(Placed { token, line, column, text, width });
            column += width;
            if ends {
                (line, column) = (line + 1, 0);
            }
        }
    }
    out
}

/// Steps of the scale of errors that are too pale for letters.
const PALE: usize = 5;

/// Where a divergence is on the scale of errors, large ones first.
fn heat_step(kld: f64) -> usize {
    let step = STEPS.iter().filter(|limit| kld >= **limit).count();
    6 - step * 6 / STEPS.len()
}

/// The colour of a divergence.
fn colour(c: &Canvas<'_>, kld: f64) -> Style {
    c.theme().heat(heat_step(kld))
}

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, body: Rect) {
    let s = &state.compare;
    title(c, s, Rect { height: 1, ..body });
    let (text, dim, bad) = (c.theme().text, c.theme().dim, c.theme().bad);
    let mut y = body.y + 1;
    let w = body.width.saturating_sub(4).min(90);
    if let Some(card) = &s.speech.failure {
        c.text(body.x + 1, y + 1, 1, "✗", bad);
        y += 1 + c.wrapped(body.x + 3, y + 1, w, 4, &state.with_short_paths(&card.message), text);
        let hint = card.hint.as_deref().unwrap_or("p asks for another prompt.");
        y += c.wrapped(body.x + 3, y, w, 3, hint, dim);
    }
    let silent = s.speech.failure.is_some() && s.speech.spoken.iter().all(|said| said.pieces.is_empty());
    if s.speech.spoken.is_empty() || silent {
        let what = "All models continue the same prompt, always with the most probable token. The others also read the text of \
            the baseline: below each token is how far their prediction is from the baseline's (KL divergence). From the first \
            token that a model says differently, it continues with its own tokens.";
        c.wrapped(body.x + 1, y + 1, w, 8, what, text);
        return;
    }
    let others = s.columns.len().saturating_sub(1) as u16;
    // Rule, divergence of each, rule, the most probable tokens.
    let below = others + 2 + TOP as u16;
    let area = Rect { y, height: body.bottom().saturating_sub(y), ..body };
    let texts = Rect { height: area.height.saturating_sub(below).max(area.height.min(4)), ..area };
    let shown = columns(s, texts);
    said(c, s, texts, &shown);
    let strip = Rect { y: texts.bottom(), height: area.bottom().saturating_sub(texts.bottom()), ..area };
    divergence(c, s, strip);
    let used = (others + 1).min(strip.height);
    candidates(c, s, Rect { y: strip.y + used, height: strip.height - used, ..strip }, &shown);
}

/// Which models are shown, with the first column and the columns of each: the baseline, and others around the selected one.
fn columns(s: &CompareState, area: Rect) -> Vec<(usize, u16, u16)> {
    let all = s.columns.len().max(1);
    let fit = usize::from(area.width / LEAST).clamp(1, all);
    let each = area.width / fit as u16;
    let others = fit - 1;
    let from = s.selected.saturating_sub(others).min(all - 1 - others);
    let mut shown = if others == 0 { vec![s.selected.min(all - 1)] } else { vec![0] };
    shown.extend((0..others).map(|i| 1 + from + i));
    shown.into_iter().enumerate().map(|(i, column)| (column, area.x + i as u16 * each, each)).collect()
}

fn title(c: &mut Canvas<'_>, s: &CompareState, line: Rect) {
    let (dim, title, accent) = (c.theme().dim, c.theme().title, c.theme().accent);
    let mut x = line.x + 1 + c.text(line.x + 1, line.y, 7, "Text", title) + 3;
    let Some(prompt) = &s.speech.prompt else { return };
    let how = if prompt.chat { "chat template" } else { "as it is" };
    let shown = fit(&prompt.text.replace('\n', "⏎"), usize::from(line.width / 2));
    x += c.spans(x, line.y, line.right().saturating_sub(x), &[("“", dim), (&shown, accent), ("”  ", dim), (how, dim)]);
    let done = s.speech.done.iter().filter(|d| **d).count();
    let state = match s.speech.running {
        true if s.speech.positions() == 0 => "   opening the models…".to_owned(),
        true => format!("   {done} of {} models done, x stops", s.speech.spoken.len()),
        false => "   most probable tokens".to_owned(),
    };
    c.text(x, line.y, line.right().saturating_sub(x + 1), &state, dim);
}

/// The texts, each with its marks below its lines.
fn said(c: &mut Canvas<'_>, s: &CompareState, area: Rect, shown: &[(usize, u16, u16)]) {
    let select = c.theme().select;
    let lines = usize::from(area.height.saturating_sub(1)) / 2;
    let at = s.speech.at;
    let flows: Vec<Option<(&Spoken, Vec<Placed>)>> = shown
        .iter()
        .map(|(column, _, w)| {
            let spoken = s.speech.spoken.get(s.speaker(*column)?)?;
            Some((spoken, flow(&spoken.pieces, usize::from(w.saturating_sub(3)))))
        })
        .collect();
    // The first text that has the token under the cursor decides what is in view.
    let of_cursor = flows.iter().flatten().find_map(|(_, f)| f.iter().find(|p| p.token == at)).map_or(0, |p| p.line);
    let longest = flows.iter().flatten().filter_map(|(_, f)| f.last()).map(|p| p.line + 1).max().unwrap_or(1);
    let top = c.offset("speech", of_cursor, longest, lines as u16);
    for ((column, x, w), flow) in shown.iter().zip(&flows) {
        let own = style(c, *column);
        let label = format!("{} {}", number(*column), short_label(s, *column, usize::from(w.saturating_sub(4))));
        c.text(*x + 1, area.y, w.saturating_sub(2), &label, own);
        if *column == s.selected {
            c.paint(Rect { x: *x + 1, y: area.y, width: w.saturating_sub(2), height: 1 }, select);
        }
        c.hit(Rect { x: *x, y: area.y, width: *w, height: 1 }, Hit::List(*column));
        let place = Rect { x: *x + 1, y: area.y + 1, width: w.saturating_sub(2), height: area.height - 1 };
        match flow {
            Some((spoken, flow)) if !flow.is_empty() => one(c, s, (*column, spoken), flow, (top, lines), place),
            Some(_) => {
                let dim = c.theme().dim;
                let text = if s.speech.running { "waiting…" } else { "(nothing)" };
                c.text(place.x, place.y, place.width, text, dim);
            }
            None => {
                let dim = c.theme().dim;
                c.text(place.x, place.y, place.width, "not asked; p asks again", dim);
            }
        }
    }
}

/// One text.
fn one(
    c: &mut Canvas<'_>,
    s: &CompareState,
    (column, spoken): (usize, &Spoken),
    flow: &[Placed],
    (top, lines): (usize, usize),
    area: Rect,
) {
    let (text, dim, warn) = (c.theme().text, c.theme().dim, c.theme().warn);
    let differs = spoken.differs_at.unwrap_or(usize::MAX);
    for p in flow.iter().filter(|p| p.line >= top && p.line < top + lines) {
        let (x, y) = (area.x + p.column as u16, area.y + 2 * (p.line - top) as u16);
        // Up to the first difference the positions of both texts are the same.
        let kld = spoken.along.get(p.token).map(|a| a.kld).filter(|_| column > 0 && p.token <= differs);
        let mut own = match kld {
            // Small divergences are in the sign below alone.
            Some(kld) if heat_step(kld) < PALE => colour(c, kld),
            Some(_) => text,
            None if p.token > differs => warn,
            None => text,
        };
        if p.token == differs {
            own = own.add_modifier(Modifier::BOLD | Modifier::UNDERLINED);
        }
        if p.token == s.speech.at {
            own = own.add_modifier(Modifier::REVERSED);
        }
        c.text(x, y, p.width as u16, &p.text.to_string(), own);
        c.hit(Rect { x, y, width: p.width as u16, height: 1 }, Hit::Detail(p.token));
        if let Some(kld) = kld {
            let sign = if p.token == differs { "≠".to_owned() } else { mark(kld).to_string() };
            let below = if p.token == differs { warn } else { colour(c, kld) };
            c.text(x, y + 1, p.width as u16, &sign.repeat(p.width), below);
        }
    }
    let last = flow.last().map_or(0, |p| p.line);
    if last >= top + lines && lines > 0 {
        let y = area.y + 2 * lines as u16 - 1;
        c.right(area.right(), y, 10, "↓ more", dim);
    }
}

/// A token between quotation marks, with its line ends.
fn quoted(token: &str) -> String {
    let shown = |c: char| {
        if c == '\n' {
            '⏎'
        } else if c.is_control() {
            '·'
        } else {
            c
        }
    };
    format!("“{}”", token.chars().map(shown).collect::<String>())
}

/// Below the texts: the divergence of each model along the whole text of the baseline, a sign for each token.
fn divergence(c: &mut Canvas<'_>, s: &CompareState, area: Rect) {
    if area.height < 2 {
        return;
    }
    let dim = c.theme().dim;
    let at = s.speech.at;
    let piece = s.speech.spoken.first().and_then(|b| b.pieces.get(at)).cloned().unwrap_or_default();
    c.rule(area.x, area.y, area.width);
    let token = format!("token {} of {}: {}", at + 1, s.speech.positions(), quoted(&piece));
    let long = format!(" KLD along the text of ◆, {token}   . < 0.0001 … 5 ≥ 0.01 … 9 ≥ 1 ");
    let short = format!(" KLD, {token}   . < 0.0001 … 5 ≥ 0.01 … 9 ≥ 1 ");
    let head = if width(&long) + 4 <= area.width.into() { long } else { short };
    c.text(area.x + 2, area.y, area.width.saturating_sub(4), &head, dim);
    let available = area.width.saturating_sub(NAMES + SUMMARY);
    let first =
        at.saturating_sub(usize::from(available) / 2).min(s.speech.positions().saturating_sub(available.into()));
    for (column, y) in (1..s.columns.len()).zip(area.y + 1..area.bottom()) {
        let own = style(c, column);
        c.text(area.x + 1, y, 2, &number(column), own);
        let Some(spoken) = s.speaker(column).and_then(|at| s.speech.spoken.get(at)) else { continue };
        for (i, position) in spoken.along.iter().enumerate().skip(first).take(available.into()) {
            let mut own = colour(c, position.kld);
            if i == at {
                own = own.add_modifier(Modifier::REVERSED);
            }
            let x = area.x + NAMES - 2 + (i - first) as u16;
            let sign = if spoken.differs_at == Some(i) { '≠' } else { mark(position.kld) };
            c.text(x, y, 1, &sign.to_string(), own);
            c.hit(Rect { x, y, width: 1, height: 1 }, Hit::Detail(i));
        }
        if !spoken.along.is_empty() {
            let mean = spoken.along.iter().map(|p| p.kld).sum::<f64>() / spoken.along.len() as f64;
            let same = match spoken.differs_at {
                Some(at) => format!("differs at {}", at + 1),
                None => "same text".to_owned(),
            };
            c.right(area.right() - 1, y, SUMMARY, &format!("{same}, mean {mean:.4}"), dim);
        }
    }
}

/// The most probable tokens of each model at the cursor.
fn candidates(c: &mut Canvas<'_>, s: &CompareState, area: Rect, shown: &[(usize, u16, u16)]) {
    if area.height < 2 {
        return;
    }
    let (dim, text) = (c.theme().dim, c.theme().text);
    c.rule(area.x, area.y, area.width);
    c.text(area.x + 2, area.y, area.width.saturating_sub(4), " most probable tokens here ", dim);
    let hidden = s.columns.len().saturating_sub(shown.len());
    if hidden > 0 {
        let last = shown.iter().map(|(column, ..)| *column).max().unwrap_or(0);
        let right = s.columns.len() - 1 - last;
        beyond(c, (hidden - right, right), BY_TAB, Rect { height: 1, ..area });
    }
    for (column, x, w) in shown {
        let position = s.speaker(*column).and_then(|at| s.speech.spoken.get(at)?.along.get(s.speech.at));
        let Some(position) = position else { continue };
        for ((token, probability), y) in position.top.iter().zip(area.y + 1..area.bottom()) {
            let share = format!("{:.1} %", probability * 100.0);
            let token = fit(&quoted(token), usize::from(w.saturating_sub(11)));
            c.text(*x + 1, y, w.saturating_sub(10), &token, text);
            let end = *x + 1 + (width(&token) as u16).max(8) + 9;
            c.right(end.min(*x + w - 1), y, 8, &share, dim);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_filled_and_line_ends_kept() {
        let pieces = ["ab", "cde", "\n", "日本", ""].map(str::to_owned);
        let flow = flow(&pieces, 4);
        let at = |i: usize| (flow[i].token, flow[i].line, flow[i].column, flow[i].text);
        assert_eq!(at(3), (1, 0, 3, 'd'));
        assert_eq!(at(4), (1, 1, 0, 'e'));
        assert_eq!(at(5), (2, 1, 1, '⏎'));
        assert_eq!((at(6), at(7)), ((3, 2, 0, '日'), (3, 2, 2, '本')));
        assert!(super::flow(&pieces, 0).len() == flow.len(), "no width ends too");
    }
}
