//! Resolves one target: which tensors are written, in which encoding, with which metadata and files beside them.
//!
//! `gguf` goes to GGUF, `tensors` to safetensors and PyTorch, `modelfile` writes the Ollama Modelfile.

pub(super) mod gguf;
mod modelfile;
mod tensors;

use super::overrides::Overrides;
use super::{ImatrixCoverage, PreparedTensor, source};
use crate::forecast::Measuring;
use crate::model::{ErrorKind, FormatId, Metadata, Model, ModelError, Name, Result, Sidecars, Warning};
use crate::quant::Encoding;
use crate::recipe::{Target, meaning};
use crate::transform::{FileType, MOST_NAMED};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Why a tensor has its type.
#[derive(Clone, Debug, Default)]
pub struct Reason {
    /// The rule, when one chose the type.
    pub because: Option<Name>,
    /// The type that was wanted but does not fit the shape.
    pub fallback_from: Option<Encoding>,
}

/// A target resolved against a model.
#[derive(Debug)]
pub struct Resolved {
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
    /// What the importance matrix covers, when one is used.
    pub imatrix: Option<ImatrixCoverage>,
    /// What to tell the user.
    pub warnings: Vec<Warning>,
}

impl Resolved {
    /// Small files to put beside the output.
    pub fn extra_files(&self, output: &Path, target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
        if !target.modelfile || self.format != FormatId::Gguf {
            return Vec::new();
        }
        vec![modelfile::write(output, target)]
    }
}

/// Resolves a target; a budget is measured as `how` says.
///
/// # Errors
/// Unknown formats and types, architectures that cannot be converted, types a format cannot hold.
pub fn resolve(model: &Model, target: &Target, how: Measuring<'_>) -> Result<Resolved> {
    let format =
        FormatId::ALL.into_iter().find(|f| f.name().eq_ignore_ascii_case(&target.format)).ok_or_else(|| {
            let what = format!("there is no format `{}`", target.format);
            let written = ["gguf", "safetensors", "pytorch"];
            let near =
                written.into_iter().find(|f| strsim::damerau_levenshtein(f, &target.format.to_ascii_lowercase()) <= 2);
            let hint = match near {
                _ if FileType::parse(&target.format).is_some() => format!("Did you mean gguf:{}?", target.format),
                Some(near) => format!("Did you mean {near}? Formats: safetensors, pytorch, gguf."),
                None => match meaning::file_type(&target.format) {
                    Some(meant) => format!("Did you mean gguf:{meant}?"),
                    None => "Formats: safetensors, pytorch, gguf.".to_owned(),
                },
            };
            ModelError::request(what).field("target.format").with_hint(hint)
        })?;
    let overrides = Overrides::parse(target)?;
    source::check(model, target, format)?;
    let resolved = match format {
        FormatId::Gguf => gguf::resolve(model, target, &overrides, how),
        FormatId::Safetensors | FormatId::Pytorch => tensors::resolve(model, target, format, &overrides),
        other => {
            let what = format!("this version does not write {other}");
            return Err(ModelError::unsupported(what)
                .field("target.format")
                .with_hint("It writes safetensors, pytorch and gguf."));
        }
    };
    // What is wrong with the model, and not with the request, names the model.
    let mut resolved = resolved.map_err(|e| match e.kind() {
        ErrorKind::BadRequest => e,
        _ => e.in_file(&model.path),
    })?;
    source::check_encodings(model, target, &resolved.tensors)?;
    overrides.check_all_match(resolved.tensors.iter().map(|t| t.entry.name.as_str()))?;
    if format == FormatId::Gguf {
        resolved.warnings.extend(overrides.ambiguous(resolved.tensors.iter().map(|t| t.entry.name.as_str())));
    }
    let told: HashSet<String> =
        resolved.warnings.iter().filter(|w| w.code == "quantize.fallback").filter_map(|w| w.tensor.clone()).collect();
    // Without a name: tensors beyond the number that is named.
    let all_told = resolved.warnings.iter().any(|w| w.code == "quantize.fallback" && w.tensor.is_none());
    let mut fallen = 0;
    for (t, why) in resolved.tensors.iter().zip(&resolved.reasons) {
        if t.encoding.tensor_bytes(&t.entry.shape).is_none() {
            let what = format!("rows of {} elements do not fit the blocks of {}", t.entry.cols(), t.encoding);
            let hint = "Choose another type for this tensor, or leave its type to the fallback.";
            return Err(ModelError::request(what).field(t.entry.name.as_str()).with_hint(hint));
        }
        if let Some(wanted) = why.fallback_from
            && !all_told
            && !told.contains(t.entry.name.as_str())
        {
            fallen += 1;
            if fallen > MOST_NAMED {
                continue;
            }
            let text = format!(
                "{}: rows of {} elements do not fit {wanted}; written as {}",
                t.entry.name,
                t.entry.cols(),
                t.encoding
            );
            resolved.warnings.push(Warning::about("quantize.fallback", &t.entry.name, text));
        }
    }
    if fallen > MOST_NAMED {
        let text = format!("the rows of {} more tensors do not fit the type they should have", fallen - MOST_NAMED);
        resolved.warnings.push(Warning::new("quantize.fallback", text));
    }
    if target.use_mlock.is_some() && !target.modelfile {
        let text = "use_mlock is a setting of the runtime, not of the file: it goes into a Modelfile; add `modelfile = true` to get one";
        resolved.warnings.push(Warning::new("option.runtime-only", text));
    }
    Ok(resolved)
}
