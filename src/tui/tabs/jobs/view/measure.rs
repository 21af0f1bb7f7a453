//! A measurement while it runs, and as it was: where it is, the figures of each model so far, and how far the hidden state of each model is
//! from the baseline's after every layer.

use crate::engine::MeasureProgress;
use crate::job::{JobState, JobSummary};
use crate::quality::metric;
use crate::tui::core::units;
use crate::tui::tabs::jobs::JobView;
use crate::tui::view::canvas::{Canvas, fit_end, width};
use crate::tui::view::heat::{self, heat};
use crate::tui::view::table::Columns;
use ratatui::layout::Rect;
use std::path::Path;

/// Figures of the table, with the words above them and their widths with and without uncertainties.
const FIGURES: [(&str, &str, u16, u16); 3] =
    [("perplexity", "perplexity", 20, 11), ("kld_mean", "mean KLD", 22, 10), ("top1_agreement", "top-1", 18, 9)];
/// The table shows uncertainties from this width on.
const WIDE: u16 = 78;
/// The metric of layers that is drawn.
const LAYERS: &str = "hidden_rms";
/// Columns of a name before its layers.
const NAME: u16 = 20;

/// Draws it; gives the row below.
pub(super) fn draw(c: &mut Canvas<'_>, job: &JobSummary, view: &JobView, area: Rect) -> u16 {
    let (dim, text) = (c.theme().dim, c.theme().text);
    let mut y = area.y;
    let phase = match (&view.history.place, job.state) {
        (_, JobState::Queued) => "waiting in the queue".to_owned(),
        (Some(_), JobState::Finished) => String::new(),
        (Some(place), _) => phase(place),
        (None, JobState::Running) => "opening the models".to_owned(),
        (None, _) => String::new(),
    };
    if !phase.is_empty() {
        y += c.wrapped(area.x, y, area.width, 2, &phase, text);
    }
    if let Some(seen) = view.history.place.as_ref().and_then(|p| p.coverage) {
        let experts = match (seen.experts, seen.unreached) {
            (0, _) => String::new(),
            (all, 0) => format!(", all {all} experts got tokens"),
            (all, n) => format!(", {n} of {all} experts got no token so far"),
        };
        let line = format!("{} of sums{experts}", units::bytes(seen.bytes));
        y += c.wrapped(area.x, y, area.width, 2, &line, if seen.unreached > 0 { c.theme().warn } else { dim });
    }
    let models = models(view);
    if !models.is_empty() && y + 2 < area.bottom() {
        y += 1;
        y = table(c, view, &models, Rect { y, height: area.bottom() - y, ..area });
    }
    let layered: Vec<(&str, Vec<f64>)> =
        models.iter().map(|m| (*m, layers(view, m))).filter(|(_, l)| !l.is_empty()).collect();
    if !layered.is_empty() && y + 3 < area.bottom() {
        y += 1;
        y = by_layer(c, &layered, Rect { y, height: area.bottom() - y, ..area });
    }
    y
}

/// `model 2 of 3, tiny-llama-Q4_K_M.gguf: layer 3 of 4, windows 2 of 9`.
fn phase(p: &MeasureProgress) -> String {
    let which = if p.models > 1 { format!("model {} of {}, ", p.nth + 1, p.models) } else { String::new() };
    let at = match (p.step.as_str(), p.layer, p.layers) {
        ("texts", ..) => format!("text {} of {}", p.batch + 1, p.batches),
        (_, Some(layer), Some(layers)) => format!("layer {layer} of {layers}"),
        _ => "predictions".to_owned(),
    };
    let batch = if p.batches > 1 && p.step != "texts" {
        format!(", batch {} of {} of the windows", p.batch + 1, p.batches)
    } else {
        String::new()
    };
    format!("{which}{}: {at}{batch}", name(&p.model))
}

fn name(path: &str) -> String {
    Path::new(path).file_name().map_or_else(|| path.to_owned(), |n| n.to_string_lossy().into_owned())
}

/// The models with figures, in the order in which they were measured.
fn models(view: &JobView) -> Vec<&str> {
    let mut all: Vec<&str> = Vec::new();
    for m in view.history.so_far.iter().chain(&view.history.metrics) {
        if metric(&m.name).is_some() && !all.contains(&m.model.as_str()) {
            all.push(&m.model);
        }
    }
    all
}

/// A figure of a model: of the whole text, or else so far.
fn figure(view: &JobView, model: &str, name: &str) -> Option<(f64, Option<f64>)> {
    let h = &view.history;
    let found = h.metrics.iter().chain(&h.so_far).find(|m| m.name == name && m.model == model && m.layer.is_none());
    found.map(|m| (m.value, m.uncertainty))
}

