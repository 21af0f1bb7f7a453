//! What keys do, through the pure core; and the documentation made from their registry.

use super::sample::{self, DIR};
use remold::tui::core::{
    Action, Ask, BUDGET, Check, Effect, ErrorCard, Focus, Layer, Level, PRESETS, RecipePane, Section, Tab, TensorSort,
    Told, keys_markdown, update,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[test]
fn the_key_documentation_equals_the_registry() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/keys.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, keys_markdown()).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == keys_markdown(), "docs/keys.md is stale: BLESS=1 cargo test --test workbench keys");
}

#[test]
fn moving_opens_what_is_selected_once() {
    let mut b = sample::start();
    b.keys("k");
    let before = PathBuf::from(DIR).join("exp42/checkpoint-1000");
    assert_eq!(b.effects, [Effect::Open(before)]);
    b.effects.clear();
    b.keys("j");
    assert_eq!(b.effects, [], "it is open already");
}

#[test]
fn the_tree_folds_and_filters() {
    let mut b = sample::start();
    let all = b.state.models.rows().len();
    b.keys("hh");
    assert_eq!(b.state.models.rows().len(), all - 3, "the first h goes to the folder, the second closes it");
    b.keys("l");
    assert_eq!(b.state.models.rows().len(), all);
    b.keys("/gguf");
    let shown: Vec<String> = b.state.models.rows().iter().map(|r| b.state.short_path(&r.path)).collect();
    assert_eq!(shown, ["exports", "exports/llama-1000-Q4_K_M.gguf"]);
    b.keys("<enter>q");
    assert_eq!(b.effects.last(), Some(&Effect::Quit), "q is a command again when the filter is accepted");
    b.keys("<esc>");
    assert_eq!(b.state.models.rows().len(), all);
}

#[test]
fn letters_go_into_a_filter_and_not_to_commands() {
    let mut b = sample::start();
    b.keys("/q2?");
    assert_eq!((b.state.models.filter.as_str(), b.state.tab), ("q2?", Tab::Models));
    assert!(!b.effects.contains(&Effect::Quit) && b.state.layer.is_none());
    b.act(Action::Paste("a\nb".into()));
    assert_eq!(b.state.models.filter, "q2?a b");
}

#[test]
fn sections_turn_and_the_tree_is_left_of_the_first() {
    let mut b = sample::start();
    b.keys("<enter>]");
    assert_eq!((b.state.models.focus, b.state.models.details.section), (Focus::Details, Section::Tensors));
    b.keys("hh");
    assert_eq!((b.state.models.focus, b.state.models.details.section), (Focus::List, Section::Info));
}

#[test]
fn tensors_sort_and_filter() {
    let mut b = sample::start();
    b.keys("<enter>]s");
    let info = b.state.models.current().unwrap().clone();
    assert_eq!(b.state.models.details.sort, TensorSort::Size);
    assert_eq!(info.tensors[b.state.models.tensor_rows(&info)[0]].name, "model.embed_tokens.weight");
    b.keys("/ffn !gate 1<enter>");
    let names: Vec<&str> = b.state.models.tensor_rows(&info).iter().map(|i| info.tensors[*i].name.as_str()).collect();
    assert!(
        !names.is_empty() && names.iter().all(|n| n.contains("mlp") && !n.contains("gate") && n.contains('1')),
        "{names:?}"
    );
}

#[test]
fn values_are_asked_for_once_and_kept() {
    let mut b = sample::start();
    b.keys("<enter>]");
    let [Effect::Inspect(Ask::Values(_, 0)), Effect::Inspect(Ask::Glances(_, near))] = &b.effects[..] else {
        panic!("{:?}", b.effects)
    };
    assert!(near.contains(&0) && near.len() < 146, "only what is near the screen");
    b.looked_at();
    b.keys("jk");
    assert!(matches!(&b.effects[..], [Effect::Inspect(Ask::Values(_, 1))]), "the first is known: {:?}", b.effects);
}

