//! What the screen said although it was not so, and keys that promised what they did not do.

use super::sample::{self, Bench, DIR};
use super::screens::{LARGE, SMALL, render, shows, text};
use remold::testing::plan::PlannedStep;
use remold::testing::recipe::options::gguf;
use remold::testing::tui::core::{Action, Effect, Layer, hints};
use remold::testing::tui::look::Depth;
use remold::testing::tui::tabs::recipe::{PlanResponse, Prompt, RecipePane, Row};
use std::path::Path;
use std::sync::Arc;

fn said(b: &Bench) -> String {
    b.state.toasts.last().map(|t| t.text.clone()).unwrap_or_default()
}

fn screen(b: &mut Bench, size: (u16, u16)) -> String {
    text(&render(b, size, Depth::True, false))
}

#[test]
fn measurements_are_jobs_and_are_refused_read_only() {
    let mut b = sample::start();
    b.state.read_only = true;
    b.effects.clear();
    for key in ["E", "I"] {
        b.keys(key);
        assert!(b.state.models.editing.is_none() && said(&b).starts_with("read-only: "), "{key}: {}", said(&b));
    }
    assert!(!b.effects.iter().any(|e| matches!(e, Effect::Measure(..))), "{:?}", b.effects);
}

#[test]
fn a_recipe_that_waits_for_measuring_says_so() {
    let mut b = sample::start();
    b.planned();
    let set = |b: &mut Bench, time: &str| {
        b.state.recipe.cursor = 3;
        assert_eq!(b.state.recipe.row(), Row::Target(0));
        assert!(b.state.recipe.show_option("score_time"));
        b.state.recipe.pane = RecipePane::Form;
        b.keys("<enter>").keys(&format!("{time}<enter>"));
    };
    b.state.recipe.pane = RecipePane::Form;
    assert!(b.state.recipe.show_option("budget_data"));
    b.keys("<enter>calib.txt<enter>");
    assert!(b.state.recipe.show_option("budget"));
    b.keys("<enter>3<enter>");
    let id = b.state.recipe.request;
    b.act(Action::PlanMeasured(id, 1, 237));
    b.keys("m<esc>");
    assert!(b.state.recipe.measuring_stopped);
    b.keys("r");
    assert_eq!(said(&b), "measuring on the text is stopped, and the types depend on it: m continues");
    b.keys("v");
    assert_eq!(said(&b), "v: no divergences yet: measuring is stopped, m continues");
    // Less time makes a plan possible: it is made.
    b.effects.clear();
    set(&mut b, "5s");
    assert!(!b.state.recipe.measuring_stopped);
    assert!(b.effects.iter().any(|e| matches!(e, Effect::Plan(..))), "{:?}", b.effects);
    // What has ended cannot be stopped.
    let id = b.state.recipe.request;
    b.act(Action::PlanMeasured(id, 237, 237));
    b.state.recipe.forecast_state.measured = None;
    let stops = |b: &Bench| hints(&b.state).iter().any(|h| h.word == "stop");
    assert!(stops(&b));
    b.act(Action::Planned(id, PlanResponse::complete(Arc::new(super::plans::mixed()))));
    assert!(!stops(&b));
}

#[test]
fn the_forecast_of_a_pruned_model_says_what_its_figures_are_against() {
    let mut b = sample::start();
    b.planned();
    let mut plan = super::plans::mixed();
    plan.steps.push(PlannedStep {
        step: "prune_layers".into(),
        what: "layer 1 is removed".into(),
        ..PlannedStep::default()
    });
    let id = b.state.recipe.request;
    b.act(Action::Planned(id, PlanResponse::complete(Arc::new(plan))));
    shows(&mut b, LARGE, &["against the model after the steps"]);
}

#[test]
fn an_option_of_another_line_is_found_there() {
    let mut b = sample::start();
    b.planned();
    b.keys("gg");
    assert_eq!(b.state.recipe.row(), Row::Source);
    b.keys("/context_l");
    assert_eq!(b.state.recipe.row(), Row::Target(0));
    b.keys("<enter>");
    assert_eq!(b.state.recipe.current_field().map(|f| f.label()), Some("context_length"));
    b.keys("<esc>/~");
    assert_eq!(b.state.recipe.row(), Row::Target(0), "nothing has it");
}

#[test]
fn a_size_that_is_none_is_corrected_and_not_asked_for_again() {
    let mut b = sample::start();
    b.planned();
    b.keys("wlaptop<enter>");
    assert_eq!(b.state.recipe.prompt, Prompt::Memory);
    b.keys("<ctrl-u>banana<enter>");
    assert!(said(&b).contains("is not a size"), "{}", said(&b));
    let line = b.state.recipe.editing.as_ref().map(|l| l.text.clone());
    assert_eq!((b.state.recipe.prompt, line.as_deref()), (Prompt::Memory, Some("banana")));
    b.effects.clear();
    b.keys("<ctrl-u>16GiB<enter>");
    assert!(b.effects.iter().any(|e| matches!(e, Effect::ComposeFor(..))), "{:?}", b.effects);
}

#[test]
fn the_gpu_of_the_machine_is_offered_if_there_is_one() {
    let mut b = sample::start();
    b.planned();
    b.keys("wgpu<enter>");
    shows(&mut b, SMALL, &["memory of the GPU, such as 24GiB:"]);
    b.act(Action::GpuFound("NVIDIA H200".into(), 150_000_000_000));
    shows(&mut b, SMALL, &["memory of the GPU, empty = the GPU of this machine:"]);
    b.keys("24");
    shows(&mut b, SMALL, &["memory of the GPU, empty = the GPU of this machine: 24"]);
    b.keys("<esc>wlaptop<enter><ctrl-u>");
    shows(&mut b, SMALL, &["memory of the machine:"]);
}

#[test]
fn nobody_is_asked_what_a_broken_model_is_for() {
    let mut b = sample::start();
    b.state.settings.ask_purpose = true;
    b.state.models.selected = Some(Path::new(DIR).join("bert-base"));
    b.keys("c");
    assert!(b.state.layer.is_none(), "{:?}", b.state.layer);
    let mut sound = sample::start();
    sound.state.settings.ask_purpose = true;
    sound.keys("c");
    assert!(matches!(sound.state.layer, Some(Layer::Picker(_))));
}

#[test]
fn marks_are_seen_beside_a_filter_of_any_length() {
    let mut b = sample::start();
    b.keys("gg /!Q4 !Q8 checkpoint<enter>");
    let marked = b.state.models.marked.len();
    assert_eq!(marked, 3);
    let picture = screen(&mut b, SMALL);
    assert!(picture.contains("●3") || picture.contains("3 marked"), "{picture}");
    shows(&mut b, LARGE, &["3 marked", "/ !Q4 !Q8 checkpoint"]);
}

#[test]
fn a_pattern_that_is_none_is_named() {
    let mut b = sample::start();
    b.keys("/re:[<enter>");
    assert_eq!(said(&b), "re:[ is not a regular expression: it hides nothing");
    let mut b = sample::start();
    b.keys("/re:check<enter>");
    assert_eq!(said(&b), "");
}

#[test]
fn a_budget_in_bits_keeps_its_unit() {
    let mut b = sample::start();
    b.planned().keys("b3<enter>");
    assert_eq!(b.state.recipe.document.recipe.targets[0].get(&gguf::TARGET_BPW), Some(3.0));
    b.keys("b");
    assert_eq!(b.state.recipe.editing.as_ref().map(|l| l.text.as_str()), Some("3 bpw"));
}
