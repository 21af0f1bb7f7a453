//! What trainers write.

use super::support::{LONG, World, index, names, safetensors, shard};
use crate::watch::{FileRole, State, Wait};
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
