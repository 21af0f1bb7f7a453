//! `DynamicQuantizeLinear`.

use super::{Call, Infer, Operator, Out, Outs, Version, rules};

/// Schemas: ONNX 1.23, `DynamicQuantizeLinear`.
pub(super) static OPERATOR: Operator = Operator {
    name: "DynamicQuantizeLinear",
    versions: &[Version {
        since: 11,
        inputs: "x: T1",
        outputs: "y: T2, y_scale: f32, y_zero_point: T2",
        types: "T1 = f32; T2 = u8",
        attributes: "",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    Ok(vec![rules::same(c)?.remove(0), Out::shape(Vec::new()), Out::shape(Vec::new())])
}
