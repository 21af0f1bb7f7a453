//! Hyper-parameters under GGUF's keys: what the header stores, what follows from the tensors, what was given, and what is assumed.

use super::family::EarlyFamily;
use super::given;
use crate::model::{MetaValue, Metadata, Model, ModelError, OptionName, OptionPath, Result, Warning};
use crate::quant::{Encoding, repacks_to};

/// What hyper-parameters are computed from.
pub(super) struct Facts<'a> {
    /// The model under GGUF's names, with the stored metadata.
    pub model: &'a Model,
    pub arch: &'static str,
}

/// Hyper-parameters under construction, and the assumed ones in words.
#[derive(Default)]
pub(super) struct Values {
    md: Metadata,
    assumed: Vec<String>,
}

impl Facts<'_> {
    /// A number of the header.
    fn stored(&self, name: &str) -> Result<u64> {
        let value = self.model.metadata.get(&format!("ggml.{name}")).and_then(MetaValue::as_u64);
        value.ok_or_else(|| ModelError::bad("the header lacks it").in_file(&self.model.path).field(name.to_owned()))
    }

    /// Outputs of a matrix.
    fn rows(&self, name: &str) -> Result<u64> {
        let tensor = self.model.tensor(name);
        tensor
            .map(crate::model::TensorEntry::rows)
            .ok_or_else(|| ModelError::bad("the tensor is missing").in_file(&self.model.path).field(name.to_owned()))
    }

    /// Heads of a network: given, or as the header says.
    fn heads(&self, field: &str) -> Result<u64> {
        let given = given::number(self.model, given::HEADS).map(|n| n as u64);
        let (width, heads) = (self.width()?, given.map_or_else(|| self.stored(field), Ok)?);
        if heads == 0 || !width.is_multiple_of(heads) {
            let what = format!("{heads} heads do not divide the width {width}");
            if given.is_some() {
                return Err(impossible(what, given::HEADS));
            }
            return Err(ModelError::bad(what).in_file(&self.model.path).field(field.to_owned()));
        }
        Ok(heads)
    }

    fn width(&self) -> Result<u64> {
        self.stored("n_embd").or_else(|_| self.stored("d_model"))
    }
}

/// The error of a given number that contradicts the tensors.
fn impossible(what: String, name: &str) -> ModelError {
    ModelError::request(what)
        .in_option(OptionPath::entry(OptionName::HYPERPARAMETERS, name))
        .with_hint("Give the number that the model was trained with, or leave it out.")
}

impl Values {
    fn uint(&mut self, f: &Facts<'_>, key: &str, value: u64) -> Result<()> {
        let value = u32::try_from(value).map_err(|_| {
            ModelError::bad(format!("{value} does not fit the 32 bits GGUF has for it")).field(key.to_owned())
        })?;
        self.put(f, key, value);
        Ok(())
    }

    fn put(&mut self, f: &Facts<'_>, key: &str, value: impl Into<MetaValue>) {
        self.md.insert(format!("{}.{key}", f.arch), value.into());
    }

    /// A number that the file does not store: given, or assumed and listed as `what`.
    fn assume(&mut self, f: &Facts<'_>, name: &'static str, what: &str, default: f64) -> f64 {
        given::number(f.model, name).unwrap_or_else(|| {
            self.assumed.push(format!("{what} {default} ({name})"));
            default
        })
    }

    fn context(&mut self, f: &Facts<'_>, default: u64) -> Result<()> {
        let context = self.assume(f, given::CONTEXT, "a context length of", default as f64);
        self.uint(f, "context_length", context as u64)
    }

    /// The context that the header stores, unless another one is given.
    fn stored_context(&mut self, f: &Facts<'_>, field: &str) -> Result<()> {
        let context = match given::number(f.model, given::CONTEXT) {
            Some(given) => given as u64,
            None => f.stored(field)?,
        };
        self.uint(f, "context_length", context)
    }

    fn epsilon(&mut self, f: &Facts<'_>, key: &str, default: f64) {
        let epsilon = self.assume(f, given::NORM_EPSILON, "an epsilon of the norms of", default);
        self.put(f, key, epsilon as f32);
    }

