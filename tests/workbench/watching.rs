//! The Watch tab: what it shows of watchers, what its keys do, and a real watcher followed in a pseudo-terminal.

use super::sample::{self, Bench, DIR};
use super::screens::{LARGE, SMALL, TINY, check, picture, plain, render, shows, styled, text};
use super::session::{Session, folder_of_a_model};
use remold::testing::evaluate::BaselineSource;
use remold::testing::tui::core::{Action, BaselineChoice, Effect, Focus, Layer, Tab, hints};
use remold::testing::tui::look::Depth;
use remold::testing::tui::tabs::watch::{ExportQuality, WatchPlace, WatcherQuery};
use remold::testing::watch::{Request, WatchEvent, WatcherInfo, WatcherStart};
use std::path::{Path, PathBuf};
use std::process::Command;

fn watcher(id: &str, name: &str, pid: Option<u32>, exported: usize) -> WatcherInfo {
    WatcherInfo {
        id: id.into(),
        folder: PathBuf::from("/home/ada/.local/state/remold/jobs/.watch").join(id),
        pid,
        root: Path::new(DIR).join(name),
        output: Path::new(DIR).join(format!("{name}-exports")),
        recipe: "gguf:q4_k_m".into(),
        exported,
        hold: None,
        paused: false,
        command: Some(format!("cd /home/ada && remold watch runs/{name} --to gguf:q4_k_m")),
        start: None,
    }
}

