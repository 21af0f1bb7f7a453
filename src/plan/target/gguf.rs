//! To GGUF: from a Hugging Face model, from another GGUF, or from a lone tensor file.
//!
//! The types `f32 f16 bf16 q8_0 auto` from a Hugging Face model are what llama.cpp's converter writes; every other file type is what
//! llama-quantize makes of the f32 conversion, without the file in between.

use super::super::overrides::{Overrides, parse_encoding};
use super::{Reason, Resolved};
use crate::arch::{self, GgufOptions, OutType};
use crate::formats;
use crate::model::{FormatId, MetaValue, Metadata, Model, ModelError, Result, Warning};
use crate::plan::PreparedTensor;
use crate::plan::build::is_float;
use crate::quant::{BlockType, Encoding, can_quantize};
use crate::recipe::Target;
use crate::tensor::DType;
use crate::transform::{FileType, Imatrix, QuantizeRequest, plan_quantize};
use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// Resolves a GGUF target.
pub fn resolve(model: &Model, target: &Target, overrides: &Overrides) -> Result<Resolved> {
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
    resolved.warnings.sort_by_key(|w| w.tensor.is_some());
    Ok(resolved)
}

fn from_hf(model: &Model, target: &Target, asked: &str, overrides: &Overrides) -> Result<Resolved> {
    let out_type = OutType::parse(asked);
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
    let file_type = file_type(asked)?;
    // The planner sees the f32 conversion; the engine reads the source's own rows, whose values are the same.
    let mut virtual_f32 = converted.model.clone();
    for (t, e) in virtual_f32.tensors.iter_mut().zip(&converted.encodings) {
        t.encoding = *e;
    }
    let mut resolved = quantized(&virtual_f32, target, file_type, overrides)?;
    for t in &mut resolved.tensors {
        if let Some(real) = converted.model.tensor(&t.entry.name) {
            t.entry = real.clone();
        }
    }
    resolved.architecture = Some(converted.architecture);
    let known: Vec<Warning> = std::mem::take(&mut resolved.warnings);
    resolved.warnings = converted.model.warnings;
    resolved.warnings.extend(known);
    Ok(resolved)
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
            name => overrides.rule(name),
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
        metadata: converted.model.metadata,
        sidecars: crate::model::Sidecars::default(),
        folder: false,
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

fn quantized(model: &Model, target: &Target, file_type: FileType, overrides: &Overrides) -> Result<Resolved> {
    let imatrix = target.imatrix.as_deref().map(open_imatrix).transpose()?.map(Arc::new);
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
        keep_order: target.keep_split,
        ..QuantizeRequest::new(file_type)
    };
    let plan = plan_quantize(model, &request)?;
    let mut tensors = Vec::new();
    let mut reasons = Vec::new();
    for (i, choice) in plan.order.iter().zip(&plan.choices) {
        let entry = model.tensors[*i].clone();
        let covered =
            |m: &&Arc<Imatrix>| m.get(&entry.name).is_some_and(|v| v.len() as u64 == columns_of_experts(&entry));
        let importance = imatrix.as_ref().filter(covered).cloned();
        tensors.push(PreparedTensor { entry, encoding: choice.encoding, importance });
        reasons.push(Reason { because: choice.because.map(str::to_owned), fallback_from: choice.fallback_from });
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
        warnings: plan.warnings,
    })
}

/// Importance values a tensor needs: its columns, for each stacked expert.
fn columns_of_experts(entry: &crate::model::TensorEntry) -> u64 {
    entry.cols().saturating_mul(entry.stacked())
}

/// Largest `.dat` importance matrix read.
const MAX_DAT_BYTES: u64 = 4 << 30;

/// Opens an importance matrix: llama.cpp's GGUF form or its older `.dat` form.
fn open_imatrix(path: &Path) -> Result<Imatrix> {
    let name = path.display().to_string();
    let mut magic = [0u8; 4];
    let fail = |e| ModelError::io(path, "reading the importance matrix", e);
    let mut file = std::fs::File::open(path).map_err(fail)?;
    let len = file.metadata().map_err(fail)?.len();
    if file.read_exact(&mut magic).is_ok() && &magic == b"GGUF" {
        return Imatrix::from_model(&formats::open(path)?, &name).map_err(|e| e.in_file(path));
    }
    if len > MAX_DAT_BYTES {
        return Err(ModelError::limit(format!("{len} bytes is more than any importance matrix has")).in_file(path));
    }
    Imatrix::parse_dat(&std::fs::read(path).map_err(fail)?, &name).map_err(|e| e.in_file(path))
}

fn from_gguf(model: &Model, target: &Target, asked: &str, overrides: &Overrides) -> Result<Resolved> {
    let architecture = model.metadata.get("general.architecture").and_then(MetaValue::as_str).map(str::to_owned);
    let mut resolved = if asked.eq_ignore_ascii_case("auto") || asked.eq_ignore_ascii_case("copy") {
        let mut resolved = kept(model, "auto");
        resolved.metadata = model.metadata.clone();
        resolved.metadata.retain(|k, _| !k.starts_with("split."));
        for (t, why) in resolved.tensors.iter_mut().zip(&mut resolved.reasons) {
            if let Some(e) = overrides.rule(&t.entry.name) {
                t.encoding = e;
                why.because = Some("asked for".to_owned());
            }
        }
        resolved
    } else {
        quantized(model, target, file_type(asked)?, overrides)?
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
        warnings: Vec::new(),
    }
}

/// A lone tensor file without a config: names kept, matrices in the type asked for where their rows fit.
fn from_tensors(model: &Model, target: &Target, asked: &str, overrides: &Overrides) -> Result<Resolved> {
    let wanted = match asked {
        a if a.eq_ignore_ascii_case("auto") => None,
        a => Some(FileType::parse(a).map(|f| f.base()).map_or_else(|| parse_encoding("quantization", a), Ok)?),
    };
    let mut resolved = kept(model, asked);
    resolved.metadata.insert("general.architecture".to_owned(), "unknown".into());
    resolved.metadata.extend(model.metadata.iter().map(|(k, v)| (k.clone(), v.clone())));
    for (t, why) in resolved.tensors.iter_mut().zip(&mut resolved.reasons) {
        let rule = overrides.rule(&t.entry.name);
        let fits = |e: Encoding| e.row_bytes(t.entry.cols()).is_some();
        match (rule, wanted) {
            (Some(e), _) => (t.encoding, why.because) = (e, Some("asked for".to_owned())),
            (None, Some(e))
                if is_float(t.entry.encoding) && (t.entry.shape.rank() >= 2 || matches!(e, Encoding::Plain(_))) =>
            {
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
