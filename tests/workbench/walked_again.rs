//! What another walk through the workbench found: figures that contradict each other, signs that change, next steps that are not clear.

use super::sample::{self, Bench, DIR};
use super::screens::{LARGE, SMALL, render, shows, text};
use remold::testing::engine::{Event, EventBody, Failure, OutputReport, Report};
use remold::testing::job::{JobState, JobSummary};
use remold::testing::model::{Defect, ErrorCode, FormatId, OutputIndex};
use remold::testing::tui::core::{Action, Effect, ErrorCard, FoundModel, Layer, Level, Tab, farewell};
use remold::testing::tui::look::Depth;
use remold::testing::tui::tabs::jobs::JobSection;
use remold::testing::tui::tabs::models::Summary;
use remold::testing::tui::tabs::recipe::{BatchOutcome, PlanResponse};
use remold::testing::watch::WatcherInfo;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const MIDDLE: (u16, u16) = (120, 36);

fn path(name: &str) -> PathBuf {
    Path::new(DIR).join(name)
}

fn screen(b: &mut Bench, size: (u16, u16)) -> String {
    text(&render(b, size, Depth::True, false))
}

fn said(b: &Bench) -> String {
    b.state.toasts.last().map(|t| t.text.clone()).unwrap_or_default()
}

/// The recorded job as the list has it, changed.
fn change(b: &mut Bench, change: impl Fn(&mut JobSummary)) {
    let mut list = b.state.jobs.list.clone();
    list.iter_mut().filter(|j| j.id == "41").for_each(change);
    b.act(Action::Jobs(list));
}

#[test]
fn a_job_says_that_another_one_has_written_its_file_again() {
    let mut b = sample::start();
    b.job(1.0);
    let output = b.state.jobs.view.as_ref().unwrap().history.outputs[0].path.clone();
    change(&mut b, |j| j.outputs = vec![output.clone().into()]);
    assert!(!screen(&mut b, LARGE).contains("has written this file again"));
    let mut list = b.state.jobs.list.clone();
    let newer = JobSummary { id: "43".into(), created: "2026-11-23T13:00:00Z".parse().unwrap(), ..sample::a_job() };
    list.push(JobSummary { outputs: vec![output.into()], ..newer });
    b.act(Action::Jobs(list));
    shows(&mut b, LARGE, &["Job 43 has written this file again since."]);
    b.keys("v");
    assert!(said(&b).contains("this is not the file of job 41"), "{}", said(&b));
}

#[test]
fn every_place_has_the_same_progress() {
    let mut b = sample::start();
    b.job(0.62);
    change(&mut b, |j| j.fraction = 0.03);
    let exact = b.state.jobs.view.as_ref().unwrap().history.fraction;
    assert!(exact > 0.1);
    let shown = format!("{:.0} %", exact * 100.0);
    let all = screen(&mut b, MIDDLE);
    assert!(!all.contains(" 3 %") && all.matches(&shown).count() >= 2, "{shown}:\n{all}");
    b.keys("x");
    let Some(Layer::Confirm(asked)) = &b.state.layer else { panic!("{:?}", b.state.layer) };
    assert!(asked.detail[0].starts_with(&shown), "{:?}", asked.detail);
}

#[test]
fn a_lost_job_is_not_running_and_a_paused_one_does_nothing() {
    let mut b = sample::start();
    b.job(0.62);
    b.state.jobs.chosen = true;
    change(&mut b, |j| j.state = JobState::Lost);
    b.state.jobs.section = JobSection::Report;
    let shown = screen(&mut b, LARGE);
    assert!(shown.contains("? lost") && !shown.contains("● running"), "{shown}");
    let mut b = sample::start();
    b.job(0.62);
    b.state.jobs.chosen = true;
    change(&mut b, |j| j.state = JobState::Paused);
    let shown = screen(&mut b, MIDDLE);
    assert!(shown.contains("cpu") && shown.contains("0.0 of"), "{shown}");
    assert!(!shown.contains("MB/s") && !shown.contains("GB/s"), "{shown}");
}

/// What the scan found of a pickle that runs code.
fn pickle(name: &str, sound: bool) -> FoundModel {
    let summary = Summary { architecture: None, params: 4, dtype: "f32".into(), warnings: 1 };
    FoundModel {
        path: path(name),
        format: FormatId::parse("pytorch"),
        bytes: 500,
        modified: 0,
        defect: Some(Defect::Unsafe),
        summary: if sound { Ok(summary) } else { Err(ErrorCard::new("it calls os.system", true)) },
    }
}