/// Events of a watcher of the transformers Trainer: five checkpoints at work, an alias, one that failed.
fn events() -> Vec<WatchEvent> {
    let line = |time: &str, rest: &str| {
        let json = format!(r#"{{"t":"2026-11-23T{time}Z","watch":"5f0c2a91","kind":{rest}}}"#);
        remold::testing::engine::from_json::<WatchEvent>(json.as_bytes()).unwrap_or_else(|e| panic!("{json}: {e}"))
    };
    let source = |time: &str, step: u64, state: &str, words: &str| {
        let name = format!("checkpoint-{step}");
        line(
            time,
            &format!(
                r#""watch.source","source":"{DIR}/exp42/{name}","name":"{name}","family":"hf-trainer","step":{step},"state":"{state}","text":"{words}""#
            ),
        )
    };
    let exported = |time: &str, step: u64, job: u64, seconds: f64, bytes: u64, end: &str| {
        let name = format!("checkpoint-{step}");
        line(
            time,
            &format!(
                r#""watch.exported","source":"{DIR}/exp42/{name}","name":"{name}","step":{step},"version":"v{step}","job":"{job}",
                "picked":1000.0,"done":{},"outputs":["{DIR}/exp42-exports/exp42-{name}-Q4_K_M.gguf"],"bytes":{bytes},{end}"#,
                1000.0 + seconds
            ),
        )
    };
    vec![
        line(
            "09:58:01",
            &format!(
                r#""watch.started","root":"{DIR}/exp42","output":"{DIR}/exp42-exports","recipe":"gguf:q4_k_m","pid":4711"#
            ),
        ),
        exported("10:02:11", 500, 38, 24.0, 807_694_464, r#""status":"ok""#),
        exported("10:37:40", 1000, 40, 9.1, 807_694_464, r#""status":"ok""#),
        exported(
            "11:03:02",
            1500,
            39,
            3.0,
            0,
            r#""status":"failed","why":"model.layers.3.mlp.down_proj.weight: holds values that are not numbers. Check the training run at this step.""#,
        ),
        line(
            "11:03:10",
            &format!(
                r#""watch.skipped","source":"{DIR}/exp42/last.ckpt","name":"last.ckpt","why":"the same contents as checkpoint-1500.ckpt""#
            ),
        ),
        exported(
            "11:30:05",
            2000,
            41,
            9.3,
            911_500_000,
            r#""status":"ok","weights_db":22.87,"regression":{"tensor":"blk.3.ffn_down","before_db":27.1,"now_db":21.9}"#,
        ),
        source("12:01:02", 2500, "exporting", "exporting"),
        source("12:03:20", 3000, "waiting", "waiting: model-00003-of-00004.safetensors is missing, one of 4"),
    ]
}

/// On the Watch tab with two watchers, one of them running.
fn watched() -> Bench {
    let mut b = sample::start();
    b.job(1.0).keys("5");
    b.act(Action::Watchers(vec![watcher("0a1b2c3d", "exp41", None, 12), watcher("5f0c2a91", "exp42", Some(4711), 3)]));
    let request = b.state.watch.request;
    b.act(Action::WatcherEvents(request, events()));
    let db = [("38", 22.91), ("40", 22.63)].map(|(job, db)| (job.to_owned(), ExportQuality::Db(db)));
    b.act(Action::WatcherMeasured(request, db.to_vec()));
    b.effects.clear();
    b
}

#[test]
fn pictures() {
    let mut none = sample::start();
    none.keys("5").act(Action::Watchers(Vec::new()));
    shows(&mut none, SMALL, &["no watchers yet", "remold watch DIR --to gguf:q4_k_m --detach"]);
    // What the newest source waits for.
    picture("watch", &mut watched(), SMALL);
    // An export in full, and the charts.
    picture("watch", watched().keys("<enter>jj"), LARGE);
    // Why an export failed, where there is next to no room.
    picture("watch", watched().keys("<enter>jjjj"), TINY);
    // A watcher that looks by itself, without events, and one source that has no step.
    let mut polls = watched();
    let mut note = events().remove(0);
    if let remold::testing::watch::WatchBody::Started { note, .. } = &mut note.body {
        *note = Some("/home/ada/runs is on nfs4: no events of other machines arrive, it is looked at every 5 s".into());
    }
    polls.act(Action::WatcherEvents(polls.state.watch.request, vec![note]));
    shows(polls.keys("<enter>"), SMALL, &["is on nfs4: no events"]);
    plain(&mut polls);
    // A stopped one, without colour.
    let mut stopped = watched();
    stopped.act(Action::Watchers(vec![watcher("5f0c2a91", "exp42", None, 3)]));
    check("watch-mono", styled(&render(&mut stopped, SMALL, Depth::Mono, false)));
    plain(&mut stopped);
}

#[test]
fn what_a_recipe_measures_is_drawn_over_the_steps() {
    let mut b = watched();
    let request = b.state.watch.request;
    let metric = |step: u64, name: &str, value: f64| {
        let json = format!(
            r#"{{"t":"2026-11-23T11:40:00Z","watch":"5f0c2a91","kind":"metric","source":"{DIR}/exp42/checkpoint-{step}",
            "name":"{name}","value":{value},"model":"m"}}"#
        );
        remold::testing::engine::from_json::<WatchEvent>(json.as_bytes()).unwrap()
    };
    let mut events = Vec::new();
    for (step, perplexity, kld, status) in
        [(500, 31.2504, 0.0021, "ok"), (1000, 24.8136, 0.0024, "ok"), (2000, 22.1909, 0.0131, "check_failed")]
    {
        events.extend([metric(step, "perplexity", perplexity), metric(step, "kld_mean", kld)]);
        let json = format!(
            r#"{{"t":"2026-11-23T11:41:00Z","watch":"5f0c2a91","kind":"watch.exported","source":"{DIR}/exp42/checkpoint-{step}",
            "name":"checkpoint-{step}","step":{step},"version":"v{step}b","job":"9{step}","picked":1.0,"done":2.0,"outputs":[],
            "bytes":900,"weights_db":22.5,"status":"{status}","why":"mean KL divergence is above 0.01"}}"#
        );
        events.push(remold::testing::engine::from_json::<WatchEvent>(json.as_bytes()).unwrap());
    }
    b.act(Action::WatcherEvents(request, events));
    b.keys("<enter>jj");
    let failed = "✗ 1 export failed a check of the recipe";
    shows(&mut b, LARGE, &["perplexity by step", "mean KLD by step", "31.2504", "22.1909", failed]);
    // On few rows on a line.
    shows(&mut b, (160, 24), &["perplexity by step:  31.2504 at 500, 22.1909 at 2000"]);
}

#[test]
fn every_size_draws() {
    for keys in ["", "j", "<enter>", "<enter>jjjj", "s"] {
        let mut b = watched();
        b.keys(keys);
        for w in (1..200).step_by(7) {
            for h in (1..60).step_by(3) {
                render(&mut b, (w, h), Depth::True, w % 2 == 0);
            }
        }
    }
}

