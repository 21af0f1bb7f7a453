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
    let routes = route(&floats(&scores)?, of, used, spec.renormalized);
    let mut out = x.zeros_like()?;
    for (number, tokens) in routes.into_iter().enumerate() {
        if tokens.is_empty() {
            continue;
        }
        let (rows, factors): (Vec<u32>, Vec<f32>) = tokens.into_iter().unzip();
        let count = rows.len();
        let rows = Tensor::from_vec(rows, count, weights.device())?;
        let own = x.index_select(&rows, 0)?;
        let expert = Some((number, of));
        let gate = activate(&weights.product(&own, &name("ffn_gate_exps"), expert)?, spec.how.activation)?;
        let inner = (gate * weights.product(&own, &name("ffn_up_exps"), expert)?)?;
        let result = weights.product(&inner, &name("ffn_down_exps"), expert)?;
        let factors = Tensor::from_vec(factors, (count, 1), weights.device())?;
        out = out.index_add(&rows, &result.broadcast_mul(&factors)?, 0)?;
    }
    Ok(out)
}

/// For each expert, the tokens that go through it with the factor of its result. `scores` is tokens × experts.
fn route(scores: &[f32], of: usize, used: usize, renormalized: bool) -> Vec<Vec<(u32, f32)>> {
    let mut routes = vec![Vec::new(); of];
    for (token, scores) in (0u32..).zip(scores.chunks_exact(of.max(1))) {
        let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let all: Vec<f32> = scores.iter().map(|s| (s - most).exp()).collect();
        let sum: f32 = all.iter().sum();
        let mut order: Vec<usize> = (0..of).collect();
        order.sort_by(|a, b| all[*b].total_cmp(&all[*a]));
        let chosen = &order[..used.min(of)];
        let divisor = if renormalized { chosen.iter().map(|e| all[*e]).sum() } else { sum };
        for expert in chosen {
            routes[*expert].push((token, all[*expert] / divisor));
        }
    }
    routes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_go_to_the_experts_with_the_largest_scores() {
        let scores = [0.0f32, 2.0f32.ln(), 1.0f32.ln(), -50.0];
        let routes = route(&scores, 4, 2, true);
        assert_eq!(routes[3], vec![]);
        let total: f32 = routes.iter().flatten().map(|r| r.1).sum();
        assert!((total - 1.0).abs() < 1e-6, "{routes:?}");
        assert!((routes[1][0].1 - 2.0 / 3.0).abs() < 1e-6, "{routes:?}");
        // Equal scores: the lower number is taken.
        assert_eq!((routes[0].len(), routes[2].len()), (1, 0));
        let routes = route(&scores, 4, 2, false);
        assert!((routes[1][0].1 - 0.5).abs() < 1e-6, "{routes:?}");
    }
}
