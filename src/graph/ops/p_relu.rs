//! `PRelu`.

use super::{Infer, Operator, Version, rules};

/// Schemas: ONNX 1.23, `PRelu`.
pub(super) static OPERATOR: Operator = Operator {
    name: "PRelu",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T, slope: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "consumed_inputs: ints",
            deprecated: false,
        },
        Version {
            since: 6,
            inputs: "X: T, slope: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 7,
            inputs: "X: T, slope: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 9,
            inputs: "X: T, slope: T",
            outputs: "Y: T",
            types: "T = u32 u64 i32 i64 f16 f32 f64",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 16,
            inputs: "X: T, slope: T",
            outputs: "Y: T",
            types: "T = u32 u64 i32 i64 f16 f32 f64 bf16",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
};
