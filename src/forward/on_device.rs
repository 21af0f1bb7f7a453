//! Weights as tensors of candle: products and attention are chains of its operations, so they run on a GPU and record gradients.
//!
//! Weights of a model come in blocks of rows: they are decoded on the CPU, copied to the device, multiplied with all tokens of the batch, and
//! dropped. Device memory: the activations, one block, and the scores of [`QUERIES`] queries. Fused operations of candle
//! (`candle_nn::ops`) are not used: they record no gradients.

use super::attention::{Attention, Sequence};
use super::cache::LayerCache;
use super::weights::{Weights, WeightsOf, floats};
use super::{Input, Observer, product};
use crate::model::{ModelError, Piece, Result, TensorEntry};
use crate::task::{Task, locked};
use crate::transform::decode;
use candle_core::{D, Device, Tensor};
use std::cell::RefCell;
use std::sync::Mutex;

/// Elements of a block of a weight: 64 MiB as f32.
const ELEMS: usize = 1 << 24;
/// Elements that a thread decodes at a time.
const PART: usize = 1 << 20;
/// Queries whose scores are computed together.
const QUERIES: usize = 256;

/// Weights that are used on a device.
pub(super) struct OnDevice<'a> {
    weights: WeightsOf<'a>,
    device: Device,
    task: Task<'a>,
    observer: RefCell<&'a mut dyn Observer>,
}

impl<'a> OnDevice<'a> {
    pub(super) fn new(weights: WeightsOf<'a>, device: Device, task: Task<'a>, observer: &'a mut dyn Observer) -> Self {
        Self { weights, device, task, observer: RefCell::new(observer) }
    }

    fn check_cancelled(&self) -> Result<()> {
        if self.task.is_cancelled() { Err(ModelError::request("cancelled")) } else { Ok(()) }
    }

    /// x · Wᵀ for some rows of a weight of the model.
    fn streamed(&self, x: &Tensor, entry: &TensorEntry, rows: std::ops::Range<u64>) -> Result<Tensor> {
        let columns = usize::try_from(entry.cols()).unwrap_or(usize::MAX).max(1);
        let step = (ELEMS / columns).max(1) as u64;
        let mut parts = Vec::new();
        let mut first = rows.start;
        while first < rows.end {
            self.check_cancelled()?;
            let last = rows.end.min(first + step);
            let block = self.block(entry, first..last, columns)?;
            parts.push(x.matmul(&block.t()?)?);
            first = last;
        }
        match parts.len() {
            1 => Ok(parts.swap_remove(0)),
            _ => Ok(Tensor::cat(&parts, 1)?),
        }
    }

    /// Rows of a weight, decoded by all threads and copied to the device.
    fn block(&self, entry: &TensorEntry, rows: std::ops::Range<u64>, columns: usize) -> Result<Tensor> {
        let count = (rows.end - rows.start) as usize;
        let mut values = vec![0f32; count * columns];
        let each = (PART / columns).max(1);
        let parts: Vec<_> = values.chunks_mut(each * columns).map(|part| Mutex::new(Some(part))).collect();
        let quiet = Task { progress: &|_, _| {}, ..self.task };
        quiet.each::<Vec<u8>, ModelError>(parts.len(), |number, raw| {
            let Some(part) = locked(&parts[number]).take() else { return Ok(()) };
            let first = rows.start + (number * each) as u64;
            let piece = Piece::rows(entry, first..first + (part.len() / columns) as u64);
            decode(entry, &piece, raw, part)?;
            product::check_finite(part, entry, first)
        })?;
        drop(parts);
        Ok(Tensor::from_vec(values, (count, columns), &self.device)?)
    }
}

