//! Overlays over a tab: help, pickers, questions.

use super::canvas::{Canvas, centered, cut_lines, fit, width, wrap};
use crate::tui::core::{
    Confirm, GLOSSARY, GLOSSARY_SOURCE, Help, Hit, Layer, Picker, PickerItem, PickerKind, Scope, State, Term,
    all_commands, enabled, keys_here, scopes,
};
use ratatui::layout::Rect;

pub(in crate::tui) fn draw(c: &mut Canvas<'_>, state: &State, body: Rect) {
    match &state.layer {
        Some(Layer::Help(h)) => help(c, state, h, body),
        Some(Layer::Picker(p)) => picker(c, state, p, body),
        Some(Layer::Confirm(q)) => confirm(c, q, body),
        Some(Layer::Unsaved) => super::leave::unsaved(c, state, body),
        Some(Layer::Leave) => super::leave::draw(c, state, body),
        None => {}
    }
}

/// The order of the scopes in the help: those of this place first, then the general ones.
const HELP_ORDER: [Scope; 16] = [
    Scope::Tree,
    Scope::Details,
    Scope::Targets,
    Scope::Form,
    Scope::JobList,
    Scope::Job,
    Scope::Columns,
    Scope::Tensors,
    Scope::Quality,
    Scope::Cells,
    Scope::Speech,
    Scope::Watchers,
    Scope::WatchSources,
    Scope::Log,
    Scope::Lists,
    Scope::Global,
];

/// A line of the help: the keys, what they do and the command's name; or the title of a scope, which has no keys.
type HelpLine = (Option<String>, &'static str, &'static str);

/// The commands that do something now and match what was typed, by scope.
fn help_lines(state: &State, query: &str) -> Vec<HelpLine> {
    let mut lines: Vec<HelpLine> = Vec::new();
    let here = scopes(state);
    for scope in HELP_ORDER.into_iter().filter(|s| here.contains(s)) {
        let hits = all_commands().filter(|k| k.scopes.contains(&scope) && enabled(state, k));
        // A command in two states has one key.
        let mut seen = Vec::new();
        let hits = hits.filter(|k| {
            let first = !seen.contains(&k.cmd) || keys_here(state, k).next().is_none();
            seen.push(k.cmd);
            first
        });
        let hits = hits.filter(|k| {
            query.is_empty()
                || k.help.to_lowercase().contains(query)
                || k.name.contains(query)
                || keys_here(state, k).any(|s| s.text == query)
        });
        let start = lines.len();
        let keys = |k| {
            let texts: Vec<&str> = keys_here(state, k).map(|s| s.text.as_str()).collect();
            (!texts.is_empty()).then(|| texts.join("  "))
        };
        lines.extend(hits.map(|k| (keys(k).or_else(|| Some("no key".into())), k.help, k.name)));
        if lines.len() > start {
            lines.insert(start, (None, scope.title(), ""));
        }
    }
    lines
}

/// Columns from which help and palette show the names of commands.
const NAMES: u16 = 104;

/// A frame for an overlay. Where next to nothing is left beside it, that is blanked too: halves of signs would peek out.
fn frame(c: &mut Canvas<'_>, body: Rect, area: Rect, title: &str) -> Rect {
    const LEAST: u16 = 4;
    if area.x - body.x < LEAST {
        c.clear(Rect { y: area.y, height: area.height, ..body });
    }
    c.card(area, title)
}

