//! `MelWeightMatrix`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::{Dim, Elem};

/// Schemas: ONNX 1.23, `MelWeightMatrix`.
pub(super) static OPERATOR: Operator = Operator {
    name: "MelWeightMatrix",
    versions: &[Version {
        since: 17,
        inputs: "num_mel_bins: T1, dft_length: T1, sample_rate: T1, lower_edge_hertz: T2, upper_edge_hertz: T2",
        outputs: "output: T3",
        types: "T1 = i32 i64; T2 = FLOATS16; T3 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16",
        attributes: "output_datatype: int = 1",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    let one = |at: usize| c.ints(at).and_then(|l| l.first().cloned()).unwrap_or_default();
    let frequencies = one(1).divided_down(&Dim::Known(2)).plus(&Dim::Known(1));
    let elem = c.elem_attribute("output_datatype").unwrap_or(Elem::F32);
    Ok(vec![Out::shape(vec![frequencies, one(0)]).of(elem)])
}
