//! Which versions are exported while an export runs, which exports stay, and checkpoints that go away meanwhile.

use crate::lab::{Lab, hash, wait_for};
use crate::made::{big, floats, noise};
use crate::watch::{ONCE, checkpoint, events, exported, names};
use crate::watch_lab::{Background, is, log};
use std::fs;
use std::os::unix::fs::MetadataExt;

const SLOW: &str = "watch run --to gguf:iq3_s --to gguf:iq3_xxs --bare --quiet-time 0.2 --threads 1";

/// Puts a file into the watched folder at once, as its writer would.
fn put(lab: &Lab, name: &str, tensors: usize) {
    lab.write("made", big(tensors));
    fs::create_dir_all(lab.path("run")).unwrap();
    fs::rename(lab.path("made"), lab.path("run").join(name)).unwrap();
}

#[test]
fn a_new_version_restarts_the_running_export_where_that_is_asked_for() {
    let lab = Lab::new();
    put(&lab, "m-step100.safetensors", 64);
    let watcher = Background::start(&lab, &format!("{SLOW} --on-busy restart --pin hardlink"));
    watcher.wait("the export's begin", |e| e["state"] == "exporting");
    // The link that is made then changes the file's attributes, which a worker that has not opened it yet takes for a new version.
    let events = lab.jobs().join("1/events.jsonl");
    let begun = || std::fs::read_to_string(&events).is_ok_and(|text| text.contains("\"tensor.started\"")).then_some(());
    wait_for("the worker", begun);
    put(&lab, "m-step100.safetensors", 2);
    let skipped = watcher.wait("the restart", |e| is(e, "watch.skipped", "m-step100.safetensors"));
    assert!(skipped["why"].as_str().unwrap().contains("starts over"), "{skipped}");
    watcher.wait("the export", |e| is(e, "watch.exported", "m-step100.safetensors") && e["status"] == "ok");
    watcher.stop().expect(143);
    lab.run("convert run/m-step100.safetensors --to gguf:iq3_s --bare -o straight.gguf").expect(0);
    assert_eq!(names(&lab.path("run-exports")), ["run-m-step100-IQ3_S.gguf", "run-m-step100-IQ3_XXS.gguf"]);
    assert_eq!(hash(&lab.path("run-exports/run-m-step100-IQ3_S.gguf")), hash(&lab.path("straight.gguf")));
}

#[test]
fn with_the_newest_alone_a_newer_checkpoint_takes_over_or_is_skipped() {
    for (how, left, why) in [
        ("restart", "m-step200", "superseded by m-step200.safetensors while it was exported"),
        ("ignore", "m-step100", "m-step100.safetensors was being exported when it was complete"),
    ] {
        let lab = Lab::new();
        put(&lab, "m-step100.safetensors", 64);
        let watcher = Background::start(&lab, &format!("{SLOW} --policy newest --on-busy {how}"));
        watcher.wait("the export's begin", |e| e["state"] == "exporting");
        put(&lab, "m-step200.safetensors", 2);
        let skipped = watcher.wait("what is skipped", |e| e["kind"] == "watch.skipped");
        assert!(skipped["why"].as_str().unwrap().contains(why), "{how}: {skipped}");
        watcher.wait("the export", |e| is(e, "watch.exported", &format!("{left}.safetensors")));
        watcher.stop().expect(143);
        let left = ["IQ3_S", "IQ3_XXS"].map(|quant| format!("run-{left}-{quant}.gguf"));
        assert_eq!(names(&lab.path("run-exports")), left, "{how}");
    }
}

#[test]
fn the_best_exports_stay_beside_the_newest() {
    let lab = Lab::new();
    fs::create_dir(lab.path("run")).unwrap();
    for (step, outlier) in [(100, 1.0), (200, 40.0), (300, 10.0)] {
        let mut values = noise(64 * 256, step);
        values.iter_mut().step_by(32).for_each(|v| *v *= outlier);
        lab.write(&format!("run/m-step{step}.safetensors"), floats(&[("w", &[64, 256], values)]));
        let line = "watch run --to gguf:q4_0 --bare --once --json --quiet-time 0.1 --keep-best 1";
        let ran = lab.run(line).expect(0);
        assert_eq!(exported(&ran.out).len(), 1, "{}", ran.out);
        let removed = events(&ran.out, "watch.removed");
        if step == 300 {
            assert_eq!(removed.len(), 1, "{}", ran.out);
            let why = removed[0]["why"].as_str().unwrap();
            assert!(why.starts_with("not the newest, and not the best by weights_db: "), "{why}");
        }
    }
    let left = ["run-m-step100-Q4_0.gguf", "run-m-step300-Q4_0.gguf"];
    assert_eq!(names(&lab.path("run-exports")), left);
    let refused = lab.run("watch run --to gguf --keep-best 2 --metric beauty").expect(2);
    assert!(refused.err.contains("weights_db"), "{}", refused.err);
}

