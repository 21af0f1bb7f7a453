//! The forecast: what the plan says of the outputs, what the estimate says of their errors, the plot of the alternatives.

use super::{plan, plot, slider};
use crate::recipe::options::calibrates;
use crate::tui::core::{State, units};
use crate::tui::view::canvas::{Canvas, cut_lines, width, wrap};
use ratatui::layout::Rect;

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, area: Rect) {
    let r = &state.recipe;
    let (title, dim, text) = (c.theme().title, c.theme().dim, c.theme().text);
    let used = c.text(area.x, area.y, area.width, "Forecast", title);
    let status = status(state);
    if usize::from(area.width.saturating_sub(used + 1)) >= width(&status) {
        c.right(area.right(), area.y, area.width, &status, dim);
    }
    c.rule(area.x, area.y + 1, area.width);
    let inner = Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area };
    let rows = if r.is_batch() { outlook(c, state, inner) } else { 0 };
    let inner = Rect { height: inner.height.saturating_sub(rows), ..inner };
    if let Some(mix) = r.slider_mix() {
        return slider::draw(c, state, &mix, inner);
    }
    let used = match r.ready() {
        Some(plan) => return plan::draw(c, state, plan, inner),
        None if !r.problems().is_empty() => problems(c, state, inner),
        None if r.source().is_none() => {
            let how = "No model chosen. Choose one in Models (1) and press c there, or enter the path of the source.";
            c.wrapped(inner.x, inner.y, inner.width, 3, how, text)
        }
        None => {
            let progress = match r.plan_measured {
                _ if r.measuring_stopped => "Measuring on the text is stopped; m continues.".to_owned(),
                Some(far) => measuring(state, far),
                None => "planning…".to_owned(),
            };
            c.text(inner.x, inner.y, inner.width, &progress, dim);
            if r.is_measuring() {
                let how =
                    "What each type costs is measured on the text, and kept: it takes this long once. m stops it.";
                1 + c.wrapped(inner.x, inner.y + 1, inner.width, 3, how, dim)
            } else {
                1
            }
        }
    };
    let rest = Rect { y: inner.y + used + 1, height: inner.height.saturating_sub(used + 1), ..inner };
    plot::draw(c, state, Rect { height: rest.height.min(plot::MAX_HEIGHT), ..rest });
}

/// Rows of the models that cannot be converted.
const FAILED: usize = 3;

/// At the bottom: for how many of several models jobs can be started, and why not for the others; gives the rows used.
fn outlook(c: &mut Canvas<'_>, state: &State, area: Rect) -> u16 {
    let (good, warn, bad) = (c.theme().good, c.theme().warn, c.theme().bad);
    let (text, dim) = (c.theme().text, c.theme().dim);
    let r = &state.recipe;
    let all = r.sources().len();
    let last = area.bottom().saturating_sub(1);
    if r.starting {
        c.spans(area.x, last, area.width, &[("● ", good), ("starting…", text)]);
        return 1;
    }
    let Some(seen) = &r.outlook else {
        let what = if r.recipe().is_some() { format!("planning {all} jobs…") } else { format!("{all} models") };
        c.text(area.x, last, area.width, &what, dim);
        return 1;
    };
    let mut parts = vec![if seen.failed.is_empty() {
        units::plural(seen.ready, "job", "jobs")
    } else {
        format!("{} of {all} jobs", seen.ready)
    }];
    parts.push(units::plural(seen.outputs, "output", "outputs"));
    parts.extend(seen.bytes.filter(|_| seen.outputs > 0).map(units::bytes));
    if seen.exist > 0 {
        parts.insert(1, format!("{} already {}", seen.exist, if seen.exist == 1 { "exists" } else { "exist" }));
    }
    let (glyph, style, word) = match (seen.ready, seen.failed.is_empty() && seen.exist == 0) {
        (0, _) => ("✗ ", bad, "not ready: "),
        (_, true) => ("✓ ", good, "ready: "),
        _ => ("! ", warn, "ready: "),
    };
    // What does not fit is left out whole.
    let most = usize::from(area.width).saturating_sub(width(glyph) + width(word));
    let said = parts.into_iter().fold(String::new(), |line, part| match line.is_empty() {
        true => part,
        false if width(&line) + width(&part) + 2 <= most => format!("{line}, {part}"),
        false => line,
    });
    c.spans(area.x, last, area.width, &[(glyph, style), (word, style), (&said, text)]);
    let mut lines = Vec::new();
    let available = usize::from(area.width.saturating_sub(2));
    let shown = if seen.failed.len() > FAILED { FAILED - 1 } else { seen.failed.len() };
    for (path, card) in seen.failed.iter().take(shown) {
        let mut why = wrap(&state.with_short_paths(&format!("{}: {}", state.short_path(path), card.fact)), available);
        cut_lines(&mut why, 2, available);
        lines.extend(why.into_iter().enumerate().map(|(i, line)| (i == 0, line)));
    }
    if seen.failed.len() > shown {
        lines.push((true, format!("and {} more models cannot be converted", seen.failed.len() - shown)));
    }
    let rows = (lines.len() as u16).min(area.height / 3);
    for ((first, line), y) in lines.iter().take(rows.into()).zip(last.saturating_sub(rows)..) {
        if *first {
            c.text(area.x, y, 1, "✗", bad);
        }
        c.text(area.x + 2, y, area.width.saturating_sub(2), line, text);
    }
    rows + 1
}

