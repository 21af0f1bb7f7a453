//! What a tensor is for, by its name in any ecosystem.

use crate::model::{Role, TensorClass, TensorKind};

/// Finds layer, kind and role in a GGUF, Hugging Face or PyTorch tensor name. Never fails: an unknown name is
/// [`Role::Other`] with the bare name as kind.
///
/// A layer is the first numeric part that follows a word for a block, or the first numeric part at all (`0.weight` of a
/// `Sequential`). One pass over the name and one table look-up.
pub(super) fn classify(name: &str) -> TensorClass {
    let mut stem = name;
    for suffix in [".weight", ".bias", ".weight_g", ".weight_v"] {
        stem = stem.strip_suffix(suffix).unwrap_or(stem);
    }
    let layer = find_layer(stem);
    let from = match layer {
        // The rest of the name after the layer's number; an expert's number is removed too.
        Some((_, end)) if end < stem.len() => end + 1,
        _ => 0,
    };
    let tail = &stem[from..];
    let (expert, kind) = match tail.split_once("experts.") {
        Some((_, rest)) => of_experts(rest),
        None => (None, known(tail)),
    };
    let role = kind.map_or_else(|| guess(tail), TensorKind::role);
    let place = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
    TensorClass { role, kind, layer: layer.map(|l| l.0), expert, stem: (place(from), place(stem.len())) }
}

/// The number of the layer that a tensor's name speaks of, and where its digits are in the name.
pub(crate) fn layer_span(name: &str) -> Option<(u32, std::ops::Range<usize>)> {
    let (number, end) = find_layer(name)?;
    let digits = name.get(..end)?.bytes().rev().take_while(u8::is_ascii_digit).count();
    Some((number, end - digits..end))
}

/// The layer's number and where it ends.
fn find_layer(stem: &str) -> Option<(u32, usize)> {
    const BLOCKS: [&str; 12] = [
        "blk",
        "layers",
        "layer",
        "h",
        "blocks",
        "block",
        "encoder",
        "decoder",
        "resblocks",
        "stages",
        "cells",
        "model",
    ];
    let (mut at, mut before, mut first) = (0usize, "", None);
    for part in stem.split('.') {
        let end = at + part.len();
        if !part.is_empty() && part.len() <= 6 && part.bytes().all(|b| b.is_ascii_digit()) {
            let found = part.parse().ok().map(|n: u32| (n, end));
            if BLOCKS.contains(&before) {
                return found;
            }
            first = first.or(found);
        }
        before = part;
        at = end + 1;
    }
    first
}

/// Number and kind of experts: `3.w1` of `experts.3.w1`, `gate_up_proj` of `experts.gate_up_proj`.
fn of_experts(rest: &str) -> (Option<u16>, Option<TensorKind>) {
    let numbered = rest.split_once('.').and_then(|(n, part)| {
        let digits = !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| (n.parse().ok(), part))
    });
    let (expert, part) = numbered.unwrap_or((None, rest));
    let kind = match part {
        "w1" | "gate_proj" => Some(TensorKind::FfnGateExps),
        "w2" | "down_proj" => Some(TensorKind::FfnDownExps),
        "w3" | "up_proj" => Some(TensorKind::FfnUpExps),
        "gate_up_proj" => Some(TensorKind::FfnGateUpExps),
        _ => None,
    };
    (expert, kind)
}

