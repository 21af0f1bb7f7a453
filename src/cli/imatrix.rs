//! `remold imatrix`: computes, merges and shows importance matrices.

use super::imatrix_args::ImatrixArgs;
use super::tensor_counter::TensorCounter;
use super::text::{Style, bytes, plural, safe, seconds};
use super::threads::threads;
use super::{Exit, imatrix_statistics, note, out, print, refuse, signals};
use crate::arch;
use crate::calibrate::{self, Activations, Collection, Cut, Form, Output, Text};
use crate::engine::{Event, EventBody, Metric, Sample};
use crate::files::FileStamp;
use crate::forward::{Forward, Rounding};
use crate::model::{Model, ModelError, Result, Warning};
use crate::monitor::ProcessSampler;
use crate::task::Task;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The value that replaces the job number in events.
const JOB: &str = "imatrix";
/// Name of the output where none is given, as llama-imatrix names it.
const OUTPUT: &str = "imatrix.gguf";
/// Warnings printed unless all are asked for.
const SHOWN: usize = 8;
/// Time between two events of progress at least.
const EVENT_EVERY: Duration = Duration::from_millis(500);

/// `remold imatrix`.
pub(crate) fn run(args: &ImatrixArgs) -> Exit {
    if let Some(path) = &args.show_statistics {
        return show(path, args);
    }
    let stop = signals::stop_on_signal();
    let progress = Progress::new(args.json, threads(args.threads));
    let begun = Instant::now();
    let task = Task { threads: args.threads, progress: &|done, all| progress.advance(done, all), cancel: stop.flag() };
    let made = make(args, task, &progress);
    let done = progress.finish();
    match made {
        // A signal that arrives after the file has its name changes nothing.
        Ok(made) => {
            made.tell(args.json, begun.elapsed());
            Exit::Done
        }
        Err(_) if stop.is_set() => {
            let at = done.map(|(done, all)| format!(" after {done} of {all} layers")).unwrap_or_default();
            note(&format!("stopped{at}; nothing was written\n"));
            Exit::stopped(&stop)
        }
        Err(e) => refuse(&e),
    }
}

fn show(path: &Path, args: &ImatrixArgs) -> Exit {
    match Activations::read(path, args.context) {
        Ok(activations) => {
            let statistics = calibrate::statistics(&activations);
            if args.json {
                print::json(&statistics);
            } else {
                out(&imatrix_statistics::text(path, &statistics));
            }
            Exit::Done
        }
        Err(e) => refuse(&e),
    }
}

/// What was written.
struct Made {
    path: PathBuf,
    bytes: u64,
    activations: Activations,
    warnings: Vec<Warning>,
    /// The model and the tokens computed; `None` if files were merged only.
    computed: Option<(PathBuf, usize)>,
}

fn make(args: &ImatrixArgs, task: Task<'_>, progress: &Progress) -> Result<Made> {
    let merged: Vec<&PathBuf> = args.merge.iter().chain(&args.in_file).collect();
    if args.data.is_none() && (args.model.is_some() || merged.is_empty()) {
        let (what, hint) = match &args.model {
            Some(_) => ("there is no text to compute", "Give a text with --data FILE."),
            None => ("there is nothing to do", "Give a model and a text with --data FILE, or files with --merge."),
        };
        return Err(ModelError::request(what).with_hint(hint));
    }
    let inputs = merged.iter().copied().chain(&args.data);
    let mut stamps: Vec<FileStamp> = inputs.filter_map(|p| FileStamp::of_path(p).ok()).collect();
    let model = args.model.as_deref().map(arch::open).transpose()?;
    if let Some(model) = &model {
        let opened = model.opened.iter().filter_map(|o| FileStamp::of_path(&o.path).ok());
        stamps.extend(opened);
    }
    let path = args.output.clone().unwrap_or_else(|| OUTPUT.into());
    let form = args.output_format.as_deref().and_then(Form::parse);
    let output = Output::to(&path, form, args.force, &stamps)?;

    let mut sum = merge(&merged, args.context)?;
    let mut computed = None;
    if let (Some(model), Some(data)) = (&model, &args.data) {
        let (one, tokens) = compute(model, data, args, task, progress)?;
        computed = Some((model.path.clone(), tokens));
        match &mut sum {
            Some(sum) => {
                // Counts of the result are in windows of this run.
                sum.chunk_size = one.chunk_size;
                sum.merge(one).map_err(|e| e.in_file(&model.path))?;
            }
            None => sum = Some(one),
        }
    }
    let mut activations = sum.unwrap_or_default();
    let warnings = activations.coverage();
    activations.drop_zeros();
    if task.is_cancelled() {
        return Err(ModelError::request("cancelled before writing"));
    }
    let bytes = output.write(&activations)?;
    Ok(Made { path: output.path().to_owned(), bytes, activations, warnings, computed })
}

