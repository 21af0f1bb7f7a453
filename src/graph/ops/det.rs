//! `Det`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, one};

/// Schemas: ONNX 1.23, `Det`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Det",
    versions: &[
        Version { since: 11, inputs: "X: T", outputs: "Y: T", types: "T = FLOATS", attributes: "", deprecated: false },
        Version {
            since: 22,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS16",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let shape = c.shape(0).and_then(|s| s.split_last_chunk::<2>()).map(|(batch, _)| batch.to_vec());
    Ok(vec![Out { shape, ..Out::default() }])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let [outer @ .., n, m] = x.dims.as_slice() else { return Err("its input has fewer than 2 dimensions".to_owned()) };
    if n != m {
        return Err(format!("matrices of {n}×{m} have no determinant"));
    }
    let values = x.to_numbers()?;
    let count: usize = outer.iter().product();
    let out = (0..count).map(|i| determinant(&mut values[i * n * n..][..n * n].to_vec(), *n)).collect();
    one(Tensor::numbers(x.elem, outer, out))
}

/// By elimination with the largest pivots.
fn determinant(a: &mut [f64], n: usize) -> f64 {
    let mut det = 1.0;
    for k in 0..n {
        let pivot = (k..n).max_by(|i, j| a[i * n + k].abs().total_cmp(&a[j * n + k].abs())).unwrap_or(k);
        if a[pivot * n + k] == 0.0 {
            return 0.0;
        }
        if pivot != k {
            (0..n).for_each(|j| a.swap(k * n + j, pivot * n + j));
            det = -det;
        }
        det *= a[k * n + k];
        for i in k + 1..n {
            let by = a[i * n + k] / a[k * n + k];
            (k..n).for_each(|j| a[i * n + j] -= by * a[k * n + j]);
        }
    }
    det
}
