//! One layer of a decoder or an encoder.

use super::attention::{Attention, Sequence};
use super::cache::LayerCache;
use super::feed_forward::feed_forward;
use super::norm::norm;
use super::rope::Angles;
use super::spec::Spec;
use super::weights::Weights;
use crate::model::Result;
use candle_core::Tensor;

/// What layers share.
pub(super) struct Context<'a> {
    pub weights: &'a dyn Weights,
    pub spec: &'a Spec,
    pub sequences: &'a [Sequence],
    /// Of layers without a window, and of those with one.
    pub angles: Option<&'a (Angles, Angles)>,
}

/// A product with a bias, if there is one: x · Wᵀ + b.
pub(super) fn affine(weights: &dyn Weights, x: &Tensor, name: &str) -> Result<Tensor> {
    let out = weights.product(x, &format!("{name}.weight"), None)?;
    match weights.vector(&format!("{name}.bias"))? {
        Some(bias) => Ok(out.broadcast_add(&bias)?),
        None => Ok(out),
    }
}

impl Context<'_> {
    /// The hidden state after layer `layer`. With a cache, `x` are further tokens of one sequence.
    pub(super) fn layer(&self, x: &Tensor, layer: u32, cache: Option<&mut LayerCache>) -> Result<Tensor> {
        let name = |part: &str| format!("blk.{layer}.{part}");
        if self.spec.how.encoder {
            let x = (self.attention(x, layer, cache)? + x)?;
            let x = self.norm(&x, &name("attn_output_norm"))?;
            let x = (feed_forward(self.weights, self.spec, &x, layer)? + x)?;
            return self.norm(&x, &name("layer_output_norm"));
        }
        let attended = self.attention(&self.norm(x, &name("attn_norm"))?, layer, cache)?;
        let attended = self.norm_if_there(attended, &name("post_attention_norm"))?;
        let x = (x + attended)?;
        let out = feed_forward(self.weights, self.spec, &self.norm(&x, &name("ffn_norm"))?, layer)?;
        let out = self.norm_if_there(out, &name("post_ffw_norm"))?;
        Ok((x + out)?)
    }

    pub(super) fn norm(&self, x: &Tensor, name: &str) -> Result<Tensor> {
        norm(self.weights, x, name, self.spec.how.norm, self.spec.epsilon)
    }

    fn norm_if_there(&self, x: Tensor, name: &str) -> Result<Tensor> {
        if self.weights.has(&format!("{name}.weight")) { self.norm(&x, name) } else { Ok(x) }
    }

    fn attention(&self, x: &Tensor, layer: u32, cache: Option<&mut LayerCache>) -> Result<Tensor> {
        let (weights, spec) = (self.weights, self.spec);
        let name = |part: &str| format!("blk.{layer}.{part}");
        let (q_width, k_width) = (spec.heads * spec.key_size, spec.kv_heads * spec.key_size);
        let v_width = spec.kv_heads * spec.value_size;
        let (q, k, v) = if weights.has(&name("attn_qkv.weight")) {
            let all = affine(weights, x, &name("attn_qkv"))?;
            let part = |at: usize, width: usize| -> Result<Tensor> { Ok(all.narrow(1, at, width)?.contiguous()?) };
            (part(0, q_width)?, part(q_width, k_width)?, part(q_width + k_width, v_width)?)
        } else {
            let part = |part: &str| affine(weights, x, &name(part));
            (part("attn_q")?, part("attn_k")?, part("attn_v")?)
        };
        let q = self.head_norm(q, &name("attn_q_norm"), spec.heads)?;
        let k = self.head_norm(k, &name("attn_k_norm"), spec.kv_heads)?;
        let window = spec.window_of(layer);
        let (q, k) = match self.angles {
            Some((plain, windowed)) => {
                let angles = if window.is_some() { windowed } else { plain };
                (angles.rotate(&q, spec.heads, spec.key_size)?, angles.rotate(&k, spec.kv_heads, spec.key_size)?)
            }
            None => (q, k),
        };
        let how = Attention {
            heads: spec.heads,
            kv_heads: spec.kv_heads,
            key_size: spec.key_size,
            value_size: spec.value_size,
            scale: spec.query_scale(),
            cap: spec.attention_cap,
            window,
            causal: !spec.how.encoder,
        };
        let out = match cache {
            None => weights.attention(&q, &k, &v, self.sequences, &how)?,
            Some(cache) => weights.cached_attention(&q, &k, &v, cache, &how)?,
        };
        affine(weights, &out, &name("attn_output"))
    }

    /// A norm over each head, if the network has one.
    fn head_norm(&self, x: Tensor, name: &str, heads: usize) -> Result<Tensor> {
        if !self.weights.has(&format!("{name}.weight")) {
            return Ok(x);
        }
        let (tokens, width) = x.dims2()?;
        let normed = self.norm(&x.reshape((tokens, heads, width / heads))?, name)?;
        Ok(normed.reshape((tokens, width))?)
    }
}
