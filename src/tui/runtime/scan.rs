//! Looks for models below a folder, at a bounded depth, without reading more than names and sizes.

use crate::tui::core::FoundModel;
use std::path::{Path, PathBuf};

/// Folders are followed this deep; symbolic links to folders are not followed below the root.
const DEPTH: usize = 6;
/// Entries of one folder beyond this are left out.
const ENTRIES: usize = 20_000;

/// Files that make their folder a model, by the order in which transformers looks for them.
const WEIGHTS: [(&str, &str); 4] = [
    ("model.safetensors", "safetensors"),
    ("model.safetensors.index.json", "safetensors"),
    ("pytorch_model.bin", "pytorch"),
    ("pytorch_model.bin.index.json", "pytorch"),
];

fn by_extension(name: &str) -> Option<&'static str> {
    let (_, ext) = name.rsplit_once('.')?;
    Some(match ext.to_ascii_lowercase().as_str() {
        "safetensors" => "safetensors",
        "gguf" => "gguf",
        "pt" | "pth" | "ckpt" => "pytorch",
        "bin" if name.starts_with("pytorch_model") => "pytorch",
        "bin" if name.starts_with("ggml") => "ggml",
        "onnx" => "onnx",
        "ort" => "ort",
        "tflite" => "tflite",
        _ => return None,
    })
}

/// Walks `root`; each folder's models are given to `found` as they are seen. Gives the folders that could not be read.
pub(super) fn walk(root: &Path, found: &mut dyn FnMut(Vec<FoundModel>)) -> Vec<String> {
    let mut unreadable = Vec::new();
    if root.is_file() {
        let name = root.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let format = by_extension(&name).unwrap_or("unknown").to_owned();
        let bytes = std::fs::metadata(root).map_or(0, |m| m.len());
        found(vec![FoundModel { path: root.to_owned(), format, bytes }]);
        return unreadable;
    }
    let mut folders = vec![(root.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        match list(&folder) {
            Ok(entries) => {
                let (models, deeper) = look(&folder, entries);
                if !models.is_empty() {
                    found(models);
                }
                if depth < DEPTH {
                    folders.extend(deeper.into_iter().map(|f| (f, depth + 1)));
                }
            }
            Err(e) => unreadable.push(format!("{}: {e}", folder.display())),
        }
    }
    unreadable
}

struct Entry {
    name: String,
    folder: bool,
    bytes: u64,
}

fn list(folder: &Path) -> std::io::Result<Vec<Entry>> {
    let entries = std::fs::read_dir(folder)?.flatten().take(ENTRIES).filter_map(|e| {
        let name = e.file_name().into_string().ok()?;
        let kind = e.file_type().ok()?;
        if name.starts_with('.') {
            return None;
        }
        // A link to a file counts as the file; a link to a folder is not followed, so that there are no circles.
        let bytes =
            if kind.is_dir() { 0 } else { std::fs::metadata(e.path()).ok().filter(std::fs::Metadata::is_file)?.len() };
        Some(Entry { name, folder: kind.is_dir(), bytes })
    });
    Ok(entries.collect())
}

fn look(folder: &Path, entries: Vec<Entry>) -> (Vec<FoundModel>, Vec<PathBuf>) {
    let mut models = Vec::new();
    let whole = WEIGHTS.iter().find(|(file, _)| entries.iter().any(|e| e.name == *file));
    if let Some((_, format)) = whole {
        let stem = if *format == "safetensors" { ".safetensors" } else { ".bin" };
        let bytes = entries.iter().filter(|e| e.name.ends_with(stem)).map(|e| e.bytes).sum();
        models.push(FoundModel { path: folder.to_owned(), format: (*format).to_owned(), bytes });
    }
    let mut deeper = Vec::new();
    for e in entries {
        if e.folder {
            deeper.push(folder.join(&e.name));
        } else if let Some(format) = by_extension(&e.name) {
            // The weights of a folder that is itself the model are not listed a second time.
            let part = whole.is_some() && matches!(format, "safetensors" | "pytorch") && e.name.contains("model");
            if !part {
                models.push(FoundModel { path: folder.join(&e.name), format: format.to_owned(), bytes: e.bytes });
            }
        }
    }
    (models, deeper)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_with_weights_are_models_and_their_parts_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let put = |p: &str| {
            let path = dir.path().join(p);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"12345").unwrap();
        };
        for p in [
            "a/model.safetensors",
            "a/config.json",
            "b/model.safetensors.index.json",
            "b/model-00001-of-00002.safetensors",
            "deep/er/x.gguf",
            ".hidden/y.gguf",
            "notes.txt",
        ] {
            put(p);
        }
        let mut all = Vec::new();
        let bad = walk(dir.path(), &mut |m| all.extend(m));
        all.sort_by(|a, b| a.path.cmp(&b.path));
        let seen: Vec<(String, &str, u64)> = all
            .iter()
            .map(|m| (m.path.strip_prefix(dir.path()).unwrap().display().to_string(), m.format.as_str(), m.bytes))
            .collect();
        assert_eq!(bad, Vec::<String>::new());
        assert_eq!(
            seen,
            [("a".into(), "safetensors", 5), ("b".into(), "safetensors", 5), ("deep/er/x.gguf".into(), "gguf", 5)]
        );
    }
}
