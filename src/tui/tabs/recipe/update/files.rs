//! Recipes in files: saving, opening, and the user's own editor.

use super::changed;
use super::text::refuse;
use crate::recipe::Recipe;
use crate::tui::core::{Action, Confirm, Effect, Layer, Level, LineEdit, Picker, PickerItem, PickerKind, State};
use crate::tui::tabs::recipe::{EditOutcome, EditPlace, LibraryEntry, Overwrite, Prompt, RecipePane, SaveRefusal};
use std::path::{Path, PathBuf};

/// The last line of the picker: a recipe that is not in the list.
const ELSEWHERE: &str = "another file: type its path";

/// Lines of mistakes that are shown at most, and columns of one. The log has all of it.
const LINES: usize = 8;
const COLUMNS: usize = 72;

/// Asks where to save.
pub(super) fn ask_save(state: &mut State) -> Vec<Effect> {
    if let Some(w) = state.recipe.document.invalid.first() {
        let why = format!("{} is {:?}, which is not valid in a recipe. Correct or clear it first.", w.label, w.text);
        return refuse(state, why);
    }
    let path = default_path(state);
    let text = state.short_path(&path);
    let r = &mut state.recipe;
    (r.prompt, r.editing, r.zoom) = (Prompt::SavePath, Some(LineEdit::offering(&text)), false);
    Vec::new()
}

/// The recipe's own file, else one named after the source, beside the outputs.
fn default_path(state: &State) -> PathBuf {
    let r = &state.recipe;
    if let Some(file) = &r.origin.file {
        return file.with_extension("toml");
    }
    let folder = r.ready().and_then(|p| p.outputs.first()).and_then(|o| o.path.parent()).unwrap_or(&state.base);
    folder.join(r.source().map_or_else(|| "recipe".to_owned(), |s| crate::plan::name_about(s)) + ".toml")
}

/// Opens the picker of recipes and requests a fresh list. The picker opens immediately, so that typed text goes into it.
pub(super) fn ask_open(state: &mut State) -> Vec<Effect> {
    let mut folders = vec![state.base.clone()];
    let beside = state.recipe.origin.file.as_deref().and_then(Path::parent);
    folders.extend(beside.filter(|b| *b != state.base).map(Path::to_owned));
    let (items, before) = (entry_items(state), state.theme.clone());
    let picker = Picker { kind: PickerKind::Recipes, input: LineEdit::default(), items, row: 0, before };
    state.layer = Some(Layer::Picker(picker));
    vec![Effect::ListRecipes(folders)]
}

/// Leaves the recipe to the user's editor: its own file if that says the same, for the sake of its comments.
pub(super) fn edit_outside(state: &mut State) -> Vec<Effect> {
    let r = &state.recipe;
    let place = match &r.origin.file {
        Some(file) if !r.modified() => EditPlace::File(file.clone()),
        _ => EditPlace::Draft(None),
    };
    vec![Effect::EditRecipe(place, Box::new(r.document.recipe.clone()))]
}

/// A path was typed.
pub(super) fn path_given(state: &mut State, prompt: Prompt, text: &str) -> Vec<Effect> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    let path = state.typed_path(text);
    if prompt == Prompt::OpenPath {
        return vec![Effect::ReadRecipe(path)];
    }
    let path = if path.extension().is_none() { path.with_extension("toml") } else { path };
    let own = state.recipe.origin.file.as_ref() == Some(&path);
    let overwrite = if own { Overwrite::Changes(Box::new(state.recipe.origin.saved.clone())) } else { Overwrite::No };
    vec![Effect::SaveRecipe(path, Box::new(state.recipe.document.recipe.clone()), overwrite)]
}

pub(super) fn arrived(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Recipes(library) => {
            state.recipe.library = library;
            let items = entry_items(state);
            // The user may have gone on meanwhile.
            if let Some(Layer::Picker(p)) = &mut state.layer
                && p.kind == PickerKind::Recipes
            {
                p.items = items;
            }
            Vec::new()
        }
        Action::RecipeRead(path, Ok(recipe)) => open(state, *recipe, Some(path)),
        Action::RecipeRead(path, Err(lines)) => {
            mistakes(state, EditPlace::File(path), lines);
            Vec::new()
        }
        Action::RecipeSaved(path, recipe, result) => {
            saved(state, path, recipe, result);
            Vec::new()
        }
        Action::RecipeEdited(outcome) => edited(state, outcome),
        _ => Vec::new(),
    }
}

