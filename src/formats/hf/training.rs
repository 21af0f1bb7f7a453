//! What a training run leaves: state beside the weights, and checkpoints whose weights are spread over the ranks.
//!
//! Weights in shards of ranks (DeepSpeed ZeRO, FSDP, torch.distributed.checkpoint) are merged by a script of the framework that
//! wrote them; the error names it. Names: DeepSpeed `runtime/engine.py`, accelerate `utils/fsdp_utils.py`, torch
//! `distributed/checkpoint/filesystem.py`, verl `utils/checkpoint/fsdp_checkpoint_manager.py` (2026).

use super::folder::entries;
use crate::model::ModelError;
use std::path::Path;

/// Names (`*` stands for anything) of files that a training run leaves beside the weights.
const TRAINING: [(&str, &str); 19] = [
    ("optimizer.pt", "optimizer state"),
    ("optimizer.bin", "optimizer state"),
    ("optimizer.safetensors", "optimizer state"),
    ("scheduler.pt", "learning-rate schedule"),
    ("scaler.pt", "gradient scaler"),
    ("rng_state*", "random-number state"),
    ("trainer_state.json", "training history"),
    ("training_args.bin", "training arguments"),
    ("scheduler.bin", "learning-rate schedule"),
    ("optimizer_*.bin", "optimizer state"),
    ("scheduler_*.bin", "learning-rate schedule"),
    ("scaler_*.pt", "gradient scaler"),
    ("sampler*.bin", "sampler state"),
    ("dl_state_dict.bin", "data loader state"),
    ("*_optim_states.pt", "DeepSpeed optimizer state"),
    ("*_model_states.pt", "DeepSpeed's shard of the weights"),
    ("optim_world_size_*.pt", "verl's shard of the optimizer state"),
    ("extra_state_world_size_*.pt", "verl's other state"),
    ("model_world_size_*.pt", "verl's shard of the weights"),
];

/// Further names that end like weights and are none: state of torchtune and others.
const OTHER: [&str; 2] = ["recipe_state.pt", "random_states.pt"];

/// What a file of that name is to a training run; `None` for other files.
pub(in crate::formats) fn training(name: &str) -> Option<&'static str> {
    let hit = |pattern: &str| match pattern.split_once('*') {
        Some((start, end)) => name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end),
        None => name == pattern,
    };
    TRAINING.iter().find(|(pattern, _)| hit(pattern)).map(|(_, what)| *what)
}

/// True for the name of a file that a training run leaves beside the weights.
pub fn is_training_state(name: &str) -> bool {
    training(name).is_some() || OTHER.contains(&name)
}

/// What a training run left in the folder, one line each.
pub(in crate::formats) fn training_state(folder: &Path, files: &[String], folders: &[String]) -> Vec<String> {
    let mut out = Vec::new();
    for name in files {
        if let Some(what) = training(name) {
            let bytes = std::fs::metadata(folder.join(name)).map_or(0, |m| m.len());
            out.push(format!("{name}: {what}, {bytes} bytes, not converted"));
        }
    }
    for name in folders {
        if name.starts_with("global_step") {
            out.push(format!("{name}/: DeepSpeed optimizer state, not converted"));
        }
    }
    out
}

/// The error for a folder that holds shards of ranks itself; `None` for any other.
pub(super) fn sharded(folder: &Path, files: &[String]) -> Option<ModelError> {
    Some(Shards::of(files)?.error(folder, None, files))
}

/// The error for a folder whose weights are in shards of ranks one folder deeper; `None` for any other.
pub(super) fn sharded_inside(folder: &Path, files: &[String], folders: &[String]) -> Option<ModelError> {
    // The step that `latest` names comes first, then the newest: names are sorted.
    let latest = latest(folder);
    let (named, others): (Vec<&String>, Vec<&String>) = folders.iter().partition(|f| Some(*f) == latest.as_ref());
    named.into_iter().chain(others.into_iter().rev()).take(LOOKED_INTO).find_map(|inner| {
        let (inside, _) = entries(&folder.join(inner)).ok()?;
        Some(Shards::of(&inside)?.error(folder, Some(inner), files))
    })
}

/// The folder that DeepSpeed's `latest` names.
fn latest(folder: &Path) -> Option<String> {
    let path = folder.join("latest");
    let small = std::fs::metadata(&path).is_ok_and(|m| m.is_file() && m.len() <= 256);
    small.then(|| std::fs::read_to_string(&path).ok())?.map(|t| t.trim().to_owned())
}

/// Folders looked into at most.
const LOOKED_INTO: usize = 64;

/// Which framework spread the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shards {
    Deepspeed,
    Distributed,
    Verl,
}

impl Shards {
    fn of(files: &[String]) -> Option<Self> {
        let any = |hit: fn(&str) -> bool| files.iter().any(|f| hit(f));
        if any(|f| f.ends_with("_model_states.pt")) {
            Some(Self::Deepspeed)
        } else if any(|f| f.ends_with(".distcp")) {
            Some(Self::Distributed)
        } else if any(|f| f.starts_with("model_world_size_") && f.ends_with(".pt")) {
            Some(Self::Verl)
        } else {
            None
        }
    }