#[test]
fn a_text_is_tried_as_it_is_typed_and_a_late_answer_is_no_answer_to_it() {
    let mut b = sample::start();
    b.keys("<enter>]]");
    b.effects.clear();
    b.keys("]tab");
    let asked: Vec<String> = b
        .effects
        .iter()
        .map(|e| if let Effect::Inspect(Ask::Encode(_, text)) = e { text.clone() } else { panic!("{e:?}") })
        .collect();
    assert_eq!(asked, ["", "a", "ab"]);
    b.tried();
    assert!(b.state.models.inspect.tried_now());
    b.keys("c");
    assert!(!b.state.models.inspect.tried_now());
    b.keys("<enter>q");
    assert_eq!(b.effects.last(), Some(&Effect::Quit), "accepted: letters are commands again");
}

#[test]
fn a_value_is_read_copied_and_closed() {
    let mut b = sample::start();
    b.keys("<enter>]]/rope_sc<enter><enter>");
    let reading = b.state.models.inspect.reading.clone().unwrap();
    assert_eq!(reading.title, "config.rope_scaling");
    assert!(reading.text.contains("\n  \"factor\": 32.0"), "{}", reading.text);
    b.effects.clear();
    b.keys("y");
    assert_eq!(b.effects, [Effect::Copy(reading.text)]);
    b.keys("<esc>");
    assert_eq!(b.state.models.details.filter, "rope_sc", "what is on top closes first");
    assert_eq!((&b.state.models.inspect.reading, b.state.models.focus), (&None, Focus::Details));
}

#[test]
fn a_check_stops_by_its_key_and_what_it_says_then_is_not_heard() {
    let mut b = sample::start();
    b.keys("<enter>]]]]]");
    b.effects.clear();
    b.keys("nn");
    assert!(matches!(&b.effects[..], [Effect::Inspect(Ask::Check(_)), Effect::Inspect(Ask::StopCheck)]));
    let path = b.state.models.selected.clone().unwrap();
    b.act(Action::Inspected(Told::Checked(Check { path, done: 1, total: 2, findings: Vec::new(), ended: None })));
    assert_eq!(b.state.models.inspect.check, None);
    let mut b = sample::start();
    b.checked();
    assert_eq!(b.state.models.section_len(), 3, "what values say comes before what headers say");
}

#[test]
fn convert_plans_marks_and_starts() {
    let mut b = sample::start();
    b.keys("c");
    assert_eq!(b.state.tab, Tab::Recipe);
    assert!(
        matches!(&b.effects[..], [Effect::Plan(1, r), Effect::PlanPresets(1, all), Effect::Forecast(..)]
            if r.targets.len() == 1 && all.len() == PRESETS.len() - 1),
        "all but the budget, which has to be measured"
    );
    b.effects.clear();
    b.keys("r");
    assert_eq!(b.effects, [], "nothing starts before there is a plan");
    b.keys(" jj ");
    let Some(Effect::Plan(3, recipe)) = b.effects.last() else { panic!("{:?}", b.effects) };
    assert_eq!(recipe.targets.len(), 2);
    b.effects.clear();
    b.act(Action::Planned(2, Err(ErrorCard { message: "old".into(), hint: None, wrong: true })));
    assert_eq!(b.state.recipe.plan, None, "the answer to an older request is not shown");
    b.act(Action::Planned(3, Ok(Arc::new(sample::plan()))));
    b.keys("<enter>");
    assert!(matches!(b.state.layer, Some(Layer::Confirm(_))) && b.effects.is_empty(), "enter asks first");
    b.keys("<enter>");
    assert!(matches!(&b.effects[..], [Effect::Spawn(r, _)] if r.targets.len() == 2));
    b.effects.clear();
    b.keys("r");
    assert_eq!(b.effects, [], "not twice");
}

