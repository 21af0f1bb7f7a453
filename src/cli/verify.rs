//! `remold verify`: an output against its manifest.

use super::args::VerifyArgs;
use super::tensor_counter::TensorCounter;
use super::text::{Style, bytes, plural, safe};
use super::threads::threads;
use super::{Exit, note, out, print, refuse, signals, verify_source};
use crate::arch;
use crate::engine::manifest::{self, CheckOptions, Checked, Found};
use crate::model::{ErrorKind, ModelError, Result, few};
use crate::task;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// Between two looks at how far a check is.
const LOOK: Duration = Duration::from_millis(100);

/// What `--json` prints.
#[derive(Serialize)]
struct Verdict<'a> {
    /// `same`, `differs` or `unknown`: without a manifest the bytes cannot be compared.
    verdict: &'a str,
    output: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest: Option<&'a Path>,
    files: usize,
    tensors: usize,
    bytes: u64,
    differences: &'a [manifest::Difference],
    count: usize,
    /// Files in the output folder that the manifest does not list.
    #[serde(skip_serializing_if = "<[PathBuf]>::is_empty")]
    unlisted: &'a [PathBuf],
}

/// `remold verify`.
pub(crate) fn run(args: &VerifyArgs) -> Exit {
    if let Some(source) = &args.source {
        return verify_source::run(args, source);
    }
    if !args.options.is_empty() {
        let what = "options of a conversion need --source: without it the bytes are compared with the manifest";
        let hint = "Give the model that the output was made from with --source, or leave the options out.";
        return refuse(&ModelError::request(what).in_file(&args.output).with_hint(hint));
    }
    let stop = signals::stop_on_signal();
    let checked = manifest::find_expected(&args.output).and_then(|found| match found {
        Some(found) => with_manifest(&found, args, stop.flag()),
        None => without_manifest(args, stop.flag()),
    });
    match checked {
        _ if stop.is_set() => Exit::stopped(&stop),
        Ok(exit) => exit,
        Err(e) => unreadable(&e),
    }
}

/// An output that cannot be read is not a wrong request.
pub(super) fn unreadable(e: &ModelError) -> Exit {
    match refuse(e) {
        Exit::Request if e.kind() == ErrorKind::BadFile => Exit::Failed,
        exit => exit,
    }
}

fn with_manifest(found: &Found, args: &VerifyArgs, stop: &AtomicBool) -> Result<Exit> {
    let read = AtomicU64::new(0);
    let options = CheckOptions { threads: threads(args.threads), stop, read: &read };
    let progress = TensorCounter::new(args.json).doing("verifying");
    let over = AtomicBool::new(false);
    let checked = thread::scope(|scope| {
        let shown = task::start_in(scope, || {
            while !over.load(Ordering::Relaxed) {
                progress.say(|| format!("verifying, {} read", bytes(read.load(Ordering::Relaxed))));
                thread::park_timeout(LOOK);
            }
        });
        let ended = task::OnExit(|| {
            over.store(true, Ordering::Relaxed);
            // Without the thread, only the progress is not shown.
            shown.iter().for_each(|s| s.thread().unpark());
        });
        let checked = manifest::check(found, &options);
        drop(ended);
        checked
    });
    drop(progress);
    let checked = checked?;
    if stop.load(Ordering::Relaxed) {
        return Ok(Exit::Cancelled);
    }
    let same = checked.count == 0;
    let output = found.output(&checked.head.output);
    if args.json {
        print::json(&Verdict {
            verdict: if same { "same" } else { "differs" },
            output,
            manifest: Some(&found.manifest),
            files: checked.files,
            tensors: checked.tensors,
            bytes: checked.bytes,
            differences: &checked.differences,
            count: checked.count,
            unlisted: &checked.unlisted,
        });
    } else {
        out(&text(&output, &checked));
        note(&unlisted(&checked.unlisted));
    }
    Ok(if same { Exit::Done } else { Exit::Check })
}

fn text(output: &Path, checked: &Checked) -> String {
    let style = Style::stdout();
    let name = safe(&output.to_string_lossy());
    let head = &checked.head;
    let files = plural(checked.files, "file");
    // To the second, as in the lists of jobs; unchanged where it is not a time.
    let time = head.finished.parse::<jiff::Timestamp>().map(|t| t.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    let finished = time.unwrap_or_else(|_| head.finished.clone());
    let written = format!("remold {}, job {}, {}", safe(&head.remold), safe(&head.job), safe(&finished));
    if checked.count == 0 {
        return format!(
            "{} {name}\n  {files}, {}, {}: all bytes match the manifest ({written})\n  made from {}\n",
            style.good("✓"),
            plural(checked.tensors, "tensor"),
            bytes(checked.bytes),
            safe(&head.source.path.to_string_lossy()),
        );
    }
    let mut lines = format!("{} {name} does not match its manifest ({written})\n", style.error("✗"));
    for d in &checked.differences {
        let file = safe(&d.file.to_string_lossy());
        let place = d.offset.map_or(String::new(), |o| format!(" at byte {o}"));
        let tensor = d.tensor.as_ref().map_or(String::new(), |t| format!(": {}", safe(t)));
        lines.push_str(&format!("  {file}{place}{tensor}: {}\n", d.what));
    }
    if checked.count > checked.differences.len() {
        lines.push_str(&format!("  and {} more differences\n", checked.count - checked.differences.len()));
    }
    lines
}

/// What is said of files that the manifest does not list.
pub(super) fn unlisted(files: &[PathBuf]) -> String {
    if files.is_empty() {
        return String::new();
    }
    let names: Vec<String> = files.iter().map(|f| f.to_string_lossy().into_owned()).collect();
    let verb = if files.len() == 1 { "is" } else { "are" };
    let text = format!("{} in the folder {verb} not in the manifest: {}", plural(files.len(), "file"), few(&names));
    format!("{} {}\n", Style::stderr().warning("warning:"), safe(&text))
}

/// Without a manifest: the structure, and the checksums that the format itself has.
fn without_manifest(args: &VerifyArgs, stop: &AtomicBool) -> Result<Exit> {
    let model = arch::open(&args.output)?;
    model.check_readable()?;
    model.checks.enable(true);
    model.checks.known()?;
    model.checks.finish(stop)?;
    let what = format!(
        "{}: {} with {}, {}; its structure is valid",
        safe(&args.output.to_string_lossy()),
        model.format,
        plural(model.tensors.len(), "tensor"),
        bytes(model.tensor_bytes())
    );
    if args.json {
        print::json(&Verdict {
            verdict: "unknown",
            output: args.output.clone(),
            manifest: None,
            files: model.files.len(),
            tensors: model.tensors.len(),
            bytes: 0,
            differences: &[],
            count: 0,
            unlisted: &[],
        });
    } else {
        out(&format!("{what}\n"));
        let text = "no manifest was found next to it, so its bytes could not be checked";
        note(&format!("{} {text}\n", Style::stderr().warning("warning:")));
    }
    Ok(Exit::Check)
}
