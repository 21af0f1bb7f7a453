//! What the models of a comparison predict of a text: the figures of `quality` by variant.

use super::comparison::Comparison;
use crate::quality::{METRICS, MetricSpec, Report, metric};
use crate::units::lossy;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// An evaluation of the models on a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluated {
    /// The text.
    #[serde(serialize_with = "lossy")]
    pub text: PathBuf,
    /// What was measured on, in a few words: `15 windows of 256 tokens, 1905 tokens scored`.
    pub measured_on: String,
    /// How the inputs of products were rounded: `exact`, `llama.cpp`.
    pub mode: String,
    /// What a reader should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Tokens of a window, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<usize>,
    /// At most so many windows were used; 0 for all.
    #[serde(default)]
    pub chunks: usize,
    /// Wall seconds.
    pub seconds: f64,
    /// The figures, by variant.
    pub variants: Vec<ModelFigures>,
}

/// What was measured of a model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelFigures {
    /// By the name of the metric, in the order of the table of metrics.
    pub metrics: IndexMap<String, Figure>,
    /// Divergence of the hidden state from the baseline's after each layer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<HiddenFigures>,
}

/// A value with its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The value, in the unit of the metric.
    pub value: f64,
    /// One standard error, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncertainty: Option<f64>,
}

/// Divergence of the hidden state after a layer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HiddenFigures {
    /// The layer.
    pub layer: u32,
    /// Error relative to the length of the baseline's hidden state, root mean square over tokens.
    pub hidden_rms: f64,
    /// Cosine with the baseline's hidden state, mean over tokens.
    pub hidden_cosine: f64,
}

impl Evaluated {
    /// The figures of a report for the models of a comparison, which are found by their paths.
    pub(crate) fn of(comparison: &Comparison, report: &Report, text: &Path) -> Self {
        let of = |path: &Path| {
            let Some(measured) = report.models.iter().find(|m| m.path == path) else { return ModelFigures::default() };
            let mut figures = ModelFigures::default();
            for v in &measured.values {
                let (value, uncertainty) = (v.estimate.value, v.estimate.uncertainty);
                match v.layer {
                    None => {
                        figures.metrics.insert(v.metric.to_owned(), Figure { value, uncertainty });
                    }
                    Some(layer) => {
                        if figures.layers.last().is_none_or(|l| l.layer != layer) {
                            figures.layers.push(HiddenFigures { layer, hidden_rms: 0.0, hidden_cosine: 1.0 });
                        }
                        let Some(last) = figures.layers.last_mut() else { continue };
                        match v.metric {
                            "hidden_rms" => last.hidden_rms = value,
                            _ => last.hidden_cosine = value,
                        }
                    }
                }
            }
            figures
        };
        Self {
            text: text.to_owned(),
            measured_on: report.measured_on.clone(),
            mode: report.rounding.name().to_owned(),
            notes: report.notes.clone(),
            window: None,
            chunks: 0,
            seconds: report.seconds,
            variants: comparison.variants.iter().map(|v| of(&v.path)).collect(),
        }
    }

    /// A figure of a variant.
    pub(crate) fn figure(&self, variant: usize, name: &str) -> Option<Figure> {
        self.variants.get(variant)?.metrics.get(name).copied()
    }

    /// The metrics that any variant has, in the order of the table of metrics.
    pub(crate) fn metrics(&self) -> impl Iterator<Item = &'static MetricSpec> {
        METRICS.iter().filter(|m| self.variants.iter().any(|v| v.metrics.contains_key(m.name)))
    }

    /// True if the models are embedding models.
    pub(crate) fn of_embeddings(&self) -> bool {
        self.variants.iter().any(|v| v.metrics.contains_key("cosine_mean"))
    }

    /// The metric by which the models are ranked: the mean KL divergence, or the mean cosine of embedding models.
    pub(crate) fn leading(&self) -> Option<&'static MetricSpec> {
        metric(if self.of_embeddings() { "cosine_mean" } else { "kld_mean" })
    }
}

impl Comparison {
    /// A command that makes this comparison again.
    pub(crate) fn command(&self) -> String {
        use crate::units::quoted;
        let path = |p: &Path| quoted(&p.display().to_string());
        let mut words = vec!["remold".to_owned(), "compare".to_owned()];
        words.extend(self.variants.iter().map(|v| path(&v.path)));
        if let Some(base) = self.variants.get(self.baseline.at) {
            words.extend(["--baseline".to_owned(), path(&base.path)]);
        }
        words.push(format!("--context {}", self.context));
        if let Some(e) = &self.evaluated {
            words.extend(["--data".to_owned(), path(&e.text)]);
            words.extend(e.window.map(|n| format!("--window {n}")));
            words.extend((e.chunks > 0).then(|| format!("--chunks {}", e.chunks)));
            words.extend((e.mode != "exact").then(|| format!("--as {}", quoted(&e.mode))));
        }
        if let Some(g) = &self.graphs {
            words.extend(g.data.iter().flat_map(|data| ["--data".to_owned(), path(data)]));
            words.extend(g.seed.map(|seed| format!("--seed {seed}")));
        }
        words.join(" ")
    }
}
