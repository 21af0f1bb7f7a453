//! `ScatterND`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated};

/// Schemas: ONNX 1.23, `ScatterND`.
pub(super) static OPERATOR: Operator = Operator {
    name: "ScatterND",
    versions: &[
        Version {
            since: 11,
            inputs: "data: T, indices: i64, updates: T",
            outputs: "output: T",
            types: "T = ALL",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "data: T, indices: i64, updates: T",
            outputs: "output: T",
            types: "T = ALL16",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 16,
            inputs: "data: T, indices: i64, updates: T",
            outputs: "output: T",
            types: "T = ALL16",
            attributes: "reduction: text = none",
            deprecated: false,
        },
        Version {
            since: 18,
            inputs: "data: T, indices: i64, updates: T",
            outputs: "output: T",
            types: "T = ALL16",
            attributes: "reduction: text = none",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    let (x, at) = (c.tensor(0)?, c.tensor(1)?);
    let (starts, inner) = super::gather_nd::slices(x, at, 0)?;
    c.count(&[starts.len(), inner])?;
    let places: Vec<usize> = starts.into_iter().flat_map(|s| s..s + inner).collect();
    super::scatter_elements::scattered(c, x, &places, c.tensor(2)?)
}