/// The recipe was written to a file, or was not.
fn saved(state: &mut State, path: PathBuf, recipe: Box<Recipe>, result: Result<(), SaveRefusal>) {
    match result {
        Ok(()) => {
            state.toast(Level::Info, format!("saved: {}", state.short_path(&path)));
            state.recipe.origin.file = Some(path);
            state.recipe.origin.saved = *recipe;
        }
        Err(SaveRefusal::Failed(why)) => state.toast(Level::Error, why),
        Err(asks) => {
            let detail = match asks {
                SaveRefusal::ChangedOutside => Some("Another program has changed it since it was opened."),
                SaveRefusal::LosesComments => {
                    Some("Its comments would be lost: the changes cannot be written between them.")
                }
                _ => None,
            };
            state.layer = Some(Layer::Confirm(Confirm {
                question: "Replace this file?".to_owned(),
                detail: [state.short_path(&path)].into_iter().chain(detail.map(str::to_owned)).collect(),
                yes: "replace",
                destroys: true,
                effect: Effect::SaveRecipe(path, recipe, Overwrite::Whole),
            }));
        }
    }
}

/// The user's editor was left.
fn edited(state: &mut State, outcome: EditOutcome) -> Vec<Effect> {
    match outcome {
        EditOutcome::Same => Vec::new(),
        EditOutcome::Changed(recipe, file) => match file {
            // Nothing was done to it.
            Some(_) if file == state.recipe.origin.file && *recipe == state.recipe.document.recipe => Vec::new(),
            Some(_) => open(state, *recipe, file),
            None => {
                let source = recipe.source.path.as_ref().map(|p| state.at_base(p));
                state.recipe.change(|d| {
                    (d.recipe, d.invalid) = (*recipe, Vec::new());
                    d.recipe.source.path = source;
                });
                changed(state)
            }
        },
        EditOutcome::Mistakes(place, lines) => {
            if matches!(place, EditPlace::File(_)) {
                // The file is another one now: what is on the screen is saved nowhere.
                state.recipe.origin.saved = Recipe::default();
            }
            mistakes(state, place, lines);
            Vec::new()
        }
        EditOutcome::Failed(why) => {
            state.toast(Level::Error, why);
            Vec::new()
        }
    }
}

fn open(state: &mut State, mut recipe: Recipe, file: Option<PathBuf>) -> Vec<Effect> {
    recipe.source.path = recipe.source.path.map(|p| state.at_base(&p));
    state.recipe.open(recipe, file);
    state.recipe.pane = RecipePane::List;
    changed(state)
}

/// Shows what is wrong with a file and offers the editor; the recipe on the screen stays.
fn mistakes(state: &mut State, place: EditPlace, mut lines: Vec<String>) {
    state.note(Level::Error, lines.join(" "));
    let more = lines.len().saturating_sub(LINES);
    lines.truncate(LINES);
    lines.iter_mut().for_each(shorten);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    if let EditPlace::Draft(Some(path)) = &place {
        lines.push(format!("your text is in {}", path.display()));
    }
    state.layer = Some(Layer::Confirm(Confirm {
        question: "This is not a valid recipe: the previous one is kept".to_owned(),
        detail: lines,
        yes: "edit it",
        destroys: false,
        effect: Effect::EditRecipe(place, Box::new(state.recipe.document.recipe.clone())),
    }));
}

fn shorten(line: &mut String) {
    if let Some((cut, _)) = line.char_indices().nth(COLUMNS) {
        line.truncate(cut);
        line.push('…');
    }
}

fn entry_items(state: &State) -> Vec<PickerItem> {
    let item = |e: &LibraryEntry| {
        let detail = match (&e.file, &e.recipe) {
            (_, Err(_)) => "has errors".to_owned(),
            (None, _) => "built in".to_owned(),
            (Some(_), _) => String::new(),
        };
        PickerItem { title: format!("{}: {}", e.name, e.about), detail, cmd: None }
    };
    let elsewhere = PickerItem { title: ELSEWHERE.to_owned(), detail: String::new(), cmd: None };
    state.recipe.library.iter().map(item).chain([elsewhere]).collect()
}

/// Opens the recipe that was picked, or asks where another is. A path that was typed into the picker counts as one.
pub(super) fn entry_picked(state: &mut State, at: Option<usize>, typed: &str) -> Vec<Effect> {
    let Some(at) = at else {
        // A word alone was meant for the list.
        let is_path = typed.contains(['/', '.']);
        return if is_path {
            path_given(state, Prompt::OpenPath, typed)
        } else {
            refuse(state, format!("there is no recipe named {typed:?}"))
        };
    };
    match state.recipe.library.get(at).cloned() {
        Some(LibraryEntry { recipe: Ok(recipe), file, .. }) => open(state, *recipe, file),
        Some(LibraryEntry { recipe: Err(lines), file: Some(file), .. }) => {
            mistakes(state, EditPlace::File(file), lines);
            Vec::new()
        }
        Some(_) => Vec::new(),
        None => {
            let r = &mut state.recipe;
            (r.prompt, r.editing, r.zoom) = (Prompt::OpenPath, Some(LineEdit::default()), false);
            Vec::new()
        }
    }
}
