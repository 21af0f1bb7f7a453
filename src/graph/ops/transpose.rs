//! `Transpose`.

use super::{Call, Infer, Operator, Out, Outs, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, one, shape};

/// Schemas: ONNX 1.23, `Transpose`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Transpose",
    versions: &[
        Version {
            since: 1,
            inputs: "data: T",
            outputs: "transposed: T",
            types: "T = ALL",
            attributes: "perm: ints",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "data: T",
            outputs: "transposed: T",
            types: "T = ALL16",
            attributes: "perm: ints",
            deprecated: false,
        },
        Version {
            since: 21,
            inputs: "data: T",
            outputs: "transposed: T",
            types: "T = ALL16 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 u4",
            attributes: "perm: ints",
            deprecated: false,
        },
        Version {
            since: 23,
            inputs: "data: T",
            outputs: "transposed: T",
            types: "T = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 u4",
            attributes: "perm: ints",
            deprecated: false,
        },
        Version {
            since: 24,
            inputs: "data: T",
            outputs: "transposed: T",
            types: "T = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i4 u4",
            attributes: "perm: ints",
            deprecated: false,
        },
        Version {
            since: 25,
            inputs: "data: T",
            outputs: "transposed: T",
            types: "T = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i2 i4 u2 u4",
            attributes: "perm: ints",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let Some(shape) = c.shape(0) else { return Ok(vec![Out::unknown()]) };
    let reversed: Vec<i64> = (0..shape.len() as i64).rev().collect();
    Ok(vec![Out::shape(rules::permuted(shape, c.list("perm").unwrap_or(&reversed))?)])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let perm = match c.list("perm") {
        Some(perm) => shape::axes(perm, x.rank())?,
        None => (0..x.rank()).rev().collect(),
    };
    if perm.len() != x.rank() {
        return Err(format!("it orders {} dimensions, and its input has {}", perm.len(), x.rank()));
    }
    one(shape::transpose(x, &perm))
}
