//! A target with a budget: the mix that loses least, or the file type of the same or fewer bytes that loses less than any mix found.

use super::super::Resolved;
use super::budget::Budget;
use super::file_types::{Outline, as_file_type, outlines};
use super::forecast_many::MANY;
use super::mixer::Mixer;
use super::overrides::Overrides;
use super::pick::Pick;
use super::ready::Ready;
use crate::model::{ErrorKind, Model, Name, Result};
use crate::plan::PredictedDivergence;
use crate::quant::Encoding;
use crate::recipe::Target;
use crate::recipe::options::gguf;
use crate::task::Task;

/// The mix that loses least within a budget, or the file type that does if no mix loses less.
///
/// # Errors
/// Those of measuring; a budget that is too small.
pub(super) fn within(
    (model, ready): (&Model, &Ready),
    budget: Budget,
    target: &Target,
    overrides: &Overrides,
    how: Task<'_>,
) -> Result<Resolved> {
    let plain = &target.clone().with(&gguf::TARGET_SIZE, None).with(&gguf::TARGET_BPW, None).with(&gguf::MAX_KLD, None);
    let plain = &Target { quantization: None, ..plain.clone() };
    let types = alternatives(model, ready, plain, overrides, budget, how)?;
    let also: Vec<(Name, Encoding)> = types.iter().flat_map(|o| o.lossy(&ready.real)).collect();
    let mut mixer = Mixer::measured(model, ready, target, overrides, &also, how)?;
    let pick = Pick { model, ready, target, plain, overrides, types: &types };
    let picked = pick.pick(&mut mixer, budget, how)?;
    let mut resolved = match picked.mix {
        Some(mix) => {
            let mut resolved = ready.with_types(target, mix.file_type, &mix.types, overrides)?;
            resolved.warnings.extend(mix.warning);
            resolved
        }
        None => as_file_type(model, plain, ready, overrides, picked.outline.file_type, how)?,
    };
    resolved.quantization = budget.name(target);
    resolved.divergence = mixer.prediction(&resolved).map(|d| PredictedDivergence { check: picked.check, ..d });
    Ok(resolved)
}

/// The file types that fit a budget. None for models of very many tensors, where a list for each type would take gigabytes.
///
/// # Errors
/// Those of reading: a file type that this model cannot become is left out.
fn alternatives(
    model: &Model,
    ready: &Ready,
    target: &Target,
    overrides: &Overrides,
    budget: Budget,
    how: Task<'_>,
) -> Result<Vec<Outline>> {
    if ready.real.len() > MANY {
        return Ok(Vec::new());
    }
    match outlines(model, target, ready, overrides, how) {
        Ok((all, _)) => Ok(all.into_iter().filter(|o| holds(budget, o, &ready.model)).collect()),
        Err(e) if e.kind() == ErrorKind::Io => Err(e),
        Err(_) => Ok(Vec::new()),
    }
}

/// True if a file of these types keeps to the budget.
pub(super) fn holds(budget: Budget, outline: &Outline, model: &Model) -> bool {
    match budget {
        Budget::Bytes(n) => outline.bytes <= n,
        Budget::BitsPerWeight(bits) => {
            let elems: u64 = model.tensors.iter().filter_map(|t| t.shape.elems()).sum();
            outline.data_bytes(model) as f64 * 8.0 <= bits * elems as f64
        }
        // What it loses says whether it holds.
        Budget::Divergence(_) => true,
    }
}
