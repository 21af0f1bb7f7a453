//! `remold watch`: what is exported, what is not, and that nothing is exported twice.

use crate::lab::{Lab, finish, hash, start, wait_for, words};
use crate::made::noise;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Kills in a short run; `REMOLD_KILLS` asks for more.
const KILLS: usize = 6;

/// A checkpoint as the trainer of transformers writes it; without the file that it writes last, if it is not done.
pub(crate) fn checkpoint(lab: &Lab, name: &str, done: bool) {
    lab.model("tiny-llama");
    let folder = lab.path(name);
    fs::create_dir_all(folder.parent().unwrap()).unwrap();
    fs::rename(lab.path("tiny-llama"), &folder).unwrap();
    fs::write(folder.join("optimizer.pt"), b"the state of the optimizer").unwrap();
    if done {
        fs::write(folder.join("trainer_state.json"), br#"{"global_step": 1}"#).unwrap();
    }
}

/// Writes other values into the weights of a checkpoint, in place.
pub(crate) fn train(lab: &Lab, name: &str) {
    use std::os::unix::fs::FileExt;
    let file = fs::File::options().read(true).write(true).open(lab.path(name).join("model.safetensors")).unwrap();
    let at = file.metadata().unwrap().len() - 2;
    let mut last = [0; 2];
    file.read_exact_at(&mut last, at).unwrap();
    file.write_all_at(&[last[0] ^ 1, last[1]], at).unwrap();
}

pub(crate) fn events(out: &str, kind: &str) -> Vec<Value> {
    let all = out.lines().map(|l| serde_json::from_str::<Value>(l).unwrap_or_else(|e| panic!("`{l}`: {e}")));
    all.filter(|e| e["kind"] == kind).collect()
}

pub(crate) fn exported(out: &str) -> Vec<(String, String)> {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    events(out, "watch.exported").iter().map(|e| (text(&e["name"]), text(&e["status"]))).collect()
}

/// What is in a folder of exports. Each export has a manifest, which is left out here, and no manifest is without its export.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut all: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    all.sort();
    let of = |m: &String| m.strip_suffix(".remold.json").map(str::to_owned);
    if let Some(orphan) = all.iter().filter_map(of).find(|o| !all.contains(o)) {
        panic!("the manifest of {orphan} is without its output: {all:?}");
    }
    all.retain(|n| of(n).is_none());
    all
}

/// Entries below a folder with their modification times.
fn times(lab: &Lab, folder: &str) -> BTreeMap<String, i64> {
    let stamp =
        |name: &str| fs::symlink_metadata(lab.path(name)).map_or(0, |m| m.mtime_nsec() + m.mtime() * 1_000_000_000);
    lab.tree().into_keys().filter(|n| n.starts_with(folder)).map(|n| (n.clone(), stamp(&n))).collect()
}

pub(crate) const ONCE: &str = "watch run --to gguf:q8_0 --once --json --quiet-time 0.2";

