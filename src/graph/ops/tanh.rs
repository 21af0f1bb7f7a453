//! `Tanh`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Eval, math};

/// Schemas: ONNX 1.23, `Tanh`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Tanh",
    versions: &[
        Version {
            since: 1,
            inputs: "input: T",
            outputs: "output: T",
            types: "T = FLOATS",
            attributes: "consumed_inputs: ints",
            deprecated: false,
        },
        Version {
            since: 6,
            inputs: "input: T",
            outputs: "output: T",
            types: "T = FLOATS",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "input: T",
            outputs: "output: T",
            types: "T = FLOATS16",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(|c| math::float(c, f64::tanh)),
};
