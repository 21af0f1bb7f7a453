//! Watchers that are listed, followed and forgotten, and a recipe that is edited while they run.

use crate::lab::{Lab, finish, start, wait_for, words};
use crate::watch::{ONCE, checkpoint, events, exported, names};
use crate::watch_lab::{Background, is, log};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

fn only(lab: &Lab) -> String {
    let listed: Value = serde_json::from_str(&lab.run("watch list --json").expect(0).out).unwrap();
    listed["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_stopped_watcher_is_forgotten_by_the_beginning_of_its_name() {
    let lab = Lab::new();
    checkpoint(&lab, "run/checkpoint-100", true);
    let watcher = Background::start(&lab, "watch run --to gguf:q8_0 --quiet-time 0.2");
    watcher.wait("the export", |e| e["kind"] == "watch.exported");
    let id = only(&lab);
    let refused = lab.run(&format!("watch forget {}", &id[..4])).expect(2);
    assert!(refused.err.contains("is running") && refused.err.contains("watch stop"), "{}", refused.err);
    let stopped = lab.run(&format!("watch stop {}", &id[..4])).expect(0);
    assert!(stopped.err.contains("is stopped"), "{}", stopped.err);
    drop(watcher);
    let attached = lab.run(&format!("watch attach {} --json", &id[..3])).expect(0);
    assert_eq!(exported(&attached.out).len(), 1);
    for wrong in ["", "x", &format!("{id}0")] {
        let mut command = lab.command();
        let ran = finish(start(command.args(["watch", "forget", wrong]))).expect(2);
        assert!(ran.err.contains("there is no watcher"), "{}", ran.err);
    }
    lab.run(&format!("watch forget {id}")).expect(0);
    assert!(lab.run("watch list").expect(0).err.contains("no watchers"));
    assert_eq!(names(&lab.path("run-exports")).len(), 1, "exports stay");
}

#[test]
fn attach_shows_the_last_events_and_all_where_that_is_asked_for() {
    let lab = Lab::new();
    checkpoint(&lab, "run/checkpoint-100", true);
    for _ in 0..15 {
        lab.run(ONCE).expect(0);
    }
    let id = only(&lab);
    let all = lab.run(&format!("watch attach {id} --json --all")).expect(0).out;
    assert!(all.lines().count() > 40, "{all}");
    let last = lab.run(&format!("watch attach {id} --json")).expect(0).out;
    assert_eq!(last.lines().count(), 20);
    assert!(all.ends_with(&last));
}

#[test]
fn the_watcher_says_what_it_begins_with() {
    let lab = Lab::new();
    checkpoint(&lab, "run/checkpoint-100", true);
    lab.run(ONCE).expect(0);
    checkpoint(&lab, "run/checkpoint-200", true);
    checkpoint(&lab, "run/checkpoint-300", false);
    let old = std::time::Duration::from_millis(300);
    std::thread::sleep(old);
    let ran = lab.run(ONCE).expect(0);
    let found = events(&ran.out, "watch.found");
    let figures = |key: &str| found[0][key].as_u64().unwrap();
    assert_eq!((figures("sources"), figures("exported"), figures("to_do")), (3, 1, 1), "{found:?}");
}

#[test]
fn an_edited_recipe_is_used_from_then_on_and_a_broken_one_is_not() {
    let lab = Lab::new();
    checkpoint(&lab, "run/checkpoint-100", true);
    let recipe = |q: &str| lab.write("r.toml", format!("[[target]]\nformat = \"gguf\"\nquantization = \"{q}\"\n"));
    recipe("q8_0");
    let watcher = Background::start(&lab, "watch run -r r.toml --quiet-time 0.2");
    watcher.wait("the export", |e| e["kind"] == "watch.exported");
    recipe("q9_9");
    let warned = watcher.wait("the warning", |e| e["kind"] == "warning");
    let text = warned["text"].as_str().unwrap();
    assert!(text.contains("cannot be used") && text.contains("q9_9"), "{text}");
    recipe("q4_0");
    watcher.wait("the news", |e| e["kind"] == "watch.recipe");
    wait_for("the second export", || {
        (log(&lab).iter().filter(|e| is(e, "watch.exported", "checkpoint-100")).count() == 2).then_some(())
    });
    watcher.stop().expect(143);
    assert_eq!(names(&lab.path("run-exports")), ["run-checkpoint-100-Q4_0.gguf", "run-checkpoint-100-Q8_0.gguf"]);
}

#[test]
fn a_watcher_ends_when_the_reader_of_its_events_is_gone() {
    let lab = Lab::new();
    checkpoint(&lab, "run/checkpoint-100", true);
    let mut command = lab.command();
    command.args(words("watch run --to gguf:q8_0 --quiet-time 0.2 --json"));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    while !line.contains("watch.exported") {
        line.clear();
        assert!(out.read_line(&mut line).unwrap() > 0);
    }
    drop(out);
    // No event follows; the watcher notices all the same.
    finish(child).expect(0);
    assert_eq!(log(&lab).last().unwrap()["kind"], "watch.stopped");
}

#[test]
fn what_cannot_be_made_is_not_offered() {
    let lab = Lab::new();
    checkpoint(&lab, "run/checkpoint-100", true);
    let ran = lab.run("watch run --to gguf:nvfp4 --once").expect(2);
    assert!(ran.err.contains("`nvfp4` is a type for single tensors"), "{}", ran.err);
    let ran = lab.run("watch run --to gguf:nvfp5 --once").expect(2);
    assert!(!ran.err.contains("nvfp4"), "{}", ran.err);
}
