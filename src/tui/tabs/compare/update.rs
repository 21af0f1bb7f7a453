//! Updates of the Compare tab.

mod map;
mod quality;
mod speech;

use super::state::{Order, Page, PageNews, PageRequest, Prompt, Verdict};
use crate::evaluate::{BaselineSource, MAX_MODELS};
use crate::model::FormatId;
use crate::tui::core::{
    Action, BaselineChoice, Cmd, Code, Completion, Effect, FoundModel, Hit, Key, Layer, Level, LineEdit, Picker,
    PickerItem, PickerKind, State, Tab, TabRequest, moved, natural, units,
};
use std::path::PathBuf;

pub(super) fn arrived(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::CompareOverview(request, overview) if request == state.compare.request => {
            let all = overview.comparison.tensors.len();
            state.compare.running.get_or_insert((0, all)).1 = all;
            state.compare.take(overview);
        }
        Action::CompareProgress(request, done, all) if request == state.compare.request => {
            state.compare.running = Some((done, all));
        }
        Action::Compared(request, answer) if request == state.compare.request => {
            state.compare.running = None;
            match answer {
                Ok(result) => state.compare.take(result),
                Err(card) => {
                    let hint = card.hint.as_ref().map(|h| format!(" {h}")).unwrap_or_default();
                    state.note(Level::Error, format!("{}.{hint}", card.message));
                    state.compare.failure = Some(card);
                }
            }
        }
        Action::Exported(Ok(path)) => {
            let path = state.short_path(path.as_ref());
            state.toast(Level::Info, format!("wrote {path}"));
        }
        Action::Exported(Err(card)) => {
            let hint = card.hint.map(|h| format!(" {h}")).unwrap_or_default();
            state.toast(Level::Error, format!("{}.{hint}", card.message));
            // What was typed is corrected, not typed again.
            if state.tab == Tab::Compare && state.layer.is_none() && state.compare.line.is_none() {
                state.compare.line = Some((Prompt::Export, LineEdit::new(&state.compare.exported)));
            }
        }
        Action::ComparePage(news) => match news {
            PageNews::Quality(request, news) if request == state.compare.quality.request => {
                quality::arrived(state, news)
            }
            PageNews::Kept(request, kept, live) if request == state.compare.quality.kept_request => {
                return quality::kept(state, kept, live);
            }
            PageNews::Speech(request, news) if request == state.compare.speech.request => {
                state.compare.speech.take(news)
            }
            PageNews::Shapes(request, answer) => map::shapes_arrived(state, request, answer),
            PageNews::Completed(typed, becomes, names) => quality::completed(state, &typed, &becomes, names),
            _ => {}
        },
        _ => {}
    }
    Vec::new()
}

