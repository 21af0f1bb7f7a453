//! Recipes in files: listed, read, written, and read again after an editor had them.

use crate::files;
use crate::model::ModelError;
use crate::plan::goals;
use crate::recipe::presets::{self, Origin};
use crate::recipe::{Preset, Problem, Recipe, RecipeErrors, Syntax};
use crate::task::Task;
use crate::tui::tabs::recipe::{
    EditOutcome, EditPlace, LibraryEntry, Overwrite, PlanResponse, SaveRefusal, TargetRejection,
};
use crate::units::system_error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// First lines of a recipe that is edited in a temporary file.
const HEAD: &str = "# A remold recipe. Save and close the editor to continue; docs/recipe.md describes every key.\n\n";

/// The recipes of these folders, then those with a name.
pub(crate) fn list(folders: &[PathBuf]) -> Vec<LibraryEntry> {
    let mut all = Vec::new();
    for folder in folders {
        let (good, bad) = presets::read_dir(folder);
        // A folder of models has many JSON files that are not recipes.
        all.extend(good.into_iter().filter(|p| !p.recipe.targets.is_empty()).map(entry));
        all.extend(bad.iter().filter_map(broken));
    }
    all.extend(crate::recipe::presets().into_iter().map(entry));
    all
}

fn entry(p: Preset) -> LibraryEntry {
    let file = match p.origin {
        Origin::BuiltIn => None,
        Origin::File(path) => Some(path),
    };
    let name = file.as_ref().and_then(|f| f.file_name()).map_or(p.name, |n| n.to_string_lossy().into_owned());
    LibraryEntry { name, about: p.about, file, recipe: Ok(Box::new(p.recipe)) }
}

/// A file that is meant to be a recipe, by its extension.
fn broken(errors: &RecipeErrors) -> Option<LibraryEntry> {
    let file = errors.problems().iter().find_map(|p| p.place.as_ref()?.file.clone())?;
    let name = file.file_name()?.to_string_lossy().into_owned();
    let lines = lines(errors);
    (Syntax::of(&file) == Syntax::Toml).then(|| LibraryEntry {
        name,
        about: lines.first().cloned().unwrap_or_default(),
        file: Some(file),
        recipe: Err(lines),
    })
}

/// Reads a recipe.
///
/// # Errors
/// What is wrong with the file, line by line.
pub(crate) fn read(path: &Path) -> Result<Box<Recipe>, Vec<String>> {
    crate::recipe::load(path).map(|p| Box::new(p.into_recipe())).map_err(|e| lines(&e))
}

/// The problems: a line for each fact and each remedy, with its line number in the file.
fn lines(errors: &RecipeErrors) -> Vec<String> {
    let tell = |p: &Problem| {
        let place = p.place.as_ref().map_or(String::new(), |at| format!("line {}: ", at.line));
        [Some(format!("{place}{}", p.message)), p.help.as_ref().map(|h| format!("    {h}"))]
    };
    errors.problems().iter().flat_map(tell).flatten().collect()
}

/// Writes a recipe whole or not at all. Comments of the recipe's own file are kept, if what changed can be written into its text.
///
/// # Errors
/// When there is a file of that name and it shall not be replaced; when it cannot be written.
pub(crate) fn save(path: &Path, recipe: &Recipe, overwrite: &Overwrite) -> Result<(), SaveRefusal> {
    let failed = |what: &str, e: std::io::Error| {
        SaveRefusal::Failed(format!("{}: {what}: {}", path.display(), system_error(&e)))
    };
    if Syntax::of(path) != Syntax::Toml {
        let why = format!("{}: recipes are saved as TOML; choose a name that ends in .toml", path.display());
        return Err(SaveRefusal::Failed(why));
    }
    // As the folders of outputs are.
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|e| failed("creating its folder", e))?;
    }
    let whole = || crate::recipe::to_toml(recipe);
    let text = match overwrite {
        Overwrite::No => {
            return files::write_new(path, whole().as_bytes()).map_err(|e| match e.kind() {
                std::io::ErrorKind::AlreadyExists => SaveRefusal::Exists,
                _ => failed("creating", e),
            });
        }
        Overwrite::Whole => whole(),
        Overwrite::Changes(_) if path.symlink_metadata().is_err() => whole(),
        Overwrite::Changes(saved) => with_changes(path, recipe, saved)?,
    };
    files::replace(path, text.as_bytes()).map_err(|e| failed("replacing", e))
}

