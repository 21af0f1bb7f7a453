//! `QLinearMatMul`.

use super::{Call, Infer, Operator, Outs, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, one, product, quantize, shape, walk};

/// Schemas: ONNX 1.23, `QLinearMatMul`.
pub(super) static OPERATOR: Operator = Operator {
    name: "QLinearMatMul",
    versions: &[
        Version {
            since: 10,
            inputs: "a: T1, a_scale: f32, a_zero_point: T1, b: T2, b_scale: f32, b_zero_point: T2, y_scale: f32, y_zero_point: T3",
            outputs: "y: T3",
            types: "T1 = u8 i8; T2 = u8 i8; T3 = u8 i8",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 21,
            inputs: "a: T1, a_scale: TS, a_zero_point: T1, b: T2, b_scale: TS, b_zero_point: T2, y_scale: TS, y_zero_point: T3",
            outputs: "y: T3",
            types: "TS = f16 f32 bf16; T1 = u8 i8 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz; T2 = u8 i8 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz; T3 = u8 i8 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    Ok(vec![rules::matmul(c, 0, 3)?.remove(0).of(c.elem(7))])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let (a, b) = (c.tensor(0)?, c.tensor(3)?);
    let shape = product::Shape::of(c, &a.dims, &b.dims)?;
    let (x, y) = (quantize::centered(a, c.given(2)?, 2)?, quantize::centered(b, c.given(5)?, 1)?);
    let sums = product::integers(c, &shape, &x, &y)?;
    // Scales of rows and columns broadcast to the product.
    let along = |t: &Tensor, from_end: usize| -> Tensor {
        let mut dims = vec![1; from_end];
        dims[0] = t.len();
        if t.rank() <= 1 { t.shaped(if t.len() == 1 { vec![] } else { dims }) } else { t.clone() }
    };
    let (own, other, out) = (along(c.tensor(1)?, 2), along(c.tensor(4)?, 1), c.tensor(6)?);
    let spread = |t: &Tensor| -> Result<Vec<f64>, String> {
        if walk::broadcast(&t.dims, &shape.dims)? != shape.dims {
            return Err(format!("scales of {:?} do not fit {:?}", t.dims, shape.dims));
        }
        shape::stretch(t, &shape.dims).to_numbers()
    };
    let (s, t, u) = (spread(&own)?, spread(&other)?, spread(&along(out, 2))?);
    let zero = c.tensor(7)?;
    let z = spread(&along(zero, 2))?;
    let values =
        sums.iter().enumerate().map(|(i, v)| quantize::nearest(zero.elem, *v as f64 * (s[i] * t[i] / u[i]), z[i]));
    one(Tensor::ints(zero.elem, shape.dims.clone(), values.collect::<Vec<_>>()))
}
