//! To safetensors and PyTorch: a Hugging Face folder from a GGUF, or the source's own tensors under their own names.

use super::parse_encoding;
use super::{Asked, Reason, Resolved, TargetSpec, presets};
use crate::arch;
use crate::graph::Graph;
use crate::model::{
    FormatId, Hint, MetaValue, Metadata, Model, ModelError, OptionName, Remedy, Result, Sidecar, Sidecars, Warning,
    python_json,
};
use crate::plan::PreparedTensor;
use crate::plan::by_size::by_size;
use crate::plan::trial::is_float;
use crate::quant::{Effort, Encoding};
use crate::recipe::{Target, meaning};
use crate::tensor::DType;
use crate::units::plural;
use std::borrow::Cow;

/// How safetensors targets are planned.
pub(crate) static SAFETENSORS: TargetSpec =
    TargetSpec { format: FormatId::Safetensors, presets: presets::SAFETENSORS, ..TENSORS };

/// How PyTorch targets are planned.
pub(crate) static PYTORCH: TargetSpec = TargetSpec { format: FormatId::Pytorch, presets: presets::PYTORCH, ..TENSORS };

/// What both have in common.
const TENSORS: TargetSpec = TargetSpec {
    format: FormatId::Safetensors,
    resolve,
    split: |_, target, _| by_size(target),
    extra_files: |_| Ok(Default::default()),
    forecast: None,
    presets: &[],
};

/// Resolves a safetensors or PyTorch target.
fn resolve(asked: Asked<'_>) -> Result<Resolved> {
    let Asked { model, target, .. } = asked;
    let format = target.format;
    let wanted = wanted(target)?;
    let mut warnings = Vec::new();
    if let Some(graph) = &model.graph {
        warnings.push(without_graph(model, graph, format)?);
    }
    let (source, encodings, architecture) = source_of(model, target, &mut warnings)?;
    let mut tensors = Vec::new();
    for (entry, encoding) in source.tensors.iter().zip(encodings) {
        let cast = wanted.filter(|_| is_float(entry.encoding));
        let encoding = cast.unwrap_or(encoding);
        tensors.push(PreparedTensor { entry: entry.clone(), encoding, importance: None });
    }
    let mut sidecars = source.sidecars.clone();
    if let Some(Encoding::Plain(dtype)) = wanted.filter(|_| !target.bare) {
        declare_dtype(&mut sidecars, dtype)?;
    }
    let folder = sidecars.has("config.json") && !target.bare;
    let strings = |(k, v): (&String, &MetaValue)| v.as_str().map(|s| (k.clone(), s.into()));
    let metadata: Metadata = if source.format == FormatId::Safetensors {
        source.metadata.iter().filter_map(strings).collect()
    } else {
        Metadata::new()
    };
    Ok(Resolved {
        format,
        quantization: target.quantization.clone().unwrap_or_else(|| "auto".to_owned()),
        architecture,
        reasons: vec![Reason::default(); tensors.len()],
        tensors,
        metadata,
        sidecars: if folder { sidecars } else { Sidecars::default() },
        folder,
        effort: Effort::default(),
        left_out: Vec::new(),
        imatrix: None,
        divergence: None,
        calibration: None,
        graph: None,
        warnings,
    })
}

/// What to say of the tensors of an operator graph that are written without it.
///
/// # Errors
/// Tensors that are no plain list of elements of a type that other formats have.
fn without_graph(model: &Model, graph: &Graph, format: FormatId) -> Result<Warning> {
    let hint = || {
        let own = Hint::from("Write the graph itself: ").then(Remedy::Target(model.format.to_string()));
        own.then(".")
    };
    if model.tensors.is_empty() {
        return Err(ModelError::unsupported("the graph has no tensors beside small constants").with_hint(hint()));
    }
    if let Some(c) = graph.constants().find(|c| c.tensor().is_some() && c.elem.dtype().is_none()) {
        let tensor = c.tensor().and_then(|t| model.tensors.get(t.0 as usize));
        let name = tensor.map_or(String::new(), |t| t.name.to_string());
        let what = format!("the tensor has elements of {}, which {format} does not hold", c.elem);
        return Err(ModelError::unsupported(what).field(name).with_hint(hint()));
    }
    if graph.values.iter().any(|(_, v)| v.sparse.is_some()) {
        let what = format!("the graph has sparse tensors, which {format} does not hold");
        return Err(ModelError::unsupported(what).with_hint(hint()));
    }
    let tensors = plural(model.tensors.len(), "tensor");
    let text = format!("the operator graph is not written: {format} gets its {tensors} under the names of the graph");
    Ok(Warning::new("graph.dropped", text))
}

