//! `RotaryEmbedding`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, attend, one, shape};

/// Schemas: ONNX 1.23, `RotaryEmbedding`.
pub(super) static OPERATOR: Operator = Operator {
    name: "RotaryEmbedding",
    versions: &[Version {
        since: 23,
        inputs: "X: T, cos_cache: T, sin_cache: T, position_ids?: M",
        outputs: "Y: T",
        types: "T = f16 f32 bf16; M = i64",
        attributes: "interleaved: int = 0, num_heads: int, rotary_embedding_dim: int = 0",
        deprecated: false,
    }],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let flat = x.rank() == 3;
    let own = attend::heads(x, c.int_attr("num_heads"))?;
    let &[batch, heads, length, size] = own.dims.as_slice() else {
        return Err("its input has too few dimensions".to_owned());
    };
    let turned = usize::try_from(c.int("rotary_embedding_dim", 0)).map_err(|_| "its rotary dimension is negative")?;
    let turned = if turned == 0 { size } else { turned };
    let half = turned / 2;
    if turned > size || !turned.is_multiple_of(2) {
        return Err(format!("it turns {turned} of {size} elements"));
    }
    let (cos, sin) = (c.tensor(1)?.to_numbers()?, c.tensor(2)?.to_numbers()?);
    let places = c.ints_if(3)?;
    let rows = cos.len() / half.max(1);
    // With positions, the rows of the tables are positions; without, each place has its own row.
    let fits = cos.len() == sin.len()
        && match &places {
            Some(p) => p.len() == batch * length,
            None => rows == batch * length,
        };
    if !fits {
        return Err(format!("tables of {:?} do not fit an input of {:?}", c.tensor(1)?.dims, x.dims));
    }
    let mut values = own.to_numbers()?;
    let interleaved = c.flag("interleaved", false);
    for row in 0..batch * heads * length {
        let at = row / (heads * length) * length + row % length;
        let angle = match &places {
            Some(p) => shape::index(p[at], rows)?,
            None => at,
        };
        let line = &mut values[row * size..][..size];
        for k in 0..half {
            let (i, j) = if interleaved { (2 * k, 2 * k + 1) } else { (k, k + half) };
            let (cos, sin, a, b) = (cos[angle * half + k], sin[angle * half + k], line[i], line[j]);
            (line[i], line[j]) = (cos * a - sin * b, sin * a + cos * b);
        }
    }
    let y = Tensor::numbers(x.elem, own.dims.clone(), values);
    one(if flat { attend::joined(&y) } else { y })
}
