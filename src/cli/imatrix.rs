//! `remold imatrix`: computes, merges and shows importance matrices.

use super::imatrix_args::ImatrixArgs;
use super::measure::{self, MeasureFlags, warnings, wrote};
use super::text::Style;
use super::{Exit, imatrix_statistics, note, out, print, refuse, signals};
use crate::calibrate::{self, Activations, Form, Imatrix};
use crate::engine::{Event, EventBody, Metric};
use crate::job::Measurement;
use crate::model::Result;
use crate::monitor::ProcessSampler;
use crate::recipe::parse_size;
use crate::task::Task;
use std::path::Path;
use std::time::Instant;

/// The value that replaces the job number in the events of a merge, which is no job.
const JOB: &str = "imatrix";
/// Name of the output where none is given, as llama-imatrix names it.
const OUTPUT: &str = "imatrix.gguf";

/// `remold imatrix`.
pub(crate) fn run(args: &ImatrixArgs) -> Exit {
    if let Some(path) = &args.show_statistics {
        return show(path, args);
    }
    let request = request(args);
    if request.model.is_none() {
        // Adding files up takes no time worth a job.
        return merge(&request, args.json).unwrap_or_else(|e| refuse(&e));
    }
    let flags = MeasureFlags { json: args.json, detach: args.detach, threads: args.threads, layers: false };
    measure::carry_out(&Measurement::Imatrix(request), flags)
}

fn request(args: &ImatrixArgs) -> Imatrix {
    Imatrix {
        model: args.model.clone(),
        data: args.data.clone(),
        merge: args.merge.iter().chain(&args.in_file).cloned().collect(),
        output: args.output.clone().unwrap_or_else(|| OUTPUT.into()),
        form: args.output_format.as_deref().and_then(Form::parse),
        replace: args.force,
        context: args.context,
        chunks: args.chunks,
        from_chunk: args.from_chunk,
        memory: args.memory.as_deref().and_then(parse_size),
        process_output: args.process_output,
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

/// Adds files up.
fn merge(request: &Imatrix, json: bool) -> Result<Exit> {
    let (begun, stop) = (Instant::now(), signals::stop_on_signal());
    let task = Task { cancel: stop.flag(), ..Task::quiet() };
    let made = request.prepare().and_then(|prepared| prepared.run(task, &(), None));
    let made = match made {
        // A signal that arrives after the file has its name changes nothing.
        Ok(made) => made,
        Err(_) if stop.is_set() => {
            note("stopped; nothing was written\n");
            return Ok(Exit::stopped(&stop));
        }
        Err(e) => return Err(e),
    };
    let (tensors, chunks) = (made.activations.entries.len(), made.activations.chunks());
    let path = made.path.display().to_string();
    if json {
        let metric = |name: &str, value: f64| {
            EventBody::Metric(Metric { name: name.to_owned(), value, model: path.clone(), ..Metric::default() })
        };
        made.warnings.iter().for_each(|w| event(EventBody::Warning(w.clone())));
        event(metric("tensors", tensors as f64));
        event(metric("chunks", f64::from(chunks)));
        event(EventBody::OutputPublished { output: 0.into(), path: path.clone(), bytes: made.bytes });
        let peak_rss = ProcessSampler::own_usage().peak_rss;
        event(EventBody::Finished { seconds: begun.elapsed().as_secs_f64(), peak_rss });
        return Ok(Exit::Done);
    }
    let style = Style::stderr();
    note(&warnings(&made.warnings, style));
    note(&wrote(&made.path, tensors, chunks, "merged", made.bytes, style));
    if print::is_quiet() {
        out(&format!("{path}\n"));
    }
    Ok(Exit::Done)
}

fn event(body: EventBody) {
    print::json(&Event { t: jiff::Timestamp::now(), job: JOB.to_owned(), body });
}
