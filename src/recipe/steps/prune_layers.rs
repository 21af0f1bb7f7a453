//! `prune_layers`: leaves whole layers out.

use super::{Effect, StepOption, StepSpec, no_problems};
use crate::recipe::key::{KeyTable, Kind, NOW, key};

const NAME: &str = "prune_layers";

/// The layers that are left out.
pub(crate) static LAYERS: StepOption<Vec<u32>> = StepOption::new(
    key(
        KeyTable::Step(NAME),
        "layers",
        Kind::Layers,
        NOW,
        "Layers to leave out, counted from 0; those behind move up.",
        "[20, 21]",
    )
    .or(&["layer", "prune_layers"]),
);

/// The step.
pub(crate) static STEP: StepSpec = StepSpec {
    name: NAME,
    aliases: &["drop_layers"],
    purpose: "Leaves whole layers out, in every target.",
    state: NOW,
    keys: &[&LAYERS.key],
    required: &["layers"],
    effect: Effect::Tensors,
    check: no_problems,
};
