//! To ONNX: the graph of the source, with the tensors that its constants are.

use super::{Asked, Reason, Resolved, TargetSpec, presets};
use crate::formats::onnx::own_tensors;
use crate::formats::{ExternalData, LayoutGraph, Split};
use crate::graph::{Graph, GraphError};
use crate::model::{FormatId, Hint, Metadata, Model, ModelError, OptionName, Remedy, Result, Sidecars, TensorEntry};
use crate::plan::PreparedTensor;
use crate::quant::Effort;
use crate::recipe::Target;
use crate::recipe::options::graph;
use std::sync::Arc;

/// How ONNX targets are planned.
pub(crate) static TARGET: TargetSpec = TargetSpec {
    format: FormatId::Onnx,
    resolve,
    split: |_, _, _| Ok(Split::Whole),
    extra_files: |_| Ok(Default::default()),
    forecast: None,
    presets: presets::ONNX,
};

/// Resolves an ONNX target.
fn resolve(asked: Asked<'_>) -> Result<Resolved> {
    let Asked { model, target, .. } = asked;
    let quantization = quantization(target)?;
    let mut g = Graph::clone(graph_of(model)?);
    let checked = !target.bare;
    if checked {
        check(&g).map_err(|e| e.in_file(&model.path))?;
    }
    let tensors = own_tensors(&mut g, &model.tensors).map_err(|e| e.in_file(&model.path))?;
    let graph = LayoutGraph { graph: Arc::new(g), external: external_data(model, target), checked };
    let kept = |entry: TensorEntry| PreparedTensor { encoding: entry.encoding, entry, importance: None };
    Ok(Resolved {
        format: FormatId::Onnx,
        quantization,
        architecture: None,
        reasons: vec![Reason::default(); tensors.len()],
        tensors: tensors.into_iter().map(kept).collect(),
        metadata: Metadata::new(),
        sidecars: Sidecars::default(),
        folder: false,
        effort: Effort::default(),
        left_out: Vec::new(),
        imatrix: None,
        divergence: None,
        graph: Some(graph),
        warnings: Vec::new(),
    })
}

/// The quantization that a target asks for.
///
/// # Errors
/// Those that graphs are not written in.
fn quantization(target: &Target) -> Result<String> {
    match target.quantization.as_deref() {
        None => Ok("auto".to_owned()),
        Some(a) if a.eq_ignore_ascii_case("auto") => Ok("auto".to_owned()),
        Some(other) => {
            let what = format!("this version does not write graphs as `{other}`");
            let hint = Hint::from(Remedy::Target(FormatId::Onnx.to_string())).then(" writes the graph as it is.");
            Err(ModelError::unsupported(what).in_option(OptionName::QUANTIZATION).with_hint(hint))
        }
    }
}

/// The graph of the source.
///
/// # Errors
/// Sources without one.
fn graph_of(model: &Model) -> Result<&Arc<Graph>> {
    model.graph.as_ref().ok_or_else(|| {
        let what = "the source has weights and no operator graph, and this version does not build one";
        let hint = "Export the model to ONNX with the program that trained it; remold converts the result.";
        ModelError::unsupported(what).in_file(&model.path).with_hint(hint)
    })
}

/// Refuses a graph that contradicts the schemas of its operators or its own declarations: no program runs it.
///
/// # Errors
/// A bad-file error with the first contradiction.
fn check(g: &Graph) -> Result<()> {
    let problems = g.infer().problems;
    let Some(GraphError { place, what }) = problems.first() else { return Ok(()) };
    let more = match problems.len() - 1 {
        0 => String::new(),
        n => format!(" (and {n} more)"),
    };
    let hint = Hint::from(Remedy::Run("inspect".to_owned()))
        .then(" lists what does not fit together; `")
        .then(Remedy::Option(OptionName::BARE))
        .then("` writes the graph all the same.");
    Err(ModelError::bad(format!("{what}{more}")).field(place.as_str()).with_hint(hint))
}

/// Where the data of the tensors goes. A source with a data file becomes an output with one.
fn external_data(model: &Model, target: &Target) -> ExternalData {
    let threshold = target.options.get(&graph::EXTERNAL_DATA_THRESHOLD);
    match (target.options.get(&graph::EXTERNAL_DATA), threshold) {
        (Some(false), _) => ExternalData::Never,
        (_, Some(bytes)) => ExternalData::From(bytes),
        (Some(true), None) => ExternalData::From(0),
        (None, None) if model.graph.is_some() && model.files.len() > 1 => ExternalData::From(0),
        (None, None) => ExternalData::Auto,
    }
}
