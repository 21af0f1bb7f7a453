//! What a newcomer stumbled over in a walk through the workbench: statements that were not true, next steps that were not clear, texts
//! that were cut beside free space.

use super::sample::{self, Bench, DIR};
use super::screens::{LARGE, SMALL, render, shows, text};
use super::{plans, session};
use remold::testing::job::JobState;
use remold::testing::model::{Defect, FormatId};
use remold::testing::recipe::options::gguf;
use remold::testing::tui::core::{Action, Effect, ErrorCard, Focus, FoundModel, Layer, Level, Tab, farewell, hints};
use remold::testing::tui::look::Depth;
use remold::testing::tui::tabs::models::{Finding, ModelInfo, Section, Summary};
use remold::testing::tui::tabs::recipe::{BatchOutcome, BatchOutlook};
use remold::testing::tui::tabs::watch::WatchPlace;
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

/// The forecast that was asked for last.
fn asked_forecast(b: &Bench) -> Option<(u64, Option<String>)> {
    b.effects.iter().rev().find_map(|e| match e {
        Effect::Forecast(id, _, target) => Some((*id, target.get(&gguf::EFFORT).clone())),
        _ => None,
    })
}

#[test]
fn every_target_has_the_forecast_of_its_own_options() {
    let mut b = sample::start();
    b.planned();
    let db = |b: &Bench, target: usize| b.state.recipe.estimate(target).and_then(|e| e.output_sqnr_db);
    let plain = db(&b, 0);
    // The first target gets another effort, and with it another forecast.
    b.effects.clear();
    b.state.recipe.document.recipe.targets[0].set(&gguf::EFFORT, Some("max".into()));
    b.keys("3").keys("2");
    let (id, effort) = asked_forecast(&b).expect("a forecast with effort max");
    assert_eq!(effort.as_deref(), Some("max"));
    let mut better = plans::forecast(None);
    better.types.iter_mut().for_each(|t| t.output_sqnr_db = t.output_sqnr_db.map(|db| db + 1.0));
    b.act(Action::Forecasted(id, Ok(Arc::new(better))));
    assert_eq!(db(&b, 0), plain.map(|db| db + 1.0));
    // A target with the default effort is forecast beside it: neither changes the other, whichever is selected.
    b.effects.clear();
    b.keys("aq4_k_m<enter>");
    let (id, effort) = asked_forecast(&b).expect("a forecast of the new target");
    assert_eq!(effort, None);
    assert_eq!((db(&b, 0), db(&b, 1)), (plain.map(|db| db + 1.0), None), "not that of the other target");
    b.act(Action::Forecasted(id, Ok(Arc::new(plans::forecast(None)))));
    for keys in ["", "k", "j", "k"] {
        b.effects.clear();
        b.keys(keys);
        assert_eq!((db(&b, 0), db(&b, 1)), (plain.map(|db| db + 1.0), plain), "{keys}");
        assert_eq!(asked_forecast(&b), None, "both are known");
    }
}

#[test]
fn a_forecast_that_another_target_needs_is_asked_for_in_turn() {
    let mut b = sample::start();
    b.planned();
    let targets = &mut b.state.recipe.document.recipe.targets;
    let mut max = targets[0].clone();
    max.set(&gguf::EFFORT, Some("max".into()));
    targets.push(max);
    b.effects.clear();
    b.keys("3").keys("2");
    let (id, effort) = asked_forecast(&b).expect("of the target that is not selected");
    assert_eq!(effort.as_deref(), Some("max"));
    b.effects.clear();
    // One that fails is not asked for again and again.
    b.act(Action::Forecasted(id, Err(ErrorCard::new("no", true))));
    assert_eq!(asked_forecast(&b), None);
    assert!(b.state.recipe.estimate(0).is_some() && b.state.recipe.estimate(1).is_none());
    // One for a budget is kept as well.
    b.state.recipe.document.recipe.targets[1].quantization = None;
    b.state.recipe.document.recipe.targets[1].set(&gguf::TARGET_BPW, Some(4.25));
    b.keys("3").keys("2").keys("j");
    for name in ["4.25 bpw", "4.25 bpw"] {
        if let Some((id, _)) = asked_forecast(&b) {
            b.effects.clear();
            b.act(Action::Forecasted(id, Ok(Arc::new(plans::forecast(Some(name))))));
        }
    }
    assert_eq!(asked_forecast(&b), None, "known, and not asked for again");
    assert_eq!(b.state.recipe.estimate(1).map(|e| e.bytes), Some(759_800_000));
}

