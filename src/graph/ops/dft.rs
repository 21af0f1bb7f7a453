//! `DFT`.

use super::{Call, Infer, Operator, Out, Outs, Version, axis_of};
use crate::graph::Dim;
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, one, sample, walk};

/// Schemas: ONNX 1.23, `DFT`.
pub(super) static OPERATOR: Operator = Operator {
    name: "DFT",
    versions: &[
        Version {
            since: 17,
            inputs: "input: T1, dft_length?: T2",
            outputs: "output: T1",
            types: "T1 = FLOATS16; T2 = i32 i64",
            attributes: "axis: int = 1, inverse: int = 0, onesided: int = 0",
            deprecated: false,
        },
        Version {
            since: 20,
            inputs: "input: T1, dft_length?: T2, axis?: i64",
            outputs: "output: T1",
            types: "T1 = FLOATS16; T2 = i32 i64",
            attributes: "inverse: int = 0, onesided: int = 0",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let Some(shape) = c.shape(0) else { return Ok(vec![Out::unknown()]) };
    let axis = if c.version() < 20 {
        Some(c.int("axis", 1))
    } else {
        c.input(2).map_or(Some(-2), |_| c.numbers(2).and_then(|l| l.first().copied()))
    };
    let (Some(axis), Some((last, _))) = (axis, shape.split_last()) else { return Ok(vec![Out::rank(shape.len())]) };
    let mut out = shape.to_vec();
    let at = axis_of(axis, shape.len())?;
    if c.input(1).is_some() {
        out[at] = c.ints(1).and_then(|l| l.first().cloned()).unwrap_or_default();
    }
    let (one_sided, inverse) = (c.int("onesided", 0) != 0, c.int("inverse", 0) != 0);
    if one_sided && !inverse {
        out[at] = out[at].divided_down(&Dim::Known(2)).plus(&Dim::Known(1));
    } else if one_sided && c.input(1).is_none() {
        out[at] = out[at].minus(&Dim::Known(1)).times(&Dim::Known(2));
    }
    // Complex numbers are pairs. The inverse of one side is real.
    let pair = Dim::Known(if one_sided && inverse { 1 } else { 2 });
    if let Some(d) = out.last_mut().filter(|_| last.known().is_some()) {
        *d = pair;
    }
    Ok(vec![Out::shape(out)])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    // From version 20 on the axis is an input; the last dimension is real and imaginary part.
    let axis = if c.version() >= 20 { c.int_input(2)?.unwrap_or(-2) } else { c.int("axis", 1) };
    let axis = axis_of(axis, x.rank())?;
    let (inverse, half) = (c.flag("inverse", false), c.flag("onesided", false));
    let parts = *x.dims.last().ok_or("its input has no dimensions")?;
    if axis + 1 == x.rank() || !matches!(parts, 1 | 2) {
        return Err(format!("it transforms axis {axis} of an input of {:?}", x.dims));
    }
    let (outer, n, inner) = walk::around(&x.dims[..x.rank() - 1], axis);
    let whole = if inverse && half { 2 * n.saturating_sub(1) } else { n };
    let length = c.int_input(1)?.map_or(Ok(whole), usize::try_from).map_err(|_| "its length is negative")?;
    let kept = if half && !inverse { length / 2 + 1 } else { length };
    let mut dims = x.dims.clone();
    dims[axis] = kept;
    // The inverse of half a spectrum is real.
    let out_parts = if inverse && half { 1 } else { 2 };
    dims[x.rank() - 1] = out_parts;
    c.count(&dims)?;
    c.count(&[length.saturating_mul(n.max(1)), outer, inner])?;
    let values = x.to_numbers()?;
    let mut out = vec![0.0; outer * kept * inner * out_parts];
    for (o, i) in (0..outer).flat_map(|o| (0..inner).map(move |i| (o, i))) {
        c.going()?;
        let element = |k: usize| {
            let at = ((o * n + k) * inner + i) * parts;
            [values[at], if parts == 2 { values[at + 1] } else { 0.0 }]
        };
        let mut line: Vec<[f64; 2]> = (0..n.min(length)).map(element).collect();
        if inverse && half {
            // The other half is the conjugate.
            line.resize(length, [0.0; 2]);
            for k in length / 2 + 1..length {
                let [re, im] = line[length - k];
                line[k] = [re, -im];
            }
        }
        for (k, v) in sample::fourier(&line, length, inverse).into_iter().take(kept).enumerate() {
            let at = ((o * kept + k) * inner + i) * out_parts;
            out[at..][..out_parts].copy_from_slice(&v[..out_parts]);
        }
    }
    one(Tensor::numbers(x.elem, dims, out))
}