/// Commands of this place first, then the general ones; filtered by what was typed.
fn help(c: &mut Canvas<'_>, state: &State, h: &Help, body: Rect) {
    let area = centered(body, if body.width < NAMES + 6 { 84 } else { 136 }, body.height);
    let inner = frame(c, body, area, if h.glossary { "Glossary" } else { "Keys in this pane" });
    let (dim, text, accent) = (c.theme().dim, c.theme().text, c.theme().accent);
    if h.input.text.is_empty() {
        c.text(inner.x, inner.y, inner.width, "type to filter", dim);
    } else {
        c.spans(inner.x, inner.y, 2, &[("/ ", accent)]);
        c.edit(inner.x + 2, inner.y, inner.width - 2, &h.input, text);
    }
    let list = Rect { y: inner.y + 1, height: inner.height - 1, ..inner };
    if h.glossary {
        return glossary(c, h, list, area);
    }
    let other = "tab: what bpw, dB, imatrix … mean";
    c.right(inner.right(), inner.y, inner.width / 2, other, dim);
    let lines = help_rows(help_lines(state, &h.input.text.to_lowercase()), inner.width);
    if lines.is_empty() {
        c.text(inner.x, inner.y + 2, inner.width, "nothing matches", dim);
    }
    let top = h.scroll.min(lines.len().saturating_sub(list.height.into()));
    for (i, line) in lines.iter().skip(top).take(list.height.into()).enumerate() {
        help_line(c, line, Rect { y: list.y + i as u16, height: 1, ..list });
    }
    if lines.len() > top + usize::from(list.height) {
        let more = format!(" ↓ {} more ", lines.len() - top - usize::from(list.height));
        c.right(area.right() - 2, area.bottom() - 1, 16, &more, dim);
    }
}

/// The words that match what was typed, each with its explanation and usual values.
fn glossary(c: &mut Canvas<'_>, h: &Help, list: Rect, card: Rect) {
    let (dim, text, title) = (c.theme().dim, c.theme().text, c.theme().title);
    let query = h.input.text.to_lowercase();
    let matches = |t: &&Term| {
        query.is_empty() || t.word.to_lowercase().contains(&query) || t.text.to_lowercase().contains(&query)
    };
    let most = usize::from(list.width.saturating_sub(2));
    let mut lines = Vec::new();
    for t in GLOSSARY.iter().filter(matches) {
        lines.push((title, 0, t.word.to_owned()));
        lines.extend(wrap(t.text, most).into_iter().map(|line| (text, 2, line)));
        let usual = if t.usual.is_empty() { Vec::new() } else { wrap(&format!("usual: {}", t.usual), most) };
        lines.extend(usual.into_iter().map(|line| (dim, 2, line)));
    }
    if lines.is_empty() {
        c.text(list.x, list.y + 1, list.width, "nothing matches", dim);
        return;
    }
    lines.push((dim, 0, String::new()));
    lines.extend(wrap(GLOSSARY_SOURCE, most).into_iter().map(|line| (dim, 0, line)));
    let top = h.scroll.min(lines.len().saturating_sub(list.height.into()));
    for ((style, indent, line), y) in lines.iter().skip(top).zip(list.y..list.bottom()) {
        c.text(list.x + indent, y, list.width.saturating_sub(*indent), line, *style);
    }
    let below = lines.len().saturating_sub(top + usize::from(list.height));
    if below > 0 {
        c.right(card.right() - 2, card.bottom() - 1, 16, &format!(" ↓ {below} more "), dim);
    }
}

/// Columns of the keys in the help.
const KEYS: u16 = 21;

/// Columns of the names of commands, if they are shown.
fn name_columns(width: u16) -> u16 {
    if width >= NAMES { 26 } else { 0 }
}

