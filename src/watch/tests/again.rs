//! Units that are written again after they were exported.

use super::support::{LONG, World, index, safetensors, shard, shift};
use crate::watch::verdict::State;
use crate::watch::{ExportedState, Fingerprint, Shape, Unit};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(5);

fn sharded(w: &World, folder: &str) -> Unit {
    for i in 1..=2 {
        w.put(&format!("{folder}/{}", shard(i, 2)), safetensors(&format!("t{i}"), 64));
    }
    w.sidecars(folder).put(&format!("{folder}/model.safetensors.index.json"), index(2));
    w.put(&format!("{folder}/trainer_state.json"), "{}");
    w.unit(folder)
}

#[test]
fn a_mixture_of_old_and_new_files_waits_longer() {
    let mut w = World::new();
    let first = sharded(&w, "m");
    let seen = first.seen();
    assert_eq!(w.judge_with(&first, SOON, Some(&seen), None).state, State::Complete);
    let mut half = first.clone();
    shift(&mut half, &shard(1, 2), 60);
    let State::Settling { needed, why: Some(why), .. } = w.judge_with(&half, SOON, Some(&seen), None).state else {
        panic!()
    };
    assert!(needed == Duration::from_secs(10) && why.contains(&shard(1, 2)) && why.contains(&shard(2, 2)), "{why}");
    assert_eq!(w.judge_with(&half, LONG, Some(&seen), None).state, State::Complete, "not for ever");
    // Only the configuration is new: the weights may follow.
    let mut config = first.clone();
    shift(&mut config, "config.json", 60);
    assert!(matches!(w.judge_with(&config, SOON, Some(&seen), None).state, State::Settling { .. }));
    // All weights are new.
    let mut all = first.clone();
    for name in [shard(1, 2), shard(2, 2), "model.safetensors.index.json".to_owned()] {
        shift(&mut all, &name, 60);
    }
    assert_eq!(w.judge_with(&all, SOON, Some(&seen), None).state, State::Complete);
}

#[test]
fn new_weights_beside_the_marker_of_the_last_export_wait_longer() {
    let mut w = World::new();
    let first = sharded(&w, "checkpoint-5");
    let seen = first.seen();
    let mut new = first.clone();
    for name in [shard(1, 2), shard(2, 2), "model.safetensors.index.json".to_owned()] {
        shift(&mut new, &name, 60);
    }
    let State::Settling { why: Some(why), .. } = w.judge_with(&new, SOON, Some(&seen), None).state else { panic!() };
    assert!(why.contains("trainer_state.json"), "{why}");
    shift(&mut new, "trainer_state.json", 61);
    assert_eq!(w.judge_with(&new, SOON, Some(&seen), None).state, State::Complete);
}

#[test]
fn a_link_that_is_swapped_is_a_new_version_of_the_same_unit() {
    let mut w = World::new();
    let base = w.dir.path().to_owned();
    let store = |v: u32| base.join(format!("store/v{v}"));
    for v in [1, 2] {
        for (name, bytes) in [("model.safetensors", safetensors("t", 64)), ("config.json", b"{}".to_vec())] {
            std::fs::create_dir_all(store(v)).unwrap();
            std::fs::write(store(v).join(name), bytes).unwrap();
        }
    }
    std::fs::create_dir_all(w.root()).unwrap();
    std::os::unix::fs::symlink(store(1), w.path("current")).unwrap();
    let first = w.unit("current");
    assert_eq!(first.link, Some(std::fs::canonicalize(store(1)).unwrap()));
    assert!(
        w.tree().folders().any(|f| f == std::fs::canonicalize(store(1)).unwrap()),
        "the real folder is watched too"
    );
    std::os::unix::fs::symlink(store(2), w.path(".current.new")).unwrap();
    assert_eq!(w.units().len(), 1);
    std::fs::rename(w.path(".current.new"), w.path("current")).unwrap();
    let second = w.unit("current");
    assert_ne!(first.fingerprint(), second.fingerprint());
    w.complete("current");
    // A second link to the same folder, and one to a folder of the tree.
    std::os::unix::fs::symlink(store(2), w.path("latest")).unwrap();
    assert_eq!(w.state("latest"), State::Alias { of: "current".into() });
    w.put("real/model.safetensors", safetensors("u", 64)).sidecars("real");
    std::os::unix::fs::symlink("real", w.path("best")).unwrap();
    assert_eq!(w.state("best"), State::Alias { of: "real".into() });
    w.complete("real");
}

#[test]
fn what_is_kept_with_an_export_survives_being_written_down() {
    let w = World::new();
    let unit = sharded(&w, "m");
    let (seen, shape) = (unit.seen(), unit.shape());
    let text = serde_json::to_string(&(&seen, &shape)).unwrap();
    assert_eq!(serde_json::from_str::<(ExportedState, Shape)>(&text).unwrap(), (seen, shape));
    let print = unit.fingerprint();
    assert_eq!(Fingerprint::parse(&print.to_string()), Some(print));
    assert_eq!(Fingerprint::parse("abc"), None);
}
