//! What a sound plan says: outputs, needs, types, warnings.

use super::{plot, source_bytes};
use crate::forecast::divergence::Checked;
use crate::job::JobState;
use crate::plan::{Forecasted, Plan, PlannedOutput};
use crate::recipe::steps::changes_tensors;
use crate::tensor::DType;
use crate::tui::core::{State, kind_order, units};
use crate::tui::tabs::recipe::{Budget, nats, title};
use crate::tui::view::canvas::{Canvas, cut_lines, fit, fit_end, width, wrap};
use crate::tui::view::table::Columns;
use indexmap::IndexMap;
use ratatui::layout::Rect;
use std::collections::BTreeMap;

/// Rows that the lines below the plot should have.
const FACTS: u16 = 18;

/// Rows that they must have.
const MIN_FACTS: u16 = 7;

/// The same where losses are divergences, which were measured for the plot: what is needed, and a blank line.
const MIN_NEEDS: u16 = 5;

/// Columns from which the table of outputs shows times.
const TIMED: u16 = 44;

/// Outputs that are listed.
const OUTPUTS: usize = 4;

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, plan: &Plan, area: Rect) {
    // The last line is the verdict; warnings are above it. For several models there is one for all of them.
    let batch = state.recipe.is_batch();
    let whole = Rect { height: area.height.saturating_sub(u16::from(!batch)), ..area };
    let for_warnings = least_warnings(plan, whole, state.recipe.zoom);
    let inner = Rect { height: whole.height.saturating_sub(for_warnings), ..whole };
    let left = |y: u16| inner.bottom().saturating_sub(y);
    let mut y = outputs(c, state, plan, inner) + 1;
    let facts = if state.recipe.zoom { left(y).saturating_sub(plot::MAX_HEIGHT).min(FACTS) } else { FACTS };
    // Several outputs leave less: the plot is kept before the last of the facts.
    let least = if state.recipe.shows_kld() { MIN_NEEDS } else { MIN_FACTS };
    let facts = facts.min(left(y).saturating_sub(plot::GOOD_HEIGHT).max(least));
    let available = left(y).saturating_sub(facts).min(plot::MAX_HEIGHT);
    let mut inner = inner;
    if available < plot::GOOD_HEIGHT && inner.width >= plot::SIDE_BY_SIDE {
        // Beside the facts where it does not fit above them.
        let half = inner.width.div_ceil(2);
        let height = left(y).min(plot::MAX_HEIGHT);
        let place = Rect { x: inner.x + inner.width - half, y, width: half, height };
        if plot::draw(c, state, place) > 0 {
            inner.width -= half + 1;
        }
    } else {
        let drawn = plot::draw(c, state, Rect { y, height: available, ..inner });
        y += if drawn > 0 { drawn + 1 } else { 0 };
    }
    y = needs(c, state, plan, Rect { y, height: left(y), ..inner });
    let rest = Rect { y: y + 1, height: left(y + 1), ..inner };
    let at = state.recipe.current_target().unwrap_or(0);
    let mixed = state.recipe.document.recipe.targets.get(at).is_some_and(|t| Budget::of(t).is_some());
    y = match plan.outputs.get(at).or(plan.outputs.first()) {
        Some(o) if mixed => kinds(c, o, rest),
        Some(o) => types(c, o, rest),
        None => y,
    };
    let y = notes(c, state, plan, Rect { y: y + 1, height: left(y + 1), ..inner });
    // What is left over is for the warnings: they are not cut beside empty rows.
    warnings(c, plan, whole, for_warnings + left(y).saturating_sub(1));
    if !batch {
        verdict(c, state, plan, Rect { y: area.bottom().saturating_sub(1), height: 1, ..area });
    }
}

