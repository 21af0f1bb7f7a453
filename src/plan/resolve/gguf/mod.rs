//! To GGUF: from a Hugging Face model (`hf`), from another GGUF, or from a lone tensor file (`lone`).
//!
//! The types `f32 f16 bf16 q8_0 auto` from a Hugging Face model are what llama.cpp's converter writes; every other file type
//! is what llama-quantize makes of the f32 conversion (`ready`), without the file in between. A budget instead of a type is
//! read in `budget` and met in `mixer`.

mod budget;
mod context;
mod costs;
mod file_types;
mod forecast;
mod forecast_many;
mod hf;
mod importance;
mod lone;
mod metadata;
mod mixer;
pub(super) mod modelfile;
mod naming;
mod overrides;
mod pick;
mod presets;
mod ready;
mod split;
mod within;

use super::{Asked, ExtraFiles, ExtraRequest, Resolved, TargetSpec};
use crate::arch::{self, OutType};
use crate::model::{
    FormatId, Hint, Listing, MetaValue, Metadata, Model, ModelError, Name, OptionName, Remedy, Result, Warning,
};
use crate::quant::{Effort, Encoding, can_quantize, repacks_to};
use crate::recipe::options::gguf;
use crate::recipe::{Target, meaning};
use crate::task::Task;
use crate::tensor::DType;
use crate::transform::{FileType, may_quantize};
use overrides::Overrides;

use budget::Budget;
use mixer::{Loss, Mixer};
use ready::Ready;

/// How GGUF targets are planned.
pub(crate) static TARGET: TargetSpec = TargetSpec {
    format: FormatId::Gguf,
    resolve,
    split: split::resolve,
    extra_files,
    forecast: Some(forecast::forecast),
    presets: presets::PRESETS,
};

/// The Modelfile, when it is asked for or needed.
fn extra_files(request: &ExtraRequest<'_>) -> Result<ExtraFiles> {
    if wants_modelfile(request.target) { modelfile::write(request) } else { Ok(ExtraFiles::default()) }
}

/// True if a Modelfile is written: an adapter and a name in Ollama are of no use without one.
fn wants_modelfile(target: &Target) -> bool {
    target.get(&gguf::MODELFILE) || target.has(&gguf::MODELFILE_ADAPTER) || target.has(&gguf::OLLAMA_CREATE)
}

