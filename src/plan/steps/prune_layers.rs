//! `prune_layers`: leaves whole layers out of the model.

use super::Applied;
use crate::model::{Model, Result};
use crate::recipe::Step;
use crate::recipe::steps::PRUNE_LAYERS;
use crate::transform::without_layers;
use std::collections::BTreeSet;

/// The model without the step's `layers`.
pub(super) fn apply(model: &Model, step: &Step) -> Result<Applied> {
    let layers: BTreeSet<u32> = step.get(&PRUNE_LAYERS).into_iter().collect();
    let (pruned, warnings) = without_layers(model, &layers).map_err(|e| e.about_option(&PRUNE_LAYERS))?;
    let names: Vec<String> = layers.iter().map(u32::to_string).collect();
    let (layer, verb) = if names.len() == 1 { ("layer", "is") } else { ("layers", "are") };
    Ok(Applied { model: pruned, what: format!("{layer} {} {verb} removed", names.join(", ")), warnings })
}
