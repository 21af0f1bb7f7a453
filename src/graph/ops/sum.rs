//! `Sum`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Eval, math};

/// Schemas: ONNX 1.23, `Sum`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Sum",
    versions: &[
        Version {
            since: 1,
            inputs: "data_0+: T",
            outputs: "sum: T",
            types: "T = FLOATS",
            attributes: "consumed_inputs: ints",
            deprecated: false,
        },
        Version {
            since: 6,
            inputs: "data_0+: T",
            outputs: "sum: T",
            types: "T = FLOATS",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 8,
            inputs: "data_0+: T",
            outputs: "sum: T",
            types: "T = FLOATS",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "data_0+: T",
            outputs: "sum: T",
            types: "T = FLOATS16",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::elementwise),
    eval: Eval::Rule(|c| math::variadic(c, |a, b| a + b, |a, b| a + b)),
};
