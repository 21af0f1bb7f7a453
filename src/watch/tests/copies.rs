//! What copiers write.

use super::support::{LONG, World, safetensors, shift};
use crate::watch::Wait;
use crate::watch::temporary::Target;
use crate::watch::verdict::State;
use std::time::Duration;

#[test]
fn a_git_lfs_pointer_is_waited_for() {
    let mut w = World::new();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1720\n";
    w.sidecars("m").put("m/model.safetensors", pointer);
    assert_eq!(w.waits("m"), Wait::LfsPointer { file: "model.safetensors".into() });
    w.put("m/model.safetensors", safetensors("t", 64));
    w.complete("m");
}

#[test]
fn a_file_of_the_full_length_with_a_hole_is_waited_for() {
    let mut w = World::new();
    let whole = safetensors("t", 1 << 20);
    w.sidecars("m").put("m/model.safetensors", &whole[..4096]);
    let file = std::fs::OpenOptions::new().write(true).open(w.path("m/model.safetensors")).unwrap();
    file.set_len(whole.len() as u64).unwrap();
    assert!(matches!(w.waits("m"), Wait::Hole { at: 4096, .. }));
    w.put("m/model.safetensors", whole);
    w.complete("m");
}

#[test]
fn a_hole_that_was_there_before_the_marker_is_meant() {
    let mut w = World::new();
    let whole = safetensors("t", 1 << 20);
    w.sidecars("checkpoint-1").put("checkpoint-1/model.safetensors", &whole[..4096]);
    let file = std::fs::OpenOptions::new().write(true).open(w.path("checkpoint-1/model.safetensors")).unwrap();
    file.set_len(whole.len() as u64).unwrap();
    w.put("checkpoint-1/trainer_state.json", "{}");
    let mut unit = w.unit("checkpoint-1");
    shift(&mut unit, "trainer_state.json", -5);
    assert!(matches!(w.judge(&unit, LONG).state, State::Waiting { what: Wait::Hole { .. } }));
    shift(&mut unit, "trainer_state.json", 10);
    let verdict = w.judge(&unit, LONG);
    assert_eq!(verdict.state, State::Complete);
    assert!(verdict.rules.iter().any(|r| r.sentence.contains("has a hole")));
}

#[test]
fn the_control_file_of_aria2_holds_the_file_back_for_ever() {
    let mut w = World::new();
    w.sidecars("m").put("m/model.safetensors", safetensors("t", 64)).put("m/model.safetensors.aria2", "x");
    w.put("a.gguf", "x").put("a.gguf.aria2", "x").put("b.safetensors", safetensors("t", 8));
    for name in ["m", "a.gguf"] {
        let unit = w.unit(name);
        let verdict = w.judge(&unit, Duration::from_secs(1_000_000));
        assert!(matches!(verdict.state, State::Waiting { what: Wait::InProgress { .. } }), "{name}: {verdict:?}");
        assert_eq!(verdict.next_look, None);
    }
    w.complete("b.safetensors");
    w.remove("m/model.safetensors.aria2");
    w.complete("m");
}

#[test]
fn what_a_killed_rsync_left_blocks_for_a_minute_and_is_then_a_leftover() {
    let mut w = World::new();
    let temporary = ".model.safetensors.x9KpQz";
    w.sidecars("m").put(&format!("m/{temporary}"), "x");
    // Its target is needed and missing.
    let unit = w.unit("m");
    let verdict = w.judge(&unit, Duration::from_secs(1_000_000));
    assert_eq!(verdict.state, State::Waiting { what: Wait::NoWeights });
    // The target is there, but the temporary name is newer: rsync replaces it.
    w.put("m/model.safetensors", safetensors("t", 64));
    let mut unit = w.unit("m");
    shift(&mut unit, temporary, 1);
    let verdict = w.judge(&unit, Duration::from_secs(20));
    assert_eq!(verdict.state, State::Waiting { what: Wait::InProgress { name: temporary.into() } });
    assert!(verdict.next_look.is_some_and(|n| n > Duration::ZERO && n <= Duration::from_secs(60)));
    assert_eq!(w.judge(&unit, Duration::from_secs(60)).state, State::Complete);
    // The target is newer: its writer was started again.
    shift(&mut unit, temporary, -10);
    let verdict = w.judge(&unit, Duration::from_secs(4));
    assert_eq!(verdict.state, State::Complete);
    assert!(verdict.rules.iter().any(|r| r.sentence.contains("ignored")), "{verdict:?}");
}

