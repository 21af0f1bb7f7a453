//! What a tensor is for, by its name in any ecosystem.

use std::fmt;

/// The role of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Projections of attention.
    Attention,
    /// Feed-forward matrices, experts and routers.
    Ffn,
    /// Normalisation weights and biases.
    Norm,
    /// Token, position and type embeddings.
    Embedding,
    /// The output matrix and classifier heads.
    Output,
    /// Anything else.
    Other,
}

impl Role {
    /// Lower-case name, as in plans and recipes.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Attention => "attention",
            Self::Ffn => "ffn",
            Self::Norm => "norm",
            Self::Embedding => "embedding",
            Self::Output => "output",
            Self::Other => "other",
        }
    }

    /// Inverse of [`Role::name`], case-insensitive.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Attention, Self::Ffn, Self::Norm, Self::Embedding, Self::Output, Self::Other]
            .into_iter()
            .find(|r| r.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a tensor is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorRole {
    /// The layer it belongs to.
    pub layer: Option<u32>,
    /// Its name without layer and suffix, in GGUF's spelling where known: `ffn_down`, `attn_q`.
    pub kind: String,
    /// Its role.
    pub role: Role,
}

/// Finds layer, kind and role in a GGUF, Hugging Face or PyTorch tensor name. Never fails: an unknown name is
/// [`Role::Other`] with the bare name as kind.
///
/// A layer is the first numeric part that follows a word for a block, or the first numeric part at all (`0.weight` of a
/// `Sequential`). One pass over the name and one table look-up; cheap enough to call for every tensor of every frame.
pub fn classify(name: &str) -> TensorRole {
    let mut stem = name;
    for suffix in [".weight", ".bias", ".weight_g", ".weight_v"] {
        stem = stem.strip_suffix(suffix).unwrap_or(stem);
    }
    let layer = find_layer(stem);
    let tail = match layer {
        // The rest of the name after the layer's number; an expert's number is removed too.
        Some((_, end)) if end < stem.len() => &stem[end + 1..],
        _ => stem,
    };
    let number = layer.map(|(n, _)| n);
    let (kind, role) = match known(tail) {
        Some((kind, role)) => (kind.to_owned(), role),
        None => (tail.to_owned(), guess(tail)),
    };
    TensorRole { layer: number, kind, role }
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

/// Names after the layer, without `.weight`: GGUF's own first, then the ecosystems'.
fn known(tail: &str) -> Option<(&'static str, Role)> {
    use Role::{Attention, Embedding, Ffn, Norm, Other, Output};
    // `experts.3.w1` and `experts.gate_up_proj` differ in their last part.
    if let Some((_, rest)) = tail.split_once("experts.") {
        let part = rest.split_once('.').filter(|(n, _)| n.bytes().all(|b| b.is_ascii_digit())).map_or(rest, |(_, p)| p);
        return Some(match part {
            "w1" | "gate_proj" => ("ffn_gate_exps", Ffn),
            "w2" | "down_proj" => ("ffn_down_exps", Ffn),
            "w3" | "up_proj" => ("ffn_up_exps", Ffn),
            "gate_up_proj" => ("ffn_gate_up_exps", Ffn),
            _ => return None,
        });
    }
    Some(match tail {
        "attn_q"
        | "self_attn.q_proj"
        | "attention.self.query"
        | "attention.q_lin"
        | "attn.q_proj"
        | "attention.wq"
        | "self_attention.q_proj" => ("attn_q", Attention),
        "attn_k"
        | "self_attn.k_proj"
        | "attention.self.key"
        | "attention.k_lin"
        | "attn.k_proj"
        | "attention.wk"
        | "self_attention.k_proj" => ("attn_k", Attention),
        "attn_v"
        | "self_attn.v_proj"
        | "attention.self.value"
        | "attention.v_lin"
        | "attn.v_proj"
        | "attention.wv"
        | "self_attention.v_proj" => ("attn_v", Attention),
        "attn_output"
        | "self_attn.o_proj"
        | "self_attn.out_proj"
        | "attention.output.dense"
        | "attention.out_lin"
        | "attn.c_proj"
        | "attn.proj"
        | "attn.o_proj"
        | "attention.wo"
        | "self_attn.dense"
        | "self_attention.dense" => ("attn_output", Attention),
        "attn_qkv"
        | "self_attn.qkv_proj"
        | "attn.c_attn"
        | "attn.qkv"
        | "self_attn.in_proj_weight"
        | "self_attn.in_proj_bias"
        | "self_attention.query_key_value"
        | "attention.query_key_value" => ("attn_qkv", Attention),
        "attn_sinks" | "self_attn.sinks" => ("attn_sinks", Attention),
        "attn_norm" | "input_layernorm" | "ln_1" | "norm1" | "attention_norm" => ("attn_norm", Norm),
        "attn_q_norm" | "self_attn.q_norm" => ("attn_q_norm", Norm),
        "attn_k_norm" | "self_attn.k_norm" => ("attn_k_norm", Norm),
        "attn_output_norm" | "attention.output.LayerNorm" | "sa_layer_norm" => ("attn_output_norm", Norm),
        "layer_output_norm" | "output.LayerNorm" | "output_layer_norm" => ("layer_output_norm", Norm),
        "post_attention_norm" => ("post_attention_norm", Norm),
        "post_ffw_norm" | "post_feedforward_layernorm" => ("post_ffw_norm", Norm),
        // Gemma's norm of this name is after attention, Llama's before the feed-forward part: one name, one kind.
        "ffn_norm" | "post_attention_layernorm" | "pre_feedforward_layernorm" | "ln_2" | "norm2" => ("ffn_norm", Norm),
        "ffn_gate" | "mlp.gate_proj" | "feed_forward.w1" => ("ffn_gate", Ffn),
        "ffn_up" | "mlp.up_proj" | "mlp.gate_up_proj" | "mlp.c_fc" | "mlp.fc1" | "intermediate.dense" | "ffn.lin1"
        | "feed_forward.w3" | "linear1" => ("ffn_up", Ffn),
        "ffn_down" | "mlp.down_proj" | "mlp.c_proj" | "mlp.fc2" | "output.dense" | "ffn.lin2" | "feed_forward.w2"
        | "linear2" => ("ffn_down", Ffn),
        "ffn_gate_inp" | "mlp.gate" | "block_sparse_moe.gate" | "mlp.router" => ("ffn_gate_inp", Ffn),
        "ffn_gate_exps" => ("ffn_gate_exps", Ffn),
        "ffn_up_exps" => ("ffn_up_exps", Ffn),
        "ffn_down_exps" => ("ffn_down_exps", Ffn),
        "ffn_gate_shexp" | "mlp.shared_expert.gate_proj" => ("ffn_gate_shexp", Ffn),
        "ffn_up_shexp" | "mlp.shared_expert.up_proj" => ("ffn_up_shexp", Ffn),
        "ffn_down_shexp" | "mlp.shared_expert.down_proj" => ("ffn_down_shexp", Ffn),
        "token_embd"
        | "model.embed_tokens"
        | "embed_tokens"
        | "transformer.wte"
        | "wte"
        | "tok_embeddings"
        | "embeddings.word_embeddings"
        | "bert.embeddings.word_embeddings"
        | "shared"
        | "distilbert.embeddings.word_embeddings"
        | "model.language_model.embed_tokens"
        | "language_model.model.embed_tokens" => ("token_embd", Embedding),
        "position_embd"
        | "transformer.wpe"
        | "wpe"
        | "embeddings.position_embeddings"
        | "bert.embeddings.position_embeddings"
        | "distilbert.embeddings.position_embeddings" => ("position_embd", Embedding),
        "token_types" | "embeddings.token_type_embeddings" | "bert.embeddings.token_type_embeddings" => {
            ("token_types", Embedding)
        }
        "token_embd_norm"
        | "embeddings.LayerNorm"
        | "bert.embeddings.LayerNorm"
        | "distilbert.embeddings.LayerNorm" => ("token_embd_norm", Norm),
        "output_norm"
        | "model.norm"
        | "norm"
        | "transformer.ln_f"
        | "ln_f"
        | "model.language_model.norm"
        | "language_model.model.norm" => ("output_norm", Norm),
        "output" | "lm_head" | "language_model.lm_head" | "embed_out" => ("output", Output),
        "cls" | "classifier" | "score" => ("cls", Output),
        "cls.output" | "classifier.out_proj" => ("cls.output", Output),
        "pooler.dense" | "bert.pooler.dense" => ("pooler", Other),
        "rope_freqs" => ("rope_freqs", Other),
        "rope_factors_long" => ("rope_factors_long", Other),
        "rope_factors_short" => ("rope_factors_short", Other),
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
                let want = TensorRole { layer, kind: kind.into(), role };
                assert_eq!(classify(name), want, "{name}");
            }
        }
    }

    #[test]
    fn unknown_names_are_guessed() {
        let c = classify("features.0.conv.weight");
        assert_eq!((c.layer, c.kind.as_str(), c.role), (Some(0), "conv", Role::Other));
        assert_eq!(classify("net.blocks.4.attention.gate.weight").role, Role::Attention);
        assert_eq!(classify("backbone.bn1.weight").role, Role::Norm);
        assert_eq!(classify("fc.weight").role, Role::Output);
        for name in
            ["", ".", "..", "1", "1.", ".1", "é.2.ü", "experts.", "a.experts.b", "layers.99999999999.x", "0.weight"]
        {
            let _ = classify(name);
        }
        assert_eq!(classify("0.weight").layer, Some(0));
    }

    #[test]
    fn roles_parse_back() {
        for role in [Role::Attention, Role::Ffn, Role::Norm, Role::Embedding, Role::Output, Role::Other] {
            assert_eq!(Role::parse(role.name()), Some(role));
        }
    }
}
