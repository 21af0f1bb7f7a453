//! `Gemm`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::eval::{Args, Data, Eval, Evaluated, Tensor, math, one, product, shape};

/// Schemas: ONNX 1.23, `Gemm`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Gemm",
    versions: &[
        Version {
            since: 1,
            inputs: "A: T, B: T, C: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "alpha: float = 1, beta: float = 1, broadcast: int = 0, transA: int = 0, transB: int = 0",
            deprecated: false,
        },
        Version {
            since: 6,
            inputs: "A: T, B: T, C: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "alpha: float = 1, beta: float = 1, broadcast: int = 0, transA: int = 0, transB: int = 0",
            deprecated: false,
        },
        Version {
            since: 7,
            inputs: "A: T, B: T, C: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "alpha: float = 1, beta: float = 1, transA: int = 0, transB: int = 0",
            deprecated: false,
        },
        Version {
            since: 9,
            inputs: "A: T, B: T, C: T",
            outputs: "Y: T",
            types: "T = u32 u64 i32 i64 f16 f32 f64",
            attributes: "alpha: float = 1, beta: float = 1, transA: int = 0, transB: int = 0",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "A: T, B: T, C?: T",
            outputs: "Y: T",
            types: "T = u32 u64 i32 i64 f16 f32 f64",
            attributes: "alpha: float = 1, beta: float = 1, transA: int = 0, transB: int = 0",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "A: T, B: T, C?: T",
            outputs: "Y: T",
            types: "T = u32 u64 i32 i64 f16 f32 f64 bf16",
            attributes: "alpha: float = 1, beta: float = 1, transA: int = 0, transB: int = 0",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let (Some([a0, a1]), Some([b0, b1])) = (c.shape(0), c.shape(1)) else { return Ok(vec![Out::rank(2)]) };
    let (m, k) = if c.int("transA", 0) != 0 { (a1, a0) } else { (a0, a1) };
    let (l, n) = if c.int("transB", 0) != 0 { (b1, b0) } else { (b0, b1) };
    if k.differs(l) {
        return Err(format!("rows of {k} elements cannot be multiplied with {l} rows"));
    }
    Ok(vec![Out::shape(vec![m.clone(), n.clone()])])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let turned = |at: usize, name: &str| -> Result<Tensor, String> {
        let t = c.tensor(at)?;
        if t.rank() != 2 {
            return Err(format!("its input {at} has the shape {:?}, and should have 2 dimensions", t.dims));
        }
        Ok(if c.flag(name, false) { shape::transpose(t, &[1, 0]) } else { t.clone() })
    };
    let (a, b) = (turned(0, "transA")?, turned(1, "transB")?);
    let (alpha, beta) = (c.float("alpha", 1.0), c.float("beta", 1.0));
    let y = product::product(c, &a, &b)?;
    if matches!(*y.data, Data::Int(_)) {
        let scaled = |y: i128, by: f64| (y as f64 * by) as i128;
        return one(match c.given(2)? {
            Some(other) => math::arithmetic(c, &y, other, |y, _| y, |y, o| scaled(y, alpha) + scaled(o, beta))?,
            None => Tensor::ints(y.elem, y.dims.clone(), y.to_ints()?.into_iter().map(|y| scaled(y, alpha))),
        });
    }
    one(match c.given(2)? {
        Some(other) => math::arithmetic(c, &y, other, |y, o| alpha * y + beta * o, |y, _| y)?,
        None => Tensor::numbers(y.elem, y.dims.clone(), y.to_numbers()?.into_iter().map(|y| alpha * y).collect()),
    })
}
