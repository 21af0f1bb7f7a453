//! `split`: spreads the outputs over several files.

use super::{Effect, StepOption, StepProblem, StepSpec};
use crate::recipe::key::{Key, KeyTable, Kind, NOW, State, key};
use crate::recipe::options::common;
use crate::recipe::types::{Step, Target};

const NAME: &str = "split";

const fn split(name: &'static str, kind: Kind, state: State, help: &'static str, example: &'static str) -> Key {
    key(KeyTable::Step(NAME), name, kind, state, help, example)
}

/// What decides where a file ends.
static METHOD: StepOption<Option<String>> = StepOption::new(split(
    "method",
    Kind::Choice(&["size", "layer", "cost", "memory"]),
    NOW,
    "What decides where a file ends: `size`, with `max_size`; the others are recognized and refused. By layers: `split_max_layers` of a GGUF target.",
    "\"size\"",
));

/// The largest file.
static MAX_SIZE: StepOption<Option<String>> =
    StepOption::new(split("max_size", Kind::Size, NOW, "Tensor data in one file at most.", "\"2GB\""));

/// How many parts there are.
static NUM_PARTS: StepOption<Option<u64>> =
    StepOption::new(split("num_parts", Kind::Integer(1, 65535), State::Later, "Number of parts.", "2"));

/// What neighbours share.
static OVERLAP: StepOption<Option<u64>> =
    StepOption::new(split("overlap", Kind::Integer(0, 65535), State::Later, "Layers that both neighbours have.", "0"));

/// The step.
pub(crate) static STEP: StepSpec = StepSpec {
    name: NAME,
    aliases: &["splitting"],
    purpose: "Spreads the outputs over several files.",
    state: NOW,
    keys: &[&METHOD.key, &MAX_SIZE.key, &NUM_PARTS.key, &OVERLAP.key],
    required: &["max_size"],
    effect: Effect::Targets(set),
    check,
};

fn set(step: &Step, target: &mut Target) {
    let shard = &common::MAX_SHARD_SIZE;
    let splits_already = shard.key.conflicts.iter().any(|name| target.options.names().any(|n| n == *name));
    if !splits_already {
        target.set(shard, step.get(&MAX_SIZE));
    }
}

fn check(step: &Step) -> Vec<StepProblem> {
    match step.get(&METHOD) {
        Some(method) if method != "size" => vec![StepProblem {
            key: METHOD.key.name,
            message: format!("splitting by {method} is not available in this version"),
            help: "Use `method = \"size\"` with `max_size`, or `split_max_layers` of a GGUF target.".to_owned(),
        }],
        _ => Vec::new(),
    }
}
