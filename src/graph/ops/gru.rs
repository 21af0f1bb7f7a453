//! `GRU`.

use super::{Call, Infer, Operator, Outs, Version, rules};
use crate::graph::eval::recurrent::{Cell, Kind};
use crate::graph::eval::{Args, Eval, Evaluated, recurrent};

/// Schemas: ONNX 1.23, `GRU`.
pub(super) static OPERATOR: Operator = Operator {
    name: "GRU",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T, W: T, R: T, B?: T, sequence_lens?: T1, initial_h?: T",
            outputs: "Y?: T, Y_h: T",
            types: "T = FLOATS; T1 = i32",
            attributes: "activation_alpha: floats, activation_beta: floats, activations: texts, clip: float, direction: text = foward, hidden_size: int, output_sequence: int = 0",
            deprecated: false,
        },
        Version {
            since: 3,
            inputs: "X: T, W: T, R: T, B?: T, sequence_lens?: T1, initial_h?: T",
            outputs: "Y?: T, Y_h?: T",
            types: "T = FLOATS; T1 = i32",
            attributes: "activation_alpha: floats, activation_beta: floats, activations: texts, clip: float, direction: text = forward, hidden_size: int, linear_before_reset: int = 0, output_sequence: int = 0",
            deprecated: false,
        },
        Version {
            since: 7,
            inputs: "X: T, W: T, R: T, B?: T, sequence_lens?: T1, initial_h?: T",
            outputs: "Y?: T, Y_h?: T",
            types: "T = FLOATS; T1 = i32",
            attributes: "activation_alpha: floats, activation_beta: floats, activations: texts, clip: float, direction: text = forward, hidden_size: int, linear_before_reset: int = 0",
            deprecated: false,
        },
        Version {
            since: 14,
            inputs: "X: T, W: T, R: T, B?: T, sequence_lens?: T1, initial_h?: T",
            outputs: "Y?: T, Y_h?: T",
            types: "T = FLOATS; T1 = i32",
            attributes: "activation_alpha: floats, activation_beta: floats, activations: texts, clip: float, direction: text = forward, hidden_size: int, layout: int = 0, linear_before_reset: int = 0",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "X: T, W: T, R: T, B?: T, sequence_lens?: T1, initial_h?: T",
            outputs: "Y?: T, Y_h?: T",
            types: "T = FLOATS16; T1 = i32",
            attributes: "activation_alpha: floats, activation_beta: floats, activations: texts, clip: float, direction: text = forward, hidden_size: int, layout: int = 0, linear_before_reset: int = 0",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    rules::recurrent(c, 2)
}

/// Gates in the order update, reset, hidden.
fn step(c: &Args<'_>, cell: &Cell<'_>) -> (Vec<f64>, Vec<f64>) {
    let n = cell.hidden;
    let gate = |k: usize| (0..n).map(|i| cell.activate(0, cell.gate(k, i))).collect::<Vec<f64>>();
    let (update, reset) = (gate(0), gate(1));
    let kept: Vec<f64> = reset.iter().zip(cell.state).map(|(r, h)| r * h).collect();
    let after = c.flag("linear_before_reset", false);
    let one_of = |i: usize| {
        let at = 2 * n + i;
        let own = if after {
            reset[i] * (cell.h[at] + cell.recurrent_bias[at])
        } else {
            cell.recurrent(2, i, &kept) + cell.recurrent_bias[at]
        };
        let new = cell.activate(1, cell.x[at] + own);
        (1.0 - update[i]) * new + update[i] * cell.state[i]
    };
    ((0..n).map(one_of).collect(), Vec::new())
}

fn eval(c: &Args<'_>) -> Evaluated {
    recurrent::run(c, &Kind { gates: 3, activations: &["Sigmoid", "Tanh"], memory: None, step })
}