/// The table of outputs; gives the row below.
fn outputs(c: &mut Canvas<'_>, state: &State, plan: &Plan, area: Rect) -> u16 {
    let (dim, text, warn) = (c.theme().dim, c.theme().text, c.theme().warn);
    let source = source_bytes(state, plan);
    let head = ["of src", "time", "bpw", state.recipe.loss_head(), "size"];
    let cells: Vec<[String; 5]> = plan
        .outputs
        .iter()
        .enumerate()
        .take(OUTPUTS)
        .map(|(at, o)| {
            let part = format!("{:.0} %", o.bytes as f64 / source.max(1) as f64 * 100.0);
            let estimate = state.recipe.estimate(at);
            let graph = o.calibration.as_ref().and_then(|c| c.least_db()).map(|db| format!("{db:.1}"));
            let error = estimate.map(|e| state.recipe.loss_text(e)).or(graph).unwrap_or_default();
            let time = estimate.map(|e| about(wall(state, e))).unwrap_or_default();
            [part, time, format!("{:.2}", o.bits_per_weight), error, units::bytes(o.bytes)]
        })
        .collect();
    // As wide as what is in them: the rest is for the names.
    let widths: Vec<u16> = (0..head.len())
        .map(|i| {
            let widest = cells.iter().map(|row| width(&row[i])).max().unwrap_or(0).max(width(head[i]));
            // Sizes begin with a blank or two anyway.
            widest as u16 + if i + 1 < head.len() { 2 } else { 1 }
        })
        .collect();
    let columns = Columns::new(area, &widths);
    columns.head(c, area.y, "output", &head, dim);
    let mut y = area.y + 1;
    for ((at, o), cells) in plan.outputs.iter().enumerate().zip(&cells) {
        if y >= area.bottom() {
            return y;
        }
        columns.row(c, y, &cells.each_ref().map(String::as_str), text);
        let effort = o.effort.as_ref().map(|e| format!(", effort {e}")).unwrap_or_default();
        let target = state.recipe.stepped_target(at);
        // A budget is the name of its mix, which is shorter than what is said of it in the list.
        let typed = target.filter(|t| Budget::of(t).is_none());
        let name = typed.map_or_else(|| format!("{} {}", o.format, o.quantization), |t| title(&t));
        c.text(area.x + 1, y, columns.first(), &format!("{name}{effort}"), text);
        y += 1;
        if y < area.bottom() {
            let there = if o.bytes > source { "  larger than the source" } else { "" }.to_owned() + &there(state, o);
            let available = usize::from(area.width).saturating_sub(2 + width(&there));
            let used = c.text(area.x + 1, y, area.width, &fit_end(&state.short_path(&o.path), available), dim);
            c.text(area.x + 1 + used, y, area.width, &there, warn);
            y += 1;
        }
    }
    if plan.outputs.len() > OUTPUTS && y < area.bottom() {
        c.text(area.x + 1, y, area.width, &format!("… and {} more", plan.outputs.len() - OUTPUTS), dim);
        y += 1;
    }
    y
}

/// The note behind the path of an existing output: which job wrote it.
fn there(state: &State, output: &PlannedOutput) -> String {
    let Some(path) = output.replaces.first() else { return String::new() };
    match state.jobs.maker(&state.base, path) {
        Some(job) => format!("  written by job {}", job.id),
        None => "  already exists".to_owned(),
    }
}

/// Seconds on the clock to encode.
fn wall(state: &State, of: &Forecasted) -> f64 {
    of.cpu_seconds / state.cores.max(1) as f64
}

/// An estimated time, no more exact than it is.
pub(super) fn about(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => "< 1 s".to_owned(),
        s if s < 59.5 => format!("{s:.0} s"),
        s => units::duration(s),
    }
}

