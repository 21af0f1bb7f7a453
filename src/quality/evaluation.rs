//! Evaluates models that a user names on a text that a user names: opens everything, checks that it fits together, runs the pass, and
//! gives the figures by the names of the table of metrics.

use super::condition::Condition;
use super::embeddings::{self, MOST_PAIRED, MOST_TEXTS, Pooling};
use super::logits_file::LogitsFile;
use super::metrics::Needs;
use super::pass::{Base, DEFAULT_MEMORY, Entrant, Listener, Pass};
use super::speed::{self, LlamaCpp, SpeedRequest};
use super::statistics::Estimate;
use super::tasks::{self, TaskFile, TaskKind, Tasks};
use super::tokens::{TextTokenizer, read_text};
use super::windows::{self, Cutting, Windows};
use crate::arch;
use crate::files::{Checkpoint, Content, FileStamp, Part};
use crate::formats;
use crate::forward::{Forward, Rounding};
use crate::model::{FormatId, ModelError, Result, check_output_folder};
use crate::task::Task;
use crate::units::{bytes, plural};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Most models of one evaluation: more columns than a screen has.
pub(crate) const MAX_MODELS: usize = 16;

/// What is to be evaluated. A job keeps it in its folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Evaluation {
    /// The models: files or folders.
    pub models: Vec<PathBuf>,
    /// The model that the others are compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<PathBuf>,
    /// The format that the baseline is read as, where that is not left to detection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_format: Option<FormatId>,
    /// The text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    /// A file of log-probabilities in place of a baseline, with its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logits: Option<PathBuf>,
    /// Where to write the log-probabilities of the baseline, or of the only model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub save_logits: Option<PathBuf>,
    /// Tokens of a window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<usize>,
    /// Tokens between windows; 0 for windows that do not overlap.
    #[serde(default)]
    pub stride: usize,
    /// At most so many windows (embedding models: texts); 0 for all.
    #[serde(default)]
    pub chunks: usize,
    /// How the inputs of products are rounded.
    #[serde(default)]
    pub rounding: Rounding,
    /// Bytes to stay within.
    #[serde(default = "default_memory")]
    pub memory: u64,
    /// Files of multiple-choice tasks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<TaskFile>,
    /// Speed is measured too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<SpeedRequest>,
}

const fn default_memory() -> u64 {
    DEFAULT_MEMORY
}

impl Evaluation {
    /// Of some models, with the defaults.
    pub(crate) fn of(models: Vec<PathBuf>) -> Self {
        Self {
            models,
            baseline: None,
            baseline_format: None,
            data: None,
            logits: None,
            save_logits: None,
            context: None,
            stride: 0,
            chunks: 0,
            rounding: Rounding::Exact,
            memory: DEFAULT_MEMORY,
            tasks: Vec::new(),
            speed: None,
        }
    }
}

/// A measured value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Value {
    /// The name of the metric.
    pub metric: &'static str,
    /// The value with its uncertainty.
    pub estimate: Estimate,
    /// The layer it is of, if it is of one.
    pub layer: Option<u32>,
}

/// What was measured of a model.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    /// A name that distinguishes it from the others.
    pub label: String,
    /// Where it is.
    pub path: PathBuf,
    /// True for the model that the others are compared with.
    pub is_baseline: bool,
    /// The values, in the order of the table of metrics.
    pub values: Vec<Value>,
}

impl Measured {
    /// The value of the whole model.
    pub(crate) fn get(&self, metric: &str) -> Option<Estimate> {
        self.values.iter().find(|v| v.metric == metric && v.layer.is_none()).map(|v| v.estimate)
    }

    /// The value that a condition decides on: of the whole model, or of its worst layer.
    pub(crate) fn decisive(&self, condition: &Condition) -> Option<f64> {
        let name = condition.metric.name;
        self.get(name)
            .map(|e| e.value)
            .or_else(|| condition.worst(self.values.iter().filter(|v| v.metric == name).map(|v| v.estimate.value)))
    }
}

