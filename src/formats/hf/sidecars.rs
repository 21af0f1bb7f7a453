//! The small files next to the weights.

use super::entries::entries;
use crate::formats::{OutputKind, write_spec};
use crate::model::{Model, Sidecar, Sidecars};
use std::path::Path;

/// Every file that is kept next to the weights when it is there: configuration, tokenizers, templates, preprocessors, the
/// modules of sentence-transformers, and the model card.
pub(crate) const SIDECARS: &[&str] = &[
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "tekken.json",
    "chat_template.jinja",
    "chat_template.json",
    "preprocessor_config.json",
    "processor_config.json",
    "video_preprocessor_config.json",
    "params.json",
    "adapter_config.json",
    "quantize_config.json",
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "1_Pooling/config.json",
    "2_Dense/config.json",
    "README.md",
    "LICENSE",
    "LICENSE.txt",
    "LICENSE.md",
    "NOTICE",
];

/// The folder where transformers 4.51 and later keep the chat templates that have names, one `NAME.jinja` each.
const TEMPLATES: &str = "additional_chat_templates";

/// Most named templates that are read; models have about three.
const MAX_TEMPLATES: usize = 256;

/// The sidecar files in `folder`. They are looked up by name, so a large folder costs nothing more.
pub(crate) fn collect(folder: &Path) -> Sidecars {
    let mut sidecars = Sidecars::default();
    let mut add = |name: String| {
        let path = folder.join(&name);
        // A pipe or a dangling link in place of a file is an error when it is read, not a file that the model lacks.
        if std::fs::symlink_metadata(&path).is_ok_and(|m| !m.is_dir()) {
            sidecars.0.insert(name, Sidecar::File(path));
        }
    };
    SIDECARS.iter().for_each(|name| add((*name).to_owned()));
    templates(folder).into_iter().for_each(add);
    sidecars
}

/// Paths of the named templates, sorted, from the model's folder.
fn templates(folder: &Path) -> Vec<String> {
    let Ok((files, _)) = entries(&folder.join(TEMPLATES)) else { return Vec::new() };
    let templates = files.into_iter().filter(|f| f.strip_suffix(".jinja").is_some_and(|stem| !stem.is_empty()));
    templates.take(MAX_TEMPLATES).map(|f| format!("{TEMPLATES}/{f}")).collect()
}

/// The sidecar file of that name, if it is in `folder`.
pub(in crate::formats) fn collect_one(folder: &Path, name: &str) -> Option<Sidecars> {
    let path = folder.join(name);
    path.is_file().then(|| Sidecars([(name.to_owned(), Sidecar::File(path))].into_iter().collect()))
}

/// Adds the sidecar files of `folder` to a model opened from it, if the folder is a model folder (has a `config.json`) and
/// the format keeps its configuration in such files. GGUF carries its own.
pub(crate) fn attach(model: &mut Model, folder: &Path) {
    let of_folders = write_spec(model.format).is_some_and(|w| w.output == OutputKind::Folder);
    if of_folders && model.sidecars.0.is_empty() {
        let sidecars = collect(folder);
        if sidecars.has("config.json") || sidecars.has("adapter_config.json") {
            model.sidecars = sidecars;
        }
    }
}
