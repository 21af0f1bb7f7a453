//! Adapters of MLX-LM: `adapters.safetensors`, written over itself, then a numbered copy, `0000100_adapters.safetensors`.
//!
//! The folder is one unit, each numbered copy another. Nothing marks the end of a file (MLX-LM's `tuner/trainer.py`).

use super::{Family, PLAIN};
use crate::watch::folder::{Claim, Folder};
use crate::watch::unit::FileRole;

pub(super) static FAMILY: Family = Family { name: "mlx", title: "an adapter of MLX-LM", claim, ..PLAIN };

const NEWEST: &str = "adapters.safetensors";
const CONFIG: &str = "adapter_config.json";

fn claim(folder: &Folder<'_>) -> Vec<Claim> {
    let numbered = folder.names().filter(|n| n.strip_suffix("_adapters.safetensors").is_some_and(all_digits));
    let config = |claim: Claim| claim.with(FileRole::Sidecar, folder.has(CONFIG).then_some(CONFIG));
    let mut claims: Vec<Claim> = numbered.map(|n| config(Claim::file(n))).collect();
    if folder.has(NEWEST) {
        let claim = Claim { inside: Some(Vec::new()), ..Claim::default() };
        claims.push(config(claim.with(FileRole::Weights, [NEWEST]).opening(NEWEST)));
    }
    claims
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}