impl Measured {
    /// Adds values of the whole model, in the order of the table of metrics.
    fn add(&mut self, figures: Vec<(&'static str, Estimate)>) {
        self.values.extend(figures.into_iter().map(|(metric, estimate)| Value { metric, estimate, layer: None }));
    }
}

impl Report {
    /// Says that one thing more was measured.
    fn add_part(&mut self, what: &str) {
        if !self.measured_on.is_empty() {
            self.measured_on.push_str("; ");
        }
        self.measured_on.push_str(what);
    }
}

/// The result of an evaluation.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// The models; a baseline that is none of those asked for comes first.
    pub models: Vec<Measured>,
    /// What they were compared with, as a label and a path.
    pub baseline: Option<(String, PathBuf)>,
    /// How the inputs of products were rounded.
    pub rounding: Rounding,
    /// What was measured on, in a few words: `15 windows of 256 tokens, 1905 scored`.
    pub measured_on: String,
    /// What a reader should know.
    pub notes: Vec<String>,
    /// Wall time.
    pub seconds: f64,
}

/// An opened model.
struct Opened {
    label: String,
    path: PathBuf,
    /// Its files as they were before anything was read from them.
    files: Vec<(PathBuf, FileStamp)>,
    forward: Forward,
    tokenizer: TextTokenizer,
}

impl Opened {
    fn entrant(&self) -> Entrant<'_> {
        Entrant { label: &self.label, path: &self.path, network: &self.forward }
    }
}

/// What is run: the windows of a text, or the texts of embedding models.
enum Work {
    /// No text was given: tasks or speed alone.
    Nothing,
    Windows {
        windows: Windows,
        base_file: Option<LogitsFile>,
    },
    Texts {
        texts: Vec<Vec<u32>>,
        limit: usize,
        base: usize,
    },
}

/// An evaluation that can be run: everything is open, and everything that can be checked without running a network was checked.
pub(crate) struct PreparedEvaluation {
    request: Evaluation,
    opened: Vec<Opened>,
    base: Option<usize>,
    work: Work,
    tasks: Vec<Tasks>,
    /// llama.cpp where speed is asked for, or what was looked for in vain.
    runtime: Option<std::result::Result<LlamaCpp, String>>,
    notes: Vec<String>,
}

/// What the models are evaluated on, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TextFacts {
    /// Windows; texts of embedding models.
    pub windows: usize,
    /// Tokens of a window; for embedding models, the most tokens of a text.
    pub window_tokens: usize,
    /// Tokens whose predictions are scored; all tokens of the texts of embedding models.
    pub scored_tokens: usize,
    /// SHA-256 of the tokens of all windows and of the scored positions. Two evaluations with the same one have run on the same input.
    pub sha256: String,
}

/// Evaluates the models. `conditions` are those that will be checked: they are refused here if they cannot be.
///
/// # Errors
/// Those of [`prepare`] and of [`PreparedEvaluation::run`].
pub(crate) fn evaluate(
    request: &Evaluation,
    conditions: &[Condition],
    task: Task<'_>,
    listener: &dyn Listener,
) -> Result<Report> {
    prepare(request, conditions)?.run(task, listener, None)
}

