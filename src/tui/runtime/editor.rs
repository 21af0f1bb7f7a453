//! The user's own editor in the place of the screen.

use super::caps;
use super::effects::{recipes, texts};
use crate::recipe::Recipe;
use crate::tui::core::Outside;
use crate::tui::tabs::recipe::{EditOutcome, EditPlace};
use std::path::Path;
use std::process::Command;

/// The editor of a system that names none.
const LAST: &str = "vi";
/// The pager of a system that names none.
const LAST_PAGER: &str = "less";

/// Lets the user edit a recipe and waits until the editor is left. The terminal is the editor's meanwhile: the caller has left it
/// and reads nothing from it.
pub(super) fn edit(place: &EditPlace, recipe: &Recipe) -> EditOutcome {
    let path = match recipes::lay_out(place, recipe) {
        Ok(path) => path,
        Err(why) => return EditOutcome::Failed(why),
    };
    let outcome = match run(&program(caps::var), &path) {
        Ok(()) => return recipes::take_back(place, &path, recipe),
        Err(why) => EditOutcome::Failed(why),
    };
    if *place == EditPlace::Draft(None) {
        let _ = std::fs::remove_file(&path);
    }
    outcome
}

/// Opens a text file in the user's editor or pager, or a folder in the editor.
pub(super) fn open(path: &Path, how: Outside) -> Result<(), String> {
    let text = texts::is_text(path);
    match how {
        Outside::Pager if !path.exists() => {
            let folder = path.parent().unwrap_or(path).display();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            Err(format!("there is no {name} in {folder}; e opens the folder"))
        }
        Outside::Editor if path.is_dir() => run(&program(caps::var), path),
        _ if !text => Err(format!("{} is not a text file; e on its folder opens that", path.display())),
        Outside::Pager => run(&pager(caps::var), path),
        Outside::Editor => run(&program(caps::var), path),
    }
    .map_err(|why| why.replace("; the recipe is unchanged", ""))
}

/// `$PAGER`, else `less`.
fn pager(var: impl Fn(&str) -> Option<String>) -> String {
    var("PAGER").filter(|v| !v.trim().is_empty()).unwrap_or_else(|| LAST_PAGER.to_owned())
}

/// `$VISUAL`, else `$EDITOR`, else `vi`.
fn program(var: impl Fn(&str) -> Option<String>) -> String {
    let set = |name: &str| var(name).filter(|v| !v.trim().is_empty());
    set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| LAST.to_owned())
}

/// Runs the editor as a shell would: the variable may hold options, the path may hold blanks.
fn run(program: &str, path: &Path) -> Result<(), String> {
    let status = Command::new("sh").arg("-c").arg(format!("{program} \"$1\"")).arg("sh").arg(path).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) if status.code() == Some(127) => {
            Err(format!("editor `{program}` not found; set $VISUAL or $EDITOR to an installed editor"))
        }
        Ok(status) => Err(format!("the editor `{program}` ended with {status}; the recipe is unchanged")),
        Err(e) => Err(format!("starting the editor `{program}`: {}", crate::units::system_error(&e))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visual_comes_before_editor_and_blank_is_unset() {
        let with = |pairs: &'static [(&str, &str)]| {
            program(|name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
        };
        assert_eq!(with(&[("EDITOR", "nano"), ("VISUAL", "code --wait")]), "code --wait");
        assert_eq!(with(&[("EDITOR", "nano"), ("VISUAL", " ")]), "nano");
        assert_eq!(with(&[]), "vi");
    }

    #[test]
    fn a_text_that_is_not_there_is_said_to_be_missing() {
        let dir = tempfile::tempdir().unwrap();
        let why = open(&dir.path().join("config.json"), Outside::Pager).unwrap_err();
        assert!(why.starts_with("there is no config.json in ") && why.ends_with("; e opens the folder"), "{why}");
    }

    #[test]
    fn options_and_blanks_in_paths_are_kept_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a b.toml");
        run("printf x >", &path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "x");
        assert!(run("no-such-editor-anywhere", &path).is_err_and(|e| e.contains("$EDITOR")));
        assert!(run("false", &path).is_err_and(|e| e.contains("the recipe is unchanged")));
    }
}
