//! Consideration for the machine: hours, space, and what a training needs.

use crate::lab::{Lab, hash, wait_for, words};
use crate::made::big;
use crate::watch::{checkpoint, exported, names};
use crate::watch_lab::{Background, is, log, readings};
use serde_json::Value;
use std::fs;

const RUN: &str = "watch run --to gguf:q8_0 --quiet-time 0.2";

#[test]
fn exports_start_in_the_hours_that_are_named() {
    let lab = Lab::new();
    checkpoint(&lab, "run/checkpoint-100", true);
    readings(&lab, r#"{"time": "12:00"}"#);
    let watcher = Background::start(&lab, &format!("{RUN} --active 22:00-07:00"));
    let waits = watcher.wait("the state", |e| is(e, "watch.source", "checkpoint-100") && e["state"] == "queued");
    assert_eq!(waits["text"], "complete; waiting until 22:00");
    let listed = lab.run("watch list").expect(0);
    assert!(listed.out.contains(", waiting until 22:00"), "{}", listed.out);
    assert!(names(&lab.path("run-exports")).is_empty());
    readings(&lab, r#"{"time": "23:30"}"#);
    watcher.wait("the export", |e| is(e, "watch.exported", "checkpoint-100") && e["status"] == "ok");
    let holds: Vec<Value> = log(&lab).into_iter().filter(|e| e["kind"] == "watch.hold").collect();
    assert_eq!(holds.len(), 2, "{holds:?}");
    assert!(holds[0]["text"] == "waiting until 22:00" && holds[1]["text"].is_null());
    watcher.stop().expect(143);
    for wrong in ["22:00", "25:00-07:00", "7:00-7:00"] {
        assert!(lab.run(&format!("{RUN} --active {wrong}")).expect(2).err.contains("--active"), "{wrong}");
    }
}

#[test]
fn nothing_starts_below_the_free_space_and_it_goes_on_when_space_is_back() {
    let lab = Lab::new();
    checkpoint(&lab, "run/checkpoint-100", true);
    readings(&lab, r#"{"free": 999000000}"#);
    let watcher = Background::start(&lab, &format!("{RUN} --min-free 1GB"));
    let waits = watcher.wait("the state", |e| is(e, "watch.source", "checkpoint-100") && e["state"] == "queued");
    assert!(waits["text"].as_str().unwrap().contains("1.00 GB must stay free"), "{waits}");
    // Enough for the floor, not enough for the export above it.
    readings(&lab, r#"{"free": 1100000001}"#);
    watcher.wait("the export", |e| is(e, "watch.exported", "checkpoint-100") && e["status"] == "ok");
    watcher.stop().expect(143);

    checkpoint(&lab, "run/checkpoint-200", true);
    readings(&lab, r#"{"free": 1000000001}"#);
    let watcher = Background::start(&lab, &format!("{RUN} --min-free 1GB"));
    let waits = watcher.wait("the state", |e| is(e, "watch.source", "checkpoint-200") && e["state"] == "queued");
    assert!(waits["text"].as_str().unwrap().contains(" needed, "), "{waits}");
    readings(&lab, r#"{"free": 2000000000}"#);
    watcher.wait("the export", |e| is(e, "watch.exported", "checkpoint-200") && e["status"] == "ok");
    watcher.stop().expect(143);

    // A single run does not wait for space.
    checkpoint(&lab, "run/checkpoint-300", true);
    let mut command = lab.command();
    command.args(words(&format!("{RUN} --once --json --min-free 900TB")));
    let ran = crate::lab::finish(crate::lab::start(&mut command)).expect(1);
    assert!(ran.out.contains("must stay free"), "{}", ran.out);
}

/// The worker's nice value, as the kernel has it.
fn niceness(lab: &Lab) -> Option<i64> {
    let events = fs::read_to_string(lab.jobs().join("1/events.jsonl")).ok()?;
    let started = events.lines().rev().find(|l| l.contains("\"job.started\""))?;
    let pid = serde_json::from_str::<Value>(started).ok()?["pid"].as_u64()?;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(16)?.parse().ok()
}

#[test]
fn a_busy_gpu_pauses_the_export_also_over_the_death_of_the_watcher() {
    let lab = Lab::new();
    lab.write("straight.safetensors", big(96));
    lab.run("convert straight.safetensors --to gguf:iq3_s --bare -o straight.gguf --threads 2").expect(0);
    fs::remove_dir_all(lab.jobs()).unwrap();
    lab.write("run/m-step100.safetensors", big(96));
    let line =
        "watch run --to gguf:iq3_s --to gguf:iq3_xxs --bare --quiet-time 0.2 --threads 1 --yield-gpu 80 --nice 7";
    readings(&lab, r#"{"gpus": [3, 10], "calm_seconds": 0.1}"#);
    let watcher = Background::start(&lab, line);
    watcher.wait("the export's begin", |e| is(e, "watch.source", "m-step100.safetensors") && e["state"] == "exporting");
    readings(&lab, r#"{"gpus": [3, 97], "calm_seconds": 0.1}"#);
    let paused = watcher.wait("the pause", |e| e["state"] == "paused");
    assert_eq!(paused["text"], "paused: GPU 1 is at 97 %, the limit is 80 %");
    wait_for("the job's pause", || (lab.state("1") == "paused").then_some(()));
    assert_eq!(niceness(&lab), Some(7));
    watcher.kill();
    // The next watcher knows that the pause was not the user's.
    readings(&lab, r#"{"gpus": [3, 70], "calm_seconds": 0.1}"#);
    let watcher = Background::start(&lab, line);
    let done = watcher.wait("the end", |e| e["kind"] == "watch.exported");
    assert!(done["status"] == "ok" && done["job"] == "1", "{done}");
    watcher.stop().expect(143);
    assert_eq!(hash(&lab.path("run-exports/run-m-step100-IQ3_S.gguf")), hash(&lab.path("straight.gguf")));
}

#[test]
fn limits_that_make_no_sense_are_refused() {
    let lab = Lab::new();
    checkpoint(&lab, "run/checkpoint-100", true);
    for (option, words) in [
        ("--yield-gpu 0", "above 0 and up to 100"),
        ("--yield-gpu 101", "above 0 and up to 100"),
        ("--yield-memory-pressure x", "above 0 and up to 100"),
        ("--yield-free-memory much", "4G, 500M or 4.5GiB"),
        ("--min-free=-1", "4G, 500M or 4.5GiB"),
        ("--nice 20", "is not from 0 to 19"),
    ] {
        let ran = lab.run(&format!("{RUN} {option} --once")).expect(2);
        assert!(ran.err.contains(words), "{option}: {}", ran.err);
    }
    // What is not crossed changes nothing.
    let all = "--yield-gpu 99 --yield-memory-pressure 99 --yield-free-memory 1MB --min-free 0 --active 0:00-24:00";
    let refused = lab.run(&format!("{RUN} {all} --once --json")).expect(2);
    assert!(refused.err.contains("is empty"), "{}", refused.err);
    let all = all.replace("0:00-24:00", "00:00-12:00,12:00-24:00");
    let ran = lab.run(&format!("{RUN} {all} --once --json")).expect(0);
    assert_eq!(exported(&ran.out), [("checkpoint-100".to_owned(), "ok".to_owned())]);
}
