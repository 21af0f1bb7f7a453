//! `CausalConvWithState`.

use super::{Infer, Operator, Version};

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
    infer: Infer::Nothing,
};
