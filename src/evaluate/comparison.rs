//! What a comparison holds: plain data that both faces show and that is exported.

use super::baseline::Baseline;
use super::evaluated::Evaluated;
use super::figures::Figures;
use super::graphs::Graphs;
use super::names::Names;
use crate::model::{FormatId, Role};
use crate::quant::Encoding;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Signal over error in dB below which two models are not variants of one: the coarsest types (1 to 2 bits) keep 3 and more.
const UNLIKE: f64 = 1.0;

/// Several models of one network, one of them the baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The baseline.
    pub baseline: Baseline,
    /// The models, in the order they were given.
    pub variants: Vec<Variant>,
    /// Whose names the tensors have.
    pub names: Names,
    /// Tokens of the context for which memory is reported.
    pub context: u64,
    /// The tensors of the baseline, in its order.
    pub tensors: Vec<TensorFigures>,
    /// Wall seconds of measuring; 0 before.
    pub seconds: f64,
    /// What the models predict of a text; absent where they were not evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluated: Option<Evaluated>,
    /// What the models give for the same inputs; absent unless they are graphs that were run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graphs: Option<Graphs>,
}

impl Measured {
    /// The output dB for people: `22.9 dB`, or why there is no number.
    pub(crate) fn output_quality(&self) -> String {
        match self.output_sqnr_db {
            Some(db) if !self.all.broken() && !self.all.lossless() => format!("{db:.1} dB").replace('-', "−"),
            _ => self.all.quality(),
        }
    }
}

impl Comparison {
    /// Tensors of the baseline that have a partner in any other model.
    pub(crate) fn compared(&self) -> usize {
        let types = |t: &TensorFigures| (0..self.variants.len()).any(|v| t.figures[v].is_some());
        self.tensors.iter().filter(|t| types(t)).count()
    }

    /// The same without one model; `None` for the baseline, against which the errors are.
    #[must_use]
    pub(crate) fn without(&self, variant: usize) -> Option<Self> {
        if variant == self.baseline.at || variant >= self.variants.len() {
            return None;
        }
        let mut rest = self.clone();
        rest.variants.remove(variant);
        rest.baseline.at -= usize::from(variant < self.baseline.at);
        if let Some(evaluated) = rest.evaluated.as_mut().filter(|e| e.variants.len() > variant) {
            evaluated.variants.remove(variant);
        }
        if let Some(graphs) = rest.graphs.as_mut().filter(|g| g.variants.len() > variant) {
            graphs.variants.remove(variant);
        }
        for t in &mut rest.tensors {
            t.types.remove(variant);
            t.figures.remove(variant);
        }
        Some(rest)
    }

    /// Why a model is hardly the network that the baseline is: less than two thirds of its tensors could be compared, or the values
    /// differ by about as much as they are.
    pub fn doubt(&self, variant: usize) -> Option<String> {
        let v = self.variants.get(variant)?;
        let measured = v.measured.as_ref()?;
        // Graphs of one network may name their tensors differently; what they compute says whether they are alike.
        if self.graphs.is_some() {
            return None;
        }
        let most = v.tensors.max(self.tensors.len());
        let noise = measured.all.sqnr_db.is_some_and(|db| db < UNLIKE);
        let why = match measured.compared * 3 < most * 2 {
            true => "more than a third of its tensors could not be compared",
            false if noise => "its weights differ from the baseline's by as much as their own size",
            false => return None,
        };
        // Two formats may name one architecture differently: alone it says nothing.
        let architecture = |v: &Variant| v.facts.get("architecture").cloned();
        let base = self.variants.get(self.baseline.at).and_then(architecture);
        Some(match (architecture(v), base) {
            (Some(own), Some(base)) if own != base => format!("it is {own}, the baseline is {base}, and {why}"),
            _ => why.to_owned(),
        })
    }
}

