//! Folders of torch.distributed.checkpoint (torch 2.15): torchtitan's `step-100`, sharded checkpoints of composer, Lightning and FSDP.
//!
//! Every rank writes `__<rank>_<n>.distcp`; rank 0 then writes `.metadata.tmp`, syncs and renames it to `.metadata`. When the same folder is
//! written again, the old `.metadata` remains until then, so it must be newer than every shard. accelerate and the Trainer put such a folder,
//! `pytorch_model_fsdp_0`, into their checkpoint; without gathered weights beside it the checkpoint is the unit. It is exported if its tensors
//! are complete or divided by rows; otherwise the reader says what to run.

use super::{Family, PLAIN, hf_folder, hf_trainer};
use crate::watch::folder::{Claim, Folder};
use crate::watch::rules::{Outcome, Rule, markers};
use crate::watch::unit::FileRole;

pub(super) static FAMILY: Family = Family {
    name: "dcp",
    title: "a folder of torch.distributed.checkpoint",
    claim,
    rules: &[&METADATA, &TRAINER_STATE],
    marked: true,
    by_rank: true,
    ..PLAIN
};

const FSDP: &str = "pytorch_model_fsdp_0";

static METADATA: Rule = Rule {
    name: ".metadata",
    check: |o| {
        let inner = format!("{FSDP}/.metadata");
        let nested = o.unit.files.iter().any(|f| f.name.starts_with(FSDP));
        markers::newer(o, if nested { &inner } else { ".metadata" })
    },
};

static TRAINER_STATE: Rule = Rule {
    name: "trainer_state.json",
    check: |o| -> Option<Outcome> {
        let trainer = o.unit.file("training_args.bin").is_some() && o.unit.is_folder();
        trainer.then(|| (markers::TRAINER_STATE.check)(o)).flatten()
    },
};

fn claim(folder: &Folder<'_>) -> Vec<Claim> {
    if folder.any(shard) {
        let shards = folder.names().filter(|n| shard(n));
        let claim = Claim::all_of(folder).with(FileRole::Weights, shards).with(FileRole::Sidecar, folder.sidecars());
        return vec![claim.with(FileRole::Marker, [".metadata"])];
    }
    let Some(inner) = folder.folder(FSDP).filter(|f| f.any(shard)) else { return Vec::new() };
    if !hf_folder::weights(folder).is_empty() {
        return Vec::new();
    }
    let shards = inner.names().filter(|n| shard(n)).map(|n| format!("{FSDP}/{n}"));
    let claim = Claim::all_of(folder).with(FileRole::Weights, shards).with(FileRole::Sidecar, folder.sidecars());
    let claim = claim.with(FileRole::Marker, [format!("{FSDP}/.metadata")]);
    let trainer = hf_trainer::is_checkpoint(folder.name()) && folder.has("training_args.bin");
    let markers = ["trainer_state.json", "training_args.bin"].into_iter().filter(|_| trainer);
    vec![claim.with(FileRole::Marker, markers)]
}

fn shard(name: &str) -> bool {
    name.ends_with(".distcp")
}
