//! To ONNX: the graph of the source, or one that is built from a checkpoint, in the precision that the target asks for (`precision`).

mod calibrated;
mod nodes;
mod precision;

use super::{Asked, Reason, Resolved, TargetSpec, presets};
use crate::arch::graph::{GraphOptions, to_graph};
use crate::formats::onnx::own_tensors;
use crate::formats::{ExternalData, LayoutGraph, Split};
use crate::graph::{Graph, GraphError};
use crate::model::{
    FormatId, Hint, MetaValue, Metadata, Model, ModelError, OptionName, Remedy, Result, Sidecars, TensorEntry, Warning,
};
use crate::plan::PreparedTensor;
use crate::quant::Effort;
use crate::recipe::Target;
use crate::recipe::options::graph;
use precision::{Applied, Precision};
use std::borrow::Cow;
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
    let Asked { model, target, how } = asked;
    let (precision, quantization) = Precision::of(target)?;
    let mut warnings = Vec::new();
    let with_graph = with_graph(model, target)?;
    let built = matches!(with_graph, Cow::Owned(_));
    if built {
        let new = |w: &&Warning| !model.warnings.contains(w);
        warnings.extend(with_graph.warnings.iter().filter(new).cloned());
    }
    let applied = precision.applied(with_graph, model, target, how);
    let Applied { model: changed, warnings: said, quality } =
        applied.map_err(|e| if e.file().is_some() { e } else { e.in_file(&model.path) })?;
    warnings.extend(said);
    let Some(g) = &changed.graph else { return Err(no_graph(model)) };
    let mut g = Graph::clone(g);
    let checked = !target.bare;
    if checked {
        check(&g).map_err(|e| e.in_file(&model.path))?;
    }
    let tensors = own_tensors(&mut g, &changed.tensors).map_err(|e| e.in_file(&model.path))?;
    let metadata: Metadata = g.about.properties.iter().map(|(k, v)| (k.to_string(), MetaValue::from(&**v))).collect();
    let graph = LayoutGraph { graph: Arc::new(g), external: external_data(model, target), checked };
    let kept = |entry: TensorEntry| PreparedTensor { encoding: entry.encoding, entry, importance: None };
    Ok(Resolved {
        format: FormatId::Onnx,
        quantization,
        architecture: model.architecture().map(str::to_owned),
        reasons: vec![Reason::default(); tensors.len()],
        tensors: tensors.into_iter().map(kept).collect(),
        // As the reader of the written file finds it.
        metadata,
        sidecars: Sidecars::default(),
        folder: false,
        effort: Effort::default(),
        left_out: Vec::new(),
        imatrix: None,
        divergence: None,
        calibration: quality,
        graph: Some(graph),
        warnings,
    })
}

/// The model with an operator graph: that of the source, or one that is built from a checkpoint.
///
/// # Errors
/// Options for checkpoints where the source has a graph; those of building.
fn with_graph<'m>(model: &'m Model, target: &Target) -> Result<Cow<'m, Model>> {
    let (no_past, features) = (target.options.get(&graph::NO_PAST), target.options.get(&graph::FEATURES));
    if model.graph.is_none() {
        let options = GraphOptions { past: !no_past, features };
        return to_graph(model, &options).map(Cow::Owned);
    }
    for (given, key) in [(no_past, &graph::NO_PAST.key), (features, &graph::FEATURES.key)] {
        if given {
            let what =
                format!("`{}` is about graphs that are built from checkpoints, and the source is a graph", key.name);
            return Err(ModelError::request(what).in_option(OptionName::of_key(key.name)).with_hint("Leave it out."));
        }
    }
    Ok(Cow::Borrowed(model))
}

#[cold]
fn no_graph(model: &Model) -> ModelError {
    ModelError::bad("the model has no operator graph").in_file(&model.path)
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
        .then("` writes the graph anyway.");
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