/// The sum of the files, if there are any.
fn merge(files: &[&PathBuf], context: Option<u32>) -> Result<Option<Activations>> {
    let mut sum: Option<Activations> = None;
    for path in files {
        let next = Activations::read(path, context)?;
        match &mut sum {
            Some(sum) => sum.merge(next).map_err(|e| e.in_file(path))?,
            None => sum = Some(next),
        }
    }
    Ok(sum)
}

fn compute(
    model: &Model,
    data: &Path,
    args: &ImatrixArgs,
    task: Task<'_>,
    progress: &Progress,
) -> Result<(Activations, usize)> {
    let forward = Forward::open(model, Rounding::Exact)?;
    let trained = forward.context().and_then(|c| u32::try_from(c).ok()).filter(|c| *c > 0);
    let context = context(args.context, trained)?;
    let text = Text::read(data, model)?;
    let cut = Cut { context: context as usize, from: args.from_chunk as usize, most: args.chunks.map(|n| n as usize) };
    let windows = calibrate::cut(&text, cut).map_err(|e| e.in_file(data))?;
    let tokens = windows.len() * context as usize;
    let collection = Collection { windows: &windows, memory: memory(args), process_output: args.process_output };
    let passes = windows.len().div_ceil(collection.per_pass(forward.width()));
    progress.begin(&format!(
        "{} of {context} tokens, {} in {}",
        plural(windows.len(), "window"),
        plural(forward.layers() as usize, "layer"),
        if passes == 1 { "one pass".to_owned() } else { format!("{passes} passes") },
    ));
    let entries = calibrate::collect(&forward, collection, task)?;
    let datasets = vec![data.display().to_string()];
    Ok((Activations { entries, datasets, chunk_size: context }, tokens))
}

/// Bytes for the windows that are computed together.
fn memory(args: &ImatrixArgs) -> u64 {
    args.memory.as_deref().and_then(crate::recipe::parse_size).unwrap_or(calibrate::DEFAULT_MEMORY)
}

/// The length of a window: the one asked for, or 512 unless the model was trained with less.
fn context(asked: Option<u32>, trained: Option<u32>) -> Result<u32> {
    let usual = calibrate::CONTEXT as u32;
    match (asked, trained) {
        (Some(asked), Some(trained)) if asked > trained => {
            let what = format!(
                "windows of {asked} tokens are longer than the {trained} tokens that the model was trained with"
            );
            Err(ModelError::request(what).with_hint(format!("Choose at most --context {trained}.")))
        }
        (Some(asked), _) => Ok(asked),
        (None, trained) => Ok(trained.map_or(usual, |t| t.min(usual))),
    }
}

