//! The list: the source, where outputs go, the targets with what is known of each, and a place to add one.

use super::source_bytes;
use crate::tui::core::{Hit, State, units};
use crate::tui::tabs::recipe::{RecipePane, Row as RecipeRow, facts, step_facts, title};
use crate::tui::view::canvas::{Canvas, fit, fit_end, width};
use ratatui::layout::Rect;

/// Columns before a target's name: the cursor's bar, its number, blanks.
const MARGIN: u16 = 5;
/// Columns of the words before the source and the outputs.
const LABEL: u16 = 9;
const SIZE: u16 = 9;
const BITS: u16 = 6;
const ERROR: u16 = 6;
/// Columns a target's name should have.
const NAME: u16 = 19;

/// A line of the list.
#[derive(Clone, Copy)]
enum Line {
    /// The head of the steps.
    Steps,
    /// The head of the targets.
    Targets,
    /// A row, by its place.
    Row(usize, RecipeRow),
}

/// Every line. Without steps, the place to add one has the head's line.
fn lines(rows: &[RecipeRow]) -> Vec<Line> {
    let mut lines = Vec::with_capacity(rows.len() + 2);
    for (i, row) in rows.iter().enumerate() {
        match (row, i.checked_sub(1).and_then(|before| rows.get(before))) {
            (RecipeRow::Step(0), _) => lines.push(Line::Steps),
            (RecipeRow::Target(_) | RecipeRow::Add, Some(RecipeRow::AddStep)) => lines.push(Line::Targets),
            _ => {}
        }
        lines.push(Line::Row(i, *row));
    }
    lines
}

/// Lines the list takes: every row, and the heads of steps and targets.
pub(super) fn height(state: &State) -> u16 {
    lines(&state.recipe.rows()).len() as u16
}

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, area: Rect) {
    let r = &state.recipe;
    let rows = r.rows();
    let lines = lines(&rows);
    let focused = r.pane == RecipePane::List;
    let cursor = lines.iter().position(|l| matches!(l, Line::Row(i, _) if *i == r.cursor)).unwrap_or(0);
    let top = c.offset("recipe", cursor, lines.len(), area.height);
    let below = lines.len().saturating_sub(top + usize::from(area.height));
    for (line, y) in lines.iter().skip(top).zip(area.top()..area.bottom()) {
        let place = Rect { y, height: 1, ..area };
        let (i, row) = match line {
            Line::Steps => {
                let dim = c.theme().dim;
                c.text(place.x + 2, y, NAME, "steps", dim);
                continue;
            }
            Line::Targets => {
                table_head(c, place, below, r.loss_head());
                continue;
            }
            Line::Row(i, row) => (*i, *row),
        };
        match row {
            RecipeRow::Source => source(c, state, place),
            RecipeRow::About => outputs(c, state, place),
            RecipeRow::Step(at) => step(c, state, at, place),
            RecipeRow::AddStep if r.document.recipe.pipeline.is_empty() => {
                labelled(c, place, "steps", "+  add a step", false)
            }
            RecipeRow::AddStep => add(c, place, "add a step"),
            RecipeRow::Target(at) => target(c, state, at, place),
            RecipeRow::Add => add(c, place, "add a target"),
            RecipeRow::Validate => validate(c, state, place),
        }
        if i == r.cursor {
            c.select(place, focused);
        }
        c.hit(place, Hit::List(i));
    }
}

/// What is measured of the outputs once they are written.
fn validate(c: &mut Canvas<'_>, state: &State, line: Rect) {
    let (bad, text) = (c.theme().bad, c.theme().text);
    if let Some(problem) = state.recipe.problem_of(RecipeRow::Validate) {
        labelled(c, line, "evaluate", "", true);
        let available = line.width.saturating_sub(LABEL + 3);
        c.spans(line.x + 2 + LABEL, line.y, available, &[("✗ ", bad), (&problem.key, bad), ("", text)]);
        return;
    }
    let Some(v) = &state.recipe.document.recipe.validate else {
        return labelled(c, line, "evaluate", "not after writing", false);
    };
    let data = v.data.as_ref().map_or_else(|| "no text".to_owned(), |d| state.short_path(d));
    let fails: Vec<String> = v.fail_if.iter().map(|(metric, condition)| format!("{metric} {condition}")).collect();
    let fails = if fails.is_empty() { String::new() } else { format!(", fails if {}", fails.join(" or ")) };
    let shown = fit(&format!("{data}{fails}"), usize::from(line.width.saturating_sub(LABEL + 3)));
    labelled(c, line, "evaluate", &shown, true);
}

fn add(c: &mut Canvas<'_>, line: Rect, what: &str) {
    let (accent, dim) = (c.theme().accent, c.theme().dim);
    c.spans(line.x + 2, line.y, line.width - 3, &[("+", accent), ("  ", dim), (what, dim)]);
}

/// Ends of the columns of numbers; bits only if there is space.
fn columns(line: Rect) -> (u16, Option<u16>, u16) {
    let end = line.right() - 1;
    let bits = line.width > MARGIN + NAME + SIZE + BITS + ERROR;
    (end - ERROR - if bits { BITS } else { 0 }, bits.then_some(end - ERROR), end)
}

/// The head of the targets, which also says how many lines of the list are not in view below.
fn table_head(c: &mut Canvas<'_>, line: Rect, below: usize, head: &str) {
    let dim = c.theme().dim;
    let (size, bits, error) = columns(line);
    let more = if below > 0 { format!("targets  ↓ {below} more") } else { "targets".to_owned() };
    c.text(line.x + 2, line.y, NAME, &more, dim);
    c.right(size, line.y, SIZE, "size", dim);
    if let Some(bits) = bits {
        c.right(bits, line.y, BITS, "bpw", dim);
    }
    c.right(error, line.y, ERROR, head, dim);
}

