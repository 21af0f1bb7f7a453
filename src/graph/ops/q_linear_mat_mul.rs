//! `QLinearMatMul`.

use super::{Call, Infer, Operator, Outs, Version, rules};

/// Schemas: ONNX 1.23, `QLinearMatMul`.
pub(super) static OPERATOR: Operator = Operator {
    name: "QLinearMatMul",
    versions: &[
        Version {
            since: 10,
            inputs: "a: T1, a_scale: f32, a_zero_point: T1, b: T2, b_scale: f32, b_zero_point: T2, y_scale: f32, y_zero_point: T3",
            outputs: "y: T3",
            types: "T1 = u8 i8; T2 = u8 i8; T3 = u8 i8",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 21,
            inputs: "a: T1, a_scale: TS, a_zero_point: T1, b: T2, b_scale: TS, b_zero_point: T2, y_scale: TS, y_zero_point: T3",
            outputs: "y: T3",
            types: "TS = f16 f32 bf16; T1 = u8 i8 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz; T2 = u8 i8 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz; T3 = u8 i8 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    Ok(vec![rules::matmul(c, 0, 3)?.remove(0).of(c.elem(7))])
}