#[test]
fn only_what_is_shown_is_read_and_late_answers_are_not_taken() {
    let mut b = watched();
    let folder = PathBuf::from("/home/ada/.local/state/remold/jobs/.watch/5f0c2a91");
    let request = b.state.watch.request;
    assert_eq!(
        b.state.watcher_query(),
        Some(WatcherQuery { request, folder: Some(folder) }),
        "the one that runs is first"
    );
    b.keys("j");
    let other = b.state.watcher_query().unwrap();
    assert!(other.request != request && other.folder.unwrap().ends_with("0a1b2c3d"));
    assert!(b.state.watch.view.is_empty());
    b.act(Action::WatcherEvents(request, events()));
    assert!(b.state.watch.view.is_empty(), "those are of the watcher before");
    b.keys("6");
    assert_eq!((b.state.watcher_query(), b.state.ages()), (None, Vec::new()), "its state may have changed");
}

#[test]
fn ages_change_by_the_minute() {
    let mut b = watched();
    assert_eq!(b.state.ages()[..3], ["1 min", "3 min", "34 min"]);
    let now = b.state.now;
    let before = b.state.ages();
    b.act(Action::Tick(now + jiff::SignedDuration::from_secs(1)));
    assert_eq!(b.state.ages(), before);
    b.act(Action::Tick(now + jiff::SignedDuration::from_secs(60)));
    assert_ne!(b.state.ages(), before);
}

#[test]
fn an_export_opens_its_job_and_its_file() {
    let mut b = watched();
    b.keys("<enter>");
    assert_eq!((b.state.watch.focus, b.state.watch.current_source().unwrap().step), (Focus::Details, Some(3000)));
    let offered = |b: &Bench, word: &str| hints(&b.state).iter().any(|h| h.word == word);
    assert!(!offered(&b, "to the job") && !offered(&b, "output"), "it has neither");
    b.keys("jj");
    assert!(offered(&b, "to the job") && offered(&b, "output"));
    b.keys("<enter>");
    assert_eq!((b.state.tab, b.state.jobs.selected.as_deref()), (Tab::Jobs, Some("41")));
    b.keys("5");
    assert_eq!(b.state.watch.current_source().unwrap().step, Some(2000), "it is where it was left");
    b.keys("o");
    let selected = b.state.models.selected.clone().unwrap();
    assert!(b.state.tab == Tab::Models && selected.ends_with("exp42-exports/exp42-checkpoint-2000-Q4_K_M.gguf"));
    b.keys("5<esc>");
    assert_eq!(b.state.watch.focus, Focus::List);
}

#[test]
fn stopping_asks_and_a_command_is_copied() {
    let mut b = watched();
    b.keys("s<esc>");
    assert_eq!(b.effects, []);
    b.keys("s<enter>sy");
    assert_eq!(b.effects, [Effect::StopWatcher("5f0c2a91".into(), Path::new(DIR).join("exp42"))]);
    b.effects.clear();
    b.keys("y");
    assert_eq!(b.effects, [Effect::Copy("remold watch attach 5f0c2a91".into())]);
    b.effects.clear();
    b.keys("jsy");
    assert!(b.state.layer.is_none(), "what is stopped cannot be stopped");
    assert_eq!(b.effects, [Effect::Copy("cd /home/ada && remold watch runs/exp41 --to gguf:q4_k_m".into())]);
}

