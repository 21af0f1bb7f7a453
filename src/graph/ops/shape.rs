//! `Shape`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, one};

/// Schemas: ONNX 1.23, `Shape`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Shape",
    versions: &[
        Version {
            since: 1,
            inputs: "data: T",
            outputs: "shape: T1",
            types: "T = ALL; T1 = i64",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "data: T",
            outputs: "shape: T1",
            types: "T = ALL16; T1 = i64",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 15,
            inputs: "data: T",
            outputs: "shape: T1",
            types: "T = ALL16; T1 = i64",
            attributes: "end: int, start: int = 0",
            deprecated: false,
        },
        Version {
            since: 19,
            inputs: "data: T",
            outputs: "shape: T1",
            types: "T = ALL16 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz; T1 = i64",
            attributes: "end: int, start: int = 0",
            deprecated: false,
        },
        Version {
            since: 21,
            inputs: "data: T",
            outputs: "shape: T1",
            types: "T = ALL16 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 u4; T1 = i64",
            attributes: "end: int, start: int = 0",
            deprecated: false,
        },
        Version {
            since: 23,
            inputs: "data: T",
            outputs: "shape: T1",
            types: "T = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 u4; T1 = i64",
            attributes: "end: int, start: int = 0",
            deprecated: false,
        },
        Version {
            since: 24,
            inputs: "data: T",
            outputs: "shape: T1",
            types: "T = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i4 u4; T1 = i64",
            attributes: "end: int, start: int = 0",
            deprecated: false,
        },
        Version {
            since: 25,
            inputs: "data: T",
            outputs: "shape: T1",
            types: "T = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i2 i4 u2 u4; T1 = i64",
            attributes: "end: int, start: int = 0",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let Some(shape) = c.shape(0) else { return Ok(vec![Out::rank(1)]) };
    let rank = shape.len() as i64;
    let clamp = |n: i64| (if n < 0 { n + rank } else { n }).clamp(0, rank) as usize;
    let (start, end) = (clamp(c.int("start", 0)), clamp(c.int("end", rank)));
    let ints = shape.get(start..end.max(start)).unwrap_or_default().to_vec();
    Ok(vec![Out::shape(vec![Dim::from(ints.len() as u64)]).with_ints(Some(ints))])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let dims: Vec<i64> = c.tensor(0)?.dims.iter().map(|d| *d as i64).collect();
    let n = dims.len() as i64;
    let bound = |at: i64| (if at < 0 { at.saturating_add(n) } else { at }).clamp(0, n) as usize;
    let (from, to) = (bound(c.int("start", 0)), bound(c.int("end", n)));
    let part = dims[from..to.max(from)].to_vec();
    one(Tensor::longs([part.len()], part))
}
