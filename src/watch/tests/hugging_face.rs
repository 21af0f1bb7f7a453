//! Folders with Hugging Face's names, whichever program writes them.

use super::support::{LONG, World, index, names, safetensors, shard};
use crate::watch::verdict::State;
use crate::watch::{FileRole, Wait};
use std::time::Duration;

#[test]
fn a_checkpoint_of_the_hugging_face_trainer_waits_for_its_last_file() {
    let mut w = World::new();
    w.settings.needs_config = true;
    w.settings.needs_tokenizer = true;
    let c = |name: &str| format!("checkpoint-500/{name}");
    std::fs::create_dir_all(w.path("checkpoint-500")).unwrap();
    assert_eq!(w.waits("checkpoint-500"), Wait::NoWeights);
    w.put(&c("config.json"), "{}").put(&c(&shard(1, 2)), safetensors("t1", 64));
    let Wait::MissingFiles { names: absent, missing: 1, of: 2 } = w.waits("checkpoint-500") else { panic!() };
    assert_eq!(absent, [shard(2, 2)]);
    w.put(&c(&shard(2, 2)), &safetensors("t2", 64)[..40]);
    w.put(&c("model.safetensors.index.json"), index(2));
    w.sidecars("checkpoint-500").put(&c("optimizer.pt"), "x").put(&c("training_args.bin"), "x");
    assert_eq!(w.waits("checkpoint-500"), Wait::Marker { name: "trainer_state.json".into() });
    w.put(&c("trainer_state.json"), "{\"log_history\": [");
    assert!(matches!(w.waits("checkpoint-500"), Wait::Unparsed { name, .. } if name == "trainer_state.json"));
    w.put(&c("trainer_state.json"), "{\"loss\": NaN}");
    assert!(matches!(w.waits("checkpoint-500"), Wait::Incomplete { file, .. } if file == shard(2, 2)));
    w.put(&c(&shard(2, 2)), safetensors("t2", 64));
    w.complete("checkpoint-500");
    let unit = w.unit("checkpoint-500");
    assert_eq!((unit.step, unit.family.name, unit.is_folder()), (Some(500), "hf-trainer", true));
    assert_eq!(names(&unit, FileRole::Weights), [shard(1, 2), shard(2, 2)]);
    let settling = w.judge(&unit, Duration::from_secs(1));
    assert!(
        matches!(settling.state, State::Settling { why: None, .. })
            && settling.next_look == Some(Duration::from_secs(2))
    );
    let before = unit.fingerprint();
    w.put(&c("optimizer.pt"), "y").put(&c("rng_state_1.pth"), "z").put(&c("trainer_state.json"), "{\"step\": 1}");
    assert_eq!(w.unit("checkpoint-500").fingerprint(), before, "state of the training changes no export");
    w.put(&c(&shard(1, 2)), safetensors("t1", 64));
    assert_ne!(w.unit("checkpoint-500").fingerprint(), before);
    assert_eq!(w.judge(&unit, LONG).next_look, None);
}

#[test]
fn a_model_in_the_root_of_a_run_and_its_checkpoints_are_units_of_their_own() {
    let mut w = World::new();
    w.put("model.safetensors", safetensors("t", 64)).sidecars(".");
    w.put("trainer_state.json", "{}").put("checkpoint-1/model.safetensors", safetensors("t", 64));
    assert_eq!(w.units(), [("run".to_owned(), "hf"), ("checkpoint-1".to_owned(), "hf-trainer")]);
    w.complete("run");
    assert_eq!(w.waits("checkpoint-1"), Wait::Marker { name: "trainer_state.json".into() });
}

#[test]
fn staging_folders_are_never_units() {
    let w = World::new();
    for folder in ["tmp-checkpoint-5", "step5-tmp", ".hidden", ".git/lfs"] {
        w.put(&format!("{folder}/model.safetensors"), safetensors("t", 8)).sidecars(folder);
    }
    assert_eq!(w.units(), []);
}

#[test]
fn a_trainer_that_stopped_in_the_middle_never_becomes_complete_by_time_alone() {
    let mut w = World::new();
    w.sidecars("checkpoint-7").put("checkpoint-7/model.safetensors", safetensors("t", 64));
    let unit = w.unit("checkpoint-7");
    let verdict = w.judge(&unit, Duration::from_secs(100_000));
    assert_eq!(verdict.state, State::Waiting { what: Wait::Marker { name: "trainer_state.json".into() } });
    assert_eq!(verdict.next_look, None);
}