/// What it takes; gives the row below.
fn needs(c: &mut Canvas<'_>, state: &State, plan: &Plan, area: Rect) -> u16 {
    let (dim, text) = (c.theme().dim, c.theme().text);
    let mut pairs = vec![
        ("source", format!("{}  {}", units::bytes(source_bytes(state, plan)), plan.source_format)),
        ("memory", format!("≤ {}", units::bytes(plan.memory_bytes))),
        ("disk", units::bytes(plan.disk_bytes)),
    ];
    if plan.steps.iter().any(|s| changes_tensors(&s.step)) {
        pairs.push(("dB", "against the model after the steps".to_owned()));
    }
    // If the table has no space for it.
    let all = 0..plan.outputs.len();
    let times: Vec<f64> = all.filter_map(|i| Some(wall(state, state.recipe.estimate(i)?))).collect();
    if area.width < TIMED && !times.is_empty() {
        pairs.push(("time", about(times.iter().sum())));
    }
    if let Some(matrix) = plan.outputs.iter().find_map(|o| o.imatrix.as_ref()) {
        pairs.push(("imatrix", format!("covers {} of {} tensors", matrix.used, matrix.quantized)));
    }
    let selected = plan.outputs.get(state.recipe.current_target().unwrap_or(0)).or(plan.outputs.first());
    let mut measured = Vec::new();
    if let Some(check) = selected.and_then(|o| o.divergence.as_ref()?.check.as_ref()) {
        let tokens = check.tokens;
        let of = |c: &Checked| format!("{} ± {}", nats(c.mean), nats(c.error));
        pairs.push(("measured", format!("KLD {}, {tokens} tokens", of(&check.chosen))));
        if let Some((name, c)) = &check.file_type {
            pairs.push(("file type", format!("{name}: KLD {}", of(c))));
        }
    } else if let Some(c) = selected.and_then(|o| o.calibration.as_ref()) {
        measured = c.lines();
    } else if let Some(plain) = instead(state) {
        pairs.push(("file type", plain));
    }
    // What a graph loses is said in whole lines, below the other facts.
    let mut y = area.y + (pairs.len() as u16).min(area.height);
    for line in measured.iter().filter(|_| area.width > 12) {
        let left = area.bottom().saturating_sub(y);
        if left == 0 {
            break;
        }
        y += c.wrapped(area.x + 1, y, area.width.saturating_sub(2), left.min(3), line, text);
    }
    let rows = pairs.iter().take(area.height.into());
    for ((label, value), y) in rows.zip(area.y..) {
        c.text(area.x + 1, y, 10, label, dim);
        c.text(area.x + 11, y, area.width.saturating_sub(11), value, text);
    }
    y
}

/// The best that a file type could do within the bytes of the chosen mix.
fn instead(state: &State) -> Option<String> {
    let r = &state.recipe;
    let budget = Budget::of(r.document.recipe.targets.get(r.forecast_target_index()?)?)?;
    let mix = r.forecast_state.mix_of(&budget)?;
    let fits = r.forecast_state.forecast()?.types.iter().filter(|t| t.bytes <= mix.bytes);
    let quality = |f: &Forecasted| f.kld.map_or(f.output_sqnr_db.unwrap_or(f64::INFINITY), |n| -n);
    let best = fits.max_by(|a, b| quality(a).total_cmp(&quality(b)))?;
    if let Some(kld) = best.kld.filter(|_| r.shows_kld()) {
        return Some(format!("{} at best: KLD {}", best.name, nats(kld)));
    }
    Some(match best.output_sqnr_db {
        Some(db) => format!("{} at best: {db:.1} dB", best.name),
        None => format!("{} fits, without loss", best.name),
    })
}

