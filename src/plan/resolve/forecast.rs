//! What every quantization would make of a model.

use super::Dial;
use crate::model::FormatId;
use crate::plan::goals::RuntimeMemory;
use crate::plan::{ChoiceCheck, PredictedDivergence};
use crate::quant::Effort;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// The forecast of one model.
#[derive(Clone, Debug, Serialize)]
pub struct Forecast {
    /// The source path.
    pub source: PathBuf,
    /// Format of the source.
    pub source_format: FormatId,
    /// Architecture in GGUF words.
    pub architecture: Option<String>,
    /// Parameters in the source.
    pub parameters: u64,
    /// Bytes of tensor data in the source.
    pub source_bytes: u64,
    /// The importance matrix that errors are weighted with.
    pub imatrix: Option<PathBuf>,
    /// `max` where errors and times are those of that effort.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effort: Option<Effort>,
    /// Wall seconds that measuring took.
    pub seconds: f64,
    /// The file types that can be made, smallest file first.
    pub types: Vec<Forecasted>,
    /// For each of `types` below 16 bits the mix of its size that loses least.
    pub mixes: Vec<Forecasted>,
    /// File types that cannot be made, and why.
    pub refused: Vec<(String, String)>,
    /// The mix for the budget that was asked for.
    pub choice: Option<Chosen>,
    /// What the divergences were measured on, where a text or a file of scores was given; its `nats` mean nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub divergence: Option<PredictedDivergence>,
    /// Memory that a runtime needs besides the weights, where the network is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<RuntimeMemory>,
    /// Mixes of any size, without measuring anything.
    #[serde(skip)]
    pub dial: Option<Arc<Dial>>,
}

/// One output as it would be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Forecasted {
    /// File type, or budget.
    pub name: String,
    /// Exact size of the file or files.
    pub bytes: u64,
    /// Exact bits for each weight, without headers.
    pub bits_per_weight: f64,
    /// Signal to quantization noise of the weights in dB, as in the report of a run; `None` without loss.
    pub sqnr_db: Option<f64>,
    /// Estimated signal to noise of the logits in dB: the relative noise of each tensor (weighted with the importance matrix
    /// where there is one) times its share in what the model says. What mixes are chosen by; `None` without loss.
    pub output_sqnr_db: Option<f64>,
    /// Mean KL divergence from the source in nats, as predicted from what each tensor costs alone; `None` where that was not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kld: Option<f64>,
    /// CPU seconds to encode, decode and compare on this machine.
    pub cpu_seconds: f64,
    /// Tensors whose rows do not fit the requested type.
    pub fallbacks: usize,
    /// The tensors that the most of the output's loss comes from, the worst first.
    pub heaviest: Vec<Heavy>,
    /// No file type of this size or less loses less at the output.
    pub on_front: bool,
}

/// A tensor that the output loses by.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Heavy {
    /// Name in the output.
    pub name: String,
    /// The type it would have.
    pub encoding: String,
    /// Its share of the output's loss, 0 to 1.
    pub share: f64,
}

/// A mix in full.
#[derive(Clone, Debug, Serialize)]
pub struct Chosen {
    /// As one of the forecast.
    #[serde(flatten)]
    pub forecast: Forecasted,
    /// Kind of tensor → type → number of tensors.
    pub kinds: BTreeMap<String, BTreeMap<String, usize>>,
    /// Tensor → type.
    pub tensors: BTreeMap<String, String>,
    /// How it compared with other mixes and file types on a second text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<ChoiceCheck>,
}

/// Marks the entries that lose less than all smaller ones; `all` is in order of size.
pub(super) fn mark_front(all: &mut [Forecasted]) {
    let mut best = f64::NEG_INFINITY;
    for one in all {
        let quality = match one.kld {
            Some(nats) => -nats,
            None => one.output_sqnr_db.unwrap_or(f64::INFINITY),
        };
        one.on_front = quality > best;
        best = best.max(quality);
    }
}
