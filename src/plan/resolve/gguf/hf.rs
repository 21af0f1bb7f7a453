//! From a Hugging Face model: what llama.cpp's converter writes, and the model that llama-quantize would be given.

use super::super::{Reason, Resolved};
use super::overrides::Overrides;
use super::ready::{Ready, pure_without_effect};
use super::{context, metadata, set_all};
use crate::arch::{self, GgufOptions, OutType};
use crate::model::{FormatId, MetaValue, Model, ModelError, Name, Result};
use crate::plan::PreparedTensor;
use crate::quant::{BlockType, Effort, Encoding};
use crate::recipe::Target;
use crate::recipe::options::gguf;
use crate::tensor::DType;
use crate::transform::{FileType, VECTORS, may_quantize};

/// What the converter writes for one of its own types.
pub(super) fn converted(model: &Model, target: &Target, out_type: OutType, overrides: &Overrides) -> Result<Resolved> {
    let mut converted = arch::to_gguf(model, &options(target, out_type))?;
    context::declare(&mut converted.model, target)?;
    from_converted(converted, out_type, target, overrides)
}

/// The f32 conversion, as llama-quantize would read it. Its tensors are the source's own, whose values are the same.
pub(super) fn ready(model: &Model, target: &Target) -> Result<Ready> {
    let mut converted = arch::to_gguf(model, &options(target, OutType::F32))?;
    context::declare(&mut converted.model, target)?;
    let mut seen = converted.model.clone();
    for (t, e) in seen.tensors.iter_mut().zip(&converted.encodings) {
        t.encoding = *e;
    }
    let mut ready = Ready::new(seen, &converted.model.tensors, target)?;
    ready.architecture = Some(converted.architecture);
    ready.warnings = converted.model.warnings;
    Ok(ready)
}

fn options(target: &Target, out_type: OutType) -> GgufOptions {
    GgufOptions { out_type, model_name: target.get(&gguf::MODEL_NAME), pre_tokenizer: target.get(&gguf::PRE_TOKENIZER) }
}

/// The file type that `auto` means, as the converter chooses it.
pub(super) fn converter_choice(model: &Model, target: &Target) -> Result<FileType> {
    let auto = arch::to_gguf(model, &options(target, OutType::Auto))?;
    let id = auto.model.metadata.get("general.file_type").and_then(MetaValue::as_u64);
    Ok(id.and_then(|id| FileType::parse(&id.to_string())).unwrap_or(FileType::F16))
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
        if entry.shape.rank() <= 1 && *encoding == Encoding::Plain(DType::F32) && entry.encoding != *encoding {
            reason.because = Some(Name::word(VECTORS));
        }
        if fell_back {
            reason.fallback_from = Some(BlockType::Q8_0.into());
            if target.get(&gguf::NO_FALLBACK) {
                let what = format!("rows of {} elements do not fit Q8_0", entry.cols());
                return Err(ModelError::request(what)
                    .field(entry.name.as_str())
                    .with_hint("Remove no_fallback to write it as f16."));
            }
        }
        let forced = match entry.name.as_str() {
            "token_embd.weight" if overrides.embedding.is_some() => overrides.embedding,
            "output.weight" if target.get(&gguf::LEAVE_OUTPUT) => None,
            "output.weight" if overrides.output.is_some() => overrides.output,
            _ => overrides.rule(entry).filter(|_| may_quantize(entry, &converted.architecture)),
        };
        if forced.is_some() {
            reason = Reason { because: Some(Name::word("asked for")), fallback_from: None };
        }
        tensors.push(PreparedTensor { entry: entry.clone(), encoding: forced.unwrap_or(*encoding), importance: None });
        reasons.push(reason);
    }
    let mut warnings = converted.model.warnings;
    warnings.extend(target.get(&gguf::PURE).then(pure_without_effect));
    Ok(Resolved {
        format: FormatId::Gguf,
        // Spelled as llama-quantize's types are, whichever of the two makes it.
        quantization: match out_type.name() {
            "auto" => "auto".to_owned(),
            name => name.to_ascii_uppercase(),
        },
        architecture: Some(converted.architecture),
        tensors,
        reasons,
        metadata,
        sidecars: crate::model::Sidecars::default(),
        folder: false,
        effort: Effort::default(),
        left_out: Vec::new(),
        imatrix: None,
        divergence: None,
        calibration: None,
        graph: None,
        warnings,
    })
}
