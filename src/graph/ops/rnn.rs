//! `RNN`.

use super::{Call, Infer, Operator, Outs, Version, rules};
use crate::graph::eval::recurrent::{Cell, Kind};
use crate::graph::eval::{Args, Eval, Evaluated, recurrent};

/// Schemas: ONNX 1.23, `RNN`.
pub(super) static OPERATOR: Operator = Operator {
    name: "RNN",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T, W: T, R: T, B?: T, sequence_lens?: T1, initial_h?: T",
            outputs: "Y?: T, Y_h?: T",
            types: "T = FLOATS; T1 = i32",
            attributes: "activation_alpha: floats, activation_beta: floats, activations: texts = Tanh Tanh, clip: float, direction: text = forward, hidden_size: int, output_sequence: int = 0",
            deprecated: false,
        },
        Version {
            since: 7,
            inputs: "X: T, W: T, R: T, B?: T, sequence_lens?: T1, initial_h?: T",
            outputs: "Y?: T, Y_h?: T",
            types: "T = FLOATS; T1 = i32",
            attributes: "activation_alpha: floats, activation_beta: floats, activations: texts = Tanh Tanh, clip: float, direction: text = forward, hidden_size: int",
            deprecated: false,
        },
        Version {
            since: 14,
            inputs: "X: T, W: T, R: T, B?: T, sequence_lens?: T1, initial_h?: T",
            outputs: "Y?: T, Y_h?: T",
            types: "T = FLOATS; T1 = i32",
            attributes: "activation_alpha: floats, activation_beta: floats, activations: texts = Tanh Tanh, clip: float, direction: text = forward, hidden_size: int, layout: int = 0",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "X: T, W: T, R: T, B?: T, sequence_lens?: T1, initial_h?: T",
            outputs: "Y?: T, Y_h?: T",
            types: "T = FLOATS16; T1 = i32",
            attributes: "activation_alpha: floats, activation_beta: floats, activations: texts = Tanh Tanh, clip: float, direction: text = forward, hidden_size: int, layout: int = 0",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    rules::recurrent(c, 2)
}

fn step(_: &Args<'_>, cell: &Cell<'_>) -> (Vec<f64>, Vec<f64>) {
    ((0..cell.hidden).map(|i| cell.activate(0, cell.gate(0, i))).collect(), Vec::new())
}

fn eval(c: &Args<'_>) -> Evaluated {
    recurrent::run(c, &Kind { gates: 1, activations: &["Tanh"], memory: None, step })
}
