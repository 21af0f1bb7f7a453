//! `HammingWindow`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Elem;
use crate::graph::eval::{Eval, sample};

/// Schemas: ONNX 1.23, `HammingWindow`.
pub(super) static OPERATOR: Operator = Operator {
    name: "HammingWindow",
    versions: &[Version {
        since: 17,
        inputs: "size: T1",
        outputs: "output: T2",
        types: "T1 = i32 i64; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16",
        attributes: "output_datatype: int = 1, periodic: int = 1",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(|c| sample::window(c, &[25.0 / 46.0, -21.0 / 46.0])),
};

fn infer(c: &Call<'_>) -> Outs {
    let size = c.ints(0).and_then(|l| l.first().cloned()).unwrap_or_default();
    Ok(vec![Out::shape(vec![size]).of(c.elem_attribute("output_datatype").unwrap_or(Elem::F32))])
}