/// The text of a recipe's own file with the changes.
fn with_changes(path: &Path, recipe: &Recipe, saved: &Recipe) -> Result<String, SaveRefusal> {
    let before = crate::recipe::read_file(path).ok();
    let there = before.as_ref().and_then(|text| crate::recipe::parse(text, Syntax::Toml, None).ok());
    let (Some(before), Some(there)) = (before, there) else { return Err(SaveRefusal::ChangedOutside) };
    // A path that is relative in the file was made absolute when the file was opened.
    let given = there.source.path.clone().filter(|p| p.is_relative());
    let read_from = |r: &Recipe, source: &Option<PathBuf>| {
        let mut r = Recipe { read_from: Vec::new(), ..r.clone() };
        r.source.path.clone_from(source);
        r
    };
    let known = if given.is_some() || there.source.path.is_none() { &saved.source.path } else { &there.source.path };
    if read_from(&there, known) != read_from(saved, &saved.source.path) {
        return Err(SaveRefusal::ChangedOutside);
    }
    let mut recipe = recipe.clone();
    if given.is_some() && recipe.source.path == saved.source.path {
        recipe.source.path = given;
    }
    match crate::recipe::patched(&before, &recipe) {
        Some(text) => Ok(text),
        None if before.contains('#') => Err(SaveRefusal::LosesComments),
        None => Ok(crate::recipe::to_toml(&recipe)),
    }
}

/// Makes targets for a model and a purpose. Where the memory of a GPU decides and is not given, it is that of the first GPU here.
///
/// # Errors
/// When the model cannot be read or nothing fits; when there is no GPU whose memory is known.
pub(crate) fn compose(
    source: &Path,
    purpose: &str,
    memory: Option<u64>,
) -> crate::model::Result<(Box<Recipe>, Vec<String>)> {
    let Some(goal) = goals::goal(purpose) else {
        return Err(ModelError::request(format!("there is no purpose {purpose:?}")));
    };
    let model = crate::arch::open(source)?;
    let (mut memory, mut reasons) = (memory, Vec::new());
    if memory.is_none() && goal.memory == goals::Memory::OfGpu {
        let gpus = crate::monitor::Gpus::load().ok().map(|gpus| gpus.sample()).unwrap_or_default();
        let Some((name, total)) = gpus.into_iter().find_map(|g| Some((g.name, g.memory?.total))) else {
            let hint = "Ask again with w, and type the memory, as in 24GiB.";
            return Err(ModelError::request("no GPU is found here, so its memory is not known").with_hint(hint));
        };
        memory = Some(total);
        reasons.push(format!("The memory is that of the first GPU of this machine, {name}."));
    }
    let composed = goals::compose(&model, goal, goals::Limits { memory, context: None })?;
    reasons.extend(composed.reasons);
    Ok((Box::new(composed.recipe), reasons))
}

/// The file an editor is given: the recipe's own, or one that is made for it.
///
/// # Errors
/// When it cannot be made, in one sentence.
pub(crate) fn lay_out(place: &EditPlace, recipe: &Recipe) -> Result<PathBuf, String> {
    let path = match place {
        EditPlace::File(path) | EditPlace::Draft(Some(path)) => return Ok(path.clone()),
        EditPlace::Draft(None) => draft(),
    };
    let text = format!("{HEAD}{}", crate::recipe::to_toml(recipe));
    let mut options = crate::files::private_options();
    options.write(true).create_new(true);
    let written = options.open(&path).and_then(|mut f| f.write_all(text.as_bytes()));
    let failed = |e| format!("{}: {}; is there space for temporary files?", path.display(), system_error(&e));
    written.map(|()| path.clone()).map_err(failed)
}

