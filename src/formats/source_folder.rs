//! What belongs to a source: nothing is created inside its folder, or in the Hugging Face cache that contains it.

use super::hf::Repository;
use crate::files::paths::resolved;
use crate::model::{Hint, ModelError, Place, Remedy};
use std::fs;
use std::path::Path;

/// The error for an output that would be created inside the source; `None` if it is outside.
pub(crate) fn inside_source(output: &Path, source: &Path) -> Option<ModelError> {
    let repository = Repository::of(source);
    let (root, what) = match &repository {
        Some(r) => (r.folder.as_path(), "the output is inside the Hugging Face cache"),
        None if source.is_dir() => (source, "the output is inside the source"),
        None => return None,
    };
    let root = fs::canonicalize(root).ok()?;
    // The folder of all repositories: what a cache has there beside them gives it away.
    let cache = root.parent().filter(|p| repository.is_some() && (p.ends_with("hub") || p.join(".locks").is_dir()));
    if !resolved(output).starts_with(cache.unwrap_or(&root)) {
        return None;
    }
    let hint =
        Hint::from("remold does not create files inside a source: ").then(Remedy::GiveOutput(Place::Outside)).then(".");
    Some(ModelError::request(what).in_file(output).with_hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_in_the_folder_of_the_source_is_inside() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("model/sub")).unwrap();
        fs::write(at("model/a.gguf"), "").unwrap();
        let inside = |output: &str, source: &str| inside_source(&at(output), &at(source)).is_some();
        assert!(inside("model/im.gguf", "model") && inside("model/sub/new/im.gguf", "model"));
        assert!(inside("other/../model/im.gguf", "model"));
        assert!(!inside("im.gguf", "model") && !inside("models/im.gguf", "model"));
        assert!(!inside("model/im.gguf", "model/a.gguf"), "a file is a source by itself");
    }
}
