//! `ai.onnx.preview.training`: one step of an optimizer. Inputs: rate, step, then all parameters, all gradients and all states.

use super::{Args, Evaluated, Tensor};

/// Each parameter with its gradient and states. `f` gives the new parameter and states of one element.
fn each(c: &Args<'_>, states: usize, f: impl Fn(f64, f64, &[f64]) -> (f64, Vec<f64>)) -> Evaluated {
    let n = c.inputs.len().saturating_sub(2) / (states + 2);
    let mut outs: Vec<Vec<Tensor>> = vec![Vec::new(); states + 1];
    for i in 0..n {
        let parts: Vec<&Tensor> = (0..states + 2).map(|k| c.tensor(2 + k * n + i)).collect::<Result<_, _>>()?;
        let x = parts[0];
        if let Some(t) = parts.iter().find(|t| t.dims != x.dims) {
            return Err(format!("a parameter has the shape {:?}, and what belongs to it has {:?}", x.dims, t.dims));
        }
        let values: Vec<Vec<f64>> = parts.iter().map(|t| t.to_numbers()).collect::<Result<_, _>>()?;
        let mut new: Vec<Vec<f64>> = vec![Vec::new(); states + 1];
        for e in 0..x.len() {
            let state: Vec<f64> = values[2..].iter().map(|v| v[e]).collect();
            let (parameter, state) = f(values[0][e], values[1][e], &state);
            new[0].push(parameter);
            new[1..].iter_mut().zip(state).for_each(|(all, s)| all.push(s));
        }
        outs.iter_mut().zip(new).for_each(|(o, v)| o.push(Tensor::numbers(x.elem, x.dims.clone(), v)));
    }
    Ok(outs.into_iter().flatten().map(Into::into).collect())
}

fn rate_and_step(c: &Args<'_>) -> Result<(f64, f64), String> {
    Ok((c.tensor(0)?.number()?, c.tensor(1)?.number()?))
}

/// `Adagrad`.
pub(super) fn adagrad(c: &Args<'_>) -> Evaluated {
    let (rate, step) = rate_and_step(c)?;
    let rate = rate / (1.0 + step * c.float("decay_factor", 0.0));
    let (norm, epsilon) = (c.float("norm_coefficient", 0.0), c.float("epsilon", 0.0));
    each(c, 1, |x, g, h| {
        let g = norm * x + g;
        let h = h[0] + g * g;
        (x - rate * g / (h.sqrt() + epsilon), vec![h])
    })
}

/// `Adam`.
pub(super) fn adam(c: &Args<'_>) -> Evaluated {
    let (rate, step) = rate_and_step(c)?;
    let (alpha, beta) = (c.float("alpha", 0.9), c.float("beta", 0.999));
    let (norm, after) = (c.float("norm_coefficient", 0.0), c.float("norm_coefficient_post", 0.0));
    let epsilon = c.float("epsilon", 0.0);
    let rate = if step > 0.0 { rate * (1.0 - beta.powf(step)).sqrt() / (1.0 - alpha.powf(step)) } else { rate };
    each(c, 2, |x, g, s| {
        let g = norm * x + g;
        let (v, h) = (alpha * s[0] + (1.0 - alpha) * g, beta * s[1] + (1.0 - beta) * g * g);
        ((1.0 - after) * (x - rate * v / (h.sqrt() + epsilon)), vec![v, h])
    })
}

/// `Momentum`.
pub(super) fn momentum(c: &Args<'_>) -> Evaluated {
    let (rate, step) = rate_and_step(c)?;
    let (alpha, norm) = (c.float("alpha", 0.0), c.float("norm_coefficient", 0.0));
    let beta = if step > 0.0 { c.float("beta", 0.0) } else { 1.0 };
    let nesterov = c.text("mode", "standard") == "nesterov";
    each(c, 1, |x, g, v| {
        let g = norm * x + g;
        let v = alpha * v[0] + beta * g;
        (x - rate * if nesterov { g + alpha * v } else { v }, vec![v])
    })
}
