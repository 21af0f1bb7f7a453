//! `Flatten`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;
use crate::graph::eval::{Args, Eval, Evaluated, one};

/// Schemas: ONNX 1.23, `Flatten`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Flatten",
    versions: &[
        Version {
            since: 1,
            inputs: "input: T",
            outputs: "output: T",
            types: "T = FLOATS",
            attributes: "axis: int = 1",
            deprecated: false,
        },
        Version {
            since: 9,
            inputs: "input: T",
            outputs: "output: T",
            types: "T = ALL",
            attributes: "axis: int = 1",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "input: T",
            outputs: "output: T",
            types: "T = ALL",
            attributes: "axis: int = 1",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "input: T",
            outputs: "output: T",
            types: "T = ALL16",
            attributes: "axis: int = 1",
            deprecated: false,
        },
        Version {
            since: 21,
            inputs: "input: T",
            outputs: "output: T",
            types: "T = ALL16 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 u4",
            attributes: "axis: int = 1",
            deprecated: false,
        },
        Version {
            since: 23,
            inputs: "input: T",
            outputs: "output: T",
            types: "T = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 u4",
            attributes: "axis: int = 1",
            deprecated: false,
        },
        Version {
            since: 24,
            inputs: "input: T",
            outputs: "output: T",
            types: "T = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i4 u4",
            attributes: "axis: int = 1",
            deprecated: false,
        },
        Version {
            since: 25,
            inputs: "input: T",
            outputs: "output: T",
            types: "T = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i2 i4 u2 u4",
            attributes: "axis: int = 1",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let Some(shape) = c.shape(0) else { return Ok(vec![Out::rank(2)]) };
    let axis = c.int("axis", 1);
    let at = if axis < 0 { axis + shape.len() as i64 } else { axis };
    match usize::try_from(at).ok().and_then(|at| shape.split_at_checked(at)) {
        Some((a, b)) => Ok(vec![Out::shape(vec![Dim::product(a), Dim::product(b)])]),
        None => Err(format!("axis {axis} is out of range for {} dimensions", shape.len())),
    }
}

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let axis = c.int("axis", 1);
    let at = usize::try_from(if axis < 0 { axis.saturating_add(x.rank() as i64) } else { axis }).unwrap_or(usize::MAX);
    if at > x.rank() {
        return Err(format!("axis {axis} is out of range for {} dimensions", x.rank()));
    }
    one(x.shaped([x.dims[..at].iter().product::<usize>(), x.dims[at..].iter().product()]))
}
