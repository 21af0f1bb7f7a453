//! `Concat`.

use super::{Call, Infer, Operator, Out, Outs, Version, axis_of};
use crate::graph::eval::{Args, Eval, Evaluated, one, shape};
use crate::graph::{Dim, MAX_INTS};

/// Schemas: ONNX 1.23, `Concat`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Concat",
    versions: &[
        Version {
            since: 1,
            inputs: "inputs+: T",
            outputs: "concat_result: T",
            types: "T = FLOATS",
            attributes: "axis: int",
            deprecated: false,
        },
        Version {
            since: 4,
            inputs: "inputs+: T",
            outputs: "concat_result: T",
            types: "T = ALL",
            attributes: "axis!: int",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "inputs+: T",
            outputs: "concat_result: T",
            types: "T = ALL",
            attributes: "axis!: int",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "inputs+: T",
            outputs: "concat_result: T",
            types: "T = ALL16",
            attributes: "axis!: int",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let ints: Option<Vec<&[Dim]>> = (0..c.inputs.len()).map(|i| c.ints(i)).collect();
    let shapes: Option<Vec<&[Dim]>> = (0..c.inputs.len()).map(|i| c.shape(i)).collect();
    let Some(shapes) = shapes else {
        let rank = (0..c.inputs.len()).find_map(|i| c.shape(i)).map(<[Dim]>::len);
        return Ok(vec![rank.map_or_else(Out::unknown, Out::rank)]);
    };
    let Some(first) = shapes.first() else { return Ok(vec![Out::unknown()]) };
    let axis = axis_of(c.int("axis", 1), first.len())?;
    let mut shape = first.to_vec();
    for other in &shapes[1..] {
        if other.len() != shape.len() {
            return Err(format!("inputs of {} and {} dimensions", shape.len(), other.len()));
        }
        for (i, (dim, more)) in shape.iter_mut().zip(other.iter()).enumerate() {
            if i == axis {
                *dim = dim.plus(more);
            } else if dim.differs(more) {
                return Err(format!("dimension {i} is {dim} in one input and {more} in another"));
            } else if !dim.same(more) {
                *dim = if more.known().is_some() { more.clone() } else { dim.clone() };
            }
        }
    }
    let few = |all: &Vec<&[Dim]>| all.iter().map(|l| l.len() as u64).sum::<u64>() <= MAX_INTS;
    let ints = ints.filter(|all| shape.len() == 1 && few(all)).map(|all| all.concat());
    Ok(vec![Out::shape(shape).with_ints(ints)])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let parts = c.tensors()?;
    let rank = parts.first().map_or(0, |t| t.rank());
    let axis = c.axis(1, rank)?;
    let dims: Vec<usize> = vec![parts.iter().map(|t| t.len()).fold(0, usize::saturating_add)];
    c.count(&dims)?;
    one(shape::concat(&parts, axis)?)
}
