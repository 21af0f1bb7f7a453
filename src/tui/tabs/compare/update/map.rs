//! The map and the histograms of a tensor; a recipe that gives a tensor more bits.

use crate::evaluate::TensorShapes;
use crate::quant::Encoding;
use crate::tui::core::{Effect, ErrorCard, Level, MoreBits, State, TabRequest};
use crate::tui::tabs::compare::state::{CompareState, MapCursor, PageRequest, Shapes, more_bits, rule};
use std::sync::Arc;

/// Selects another model, round the end; the baseline has no errors.
pub(super) fn turn_model(c: &mut CompareState, by: isize) {
    let others = c.columns.len().saturating_sub(1);
    if others > 0 {
        c.selected = 1 + (c.subject() - 1).saturating_add_signed(by + others as isize) % others;
    }
}

/// A click on a cell, by its number.
pub(super) fn click(c: &mut CompareState, number: usize) {
    let layers = c.grid().layers.max(1);
    c.cursor = MapCursor { kind: number / layers, layer: number % layers };
    c.move_on_map(0, 0);
}

/// Shows the histograms of the tensor, or hides them.
pub(super) fn show_shapes(c: &mut CompareState) {
    c.shapes = match c.shapes {
        Some(_) => None,
        None => Some(Shapes { of: (usize::MAX, 0), request: 0, answer: None }),
    };
}

/// Asks for the histograms that are to be shown and are not those that were asked for last.
pub(super) fn wants(c: &mut CompareState) -> Vec<Effect> {
    let (Some(of), Some(result)) = (c.shapes_wanted(), c.result.clone()) else { return Vec::new() };
    let (tensor, column) = of;
    let Some(variant) = c.variant_at(column) else { return Vec::new() };
    if c.shapes.as_ref().is_some_and(|s| s.of == of) {
        return Vec::new();
    }
    c.shapes_request += 1;
    c.shapes = Some(Shapes { of, request: c.shapes_request, answer: None });
    vec![Effect::ComparePage(PageRequest::Shapes(c.shapes_request, result, tensor, variant))]
}

/// The histograms are there.
pub(super) fn shapes_arrived(state: &mut State, request: u64, answer: Result<Arc<TensorShapes>, ErrorCard>) {
    if let Some(shapes) = state.compare.shapes.as_mut().filter(|s| s.request == request) {
        shapes.answer = Some(answer);
    }
}

/// Opens a recipe that makes the selected model once more, with about two bits more for the tensor that is looked at.
pub(super) fn give_more_bits(state: &mut State) -> Vec<Effect> {
    match request(&state.compare) {
        Ok(request) => vec![Effect::Tab(request)],
        Err(why) => {
            state.toast(Level::Warn, why);
            Vec::new()
        }
    }
}

fn request(c: &CompareState) -> Result<TabRequest, String> {
    let column = c.subject();
    let (Some(result), Some(at), Some(variant)) = (&c.result, c.tensor(), c.variant_at(column)) else {
        return Err("no tensor is selected".to_owned());
    };
    let label = c.label(column);
    let model = &result.comparison.variants[variant];
    if !model.format.has_gguf_names() {
        return Err(format!("{label} is not a GGUF: types of single tensors can be chosen for GGUF only"));
    }
    let Some(tensor) = result.comparison.tensors.get(at) else { return Err("no tensor is selected".to_owned()) };
    let Some(now) = tensor.types.get(variant).copied().flatten() else {
        return Err(format!("{label} does not have {}", tensor.name));
    };
    if c.figures(tensor, column).is_some_and(crate::evaluate::Figures::lossless) {
        return Err(format!("{} lost nothing in {label}", tensor.name));
    }
    let next = more_bits(now, tensor.shape.last().copied().unwrap_or(0));
    let base = tensor.types.get(result.comparison.baseline.at).copied().flatten();
    let next = next.filter(|n| base.is_none_or(|b| n.bits_per_weight() <= b.bits_per_weight()));
    let Some(next) = next else {
        return Err(format!("{} is {}: the baseline has no bits to add", tensor.name, now.name()));
    };
    let source = result.comparison.variants.get(result.comparison.baseline.at).map(|v| v.path.clone());
    Ok(TabRequest::MoreBits(Box::new(MoreBits {
        source: source.unwrap_or_default(),
        like: model.path.clone(),
        tensor: tensor.name.clone(),
        rule: rule(&tensor.name),
        from: now.name(),
        to: next.name(),
        quantized: base.filter(|b| matches!(b, Encoding::Block(_))).map(Encoding::name),
    })))
}
