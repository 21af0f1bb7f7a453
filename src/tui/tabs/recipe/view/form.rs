//! The form of what is selected in the list: a rule with its title, a line for each option and each heading, and below them what the current
//! option is for, its default and what it takes, or what is wrong with it.

use crate::recipe::keys::{Key, KeyTable, Kind};
use crate::tui::core::{Hit, State, units};
use crate::tui::tabs::recipe::state::RecipeProblem;
use crate::tui::tabs::recipe::{Field, Prompt, RecipePane, Row as RecipeRow, about, title};
use crate::tui::view::canvas::{Canvas, cut_lines, fit, fit_end, width, wrap};
use ratatui::layout::Rect;

/// Column at which values begin, from the left.
const VALUE: u16 = 18;
/// The same if there is space for the longest label before it.
const WIDE_VALUE: u16 = 27;
/// Columns from which there is.
const WIDE: u16 = 60;
/// Lines of options that the help leaves at least.
const OPTIONS: u16 = 3;

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, area: Rect) {
    if area.height == 0 {
        return;
    }
    let (dim, title) = (c.theme().dim, c.theme().title);
    c.rule(area.x + 1, area.y, area.width - 2);
    let head = heading(state);
    c.text(area.x + 2, area.y, area.width.saturating_sub(4), &format!(" {head} "), title);
    let inner = Rect { y: area.y + 1, height: area.height - 1, ..area };
    if state.recipe.options().is_empty() {
        c.wrapped(inner.x + 2, inner.y, inner.width.saturating_sub(4), inner.height, &instead(state), dim);
        return;
    }
    let inner = filter(c, state, inner);
    let fields = state.recipe.fields();
    let focused = state.recipe.pane == RecipePane::Form;
    // What an option is for is said only where options are chosen.
    let foot = if focused { foot(c, state, inner) } else { 0 };
    let mut list = Rect { height: inner.height.saturating_sub(foot), ..inner };
    // Without the rule of the help, the last line says what is not in view below.
    let more = !focused && fields.len() > usize::from(list.height) && list.height > 1;
    list.height -= u16::from(more);
    let at = state.recipe.field.min(fields.len().saturating_sub(1));
    // What is below an unfolded heading comes into view with it.
    let below_it = fields.iter().skip(at + 1).take_while(|f| !f.is_heading() && f.heading().is_some()).count();
    if focused && fields.get(at).is_some_and(|f| f.is_heading()) {
        let last = at + below_it.min(usize::from(list.height.saturating_sub(1)));
        c.offset("form", last, fields.len(), list.height);
    }
    let top = c.offset("form", if focused { at } else { 0 }, fields.len(), list.height);
    for (i, field) in fields.iter().enumerate().skip(top).take(list.height.into()) {
        let line = Rect { y: list.y + (i - top) as u16, height: 1, ..list };
        let here = focused && i == at;
        match field {
            Field::Heading(_) => draw_heading(c, state, *field, line),
            _ => draw_field(c, state, *field, line, here),
        }
        if here {
            c.select(line, true);
        }
        c.hit(line, Hit::Detail(i));
    }
    if top > 0 {
        c.right(area.right() - 2, area.y, 24, &format!(" ↑ {top} more "), dim);
    }
    let below = fields.len().saturating_sub(top + usize::from(list.height));
    if below > 0 && foot > 1 {
        c.right(area.right() - 2, list.bottom(), 24, &format!(" ↓ {below} more "), dim);
    } else if below > 0 && more {
        c.text(area.x + 2, list.bottom(), 24, &format!("↓ {below} more"), dim);
    }
}

/// The filter on the first line, while there is one; gives what is left of the area.
fn filter(c: &mut Canvas<'_>, state: &State, area: Rect) -> Rect {
    let r = &state.recipe;
    let editing = r.editing.as_ref().filter(|_| r.prompt == Prompt::Filter);
    if (editing.is_none() && r.filter.is_empty()) || area.height < 2 {
        return area;
    }
    let (accent, dim, text) = (c.theme().accent, c.theme().dim, c.theme().text);
    let found = match r.fields().len() {
        0 => "no such option".to_owned(),
        n => units::plural(n, "option", "options"),
    };
    c.text(area.x + 2, area.y, 2, "/ ", accent);
    let used = c.right(area.right().saturating_sub(2), area.y, area.width, &found, dim);
    let available = area.width.saturating_sub(used + 8);
    match editing {
        Some(line) => c.edit(area.x + 4, area.y, available, line, text),
        None => c.text(area.x + 4, area.y, available, &r.filter, text),
    };
    Rect { y: area.y + 1, height: area.height - 1, ..area }
}

