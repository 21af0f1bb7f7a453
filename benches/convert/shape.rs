//! The shapes of the synthetic models: those of published Llamas, and two smaller ones.

/// Sizes of a Llama.
#[derive(Clone, Debug)]
pub struct Shape {
    /// What `--size` calls it.
    pub name: &'static str,
    /// Transformer layers.
    pub layers: usize,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads.
    pub kv_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Width of the feed-forward part.
    pub ffn: usize,
    /// Tokens.
    pub vocab: usize,
    /// One matrix for embedding and output.
    pub tied: bool,
}

const fn shape(name: &'static str, sizes: [usize; 7], tied: bool) -> Shape {
    let [layers, hidden, heads, kv_heads, head_dim, ffn, vocab] = sizes;
    Shape { name, layers, hidden, heads, kv_heads, head_dim, ffn, vocab, tied }
}

/// `1.2b`, `3.2b` and `8b` are the shapes of Llama 3.2 1B, 3.2 3B and 3.1 8B.
const SHAPES: [Shape; 6] = [
    shape("tiny", [2, 256, 4, 2, 64, 512, 1024], false),
    shape("50m", [8, 512, 8, 4, 64, 1536, 32_000], false),
    shape("350m", [16, 1024, 16, 8, 64, 4096, 64_000], false),
    shape("1.2b", [16, 2048, 32, 8, 64, 8192, 128_256], true),
    shape("3.2b", [28, 3072, 24, 8, 128, 8192, 128_256], true),
    shape("8b", [32, 4096, 32, 8, 128, 14_336, 128_256], false),
];

/// The shape that `--size` names.
///
/// # Errors
/// When there is none, with the names that there are.
pub fn named(name: &str) -> Result<Shape, String> {
    let known: Vec<&str> = SHAPES.iter().map(|shape| shape.name).collect();
    let found = SHAPES.iter().find(|shape| shape.name.eq_ignore_ascii_case(name));
    found.cloned().ok_or_else(|| format!("--size {name} is not one of {}", known.join(", ")))
}

impl Shape {
    /// Every tensor: name and dimensions, outermost first, in the order of names as strings (the order of the files people have).
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let (queries, keys) = (self.heads * self.head_dim, self.kv_heads * self.head_dim);
        let mut tensors = vec![
            ("model.embed_tokens.weight".to_owned(), vec![self.vocab, self.hidden]),
            ("model.norm.weight".to_owned(), vec![self.hidden]),
        ];
        if !self.tied {
            tensors.push(("lm_head.weight".to_owned(), vec![self.vocab, self.hidden]));
        }
        for layer in 0..self.layers {
            let parts = [
                ("input_layernorm", vec![self.hidden]),
                ("mlp.down_proj", vec![self.hidden, self.ffn]),
                ("mlp.gate_proj", vec![self.ffn, self.hidden]),
                ("mlp.up_proj", vec![self.ffn, self.hidden]),
                ("post_attention_layernorm", vec![self.hidden]),
                ("self_attn.k_proj", vec![keys, self.hidden]),
                ("self_attn.o_proj", vec![self.hidden, queries]),
                ("self_attn.q_proj", vec![queries, self.hidden]),
                ("self_attn.v_proj", vec![keys, self.hidden]),
            ];
            tensors.extend(parts.map(|(part, dims)| (format!("model.layers.{layer}.{part}.weight"), dims)));
        }
        tensors.sort();
        tensors
    }

    /// Weights over all tensors.
    pub fn parameters(&self) -> usize {
        self.tensors().iter().map(|(_, dims)| dims.iter().product::<usize>()).sum()
    }
}
