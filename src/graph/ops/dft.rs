//! `DFT`.

use super::{Call, Infer, Operator, Out, Outs, Version, axis_of};
use crate::graph::Dim;

/// Schemas: ONNX 1.23, `DFT`.
pub(super) static OPERATOR: Operator = Operator {
    name: "DFT",
    versions: &[
        Version {
            since: 17,
            inputs: "input: T1, dft_length?: T2",
            outputs: "output: T1",
            types: "T1 = FLOATS16; T2 = i32 i64",
            attributes: "axis: int = 1, inverse: int = 0, onesided: int = 0",
            deprecated: false,
        },
        Version {
            since: 20,
            inputs: "input: T1, dft_length?: T2, axis?: i64",
            outputs: "output: T1",
            types: "T1 = FLOATS16; T2 = i32 i64",
            attributes: "inverse: int = 0, onesided: int = 0",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    let Some(shape) = c.shape(0) else { return Ok(vec![Out::unknown()]) };
    let axis = if c.version() < 20 {
        Some(c.int("axis", 1))
    } else {
        c.input(2).map_or(Some(-2), |_| c.numbers(2).and_then(|l| l.first().copied()))
    };
    let (Some(axis), Some((last, _))) = (axis, shape.split_last()) else { return Ok(vec![Out::rank(shape.len())]) };
    let mut out = shape.to_vec();
    let at = axis_of(axis, shape.len())?;
    if c.input(1).is_some() {
        out[at] = c.ints(1).and_then(|l| l.first().cloned()).unwrap_or_default();
    }
    let (one_sided, inverse) = (c.int("onesided", 0) != 0, c.int("inverse", 0) != 0);
    if one_sided && !inverse {
        out[at] = out[at].divided_down(&Dim::Known(2)).plus(&Dim::Known(1));
    } else if one_sided && c.input(1).is_none() {
        out[at] = out[at].minus(&Dim::Known(1)).times(&Dim::Known(2));
    }
    // Complex numbers are pairs. The inverse of one side is real.
    let pair = Dim::Known(if one_sided && inverse { 1 } else { 2 });
    if let Some(d) = out.last_mut().filter(|_| last.known().is_some()) {
        *d = pair;
    }
    Ok(vec![Out::shape(out)])
}
