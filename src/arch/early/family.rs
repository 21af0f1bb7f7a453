//! The networks, by the name that the reader of the format gives them.

use super::params::{self, Facts, Values};
use super::views;
use crate::arch::vocab::early::Kind;
use crate::model::{MetaValue, Metadata, Model, Result};

/// A network.
pub(super) struct EarlyFamily {
    /// The reader's name.
    pub name: &'static str,
    /// GGUF's name.
    pub arch: &'static str,
    /// The stored names are Hugging Face's, and are kept for formats that have those.
    pub hugging_face: bool,
    /// (stored name, GGUF name), `{}` is the layer; without the suffixes of `suffixes`. An empty GGUF name leaves the tensor out.
    pub names: &'static [(&'static str, &'static str)],
    /// (stored suffix, GGUF suffix).
    pub suffixes: &'static [(&'static str, &'static str)],
    /// Writes the hyper-parameters.
    pub params: fn(&Facts<'_>, &mut Values) -> Result<()>,
    /// Changes the order of rows where it differs.
    pub tensors: fn(&mut Model, &Metadata) -> Result<()>,
    /// The kind of its vocabulary.
    pub vocabulary: Kind,
}

/// Names as PyTorch has them.
const TORCH: &[(&str, &str)] = &[(".weight", ".weight"), (".bias", ".bias")];
/// Names as TensorFlow's GPT-2 has them.
const SLASHES: &[(&str, &str)] = &[("/w", ".weight"), ("/b", ".bias"), ("/g", ".weight"), ("", ".weight")];

fn as_they_are(_: &mut Model, _: &Metadata) -> Result<()> {
    Ok(())
}

/// Matrices are stored \[out, in\], so nothing is transposed.
const GPT2: &[(&str, &str)] = &[
    ("model/wte", "token_embd"),
    ("model/wpe", "position_embd"),
    ("model/lm_head", "output"),
    ("model/ln_f", "output_norm"),
    ("model/h{}/ln_1", "blk.{}.attn_norm"),
    ("model/h{}/attn/c_attn", "blk.{}.attn_qkv"),
    ("model/h{}/attn/c_proj", "blk.{}.attn_output"),
    ("model/h{}/ln_2", "blk.{}.ffn_norm"),
    ("model/h{}/mlp/c_fc", "blk.{}.ffn_up"),
    ("model/h{}/mlp/c_proj", "blk.{}.ffn_down"),
];

/// Every network with a name in GGUF. Whisper and the voice detector have none.
pub(super) static FAMILIES: &[EarlyFamily] = &[
    EarlyFamily {
        name: "llama",
        arch: "llama",
        hugging_face: false,
        // Rows of query and key are in the order of Meta's checkpoints, which is GGUF's.
        names: &[
            ("tok_embeddings", "token_embd"),
            ("norm", "output_norm"),
            ("output", "output"),
            ("layers.{}.attention.wq", "blk.{}.attn_q"),
            ("layers.{}.attention.wk", "blk.{}.attn_k"),
            ("layers.{}.attention.wv", "blk.{}.attn_v"),
            ("layers.{}.attention.wo", "blk.{}.attn_output"),
            ("layers.{}.attention_norm", "blk.{}.attn_norm"),
            ("layers.{}.ffn_norm", "blk.{}.ffn_norm"),
            ("layers.{}.feed_forward.w1", "blk.{}.ffn_gate"),
            ("layers.{}.feed_forward.w2", "blk.{}.ffn_down"),
            ("layers.{}.feed_forward.w3", "blk.{}.ffn_up"),
            ("rope.freqs", ""),
            ("layers.{}.attention.inner_attention.rope.freqs", ""),
        ],
        suffixes: &[(".weight", ".weight"), ("", "")],
        params: params::llama,
        tensors: as_they_are,
        vocabulary: Kind::SentencePiece,
    },
    EarlyFamily {
        name: "gpt-2",
        arch: "gpt2",
        hugging_face: false,
        names: GPT2,
        suffixes: SLASHES,
        params: params::gpt2,
        tensors: as_they_are,
        vocabulary: Kind::Bytes("gpt-2"),
    },
    EarlyFamily {
        name: STARCODER,
        arch: "starcoder",
        hugging_face: false,
        names: GPT2,
        suffixes: SLASHES,
        params: params::starcoder,
        tensors: views::one_key_head,
        vocabulary: Kind::Bytes("starcoder"),
    },
    EarlyFamily {
        name: "gpt-j",
        arch: "gptj",
        hugging_face: true,
        names: &[
            ("transformer.wte", "token_embd"),
            ("transformer.ln_f", "output_norm"),
            ("lm_head", "output"),
            ("transformer.h.{}.ln_1", "blk.{}.attn_norm"),
            ("transformer.h.{}.attn.q_proj", "blk.{}.attn_q"),
            ("transformer.h.{}.attn.k_proj", "blk.{}.attn_k"),
            ("transformer.h.{}.attn.v_proj", "blk.{}.attn_v"),
            ("transformer.h.{}.attn.out_proj", "blk.{}.attn_output"),
            ("transformer.h.{}.mlp.fc_in", "blk.{}.ffn_up"),
            ("transformer.h.{}.mlp.fc_out", "blk.{}.ffn_down"),
        ],
        suffixes: TORCH,
        params: params::gptj,
        tensors: as_they_are,
        vocabulary: Kind::Bytes("gpt-2"),
    },
    EarlyFamily {
        name: "gpt-neox",
        arch: "gptneox",
        hugging_face: true,
        names: &[
            ("gpt_neox.embed_in", "token_embd"),
            ("gpt_neox.final_layer_norm", "output_norm"),
            ("embed_out", "output"),
            ("gpt_neox.layers.{}.input_layernorm", "blk.{}.attn_norm"),
            ("gpt_neox.layers.{}.post_attention_layernorm", "blk.{}.ffn_norm"),
            ("gpt_neox.layers.{}.attention.query_key_value", "blk.{}.attn_qkv"),
            ("gpt_neox.layers.{}.attention.dense", "blk.{}.attn_output"),
            ("gpt_neox.layers.{}.mlp.dense_h_to_4h", "blk.{}.ffn_up"),
            ("gpt_neox.layers.{}.mlp.dense_4h_to_h", "blk.{}.ffn_down"),
        ],
        suffixes: TORCH,
        params: params::neox,
        tensors: views::heads_apart,
        vocabulary: Kind::Bytes("gpt-2"),
    },
    EarlyFamily {
        name: "mpt",
        arch: "mpt",
        hugging_face: true,
        names: &[
            ("transformer.wte", "token_embd"),
            ("transformer.norm_f", "output_norm"),
            ("lm_head", "output"),
            ("transformer.blocks.{}.norm_1", "blk.{}.attn_norm"),
            ("transformer.blocks.{}.attn.Wqkv", "blk.{}.attn_qkv"),
            ("transformer.blocks.{}.attn.out_proj", "blk.{}.attn_output"),
            ("transformer.blocks.{}.norm_2", "blk.{}.ffn_norm"),
            ("transformer.blocks.{}.ffn.up_proj", "blk.{}.ffn_up"),
            ("transformer.blocks.{}.ffn.down_proj", "blk.{}.ffn_down"),
        ],
        suffixes: TORCH,
        params: params::mpt,
        tensors: as_they_are,
        vocabulary: Kind::CodePoints("mpt"),
    },
    EarlyFamily {
        name: "falcon",
        arch: "falcon",
        hugging_face: true,
        // ggllm.cpp's converter brought the fused projection to queries, keys, values, as GGUF has it.
        names: &[
            ("transformer.word_embeddings", "token_embd"),
            ("transformer.ln_f", "output_norm"),
            ("lm_head", "output"),
            ("transformer.h.{}.input_layernorm", "blk.{}.attn_norm"),
            ("transformer.h.{}.ln_mlp", "blk.{}.attn_norm"),
            ("transformer.h.{}.ln_attn", "blk.{}.attn_norm_2"),
            ("transformer.h.{}.self_attention.query_key_value", "blk.{}.attn_qkv"),
            ("transformer.h.{}.self_attention.dense", "blk.{}.attn_output"),
            ("transformer.h.{}.mlp.dense_h_to_4h", "blk.{}.ffn_up"),
            ("transformer.h.{}.mlp.dense_4h_to_h", "blk.{}.ffn_down"),
        ],
        suffixes: TORCH,
        params: params::falcon,
        tensors: as_they_are,
        vocabulary: Kind::Bytes("falcon"),
    },
    EarlyFamily {
        name: "bert",
        arch: "bert",
        hugging_face: false,
        names: &[
            ("embeddings.word_embeddings", "token_embd"),
            ("embeddings.position_embeddings", "position_embd"),
            ("embeddings.token_type_embeddings", "token_types"),
            ("embeddings.LayerNorm", "token_embd_norm"),
            ("encoder.layer.{}.attention.self.query", "blk.{}.attn_q"),
            ("encoder.layer.{}.attention.self.key", "blk.{}.attn_k"),
            ("encoder.layer.{}.attention.self.value", "blk.{}.attn_v"),
            ("encoder.layer.{}.attention.output.dense", "blk.{}.attn_output"),
            ("encoder.layer.{}.attention.output.LayerNorm", "blk.{}.attn_output_norm"),
            ("encoder.layer.{}.intermediate.dense", "blk.{}.ffn_up"),
            ("encoder.layer.{}.output.dense", "blk.{}.ffn_down"),
            ("encoder.layer.{}.output.LayerNorm", "blk.{}.layer_output_norm"),
        ],
        suffixes: TORCH,
        params: params::bert,
        tensors: as_they_are,
        vocabulary: Kind::WordPiece,
    },
];

/// The network that has the header and the names of GPT-2.
const STARCODER: &str = "starcoder";

/// Longest row that is compared.
const ROW_BYTES: u64 = 1 << 20;

/// Tells StarCoder from GPT-2: its only head of keys was written once for each head of queries.
pub(super) fn find_repeated_keys(model: &mut Model) {
    let number = |key: &str| model.metadata.get(key).and_then(MetaValue::as_u64);
    if model.metadata.get(super::FAMILY).and_then(MetaValue::as_str) != Some("gpt-2") {
        return;
    }
    let (Some(width), Some(heads)) = (number("ggml.n_embd"), number("ggml.n_head")) else { return };
    let Some(fused) = model.tensor("model/h0/attn/c_attn/w") else { return };
    let fits = heads > 1 && width.is_multiple_of(heads) && width.checked_mul(3) == Some(fused.rows());
    if !fits || fused.row_bytes() > ROW_BYTES {
        return;
    }
    let size = width / heads;
    let row = |r: u64| fused.read(r..r + 1).ok();
    // First and last row of keys and values, in the first head and in the last.
    let places = [width, width + size - 1, 2 * width, 2 * width + size - 1];
    let repeated = places.iter().all(|r| row(*r).is_some_and(|own| row(r + width - size) == Some(own)));
    if repeated {
        model.metadata.insert(super::FAMILY.to_owned(), STARCODER.into());
    }
}
