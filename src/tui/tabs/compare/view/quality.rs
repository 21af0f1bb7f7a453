//! What the models say of a text: the evaluation while it runs, then figures, a chart and the model to ship.

use super::ship::{compact, sentences};
use super::table::Columns;
use super::{BY_LETTER, beyond, curves, sizes, style};
use crate::quality::MetricSpec;
use crate::tui::core::{State, units};
use crate::tui::tabs::compare::state::{CompareState, Quality, QualityChart, Running};
use crate::tui::view::canvas::{Canvas, width, wrap};
use ratatui::layout::Rect;

/// Minimum rows of the chart.
const MIN_CHART: u16 = 7;
/// Rows of figures that come before the chart.
const MIN_ROWS: u16 = 5;
/// Columns of the names of metrics, with a blank on both sides: where there is little space, some, and much.
const NAMES: [u16; 3] = [17, 24, 32];
/// Rows of the sentences, at most.
const SENTENCES: usize = 5;

/// What a text should be like.
const USUAL: &str = "A text like those the model will be used on, and one that was not used to choose its types: plain text (UTF-8). \
    16 windows of 512 tokens, about 30 kilobytes of it, tell file types apart; ↑ and ↓ in the line below take more or less of the text. \
    Half of the tokens are scored; with less, the uncertainties are larger.";
const MEASURES: &str = "All models are run on the same text: perplexity, and how far the predictions of each are from those of \
    the baseline (KL divergence). ? and tab explain every figure and what is usual.";

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, body: Rect) {
    let s = &state.compare;
    title(c, state, Rect { height: 1, ..body });
    let rest = Rect { y: body.y + 1, height: body.height.saturating_sub(1), ..body };
    if let Some(running) = &s.quality.running {
        return live(c, state, running, rest);
    }
    let (text, dim, bad) = (c.theme().text, c.theme().dim, c.theme().bad);
    let mut y = rest.y;
    let w = rest.width.saturating_sub(4).min(90);
    if let Some(card) = &s.quality.failure {
        c.text(rest.x + 1, y + 1, 1, "✗", bad);
        y += 1 + c.wrapped(rest.x + 3, y + 1, w, 4, &state.with_short_paths(&card.message), text);
        let hint = card.hint.as_deref().unwrap_or("e asks for another text.");
        y += c.wrapped(rest.x + 3, y, w, 3, hint, dim) + 1;
    }
    let rest = Rect { y, height: rest.bottom().saturating_sub(y), ..rest };
    if !s.is_evaluated() {
        let used = c.wrapped(rest.x + 1, rest.y + 1, w, 6, MEASURES, text);
        c.wrapped(rest.x + 1, rest.y + 2 + used, w, 6, USUAL, dim);
        return;
    }
    measured(c, s, rest);
}

fn title(c: &mut Canvas<'_>, state: &State, line: Rect) {
    let (dim, title, accent) = (c.theme().dim, c.theme().title, c.theme().accent);
    let q = &state.compare.quality;
    let used = c.text(line.x + 1, line.y, 9, "Quality", title) + 3;
    let x = line.x + 1 + used;
    let available = line.right().saturating_sub(x + 1);
    match (&q.running, &q.result) {
        (Some(running), _) => {
            let job = running.job.as_ref().map(|job| format!(", job {}", job.id)).unwrap_or_default();
            c.text(x, line.y, available, &format!("on {}{job}", state.short_path(&running.text)), accent);
        }
        (None, Some(result)) if state.compare.is_evaluated() => {
            let name = match result.text.as_os_str().is_empty() {
                true => "an unknown text".to_owned(),
                false => state.short_path(&result.text),
            };
            let mut text = format!("on {name}: {}", result.measured_on);
            for more in origin(state, result) {
                if width(&text) + width(&more) <= available.into() {
                    text.push_str(&more);
                }
            }
            c.text(x, line.y, available, &text, dim);
        }
        _ => {}
    }
}

/// Where the figures come from, what is worth most first.
fn origin(state: &State, result: &Quality) -> Vec<String> {
    let other = state.compare.quality.text_number().filter(|(_, all)| *all > 1);
    let other = other.map(|(at, all)| format!(", text {at} of {all} (t)"));
    let jobs = match result.jobs.as_slice() {
        [] => None,
        [one] => Some(format!(", job {one}")),
        [one, more @ ..] => Some(format!(", job {one} and {} earlier", more.len())),
    };
    let ago = result.when.map(|when| units::age(state.now.duration_since(when).as_secs()));
    let ago = ago.map(|ago| if ago == "now" { ", now".to_owned() } else { format!(", {ago} ago") });
    let took = (result.jobs.len() < 2).then(|| format!(", in {}", units::took(result.seconds)));
    let rounding = match result.rounding {
        "exact" => ", exact activations".to_owned(),
        other => format!(", activations as {other} rounds them"),
    };
    other.into_iter().chain(jobs).chain(ago).chain([rounding]).chain(took).collect()
}

/// The evaluation that runs: how far it is, and the error of the hidden states as far as the layers are done.
fn live(c: &mut Canvas<'_>, state: &State, running: &Running, area: Rect) {
    let (dim, bar) = (c.theme().dim, c.theme().bar);
    let w = (area.width / 2).min(50);
    let share = running.share.unwrap_or(0.0);
    c.bar(area.x + 1, area.y, w, share, bar, true);
    let left = running.left.map(|left| format!(", about {} left", units::took(left.ceil()))).unwrap_or_default();
    let text = match running.share {
        None => "opening the models and tokenizing the text…".to_owned(),
        Some(share) => format!("{:.0} %{left}   {}", share * 100.0, running.what),
    };
    c.text(area.x + w + 3, area.y, area.width.saturating_sub(w + 4), &text, dim);
    let chart = Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area };
    if chart.height >= MIN_CHART {
        curves::draw_hidden(c, &state.compare, chart);
    }
}

