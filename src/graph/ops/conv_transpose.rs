//! `ConvTranspose`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;
use crate::graph::eval::{Eval, conv, one};

/// Schemas: ONNX 1.23, `ConvTranspose`.
pub(super) static OPERATOR: Operator = Operator {
    name: "ConvTranspose",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T, W: T, B?: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "auto_pad: text = NOTSET, dilations: ints, group: int = 1, kernel_shape: ints, output_padding: ints, output_shape: ints, pads: ints, strides: ints",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "X: T, W: T, B?: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "auto_pad: text = NOTSET, dilations: ints, group: int = 1, kernel_shape: ints, output_padding: ints, output_shape: ints, pads: ints, strides: ints",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "X: T, W: T, B?: T",
            outputs: "Y: T",
            types: "T = FLOATS16",
            attributes: "auto_pad: text = NOTSET, dilations: ints, group: int = 1, kernel_shape: ints, output_padding: ints, output_shape: ints, pads: ints, strides: ints",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(|c| one(conv::transposed(c)?)),
};

fn infer(c: &Call<'_>) -> Outs {
    let (Some(x), Some(w)) = (c.shape(0), c.shape(1)) else { return Ok(vec![Out::unknown()]) };
    if x.len() < 3 || w.len() != x.len() {
        return Err(format!("an input of {} and a weight of {} dimensions", x.len(), w.len()));
    }
    let n = x.len() - 2;
    let list = |name: &str, default: i64, len: usize| {
        let given = c.list(name).filter(|l| !l.is_empty()).map_or_else(|| vec![default; len], <[i64]>::to_vec);
        if given.len() == len { Ok(given) } else { Err(format!("{} {name} for {n} dimensions", given.len())) }
    };
    let (strides, dilations, more) = (list("strides", 1, n)?, list("dilations", 1, n)?, list("output_padding", 0, n)?);
    let pads = list("pads", 0, 2 * n)?;
    let auto = c.text("auto_pad", "NOTSET");
    let one = Dim::Known(1);
    let mut shape = vec![x[0].clone(), w[1].times(&Dim::Known(c.int("group", 1)))];
    let given = c.list("output_shape").filter(|s| s.len() == n);
    for i in 0..n {
        let (input, kernel) =
            (&x[i + 2], c.list("kernel_shape").and_then(|k| k.get(i)).map_or(w[i + 2].clone(), |k| Dim::Known(*k)));
        shape.push(if let Some(given) = given {
            Dim::Known(given[i])
        } else if auto.starts_with("SAME") {
            input.times(&Dim::Known(strides[i]))
        } else {
            let reach = kernel.minus(&one).times(&Dim::Known(dilations[i])).plus(&one);
            let padding = Dim::Known(if auto == "VALID" { 0 } else { pads[i].saturating_add(pads[i + n]) });
            input.minus(&one).times(&Dim::Known(strides[i])).plus(&reach).plus(&Dim::Known(more[i])).minus(&padding)
        });
    }
    Ok(vec![Out::shape(shape)])
}