#[test]
fn a_stopped_watcher_is_started_again_or_removed() {
    let mut b = watched();
    b.keys("jD<enter>");
    assert_eq!(b.effects, [], "enter keeps it");
    b.keys("Dy");
    assert_eq!(b.effects, [Effect::ForgetWatcher("0a1b2c3d".into(), Path::new(DIR).join("exp41"))]);
    b.act(Action::WatcherForgotten(Path::new(DIR).join("exp41"), Ok(())));
    assert!(
        b.state.toasts.iter().any(|t| t.text.starts_with("the watcher of exp41 is removed;")),
        "{:?}",
        b.state.toasts
    );
    // It was started by a version that did not record how.
    b.effects.clear();
    b.keys("s");
    assert_eq!((b.effects.len(), b.state.layer.is_none()), (0, true));
    shows(&mut b, SMALL, &["the watcher does not run; y copies the command that starts it"]);
    let mut list = b.state.watch.list.clone();
    let start = WatcherStart { folder: "/home/ada".into(), arguments: vec!["watch".into(), "runs/exp41".into()] };
    list.iter_mut().for_each(|w| w.start = Some(start.clone()));
    b.act(Action::Watchers(list));
    shows(&mut b, SMALL, &["s starts it again, D removes it", "s start again"]);
    b.keys("s");
    assert_eq!(b.effects, [Effect::RestartWatcher("0a1b2c3d".into())]);
    b.effects.clear();
    // One that runs is not removed.
    b.keys("kD");
    assert!(b.state.layer.is_none());
    shows(&mut b, SMALL, &["only a stopped watcher can be removed"]);
    b.state.read_only = true;
    b.keys("jsD");
    assert_eq!((b.effects.len(), b.state.layer.is_none()), (0, true), "nothing is started or removed read-only");
}

#[test]
fn a_workbench_that_is_read_only_does_not_offer_to_start_a_watcher() {
    let mut b = sample::start();
    b.keys("5").act(Action::Watchers(Vec::new()));
    b.keys("<enter>");
    shows(&mut b, SMALL, &["there are no watchers yet; w starts one"]);
    b.state.read_only = true;
    b.keys("<enter>");
    assert!(!text(&render(&mut b, SMALL, Depth::True, false)).contains("w starts one"));
}

#[test]
fn a_watcher_is_asked_for_what_the_keys_say() {
    let mut b = watched();
    let asked = |r: Request| [Effect::AskWatcher("5f0c2a91".into(), r)];
    b.keys("p");
    assert_eq!(b.effects, asked(Request::Pause));
    let mut list = b.state.watch.list.clone();
    list.iter_mut().for_each(|w| w.paused = w.pid.is_some());
    b.act(Action::Watchers(list));
    b.effects.clear();
    b.keys("p");
    assert_eq!(b.effects, asked(Request::Resume));
    assert!(text(&render(&mut b, SMALL, Depth::True, false)).contains("paused"));
    b.effects.clear();
    // The newest source waits for a file.
    b.keys("<enter>e");
    assert_eq!(b.effects, asked(Request::Export { name: "checkpoint-3000".into() }));
    b.effects.clear();
    b.keys("i");
    assert_eq!(b.effects, asked(Request::Ignore { name: "checkpoint-3000".into() }));
    b.effects.clear();
    let json = format!(
        r#"{{"t":"2026-11-23T12:05:00Z","watch":"5f0c2a91","kind":"watch.source","source":"{DIR}/exp42/checkpoint-3000",
        "name":"checkpoint-3000","family":"hf-trainer","step":3000,"state":"ignored","text":"ignored on request"}}"#
    );
    let request = b.state.watch.request;
    b.act(Action::WatcherEvents(request, vec![remold::testing::engine::from_json(json.as_bytes()).unwrap()]));
    assert!(text(&render(&mut b, LARGE, Depth::True, false)).contains("ignored on request"));
    b.keys("i");
    assert_eq!(b.effects, asked(Request::Unignore { name: "checkpoint-3000".into() }));
}

#[test]
fn an_export_is_compared_with_that_of_the_checkpoint_before_it() {
    let mut b = watched();
    b.keys("<enter>v");
    assert_eq!(b.state.tab, Tab::Watch, "there is no export yet");
    b.keys("jjv");
    let of = |step: u64| Path::new(DIR).join(format!("exp42-exports/exp42-checkpoint-{step}-Q4_K_M.gguf"));
    assert_eq!(b.state.tab, Tab::Compare);
    assert_eq!(b.state.compare.columns, [of(1000), of(2000)], "1500 failed");
    // Training has changed the weights between them.
    assert_eq!(b.state.compare.baseline, BaselineChoice::First(BaselineSource::Earlier));
}

