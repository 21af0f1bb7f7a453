//! What is asked of a watcher that runs: pause it, export a checkpoint now, leave one out.

use crate::lab::{Lab, finish, start, wait_for, words};
use serde_json::Value;
use std::fs;
use std::process::Child;

/// A checkpoint as the trainer of transformers writes it; without the file that it writes last, if it is not done.
fn checkpoint(lab: &Lab, step: u64, done: bool) {
    lab.model("tiny-llama");
    let folder = lab.path(&format!("run/checkpoint-{step}"));
    fs::create_dir_all(folder.parent().unwrap()).unwrap();
    fs::rename(lab.path("tiny-llama"), &folder).unwrap();
    if done {
        fs::write(folder.join("trainer_state.json"), br#"{"global_step": 1}"#).unwrap();
    }
}

fn watcher(lab: &Lab) -> Child {
    let child = start(lab.command().args(words("watch run --to gguf:q8_0 --json --quiet-time 0.1")));
    wait_for("the watcher", || (listed(lab)["pid"].as_u64() == Some(child.id().into())).then_some(()));
    child
}

fn listed(lab: &Lab) -> Value {
    serde_json::from_str(&lab.run("watch list --json").expect(0).out).unwrap_or_default()
}

/// The last state of a source, its word and its text, from the events that the watcher keeps.
fn state(lab: &Lab, name: &str) -> (String, String) {
    let folder = listed(lab)["folder"].as_str().unwrap_or_default().to_owned();
    let text = fs::read_to_string(format!("{folder}/events.jsonl")).unwrap_or_default();
    let events = text.lines().filter_map(|l| serde_json::from_str::<Value>(l).ok());
    let word = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let mut last = Default::default();
    for e in events.filter(|e| e["name"] == name) {
        last = match e["kind"].as_str() {
            Some("watch.source") => (word(&e["state"]), word(&e["text"])),
            Some("watch.exported") => (word(&e["status"]), word(&e["why"])),
            _ => continue,
        };
    }
    last
}

fn stop(lab: &Lab, child: Child) {
    lab.run("watch stop").expect(0);
    finish(child);
}

#[test]
fn a_paused_watcher_begins_nothing_also_after_a_restart() {
    let lab = Lab::new();
    fs::create_dir(lab.path("run")).unwrap();
    let child = watcher(&lab);
    lab.run("watch pause").expect(0);
    wait_for("the pause", || (listed(&lab)["paused"] == true).then_some(()));
    assert!(lab.run("watch list").expect(0).out.contains("paused ("));
    checkpoint(&lab, 100, true);
    wait_for("the checkpoint", || (state(&lab, "checkpoint-100").0 == "complete").then_some(()));
    stop(&lab, child);
    let e = lab.run("watch resume").expect(2);
    assert!(e.err.contains("no watcher is running"), "{}", e.err);
    // A single run that exports nothing for this reason is no success.
    let once = "watch run --to gguf:q8_0 --quiet-time 0.1 --once";
    let ran = lab.run(once).expect(1);
    assert!(ran.err.contains("it is paused, and 1 complete source is not exported"), "{}", ran.err);
    let id = listed(&lab)["id"].as_str().unwrap().to_owned();
    let ran = lab.run(&format!("watch resume {id}")).expect(0);
    assert!(ran.err.contains("when it is started again") && listed(&lab)["paused"] == false, "{}", ran.err);
    lab.run(&format!("watch pause {id}")).expect(0);

    let child = watcher(&lab);
    wait_for("the checkpoint", || (state(&lab, "checkpoint-100").0 == "complete").then_some(()));
    // A source that is requested by name is exported all the same.
    checkpoint(&lab, 200, true);
    wait_for("the checkpoint", || (state(&lab, "checkpoint-200").0 == "complete").then_some(()));
    lab.run("watch export run/checkpoint-200").expect(0);
    wait_for("its export", || (state(&lab, "checkpoint-200").0 == "ok").then_some(()));
    assert!(!lab.path("run-exports/run-checkpoint-100-Q8_0.gguf").exists());
    lab.run("watch resume").expect(0);
    wait_for("its export", || (state(&lab, "checkpoint-100").0 == "ok").then_some(()));
    assert_eq!(listed(&lab)["paused"], false);
    stop(&lab, child);
}

#[test]
fn a_checkpoint_is_exported_now_whatever_its_state() {
    let lab = Lab::new();
    checkpoint(&lab, 100, false);
    let child = watcher(&lab);
    wait_for("the verdict", || (state(&lab, "checkpoint-100").0 == "waiting").then_some(()));
    // A file of a checkpoint means the checkpoint.
    lab.run("watch export run/checkpoint-100/model.safetensors").expect(0);
    wait_for("its export", || (state(&lab, "checkpoint-100").0 == "ok").then_some(()));
    // The marker decides no byte: it is the same version, and exported already.
    lab.write("run/checkpoint-100/trainer_state.json", br#"{"global_step": 1}"#);
    checkpoint(&lab, 200, true);
    wait_for("the next", || (state(&lab, "checkpoint-200").0 == "ok").then_some(()));
    lab.run("watch export run/checkpoint-100").expect(0);
    wait_for("another one", || lab.path("run-exports/run-checkpoint-100-v2-Q8_0.gguf").exists().then_some(()));

    // What is requested before it can be read is a failure, and is exported when it is whole.
    checkpoint(&lab, 300, false);
    let weights = lab.path("run/checkpoint-300/model.safetensors");
    let bytes = fs::read(&weights).unwrap();
    fs::write(&weights, &bytes[..bytes.len() / 2]).unwrap();
    wait_for("the verdict", || (state(&lab, "checkpoint-300").0 == "waiting").then_some(()));
    lab.run("watch export run/checkpoint-300").expect(0);
    wait_for("its failure", || (state(&lab, "checkpoint-300").0 == "failed").then_some(()));
    fs::write(&weights, &bytes).unwrap();
    lab.write("run/checkpoint-300/trainer_state.json", br#"{"global_step": 3}"#);
    wait_for("its export", || (state(&lab, "checkpoint-300").0 == "ok").then_some(()));

    let e = lab.run("watch export run/nothing").expect(2);
    assert!(e.err.contains("no checkpoint or model of this name"), "{}", e.err);
    let e = lab.run("watch export elsewhere").expect(2);
    assert!(e.err.contains("no running watcher"), "{}", e.err);
    stop(&lab, child);
}

/// An older checkpoint is exported because somebody wants to have it.
#[test]
fn what_is_asked_for_is_kept_beside_the_newest() {
    let lab = Lab::new();
    for step in [100, 200] {
        checkpoint(&lab, step, true);
    }
    let args = "watch run --to gguf:q8_0 --json --quiet-time 0.1 --keep-last 1";
    let child = start(lab.command().args(words(args)));
    let there = |name: &str| lab.path(&format!("run-exports/run-checkpoint-{name}-Q8_0.gguf")).exists();
    wait_for("the newest", || (state(&lab, "checkpoint-200").0 == "ok" && !there("100")).then_some(()));
    lab.run("watch export run/checkpoint-100").expect(0);
    wait_for("the older one", || there("100").then_some(()));
    lab.run("watch export run/checkpoint-200").expect(0);
    wait_for("the newest once more", || there("200-v2").then_some(()));
    checkpoint(&lab, 300, true);
    wait_for("the next", || (there("300") && !there("200")).then_some(()));
    assert!(there("100") && there("200-v2"), "{:?}", lab.tree().keys());
    stop(&lab, child);
}

#[test]
fn an_ignored_checkpoint_is_left_out_until_that_is_taken_back() {
    let lab = Lab::new();
    checkpoint(&lab, 100, false);
    let child = watcher(&lab);
    wait_for("the verdict", || (state(&lab, "checkpoint-100").0 == "waiting").then_some(()));
    let ran = lab.run("watch ignore --undo run/checkpoint-100").expect(0);
    assert!(ran.err.contains("does not ignore checkpoint-100"), "{}", ran.err);
    lab.run("watch ignore run/checkpoint-100").expect(0);
    wait_for("the answer", || (state(&lab, "checkpoint-100").0 == "ignored").then_some(()));
    lab.write("run/checkpoint-100/trainer_state.json", br#"{"global_step": 1}"#);
    checkpoint(&lab, 200, true);
    wait_for("the other", || (state(&lab, "checkpoint-200").0 == "ok").then_some(()));
    stop(&lab, child);
    // It lasts, also where the watcher ends by itself.
    lab.run("watch run --to gguf:q8_0 --json --quiet-time 0.1 --once").expect(0);
    assert!(!lab.path("run-exports/run-checkpoint-100-Q8_0.gguf").exists());
    let child = watcher(&lab);
    wait_for("the verdict", || (state(&lab, "checkpoint-100").0 == "ignored").then_some(()));
    lab.run("watch ignore --undo run/checkpoint-100").expect(0);
    wait_for("its export", || (state(&lab, "checkpoint-100").0 == "ok").then_some(()));
    stop(&lab, child);
}

#[test]
fn what_changed_in_the_configuration_is_reported() {
    let lab = Lab::new();
    checkpoint(&lab, 100, true);
    checkpoint(&lab, 200, true);
    let path = "run/checkpoint-200/config.json";
    let text = fs::read_to_string(lab.path(path)).unwrap();
    lab.write(path, text.replacen('{', "{ \"made_up\": 17,", 1).as_bytes());
    let ran = lab.run("watch run --to gguf:q8_0 --json --quiet-time 0.1 --once").expect(0);
    let events = ran.out.lines().map(|l| serde_json::from_str::<Value>(l).unwrap());
    let exported: Vec<Value> = events.filter(|e| e["kind"] == "watch.exported").collect();
    assert_eq!(exported[0]["config_changes"], Value::Null);
    assert_eq!(exported[1]["config_changes"], serde_json::json!(["made_up: 17 (new)"]));
}

#[test]
fn attach_ends_with_its_reader() {
    let lab = Lab::new();
    fs::create_dir(lab.path("run")).unwrap();
    let child = watcher(&lab);
    let mut attached = start(lab.command().args(words("watch attach --all --json")));
    drop(attached.stdout.take());
    let ended = wait_for("its end", || attached.try_wait().unwrap());
    assert!(ended.success(), "{ended:?}");
    stop(&lab, child);
}
