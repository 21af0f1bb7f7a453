//! `quantize`: the quantization of the targets that name none.

use super::{Effect, StepOption, StepSpec, no_problems};
use crate::recipe::key::{KeyTable, Kind, NOW, State, key};
use crate::recipe::names;
use crate::recipe::options::Budget;
use crate::recipe::types::{Step, Target};
use std::path::PathBuf;

const NAME: &str = "quantize";

/// The quantization.
static QUANTIZATION: StepOption<Option<String>> = StepOption::new(
    key(
        KeyTable::Step(NAME),
        "quantization",
        Kind::Quantization,
        NOW,
        "Quantization or element type of the targets that name none and have no budget.",
        "\"q4_k_m\"",
    )
    .or(&["method", "type"]),
);

/// Data for static quantization.
static CALIBRATION_DATA: StepOption<Option<PathBuf>> = StepOption::new(key(
    KeyTable::Step(NAME),
    "calibration_data",
    Kind::Path,
    State::Later,
    "Data for static quantization.",
    "\"calib.jsonl\"",
));

/// How ranges are found.
static CALIBRATION_METHOD: StepOption<Option<String>> = StepOption::new(key(
    KeyTable::Step(NAME),
    "calibration_method",
    Kind::Choice(&["minmax", "entropy", "percentile"]),
    State::Later,
    "How ranges are found.",
    "\"entropy\"",
));

/// The step.
pub(crate) static STEP: StepSpec = StepSpec {
    name: NAME,
    aliases: &["quantise", "quantization"],
    purpose: "Gives a quantization to the targets that name none.",
    state: NOW,
    keys: &[&QUANTIZATION.key, &CALIBRATION_DATA.key, &CALIBRATION_METHOD.key],
    required: &["quantization"],
    effect: Effect::Targets(set),
    check: no_problems,
};

fn set(step: &Step, target: &mut Target) {
    if Budget::of(target).is_none() {
        target.quantization = step.get(&QUANTIZATION).map(|q| names::quantization(&q));
    }
}
