//! `IsNaN`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Eval, math};

/// Schemas: ONNX 1.23, `IsNaN`.
pub(super) static OPERATOR: Operator = Operator {
    name: "IsNaN",
    versions: &[
        Version {
            since: 9,
            inputs: "X: T1",
            outputs: "Y: T2",
            types: "T1 = FLOATS; T2 = bool",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "X: T1",
            outputs: "Y: T2",
            types: "T1 = FLOATS16; T2 = bool",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 20,
            inputs: "X: T1",
            outputs: "Y: T2",
            types: "T1 = f16 f32 f64 bf16 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz; T2 = bool",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(|c| math::test(c, f64::is_nan)),
};
