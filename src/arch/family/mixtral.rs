//! Mixtral: Llama with experts, stacked into one tensor per layer.

use super::*;
use serde_json::json;

pub(crate) static FAMILY: Family = Family {
    info: FamilyInfo { gguf_arch: "llama", hf_classes: &["MixtralForCausalLM"] },
    model_types: &["mixtral"],
    defaults,
    rules: &[DECODER, ROTATED_QK, ROUTER],
    experts: Some(Experts {
        prefix: "model.layers.{}.block_sparse_moe.experts.",
        parts: &[("w1", "blk.{}.ffn_gate_exps"), ("w2", "blk.{}.ffn_down_exps"), ("w3", "blk.{}.ffn_up_exps")],
        shapes: &[&[ExpertInner, Width], &[Width, ExpertInner], &[ExpertInner, Width]],
        dense_layers: false,
        count: &["num_local_experts"],
        fused: true,
    }),
    rename: decoder_name,
    params: llama::params,
    extra: llama::extra,
    ignored: &[
        "hidden_act",
        "layer_types",
        "output_router_logits",
        "router_aux_loss_coef",
        "router_jitter_noise",
        "sliding_window",
    ],
    expects: &[("hidden_act", &["silu", "swish"])],
    claims: |meta| meta.has_tensor("blk.0.ffn_gate_exps.weight"),
    config,
    computation: Computation::llama(Position::Pairs),
};

static ROUTER: &[Rule] = &[
    keep("model.layers.{}.block_sparse_moe.gate", "blk.{}.ffn_gate_inp").of(&[ExpertCount, Width]).need(Need::Sparse),
    keep("model.layers.{}.mlp.gate", "blk.{}.ffn_gate_inp").of(&[ExpertCount, Width]).need(Need::Sparse),
];

fn defaults(c: &mut Config) {
    c.default("vocab_size", json!(32000));
    c.default("max_position_embeddings", json!(4096 * 32));
    c.default("hidden_size", json!(4096));
    c.default("intermediate_size", json!(14336));
    c.default("num_hidden_layers", json!(32));
    c.default("num_attention_heads", json!(32));
    c.default("num_key_value_heads", json!(8));
    c.default_null("num_key_value_heads", |c| c.peek("num_attention_heads").cloned());
    c.default("rms_norm_eps", json!(1e-5));
    c.default("rope_theta", json!(1e6));
    c.default("num_experts_per_tok", json!(2));
    c.default("num_local_experts", json!(8));
}

fn config(meta: &Meta<'_>) -> Result<Map<String, Value>> {
    let mut c = llama::config(meta, "MixtralForCausalLM", "mixtral")?;
    c.shift_remove("attention_bias");
    c.shift_remove("mlp_bias");
    c.insert("num_local_experts".into(), meta.need_uint("expert_count")?.into());
    c.insert("num_experts_per_tok".into(), meta.need_uint("expert_used_count")?.into());
    c.insert("sliding_window".into(), Value::Null);
    Ok(c)
}
