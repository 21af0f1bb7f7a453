//! The Recipe tab, through the pure core: what keys make of the recipe, and what is asked of the outside.

use super::plans;
use super::sample::{self, DIR};
use super::screens::{LARGE, SMALL, render, shows, text};
use remold::testing::model::{ModelError, OptionName};
use remold::testing::recipe::keys::OptionGroup;
use remold::testing::recipe::options::gguf;
use remold::testing::recipe::{Recipe, Syntax, parse, to_toml};
use remold::testing::tui::core::{Action, Effect, ErrorCard, Layer, Tab, all_commands};
use remold::testing::tui::look::Depth;
use remold::testing::tui::tabs::recipe::{
    Budget, EditOutcome, EditPlace, Field, Overwrite, PlanResponse, Prompt, RecipePane, Row as RecipeRow, SaveRefusal,
    presets,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Goes to a field of the form by its label.
fn go(b: &mut sample::Bench, label: &str) {
    b.state.recipe.pane = RecipePane::Form;
    assert!(b.state.recipe.show_option(label), "no option {label}");
}

fn planned_recipe(b: &sample::Bench) -> Recipe {
    let last = b.effects.iter().rev().find_map(|e| match e {
        Effect::Plan(_, recipe) => Some((**recipe).clone()),
        _ => None,
    });
    last.unwrap_or_else(|| panic!("nothing was planned: {:?}", b.effects))
}

#[test]
fn a_newcomer_makes_two_targets_with_four_keys() {
    let mut b = sample::start();
    b.keys("c");
    assert_eq!(b.state.tab, Tab::Recipe);
    assert!(
        matches!(&b.effects[..], [Effect::Plan(1, r), Effect::PlanPresets(1, all), Effect::Forecast(..)]
            if r.targets.len() == 1 && all.len() == presets().len() - 4),
        "all but the budget and three quantizations of graphs, which have to be measured"
    );
    b.effects.clear();
    b.keys("r");
    assert_eq!(b.effects, [], "nothing starts before there is a plan");
    b.keys("aq8<enter>");
    let [Effect::Plan(2, recipe)] = &b.effects[..] else { panic!("{:?}", b.effects) };
    let types: Vec<_> = recipe.targets.iter().filter_map(|t| t.quantization.as_deref()).collect();
    assert_eq!(types, ["q4_k_m", "q8_0"]);
    b.effects.clear();
    let old = ErrorCard::new("old", true);
    b.act(Action::Planned(1, PlanResponse::refused(None, old)));
    assert_eq!(b.state.recipe.plan, None, "the answer to an older request is not shown");
    b.act(Action::Planned(2, PlanResponse::complete(Arc::new(plans::two()))));
    b.keys("r");
    assert!(matches!(&b.effects[..], [Effect::Spawn(r, _)] if r.targets.len() == 2));
    b.effects.clear();
    b.keys("r");
    assert_eq!(b.effects, [], "not twice");
}

#[test]
fn the_picker_shows_sizes_and_errors_as_they_come() {
    let mut b = sample::start();
    b.keys("ca");
    let shown = |b: &sample::Bench, title: &str| match &b.state.layer {
        Some(Layer::Picker(p)) => p.items.iter().find(|i| i.title.starts_with(title)).unwrap().detail.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(shown(&b, "gguf Q8_0").trim(), "…");
    let id = b.state.recipe.preset_request;
    let q8 = presets().iter().position(|p| p.title == "Q8_0").unwrap();
    b.act(Action::PresetPlanned(id, q8, Ok((1_321_500_000, 8.5))));
    let id = b.state.recipe.forecast_state.request;
    b.act(Action::Forecasted(id, Ok(Arc::new(plans::forecast(None)))));
    assert_eq!(shown(&b, "gguf Q8_0"), "1.32 GB   44.2 dB");
    b.keys("<esc>");
    assert_eq!(b.state.recipe.document.recipe.targets.len(), 1);
}

#[test]
fn targets_are_deleted_doubled_moved_and_all_of_it_taken_back() {
    let mut b = sample::start();
    b.planned().keys("aq8<enter>");
    let two = b.state.recipe.document.clone();
    b.keys("KD");
    let quantizations = |b: &sample::Bench| -> Vec<String> {
        b.state.recipe.document.recipe.targets.iter().filter_map(|t| t.quantization.clone()).collect()
    };
    assert_eq!(quantizations(&b), ["q8_0", "q8_0", "q4_k_m"]);
    assert_eq!(b.state.recipe.row(), RecipeRow::Target(1));
    b.keys("dd");
    assert_eq!(quantizations(&b), ["q8_0"]);
    b.keys("uuuu");
    assert_eq!(b.state.recipe.document, two);
    b.keys("<ctrl-r>U");
    assert_eq!(quantizations(&b), ["q8_0", "q8_0", "q4_k_m"]);
    assert_eq!(planned_recipe(&b).targets.len(), 3, "what is brought back is planned");
}

#[test]
fn every_field_of_a_gguf_is_edited_by_keys_and_comes_out_in_the_recipe() {
    let mut b = sample::start();
    b.planned();
    let values = [
        ("budget", "760MB", "target_size = \"760MB\""),
        ("quantization", "", "quantization = \"f32\""),
        ("imatrix", "~/i.gguf", "imatrix = \"/home/ada/i.gguf\""),
        ("context_length", "32k", "context_length = 32768"),
        ("rope_scaling", "", "rope_scaling = \"yarn\""),
        ("modelfile_adapter", "lora.gguf", "modelfile_adapter = \"lora.gguf\""),
        ("ollama_create", "tiny:q4", "ollama_create = \"tiny:q4\""),
        ("embedding_type", "", "embedding_type = \"f32\""),
        ("output_type", "", "output_type = \"f32\""),
        (
            "tensor_types",
            "ffn_down = q6_k, re:attn_v=q8_0",
            "tensor_types = { ffn_down = \"q6_k\", \"re:attn_v\" = \"q8_0\" }",
        ),
        ("effort", "", "effort = \"max\""),
        ("output", "/out/x.gguf", "output = \"/out/x.gguf\""),
        ("output_name", "{source}-x", "output_name = \"{source}-x\""),
        ("imatrix_name", "mine", "imatrix_name = \"mine\""),
        ("pre_tokenizer", "llama-bpe", "pre_tokenizer = \"llama-bpe\""),
        ("model_name", "My model", "model_name = \"My model\""),
        ("max_shard_size", "5GB", "max_shard_size = \"5GB\""),
        ("split_max_tensors", "128", "split_max_tensors = 128"),
        ("split_max_layers", "16", "split_max_layers = 16"),
        ("like", "published.gguf", "like = \"published.gguf\""),
        ("budget_data", "text.txt", "budget_data = \"text.txt\""),
        ("budget_check", "other.txt", "budget_check = \"other.txt\""),
        ("scores", "scores.json", "scores = \"scores.json\""),
        ("score_time", "10m", "score_time = \"10m\""),
        ("budget_types", "q4_k, q6_k", "budget_types = [\"q4_k\", \"q6_k\"]"),
        ("include_weights", "ffn", "include_weights = [\"ffn\"]"),
        ("exclude_weights", "output", "exclude_weights = [\"output\"]"),
        ("override_kv", "general.license = \"mit\"", "override_kv = { \"general.license\" = \"mit\" }"),
        ("prune_layers", "20, 21", "prune_layers = [20, 21]"),
        ("reuse", "earlier.gguf", "reuse = \"earlier.gguf\""),
    ];
    let flags: Vec<&str> = {
        let r = &mut b.state.recipe;
        r.unfolded = OptionGroup::ALL.to_vec();
        let fields = r.fields();
        let options = fields.iter().filter(|f| !f.is_heading());
        let rest = options.map(|f| f.label()).filter(|l| values.iter().all(|v| v.0 != *l) && *l != "format");
        rest.collect()
    };
    for (label, typed, line) in values {
        go(&mut b, label);
        match typed {
            // Chosen: the next value.
            "" => b.keys("l"),
            _ => b.keys("<enter><ctrl-u>").keys(&typed.replace('<', "")).keys("<enter>"),
        };
        let text = to_toml(&b.state.recipe.document.recipe);
        assert!(text.lines().any(|l| l == line), "{label}: {text}");
        b.keys("x");
        assert!(!to_toml(&b.state.recipe.document.recipe).contains(line), "{label} is not cleared");
    }
    assert!(flags.len() > 8, "{flags:?}");
    for label in flags {
        go(&mut b, label);
        b.keys("l");
        let text = to_toml(&b.state.recipe.document.recipe);
        assert!(text.lines().any(|l| l == format!("{label} = true")), "{label}: {text}");
    }
    let recipe = &b.state.recipe.document.recipe;
    assert_eq!(parse(&to_toml(recipe), Syntax::Toml, None).as_ref(), Ok(recipe));
}

#[test]
fn wrong_values_are_shown_at_their_field_and_plan_nothing() {
    let mut b = sample::start();
    b.planned();
    for (label, typed, said) in [
        ("context_length", "many", "whole number"),
        ("budget", "760", "a size such as 760MB"),
        ("tensor_types", "ffn_down = q9", "unknown tensor type"),
        ("override_kv", "a", ""),
        ("max_shard_size", "large", "not a size"),
    ] {
        go(&mut b, label);
        b.effects.clear();
        b.keys("<enter><ctrl-u>").keys(typed).keys("<enter>");
        let field = b.state.recipe.current_field().unwrap();
        let problem = b.state.recipe.problem(field).unwrap_or_else(|| panic!("{label}: no problem"));
        assert!(problem.fact.contains(said), "{label}: {}", problem.fact);
        assert_eq!(b.state.recipe.value(field).as_deref(), Some(typed), "what was typed stays");
        assert!(b.state.recipe.recipe().is_none() && !b.effects.iter().any(|e| matches!(e, Effect::Plan(..))));
        b.keys("s");
        assert!(b.state.recipe.editing.is_none() || label == "tensor_types" || label == "max_shard_size");
        b.keys("<esc>");
        go(&mut b, label);
        b.keys("x");
        assert!(b.state.recipe.recipe().is_some(), "{label}");
    }
}

#[test]
fn everything_that_the_planner_refuses_is_shown_at_its_target_and_field() {
    let mut b = sample::start();
    b.refused();
    let r = &b.state.recipe;
    let told = |i: usize| r.problem_of(RecipeRow::Target(i)).map(|t| (t.key.as_str(), t.help.as_deref()));
    let again = "Start from the 16- or 32-bit model, or set allow_requantize and accept the loss.";
    assert_eq!(told(0), Some(("allow_requantize", Some(again))));
    assert_eq!(told(1), None);
    assert_eq!(told(2), Some(("output", Some("Give another output."))));
    assert!(r.output(1).is_some() && r.ready().is_none(), "what can be made has its size, and nothing can be started");
    b.effects.clear();
    b.keys("r");
    assert_eq!(b.effects, []);
    let toast = b.state.toasts.last().map(|t| t.text.clone()).unwrap_or_default();
    assert!(toast.starts_with("target 1, allow_requantize: "), "r says why it does nothing: {toast}");
}

#[test]
fn a_target_that_is_typed_wrong_does_not_hide_what_is_wrong_with_another() {
    let mut b = sample::start();
    b.planned().keys("aq8<enter>");
    go(&mut b, "context_length");
    b.effects.clear();
    b.keys("<enter><ctrl-u>many<enter>");
    let [Effect::Plan(id, recipe), ..] = &b.effects[..] else { panic!("{:?}", b.effects) };
    assert_eq!(recipe.targets.len(), 1, "the other one is planned");
    let wrong = b.state.recipe.problems()[0].target;
    let other = 1 - wrong.unwrap();
    let error = ModelError::request("no").in_option(OptionName::QUANTIZATION);
    b.act(Action::Planned(*id, PlanResponse::refused(Some(0), (&error).into())));
    let places: Vec<_> = b.state.recipe.problems().iter().map(|t| (t.target, t.key.as_str())).collect();
    assert!(
        places.contains(&(wrong, "context_length")) && places.contains(&(Some(other), "quantization")),
        "{places:?}"
    );
}

#[test]
fn what_is_there_is_replaced_only_after_a_question_that_names_it() {
    let mut b = sample::start();
    b.in_the_way().effects.clear();
    b.keys("r");
    assert_eq!(b.effects, []);
    let Some(Layer::Confirm(asked)) = &b.state.layer else { panic!("{:?}", b.state.layer) };
    assert!(asked.detail.len() == 1 && asked.detail[0].ends_with("written by job 7"), "{:?}", asked.detail);
    b.keys("y");
    let [Effect::Spawn(recipe, _)] = &b.effects[..] else { panic!("{:?}", b.effects) };
    assert_eq!(recipe.targets.iter().map(|t| t.force).collect::<Vec<_>>(), [true, false]);
    assert!(b.state.recipe.document.recipe.targets.iter().all(|t| !t.force), "the recipe stays as it is");
}

#[test]
fn a_typed_budget_is_planned_and_forecast() {
    let mut b = sample::start();
    b.planned().effects.clear();
    b.keys("b");
    assert_eq!((b.state.recipe.pane, b.state.recipe.editing.is_some()), (RecipePane::Form, true));
    b.keys("4.5 GiB<enter>");
    assert_eq!(b.state.recipe.pane, RecipePane::List, "and back where b was pressed");
    let [Effect::Plan(_, recipe), Effect::Forecast(_, _, target)] = &b.effects[..] else { panic!("{:?}", b.effects) };
    assert_eq!(recipe.targets[0].get(&gguf::TARGET_SIZE).as_deref(), Some("4.5GiB"));
    assert_eq!(recipe.targets[0].quantization, None, "a budget chooses the types");
    assert_eq!(
        target.get(&gguf::TARGET_SIZE),
        recipe.targets[0].get(&gguf::TARGET_SIZE),
        "sizes of the presets are not asked for again"
    );
    b.effects.clear();
    b.keys("b<esc>b<enter>kj");
    assert!(!b.effects.iter().any(|e| matches!(e, Effect::Forecast(..))), "the same budget again: {:?}", b.effects);
    b.keys("b<ctrl-u>760<enter>");
    assert_eq!(b.state.recipe.pane, RecipePane::Form, "what is wrong is corrected where it stands");
    assert!(b.state.recipe.recipe().is_none());
    b.keys("b<ctrl-u>4.25<enter>");
    assert_eq!(b.state.recipe.recipe().unwrap().targets[0].get(&gguf::TARGET_BPW), Some(4.25));
}

#[test]
fn a_target_within_a_budget_asks_for_it_and_without_one_there_is_none() {
    let mut b = sample::start();
    b.planned().keys("awithin<enter>");
    assert_eq!((b.state.recipe.prompt, b.state.recipe.editing.is_some()), (Prompt::FirstBudget, true));
    b.keys("<esc>");
    assert_eq!(b.state.recipe.document.recipe.targets, [presets()[0].target()]);
    assert!(!b.state.recipe.history.can_redo() && !b.state.recipe.modified());
    b.keys("awithin<enter>3g<enter>");
    let targets = &b.state.recipe.document.recipe.targets;
    assert_eq!(Budget::of(&targets[1]), Some(Budget::Size("3g".into())));
    assert_eq!(b.state.recipe.pane, RecipePane::List);
}

#[test]
fn forecasts_arrive_and_stale_ones_do_not() {
    let mut b = sample::start();
    b.sized();
    let forecast_state = &b.state.recipe.forecast_state;
    assert_eq!(
        (forecast_state.measured, forecast_state.waiting(), forecast_state.forecast().is_some()),
        (Some((41, 147)), true, false)
    );
    let first = forecast_state.request;
    b.act(Action::Forecasted(first, Ok(Arc::new(plans::forecast(None)))));
    assert_eq!(b.state.recipe.estimate(0).and_then(|e| e.output_sqnr_db), Some(22.6));
    // A budget changes nothing of the file types, and has no mix yet.
    b.keys("b760MB<enter>");
    let second = b.state.recipe.forecast_state.request;
    assert!(second > first && b.state.recipe.preset_estimate(0).is_some() && b.state.recipe.estimate(0).is_none());
    b.act(Action::Forecasted(first, Ok(Arc::new(plans::forecast(Some("4bpw"))))));
    b.act(Action::ForecastMeasured(first, 1, 2));
    assert!(
        b.state.recipe.forecast_state.waiting() && b.state.recipe.estimate(0).is_none(),
        "an answer to another budget"
    );
    b.act(Action::Forecasted(second, Ok(Arc::new(plans::forecast(Some("760MB"))))));
    assert_eq!(b.state.recipe.estimate(0).map(|e| e.bytes), Some(759_800_000));
    // Another matrix changes all.
    b.effects.clear();
    go(&mut b, "imatrix");
    b.keys("<enter>~/i.gguf<enter>");
    assert!(b.state.recipe.preset_estimate(0).is_none());
    let asked = b.effects.iter().find_map(|e| match e {
        Effect::Forecast(_, _, target) => target.get(&gguf::IMATRIX).clone(),
        _ => None,
    });
    assert_eq!(asked, Some(PathBuf::from("/home/ada/i.gguf")));
}

#[test]
fn the_plot_takes_the_width_and_gives_it_back() {
    let mut b = sample::start();
    b.planned().keys("z");
    assert!(b.state.recipe.zoom);
    b.keys("<esc>");
    assert!(!b.state.recipe.zoom && b.state.tab == Tab::Recipe);
    b.keys("zb");
    assert!(!b.state.recipe.zoom, "what is edited must be seen");
}

#[test]
fn a_file_is_replaced_only_after_a_question_and_a_detached_job_leaves_the_screen() {
    let mut b = sample::start();
    b.replacing().effects.clear();
    b.keys("r");
    assert!(matches!(b.state.layer, Some(Layer::Confirm(_))) && b.effects.is_empty());
    b.keys("<enter>Ry");
    assert!(matches!(&b.effects[..], [Effect::Spawn(r, _)] if r.targets[0].force));
    let job = remold::testing::job::JobSummary {
        kind: remold::testing::job::JobKind::Conversion,
        id: "j".into(),
        dir: "/jobs/j".into(),
        title: "checkpoint-2000 → gguf Q4_K_M".into(),
        state: remold::testing::job::JobState::Running,
        created: b.state.now,
        fraction: 0.0,
        seconds: None,
        place: None,
        failed_checks: 0,
        owner: None,
        outputs: Vec::new(),
        sample: None,
    };
    b.act(Action::Spawned(Ok(job.clone())));
    assert_eq!((b.state.tab, b.state.recipe.starting, b.state.jobs.list.len()), (Tab::Recipe, false, 1));
    b.act(Action::Spawned(Ok(job)));
    assert_eq!(b.state.tab, Tab::Jobs, "one that is not detached is followed");
}

#[test]
fn saving_asks_where_and_before_it_replaces() {
    let mut b = sample::start();
    b.planned().keys("aq8<enter>").effects.clear();
    assert!(b.state.recipe.modified());
    b.keys("s<ctrl-u>mine<enter>");
    let [Effect::SaveRecipe(path, recipe, Overwrite::No)] = &b.effects[..] else { panic!("{:?}", b.effects) };
    assert_eq!(path, &Path::new(DIR).join("mine.toml"), "the extension is added");
    let (path, recipe) = (path.clone(), recipe.clone());
    b.act(Action::RecipeSaved(path.clone(), recipe.clone(), Err(SaveRefusal::Exists)));
    b.effects.clear();
    b.keys("y");
    assert_eq!(b.effects, [Effect::SaveRecipe(path.clone(), recipe.clone(), Overwrite::Whole)]);
    b.act(Action::RecipeSaved(path.clone(), recipe, Ok(())));
    assert_eq!((b.state.recipe.origin.file.as_ref(), b.state.recipe.modified()), (Some(&path), false));
    b.effects.clear();
    b.keys("ds<enter>");
    assert!(
        matches!(b.effects.last(), Some(Effect::SaveRecipe(p, _, Overwrite::Changes(_))) if *p == path),
        "its own file needs no question"
    );
}

#[test]
fn a_recipe_is_opened_from_the_list_from_a_path_and_taken_back() {
    let mut b = sample::start();
    b.planned().keys("o");
    assert_eq!(b.effects.last(), Some(&Effect::ListRecipes(vec![DIR.into()])));
    let before = b.state.recipe.document.clone();
    b.act(Action::Recipes(sample::library())).keys("phone<enter>");
    let file = Path::new(DIR).join("phone-and-server.toml");
    assert_eq!(b.state.recipe.origin.file.as_ref(), Some(&file));
    assert_eq!(b.state.recipe.document.recipe.targets, [presets()[2].target()]);
    assert_eq!(b.state.recipe.source(), before.recipe.source.path.as_ref(), "it names no source");
    b.keys("u");
    assert_eq!((&b.state.recipe.document, b.state.recipe.origin.file.as_ref()), (&before, None));
    // One with mistakes is not taken, and goes to the editor.
    b.keys("o").act(Action::Recipes(sample::library())).keys("old<enter>");
    assert_eq!(b.state.recipe.document, before);
    b.effects.clear();
    b.keys("<enter>");
    assert!(matches!(&b.effects[..], [Effect::EditRecipe(EditPlace::File(p), _)] if p.ends_with("old.toml")));
    b.keys("o").act(Action::Recipes(sample::library())).keys("~/else/where.toml<enter>");
    assert_eq!(b.effects.last(), Some(&Effect::ReadRecipe("/home/ada/else/where.toml".into())));
    let other = Recipe {
        source: remold::testing::recipe::Source { path: Some("/other".into()), ..Default::default() },
        targets: vec![presets()[3].target()],
        ..Recipe::default()
    };
    b.act(Action::RecipeRead("/home/ada/else/where.toml".into(), Ok(Box::new(other))));
    assert_eq!(b.state.recipe.source(), Some(&PathBuf::from("/other")), "its source is taken, too");
}

#[test]
fn the_editor_gets_the_file_or_a_draft_and_its_mistakes_change_nothing() {
    let mut b = sample::start();
    b.planned().keys("e");
    assert!(matches!(b.effects.last(), Some(Effect::EditRecipe(EditPlace::Draft(None), _))));
    let before = b.state.recipe.document.clone();
    b.act(Action::RecipeEdited(sample::mistakes()));
    assert!(matches!(&b.state.layer, Some(Layer::Confirm(c)) if c.detail[0].starts_with("line 7")));
    assert_eq!(b.state.recipe.document, before);
    b.keys("<enter>");
    assert!(matches!(b.effects.last(), Some(Effect::EditRecipe(EditPlace::Draft(Some(_)), _))), "the same text again");
    let mut new = before.recipe.clone();
    new.targets[0].set(&gguf::CONTEXT_LENGTH, Some(4096));
    b.act(Action::RecipeEdited(EditOutcome::Changed(Box::new(new.clone()), None)));
    assert_eq!((&planned_recipe(&b), b.state.recipe.modified()), (&new, true));
    b.keys("u");
    assert_eq!(b.state.recipe.document, before);
    let file = PathBuf::from("/r.toml");
    b.act(Action::RecipeSaved(file.clone(), Box::new(before.recipe.clone()), Ok(()))).keys("e");
    assert!(
        matches!(b.effects.last(), Some(Effect::EditRecipe(EditPlace::File(f), _)) if *f == file),
        "with its comments"
    );
}

#[test]
fn another_model_keeps_the_targets() {
    let mut b = sample::start();
    b.planned().keys("aq8<enter>");
    go(&mut b, "output");
    b.keys("<enter>/out/x.gguf<enter>1kc");
    let recipe = &b.state.recipe.document.recipe;
    assert_eq!(recipe.targets.len(), 2);
    assert!(recipe.targets.iter().all(|t| t.output.is_none()), "places belong to the other model");
    assert!(b.state.recipe.source().is_some_and(|p| p.ends_with("exp42/checkpoint-1000")));
}

#[test]
fn types_are_chosen_by_name_and_turned_by_one() {
    let mut b = sample::start();
    b.planned();
    go(&mut b, "quantization");
    b.keys("<enter>iq4_xs<enter>");
    assert_eq!(b.state.recipe.document.recipe.targets[0].quantization.as_deref(), Some("iq4_xs"));
    let Some(field) = b.state.recipe.current_field() else { panic!("no field") };
    let at = b.state.recipe.chosen(field).unwrap();
    b.keys("lh");
    assert_eq!(b.state.recipe.chosen(field), Some(at));
    go(&mut b, "format");
    b.keys("l");
    assert!(b.state.recipe.fields().iter().all(|f| !matches!(f, Field::Budget)), "other formats have other fields");
}

#[test]
fn tab_completes_a_path_that_is_still_being_typed() {
    let mut b = sample::start();
    b.planned();
    go(&mut b, "imatrix");
    b.keys("<enter>~/im<tab>");
    assert_eq!(b.effects.last(), Some(&Effect::CompletePath(DIR.into(), "/home/ada/im".into())));
    let names = vec!["imatrix-a.gguf".to_owned(), "imatrix-b.gguf".to_owned()];
    b.act(Action::PathCompleted("/home/ada/im".into(), "/home/ada/imatrix-".into(), names));
    let typed = |b: &sample::Bench| b.state.recipe.editing.as_ref().map(|l| l.text.clone());
    assert_eq!((typed(&b).as_deref(), b.state.recipe.names.len()), (Some("/home/ada/imatrix-"), 2));
    b.keys("b");
    assert!(b.state.recipe.names.is_empty());
    b.act(Action::PathCompleted("/home/ada/im".into(), "/home/ada/late".into(), Vec::new()));
    assert_eq!(typed(&b).as_deref(), Some("/home/ada/imatrix-b"), "an answer to what was typed before");
    go(&mut b, "context_length");
    b.keys("<esc><enter>");
    b.effects.clear();
    b.keys("<tab>");
    assert!(b.effects.is_empty() && b.state.recipe.editing.is_some(), "a number has nothing to complete");
}

#[test]
fn groups_of_options_are_folded_and_unfolded_by_keys() {
    let mut b = sample::start();
    b.planned().keys("<tab>");
    let shown = |b: &sample::Bench, label: &str| b.state.recipe.fields().iter().any(|f| f.label() == label);
    let at = b.state.recipe.fields().iter().position(|f| f.label() == "importance").unwrap();
    b.state.recipe.field = at;
    for (open, close) in [("<enter>", "<enter>"), ("l", "h"), ("<right>", "<left>"), ("<space>", "<space>")] {
        b.keys(open);
        assert!(shown(&b, "imatrix_name"), "{open}");
        b.keys(close);
        assert!(!shown(&b, "imatrix_name") && b.state.recipe.field == at, "{close}");
    }
    // From an option below, which has no list of values: to the heading.
    b.keys("ljj<left>");
    assert!(!shown(&b, "imatrix_name") && b.state.recipe.field == at);
    b.keys("lj<enter>mine<enter><left>");
    assert!(shown(&b, "imatrix_name") && !shown(&b, "include_weights"), "what is set is shown");
    assert_eq!(b.state.recipe.counts(OptionGroup::Importance), (3, 1));
    b.keys("jx");
    assert!(!shown(&b, "imatrix_name") && b.state.recipe.field == at, "and the cursor stays at its heading");
}

#[test]
fn an_option_is_found_wherever_it_is() {
    let mut b = sample::start();
    b.planned().keys("/mlock");
    let labels = |b: &sample::Bench| b.state.recipe.fields().iter().map(|f| f.label()).collect::<Vec<_>>();
    assert_eq!(labels(&b), ["use_mlock"]);
    b.keys("<enter>l");
    assert_eq!(b.state.recipe.document.recipe.targets[0].get(&gguf::USE_MLOCK), Some(true));
    b.keys("<esc>");
    assert!(b.state.recipe.filter.is_empty() && b.state.recipe.pane == RecipePane::Form);
    assert_eq!(b.state.recipe.current_field().map(Field::label), Some("use_mlock"), "what has a value stays in view");
    // Every letter goes into the filter, whatever it is a key of.
    b.keys("/q1exports");
    assert_eq!((b.state.tab, labels(&b).len()), (Tab::Recipe, 0));
    b.keys("<esc>");
    assert!(labels(&b).len() > 10);
}

#[test]
fn steps_are_added_edited_moved_and_deleted_and_all_of_it_taken_back() {
    let mut b = sample::start();
    b.planned();
    let start = b.state.recipe.document.clone();
    let steps = |b: &sample::Bench| -> Vec<String> {
        b.state.recipe.document.recipe.pipeline.iter().map(|s| s.step.clone()).collect()
    };
    b.keys("Asplit<enter>2GB<enter>");
    assert_eq!(b.state.recipe.row(), RecipeRow::Step(0));
    // What changes tensors comes before what changes targets.
    b.keys("Aprune_l<enter>20, 21<enter>");
    assert_eq!(steps(&b), ["prune_layers", "split"]);
    assert_eq!(b.state.recipe.row(), RecipeRow::Step(0));
    let text = to_toml(&planned_recipe(&b));
    assert!(text.contains("layers = [20, 21]") && text.contains("max_size = \"2GB\""), "{text}");
    b.keys("<esc>J");
    assert_eq!((steps(&b), b.state.recipe.row()), (vec!["split".into(), "prune_layers".into()], RecipeRow::Step(1)));
    let problem = b.state.recipe.problem_of(RecipeRow::Step(1)).map(|p| p.fact.clone()).unwrap_or_default();
    assert!(problem.contains("comes after `split`"), "{problem}");
    b.keys("K");
    assert!(b.state.recipe.problems().is_empty(), "{:?}", b.state.recipe.problems());
    b.keys("<enter>");
    assert_eq!(
        (b.state.recipe.pane, b.state.recipe.current_field().map(Field::label)),
        (RecipePane::Form, Some("layers"))
    );
    b.keys("<enter><ctrl-u>first<enter>");
    let at_step = b.state.recipe.problems().iter().all(|p| p.step == Some(0) && p.target.is_none());
    assert!(at_step && b.state.recipe.problems().len() == 1, "{:?}", b.state.recipe.problems());
    b.keys("<enter><ctrl-u>3<enter><esc>d");
    assert_eq!(steps(&b), ["split"]);
    b.keys(&"u".repeat(12));
    assert_eq!(b.state.recipe.document, start);
    b.keys(&"U".repeat(12));
    assert_eq!(steps(&b), ["split"]);
}

#[test]
fn a_type_that_a_step_gives_is_chosen_from_a_list_and_refused_at_the_step() {
    let mut b = sample::start();
    b.planned();
    go(&mut b, "quantization");
    b.keys("xAquantize<enter>q6_k<enter>");
    let recipe = planned_recipe(&b);
    assert_eq!(
        (&recipe.pipeline[0].options["quantization"], recipe.targets[0].quantization.as_deref()),
        (&"q6_k".into(), None)
    );
    b.act(Action::Planned(b.state.recipe.request, {
        let e = ModelError::request("no").in_option(OptionName::QUANTIZATION);
        PlanResponse::refused(Some(0), (&e).into())
    }));
    let r = &b.state.recipe;
    assert_eq!(r.problem_of(RecipeRow::Target(0)), None);
    assert_eq!(r.problem_of(RecipeRow::Step(0)).map(|p| p.key.as_str()), Some("quantization"));
}

#[test]
fn the_outputs_line_leads_to_their_folder_and_keeps_it_through_errors() {
    let mut b = sample::start();
    b.planned().keys("gg<down><enter>");
    assert_eq!(b.state.recipe.current_field().map(Field::label), Some("output_dir"));
    let shown = |b: &mut sample::Bench| text(&render(b, SMALL, Depth::True, false)).contains("outputs  exp42");
    assert!(shown(&mut b));
    // Past the place to add a step, to the target.
    b.keys("<esc>jj");
    go(&mut b, "context_length");
    b.keys("<enter>many<enter>");
    assert!(shown(&mut b), "an error does not change where outputs go");
}

#[test]
fn existing_files_are_not_ready_without_a_word_and_r_is_in_the_help_once() {
    let mut b = sample::start();
    b.in_the_way();
    shows(&mut b, LARGE, &["! ready: 2 outputs", ", 1 already exists"]);
    let starts = all_commands().filter(|c| c.keys == ["r"] && c.scopes.len() == 2 && (c.when)(&b.state)).count();
    assert_eq!(starts, 1);
}

#[test]
fn a_recipe_begins_with_the_question_what_it_is_for_once_in_a_session() {
    let mut b = sample::start();
    b.state.settings.ask_purpose = true;
    b.keys("c");
    shows(
        &mut b,
        SMALL,
        &["What is the model for?", "skip                   I choose the targets myself", "a laptop or desktop"],
    );
    b.keys("<esc>");
    assert_eq!(b.state.recipe.document.recipe.targets, [presets()[0].target()], "one key skips it");
    b.keys("1kc");
    assert!(b.state.layer.is_none(), "once");
    b.effects.clear();
    b.keys("wlaptop<enter>");
    shows(&mut b, SMALL, &["memory of the machine: 16GiB"]);
    b.keys("<ctrl-u>much<enter>");
    assert_eq!(b.effects, []);
    b.keys("<esc>wlaptop<enter><enter>");
    let source = b.state.recipe.source().unwrap().clone();
    assert_eq!(b.effects, [Effect::ComposeFor(source.clone(), "laptop", Some(16 << 30))]);
    let before = b.state.recipe.document.clone();
    let mut recipe = Recipe { targets: vec![presets()[2].target()], ..Recipe::default() };
    recipe.description = Some("For a laptop".into());
    let made = || Ok((Box::new(recipe.clone()), vec!["It fits.".to_owned()]));
    b.act(Action::ComposedFor("/elsewhere".into(), "laptop", made()));
    assert_eq!(b.state.recipe.document, before, "an answer about another model");
    b.act(Action::ComposedFor(source.clone(), "laptop", made()));
    assert_eq!(b.state.recipe.document.recipe.targets, recipe.targets);
    assert_eq!(planned_recipe(&b).targets, recipe.targets);
    b.keys("u");
    assert_eq!(b.state.recipe.document, before, "one step back");
    b.effects.clear();
    b.keys("warchive<enter>");
    assert_eq!(b.effects, [Effect::ComposeFor(source, "archive", None)], "the memory decides nothing");
}

#[test]
fn rules_tell_how_many_tensors_they_have_and_the_first_counts() {
    let mut b = sample::start();
    b.planned();
    go(&mut b, "tensor_types");
    b.keys("<enter>ffn_down = q6_k, ffn = q5_k, blk.3. = q8_0<enter>");
    let id = b.state.recipe.request;
    assert!(b.state.recipe.hits.is_empty(), "nothing is known of other rules yet");
    b.act(Action::Planned(id, PlanResponse::complete(Arc::new(plans::plan()))));
    // 16 layers; `ffn` is a role, which norms do not have; of layer 3 are left attention and both norms.
    assert_eq!(b.state.recipe.hits, [[16, 32, 6]]);
}