#[test]
fn a_temporary_name_of_safetensors_is_left_when_the_weights_or_the_marker_are_newer() {
    let mut w = World::new();
    w.sidecars("checkpoint-1").put("checkpoint-1/.tmpAbC123", "x");
    w.put("checkpoint-1/model.safetensors", safetensors("t", 64)).put("checkpoint-1/trainer_state.json", "{}");
    for (name, moved, left) in [(".tmpAbC123", 60, false), ("model.safetensors", 120, true)] {
        let mut unit = w.unit("checkpoint-1");
        shift(&mut unit, ".tmpAbC123", 60);
        if moved != 60 {
            shift(&mut unit, name, moved);
        }
        let state = w.judge(&unit, Duration::from_secs(5)).state;
        assert_eq!(state == State::Complete, left, "{name}: {state:?}");
    }
    let mut unit = w.unit("checkpoint-1");
    shift(&mut unit, ".tmpAbC123", 60);
    shift(&mut unit, "trainer_state.json", 61);
    assert_eq!(w.judge(&unit, Duration::from_secs(5)).state, State::Complete);
    // A self-contained file is complete by its header, whatever is written beside it.
    w.put("run-step00000100.safetensors", safetensors("t", 64)).put(".tmpXyZ789", "x");
    w.complete("run-step00000100.safetensors");
}

#[test]
fn names_of_unfinished_work_that_belong_to_nothing_are_told_of() {
    let mut w = World::new();
    w.put(".model.gguf.x9KpQz", "x").put("b.safetensors.part", "x").put(".tmpAbC123", "x").put("notes.txt.part", "x");
    let all: Vec<String> = w.units().into_iter().map(|(n, f)| format!("{n} {f}")).collect();
    assert_eq!(all, [".model.gguf.x9KpQz unfinished", ".tmpAbC123 unfinished", "b.safetensors.part unfinished"]);
    let unit = w.unit("b.safetensors.part");
    assert!(matches!(w.judge(&unit, Duration::ZERO).state, State::Waiting { what: Wait::InProgress { .. } }));
    let verdict = w.judge(&unit, Duration::from_secs(61));
    assert_eq!(verdict.state, State::Leftover { name: "b.safetensors.part".into() });
}

#[test]
fn a_download_of_hugging_face_is_seen_in_its_cache() {
    let mut w = World::new();
    let cache = "m/.cache/huggingface/download";
    w.sidecars("m").put(&format!("{cache}/model.safetensors.lock"), "");
    w.put(&format!("{cache}/model.safetensors.0a1b2c.incomplete"), "x");
    assert_eq!(w.waits("m"), Wait::NoWeights);
    w.put("m/model.safetensors", safetensors("t", 64));
    let mut unit = w.unit("m");
    let name = unit.unfinished[0].name.clone();
    assert_eq!(unit.unfinished[0].target, Target::Name("model.safetensors".into()));
    shift(&mut unit, &name, 1);
    assert!(matches!(w.judge(&unit, Duration::from_secs(5)).state, State::Waiting { what: Wait::InProgress { .. } }));
    w.remove(&format!("{cache}/model.safetensors.0a1b2c.incomplete"));
    w.complete("m");
    assert_eq!(w.units().len(), 1, "the cache holds no units");
}

#[test]
fn old_modification_times_do_not_settle_a_file() {
    let mut w = World::new();
    w.sidecars("m").put("m/model.safetensors", safetensors("t", 64));
    let before = w.unit("m").activity();
    let file = std::fs::OpenOptions::new().write(true).open(w.path("m/model.safetensors")).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let unit = w.unit("m");
    assert_ne!(unit.activity(), before);
    assert!(matches!(w.judge(&unit, Duration::from_secs(1)).state, State::Settling { .. }));
}

#[test]
fn the_cache_of_hugging_face_is_found_through_its_links() {
    let mut w = World::new();
    let repo = "models--me--tiny";
    w.put(&format!("{repo}/blobs/aaaa"), safetensors("t", 64)).put(&format!("{repo}/blobs/bbbb"), "{}");
    let snapshot = w.path(&format!("{repo}/snapshots/0123abc"));
    std::fs::create_dir_all(&snapshot).unwrap();
    for (name, blob) in [("model.safetensors", "aaaa"), ("config.json", "bbbb")] {
        std::os::unix::fs::symlink(format!("../../blobs/{blob}"), snapshot.join(name)).unwrap();
    }
    let name = format!("{repo}/snapshots/0123abc");
    assert_eq!(w.units(), [(name.clone(), "hf")]);
    w.complete(&name);
    let tree = w.tree();
    assert!(tree.folders().any(|f| f.ends_with("blobs")), "where the bytes are");
}

#[test]
fn an_optimizer_that_is_still_being_copied_holds_nothing_back() {
    let mut w = World::new();
    w.sidecars("checkpoint-1").put("checkpoint-1/model.safetensors", safetensors("t", 64));
    w.put("checkpoint-1/trainer_state.json", "{}").put("checkpoint-1/.optimizer.pt.x9KpQz", "x");
    let unit = w.unit("checkpoint-1");
    assert!(unit.unfinished.is_empty());
    assert_eq!(w.judge(&unit, Duration::from_secs(3)).state, State::Complete);
}
