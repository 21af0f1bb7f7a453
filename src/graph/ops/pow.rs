//! `Pow`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Args, Data, Eval, Evaluated, Tensor, math, one, walk};

/// Schemas: ONNX 1.23, `Pow`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Pow",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T, Y: T",
            outputs: "Z: T",
            types: "T = FLOATS",
            attributes: "axis: int, broadcast: int = 0",
            deprecated: false,
        },
        Version {
            since: 7,
            inputs: "X: T, Y: T",
            outputs: "Z: T",
            types: "T = FLOATS",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 12,
            inputs: "X: T, Y: T1",
            outputs: "Z: T",
            types: "T = i32 i64 f16 f32 f64; T1 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "X: T, Y: T1",
            outputs: "Z: T",
            types: "T = i32 i64 f16 f32 f64 bf16; T1 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 15,
            inputs: "X: T, Y: T1",
            outputs: "Z: T",
            types: "T = i32 i64 f16 f32 f64 bf16; T1 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::elementwise),
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    let (a, b) = math::pair(c)?;
    let dims = walk::broadcast(&a.dims, &b.dims)?;
    c.count(&dims)?;
    let places = walk::Places::stretched(&a.dims, &dims).zip(walk::Places::stretched(&b.dims, &dims));
    if let (Data::Int(_), Data::Int(_)) = (&*a.data, &*b.data) {
        let (x, y) = (a.to_ints()?, b.to_ints()?);
        let power = |x: i128, y: i128| match u32::try_from(y) {
            Ok(y) => x.wrapping_pow(y),
            Err(_) => (x as f64).powf(y as f64) as i128,
        };
        return one(Tensor::ints(a.elem, dims, places.map(|(i, j)| power(x[i], y[j])).collect::<Vec<_>>()));
    }
    let (x, y) = (a.to_numbers()?, b.to_numbers()?);
    one(Tensor::numbers(a.elem, dims, places.map(|(i, j)| x[i].powf(y[j])).collect()))
}