#[test]
fn keys_that_do_nothing_are_not_in_the_log_and_do_not_claim_it() {
    let mut b = sample::start();
    let lines = b.state.log.entries.len();
    b.keys("#").keys("u").keys("X");
    assert_eq!(said(&b), "X does nothing here; ? lists the keys");
    assert_eq!((b.state.toasts.len(), b.state.log.entries.len()), (1, lines));
    assert!(!screen(&mut b, SMALL).contains("more in Log"));
    // It goes at the next key that does something, at once.
    b.keys("j");
    assert!(b.state.toasts.is_empty(), "{:?}", b.state.toasts);
    // What is in the log still counts.
    b.act(Action::Notice(Level::Warn, "one".into())).act(Action::Notice(Level::Error, "two".into()));
    shows(&mut b, SMALL, &["two (and 1 more in Log)"]);
}

#[test]
fn the_report_key_says_which_of_its_reasons_it_is() {
    let mut b = sample::start();
    b.job(0.62).keys("3r");
    assert_eq!(said(&b), "r: this job has not ended: it has no report yet");
    let mut b = sample::start();
    b.job(1.0).keys("3r");
    b.keys("r");
    assert_eq!(said(&b), "r: the report of this job is shown already");
}

#[test]
fn a_file_that_was_being_written_is_looked_at_again() {
    let mut b = sample::start();
    let now = b.state.now.as_second();
    let growing = FoundModel {
        path: path("cut.gguf"),
        format: FormatId::parse("gguf"),
        bytes: 100_000,
        modified: now - 20,
        defect: Some(Defect::Growing),
        summary: Err(ErrorCard::new("the file ends too early", true)),
    };
    b.act(Action::Found(vec![growing.clone()])).effects.clear();
    let tick = |b: &mut Bench, seconds: i64| {
        let t = jiff::Timestamp::from_second(now + seconds).unwrap();
        b.act(Action::Tick(t));
        std::mem::take(&mut b.effects)
    };
    assert_eq!(tick(&mut b, 30), [], "it may still grow");
    assert_eq!(tick(&mut b, 45), [Effect::Scan]);
    assert_eq!(tick(&mut b, 46), [], "not at every tick");
    shows(&mut b, LARGE, &["cut.gguf"]);
    b.act(Action::Found(vec![FoundModel { defect: Some(Defect::Cut), ..growing }])).effects.clear();
    assert_eq!(tick(&mut b, 600), []);
}

#[test]
fn looking_at_another_model_of_a_batch_is_no_change() {
    let mut b = sample::start();
    b.keys("kk   c");
    assert!(!b.state.recipe.modified());
    b.keys("]");
    assert!(!b.state.recipe.modified(), "only another forecast is shown");
    assert!(
        b.effects.iter().filter(|e| matches!(e, Effect::CheckBatch(..))).count() == 1,
        "and nothing is planned again"
    );
    b.keys("aq8<enter>");
    assert!(b.state.recipe.modified());
}