#[test]
fn the_export_waits_for_what_it_needs_and_carefully_for_what_is_usual() {
    let mut w = World::new();
    w.put("epoch_1/model.safetensors", safetensors("t", 64));
    assert_eq!(w.units(), [("epoch_1".to_owned(), "torchtune")]);
    let unit = w.unit("epoch_1");
    let State::Settling { needed, why: Some(why), .. } = w.judge(&unit, Duration::from_secs(5)).state else { panic!() };
    assert_eq!(needed, Duration::from_secs(10));
    assert!(why.contains("config.json") && why.contains("a tokenizer"), "{why}");
    w.complete("epoch_1");
    w.settings.needs_config = true;
    assert_eq!(w.waits("epoch_1"), Wait::Companions { names: vec!["config.json".into()] });
    w.settings.needs_tokenizer = true;
    w.sidecars("epoch_1");
    w.complete("epoch_1");
    let unit = w.unit("epoch_1");
    assert_eq!(w.judge(&unit, Duration::from_secs(5)).state, State::Complete, "nothing usual is missing");
}

#[test]
fn names_of_the_previous_checkpoint_are_waited_for_but_not_for_ever() {
    let mut w = World::new();
    w.sidecars("epoch_1").put("epoch_1/model.safetensors", safetensors("t", 64));
    w.put("epoch_1/README.md", "x").put("epoch_1/special_tokens_map.json", "{}");
    w.sidecars("epoch_2").put("epoch_2/model.safetensors", safetensors("t", 64));
    let shape = w.unit("epoch_1").shape();
    let unit = w.unit("epoch_2");
    let verdict = w.judge_with(&unit, LONG, None, Some(&shape));
    let State::Waiting { what: Wait::Shape { names, left } } = verdict.state else { panic!("{verdict:?}") };
    assert_eq!((names, left), (vec!["special_tokens_map.json".to_owned()], Duration::from_secs(570)));
    assert_eq!(verdict.next_look, Some(left));
    assert_eq!(w.judge_with(&unit, Duration::from_secs(601), None, Some(&shape)).state, State::Complete);
    // A file that the previous checkpoint lacked too is not expected here.
    for name in ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"] {
        w.remove(&format!("epoch_2/{name}"));
    }
    let bare = w.unit("epoch_2").shape();
    let unit = w.unit("epoch_2");
    assert_eq!(w.judge_with(&unit, Duration::from_secs(4), None, Some(&bare)).state, State::Complete);
}

#[test]
fn the_index_decides_which_shards_belong_to_the_model() {
    let mut w = World::new();
    w.sidecars("m").put("m/model.safetensors.index.json", index(2));
    assert_eq!(w.waits("m"), Wait::NoWeights);
    w.put(&format!("m/{}", shard(1, 2)), safetensors("t1", 64));
    assert!(matches!(w.waits("m"), Wait::MissingFiles { missing: 1, of: 2, .. }));
    // A shard of another count does not replace the missing one.
    w.put(&format!("m/{}", shard(1, 3)), safetensors("t9", 64));
    assert!(matches!(w.waits("m"), Wait::Incomplete { why, .. } if why.contains("1 of 2 files is missing")));
    w.put(&format!("m/{}", shard(2, 2)), safetensors("t2", 64));
    w.complete("m");
    w.put("m/model.safetensors.index.json", "{\"weight_map\":");
    assert!(matches!(w.waits("m"), Wait::Unparsed { .. }));
}

#[test]
fn lone_shards_without_a_configuration_are_a_folder_in_the_making() {
    let w = World::new();
    w.put(&format!("m/{}", shard(1, 2)), safetensors("t1", 64));
    assert_eq!(w.units(), [("m".to_owned(), "hf")]);
}

#[test]
fn an_adapter_needs_both_of_its_files() {
    let mut w = World::new();
    for folder in ["checkpoint-3", "final"] {
        w.put(&format!("{folder}/adapter_model.safetensors"), safetensors("t", 64));
        w.put(&format!("{folder}/trainer_state.json"), "{}").put(&format!("{folder}/README.md"), "x");
        assert_eq!(w.waits(folder), Wait::Companions { names: vec!["adapter_config.json".into()] });
        w.put(&format!("{folder}/adapter_config.json"), "{\"peft_type\":");
        assert!(matches!(w.waits(folder), Wait::Unparsed { .. }));
        w.put(&format!("{folder}/adapter_config.json"), "{\"peft_type\": \"LORA\"}");
        w.complete(folder);
    }
    assert_eq!(w.units(), [("checkpoint-3".to_owned(), "hf-trainer"), ("final".to_owned(), "peft")]);
}

