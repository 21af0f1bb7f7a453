//! One layer of a decoder.

use super::experts::experts;
use super::parts::{activate, around, head_norm, linear, norm, split};
use super::rotation::Angles;
use super::spec::Spec;
use super::weights::Weights;
use crate::arch::computation::Gate;
use crate::graph::make::Maker;
use crate::graph::{AttrValue, ValueId};
use crate::model::Result;

/// What a layer works with besides its input.
pub(super) struct Layer<'a> {
    pub spec: &'a Spec,
    pub number: u64,
    pub mask: ValueId,
    pub angles: Option<Angles>,
    /// Keys and values of earlier tokens.
    pub past: Option<(ValueId, ValueId)>,
}

/// What a layer gives.
pub(super) struct Given {
    pub state: ValueId,
    /// Keys and values of all tokens.
    pub present: Option<(ValueId, ValueId)>,
}

impl Layer<'_> {
    fn key(&self, part: &str) -> String {
        format!("blk.{}.{part}", self.number)
    }

    fn norm(&self, m: &mut Maker, w: &mut Weights, x: ValueId, part: &str) -> Result<ValueId> {
        norm(m, w, x, &self.key(part), self.spec.how.norm, self.spec.epsilon)
    }

    fn norm_if_there(&self, m: &mut Maker, w: &mut Weights, x: ValueId, part: &str) -> Result<ValueId> {
        if w.has(&self.key(&format!("{part}.weight"))) { self.norm(m, w, x, part) } else { Ok(x) }
    }

    /// The layer on `x`, batch × sequence × width.
    ///
    /// # Errors
    /// A weight that is missing or has another shape than a matrix.
    pub(super) fn build(&self, m: &mut Maker, w: &mut Weights, x: ValueId) -> Result<Given> {
        let scope = around(w, &self.key("attn_norm.weight"))?;
        let normed = self.norm(m, w, x, "attn_norm")?;
        let (attended, present) = self.attention(m, w, normed)?;
        let attended = self.norm_if_there(m, w, attended, "post_attention_norm")?;
        let x = m.at(&scope, |m| m.op("Add", &[x, attended], &[]));
        let normed = self.norm(m, w, x, "ffn_norm")?;
        let out = self.feed_forward(m, w, normed)?;
        let out = self.norm_if_there(m, w, out, "post_ffw_norm")?;
        let state = m.at(&scope, |m| m.op("Add", &[x, out], &[]));
        Ok(Given { state, present })
    }

    fn attention(&self, m: &mut Maker, w: &mut Weights, x: ValueId) -> Result<(ValueId, Option<(ValueId, ValueId)>)> {
        let spec = self.spec;
        let scope = around(w, &self.key("attn_output.weight"))?;
        let (q, k, v) = if w.has(&self.key("attn_qkv.weight")) {
            let all = linear(m, w, x, &self.key("attn_qkv"))?;
            let keys = spec.kv_heads * spec.head;
            let parts = m.at(&scope, |m| split(m, all, &[spec.heads * spec.head, keys, keys]));
            (parts[0], parts[1], parts[2])
        } else {
            let mut part = |part: &str| linear(m, w, x, &self.key(part));
            (part("attn_q")?, part("attn_k")?, part("attn_v")?)
        };
        let mut q = head_norm(m, w, q, &self.key("attn_q_norm"), spec.heads, spec)?;
        let mut k = head_norm(m, w, k, &self.key("attn_k_norm"), spec.kv_heads, spec)?;
        let outputs = m.at(&scope, |m| {
            if let Some(angles) = &self.angles {
                q = angles.rotate(m, q, spec.heads, spec.head);
                k = angles.rotate(m, k, spec.kv_heads, spec.head);
            }
            let mut attributes = vec![
                ("q_num_heads", AttrValue::Int(spec.heads as i64)),
                ("kv_num_heads", AttrValue::Int(spec.kv_heads as i64)),
                ("scale", AttrValue::Float(spec.scales[self.number as usize])),
            ];
            if let Some(cap) = spec.attention_cap {
                attributes.push(("softcap", AttrValue::Float(cap)));
            }
            let mut inputs = vec![Some(q), Some(k), Some(v), Some(self.mask)];
            inputs.extend(self.past.iter().flat_map(|(k, v)| [Some(*k), Some(*v)]));
            m.node("Attention", &inputs, &attributes, if self.past.is_some() { 3 } else { 1 })
        });
        let present = self.past.map(|_| (outputs[1], outputs[2]));
        Ok((linear(m, w, outputs[0], &self.key("attn_output"))?, present))
    }

    fn feed_forward(&self, m: &mut Maker, w: &mut Weights, x: ValueId) -> Result<ValueId> {
        if let Some((of, used)) = self.spec.experts
            && w.has_experts(self.number)
        {
            return experts(m, w, x, self.number, of, used, self.spec);
        }
        let activation = self.spec.activation;
        let scope = around(w, &self.key("ffn_down.weight"))?;
        let inner = match self.spec.how.gate {
            Gate::None => {
                let up = linear(m, w, x, &self.key("ffn_up"))?;
                m.at(&scope, |m| activate(m, up, activation))
            }
            Gate::Separate => {
                let gate = linear(m, w, x, &self.key("ffn_gate"))?;
                let gate = m.at(&scope, |m| activate(m, gate, activation));
                let up = linear(m, w, x, &self.key("ffn_up"))?;
                m.at(&scope, |m| m.op("Mul", &[gate, up], &[]))
            }
            Gate::Fused => {
                let both = linear(m, w, x, &self.key("ffn_up"))?;
                let half = w.shape(&self.key("ffn_up.weight"))?.first().copied().unwrap_or(0) / 2;
                m.at(&scope, |m| {
                    let parts = split(m, both, &[half, half]);
                    let gate = activate(m, parts[0], activation);
                    m.op("Mul", &[gate, parts[1]], &[])
                })
            }
        };
        linear(m, w, inner, &self.key("ffn_down"))
    }
}