/// The element type that a target asks for; `None` if tensors keep theirs.
fn wanted(target: &Target) -> Result<Option<Encoding>> {
    let format = target.format;
    let wanted = match target.quantization.as_deref() {
        None => None,
        Some(a) if a.eq_ignore_ascii_case("auto") => None,
        Some(a) => match crate::transform::FileType::parse(a).map(|f| (f.name(), f.base())) {
            Some((name, Encoding::Block(_))) => {
                let what = format!("{format} does not hold {name}");
                let hint = "Use f32, f16 or bf16, or write GGUF.";
                return Err(ModelError::request(what).in_option(OptionName::QUANTIZATION).with_hint(hint));
            }
            _ => Some(parse_encoding(OptionName::QUANTIZATION, a).map_err(|e| match meaning::file_type(a) {
                Some(plain @ ("f32" | "f16" | "bf16" | "auto")) => e.with_hint(format!("Did you mean {plain}?")),
                Some(meant) => {
                    let hint = format!("{format} holds f32, f16 and bf16; for {a} write GGUF: ");
                    e.with_hint(Hint::from(hint).then(Remedy::Target(format!("gguf:{meant}"))).then("."))
                }
                None => e,
            })?),
        },
    };
    if let Some(Encoding::Block(b)) = wanted {
        let what = format!("{format} does not hold {b} blocks");
        return Err(ModelError::request(what)
            .in_option(OptionName::QUANTIZATION)
            .with_hint("Use f32, f16 or bf16, or write GGUF."));
    }
    Ok(wanted)
}

/// The model under the names that are written, with the encoding that each of its tensors gets if none is asked for, and the architecture
/// where it is known.
fn source_of<'m>(
    model: &'m Model,
    target: &Target,
    warnings: &mut Vec<Warning>,
) -> Result<(Cow<'m, Model>, Vec<Encoding>, Option<String>)> {
    let converted = if target.bare { None } else { hugging_face(model, warnings)? };
    if let Some((hf, encodings, architecture)) = converted {
        return Ok((Cow::Owned(hf), encodings, Some(architecture)));
    }
    let plain = |e: Encoding| if matches!(e, Encoding::Block(_)) { DType::F16.into() } else { e };
    let source = match arch::unwrapped(model) {
        Some((unwrapped, note)) => {
            warnings.push(note);
            Cow::Owned(unwrapped)
        }
        None => Cow::Borrowed(model),
    };
    let encodings = source.tensors.iter().map(|t| plain(t.encoding)).collect();
    Ok((source, encodings, None))
}

/// A GGUF of a known architecture under its Hugging Face names; `None` for anything else, whose names are kept.
fn hugging_face(model: &Model, warnings: &mut Vec<Warning>) -> Result<Option<(Model, Vec<Encoding>, String)>> {
    if !model.format.has_gguf_names() {
        return Ok(None);
    }
    let Some(architecture) = model.architecture() else {
        if model.format.is_before_gguf() {
            let text = "this network cannot be converted back to Hugging Face; the names in the file are kept and no config is written";
            warnings.push(Warning::new("hf.unknown-architecture", text));
        }
        return Ok(None);
    };
    if !arch::supported().iter().any(|f| f.gguf_arch == architecture) {
        let text = format!(
            "the architecture `{architecture}` cannot be converted back to Hugging Face; GGUF names are kept and no config is written"
        );
        warnings.push(Warning::new("hf.unknown-architecture", text));
        return Ok(None);
    }
    let hf = arch::to_hf(model)?;
    warnings.extend(hf.model.warnings.iter().cloned());
    Ok(Some((hf.model, hf.encodings, architecture.to_owned())))
}

/// Writes the new element type into `config.json` (`dtype` in the style of transformers 5, `torch_dtype` in that of 4).
fn declare_dtype(sidecars: &mut Sidecars, dtype: DType) -> Result<()> {
    let Some(config) = sidecars.read("config.json")? else { return Ok(()) };
    let name = match dtype {
        DType::F32 => "float32",
        DType::F16 => "float16",
        DType::BF16 => "bfloat16",
        DType::F64 => "float64",
        _ => return Ok(()),
    };
    let declare = |config: &mut serde_json::Value| {
        if let Some(map) = config.as_object_mut() {
            let key = if map.contains_key("dtype") { "dtype" } else { "torch_dtype" };
            map.insert(key.to_owned(), name.into());
        }
    };
    let text = python_json::edit(&config, declare)
        .map_err(|e| ModelError::bad(format!("not valid JSON: {e}")).field("config.json"))?;
    sidecars.0.insert("config.json".to_owned(), Sidecar::Bytes(text));
    Ok(())
}