/// Runs a command.
pub(super) fn run(state: &mut State, cmd: Cmd) -> Option<Vec<Effect>> {
    let c = &mut state.compare;
    match cmd {
        Cmd::AddColumn => pick(state),
        Cmd::RemoveColumn => return Some(remove(state)),
        Cmd::PinBaseline => return Some(pin(state)),
        Cmd::Measure => c.measure = c.measure.next(),
        Cmd::CompareContext => return Some(turn_context(state)),
        Cmd::ColumnNext if c.page == Page::Map => map::turn_model(c, 1),
        Cmd::ColumnPrev if c.page == Page::Map => map::turn_model(c, -1),
        Cmd::ColumnNext => c.move_column(1),
        Cmd::ColumnPrev => c.move_column(-1),
        Cmd::CompareTensors => (c.page, c.row, c.selected) = (Page::Tensors, 0, c.subject()),
        Cmd::CompareOrder if c.page == Page::Tensors => c.turn_tensors(),
        Cmd::CompareOrder => c.turn_columns(),
        Cmd::Chart if c.page == Page::Quality => quality::turn_chart(c),
        Cmd::Chart => (c.chart, c.kinds_scroll) = (c.chart.next(), 0),
        Cmd::Quality => return Some(quality::show(state)),
        Cmd::QualityText => quality::ask(state),
        Cmd::QualityOther => c.quality.turn_text(),
        Cmd::QualityLimit if matches!(c.verdict(), Verdict::Unmeasured) => {
            state.refuse_key("there is no recommendation to limit: only the baseline was measured");
        }
        Cmd::QualityLimit => c.quality.limit = c.quality.limit.next(),
        Cmd::CompareMap => (c.page, c.selected) = (Page::Map, c.subject()),
        Cmd::CellNext if c.page == Page::Map => c.move_on_map(0, 1),
        Cmd::CellPrev if c.page == Page::Map => c.move_on_map(0, -1),
        Cmd::CellNext => speech::step(c, 1),
        Cmd::CellPrev => speech::step(c, -1),
        Cmd::TensorShapes => map::show_shapes(c),
        Cmd::MoreBits => return Some(map::give_more_bits(state)),
        Cmd::Speech => speech::show(state),
        Cmd::SpeechPrompt => speech::ask(state),
        Cmd::SpeechDifference => speech::to_difference(c),
        Cmd::StopPage if c.page == Page::Speech => return Some(speech::stop(state)),
        Cmd::StopPage => return Some(quality::stop(state)),
        // A file name, in the folder that is shown.
        Cmd::Export => c.line = Some((Prompt::Export, LineEdit::offering("comparison.md"))),
        Cmd::Filter => c.line = Some((Prompt::Filter, LineEdit::offering(&c.filter))),
        Cmd::ClearFilter => c.filter.clear(),
        Cmd::Back if c.shapes.is_some() => c.shapes = None,
        Cmd::Back if c.page != Page::Models => c.page = Page::Models,
        // Nothing is open: the tab stays, as the others do.
        Cmd::Back => {}
        _ => return None,
    }
    Some(Vec::new())
}

/// Does what another tab asks: compares models that were chosen there.
pub(super) fn asked(state: &mut State, request: TabRequest) -> Vec<Effect> {
    let TabRequest::Compare { models: mut wanted, truncate, baseline } = request else { return Vec::new() };
    let broken = |p: &PathBuf| state.models.node_at(p).is_some_and(|n| matches!(n.summary, Some(Err(_))));
    let left_out: Vec<String> = wanted.iter().filter(|p| broken(p)).map(|p| state.short_path(p)).collect();
    if !left_out.is_empty() && wanted.len() - left_out.len() > 1 {
        wanted.retain(|p| !broken(p));
        state.toast(Level::Warn, format!("skipped, because it cannot be opened: {}", left_out.join(", ")));
    }
    if wanted.len() > MAX_MODELS && truncate {
        state
            .toast(Level::Warn, format!("{} models are too many to compare: the first {MAX_MODELS} are", wanted.len()));
        wanted.truncate(MAX_MODELS);
    } else if wanted.len() > MAX_MODELS {
        let what = format!("{} models are too many to compare: {MAX_MODELS} fit", wanted.len());
        let text = match state.models.marked.is_empty() {
            true => format!("{what}; mark the ones to compare with space"),
            false => format!("{what}; space removes a mark"),
        };
        state.toast(Level::Warn, text);
        return Vec::new();
    }
    state.compare.selected = usize::from(wanted.len() > 1);
    state.compare.order = Order::Added;
    state.compare.baseline = baseline;
    let mut effects = set(state, wanted);
    effects.push(Effect::Tab(TabRequest::Show(Tab::Compare)));
    effects
}

/// Compares another set of models; what is measured for the old one is dropped.
fn set(state: &mut State, columns: Vec<PathBuf>) -> Vec<Effect> {
    let c = &mut state.compare;
    c.request += 1;
    (c.result, c.failure, c.running) = (None, None, None);
    (c.page, c.row, c.columns) = (Page::Models, 0, columns);
    (c.shapes, c.cursor, c.kinds_scroll) = (None, Default::default(), 0);
    c.selected = c.selected.min(c.columns.len().saturating_sub(1));
    ask(state)
}

fn ask(state: &mut State) -> Vec<Effect> {
    let c = &mut state.compare;
    if c.columns.len() < 2 {
        return vec![Effect::StopComparing];
    }
    c.running = Some((0, 0));
    vec![Effect::Compare(c.request, c.columns.clone(), c.baseline, c.context)]
}

