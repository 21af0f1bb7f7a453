//! Whether a source is what a conversion takes it for: a whole model of plain weights.
//!
//! Checked before a target is resolved, from names, shapes and configuration alone. `bare` asks for the tensors alone and lifts
//! every check but two: tensors that cannot be read, and codes that would be taken for values.

use super::PreparedTensor;
use crate::arch;
use crate::model::{Hint, Model, ModelError, OptionName, Remedy, Result};
use crate::recipe::Target;

/// Files that only a network's folder has. One of them says that the tensors beside it are meant as a model.
const NETWORK_FILES: [&str; 15] = [
    "params.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "tekken.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "generation_config.json",
    "chat_template.jinja",
    "chat_template.json",
];

/// Refuses sources that cannot become what the target says.
///
/// # Errors
/// Tensors that cannot be read; adapters; quantized checkpoints on the way to GGUF; a folder of a network without its
/// configuration, on the way to GGUF; tensors that are missing or contradict the configuration.
pub(super) fn check(model: &Model, target: &Target) -> Result<()> {
    model.check_readable()?;
    if target.bare {
        return Ok(());
    }
    if model.graph.is_some() {
        return check_graph(model, target);
    }
    let to_gguf = target.format.has_gguf_names() && !model.format.has_gguf_names();
    let told = |e: ModelError| e.in_file(&model.path);
    if let Some(adapter) = arch::adapter(model) {
        return Err(told(adapter.refusal()));
    }
    if let Some(quantized) = arch::quantized(model) {
        // A copy is judged by its types, once they are known. Its names are the scheme's, so completeness is not.
        let refused = to_gguf && model.sidecars.has("config.json");
        return if refused { Err(told(quantized.refusal())) } else { Ok(()) };
    }
    if to_gguf && !model.sidecars.has("config.json") {
        no_configuration(model)?;
    }
    arch::check_complete(model).map_err(told)
}

/// Refuses an operator graph on the way to a format of networks: its tensors have the names that an exporter gave them, and no configuration.
fn check_graph(model: &Model, target: &Target) -> Result<()> {
    if !target.format.has_gguf_names() {
        return Ok(());
    }
    let what = format!(
        "the source is an operator graph, and {} needs the names that the weights have in their checkpoint",
        target.format
    );
    let hint = Hint::from("Convert the checkpoint that the graph was exported from; `")
        .then(Remedy::Option(OptionName::BARE))
        .then("` writes the tensors alone, under the names of the graph.");
    Err(ModelError::unsupported(what).in_file(&model.path).with_hint(hint))
}

/// Refuses to write a quantized checkpoint's tensors in other types than they have, also when a type is asked for that changes
/// nothing: a user who asks for bf16 does not expect codes.
///
/// # Errors
/// The refusal of the scheme.
pub(super) fn check_encodings(model: &Model, target: &Target, tensors: &[PreparedTensor]) -> Result<()> {
    let asked = target.quantization.as_deref().is_some_and(|q| !q.eq_ignore_ascii_case("auto"));
    if !asked && tensors.iter().all(|t| t.encoding == t.entry.encoding) {
        return Ok(());
    }
    if model.graph.is_some() {
        return Ok(());
    }
    arch::quantized(model).map_or(Ok(()), |q| Err(q.refusal().in_file(&model.path)))
}

/// A folder with a network's files but without its configuration.
fn no_configuration(model: &Model) -> Result<()> {
    let Some(file) = NETWORK_FILES.iter().find(|f| model.sidecars.has(f)) else { return Ok(()) };
    let bare = Hint::from("`").then(Remedy::Option(OptionName::BARE)).then("` writes only the tensors.");
    let error = if *file == "params.json" {
        let what = "params.json and no config.json: this is the layout of Meta's and Mistral's own releases";
        let hint = "Use the Hugging Face files of the same model (config.json and model.safetensors)";
        ModelError::request(what).with_hint(Hint::from(hint).then("; ").join(&bare))
    } else {
        let what = format!("config.json is missing: {file} shows that the folder is a model, and GGUF needs its sizes");
        let hint = "Copy config.json of the original model into the folder; ";
        ModelError::request(what).with_hint(Hint::from(hint).join(&bare))
    };
    Err(error.in_file(&model.path))
}
