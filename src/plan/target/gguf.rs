//! To GGUF: from a Hugging Face model, from another GGUF, or from a lone tensor file.
//!
//! The types `f32 f16 bf16 q8_0 auto` from a Hugging Face model are what llama.cpp's converter writes; every other file type is what
//! llama-quantize makes of the f32 conversion, without the file in between.

use super::super::overrides::{Overrides, parse_encoding};
use super::super::{importance, metadata};
use super::{Reason, Resolved};
use crate::arch::{self, GgufOptions, OutType};
use crate::model::{FormatId, MetaValue, Metadata, Model, ModelError, Result, Warning};
use crate::plan::PreparedTensor;
use crate::plan::build::is_float;
use crate::quant::{BlockType, Encoding, can_quantize};
use crate::recipe::Target;
use crate::tensor::DType;
use crate::transform::{FileType, Pruned, QuantizeRequest, may_quantize, plan_quantize, prune_layers};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// Resolves a GGUF target.
pub fn resolve(model: &Model, target: &Target, overrides: &Overrides) -> Result<Resolved> {
    importance::check_filters(target)?;
    let asked = target.quantization.as_deref().unwrap_or("auto");
    let mut resolved = if model.format == FormatId::Gguf {
        from_gguf(model, target, asked, overrides)?
    } else if model.sidecars.has("config.json") {
        from_hf(model, target, asked, overrides)?
    } else {
        from_tensors(model, target, asked, overrides)?
    };
    for (t, _) in resolved.tensors.iter().zip(&resolved.reasons) {
        if let Encoding::Block(b) = t.encoding
            && t.entry.encoding != t.encoding
            && !can_quantize(b)
        {
            let what = format!("this version does not quantize to {b}");
            let hint = "`remold formats` lists the types that can be made.";
            return Err(ModelError::unsupported(what).field(t.entry.name.as_str()).with_hint(hint));
        }
    }
    if let Some(path) = &target.imatrix
        && resolved.imatrix.as_ref().is_none_or(|c| c.quantized == 0)
    {
        let text = format!("{} is not used: no tensor becomes a type it matters for", path.display());
        resolved.warnings.push(Warning::new("imatrix.unused", text));
    }
    resolved.warnings.sort_by_key(|w| w.tensor.is_some());
    Ok(resolved)
}

fn from_hf(model: &Model, target: &Target, asked: &str, overrides: &Overrides) -> Result<Resolved> {
    // The converter leaves no layers out: then every type is llama-quantize's.
    let pruning = !target.prune_layers.is_empty();
    let out_type = OutType::parse(asked).filter(|_| !pruning);
    let options = GgufOptions {
        out_type: out_type.unwrap_or(OutType::F32),
        context_length: target.context_length,
        model_name: target.model_name.clone(),
        pre_tokenizer: target.pre_tokenizer.clone(),
    };
    let converted = arch::to_gguf(model, &options)?;
    check_complete(&converted)?;
    if let Some(out_type) = out_type {
        return from_converted(converted, out_type, target, overrides);
    }
    let file_type = match OutType::parse(asked) {
        Some(OutType::Auto) => converter_choice(model, &options)?,
        _ => file_type(asked)?,
    };
    // The planner sees the f32 conversion; the engine reads the source's own rows, whose values are the same.
    let mut virtual_f32 = converted.model.clone();
    for (t, e) in virtual_f32.tensors.iter_mut().zip(&converted.encodings) {
        t.encoding = *e;
    }
    let pruned = prune(&virtual_f32, target)?;
    let mut resolved = quantized(&virtual_f32, pruned.as_ref(), target, file_type, overrides)?;
    for t in &mut resolved.tensors {
        let name = std::mem::take(&mut t.entry.name);
        let source = pruned.as_ref().map(|p| p.old_name(&name));
        if let Some(real) = converted.model.tensor(source.as_deref().unwrap_or(&name)) {
            t.entry = real.clone();
        }
        t.entry.name = name;
    }
    resolved.architecture = Some(converted.architecture);
    let known: Vec<Warning> = std::mem::take(&mut resolved.warnings);
    resolved.warnings = converted.model.warnings;
    resolved.warnings.extend(known);
    Ok(resolved)
}

