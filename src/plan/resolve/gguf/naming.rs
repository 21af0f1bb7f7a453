//! What a GGUF calls its model.

use crate::formats::hf::Repository;
use crate::model::{MetaValue, Metadata, Model, Warning};
use crate::plan::naming::name;
use crate::recipe::Target;
use crate::recipe::options::gguf;

/// The note that `general.name` is a commit. llama.cpp's converter names a model after its folder, which in the cache is the
/// snapshot's; so does remold, unless `model_name` is given.
pub(crate) fn commit_as_name(model: &Model, target: &Target, metadata: &Metadata) -> Option<Warning> {
    let repository = Repository::of(&model.path)?;
    let commit = name(&model.path).to_ascii_lowercase();
    let written = metadata.get("general.name").and_then(MetaValue::as_str)?;
    if target.has(&gguf::MODEL_NAME) || commit.is_empty() || written.to_ascii_lowercase() != commit {
        return None;
    }
    let better = repository.name().replace(['-', '_'], " ");
    let text = format!(
        "general.name is the commit of the snapshot, as llama.cpp's converter writes it; `--model-name \"{better}\"` writes the model's name"
    );
    Some(Warning::new("general.name-is-commit", text))
}