    fn rope_base(&mut self, f: &Facts<'_>) {
        let base = self.assume(f, given::ROPE_BASE, "a base of the rotary positions of", 10000.0);
        self.put(f, "rope.freq_base", base as f32);
    }
}

const NORM: &str = "attention.layer_norm_epsilon";

/// All hyper-parameters of a family, and what of them is assumed.
pub(super) fn all(f: &Facts<'_>, family: &EarlyFamily) -> Result<(Metadata, Vec<String>)> {
    let mut values = Values::default();
    (family.params)(f, &mut values)?;
    values.md.insert("general.file_type".to_owned(), MetaValue::U32(file_type(f.model)));
    Ok((values.md, values.assumed))
}

/// LLaMA's file type. Types that no block of today holds become f16.
fn file_type(model: &Model) -> u32 {
    let stored = model.metadata.get("ggml.ftype").and_then(MetaValue::as_u64).unwrap_or(1) % 1000;
    let decoded = |e: Encoding| matches!(e, Encoding::Block(b) if b.is_early() && repacks_to(b).is_none());
    match u32::try_from(stored) {
        _ if model.tensors.iter().any(|t| decoded(t.encoding)) => 1,
        Ok(t @ (0..=3 | 7..=18)) => t,
        // Q4_1 with embedding and output in f16.
        Ok(4) => 3,
        _ => 1,
    }
}

/// Replaces the warning about what is assumed.
pub(super) fn warn(model: &mut Model, assumed: &[String]) {
    model.warnings.retain(|w| w.code != super::ASSUMED);
    if !assumed.is_empty() {
        let text = format!(
            "the file does not store everything that its network needs, and these values are assumed: {}; give others with hyperparameters \
             (--hyperparameter NAME=VALUE)",
            assumed.join(", ")
        );
        model.warnings.push(Warning::new(super::ASSUMED, text));
    }
}

/// Widths of Meta's models with heads of 128, whose number of heads a converter could not guess wrong.
const META_WIDTHS: [u64; 4] = [4096, 5120, 6656, 8192];

/// `convert_llama_ggml_to_gguf.py`: what is missing is assumed as llama.cpp's loader did (`llama_context_params` and `LLAMA_DEFAULT_RMS_EPS`
/// at dadbed99e); grouped keys are LLaMA 2's.
pub(super) fn llama(f: &Facts<'_>, v: &mut Values) -> Result<()> {
    let (width, heads) = (f.width()?, f.heads("n_head")?);
    let size = width / heads;
    let keys = f.rows("blk.0.attn_k.weight")?;
    let kv = match given::number(f.model, given::KV_HEADS) {
        Some(kv) => kv as u64,
        None => keys / size.max(1),
    };
    if kv == 0 || kv.checked_mul(size) != Some(keys) || !heads.is_multiple_of(kv) {
        let what = format!("keys of {keys} rows are not those of {kv} of {heads} heads of {size}");
        for name in [given::KV_HEADS, given::HEADS] {
            if given::number(f.model, name).is_some() {
                return Err(impossible(what, name));
            }
        }
        return Err(ModelError::bad(what).in_file(&f.model.path).field("layers.0.attention.wk.weight"));
    }
    let grouped = kv < heads;
    v.uint(f, "block_count", f.stored("n_layer")?)?;
    v.context(f, if grouped { 4096 } else { 2048 })?;
    v.uint(f, "embedding_length", width)?;
    v.uint(f, "feed_forward_length", f.rows("blk.0.ffn_gate.weight")?)?;
    // Converters between 2023-04-14 and 2023-06-22 wrote 256 and a number of heads that they guessed from the width.
    let guessed = f.stored("n_mult").is_ok_and(|n| n == 256) && size == 128 && !META_WIDTHS.contains(&width);
    if guessed && given::number(f.model, given::HEADS).is_none() {
        v.assumed.push(format!("{heads} heads, which the converter may have guessed ({})", given::HEADS));
    }
    v.uint(f, "attention.head_count", heads)?;
    v.uint(f, "attention.head_count_kv", kv)?;
    v.rope_base(f);
    v.epsilon(f, "attention.layer_norm_rms_epsilon", if grouped { 1e-5 } else { 5e-6 });
    v.uint(f, "vocab_size", f.stored("n_vocab")?)?;
    v.uint(f, "rope.dimension_count", size)
}