/// The file type that `auto` stands for, as the converter chooses it.
fn converter_choice(model: &Model, options: &GgufOptions) -> Result<FileType> {
    let auto = arch::to_gguf(model, &GgufOptions { out_type: OutType::Auto, ..options.clone() })?;
    let id = auto.model.metadata.get("general.file_type").and_then(MetaValue::as_u64);
    Ok(id.and_then(|id| FileType::parse(&id.to_string())).unwrap_or(FileType::F16))
}

fn prune(model: &Model, target: &Target) -> Result<Option<Pruned>> {
    if target.prune_layers.is_empty() {
        return Ok(None);
    }
    prune_layers(model, &target.prune_layers.iter().copied().collect()).map(Some)
}

/// Sets metadata as `gguf_set_val_*` does: at the end, whether it was there or not.
fn set_all(metadata: &mut Metadata, values: Vec<(String, MetaValue)>) {
    for (key, value) in values {
        metadata.shift_remove(&key);
        metadata.insert(key, value);
    }
}

/// Refuses what no runtime will load: weights that are not those of the config. llama.cpp's converter writes such files; its
/// loader then stops at them.
fn check_complete(converted: &arch::GgufModel) -> Result<()> {
    let wrong = |field: &str, what: String, hint: &str| {
        Err(ModelError::bad(what).in_file(Path::new("config.json")).field(field).with_hint(hint))
    };
    let declared = |key: &str| match converted.model.metadata.get(&format!("{}.{key}", converted.architecture)) {
        Some(MetaValue::U32(n)) => Some(*n),
        _ => None,
    };
    if let (Some(n), Some(embedding)) = (declared("embedding_length"), converted.model.tensor("token_embd.weight"))
        && u64::from(n) != embedding.cols()
    {
        let what =
            format!("it is {n} (what is not given has its default) but the embedding has {} columns", embedding.cols());
        return wrong("hidden_size", what, "Is this the config of another model, or is the field missing?");
    }
    let layers: BTreeSet<u32> = converted.model.tensors.iter().filter_map(|t| arch::classify(&t.name).layer).collect();
    let missing = declared("block_count").and_then(|all| (0..all).find(|n| !layers.contains(n)).map(|n| (all, n)));
    if let Some((all, n)) = missing.filter(|_| !layers.is_empty()) {
        let what = format!("{all} layers are declared but layer {n} has no weights");
        return wrong(
            "num_hidden_layers",
            what,
            "Is a file of the weights missing, or is this the config of another model?",
        );
    }
    Ok(())
}

fn from_converted(
    converted: arch::GgufModel,
    out_type: OutType,
    target: &Target,
    overrides: &Overrides,
) -> Result<Resolved> {
    let mut metadata = converted.model.metadata;
    let values = metadata::overrides(target, &metadata)?;
    set_all(&mut metadata, values);
    let mut tensors = Vec::new();
    let mut reasons = Vec::new();
    for (entry, encoding) in converted.model.tensors.iter().zip(&converted.encodings) {
        let fell_back = out_type == OutType::Q8_0 && *encoding == Encoding::Plain(DType::F16);
        let mut reason = Reason::default();
        if fell_back {
            reason.fallback_from = Some(BlockType::Q8_0.into());
            if target.no_fallback {
                let what = format!("rows of {} elements do not fit Q8_0", entry.cols());
                return Err(ModelError::request(what)
                    .field(entry.name.as_str())
                    .with_hint("Leave out no_fallback to write it as f16."));
            }
        }
        let forced = match entry.name.as_str() {
            "token_embd.weight" if overrides.embedding.is_some() => overrides.embedding,
            "output.weight" if overrides.output.is_some() => overrides.output,
            name => overrides.rule(name).filter(|_| may_quantize(entry, &converted.architecture)),
        };
        if forced.is_some() {
            reason = Reason { because: Some("asked for".to_owned()), fallback_from: None };
        }
        tensors.push(PreparedTensor { entry: entry.clone(), encoding: forced.unwrap_or(*encoding), importance: None });
        reasons.push(reason);
    }
    Ok(Resolved {
        format: FormatId::Gguf,
        quantization: out_type.name().to_owned(),
        architecture: Some(converted.architecture),
        tensors,
        reasons,
        metadata,
        sidecars: crate::model::Sidecars::default(),
        folder: false,
        imatrix: None,
        warnings: converted.model.warnings,
    })
}

