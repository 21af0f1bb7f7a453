//! Tests of the state of the Recipe tab.

use super::*;
use crate::model::FormatId;
use crate::recipe::RecipeTable;
use crate::recipe::options::gguf;
use proptest::prelude::*;

fn composed() -> RecipeState {
    let mut r = RecipeState::default();
    r.set_sources(vec!["/m".into()], None);
    r
}

#[test]
fn a_model_brings_the_usual_target_and_nothing_to_save() {
    let r = composed();
    assert_eq!(r.recipe().unwrap().targets, [presets()[0].target()]);
    assert!(!r.modified() && !r.history.can_undo());
    assert_eq!(r.row(), Row::Target(0));
    assert_eq!(RecipeState::default().recipe(), None);
}

#[test]
fn another_source_keeps_the_targets_and_takes_no_late_forecast() {
    let mut r = composed();
    r.change(|d| d.recipe.targets[0].set(&gguf::IMATRIX, Some("/i".into())));
    r.change(|d| d.set_field(RecipeTable::Target(0), Field::Budget, "4.25"));
    let (source, target) = r.forecast_target().unwrap();
    assert!(r.forecast_state.want(&source, &target) && !r.forecast_state.want(&source, &target));
    let request = r.forecast_state.request;
    r.set_sources(vec!["/n".into()], None);
    let t = &r.document.recipe.targets[0];
    assert_eq!((t.get(&gguf::TARGET_BPW), !t.has(&gguf::IMATRIX)), (Some(4.25), true));
    let late = ErrorCard::new("late", true);
    r.forecast_state.arrived(request, Err(late));
    assert!(r.forecast_state.answer().is_none());
    r.undo();
    assert_eq!(r.source(), Some(&PathBuf::from("/m")));
}

#[test]
fn presets_take_the_matrix_that_is_there_and_no_budget_is_sized() {
    let mut r = composed();
    r.change(|d| d.recipe.targets[0].set(&gguf::IMATRIX, Some("/i".into())));
    let recipes = r.preset_recipes();
    assert!(
        recipes.iter().all(|(i, _)| presets()[*i].types != Types::Budget),
        "a budget is measured, which takes seconds"
    );
    for (i, recipe) in recipes {
        assert_eq!(
            recipe.targets[0].has(&gguf::IMATRIX),
            presets()[i].format == FormatId::Gguf,
            "{}",
            presets()[i].name()
        );
        assert!(recipe.targets[0].force);
    }
}

#[test]
fn another_recipe_brings_its_file_and_undo_brings_the_old_one_back() {
    let mut r = composed();
    r.change(|d| d.recipe.name = Some("mine".into()));
    let (before, origin) = (r.document.clone(), r.origin.clone());
    let other = Recipe { targets: vec![presets()[2].target()], ..Recipe::default() };
    r.open(other, Some("/r.toml".into()));
    assert_eq!((r.source(), r.modified()), (Some(&PathBuf::from("/m")), false), "a recipe without a source keeps it");
    r.undo();
    assert_eq!((&r.document, &r.origin), (&before, &origin));
    r.redo();
    assert_eq!(r.origin.file, Some(PathBuf::from("/r.toml")));
}

/// What a user can do to a recipe.
#[derive(Clone, Debug)]
enum Edit {
    Add(usize),
    Remove(usize),
    Swap(usize, usize),
    AddStep(usize, &'static str),
    RemoveStep(usize),
    SwapSteps(usize, usize),
    Set(usize, usize, &'static str),
    Open(usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    const TEXTS: &[&str] =
        &["", "q8_0", "4096", "many", "4.25", "760MB", "true", "gguf", "safetensors", "/x", "ffn = q6_k"];
    const STEPS: &[&str] = &["prune_layers", "quantize", "split"];
    prop_oneof![
        (0..presets().len()).prop_map(Edit::Add),
        (0..4usize).prop_map(Edit::Remove),
        (0..4usize, 0..4usize).prop_map(|(a, b)| Edit::Swap(a, b)),
        (0..3usize, prop::sample::select(STEPS)).prop_map(|(at, name)| Edit::AddStep(at, name)),
        (0..3usize).prop_map(Edit::RemoveStep),
        (0..3usize, 0..3usize).prop_map(|(a, b)| Edit::SwapSteps(a, b)),
        (0..4usize, 0..40usize, prop::sample::select(TEXTS)).prop_map(|(t, f, text)| Edit::Set(t, f, text)),
        (0..presets().len()).prop_map(Edit::Open),
    ]
}

fn apply(r: &mut RecipeState, edit: &Edit) {
    match edit {
        Edit::Add(preset) => {
            r.change(|d| d.insert(0, presets()[*preset].target()));
        }
        Edit::Remove(at) => {
            r.change(|d| d.remove(*at));
        }
        Edit::Swap(a, b) => {
            r.change(|d| d.swap(*a, *b));
        }
        Edit::AddStep(at, name) => {
            r.change(|d| d.insert_step(*at, name));
        }
        Edit::RemoveStep(at) => {
            r.change(|d| d.remove_step(*at));
        }
        Edit::SwapSteps(a, b) => {
            r.change(|d| d.swap_steps(*a, *b));
        }
        Edit::Set(target, field, text) => {
            r.select(if *target < 3 { Row::Target(*target) } else { Row::Step(0) });
            let (at, fields) = (r.current_table(), r.options());
            if let (Some(at), Some(field)) = (at, fields.get(field % fields.len().max(1))) {
                r.change(|d| d.set_field(at, *field, text));
            }
        }
        Edit::Open(preset) => {
            let recipe = Recipe { targets: vec![presets()[*preset].target()], ..Recipe::default() };
            r.open(recipe, Some(format!("/{preset}.toml").into()));
        }
    }
}

proptest! {
    #[test]
    fn every_sequence_of_edits_is_undone_and_done_again(edits in prop::collection::vec(edit(), 1..40)) {
        let mut r = composed();
        let (start, origin) = (r.document.clone(), r.origin.clone());
        for e in &edits {
            apply(&mut r, e);
        }
        let (end, file) = (r.document.clone(), r.origin.clone());
        while r.undo() {}
        prop_assert_eq!((&r.document, &r.origin), (&start, &origin));
        while r.redo() {}
        prop_assert_eq!((&r.document, &r.origin), (&end, &file));
        prop_assert!(r.cursor < r.rows().len());
    }

    #[test]
    fn what_is_composed_is_read_back_from_its_file(edits in prop::collection::vec(edit(), 1..20)) {
        let mut r = composed();
        for e in &edits {
            apply(&mut r, e);
        }
        let text = crate::recipe::to_toml(&r.document.recipe);
        let again = crate::recipe::parse(&text, crate::recipe::Syntax::Toml, None);
        prop_assert_eq!(again.as_ref(), Ok(&r.document.recipe), "{}", text);
    }
}
