//! From a lone tensor file without a config: names kept, no architecture.

use super::super::parse_encoding;
use super::super::{Reason, Resolved};
use super::metadata;
use super::overrides::Overrides;
use super::set_all;
use crate::model::{FormatId, Metadata, Model, ModelError, Name, OptionName, Result, Warning};
use crate::plan::PreparedTensor;
use crate::plan::trial::is_float;
use crate::quant::{Effort, Encoding};
use crate::recipe::Target;
use crate::recipe::options::gguf;
use crate::tensor::DType;
use crate::transform::FileType;

/// Every tensor as it is.
pub(super) fn kept(model: &Model, name: &str) -> Resolved {
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
        effort: Effort::default(),
        left_out: Vec::new(),
        imatrix: None,
        divergence: None,
        calibration: None,
        graph: None,
        warnings: Vec::new(),
    }
}

/// A lone tensor file without a config: names kept, matrices in the type asked for where their rows fit.
pub(super) fn from_tensors(model: &Model, target: &Target, asked: &str, overrides: &Overrides) -> Result<Resolved> {
    if target.has(&gguf::PRUNE_LAYERS) {
        return Err(ModelError::request("there is no config.json next to the tensors, so its layers are not known")
            .in_option(&gguf::PRUNE_LAYERS)
            .with_hint("Give the model's folder, or a GGUF file."));
    }
    let wanted = match asked {
        a if a.eq_ignore_ascii_case("auto") => None,
        a => {
            Some(FileType::parse(a).map(|f| f.base()).map_or_else(|| parse_encoding(OptionName::QUANTIZATION, a), Ok)?)
        }
    };
    let mut resolved = kept(model, asked);
    resolved.metadata.insert("general.architecture".to_owned(), "unknown".into());
    resolved.metadata.extend(model.metadata.iter().map(|(k, v)| (k.clone(), v.clone())));
    set_all(&mut resolved.metadata, metadata::overrides(target, &model.metadata)?);
    for (t, why) in resolved.tensors.iter_mut().zip(&mut resolved.reasons) {
        let matrix = t.entry.shape.rank() >= 2;
        let rule = overrides.rule(&t.entry).filter(|e| matrix || matches!(e, Encoding::Plain(_)));
        let fits = |e: Encoding| e.row_bytes(t.entry.cols()).is_some();
        match (rule, wanted) {
            (Some(e), _) => (t.encoding, why.because) = (e, Some(Name::word("asked for"))),
            (None, Some(e)) if is_float(t.entry.encoding) && (matrix || matches!(e, Encoding::Plain(_))) => {
                if fits(e) {
                    t.encoding = e;
                } else if target.get(&gguf::NO_FALLBACK) {
                    let what = format!("rows of {} elements do not fit {e}", t.entry.cols());
                    return Err(ModelError::request(what)
                        .field(t.entry.name.as_str())
                        .with_hint("Remove no_fallback to keep its type, or set one by pattern (tensor_types)."));
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
                    .with_hint("Remove this tensor from the source, or convert it to another type first."));
            }
            why.fallback_from = Some(t.encoding);
            t.encoding = DType::F16.into();
        }
    }
    let why =
        if target.bare { "only the tensors are converted" } else { "there is no config.json next to the tensors" };
    let text =
        format!("{why}: names are kept and no architecture is declared, so no runtime will load the file as a network");
    resolved.warnings.push(Warning::new("gguf.no-architecture", text));
    Ok(resolved)
}
