//! The stages of a plan, in the order in which the engine carries them out.
//!
//! Steps that change tensors are lazy and need no stage: they are carried out while an output is converted. Work that has to see data before
//! anything can be written (calibration, importance, training) is a stage of its own before [`StageKind::Convert`].

use super::PlannedOutput;
use crate::model::{OutputIndex, numbered};
use serde::{Deserialize, Serialize};

/// What a stage does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StageKind {
    /// Reads the source through the steps, encodes every tensor and writes it into unfinished files.
    Convert,
    /// Reads the outputs back from the disk, compares them with what was encoded, and opens them.
    Verify,
    /// Gives the outputs their names.
    Publish,
    /// Evaluates the published outputs on a text against the source.
    Evaluate,
    /// Registers outputs in another program.
    Register,
    /// A stage that this version does not know.
    #[serde(other)]
    Unknown,
}

impl StageKind {
    /// Its name in events and plans.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Convert => "convert",
            Self::Verify => "verify",
            Self::Publish => "publish",
            Self::Evaluate => "evaluate",
            Self::Register => "register",
            Self::Unknown => "unknown",
        }
    }
}

/// A stage of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStage {
    /// What it does.
    pub stage: StageKind,
    /// The outputs it works on (0-based).
    pub outputs: Vec<OutputIndex>,
}

/// The stages that make these outputs; with `evaluate`, they are evaluated before any of them is registered.
pub(super) fn stages(outputs: &[PlannedOutput], evaluate: bool) -> Vec<PlannedStage> {
    let all: Vec<OutputIndex> = (0..outputs.len()).map(OutputIndex).collect();
    let stage = |stage| PlannedStage { stage, outputs: all.clone() };
    let mut stages = Vec::from([StageKind::Convert, StageKind::Verify, StageKind::Publish].map(stage));
    stages.extend(evaluate.then(|| stage(StageKind::Evaluate)));
    let registered = numbered::<OutputIndex, _>(outputs).filter(|(_, o)| o.registration.is_some());
    let registered: Vec<OutputIndex> = registered.map(|(no, _)| no).collect();
    if !registered.is_empty() {
        stages.push(PlannedStage { stage: StageKind::Register, outputs: registered });
    }
    stages
}
