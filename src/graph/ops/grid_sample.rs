//! `GridSample`.

use super::{Call, Infer, Operator, Out, Outs, Version};

/// Schemas: ONNX 1.23, `GridSample`.
pub(super) static OPERATOR: Operator = Operator {
    name: "GridSample",
    versions: &[
        Version {
            since: 16,
            inputs: "X: T1, grid: T2",
            outputs: "Y: T1",
            types: "T1 = ALL; T2 = FLOATS",
            attributes: "align_corners: int = 0, mode: text = bilinear, padding_mode: text = zeros",
            deprecated: false,
        },
        Version {
            since: 20,
            inputs: "X: T1, grid: T2",
            outputs: "Y: T1",
            types: "T1 = ALL; T2 = FLOATS",
            attributes: "align_corners: int = 0, mode: text = linear, padding_mode: text = zeros",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "X: T1, grid: T2",
            outputs: "Y: T1",
            types: "T1 = ALL16; T2 = FLOATS16",
            attributes: "align_corners: int = 0, mode: text = linear, padding_mode: text = zeros",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    let (Some(x), Some(grid)) = (c.shape(0), c.shape(1)) else { return Ok(vec![Out::unknown()]) };
    if x.len() < 3 || grid.len() != x.len() {
        return Err(format!("an input of {} and a grid of {} dimensions", x.len(), grid.len()));
    }
    Ok(vec![Out::shape([&x[..2], &grid[1..grid.len() - 1]].concat())])
}
