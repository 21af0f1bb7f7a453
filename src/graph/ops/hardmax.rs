//! `Hardmax`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Eval, norm};

/// Schemas: ONNX 1.23, `Hardmax`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Hardmax",
    versions: &[
        Version {
            since: 1,
            inputs: "input: T",
            outputs: "output: T",
            types: "T = FLOATS",
            attributes: "axis: int = 1",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "input: T",
            outputs: "output: T",
            types: "T = FLOATS",
            attributes: "axis: int = 1",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "input: T",
            outputs: "output: T",
            types: "T = FLOATS16",
            attributes: "axis: int = -1",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(|c| norm::along_axis(c, norm::hardmax)),
};
