//! `STFT`.

use super::{Infer, Operator, Version};
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, one, sample};

/// Schemas: ONNX 1.23, `STFT`.
pub(super) static OPERATOR: Operator = Operator {
    name: "STFT",
    versions: &[Version {
        since: 17,
        inputs: "signal: T1, frame_step: T2, window?: T1, frame_length?: T2",
        outputs: "output: T1",
        types: "T1 = FLOATS16; T2 = i32 i64",
        attributes: "onesided: int = 1",
        deprecated: false,
    }],
    infer: Infer::Nothing,
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let (batch, length, parts) = match *x.dims.as_slice() {
        [b, n] => (b, n, 1),
        [b, n, p] if matches!(p, 1 | 2) => (b, n, p),
        _ => return Err(format!("its input has the shape {:?}", x.dims)),
    };
    let size = |v: i64| usize::try_from(v).ok().filter(|v| *v > 0).ok_or("its step or length is not positive");
    let step = size(c.int_input(1)?.ok_or("its step is missing")?)?;
    let window = c.numbers(2)?;
    let frame = match (c.int_input(3)?, &window) {
        (Some(n), _) => size(n)?,
        (None, Some(w)) => w.len(),
        (None, None) => length,
    };
    if frame == 0 || frame > length || window.as_ref().is_some_and(|w| w.len() > frame) {
        return Err(format!("frames of {frame} do not fit a signal of {length}"));
    }
    let frames = (length - frame) / step + 1;
    let kept = if c.flag("onesided", true) { frame / 2 + 1 } else { frame };
    let dims = [batch, frames, kept, 2];
    let n = c.count(&dims)?;
    let values = x.to_numbers()?;
    let mut out = Vec::with_capacity(n);
    for (b, f) in (0..batch).flat_map(|b| (0..frames).map(move |f| (b, f))) {
        c.going()?;
        let element = |k: usize| {
            let at = (b * length + f * step + k) * parts;
            let by = window.as_ref().map_or(1.0, |w| w.get(k).copied().unwrap_or(0.0));
            [values[at] * by, if parts == 2 { values[at + 1] * by } else { 0.0 }]
        };
        let line: Vec<[f64; 2]> = (0..frame).map(element).collect();
        out.extend(sample::fourier(&line, frame, false).into_iter().take(kept).flatten());
    }
    one(Tensor::numbers(x.elem, dims, out))
}
