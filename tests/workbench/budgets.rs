//! The budget on the screen: the slider, the figure of the plot, what fits the GPU, measuring on a text, and the evaluation afterwards.

use super::plans;
use super::sample;
use super::screens::{LARGE, SMALL, TINY, plain, render, shows, text};
use remold::testing::recipe::options::gguf;
use remold::testing::recipe::to_toml;
use remold::testing::tui::core::{Action, Effect};
use remold::testing::tui::look::Depth;
use remold::testing::tui::tabs::recipe::{PlanResponse, RecipePane, Row};
use std::sync::Arc;

/// On the Recipe tab with its plan, and a forecast with costs in memory.
fn with_costs(in_nats: bool) -> sample::Bench {
    let mut b = sample::start();
    b.planned();
    let id = b.state.recipe.forecast_state.request;
    b.state.recipe.forecast_state.settled = false;
    b.act(Action::Forecasted(id, Ok(Arc::new(plans::with_costs(in_nats)))));
    b.effects.clear();
    b
}

fn screen(b: &mut sample::Bench, size: (u16, u16)) -> String {
    text(&render(b, size, Depth::True, false))
}

#[test]
fn the_slider_shows_every_size_at_once_and_takes_or_leaves_it() {
    let mut b = with_costs(true);
    b.keys("(");
    let first = b.state.recipe.slider.unwrap();
    b.keys("((((((((((");
    assert!(b.state.recipe.slider.unwrap() < first);
    assert_eq!(b.effects, [], "nothing is measured or planned for it");
    shows(
        &mut b,
        LARGE,
        &["bpw  KLD", "memory", "8192 tokens", "layer by layer", "ffn_down", "enter takes it, esc keeps Q4_K_M"],
    );
    shows(&mut b, SMALL, &["enter takes it", "layer by layer"]);
    // Another step, another picture.
    let before = screen(&mut b, LARGE);
    b.keys(")))))))))))))))");
    assert_ne!(screen(&mut b, LARGE), before);
    plain(&mut b);
    b.keys("<esc>");
    assert_eq!(b.state.recipe.slider, None);
    assert_eq!(b.state.recipe.document.recipe.targets[0].quantization.as_deref(), Some("q4_k_m"));
    b.keys("(((<enter>");
    let target = &b.state.recipe.document.recipe.targets[0];
    let size = target.get(&gguf::TARGET_SIZE).unwrap();
    assert!(target.quantization.is_none() && size.ends_with("MB"), "{size}");
    assert!(b.effects.iter().any(|e| matches!(e, Effect::Plan(..))), "{:?}", b.effects);
    b.keys("u");
    assert!(b.state.recipe.document.recipe.targets[0].get(&gguf::TARGET_SIZE).is_none(), "one step to undo");
}

/// Half a screen of 80 by 24 has space for a small plot; the whole screen for plot and map side by side.
#[test]
fn a_small_terminal_shows_the_plot_with_and_without_the_slider() {
    let mut b = with_costs(true);
    let has_plot = |b: &mut sample::Bench, words: &[&str]| {
        let picture = screen(b, SMALL);
        for word in [&["up is better", "┤", "└", "file types"], words].concat() {
            assert!(picture.contains(word), "{word:?} is not on the screen:\n{picture}");
        }
    };
    has_plot(&mut b, &["in nats", "◆", "source"]);
    b.keys("z");
    has_plot(&mut b, &["◆", "ready"]);
    b.keys("((((");
    has_plot(&mut b, &["★", "layer by layer", "ffn_down", "enter takes it"]);
    b.keys("z");
    has_plot(&mut b, &["in nats", "★", "layer by layer", "more kinds", "memory", "enter takes it"]);
    plain(&mut b);
}

#[test]
fn arrows_slide_the_budget_in_its_field_and_bounds_hold() {
    let mut b = with_costs(false);
    b.state.recipe.pane = RecipePane::Form;
    assert!(b.state.recipe.show_option("budget"));
    b.keys("<right>");
    let at = b.state.recipe.slider.unwrap();
    b.keys("<left><left>");
    assert!(b.state.recipe.slider.unwrap() < at);
    for _ in 0..300 {
        b.keys("<left>");
    }
    let least = b.state.recipe.slider.unwrap();
    b.keys("<left>");
    assert_eq!(b.state.recipe.slider, Some(least));
    shows(&mut b, LARGE, &["dB"]);
    assert!(!screen(&mut b, LARGE).contains("KLD"), "no divergences without a text");
    // Another target, another budget.
    b.keys("<esc>");
    render(&mut b, TINY, Depth::True, false);
}

#[test]
fn the_plot_shows_divergences_where_there_are_any_and_decibels_on_demand() {
    let mut b = with_costs(true);
    shows(&mut b, LARGE, &["KL divergence from the source in nats", "1e-2", "KLD, costs on 3072 tokens; v: dB"]);
    plain(&mut b);
    b.keys("v");
    shows(&mut b, LARGE, &["signal-to-noise ratio", "v: KLD"]);
    b.keys("v");
    shows(&mut b, LARGE, &["KL divergence"]);
    let mut without = with_costs(false);
    without.keys("v");
    shows(&mut without, LARGE, &["signal-to-noise ratio"]);
}