/// The types of a mix by kind of tensor; gives the row below.
fn kinds(c: &mut Canvas<'_>, output: &PlannedOutput, area: Rect) -> u16 {
    let (dim, text) = (c.theme().dim, c.theme().text);
    let mut by: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for t in output.tensors.iter().filter(|t| t.to != DType::F32.into()) {
        *by.entry(t.kind.as_str()).or_default().entry(t.to.name()).or_default() += 1;
    }
    if by.is_empty() {
        return types(c, output, area);
    }
    let mut rows: Vec<_> = by.into_iter().collect();
    rows.sort_by_key(|(kind, _)| kind_order(kind));
    let label = rows.iter().map(|(k, _)| width(k)).max().unwrap_or(0).min(16) as u16 + 2;
    let available = area.width.saturating_sub(label + 1);
    let most = usize::from(area.height);
    let shown = if rows.len() > most { most.saturating_sub(1) } else { rows.len() };
    for ((kind, types), y) in rows.iter().take(shown).zip(area.y..) {
        // The type that most tensors have comes first.
        let mut types: Vec<_> = types.iter().collect();
        types.sort_by_key(|(name, n)| (std::cmp::Reverse(**n), **name));
        let parts: Vec<String> = types.iter().map(|(name, n)| format!("{name} ×{n}")).collect();
        c.text(area.x + 1, y, label, &fit(kind, usize::from(label) - 2), dim);
        c.text(area.x + 1 + label, y, available, &parts.join("  "), text);
    }
    let y = area.y + shown as u16;
    if rows.len() > shown && y < area.bottom() {
        c.text(area.x + 1, y, area.width, &format!("… and {} more kinds", rows.len() - shown), dim);
        return y + 1;
    }
    y
}

/// Bytes by type of one output as bars; gives the row below.
fn types(c: &mut Canvas<'_>, output: &PlannedOutput, area: Rect) -> u16 {
    let (dim, text, bar) = (c.theme().dim, c.theme().text, c.theme().bar);
    let mut by: IndexMap<&str, (u64, usize)> = IndexMap::new();
    for t in output.tensors.iter() {
        let e = by.entry(t.to.name()).or_default();
        *e = (e.0 + t.bytes, e.1 + 1);
    }
    by.sort_by(|_, a, _, b| b.0.cmp(&a.0));
    let total = by.values().map(|v| v.0).sum::<u64>().max(1) as f64;
    let counts = area.width >= 52;
    let available = area.width.saturating_sub(if counts { 11 + 24 } else { 11 + 11 });
    let mut y = area.y;
    for (name, (bytes, n)) in by.iter().take(5) {
        if y + 3 > area.bottom() {
            break;
        }
        c.text(area.x + 1, y, 9, name, dim);
        c.bar(area.x + 11, y, available, *bytes as f64 / total, bar, true);
        let end = if counts { area.right() - 13 } else { area.right() };
        c.right(end, y, 10, &units::bytes(*bytes), text);
        if counts {
            c.right(area.right(), y, 12, &units::plural(*n, "tensor", "tensors"), dim);
        }
        y += 1;
    }
    y
}

/// What costs most, and tensors that fall back; gives the row below.
fn notes(c: &mut Canvas<'_>, state: &State, plan: &Plan, area: Rect) -> u16 {
    let (dim, text, warn) = (c.theme().dim, c.theme().text, c.theme().warn);
    let mut y = area.y;
    let left = |y: u16| area.bottom().saturating_sub(y);
    let tensors = plan.outputs.iter().flat_map(|o| o.tensors.iter());
    let fallbacks: Vec<String> =
        tensors.filter_map(|t| Some(format!("{}: {} instead of {}", t.name, t.to, t.fallback_from?))).collect();
    let heaviest = heaviest(state, usize::from(area.width).saturating_sub(12));
    if left(y) >= 2 && !heaviest.is_empty() {
        c.spans(area.x + 1, y, area.width, &[("loss from  ", dim), (&heaviest, text)]);
        y += 1;
    }
    if left(y) >= 1 {
        let (n, style) = match fallbacks.len() {
            0 => ("none".to_owned(), text),
            n => (units::plural(n, "tensor", "tensors"), warn),
        };
        c.spans(area.x + 1, y, area.width, &[("fall back  ", dim), (&n, style)]);
        y += 1;
    }
    for f in fallbacks.iter().take(3) {
        if left(y) < 2 {
            break;
        }
        c.text(area.x + 3, y, area.width.saturating_sub(4), f, dim);
        y += 1;
    }
    y
}

