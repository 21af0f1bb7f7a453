//! Outputs beside checkpoints: no trainer may count them, and nothing may be written into a checkpoint.

use crate::lab::{Lab, tree};
use regex::Regex;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Names in a folder, of folders alone if asked.
fn names(folder: &Path, folders_only: bool) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let wanted = entries.filter(|p| !folders_only || p.is_dir());
    wanted.map(|p| p.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

fn modified(path: &Path) -> SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

/// transformers, `rotate_checkpoints` and `sort_checkpoints` (trainer_utils.py): the folders that the glob `checkpoint-*` finds, by
/// time or by the number after the prefix; all but the last `limit` are deleted.
fn rotate(run: &Path, limit: usize, by_time: bool) -> Vec<String> {
    let number = Regex::new("checkpoint-([0-9]+)").unwrap();
    let mut found = Vec::new();
    for name in names(run, true).into_iter().filter(|n| n.starts_with("checkpoint-")) {
        match number.captures(&name) {
            _ if by_time => found.push((modified(&run.join(&name)), 0, name)),
            Some(n) => found.push((SystemTime::UNIX_EPOCH, n[1].parse::<u64>().unwrap(), name)),
            None => {}
        }
    }
    found.sort();
    let deleted = found.len().saturating_sub(limit);
    found.into_iter().take(deleted).map(|f| f.2).collect()
}

/// A run with two checkpoints, the newer one written last.
fn run(lab: &Lab) -> PathBuf {
    let run = lab.path("exp");
    for step in ["checkpoint-100", "checkpoint-200"] {
        let dir = lab.model("tiny-llama");
        fs::create_dir_all(&run).unwrap();
        fs::rename(dir, run.join(step)).unwrap();
        fs::write(run.join(step).join("trainer_state.json"), "{\"global_step\": 1}").unwrap();
    }
    run
}

#[test]
fn rotation_deletes_the_same_checkpoints_after_a_conversion() {
    let lab = Lab::new();
    let run = run(&lab);
    let before = [true, false].map(|by_time| rotate(&run, 1, by_time));
    assert_eq!(before, [["checkpoint-100"], ["checkpoint-100"]]);
    let inside = tree(&run.join("checkpoint-100"));
    let times = ["checkpoint-100", "checkpoint-200"].map(|c| modified(&run.join(c)));
    for (source, made) in [
        ("exp/checkpoint-100 --to safetensors:f16", "exp-checkpoint-100-F16-safetensors/model.safetensors"),
        ("exp/checkpoint-100 --to gguf:f16", "exp-checkpoint-100-F16.gguf"),
        ("exp/checkpoint-100 --to pytorch", "exp-checkpoint-100-pytorch/pytorch_model.bin"),
        (
            "exp/checkpoint-100/model.safetensors --to safetensors:bf16",
            "exp-checkpoint-100-BF16-safetensors/model.safetensors",
        ),
        ("exp/checkpoint-100/ --to gguf:q8_0 --to gguf:q4_0 -o exp/", "exp-checkpoint-100-Q4_0.gguf"),
        ("exp/checkpoint-100 --to gguf:q4_k_m --modelfile", "exp-checkpoint-100-Q4_K_M.Modelfile"),
        ("exp/exp-checkpoint-100-F16.gguf --to gguf:q6_k --allow-requantize", "exp-checkpoint-100-Q6_K.gguf"),
    ] {
        let ran = lab.run(&format!("convert {source}")).expect(0);
        assert!(run.join(made).is_file(), "{source}: no {made} in {:?}", names(&run, false));
        assert!(!ran.err.contains("trainer"), "{source}: {}", ran.err);
        let after = [true, false].map(|by_time| rotate(&run, 1, by_time));
        assert_eq!(after, before, "{source}");
        assert_eq!(rotate(&run, 2, true), Vec::<String>::new(), "{source}: more than two are counted");
    }
    assert_eq!(tree(&run.join("checkpoint-100")), inside, "nothing is written into the checkpoint");
    assert_eq!(
        ["checkpoint-100", "checkpoint-200"].map(|c| modified(&run.join(c))),
        times,
        "nor was anything, for a while"
    );
}

/// What the trainers look for, as they write it.
const LOOKED_FOR: [(&str, &str); 9] = [
    ("transformers", "^checkpoint-.*$"),
    ("accelerate", "^checkpoint_.*$"),
    ("DeepSpeed, verl", "^global_step_?[0-9]+"),
    ("OLMo-core, torchtitan", "^step[-_]?[0-9]+"),
    ("torchtune, ultralytics, Lightning", "^epoch[-_=]?[0-9]+"),
    ("Megatron", "^iter_[0-9]+"),
    ("composer", "^ep[0-9]+-ba[0-9]+"),
    ("nanotron", "^[0-9]+$"),
    ("MLX-LM", "^[0-9]+_adapters"),
];

#[test]
fn no_trainer_counts_what_is_made_of_its_checkpoint() {
    let looked_for = LOOKED_FOR.map(|(who, pattern)| (who, Regex::new(pattern).unwrap()));
    for at in [
        "checkpoint_3",
        "checkpoints/checkpoint_3",
        "global_step10",
        "global_step_10/actor/huggingface",
        "step1000",
        "step-1000",
        "epoch_2",
        "iter_0000100",
        "ep1-ba100",
        "1000",
        "step/checkpoint-7",
    ] {
        let lab = Lab::new();
        let source = lab.model("tiny-llama");
        let checkpoint = lab.path("exp").join(at);
        fs::create_dir_all(checkpoint.parent().unwrap()).unwrap();
        fs::rename(source, &checkpoint).unwrap();
        let before = lab.tree();
        for to in ["safetensors:f16", "gguf:q8_0", "gguf"] {
            lab.run(&format!("convert exp/{at} --to {to}")).expect(0);
        }
        let new: BTreeSet<String> = lab.tree().into_keys().filter(|k| !before.contains_key(k)).collect();
        assert!(new.len() > 3, "{at}: {new:?}");
        for path in new {
            let path = Path::new(&path);
            let folder = path.parent().unwrap();
            assert!(!folder.ends_with("checkpoints"), "{at}: accelerate counts {}", path.display());
            for part in path.iter().skip(1).map(|p| p.to_string_lossy()) {
                let step = part == "step";
                let by = looked_for.iter().find(|(_, p)| p.is_match(&part));
                assert!(step || by.is_none(), "{at}: {part} of {} is counted by {}", path.display(), by.unwrap().0);
            }
        }
    }
}

#[test]
fn nothing_is_created_inside_a_source() {
    let lab = Lab::new();
    run(&lab);
    std::os::unix::fs::symlink("checkpoint-100", lab.path("exp/last")).unwrap();
    std::os::unix::fs::symlink("exp/checkpoint-100", lab.path("elsewhere")).unwrap();
    let before = lab.tree();
    for args in [
        "exp/checkpoint-100 --to gguf:q8_0 -o exp/checkpoint-100/x.gguf",
        "exp/checkpoint-100 --to gguf:q8_0 -o exp/checkpoint-100/new/deep/",
        "exp/checkpoint-100 --to safetensors:f16 -o exp/checkpoint-100/f16",
        "exp/checkpoint-100 --to gguf:q8_0 -o elsewhere/x.gguf",
        "exp/last --to gguf:q8_0 -o exp/checkpoint-100/x.gguf",
        "elsewhere --to gguf:q8_0 -o exp/last/x.gguf",
        "exp/checkpoint-100 --to gguf:q8_0 -o exp/checkpoint-200/../checkpoint-100/x.gguf",
    ] {
        let ran = lab.run(&format!("convert {args}")).expect(2);
        assert!(ran.err.contains("the output is inside the source") && ran.err.contains("-o"), "{args}: {}", ran.err);
        let dry = lab.run(&format!("convert {args} --dry-run")).expect(2);
        assert!(dry.err.contains("the output is inside the source"), "{args}: {}", dry.err);
    }
    assert_eq!(lab.tree(), before);
}

#[test]
fn a_name_of_the_users_that_a_trainer_counts_gives_a_warning() {
    let lab = Lab::new();
    run(&lab);
    for (args, says) in [
        ("exp/checkpoint-100 --to safetensors:f16 -o exp/checkpoint-100-f16", "its name matches checkpoint-*"),
        ("exp/checkpoint-100 --to gguf:q8_0 -o exp/step-100.gguf", "its name matches step*"),
        (
            "exp/checkpoint-100/model.safetensors --to gguf:q8_0 -o exp/checkpoint-200/x.gguf",
            "written into the checkpoint checkpoint-200",
        ),
    ] {
        let dry = lab.run(&format!("convert {args} --dry-run")).expect(0);
        assert!(dry.out.contains(says), "{args}: {}", dry.out);
        let ran = lab.run(&format!("convert {args}")).expect(0);
        assert!(ran.err.contains("warning: ") && ran.err.contains(says), "{args}: {}", ran.err);
    }
    for args in [
        "exp/checkpoint-100 --to gguf:q8_0 -o exp/mine.gguf",
        "exp/checkpoint-100 --to gguf:q8_0 -o out/checkpoint-100.gguf",
    ] {
        let ran = lab.run(&format!("convert {args}")).expect(0);
        assert!(!ran.err.contains("trainer"), "{args}: {}", ran.err);
    }
}
