//! The form of what is selected in the list: a rule with its title, a line for each field, and below them what the current field is for
//! or what is wrong with it.

use crate::recipe::keys::{Key, Kind};
use crate::recipe::steps;
use crate::tui::core::{Hit, State, units};
use crate::tui::tabs::recipe::{Field, Prompt, RecipePane, Row as RecipeRow, about, title};
use crate::tui::view::canvas::{Canvas, cut_lines, fit_end, width, wrap};
use ratatui::layout::Rect;

/// Column at which values begin, from the left.
const VALUE: u16 = 18;
/// The same if there is space for the longest label before it.
const WIDE_VALUE: u16 = 25;
/// Columns from which there is.
const WIDE: u16 = 60;

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, area: Rect) {
    if area.height == 0 {
        return;
    }
    let (dim, title) = (c.theme().dim, c.theme().title);
    c.rule(area.x + 1, area.y, area.width - 2);
    let head = heading(state);
    c.text(area.x + 2, area.y, area.width.saturating_sub(4), &format!(" {head} "), title);
    let inner = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let fields = state.recipe.fields();
    if fields.is_empty() {
        c.wrapped(inner.x + 2, inner.y, inner.width.saturating_sub(4), inner.height, &instead(state), dim);
        return;
    }
    let focused = state.recipe.pane == RecipePane::Form;
    // What a field is for is said only where fields are chosen.
    let foot = if focused { foot(c, state, inner) } else { 0 };
    let list = Rect { height: inner.height.saturating_sub(foot), ..inner };
    let at = state.recipe.field.min(fields.len() - 1);
    let top = c.offset("form", if focused { at } else { 0 }, fields.len(), list.height);
    for (i, field) in fields.iter().enumerate().skip(top).take(list.height.into()) {
        let line = Rect { y: list.y + (i - top) as u16, height: 1, ..list };
        let here = focused && i == at;
        draw_field(c, state, *field, line, here);
        if here {
            c.select(line, true);
        }
        c.hit(line, Hit::Detail(i));
    }
    // What is not in view is said on the rule above.
    let below = fields.len().saturating_sub(top + usize::from(list.height));
    let more = match (top, below) {
        (0, 0) => return,
        (0, below) => format!(" ↓ {below} more "),
        (above, 0) => format!(" ↑ {above} more "),
        (above, below) => format!(" ↑ {above}  ↓ {below} more "),
    };
    if width(&more) + width(&head) + 6 < area.width.into() {
        c.right(area.right() - 2, area.y, 24, &more, dim);
    }
}

fn heading(state: &State) -> String {
    match state.recipe.row() {
        RecipeRow::Source => "source".to_owned(),
        RecipeRow::About => "recipe and outputs".to_owned(),
        RecipeRow::Step(i) => format!("step {}", i + 1),
        RecipeRow::Target(i) => match state.recipe.stepped_target(i) {
            Some(t) => format!("target {}: {}", i + 1, title(&t)),
            None => String::new(),
        },
        RecipeRow::Add => "another target".to_owned(),
    }
}

/// What is said where there is nothing to fill in.
fn instead(state: &State) -> String {
    match state.recipe.row() {
        RecipeRow::Step(i) => step(state, i),
        _ => "Press enter or a, and choose from a list with sizes and errors. All targets are written from one read of the source."
            .to_owned(),
    }
}

/// What a step does, and how it is changed.
fn step(state: &State, at: usize) -> String {
    let Some(step) = state.recipe.document.recipe.pipeline.get(at) else { return String::new() };
    let purpose = steps::find(&step.step).map_or("", |s| s.purpose);
    let problem = state.recipe.problem_of(RecipeRow::Step(at)).map(|p| {
        let help = p.help.as_ref().map(|h| format!(". {h}")).unwrap_or_default();
        format!("✗ {}{help} ", p.fact)
    });
    format!("{}{purpose} Press e to change it in the file, d to remove it.", problem.unwrap_or_default())
}

/// Draws what the current field is for, or what is wrong with it, on the last lines; gives the lines used.
fn foot(c: &mut Canvas<'_>, state: &State, area: Rect) -> u16 {
    let (dim, bad) = (c.theme().dim, c.theme().bad);
    let Some(field) = state.recipe.current_field().filter(|_| area.height >= 8) else { return 0 };
    let (text, style) = match state.recipe.problem(field) {
        _ if !state.recipe.names.is_empty() => (state.recipe.names.join("  "), dim),
        _ if state.recipe.editing.is_some() && field.is_path() => {
            (format!("tab completes the path, which counts from {}", state.home_path(&state.base)), dim)
        }
        Some(t) => {
            let help = t.help.as_ref().map(|h| format!(". {h}")).unwrap_or_default();
            (format!("✗ {}{help}", t.fact), bad)
        }
        None => (help_text(state, field), dim),
    };
    let available = usize::from(area.width.saturating_sub(4));
    let most = (area.height / 4).max(2);
    let mut lines = wrap(&text, available);
    cut_lines(&mut lines, most.into(), available);
    let height = lines.len() as u16;
    for (line, y) in lines.iter().zip(area.bottom() - height..) {
        c.text(area.x + 2, y, area.width.saturating_sub(4), line, style);
    }
    height + 1
}