impl Weights for OnDevice<'_> {
    fn has(&self, name: &str) -> bool {
        self.weights.has(name)
    }

    fn vector(&self, name: &str) -> Result<Option<Tensor>> {
        self.weights.vector(name, &self.device)
    }

    fn rows(&self, name: &str, ids: &[u32]) -> Result<Tensor> {
        self.weights.rows(name, ids, &self.device)
    }

    fn product(&self, x: &Tensor, name: &str, expert: Option<(usize, usize)>) -> Result<Tensor> {
        self.check_cancelled()?;
        let (columns, rows) = self.weights.matrix(name)?;
        let found = x.dim(1)?;
        if found as u64 != columns {
            let what = format!("rows of {columns} elements for inputs of {found}");
            return Err(ModelError::bad(what).field(name));
        }
        let rows = match expert {
            None => 0..rows,
            Some((number, of)) => {
                let each = rows / of.max(1) as u64;
                number as u64 * each..(number as u64 + 1) * each
            }
        };
        if self.observer.borrow().wants_inputs() {
            let values = floats(x)?;
            self.observer.borrow_mut().input(&Input { weight: name, values: &values, columns: found, expert })?;
        }
        match &self.weights {
            WeightsOf::Model(tensors) => match tensors.get(name) {
                Some(entry) => self.streamed(x, entry, rows),
                None => Err(ModelError::bad("a tensor that the network needs is missing").field(name)),
            },
            #[cfg(test)]
            WeightsOf::Tensors(tensors) => {
                let weight = tensors[name].narrow(0, rows.start as usize, (rows.end - rows.start) as usize)?;
                Ok(x.matmul(&weight.t()?)?)
            }
        }
    }

    fn attention(&self, q: &Tensor, k: &Tensor, v: &Tensor, sequences: &[Sequence], how: &Attention) -> Result<Tensor> {
        self.check_cancelled()?;
        how.check_widths(q, k, v)?;
        let mut out = Vec::new();
        for sequence in sequences {
            let keys = sequence.keys.len();
            // Heads × tokens × size; the queries of the heads that share keys are one matrix.
            let heads = |x: &Tensor, rows: &std::ops::Range<usize>, heads: usize, size: usize| -> Result<Tensor> {
                let x = x.narrow(0, rows.start, rows.len())?;
                Ok(x.reshape((rows.len(), heads, size))?.transpose(0, 1)?.contiguous()?)
            };
            let k = heads(k, &sequence.keys, how.kv_heads, how.key_size)?.transpose(1, 2)?.contiguous()?;
            let v = heads(v, &sequence.keys, how.kv_heads, how.value_size)?;
            let q = heads(q, &sequence.queries, how.heads, how.key_size)?;
            let (queries, shared) = (sequence.queries.len(), how.heads / how.kv_heads.max(1));
            let past = keys - queries.min(keys);
            let mut first = 0;
            while first < queries {
                let count = QUERIES.min(queries - first);
                let block = q.narrow(1, first, count)?.contiguous()?;
                let block = block.reshape((how.kv_heads, shared * count, how.key_size))?;
                let mut scores = (block.matmul(&k)? * f64::from(how.scale))?;
                if let Some(cap) = how.cap {
                    scores = ((scores / f64::from(cap))?.tanh()? * f64::from(cap))?;
                }
                let scores = scores.reshape((how.kv_heads, shared, count, keys))?;
                let scores = scores.broadcast_add(&self.mask(past + first, count, keys, how)?)?;
                let weights = softmax(&scores)?.reshape((how.kv_heads, shared * count, keys))?;
                let values = weights.matmul(&v)?.reshape((how.heads, count, how.value_size))?;
                out.push(values.transpose(0, 1)?.contiguous()?.reshape((count, how.heads * how.value_size))?);
                first += count;
            }
        }
        Ok(Tensor::cat(&out, 0)?)
    }

    /// The cache is in the memory of the host: its keys and values are copied to the device for every token.
    fn cached_attention(
        &self,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        cache: &mut LayerCache,
        how: &Attention,
    ) -> Result<Tensor> {
        how.check_widths(q, k, v)?;
        let tokens = q.dim(0)?;
        cache.push(tokens, &floats(k)?, &floats(v)?);
        let (k_width, v_width) = (how.kv_heads * how.key_size, how.kv_heads * how.value_size);
        let seen = cache.keys().len() / k_width.max(1);
        let k = Tensor::from_slice(cache.keys(), (seen, k_width), &self.device)?;
        let v = Tensor::from_slice(cache.values(), (seen, v_width), &self.device)?;
        self.attention(q, &k, &v, &[Sequence { queries: 0..tokens, keys: 0..seen }], how)
    }

    fn device(&self) -> &Device {
        &self.device
    }

    fn layer_done(&self, layer: u32, layers: u32, hidden: &Tensor) -> Result<()> {
        let mut observer = self.observer.borrow_mut();
        if !observer.wants_layers() {
            return Ok(());
        }
        observer.layer(layer, layers, &floats(hidden)?)
    }
}

impl OnDevice<'_> {
    /// Zero where a query sees a key, else minus infinity: queries × keys. `first` is the position of the first query.
    fn mask(&self, first: usize, queries: usize, keys: usize, how: &Attention) -> Result<Tensor> {
        let sees =
            |query: usize, key: usize| !how.causal || (key <= query && how.window.is_none_or(|w| key + w > query));
        let value = |i: usize| if sees(first + i / keys, i % keys) { 0.0 } else { f32::NEG_INFINITY };
        let values: Vec<f32> = (0..queries * keys).map(value).collect();
        Ok(Tensor::from_vec(values, (queries, keys), &self.device)?)
    }
}

/// Over the last dimension, as elementwise operations.
fn softmax(x: &Tensor) -> Result<Tensor> {
    // The result does not depend on what is subtracted, so it needs no gradient.
    let most = x.max_keepdim(D::Minus1)?.detach();
    let powers = x.broadcast_sub(&most)?.exp()?;
    Ok(powers.broadcast_div(&powers.sum_keepdim(D::Minus1)?)?)
}