/// A label and its text.
fn labelled(c: &mut Canvas<'_>, line: Rect, label: &str, shown: &str, known: bool) {
    let (dim, text) = (c.theme().dim, c.theme().text);
    c.text(line.x + 2, line.y, LABEL, label, dim);
    let available = line.width.saturating_sub(LABEL + 3);
    c.text(line.x + 2 + LABEL, line.y, available, &fit_end(shown, available.into()), if known { text } else { dim });
}

fn source(c: &mut Canvas<'_>, state: &State, line: Rect) {
    match state.recipe.source() {
        Some(path) if state.recipe.is_batch() => {
            let many = format!("{} models, here ", state.recipe.sources().len());
            let available = usize::from(line.width.saturating_sub(LABEL + 3)).saturating_sub(width(&many));
            let shown = format!("{many}{}", fit_end(&state.short_path(path), available));
            labelled(c, line, "sources", &shown, true);
        }
        Some(path) => {
            let shown = state.short_path(path);
            labelled(c, line, "source", &shown, true);
            let Some(plan) = state.recipe.partly() else { return };
            let size = format!("{}  {}", plan.source_format, units::bytes(source_bytes(state, plan)));
            if width(&shown) + width(&size) + usize::from(LABEL) + 6 <= line.width.into() {
                let dim = c.theme().dim;
                c.right(line.right() - 1, line.y, 24, &size, dim);
            }
        }
        None => labelled(c, line, "source", "none: press c on a model", false),
    }
}

fn outputs(c: &mut Canvas<'_>, state: &State, line: Rect) {
    match &state.recipe.document.recipe.output_dir {
        Some(folder) => labelled(c, line, "outputs", &state.short_path(folder), true),
        None => labelled(c, line, "outputs", &beside(state), false),
    }
}

/// The default folder of the outputs: as the latest plan names it, else the folder that the source is in.
fn beside(state: &State) -> String {
    // A recipe that cannot be planned yet writes to the same folder.
    let source = || state.recipe.source().and_then(|s| s.parent());
    match state.recipe.default_folder().or_else(source).map(|folder| state.at_base(folder)) {
        Some(folder) if folder == state.base => "the opened folder".to_owned(),
        Some(folder) => state.short_path(&folder),
        None => "next to the source".to_owned(),
    }
}

fn step(c: &mut Canvas<'_>, state: &State, at: usize, line: Rect) {
    let (bad, text, dim) = (c.theme().bad, c.theme().text, c.theme().dim);
    let Some(step) = state.recipe.document.recipe.pipeline.get(at) else { return };
    c.right(line.x + 4, line.y, 3, &(at + 1).to_string(), dim);
    let x = line.x + MARGIN;
    let available = line.right().saturating_sub(x + 1);
    if let Some(problem) = state.recipe.problem_of(RecipeRow::Step(at)) {
        // The full text is at its field and beside the list.
        let said = if problem.label().is_empty() { &problem.fact } else { problem.label() };
        c.spans(x, line.y, available, &[(&step.step, text), ("  ", text), ("✗ ", bad), (said, bad)]);
        return;
    }
    let what = step_facts(step);
    c.spans(x, line.y, available, &[(&step.step, text), ("  ", text), (&what, dim)]);
}

fn target(c: &mut Canvas<'_>, state: &State, at: usize, line: Rect) {
    let (dim, text, bad) = (c.theme().dim, c.theme().text, c.theme().bad);
    let r = &state.recipe;
    let Some(target) = &r.stepped_target(at) else { return };
    let (size_end, bits_end, error_end) = columns(line);
    c.right(line.x + 4, line.y, 3, &(at + 1).to_string(), dim);
    let there = !target.force && r.in_the_way(at).is_some();
    if there {
        // The word behind the name needs space.
        let warn = c.theme().warn;
        c.text(line.x + 1, line.y, 1, "!", warn);
    }
    let x = line.x + MARGIN;
    if let Some(problem) = r.problem_of(RecipeRow::Target(at)) {
        // The full text is at its field and beside the list.
        let used = c.text(x, line.y, NAME, &title(target), text);
        let key = Some(problem.label()).filter(|k| !k.is_empty()).unwrap_or("not possible");
        c.spans(x + used + 2, line.y, error_end.saturating_sub(x + used + 2), &[("✗ ", bad), (key, bad)]);
        return;
    }
    let planned = r.output(at).map(|o| (o.bytes, o.bits_per_weight));
    let estimate = r.estimate(at);
    let known = planned.or_else(|| estimate.map(|e| (e.bytes, e.bits_per_weight)));
    let (size, bits) = match known {
        Some((bytes, bits)) => (units::bytes(bytes), format!("{bits:.2}")),
        None => ("…".to_owned(), String::new()),
    };
    let start = size_end - c.right(size_end, line.y, SIZE, &size, text);
    if let Some(end) = bits_end {
        c.right(end, line.y, BITS - 1, &bits, dim);
    }
    c.right(error_end, line.y, ERROR - 1, &estimate.map(|e| r.loss_short(e)).unwrap_or_default(), text);
    let available = start.saturating_sub(x + 1);
    let used = c.text(x, line.y, available, &title(target), text);
    let mut shown = String::new();
    let exists = there.then(|| "exists".to_owned());
    for fact in exists.into_iter().chain(facts(target)) {
        let more = if shown.is_empty() { fact } else { format!("{shown}  {fact}") };
        if width(&more) + 2 > usize::from(available.saturating_sub(used)) {
            break;
        }
        shown = more;
    }
    let available = available.saturating_sub(used + 2);
    c.text(x + used + 2, line.y, available, &fit(&shown, available.into()), dim);
}