fn heading(state: &State) -> String {
    match state.recipe.row() {
        RecipeRow::Source => "source".to_owned(),
        RecipeRow::About => "recipe and outputs".to_owned(),
        RecipeRow::Step(i) => {
            let name = state.recipe.document.recipe.pipeline.get(i).map_or("", |s| s.step.as_str());
            format!("step {}: {name}", i + 1)
        }
        RecipeRow::Target(i) => match state.recipe.stepped_target(i) {
            Some(t) => format!("target {}: {}", i + 1, title(&t)),
            None => String::new(),
        },
        RecipeRow::AddStep => "another step".to_owned(),
        RecipeRow::Add => "another target".to_owned(),
        RecipeRow::Validate => "evaluation of the outputs".to_owned(),
    }
}

/// What is said where there is nothing to fill in.
fn instead(state: &State) -> String {
    match state.recipe.row() {
        RecipeRow::Step(i) => step(state, i),
        RecipeRow::AddStep => {
            "Press enter or A and choose from a list. Steps run in order before the targets are written: they change the \
             model, or set an option of every target that does not set it itself."
                .to_owned()
        }
        _ => "Press enter or a, and choose from a list with sizes and errors. All targets are written from one read of the source."
            .to_owned(),
    }
}

/// What is wrong with a step that has no options, and how it is changed.
fn step(state: &State, at: usize) -> String {
    let problem = state.recipe.problem_of(RecipeRow::Step(at)).map(|p| in_full(p) + " ");
    format!("{}Press d to remove the step.", problem.unwrap_or_default())
}

/// Draws what the current option is for, or what is wrong with it, on the last lines below a rule; gives the lines used. They are as many for
/// every option of a form, so that nothing moves when the cursor does.
fn foot(c: &mut Canvas<'_>, state: &State, area: Rect) -> u16 {
    let (dim, bad) = (c.theme().dim, c.theme().bad);
    if area.height <= OPTIONS {
        return 0;
    }
    let available = usize::from(area.width.saturating_sub(4));
    let wrapped = |text: &str| if text.is_empty() { Vec::new() } else { wrap(text, available) };
    let lines = |text: &str| wrapped(text).len();
    let needed = |f: &Field| lines(&help_text(state, *f)) + lines(&facts(state, *f));
    let r = &state.recipe;
    let needed = r.options().iter().map(needed).max().unwrap_or(0);
    let wrong = r.current_field().and_then(|f| r.problem(f)).map_or(0, |p| lines(&in_full(p)));
    // A short form leaves more lines.
    let free = usize::from(area.height).saturating_sub(r.fields().len() + 1) as u16;
    let most = (area.height * 2 / 5).max(free).max(1).min(area.height - OPTIONS);
    let height = (needed.max(wrong) as u16).clamp(1, most);
    let ruled = area.height > height + OPTIONS;
    let Some(field) = r.current_field() else { return height + u16::from(ruled) };
    let (text, style, facts) = match r.problem(field) {
        _ if !r.names.is_empty() => (r.names.join("  "), dim, String::new()),
        _ if r.editing.is_some() && field.is_path() => {
            (format!("tab completes the path, which counts from {}", state.home_path(&state.base)), dim, String::new())
        }
        Some(t) => (in_full(t), bad, String::new()),
        None => (help_text(state, field), dim, facts(state, field)),
    };
    // Default and values are said, even if the help has to be cut for it.
    let mut facts = wrapped(&facts);
    cut_lines(&mut facts, usize::from(height / 2), available);
    let mut lines = wrapped(&text);
    cut_lines(&mut lines, usize::from(height).saturating_sub(facts.len()), available);
    let y = area.bottom() - height;
    if ruled {
        c.rule(area.x + 1, y - 1, area.width - 2);
    }
    let all = lines.iter().map(|l| (l, style)).chain(facts.iter().map(|l| (l, dim)));
    for ((line, style), y) in all.zip(y..area.bottom()) {
        c.text(area.x + 2, y, area.width.saturating_sub(4), line, style);
    }
    height + u16::from(ruled)
}

/// A problem, and what to do.
fn in_full(problem: &RecipeProblem) -> String {
    let help = problem.help.as_ref().map(|h| format!(". {h}")).unwrap_or_default();
    format!("✗ {}{help}", problem.fact)
}

/// The default of an option, and what it takes.
fn facts(state: &State, field: Field) -> String {
    if field.is_heading() {
        return String::new();
    }
    let takes = field.takes();
    let takes = if takes.is_empty() {
        takes
    } else {
        format!(" Takes {takes}.").replace("Takes enter", "Enter").replace("Takes as in", "Written as in")
    };
    // Every target has a format.
    let set = matches!(field, Field::Key(k) if k.table == KeyTable::Target && k.name == "format");
    if set { takes.trim_start().to_owned() } else { format!("Default: {}.{takes}", default_text(state, field)) }
}