/// Continues the measurement that was stopped when the tab was left.
pub(super) fn enter(state: &mut State) -> Vec<Effect> {
    let c = &mut state.compare;
    if c.page == Page::Quality {
        quality::look_again(c);
    }
    if c.columns.len() < 2 || c.running.is_some() || c.failure.is_some() || c.is_measured() {
        return Vec::new();
    }
    c.request += 1;
    ask(state)
}

/// Stops the measurement: the tab is not shown.
pub(super) fn leave(state: &mut State) -> Vec<Effect> {
    match state.compare.running.take() {
        Some(_) => vec![Effect::StopComparing],
        None => Vec::new(),
    }
}

/// Opens the list of models that can be added, those of the same size of network first.
fn pick(state: &mut State) {
    let params = |p: &PathBuf| match state.models.node_at(p).and_then(|n| n.summary.as_ref()) {
        Some(Ok(s)) => Some(s.params),
        _ => None,
    };
    let wanted = state.compare.columns.first().and_then(params);
    // Unreadable models cannot be compared; Models shows why.
    let fits = |p: &PathBuf, m: &FoundModel| m.summary.is_ok() && !state.compare.columns.contains(p);
    let mut all: Vec<_> = state.models.found().filter(|(p, m)| fits(p, m)).collect();
    if all.is_empty() {
        let text = format!("there is no other readable model in {}", state.home_path(&state.dir));
        state.toast(Level::Warn, text);
        return;
    }
    all.sort_by(|(a, _), (b, _)| {
        let other = |p: &PathBuf| wanted.is_some() && params(p) != wanted;
        other(a).cmp(&other(b)).then_with(|| natural(&a.to_string_lossy(), &b.to_string_lossy()))
    });
    let item = |(path, model): &(&PathBuf, &FoundModel)| PickerItem {
        title: state.short_path(path),
        detail: format!("{} {:>8}", model.format.map_or("", FormatId::name), units::bytes(model.bytes)),
        cmd: None,
    };
    let items = all.iter().map(item).collect();
    let offered = all.into_iter().map(|(p, _)| p.clone()).collect();
    state.compare.offered = offered;
    let before = state.theme.clone();
    state.layer =
        Some(Layer::Picker(Picker { kind: PickerKind::Models, input: LineEdit::default(), items, row: 0, before }));
}

/// Adds the model that was picked, by its place in the list that was offered.
pub(super) fn add(state: &mut State, at: usize) -> Vec<Effect> {
    let Some(path) = state.compare.offered.get(at).cloned() else { return Vec::new() };
    let mut columns = state.compare.columns.clone();
    columns.push(path);
    state.compare.selected = columns.len() - 1;
    set(state, columns)
}

/// Takes the selected model out. Errors are against the baseline: without another one they stay true.
fn remove(state: &mut State) -> Vec<Effect> {
    let c = &mut state.compare;
    let at = c.selected;
    if at >= c.columns.len() {
        return Vec::new();
    }
    if at > 0 && c.columns.len() > 2 && c.running.is_none() && c.failure.is_none() && c.is_measured() {
        let path = c.columns.remove(at);
        c.selected = at.min(c.columns.len() - 1);
        c.request += 1;
        return c.result.clone().map(|r| Effect::Uncompare(c.request, r, path)).into_iter().collect();
    }
    let mut columns = c.columns.clone();
    columns.remove(at);
    if at == 0 {
        // The user does not want this baseline: it is not searched for again.
        c.baseline = BaselineChoice::Precise;
    }
    set(state, columns)
}

/// Makes the selected model the baseline.
fn pin(state: &mut State) -> Vec<Effect> {
    let c = &mut state.compare;
    if c.selected == 0 || c.selected >= c.columns.len() {
        return Vec::new();
    }
    let mut columns = c.columns.clone();
    let baseline = columns.remove(c.selected);
    columns.insert(0, baseline);
    c.selected = 0;
    c.baseline = BaselineChoice::First(BaselineSource::Given);
    set(state, columns)
}

