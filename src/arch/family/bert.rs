//! BERT and the embedding models built on it, including DistilBERT: no head, no pooler.

use super::*;
use crate::arch::params::{common, label_names, labels, pooling};
use serde_json::json;

pub(crate) static FAMILY: Family = Family {
    info: FamilyInfo {
        gguf_arch: "bert",
        hf_classes: &[
            "BertModel",
            "BertForMaskedLM",
            "BertForSequenceClassification",
            "DistilBertModel",
            "DistilBertForMaskedLM",
            "DistilBertForSequenceClassification",
        ],
    },
    model_types: &["bert", "distilbert"],
    defaults,
    rules: &[RULES, DISTIL],
    experts: None,
    rename,
    params,
    extra: no_extra,
    ignored: &[
        "activation",
        "attention_probs_dropout_prob",
        "classifier_dropout",
        "directionality",
        "dropout",
        "gradient_checkpointing",
        "hidden_act",
        "hidden_dropout_prob",
        "num_labels",
        "pooler_fc_size",
        "pooler_num_attention_heads",
        "pooler_num_fc_layers",
        "pooler_size_per_head",
        "pooler_type",
        "position_embedding_type",
        "qa_dropout",
        "seq_classif_dropout",
        "sinusoidal_pos_embds",
        "tie_weights_",
        "type_vocab_size",
    ],
    expects: &[("hidden_act", &["gelu"]), ("activation", &["gelu"]), ("position_embedding_type", &["absolute"])],
    claims: always,
    config,
    computation: Computation {
        norm: Norm::Layer,
        encoder: true,
        activation: Activation::GeluErf,
        gate: Gate::None,
        ..Computation::llama(Position::Learned)
    },
};

static RULES: &[Rule] = &[
    keep("embeddings.word_embeddings", "token_embd").of(&[Vocabulary, Width]),
    keep("embeddings.position_embeddings", "position_embd").of(&[Positions, Width]),
    keep("embeddings.token_type_embeddings", "token_types").of(&[TokenTypes, Width]).need(Need::If(has_token_types)),
    keep("embeddings.LayerNorm", "token_embd_norm").of(&[Width]).bias(Bias::Always),
    keep("encoder.layer.{}.attention.self.query", "blk.{}.attn_q").of(&[Width, Width]).bias(Bias::Always),
    keep("encoder.layer.{}.attention.self.key", "blk.{}.attn_k").of(&[Width, Width]).bias(Bias::Always),
    keep("encoder.layer.{}.attention.self.value", "blk.{}.attn_v").of(&[Width, Width]).bias(Bias::Always),
    keep("encoder.layer.{}.attention.output.dense", "blk.{}.attn_output").of(&[Width, Width]).bias(Bias::Always),
    keep("encoder.layer.{}.attention.output.LayerNorm", "blk.{}.attn_output_norm").of(&[Width]).bias(Bias::Always),
    keep("encoder.layer.{}.intermediate.dense", "blk.{}.ffn_up").of(&[Inner, Width]).bias(Bias::Always),
    keep("encoder.layer.{}.output.dense", "blk.{}.ffn_down").of(&[Width, Inner]).bias(Bias::Always),
    keep("encoder.layer.{}.output.LayerNorm", "blk.{}.layer_output_norm").of(&[Width]).bias(Bias::Always),
    keep("classifier", "cls").of(&[Labels, Width]).need(Need::If(unnamed_classes)),
    keep("classifier.out_proj", "cls.output").of(&[Labels, Width]).need(Need::If(named_classes)),
];

static DISTIL: &[Rule] = &[
    keep("transformer.layer.{}.attention.q_lin", "blk.{}.attn_q").of(&[Width, Width]).bias(Bias::Always),
    keep("transformer.layer.{}.attention.k_lin", "blk.{}.attn_k").of(&[Width, Width]).bias(Bias::Always),
    keep("transformer.layer.{}.attention.v_lin", "blk.{}.attn_v").of(&[Width, Width]).bias(Bias::Always),
    keep("transformer.layer.{}.attention.out_lin", "blk.{}.attn_output").of(&[Width, Width]).bias(Bias::Always),
    keep("transformer.layer.{}.sa_layer_norm", "blk.{}.attn_output_norm").of(&[Width]).bias(Bias::Always),
    keep("transformer.layer.{}.ffn.lin1", "blk.{}.ffn_up").of(&[Inner, Width]).bias(Bias::Always),
    keep("transformer.layer.{}.ffn.lin2", "blk.{}.ffn_down").of(&[Width, Inner]).bias(Bias::Always),
    keep("transformer.layer.{}.output_layer_norm", "blk.{}.layer_output_norm").of(&[Width]).bias(Bias::Always),
];