#[test]
fn a_sign_is_the_same_before_and_after_a_look() {
    let mut b = sample::start();
    b.act(Action::Found(vec![pickle("bad/eval.pt", false), pickle("bad/call.pt", true)]));
    let shown = screen(&mut b, MIDDLE);
    let lines: Vec<&str> = shown.lines().filter(|l| l.contains(".pt")).collect();
    assert!(lines.len() == 2 && lines.iter().all(|l| l.contains("unsafe !")), "{shown}");
}

#[test]
fn a_reason_of_a_few_letters_is_not_shown_beside_a_name() {
    let mut b = sample::start();
    let broken = |name: &str, fact: &str| FoundModel {
        defect: None,
        summary: Err(ErrorCard::new(fact, true)),
        ..pickle(name, false)
    };
    let long = "begins with a text that no reader of this version knows";
    b.act(Action::Found(vec![broken("bad/a.gguf", long), broken("bad/b.gguf", "is empty")]));
    for size in [MIDDLE, LARGE] {
        let shown = screen(&mut b, size);
        assert!(!shown.contains("begins") && shown.contains("is empty"), "{shown}");
    }
}

#[test]
fn the_source_has_the_size_that_models_shows() {
    let mut b = sample::start();
    b.planned();
    let source = b.state.recipe.source().unwrap().clone();
    let found = b.state.models.found().find(|(path, _)| **path == source).unwrap().1.clone();
    b.act(Action::Found(vec![FoundModel { bytes: 2_600_000_000, ..found }]));
    let shown = screen(&mut b, LARGE);
    let sizes = shown.lines().filter(|l| l.contains("source ") && l.contains("2.60 GB")).count();
    assert!(sizes > 0 && !shown.contains("2.47 GB"), "{shown}");
}

#[test]
fn models_of_a_folder_that_are_left_out_are_counted() {
    let mut b = sample::start();
    let broken = |name: &str| FoundModel { defect: None, ..pickle(name, false) };
    b.act(Action::Found(vec![broken("bad/a.pt"), broken("bad/b.pt"), pickle("bad/call.pt", true)]));
    let at = b.state.models.rows().iter().position(|r| r.path == path("bad")).unwrap();
    b.keys("gg").keys(&"j".repeat(at));
    b.keys("c");
    assert_eq!(b.state.tab, Tab::Recipe);
    assert_eq!(said(&b), "2 of 3 models in bad cannot be read and are left out");
}

#[test]
fn esc_never_leaves_the_recipe() {
    let mut b = sample::start();
    b.planned().keys("<esc><esc><esc>");
    assert_eq!(b.state.tab, Tab::Recipe, "the same letters mean something else in Models");
}

#[test]
fn an_output_that_a_job_is_writing_is_not_ready() {
    let mut b = sample::start();
    b.planned();
    let plan = super::plans::plan();
    let output = plan.outputs[0].path.clone();
    let written = vec![(output, "41".to_owned())];
    let response = PlanResponse { written, ..PlanResponse::complete(Arc::new(plan)) };
    let mut job = JobSummary { state: JobState::Paused, ..sample::a_job() };
    b.act(Action::Jobs(vec![job.clone()]));
    b.act(Action::Planned(b.state.recipe.request, response));
    shows(&mut b, MIDDLE, &["✗ not ready: job 41, paused, is writing"]);
    b.effects.clear();
    b.keys("r");
    assert!(said(&b).starts_with("job 41 (paused) is writing "), "{}", said(&b));
    assert!(!b.effects.iter().any(|e| matches!(e, Effect::Spawn(..))), "{:?}", b.effects);
    // The job has ended since the plan was made.
    job.state = JobState::Cancelled;
    b.act(Action::Jobs(vec![job]));
    assert!(!screen(&mut b, MIDDLE).contains("not ready"));
}

#[test]
fn messages_and_events_have_the_paths_of_the_screen() {
    let mut b = sample::start();
    b.act(Action::Notice(Level::Error, format!("{DIR}/a/b.gguf: no space left; not {DIR}-other/c")));
    assert_eq!(said(&b), format!("a/b.gguf: no space left; not {DIR}-other/c"));
    assert_eq!(b.state.log.entries.back().unwrap().text, said(&b));
    b.job(0.2);
    let event = |body| Event { t: b.state.now, job: "41".into(), body };
    let whole = b.state.jobs.view.as_ref().unwrap().history.outputs[0].path.clone();
    let name = Path::new(&whole).file_name().unwrap().to_string_lossy().into_owned();
    let error = Failure { code: ErrorCode::DiskFull, message: format!("{whole}: no space left"), hint: None };
    let events = vec![
        event(EventBody::OutputPublished { output: OutputIndex(0), path: whole.clone(), bytes: 3 }),
        // As a job of a shell in that folder spells it.
        event(EventBody::OutputPublished { output: OutputIndex(0), path: name, bytes: 3 }),
        event(EventBody::Failed { seconds: 1.0, error }),
    ];
    b.act(Action::JobEvents("41".into(), events));
    let short = b.state.short_path(Path::new(&whole));
    let log = &b.state.jobs.view.as_ref().unwrap().log;
    let last: Vec<&str> = log.iter().rev().take(3).map(|l| l.text.as_str()).collect();
    let published = format!("published  {short}  3 B");
    assert_eq!(last, [format!("failed  {short}: no space left."), published.clone(), published]);
}

