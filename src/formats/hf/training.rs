//! What a training run leaves: state next to the weights, and checkpoints whose weights are spread over the ranks.
//!
//! Weights in shards of ranks (DeepSpeed ZeRO, FSDP, torch.distributed.checkpoint, verl) are read if the files hold whole tensors ([`Ranks`]);
//! otherwise they are merged by a script of the framework that wrote them, which the error names. Names: DeepSpeed `runtime/engine.py`, accelerate `utils/fsdp_utils.py`, torch
//! `distributed/checkpoint/filesystem.py`, verl `utils/checkpoint/fsdp_checkpoint_manager.py` (2026).

use super::entries::entries;
use crate::formats::pytorch::{DCP_METADATA, DEEPSPEED_STATES};
use crate::model::{ErrorKind, ModelError};
use std::path::{Path, PathBuf};

/// Names (`*` matches anything) of files that a training run leaves next to the weights.
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

/// Further names that end like weights but are not: state of torchtune and others.
const OTHER: [&str; 2] = ["recipe_state.pt", "random_states.pt"];

/// The role of a file of that name in a training run; `None` for other files.
pub(in crate::formats) fn training(name: &str) -> Option<&'static str> {
    let hit = |pattern: &str| match pattern.split_once('*') {
        Some((start, end)) => name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end),
        None => name == pattern,
    };
    TRAINING.iter().find(|(pattern, _)| hit(pattern)).map(|(_, what)| *what)
}

/// True for the name of a file that a training run leaves next to the weights.
pub(crate) fn is_training_state(name: &str) -> bool {
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
        } else if name.starts_with("optimizer_") {
            out.push(format!("{name}/: optimizer state, not converted"));
        }
    }
    out
}

/// The folder in which accelerate and the Trainer put the model of FSDP.
const FSDP: &str = "pytorch_model_fsdp_0";

/// The folders of DeepSpeed, one for each step.
const GLOBAL_STEP: &str = "global_step";

/// What the ranks of a training run wrote, in a form that may hold whole tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ranks {
    /// ZeRO-1 and ZeRO-2 without model parallelism.
    Deepspeed,
    /// torch.distributed.checkpoint.
    Distributed,
}

impl Ranks {
    /// Detected by the names of the files of a folder. A second file of model states is of another rank, of a layer or
    /// of ZeRO-3.
    pub(super) fn of(files: &[String]) -> Option<Self> {
        let has = |name: &str| files.iter().any(|f| f == name);
        let shard = |f: &String| f.ends_with("_model_states.pt") || f.starts_with("layer_");
        if has(DEEPSPEED_STATES) && files.iter().filter(|f| shard(f)).count() == 1 {
            Some(Self::Deepspeed)
        } else if has(DCP_METADATA) && files.iter().any(|f| f.ends_with(".distcp")) {
            Some(Self::Distributed)
        } else {
            None
        }
    }

    /// The folder of a checkpoint that contains such files: the one that DeepSpeed's `latest` names, the only one of DeepSpeed, or
    /// FSDP's.
    pub(super) fn inside(folder: &Path, folders: &[String]) -> Option<(Self, String)> {
        let latest = latest(folder).filter(|l| folders.contains(l));
        let steps: Vec<&String> = folders.iter().filter(|f| f.starts_with(GLOBAL_STEP)).collect();
        let models = folders.iter().filter(|f| f.starts_with("pytorch_model_fsdp_")).count();
        let inner = match (latest, steps.as_slice()) {
            (Some(latest), _) => latest,
            (None, [only]) => (*only).clone(),
            (None, _) if models == 1 && folders.iter().any(|f| f == FSDP) => FSDP.to_owned(),
            _ => return None,
        };
        let (inside, _) = entries(&folder.join(&inner)).ok()?;
        Some((Self::of(&inside)?, inner))
    }

    /// The checkpoint around a folder of ranks, by the folder's name.
    pub(super) fn checkpoint_of(folder: &Path) -> Option<PathBuf> {
        let name = folder.file_name()?.to_str()?;
        (name.starts_with(GLOBAL_STEP) || name == FSDP).then(|| folder.parent().map(Path::to_owned))?
    }