/// DistilBERT has no token types.
fn has_token_types(network: &Network<'_>) -> bool {
    !network.class.starts_with("DistilBert")
}

/// A classifier whose classes have no names.
fn unnamed_classes(network: &Network<'_>) -> bool {
    network.class.ends_with("ForSequenceClassification") && label_names(network.config).is_none()
}

/// A classifier whose classes have names.
fn named_classes(network: &Network<'_>) -> bool {
    network.class.ends_with("ForSequenceClassification") && label_names(network.config).is_some()
}

/// `BertModel.filter_tensors` and `modify_tensors`: prefixes off, old norm names, heads and pooler left out.
fn rename(name: &str, config: &Config) -> Option<String> {
    let name = name.strip_prefix("bert.").or_else(|| name.strip_prefix("distilbert.")).unwrap_or(name);
    let heads = ["vocab_", "cls.predictions", "cls.seq_relationship"];
    let dropped = ["embeddings.position_ids", "pooler.dense.weight", "pooler.dense.bias"];
    if heads.iter().any(|h| name.starts_with(h)) || dropped.contains(&name) {
        return None;
    }
    let name = match (name.strip_suffix(".gamma"), name.strip_suffix(".beta")) {
        (Some(stem), _) => format!("{stem}.weight"),
        (_, Some(stem)) => format!("{stem}.bias"),
        _ => name.to_owned(),
    };
    Some(match name.strip_prefix("classifier.") {
        Some(rest @ ("weight" | "bias")) if label_names(config).is_some() => format!("classifier.out_proj.{rest}"),
        _ => name,
    })
}

fn defaults(c: &mut Config) {
    let distil = c.peek("model_type").and_then(Value::as_str) == Some("distilbert");
    c.default("vocab_size", json!(30522));
    c.default("max_position_embeddings", json!(512));
    if distil {
        c.default("dim", json!(768));
        c.default("hidden_dim", json!(3072));
        c.default("n_layers", json!(6));
        c.default("n_heads", json!(12));
    } else {
        c.default("hidden_size", json!(768));
        c.default("intermediate_size", json!(3072));
        c.default("num_hidden_layers", json!(12));
        c.default("num_attention_heads", json!(12));
        c.default("layer_norm_eps", json!(1e-12));
    }
}

fn params(s: &Source<'_>, p: &mut Params) -> Result<()> {
    if s.config.peek("model_type").and_then(Value::as_str) == Some("distilbert") {
        // DistilBERT's configuration has no field for it.
        p.float("attention.layer_norm_epsilon", 1e-12);
    }
    common(s, p)?;
    p.put("attention.causal", false);
    pooling(s, p)?;
    labels(s, p);
    Ok(())
}

fn config(meta: &Meta<'_>) -> Result<Map<String, Value>> {
    let mut c = meta.head("BertModel", "bert");
    c.insert("hidden_size".into(), meta.need_uint("embedding_length")?.into());
    c.insert("num_hidden_layers".into(), meta.need_uint("block_count")?.into());
    c.insert("num_attention_heads".into(), meta.need_uint("attention.head_count")?.into());
    c.insert("intermediate_size".into(), meta.need_uint("feed_forward_length")?.into());
    c.insert("max_position_embeddings".into(), meta.need_uint("context_length")?.into());
    c.insert("layer_norm_eps".into(), Value::from(meta.need_float("attention.layer_norm_epsilon")?));
    c.insert("hidden_act".into(), "gelu".into());
    c.insert("position_embedding_type".into(), "absolute".into());
    let types = meta.rows("token_types.weight").or(meta.general_uint("tokenizer.ggml.token_type_count"));
    c.insert("type_vocab_size".into(), types.unwrap_or(2).into());
    meta.vocabulary(&mut c)?;
    Ok(c)
}