#[test]
fn a_recipe_for_several_models_says_how_many_can_run() {
    let mut b = sample::start();
    b.keys("kk   c");
    let Some(Effect::CheckBatch(id, _, sources)) =
        b.effects.iter().find(|e| matches!(e, Effect::CheckBatch(..))).cloned()
    else {
        panic!("{:?}", b.effects)
    };
    assert_eq!(sources.len(), 3);
    shows(&mut b, MIDDLE, &["planning 3 jobs…"]);
    let wrong = ErrorCard::new("the output is the input", true);
    let outlook = BatchOutlook {
        ready: 2,
        outputs: 2,
        bytes: Some(1_600_000_000),
        exist: 1,
        failed: vec![(sources[0].clone(), wrong.clone())],
    };
    b.act(Action::BatchChecked(id + 1, Box::default()));
    b.act(Action::BatchChecked(id, Box::new(outlook)));
    for size in [MIDDLE, LARGE] {
        let words =
            ["! ready: 2 of 3 jobs, 1 already exists, 2 outputs", "exp42/checkpoint-500: the output is the input"];
        shows(&mut b, size, &words);
    }
    shows(&mut b, SMALL, &["ready: 2 of 3 jobs"]);
    // The question names them, too.
    let exists = vec![path("exp42/a.gguf")];
    let outcome = BatchOutcome {
        sources,
        exists,
        failed: vec![(path("exp42/checkpoint-500"), wrong)],
        ..BatchOutcome::default()
    };
    b.act(Action::BatchSpawned(Box::new(outcome)));
    shows(&mut b, SMALL, &["not started: exp42/checkpoint-500: the output is the input"]);
}

/// The details of a model that is one file.
fn one_file() -> Bench {
    let mut b = sample::start();
    let mut info = ModelInfo::digest(&sample::model());
    let file = path("exports/llama-1000-Q4_K_M.gguf");
    (info.path, info.is_file) = (file.clone(), true);
    b.state.models.selected = Some(file.clone());
    b.act(Action::Opened(file, Ok(Arc::new(info)))).effects.clear();
    b
}

#[test]
fn a_model_in_one_file_has_no_config_json_to_open() {
    let mut b = one_file();
    b.keys("o");
    assert!(b.effects.iter().all(|e| !matches!(e, Effect::OpenOutside(..))), "{:?}", b.effects);
    assert!(said(&b).starts_with("o: a model in one file has no config.json"), "{}", said(&b));
}

#[test]
fn the_name_that_a_prompt_offers_is_replaced_by_what_is_typed() {
    let mut b = sample::start();
    b.keys("Rnew<enter>");
    assert_eq!(b.effects.last(), Some(&Effect::RenameModel(path("exp42/checkpoint-2000"), "new".into())));
}

#[test]
fn a_folder_stands_for_the_models_that_the_filter_shows() {
    let mut b = sample::start();
    b.keys("/000<enter>gg ");
    let marked: Vec<PathBuf> = ["exp42/checkpoint-1000", "exp42/checkpoint-2000"].map(path).to_vec();
    assert_eq!(b.state.models.marked, marked);
    b.keys("gg ");
    assert_eq!(b.state.models.marked, Vec::<PathBuf>::new());
    b.keys("gg /500<enter>");
    shows(&mut b, SMALL, &["2 marked, 2 hidden"]);
}

#[test]
fn a_run_without_a_checkpoint_can_be_watched() {
    let mut b = sample::start();
    b.act(Action::Key(remold::testing::tui::core::parse_keys("r")[0]));
    b.act(Action::Found(Vec::new())).effects.clear();
    assert!(b.state.models.rows().is_empty());
    b.keys("w").act(Action::WatchPlaceSeen(sample::DIR.into(), WatchPlace::Folder, None));
    let Some(Layer::Confirm(asked)) = &b.state.layer else { panic!("{:?}", b.state.toasts) };
    assert_eq!(asked.question, "Watch the opened folder?");
    // A folder beside models has no line there: its path is typed.
    b.keys("<esc>5").act(Action::Watchers(Vec::new()));
    b.keys("w");
    shows(&mut b, SMALL, &["watch the folder ~/runs"]);
    b.keys("exp43<enter>").act(Action::WatchPlaceSeen(path("exp43"), WatchPlace::Folder, None));
    let Some(Layer::Confirm(asked)) = &b.state.layer else { panic!("{:?}", b.state.layer) };
    assert_eq!((asked.question.as_str(), asked.detail[1].as_str()), ("Watch exp43?", "into exp43-exports"));
    b.effects.clear();
    b.keys("<enter>");
    assert!(matches!(&b.effects[..], [Effect::StartWatcher(folder, _)] if *folder == path("exp43")), "{:?}", b.effects);
}