/// What decides the types of a target's tensors.
#[derive(Clone, Copy)]
enum Choice<'a> {
    /// A type by name.
    Type(&'a str),
    /// The types that lose least within a budget.
    Budget(Budget, Task<'a>),
}

/// Resolves a GGUF target; a budget is measured as `how` says.
fn resolve(asked: Asked<'_>) -> Result<Resolved> {
    let Asked { model, target, how } = asked;
    let model = &*arch::named(model)?;
    let overrides = &Overrides::parse(target)?;
    importance::check_filters(target)?;
    let like = overrides.file_type_of_like();
    let asked = match (Budget::of(target)?, like) {
        (Some(budget), None) => Choice::Budget(budget, how),
        (Some(_), Some(_)) => {
            return Err(ModelError::request("a budget chooses types, and like copies them")
                .in_option(&gguf::LIKE)
                .with_hint("Give one of them."));
        }
        (None, like) => {
            Choice::Type(target.quantization.as_deref().unwrap_or_else(|| like.map_or("auto", FileType::name)))
        }
    };
    let mut resolved = if has_network(model) {
        from_gguf(model, target, asked, overrides)?
    } else if model.sidecars.has("config.json") && !target.bare {
        from_hf(model, target, asked, overrides)?
    } else if let Choice::Type(asked) = asked {
        lone::from_tensors(model, target, asked, overrides)?
    } else {
        return Err(if target.bare { bare_budget() } else { no_config("a budget") });
    };
    in_todays_types(&mut resolved);
    for (t, _) in resolved.tensors.iter().zip(&resolved.reasons) {
        if let Encoding::Block(b) = t.encoding
            && t.entry.encoding != t.encoding
            && !can_quantize(b)
        {
            let what = format!("this version does not quantize to {b}");
            let hint = Hint::from(Remedy::See(Listing::Types)).then(" lists the types that can be made.");
            return Err(ModelError::unsupported(what).field(t.entry.name.as_str()).with_hint(hint));
        }
    }
    if let Some(path) = target.get(&gguf::IMATRIX)
        && resolved.imatrix.as_ref().is_none_or(|c| c.quantized == 0)
    {
        // Not used is not the same as not there.
        std::fs::metadata(&path).map_err(|e| ModelError::io(&path, "opening", e))?;
        let text = format!("{} is not used: no tensor gets a type that uses it", path.display());
        resolved.warnings.push(Warning::new("imatrix.unused", text));
    }
    resolved.warnings.sort_by_key(|w| w.tensor.is_some());
    overrides.check_all_match(resolved.tensors.iter().map(|t| &t.entry))?;
    resolved
        .warnings
        .extend(overrides.check_like(resolved.tensors.iter().map(|t| &t.entry), resolved.architecture.as_deref())?);
    resolved.effort = effort(target)?;
    resolved.left_out = target.get(&gguf::PRUNE_LAYERS);
    resolved.warnings.extend(naming::commit_as_name(model, target, &resolved.metadata));
    resolved.warnings.extend(overrides.ambiguous(resolved.tensors.iter().map(|t| &t.entry)));
    if Budget::of(target)?.is_none() {
        for path in [target.get(&gguf::BUDGET_DATA), target.get(&gguf::BUDGET_CHECK)].into_iter().flatten() {
            // Not used is not the same as not there.
            std::fs::metadata(&path).map_err(|e| ModelError::io(&path, "opening", e))?;
        }
        let keys = [
            (&gguf::BUDGET_DATA.key, target.has(&gguf::BUDGET_DATA)),
            (&gguf::BUDGET_CHECK.key, target.has(&gguf::BUDGET_CHECK)),
            (&gguf::SCORES.key, target.has(&gguf::SCORES)),
            (&gguf::BUDGET_TYPES.key, target.has(&gguf::BUDGET_TYPES)),
            (&gguf::SCORE_TIME.key, target.has(&gguf::SCORE_TIME)),
        ];
        for (key, _) in keys.into_iter().filter(|(_, given)| *given) {
            let flag = key.flag.map(|flag| format!(" (--{})", flag.long)).unwrap_or_default();
            let text = format!("{}{flag} has no effect without target_size, target_bpw or max_kld", key.name);
            resolved.warnings.push(Warning::new("option.unused", text));
        }
    } else if target.has(&gguf::SCORE_TIME) && !target.has(&gguf::BUDGET_DATA) {
        let text =
            "score_time (--score-time) has no effect without budget_data (--data): nothing is measured with a text";
        resolved.warnings.push(Warning::new("option.unused", text));
    }
    if target.get(&gguf::LEAVE_OUTPUT)
        && !target.has(&gguf::OUTPUT_TYPE)
        && !resolved.tensors.iter().any(|t| matches!(t.encoding, Encoding::Block(_)))
    {
        let text = "leave_output (--leave-output) has no effect: no tensor is quantized";
        resolved.warnings.push(Warning::new("option.unused", text));
    }
    if target.get(&gguf::LEAVE_OUTPUT) && target.has(&gguf::OUTPUT_TYPE) {
        let text = "output_type (--output-type) has no effect with leave_output (--leave-output), which leaves the output matrix unquantized";
        resolved.warnings.push(Warning::new("option.unused", text));
    }
    if resolved.effort != Effort::Reference
        && !resolved.tensors.iter().any(|t| matches!(t.encoding, Encoding::Block(_)))
    {
        let text = "effort (--effort) has no effect: no tensor is quantized";
        resolved.warnings.push(Warning::new("option.unused", text));
    }
    if target.has(&gguf::USE_MLOCK) && !wants_modelfile(target) {
        let text = "use_mlock is a setting of the runtime, not of the file: it goes into a Modelfile; add modelfile (--modelfile) to get one";
        resolved.warnings.push(Warning::new("option.runtime-only", text));
    }
    Ok(resolved)
}

/// A model as llama-quantize would be given it, ready for any number of file types and budgets.
///
/// # Errors
/// Architectures that cannot be converted; a lone tensor file; an importance matrix of another model.
fn ready(model: &Model, target: &Target) -> Result<Ready> {
    let model = &*arch::named(model)?;
    if has_network(model) {
        Ready::of_gguf(&declared(model, target)?, target)
    } else if model.sidecars.has("config.json") {
        hf::ready(model, target)
    } else {
        Err(no_config("a forecast"))
    }
}

/// The size of the smallest mix of types that a budget can choose for a model.
///
/// # Errors
/// As for a budget, except those of measuring.
pub(in crate::plan) fn least_mix_bytes(model: &Model, target: &Target) -> Result<u64> {
    mixer::least_bytes(&ready(model, target)?, target, &Overrides::parse(target)?)
}

fn bare_budget() -> ModelError {
    ModelError::request("a budget needs a model, and bare converts only the tensors")
        .with_hint(Hint::from("Omit one of them, or name a type").then(Remedy::Example("gguf:q8_0", None)).then("."))
}

fn no_config(what: &str) -> ModelError {
    ModelError::request(format!("{what} needs a model with its config.json, and there is none next to the tensors"))
        .with_hint(
            Hint::from("Give the model's folder or a GGUF. A type by name needs neither: ")
                .then(Remedy::Run("convert … --to gguf:q8_0".to_owned()))
                .then("."),
        )
}

fn from_hf(model: &Model, target: &Target, asked: Choice<'_>, overrides: &Overrides) -> Result<Resolved> {
    let out_type = match asked {
        Choice::Type(name) => OutType::parse(name),
        Choice::Budget(..) => None,
    };
    // The converter leaves no layers out, and quantizes the output matrix: then every type is llama-quantize's.
    let is_converters = |t: &OutType| {
        target.get(&gguf::PRUNE_LAYERS).is_empty() && !(*t == OutType::Q8_0 && target.get(&gguf::LEAVE_OUTPUT))
    };
    if let Some(out_type) = out_type.filter(is_converters) {
        return hf::converted(model, target, out_type, overrides);
    }
    let ready = hf::ready(model, target)?;
    match (asked, out_type) {
        (Choice::Budget(budget, how), _) => within::within((model, &ready), budget, target, overrides, how),
        (Choice::Type(_), Some(OutType::Auto)) => {
            ready.quantized(target, hf::converter_choice(model, target)?, overrides)
        }
        (Choice::Type(name), _) => ready.quantized(target, file_type(name)?, overrides),
    }
}

fn from_gguf(model: &Model, target: &Target, asked: Choice<'_>, overrides: &Overrides) -> Result<Resolved> {
    let as_it_is = |name: &str| name.eq_ignore_ascii_case("auto") || name.eq_ignore_ascii_case("copy");
    let model = &declared(model, target)?;
    let mut resolved = match asked {
        Choice::Type(name) if as_it_is(name) => as_is(model, target, overrides)?,
        Choice::Type(name) => Ready::of_gguf(model, target)?.quantized(target, file_type(name)?, overrides)?,
        Choice::Budget(budget, how) => {
            let ready = Ready::of_gguf(model, target)?;
            within::within((model, &ready), budget, target, overrides, how)?
        }
    };
    resolved.architecture = model.architecture().map(str::to_owned);
    Ok(resolved)
}

/// True for a source with GGUF's names and metadata: any GGUF, and a network from before GGUF that got them.
fn has_network(model: &Model) -> bool {
    model.format.has_gguf_names()
        && (!model.format.is_before_gguf() || model.metadata.contains_key("general.architecture"))
}

/// Gives tensors in blocks from before GGUF a type that it has: the one with the same levels, or f16, which all others are decoded to.
fn in_todays_types(resolved: &mut Resolved) {
    let mut decoded = 0;
    for (t, why) in resolved.tensors.iter_mut().zip(&mut resolved.reasons) {
        let Encoding::Block(early) = t.encoding else { continue };
        if !early.is_early() {
            continue;
        }
        let (encoding, because) = match repacks_to(early) {
            Some(same) => (same.into(), "same levels"),
            None => (DType::F16.into(), "no such type today"),
        };
        decoded += usize::from(!matches!(encoding, Encoding::Block(_)));
        (t.encoding, why.because) = (encoding, Some(Name::word(because)));
    }
    if decoded > 0 {
        let text = format!("GGUF has no type for the blocks of {decoded} tensors; they are decoded to f16");
        resolved.warnings.push(Warning::new("gguf.decoded", text));
    }
}

/// A GGUF that says what the target wants it to say; sizes count with it.
fn declared(model: &Model, target: &Target) -> Result<Model> {
    let mut model = model.clone();
    if model.format.is_before_gguf() {
        model.metadata.retain(|k, _| !arch::is_stored_key(k));
    }
    context::declare(&mut model, target)?;
    if let Some(name) = target.get(&gguf::MODEL_NAME) {
        model.metadata.insert("general.name".to_owned(), name.as_str().into());
    }
    Ok(model)
}

/// A GGUF whose tensors keep their types, but for those that the user names.
fn as_is(model: &Model, target: &Target, overrides: &Overrides) -> Result<Resolved> {
    let architecture = model.architecture().unwrap_or_default();
    let mut resolved = if target.get(&gguf::PRUNE_LAYERS).is_empty() {
        let mut resolved = lone::kept(model, "auto");
        resolved.metadata = model.metadata.clone();
        resolved.metadata.retain(|k, _| !k.starts_with("split."));
        set_all(&mut resolved.metadata, metadata::overrides(target, &model.metadata)?);
        resolved
    } else {
        Ready::of_gguf(model, target)?.quantized(target, FileType::Copy, overrides)?
    };
    resolved.quantization = "auto".to_owned();
    for (t, why) in resolved.tensors.iter_mut().zip(&mut resolved.reasons) {
        if let Some(e) = overrides.rule(&t.entry).filter(|_| may_quantize(&t.entry, architecture)) {
            t.encoding = e;
            why.because = Some(Name::word("asked for"));
        }
    }
    Ok(resolved)
}

fn effort(target: &Target) -> Result<Effort> {
    let Some(text) = target.get(&gguf::EFFORT) else { return Ok(Effort::default()) };
    Effort::parse(&text).ok_or_else(|| {
        ModelError::request(format!("unknown effort `{text}`"))
            .in_option(&gguf::EFFORT)
            .with_hint("Write reference (llama.cpp's bytes) or max.")
    })
}

/// Sets metadata as `gguf_set_val_*` does: at the end, whether it was there or not.
fn set_all(metadata: &mut Metadata, values: Vec<(String, MetaValue)>) {
    for (key, value) in values {
        metadata.shift_remove(&key);
        metadata.insert(key, value);
    }
}

fn file_type(asked: &str) -> Result<FileType> {
    FileType::parse(asked).ok_or_else(|| {
        let near = match meaning::file_type(asked).map(str::to_ascii_uppercase).or_else(|| spelled_alike(asked)) {
            Some(near) => format!("Did you mean {near}? "),
            None => String::new(),
        };
        ModelError::request(format!("unknown quantization `{asked}`"))
            .in_option(OptionName::QUANTIZATION)
            .with_hint(Hint::from(near).then(Remedy::See(Listing::Types)).then(" lists them."))
    })
}

/// The file type that is spelled nearly like the word.
fn spelled_alike(asked: &str) -> Option<String> {
    let fold = |s: &str| s.to_ascii_lowercase().replace(['-', '_', '.', ' '], "");
    let asked = fold(asked);
    let names = FileType::ALL.iter().map(|f| f.name()).chain(["auto"]);
    let distances = names.map(|n| (strsim::damerau_levenshtein(&fold(n), &asked), n));
    let near = distances.min_by_key(|(distance, _)| *distance)?;
    (near.0 <= 2.max(asked.len() / 3)).then(|| near.1.to_owned())
}
