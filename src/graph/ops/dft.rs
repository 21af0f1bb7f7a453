//! `DFT`.

use super::{Infer, Operator, Version};

/// Schemas: ONNX 1.23, `DFT`.
pub(super) static OPERATOR: Operator = Operator {
    name: "DFT",
    versions: &[
        Version {
            since: 17,
            inputs: "input: T1, dft_length?: T2",
            outputs: "output: T1",
            types: "T1 = FLOATS16; T2 = i32 i64",
            attributes: "axis: int = 1, inverse: int = 0, onesided: int = 0",
            deprecated: false,
        },
        Version {
            since: 20,
            inputs: "input: T1, dft_length?: T2, axis?: i64",
            outputs: "output: T1",
            types: "T1 = FLOATS16; T2 = i32 i64",
            attributes: "inverse: int = 0, onesided: int = 0",
            deprecated: false,
        },
    ],
    infer: Infer::Nothing,
};