/// Opens everything and checks that it fits together.
///
/// # Errors
/// Requests that cannot be fulfilled: files that cannot be read, networks that cannot be run, models that do not have the same
/// vocabulary, texts that are too short, conditions that cannot be checked.
pub(crate) fn prepare(request: &Evaluation, conditions: &[Condition]) -> Result<PreparedEvaluation> {
    let (paths, base) = with_baseline(request)?;
    let base_file = request.logits.as_deref().map(LogitsFile::open).transpose()?;
    let text = request.data.as_deref().map(read_text).transpose()?;
    let has_text = text.is_some() || base_file.is_some();
    if !has_text && request.tasks.is_empty() && request.speed.is_none() {
        let hint = "Name a text file with --data.";
        return Err(ModelError::request("there is no text to evaluate the models on").with_hint(hint));
    }
    if let Some(path) = request.save_logits.as_deref().filter(|p| p.exists()) {
        let hint = "Remove it or choose another name; existing files are not replaced.";
        return Err(ModelError::request("the file exists already").in_file(path).with_hint(hint));
    }
    if let Some(path) = &request.save_logits {
        check_output_folder(path)?;
        if let Some(error) = paths.iter().find_map(|model| formats::inside_source(path, model)) {
            return Err(error.with_hint("Choose a name outside of it: remold does not create files inside a source."));
        }
    }
    let tasks: Vec<Tasks> = request.tasks.iter().map(Tasks::read).collect::<Result<_>>()?;
    let runtime = request.speed.as_ref().map(speed::find).transpose()?;
    let opened = open(&paths, base, request)?;
    if has_text || !tasks.is_empty() {
        same_vocabulary(&opened, base.unwrap_or(0))?;
    }
    let encoder = opened.first().is_some_and(|o| o.forward.is_encoder());
    if let Some(file) = request.tasks.first().filter(|_| encoder) {
        let hint = "Leave out the tasks: embedding models do not predict tokens.";
        return Err(ModelError::request("embedding models do not answer tasks").in_file(&file.path).with_hint(hint));
    }
    check_conditions(
        conditions,
        &Measurable {
            text: has_text && !encoder,
            embeddings: has_text && encoder,
            baseline: base.is_some() || base_file.is_some(),
            baseline_model: base.is_some(),
            graphs: false,
            tasks: tasks.iter().map(|t| t.kind).collect(),
            own_pass: request.speed.is_some(),
            llama_cpp: matches!(runtime, Some(Ok(_))),
        },
    )?;
    let mut notes = Vec::new();
    let work = match text {
        _ if !has_text => Work::Nothing,
        Some(text) if encoder => texts_of(request, &opened, base, &text)?,
        None if encoder => {
            return Err(ModelError::request("an embedding model is evaluated on a text, with --data"));
        }
        text => {
            let windows = windows_of(request, &opened, base, base_file.as_ref(), text.as_deref(), &mut notes)?;
            Work::Windows { windows, base_file }
        }
    };
    let width = opened.iter().map(|o| o.forward.width()).max().unwrap_or(1);
    let (least, one) = match &work {
        Work::Windows { windows, .. } => {
            let one = format!("a window of {} tokens", windows.length);
            (super::pass::least_memory(width, opened.len(), windows), one)
        }
        Work::Texts { texts, .. } => (embeddings::least_memory(width, texts), "the longest text".to_owned()),
        Work::Nothing => (0, String::new()),
    };
    notes.extend(too_little(request.memory, least, &one));
    if let (Some(_), [only]) = (base, opened.as_slice()) {
        notes.push(format!("{} is the only model: it is its own baseline, and nothing is compared", only.label));
    }
    Ok(PreparedEvaluation { request: request.clone(), opened, base, work, tasks, runtime, notes })
}

/// What to say where less memory is allowed than the least that is taken.
fn too_little(allowed: u64, least: u64, one: &str) -> Option<String> {
    let (allowed_text, least_text) = (bytes(allowed), bytes(least));
    let text = format!("{allowed_text} of memory are allowed, but {one} takes {least_text}, which are used");
    (allowed < least).then_some(text)
}

impl PreparedEvaluation {
    /// The files of each model as they were when it was opened, in the order of the report.
    pub(crate) fn files(&self) -> impl Iterator<Item = &[(PathBuf, FileStamp)]> {
        self.opened.iter().map(|o| o.files.as_slice())
    }

    /// True for embedding models, which are run on texts.
    pub(crate) fn is_of_texts(&self) -> bool {
        matches!(self.work, Work::Texts { .. })
    }

    /// What they are evaluated on.
    pub(crate) fn text(&self) -> TextFacts {
        let mut hash = Sha256::new();
        let mut take = |ids: &[u32]| {
            hash.update((ids.len() as u64).to_le_bytes());
            ids.iter().for_each(|id| hash.update(id.to_le_bytes()));
        };
        let (windows, window_tokens, scored_tokens) = match &self.work {
            Work::Windows { windows, .. } => {
                windows.inputs.iter().chain(&windows.targets).for_each(|ids| take(ids));
                hash.update((windows.scored.start as u64).to_le_bytes());
                (windows.len(), windows.length, windows.positions())
            }
            Work::Texts { texts, limit, .. } => {
                texts.iter().for_each(|ids| take(ids));
                (texts.len(), *limit, texts.iter().map(Vec::len).sum())
            }
            Work::Nothing => (0, 0, 0),
        };
        self.tasks.iter().for_each(|tasks| tasks.hash_into(&mut hash));
        let sha256 = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
        TextFacts { windows, window_tokens, scored_tokens, sha256 }
    }

