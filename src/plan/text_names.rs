//! Refuses files whose names are not text, or no names at all: recipes, plans, journals and reports are text files and could not name them.
//!
//! Checked before anything is created, against absolute paths: a folder above may have such a name too.

use super::Plan;
use crate::model::{Hint, Model, ModelError, Remedy, Result};
use crate::recipe::Recipe;
use std::path::Path;

/// Checks what is read: the source and what the recipe names.
///
/// # Errors
/// A request error that names the file.
pub(super) fn check_recipe(model: &Model, recipe: &Recipe) -> Result<()> {
    // A path of an option is text already.
    let targets = recipe.targets.iter().filter_map(|t| t.output.as_ref());
    let named = recipe.source.path.iter().chain(&recipe.output_dir).chain(targets);
    named.chain([&model.path]).chain(&model.files).try_for_each(|path| check(path))
}

/// Checks what a plan names: every file that is read, written, replaced or removed.
///
/// # Errors
/// A request error that names the file.
pub(super) fn check_plan(plan: &Plan) -> Result<()> {
    plan.source_files.iter().try_for_each(|f| check(&f.path))?;
    for output in &plan.outputs {
        check(&output.path)?;
        output.files.iter().try_for_each(|(path, _)| check(path))?;
        output.replaced.iter().chain(&output.stale).try_for_each(|f| check(&f.path))?;
    }
    Ok(())
}

fn check(path: &Path) -> Result<()> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match absolute.to_str() {
        Some(text) if text.contains('\0') => {
            let e = ModelError::request("this name has a NUL character, which no path can have").in_file(path);
            return Err(e.with_hint("Remove the character."));
        }
        Some(_) => return Ok(()),
        None => {}
    }
    let what = "this name is not UTF-8, and the files of a job are UTF-8 text";
    let hint = "Rename the file or the folder, or give a symbolic link with another name (for an output: another path";
    let hint = Hint::from(hint).then(Remedy::OnCommandLine(" with -o")).then(").");
    Err(ModelError::request(what).in_file(path).with_hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn names_that_are_no_text_are_refused_wherever_they_are() {
        check(Path::new("modèle/x.gguf")).unwrap();
        for path in [&b"x\xff.gguf"[..], b"\xff/x.gguf", b"/a\xc3/b"] {
            let e = check(Path::new(OsStr::from_bytes(path))).unwrap_err();
            assert!(e.to_string().contains("not UTF-8"), "{e}");
        }
        assert!(check(Path::new("\0x")).unwrap_err().to_string().contains("NUL"));
    }
}
