//! `Where`.

use super::{Call, Infer, Operator, Outs, Version, rules};
use crate::graph::Dim;
use crate::graph::eval::{Args, Eval, Evaluated, one, shape, walk};

/// Schemas: ONNX 1.23, `Where`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Where",
    versions: &[
        Version {
            since: 9,
            inputs: "condition: B, X: T, Y: T",
            outputs: "output: T",
            types: "B = bool; T = ALL",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 16,
            inputs: "condition: B, X: T, Y: T",
            outputs: "output: T",
            types: "B = bool; T = ALL16",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let mut out = rules::elementwise(c)?;
    if let (Some(which), Some(yes), Some(no)) = (c.ints(0), c.ints(1), c.ints(2)) {
        let n = which.len().max(yes.len()).max(no.len());
        let at = |list: &[Dim], i: usize| list.get(if list.len() == 1 { 0 } else { i }).cloned().unwrap_or_default();
        let pick = |i: usize| match at(which, i).known() {
            Some(0) => at(no, i),
            Some(_) => at(yes, i),
            None => Dim::Unknown,
        };
        out[0].ints = Some((0..n).map(pick).collect());
    }
    Ok(out)
}

fn eval(c: &Args<'_>) -> Evaluated {
    let (choice, a, b) = (c.tensor(0)?, c.tensor(1)?, c.tensor(2)?);
    if a.elem != b.elem {
        return Err(format!("its inputs are {} and {}, and should have one type", a.elem, b.elem));
    }
    let dims = walk::broadcast(&choice.dims, &walk::broadcast(&a.dims, &b.dims)?)?;
    c.count(&dims)?;
    let choice = shape::stretch(choice, &dims);
    let mut out = shape::stretch(b, &dims);
    let from_a: Vec<usize> = walk::Places::stretched(&a.dims, &dims).collect();
    let chosen = choice.stored_ints()?.iter().enumerate().filter(|(_, t)| **t != 0).map(|(i, _)| (i, from_a[i]));
    std::sync::Arc::make_mut(&mut out.data).put(chosen, &a.data);
    one(out)
}
