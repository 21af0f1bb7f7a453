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
    /// The text; empty where it is not known.
    pub text: PathBuf,
    /// SHA-256 of its tokens as they were cut: figures with another one are not comparable.
    pub windows: String,
    /// How the inputs of products were rounded: `exact`, `llama.cpp`.
    pub rounding: &'static str,
    /// The model that the others were compared with.
    pub baseline: PathBuf,
    /// In a few words: `15 windows of 256 tokens, 1905 tokens scored`.
    pub measured_on: String,
    /// What a reader should know.
    pub notes: Vec<String>,
    /// The models, the baseline among them.
    pub models: Vec<ModelQuality>,
    /// Wall seconds of the newest of the jobs.
    pub seconds: f64,
    /// The jobs that measured it, newest first.
    pub jobs: Vec<String>,
    /// When the newest of them was begun.
    pub when: Option<jiff::Timestamp>,
}

/// The job of an evaluation.
#[derive(Clone, Debug, PartialEq)]
pub struct EvaluationJob {
    /// Its identifier.
    pub id: String,
    /// Its folder.
    pub dir: PathBuf,
    /// Its text.
    pub text: PathBuf,
    /// When it was made.
    pub since: jiff::Timestamp,
}

impl Quality {
    /// True if both are of the same text, cut and computed in the same way, against the same baseline.
    fn is_comparable(&self, other: &Self) -> bool {
        self.windows == other.windows && self.rounding == other.rounding && self.baseline == other.baseline
    }
}

/// What the evaluation says of itself.
#[derive(Clone, Debug)]
pub enum QualityNews {
    /// It is this job.
    Job(EvaluationJob),
    /// The share that is done, seconds left, and what is being run.
    Progress(f64, Option<f64>, String),
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
    /// Its job, once it is started.
    pub job: Option<EvaluationJob>,
    /// The share that is done, once it is known.
    pub share: Option<f64>,
    /// Seconds left, where they are known.
    pub left: Option<f64>,
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
    /// The result that is shown.
    pub result: Option<Arc<Quality>>,
    /// The results that are known, one for each text.
    pub kept: Vec<Arc<Quality>>,
    /// Number of the latest look at kept results.
    pub kept_request: u64,
    /// The models they were looked up for.
    pub kept_of: Vec<PathBuf>,
    /// Why there is none.
    pub failure: Option<ErrorCard>,
    /// The text last named, as it was typed.
    pub typed: String,
    /// How much of it is used.
    pub amount: super::Amount,
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
            (QualityNews::Job(job), Some(running)) => running.job = Some(job),
            (QualityNews::Progress(share, left, what), Some(running)) => {
                (running.share, running.left, running.what) = (Some(share), left, what);
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
                    Ok(result) => {
                        self.kept.retain(|known| !known.is_comparable(&result));
                        self.kept.insert(0, result.clone());
                        (self.result, self.failure) = (Some(result), None);
                    }
                    Err(card) => self.failure = Some(card),
                }
                return true;
            }
            _ => {}
        }
        false
    }

    /// Takes in what earlier jobs measured. What is shown stays, with more models if there are any.
    pub(crate) fn take_kept(&mut self, kept: Vec<Arc<Quality>>) {
        let shown = self.result.as_ref().filter(|shown| kept.first().is_some_and(|k| k.baseline == shown.baseline));
        let same = shown.and_then(|shown| kept.iter().find(|k| k.is_comparable(shown)).or(Some(shown))).cloned();
        self.result = same.or_else(|| kept.first().cloned()).or_else(|| self.result.take());
        self.kept = kept;
    }

    /// The results for other texts than the one that is shown, against the same baseline, those after it first.
    fn others(&self) -> impl Iterator<Item = &Arc<Quality>> {
        let shown = self.result.as_ref();
        let at = self.kept.iter().position(|k| shown.is_some_and(|s| k.is_comparable(s))).map_or(0, |at| at + 1);
        let all = self.kept[at..].iter().chain(&self.kept[..at]);
        all.filter(move |k| shown.is_none_or(|s| k.baseline == s.baseline && !k.is_comparable(s)))
    }

    /// True if there are results for another text.
    pub(crate) fn has_other_text(&self) -> bool {
        self.others().next().is_some()
    }

    /// Shows the results for the next text.
    pub(crate) fn turn_text(&mut self) {
        let next = self.others().next().cloned();
        self.result = next.or_else(|| self.result.take());
    }

    /// Which of the texts is shown, from 1, and how many there are.
    pub(crate) fn text_number(&self) -> Option<(usize, usize)> {
        let shown = self.result.as_ref()?;
        let mut of_baseline = self.kept.iter().filter(|k| k.baseline == shown.baseline);
        let all = of_baseline.clone().count();
        Some((of_baseline.position(|k| k.is_comparable(shown))? + 1, all))
    }
}