/// What a field is for, preceded by the effect of its value if there is one.
fn help_text(state: &State, field: Field) -> String {
    let r = &state.recipe;
    let at = r.current_target();
    let target = at.and_then(|i| r.document.recipe.targets.get(i)).filter(|_| field.label() == "tensor_types");
    let hits = at.and_then(|i| r.hits.get(i)).filter(|h| !h.is_empty());
    let (Some(target), Some(hits)) = (target, hits) else { return field.help() };
    let rule = |(selector, n): (&String, &usize)| format!("{selector}: {}", units::plural(*n, "tensor", "tensors"));
    let rules: Vec<String> = target.options.rules().iter().map(|(selector, _)| selector).zip(hits).map(rule).collect();
    format!("{}. {}", rules.join(", "), field.help())
}

fn draw_field(c: &mut Canvas<'_>, state: &State, field: Field, line: Rect, here: bool) {
    let r = &state.recipe;
    let (dim, text, accent, bad) = (c.theme().dim, c.theme().text, c.theme().accent, c.theme().bad);
    let used = c.text(line.x + 2, line.y, line.width.saturating_sub(3), field.label(), dim);
    let x = line.x + if line.width >= WIDE { WIDE_VALUE } else { VALUE }.max(used + 4);
    let available = line.right().saturating_sub(x + 1);
    let value = r.value(field);
    let typed = matches!(r.prompt, Prompt::Value | Prompt::FirstBudget);
    if let Some(edit) = r.editing.as_ref().filter(|_| here && typed) {
        c.edit(x, line.y, available, edit, text);
        return;
    }
    let choices = r.choices(field);
    if let Some(problem) = r.problem(field) {
        let value = value.unwrap_or_default();
        let used = c.spans(
            x,
            line.y,
            available,
            &[("✗ ", bad), (&value, text), (if value.is_empty() { "" } else { "  " }, text)],
        );
        // In full below the fields, and in place of the plan.
        c.text(x + used, line.y, available.saturating_sub(used), &problem.fact, bad);
        return;
    }
    let shown = match &value {
        Some(v) if field.is_path() => fit_end(&state.short_path(std::path::Path::new(v)), available.into()),
        Some(v) => match (field, v.as_str()) {
            (Field::Key(Key { kind: Kind::Bool, .. }), "true") => "yes".to_owned(),
            (Field::Key(Key { kind: Kind::Bool, .. }), "false") => "no".to_owned(),
            _ => v.clone(),
        },
        None => default_text(state, field, available),
    };
    let style = if value.is_some() { text } else { dim };
    let used = if here && !choices.is_empty() {
        c.spans(x, line.y, available, &[("‹ ", accent), (&shown, style), (" ›", accent)])
    } else {
        c.text(x, line.y, available, &shown, style)
    };
    let remark = remark(state, field, value.as_deref());
    if !remark.is_empty() && usize::from(available.saturating_sub(used)) > width(&remark) + 2 {
        c.text(x + used + 2, line.y, available, &remark, dim);
    }
}

/// A word beside a value: what a type is for, what the rules hit.
fn remark(state: &State, field: Field, value: Option<&str>) -> String {
    let Some(value) = value else { return String::new() };
    match field.label() {
        "quantization" | "effort" => about(&value.to_ascii_lowercase()).to_owned(),
        "tensor_types" => {
            let hits = state.recipe.current_target().and_then(|i| state.recipe.hits.get(i));
            let all = hits.map_or(0, |h| h.iter().sum());
            if all > 0 { units::plural(all, "tensor", "tensors") } else { String::new() }
        }
        _ => String::new(),
    }
}

/// What counts while a field says nothing.
fn default_text(state: &State, field: Field, available: u16) -> String {
    let r = &state.recipe;
    let Field::Key(key) = field else { return "none (e.g. 760MB)".to_owned() };
    let info = || r.source().and_then(|s| state.models.info(s)?.as_ref().ok());
    match key.name {
        "quantization" => match r.value(Field::Budget) {
            Some(_) => "chosen by the budget".to_owned(),
            None => "auto".to_owned(),
        },
        "output" => match r.current_target().and_then(|i| r.output(i)) {
            Some(o) => fit_end(&state.short_path(&o.path), available.into()),
            None => "named after the source".to_owned(),
        },
        "output_dir" => "next to the source".to_owned(),
        "name" => "the file's name".to_owned(),
        "context_length" => {
            let context = info().and_then(|i| i.highlights.iter().find(|(l, _)| l == "context"));
            context.map_or_else(|| "from the config".to_owned(), |(_, v)| format!("{v} (config)"))
        }
        "embedding_type" | "output_type" => "same as quantization".to_owned(),
        "tensor_types" => "no rules".to_owned(),
        "max_shard_size" => "one file".to_owned(),
        "imatrix_name" => "its path".to_owned(),
        "model_name" | "pre_tokenizer" => "the model's".to_owned(),
        "output_name" => "the source's".to_owned(),
        "budget_types" | "include_weights" => "all".to_owned(),
        "path" if state.recipe.current_target().is_none() => "none: press c on a model".to_owned(),
        "format" => "detected".to_owned(),
        _ => match key.kind {
            Kind::Bool if key.default_on => "yes".to_owned(),
            Kind::Bool => "no".to_owned(),
            Kind::Choice(words) => words.first().map_or_else(String::new, |w| (*w).to_owned()),
            _ => "none".to_owned(),
        },
    }
}
