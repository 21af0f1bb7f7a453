//! `Range`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::eval::{Args, Data, Eval, Evaluated, Tensor, one};
use crate::graph::{Dim, MAX_INTS};

/// Schemas: ONNX 1.23, `Range`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Range",
    versions: &[
        Version {
            since: 11,
            inputs: "start: T, limit: T, delta: T",
            outputs: "output: T",
            types: "T = i16 i32 i64 f32 f64",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 27,
            inputs: "start: T, limit: T, delta: T",
            outputs: "output: T",
            types: "T = i16 i32 i64 f16 f32 f64 bf16",
            attributes: "stash_type: int = 1",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let one = |at: usize| c.ints(at).and_then(|l| l.first().cloned());
    let (Some(start), Some(limit), Some(delta)) = (one(0), one(1), one(2)) else { return Ok(vec![Out::rank(1)]) };
    let n = limit.minus(&start).divided_up(&delta);
    let n = if n.known().is_some_and(|n| n < 0) { Dim::Known(0) } else { n };
    let ints = match (start.known(), delta.known(), n.known()) {
        (Some(s), Some(d), Some(n)) if n <= MAX_INTS as i64 => {
            Some((0..n).map(|i| Dim::Known(s.saturating_add(i.saturating_mul(d)))).collect())
        }
        _ => None,
    };
    Ok(vec![Out::shape(vec![n]).with_ints(ints)])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let (from, to, step) = (c.tensor(0)?, c.tensor(1)?.number()?, c.tensor(2)?.number()?);
    let start = from.number()?;
    let n = ((to - start) / step).ceil();
    if n.is_nan() {
        return Err("its step is 0".to_owned());
    }
    let n = c.count(&[n.max(0.0) as usize])?;
    if matches!(*from.data, Data::Int(_)) {
        let ints = |at: usize| Ok::<_, String>(c.tensor(at)?.to_ints()?.first().copied().unwrap_or(0));
        let (start, step) = (ints(0)?, ints(2)?);
        return one(Tensor::ints(from.elem, [n], (0..n).map(|i| start + step * i as i128)));
    }
    one(Tensor::numbers(from.elem, [n], (0..n).map(|i| start + step * i as f64).collect()))
}