/// Figures, chart, sentences.
fn measured(c: &mut Canvas<'_>, s: &CompareState, area: Rect) {
    let (text, title, dim) = (c.theme().text, c.theme().title, c.theme().dim);
    let notes = s.quality.result.as_ref().map(|r| r.notes.join("; ")).unwrap_or_default();
    let w = area.width.saturating_sub(2);
    let mut lines = wrap(&sentences(s), w.into());
    lines.truncate(SENTENCES);
    let note = u16::from(!notes.is_empty() && area.height > 24);
    let below = (lines.len() as u16 + note).min(area.height.saturating_sub(3));
    let above = area.height - below;
    let metrics = s.quality_metrics();
    let names = NAMES[usize::from(area.width >= 100) + usize::from(area.width >= 150)];
    let columns = Columns::beside(s, area, names);
    let wanted = metrics.len() as u16 + 3;
    // Two fifths are for the chart.
    let chart = (above * 2 / 5).max(MIN_CHART);
    let table = if above >= MIN_CHART + MIN_ROWS + 2 { wanted.min(above - chart - 1) } else { above };
    figures(c, s, Rect { height: table, ..area }, &metrics, (&columns, names));
    if above > table + 1 {
        c.rule(area.x, area.y + table, area.width);
        let chart = Rect { y: area.y + table + 1, height: above - table - 1, ..area };
        match s.quality.chart {
            QualityChart::Sizes => sizes::draw(c, s, chart),
            QualityChart::Layers => curves::draw_hidden(c, s, chart),
        }
    }
    let mut y = area.y + above;
    for (i, line) in lines.iter().enumerate() {
        c.text(area.x + 1, y, w, line, if i == 0 { title } else { text });
        y += 1;
    }
    if note > 0 {
        c.text(area.x + 1, y, w, &notes, dim);
    }
}

/// The table: metrics as rows, models as columns, best and worst marked.
fn figures(
    c: &mut Canvas<'_>,
    s: &CompareState,
    area: Rect,
    metrics: &[&'static MetricSpec],
    (columns, names): (&Columns, u16),
) {
    let dim = c.theme().dim;
    super::table::head(c, s, area, columns);
    let mut y = area.y + 1;
    let place = |y: u16| Rect { x: area.x + 1, y, width: names - 2, height: 1 };
    row(c, s, columns, place(y), "size", &|column| s.variant(column).map(|v| units::bytes(v.bytes)));
    y += 1;
    // The last line is for the marks and what is out of view.
    let available = usize::from(area.bottom().saturating_sub(y + 1));
    let top = s.quality.scroll.min(metrics.len().saturating_sub(available));
    for metric in metrics.iter().skip(top).take(available) {
        let (best, worst) = s.extremes(metric);
        let w = |column: usize| {
            columns.shown.iter().zip(&columns.at).find(|(c, _)| **c == column).map_or(0, |(_, at)| at.1)
        };
        let value = |column: usize| {
            let (v, u) = s.figure(column, metric.name)?;
            let mark = if best.contains(&column) {
                "▲"
            } else if worst.contains(&column) {
                "▼"
            } else {
                " "
            };
            let unit = if metric.unit.is_empty() { String::new() } else { format!(" {}", metric.unit) };
            let most = usize::from(w(column).saturating_sub(1));
            // Counts, and what is close to one, have the digits of the table of metrics.
            let fixed = u.is_none() && (metric.decimals == 0 || (0.9..=1.0).contains(&v));
            let number = if fixed { metric.text(v, None).trim_end_matches(&unit).to_owned() } else { compact(v, u) };
            let long = format!("{mark}{number}{unit}");
            let bare = format!("{mark}{number}");
            let short = format!("{mark}{}{unit}", metric.text(v, None).trim_end_matches(&unit));
            Some([long, bare, short].into_iter().find(|t| width(t) <= most).unwrap_or_else(|| compact(v, None)))
        };
        row(c, s, columns, place(y), metric.title, &value);
        y += 1;
    }
    let hidden = metrics.len().saturating_sub(top + available);
    let more = if hidden > 0 { format!("   j ↓ {hidden} more figures") } else { String::new() };
    c.text(area.x + 1, y, area.width / 2 + 10, &format!("▲ best  ▼ worst of the row{more}"), dim);
    beyond(c, columns.hidden, BY_LETTER, Rect { y, height: 1, ..area });
}

fn row(
    c: &mut Canvas<'_>,
    s: &CompareState,
    columns: &Columns,
    at: Rect,
    name: &str,
    value: &dyn Fn(usize) -> Option<String>,
) {
    let (dim, text, faint) = (c.theme().dim, c.theme().text, c.theme().faint);
    let y = at.y;
    c.text(at.x, y, at.width, name, dim);
    for (column, (x, w)) in columns.shown.iter().zip(&columns.at) {
        match value(*column) {
            Some(value) => {
                let own = match value.chars().next() {
                    Some('▲') => c.theme().good,
                    Some('▼') => c.theme().warn,
                    _ if *column == s.selected => style(c, *column),
                    _ => text,
                };
                c.text(*x, y, w.saturating_sub(1), &value, own);
            }
            None => {
                c.text(*x + 1, y, 1, "–", faint);
            }
        }
    }
}
