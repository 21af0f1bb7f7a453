//! Writes synthetic Hugging Face folders: bf16 safetensors, streamed; a config; a tokenizer. The same seed gives the same bytes.

use crate::shape::{self, Shape};
use crate::{Fallible, tokenizer};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Bytes of the table of weights from which all tensors are cut. Large beside any cache, small beside any model.
const TABLE_BYTES: usize = 32 << 20;

/// A small, fast generator (xorshift64*): the weights need to look random, not to be unpredictable.
pub struct Random(u64);

impl Random {
    /// A generator; any seed will do.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        ((self.next() >> 33) as usize) % limit
    }

    /// Nearly normal, with deviation 0.02: the sum of four uniform numbers.
    fn weight(&mut self) -> f32 {
        let bits = self.next();
        let sum: i32 = (0..4).map(|part| i32::from((bits >> (16 * part)) as u16) - 0x8000).sum();
        sum as f32 / 65536.0 * 0.0346
    }
}

/// Makes a model folder at `dir` with real contents.
pub fn write_model(dir: &Path, shape: &Shape, seed: u64) -> Fallible<()> {
    describe(dir, shape)?;
    let mut file = BufWriter::with_capacity(1 << 20, File::create(dir.join("model.safetensors"))?);
    file.write_all(&header(shape))?;
    let mut random = Random::new(seed);
    let table: Vec<u8> =
        (0..TABLE_BYTES / 2).flat_map(|_| half::bf16::from_f32(random.weight()).to_le_bytes()).collect();
    for (_, dims) in shape.tensors() {
        let mut left = dims.iter().product::<usize>() * 2;
        while left > 0 {
            let start = random.below(TABLE_BYTES / 2) * 2;
            let piece = left.min(TABLE_BYTES - start).min(4 << 20);
            file.write_all(&table[start..start + piece])?;
            left -= piece;
        }
    }
    file.flush()?;
    Ok(())
}

/// Makes `count` model folders whose headers are those of a model of 350 million weights and whose data is a hole.
pub fn many_models(dir: &Path, count: usize) -> Fallible<()> {
    let shape = shape::named("350m")?;
    for number in 0..count {
        hollow_model(&dir.join(format!("family-{}", number / 10)).join(format!("model-{number:03}")), &shape)?;
    }
    Ok(())
}

/// Makes a model folder at `dir` that is whole but for its weights, which are a hole.
pub fn hollow_model(dir: &Path, shape: &Shape) -> Fallible<()> {
    let header = header(shape);
    // The tokenizer of the small shape: what opens many models reads headers, and large vocabularies would only measure JSON.
    describe(dir, &Shape { vocab: shape::named("tiny")?.vocab, ..shape.clone() })?;
    let mut file = File::create(dir.join("model.safetensors"))?;
    file.write_all(&header)?;
    Ok(file.set_len((header.len() + shape.parameters() * 2) as u64)?)
}

/// The length and the JSON that a safetensors file begins with.
fn header(shape: &Shape) -> Vec<u8> {
    let mut entries = serde_json::Map::new();
    entries.insert("__metadata__".into(), serde_json::json!({"format": "pt"}));
    let mut offset = 0;
    for (name, dims) in shape.tensors() {
        let end = offset + dims.iter().product::<usize>() * 2;
        entries.insert(name, serde_json::json!({"dtype": "BF16", "shape": dims, "data_offsets": [offset, end]}));
        offset = end;
    }
    let mut text = serde_json::Value::Object(entries).to_string().into_bytes();
    text.resize(text.len().next_multiple_of(8), b' ');
    [(text.len() as u64).to_le_bytes().as_slice(), &text].concat()
}

/// Config and tokenizer of a Llama 3.2.
fn describe(dir: &Path, shape: &Shape) -> Fallible<()> {
    std::fs::create_dir_all(dir)?;
    let config = serde_json::json!({
        "architectures": ["LlamaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
        "bos_token_id": shape.vocab - 256, "eos_token_id": shape.vocab - 255, "head_dim": shape.head_dim, "hidden_act": "silu",
        "hidden_size": shape.hidden, "initializer_range": 0.02, "intermediate_size": shape.ffn,
        "max_position_embeddings": 131_072, "mlp_bias": false, "model_type": "llama", "num_attention_heads": shape.heads,
        "num_hidden_layers": shape.layers, "num_key_value_heads": shape.kv_heads, "rms_norm_eps": 1e-5,
        "rope_scaling": {
            "factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
            "original_max_position_embeddings": 8192, "rope_type": "llama3",
        },
        "rope_theta": 500_000.0, "tie_word_embeddings": shape.tied, "torch_dtype": "bfloat16",
        "transformers_version": "4.57.6", "use_cache": true, "vocab_size": shape.vocab,
    });
    std::fs::write(dir.join("config.json"), serde_json::to_string_pretty(&config)?)?;
    tokenizer::write(dir, shape.vocab)
}
