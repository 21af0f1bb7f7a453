//! Measurements as jobs: an evaluation or an importance matrix is run here, or left to a worker, as a conversion is.

use super::tensor_counter::TensorCounter;
use super::text::{Style, bytes, plural, safe, seconds};
use super::{Exit, eval_text, note, out, print, refuse, report_error, signals, text};
use crate::engine::{Event, EventBody, MeasureProgress};
use crate::job::{
    self, ImatrixReport, JobFolder, JobHistory, Measurement, MeasurementReport, Outcome, RunJob, run_measurement,
};
use crate::model::{Result, Warning};
use std::path::Path;

/// Warnings printed unless all are asked for.
const SHOWN: usize = 8;

/// How a measurement is run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MeasureFlags {
    /// Events as JSON lines.
    pub json: bool,
    /// In a worker process.
    pub detach: bool,
    /// Threads; 0 for all cores.
    pub threads: usize,
    /// The divergence after every layer is part of the report.
    pub layers: bool,
}

/// Runs a measurement here or leaves it to a worker, as the flags say.
pub(super) fn carry_out(request: &Measurement, flags: MeasureFlags) -> Exit {
    let stop = signals::stop_on_signal();
    // What is wrong with a request is found before there is a job.
    let prepared = match request.prepare() {
        Ok(_) if stop.is_set() => return Exit::stopped(&stop),
        Ok(prepared) => prepared,
        Err(e) => return refuse(&e),
    };
    let root = job::jobs_root();
    if flags.detach {
        return detach(&root, request, flags);
    }
    let folder = match job::create_measurement(&root, request, flags.threads) {
        Ok(folder) => folder,
        Err(e) => return refuse(&e),
    };
    // `| head` is no reason to leave a job unfinished.
    print::outlive_reader();
    let listener: job::Listener = if flags.json {
        for event in job::Tail::new(&folder.dir).poll().unwrap_or_default() {
            print::json(&event);
        }
        Box::new(|event: &Event| print::json(event))
    } else {
        let mut progress = MeasureLine::new(request);
        Box::new(move |event: &Event| progress.event(event))
    };
    let run = RunJob {
        threads: flags.threads,
        resume: false,
        stop: stop.clone(),
        listener: Some(listener),
        lock: None,
        turn: None,
    };
    match run_measurement(&folder, request, prepared, run) {
        Ok(outcome) => tell(&folder, outcome, flags),
        Err(e) => refuse(&e),
    }
}

fn detach(root: &Path, request: &Measurement, flags: MeasureFlags) -> Exit {
    super::jobs::say_unused_setting();
    let waits = job::is_full(root, job::JobClass::Interactive);
    match job::spawn_measurement(root, request, flags.threads) {
        Ok(job) if flags.json => {
            print::json(&job);
            Exit::Done
        }
        Ok(job) if print::is_quiet() => {
            out(&format!("{}\n", job.id));
            Exit::Done
        }
        Ok(job) => {
            let id = &job.id;
            let how = if waits { "is queued" } else { "runs in the background" };
            note(&format!("job {id} {how}: {}\n  follow it with `remold jobs attach {id}`\n", safe(&job.title)));
            Exit::Done
        }
        Err(e) => refuse(&e),
    }
}

fn tell(folder: &JobFolder, outcome: Outcome<MeasurementReport>, flags: MeasureFlags) -> Exit {
    match outcome {
        Outcome::Finished(report) => {
            if !flags.json {
                say(&report, flags.layers);
            }
            exit_of(&report)
        }
        Outcome::Failed(e) => {
            report_error(&e);
            Exit::Failed
        }
        Outcome::Cancelled => {
            let at = folder.history().place.map(|p| format!(" in {}", place(&p))).unwrap_or_default();
            note(&format!("stopped{at}; nothing was written\n"));
            Exit::Cancelled
        }
        Outcome::Interrupted(signal) => {
            note(&format!("interrupted; continue with `remold jobs resume {}`\n", folder.id()));
            Exit::interrupted(signal)
        }
    }
}

/// Carries out the measurement of a folder in a worker, whose turn it is.
pub(super) fn work(folder: &JobFolder, run: RunJob) -> Result<Exit> {
    let request = folder.measurement()?;
    let prepared = request.prepare()?;
    Ok(match run_measurement(folder, &request, prepared, run)? {
        Outcome::Finished(report) => exit_of(&report),
        Outcome::Failed(e) => {
            report_error(&e);
            Exit::Failed
        }
        Outcome::Cancelled => Exit::Cancelled,
        Outcome::Interrupted(signal) => Exit::interrupted(signal),
    })
}

fn exit_of(report: &MeasurementReport) -> Exit {
    match report {
        MeasurementReport::Evaluation(r) if r.failed_checks().next().is_some() => Exit::Check,
        _ => Exit::Done,
    }
}

