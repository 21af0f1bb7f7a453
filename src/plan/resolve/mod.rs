//! Resolves one target: which tensors are written, in which encoding, with which metadata and files beside them.
//!
//! [`TARGETS`] has a line for each format that is written; `gguf` goes to GGUF, `tensors` to safetensors and PyTorch, `onnx` to ONNX. What is the
//! same for every format is in this file.

mod dial;
mod forecast;
mod gguf;
mod onnx;
mod presets;
mod tensors;

pub use dial::Dial;
pub(crate) use dial::{DialMix, DialOption, DialPart};
pub use forecast::{Chosen, Forecast, Forecasted, Heavy};
pub(in crate::plan) use gguf::least_mix_bytes;
pub(crate) use gguf::modelfile::beside as modelfile_beside;
pub(crate) use presets::{PresetTypes, TargetPreset, presets};

use super::{GraphQuality, ImatrixCoverage, PredictedDivergence, PreparedTensor, Registration, source};
use crate::formats::{self, LayoutGraph, LayoutTensor, Split};
use crate::model::{
    ErrorKind, FormatId, Hint, Listing, Metadata, Model, ModelError, Name, OptionName, OptionPath, Remedy, Result,
    Sidecars, Warning,
};
use crate::quant::{Effort, Encoding};
use crate::recipe::{Target, meaning};
use crate::task::Task;
use crate::transform::{FALLBACK, Fallen, fallback_warnings};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Why a tensor has its type.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reason {
    /// The rule, when one chose the type.
    pub because: Option<Name>,
    /// The type that was wanted but does not fit the shape.
    pub fallback_from: Option<Encoding>,
}

/// A target resolved against a model.
#[derive(Debug)]
pub(crate) struct Resolved {
    /// Format to write.
    pub format: FormatId,
    /// Canonical name of the type asked for: `Q4_K_M`, `bf16`, `auto`.
    pub quantization: String,
    /// Architecture in GGUF words, if known.
    pub architecture: Option<String>,
    /// What is written, in output order.
    pub tensors: Vec<PreparedTensor>,
    /// Why, parallel to `tensors`.
    pub reasons: Vec<Reason>,
    /// Metadata of the output.
    pub metadata: Metadata,
    /// Files beside the tensors, when the output is a folder.
    pub sidecars: Sidecars,
    /// True if the output is a folder.
    pub folder: bool,
    /// How hard the scales of blocks are searched for.
    pub effort: Effort,
    /// Layers of the source that are left out: the same name means another tensor in another target.
    pub left_out: Vec<u32>,
    /// What the importance matrix covers, when one is used.
    pub imatrix: Option<ImatrixCoverage>,
    /// What its types are expected to cost, where they were chosen by that.
    pub divergence: Option<PredictedDivergence>,
    /// How far the outputs of a graph are from those of the original, where that was measured.
    pub calibration: Option<GraphQuality>,
    /// The graph, for formats of graphs; its constants are `tensors` by their places.
    pub graph: Option<LayoutGraph>,
    /// Warnings for the user.
    pub warnings: Vec<Warning>,
}

/// What a target needs to be resolved.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// The source.
    pub model: &'a Model,
    /// The target.
    pub target: &'a Target,
    /// How a budget is measured.
    pub how: Task<'a>,
}

/// An output that small files may be put beside.
#[derive(Clone, Copy)]
pub(crate) struct ExtraRequest<'a> {
    /// The target.
    pub target: &'a Target,
    /// Path of the output.
    pub output: &'a Path,
    /// Number of files that it has.
    pub files: usize,
    /// Its metadata.
    pub metadata: &'a Metadata,
    /// What cancels the work.
    pub cancel: &'a AtomicBool,
}

/// Small files beside an output, and what to say about them.
#[derive(Debug, Default)]
pub(crate) struct ExtraFiles {
    /// Their paths and contents.
    pub files: Vec<(PathBuf, Vec<u8>)>,
    /// What there is to say of them.
    pub warnings: Vec<Warning>,
    /// Registration of the output in another program.
    pub registration: Option<Registration>,
}

