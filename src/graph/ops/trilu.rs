//! `Trilu`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Args, Data, Eval, Evaluated, Tensor, one};

/// Schemas: ONNX 1.23, `Trilu`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Trilu",
    versions: &[Version {
        since: 14,
        inputs: "input: T, k?: i64",
        outputs: "output: T",
        types: "T = ALL16",
        attributes: "upper: int = 1",
        deprecated: false,
    }],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let [.., rows, columns] = x.dims.as_slice() else { return Err("its input has fewer than 2 dimensions".to_owned()) };
    let (upper, k) = (c.flag("upper", true), c.int_input(1)?.unwrap_or(0));
    let places = (0..x.len()).map(|at| {
        let (i, j) = ((at / columns % rows) as i64, (at % columns) as i64);
        let diagonal = i.saturating_add(k);
        (if upper { j >= diagonal } else { j <= diagonal }).then_some(at)
    });
    one(Tensor::new(x.elem, x.dims.clone(), x.data.pick_or(places, &Data::zeros(x.elem, 1))))
}
