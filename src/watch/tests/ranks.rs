//! Checkpoints whose weights are spread over ranks.

use super::support::{LONG, World, safetensors, shift, torch, zip};
use crate::watch::Wait;
use crate::watch::verdict::State;
use std::time::Duration;

/// Metadata that is not torch.distributed.checkpoint's: there is nothing to read, and the reader says what to run.
const FOREIGN: &[u8] = b"\x80\x02cmegatron.core\nMetadata\n)\x81.";

/// Model states without a model.
fn no_model() -> Vec<u8> {
    zip(&[("archive/data.pkl", b"\x80\x02}X\x06\x00\x00\x00module}s.")])
}

/// Puts a folder of `fixtures/ranks` into the watched one.
fn put_fixture(w: &World, from: &str, to: &str) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ranks").join(from);
    let mut names: Vec<String> =
        std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    // The metadata is written last.
    names.sort_by_key(|n| n == ".metadata");
    for name in names {
        w.put(&format!("{to}/{name}"), std::fs::read(folder.join(name.as_str())).unwrap());
    }
}

#[test]
fn what_the_ranks_left_whole_is_complete() {
    let mut w = World::new();
    put_fixture(&w, "dcp", "step-100");
    put_fixture(&w, "deepspeed/global_step5", "run/global_step5");
    w.sidecars("run");
    put_fixture(&w, "columns", "step-200");
    w.complete("step-100");
    w.complete("run/global_step5");
    assert!(w.unit("run/global_step5").file("../config.json").is_some(), "the configuration decides bytes too");
    let says = refused(&mut w, "step-200");
    assert!(says.contains("dcp_to_torch") && says.contains("is not split by rows"), "{says}");
}

