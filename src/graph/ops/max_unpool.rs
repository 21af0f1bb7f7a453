//! `MaxUnpool`.

use super::{Infer, Operator, Version};

/// Schemas: ONNX 1.23, `MaxUnpool`.
pub(super) static OPERATOR: Operator = Operator {
    name: "MaxUnpool",
    versions: &[
        Version {
            since: 9,
            inputs: "X: T1, I: T2, output_shape?: T2",
            outputs: "output: T1",
            types: "T1 = FLOATS; T2 = i64",
            attributes: "kernel_shape!: ints, pads: ints, strides: ints",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "X: T1, I: T2, output_shape?: T2",
            outputs: "output: T1",
            types: "T1 = FLOATS; T2 = i64",
            attributes: "kernel_shape!: ints, pads: ints, strides: ints",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "X: T1, I: T2, output_shape?: T2",
            outputs: "output: T1",
            types: "T1 = FLOATS16; T2 = i64",
            attributes: "kernel_shape!: ints, pads: ints, strides: ints",
            deprecated: false,
        },
    ],
    infer: Infer::Nothing,
};
