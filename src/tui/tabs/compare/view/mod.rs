//! The Compare tab: models as columns, metrics as rows, errors by layer or kind below; or the tensors.

mod curves;
mod kinds;
mod map;
mod quality;
mod shapes;
mod ship;
mod sizes;
mod speech;
mod table;
mod tensors;

use super::state::{Chart, CompareState, Order, Page, Prompt as ComparePrompt};
use crate::formats;
use crate::tui::core::{State, units};
use crate::tui::view::canvas::{Canvas, cut_lines, fit, fit_end, width, wrap};
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Minimum rows of the chart.
const MIN_CHART: u16 = 6;
/// Rows of the table below which it gets all the space.
const MIN_TABLE: u16 = 10;

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, body: Rect) {
    let s = &state.compare;
    let body = asked(c, state, body);
    if s.columns.is_empty() {
        return empty(c, body);
    }
    match s.page {
        Page::Models => models(c, state, body),
        Page::Tensors | Page::Map if s.shapes.is_some() => shapes::draw(c, state, body),
        Page::Tensors => tensors::draw(c, state, body),
        Page::Map => map::draw(c, state, body),
        Page::Quality => quality::draw(c, state, body),
        Page::Speech => speech::draw(c, state, body),
    }
}

/// The models as columns.
fn models(c: &mut Canvas<'_>, state: &State, body: Rect) {
    let s = &state.compare;
    title(c, s, Rect { height: 1, ..body });
    let above = 1 + warning(c, s, Rect { y: body.y + 1, height: body.height.saturating_sub(1).min(5), ..body });
    let rest = Rect { y: body.y + above, height: body.height.saturating_sub(above), ..body };
    let columns = table::Columns::of(s, rest);
    // A long table leaves space for the chart, if both fit.
    let chart = s.is_measured() && rest.height >= MIN_TABLE + MIN_CHART;
    let most = if chart { rest.height - MIN_CHART } else { rest.height };
    let used = table::draw(c, s, rest, most, &columns);
    let below = Rect { y: rest.y + used, height: rest.height.saturating_sub(used), ..rest };
    if !s.is_measured() {
        return waiting(c, state, below);
    }
    // The chart takes precedence over the line about the memory.
    let note = Some(notes(s, body.width.saturating_sub(2).into()))
        .filter(|note| !note.is_empty() && below.height > MIN_CHART + 1);
    let chart = Rect { height: below.height - u16::from(note.is_some()), ..below };
    if chart.height >= MIN_CHART {
        c.rule(chart.x, chart.y, chart.width);
        let chart = Rect { y: chart.y + 1, height: chart.height - 1, ..chart };
        match s.chart {
            Chart::Layers => curves::draw(c, s, chart),
            Chart::Kinds => kinds::draw(c, s, chart, &columns),
            Chart::Sizes => sizes::draw(c, s, chart),
        }
    }
    if let Some(note) = note {
        let dim = c.theme().dim;
        c.text(body.x + 1, body.bottom() - 1, body.width.saturating_sub(2), &note, dim);
    }
}

/// The context of the memory figures, and what the weights dB are over: a job's report has those of the tensors that it encoded.
fn notes(s: &CompareState, most: usize) -> String {
    let Some(context) = s.result.as_ref().map(|r| r.comparison.context) else { return String::new() };
    let memory = format!("memory: weights and an f16 KV cache for a context of {} tokens", units::count(context));
    let both = format!("{memory} · weights dB: over the tensors that lost anything");
    if width(&both) <= most { both } else { memory }
}

/// The keys that select models, where `h` and `l` do, and where they move a cursor.
const BY_LETTER: (&str, &str) = ("h", "l");
const BY_TAB: (&str, &str) = ("[", "tab");

/// The number of a column in charts, with and without colour.
fn number(column: usize) -> String {
    if column == 0 { "◆".to_owned() } else { (column + 1).to_string() }
}

/// Name of a column in a narrow place: without the ending of the most common files and, where that is still too long, without what the
/// compared models have in common at its beginning.
fn short_label(s: &CompareState, column: usize, most: usize) -> String {
    let stem = |column: usize| {
        let label = s.label(column);
        match label.rsplit_once('.').filter(|_| formats::is_self_contained(&label)) {
            Some((stem, _)) => stem.to_owned(),
            None => label,
        }
    };
    let own = stem(column);
    // If one has to be cut, the others are cut in the same way.
    if column == 0 || (1..s.columns.len()).all(|column| width(&stem(column)) <= most) {
        return fit_end(&own, most);
    }
    let others = (1..s.columns.len()).filter(|c| *c != column).map(stem);
    let common = others.map(|other| shared_words(&own, &other)).min().unwrap_or(0);
    match common {
        0 => fit_end(&own, most),
        n => fit_end(&format!("…{}", &own[n..]), most),
    }
}