/// Names after the layer, without `.weight`: GGUF's own, which are the kinds' names, and those of other ecosystems.
fn known(tail: &str) -> Option<TensorKind> {
    use TensorKind as K;
    if let Some(kind) = TensorKind::parse(tail) {
        return Some(kind);
    }
    Some(match tail {
        "self_attn.q_proj"
        | "attention.self.query"
        | "attention.q_lin"
        | "attn.q_proj"
        | "attention.wq"
        | "self_attention.q_proj" => K::AttnQ,
        "self_attn.k_proj"
        | "attention.self.key"
        | "attention.k_lin"
        | "attn.k_proj"
        | "attention.wk"
        | "self_attention.k_proj" => K::AttnK,
        "self_attn.v_proj"
        | "attention.self.value"
        | "attention.v_lin"
        | "attn.v_proj"
        | "attention.wv"
        | "self_attention.v_proj" => K::AttnV,
        "self_attn.o_proj"
        | "self_attn.out_proj"
        | "attention.output.dense"
        | "attention.out_lin"
        | "attn.c_proj"
        | "attn.proj"
        | "attn.o_proj"
        | "attention.wo"
        | "self_attn.dense"
        | "self_attention.dense" => K::AttnOutput,
        "self_attn.qkv_proj"
        | "attn.c_attn"
        | "attn.qkv"
        | "self_attn.in_proj_weight"
        | "self_attn.in_proj_bias"
        | "self_attention.query_key_value"
        | "attention.query_key_value" => K::AttnQkv,
        "self_attn.sinks" => K::AttnSinks,
        "input_layernorm" | "ln_1" | "norm1" | "attention_norm" => K::AttnNorm,
        "self_attn.q_norm" => K::AttnQNorm,
        "self_attn.k_norm" => K::AttnKNorm,
        "attention.output.LayerNorm" | "sa_layer_norm" => K::AttnOutputNorm,
        "output.LayerNorm" | "output_layer_norm" => K::LayerOutputNorm,
        "post_feedforward_layernorm" => K::PostFfwNorm,
        // Gemma's norm of this name is after attention, Llama's before the feed-forward part: one name, one kind.
        "post_attention_layernorm" | "pre_feedforward_layernorm" | "ln_2" | "norm2" => K::FfnNorm,
        "mlp.gate_proj" | "feed_forward.w1" => K::FfnGate,
        "mlp.up_proj" | "mlp.gate_up_proj" | "mlp.c_fc" | "mlp.fc1" | "intermediate.dense" | "ffn.lin1"
        | "feed_forward.w3" | "linear1" => K::FfnUp,
        "mlp.down_proj" | "mlp.c_proj" | "mlp.fc2" | "output.dense" | "ffn.lin2" | "feed_forward.w2" | "linear2" => {
            K::FfnDown
        }
        "mlp.gate" | "block_sparse_moe.gate" | "mlp.router" => K::FfnGateInp,
        "mlp.shared_expert.gate_proj" => K::FfnGateShexp,
        "mlp.shared_expert.up_proj" => K::FfnUpShexp,
        "mlp.shared_expert.down_proj" => K::FfnDownShexp,
        "model.embed_tokens"
        | "embed_tokens"
        | "transformer.wte"
        | "wte"
        | "tok_embeddings"
        | "embeddings.word_embeddings"
        | "bert.embeddings.word_embeddings"
        | "shared"
        | "distilbert.embeddings.word_embeddings"
        | "model.language_model.embed_tokens"
        | "language_model.model.embed_tokens" => K::TokenEmbd,
        "transformer.wpe"
        | "wpe"
        | "embeddings.position_embeddings"
        | "bert.embeddings.position_embeddings"
        | "distilbert.embeddings.position_embeddings" => K::PositionEmbd,
        "embeddings.token_type_embeddings" | "bert.embeddings.token_type_embeddings" => K::TokenTypes,
        "embeddings.LayerNorm" | "bert.embeddings.LayerNorm" | "distilbert.embeddings.LayerNorm" => K::TokenEmbdNorm,
        "model.norm"
        | "norm"
        | "transformer.ln_f"
        | "ln_f"
        | "model.language_model.norm"
        | "language_model.model.norm" => K::OutputNorm,
        "lm_head" | "language_model.lm_head" | "embed_out" => K::Output,
        "classifier" | "score" => K::Cls,
        "classifier.out_proj" => K::ClsOutput,
        "pooler.dense" | "bert.pooler.dense" => K::Pooler,
        _ => return None,
    })
}