impl Made {
    fn tell(&self, json: bool, took: Duration) {
        let (tensors, chunks) = (self.activations.entries.len(), self.activations.chunks());
        let path = self.path.display().to_string();
        if json {
            let model = self.computed.as_ref().map_or_else(|| path.clone(), |(m, _)| m.display().to_string());
            let metric = |name: &str, value: f64| {
                EventBody::Metric(Metric { name: name.to_owned(), value, model: model.clone(), ..Metric::default() })
            };
            self.warnings.iter().for_each(|w| event(EventBody::Warning(w.clone())));
            event(metric("tensors", tensors as f64));
            event(metric("chunks", f64::from(chunks)));
            if let Some((_, tokens)) = &self.computed {
                event(metric("tokens", *tokens as f64));
            }
            event(EventBody::OutputPublished { output: 0.into(), path, bytes: self.bytes });
            let peak_rss = ProcessSampler::own_usage().peak_rss;
            event(EventBody::Finished { seconds: took.as_secs_f64(), peak_rss });
            return;
        }
        let style = Style::stderr();
        let shown = if print::is_verbose() { usize::MAX } else { SHOWN };
        for warning in self.warnings.iter().take(shown) {
            note(&format!("{} {}\n", style.warning("warning:"), safe(&warning.text)));
        }
        let hidden = self.warnings.len().saturating_sub(shown);
        if hidden > 0 {
            note(&format!("{} {} more (--verbose lists all)\n", style.warning("warning:"), hidden));
        }
        let what = match &self.computed {
            Some((_, tokens)) => format!("{tokens} tokens in {}", seconds(took.as_secs_f64())),
            None => "merged".to_owned(),
        };
        let done = style.good("wrote");
        note(&format!(
            "{done} {} ({}, {}, {what}, {})\n",
            safe(&path),
            plural(tensors, "tensor"),
            plural(chunks as usize, "chunk"),
            bytes(self.bytes)
        ));
        if print::is_quiet() {
            out(&format!("{path}\n"));
        }
    }
}

fn event(body: EventBody) {
    let event = Event { t: jiff::Timestamp::now(), job: JOB.to_owned(), body };
    print::json(&event);
}

/// Layers done: a line on a terminal, or events.
struct Progress {
    counter: TensorCounter,
    json: bool,
    threads: usize,
    begun: Instant,
    done: AtomicUsize,
    all: AtomicUsize,
    events: Mutex<(Option<Instant>, ProcessSampler)>,
}

impl Progress {
    fn new(json: bool, threads: usize) -> Self {
        Self {
            threads,
            counter: TensorCounter::new(json).doing("computing"),
            json,
            begun: Instant::now(),
            done: AtomicUsize::new(0),
            all: AtomicUsize::new(0),
            events: Mutex::new((None, ProcessSampler::new())),
        }
    }

    fn begin(&self, what: &str) {
        if self.json {
            event(EventBody::Started { pid: std::process::id(), threads: self.threads });
        } else {
            self.counter.say(|| format!("computing {what}"));
        }
    }

    fn advance(&self, done: usize, all: usize) {
        self.done.store(done, Ordering::Relaxed);
        self.all.store(all, Ordering::Relaxed);
        let share = done as f64 / all.max(1) as f64;
        let spent = self.begun.elapsed().as_secs_f64();
        let left = (share > 0.0).then(|| spent / share - spent);
        if self.json {
            self.sample(share, left);
        } else {
            let left = left.map(|s| format!(", {} left", seconds(s))).unwrap_or_default();
            self.counter.say(|| format!("computing layer {done} of {all}{left}"));
        }
    }

    fn sample(&self, fraction: f64, eta: Option<f64>) {
        let Ok(mut events) = self.events.lock() else { return };
        if fraction < 1.0 && events.0.is_some_and(|t| t.elapsed() < EVENT_EVERY) {
            return;
        }
        events.0 = Some(Instant::now());
        let usage = events.1.sample();
        event(EventBody::Sample(Sample { rss: usage.rss, cpu: usage.cores, fraction, eta, ..Sample::default() }));
    }

    /// Removes the line. Gives the layers done and those in all, if any were begun.
    fn finish(self) -> Option<(usize, usize)> {
        let (done, all) = (self.done.into_inner(), self.all.into_inner());
        (all > 0).then_some((done, all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_as_long_as_the_model_allows() {
        assert_eq!(context(None, None).unwrap(), 512);
        assert_eq!(context(None, Some(4096)).unwrap(), 512);
        assert_eq!(context(None, Some(128)).unwrap(), 128);
        assert_eq!(context(Some(256), Some(256)).unwrap(), 256);
        let e = context(Some(257), Some(256)).unwrap_err();
        assert!(e.to_string().contains("257") && e.hint().is_some(), "{e}");
    }
}