    /// Runs the models and gives the figures. With a checkpoint, the work is kept there, and continued if it was kept there before: after the
    /// last layer that was done or, of embedding models, after the last model.
    ///
    /// # Errors
    /// Those of the networks; values that are not finite; a cancelled task; a base file that cannot be written.
    pub(crate) fn run(
        &self,
        task: Task<'_>,
        listener: &dyn Listener,
        checkpoint: Option<&Checkpoint>,
    ) -> Result<Report> {
        let begun = Instant::now();
        let mut report = match &self.work {
            Work::Windows { windows, base_file } => {
                self.text_figures(windows, base_file.as_ref(), task, listener, checkpoint)?
            }
            Work::Texts { texts, limit, base } => {
                self.embedding_figures(texts, *limit, *base, (task, listener, checkpoint))?
            }
            Work::Nothing => self.unmeasured(),
        };
        for tasks in &self.tasks {
            self.answer(&mut report, tasks, task, listener)?;
        }
        if let (Some(speed), Some(runtime)) = (&self.request.speed, &self.runtime) {
            self.time(speed, &mut report, runtime, task, listener)?;
        }
        report.seconds = begun.elapsed().as_secs_f64();
        Ok(report)
    }

    /// A report of models without a text.
    fn unmeasured(&self) -> Report {
        let model = |(i, o): (usize, &Opened)| measured(o, self.base == Some(i), Vec::new());
        Report {
            models: self.opened.iter().enumerate().map(model).collect(),
            baseline: baseline_name(&self.opened, self.base, None),
            rounding: self.request.rounding,
            measured_on: String::new(),
            notes: self.notes.clone(),
            seconds: 0.0,
        }
    }

    /// Adds the answers of all models to some tasks.
    fn answer(&self, report: &mut Report, tasks: &Tasks, task: Task<'_>, listener: &dyn Listener) -> Result<()> {
        let how = tasks::How { rounding: self.request.rounding, memory: self.request.memory, task };
        let of = |o: &Opened| {
            let candidate =
                tasks::Candidate { entrant: o.entrant(), tokenizer: &o.tokenizer, context: o.forward.context() };
            tasks::answers(tasks, candidate, how, listener)
        };
        let answers: Vec<tasks::Answers> = self.opened.iter().map(of).collect::<Result<_>>()?;
        let least = answers.iter().map(|a| a.least_memory).max().unwrap_or(0);
        report.notes.extend(too_little(self.request.memory, least, &format!("a task of {}", tasks.kind.name())));
        for (i, (model, own)) in report.models.iter_mut().zip(&answers).enumerate() {
            let baseline = self.base.filter(|b| *b != i).and_then(|b| answers.get(b));
            model.add(tasks::figures(tasks, own, baseline));
        }
        report.add_part(&tasks.words());
        Ok(())
    }

    /// Adds the speed of all models.
    fn time(
        &self,
        speed: &SpeedRequest,
        report: &mut Report,
        runtime: &std::result::Result<LlamaCpp, String>,
        task: Task<'_>,
        listener: &dyn Listener,
    ) -> Result<()> {
        let settings = speed::Settings { repetitions: speed.repetitions.max(1), task };
        let mut notes = indexmap::IndexSet::new();
        if let Err(looked_for) = runtime {
            notes.insert(looked_for.clone());
        }
        let count = report.models.len();
        for (i, model) in report.models.iter_mut().enumerate() {
            listener.progress(i, count, &format!("{} speed", model.label));
            if let Ok(runtime) = runtime {
                let opened = arch::open(&model.path).map_err(|e| e.in_file(&model.path))?;
                match opened.files.first().filter(|_| opened.format.has_gguf_names()) {
                    Some(file) => {
                        let measured = runtime.measure(file.as_ref(), settings)?;
                        model.add(measured.figures);
                        notes.insert(measured.how);
                    }
                    None => {
                        notes.insert(format!("{} is no GGUF, so llama.cpp does not run it", model.label));
                    }
                }
            }
            let measured = speed::measure_own(&model.path, self.request.rounding, settings)?;
            model.add(measured.figures);
            notes.insert(measured.how);
        }
        report.notes.extend(notes);
        report.add_part("speed");
        Ok(())
    }
}

