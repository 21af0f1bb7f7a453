//! Where the layers get their weights from, and the two operations that are worth more than a chain of tensor operations.
//!
//! Weights are read when they are used and dropped afterwards. [`Streamed`] computes on the CPU with code of its own, `OnDevice` with
//! operations of candle.

use super::attention::{self, Attention, Sequence};
use super::cache::LayerCache;
use super::rounding::{self, Rounding};
use super::{Input, Observer, product};
use crate::model::{ModelError, Piece, Result, TensorEntry};
use crate::task::Task;
use crate::transform::decode;
use candle_core::{Device, Tensor};
use std::cell::RefCell;
use std::collections::HashMap;

/// Longest vector that is read as a whole; those of real networks have at most some hundred thousand elements.
const MAX_VECTOR: u64 = 1 << 24;

/// Weights by GGUF name, and what is done with them.
pub(super) trait Weights {
    /// True if there is a tensor of that name.
    fn has(&self, name: &str) -> bool;
    /// A whole vector; `None` if there is no tensor of that name.
    fn vector(&self, name: &str) -> Result<Option<Tensor>>;
    /// Some rows of a matrix.
    fn rows(&self, name: &str, ids: &[u32]) -> Result<Tensor>;
    /// x · Wᵀ; of one of the matrices stacked in the tensor, if one is named: (number, of).
    fn product(&self, x: &Tensor, name: &str, expert: Option<(usize, usize)>) -> Result<Tensor>;
    /// Attention of each sequence to itself.
    fn attention(&self, q: &Tensor, k: &Tensor, v: &Tensor, sequences: &[Sequence], how: &Attention) -> Result<Tensor>;
    /// Attention of further tokens of one sequence to all of its tokens; their keys and values are appended to the cache.
    fn cached_attention(
        &self,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        cache: &mut LayerCache,
        how: &Attention,
    ) -> Result<Tensor>;
    /// Where tensors are.
    fn device(&self) -> &Device;
    /// Passes the hidden state of all tokens after a layer to the observer.
    fn layer_done(&self, layer: u32, layers: u32, hidden: &Tensor) -> Result<()>;
}

/// What the weights are.
#[derive(Clone, Copy)]
pub(super) enum WeightsOf<'a> {
    /// Tensors of a model, by GGUF name.
    Model(&'a HashMap<String, TensorEntry>),
    /// Tensors in memory, for gradients.
    #[cfg(test)]
    Tensors(&'a HashMap<String, Tensor>),
}

impl WeightsOf<'_> {
    pub(super) fn has(&self, name: &str) -> bool {
        match self {
            Self::Model(tensors) => tensors.contains_key(name),
            #[cfg(test)]
            Self::Tensors(tensors) => tensors.contains_key(name),
        }
    }

    /// Columns and rows of a matrix; stacked ones are one below the other.
    pub(super) fn matrix(&self, name: &str) -> Result<(u64, u64)> {
        match self {
            Self::Model(tensors) => find(tensors, name).map(|entry| (entry.cols(), entry.rows())),
            #[cfg(test)]
            Self::Tensors(tensors) => Ok((tensors[name].dim(1)? as u64, tensors[name].dim(0)? as u64)),
        }
    }

    /// A whole vector; `None` if there is no tensor of that name.
    pub(super) fn vector(&self, name: &str, device: &Device) -> Result<Option<Tensor>> {
        let tensors = match self {
            Self::Model(tensors) => tensors,
            #[cfg(test)]
            Self::Tensors(tensors) => return Ok(tensors.get(name).cloned()),
        };
        let Some(entry) = tensors.get(name) else { return Ok(None) };
        let len = entry.shape.elems().unwrap_or(u64::MAX);
        if len > MAX_VECTOR {
            return Err(ModelError::bad(format!("{len} elements are too many for a vector")).field(name));
        }
        let mut values = vec![0f32; len as usize];
        decode(entry, &Piece::rows(entry, 0..entry.rows()), &mut Vec::new(), &mut values)?;
        product::check_finite(&values, entry, 0)?;
        Ok(Some(Tensor::from_vec(values, len as usize, device)?))
    }

    /// Some rows of a matrix.
    pub(super) fn rows(&self, name: &str, ids: &[u32], device: &Device) -> Result<Tensor> {
        let tensors = match self {
            Self::Model(tensors) => tensors,
            #[cfg(test)]
            Self::Tensors(tensors) => {
                let ids = Tensor::from_slice(ids, ids.len(), device)?;
                return Ok(tensors[name].index_select(&ids, 0)?);
            }
        };
        let entry = find(tensors, name)?;
        let columns = usize::try_from(entry.cols()).unwrap_or(usize::MAX);
        let mut values = vec![0f32; ids.len().saturating_mul(columns)];
        let mut raw = Vec::new();
        for (id, row) in ids.iter().zip(values.chunks_exact_mut(columns.max(1))) {
            let id = u64::from(*id);
            if id >= entry.rows() {
                let what = format!("row {id} is needed, but there are {}", entry.rows());
                return Err(ModelError::bad(what).field(name));
            }
            decode(entry, &Piece::rows(entry, id..id + 1), &mut raw, row)?;
            product::check_finite(row, entry, id)?;
        }
        Ok(Tensor::from_vec(values, (ids.len(), columns), device)?)
    }
}

