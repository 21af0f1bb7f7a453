//! Static quantization: the ranges of activations are known, and everything is an integer between its nodes.
//!
//! The result is in the form of QDQ: a `QuantizeLinear` and a `DequantizeLinear` around each value, which runtimes fuse with the node between them. Which
//! values get a pair (`mark`), their names and their arithmetic are those of `quantize_static` of ONNX Runtime 1.32, with these differences:
//! weights have a scale for each channel by default, activations are `u8` by default, and normalisations and tables that are gathered from stay float.
//! `emit` writes the graph. The ranges come from the caller, who runs the network on samples.

mod emit;
mod mark;

use super::draft::Draft;
use super::select::Select;
use super::{Changed, Report};
use crate::graph::ValueId;
use crate::model::{Model, ModelError, Result, few};
use crate::quant::affine::{Fit, Int};
use crate::task::Task;
use mark::Marks;
use std::collections::HashMap;

/// The first version of the core domain whose `DequantizeLinear` has an axis.
const OPSET: i64 = 13;

/// How a graph is quantized statically.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StaticOptions {
    /// True for signed activations (`i8`), false for `u8`.
    pub signed_activations: bool,
    /// Whether the ranges of activations are made symmetric.
    pub symmetric_activations: bool,
    /// True for signed weights (`i8`), false for `u8`.
    pub signed_weights: bool,
    /// A scale for each channel of a weight.
    pub per_channel: bool,
    /// Weights have one bit less, for processors without VNNI, whose products of 8-bit integers saturate.
    pub reduce_range: bool,
    /// Which nodes.
    pub select: Select,
}

impl Default for StaticOptions {
    fn default() -> Self {
        Self {
            signed_activations: false,
            symmetric_activations: false,
            signed_weights: true,
            per_channel: true,
            reduce_range: false,
            select: Select::default(),
        }
    }
}

impl StaticOptions {
    /// The integers of activations, and how ranges are fitted into them.
    pub(crate) fn activation(&self) -> (Int, Fit) {
        let int = if self.signed_activations { Int::I8 } else { Int::U8 };
        (int, Fit { symmetric: self.symmetric_activations, reduced: false })
    }

    fn weight(&self) -> (Int, Fit) {
        let int = if self.signed_weights { Int::I8 } else { Int::U8 };
        (int, Fit { symmetric: self.signed_weights, reduced: self.reduce_range })
    }
}

/// The names of the values whose ranges [`quantize_static`] needs, in the order of the graph.
///
/// # Errors
/// As of [`quantize_static`].
pub(crate) fn values_to_observe(model: &Model, options: &StaticOptions) -> Result<Vec<String>> {
    let (draft, marks) = prepared(model, options, &mut Report::default())?;
    Ok(marks.observed().map(|v: ValueId| draft.g.values[v].name.to_string()).collect())
}

/// Quantizes a graph statically. `ranges` are the least and the largest value of each value that is observed, by its name.
///
/// # Errors
/// A model without a graph, or of a version that cannot be lifted to 13; values without a range; read errors.
pub(crate) fn quantize_static(
    model: &Model,
    options: &StaticOptions,
    ranges: &HashMap<String, (f32, f32)>,
    task: &Task<'_>,
) -> Result<Changed> {
    let mut report = Report::default();
    let (draft, marks) = prepared(model, options, &mut report)?;
    let name = |v: ValueId| draft.g.values[v].name.to_string();
    let missing: Vec<String> = marks.observed().map(name).filter(|n| !ranges.contains_key(n)).collect();
    if !missing.is_empty() {
        let what = format!("the ranges of these values are not known: {}", few(&missing));
        return Err(ModelError::request(what).with_hint("Calibrate with at least one sample."));
    }
    let mut emit = emit::Emit { draft, marks, options, ranges, dequantized: HashMap::new(), params: HashMap::new() };
    emit.run(task)?;
    Ok(Changed { model: emit.draft.finish(model)?, report })
}

fn prepared(model: &Model, options: &StaticOptions, report: &mut Report) -> Result<(Draft, Marks)> {
    let mut draft = Draft::of(model)?;
    draft
        .need_opset(OPSET, "static quantization (DequantizeLinear with an axis)")
        .map_err(|e| e.in_file(&model.path))?;
    let marks = Marks::new(&mut draft, options, report);
    Ok((draft, marks))
}
