//! `MelWeightMatrix`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, one};
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
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let one = |at: usize| c.ints(at).and_then(|l| l.first().cloned()).unwrap_or_default();
    let frequencies = one(1).divided_down(&Dim::Known(2)).plus(&Dim::Known(1));
    let elem = c.elem_attribute("output_datatype").unwrap_or(Elem::F32);
    Ok(vec![Out::shape(vec![frequencies, one(0)]).of(elem)])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let need = |at: usize| c.int_input(at)?.ok_or_else(|| format!("its input {at} is missing"));
    let (bins, length, rate) = (need(0)?, need(1)?, need(2)?);
    let (low, high) = (c.tensor(3)?.number()?, c.tensor(4)?.number()?);
    let (dims, n) = c.dims(&[length / 2 + 1, bins])?;
    let mel = |hertz: f64| 2595.0 * (hertz / 700.0).ln_1p() / std::f64::consts::LN_10;
    let step = (mel(high) - mel(low)) / (bins + 2) as f64;
    let bin = |i: usize| {
        let hertz = 700.0 * ((i as f64 * step + mel(low)) / 2595.0 * std::f64::consts::LN_10).exp_m1();
        ((length + 1) as f64 * hertz / rate as f64).floor()
    };
    let mut out = vec![0.0; n];
    for i in 0..dims[1] {
        let (left, center, right) = (bin(i), bin(i + 1), bin(i + 2));
        for j in 0..dims[0] {
            let at = j as f64;
            let value = if left == center && at == center {
                1.0
            } else if (left..=center).contains(&at) && left < center && !(at == center && right > center) {
                (at - left) / (center - left)
            } else if (center..right).contains(&at) {
                (right - at) / (right - center)
            } else {
                0.0
            };
            out[j * dims[1] + i] = value;
        }
    }
    one(Tensor::numbers(c.elem_attr("output_datatype")?.unwrap_or(Elem::F32), dims, out))
}