/// Memory at the next context. Measured errors are reused.
fn turn_context(state: &mut State) -> Vec<Effect> {
    if state.compare.contexts().len() < 2 {
        let text = "these models support no longer context; `remold compare --context N` shows memory for any";
        state.toast(Level::Info, text);
        return Vec::new();
    }
    state.compare.turn_context();
    state.compare.request += 1;
    ask(state)
}

/// What is needed to draw the tab: the histograms of the tensor that is looked at, figures that were measured before.
pub(super) fn wants(state: &mut State) -> Vec<Effect> {
    let mut wanted = map::wants(&mut state.compare);
    wanted.extend(quality::wants(&mut state.compare));
    wanted
}

/// Moves what the movement keys move.
pub(super) fn scroll(state: &mut State, lines: isize) {
    let c = &mut state.compare;
    match c.page {
        Page::Models => c.kinds_scroll = moved(c.kinds_scroll, lines, c.kinds().len()),
        Page::Tensors => c.row = moved(c.row, lines, c.tensor_rows().len()),
        Page::Quality => c.quality.scroll = moved(c.quality.scroll, lines, c.quality_metrics().len()),
        Page::Map => c.move_on_map(lines, 0),
        Page::Speech => speech::step(c, lines),
    }
}

/// A key that the line does not get: tab completes a path, or chooses how a prompt is given; up and down take more or less of a text.
pub(super) fn line_key(state: &mut State, key: Key) -> Option<Vec<Effect>> {
    let more = [(Key::plain(Code::Up), true), (Key::plain(Code::Down), false)];
    if let (Some((_, more)), Some((Prompt::Text, _))) = (more.iter().find(|(k, _)| *k == key), &state.compare.line) {
        state.compare.quality.amount = state.compare.quality.amount.step(*more);
        return Some(Vec::new());
    }
    if key != Key::plain(Code::Tab) {
        return None;
    }
    let (base, home) = (state.base.clone(), state.home.clone());
    let c = &mut state.compare;
    match &mut c.line {
        Some((Prompt::Text, line)) => {
            line.selected = false;
            let typed = match (line.text.trim().strip_prefix("~/"), home) {
                (Some(rest), Some(home)) => home.join(rest).display().to_string(),
                _ => line.text.trim().to_owned(),
            };
            Some(vec![Effect::ComparePage(PageRequest::Complete(base, typed))])
        }
        Some((Prompt::Speech, _)) => {
            c.speech.chat = !c.speech.chat;
            Some(Vec::new())
        }
        _ => None,
    }
}

/// A click on a model or on a tensor.
pub(super) fn click(state: &mut State, hit: Hit) -> Vec<Effect> {
    let c = &mut state.compare;
    match hit {
        Hit::List(at) => c.selected = at.min(c.columns.len().saturating_sub(1)),
        Hit::Detail(at) if c.page == Page::Map => map::click(c, at),
        Hit::Detail(at) if c.page == Page::Speech => c.speech.at = at.min(c.speech.positions().saturating_sub(1)),
        Hit::Detail(at) => c.row = moved(at, 0, c.tensor_rows().len()),
        _ => {}
    }
    Vec::new()
}

/// Carries on after a key in the line being edited.
pub(super) fn edited(state: &mut State, what: Completion) -> Vec<Effect> {
    let c = &mut state.compare;
    let Some((prompt, line)) = &c.line else { return Vec::new() };
    let text = if what == Completion::Dropped { String::new() } else { line.text.clone() };
    let prompt = *prompt;
    if what != Completion::Editing {
        c.line = None;
    }
    match (prompt, what) {
        (Prompt::Filter, _) => (c.filter, c.row) = (text, 0),
        (Prompt::Export, Completion::Accepted) => {
            let name = text.trim();
            if let Some(result) = c.result.clone().filter(|_| !name.is_empty()) {
                c.exported = name.to_owned();
                let path = state.typed_path(name);
                return vec![Effect::ExportComparison(result, path)];
            }
        }
        (Prompt::Text, Completion::Accepted) => return quality::accepted(state, &text),
        (Prompt::Speech, Completion::Accepted) => return speech::accepted(state, &text),
        (Prompt::Text, _) => c.quality.names.clear(),
        (Prompt::Export | Prompt::Speech, _) => {}
    }
    Vec::new()
}