#[test]
fn a_folder_of_the_tree_is_watched_with_the_recipe_that_is_composed() {
    let mut b = sample::start();
    b.planned().keys("1");
    b.effects.clear();
    b.keys("w");
    // The selected checkpoint is in the run's folder.
    let run = Path::new(DIR).join("exp42");
    assert_eq!(b.effects.last(), Some(&Effect::LookAtWatchPlace(run.clone())));
    b.act(Action::WatchPlaceSeen(run, WatchPlace::Folder, None));
    let Some(Layer::Confirm(asked)) = &b.state.layer else { panic!("{:?}", b.state.layer) };
    assert_eq!(asked.question, "Watch exp42?");
    assert!(asked.detail.iter().any(|d| d == "into exp42-exports"), "{:?}", asked.detail);
    assert!(!asked.detail.iter().any(|d| d.contains("does not")), "{:?}", asked.detail);
    b.effects.clear();
    b.keys("<enter>");
    let [Effect::StartWatcher(folder, recipe)] = &b.effects[..] else { panic!("{:?}", b.effects) };
    assert_eq!((folder, recipe.targets.len()), (&Path::new(DIR).join("exp42"), 1));
    assert_eq!(
        (&recipe.source.path, &recipe.targets[0].output, recipe.name.as_deref()),
        (&None, &None, Some("gguf Q4_K_M"))
    );
    b.act(Action::WatcherStarted(Ok("5f0c2a91".into())));
    assert_eq!(b.state.tab, Tab::Watch);
    let two = vec![watcher("0a1b2c3d", "exp41", Some(1), 0), watcher("5f0c2a91", "exp42", Some(2), 0)];
    b.act(Action::Watchers(two));
    assert_eq!(b.state.watch.selected.as_deref(), Some("5f0c2a91"), "the one that was started");
}

/// What there is at a path is looked at before the question, which says it.
#[test]
fn a_path_that_cannot_be_watched_is_said_before_a_watcher_is_started() {
    let folder = Path::new(DIR).join("exp4");
    let mut b = sample::start();
    b.keys("5").act(Action::Watchers(vec![watcher("0a1b2c3d", "exp41", Some(1), 0)]));
    b.keys("wexp");
    b.effects.clear();
    b.keys("<tab>");
    assert_eq!(b.effects, [Effect::CompletePath(DIR.into(), "exp".into())]);
    b.act(Action::PathCompleted("exp".into(), "exp4".into(), vec!["exp41/".into(), "exp42/".into()]));
    shows(&mut b, SMALL, &["watch the folder exp4", "exp41/  exp42/"]);
    b.keys("<enter>");
    assert_eq!(b.effects.last(), Some(&Effect::LookAtWatchPlace(folder.clone())));
    b.act(Action::WatchPlaceSeen(folder.clone(), WatchPlace::File, None));
    assert_eq!(b.state.layer, None);
    shows(&mut b, SMALL, &["exp4 is a file; name the folder"]);
    b.act(Action::WatchPlaceSeen(folder.clone(), WatchPlace::Folder, Some("0a1b2c3d".into())));
    assert_eq!(b.state.layer, None);
    assert!(b.state.toasts.iter().any(|t| t.text.contains("exp4 is watched already, by watcher 0a1b2c3d")));
    b.act(Action::WatchPlaceSeen(folder, WatchPlace::Nothing, None));
    shows(&mut b, SMALL, &["Watch exp4?", "! This folder does not exist yet. The watcher waits for it."]);
    // The opened folder has no name of its own.
    b.act(Action::WatchPlaceSeen(DIR.into(), WatchPlace::Folder, None));
    shows(&mut b, SMALL, &["Watch the opened folder?"]);
}

#[test]
fn a_watcher_whose_exports_fail_says_so() {
    let mut b = watched();
    let t = b.state.now;
    let json = format!(
        r#"{{"t":"{t}","watch":"1","kind":"watch.exported","source":"/r/c","name":"checkpoint-3500","version":"a","job":"","picked":0.0,"done":0.0,"outputs":[],"bytes":0,"status":"failed","why":"{DIR}/x is too small"}}"#
    );
    let request = b.state.watch.request;
    b.act(Action::WatcherEvents(request, vec![remold::testing::engine::from_json(json.as_bytes()).unwrap()]));
    assert!(
        b.state.toasts.iter().any(|t| t.text == "the export of checkpoint-3500 failed: x is too small"),
        "{:?}",
        b.state.toasts
    );
    shows(&mut b, LARGE, &[" failed"]);
    b.keys("<enter>gg");
    shows(&mut b, LARGE, &["failed before a job was made"]);
}