/// Bytes of the words that two names begin with alike; a word ends with its separator.
fn shared_words(a: &str, b: &str) -> usize {
    let alike = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
    a.char_indices()
        .take_while(|(i, _)| *i < alike)
        .filter(|(_, c)| "-_./ ".contains(*c))
        .last()
        .map_or(0, |(i, _)| i + 1)
}

/// The colour of a column.
fn style(c: &Canvas<'_>, column: usize) -> Style {
    let t = c.theme();
    [t.text, t.attention, t.ffn, t.embedding, t.output, t.norm][column.min(5)]
}

fn title(c: &mut Canvas<'_>, s: &CompareState, line: Rect) {
    let (dim, title, accent) = (c.theme().dim, c.theme().title, c.theme().accent);
    let progress = match (s.running, &s.result) {
        (Some((0, 0)), _) => "opening…".to_owned(),
        (Some((done, all)), _) => format!("measuring {done} of {all} tensors"),
        (None, Some(r)) if s.is_measured() => {
            let c = &r.comparison;
            let n = units::plural(c.tensors.len(), "tensor", "tensors");
            format!("{} of {n} compared in {}", units::count(c.compared() as u64), units::took(c.seconds))
        }
        _ => String::new(),
    };
    let style = if s.running.is_some() { accent } else { dim };
    let order = if s.order == Order::Added { String::new() } else { format!("  {}", s.order.title()) };
    let base = s.label(0);
    let how = s.result.as_ref().map_or("", |r| r.comparison.baseline.source.words());
    let how = if how.is_empty() { String::new() } else { format!(", {how}") };
    let pieces = [("Compare", title), ("  against ◆ ", dim), (base.as_str(), dim), (&how, dim), (&order, dim)];
    // Where the baseline comes from is worth more than how long the comparison took.
    let needed: usize = pieces.iter().map(|(text, _)| width(text)).sum();
    let short = progress.split(" in ").next().unwrap_or_default().to_owned();
    let fits = |text: &String| needed + width(text) + 4 <= usize::from(line.width);
    let progress = match s.running {
        Some(_) => progress,
        None => [progress, short].into_iter().find(fits).unwrap_or_default(),
    };
    let used = c.right(line.right() - 1, line.y, line.width / 2, &progress, style);
    let available = line.width.saturating_sub(used + if used > 0 { 4 } else { 2 });
    c.spans(line.x + 1, line.y, available, &pieces);
}

/// What has to be known of the baseline, and of models that are hardly the network that it is; gives the rows used.
fn warning(c: &mut Canvas<'_>, s: &CompareState, line: Rect) -> u16 {
    let Some(comparison) = s.result.as_ref().map(|r| &r.comparison) else { return 0 };
    let doubt = |column: usize| {
        let why = comparison.doubt(s.variant_at(column)?)?;
        Some(format!("{} {} does not look like the same network: {why}", number(column), s.label(column)))
    };
    let built = |column: usize| {
        let variant = comparison.variants.get(s.variant_at(column)?).filter(|v| v.built)?;
        let label = &variant.label;
        Some(format!(
            "{} {label}: types and values of tensors are those of the graph that a conversion builds",
            number(column)
        ))
    };
    let columns = || 0..s.columns.len();
    let texts = comparison.baseline_warning().into_iter();
    let texts = texts.chain(columns().filter_map(doubt)).chain(columns().filter_map(built));
    let warn = c.theme().warn;
    let w = usize::from(line.width.saturating_sub(2));
    let mut lines: Vec<String> = texts.flat_map(|text| wrap(&format!("! {text}"), w)).collect();
    cut_lines(&mut lines, line.height.into(), line.width.saturating_sub(2).into());
    for (text, y) in lines.iter().zip(line.y..) {
        c.text(line.x + 1, y, line.width.saturating_sub(2), text, warn);
    }
    lines.len() as u16
}

/// How many models are out of view at each side, with the keys that select them: `← 1 more`, `2 more →`.
fn beyond(c: &mut Canvas<'_>, (left, right): (usize, usize), (back, on): (&str, &str), line: Rect) {
    let accent = c.theme().accent;
    let mut end = line.right() - 1;
    if right > 0 {
        end -= c.right(end, line.y, line.width / 2, &format!("{right} more → {on}"), accent) + 2;
    }
    if left > 0 {
        c.right(end, line.y, line.width / 2, &format!("{back} ← {left} more"), accent);
    }
}

