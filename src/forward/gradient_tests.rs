//! Networks of candle's operations alone: their logits are those of the CPU's own code, and every weight gets a gradient.

use super::*;
use crate::model::Piece;
use candle_core::Var;
use std::path::Path;

/// Every tensor of a model as a variable, stacked matrices one below the other.
fn variables(tensors: &HashMap<String, TensorEntry>) -> HashMap<String, Var> {
    let variable = |entry: &TensorEntry| {
        let mut values = vec![0f32; entry.shape.elems().unwrap() as usize];
        crate::transform::decode(entry, &Piece::rows(entry, 0..entry.rows()), &mut Vec::new(), &mut values).unwrap();
        let shape = match entry.shape.rank() {
            1 => vec![values.len()],
            _ => vec![entry.rows() as usize, entry.cols() as usize],
        };
        Var::from_vec(values, shape, &Device::Cpu).unwrap()
    };
    tensors.iter().map(|(name, entry)| (name.clone(), variable(entry))).collect()
}

/// Logits of a sequence, by operations of candle.
fn logits(forward: &Forward, of: WeightsOf<'_>, ids: &[u32]) -> Tensor {
    let mut nothing = ();
    let weights = OnDevice::new(of, Device::Cpu, Task::quiet(), &mut nothing);
    let positions: Vec<usize> = (0..ids.len()).collect();
    let angles = forward.angles(&weights, &positions, ids.len()).unwrap();
    let rows = [Sequence { queries: 0..ids.len(), keys: 0..ids.len() }];
    let context = Context { weights: &weights, spec: &forward.spec, sequences: &rows, angles: angles.as_ref() };
    let mut x = forward.embed(&context, ids, &positions).unwrap();
    for layer in 0..forward.spec.layers {
        x = context.layer(&x, layer, None).unwrap();
    }
    if forward.is_encoder() {
        return x;
    }
    forward.head(&weights, &context.norm(&x, "output_norm").unwrap()).unwrap()
}

fn values(x: &Tensor) -> Vec<f32> {
    floats(x).unwrap()
}

#[test]
fn operations_of_candle_give_the_same_logits_and_every_weight_a_gradient() {
    let material = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/material/hf");
    if !material.is_dir() {
        crate::skip::skipped("material/hf absent: no gradients are checked");
        return;
    }
    let names = [
        "tiny-llama",
        "tiny-llama3-pt",
        "tiny-mixtral",
        "tiny-phi3",
        "tiny-qwen2",
        "tiny-qwen3",
        "tiny-qwen3moe",
        "tiny-gemma2",
        "tiny-gemma3",
        "tiny-gpt2",
        "tiny-bert",
    ];
    for name in names {
        let model = arch::open(&material.join(name)).unwrap();
        let forward = Forward::open(&model, Rounding::Exact).unwrap();
        // Long enough for the windows of Gemma and Mistral, and for every expert to be reached.
        let ids: Vec<u32> = (0..96u32).map(|i| (i * 37 + i * i) % 500).collect();
        let wanted = if forward.is_encoder() {
            forward.states(std::slice::from_ref(&ids), Task::quiet(), &mut ()).unwrap()
        } else {
            let states = forward.states(std::slice::from_ref(&ids), Task::quiet(), &mut ()).unwrap();
            let mut out = Vec::new();
            forward.logits(&states, Task::quiet(), &mut (), &mut out).unwrap();
            out
        };
        let most = wanted.iter().fold(0f32, |m, v| m.max(v.abs()));
        let same = |got: &[f32], how: &str| {
            assert_eq!(got.len(), wanted.len(), "{name} {how}");
            let difference = got.iter().zip(&wanted).fold(0f32, |m, (a, b)| m.max((a - b).abs()));
            assert!(difference <= 2e-4 * most, "{name} {how}: {difference} of {most}");
        };
        same(&values(&logits(&forward, WeightsOf::Model(&forward.tensors), &ids)), "streamed");
        let variables = variables(&forward.tensors);
        let tensors = variables.iter().map(|(name, var)| (name.clone(), var.as_tensor().clone())).collect();
        let out = logits(&forward, WeightsOf::Tensors(&tensors), &ids);
        same(&values(&out), "in memory");
        let gradients = out.sqr().unwrap().mean_all().unwrap().backward().unwrap();
        for (weight, variable) in &variables {
            // Factors of frequencies are not learned, and the poolers of an encoder are not part of its hidden states.
            if weight.starts_with("rope_f") || weight.starts_with("cls") {
                continue;
            }
            let gradient = gradients.get(variable).unwrap_or_else(|| panic!("{name}: {weight} has no gradient"));
            let sum = gradient.abs().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
            // The bias of keys moves all scores of a query alike, which a softmax does not see.
            let unseen = weight.ends_with("attn_k.bias");
            assert!(sum.is_finite() && (sum > 0.0 || unseen), "{name}: the gradient of {weight} is {sum}");
        }
    }
}
