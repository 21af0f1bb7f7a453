//! `CausalConvWithState`.

use super::{Call, Infer, Operator, Out, Outs, Version, rules};
use crate::graph::Dim;
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, math, shape};

/// Schemas: ONNX 1.23, `CausalConvWithState`.
pub(super) static OPERATOR: Operator = Operator {
    name: "CausalConvWithState",
    versions: &[Version {
        since: 27,
        inputs: "input: T, weight: T, bias?: T, past_state?: T",
        outputs: "output: T, present_state: T",
        types: "T = f16 f32 bf16",
        attributes: "activation: text = none",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let mut out = rules::same(c)?;
    let state = match (c.shape(0), c.shape(1)) {
        (Some([batch, channels, _]), Some([_, _, k])) => {
            Out::shape(vec![batch.clone(), channels.clone(), k.minus(&Dim::Known(1))])
        }
        _ => Out::rank(3),
    };
    out.push(state);
    Ok(out)
}

fn eval(c: &Args<'_>) -> Evaluated {
    let (x, w) = (c.tensor(0)?, c.tensor(1)?);
    let (&[batch, channels, length], &[outs, 1, taps]) = (x.dims.as_slice(), w.dims.as_slice()) else {
        return Err(format!("an input of {:?} and weights of {:?} do not fit each other", x.dims, w.dims));
    };
    if outs != channels || taps == 0 {
        return Err(format!("weights of {:?} do not fit {channels} channels", w.dims));
    }
    let past_dims = [batch, channels, taps - 1];
    let past = match c.given(3)? {
        Some(t) if t.dims == past_dims => t.clone(),
        Some(t) => return Err(format!("its state has the shape {:?}, and should have {past_dims:?}", t.dims)),
        None => Tensor::numbers(x.elem, past_dims, vec![0.0; c.count(&past_dims)?]),
    };
    let all = shape::concat(&[&past, x], 2)?;
    let (values, weights, bias) = (all.to_numbers()?, w.to_numbers()?, c.numbers(2)?);
    if bias.as_ref().is_some_and(|b| b.len() != channels) {
        return Err("it does not have one bias for each channel".to_owned());
    }
    let silu = matches!(c.text("activation", "none"), "silu" | "swish");
    let wide = length + taps - 1;
    let mut out = Vec::with_capacity(x.len());
    for (p, t) in (0..batch * channels).flat_map(|p| (0..length).map(move |t| (p, t))) {
        let channel = p % channels;
        let sum: f64 = (0..taps).map(|k| values[p * wide + t + k] * weights[channel * taps + k]).sum();
        let y = sum + bias.as_ref().map_or(0.0, |b| b[channel]);
        out.push(if silu { y * math::sigmoid(y) } else { y });
    }
    let present = shape::part(&all, 2, wide - (taps - 1), wide);
    Ok(vec![Tensor::numbers(x.elem, x.dims.clone(), out).into(), present.into()])
}