/// The models with the baseline, and its place among them.
fn with_baseline(request: &Evaluation) -> Result<(Vec<PathBuf>, Option<usize>)> {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut paths = request.models.clone();
    for (i, path) in paths.iter().enumerate() {
        if paths[..i].iter().any(|p| real(p) == real(path)) {
            let hint = "Name each model once; --baseline NAME compares the others with it.";
            return Err(ModelError::request("the model is given twice").in_file(path).with_hint(hint));
        }
    }
    if request.logits.is_some() && request.baseline.is_some() {
        let hint = "Give --baseline or --logits, not both.";
        return Err(ModelError::request("there are two baselines").with_hint(hint));
    }
    if request.logits.is_some() && request.save_logits.is_some() {
        let hint = "Leave out --logits to save the log-probabilities of a model.";
        return Err(ModelError::request("log-probabilities that come from a file are not saved").with_hint(hint));
    }
    let base = request.baseline.as_deref().map(|base| {
        paths.iter().position(|p| real(p) == real(base)).unwrap_or_else(|| {
            paths.insert(0, base.to_owned());
            0
        })
    });
    if request.save_logits.is_some() && base.is_none() && paths.len() > 1 {
        let hint = "Name the model whose log-probabilities are to be saved with --baseline.";
        return Err(ModelError::request("the log-probabilities of several models do not fit one file").with_hint(hint));
    }
    if paths.len() > MAX_MODELS {
        let what = format!("{} models are more than the {MAX_MODELS} that are evaluated at once", paths.len());
        return Err(ModelError::request(what).with_hint("Evaluate them in several runs with the same --baseline."));
    }
    Ok((paths, base))
}

fn open(paths: &[PathBuf], base: Option<usize>, request: &Evaluation) -> Result<Vec<Opened>> {
    let open_one = |(i, (path, label)): (usize, (&PathBuf, String))| {
        let format = request.baseline_format.filter(|_| base == Some(i));
        let model = arch::open_as_format(path, format).map_err(|e| e.in_file(path))?;
        let files = model.opened.iter().map(|o| (o.path.clone(), o.stamp)).collect();
        let forward = Forward::open(&model, request.rounding).map_err(|e| e.in_file(path))?;
        let tokenizer = TextTokenizer::of(&model).map_err(|e| e.in_file(path))?;
        Ok(Opened { label, path: path.clone(), files, forward, tokenizer })
    };
    paths.iter().zip(labels(paths)).enumerate().map(open_one).collect()
}

/// The last components of each path, as many as distinguish it from the others.
fn labels(paths: &[PathBuf]) -> Vec<String> {
    let last = |path: &Path, n: usize| {
        let all: Vec<_> = path.components().map(|c| c.as_os_str().to_string_lossy()).collect();
        all[all.len().saturating_sub(n)..].join("/")
    };
    let label = |path: &PathBuf| {
        let most = path.components().count().max(1);
        let distinct = |n: &usize| paths.iter().filter(|p| last(p, *n) == last(path, *n)).count() == 1;
        last(path, (1..=most).find(distinct).unwrap_or(most))
    };
    paths.iter().map(label).collect()
}

/// Refuses models whose predictions cannot be compared.
fn same_vocabulary(opened: &[Opened], base: usize) -> Result<()> {
    let first = &opened[base];
    let name = first.path.display();
    for other in opened {
        let refused = |what: String| {
            let hint =
                "Predictions can only be compared between models with the same vocabulary; evaluate this model alone.";
            Err(ModelError::request(what).in_file(&other.path).with_hint(hint))
        };
        if other.forward.is_encoder() != first.forward.is_encoder() {
            return refused(format!("one of it and {name} is an embedding model, the other predicts tokens"));
        }
        if let Some(difference) = other.tokenizer.difference(&first.tokenizer) {
            return refused(format!("its vocabulary is not that of {name}: {difference}"));
        }
        let (here, there) = (other.forward.vocabulary(), first.forward.vocabulary());
        if here != there && !first.forward.is_encoder() {
            return refused(format!("it predicts {here} tokens, {name} {there}"));
        }
        if other.tokenizer.begin != first.tokenizer.begin {
            return refused(format!("its texts do not begin with the begin token of {name}"));
        }
    }
    Ok(())
}

