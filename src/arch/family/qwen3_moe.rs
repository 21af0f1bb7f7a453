//! Qwen 3 with experts: stacked, or already fused as transformers 5 holds them in memory.

use super::*;
use crate::arch::params::common;
use serde_json::json;

pub(crate) static FAMILY: Family = Family {
    info: FamilyInfo { gguf_arch: "qwen3moe", hf_classes: &["Qwen3MoeForCausalLM"] },
    model_types: &["qwen3_moe"],
    defaults,
    rules: &[DECODER, PLAIN_QK, QK_NORMS, ROUTER],
    experts: Some(Experts {
        prefix: "model.layers.{}.mlp.experts.",
        parts: &[
            ("down_proj", "blk.{}.ffn_down_exps"),
            ("gate_proj", "blk.{}.ffn_gate_exps"),
            ("up_proj", "blk.{}.ffn_up_exps"),
        ],
        shapes: &[&[Width, ExpertInner], &[ExpertInner, Width], &[ExpertInner, Width]],
        dense_layers: true,
        count: &["num_local_experts", "num_experts"],
        fused: true,
    }),
    rename: decoder_name,
    params,
    extra: no_extra,
    ignored: &[
        "attention_bias",
        "decoder_sparse_step",
        "hidden_act",
        "layer_types",
        "max_window_layers",
        "mlp_only_layers",
        "norm_topk_prob",
        "output_router_logits",
        "router_aux_loss_coef",
        "sliding_window",
        "use_sliding_window",
    ],
    expects: &[("hidden_act", &["silu", "swish"]), ("norm_topk_prob", &["true"]), ("use_sliding_window", &["false"])],
    claims: always,
    config,
    computation: Computation::llama(Position::Halves),
};

static ROUTER: &[Rule] =
    &[keep("model.layers.{}.mlp.gate", "blk.{}.ffn_gate_inp").of(&[ExpertCount, Width]).need(Need::Sparse)];

fn defaults(c: &mut Config) {
    c.default("vocab_size", json!(151936));
    c.default("max_position_embeddings", json!(32768));
    c.default("hidden_size", json!(2048));
    c.default("intermediate_size", json!(6144));
    c.default("num_hidden_layers", json!(24));
    c.default("num_attention_heads", json!(32));
    c.default("num_key_value_heads", json!(4));
    c.default("rms_norm_eps", json!(1e-6));
    c.default("rope_theta", json!(10000.0));
    c.default("moe_intermediate_size", json!(768));
    c.default("num_experts_per_tok", json!(8));
    c.default("num_experts", json!(128));
    c.default("norm_topk_prob", json!(false));
}

fn params(s: &Source<'_>, p: &mut Params) -> Result<()> {
    common(s, p)?;
    p.copy_uint(s, &["moe_intermediate_size"], "expert_feed_forward_length")?;
    p.copy_uint(s, &["shared_expert_intermediate_size"], "expert_shared_feed_forward_length")
}

fn config(meta: &Meta<'_>) -> Result<Map<String, Value>> {
    let mut c = meta.decoder("Qwen3MoeForCausalLM", "qwen3_moe")?;
    c.insert("hidden_act".into(), "silu".into());
    c.insert("attention_bias".into(), meta.has_tensor("blk.0.attn_q.bias").into());
    c.insert("use_sliding_window".into(), false.into());
    c.insert("num_experts".into(), meta.need_uint("expert_count")?.into());
    c.insert("num_experts_per_tok".into(), meta.need_uint("expert_used_count")?.into());
    if let Some(width) = meta.uint("expert_feed_forward_length")? {
        c.insert("moe_intermediate_size".into(), width.into());
    }
    let blocks = meta.need_uint("block_count")?;
    let dense = (0..blocks).filter(|i| meta.has_tensor(&format!("blk.{i}.ffn_gate.weight")));
    c.insert("mlp_only_layers".into(), dense.collect::<Vec<u64>>().into());
    c.insert("decoder_sparse_step".into(), 1.into());
    // llama.cpp always normalises the chosen experts' weights for this architecture.
    c.insert("norm_topk_prob".into(), true.into());
    Ok(c)
}
