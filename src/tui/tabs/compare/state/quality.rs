//! What the models say of a text: figures by model, as they arrive and when they are complete.

use super::CompareState;
use crate::quality::{Better, METRICS, MetricSpec};
use crate::tui::core::ErrorCard;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// The metrics that a choice depends on most; the others follow in the order of the table.
const FIRST: [&str; 11] = [
    "kld_mean",
    "kld_p999",
    "kld_max",
    "top1_agreement",
    "perplexity",
    "ppl_ratio",
    "cosine_mean",
    "cosine_min",
    "similarity_spearman",
    "neighbour_overlap",
    "kld_p99",
];

/// A value of a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct QualityValue {
    /// The name of the metric in the table of metrics.
    pub metric: &'static str,
    /// The value.
    pub value: f64,
    /// Its standard error, if it has one.
    pub uncertainty: Option<f64>,
}

/// The figures of one model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelQuality {
    /// The model.
    pub path: PathBuf,
    /// Figures of the whole model, in the order of the table of metrics.
    pub values: Vec<QualityValue>,
    /// Error of the hidden state after each layer, relative to its length; empty for the baseline.
    pub layers: Vec<f64>,
}

/// What was measured on a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Quality {
    /// The text.
    pub text: PathBuf,
    /// The model that the others were compared with.
    pub baseline: PathBuf,
    /// In a few words: `15 windows of 256 tokens, 1905 tokens scored`.
    pub measured_on: String,
    /// What a reader should know.
    pub notes: Vec<String>,
    /// The models, the baseline among them.
    pub models: Vec<ModelQuality>,
    /// Wall seconds.
    pub seconds: f64,
}

/// What the evaluation says of itself.
#[derive(Clone, Debug)]
pub enum QualityNews {
    /// Parts done, in all, and what is being run.
    Progress(usize, usize, String),
    /// The error of a model's hidden state after a layer, over all windows so far.
    Layer(PathBuf, u32, f64),
    /// It has ended.
    Done(Result<Arc<Quality>, ErrorCard>),
}

/// An evaluation that runs.
#[derive(Clone, Debug, Default)]
pub struct Running {
    /// Its text.
    pub text: PathBuf,
    /// When it began.
    pub since: jiff::Timestamp,
    /// Parts done and in all.
    pub parts: (usize, usize),
    /// What is being run.
    pub what: String,
    /// Errors of hidden states by layer, as far as they are known.
    pub layers: HashMap<PathBuf, Vec<f64>>,
}

/// The chart below the figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QualityChart {
    /// Loss against size.
    #[default]
    Sizes,
    /// Error of the hidden state by layer.
    Layers,
}

/// Everything about texts.
#[derive(Clone, Debug, Default)]
pub struct QualityState {
    /// Number of the latest request.
    pub request: u64,
    /// The evaluation that runs.
    pub running: Option<Running>,
    /// The last result.
    pub result: Option<Arc<Quality>>,
    /// Why there is none.
    pub failure: Option<ErrorCard>,
    /// The text last named, as it was typed.
    pub typed: String,
    /// Names that may follow in the line.
    pub names: Vec<String>,
    /// The chart.
    pub chart: QualityChart,
    /// First metric that is shown.
    pub scroll: usize,
    /// How much loss is accepted.
    pub limit: super::Limit,
}

impl QualityState {
    /// Takes in what an evaluation says; true if it has ended.
    pub(crate) fn take(&mut self, news: QualityNews) -> bool {
        match (news, &mut self.running) {
            (QualityNews::Progress(done, all, what), Some(running)) => {
                (running.parts, running.what) = ((done, all), what)
            }
            (QualityNews::Layer(path, layer, error), Some(running)) => {
                let layers = running.layers.entry(path).or_default();
                let at = layer as usize;
                // A network has at most some hundred layers.
                if at < 4096 {
                    layers.resize(layers.len().max(at + 1), f64::NAN);
                    layers[at] = error;
                }
            }
            (QualityNews::Done(answer), _) => {
                self.running = None;
                match answer {
                    Ok(result) => (self.result, self.failure) = (Some(result), None),
                    Err(card) => self.failure = Some(card),
                }
                return true;
            }
            _ => {}
        }
        false
    }
}