/// What an evaluation measures.
#[derive(Clone, Debug, Default)]
pub(super) struct Measurable {
    /// Predictions of a text.
    pub text: bool,
    /// Embeddings of texts.
    pub embeddings: bool,
    /// They are compared with a baseline.
    pub baseline: bool,
    /// The baseline is a model.
    pub baseline_model: bool,
    /// Outputs of graphs.
    pub graphs: bool,
    /// Multiple-choice tasks.
    pub tasks: Vec<TaskKind>,
    /// Speed of the own pass.
    pub own_pass: bool,
    /// Speed in llama.cpp.
    pub llama_cpp: bool,
}

/// Refuses conditions on what is not measured.
///
/// # Errors
/// The first of them.
pub(super) fn check_conditions(conditions: &[Condition], measured: &Measurable) -> Result<()> {
    const BASELINE: &str = "Name the model to compare with by --baseline.";
    for condition in conditions {
        let metric = condition.metric;
        let (there, hint) = match metric.needs {
            Needs::Text => (measured.text, "It is for models that predict tokens, and for a text (--data)."),
            Needs::Baseline => (measured.text && measured.baseline, BASELINE),
            Needs::Layers => (measured.text && measured.baseline_model, BASELINE),
            Needs::Embedding => (
                measured.embeddings && measured.baseline,
                "It is for embedding models that are compared with a --baseline.",
            ),
            Needs::Graph => (
                measured.graphs,
                "It is for outputs that are graphs, in [validate] of a recipe or with --fail-if of convert.",
            ),
            Needs::Task(kind) => (
                measured.tasks.contains(&kind),
                "Name a file of tasks with --hellaswag, --winogrande or --multiple-choice of remold eval.",
            ),
            Needs::TaskBaseline(kind) => (
                measured.tasks.contains(&kind) && measured.baseline_model,
                "Name a file of tasks, and the model to compare with by --baseline.",
            ),
            Needs::LlamaCpp => (
                measured.llama_cpp,
                "Use --speed of remold eval, and name the folder of llama-bench with --llama-cpp if it is not in PATH.",
            ),
            Needs::OwnPass => (measured.own_pass, "Use --speed of remold eval."),
        };
        if !there {
            let what = format!("{} is not measured here, so '{condition}' cannot be checked", metric.name);
            return Err(ModelError::request(what).with_hint(hint));
        }
    }
    Ok(())
}

/// The windows that models which predict tokens are run on.
fn windows_of(
    request: &Evaluation,
    opened: &[Opened],
    base: Option<usize>,
    base_file: Option<&LogitsFile>,
    text: Option<&str>,
    notes: &mut Vec<String>,
) -> Result<Windows> {
    let first = &opened[base.unwrap_or(0)];
    let vocabulary = first.forward.vocabulary();
    let tokens = text.map(|text| first.tokenizer.tokens(text).map_err(|e| e.in_file(&first.path))).transpose()?;
    let trained = opened.iter().filter_map(|o| o.forward.context()).min();
    let windows = match base_file {
        Some(file) => windows_of_file(request, file, tokens.as_deref(), first, trained)?,
        None => {
            let context = windows::context(request.context, trained)?;
            if request.context.is_none() && context < windows::DEFAULT_CONTEXT {
                notes.push(format!(
                    "windows have {context} tokens, not {}: the model was trained with no more",
                    windows::DEFAULT_CONTEXT
                ));
            }
            let cutting = Cutting { context, stride: request.stride, most: request.chunks };
            let in_data = |e: ModelError| match &request.data {
                Some(data) => e.in_file(data),
                None => e,
            };
            let tokens = tokens.unwrap_or_default();
            let windows = Windows::cut(&tokens, first.tokenizer.begin, cutting).map_err(in_data)?;
            windows::context(Some(windows.length), trained)?;
            windows
        }
    };
    if let Some(id) = windows.inputs.iter().chain(&windows.targets).flatten().find(|id| **id as usize >= vocabulary) {
        let what = format!("the tokenizer gives token {id}, but the network predicts {vocabulary} tokens");
        return Err(ModelError::bad(what).in_file(&first.path));
    }
    Ok(windows)
}