    /// The file to open.
    pub(super) fn file(self) -> &'static str {
        match self {
            Self::Deepspeed => DEEPSPEED_STATES,
            Self::Distributed => DCP_METADATA,
        }
    }

    /// The error for files that do not contain whole tensors, and for a `.metadata` that is not a list of them; other errors
    /// are unchanged.
    pub(super) fn refused(self, e: ModelError, folder: &Path, inner: Option<&str>, files: &[String]) -> ModelError {
        let is_list = self == Self::Distributed && e.file().is_some_and(|f| f.ends_with(DCP_METADATA));
        let reason = match e.kind() {
            ErrorKind::Unsupported => e.fact().to_owned(),
            ErrorKind::BadFile if is_list => format!("{DCP_METADATA} cannot be read: {}", e.fact()),
            _ => return e,
        };
        let shards = match self {
            Self::Deepspeed => Shards::Deepspeed,
            Self::Distributed => Shards::Distributed,
        };
        shards.error(folder, inner, files).and(&reason)
    }
}

/// The file to open in a checkpoint whose weights the ranks wrote one folder deeper, by the names of the files.
pub(in crate::formats) fn ranks_inside(folder: &Path, folders: &[String]) -> Option<PathBuf> {
    let (ranks, inner) = Ranks::inside(folder, folders)?;
    Some(folder.join(inner).join(ranks.file()))
}

/// The error for a folder that contains shards of ranks itself; `None` for any other.
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

/// Most folders that are searched.
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

    /// `inner` is the folder in `folder` that contains the shards, unless they are in `folder` itself; `files` are those of
    /// `folder`.
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
        ModelError::unsupported(format!("the weights are {what}{place}, which must be merged first"))
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
            let text = error.map(|e| format!("{e} / {}", e.hint().unwrap().text())).unwrap_or_default();
            assert_eq!(text.is_empty(), says.is_empty(), "{made:?} {at}: {text}");
            assert!(says.iter().all(|w| text.contains(w)), "{made:?} {at}: {text}");
        }
    }

    #[test]
    fn files_that_may_hold_whole_tensors_are_known_by_name() {
        let of = |files: &[&str]| Ranks::of(&files.iter().map(|f| (*f).to_owned()).collect::<Vec<_>>());
        let (states, optim) = ("mp_rank_00_model_states.pt", "bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt");
        assert_eq!(of(&[states, optim]), Some(Ranks::Deepspeed));
        assert_eq!(of(&[states, "mp_rank_01_model_states.pt"]), None, "tensor parallelism");
        assert_eq!(of(&[states, "layer_00-model_00-model_states.pt"]), None, "a pipeline");
        assert_eq!(of(&["zero_pp_rank_0_mp_rank_00_model_states.pt"]), None, "ZeRO-3");
        assert_eq!(of(&["__0_0.distcp", ".metadata"]), Some(Ranks::Distributed));
        assert_eq!(of(&["__0_0.distcp", ".metadata.tmp"]), None, "not finished");
    }

    #[test]
    fn the_folder_of_the_ranks_is_the_one_that_latest_names() {
        let inside = |made: &[&str], latest: &str| {
            let dir = tempfile::tempdir().unwrap();
            for file in made {
                let path = dir.path().join(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, "x").unwrap();
            }
            if !latest.is_empty() {
                fs::write(dir.path().join("latest"), latest).unwrap();
            }
            let (_, folders) = entries(dir.path()).unwrap();
            Ranks::inside(dir.path(), &folders).map(|(_, inner)| inner)
        };
        let (one, two) = ("global_step1/mp_rank_00_model_states.pt", "global_step2/mp_rank_00_model_states.pt");
        assert_eq!(inside(&[one, two], "global_step1").as_deref(), Some("global_step1"));
        assert_eq!(inside(&[one], "").as_deref(), Some("global_step1"));
        assert_eq!(inside(&[one, two], ""), None);
        assert_eq!(inside(&[one, two], "../elsewhere"), None);
        let fsdp = ["pytorch_model_fsdp_0/.metadata", "pytorch_model_fsdp_0/__0_0.distcp", "optimizer_0/.metadata"];
        assert_eq!(inside(&fsdp, "").as_deref(), Some("pytorch_model_fsdp_0"));
        assert_eq!(inside(&[fsdp[0], fsdp[1], "pytorch_model_fsdp_1/__0_0.distcp"], ""), None, "two models");
    }

    #[test]
    fn patterns_capture_the_text_of_the_star() {
        assert!(
            training("rng_state_3.pth").is_some()
                && training("bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt").is_some()
        );
        assert!(training("_model_states.pt").is_some() && training("model_states.pt").is_none());
        assert!(training("model.safetensors").is_none());
    }
}