/// What GPT-2 and its successors share.
fn common(f: &Facts<'_>, v: &mut Values, context: Option<&str>, layers: &str, heads: &str) -> Result<()> {
    v.uint(f, "block_count", f.stored(layers)?)?;
    match context {
        Some(field) => v.stored_context(f, field)?,
        None => v.context(f, 2048)?,
    }
    v.uint(f, "embedding_length", f.width()?)?;
    v.uint(f, "feed_forward_length", f.rows("blk.0.ffn_up.weight")?)?;
    v.uint(f, "attention.head_count", f.heads(heads)?)
}

/// `GPT2Model.set_gguf_parameters`.
pub(super) fn gpt2(f: &Facts<'_>, v: &mut Values) -> Result<()> {
    common(f, v, Some("n_ctx"), "n_layer", "n_head")?;
    v.epsilon(f, NORM, 1e-5);
    Ok(())
}

/// `StarCoderModel.set_gguf_parameters`.
pub(super) fn starcoder(f: &Facts<'_>, v: &mut Values) -> Result<()> {
    common(f, v, Some("n_ctx"), "n_layer", "n_head")?;
    v.uint(f, "attention.head_count_kv", 1)?;
    v.epsilon(f, NORM, 1e-5);
    Ok(())
}

/// gguf-py's names for GPT-J; llama.cpp does not run it.
pub(super) fn gptj(f: &Facts<'_>, v: &mut Values) -> Result<()> {
    common(f, v, Some("n_ctx"), "n_layer", "n_head")?;
    v.uint(f, "rope.dimension_count", f.stored("n_rot")?)?;
    v.epsilon(f, NORM, 1e-5);
    Ok(())
}

/// `GPTNeoXModel.set_gguf_parameters`.
pub(super) fn neox(f: &Facts<'_>, v: &mut Values) -> Result<()> {
    common(f, v, Some("n_ctx"), "n_layer", "n_head")?;
    v.uint(f, "rope.dimension_count", f.stored("n_rot")?)?;
    // Files without the word are StableLM's first ones, whose residuals are parallel.
    v.put(f, "use_parallel_residual", f.model.metadata.get("ggml.par_res").is_none_or(|n| *n != MetaValue::I32(0)));
    v.epsilon(f, NORM, 1e-5);
    Ok(())
}

/// `MPTModel.set_gguf_parameters`.
pub(super) fn mpt(f: &Facts<'_>, v: &mut Values) -> Result<()> {
    common(f, v, Some("max_seq_len"), "n_layers", "n_heads")?;
    v.epsilon(f, NORM, 1e-5);
    let float = |key: &str| match f.model.metadata.get(key) {
        Some(MetaValue::F32(x)) if x.is_finite() => *x,
        _ => 0.0,
    };
    if float("ggml.clip_qkv") != 0.0 {
        v.put(f, "attention.clamp_kqv", float("ggml.clip_qkv"));
    }
    v.put(f, "attention.max_alibi_bias", float("ggml.alibi_bias_max"));
    Ok(())
}

/// `FalconModel.set_gguf_parameters`.
pub(super) fn falcon(f: &Facts<'_>, v: &mut Values) -> Result<()> {
    common(f, v, None, "n_layer", "n_head")?;
    v.put(f, "tensor_data_layout", "jploski");
    v.uint(f, "attention.head_count_kv", f.stored("n_head_kv")?)?;
    v.epsilon(f, NORM, 1e-5);
    Ok(())
}

/// `BertModel.set_gguf_parameters`.
pub(super) fn bert(f: &Facts<'_>, v: &mut Values) -> Result<()> {
    common(f, v, Some("n_max_tokens"), "n_layer", "n_head")?;
    v.epsilon(f, NORM, 1e-12);
    v.put(f, "attention.causal", false);
    Ok(())
}
