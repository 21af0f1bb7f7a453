//! A model's [`Network`], from GGUF metadata or `config.json`.
//!
//! Nothing is refused here: what is not usable is left out. Conversions read the files themselves and say what is wrong.

use super::class::{LAYER_COUNT_KEYS, hf_class, names_family};
use super::computation::Window;
use super::config::{Config, float_of};
use super::family::{FAMILIES, by_class};
use super::params::fields;
use super::rope::Rope as ConfigRope;
use crate::model::{MetaArray, MetaValue, Metadata, Model, Network, PerLayer, Rope, RopeKind, RopeScaling};
use serde_json::Value;

/// The network that the files of a model describe. A model with GGUF names is described by its metadata, others by `config.json`.
pub(super) fn network(model: &Model) -> Option<Network> {
    let mut network = if !model.format.has_gguf_names() && model.sidecars.has("config.json") {
        of_config(&model.sidecars.json_with_words("config.json").ok()??)
    } else {
        of_gguf(&model.metadata)
    }?;
    network.sliding_layers = sliding_layers(&network);
    Some(network)
}

/// Layers with a sliding window in llama.cpp.
fn sliding_layers(network: &Network) -> Option<u64> {
    let arch = network.architecture.as_deref()?;
    match FAMILIES.iter().find(|f| f.info.gguf_arch == arch)?.computation.window {
        Window::None | Window::TransformersOnly => Some(0),
        Window::AllBut(n) => network.layers.map(|layers| layers - layers / u64::from(n.max(1))),
    }
}

/// From GGUF metadata (the keys of gguf-py's `constants.py`).
fn of_gguf(metadata: &Metadata) -> Option<Network> {
    let arch = metadata.get("general.architecture")?.as_str()?;
    let get = |key: &str| metadata.get(&format!("{arch}.{key}"));
    let uint = |key: &str| get(key).and_then(MetaValue::as_u64);
    let float = |key: &str| get(key).and_then(MetaValue::as_f64);
    let flag = |key: &str| match get(key) {
        Some(MetaValue::Bool(b)) => Some(*b),
        _ => None,
    };
    let each = |key: &str| get(key).and_then(per_layer);
    let tokens = match metadata.get("tokenizer.ggml.tokens") {
        Some(MetaValue::Array(tokens)) => Some(tokens.len() as u64),
        _ => None,
    };
    let scaling = get("rope.scaling.type").and_then(MetaValue::as_str).and_then(RopeKind::parse);
    let rope = Rope {
        base: float("rope.freq_base"),
        base_sliding: float("rope.freq_base_swa"),
        dimensions: uint("rope.dimension_count"),
        scaling: scaling.map(|kind| RopeScaling {
            kind,
            factor: float("rope.scaling.factor"),
            original_context: uint("rope.scaling.original_context_length"),
        }),
    };
    Some(Network {
        architecture: Some(arch.to_owned()),
        class: None,
        model_type: None,
        layers: uint("block_count"),
        hidden_size: uint("embedding_length"),
        ffn_size: each("feed_forward_length"),
        heads: each("attention.head_count"),
        kv_heads: each("attention.head_count_kv"),
        key_size: uint("attention.key_length"),
        value_size: uint("attention.value_length"),
        causal: flag("attention.causal"),
        sliding_window: uint("attention.sliding_window"),
        sliding_layers: None,
        experts: uint("expert_count"),
        experts_used: uint("expert_used_count"),
        expert_ffn_size: uint("expert_feed_forward_length"),
        shared_expert_ffn_size: uint("expert_shared_feed_forward_length"),
        norm_topk_prob: flag("expert_weights_norm"),
        vocabulary: tokens.or_else(|| uint("vocab_size")),
        context: uint("context_length"),
        rope,
        rms_norm_epsilon: float("attention.layer_norm_rms_epsilon"),
        layer_norm_epsilon: float("attention.layer_norm_epsilon"),
        attention_softcap: float("attn_logit_softcapping"),
        output_softcap: float("final_logit_softcapping"),
        tied_embeddings: None,
    })
}

/// A number, or an array with one for each layer.
fn per_layer(value: &MetaValue) -> Option<PerLayer> {
    let each = match value {
        MetaValue::Array(MetaArray::U32(v)) => v.iter().map(|n| u64::from(*n)).collect(),
        // A layer without heads has 0 or less.
        MetaValue::Array(MetaArray::I32(v)) => v.iter().map(|n| u64::try_from(*n).unwrap_or(0)).collect(),
        MetaValue::Array(MetaArray::U64(v)) => v.clone(),
        other => return other.as_u64().map(PerLayer::All),
    };
    Some(PerLayer::Each(each))
}