/// How targets of one format are planned.
pub(crate) struct TargetSpec {
    /// The format.
    pub format: FormatId,
    /// Resolves a target to tensors and encodings.
    pub resolve: fn(Asked<'_>) -> Result<Resolved>,
    /// How the output is spread over files. The tensors are those of the output, in its order.
    pub split: fn(&Model, &Target, &[LayoutTensor]) -> Result<Split>,
    /// Small files to put beside the output.
    pub extra_files: fn(&ExtraRequest<'_>) -> Result<ExtraFiles>,
    /// Forecasts what every quantization would make of a model, for formats that have quantizations.
    pub forecast: Option<ForecastFn>,
    /// Ready-made targets, for those who choose.
    pub presets: &'static [TargetPreset],
}

/// Forecasts what every quantization would make of a model.
pub(crate) type ForecastFn = fn(&Model, &Target, Task<'_>) -> Result<Forecast>;

/// How targets are planned, by format: every format that can be written, in the order in which ready-made targets are shown.
pub(crate) static TARGETS: &[&TargetSpec] = &[&gguf::TARGET, &tensors::SAFETENSORS, &tensors::PYTORCH, &onnx::TARGET];

/// How targets of a format are planned; `None` for formats that are not written.
pub(crate) fn spec(format: FormatId) -> Option<&'static TargetSpec> {
    TARGETS.iter().copied().find(|t| t.format == format)
}

/// True if what the quantizations of a format would make of a model can be forecast.
pub(crate) fn has_forecast(format: FormatId) -> bool {
    spec(format).is_some_and(|t| t.forecast.is_some())
}

/// The first format with a forecast.
pub(crate) fn forecast_format() -> Option<FormatId> {
    TARGETS.iter().find(|t| t.forecast.is_some()).map(|t| t.format)
}

/// Measures the model and forecasts what its outputs would be. `target` gives the options; its budget, if it has one, is met with a mix.
///
/// # Errors
/// Formats without quantizations; sources that cannot become the format; those of measuring; a budget that is too small.
pub(crate) fn forecast(model: &Model, target: &Target, how: Task<'_>) -> Result<Forecast> {
    super::build::check_has_tensors(model)?;
    match spec(target.format).and_then(|t| t.forecast) {
        Some(forecast) => forecast(model, target, how),
        None => {
            let what = format!("{} has no quantizations to choose from", target.format);
            Err(ModelError::request(what).in_option(OptionName::FORMAT))
        }
    }
}

fn not_written(format: FormatId) -> ModelError {
    let (last, others) = formats::written_names().split_last().unwrap_or((&"nothing", &[]));
    ModelError::unsupported(format!("this version does not write {format}"))
        .in_option(OptionName::FORMAT)
        .with_hint(format!("It writes {} and {last}.", others.join(", ")))
}

/// The split that a target asks for.
///
/// # Errors
/// Two ways to split at once; those of the format.
pub(crate) fn split(model: &Model, target: &Target, tensors: &[LayoutTensor]) -> Result<Split> {
    if let Some((one, other)) = target.conflict() {
        let what = format!("`{one}` and `{other}` cannot be given together");
        return Err(ModelError::request(what).in_option(OptionName::of_key(other)).with_hint("Give one of them."));
    }
    spec(target.format).map_or(Ok(Split::Whole), |t| (t.split)(model, target, tensors))
}

/// Resolves a target; a budget is measured as `how` says.
///
/// # Errors
/// Formats that are not written, unknown types, architectures that cannot be converted, types a format cannot hold.
pub(crate) fn resolve(model: &Model, target: &Target, how: Task<'_>) -> Result<Resolved> {
    let Some(spec) = spec(target.format) else { return Err(not_written(target.format)) };
    source::check(model, target)?;
    let resolved = (spec.resolve)(Asked { model, target, how });
    // What is wrong with the model, and not with the request, names the model.
    let mut resolved = resolved.map_err(|e| match e.kind() {
        ErrorKind::BadRequest => e,
        _ => e.in_file(&model.path),
    })?;
    source::check_encodings(model, target, &resolved.tensors)?;
    report_fallbacks(&mut resolved)?;
    Ok(resolved)
}

/// Warns of types that do not fit the shape of their tensor, unless that was said already.
///
/// # Errors
/// A type that does not fit and has no fallback.
fn report_fallbacks(resolved: &mut Resolved) -> Result<()> {
    let mut fallen = Vec::new();
    for (t, why) in resolved.tensors.iter().zip(&resolved.reasons) {
        if t.encoding.tensor_bytes(&t.entry.shape).is_none() {
            let what = format!("rows of {} elements do not fit the blocks of {}", t.entry.cols(), t.encoding);
            let hint = "Choose another type for this tensor, or allow the fallback.";
            return Err(ModelError::request(what).field(t.entry.name.as_str()).with_hint(hint));
        }
        let wanted = why.fallback_from;
        fallen.extend(wanted.map(|wanted| Fallen { tensor: &t.entry, wanted, written: t.encoding }));
    }
    // A warning about one tensor covers all of them.
    if !resolved.warnings.iter().any(|w| w.code == FALLBACK) {
        let warnings = fallback_warnings(fallen.into_iter());
        resolved.warnings.extend(warnings);
    }
    Ok(())
}

/// An encoding named by the user.
///
/// # Errors
/// A bad-request error that names the option and, when there is one, the nearest known type.
fn parse_encoding(option: impl Into<OptionPath>, name: &str) -> Result<Encoding> {
    Encoding::parse(name).ok_or_else(|| {
        let what = format!("unknown tensor type `{name}`");
        let meant = meaning::tensor_type(name).map_or(String::new(), |m| format!("Did you mean {m}? "));
        let hint =
            Hint::from(meant).then(Remedy::See(Listing::Types)).then(" lists them: f32 f16 bf16 q8_0 q6_k q5_k q4_k …");
        ModelError::request(what).in_option(option).with_hint(hint)
    })
}