fn empty(c: &mut Canvas<'_>, body: Rect) {
    let (title, text) = (c.theme().title, c.theme().text);
    let w = body.width.saturating_sub(4).min(64);
    c.text(body.x + 2, body.y + 1, w, "Compare", title);
    let what = "Variants of the same model in different types or formats, side by side: size, bits per weight, memory, and the error of every tensor.";
    let used = c.wrapped(body.x + 2, body.y + 3, w, 5, what, text);
    let how = "Mark models in Models (1) with space and press v, or press a here to add one. In Jobs (3), v compares the source of \
        a job with its outputs. Then e measures on a text what each of them lost, and says which one to ship.";
    c.wrapped(body.x + 2, body.y + 4 + used, w, 5, how, text);
}

/// Why no errors are shown here.
fn waiting(c: &mut Canvas<'_>, state: &State, area: Rect) {
    let s = &state.compare;
    let (text, dim, bad) = (c.theme().text, c.theme().dim, c.theme().bad);
    let w = area.width.saturating_sub(4).min(76);
    if let Some(card) = &s.failure {
        c.text(area.x + 2, area.y + 1, 1, "✗", bad);
        let used = c.wrapped(area.x + 4, area.y + 1, w, 4, &card.message, text);
        let hint = card.hint.as_deref().unwrap_or("d removes a model, a adds one.");
        c.wrapped(area.x + 4, area.y + 1 + used, w, 3, hint, dim);
    } else if s.columns.len() == 1 {
        c.wrapped(area.x + 2, area.y + 1, w, 3, "A comparison needs two models: press a to add another.", text);
    } else if let Some((done, all)) = s.running.filter(|(_, all)| *all > 0) {
        let style = c.theme().bar;
        let progress = format!("{} of {}", units::count(done as u64), units::plural(all, "tensor", "tensors"));
        c.bar(area.x + 2, area.y + 1, w / 2, done as f64 / all as f64, style, true);
        c.text(area.x + 4 + w / 2, area.y + 1, w / 2, &progress, dim);
        c.text(area.x + 2, area.y + 2, w, "Errors are shown once every tensor is read.", dim);
    }
}

/// How much of a text is used, the keys that change it, and about how long it takes.
fn amount(state: &State) -> String {
    let c = &state.compare;
    let time = c.evaluation_seconds(state.cores).map(|s| format!(", roughly {}", units::took(s.ceil())));
    format!("{} (↑ ↓){}", c.quality.amount.title(), time.unwrap_or_default())
}

/// The line that asks for a file name, below all else; gives the area that is left.
fn asked(c: &mut Canvas<'_>, state: &State, body: Rect) -> Rect {
    let chat = state.compare.speech.chat;
    let names = state.compare.quality.names.join("  ");
    let amount = format!("{}; tab completes", amount(state));
    let (word, hint, line) = match &state.compare.line {
        Some((ComparePrompt::Export, line)) => {
            ("write to ", ".html or .md (report), .csv (a line per tensor), .json (everything)", line)
        }
        Some((ComparePrompt::Text, line)) if names.is_empty() => ("text ", amount.as_str(), line),
        Some((ComparePrompt::Text, line)) => ("text ", names.as_str(), line),
        Some((ComparePrompt::Speech, line)) if chat => ("prompt, as a chat ", "tab: give it as it is", line),
        Some((ComparePrompt::Speech, line)) => ("prompt, as it is ", "tab: put it into the chat template", line),
        Some((ComparePrompt::Filter, _)) | None => return body,
    };
    let (text, dim, accent) = (c.theme().text, c.theme().dim, c.theme().accent);
    let y = body.bottom() - 1;
    let used = c.spans(body.x + 1, y, body.width, &[(word, dim), ("› ", accent)]);
    let longest = body.width.saturating_sub(used + 30);
    // Where there is little space, what only a manual needs to say is left out.
    let hint = if width(hint) > longest.into() { hint.trim_end_matches("; tab completes") } else { hint };
    let hint = fit(hint, longest.into());
    let hint = hint.as_str();
    let available = if longest >= 12 { width(hint) as u16 + 3 } else { 0 };
    c.edit(body.x + 1 + used, y, body.width.saturating_sub(used + available + 2), line, text);
    c.right(body.right() - 1, y, available, hint, dim);
    Rect { height: body.height - 1, ..body }
}
