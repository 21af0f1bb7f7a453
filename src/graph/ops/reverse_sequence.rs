//! `ReverseSequence`.

use super::{Infer, Operator, Version, axis_of, rules};
use crate::graph::eval::{Args, Eval, Evaluated, one, walk};

/// Schemas: ONNX 1.23, `ReverseSequence`.
pub(super) static OPERATOR: Operator = Operator {
    name: "ReverseSequence",
    versions: &[
        Version {
            since: 10,
            inputs: "input: T, sequence_lens: i64",
            outputs: "Y: T",
            types: "T = ALL",
            attributes: "batch_axis: int = 1, time_axis: int = 0",
            deprecated: false,
        },
        Version {
            since: 28,
            inputs: "input: T, sequence_lens: i64",
            outputs: "Y: T",
            types: "T = ALL16",
            attributes: "batch_axis: int = 1, time_axis: int = 0",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    let (x, lengths) = (c.tensor(0)?, c.ints(1)?);
    let (batch, time) = (axis_of(c.int("batch_axis", 1), x.rank())?, axis_of(c.int("time_axis", 0), x.rank())?);
    if lengths.len() != x.dims[batch] || lengths.iter().any(|l| *l < 0 || *l > x.dims[time] as i64) {
        return Err(format!("lengths of {lengths:?} do not fit {:?}", x.dims));
    }
    let (strides, mut places) = (walk::strides(&x.dims), Vec::with_capacity(x.len()));
    walk::each_index(&x.dims, |index| {
        let length = lengths[index[batch]] as usize;
        let at = if index[time] < length { length - 1 - index[time] } else { index[time] };
        let one = |(d, i): (usize, &usize)| if d == time { at } else { *i } * strides[d] as usize;
        places.push(index.iter().enumerate().map(one).sum::<usize>());
    });
    one(x.picked(x.dims.clone(), places.into_iter()))
}
