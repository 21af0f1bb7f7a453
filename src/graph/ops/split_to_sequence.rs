//! `SplitToSequence`.

use super::{Infer, Operator, Version};
use crate::graph::eval::{Args, Eval, Evaluated, Value, shape};

/// Schemas: ONNX 1.23, `SplitToSequence`.
pub(super) static OPERATOR: Operator = Operator {
    name: "SplitToSequence",
    versions: &[
        Version {
            since: 11,
            inputs: "input: T, split?: I",
            outputs: "output_sequence: S",
            types: "T = ALL; I = i32 i64; S = seq(bool) seq(c128) seq(c64) seq(f16) seq(f32) seq(f64) seq(i16) seq(i32) seq(i64) seq(i8) seq(string) seq(u16) seq(u32) seq(u64) seq(u8)",
            attributes: "axis: int = 0, keepdims: int = 1",
            deprecated: false,
        },
        Version {
            since: 24,
            inputs: "input: T, split?: I",
            outputs: "output_sequence: S",
            types: "T = ALL16; I = i32 i64; S = seq(bf16) seq(bool) seq(c128) seq(c64) seq(f16) seq(f32) seq(f64) seq(i16) seq(i32) seq(i64) seq(i8) seq(string) seq(u16) seq(u32) seq(u64) seq(u8)",
            attributes: "axis: int = 0, keepdims: int = 1",
            deprecated: false,
        },
    ],
    infer: Infer::Nothing,
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let axis = c.axis(0, x.rank())?;
    let all = x.dims[axis];
    let given = c.given(1)?;
    let sizes: Vec<usize> = match given {
        Some(t) if t.rank() == 0 => {
            let each = usize::try_from(c.int_input(1)?.unwrap_or(0))
                .ok()
                .filter(|n| *n > 0)
                .ok_or("a part has no elements")?;
            (0..all.div_ceil(each)).map(|i| each.min(all - i * each)).collect()
        }
        Some(t) => c.sizes(t.stored_ints()?)?,
        None => vec![1; all],
    };
    if sizes.iter().fold(0, |a: usize, s| a.saturating_add(*s)) != all {
        return Err(format!("parts of {sizes:?} do not make {all} elements"));
    }
    let narrow = given.is_none() && !c.flag("keepdims", true);
    let (mut from, mut parts) = (0, Vec::new());
    for n in sizes {
        let mut part = shape::part(x, axis, from, from + n);
        if narrow {
            part.dims.remove(axis);
        }
        parts.push(part.into());
        from += n;
    }
    Ok(vec![Value::Sequence(parts)])
}
