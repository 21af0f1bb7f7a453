//! Whatever names there are, nothing panics, and judging a unit twice gives the same result.

use super::support::{LONG, World};
use crate::watch::families::FAMILIES;
use crate::watch::{Dirty, Observation, Settings, StructureCache, Tree, judge, state_text, units};
use proptest::prelude::*;
use std::collections::HashSet;
use std::fs;
use std::time::{Duration, SystemTime};

const FOLDERS: [&str; 24] = [
    "checkpoint-5",
    "checkpoint_0",
    "tmp-checkpoint-5",
    "global_step10",
    "global_step_10",
    "actor",
    "huggingface",
    "iter_0000100",
    "mp_rank_00",
    "mp_rank_99999999999999999999",
    "step100",
    "step-100",
    "model_and_optim",
    "300",
    "model",
    "epoch_1",
    "weights",
    "pretrained_model",
    "pytorch_model_fsdp_0",
    ".cache",
    "download",
    "additional_chat_templates",
    "a b",
    "ü",
];

const FILES: [&str; 40] = [
    "config.json",
    "model.safetensors",
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
    "model-00001-of-99999.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "trainer_state.json",
    "training_args.bin",
    "tokenizer.json",
    "tokenizer_config.json",
    "adapter_config.json",
    "adapter_model.safetensors",
    "adapters.safetensors",
    "0000100_adapters.safetensors",
    "mp_rank_00_model_states.pt",
    "bf16_zero_pp_rank_9_mp_rank_00_optim_states.pt",
    "zero_pp_rank_1048575_mp_rank_1048575_optim_states.pt",
    "model_world_size_1048576_rank_0.pt",
    "model_weight_pp-rank-0-of-1_tp-rank-5-of-2.safetensors",
    "__0_0.distcp",
    ".metadata",
    ".metadata.tmp",
    ".metadata.json",
    "model_config.json",
    "latest_checkpointed_iteration.txt",
    "random_states_0.pkl",
    "ep1-ba100-rank0.pt",
    "ep1-ba100-rank7.pt",
    "latest-rank0.pt",
    "last.ckpt",
    "epoch=1-step=5.ckpt",
    "x.keras",
    "m-00002-of-00003.gguf",
    "run-step00000100.safetensors",
    ".tmpAbC123",
    ".model.safetensors.abCD12",
    "model.safetensors.aria2",
    "...",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_tree_of_names_makes_anything_panic(
        made in prop::collection::vec((prop::collection::vec(0..FOLDERS.len(), 0..3), 0..FILES.len(), 0..4usize), 0..40),
        links in prop::collection::vec((0..FOLDERS.len(), 0..FILES.len(), any::<bool>()), 0..4),
        seconds in 0..700u64,
        needs in any::<bool>(),
    ) {
        let w = World::new();
        fs::create_dir_all(w.root()).unwrap();
        for (folders, file, what) in &made {
            let mut path = w.root();
            path.extend(folders.iter().map(|f| FOLDERS[*f]));
            // A name may be taken by a file already.
            let _ = fs::create_dir_all(&path);
            let bytes: &[u8] = [&b""[..], b"{}", b"version https://git-lfs", b"PK\x03\x04 and more"][*what];
            let _ = fs::write(path.join(FILES[*file]), bytes);
        }
        for (folder, file, up) in &links {
            let target = if *up { ".." } else { FOLDERS[*folder] };
            let _ = std::os::unix::fs::symlink(target, w.path(FILES[*file]));
        }
        let mut tree = Tree::new(&w.root());
        tree.refresh(&Dirty::All);
        let found = units(&tree);
        let paths: HashSet<_> = found.iter().map(|u| &u.path).collect();
        prop_assert_eq!(paths.len(), found.len(), "one unit a path");
        let settings = Settings { needs_config: needs, needs_tokenizer: needs, ..Settings::default() };
        let mut cache = StructureCache::new();
        let shape = found.first().map(|u| u.shape());
        for unit in &found {
            let (seen, now) = (unit.seen(), SystemTime::now());
            for unchanged in [Duration::from_secs(seconds), LONG] {
                let o = Observation {
                    unit, tree: &tree, unchanged, now, settings: &settings, previous: Some(&seen), sibling: shape.as_ref(),
                };
                let first = judge(&o, &mut cache);
                prop_assert_eq!(&first.state, &judge(&o, &mut cache).state);
                prop_assert!(!state_text::explain(unit, &first).is_empty());
                prop_assert!(first.next_look.is_none_or(|n| n > Duration::ZERO));
            }
        }
        let again = Tree::new(&w.root());
        prop_assert!(units(&again).is_empty());
    }
}

#[test]
fn every_family_has_a_name_of_its_own_and_words() {
    let names: HashSet<&str> = FAMILIES.iter().map(|f| f.name).collect();
    assert_eq!(names.len(), FAMILIES.len());
    assert!(FAMILIES.iter().all(|f| !f.name.is_empty() && !f.title.is_empty()));
}
