//! Names that trainers count as checkpoints of their own, and what follows for the names and places of outputs.
//!
//! A trainer that keeps only its newest checkpoints deletes the others. What it takes for a checkpoint it finds by name:
//! `rotate_checkpoints` of transformers takes every folder that the glob `checkpoint-*` finds and sorts by time, so a folder
//! `checkpoint-100-F16-safetensors` counts as the newest checkpoint and a real one goes. A file written into a checkpoint
//! changes its time and with it the order. So default outputs begin with the run's name, are outside of every checkpoint,
//! and what the user names is checked.

use crate::model::Warning;
use std::fs;
use std::path::Path;

/// Beginnings of names, each with the glob people know it by. Behind the beginning comes anything but a letter.
const BEGINNINGS: [(&str, &str); 7] = [
    // transformers (and what builds on it), accelerate (`checkpoint_0`), fairseq (`checkpoint1.pt`)
    ("checkpoint", "checkpoint-*"),
    // transformers 4.36
    ("tmp-checkpoint", "tmp-checkpoint-*"),
    // TensorFlow
    ("ckpt", "ckpt-*"),
    // DeepSpeed, verl
    ("global_step", "global_step*"),
    // OLMo-core, torchtitan, litgpt
    ("step", "step*"),
    // torchtune, Lightning, ultralytics
    ("epoch", "epoch*"),
    // Megatron
    ("iter", "iter_*"),
];

/// accelerate takes everything in a folder of this name for a checkpoint.
const ALL_COUNT: &str = "checkpoints";

/// Entries of a folder that are looked at.
const LOOKED_AT: usize = 10_000;

/// The pattern by which some trainer counts a folder or file of this name as a checkpoint; `None` if none does.
pub(super) fn counted(name: &str) -> Option<&'static str> {
    let begins = |start: &str| name.strip_prefix(start).is_some_and(|rest| !rest.starts_with(char::is_alphabetic));
    let by_beginning = BEGINNINGS.iter().find(|(start, _)| begins(start));
    by_beginning.map(|(_, pattern)| *pattern).or_else(|| {
        let rest = name.trim_start_matches(|c: char| c.is_ascii_digit());
        // nanotron (`1000`), MLX-LM (`0000100_adapters.safetensors`)
        let number =
            rest.len() < name.len() && (rest.is_empty() || rest.starts_with('.') || rest.starts_with("_adapters"));
        number.then_some("a number").or_else(|| composer(name).then_some("ep*-ba*"))
    })
}

/// `ep1-ba100-rank0.pt`, as composer names its checkpoints.
fn composer(name: &str) -> bool {
    let after_digits = |s: &str| {
        let rest = s.trim_start_matches(|c: char| c.is_ascii_digit());
        (rest.len() < s.len()).then(|| rest.to_owned())
    };
    let batch = name.strip_prefix("ep").and_then(after_digits);
    batch.is_some_and(|rest| rest.strip_prefix("-ba").and_then(after_digits).is_some())
}

/// True for a name that is a checkpoint beyond doubt: the word of a trainer, a number, and little else. Folders far above a source
/// are judged by it, so `step2-data` is none.
pub(super) fn is_checkpoint(name: &str) -> bool {
    let numbered = |rest: &str| {
        let rest = rest.strip_prefix(['-', '_', '=']).unwrap_or(rest);
        let end = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        end.len() < rest.len() && (end.is_empty() || end.starts_with('.') || end.starts_with("-step="))
    };
    BEGINNINGS.iter().any(|(start, _)| name.strip_prefix(start).is_some_and(numbered)) || composer(name)
}

/// True if everything in a folder of this name counts.
pub(super) fn all_count(name: &str) -> bool {
    name == ALL_COUNT
}

/// A warning about an output that a trainer may take for a checkpoint. `path` is resolved: absolute and without links.
pub(super) fn warning(path: &Path) -> Option<Warning> {
    let name = |p: &Path| p.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = path.parent()?;
    let code = "output.counted-as-checkpoint";
    if let Some(inside) = folder.ancestors().find(|a| is_checkpoint(&name(a))) {
        let text = format!(
            "{} is written into the checkpoint {}: trainers that sort checkpoints by time may then delete the wrong one; write it elsewhere",
            path.display(),
            name(inside)
        );
        return Some(Warning::new(code, text));
    }
    let own = name(path);
    let why = match counted(&own) {
        Some(pattern) => format!("its name matches {pattern}"),
        None if all_count(&name(folder)) => format!("accelerate counts everything in {ALL_COUNT}/"),
        None => return None,
    };
    let others = fs::read_dir(folder).ok()?.take(LOOKED_AT).flatten();
    let beside = others
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .find(|n| *n != own && !n.ends_with(super::MANIFEST_SUFFIX) && is_checkpoint(n))?;
    let text = format!(
        "{} is beside {beside} and {why}: a trainer that keeps only the newest checkpoints may count it and delete a real one; \
         choose another name or folder",
        path.display()
    );
    Some(Warning::new(code, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_trainers_are_counted_and_others_are_not() {
        for name in [
            "checkpoint-100",
            "checkpoint-100-F16-safetensors",
            "checkpoint_3",
            "checkpoint1.pt",
            "checkpoint_last.pt",
            "tmp-checkpoint-5",
            "global_step10",
            "step1000",
            "step-1000",
            "step_1000",
            "epoch3.pt",
            "epoch_2",
            "epoch=3-step=100.ckpt",
            "iter_0000100",
            "iter-000100-ckpt.pth",
            "ep1-ba100-rank0.pt",
            "1000",
            "500.pt",
            "0000100_adapters.safetensors",
            "ckpt-7",
        ] {
            assert!(counted(name).is_some(), "{name}");
        }
        for name in [
            "run-checkpoint-100",
            "checkpoints",
            "stepfun-7b",
            "epochs",
            "iterative",
            "7b-chat",
            "ep1",
            "llama",
            "last.ckpt",
            "",
        ] {
            assert_eq!(counted(name), None, "{name}");
        }
    }

    #[test]
    fn checkpoints_beyond_doubt_have_a_number_and_little_else() {
        for name in [
            "checkpoint-100",
            "checkpoint_3",
            "global_step10",
            "step1000",
            "epoch=3-step=10",
            "iter_0000100",
            "epoch3.pt",
            "ep1-ba100",
        ] {
            assert!(is_checkpoint(name), "{name}");
        }
        for name in ["checkpoint-100-F16-safetensors", "step2-data", "epochs", "1000", "checkpoint-best", "llama-3"] {
            assert!(!is_checkpoint(name), "{name}");
        }
    }

    #[test]
    fn what_is_named_like_a_checkpoint_is_told_where_there_are_some() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path();
        let text = |path: &str| warning(&run.join(path)).map(|w| w.text).unwrap_or_default();
        assert_eq!(text("checkpoint-100-f16"), "", "nothing is beside it");
        fs::create_dir_all(run.join("checkpoint-100")).unwrap();
        fs::create_dir_all(run.join("checkpoints/checkpoint_0")).unwrap();
        assert!(text("checkpoint-100-f16").contains("beside checkpoint-100 and its name matches checkpoint-*"));
        assert!(text("step5.gguf").contains("step*"));
        assert!(text("checkpoint-100/x.gguf").contains("written into the checkpoint checkpoint-100"));
        assert!(text("checkpoints/x.gguf").contains("accelerate counts everything"));
        assert_eq!(text("run-checkpoint-100-F16.gguf"), "");
        assert_eq!(text("out/x.gguf"), "");
    }
}