#[test]
fn options_are_edited_and_wrong_ones_plan_nothing() {
    let mut b = sample::start();
    b.keys("c<tab>jjjj<enter>many<enter>");
    assert!(b.state.recipe.recipe().is_none());
    b.keys("<enter><ctrl-u>8k<enter>jl");
    let recipe = b.state.recipe.recipe().unwrap();
    assert_eq!(recipe.targets[0].context_length, Some(8192));
    assert_eq!(recipe.targets[0].embedding_type.as_deref(), Some("f32"));
}

#[test]
fn a_typed_budget_is_chosen_planned_and_forecast() {
    let mut b = sample::start();
    b.planned().effects.clear();
    b.keys("b");
    assert_eq!((b.state.recipe.pane, b.state.recipe.editing.is_some()), (RecipePane::Options, true));
    b.keys("4.5 GiB<enter>");
    assert_eq!(
        (b.state.recipe.preset, b.state.recipe.pane),
        (BUDGET, RecipePane::Presets),
        "and back where b was pressed"
    );
    let [Effect::Plan(_, recipe), Effect::Forecast(_, _, target)] = &b.effects[..] else { panic!("{:?}", b.effects) };
    assert_eq!(recipe.targets[0].target_size.as_deref(), Some("4.5GiB"));
    assert_eq!(target.target_size, recipe.targets[0].target_size, "sizes of the other presets are not asked for again");
    b.effects.clear();
    b.keys("b<esc>b<enter>kj");
    assert!(!b.effects.iter().any(|e| matches!(e, Effect::Forecast(..))), "the same budget again: {:?}", b.effects);
    b.keys("b<ctrl-u>760<enter>");
    assert_eq!(b.state.recipe.pane, RecipePane::Options, "what is wrong is corrected where it stands");
    assert!(b.state.recipe.recipe().is_none());
    b.keys("b<ctrl-u>4.25<enter>");
    assert_eq!(b.state.recipe.recipe().unwrap().targets[0].target_bpw, Some(4.25));
}

#[test]
fn a_budget_joins_the_marks_and_enter_asks_for_one_that_is_wanting() {
    let mut b = sample::start();
    b.planned().keys("j<enter>");
    assert!(b.state.recipe.editing.is_some() && b.state.layer.is_none());
    b.keys("<esc>k jj b3g<enter>");
    assert_eq!(b.state.recipe.marked.iter().copied().collect::<Vec<_>>(), [0, BUDGET, 2]);
    assert_eq!(b.state.recipe.recipe().unwrap().targets.len(), 3);
}

#[test]
fn forecasts_arrive_and_stale_ones_do_not() {
    let mut b = sample::start();
    b.sized();
    let outlook = &b.state.recipe.outlook;
    assert_eq!((outlook.measured, outlook.waiting(), outlook.forecast().is_some()), (Some((41, 147)), true, false));
    let first = outlook.request;
    b.act(Action::Forecasted(first, Ok(Arc::new(sample::forecast(None)))));
    assert_eq!(b.state.recipe.estimate(0).and_then(|e| e.output_sqnr_db), Some(22.6));
    // Another budget changes nothing of the file types.
    b.keys("b760MB<enter>");
    let second = b.state.recipe.outlook.request;
    assert!(second > first && b.state.recipe.estimate(0).is_some() && b.state.recipe.estimate(BUDGET).is_none());
    b.act(Action::Forecasted(first, Ok(Arc::new(sample::forecast(Some("4bpw"))))));
    b.act(Action::ForecastMeasured(first, 1, 2));
    assert!(
        b.state.recipe.outlook.waiting() && b.state.recipe.estimate(BUDGET).is_none(),
        "an answer to another budget"
    );
    b.act(Action::Forecasted(second, Ok(Arc::new(sample::forecast(Some("760MB"))))));
    assert_eq!(b.state.recipe.estimate(BUDGET).map(|e| e.bytes), Some(759_800_000));
    // Another matrix changes all.
    b.effects.clear();
    b.keys("<tab>gg<down><down><enter>~/i.gguf<enter>");
    assert!(b.state.recipe.estimate(0).is_none());
    let asked = b.effects.iter().find_map(|e| match e {
        Effect::Forecast(_, _, target) => target.imatrix.clone(),
        _ => None,
    });
    assert_eq!(asked, Some(PathBuf::from("/home/ada/i.gguf")));
}

