//! `BatchNormalization`.

use super::{Call, Infer, Operator, Out, Outs, Version, rules};
use crate::graph::Dim;

/// Schemas: ONNX 1.23, `BatchNormalization`.
pub(super) static OPERATOR: Operator = Operator {
    name: "BatchNormalization",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T, scale: T, B: T, mean: T, var: T",
            outputs: "Y: T, mean?: T, var?: T, saved_mean?: T, saved_var?: T",
            types: "T = FLOATS",
            attributes: "consumed_inputs!: ints, epsilon: float = 1e-05, is_test: int = 0, momentum: float = 0.9, spatial: int = 1",
            deprecated: false,
        },
        Version {
            since: 6,
            inputs: "X: T, scale: T, B: T, mean: T, var: T",
            outputs: "Y: T, mean?: T, var?: T, saved_mean?: T, saved_var?: T",
            types: "T = FLOATS",
            attributes: "epsilon: float = 1e-05, is_test: int = 0, momentum: float = 0.9, spatial: int = 1",
            deprecated: false,
        },
        Version {
            since: 7,
            inputs: "X: T, scale: T, B: T, mean: T, var: T",
            outputs: "Y: T, mean?: T, var?: T, saved_mean?: T, saved_var?: T",
            types: "T = FLOATS",
            attributes: "epsilon: float = 1e-05, momentum: float = 0.9, spatial: int = 1",
            deprecated: false,
        },
        Version {
            since: 9,
            inputs: "X: T, scale: T, B: T, mean: T, var: T",
            outputs: "Y: T, mean?: T, var?: T, saved_mean?: T, saved_var?: T",
            types: "T = FLOATS",
            attributes: "epsilon: float = 1e-05, momentum: float = 0.9",
            deprecated: false,
        },
        Version {
            since: 14,
            inputs: "X: T, scale: T, B: T, input_mean: U, input_var: U",
            outputs: "Y: T, running_mean?: U, running_var?: U",
            types: "T = FLOATS16; U = FLOATS16",
            attributes: "epsilon: float = 1e-05, momentum: float = 0.9, training_mode: int = 0",
            deprecated: false,
        },
        Version {
            since: 15,
            inputs: "X: T, scale: T1, B: T1, input_mean: T2, input_var: T2",
            outputs: "Y: T, running_mean?: T2, running_var?: T2",
            types: "T = FLOATS16; T1 = FLOATS16; T2 = FLOATS16",
            attributes: "epsilon: float = 1e-05, momentum: float = 0.9, training_mode: int = 0",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    let mut out = rules::same(c)?;
    let channels = c.shape(1).map(<[Dim]>::to_vec);
    out.extend((1..c.node.outputs.len()).map(|_| Out { shape: channels.clone(), ..Out::default() }));
    Ok(out)
}
