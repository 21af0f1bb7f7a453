//! Forward passes of networks, layer by layer, from any model.
//!
//! [`Forward::open`] brings a model to GGUF names lazily and checks what a pass needs ([`spec`](Spec)); [`Forward::states`] runs
//! all layers for a batch of token sequences, reading one matrix at a time in blocks of rows, and [`Forward::logits`] the output matrix.
//! Memory is that of the activations and of one block for each thread, whatever the size of the network. An [`Observer`] sees the
//! inputs of all matrix products and the state after each layer. Layers are written with candle's tensors; products and attention,
//! where the time goes, have their own code on the CPU (`product`, `attention`). Two modes: exact, and with the inputs of products
//! [rounded](Rounding) as llama.cpp does.
//!
//! Must not know files, texts or screens. Test with `cargo test --release forward`.

mod attention;
mod cache;
mod device;
mod error;
mod feed_forward;
#[cfg(test)]
mod gradient_tests;
mod layer;
mod norm;
mod on_device;
mod pool;
mod product;
mod rope;
mod rounding;
mod session;
mod spec;
#[cfg(test)]
mod tests;
mod weights;

pub(crate) use rounding::Rounding;
pub(crate) use session::Session;
pub(crate) use spec::Spec;

use crate::arch::{self, GgufOptions};
use crate::model::{Model, ModelError, Result, TensorEntry};
use crate::task::Task;
use attention::Sequence;
use candle_core::{Device, Tensor};
use layer::Context;
use on_device::OnDevice;
use rope::Angles;
use std::collections::HashMap;
use weights::{Streamed, Weights, WeightsOf, floats};

/// What goes into a matrix product: of all tokens, or of those routed to an expert.
pub(crate) struct Input<'a> {
    /// GGUF's name of the weight: `blk.0.attn_q.weight`.
    pub weight: &'a str,
    /// Tokens × columns, row-major.
    pub values: &'a [f32],
    /// Columns of the weight.
    pub columns: usize,
    /// For a tensor of stacked experts: the number of the expert, and how many there are.
    pub expert: Option<(usize, usize)>,
}

/// Watches a pass; called from one thread, in the order of layers.
pub(crate) trait Observer {
    /// Before a product. Rounding is not applied to what it sees.
    ///
    /// # Errors
    /// Its own; they end the pass.
    fn input(&mut self, _input: &Input<'_>) -> Result<()> {
        Ok(())
    }

    /// True if [`Observer::input`] is to be called. On a GPU, inputs have to be copied for it.
    fn wants_inputs(&self) -> bool {
        true
    }

    /// True if [`Observer::layer`] is to be called.
    fn wants_layers(&self) -> bool {
        false
    }

    /// After layer `layer` of `layers`, counted from zero: the hidden state of all tokens of all sequences, tokens × width.
    ///
    /// # Errors
    /// Its own; they end the pass.
    fn layer(&mut self, _layer: u32, _layers: u32, _hidden: &[f32]) -> Result<()> {
        Ok(())
    }
}

/// Watches nothing.
impl Observer for () {
    fn wants_inputs(&self) -> bool {
        false
    }
}

/// A network that can be run.
pub(crate) struct Forward {
    spec: Spec,
    tensors: HashMap<String, TensorEntry>,
    device: Device,
}

impl Forward {
    /// Of any model. Reads names and metadata only.
    ///
    /// # Errors
    /// An architecture that cannot be run; missing or unusable hyper-parameters; those of [`arch::to_gguf`].
    pub(crate) fn open(model: &Model, rounding: Rounding) -> Result<Self> {
        if model.tensors.is_empty() && model.graph.is_none() {
            let hint = "The file is not damaged, but has no weights, as a file with only a vocabulary. Name a model with weights.";
            return Err(ModelError::request("there are no weights to run").in_file(&model.path).with_hint(hint));
        }
        let converted;
        let named = if model.format.has_gguf_names() {
            model
        } else {
            converted = arch::to_gguf(model, &GgufOptions::default())?.model;
            &converted
        };
        arch::check_complete(model)?;
        Self::of(named, model, rounding)
    }