#[test]
fn a_pinned_checkpoint_gives_the_same_export_and_leaves_nothing_behind() {
    let lab = Lab::new();
    checkpoint(&lab, "run/checkpoint-100", true);
    let weights = lab.path("run/checkpoint-100/model.safetensors");
    let before = fs::metadata(&weights).unwrap();
    let line = format!("{ONCE} --pin hardlink");
    assert_eq!(exported(&lab.run(&line).expect(0).out).len(), 1);
    lab.run("convert run/checkpoint-100 --to gguf:q8_0 -o straight.gguf").expect(0);
    assert_eq!(names(&lab.path("run-exports")), ["run-checkpoint-100-Q8_0.gguf"], "and no pin");
    assert_eq!(hash(&lab.path("run-exports/run-checkpoint-100-Q8_0.gguf")), hash(&lab.path("straight.gguf")));
    let after = fs::metadata(&weights).unwrap();
    assert_eq!((after.nlink(), after.ino(), after.mtime_nsec()), (1, before.ino(), before.mtime_nsec()));
    assert_eq!(exported(&lab.run(&line).expect(0).out), [], "a link is no change");
    // What a killed watcher left behind is removed at the next start.
    let listed = lab.run("watch list --json").expect(0);
    let id = serde_json::from_str::<serde_json::Value>(&listed.out).unwrap()["id"].as_str().unwrap().to_owned();
    lab.write(&format!("run-exports/.remold-pin-{id}/left/run/x"), b"x");
    lab.run(&line).expect(0);
    assert_eq!(names(&lab.path("run-exports")), ["run-checkpoint-100-Q8_0.gguf"]);
    // Links of a whole file system are tried before anything starts.
    let reflink = lab.run(&format!("{ONCE} -o other --pin reflink"));
    match reflink.code {
        Some(0) => assert_eq!(names(&lab.path("other")), ["run-checkpoint-100-Q8_0.gguf"]),
        code => {
            assert_eq!(code, Some(2), "{}", reflink.err);
            assert!(reflink.err.contains("cannot be pinned with reflinks"), "{}", reflink.err);
            assert!(names(&lab.path("other")).is_empty());
        }
    }
}

#[test]
fn a_pinned_checkpoint_that_is_deleted_is_exported() {
    let lab = Lab::new();
    put(&lab, "m-step100.safetensors", 64);
    let straight = lab.run("convert run/m-step100.safetensors --to gguf:iq3_s --bare -o straight.gguf").expect(0);
    drop(straight);
    fs::remove_dir_all(lab.jobs()).unwrap();
    let watcher = Background::start(&lab, &format!("{SLOW} --pin hardlink"));
    watcher.wait("the export's begin", |e| e["state"] == "exporting");
    wait_for("the worker", || {
        let text = fs::read_to_string(lab.jobs().join("1/events.jsonl")).unwrap_or_default();
        text.contains("tensor.started").then_some(())
    });
    fs::remove_file(lab.path("run/m-step100.safetensors")).unwrap();
    let done = watcher.wait("the end", |e| matches!(e["kind"].as_str(), Some("watch.exported" | "watch.skipped")));
    assert_eq!(done["status"], "ok", "{:?}", log(&lab));
    watcher.stop().expect(143);
    assert_eq!(names(&lab.path("run-exports")), ["run-m-step100-IQ3_S.gguf", "run-m-step100-IQ3_XXS.gguf"]);
    assert_eq!(hash(&lab.path("run-exports/run-m-step100-IQ3_S.gguf")), hash(&lab.path("straight.gguf")));
}
