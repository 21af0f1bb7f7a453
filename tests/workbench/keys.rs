//! What keys do, through the pure core; and the documentation made from their registry.

use super::sample::{self, DIR};
use remold::testing::model::OutputIndex;
use remold::testing::tui::core::{Action, Effect, Focus, Level, Tab, keys_markdown, update};
use remold::testing::tui::tabs::jobs::JobAction;
use remold::testing::tui::tabs::models::{Check, InspectRequest, InspectResponse, Section, TensorSort};
use std::path::{Path, PathBuf};

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
    let [Effect::Inspect(InspectRequest::Values(_, 0)), Effect::Inspect(InspectRequest::MiniHistograms(_, near))] =
        &b.effects[..]
    else {
        panic!("{:?}", b.effects)
    };
    assert!(near.contains(&0) && near.len() < 146, "only what is near the screen");
    b.looked_at();
    b.keys("jk");
    assert!(
        matches!(&b.effects[..], [Effect::Inspect(InspectRequest::Values(_, 1))]),
        "the first is known: {:?}",
        b.effects
    );
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
        .map(|e| if let Effect::Inspect(InspectRequest::Encode(_, text)) = e { text.clone() } else { panic!("{e:?}") })
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
    assert!(matches!(
        &b.effects[..],
        [Effect::Inspect(InspectRequest::Check(_)), Effect::Inspect(InspectRequest::StopCheck)]
    ));
    let path = b.state.models.selected.clone().unwrap();
    b.act(Action::Inspected(InspectResponse::Checked(Check {
        path,
        done: 1,
        total: 2,
        findings: Vec::new(),
        ended: None,
    })));
    assert_eq!(b.state.models.inspect.check, None);
    let mut b = sample::start();
    b.checked();
    assert_eq!(b.state.models.section_len(), 3, "what values say comes before what headers say");
}

#[test]
fn cancelling_a_job_asks_and_enter_means_no() {
    let mut b = sample::start();
    b.job(0.5);
    b.effects.clear();
    b.keys("x<esc>x<enter>x");
    assert!(b.effects.is_empty());
    b.keys("y");
    assert!(
        matches!(&b.effects[..], [Effect::ActOnJob(JobAction::Cancel, title, _)] if title.starts_with("checkpoint-2000"))
    );
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
    assert_eq!((view.history.done, view.history.expected), (146, 146));
    assert!(view.history.outputs[0].published && view.history.outputs[0].verified == ["remold", "gguf-rs"]);
    assert_eq!(view.grid.values().map(|r| r.progress().0).sum::<usize>(), 146);
    assert!(view.worst(OutputIndex(0), 3).windows(2).all(|w| w[0].1 <= w[1].1));
    assert_eq!(view.history.warnings.len(), 1, "a warning of plan and events is one warning");
}