/// A unique name, made from the process and the time.
fn draft() -> PathBuf {
    let now = jiff::Timestamp::now().as_nanosecond();
    std::env::temp_dir().join(format!("remold-recipe-{}-{now}.toml", std::process::id()))
}

/// What an editor left behind, compared with the recipe it was given.
pub(crate) fn take_back(place: &EditPlace, path: &Path, recipe: &Recipe) -> EditOutcome {
    match (read(path), place) {
        (Ok(new), EditPlace::File(_)) => EditOutcome::Changed(new, Some(path.to_owned())),
        (Ok(new), EditPlace::Draft(_)) => {
            // The recipe is on the screen now; a draft that stays is only litter.
            let _ = std::fs::remove_file(path);
            if *new == *recipe { EditOutcome::Same } else { EditOutcome::Changed(new, None) }
        }
        (Err(lines), EditPlace::File(_)) => EditOutcome::Mistakes(EditPlace::File(path.to_owned()), lines),
        (Err(lines), EditPlace::Draft(_)) => EditOutcome::Mistakes(EditPlace::Draft(Some(path.to_owned())), lines),
    }
}

/// Plans a recipe whole; if that is refused, every target alone, to know all that is wrong, and those that are sound together. The source
/// is opened once, and what is wrong with it is reported once.
pub(crate) fn plan(recipe: &Recipe, how: Task<'_>) -> PlanResponse {
    let mut response = plan_targets(recipe, how);
    response.written = response.plan.as_deref().map(crate::engine::being_written).unwrap_or_default();
    response
}