/// One of the models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    /// Name that distinguishes it from the others.
    pub label: String,
    /// File or folder.
    pub path: PathBuf,
    /// File format.
    pub format: FormatId,
    /// Bytes of its files, without the files next to the tensors.
    pub bytes: u64,
    /// Bytes of its tensors.
    pub tensor_bytes: u64,
    /// Number of tensors.
    pub tensors: usize,
    /// Elements over all tensors.
    pub parameters: u64,
    /// Bits of tensor data for each element.
    pub bits_per_weight: f64,
    /// Types, most bytes first.
    pub types: Vec<TypeShare>,
    /// Architecture, context length and other facts, as far as they are known.
    pub facts: IndexMap<String, String>,
    /// Bytes of tensors and KV cache (f16) at the context of the comparison; absent where the network has no such cache or its
    /// sizes are not known. Buffers of the runtime come on top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Its tensors are compared as those of the graph that a conversion would build of it, and not as they are stored.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub built: bool,
    /// Tensors that have no partner.
    pub unpaired: Unpaired,
    /// Errors against the baseline; absent until they are measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measured>,
}

impl Variant {
    /// True if all of its tensors that were compared are equal to the baseline's, and others of the baseline were not compared.
    pub(crate) fn is_equal_in_part(&self) -> bool {
        let partial = !self.unpaired.missing.is_empty() || !self.unpaired.reshaped.is_empty();
        partial && self.measured.as_ref().is_some_and(|m| m.all.lossless())
    }
}

/// How much of a model is stored in one type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TypeShare {
    /// The type: `bf16`, `Q4_K`.
    pub name: String,
    /// Tensors.
    pub tensors: usize,
    /// Bytes.
    pub bytes: u64,
}

/// What cannot be compared with the baseline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unpaired {
    /// In the baseline alone.
    pub missing: Vec<String>,
    /// In this model alone.
    pub extra: Vec<String>,
    /// In both, with different shapes.
    pub reshaped: Vec<Reshaped>,
}

impl Unpaired {
    /// Number of tensors without a partner.
    pub(crate) fn count(&self) -> usize {
        self.missing.len() + self.extra.len() + self.reshaped.len()
    }
}

/// A tensor with two shapes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reshaped {
    /// Its name.
    pub name: String,
    /// Dimensions in the baseline, outermost first.
    pub baseline: Vec<u64>,
    /// Dimensions in this model.
    pub here: Vec<u64>,
}

/// Errors of one model against the baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Over all tensors that have a partner.
    pub all: Figures,
    /// Estimated signal to noise of the model's output, dB: the relative error of each tensor times its share in what the model says, not
    /// weighted by an importance matrix; absent without loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_sqnr_db: Option<f64>,
    /// Tensors compared.
    pub compared: usize,
    /// Of these with the same bytes.
    pub identical: usize,
    /// Of these with the same values in other bytes.
    pub exact: usize,
    /// By layer, in order; what belongs to no layer is left out.
    pub layers: Groups,
    /// By kind of tensor: `ffn_down`.
    pub kinds: Groups,
    /// By role: `attention`.
    pub roles: Groups,
}

/// Errors by some key, in order.
pub(crate) type Groups = Vec<Group>;

/// Errors of the tensors that have something in common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// What: a layer's number, a kind, a role.
    pub name: String,
    /// Tensors in it.
    pub tensors: usize,
    /// Their errors.
    pub figures: Figures,
}

/// One tensor of the baseline in every model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TensorFigures {
    /// Its name.
    pub name: String,
    /// Layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<u32>,
    /// Kind.
    pub kind: String,
    /// Role.
    pub role: Role,
    /// Dimensions, outermost first.
    pub shape: Vec<u64>,
    /// Its type in each model; absent where the model lacks it.
    pub types: Vec<Option<Encoding>>,
    /// Its errors in each model; absent for the baseline, for tensors without a partner, and before measuring.
    pub figures: Vec<Option<Figures>>,
}
