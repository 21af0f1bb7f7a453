//! The folder that relative paths count from, and a path that is being typed, completed as a shell would.

use std::path::{Path, PathBuf};

/// Names looked at in one folder.
const MAX_ENTRIES: usize = 10_000;

/// Makes the folder that relative paths count from the process's own, so that they mean the same to the screen, the planner, jobs and the
/// user's editor: the opened folder, or the one around an opened model. Gives the folder that it is now.
///
/// # Errors
/// When the process is in no folder.
pub(crate) fn enter_base(opened: &Path) -> std::io::Result<PathBuf> {
    let base = opened.parent().filter(|_| crate::formats::is_model(opened)).unwrap_or(opened);
    match std::env::set_current_dir(base) {
        Ok(()) => Ok(base.to_owned()),
        Err(_) => std::env::current_dir(),
    }
}

/// The unambiguous completion of a path, and the names that may follow if there are several. Folders end in `/`.
pub(crate) fn complete(base: &Path, typed: &str) -> (String, Vec<String>) {
    let cut = typed.rfind('/').map_or(0, |i| i + 1);
    let (folder, stem) = typed.split_at(cut);
    let entries = std::fs::read_dir(base.join(folder)).into_iter().flatten().flatten().take(MAX_ENTRIES);
    let mut names: Vec<String> = entries
        .filter_map(|e| {
            let name = e.file_name().into_string().ok()?;
            let hidden = name.starts_with('.') && !stem.starts_with('.');
            let slash = if e.path().is_dir() { "/" } else { "" };
            (name.starts_with(stem) && !hidden).then(|| format!("{name}{slash}"))
        })
        .collect();
    names.sort();
    let Some(first) = names.first() else { return (typed.to_owned(), names) };
    let common = names.iter().fold(first.as_str(), |common, name| {
        let same = common.char_indices().zip(name.chars()).take_while(|((_, a), b)| a == b);
        let end = same.last().map_or(0, |((i, c), _)| i + c.len_utf8());
        &common[..end]
    });
    let becomes = format!("{folder}{common}");
    if names.len() == 1 { (becomes, Vec::new()) } else { (becomes, names) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_name_is_completed_and_several_to_where_they_part() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("exports")).unwrap();
        for name in ["imatrix-a.gguf", "imatrix-ä.gguf", ".hidden", "exports/x.gguf"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let done = |typed: &str| complete(dir.path(), typed);
        assert_eq!(done("ex"), ("exports/".into(), vec![]));
        assert_eq!(done("exports/"), ("exports/x.gguf".into(), vec![]));
        assert_eq!(done("i"), ("imatrix-".into(), vec!["imatrix-a.gguf".into(), "imatrix-ä.gguf".into()]));
        assert_eq!(done("").1.len(), 3, "hidden names only when they are asked for");
        assert_eq!(done(".h").0, ".hidden");
        assert_eq!(done("none/x"), ("none/x".into(), vec![]));
    }
}
