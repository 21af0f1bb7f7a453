//! `LSTM`.

use super::{Call, Infer, Operator, Outs, Version, rules};

/// Schemas: ONNX 1.23, `LSTM`.
pub(super) static OPERATOR: Operator = Operator {
    name: "LSTM",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T, W: T, R: T, B?: T, sequence_lens?: T1, initial_h?: T, initial_c?: T, P?: T",
            outputs: "Y?: T, Y_h?: T, Y_c?: T",
            types: "T = FLOATS; T1 = i32",
            attributes: "activation_alpha: floats, activation_beta: floats, activations: texts, clip: float, direction: text = forward, hidden_size: int, input_forget: int = 0, output_sequence: int = 0",
            deprecated: false,
        },
        Version {
            since: 7,
            inputs: "X: T, W: T, R: T, B?: T, sequence_lens?: T1, initial_h?: T, initial_c?: T, P?: T",
            outputs: "Y?: T, Y_h?: T, Y_c?: T",
            types: "T = FLOATS; T1 = i32",
            attributes: "activation_alpha: floats, activation_beta: floats, activations: texts, clip: float, direction: text = forward, hidden_size: int, input_forget: int = 0",
            deprecated: false,
        },
        Version {
            since: 14,
            inputs: "X: T, W: T, R: T, B?: T, sequence_lens?: T1, initial_h?: T, initial_c?: T, P?: T",
            outputs: "Y?: T, Y_h?: T, Y_c?: T",
            types: "T = FLOATS; T1 = i32",
            attributes: "activation_alpha: floats, activation_beta: floats, activations: texts, clip: float, direction: text = forward, hidden_size: int, input_forget: int = 0, layout: int = 0",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "X: T, W: T, R: T, B?: T, sequence_lens?: T1, initial_h?: T, initial_c?: T, P?: T",
            outputs: "Y?: T, Y_h?: T, Y_c?: T",
            types: "T = FLOATS16; T1 = i32",
            attributes: "activation_alpha: floats, activation_beta: floats, activations: texts, clip: float, direction: text = forward, hidden_size: int, input_forget: int = 0, layout: int = 0",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    rules::recurrent(c, 3)
}