/// The tensors that most of the selected target's loss comes from, as many as fit: `token_embd 21 %, blk.1.ffn_down 9 %`.
fn heaviest(state: &State, available: usize) -> String {
    let r = &state.recipe;
    let Some(estimate) = r.estimate(r.current_target().unwrap_or(0)) else { return String::new() };
    let mut text = String::new();
    for h in &estimate.heaviest {
        let name = h.name.strip_suffix(".weight").unwrap_or(&h.name);
        let comma = if text.is_empty() { "" } else { ", " };
        let next = format!("{comma}{name} {}", units::percent(h.share));
        if width(&text) + width(&next) > available {
            break;
        }
        text += &next;
    }
    text
}

/// Rows that the warnings have whatever else there is: more where the forecast has the screen.
fn least_warnings(plan: &Plan, area: Rect, all: bool) -> u16 {
    let available = usize::from(area.width.saturating_sub(4));
    let lines: usize = plan.warnings.iter().map(|w| wrap(&w.text, available).len()).sum();
    u16::try_from(lines).unwrap_or(u16::MAX).min(if all { area.height / 2 } else { (area.height / 8).max(2) })
}

/// The warnings, above the bottom of `area`, on so many rows at most.
fn warnings(c: &mut Canvas<'_>, plan: &Plan, area: Rect, most: u16) {
    let (text, warn) = (c.theme().text, c.theme().warn);
    let available = usize::from(area.width.saturating_sub(4));
    let (mut lines, mut begins) = (Vec::new(), Vec::new());
    for w in &plan.warnings {
        begins.push(lines.len());
        lines.extend(wrap(&w.text, available));
    }
    cut_lines(&mut lines, most.into(), available);
    let height = lines.len() as u16;
    for ((at, line), y) in lines.iter().enumerate().zip(area.bottom().saturating_sub(height)..) {
        if begins.contains(&at) {
            c.text(area.x + 1, y, 1, "!", warn);
        }
        c.text(area.x + 3, y, area.width.saturating_sub(4), line, text);
    }
}

/// Outputs that are there already and whose targets do not say that they may be replaced: starting asks about them.
fn existing(state: &State, plan: &Plan) -> usize {
    let targets = &state.recipe.document.recipe.targets;
    targets.iter().zip(&plan.outputs).filter(|(t, o)| !t.force && !o.replaces.is_empty()).count()
}

/// The line at the bottom.
fn verdict(c: &mut Canvas<'_>, state: &State, plan: &Plan, line: Rect) {
    let (text, good, warn) = (c.theme().text, c.theme().good, c.theme().warn);
    let total: u64 = plan.outputs.iter().map(|o| o.bytes).sum();
    let what = units::plural(plan.outputs.len(), "output", "outputs");
    let mut summary = format!("{what}, {}", units::bytes(total));
    let exist = existing(state, plan);
    let mut notes = Vec::new();
    if exist > 0 {
        notes.push(format!("{exist} already {}", if exist == 1 { "exists" } else { "exist" }));
    }
    if exist == 0 || !plan.warnings.is_empty() {
        notes.push(units::plural(plan.warnings.len(), "warning", "warnings"));
    }
    // What exists is said even where there is no space for the size.
    if let Some(first) = notes.first().filter(|n| exist > 0 && width(&summary) + width(n) + 12 > line.width.into()) {
        summary = format!("{what}, {first}");
        notes.clear();
    }
    for note in notes {
        if width(&summary) + width(&note) + 12 <= line.width.into() {
            summary += &format!(", {note}");
        }
    }
    if state.recipe.starting {
        c.spans(line.x, line.y, line.width, &[("● ", good), ("starting…", text)]);
    } else if let Some((path, job)) = state.recipe.writer(&state.jobs.list) {
        let bad = c.theme().bad;
        let paused = if job.state == JobState::Paused { ", paused," } else { "" };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let why = format!("job {}{paused} is writing {name}", job.id);
        c.spans(line.x, line.y, line.width, &[("✗ not ready: ", bad), (&why, text)]);
    } else if plan.warnings.is_empty() && exist == 0 {
        c.spans(line.x, line.y, line.width, &[("✓ ready: ", good), (&summary, text)]);
    } else {
        c.spans(line.x, line.y, line.width, &[("! ready: ", warn), (&summary, text)]);
    }
}