/// The text of a state that says what to run.
fn refused(w: &mut World, name: &str) -> String {
    match w.state(name) {
        State::CannotExport { why, what_to_run } => format!("{why} / {what_to_run}"),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn the_metadata_of_dcp_must_be_newer_than_every_shard() {
    let mut w = World::new();
    w.put("step-100/__0_0.distcp", "x").put("step-100/__1_0.distcp", "x");
    assert_eq!(w.waits("step-100"), Wait::Marker { name: ".metadata".into() });
    w.put("step-100/.metadata.tmp", "x");
    assert!(matches!(w.waits("step-100"), Wait::InProgress { name } if name == ".metadata.tmp"));
    w.remove("step-100/.metadata.tmp").put("step-100/.metadata", FOREIGN);
    let says = refused(&mut w, "step-100");
    assert!(says.contains("dcp_to_torch") && says.contains("must be merged first"), "{says}");
    // Written again: the old .metadata stays until the end.
    let mut unit = w.unit("step-100");
    shift(&mut unit, "__1_0.distcp", 5);
    let stale = Wait::StaleMarker { name: ".metadata".into(), newer: "__1_0.distcp".into() };
    assert_eq!(w.judge(&unit, LONG).state, State::Waiting { what: stale });
    assert_eq!(w.units(), [("step-100".to_owned(), "dcp")]);
}

#[test]
fn the_shards_of_fsdp_inside_a_checkpoint_of_the_trainer_are_its_weights() {
    let mut w = World::new();
    w.put("checkpoint-9/pytorch_model_fsdp_0/__0_0.distcp", "x").put("checkpoint-9/config.json", "{}");
    w.put("checkpoint-9/training_args.bin", "x").put("checkpoint-9/pytorch_model_fsdp_0/.metadata", FOREIGN);
    assert_eq!(w.units(), [("checkpoint-9".to_owned(), "dcp")]);
    assert_eq!(w.waits("checkpoint-9"), Wait::Marker { name: "trainer_state.json".into() });
    w.put("checkpoint-9/trainer_state.json", "{}");
    assert!(refused(&mut w, "checkpoint-9").contains("accelerate merge-weights"));
    // Gathered weights beside them are what is exported.
    w.put("checkpoint-9/model.safetensors", safetensors("t", 8)).sidecars("checkpoint-9");
    assert_eq!(w.units(), [("checkpoint-9".to_owned(), "hf-trainer")]);
    w.complete("checkpoint-9");
}

#[test]
fn latest_of_deepspeed_proves_nothing() {
    let mut w = World::new();
    let optim = |r: usize| format!("global_step10/bf16_zero_pp_rank_{r}_mp_rank_00_optim_states.pt");
    w.put("global_step10/mp_rank_00_model_states.pt", &torch(1)[..50]).put("latest", "global_step10");
    w.put(&optim(0), "x").put(&optim(2), "x");
    let Wait::MissingFiles { names, missing: 1, .. } = w.waits("global_step10") else { panic!() };
    assert_eq!(names, ["bf16_zero_pp_rank_1_mp_rank_00_optim_states.pt"]);
    w.put(&optim(1), "x");
    assert!(matches!(w.waits("global_step10"), Wait::Incomplete { file, .. } if file == "mp_rank_00_model_states.pt"));
    w.put("global_step10/mp_rank_00_model_states.pt", no_model());
    let unit = w.unit("global_step10");
    let verdict = w.judge(&unit, Duration::from_secs(5));
    assert!(
        matches!(verdict.state, State::Settling { why: Some(_), .. }),
        "the last ranks may be missing: {verdict:?}"
    );
    assert!(refused(&mut w, "global_step10").contains("zero_to_fp32"));
    // Another checkpoint of the run says how many there are.
    let shape = unit.shape();
    w.put("global_step20/mp_rank_00_model_states.pt", torch(1));
    w.put("global_step20/bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt", "x");
    let unit = w.unit("global_step20");
    let state = w.judge_with(&unit, LONG, None, Some(&shape)).state;
    assert!(matches!(state, State::Waiting { what: Wait::Shape { names, .. } } if names.len() == 2));
}

#[test]
fn deepspeed_inside_a_checkpoint_of_the_trainer_waits_for_the_trainer() {
    let mut w = World::new();
    w.put("checkpoint-9/global_step9/mp_rank_00_model_states.pt", no_model()).put("checkpoint-9/zero_to_fp32.py", "x");
    w.sidecars("checkpoint-9");
    assert_eq!(w.units(), [("checkpoint-9".to_owned(), "deepspeed")]);
    assert_eq!(w.waits("checkpoint-9"), Wait::Marker { name: "trainer_state.json".into() });
    w.put("checkpoint-9/trainer_state.json", "{}");
    assert!(refused(&mut w, "checkpoint-9").contains("zero_to_fp32.py . merged"));
    w.put("checkpoint-9/model.safetensors", safetensors("t", 8));
    w.complete("checkpoint-9");
    assert_eq!(w.units(), [("checkpoint-9".to_owned(), "hf-trainer")]);
}

#[test]
fn the_tracker_of_megatron_must_have_come_to_the_iteration() {
    let mut w = World::new();
    w.put("iter_0000200/mp_rank_00/model_optim_rng.pt", torch(1));
    std::fs::create_dir_all(w.path("iter_0000200/mp_rank_02")).unwrap();
    assert!(matches!(w.waits("iter_0000200"), Wait::MissingFiles { .. } | Wait::Marker { .. }));
    w.put("iter_0000200/mp_rank_01/model_optim_rng.pt", torch(1));
    w.put("iter_0000200/mp_rank_02/model_optim_rng.pt", torch(1));
    assert_eq!(w.waits("iter_0000200"), Wait::Marker { name: "latest_checkpointed_iteration.txt".into() });
    w.put("latest_checkpointed_iteration.txt", "100");
    assert_eq!(w.waits("iter_0000200"), Wait::Tracker { at: "100".into() });
    w.put("latest_checkpointed_iteration.txt", "200\n");
    assert!(refused(&mut w, "iter_0000200").contains("Megatron-Bridge"));
    assert_eq!(w.unit("iter_0000200").step, Some(200));
    assert_eq!(w.units(), [("iter_0000200".to_owned(), "megatron")]);
}

#[test]
fn the_names_of_verl_tell_how_many_ranks_there_are() {
    let mut w = World::new();
    let actor = |r: usize| format!("global_step_5/actor/model_world_size_3_rank_{r}.pt");
    w.put(&actor(0), torch(1)).put("global_step_5/data.pt", "x");
    let Wait::MissingFiles { names, missing: 2, of: 3 } = w.waits("global_step_5") else { panic!() };
    assert_eq!(names, ["actor/model_world_size_3_rank_1.pt", "actor/model_world_size_3_rank_2.pt"]);
    w.put(&actor(1), torch(1)).put(&actor(2), torch(1));
    w.put("latest_checkpointed_iteration.txt", "4");
    assert_eq!(w.waits("global_step_5"), Wait::Tracker { at: "4".into() });
    w.put("latest_checkpointed_iteration.txt", "5");
    assert!(refused(&mut w, "global_step_5").contains("verl.model_merger"));
    // The model in Hugging Face's layout, if it is saved too, is one that can be exported.
    w.sidecars("global_step_5/actor/huggingface");
    assert_eq!(w.units().len(), 1, "a configuration alone");
    w.put("global_step_5/actor/huggingface/model.safetensors", safetensors("t", 8));
    w.complete("global_step_5/actor/huggingface");
    assert_eq!(w.unit("global_step_5/actor/huggingface").step, Some(5));
}

#[test]
fn nanotron_and_olmo_core_have_markers_of_their_own() {
    let mut w = World::new();
    let weight = |tp: usize| format!("300/model/a/model_weight_pp-rank-0-of-2_tp-rank-{tp}-of-2.safetensors");
    w.put("300/config.yaml", "x").put(&weight(0), safetensors("t", 8)).put("latest.txt", "300");
    assert!(matches!(w.waits("300"), Wait::MissingFiles { missing: 1, .. }));
    w.put(&weight(1), safetensors("t", 8));
    assert_eq!(w.waits("300"), Wait::Marker { name: "model_config.json".into() });
    w.put("300/model_config.json", "{}");
    assert!(refused(&mut w, "300").contains("convert_nanotron_to_hf.py"));

    w.put("step40/model_and_optim/__0_0.distcp", "x").put("step40/model_and_optim/.metadata", "x");
    assert_eq!(w.waits("step40"), Wait::Marker { name: ".metadata.json".into() });
    w.put("step40/.metadata.json", "{}");
    assert!(refused(&mut w, "step40").contains("convert_checkpoint_to_hf.py"));
    let families: Vec<&str> = w.units().into_iter().map(|(_, f)| f).collect();
    assert_eq!(families, ["nanotron", "olmo-core"]);
}