    /// `inner` is the folder in `folder` that holds the shards, unless they stand there themselves; `files` are those of `folder`.
    fn error(self, folder: &Path, inner: Option<&str>, files: &[String]) -> ModelError {
        let place = inner.map_or(String::new(), |i| format!(" ({i}/)"));
        let accelerate = |name: &str| name.starts_with("pytorch_model_fsdp");
        let own = || folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (what, hint) = match self {
            Self::Deepspeed => {
                let script = files.iter().any(|f| f == "zero_to_fp32.py");
                let run = match (inner, script) {
                    (Some(_), true) => "Run `python zero_to_fp32.py . merged` in that folder".to_owned(),
                    (None, _) => "Run `python zero_to_fp32.py . merged` in the folder above".to_owned(),
                    (Some(_), false) => {
                        "Run `python -m deepspeed.utils.zero_to_fp32 . merged` in that folder".to_owned()
                    }
                };
                let after = "copy config.json and the tokenizer files into merged/, and convert that";
                ("in the shards of DeepSpeed ZeRO", format!("{run}, {after}."))
            }
            Self::Distributed if inner.map_or_else(|| accelerate(&own()), accelerate) => {
                let dir = inner.unwrap_or(".");
                let run = format!("Run `accelerate merge-weights {dir} merged` in that folder");
                let after = "copy config.json and the tokenizer files into merged/, and convert that";
                ("in the shards of FSDP", format!("{run}, {after}."))
            }
            Self::Distributed => {
                let dir = inner.unwrap_or(".");
                let run = format!("python -m torch.distributed.checkpoint.format_utils dcp_to_torch {dir} merged.pt");
                let hint = format!(
                    "Run `{run}` in that folder and convert merged.pt; with accelerate, `accelerate merge-weights {dir} merged`."
                );
                ("in the shards of torch.distributed.checkpoint (FSDP)", hint)
            }
            Self::Verl => {
                let dir = inner.unwrap_or(".");
                let run =
                    format!("python -m verl.model_merger merge --backend fsdp --local_dir {dir} --target_dir merged");
                ("in the FSDP shards of verl", format!("Run `{run}` in that folder and convert merged/."))
            }
        };
        ModelError::unsupported(format!("the weights are {what}{place}, which have to be merged first"))
            .in_file(folder)
            .with_hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn shards_of_ranks_name_the_script_that_merges_them() {
        let cases: [(&[&str], &str, &[&str]); 10] = [
            (
                &["zero_to_fp32.py", "latest", "global_step10/mp_rank_00_model_states.pt"],
                "",
                &["DeepSpeed", "global_step10/", "`python zero_to_fp32.py . merged` in that folder"],
            ),
            (
                &["global_step10/zero_pp_rank_0_mp_rank_00_model_states.pt"],
                "",
                &["python -m deepspeed.utils.zero_to_fp32 . merged"],
            ),
            (
                &["g/mp_rank_00_model_states.pt", "g/bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt"],
                "g",
                &["DeepSpeed", "in the folder above"],
            ),
            (
                &["config.json", "pytorch_model_fsdp_0/__0_0.distcp", "pytorch_model_fsdp_0/.metadata"],
                "",
                &["FSDP", "accelerate merge-weights pytorch_model_fsdp_0 merged"],
            ),
            (&["pytorch_model_fsdp_0/__0_0.distcp"], "pytorch_model_fsdp_0", &["accelerate merge-weights . merged"]),
            (
                &["step-100/__0_0.distcp", "step-100/.metadata"],
                "step-100",
                &["torch.distributed.checkpoint", "dcp_to_torch . merged.pt"],
            ),
            (&["step-100/__0_0.distcp"], "", &["dcp_to_torch step-100 merged.pt"]),
            (
                &["actor/model_world_size_2_rank_0.pt", "actor/optim_world_size_2_rank_0.pt"],
                "actor",
                &["verl.model_merger merge --backend fsdp --local_dir . "],
            ),
            (&["model.safetensors", "optimizer.pt"], "", &[]),
            (&["checkpoint-1/model.safetensors"], "", &[]),
        ];
        for (made, at, says) in cases {
            let dir = tempfile::tempdir().unwrap();
            for file in made {
                let path = dir.path().join(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, "x").unwrap();
            }
            let folder = dir.path().join(at);
            let (files, folders) = entries(&folder).unwrap();
            let error = sharded(&folder, &files).or_else(|| sharded_inside(&folder, &files, &folders));
            let text = error.map(|e| format!("{e} / {}", e.hint().unwrap())).unwrap_or_default();
            assert_eq!(text.is_empty(), says.is_empty(), "{made:?} {at}: {text}");
            assert!(says.iter().all(|w| text.contains(w)), "{made:?} {at}: {text}");
        }
    }

    #[test]
    fn patterns_take_what_stands_for_the_star() {
        assert!(
            training("rng_state_3.pth").is_some()
                && training("bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt").is_some()
        );
        assert!(training("_model_states.pt").is_some() && training("model_states.pt").is_none());
        assert!(training("model.safetensors").is_none());
    }
}
