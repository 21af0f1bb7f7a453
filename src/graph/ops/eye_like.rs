//! `EyeLike`.

use super::{Call, Infer, Operator, Outs, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, one};

/// Schemas: ONNX 1.23, `EyeLike`.
pub(super) static OPERATOR: Operator = Operator {
    name: "EyeLike",
    versions: &[
        Version {
            since: 9,
            inputs: "input: T1",
            outputs: "output: T2",
            types: "T1 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bool; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bool",
            attributes: "dtype: int, k: int = 0",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "input: T1",
            outputs: "output: T2",
            types: "T1 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool",
            attributes: "dtype: int, k: int = 0",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    Ok(vec![rules::same(c)?.remove(0).of(c.elem_attribute("dtype").or_else(|| c.elem(0)))])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let &[rows, columns] = x.dims.as_slice() else { return Err("its input should have 2 dimensions".to_owned()) };
    let (elem, k) = (c.elem_attr("dtype")?.unwrap_or(x.elem), c.int("k", 0));
    let is_one = |at: usize| (at / columns) as i64 == ((at % columns) as i64).saturating_sub(k);
    let values = (0..rows * columns).map(|at| f64::from(u8::from(is_one(at)))).collect();
    one(Tensor::numbers(elem, [rows, columns], values))
}
