//! `Tile`.

use super::{Call, Infer, Operator, Out, Outs, Version};

/// Schemas: ONNX 1.23, `Tile`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Tile",
    versions: &[
        Version {
            since: 1,
            inputs: "input: T, tiles: T, axis: T",
            outputs: "output: T",
            types: "T = FLOATS",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 6,
            inputs: "input: T, repeats: T1",
            outputs: "output: T",
            types: "T = ALL; T1 = i64",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "input: T, repeats: T1",
            outputs: "output: T",
            types: "T = ALL16; T1 = i64",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    let Some(shape) = c.shape(0) else { return Ok(vec![Out::unknown()]) };
    match c.ints(1) {
        Some(times) if times.len() == shape.len() && c.version() >= 6 => {
            Ok(vec![Out::shape(shape.iter().zip(times).map(|(d, n)| d.times(n)).collect())])
        }
        _ => Ok(vec![Out::rank(shape.len())]),
    }
}
