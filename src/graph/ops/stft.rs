//! `STFT`.

use super::{Infer, Operator, Version};

/// Schemas: ONNX 1.23, `STFT`.
pub(super) static OPERATOR: Operator = Operator {
    name: "STFT",
    versions: &[Version {
        since: 17,
        inputs: "signal: T1, frame_step: T2, window?: T1, frame_length?: T2",
        outputs: "output: T1",
        types: "T1 = FLOATS16; T2 = i32 i64",
        attributes: "onesided: int = 1",
        deprecated: false,
    }],
    infer: Infer::Nothing,
};
