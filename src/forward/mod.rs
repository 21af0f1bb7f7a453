//! A forward pass on the weights of a model. Not computed yet: the signatures only.
#![allow(dead_code, clippy::unused_self, reason = "signatures only")]

use crate::model::{Model, ModelError, Result};
use crate::task::Task;

/// How the inputs of matrix products are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rounding {
    /// As they are.
    Exact,
    /// Rounded as ggml does.
    LlamaCpp,
}

/// What goes into a matrix product, for all tokens (or those routed to an expert).
pub(crate) struct Input<'a> {
    /// GGUF name of the tensor.
    pub weight: &'a str,
    /// tokens × columns, row-major.
    pub values: &'a [f32],
    /// Columns.
    pub columns: usize,
    /// (number, of) for a matrix of stacked experts: the values are those of the tokens routed to it.
    pub expert: Option<(usize, usize)>,
}

/// Watches a pass. Called from one thread, in order of layers; experts in order.
pub(crate) trait Observer {
    /// Before a matrix product.
    fn input(&mut self, _input: &Input<'_>) -> Result<()> {
        Ok(())
    }

    /// After every layer: hidden state of all tokens of all windows, tokens × width.
    fn layer(&mut self, _layer: u32, _layers: u32, _hidden: &[f32]) -> Result<()> {
        Ok(())
    }
}

/// A network whose weights are read layer by layer.
pub(crate) struct Forward {}

impl Forward {
    /// From any model.
    pub(crate) fn open(_model: &Model, _rounding: Rounding) -> Result<Self> {
        Err(ModelError::unsupported("forward passes are not supported in this version"))
    }

    /// Width of the hidden state.
    pub(crate) fn width(&self) -> usize {
        0
    }

    /// Layers.
    pub(crate) fn layers(&self) -> u32 {
        0
    }

    /// The context that the model was trained with.
    pub(crate) fn context(&self) -> Option<u64> {
        None
    }

    /// All layers for all windows.
    pub(crate) fn states(
        &self,
        _windows: &[Vec<u32>],
        _task: Task<'_>,
        _observer: &mut dyn Observer,
    ) -> Result<Vec<f32>> {
        Err(ModelError::unsupported("forward passes are not supported in this version"))
    }
}
