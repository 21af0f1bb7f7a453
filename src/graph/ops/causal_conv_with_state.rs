//! `CausalConvWithState`.

use super::{Call, Infer, Operator, Out, Outs, Version, rules};
use crate::graph::Dim;

/// Schemas: ONNX 1.23, `CausalConvWithState`.
pub(super) static OPERATOR: Operator = Operator {
    name: "CausalConvWithState",
    versions: &[Version {
        since: 27,
        inputs: "input: T, weight: T, bias?: T, past_state?: T",
        outputs: "output: T, present_state: T",
        types: "T = f16 f32 bf16",
        attributes: "activation: text = none",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    let mut out = rules::same(c)?;
    let state = match (c.shape(0), c.shape(1)) {
        (Some([batch, channels, _]), Some([_, _, k])) => {
            Out::shape(vec![batch.clone(), channels.clone(), k.minus(&Dim::Known(1))])
        }
        _ => Out::rank(3),
    };
    out.push(state);
    Ok(out)
}