impl CompareState {
    /// The models whose kept results are to be looked up: those of the columns, if there is one among them that they were not looked up for.
    pub(crate) fn kept_wanted(&mut self) -> Option<Vec<PathBuf>> {
        let known = &self.quality.kept_of;
        let same = known.first() == self.columns.first() && self.columns.iter().all(|c| known.contains(c));
        // The baseline is settled once the headers are read.
        if same || self.columns.len() < 2 || self.result.is_none() {
            return None;
        }
        self.quality.kept_of.clone_from(&self.columns);
        self.quality.kept_request += 1;
        Some(self.columns.clone())
    }

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
        assert!(!state.take(QualityNews::Progress(0.5, None, "m".into())));
        assert_eq!(state.running.as_ref().unwrap().share, Some(0.5));
        for (layer, error) in [(2, 0.3), (0, 0.1), (2, 0.2), (u32::MAX, 1.0)] {
            assert!(!state.take(QualityNews::Layer("/m".into(), layer, error)));
        }
        let layers = &state.running.as_ref().unwrap().layers[Path::new("/m")];
        assert_eq!((layers.len(), layers[0], layers[2]), (3, 0.1, 0.2));
        assert!(layers[1].is_nan());
        assert!(state.take(QualityNews::Done(Err(ErrorCard::new("no such file", true)))));
        assert!(state.running.is_none() && state.failure.is_some());
        assert!(!state.take(QualityNews::Progress(0.5, None, String::new())), "late words change nothing");
        assert!(state.running.is_none());
    }

    #[test]
    fn kept_results_are_one_for_each_text_and_what_is_shown_stays() {
        let of = |windows: &str, models: &[&str]| {
            let model = |path: &&str| ModelQuality { path: path.into(), values: Vec::new(), layers: Vec::new() };
            Arc::new(Quality {
                text: windows.into(),
                windows: windows.into(),
                rounding: "exact",
                baseline: "/base".into(),
                measured_on: String::new(),
                notes: Vec::new(),
                models: models.iter().map(model).collect(),
                seconds: 1.0,
                jobs: vec!["1".into()],
                when: None,
            })
        };
        let mut state = QualityState::default();
        let shown = |state: &QualityState| state.result.as_ref().map(|r| (r.windows.clone(), r.models.len()));
        state.take_kept(vec![of("one", &["/a"]), of("two", &["/a"])]);
        assert_eq!((shown(&state), state.text_number()), (Some(("one".into(), 1)), Some((1, 2))));
        state.turn_text();
        assert_eq!((shown(&state), state.text_number()), (Some(("two".into(), 1)), Some((2, 2))));
        state.take_kept(vec![of("one", &["/a", "/b"]), of("two", &["/a", "/b"])]);
        assert_eq!(shown(&state), Some(("two".into(), 2)), "the same text, with one more model");
        state.take(QualityNews::Done(Ok(of("three", &["/a"]))));
        assert_eq!((shown(&state), state.text_number()), (Some(("three".into(), 1)), Some((1, 3))));
        state.turn_text();
        state.turn_text();
        state.turn_text();
        assert_eq!(shown(&state), Some(("three".into(), 1)), "round the end");
        state.take_kept(Vec::new());
        assert!(!state.has_other_text());
    }
}