    /// Of a model with GGUF names and metadata; `source` is the model it was made of.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(crate) fn of(named: &Model, source: &Model, rounding: Rounding) -> Result<Self> {
        let spec = Spec::of(named, source, rounding).map_err(|e| e.in_file(&source.path))?;
        let tensors = named.tensors.iter().map(|t| (t.name.to_string(), t.clone())).collect();
        Ok(Self { spec, tensors, device: device::device(rounding)? })
    }

    /// Rows of the output matrix: logits of a position.
    pub(crate) fn vocabulary(&self) -> usize {
        self.spec.vocabulary
    }

    /// Elements of a token's hidden state.
    pub(crate) fn width(&self) -> usize {
        self.spec.width
    }

    /// Layers.
    pub(crate) fn layers(&self) -> u32 {
        self.spec.layers
    }

    /// Tokens that the network was trained to see.
    pub(crate) fn context(&self) -> Option<u64> {
        self.spec.context
    }

    /// True for an encoder: no logits.
    pub(crate) fn is_encoder(&self) -> bool {
        self.spec.how.encoder
    }

    /// The same network with another tensor in place of the one of that name.
    #[must_use]
    pub(crate) fn with_tensor(&self, tensor: TensorEntry) -> Self {
        let mut tensors = self.tensors.clone();
        tensors.insert(tensor.name.to_string(), tensor);
        Self { spec: self.spec.clone(), tensors, device: self.device.clone() }
    }

    /// The tensor of a GGUF name.
    pub(crate) fn tensor(&self, name: &str) -> Option<&TensorEntry> {
        self.tensors.get(name)
    }

    /// The hidden states that the output matrix reads (an encoder's last ones), tokens × width, sequences one after the other. Each sequence
    /// begins at position 0. Progress counts layers.
    ///
    /// # Errors
    /// Tokens or positions that the network does not have; weights that are not finite; those of reading and of the observer; a
    /// cancelled task.
    pub(crate) fn states(
        &self,
        sequences: &[Vec<u32>],
        task: Task<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<f32>> {
        self.run(sequences, None, task, observer)
    }

    /// As [`Self::states`], beginning with layer `layer`: `hidden` is the state that the layer before it left, tokens × width.
    ///
    /// # Errors
    /// As [`Self::states`].
    pub(crate) fn states_from(
        &self,
        layer: u32,
        hidden: &[f32],
        sequences: &[Vec<u32>],
        task: Task<'_>,
    ) -> Result<Vec<f32>> {
        self.run(sequences, Some((layer, hidden)), task, &mut ())
    }

    /// As [`Self::states`] or, with a layer, as [`Self::states_from`].
    ///
    /// # Errors
    /// As [`Self::states`].
    pub(crate) fn states_observed(
        &self,
        from: Option<(u32, &[f32])>,
        sequences: &[Vec<u32>],
        task: Task<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<f32>> {
        self.run(sequences, from, task, observer)
    }

    fn run(
        &self,
        sequences: &[Vec<u32>],
        from: Option<(u32, &[f32])>,
        task: Task<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<f32>> {
        let progress = task.progress;
        let weights = self.weights(task, observer)?;
        let weights = weights.as_ref();
        let positions: Vec<usize> = sequences.iter().flat_map(|s| 0..s.len()).collect();
        let mut start = 0;
        let rows: Vec<Sequence> = sequences
            .iter()
            .map(|s| {
                let range = start..start + s.len();
                start = range.end;
                Sequence { queries: range.clone(), keys: range }
            })
            .collect();
        let longest = sequences.iter().map(Vec::len).max().unwrap_or(0);
        let angles = self.angles(weights, &positions, longest)?;
        let context = Context { weights, spec: &self.spec, sequences: &rows, angles: angles.as_ref() };
        let (first, mut x) = match from {
            Some((layer, hidden)) => {
                (layer, Tensor::from_slice(hidden, (positions.len(), self.spec.width), weights.device())?)
            }
            None => {
                let ids: Vec<u32> = sequences.iter().flatten().copied().collect();
                (0, self.embed(&context, &ids, &positions)?)
            }
        };
        for layer in first..self.spec.layers {
            x = context.layer(&x, layer, None)?;
            weights.layer_done(layer, self.spec.layers, &x)?;
            progress(layer as usize + 1, self.spec.layers as usize);
        }
        if !self.spec.how.encoder {
            x = context.norm(&x, "output_norm")?;
        }
        floats(&x)
    }

    /// The logits of hidden states (tokens × width), tokens × vocabulary, into `out`.
    ///
    /// # Errors
    /// Those of reading; weights that are not finite; a cancelled task.
    pub(crate) fn logits(
        &self,
        states: &[f32],
        task: Task<'_>,
        observer: &mut dyn Observer,
        out: &mut Vec<f32>,
    ) -> Result<()> {
        let weights = self.weights(task, observer)?;
        let tokens = states.len() / self.spec.width.max(1);
        let x = Tensor::from_slice(states, (tokens, self.spec.width), weights.device())?;
        let logits = self.head(weights.as_ref(), &x)?;
        *out = floats(&logits)?;
        Ok(())
    }

    /// The weights, on the device of the network. Threads for the device are started here.
    fn weights<'a>(&'a self, task: Task<'a>, observer: &'a mut dyn Observer) -> Result<Box<dyn Weights + 'a>> {
        pool::start()?;
        Ok(match &self.device {
            Device::Cpu => Box::new(Streamed::new(&self.tensors, self.spec.rounding, task, observer)),
            device => Box::new(OnDevice::new(WeightsOf::Model(&self.tensors), device.clone(), task, observer)),
        })
    }

    fn head(&self, weights: &dyn Weights, x: &Tensor) -> Result<Tensor> {
        let name = ["output.weight", "token_embd.weight"].into_iter().find(|n| weights.has(n));
        let name = name.ok_or_else(|| ModelError::bad("the network has no output matrix").field("output.weight"))?;
        let mut logits = weights.product(x, name, None)?;
        if let Some(bias) = weights.vector("output.bias")? {
            logits = logits.broadcast_add(&bias)?;
        }
        match self.spec.output_cap {
            Some(cap) => Ok(((logits / f64::from(cap))?.tanh()? * f64::from(cap))?),
            None => Ok(logits),
        }
    }

    fn angles(&self, weights: &dyn Weights, positions: &[usize], longest: usize) -> Result<Option<(Angles, Angles)>> {
        let Some(rope) = &self.spec.rope else { return Ok(None) };
        let long = rope.original_context.is_some_and(|c| longest as u64 > c);
        let of_length = if long { "rope_factors_long.weight" } else { "rope_factors_short.weight" };
        let factors = match weights.vector("rope_freqs.weight")? {
            None => weights.vector(of_length)?,
            some => some,
        };
        let factors = factors.map(|f| floats(&f)).transpose()?;
        let of = |windowed| {
            Angles::new(rope, self.spec.how.position, positions, factors.as_deref(), windowed, weights.device())
        };
        Ok(Some((of(false)?, of(true)?)))
    }

    fn embed(&self, context: &Context<'_>, ids: &[u32], positions: &[usize]) -> Result<Tensor> {
        let weights = context.weights;
        let mut x = weights.rows("token_embd.weight", ids)?;
        if self.spec.how.scaled_embedding {
            x = (x * (self.spec.width as f64).sqrt())?;
        }
        if weights.has("token_types.weight") {
            x = x.broadcast_add(&weights.rows("token_types.weight", &[0])?)?;
        }
        if weights.has("position_embd.weight") {
            let positions: Vec<u32> = positions.iter().map(|p| u32::try_from(*p).unwrap_or(u32::MAX)).collect();
            x = (x + weights.rows("position_embd.weight", &positions)?)?;
        }
        if weights.has("token_embd_norm.weight") {
            x = context.norm(&x, "token_embd_norm")?;
        }
        Ok(x)
    }
}
