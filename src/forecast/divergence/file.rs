//! Costs as a file, which can be shared and used again.
//!
//! JSON: `{"remold_scores": 1, "model", "tokens_hash", "tokens", "positions", "effort", "seconds", "tensors": {NAME: {"hash", "types": {TYPE: nats}}},
//! "groups": {KEY: {"hash", "type", "nats", "tensors": [NAME]}}, "check_tokens": [HASH, tokens], "checks": {CHOICE: {"mean", "error", "p999", "max"}}}`;
//! the last three may be absent.

use super::{Basis, Checked, Divergences, GroupCost, Measured};
use crate::files;
use crate::model::{ModelError, Result, read_request_file};
use crate::quant::{Effort, Encoding};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Changes when the meaning of a cost does.
const VERSION: u32 = 1;

/// Largest file that is read. A network of 100,000 tensors in ten types has 40 MB.
const MAX_BYTES: u64 = 256 << 20;

#[derive(Serialize, Deserialize)]
struct File {
    remold_scores: u32,
    #[serde(default)]
    model: String,
    tokens_hash: String,
    tokens: usize,
    positions: usize,
    effort: String,
    seconds: f64,
    tensors: BTreeMap<String, Tensor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    groups: BTreeMap<String, Group>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    check_tokens: Option<(String, usize)>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    checks: BTreeMap<String, Checked>,
}

#[derive(Serialize, Deserialize)]
struct Tensor {
    hash: String,
    types: BTreeMap<String, f64>,
}

#[derive(Serialize, Deserialize)]
struct Group {
    hash: String,
    #[serde(rename = "type")]
    ty: String,
    nats: f64,
    tensors: Vec<String>,
}

/// Reads a file of costs.
///
/// # Errors
/// A file that is none, or of another version; costs that are negative or not finite; types that do not exist.
pub(crate) fn read(path: &Path) -> Result<Divergences> {
    let bytes = read_request_file(path, MAX_BYTES)?;
    let bad = |what: String| {
        let hint = "Give a file that `--scores` wrote, or a new name to measure again.";
        ModelError::bad(what).in_file(path).with_hint(hint)
    };
    let file: File = serde_json::from_slice(&bytes).map_err(|e| bad(format!("not a file of scores: {e}")))?;
    if file.remold_scores != VERSION {
        return Err(bad(format!("version {} of scores; this is version {VERSION}", file.remold_scores)));
    }
    let effort = Effort::parse(&file.effort).ok_or_else(|| bad(format!("{:?} is not an effort", file.effort)))?;
    let sound_cost = |name: &str, ty: &str, cost: f64| {
        let encoding = Encoding::parse(ty).ok_or_else(|| bad(format!("{ty:?} is not a type ({name})")))?;
        match cost.is_finite() && cost >= 0.0 {
            true => Ok(encoding),
            false => Err(bad(format!("{cost} is not a divergence ({name}, {ty})"))),
        }
    };
    let mut groups = BTreeMap::new();
    for (key, g) in file.groups {
        let encoding = sound_cost(&key, &g.ty, g.nats)?;
        groups.insert(key, GroupCost { hash: g.hash, encoding, nats: g.nats, tensors: g.tensors });
    }
    let mut tensors = BTreeMap::new();
    for (name, tensor) in file.tensors {
        let mut types = BTreeMap::new();
        for (ty, cost) in tensor.types {
            let encoding = sound_cost(&name, &ty, cost)?;
            types.insert(encoding, cost);
        }
        tensors.insert(name, Measured { hash: tensor.hash, types });
    }
    let basis = Basis {
        model: file.model,
        tokens_hash: file.tokens_hash,
        tokens: file.tokens,
        positions: file.positions,
        effort,
        seconds: file.seconds,
    };
    let sound = |c: &Checked| [c.mean, c.error, c.p999, c.max].iter().all(|v| v.is_finite()) && c.mean >= 0.0;
    if let Some((name, c)) = file.checks.iter().find(|(_, c)| !sound(c)) {
        return Err(bad(format!("{} is not a divergence (check {name})", c.mean)));
    }
    Ok(Divergences { basis, tensors, groups, checks: file.checks, check_tokens: file.check_tokens })
}

/// Writes a file of costs, whole or not at all. `replaces` is true for a file that may exist, which is then one of costs.
///
/// # Errors
/// Those of writing; a file that exists.
pub(crate) fn write(path: &Path, all: &Divergences, replaces: bool) -> Result<()> {
    let tensor = |m: &Measured| {
        let finite = m.types.iter().filter(|(_, cost)| cost.is_finite());
        Tensor { hash: m.hash.clone(), types: finite.map(|(e, cost)| (e.name().to_owned(), *cost)).collect() }
    };
    let group = |g: &GroupCost| {
        let ty = g.encoding.name().to_owned();
        Group { hash: g.hash.clone(), ty, nats: g.nats, tensors: g.tensors.clone() }
    };
    let groups = all.groups.iter().filter(|(_, g)| g.nats.is_finite());
    let file = File {
        remold_scores: VERSION,
        model: all.basis.model.clone(),
        tokens_hash: all.basis.tokens_hash.clone(),
        tokens: all.basis.tokens,
        positions: all.basis.positions,
        effort: all.basis.effort.to_string(),
        seconds: all.basis.seconds,
        tensors: all.tensors.iter().map(|(name, m)| (name.clone(), tensor(m))).collect(),
        groups: groups.map(|(key, g)| (key.clone(), group(g))).collect(),
        check_tokens: all.check_tokens.clone(),
        checks: all.checks.clone(),
    };
    let text = serde_json::to_vec_pretty(&file).map_err(|e| ModelError::bad(e.to_string()))?;
    let written = if replaces { files::write_whole(path, &text) } else { files::write_new(path, &text) };
    written.map_err(|e| ModelError::io(path, "writing the scores", e))
}
