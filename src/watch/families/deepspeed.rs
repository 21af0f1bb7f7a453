//! Checkpoints of DeepSpeed: `global_step100/` with `mp_rank_*_model_states.pt` and `*zero_pp_rank_*_optim_states.pt`.
//!
//! Every rank writes its own files in place. Rank 0 writes `latest` before the closing barrier (`runtime/engine.py`), so `latest` does not prove
//! that other ranks are done: their numbers must have no gap, and the archives of the model states must have their end. In a `checkpoint-N` of
//! the Trainer without gathered weights the checkpoint is the unit. The model states of ZeRO-1 and ZeRO-2 are exported, with the configuration
//! of the folder above; those of ZeRO-3 and of model parallelism have to be merged first.

use super::{Family, PLAIN, Reading, hf_folder, hf_trainer};
use crate::watch::folder::{Claim, Folder};
use crate::watch::rules::{Rule, markers, ranks};
use crate::watch::unit::FileRole;

pub(super) static FAMILY: Family = Family {
    name: "deepspeed",
    title: "a checkpoint of DeepSpeed",
    claim,
    rules: &[&ranks::RULE, &TRAINER_STATE],
    // Read if the model states are complete; otherwise the reader says what to run.
    reading: Reading { zips: |n| n.ends_with("_model_states.pt"), model: true },
    by_rank: true,
    ..PLAIN
};

static TRAINER_STATE: Rule = Rule {
    name: "trainer_state.json",
    check: |o| {
        let name = o.unit.path.file_name()?.to_str()?;
        let trainer = hf_trainer::is_checkpoint(name) && o.unit.files.iter().any(|f| f.name.contains('/'));
        trainer.then(|| (markers::TRAINER_STATE.check)(o)).flatten()
    },
};

fn claim(folder: &Folder<'_>) -> Vec<Claim> {
    if folder.any(states) {
        let files = folder.names().filter(|n| states(n));
        let claim = Claim::all_of(folder).with(FileRole::Weights, files).with(FileRole::Sidecar, folder.sidecars());
        let above = folder.parent().filter(|p| !folder.has("config.json") && p.has("config.json"));
        let above = above.into_iter().flat_map(|p| p.sidecars().map(|name| format!("../{name}")).collect::<Vec<_>>());
        return vec![claim.with(FileRole::Sidecar, above)];
    }
    if !hf_trainer::is_checkpoint(folder.name()) || !hf_folder::weights(folder).is_empty() {
        return Vec::new();
    }
    let Some(inner) = folder.folders().filter(|f| f.name().starts_with("global_step")).find(|f| f.any(states)) else {
        return Vec::new();
    };
    let files = inner.names().filter(|n| states(n)).map(|n| format!("{}/{n}", inner.name()));
    let claim = Claim::all_of(folder).with(FileRole::Weights, files).with(FileRole::Sidecar, folder.sidecars());
    vec![claim.with(FileRole::Marker, ["trainer_state.json"])]
}

fn states(name: &str) -> bool {
    name.ends_with("_model_states.pt") || name.ends_with("_optim_states.pt")
}