fn file_type(asked: &str) -> Result<FileType> {
    FileType::parse(asked).ok_or_else(|| {
        let fold = |s: &str| s.to_ascii_lowercase().replace(['-', '_', '.', ' '], "");
        let names = FileType::ALL.iter().map(|f| f.name()).chain(["auto"]);
        let distance = |n: &&str| strsim::damerau_levenshtein(&fold(n), &fold(asked));
        let nearest = names.min_by_key(distance).unwrap_or("Q4_K_M");
        let what = format!("there is no quantization `{asked}`");
        ModelError::request(what)
            .field("quantization")
            .with_hint(format!("Did you mean {nearest}? `remold formats` lists them."))
    })
}

/// What llama-quantize makes of `model`, without the layers that were pruned from it.
fn quantized(
    model: &Model,
    pruned: Option<&Pruned>,
    target: &Target,
    file_type: FileType,
    overrides: &Overrides,
) -> Result<Resolved> {
    let (matrix, mut coverage) = match importance::open(model, target)? {
        Some((matrix, coverage)) => (matrix, Some(coverage)),
        None => (None, None),
    };
    let imatrix = match pruned {
        Some(p) => matrix.map(|m| m.renamed(|name| p.new_name(name))),
        None => matrix,
    };
    let imatrix = imatrix.map(Arc::new);
    let model = pruned.map_or(model, |p| &p.model);
    let named = |t: &crate::model::TensorEntry| overrides.rule(&t.name).map(|e| (t.name.clone(), e));
    let request = QuantizeRequest {
        imatrix: imatrix.clone(),
        token_embedding_type: overrides.embedding,
        output_type: overrides.output,
        tensor_types: model.tensors.iter().filter_map(named).collect(),
        pure: target.pure,
        leave_output: target.leave_output,
        no_fallback: target.no_fallback,
        allow_requantize: target.allow_requantize,
        overrides: metadata::overrides(target, &model.metadata)?,
        layers_before_pruning: pruned.map(|p| p.layers_before),
        ..QuantizeRequest::new(file_type)
    };
    let plan = plan_quantize(model, &request)?;
    let mut tensors = Vec::new();
    let mut reasons = Vec::new();
    for (i, choice) in plan.order.iter().zip(&plan.choices) {
        let entry = model.tensors[*i].clone();
        let wanted = entry.cols().saturating_mul(entry.stacked());
        let fits = imatrix.as_ref().and_then(|m| m.get(&entry.name)).is_some_and(|v| v.len() as u64 == wanted);
        let importance = imatrix.clone().filter(|_| fits);
        tensors.push(PreparedTensor { entry, encoding: choice.encoding, importance });
        reasons.push(Reason { because: choice.because.map(str::to_owned), fallback_from: choice.fallback_from });
    }
    let mut warnings = plan.warnings;
    warnings.extend(pruned.map(|p| p.warnings.clone()).unwrap_or_default());
    if matches!(file_type.base(), Encoding::Plain(_)) && !file_type.is_copy() && !target.tensor_types.is_empty() {
        let text = format!("tensor_types change nothing in {file_type}: they act on quantized file types");
        warnings.push(Warning::new("tensor_types.unused", text));
    }
    if let Some(coverage) = &mut coverage {
        coverage.measure(imatrix.as_deref(), &tensors);
    }
    Ok(Resolved {
        format: FormatId::Gguf,
        quantization: file_type.name().to_owned(),
        architecture: None,
        tensors,
        reasons,
        metadata: plan.metadata,
        sidecars: crate::model::Sidecars::default(),
        folder: false,
        imatrix: coverage,
        warnings,
    })
}