/// From `config.json`, with the defaults of the class where the file names one that is known.
fn of_config(root: &Value) -> Option<Network> {
    let mut config = Config::new(root.as_object()?);
    let class = hf_class(root).ok();
    let family = class.and_then(|c| by_class(c).ok());
    if let Some(family) = family.filter(|f| names_family(root, f)) {
        (family.defaults)(&mut config);
    }
    let uint = |keys: &[&str]| keys.iter().find_map(|k| config.peek_uint(k));
    let float = |keys: &[&str]| keys.iter().find_map(|k| config.peek(k).and_then(float_of));
    let flag = |key: &str| config.peek(key).and_then(Value::as_bool);
    let head = uint(&["head_dim"]);
    Some(Network {
        architecture: family.map(|f| f.info.gguf_arch.to_owned()),
        class: class.map(str::to_owned),
        model_type: root.get("model_type").and_then(Value::as_str).map(str::to_owned),
        layers: uint(&LAYER_COUNT_KEYS),
        hidden_size: uint(fields::WIDTH),
        ffn_size: uint(fields::FFN).map(PerLayer::All),
        heads: uint(fields::HEADS).map(PerLayer::All),
        kv_heads: uint(fields::KV_HEADS).map(PerLayer::All),
        key_size: head,
        value_size: head,
        causal: flag("is_causal"),
        sliding_window: uint(&["sliding_window"]),
        sliding_layers: None,
        experts: uint(fields::EXPERTS),
        experts_used: uint(fields::EXPERTS_USED),
        expert_ffn_size: uint(&["moe_intermediate_size"]),
        shared_expert_ffn_size: uint(&["shared_expert_intermediate_size"]),
        norm_topk_prob: flag("norm_topk_prob"),
        vocabulary: uint(&["vocab_size"]),
        context: uint(fields::CONTEXT),
        rope: rope(&config),
        rms_norm_epsilon: float(fields::RMS_EPSILON),
        layer_norm_epsilon: float(fields::NORM_EPSILON),
        attention_softcap: float(&["attn_logit_softcapping"]),
        output_softcap: float(&["final_logit_softcapping"]),
        tied_embeddings: flag("tie_word_embeddings"),
    })
}

fn rope(config: &Config) -> Rope {
    let rope = ConfigRope::read(config);
    let number = |key: &str| rope.number(key).ok().flatten();
    let scaling = rope.kind().as_deref().and_then(RopeKind::parse);
    Rope {
        base: rope.theta().ok().flatten(),
        base_sliding: rope.theta_sliding().ok().flatten(),
        dimensions: None,
        scaling: scaling.map(|kind| RopeScaling {
            kind,
            factor: number("factor"),
            original_context: number("original_max_position_embeddings").map(|n| n as u64),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_configuration_and_metadata_say_the_same() {
        let config = json!({
            "architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "num_hidden_layers": 2, "hidden_size": 64,
            "intermediate_size": 96, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32, "num_experts": 8,
            "num_experts_per_tok": 2, "moe_intermediate_size": 48, "norm_topk_prob": true, "vocab_size": 320,
            "max_position_embeddings": 128, "rope_theta": 1e6, "rms_norm_eps": 1e-6, "tie_word_embeddings": false,
            "rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32},
        });
        let from_config = of_config(&config).unwrap();
        assert_eq!(from_config.declared(), Some("Qwen3MoeForCausalLM"));
        let mut metadata = Metadata::new();
        metadata.insert("general.architecture".into(), "qwen3moe".into());
        for (key, n) in [
            ("block_count", 2u32),
            ("embedding_length", 64),
            ("feed_forward_length", 96),
            ("attention.head_count", 4),
            ("attention.head_count_kv", 2),
            ("attention.key_length", 32),
            ("attention.value_length", 32),
            ("expert_count", 8),
            ("expert_used_count", 2),
            ("expert_feed_forward_length", 48),
            ("vocab_size", 320),
            ("context_length", 128),
            ("rope.scaling.original_context_length", 32),
        ] {
            metadata.insert(format!("qwen3moe.{key}"), n.into());
        }
        metadata.insert("qwen3moe.expert_weights_norm".into(), true.into());
        metadata.insert("qwen3moe.rope.freq_base".into(), 1e6f32.into());
        metadata.insert("qwen3moe.rope.scaling.type".into(), "yarn".into());
        metadata.insert("qwen3moe.rope.scaling.factor".into(), 4f32.into());
        metadata.insert("qwen3moe.attention.layer_norm_rms_epsilon".into(), MetaValue::F64(1e-6));
        let from_gguf = of_gguf(&metadata).unwrap();
        assert_eq!(from_gguf.declared(), Some("qwen3moe"));
        let same = Network { class: None, model_type: None, tied_embeddings: None, ..from_config };
        assert_eq!(from_gguf, same);
    }

    #[test]
    fn numbers_may_differ_from_layer_to_layer() {
        let mut metadata = Metadata::new();
        metadata.insert("general.architecture".into(), "x".into());
        metadata.insert("x.attention.head_count_kv".into(), MetaArray::I32(vec![8, -1, 0]).into());
        assert_eq!(of_gguf(&metadata).unwrap().kv_heads, Some(PerLayer::Each(vec![8, 0, 0])));
    }

    #[test]
    fn what_is_not_usable_is_absent() {
        let config = json!({"hidden_size": "wide", "num_hidden_layers": -1, "vocab_size": null, "rope_theta": "NaN", "n_embd": 8});
        let network = of_config(&config).unwrap();
        assert_eq!((network.layers, network.hidden_size, network.vocabulary), (None, Some(8), None));
        assert_eq!((network.declared(), network.rope.base), (None, None));
        assert_eq!(of_config(&json!([1])), None);
        assert_eq!(of_gguf(&Metadata::new()), None);
    }
}
