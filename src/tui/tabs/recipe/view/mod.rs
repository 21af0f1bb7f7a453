//! The Recipe tab: the list and the form of what is selected on the left; on the right, or on the whole width, what the plan and the
//! forecast say.

mod forecast;
mod form;
mod list;
mod plan;
mod plot;
mod slider;

use super::state::RecipePane;
use crate::plan::Plan;
use crate::tui::core::{Hit, State, panes};
use crate::tui::view::canvas::{Canvas, fit_end, width};
use ratatui::layout::Rect;

/// Lines the form should have before the list takes more.
const FORM: u16 = 8;
/// The same while the form has the keys: there is the help, too.
const FORM_WITH_HELP: u16 = 13;

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, body: Rect) {
    if state.recipe.source().is_none() && state.recipe.document.recipe.targets.is_empty() {
        return empty(c, body);
    }
    if state.recipe.zoom {
        let area = Rect { x: body.x + 1, width: body.width - 2, ..body };
        c.pane(body, Hit::List(0));
        forecast::draw(c, state, area);
        return;
    }
    let (w, other) = panes(state, body.width);
    let both = other > 0;
    head(c, state, Rect { width: w, ..body });
    c.rule(body.x + 1, body.y + 1, w - 2);
    let left = Rect { width: w, y: body.y + 2, height: body.height.saturating_sub(2), ..body };
    // The list shrinks before the form gets too few lines, but keeps its first lines.
    let (form, least) = if state.recipe.pane == RecipePane::Form { (FORM_WITH_HELP, 3) } else { (FORM, 5) };
    let height = list::height(state).min(left.height.saturating_sub(form).max(least)).min(left.height);
    let list = Rect { height, ..left };
    let below = Rect { y: left.y + height, height: left.height - height, ..left };
    c.pane(list, Hit::List(0));
    c.pane(below, Hit::Detail(0));
    form::draw(c, state, below);
    list::draw(c, state, list);
    if both {
        c.divide(body.x + w, body.y, body.height);
        c.hit(Rect { x: body.x + w, width: 1, ..body }, Hit::Border);
        let right = Rect { x: body.x + w + 2, width: body.width - w - 3, ..body };
        forecast::draw(c, state, right);
    }
}

/// Bytes of the source: those on disk, as Models and Compare show them; those of its tensors where Models does not have it.
fn source_bytes(state: &State, plan: &Plan) -> u64 {
    state.models.node_at(&plan.source).and_then(|n| n.model.as_ref()).map_or(plan.source_bytes, |m| m.bytes)
}

/// Where there is neither a model nor a recipe.
fn empty(c: &mut Canvas<'_>, body: Rect) {
    let dim = c.theme().dim;
    c.text(body.x + 2, body.y + 1, body.width.saturating_sub(3), "no model chosen", dim);
    let how = "Choose one in Models (1) and press c there, or press o to open a recipe.";
    c.wrapped(body.x + 2, body.y + 3, body.width.saturating_sub(4).min(60), 3, how, dim);
}

/// The recipe's file, and whether it is saved.
fn head(c: &mut Canvas<'_>, state: &State, line: Rect) {
    let r = &state.recipe;
    let (title, dim, accent) = (c.theme().title, c.theme().dim, c.theme().accent);
    let named = || r.document.recipe.name.clone().unwrap_or_else(|| "new recipe".to_owned());
    let name = r.origin.file.as_ref().map_or_else(named, |f| state.short_path(f));
    let mark = if r.modified() { " ●" } else { "" };
    let available = usize::from(line.width.saturating_sub(5));
    let used = c.spans(line.x + 1, line.y, line.width - 2, &[(&fit_end(&name, available), title), (mark, accent)]);
    let word = match (&r.origin.file, r.modified()) {
        (_, false) => "",
        // It can be opened from there, and leaving loses nothing.
        _ if !r.unsaved() && r.started.is_some() => "kept by job",
        (Some(_), true) => "not saved",
        (None, true) => "s saves it",
    };
    if usize::from(line.width.saturating_sub(used + 4)) > width(word) {
        c.right(line.right() - 1, line.y, 12, word, dim);
    }
}
