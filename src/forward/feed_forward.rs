//! The feed-forward part of a layer: gated or not, dense or with experts.

use super::layer::affine;
use super::spec::Spec;
use super::weights::{Weights, floats};
use crate::arch::{Activation, Gate};
use crate::model::Result;
use candle_core::Tensor;

/// The feed-forward part of layer `layer`.
pub(super) fn feed_forward(weights: &dyn Weights, spec: &Spec, x: &Tensor, layer: u32) -> Result<Tensor> {
    let name = |part: &str| format!("blk.{layer}.{part}");
    if let Some((of, used)) = spec.experts
        && weights.has(&name("ffn_gate_inp.weight"))
    {
        return experts(weights, spec, x, layer, (of, used));
    }
    let up = affine(weights, x, &name("ffn_up"))?;
    let inner = match spec.how.gate {
        Gate::None => activate(&up, spec.how.activation)?,
        Gate::Separate => (activate(&affine(weights, x, &name("ffn_gate"))?, spec.how.activation)? * up)?,
        Gate::Fused => {
            let half = up.dim(1)? / 2;
            let gate = up.narrow(1, 0, half)?.contiguous()?;
            (activate(&gate, spec.how.activation)? * up.narrow(1, half, half)?)?
        }
    };
    affine(weights, &inner, &name("ffn_down"))
}

fn activate(x: &Tensor, activation: Activation) -> Result<Tensor> {
    Ok(match activation {
        Activation::Silu => x.silu()?,
        Activation::GeluTanh => x.gelu()?,
        Activation::GeluErf => x.gelu_erf()?,
    })
}

/// Each token goes through the experts that the router gives the largest probabilities; their results are added, weighted.
fn experts(weights: &dyn Weights, spec: &Spec, x: &Tensor, layer: u32, (of, used): (usize, usize)) -> Result<Tensor> {
    let name = |part: &str| format!("blk.{layer}.{part}.weight");
    let scores = weights.product(x, &name("ffn_gate_inp"), None)?;
    let routes = route(&floats(&scores)?, of, used);
    let factors = factors(&scores, &routes, spec.renormalized)?;
    let mut out = x.zeros_like()?;
    for (number, rows) in routes.into_iter().enumerate() {
        if rows.is_empty() {
            continue;
        }
        let count = rows.len();
        let rows = Tensor::from_vec(rows, count, weights.device())?;
        let own = x.index_select(&rows, 0)?;
        let expert = Some((number, of));
        let gate = activate(&weights.product(&own, &name("ffn_gate_exps"), expert)?, spec.how.activation)?;
        let inner = (gate * weights.product(&own, &name("ffn_up_exps"), expert)?)?;
        let result = weights.product(&inner, &name("ffn_down_exps"), expert)?;
        let factors = factors.narrow(1, number, 1)?.contiguous()?.index_select(&rows, 0)?;
        out = out.index_add(&rows, &result.broadcast_mul(&factors)?, 0)?;
    }
    Ok(out)
}

/// For each expert, the tokens that go through it. `scores` is tokens × experts.
fn route(scores: &[f32], of: usize, used: usize) -> Vec<Vec<u32>> {
    let mut routes = vec![Vec::new(); of];
    for (token, scores) in (0u32..).zip(scores.chunks_exact(of.max(1))) {
        let mut order: Vec<usize> = (0..of).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        for expert in &order[..used.min(of)] {
            routes[*expert].push(token);
        }
    }
    routes
}

/// The factor of the result of each expert for each token, tokens × experts: its probability, relative to those of the chosen experts if
/// they are `renormalized`. As operations of candle, for the router has to learn too.
fn factors(scores: &Tensor, routes: &[Vec<u32>], renormalized: bool) -> Result<Tensor> {
    let (tokens, of) = scores.dims2()?;
    let mut chosen = vec![0f32; tokens * of];
    for (expert, rows) in routes.iter().enumerate() {
        rows.iter().for_each(|token| chosen[*token as usize * of + expert] = 1.0);
    }
    let chosen = Tensor::from_vec(chosen, (tokens, of), scores.device())?;
    // The quotient does not depend on what is subtracted, so it needs no gradient.
    let powers = scores.broadcast_sub(&scores.max_keepdim(1)?.detach())?.exp()?;
    let kept = (&powers * chosen)?;
    let divisor = if renormalized { &kept } else { &powers }.sum_keepdim(1)?;
    Ok(kept.broadcast_div(&divisor)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_go_to_the_experts_with_the_largest_scores() {
        let scores = [0.0f32, 2.0f32.ln(), 1.0f32.ln(), -50.0];
        let routes = route(&scores, 4, 2);
        // Equal scores: the lower number is taken.
        assert_eq!(routes, [vec![0], vec![0], vec![], vec![]]);
        let scores = Tensor::from_slice(&scores, (1, 4), &candle_core::Device::Cpu).unwrap();
        let close = |got: Tensor, wanted: [f32; 4]| {
            let got = floats(&got).unwrap();
            assert!(got.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-6), "{got:?}");
        };
        close(factors(&scores, &routes, true).unwrap(), [1.0 / 3.0, 2.0 / 3.0, 0.0, 0.0]);
        close(factors(&scores, &routes, false).unwrap(), [0.25, 0.5, 0.0, 0.0]);
    }
}