#[test]
fn the_details_of_a_source_are_whole_where_there_is_space() {
    for size in [SMALL, (120, 36), LARGE] {
        let mut b = watched();
        b.keys("<enter>jj");
        let shown = text(&render(&mut b, size, Depth::True, false));
        let right = |l: &str| l.rsplit(['│', '┤']).next().unwrap_or(l).trim().to_owned();
        let detail = shown.lines().map(right).collect::<Vec<_>>().join(" ");
        assert!(detail.contains("dB since the previous checkpoint"), "{size:?}:\n{shown}");
        let path = detail.replace(' ', "");
        assert!(path.contains("→exp42-exports/exp42-checkpoint-2000-Q4_K_M.gguf"), "{size:?}:\n{shown}");
        assert_eq!(shown.contains("┤"), size != SMALL, "a chart where there is space:\n{shown}");
    }
}

/// Ends the watchers of a folder of jobs, also when the test fails.
struct Stopped(PathBuf);

impl Drop for Stopped {
    fn drop(&mut self) {
        remold::testing::watch::list_watchers(&self.0).iter().for_each(|w| drop(w.ask_to_end()));
    }
}

#[test]
fn a_real_watcher_is_followed_stopped_and_started_again() {
    let dir = folder_of_a_model();
    let _stopped = Stopped(dir.path().join("no-jobs"));
    std::fs::create_dir(dir.path().join("run")).unwrap();
    let checkpoint = dir.path().join("run/checkpoint-100");
    std::fs::rename(dir.path().join("tiny-llama"), &checkpoint).unwrap();
    let mut start = Command::new(env!("CARGO_BIN_EXE_remold"));
    start.args("watch run --to gguf:q8_0 --quiet-time 0.2 --detach".split(' ')).current_dir(dir.path());
    start.env("REMOLD_JOBS", dir.path().join("no-jobs"));
    let started = start.output().unwrap();
    assert!(started.status.success(), "{started:?}");
    let mut s = Session::start(dir.path(), &[]);
    s.send("5");
    s.wait_for("running, pid");
    s.wait_for("waiting: trainer_state.json");
    std::fs::write(checkpoint.join("trainer_state.json"), br#"{"global_step": 100}"#).unwrap();
    s.wait_for("exported in");
    s.wait_for("1 exported");
    s.send("\r");
    // Measured by its job, and read from its report.
    s.wait_for("job 1");
    s.wait_for(" dB");
    // Jobs are listed now and then: until this one is, there is nothing to go to.
    let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !s.text().contains("#1") && std::time::Instant::now() < end {
        s.send("\r");
        let sent = std::time::Instant::now();
        s.wait("an answer", |_| sent.elapsed() > std::time::Duration::from_millis(700));
    }
    s.wait_for("#1");
    s.send("5s");
    s.wait_for("Stop watching");
    s.send("y");
    s.wait_for("1 stopped");
    // As it was started in the shell.
    s.send("s");
    s.wait_for("running, pid");
    s.send("s");
    s.wait_for("Stop watching");
    s.send("y");
    s.wait_for("1 stopped");
    s.send("1");
    s.wait_until("the tree", |sc| sc.contents().contains("checkpoint-100") && !sc.contents().contains("1 stopped"));
    s.send("ggw");
    s.wait_for("start a watcher");
    s.send("\r");
    s.wait_for("running, pid");
    // Another recipe: the checkpoint is exported by it, too.
    s.wait_for("2 exported");
    s.wait_for("exported in");
    s.send("s");
    s.wait_for("Stop watching");
    s.send("y");
    s.wait_for("1 stopped");
    s.send("D");
    s.wait_for("Remove the watcher");
    s.send("y");
    s.wait_for("no watchers yet");
    s.send("q");
    assert_eq!(s.exit_code(), 0);
}