impl PreparedEvaluation {
    fn text_figures(
        &self,
        windows: &Windows,
        base_file: Option<&LogitsFile>,
        task: Task<'_>,
        listener: &dyn Listener,
        checkpoint: Option<&Checkpoint>,
    ) -> Result<Report> {
        let (request, opened, base) = (&self.request, &self.opened, self.base);
        let mut notes = self.notes.clone();
        let pass = Pass {
            entrants: opened.iter().map(Opened::entrant).collect(),
            base: match (base, base_file) {
                (Some(base), _) => Base::Entrant(base),
                (None, Some(file)) => Base::File(file),
                (None, None) => Base::None,
            },
            windows,
            memory: request.memory,
            rounded: request.rounding == Rounding::LlamaCpp,
            save: request.save_logits.as_deref(),
            writer: None,
            checkpoint,
        };
        let outcomes = pass.run(task, listener)?;
        let all_tokens = windows.len() * windows.length;
        if let Some(sampled) =
            outcomes.iter().flat_map(|o| &o.layers).map(|l| l.tokens).max().filter(|n| *n < all_tokens)
        {
            notes.push(format!(
                "hidden states were compared for {sampled} of {all_tokens} tokens, to stay within the memory"
            ));
        }
        let scored = windows.positions();
        if scored < 100 {
            notes.push(format!("{scored} scored tokens are few: the uncertainties are large"));
        }
        let models = opened.iter().zip(&outcomes).enumerate().map(|(i, (o, outcome))| {
            let plain = |(metric, estimate)| Value { metric, estimate, layer: None };
            let mut values: Vec<Value> = outcome.positions.summary().figures.into_iter().map(plain).collect();
            for (layer, d) in (0u32..).zip(&outcome.layers) {
                let value = |metric, v| Value { metric, estimate: Estimate::plain(v), layer: Some(layer) };
                values.extend([value("hidden_rms", d.relative_rms()), value("hidden_cosine", d.cosine())]);
            }
            values.push(plain(("scored_tokens", Estimate::plain(scored as f64))));
            measured(o, base == Some(i), values)
        });
        Ok(Report {
            models: models.collect(),
            baseline: baseline_name(opened, base, base_file),
            rounding: request.rounding,
            measured_on: format!(
                "{} of {} tokens, {scored} tokens scored",
                plural(windows.len(), "window"),
                windows.length
            ),
            notes,
            seconds: 0.0,
        })
    }
}

fn measured(opened: &Opened, is_baseline: bool, values: Vec<Value>) -> Measured {
    Measured { label: opened.label.clone(), path: opened.path.clone(), is_baseline, values }
}

fn baseline_name(opened: &[Opened], base: Option<usize>, file: Option<&LogitsFile>) -> Option<(String, PathBuf)> {
    let of_model = base.map(|base| (opened[base].label.clone(), opened[base].path.clone()));
    of_model.or_else(|| file.map(|f| (f.path().display().to_string(), f.path().to_owned())))
}

/// The windows of a base file, checked against the model, the options and the text.
fn windows_of_file(
    request: &Evaluation,
    file: &LogitsFile,
    tokens: Option<&[u32]>,
    model: &Opened,
    trained: Option<u64>,
) -> Result<Windows> {
    let refused = |what: String| ModelError::request(what).in_file(file.path());
    let vocabulary = model.forward.vocabulary();
    if file.vocabulary != vocabulary {
        let hint = "Use the file of a model with the same vocabulary.";
        let what = format!("it is of a vocabulary of {} tokens, the model has {vocabulary}", file.vocabulary);
        return Err(refused(what).with_hint(hint));
    }
    if request.stride > 0 || request.context.is_some_and(|c| c != file.context) {
        let hint = "Leave out --context and --stride: the windows are those of the file.";
        return Err(refused(format!("its windows have {} tokens", file.context)).with_hint(hint));
    }
    windows::context(Some(file.context), trained)?;
    let originals = file.windows.iter().flatten();
    if let Some(tokens) = tokens
        && !originals.clone().eq(tokens.iter().take(originals.count()))
    {
        let hint = "Use the text that the file was made from, or leave out --data: the file contains its tokens.";
        return Err(refused("it was made from another text".to_owned()).with_hint(hint));
    }
    Ok(Windows::of_originals(&file.windows, model.tokenizer.begin, request.chunks))
}