fn table(c: &mut Canvas<'_>, view: &JobView, models: &[&str], area: Rect) -> u16 {
    let (dim, text) = (c.theme().dim, c.theme().text);
    let wide = area.width >= WIDE;
    let shown: Vec<_> = FIGURES.iter().filter(|f| models.iter().any(|m| figure(view, m, f.0).is_some())).collect();
    let widths: Vec<u16> = shown.iter().map(|f| if wide { f.2 } else { f.3 }).collect();
    let columns = Columns::new(area, &widths);
    let heads: Vec<&str> = shown.iter().map(|f| f.1).collect();
    let so_far = view.history.ended().is_none() && !view.history.so_far.is_empty();
    columns.head(c, area.y, if so_far { "so far" } else { "model" }, &heads, dim);
    let mut y = area.y + 1;
    for model in models {
        if y >= area.bottom() {
            break;
        }
        let cell = |f: &&(&str, &str, u16, u16)| {
            let (value, uncertainty) = figure(view, model, f.0)?;
            Some(metric(f.0)?.text(value, uncertainty.filter(|_| wide)))
        };
        let cells: Vec<String> = shown.iter().map(|f| cell(f).unwrap_or_else(|| "–".to_owned())).collect();
        columns.row(c, y, &cells.iter().map(String::as_str).collect::<Vec<_>>(), text);
        let base =
            view.history.metrics.iter().chain(&view.history.so_far).any(|m| m.baseline.as_deref() == Some(model));
        let label = format!("{}{}", if base { "◆ " } else { "" }, name(model));
        c.text(area.x + 1, y, columns.first(), &fit_end(&label, columns.first().into()), text);
        y += 1;
    }
    y
}

/// The error of the hidden state of a model after each layer that is known.
fn layers(view: &JobView, model: &str) -> Vec<f64> {
    let mut all: Vec<(u32, f64)> = view
        .history
        .metrics
        .iter()
        .filter(|m| m.name == LAYERS && m.model == model)
        .filter_map(|m| Some((m.layer?, m.value)))
        .collect();
    all.sort_by_key(|(layer, _)| *layer);
    all.into_iter().map(|(_, v)| v).collect()
}

/// An error relative to the length of the state, in dB of signal over error: the scale of the weights' errors.
fn db(relative: f64) -> Option<f64> {
    (relative > 0.0).then(|| -20.0 * relative.log10())
}

fn by_layer(c: &mut Canvas<'_>, models: &[(&str, Vec<f64>)], area: Rect) -> u16 {
    let (dim, text) = (c.theme().dim, c.theme().text);
    let label = models.iter().map(|(m, _)| width(&name(m)) as u16).max().unwrap_or(0).min(NAME).min(area.width / 3);
    let x = area.x + label + 2;
    let last = 8;
    let available = usize::from(area.right().saturating_sub(x + last)).max(1);
    let all = models.iter().map(|(_, l)| l.len()).max().unwrap_or(1).max(1);
    let (wide, per) = match all {
        n if n * 3 <= available => (3, 1),
        n if n * 2 <= available => (2, 1),
        n if n <= available => (1, 1),
        n => (1, n.div_ceil(available)),
    };
    c.text(area.x + 1, area.y, label + 1, "layer", dim);
    let every = 4usize.div_ceil(wide).max(2);
    for i in (0..all.div_ceil(per)).step_by(every) {
        c.text(x + (i * wide) as u16, area.y, 4, &(i * per).to_string(), dim);
    }
    c.right(area.right(), area.y, last, "last dB", dim);
    let mut y = area.y + 1;
    for (model, values) in models {
        if y + 1 >= area.bottom() {
            break;
        }
        c.text(area.x + 1, y, label, &fit_end(&name(model), label.into()), text);
        for (i, part) in values.chunks(per).enumerate() {
            // The worst of the layers that share a column.
            let worst = part.iter().copied().fold(0.0, f64::max);
            let (glyph, style) = heat(c, db(worst));
            c.text(x + (i * wide) as u16, y, wide as u16, &glyph.repeat(wide), style);
        }
        let end = values.last().and_then(|v| db(*v)).map_or_else(|| "exact".to_owned(), |db| format!("{db:.1}"));
        c.right(area.right(), y, last, &end, dim);
        y += 1;
    }
    if y < area.bottom() {
        heat::legend(c, area.x + 1, y, area.width.saturating_sub(1), "hidden state dB");
        y += 1;
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_said_in_words() {
        let at = MeasureProgress {
            step: "layers".into(),
            model: "/m/a.gguf".into(),
            nth: 1,
            models: 3,
            layer: Some(3),
            layers: Some(4),
            batch: 1,
            batches: 9,
            coverage: None,
        };
        assert_eq!(phase(&at), "model 2 of 3, a.gguf: layer 3 of 4, batch 2 of 9 of the windows");
        let one = MeasureProgress { models: 1, batches: 1, layer: None, step: "output".into(), ..at.clone() };
        assert_eq!(phase(&one), "a.gguf: predictions");
        assert_eq!(phase(&MeasureProgress { step: "texts".into(), ..one }), "a.gguf: text 2 of 1");
        assert_eq!((db(0.1), db(0.0)), (Some(20.0), None));
    }
}
