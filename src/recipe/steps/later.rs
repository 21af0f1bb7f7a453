//! Steps that are understood, so that recipes of the guide are read, and that no version carries out yet.

use super::{Effect, StepSpec, no_problems};
use crate::recipe::key::{Key, KeyTable, Kind, State, key};

const fn later(step: &'static str, name: &'static str, kind: Kind, help: &'static str, example: &'static str) -> Key {
    key(KeyTable::Step(step), name, kind, State::Later, help, example)
}

const fn step(name: &'static str, aliases: &'static [&'static str], keys: &'static [&'static Key]) -> StepSpec {
    StepSpec {
        name,
        aliases,
        purpose: "Not available in this version.",
        state: State::Later,
        keys,
        required: &[],
        effect: Effect::Tensors,
        check: no_problems,
    }
}

/// Trains a student on what a teacher says.
#[rustfmt::skip]
pub(crate) static DISTIL: StepSpec = step("distil", &["distill", "distillation"], &[
    &later("distil", "teacher_model", Kind::Path, "The model to learn from.", "\"runs/teacher\"").or(&["teacher"]),
    &later("distil", "temperature", Kind::Number(0.0, f64::MAX), "Softens both distributions.", "2.0"),
    &later("distil", "alpha", Kind::Number(0.0, 1.0), "Weight of the teacher's term.", "0.5"),
    &later("distil", "data", Kind::Path, "Text to learn on.", "\"train.txt\""),
]);

/// Runs passes over an operator graph.
#[rustfmt::skip]
pub(crate) static OPTIMIZE: StepSpec = step("optimize", &["optimise", "optimization"], &[
    &later("optimize", "methods", Kind::List, "Passes over the graph.", "[\"fold_constants\"]").or(&["optimizations"]),
    &later("optimize", "level", Kind::Text, "How much to optimize.", "\"basic\"").or(&["optimization_level"]),
    &later("optimize", "config", Kind::Table, "Settings of the passes.", "{ opset = 21 }"),
]);

/// Checks what was made.
#[rustfmt::skip]
pub(crate) static VALIDATE: StepSpec = step("validate", &["validation"], &[
    &later("validate", "checks", Kind::List, "What to check.", "[\"format\", \"metadata\"]"),
    &later("validate", "data", Kind::Path, "Text to measure on.", "\"holdout.txt\""),
]);