/// The role that a name's words suggest.
fn guess(tail: &str) -> Role {
    let lower = tail.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|w| lower.contains(w));
    let is_norm =
        |p: &str| p.contains("norm") || p == "bn" || (p.len() <= 4 && (p.starts_with("ln") || p.starts_with("bn")));
    if lower.split('.').next_back().is_some_and(is_norm) || lower.split('.').any(is_norm) {
        Role::Norm
    } else if has(&["embed", "embd", "wte", "wpe"]) {
        Role::Embedding
    } else if has(&["attn", "attention", "q_proj", "k_proj", "v_proj", "o_proj", "qkv", "query", "key", "value"]) {
        Role::Attention
    } else if has(&[
        "ffn",
        "mlp",
        "feed_forward",
        "fc1",
        "fc2",
        "c_fc",
        "gate_proj",
        "up_proj",
        "down_proj",
        "expert",
        "moe",
    ]) {
        Role::Ffn
    } else if has(&["lm_head", "classifier", "output_layer"]) || lower == "head" || lower == "fc" {
        Role::Output
    } else {
        Role::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MemoryRows;

    #[test]
    fn the_same_tensor_in_every_ecosystem() {
        for (names, layer, kind, role) in [
            (
                &[
                    "blk.3.ffn_down.weight",
                    "model.layers.3.mlp.down_proj.weight",
                    "transformer.h.3.mlp.c_proj.bias",
                    "encoder.layer.3.output.dense.weight",
                    "h.3.mlp.c_proj.weight",
                ][..],
                Some(3),
                "ffn_down",
                Role::Ffn,
            ),
            (
                &[
                    "blk.0.attn_q.bias",
                    "model.layers.0.self_attn.q_proj.weight",
                    "bert.encoder.layer.0.attention.self.query.weight",
                    "model.language_model.layers.0.self_attn.q_proj.weight",
                ],
                Some(0),
                "attn_q",
                Role::Attention,
            ),
            (
                &[
                    "blk.7.ffn_gate_exps.weight",
                    "model.layers.7.block_sparse_moe.experts.12.w1.weight",
                    "model.layers.7.mlp.experts.3.gate_proj.weight",
                ],
                Some(7),
                "ffn_gate_exps",
                Role::Ffn,
            ),
            (&["token_embd.weight", "model.embed_tokens.weight", "wte.weight"], None, "token_embd", Role::Embedding),
            (&["output.weight", "lm_head.weight"], None, "output", Role::Output),
            (&["output_norm.weight", "model.norm.weight", "transformer.ln_f.bias"], None, "output_norm", Role::Norm),
            (&["blk.1.attn_norm.weight", "model.layers.1.input_layernorm.weight"], Some(1), "attn_norm", Role::Norm),
        ] {
            for name in names {
                let class = classify(name);
                let kind = TensorKind::parse(kind);
                assert_eq!((class.layer, class.kind, class.role), (layer, kind, role), "{name}");
            }
        }
    }

    #[test]
    fn unknown_names_are_guessed() {
        let kind = |name: &str| {
            let mut tensor = MemoryRows::f32_vector(name, &[]);
            tensor.class = classify(name);
            tensor.kind().to_owned()
        };
        let c = classify("features.0.conv.weight");
        assert_eq!((c.layer, c.kind, c.role), (Some(0), None, Role::Other));
        assert_eq!(kind("features.0.conv.weight"), "conv");
        assert_eq!(kind("blk.3.ffn_down.weight"), "ffn_down");
        assert_eq!(kind("layers.0"), "layers.0");
        assert_eq!(classify("net.blocks.4.attention.gate.weight").role, Role::Attention);
        assert_eq!(classify("backbone.bn1.weight").role, Role::Norm);
        assert_eq!(classify("fc.weight").role, Role::Output);
        let long = "é".repeat(40_000);
        for name in [
            "",
            ".",
            "..",
            "1",
            "1.",
            ".1",
            "é.2.ü",
            "experts.",
            "a.experts.b",
            "layers.99999999999.x",
            "0.weight",
            &long,
        ] {
            let _ = kind(name);
        }
        assert_eq!(classify("0.weight").layer, Some(0));
    }

    #[test]
    fn experts_have_numbers() {
        for (name, expert) in [
            ("model.layers.7.block_sparse_moe.experts.12.w1.weight", Some(12)),
            ("model.layers.7.mlp.experts.99999999.w1.weight", None),
            ("model.layers.7.mlp.experts.gate_up_proj", None),
            ("blk.7.ffn_gate_exps.weight", None),
        ] {
            let class = classify(name);
            assert_eq!((class.expert, class.role, class.layer), (expert, Role::Ffn, Some(7)), "{name}");
        }
    }
}