#[test]
fn a_state_of_accelerate_is_told_by_its_random_states() {
    let mut w = World::new();
    w.put("checkpoint_0/model.safetensors", safetensors("t", 64)).put("checkpoint_0/optimizer.bin", "x");
    let unit = w.unit("checkpoint_0");
    assert_eq!(unit.family.name, "accelerate");
    assert!(matches!(w.judge(&unit, Duration::from_secs(5)).state, State::Settling { why: Some(_), .. }));
    w.put("checkpoint_0/random_states_0.pkl", "x").sidecars("checkpoint_0");
    let unit = w.unit("checkpoint_0");
    assert_eq!(w.judge(&unit, Duration::from_secs(5)).state, State::Complete);
    assert_eq!(names(&unit, FileRole::Weights), ["model.safetensors"]);
    // diffusers writes such a state into checkpoint-N; the Trainer's own state has other names.
    w.put("checkpoint-5/model.safetensors", safetensors("t", 64)).put("checkpoint-5/random_states_0.pkl", "x");
    assert_eq!(w.unit("checkpoint-5").family.name, "accelerate");
    w.put("checkpoint-5/training_args.bin", "x");
    assert_eq!(w.unit("checkpoint-5").family.name, "hf-trainer");
}

#[test]
fn a_policy_of_lerobot_has_its_step_from_the_folder_above() {
    let mut w = World::new();
    let base = "checkpoints/005000/pretrained_model";
    w.put(&format!("{base}/model.safetensors"), safetensors("t", 64)).put(&format!("{base}/config.json"), "{}");
    let unit = w.unit(base);
    assert_eq!((unit.family.name, unit.step), ("lerobot", Some(5000)));
    std::os::unix::fs::symlink("005000", w.path("checkpoints/last")).unwrap();
    assert_eq!(w.units().len(), 1, "the link leads to a folder that is no unit itself");
    w.put("checkpoints/005000/training_state/training_step.json", "{}");
    let unit = w.unit(base);
    let rule = w.judge(&unit, LONG).rules.into_iter().find(|r| r.rule == "training state").unwrap();
    assert!(rule.sentence.ends_with("exists"), "{rule:?}");
}

#[test]
fn an_adapter_of_mlx_and_its_numbered_copies_are_units() {
    let mut w = World::new();
    w.put("adapters/adapter_config.json", "{}").put("adapters/adapters.safetensors", safetensors("t", 64));
    w.put("adapters/0000100_adapters.safetensors", safetensors("t", 64));
    w.put("adapters/0000200_adapters.safetensors", &safetensors("t", 64)[..20]);
    let all: Vec<String> = w.units().into_iter().map(|(n, f)| format!("{n} {f}")).collect();
    let numbered = |n: u32| format!("adapters/{n:07}_adapters.safetensors mlx");
    assert_eq!(all, ["adapters mlx".to_owned(), numbered(100), numbered(200)]);
    let unit = w.unit("adapters");
    assert_eq!(unit.source, w.path("adapters/adapters.safetensors"));
    assert_eq!(w.unit("adapters/0000100_adapters.safetensors").step, Some(100));
    w.complete("adapters");
    w.complete("adapters/0000100_adapters.safetensors");
    assert!(matches!(w.waits("adapters/0000200_adapters.safetensors"), Wait::Incomplete { .. }));
}

#[test]
fn the_users_marker_takes_the_place_of_the_familys() {
    let mut w = World::new();
    w.settings.done_marker = Some("*.done".into());
    w.put("checkpoint-1/model.safetensors", safetensors("t", 64)).put("a.safetensors", safetensors("t", 64));
    w.put("b.safetensors", safetensors("t", 64)).put("b.done", "");
    assert_eq!(w.waits("checkpoint-1"), Wait::Marker { name: "*.done".into() });
    assert_eq!(w.waits("a.safetensors"), Wait::Marker { name: "*.done".into() });
    w.complete("b.safetensors");
    w.put("checkpoint-1/x.done", "");
    w.complete("checkpoint-1");
}

#[test]
fn a_configuration_alone_is_no_model() {
    let w = World::new();
    w.put("half/config.json", "{}").put("runs/events.out.tfevents.1", "x").put("package.json", "{}");
    assert_eq!(w.units(), []);
}