#[test]
fn a_line_marks_what_fits_the_gpu_and_nothing_where_there_is_none() {
    let mut b = with_costs(true);
    assert!(!screen(&mut b, LARGE).contains("GPU"));
    b.act(Action::GpuFound("Card".into(), 1_500_000_000));
    let picture = screen(&mut b, LARGE);
    assert!(picture.contains("┊ fits a GPU of 1.50 GB") && picture.matches('┊').count() > 3, "{picture}");
    plain(&mut b);
    // What the user says goes before what was found.
    b.state.settings.gpu_memory = Some(24 << 30);
    shows(&mut b, LARGE, &["all fit a GPU of 25.8 GB"]);
    b.state.settings.gpu_memory = Some(400 << 20);
    shows(&mut b, LARGE, &["none fits a GPU"]);
}

#[test]
fn measuring_on_a_text_is_stopped_and_goes_on() {
    let mut b = with_costs(false);
    b.state.recipe.pane = RecipePane::Form;
    for (label, value) in [("budget_data", "calib.txt"), ("scores", "scores.json"), ("score_time", "5m"), ("like", "")]
    {
        assert!(b.state.recipe.show_option(label), "{label}");
        if !value.is_empty() {
            b.keys("<enter>").keys(&format!("{value}<enter>"));
        }
    }
    b.state.recipe.show_option("budget");
    b.keys("<enter>kld 0.002<enter>");
    let recipe = to_toml(&b.state.recipe.document.recipe);
    for line in ["max_kld = 0.002", "score_time = \"5m\"", "calib.txt\"", "scores.json\""] {
        assert!(recipe.contains(line), "{line}: {recipe}");
    }
    let id = b.state.recipe.request;
    b.act(Action::PlanMeasured(id, 10, 784));
    b.state.now += jiff::SignedDuration::from_secs(10);
    b.act(Action::PlanMeasured(id, 30, 784));
    shows(&mut b, LARGE, &["measuring 30 of 784, 6:17 left", "takes this long once. m"]);
    b.effects.clear();
    b.keys("m");
    assert_eq!(b.effects, [Effect::StopMeasuring]);
    shows(&mut b, LARGE, &["stopped; m continues"]);
    b.effects.clear();
    b.keys("<esc>");
    b.keys("k");
    assert!(!b.effects.iter().any(|e| matches!(e, Effect::Plan(..) | Effect::Forecast(..))), "{:?}", b.effects);
    b.keys("m");
    assert!(b.effects.iter().any(|e| matches!(e, Effect::Plan(..))), "{:?}", b.effects);
}

#[test]
fn what_a_plan_measured_is_on_the_screen() {
    let mut b = with_costs(true);
    let mut plan = plans::mixed();
    let divergence = r#"{"nats":0.0021,"tokens":3072,"measured":700,"of":784,"check":{"text":"another part of calib.txt",
        "tokens":3072,"mixes":5,"chosen":{"mean":0.00135,"error":0.00002,"p999":0.011,"max":0.02},
        "file_type":["Q4_K_M",{"mean":0.0026,"error":0.00006,"p999":0.03,"max":0.09}]}}"#;
    plan.outputs[0].divergence = Some(serde_json::from_str(divergence).unwrap());
    let id = b.state.recipe.request;
    b.act(Action::Planned(id, PlanResponse::complete(Arc::new(plan))));
    shows(&mut b, LARGE, &["KLD 0.0014 ± 2.0e-5, 3072 tokens", "Q4_K_M: KLD 0.0026 ± 6.0e-5"]);
}

#[test]
fn the_evaluation_afterwards_is_a_line_of_the_list_with_its_conditions() {
    let mut b = sample::start();
    b.planned();
    shows(&mut b, LARGE, &["evaluate", "not after writing"]);
    b.keys("G<enter>");
    assert_eq!(b.state.recipe.row(), Row::Validate);
    let labels: Vec<&str> = b.state.recipe.fields().iter().map(|f| f.label()).collect();
    assert_eq!(labels, ["data", "fail_if", "context", "chunks", "as"]);
    let set = |b: &mut sample::Bench, label: &str, value: &str| {
        assert!(b.state.recipe.show_option(label));
        b.keys("<enter>").keys(&format!("{value}<enter>"));
    };
    set(&mut b, "data", "holdout.txt");
    set(&mut b, "fail_if", "kld_mean > 0.05, top1_agreement < 90");
    set(&mut b, "context", "256");
    let validate = b.state.recipe.document.recipe.validate.clone().unwrap();
    assert_eq!((validate.fail_if["kld_mean"].as_str(), validate.context), ("> 0.05", Some(256)));
    shows(&mut b, LARGE, &["holdout.txt, fails if kld_mean > 0.05"]);
    // Conditions are checked as they are typed.
    for (wrong, said) in [
        ("kld_meen > 0.05", "unknown metric `kld_meen`"),
        ("kld_mean > much", "is not a condition"),
        ("kld_mean", "is not a condition"),
    ] {
        b.state.recipe.show_option("fail_if");
        b.keys("x");
        set(&mut b, "fail_if", wrong);
        shows(&mut b, LARGE, &[said]);
        assert!(b.state.recipe.recipe().is_none(), "{wrong} cannot be started");
    }
    for label in ["fail_if", "data", "context"] {
        b.state.recipe.show_option(label);
        b.keys("x");
    }
    assert_eq!(b.state.recipe.document.recipe.validate, None, "nothing in it means that it is not wanted");
}