/// The texts that embedding models are run on.
fn texts_of(request: &Evaluation, opened: &[Opened], base: Option<usize>, text: &str) -> Result<Work> {
    let Some(base) = base else {
        let hint = "Name the model to compare with by --baseline.";
        return Err(ModelError::request("embedding models are evaluated against a baseline").with_hint(hint));
    };
    if request.save_logits.is_some() || request.logits.is_some() || request.stride > 0 {
        let what = "embedding models have no log-probabilities and no stride";
        return Err(ModelError::request(what).with_hint("Leave out --logits, --save-logits and --stride."));
    }
    let first = &opened[base];
    let trained = opened.iter().filter_map(|o| o.forward.context()).min();
    let limit = match request.context {
        None => trained.map_or(windows::DEFAULT_CONTEXT, |n| usize::try_from(n).unwrap_or(usize::MAX)),
        some => windows::context(some, trained)?,
    };
    let most = if request.chunks == 0 { MOST_TEXTS } else { request.chunks.min(MOST_TEXTS) };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).take(most);
    let texts: Vec<Vec<u32>> = lines.map(|line| first.tokenizer.framed(line, limit)).collect::<Result<_>>()?;
    let texts: Vec<Vec<u32>> = texts.into_iter().filter(|text| !text.is_empty()).collect();
    if texts.is_empty() {
        let e = ModelError::request("the file has no line with text");
        return Err(match &request.data {
            Some(data) => e.in_file(data),
            None => e,
        });
    }
    Ok(Work::Texts { texts, limit, base })
}

impl PreparedEvaluation {
    fn embedding_figures(
        &self,
        texts: &[Vec<u32>],
        limit: usize,
        base: usize,
        (task, listener, checkpoint): (Task<'_>, &dyn Listener, Option<&Checkpoint>),
    ) -> Result<Report> {
        let (request, opened) = (&self.request, &self.opened);
        let pooling = Pooling::of(opened[base].tokenizer.pooling);
        let all = texts.len() * opened.len();
        let name = |i: usize| format!("m{i}-vectors");
        let stored = checkpoint.and_then(Checkpoint::load);
        let known = |(i, o): (usize, &Opened)| {
            embeddings::Vectors::of(stored.as_ref()?.floats(&name(i))?, o.forward.width(), texts.len())
        };
        let mut vectors: Vec<_> = opened.iter().enumerate().map_while(known).collect();
        for (i, o) in opened.iter().enumerate().skip(vectors.len()) {
            let heard = (listener, i * texts.len(), all);
            vectors.push(embeddings::embed(o.entrant(), texts, pooling, request.memory, task, heard)?);
            if let Some(checkpoint) = checkpoint.filter(|_| i + 1 < opened.len()) {
                let parts = vectors.iter().enumerate().map(|(i, v)| (name(i), Content::Floats(v.values())));
                let parts: Vec<Part<'_>> = parts.collect();
                checkpoint.save(&[i as u64 + 1], &parts);
            }
        }
        let mut models = Vec::new();
        for (i, o) in opened.iter().enumerate() {
            let mut values = Vec::new();
            if i != base {
                let figures = embeddings::compare(&vectors[base], &vectors[i], task).map_err(|e| e.in_file(&o.path))?;
                values.extend(figures.into_iter().map(|(metric, estimate)| Value { metric, estimate, layer: None }));
            }
            models.push(measured(o, i == base, values));
        }
        let mut notes = vec![format!("pooling: {}", pooling.name())];
        let cut = texts.iter().filter(|t| t.len() >= limit).count();
        if cut > 0 {
            notes.push(format!("{cut} texts have {limit} tokens or more and were cut to the context"));
        }
        if texts.len() > MOST_PAIRED {
            notes.push(format!("pairs and neighbours are those of the first {MOST_PAIRED} texts"));
        }
        let tokens: usize = texts.iter().map(Vec::len).sum();
        Ok(Report {
            models,
            baseline: baseline_name(opened, Some(base), None),
            rounding: request.rounding,
            measured_on: format!("{} texts, {tokens} tokens", texts.len()),
            notes,
            seconds: 0.0,
        })
    }
}

#[cfg(test)]
mod tests;