/// What is wrong, each with its place and what to do; gives the rows used.
fn problems(c: &mut Canvas<'_>, state: &State, area: Rect) -> u16 {
    let (bad, text, dim) = (c.theme().bad, c.theme().text, c.theme().dim);
    let width = area.width.saturating_sub(2);
    let mut y = area.y;
    let left = |y: u16| area.bottom().saturating_sub(y);
    for t in state.recipe.problems() {
        if left(y) < 2 {
            break;
        }
        c.text(area.x, y, 1, "✗", bad);
        // Paths as everywhere on the screen.
        let said = state.with_short_paths(&state.recipe.in_words(t));
        y += c.wrapped(area.x + 2, y, width, left(y).min(4), &said, text);
        if let Some(help) = &t.help {
            y += c.wrapped(area.x + 2, y, width, left(y).min(4), help, dim);
        }
        y += 1;
    }
    y - area.y
}

fn measuring(state: &State, (done, all): (usize, usize)) -> String {
    let r = &state.recipe;
    if !r.is_measuring() {
        let calibrates = r.document.recipe.targets.iter().any(calibrates);
        return match calibrates {
            true => format!("calibrating, {done} of {all} runs of the graph"),
            false => format!("measuring {done} of {all} tensors"),
        };
    }
    let left = r.measuring_left((done, all), state.now).map(|s| format!(", {} left", plan::about(s)));
    format!("measuring {done} of {all}{}", left.unwrap_or_default())
}

/// The samples that the outputs of the selected graph were compared on when it was planned.
fn measured_samples(state: &State) -> Option<usize> {
    let plan = state.recipe.ready()?;
    let at = state.recipe.current_target().unwrap_or(0);
    Some(plan.outputs.get(at)?.calibration.as_ref()?.measured_on)
}

/// How far the estimate of errors is.
fn status(state: &State) -> String {
    let forecast_state = &state.recipe.forecast_state;
    match (forecast_state.answer(), forecast_state.measured) {
        _ if let Some(samples) = measured_samples(state) => format!("output dB, measured on {samples} samples"),
        (None, _) if state.recipe.measuring_stopped => "measuring is stopped; m continues".to_owned(),
        (None, _) if !forecast_state.waiting() => String::new(),
        (_, Some(far)) => measuring(state, far),
        (_, None) if forecast_state.waiting() => "estimating errors…".to_owned(),
        (Some(Err(_)), _) => "errors not estimated".to_owned(),
        (Some(Ok(f)), _) if state.recipe.shows_kld() => {
            let tokens = f.divergence.as_ref().map_or(0, |d| d.tokens);
            format!("KLD, costs on {tokens} tokens; v: dB")
        }
        (Some(Ok(f)), _) if f.divergence.is_some() => "output dB, from a sample; v: KLD".to_owned(),
        (Some(Ok(f)), _) if f.imatrix.is_none() => "output dB, from a sample".to_owned(),
        _ => "output dB (imatrix), from a sample".to_owned(),
    }
}
