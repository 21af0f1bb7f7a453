//! `LSTM`.

use super::{Call, Infer, Operator, Outs, Version, rules};
use crate::graph::eval::recurrent::{Cell, Kind};
use crate::graph::eval::{Args, Eval, Evaluated, recurrent};

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
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    rules::recurrent(c, 3)
}

/// Gates in the order input, output, forget, cell.
fn step(c: &Args<'_>, cell: &Cell<'_>) -> (Vec<f64>, Vec<f64>) {
    let n = cell.hidden;
    let hole = |k: usize, i: usize| cell.peepholes.get(k * n + i).copied().unwrap_or(0.0);
    let coupled = c.flag("input_forget", false);
    let (mut h, mut memory) = (Vec::with_capacity(n), Vec::with_capacity(n));
    for i in 0..n {
        let old = cell.memory[i];
        let input = cell.activate(0, cell.gate(0, i) + hole(0, i) * old);
        let forget = if coupled { 1.0 - input } else { cell.activate(0, cell.gate(2, i) + hole(2, i) * old) };
        let new = forget * old + input * cell.activate(1, cell.gate(3, i));
        let output = cell.activate(0, cell.gate(1, i) + hole(1, i) * new);
        h.push(output * cell.activate(2, new));
        memory.push(new);
    }
    (h, memory)
}

fn eval(c: &Args<'_>) -> Evaluated {
    recurrent::run(c, &Kind { gates: 4, activations: &["Sigmoid", "Tanh", "Tanh"], memory: Some(6), step })
}