/// The heading of a group: whether it is unfolded, its title, and how many of its options are set.
fn draw_heading(c: &mut Canvas<'_>, state: &State, field: Field, line: Rect) {
    let Field::Heading(group) = field else { return };
    let (title, accent, dim) = (c.theme().title, c.theme().accent, c.theme().dim);
    let sign = if state.recipe.unfolded.contains(&group) { "▾ " } else { "▸ " };
    let (all, set) = state.recipe.counts(group);
    let wrong = state.recipe.wrong(group);
    let set = match (set.saturating_sub(wrong), wrong) {
        (0, 0) => String::new(),
        (set, 0) => format!(" ({set} set)"),
        (0, wrong) => format!(" ({wrong} wrong)"),
        (set, wrong) => format!(" ({set} set, {wrong} wrong)"),
    };
    let all = format!("  {}", units::plural(all, "option", "options"));
    let pieces = [(sign, dim), (group.title(), title), (&*set, accent), (&*all, dim)];
    c.spans(line.x + 2, line.y, line.width.saturating_sub(3), &pieces);
}

/// What a field is for, preceded by the effect of its value if there is one.
fn help_text(state: &State, field: Field) -> String {
    let r = &state.recipe;
    let at = r.current_target();
    let target = at.and_then(|i| r.document.recipe.targets.get(i)).filter(|_| field.label() == "tensor_types");
    let hits = at.and_then(|i| r.hits.get(i)).filter(|h| !h.is_empty());
    let (Some(target), Some(hits)) = (target, hits) else { return explained(state, field) };
    let rule = |(selector, n): (&String, &usize)| format!("{selector}: {}", units::plural(*n, "tensor", "tensors"));
    let rules: Vec<String> = target.options.rules().iter().map(|(selector, _)| selector).zip(hits).map(rule).collect();
    format!("{}. {}", rules.join(", "), field.help())
}

/// What an option or a group is for.
fn explained(state: &State, field: Field) -> String {
    let Field::Heading(group) = field else { return field.help() };
    let below = state.recipe.options().into_iter().filter(|f| f.heading() == Some(group));
    let names: Vec<&str> = below.map(Field::label).collect();
    format!("Options: {}.", names.join(", "))
}

fn draw_field(c: &mut Canvas<'_>, state: &State, field: Field, line: Rect, here: bool) {
    let r = &state.recipe;
    let (dim, text, accent, bad) = (c.theme().dim, c.theme().text, c.theme().accent, c.theme().bad);
    // Options are indented below their heading.
    let indent = if r.filter.is_empty() && field.heading().is_some() { 2 } else { 0 };
    let used = indent + c.text(line.x + 2 + indent, line.y, line.width.saturating_sub(3 + indent), field.label(), dim);
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
        None => match default_text(state, field) {
            path if path.contains(['/', '.']) && field.is_path() => fit_end(&path, available.into()),
            words => fit(&words, available.into()),
        },
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

/// What counts while an option has no value.
fn default_text(state: &State, field: Field) -> String {
    let r = &state.recipe;
    let Field::Key(key) = field else { return "none (e.g. 760MB)".to_owned() };
    let info = || r.source().and_then(|s| state.models.info(s)?.as_ref().ok());
    let target = r.current_target();
    let known = match (key.table, key.name) {
        (KeyTable::Source, "path") => Some("none: press c on a model".to_owned()),
        (KeyTable::Target, "quantization") if r.value(Field::Budget).is_some() => {
            Some("chosen by the budget".to_owned())
        }
        (KeyTable::Target, "output") => target.and_then(|i| r.output(i)).map(|o| state.short_path(&o.path)),
        (KeyTable::Target, "context_length") => {
            let context = info().and_then(|i| i.highlights.iter().find(|(l, _)| l == "context"));
            context.map(|(_, v)| format!("{v} (config)"))
        }
        _ => None,
    };
    // A step may set what the target leaves open.
    let by_step = || target.and_then(|i| r.set_by_step(i, key));
    known.or_else(by_step).unwrap_or_else(|| match key.kind {
        _ if !key.absent.is_empty() => key.absent.to_owned(),
        Kind::Bool if key.default_on => "yes".to_owned(),
        Kind::Bool => "no".to_owned(),
        Kind::Choice(words) => words.first().map_or_else(String::new, |w| (*w).to_owned()),
        _ => "none".to_owned(),
    })
}