fn plan_targets(recipe: &Recipe, how: Task<'_>) -> PlanResponse {
    let refuse = |e: &ModelError| PlanResponse::refused(None, e.into());
    let Some(source) = &recipe.source.path else { return PlanResponse::default() };
    let model = match crate::arch::open_as_format(source, recipe.source.format) {
        Ok(model) => model,
        Err(e) => return refuse(&e),
    };
    let of = |indices: &[usize]| {
        let targets = indices.iter().filter_map(|i| recipe.targets.get(*i).cloned()).collect();
        crate::plan::rehearse_model(&model, &Recipe { targets, ..recipe.clone() }, how).map(Arc::new)
    };
    let all: Vec<usize> = (0..recipe.targets.len()).collect();
    let error = match of(&all) {
        Ok(plan) => return PlanResponse::complete(plan),
        Err(e) => e,
    };
    let alone = |i: &usize| Some(TargetRejection { target: Some(*i), card: (&of(&[*i]).err()?).into() });
    let mut refused: Vec<TargetRejection> =
        if all.len() > 1 { all.iter().filter_map(alone).collect() } else { Vec::new() };
    if refused.is_empty() {
        return refuse(&error);
    }
    let sound: Vec<usize> = all.into_iter().filter(|i| refused.iter().all(|r| r.target != Some(*i))).collect();
    if sound.is_empty() {
        return PlanResponse { refused, ..PlanResponse::default() };
    }
    let plan = of(&sound).map_err(|e| refused.push(TargetRejection { target: None, card: (&e).into() })).ok();
    PlanResponse { plan, targets: sound, refused, ..PlanResponse::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FormatId;
    use crate::recipe::Target;
    use crate::recipe::options::gguf;

    fn recipe(quantization: &str) -> Recipe {
        let target = Target { quantization: Some(quantization.into()), ..Target::of(FormatId::Gguf) };
        Recipe { targets: vec![target], ..Recipe::default() }
    }

    #[test]
    fn what_is_saved_is_read_back_and_nothing_is_replaced_unasked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mine.toml");
        let changes = |from: &str| Overwrite::Changes(Box::new(recipe(from)));
        assert_eq!(save(&path, &recipe("q4_k_m"), &Overwrite::No), Ok(()));
        assert_eq!(save(&path, &recipe("q8_0"), &Overwrite::No), Err(SaveRefusal::Exists));
        assert_eq!(read(&path), Ok(Box::new(recipe("q4_k_m"))));
        assert_eq!(save(&path, &recipe("q8_0"), &Overwrite::Whole), Ok(()));
        assert_eq!(read(&path), Ok(Box::new(recipe("q8_0"))));
        std::fs::write(&path, "target = \"gguf:q8_0\"\n").unwrap();
        assert_eq!(save(&path, &recipe("q4_k_m"), &changes("q8_0")), Ok(()));
        assert_eq!(read(&path), Ok(Box::new(recipe("q4_k_m"))), "a short form is written whole");
        std::fs::write(&path, "# mine\ntarget = \"gguf:q8_0\"\n").unwrap();
        assert_eq!(save(&path, &recipe("q4_k_m"), &changes("q8_0")), Err(SaveRefusal::LosesComments));
        std::fs::write(&path, "# mine\n[[target]]\nformat = \"gguf\"\nquantization = \"q8_0\" # all\n").unwrap();
        assert_eq!(save(&path, &recipe("q4_k_m"), &changes("q8_0")), Ok(()));
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "# mine\n[[target]]\nformat = \"gguf\"\nquantization = \"q4_k_m\" # all\n");
        let said = |name: &str| match save(&dir.path().join(name), &recipe("q8_0"), &Overwrite::No) {
            Err(SaveRefusal::Failed(why)) => why,
            other => panic!("{other:?}"),
        };
        std::fs::write(dir.path().join("file"), "").unwrap();
        assert!(said("mine.yaml").contains("ends in .toml") && said("file/mine.toml").contains("creating"));
        let made = dir.path().join("new/folder/mine.toml");
        assert_eq!(save(&made, &recipe("q8_0"), &Overwrite::No), Ok(()), "as the folders of outputs are made");
    }

    #[test]
    fn a_file_that_changed_since_it_was_read_is_not_replaced_unasked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mine.toml");
        let saved = Overwrite::Changes(Box::new(recipe("q8_0")));
        for text in ["[[target]]\nformat = \"gguf\"\nquantization = \"q4_0\" # outside\n", "[[target]\n", ""] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(save(&path, &recipe("q6_k"), &saved), Err(SaveRefusal::ChangedOutside), "{text:?}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        std::fs::remove_file(&path).unwrap();
        assert_eq!(save(&path, &recipe("q6_k"), &saved), Ok(()), "a file that is gone is written again");
    }

    #[test]
    fn a_relative_path_stays_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mine.toml");
        let text =
            "[source]\npath = \"../models/a\" # mine\n\n[[target]]\nformat = \"gguf\"\nquantization = \"q8_0\"\n";
        std::fs::write(&path, text).unwrap();
        let from = |source: &str, quantization: &str| {
            let mut recipe = recipe(quantization);
            recipe.source.path = Some(source.into());
            recipe
        };
        let saved = Overwrite::Changes(Box::new(from("/work/models/a", "q8_0")));
        assert_eq!(save(&path, &from("/work/models/a", "q8_0"), &saved), Ok(()));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        assert_eq!(save(&path, &from("/work/models/b", "q8_0"), &saved), Ok(()));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text.replace("../models/a", "/work/models/b"));
    }

    #[test]
    fn every_target_is_told_of_and_the_sound_ones_are_planned() {
        let dir = tempfile::tempdir().unwrap();
        let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models/tiny-llama");
        let target = |quantization: &str, change: &dyn Fn(&mut Target)| {
            let mut target = Target {
                output: Some(dir.path().join(format!("{quantization}.gguf"))),
                ..Target::of(FormatId::Gguf).quantized(quantization)
            };
            change(&mut target);
            target
        };
        let rule =
            |t: &mut Target| t.set(&gguf::TENSOR_TYPES, [("nowhere".into(), "q6_k".into())].into_iter().collect());
        let (wrong, sound) = (target("q4_k_m", &rule), target("q8_0", &|_| ()));
        let small = target("auto", &|t| {
            t.quantization = None;
            t.set(&gguf::TARGET_SIZE, Some("5kB".into()));
        });
        let planned = |targets: &[&Target]| {
            let source = crate::recipe::Source { path: Some(model.clone()), ..Default::default() };
            let targets = targets.iter().map(|t| (*t).clone()).collect();
            plan(&Recipe { source, targets, ..Recipe::default() }, Task::quiet())
        };
        let response = planned(&[&wrong, &sound, &small]);
        let refused: Vec<_> = response.refused.iter().map(|r| r.target).collect();
        assert_eq!((refused, &response.targets[..]), (vec![Some(0), Some(2)], &[1][..]), "{response:?}");
        assert_eq!(response.plan.map(|p| p.outputs.len()), Some(1));
        let response = planned(&[&sound, &sound]);
        assert!(
            response.plan.is_none() && response.refused.len() == 1 && response.refused[0].target.is_none(),
            "{response:?}"
        );
        let nowhere = crate::recipe::Source { path: Some(dir.path().join("none")), ..Default::default() };
        let targets = vec![wrong.clone(), sound.clone()];
        let response = plan(&Recipe { source: nowhere, targets, ..Recipe::default() }, Task::quiet());
        assert_eq!(
            response.refused.iter().map(|r| r.target).collect::<Vec<_>>(),
            [None],
            "the source is wrong, and once"
        );
        std::fs::write(dir.path().join("q8_0.gguf"), b"x").unwrap();
        let response = planned(&[&sound]);
        assert_eq!(
            response.plan.map(|p| p.outputs[0].replaces.len()),
            Some(1),
            "existing outputs are reported, not rejected"
        );
    }

    #[test]
    fn a_purpose_becomes_targets_with_reasons() {
        let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models/tiny-llama");
        for goal in goals::GOALS {
            let (recipe, reasons) = compose(&model, goal.name, Some(8 << 30)).unwrap();
            assert!(!recipe.targets.is_empty() && !reasons.is_empty(), "{}", goal.name);
        }
        assert!(compose(&model, "kitchen", None).is_err() && compose(Path::new("/none"), "archive", None).is_err());
    }

    #[test]
    fn a_folder_shows_its_recipes_and_those_with_mistakes() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.toml"), "target = \"gguf:q8_0\"\n").unwrap();
        std::fs::write(dir.path().join("bad.toml"), "[[target]]\nformat = \"gguf\"\npuer = true\n").unwrap();
        std::fs::write(dir.path().join("config.json"), "{\"hidden_size\": 4}").unwrap();
        let all = list(&[dir.path().to_owned()]);
        let own: Vec<(&str, bool)> =
            all.iter().filter(|e| e.file.is_some()).map(|e| (e.name.as_str(), e.recipe.is_ok())).collect();
        assert_eq!(own, [("a.toml", true), ("bad.toml", false)]);
        assert!(all[1].recipe.as_ref().is_err_and(|lines| lines[0].starts_with("line 3: ")), "{:?}", all[1]);
        assert!(all.iter().any(|e| e.name == "ladder" && e.file.is_none()));
    }

    #[test]
    fn a_draft_goes_when_it_is_a_recipe_and_stays_while_it_is_none() {
        let old = recipe("q4_k_m");
        let place = EditPlace::Draft(None);
        let path = lay_out(&place, &old).unwrap();
        std::fs::write(&path, "[[target]\n").unwrap();
        let EditOutcome::Mistakes(again, lines) = take_back(&place, &path, &old) else { panic!("a recipe?") };
        assert!(path.exists() && lines[0].starts_with("line 1: "), "{lines:?}");
        assert_eq!(lay_out(&again, &old), Ok(path.clone()), "the text with the mistakes is opened again");
        std::fs::write(&path, crate::recipe::to_toml(&recipe("q8_0"))).unwrap();
        assert_eq!(take_back(&again, &path, &old), EditOutcome::Changed(Box::new(recipe("q8_0")), None));
        assert!(!path.exists());
        let path = lay_out(&place, &old).unwrap();
        assert_eq!(take_back(&place, &path, &old), EditOutcome::Same);
    }
}