#[test]
fn a_model_that_was_not_started_is_named_once() {
    let mut b = sample::start();
    b.planned();
    let e = remold::testing::model::ModelError::request("it is already Q5_K")
        .in_file(&path("x.gguf"))
        .field("token_embd.weight");
    let failed = vec![(path("x.gguf"), ErrorCard::from(&e))];
    b.act(Action::BatchSpawned(Box::new(BatchOutcome { failed, ..BatchOutcome::default() })));
    let line = &b.state.log.entries.back().unwrap().text;
    assert_eq!(line, "not started: x.gguf: token_embd.weight: it is already Q5_K");
}

#[test]
fn watchers_are_named_when_the_screen_closes() {
    let mut b = sample::start();
    assert_eq!(farewell(&b.state), None);
    b.state.watch.list = vec![WatcherInfo {
        id: "0a1b2c3d".into(),
        folder: "/x".into(),
        pid: Some(7),
        root: path("exp42"),
        output: path("exports"),
        recipe: String::new(),
        exported: 0,
        hold: None,
        paused: false,
        command: None,
        start: None,
    }];
    let words = farewell(&b.state).unwrap();
    assert!(words.starts_with("1 watcher keeps running: ~/runs/exp42\n"), "{words}");
}

#[test]
fn nothing_is_written_or_started_where_that_was_ruled_out() {
    let mut b = sample::start();
    b.state.read_only = true;
    b.planned();
    shows(&mut b, SMALL, &["read-only"]);
    b.effects.clear();
    let refused = |b: &mut Bench, keys: &str| {
        b.keys(keys);
        assert!(b.state.layer.is_none() && said(b).starts_with("read-only: "), "{keys}: {}", said(b));
    };
    ["r", "R", "s", "e"].iter().for_each(|keys| refused(&mut b, keys));
    assert!(!remold::testing::tui::core::hints(&b.state).iter().any(|h| h.word == "run"));
    b.keys("1");
    ["D", "R", "e", "w"].iter().for_each(|keys| refused(&mut b, keys));
    b.job(0.62);
    ["x", "p"].iter().for_each(|keys| refused(&mut b, keys));
    let written = |e: &&Effect| {
        matches!(e, Effect::Spawn(..) | Effect::ListFiles(_) | Effect::ActOnJob(..) | Effect::EditRecipe(..))
    };
    assert_eq!(b.effects.iter().filter(written).count(), 0, "{:?}", b.effects);
}

#[test]
fn a_report_is_copied_as_markdown() {
    let mut b = sample::start();
    b.job(1.0);
    let output = OutputReport {
        path: path("a|b-Q4_K_M.gguf"),
        quantization: "Q4_K_M".into(),
        bytes: 2_680_000,
        bits_per_weight: 4.85,
        output_sqnr_db: Some(23.31),
        sqnr_db: Some(24.8),
        ..OutputReport::default()
    };
    let report = Report { version: "0.1.0".into(), outputs: vec![output], ..Report::default() };
    b.act(Action::JobReport("41".into(), Arc::new(report)));
    b.act(Action::JobCommand("41".into(), "remold convert x --to gguf:q4_k_m".into()));
    b.effects.clear();
    b.keys("Y");
    let [Effect::Copy(card)] = &b.effects[..] else { panic!("{:?}", b.effects) };
    assert!(card.contains("| `a\\|b-Q4_K_M.gguf` |") && card.contains("| 2.68 MB | 4.85 | 23.3 | 24.8 |"), "{card}");
    assert!(card.contains("```\nremold convert x --to gguf:q4_k_m\n```"), "{card}");
}

#[test]
fn a_lone_line_of_the_log_is_whole() {
    let mut b = sample::start();
    let end = "this is the end of a long line";
    b.act(Action::Notice(Level::Warn, format!("{} {end}", "many words ".repeat(20))));
    b.keys("6");
    for size in [SMALL, MIDDLE] {
        let shown = screen(&mut b, size);
        assert!(shown.split_whitespace().collect::<Vec<_>>().join(" ").contains(end), "{shown}");
    }
}