#[test]
fn a_paused_job_is_named_when_the_screen_closes() {
    let mut b = sample::start();
    let mut job = sample::a_job();
    job.state = JobState::Paused;
    b.act(Action::Jobs(vec![job]));
    b.keys("q");
    assert_eq!(b.state.layer, Some(Layer::Leave));
    shows(&mut b, MIDDLE, &["Job 41 stays paused. Quit?"]);
    b.keys("<enter>");
    assert_eq!(b.effects.last(), Some(&Effect::Quit));
    let words = farewell(&b.state).unwrap();
    assert!(words.starts_with("1 job stays paused: checkpoint-2000 → gguf Q4_K_M\n"), "{words}");
    assert!(words.contains("`remold jobs resume 41`"), "{words}");
}

#[test]
fn a_recipe_that_ran_is_in_its_job_also_after_a_restart() {
    let mut b = sample::start();
    b.planned().keys("aq8<enter>");
    shows(&mut b, MIDDLE, &["s saves it"]);
    b.act(Action::Spawned(Ok(sample::a_job()))).keys("2");
    let shown = screen(&mut b, MIDDLE);
    assert!(shown.contains("kept by job") && !shown.contains("s saves it"), "{shown}");
    assert!(!b.state.recipe.unsaved());
    let session = remold::testing::tui::core::Session::of(&b.state);
    let mut again = sample::start();
    again.act(Action::Restored(Box::new(session)));
    assert!(!again.state.recipe.unsaved(), "as before the restart");
}

#[test]
fn a_warning_about_a_model_is_not_cut() {
    let long = "the pickle imports `os.system` with \"touch remold-was-here\"; it was not executed. Do not load this file with Python";
    let mut b = sample::start();
    let mut info = ModelInfo::digest(&sample::model());
    info.path = path("exp42/checkpoint-2000");
    info.health.insert(0, Finding { level: Level::Warn, text: long.into(), ..info.health[0].clone() });
    b.act(Action::Opened(info.path.clone(), Ok(Arc::new(info))));
    for size in [SMALL, MIDDLE, LARGE] {
        let shown = screen(&mut b, size);
        let right: String =
            shown.lines().map(|l| l.rsplit('│').next().unwrap_or(l).trim()).collect::<Vec<_>>().join(" ");
        assert!(right.contains("Do not load this file with Python"), "{size:?}: {right}\n{shown}");
    }
}

#[test]
fn the_word_for_what_is_wrong_stays_beside_nested_names() {
    let mut b = sample::start();
    let nested = FoundModel {
        path: path("bad/pickles/calls-eval-legacy.pt"),
        format: FormatId::parse("pytorch"),
        bytes: 1_000,
        modified: 0,
        defect: Some(Defect::Unsafe),
        summary: Ok(Summary::default()),
    };
    b.act(Action::Found(vec![nested]));
    for size in [SMALL, MIDDLE] {
        shows(&mut b, size, &["unsafe"]);
    }
}

#[test]
fn names_have_the_width_that_is_there() {
    let name = "a-model-with-a-longer-name-than-the-pane-Q4_K_M.gguf";
    let mut b = sample::start();
    let mut models = sample::found();
    models.push(FoundModel { path: path(name), ..models[3].clone() });
    b.act(Action::Found(models));
    assert!(screen(&mut b, (200, 60)).contains(name), "{}", screen(&mut b, (200, 60)));
    // The table of tensors is as wide as what is in it.
    b.keys("<enter>]");
    assert_eq!(b.state.models.details.section, Section::Tensors);
    for size in [SMALL, MIDDLE] {
        b.state.size = size;
        shows(&mut b, size, &["model.layers.0.self_attn.q_proj"]);
    }
}

