//! The slider on the budget: size, loss and memory of the mix at it, the plot, and the bits of each kind of tensor layer by layer.

use super::plot;
use crate::plan::DialMix;
use crate::tui::core::{State, kind_order, units};
use crate::tui::tabs::recipe::nats;
use crate::tui::view::canvas::{Canvas, fit, width};
use ratatui::layout::Rect;
use std::collections::BTreeMap;

/// Columns of the names of kinds.
const KIND: u16 = 13;
/// Rows that the map of layers should have.
const MAP: u16 = 12;
/// Rows that it must have beside a plot.
const FEW: u16 = 5;
/// Rows from which there is space for blank lines and details.
const ROOMY: u16 = 24;

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, mix: &DialMix, area: Rect) {
    let (dim, text, accent, bar) = (c.theme().dim, c.theme().text, c.theme().accent, c.theme().bar);
    let r = &state.recipe;
    let Some((least, most)) = r.forecast_state.forecast().and_then(|f| f.dial.as_ref()).map(|d| d.range()) else {
        return;
    };
    let loss = match (r.shows_kld(), mix.kld, mix.output_sqnr_db) {
        (true, Some(kld), _) => format!("KLD {}", nats(kld)),
        (_, _, Some(db)) => format!("{db:.1} dB"),
        _ => "exact".to_owned(),
    };
    let facts = format!("  {:.2} bpw  {loss}", mix.bits_per_weight);
    c.spans(
        area.x + 1,
        area.y,
        area.width,
        &[("‹ ", accent), (&units::bytes(mix.bytes), text), (" ›", accent), (&facts, text)],
    );
    let (from, to) = (units::bytes(least), units::bytes(most));
    let y = area.y + 1;
    let begin = area.x + 1 + c.text(area.x + 1, y, area.width, &from, dim) + 1;
    let end = area.right().saturating_sub(width(&to) as u16 + 2);
    let part = mix.bytes.saturating_sub(least) as f64 / (most - least).max(1) as f64;
    c.bar(begin, y, end.saturating_sub(begin), part, bar, true);
    c.text(end + 1, y, width(&to) as u16, &to, dim);
    let mut y = area.y + 2;
    if let Some(runtime) = r.runtime() {
        let all = units::bytes(runtime.with(mix.bytes));
        let memory = match area.height < ROOMY {
            true => format!("memory {all} for {} tokens", runtime.context),
            false => format!(
                "memory {all}: file, {} for {} tokens in f16, {} to compute",
                units::bytes(runtime.cache_bytes),
                runtime.context,
                units::bytes(runtime.compute_bytes)
            ),
        };
        y += c.wrapped(area.x + 1, y, area.width.saturating_sub(1), 2, &memory, text);
    }
    let how = format!("enter takes it, esc keeps {}", r.before_slider());
    c.text(area.x + 1, y, area.width.saturating_sub(1), &how, dim);
    y += 1;
    let left = |y: u16| area.bottom().saturating_sub(y);
    let below = |y: u16, mix: &DialMix, c: &mut Canvas<'_>, area: Rect| {
        let y = map(c, mix, Rect { y, height: area.bottom().saturating_sub(y), ..area });
        let types: Vec<String> = mix.types.iter().map(|(e, n)| format!("{e} ×{n}")).collect();
        c.wrapped(area.x + 1, y, area.width.saturating_sub(1), area.bottom().saturating_sub(y), &types.join("  "), dim);
    };
    let both = plot::GOOD_HEIGHT + MAP;
    if left(y) < both && area.width >= plot::SIDE_BY_SIDE {
        // Side by side where they do not fit one above the other.
        let half = area.width.div_ceil(2);
        let height = left(y).min(plot::MAX_HEIGHT);
        if plot::draw(c, state, Rect { y, height, width: half, ..area }) > 0 {
            return below(y, mix, c, Rect { x: area.x + half, width: area.width - half, ..area });
        }
    }
    y += u16::from(area.height >= ROOMY);
    let height = left(y).saturating_sub(MAP).clamp(plot::MIN_HEIGHT + 1, plot::MAX_HEIGHT);
    // Of the map there are at least a title and some kinds.
    let height = if left(y) < height + FEW { 0 } else { height };
    let drawn = plot::draw(c, state, Rect { y, height, ..area });
    y += if drawn > 0 { drawn + u16::from(area.height >= ROOMY) } else { 0 };
    below(y, mix, c, area);
}

/// Bits per weight of each kind, a column for each layer, or for several where there is no space; gives the row below.
fn map(c: &mut Canvas<'_>, mix: &DialMix, area: Rect) -> u16 {
    let (dim, text, good, warn) = (c.theme().dim, c.theme().text, c.theme().good, c.theme().warn);
    let layers = mix.tensors.iter().filter_map(|t| t.1).max().map_or(0, |l| l as usize + 1);
    let columns = usize::from(area.width.saturating_sub(KIND + 2)).max(1);
    let each = layers.div_ceil(columns).max(1);
    let mut kinds: BTreeMap<&str, BTreeMap<usize, (u64, u64)>> = BTreeMap::new();
    for (kind, layer, elems, bytes) in &mix.tensors {
        let column = layer.map_or(0, |l| l as usize / each);
        let cell = kinds.entry(kind).or_default().entry(column).or_default();
        *cell = (cell.0 + elems, cell.1 + bytes);
    }
    let mut rows: Vec<_> = kinds.into_iter().collect();
    rows.sort_by_key(|(kind, _)| kind_order(kind));
    let title = match each {
        1 => "bits per weight, layer by layer".to_owned(),
        n => format!("bits per weight, {n} layers a column"),
    };
    let mut y = area.y;
    if rows.is_empty() || area.height < 2 {
        return y;
    }
    c.text(area.x + 1, y, area.width.saturating_sub(1), &title, dim);
    y += 1;
    let most = usize::from(area.height).saturating_sub(2);
    let shown = if rows.len() > most { most.saturating_sub(1) } else { rows.len() };
    for (kind, cells) in rows.iter().take(shown) {
        c.text(area.x + 1, y, KIND, &fit(kind, usize::from(KIND) - 1), dim);
        for (column, (elems, bytes)) in cells {
            let bits = *bytes as f64 * 8.0 / (*elems).max(1) as f64;
            let (digit, style) = match bits.round() as u64 {
                n @ 0..=3 => (n.to_string(), warn),
                n @ 4..=5 => (n.to_string(), text),
                n @ 6..=9 => (n.to_string(), good),
                _ => ("+".to_owned(), good),
            };
            c.text(area.x + 1 + KIND + *column as u16, y, 1, &digit, style);
        }
        y += 1;
    }
    if rows.len() > shown {
        let more = format!("… and {} more kinds", rows.len() - shown);
        c.text(area.x + 1, y, area.width.saturating_sub(1), &more, dim);
        y += 1;
    }
    y
}