#[test]
fn the_plot_takes_the_width_and_gives_it_back() {
    let mut b = sample::start();
    b.planned().keys("z");
    assert!(b.state.recipe.zoom);
    b.keys("jj");
    assert_eq!(b.state.recipe.preset, 2, "presets are chosen while the plot is looked at");
    b.keys("<esc>");
    assert!(!b.state.recipe.zoom && b.state.tab == Tab::Recipe);
    b.keys("zb");
    assert!(!b.state.recipe.zoom, "what is edited must be seen");
}

#[test]
fn cancelling_a_job_asks_and_enter_means_it() {
    let mut b = sample::start();
    b.job(0.5);
    b.effects.clear();
    b.keys("x<esc>x");
    assert!(b.effects.is_empty());
    b.keys("<enter>");
    assert!(matches!(&b.effects[..], [Effect::Cancel(title, _)] if title.starts_with("checkpoint-2000")));
    b.keys("jj").effects.clear();
    b.keys("x");
    assert!(b.state.layer.is_none(), "an ended job cannot be cancelled");
}

#[test]
fn a_theme_shows_while_choosing_and_goes_when_dropped() {
    let mut b = sample::start();
    b.keys("T<down>");
    assert_eq!(b.effects, [Effect::Theme("light".into())]);
    b.keys("<esc>");
    assert_eq!(b.effects.last(), Some(&Effect::Theme("dark".into())));
    b.keys("Tmono<enter>");
    assert_eq!((b.state.theme.as_str(), b.state.layer.is_none()), ("mono", true));
}

#[test]
fn the_palette_runs_commands_by_name() {
    let mut b = sample::start();
    b.keys(":tab.log<enter>");
    assert_eq!(b.state.tab, Tab::Log);
    b.keys("<ctrl-p>quit<enter>");
    assert_eq!(b.effects, [Effect::Quit]);
}

#[test]
fn escape_never_quits_and_sequences_can_be_abandoned() {
    let mut b = sample::start();
    b.keys("?<esc><esc><esc>gg");
    assert_eq!(b.state.models.cursor(), 0);
    b.keys("gj");
    assert_eq!(b.state.models.cursor(), 1, "the key after an abandoned g counts");
    assert!(!b.effects.contains(&Effect::Quit));
}

#[test]
fn toasts_go_by_themselves_and_stay_in_the_log() {
    let mut b = sample::start();
    for i in 0..4 {
        b.act(Action::Notice(Level::Warn, format!("note {i}")));
    }
    assert_eq!(b.state.toasts.len(), 3);
    let later = b.state.now + jiff::SignedDuration::from_secs(5);
    update(&mut b.state, Action::Tick(later));
    assert!(b.state.toasts.is_empty());
    assert_eq!(b.state.log.entries.iter().filter(|e| e.text.starts_with("note")).count(), 4);
}

#[test]
fn a_recorded_job_folds_into_its_view() {
    let mut b = sample::start();
    b.job(1.0);
    let view = b.state.jobs.view.as_ref().unwrap();
    assert_eq!((view.done, view.expected), (146, 146));
    assert!(view.outputs[0].published && view.outputs[0].verified == ["remold", "gguf-rs"]);
    assert_eq!(view.grid.values().map(|r| r.progress().0).sum::<usize>(), 146);
    assert!(view.worst(3).windows(2).all(|w| w[0].1 <= w[1].1));
    assert_eq!(view.warnings.len(), 1, "a warning of plan and events is one warning");
}