#[test]
fn pickers_and_questions_are_as_wide_as_their_lines() {
    let mut b = sample::start();
    b.keys("cw");
    assert!(matches!(&b.state.layer, Some(Layer::Picker(_))));
    let shown = screen(&mut b, LARGE);
    assert!(!shown.lines().filter(|l| l.contains('│')).any(|l| l.contains("LM Studio or llama…")), "{shown}");
    shows(&mut b, LARGE, &["a laptop or desktop, with Ollama, LM Studio or llama.cpp"]);
    // Where there is no space, the selected line is in full below the list.
    let Some(Layer::Picker(p)) = &b.state.layer else { panic!() };
    let about = p.items[p.row].title.split_once(": ").unwrap().1.to_owned();
    let narrow = screen(&mut b, SMALL).replace('\n', " ");
    let words: Vec<&str> = about.split_whitespace().collect();
    assert!(words.iter().all(|w| narrow.contains(w)), "{about}\n{narrow}");
}

#[test]
fn an_ascii_screen_has_no_sign_of_the_home_folder_in_a_cut_path() {
    let mut b = sample::start();
    b.state.home = Some("/elsewhere".into());
    let shown = text(&render(&mut b, (80, 24), Depth::True, true));
    assert!(!shown.contains('~'), "{shown}");
}

#[test]
fn side_by_side_has_the_whole_width_and_only_its_own_keys() {
    let mut b = sample::start();
    b.keys("]k =");
    let text = "2 keys differ\n\nconfig.hidden_size                    64                                128";
    b.act(Action::TextRead("checkpoint-1000 | checkpoint-2000".into(), Ok(text.into())));
    shows(&mut b, MIDDLE, &["config.hidden_size                    64                                128"]);
    let keys: Vec<String> = hints(&b.state).into_iter().map(|h| h.word.to_owned()).collect();
    assert!(!keys.iter().any(|k| k == "sort" || k == "reverse"), "{keys:?}");
    b.keys("<esc>");
    assert!(!b.state.models.zoom && b.state.models.focus == Focus::Details, "both panes are back");
}

#[test]
fn prompts_of_a_recipe_are_where_those_of_other_tabs_are() {
    let mut b = sample::start();
    b.planned().keys("s");
    let shown = screen(&mut b, MIDDLE);
    let line = shown.lines().position(|l| l.contains("save as ")).unwrap();
    assert_eq!(line, shown.lines().count() - 2, "above the keys:\n{shown}");
    // The message of an attempt that failed is not below the next one.
    b.keys("<esc>").act(Action::Notice(Level::Error, "old trouble".into()));
    b.keys("s");
    assert!(!screen(&mut b, MIDDLE).contains("old trouble"));
    assert_eq!(b.state.tab, Tab::Recipe);
}

#[test]
fn outputs_keep_their_folder_while_the_source_is_wrong() {
    let mut b = sample::start();
    b.planned();
    let line = |b: &mut Bench| screen(b, LARGE).lines().find(|l| l.contains("outputs  ")).map(|l| l[..40].to_owned());
    let before = line(&mut b);
    b.state.recipe.document.recipe.source.path = Some(path("exp42/none"));
    b.keys("3").keys("2");
    assert_eq!(line(&mut b), before, "with a source that cannot be planned");
}

#[test]
fn a_real_folder_is_made_for_a_recipe_that_is_saved_into_it() {
    let dir = session::folder_of_a_model();
    let mut s = session::Session::start(dir.path(), &[]);
    s.wait_for("1 model");
    s.send("c");
    s.wait_for("ready: 1 output");
    s.send("s");
    s.wait_for("save as ");
    s.send("new/folder/mine.toml\r");
    s.wait_for("saved: new/folder/mine.toml");
    assert!(dir.path().join("new/folder/mine.toml").exists());
    s.send("q");
    assert_eq!(s.exit_code(), 0);
}
