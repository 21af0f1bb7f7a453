//! `MatMulInteger`.

use super::{Call, Infer, Operator, Outs, Version, rules};
use crate::graph::Elem;
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, one, product, quantize};

/// Schemas: ONNX 1.23, `MatMulInteger`.
pub(super) static OPERATOR: Operator = Operator {
    name: "MatMulInteger",
    versions: &[Version {
        since: 10,
        inputs: "A: T1, B: T2, a_zero_point?: T1, b_zero_point?: T2",
        outputs: "Y: T3",
        types: "T1 = u8 i8; T2 = u8 i8; T3 = i32",
        attributes: "",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    rules::matmul(c, 0, 1)
}

fn eval(c: &Args<'_>) -> Evaluated {
    let (a, b) = (c.tensor(0)?, c.tensor(1)?);
    let shape = product::Shape::of(c, &a.dims, &b.dims)?;
    let (x, y) = (quantize::centered(a, c.given(2)?, 2)?, quantize::centered(b, c.given(3)?, 1)?);
    let sums = product::integers(c, &shape, &x, &y)?;
    one(Tensor::ints(Elem::I32, shape.dims, sums))
}