fn from_gguf(model: &Model, target: &Target, asked: &str, overrides: &Overrides) -> Result<Resolved> {
    let architecture = model.metadata.get("general.architecture").and_then(MetaValue::as_str).map(str::to_owned);
    let pruned = prune(model, target)?;
    let mut resolved = if asked.eq_ignore_ascii_case("auto") || asked.eq_ignore_ascii_case("copy") {
        let mut resolved = match &pruned {
            Some(_) => quantized(model, pruned.as_ref(), target, FileType::Copy, overrides)?,
            None => {
                let mut resolved = kept(model, "auto");
                resolved.metadata = model.metadata.clone();
                resolved.metadata.retain(|k, _| !k.starts_with("split."));
                set_all(&mut resolved.metadata, metadata::overrides(target, &model.metadata)?);
                resolved
            }
        };
        resolved.quantization = "auto".to_owned();
        for (t, why) in resolved.tensors.iter_mut().zip(&mut resolved.reasons) {
            let may = may_quantize(&t.entry, architecture.as_deref().unwrap_or_default());
            if let Some(e) = overrides.rule(&t.entry.name).filter(|_| may) {
                t.encoding = e;
                why.because = Some("asked for".to_owned());
            }
        }
        resolved
    } else {
        quantized(model, pruned.as_ref(), target, file_type(asked)?, overrides)?
    };
    if let (Some(n), Some(arch)) = (target.context_length, &architecture) {
        let value = u32::try_from(n).map_or(MetaValue::U64(n), MetaValue::U32);
        resolved.metadata.insert(format!("{arch}.context_length"), value);
    }
    if let Some(name) = &target.model_name {
        resolved.metadata.insert("general.name".to_owned(), name.as_str().into());
    }
    resolved.architecture = architecture;
    Ok(resolved)
}

/// Every tensor as it is.
fn kept(model: &Model, name: &str) -> Resolved {
    let as_is =
        |e: &crate::model::TensorEntry| PreparedTensor { entry: e.clone(), encoding: e.encoding, importance: None };
    Resolved {
        format: FormatId::Gguf,
        quantization: name.to_owned(),
        architecture: None,
        tensors: model.tensors.iter().map(as_is).collect(),
        reasons: vec![Reason::default(); model.tensors.len()],
        metadata: Metadata::new(),
        sidecars: crate::model::Sidecars::default(),
        folder: false,
        imatrix: None,
        warnings: Vec::new(),
    }
}

/// A lone tensor file without a config: names kept, matrices in the type asked for where their rows fit.
fn from_tensors(model: &Model, target: &Target, asked: &str, overrides: &Overrides) -> Result<Resolved> {
    if !target.prune_layers.is_empty() {
        return Err(ModelError::request(
            "there is no config.json beside the tensors that would say what its layers are",
        )
        .field("prune_layers")
        .with_hint("Give the model's folder, or a GGUF file."));
    }
    let wanted = match asked {
        a if a.eq_ignore_ascii_case("auto") => None,
        a => Some(FileType::parse(a).map(|f| f.base()).map_or_else(|| parse_encoding("quantization", a), Ok)?),
    };
    let mut resolved = kept(model, asked);
    resolved.metadata.insert("general.architecture".to_owned(), "unknown".into());
    resolved.metadata.extend(model.metadata.iter().map(|(k, v)| (k.clone(), v.clone())));
    set_all(&mut resolved.metadata, metadata::overrides(target, &model.metadata)?);
    for (t, why) in resolved.tensors.iter_mut().zip(&mut resolved.reasons) {
        let matrix = t.entry.shape.rank() >= 2;
        let rule = overrides.rule(&t.entry.name).filter(|e| matrix || matches!(e, Encoding::Plain(_)));
        let fits = |e: Encoding| e.row_bytes(t.entry.cols()).is_some();
        match (rule, wanted) {
            (Some(e), _) => (t.encoding, why.because) = (e, Some("asked for".to_owned())),
            (None, Some(e)) if is_float(t.entry.encoding) && (matrix || matches!(e, Encoding::Plain(_))) => {
                if fits(e) {
                    t.encoding = e;
                } else if target.no_fallback {
                    let what = format!("rows of {} elements do not fit {e}", t.entry.cols());
                    return Err(ModelError::request(what)
                        .field(t.entry.name.as_str())
                        .with_hint("Leave out no_fallback to keep its type, or give one by pattern (tensor_types)."));
                } else {
                    why.fallback_from = Some(e);
                }
            }
            _ => {}
        }
        if t.encoding.ggml_code().is_none() {
            if !is_float(t.encoding) {
                let what = format!("GGUF has no type for {}", t.encoding);
                return Err(ModelError::unsupported(what)
                    .field(t.entry.name.as_str())
                    .with_hint("Leave this tensor out of the source, or convert it to another type first."));
            }
            why.fallback_from = Some(t.encoding);
            t.encoding = DType::F16.into();
        }
    }
    let text = "there is no config.json beside the tensors: names are kept and no architecture is declared, so no runtime will load the file as a network";
    resolved.warnings.push(Warning::new("gguf.no-architecture", text));
    Ok(resolved)
}