fn find<'t>(tensors: &'t HashMap<String, TensorEntry>, name: &str) -> Result<&'t TensorEntry> {
    tensors.get(name).ok_or_else(|| ModelError::bad("a tensor that the network needs is missing").field(name))
}

/// Weights that are read from a model whenever they are used.
pub(super) struct Streamed<'a> {
    tensors: &'a HashMap<String, TensorEntry>,
    rounding: Rounding,
    device: Device,
    task: Task<'a>,
    observer: RefCell<&'a mut dyn Observer>,
}

impl<'a> Streamed<'a> {
    pub(super) fn new(
        tensors: &'a HashMap<String, TensorEntry>,
        rounding: Rounding,
        task: Task<'a>,
        observer: &'a mut dyn Observer,
    ) -> Self {
        Self { tensors, rounding, device: Device::Cpu, task, observer: RefCell::new(observer) }
    }

    /// Queries, keys and values as they are used: checked, and rounded as the cache of llama.cpp rounds them where that is asked.
    fn heads(&self, q: &Tensor, k: &Tensor, v: &Tensor, how: &Attention) -> Result<[Vec<f32>; 3]> {
        self.check_cancelled()?;
        how.check_widths(q, k, v)?;
        let (q, mut k, mut v) = (floats(q)?, floats(k)?, floats(v)?);
        if self.rounding == Rounding::LlamaCpp && how.causal {
            rounding::to_f16(&mut k);
            rounding::to_f16(&mut v);
        }
        Ok([q, k, v])
    }

    /// What attention gave, as a tensor: tokens × (heads · value size).
    fn attended(&self, out: Vec<f32>, how: &Attention) -> Result<Tensor> {
        let width = how.heads * how.value_size;
        let tokens = out.len() / width.max(1);
        Ok(Tensor::from_vec(out, (tokens, width), &self.device)?)
    }

    /// The error of a cancelled task.
    fn check_cancelled(&self) -> Result<()> {
        if self.task.is_cancelled() { Err(ModelError::request("cancelled")) } else { Ok(()) }
    }
}

/// The elements of a tensor, row-major.
pub(super) fn floats(x: &Tensor) -> Result<Vec<f32>> {
    Ok(x.flatten_all()?.to_vec1::<f32>()?)
}

impl Weights for Streamed<'_> {
    fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    fn vector(&self, name: &str) -> Result<Option<Tensor>> {
        WeightsOf::Model(self.tensors).vector(name, &self.device)
    }

    fn rows(&self, name: &str, ids: &[u32]) -> Result<Tensor> {
        WeightsOf::Model(self.tensors).rows(name, ids, &self.device)
    }

    fn product(&self, x: &Tensor, name: &str, expert: Option<(usize, usize)>) -> Result<Tensor> {
        self.check_cancelled()?;
        let entry = find(self.tensors, name)?;
        let (tokens, columns) = x.dims2()?;
        if entry.cols() != columns as u64 {
            let what = format!("rows of {} elements for inputs of {columns}", entry.cols());
            return Err(ModelError::bad(what).field(name));
        }
        let rows = match expert {
            None => 0..entry.rows(),
            Some((number, of)) => {
                let each = entry.rows() / of.max(1) as u64;
                number as u64 * each..(number as u64 + 1) * each
            }
        };
        let mut values = floats(x)?;
        self.observer.borrow_mut().input(&Input { weight: name, values: &values, columns, expert })?;
        if self.rounding == Rounding::LlamaCpp {
            rounding::round(&mut values, columns, entry.encoding);
        }
        let out = product::product(&values, entry, rows.clone(), self.task)?;
        Ok(Tensor::from_vec(out, (tokens, (rows.end - rows.start) as usize), &self.device)?)
    }

    fn attention(&self, q: &Tensor, k: &Tensor, v: &Tensor, sequences: &[Sequence], how: &Attention) -> Result<Tensor> {
        let [q, k, v] = self.heads(q, k, v, how)?;
        let out = attention::attend(&q, &k, &v, sequences, how, self.task)?;
        self.attended(out, how)
    }

    fn cached_attention(
        &self,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        cache: &mut LayerCache,
        how: &Attention,
    ) -> Result<Tensor> {
        let tokens = q.dim(0)?;
        let [q, k, v] = self.heads(q, k, v, how)?;
        cache.push(tokens, &k, &v);
        let seen = cache.keys().len() / (how.kv_heads * how.key_size).max(1);
        let sequence = Sequence { queries: 0..tokens, keys: 0..seen };
        let out = attention::attend(&q, cache.keys(), cache.values(), &[sequence], how, self.task)?;
        self.attended(out, how)
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
