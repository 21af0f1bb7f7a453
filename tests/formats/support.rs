//! Where test material lies.

use std::path::{Path, PathBuf};

/// A file or folder of the shared test material, or `None` with a line that says what was skipped.
pub fn material(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = ["fixtures", "fixtures/models", "../shared/material", "../../shared/material"];
    let found = places.iter().map(|p| root.join(p).join(name)).find(|p| p.exists());
    if found.is_none() {
        eprintln!("skipped: {name} absent");
    }
    found
}

/// A folder of the golden data, as [`material`].
pub fn golden(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = ["fixtures/golden", "../shared/golden", "../../shared/golden"];
    let found = places.iter().map(|p| root.join(p).join(name)).find(|p| p.exists());
    if found.is_none() {
        eprintln!("skipped: golden {name} absent");
    }
    found
}

/// Every file under a folder.
pub fn walk(dir: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { todo.push(path) } else { out.push(path) }
        }
    }
    out.sort();
    out
}