/// A row of the help: keys, a part of what they do, the name of the command.
type HelpRow = (Option<String>, String, &'static str);

/// The lines broken into rows: no description is cut.
fn help_rows(lines: Vec<HelpLine>, width: u16) -> Vec<HelpRow> {
    let available = usize::from(width.saturating_sub(KEYS + name_columns(width)));
    let mut rows = Vec::new();
    for (keys, what, name) in lines {
        let Some(keys) = keys else {
            rows.push((None, what.to_owned(), ""));
            continue;
        };
        for (i, part) in wrap(what, available).into_iter().enumerate() {
            rows.push(if i == 0 { (Some(keys.clone()), part, name) } else { (Some(String::new()), part, "") });
        }
    }
    rows
}

fn help_line(c: &mut Canvas<'_>, (keys, what, name): &HelpRow, line: Rect) {
    let (dim, text, accent, title) = (c.theme().dim, c.theme().text, c.theme().accent, c.theme().title);
    let Some(keys) = keys else {
        c.text(line.x, line.y, line.width, what, title);
        return;
    };
    c.text(line.x + 2, line.y, KEYS - 2, keys, accent);
    let names = name_columns(line.width);
    c.text(line.x + KEYS, line.y, line.width.saturating_sub(KEYS + names), what, text);
    c.right(line.right(), line.y, names, name, dim);
}

fn picker(c: &mut Canvas<'_>, state: &State, p: &Picker, body: Rect) {
    let (title, least) = match p.kind {
        PickerKind::Palette if body.width >= NAMES + 6 => ("Commands", 136),
        PickerKind::Palette => ("Commands", 84),
        PickerKind::Themes => ("Theme", 36),
        PickerKind::Targets => ("Add a target", 84),
        PickerKind::Steps => ("Add a step", 84),
        PickerKind::Purposes => ("What is the model for?", 84),
        PickerKind::Values => ("Choose", 84),
        PickerKind::Recipes => ("Open a recipe", 84),
        PickerKind::Models => ("Add a model to the comparison", 84),
        PickerKind::Tensors => ("Tensors", 110),
    };
    // As wide as the longest line, where the terminal is.
    let needed = if p.kind == PickerKind::Palette { 0 } else { p.items.iter().map(columns_of).max().unwrap_or(0) };
    let w = u16::try_from(needed).unwrap_or(u16::MAX).clamp(least, body.width.max(least));
    let matches = p.matches();
    let cut = needed > usize::from(w.min(body.width.saturating_sub(2)));
    let h = (p.items.len() as u16 + if cut { 6 } else { 3 }).min(body.height.saturating_sub(2)).max(5);
    let mut area = centered(body, w, h);
    if p.kind == PickerKind::Themes {
        // To the side, so that the theme can be seen.
        area.x = body.right().saturating_sub(area.width + 2);
    }
    let inner = frame(c, body, area, title);
    let (dim, text, accent) = (c.theme().dim, c.theme().text, c.theme().accent);
    c.text(inner.x, inner.y, 2, "› ", accent);
    c.edit(inner.x + 2, inner.y, inner.width.saturating_sub(10), &p.input, text);
    c.right(inner.right(), inner.y, 8, &format!("{}/{}", matches.len(), p.items.len()), dim);
    let mut list = Rect { y: inner.y + 1, height: inner.height - 1, ..inner };
    list.height -= whole_help(c, p, &matches, list, cut);
    if matches.is_empty() {
        let what = match p.kind {
            PickerKind::Recipes if p.input.text.contains(['/', '.']) => "⏎ opens this path",
            PickerKind::Tensors if p.input.text.is_empty() => "searching, or nothing matches",
            _ => "nothing matches",
        };
        c.text(list.x + 2, list.y, list.width.saturating_sub(2), what, dim);
    }
    let row = p.row.min(matches.len().saturating_sub(1));
    let top = c.offset("picker", row, matches.len(), list.height);
    for (i, at) in matches.iter().enumerate().skip(top).take(list.height.into()) {
        let item = &p.items[*at];
        let line = Rect { y: list.y + (i - top) as u16, height: 1, ..list };
        let used = c.right(line.right(), line.y, 20, &item.detail, accent);
        let current = if p.kind == PickerKind::Themes && item.title == state.theme { " ✓" } else { "" };
        let available = line.width.saturating_sub(used + 4);
        match item.title.split_once(": ") {
            // Words say more than names.
            Some((_, help)) if p.kind == PickerKind::Palette && inner.width < NAMES => {
                c.text(line.x + 2, line.y, available, &clause(help, available.into()), text);
            }
            Some((name, help)) if inner.width >= 60 => {
                c.text(line.x + 2, line.y, 22, name, text);
                c.text(line.x + 25, line.y, available.saturating_sub(23), help, dim);
            }
            _ => {
                c.spans(line.x + 2, line.y, available, &[(&item.title, text), (current, dim)]);
            }
        }
        if i == row {
            c.select(Rect { x: line.x - 1, width: line.width + 2, ..line }, true);
        }
        c.hit(line, Hit::Layer(i));
    }
}

/// Columns of the names before what is said of them.
const PICKER_NAMES: usize = 25;

/// Columns that a line of a picker needs, with the frame around it.
fn columns_of(item: &PickerItem) -> usize {
    let title = match item.title.split_once(": ") {
        Some((_, help)) => PICKER_NAMES + width(help),
        None => 2 + width(&item.title),
    };
    title + 4 + width(&item.detail) + 4
}

/// Below the list: what is said of the selected line, in full, where lines are too short for it; gives the rows used.
fn whole_help(c: &mut Canvas<'_>, p: &Picker, matches: &[usize], list: Rect, cut: bool) -> u16 {
    const ROWS: u16 = 2;
    let dim = c.theme().dim;
    let commands = p.kind == PickerKind::Palette;
    let needed = if commands { list.width < NAMES } else { cut };
    if !needed || list.height < ROWS + 4 {
        return 0;
    }
    let item = matches.get(p.row).and_then(|at| p.items.get(*at));
    // Apart from the list: it is no line of it.
    c.rule(list.x, list.bottom() - ROWS - 1, list.width);
    let Some((name, help)) = item.and_then(|i| i.title.split_once(": ")) else { return ROWS + 1 };
    let text = if commands { format!("{help} ({name})") } else { help.to_owned() };
    c.wrapped(list.x + 2, list.bottom() - ROWS, list.width.saturating_sub(4), ROWS, &text, dim);
    ROWS + 1
}

/// A sentence of at most so many columns: as many of its clauses as fit, whole.
fn clause(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let ends = [": ", "; ", ", ", " or "].iter().flat_map(|sign| text.match_indices(sign).map(|(at, _)| at));
    let longest = ends.filter(|at| width(&text[..*at]) + 2 <= most && *at > most / 3).max();
    longest.map_or_else(|| fit(text, most), |at| format!("{} …", &text[..at]))
}

/// A line of a question, broken where it is too long: its blanks are kept where it is not.
fn question_lines(line: &str, most: usize) -> Vec<String> {
    if width(line) <= most { vec![line.to_owned()] } else { wrap(line, most) }
}

fn confirm(c: &mut Canvas<'_>, q: &Confirm, body: Rect) {
    let longest = q.detail.iter().map(|d| width(d)).chain([width(&q.question)]).max().unwrap_or(0) as u16;
    let w = longest.saturating_add(8).clamp(36, body.width.max(36));
    // Inside the frame, and what `centered` keeps free beside it.
    let available = w.min(body.width.saturating_sub(2)).saturating_sub(4);
    let mut lines: Vec<String> = q.detail.iter().flat_map(|line| question_lines(line, available.into())).collect();
    cut_lines(&mut lines, body.height.saturating_sub(4).into(), available.into());
    let area = centered(body, w, lines.len() as u16 + 4);
    let inner = frame(c, body, area, &q.question);
    let (dim, text, accent) = (c.theme().dim, c.theme().text, c.theme().accent);
    for (line, y) in lines.iter().zip(inner.y..) {
        c.text(inner.x, y, inner.width, line, text);
    }
    let (yes, no) = if q.destroys { ("y", "   ⏎ esc") } else { ("⏎", "   esc") };
    let (yes, no) = (&c.key(yes), &c.key(no));
    c.spans(
        inner.x,
        inner.bottom() - 1,
        inner.width,
        &[(yes, accent), (" ", dim), (q.yes, text), (no, accent), (" back", dim)],
    );
}