/// Prints the report: figures on stdout, what was written on stderr.
pub(super) fn say(report: &MeasurementReport, layers: bool) {
    match report {
        MeasurementReport::Evaluation(r) => out(&eval_text::report(r, layers)),
        MeasurementReport::Imatrix(r) => {
            note(&imatrix_text(r, Style::stderr()));
            if print::is_quiet() {
                out(&format!("{}\n", safe(&shown(&r.output))));
            }
        }
    }
}

/// The report of a measurement as one text.
pub(super) fn report_text(report: &MeasurementReport, style: Style) -> String {
    match report {
        MeasurementReport::Evaluation(r) => eval_text::report(r, false),
        MeasurementReport::Imatrix(r) => imatrix_text(r, style),
    }
}

fn imatrix_text(r: &ImatrixReport, style: Style) -> String {
    // Merged files count chunks, too.
    let merged = r.chunks as usize > r.text.windows;
    let own = if merged { format!("{} of them computed now: ", r.text.windows) } else { String::new() };
    let what = format!("{own}{} tokens in {}", r.tokens, seconds(r.seconds));
    format!("{}{}", warnings(&r.warnings, style), wrote(&r.output, r.tensors, r.chunks, &what, r.bytes, style))
}

/// The line about a file that was written.
pub(super) fn wrote(path: &Path, tensors: usize, chunks: u32, what: &str, size: u64, style: Style) -> String {
    let path = shown(path);
    let (tensors, chunks) = (plural(tensors, "tensor"), plural(chunks as usize, "chunk"));
    format!("{} {} ({tensors}, {chunks}, {what}, {})\n", style.good("wrote"), safe(&path), bytes(size))
}

/// A path as it is shown: relative to the folder of this process where it is in it.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    here.and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path).display().to_string()
}

/// The warnings, the first ones unless all are asked for.
pub(super) fn warnings(all: &[Warning], style: Style) -> String {
    let most = if print::is_verbose() { usize::MAX } else { SHOWN };
    let mut out = String::new();
    for warning in all.iter().take(most) {
        out.push_str(&text::warning(&warning.text, style));
    }
    let hidden = all.len().saturating_sub(most);
    if hidden > 0 {
        out.push_str(&format!("{} {hidden} more (--verbose lists all)\n", style.warning("warning:")));
    }
    out
}

/// Shows how far a measurement is: a line on a terminal, nothing in a pipe.
pub(super) struct MeasureLine {
    counter: TensorCounter,
    word: &'static str,
    history: JobHistory,
}

impl MeasureLine {
    /// Of a request.
    pub(super) fn new(request: &Measurement) -> Self {
        let word = match request {
            Measurement::Evaluation(_) => "evaluating",
            Measurement::Imatrix(_) => "computing",
        };
        Self { counter: TensorCounter::new(false), word, history: JobHistory::default() }
    }

    /// Takes one event.
    pub(super) fn event(&mut self, event: &Event) {
        self.history.apply(event);
        match event.body {
            EventBody::Sample(_) | EventBody::MeasureProgress(_) => self.counter.say(|| self.line()),
            _ if event.body.changes_state() && self.history.ended().is_some() => {
                self.counter = TensorCounter::new(false);
            }
            _ => {}
        }
    }

    fn line(&self) -> String {
        let h = &self.history;
        let at = h.place.as_ref().map(|p| format!("  {}", place(p))).unwrap_or_default();
        let left = h.eta().map(|s| format!("  {} left", seconds(s))).unwrap_or_default();
        let kld: Vec<String> = h
            .so_far
            .iter()
            .filter(|m| h.place.as_ref().is_some_and(|p| p.model == m.model) && m.name == "perplexity")
            .map(job::metric_text)
            .collect();
        let kld = if kld.is_empty() { String::new() } else { format!("  {}", kld.join("  ")) };
        text::cut(&format!("{} {:3.0} %{at}{left}{kld}", self.word, h.fraction * 100.0), 120)
    }
}

/// `tiny-llama-Q4_K_M.gguf, layer 3 of 4, batch 2 of 9`.
pub(super) fn place(p: &MeasureProgress) -> String {
    let name = Path::new(&p.model).file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let name = if p.models > 1 { format!("{}, ", safe(&name)) } else { String::new() };
    let batch = match (p.step.as_str(), p.batches) {
        ("texts", all) => return format!("{name}text {} of {all}", p.batch + 1),
        (_, 0 | 1) => String::new(),
        (_, all) => format!(", batch {} of {all}", p.batch + 1),
    };
    match (p.layer, p.layers) {
        (Some(layer), Some(layers)) => format!("{name}layer {layer} of {layers}{batch}"),
        _ => format!("{name}predictions{batch}"),
    }
}