#[test]
fn whole_checkpoints_are_exported_once_and_the_watched_folder_is_not_touched() {
    let lab = Lab::new();
    checkpoint(&lab, "run/checkpoint-100", true);
    checkpoint(&lab, "run/checkpoint-200", false);
    lab.write("run/cut/model.safetensors", b"\x10\0\0\0\0\0\0\0{}");
    lab.write("run/logs/events.out.tfevents.1", b"log");
    let (tree, before) = (lab.tree(), times(&lab, "run"));

    let ran = lab.run(ONCE).expect(0);
    assert_eq!(exported(&ran.out), [("checkpoint-100".to_owned(), "ok".to_owned())], "{}", ran.out);
    let waits = events(&ran.out, "watch.source");
    let of = |name: &str| waits.iter().rfind(|e| e["name"] == name).unwrap()["text"].as_str().unwrap().to_owned();
    assert!(of("checkpoint-200").contains("trainer_state.json"), "{}", of("checkpoint-200"));
    assert_eq!(names(&lab.path("run-exports")), ["run-checkpoint-100-Q8_0.gguf"]);
    lab.run("convert run/checkpoint-100 --to gguf:q8_0 -o straight.gguf").expect(0);
    assert_eq!(hash(&lab.path("run-exports/run-checkpoint-100-Q8_0.gguf")), hash(&lab.path("straight.gguf")));
    assert_eq!(times_of_run(times(&lab, "run")), times_of_run(before));
    let now = lab.tree();
    assert!(tree.iter().all(|(name, hash)| now.get(name) == Some(hash)));

    assert_eq!(exported(&lab.run(ONCE).expect(0).out), [], "nothing twice");
    lab.write("run/checkpoint-200/trainer_state.json", br#"{"global_step": 2}"#);
    assert_eq!(exported(&lab.run(ONCE).expect(0).out), [("checkpoint-200".to_owned(), "ok".to_owned())]);
    // The state of the optimizer decides no byte.
    lab.write("run/checkpoint-200/optimizer.pt", b"written again");
    lab.write("run/checkpoint-200/rng_state_1.pth", b"late");
    assert_eq!(exported(&lab.run(ONCE).expect(0).out), []);
}

/// Entries beside `run` itself are not the watched folder's.
fn times_of_run(mut times: BTreeMap<String, i64>) -> BTreeMap<String, i64> {
    times.retain(|n, _| n == "run" || n.starts_with("run/"));
    times
}

#[test]
fn a_source_that_changes_gets_a_version_or_replaces_its_export() {
    let lab = Lab::new();
    checkpoint(&lab, "run/checkpoint-100", true);
    lab.run(ONCE).expect(0);
    let first = hash(&lab.path("run-exports/run-checkpoint-100-Q8_0.gguf"));
    train(&lab, "run/checkpoint-100");
    assert_eq!(exported(&lab.run(ONCE).expect(0).out).len(), 1);
    assert_eq!(names(&lab.path("run-exports")), ["run-checkpoint-100-Q8_0.gguf", "run-checkpoint-100-v2-Q8_0.gguf"]);
    assert_eq!(hash(&lab.path("run-exports/run-checkpoint-100-Q8_0.gguf")), first, "the first stays");
    let second = hash(&lab.path("run-exports/run-checkpoint-100-v2-Q8_0.gguf"));
    assert_ne!(first, second);

    let replace = "watch run --to gguf:q8_0 --once --json --quiet-time 0.2 -o other --on-change replace";
    lab.run(replace).expect(0);
    assert_eq!(hash(&lab.path("other/run-checkpoint-100-Q8_0.gguf")), second);
    train(&lab, "run/checkpoint-100");
    lab.run(replace).expect(0);
    assert_eq!(names(&lab.path("other")), ["run-checkpoint-100-Q8_0.gguf"]);
    assert_eq!(hash(&lab.path("other/run-checkpoint-100-Q8_0.gguf")), first, "the values are the first again");
    // Files of other programs there are never replaced.
    lab.write("other/run-checkpoint-100-Q8_0.gguf", b"mine");
    train(&lab, "run/checkpoint-100");
    lab.run(replace).expect(0);
    assert_eq!(fs::read(lab.path("other/run-checkpoint-100-Q8_0.gguf")).unwrap(), b"mine");
    assert_eq!(hash(&lab.path("other/run-checkpoint-100-v2-Q8_0.gguf")), second);
}

#[test]
fn only_the_newest_is_exported_where_that_is_asked_for() {
    let lab = Lab::new();
    for step in [100, 200, 1000] {
        checkpoint(&lab, &format!("run/checkpoint-{step}"), true);
    }
    let line = "watch run --to gguf:q8_0 --once --json --quiet-time 0.2 --policy newest";
    let ran = lab.run(line).expect(0);
    assert_eq!(exported(&ran.out), [("checkpoint-1000".to_owned(), "ok".to_owned())]);
    let skipped: BTreeSet<String> = events(&ran.out, "watch.skipped").iter().map(|e| format!("{}", e["why"])).collect();
    assert!(skipped.iter().all(|why| why.contains("superseded by checkpoint-")), "{skipped:?}");
    assert_eq!(events(&ran.out, "watch.skipped").len(), 2);
    assert_eq!(exported(&lab.run(line).expect(0).out), []);
}

#[test]
fn a_failure_is_reported_and_keeps_nothing_else_from_being_exported() {
    let lab = Lab::new();
    checkpoint(&lab, "run/checkpoint-100", true);
    checkpoint(&lab, "run/checkpoint-200", true);
    let config = lab.path("run/checkpoint-100/config.json");
    let text = fs::read_to_string(&config).unwrap().replace("LlamaForCausalLM", "NobodyKnowsForCausalLM");
    fs::write(&config, text).unwrap();
    let ran = lab.run(ONCE).expect(1);
    let told: BTreeMap<String, String> = exported(&ran.out).into_iter().collect();
    assert_eq!(told["checkpoint-100"], "failed", "{}", ran.out);
    assert_eq!(told["checkpoint-200"], "ok");
    let why =
        events(&ran.out, "watch.exported").into_iter().find(|e| e["status"] == "failed").unwrap()["why"].to_string();
    assert!(why.contains("NobodyKnows"), "{why}");
    assert_eq!(exported(&lab.run(ONCE).expect(0).out), [], "it is not tried again before it changes");
}

#[test]
fn a_second_name_and_a_copy_are_one_export() {
    let lab = Lab::new();
    checkpoint(&lab, "run/checkpoint-100", true);
    std::os::unix::fs::symlink("checkpoint-100", lab.path("run/last")).unwrap();
    fs::copy(lab.path("run/checkpoint-100/model.safetensors"), lab.path("run/one-step100.safetensors")).unwrap();
    fs::copy(lab.path("run/checkpoint-100/model.safetensors"), lab.path("run/last.safetensors")).unwrap();
    let ran = lab.run("watch run --to safetensors:f16 --bare --once --json --quiet-time 0.2").expect(0);
    assert_eq!(exported(&ran.out).len(), 2, "{}", ran.out);
    let skipped = events(&ran.out, "watch.skipped");
    assert_eq!(skipped.len(), 1, "{}", ran.out);
    assert!(skipped[0]["why"].as_str().unwrap().contains("the same contents as"));
}

#[test]
fn older_exports_go_and_commands_run() {
    let lab = Lab::new();
    for step in [100, 200, 300] {
        checkpoint(&lab, &format!("run/checkpoint-{step}"), true);
    }
    let mut command = lab.command();
    command.args(words(&format!("{ONCE} --keep-last 2 --on-finish")));
    // A name from outside is never a part of the command.
    command.arg("cat > ../seen-$REMOLD_STEP.json; echo \"$REMOLD_OUTPUT\" >> outputs.txt");
    let ran = finish(start(&mut command)).expect(0);
    let left = ["run-checkpoint-200-Q8_0.gguf", "run-checkpoint-300-Q8_0.gguf"];
    assert_eq!(names(&lab.path("run-exports")), left);
    assert_eq!(events(&ran.out, "watch.removed").len(), 1);
    for step in [100, 200, 300] {
        let seen = wait_for("the command", || {
            fs::read_to_string(lab.path(&format!("../seen-{step}.json"))).ok().filter(|t| t.ends_with("}\n"))
        });
        let seen: Value = serde_json::from_str(&seen).unwrap();
        assert_eq!((seen["step"].as_u64(), seen["status"].as_str()), (Some(step), Some("ok")));
    }
    assert_eq!(
        exported(&lab.run(&format!("{ONCE} --keep-last 2")).expect(0).out),
        [],
        "what was removed is not made again"
    );
}

#[test]
fn what_cannot_be_watched_is_refused() {
    let lab = Lab::new();
    checkpoint(&lab, "run/checkpoint-100", true);
    for (line, words) in [
        ("watch run --to gguf:q8_0 -o run/out", "inside the watched folder"),
        ("watch run", "there is no target"),
        ("watch run/checkpoint-100/model.safetensors --to gguf", "only folders can be watched"),
        ("watch run --to gguf --name x", "the same for every checkpoint"),
        ("watch run --to gguf --name {unit}-{nonsense}", "unknown placeholder"),
        ("watch run --to gguf --name a/{unit}", "must not contain folders"),
        ("watch run --to nonsense", "nonsense"),
        ("watch run --to gguf:q4_k_x", "unknown quantization `q4_k_x`\n  hint: Did you mean"),
        ("watch nowhere --to gguf:q8_0", "does not exist"),
        ("watch run --to gguf --quiet-time=-1", "quiet-time"),
        ("watch run --to gguf --explain run/nothing", "no checkpoint"),
    ] {
        let ran = lab.run(&format!("{line} --once")).expect(2);
        assert!(ran.err.contains(words), "{line}: {}", ran.err);
    }
    assert!(!lab.path("run-exports").exists());
}

#[test]
fn the_verdict_on_a_source_is_explained() {
    let lab = Lab::new();
    checkpoint(&lab, "run/checkpoint-100", false);
    let ran = lab.run("watch run --to gguf:q8_0 --explain run/checkpoint-100").expect(0);
    assert!(ran.out.contains("trainer_state.json does not exist yet"), "{}", ran.out);
    lab.write("run/checkpoint-100/trainer_state.json", b"{}");
    std::thread::sleep(Duration::from_millis(300));
    let ran = lab.run("watch run --to gguf:q8_0 --quiet-time 0.2 --explain run/checkpoint-100 --json").expect(0);
    let found: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(found[0]["complete"], true, "{}", ran.out);
    assert!(!lab.path("run-exports").exists() && !lab.jobs().exists(), "nothing is written");
}

#[test]
fn a_unit_for_systemd_runs_the_same_watcher() {
    let lab = Lab::new();
    let ran = lab.run("watch run --to gguf:q8_0 --keep-last 3 --print-unit").expect(0);
    let line = ran.out.lines().find(|l| l.starts_with("ExecStart=")).unwrap();
    assert!(line.ends_with("remold watch run --to gguf:q8_0 --keep-last 3"), "{line}");
    assert!(ran.out.contains(&format!("WorkingDirectory={}", lab.dir().display())), "{}", ran.out);
}

#[test]
fn a_detached_watcher_is_listed_followed_and_stopped() {
    let lab = Lab::new();
    let ran = lab.run("watch run --to gguf:q8_0 --quiet-time 0.2 --detach").expect(0);
    assert!(ran.err.contains("runs in the background"), "{}", ran.err);
    // The folder comes later than its watcher.
    checkpoint(&lab, "elsewhere/checkpoint-100", true);
    fs::rename(lab.path("elsewhere"), lab.path("run")).unwrap();
    let out = lab.path("run-exports/run-checkpoint-100-Q8_0.gguf");
    // Long before the next look at everything, which is once a minute.
    let begun = std::time::Instant::now();
    wait_for("the export", || (out.exists() || begun.elapsed().as_secs() > 40).then_some(()));
    assert!(out.exists(), "the folder was not noticed when it came");
    let again = lab.run("watch run --to gguf:q8_0 --detach").expect(2);
    assert!(again.err.contains("already watched"), "{}", again.err);
    let again = lab.run(ONCE).expect(2);
    assert!(again.err.contains("another watcher"), "{}", again.err);
    let listed = || serde_json::from_str::<Value>(&lab.run("watch list --json").expect(0).out).unwrap();
    wait_for("the count", || (listed()["exported"] == 1).then_some(()));
    assert!(listed()["pid"].as_u64().is_some());
    let mut attached = start(lab.command().args(words("watch attach --json")));
    std::thread::sleep(Duration::from_millis(300));
    lab.run("watch stop").expect(0);
    let followed = wait_for("the end of attach", || attached.try_wait().unwrap());
    assert!(followed.success());
    let ran = finish(attached);
    assert_eq!(exported(&ran.out), [("checkpoint-100".to_owned(), "ok".to_owned())]);
    assert_eq!(events(&ran.out, "watch.stopped").len(), 1);
    assert_eq!(listed()["pid"], Value::Null);
}

/// The newest worker of a lab, if it lives.
fn worker(lab: &Lab) -> Option<Pid> {
    let newest =
        fs::read_dir(lab.jobs()).ok()?.flatten().filter_map(|e| e.file_name().to_str()?.parse::<u64>().ok()).max()?;
    let text = fs::read_to_string(lab.jobs().join(newest.to_string()).join("events.jsonl")).ok()?;
    let line = text.lines().rev().find(|l| l.contains("\"job.started\""))?;
    Pid::from_raw(i32::try_from(serde_json::from_str::<Value>(line).ok()?["pid"].as_i64()?).ok()?)
}

#[test]
fn killed_watchers_and_workers_export_everything_once_with_the_same_bytes() {
    let wanted = std::env::var("REMOLD_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(KILLS);
    let seed = std::env::var("REMOLD_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(12);
    let quiet = Lab::new();
    let steps = [100, 200, 300];
    for step in steps {
        checkpoint(&quiet, &format!("run/checkpoint-{step}"), true);
        (0..step / 100).for_each(|_| train(&quiet, &format!("run/checkpoint-{step}")));
    }
    quiet.run(ONCE).expect(0);
    let straight = outputs(&quiet);
    assert_eq!(straight.len(), steps.len());
    for (n, moment) in noise(wanted, seed).iter().enumerate() {
        let context = format!("kill {n} with seed {seed}");
        let lab = Lab::new();
        for step in steps {
            checkpoint(&lab, &format!("run/checkpoint-{step}"), true);
            (0..step / 100).for_each(|_| train(&lab, &format!("run/checkpoint-{step}")));
        }
        let line = "watch run --to gguf:q8_0 --json --quiet-time 0.1";
        let mut told = String::new();
        for round in 0..3 {
            let mut child = start(lab.command().args(words(line)));
            let wait = Duration::from_secs_f64(0.05 + f64::from(moment.abs()) * 0.4 * f64::from(round + 1));
            std::thread::sleep(wait);
            // Now and then the worker dies with its watcher, as when the machine is switched off.
            if (n + round as usize).is_multiple_of(2)
                && let Some(pid) = worker(&lab)
            {
                let _ = kill_process(pid, Signal::KILL);
            }
            let _ = child.kill();
            told.push_str(&finish(child).out);
        }
        told.push_str(&lab.run(ONCE).expect(0).out);
        assert_eq!(outputs(&lab), straight, "{context}");
        // After a kill between reporting and writing down it is reported again, for the same job.
        let whole: String = told.lines().filter(|l| l.ends_with('}')).map(|l| format!("{l}\n")).collect();
        let mut jobs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for e in events(&whole, "watch.exported").iter().filter(|e| e["status"] == "ok") {
            jobs.entry(e["name"].to_string()).or_default().insert(e["job"].to_string());
        }
        assert!(jobs.len() == steps.len() && jobs.values().all(|j| j.len() == 1), "{context}: {jobs:?}");
        assert_eq!(exported(&lab.run(ONCE).expect(0).out), [], "{context}");
    }
}

fn outputs(lab: &Lab) -> BTreeMap<PathBuf, String> {
    let folder = lab.path("run-exports");
    names(&folder).into_iter().map(|n| (PathBuf::from(&n), hash(&folder.join(n)))).collect()
}

#[test]
fn what_did_not_change_is_copied_from_the_export_before() {
    let lab = Lab::new();
    checkpoint(&lab, "run/checkpoint-100", true);
    lab.run(ONCE).expect(0);
    checkpoint(&lab, "run/checkpoint-200", true);
    train(&lab, "run/checkpoint-200");
    lab.run(ONCE).expect(0);
    let manifest = |name: &str| -> Value {
        let path = lab.path("run-exports").join(format!("{name}.remold.json"));
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    };
    let name = "run-checkpoint-200-Q8_0.gguf";
    let reused = manifest(name)["output"]["reused"].clone();
    assert_eq!(reused["tensors"].as_u64().unwrap() + 1, reused["of"].as_u64().unwrap(), "{reused}");
    assert!(reused["from"].as_str().unwrap().ends_with("run-checkpoint-100-Q8_0.gguf"), "{reused}");
    lab.run("convert run/checkpoint-200 --to gguf:q8_0 -o straight.gguf").expect(0);
    assert_eq!(hash(&lab.path("run-exports").join(name)), hash(&lab.path("straight.gguf")));
    lab.run(&format!("verify run-exports/{name} --source run/checkpoint-200")).expect(0);
    // Switched off.
    lab.run(&format!("{ONCE} --no-incremental -o other")).expect(0);
    let other: Value =
        serde_json::from_slice(&fs::read(lab.path("other").join(format!("{name}.remold.json"))).unwrap()).unwrap();
    assert!(other["output"]["reused"].is_null());
    // A manifest in a watched folder is not a change.
    lab.write("run/checkpoint-200/x.gguf.remold.json", b"{\"remold_manifest\": 1}");
    lab.write("run/y.gguf.remold.json", b"{\"remold_manifest\": 1}");
    assert_eq!(exported(&lab.run(ONCE).expect(0).out), []);
}

#[test]
fn a_source_whose_times_alone_changed_is_not_exported_again() {
    let lab = Lab::new();
    checkpoint(&lab, "run/checkpoint-100", true);
    lab.run(ONCE).expect(0);
    let weights = lab.path("run/checkpoint-100/model.safetensors");
    let touch = || {
        fs::copy(&weights, lab.path("copy")).unwrap();
        fs::rename(lab.path("copy"), &weights).unwrap();
    };
    touch();
    let ran = lab.run(ONCE).expect(0);
    assert_eq!(exported(&ran.out), []);
    let skipped = events(&ran.out, "watch.skipped");
    assert!(
        skipped.len() == 1 && skipped[0]["why"].as_str().unwrap().contains("unchanged since its last export"),
        "{}",
        ran.out
    );
    assert_eq!(names(&lab.path("run-exports")), ["run-checkpoint-100-Q8_0.gguf"]);
    let ran = lab.run(ONCE).expect(0);
    assert_eq!(
        (exported(&ran.out).len(), events(&ran.out, "watch.skipped").len()),
        (0, 0),
        "once is enough: {}",
        ran.out
    );
    // An export that was damaged is not proof.
    let export = lab.path("run-exports/run-checkpoint-100-Q8_0.gguf");
    let mut bytes = fs::read(&export).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&export, bytes).unwrap();
    touch();
    assert_eq!(exported(&lab.run(ONCE).expect(0).out).len(), 1);
    touch();
    assert_eq!(exported(&lab.run(&format!("{ONCE} --no-incremental")).expect(0).out).len(), 1);
}