impl CompareState {
    /// The figures of a column's model, if they were measured against the baseline that is shown.
    pub(crate) fn quality_of(&self, column: usize) -> Option<&ModelQuality> {
        let result = self.quality.result.as_ref().filter(|r| self.columns.first() == Some(&r.baseline))?;
        let path = self.columns.get(column)?;
        result.models.iter().find(|m| m.path == *path)
    }

    /// A figure of a column's model: value and uncertainty.
    pub(crate) fn figure(&self, column: usize, metric: &str) -> Option<(f64, Option<f64>)> {
        let found = self.quality_of(column)?.values.iter().find(|v| v.metric == metric)?;
        Some((found.value, found.uncertainty))
    }

    /// True if any model was measured on a text.
    pub(crate) fn is_evaluated(&self) -> bool {
        (0..self.columns.len()).any(|column| self.quality_of(column).is_some_and(|m| !m.values.is_empty()))
    }

    /// Errors of the hidden state of a column's model by layer: of the evaluation that runs, else of the last one.
    pub(crate) fn hidden_errors(&self, column: usize) -> &[f64] {
        let Some(path) = self.columns.get(column) else { return &[] };
        match &self.quality.running {
            Some(running) => running.layers.get(path).map(Vec::as_slice).unwrap_or_default(),
            None => self.quality_of(column).map(|m| m.layers.as_slice()).unwrap_or_default(),
        }
    }

    /// The metrics that any model has, those that decide first.
    pub(crate) fn quality_metrics(&self) -> Vec<&'static MetricSpec> {
        let has = |m: &&MetricSpec| (0..self.columns.len()).any(|column| self.figure(column, m.name).is_some());
        let first = |m: &&MetricSpec| FIRST.iter().position(|name| *name == m.name).unwrap_or(FIRST.len());
        // The column of the baseline has it.
        let own = |m: &&MetricSpec| m.name != "perplexity_baseline";
        let mut all: Vec<_> = METRICS.iter().filter(own).filter(has).collect();
        all.sort_by_key(first);
        all
    }

    /// The models with the best and the worst value of a metric; none where all are the same.
    pub(crate) fn extremes(&self, metric: &MetricSpec) -> (Vec<usize>, Vec<usize>) {
        let cost = |column: usize| {
            let (value, _) = self.figure(column, metric.name)?;
            match metric.better {
                Better::Less => Some(value),
                Better::More => Some(-value),
                Better::Neither => None,
            }
        };
        let all: Vec<(usize, f64)> = (1..self.columns.len()).filter_map(|i| Some((i, cost(i)?))).collect();
        let least = all.iter().map(|(_, v)| *v).fold(f64::INFINITY, f64::min);
        let most = all.iter().map(|(_, v)| *v).fold(f64::NEG_INFINITY, f64::max);
        if all.len() < 2 || least >= most {
            return (Vec::new(), Vec::new());
        }
        let with = |wanted: f64| all.iter().filter(|(_, v)| *v == wanted).map(|(i, _)| *i).collect();
        (with(least), with(most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn layers_arrive_in_any_order_and_an_error_ends_it() {
        let mut state = QualityState { running: Some(Running::default()), ..QualityState::default() };
        for (layer, error) in [(2, 0.3), (0, 0.1), (2, 0.2), (u32::MAX, 1.0)] {
            assert!(!state.take(QualityNews::Layer("/m".into(), layer, error)));
        }
        let layers = &state.running.as_ref().unwrap().layers[Path::new("/m")];
        assert_eq!((layers.len(), layers[0], layers[2]), (3, 0.1, 0.2));
        assert!(layers[1].is_nan());
        assert!(state.take(QualityNews::Done(Err(ErrorCard::new("no such file", true)))));
        assert!(state.running.is_none() && state.failure.is_some());
        assert!(!state.take(QualityNews::Progress(1, 2, String::new())), "late words change nothing");
        assert!(state.running.is_none());
    }
}
