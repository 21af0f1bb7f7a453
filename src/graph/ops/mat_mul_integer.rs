//! `MatMulInteger`.

use super::{Call, Infer, Operator, Outs, Version, rules};

/// Schemas: ONNX 1.23, `MatMulInteger`.
pub(super) static OPERATOR: Operator = Operator {
    name: "MatMulInteger",
    versions: &[Version {
        since: 10,
        inputs: "A: T1, B: T2, a_zero_point?: T1, b_zero_point?: T2",
        outputs: "Y: T3",
        types: "T1 = u8 i8; T2 = u8 i8; T3 = i32",
        attributes: "",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    rules::matmul(c, 0, 1)
}
