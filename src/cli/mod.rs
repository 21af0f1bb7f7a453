//! The command line: commands, progress, `--json`, exit codes. A contract, because scripts depend on it.
//!
//! Results go to stdout, everything for people to stderr. Each command is a file; `text` holds how figures are written.

mod args;
mod compare;
mod compare_events;
mod compare_graphs;
mod compare_table;
mod compare_text;
mod completions;
mod config;
mod convert;
#[cfg(test)]
mod convert_page;
mod doctor;
mod eval;
mod eval_text;
mod formats;
mod imatrix;
mod imatrix_args;
mod imatrix_statistics;
mod inspect;
mod inspect_graph;
mod job_show;
mod jobs;
mod man;
mod many;
mod measure;
mod parse;
mod plan;
mod plan_text;
mod progress;
mod recipe;
mod recipe_new;
mod reference_options;
mod request;
mod signals;
mod split;
pub(crate) mod target_flags;
mod tensor_counter;
mod text;
mod threads;
mod verify;
mod verify_source;
mod version;
mod watch;
mod worker;

use crate::engine::{Stop, StopReason};
use crate::model::{ErrorKind, ModelError};
use crate::recipe::remedies::{on_command_line, option_as_given};
use crate::units::is_hidden;
use crate::units::print::{self, err, note, out};
use args::Command;
use rustix::process::{Resource, Rlimit};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Reads a file of rules for `remold watch`, for `fuzzing`.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn read_watch_rules(path: &Path) {
    let _ = watch::load_rules(path);
}

/// How a command ended; the number is the exit code of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// The job failed.
    Failed = 1,
    /// The request was wrong; nothing was written.
    Request = 2,
    /// Done, but a check the user set failed.
    Check = 3,
    /// Cancelled.
    Cancelled = 130,
    /// Asked to end by SIGHUP; the job can be resumed.
    HungUp = 129,
    /// Asked to end by SIGTERM; the job can be resumed.
    Terminated = 143,
}

impl Exit {
    /// How a command ends that was asked to stop.
    pub(crate) fn stopped(stop: &Stop) -> Self {
        match stop.reason() {
            Some(StopReason::Interrupt(signal)) => Self::interrupted(signal),
            _ => Self::Cancelled,
        }
    }

    /// How a command ends that got this signal.
    pub(crate) fn interrupted(signal: i32) -> Self {
        if signal == signal_hook::consts::SIGHUP { Self::HungUp } else { Self::Terminated }
    }
}

impl From<Exit> for ExitCode {
    fn from(e: Exit) -> Self {
        Self::from(e as u8)
    }
}

/// Reports an error the way every command does: what, where, and what to do.
pub(crate) fn report_error(e: &ModelError) {
    let style = text::Style::stderr();
    let mut line = format!("{} {}\n", style.error("error:"), e.worded(&option_as_given));
    let near = e.file().filter(|f| e.hint().is_none() && !f.exists()).and_then(nearby);
    let broken = e.file().filter(|f| !f.exists()).and_then(|f| std::fs::read_link(f).ok());
    let is_loop =
        || e.os_error().and_then(std::io::Error::raw_os_error) == Some(rustix::io::Errno::LOOP.raw_os_error());
    let broken = broken.map(|to| match is_loop() {
        true => "It is a link that leads back to itself.".to_owned(),
        false => format!("It is a link to {}, which does not exist.", to.display()),
    });
    let hint = broken.or_else(|| near.map(|n| format!("Did you mean {n}?")));
    let hint = hint.or_else(|| crate::job::remedy(e).as_ref().map(on_command_line));
    if let Some(hint) = hint {
        line.push_str(&format!("  {} {}\n", style.dim("hint:"), text::safe(&hint)));
    }
    err(&line);
}

/// A sibling of a missing path with a similar name.
fn nearby(missing: &Path) -> Option<String> {
    let name = missing.file_name()?.to_string_lossy().into_owned();
    let folder = missing.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let names = std::fs::read_dir(folder).ok()?.flatten().map(|e| e.file_name().to_string_lossy().into_owned());
    // A link that leads nowhere has the name itself.
    let names = names.filter(|n| *n != name);
    let near = names.map(|n| (strsim::damerau_levenshtein(&n, &name), n)).min()?;
    (near.0 <= 2 && near.0 * 3 <= name.chars().count()).then(|| text::safe(&folder.join(near.1).display().to_string()))
}

/// clap's message with the arguments that it quotes escaped: none of them may start a line.
fn on_one_line(mut message: String, args: &[String]) -> String {
    let values = args.iter().filter_map(|a| a.split_once('=').map(|(_, v)| v));
    let mut quoted: Vec<&str> =
        args.iter().map(String::as_str).chain(values).filter(|a| a.contains(is_hidden)).collect();
    quoted.sort_by_key(|a| std::cmp::Reverse(a.len()));
    for arg in quoted {
        message = message.replace(arg, &text::safe(arg));
    }
    message
}

/// Reports an error that occurred before anything was written.
pub(crate) fn refuse(e: &ModelError) -> Exit {
    report_error(e);
    if e.kind() == ErrorKind::Io { Exit::Failed } else { Exit::Request }
}

/// Raises the limit of open files to the system's maximum: all files of a split model are open together, and shells allow few.
fn allow_open_files() {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    // If the system refuses, the error comes when one file too many is opened.
    let _ = rustix::process::setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// Makes a write beyond the limit of the size of files (`ulimit -f`) fail instead of ending the process, so that it can say so and tidy up.
fn outlive_size_limit() {
    // With any handler, the write fails with EFBIG. Programs that are started from here have none.
    let seen = Arc::new(AtomicBool::new(false));
    let _ = signal_hook::flag::register(rustix::process::Signal::XFSZ.as_raw(), seen);
}

/// Runs the program on its arguments.
pub fn main() -> ExitCode {
    outlive_size_limit();
    allow_open_files();
    let mut cli = match parse::parse() {
        Ok(cli) => cli,
        Err(exit) => return exit.into(),
    };
    if let Some(root) = cli.jobs_root.take() {
        crate::files::paths::set_jobs(std::path::absolute(&root).unwrap_or(root));
    }
    if let Some(threads) = cli.threads() {
        let most = crate::monitor::most_threads();
        if *threads > most {
            let text = format!("--threads {threads} is more than this machine can use; using {most}");
            note(&format!("{} {text}\n", text::Style::stderr().warning("warning:")));
            *threads = most;
        }
    }
    let exit = match cli.command {
        None => workbench(cli.workbench, cli.global.color),
        Some(Command::Inspect(a)) => inspect::run(&a),
        Some(Command::Convert(a)) => convert::convert(&a),
        Some(Command::Split(a)) => split::split(&a),
        Some(Command::Merge(a)) => split::merge(&a),
        Some(Command::Plan(a)) => plan::run(&a),
        Some(Command::Compare(a)) => compare::run(&a),
        Some(Command::Imatrix(a)) => imatrix::run(&a),
        Some(Command::Eval(a)) => eval::run(&a),
        Some(Command::Watch(a)) => watch::run(&a),
        Some(Command::Verify(a)) => verify::run(&a),
        Some(Command::Run(a)) => convert::run_recipe(&a),
        Some(Command::Jobs(a)) => jobs::run(a),
        Some(Command::Recipe(a)) => recipe::run(a),
        Some(Command::Doctor(a)) => doctor::run(&a),
        Some(Command::Formats(a)) => formats::run(&a),
        Some(Command::Config(a)) => config::run(&a),
        Some(Command::Completions { shell }) => {
            print::generated(&completions::script(shell));
            Exit::Done
        }
        Some(Command::Complete { kind }) => {
            print::generated(completions::values(kind).as_bytes());
            Exit::Done
        }
        Some(Command::Man { dir }) => man::run(dir.as_deref()),
        Some(Command::ChatShape) => match crate::arch::chat::serve_shape() {
            true => Exit::Done,
            false => Exit::Failed,
        },
        Some(Command::Worker { dir, resume }) => worker::run(&dir, resume),
    };
    // What was asked for did not reach stdout.
    let exit = if exit == Exit::Done && print::has_failed() { Exit::Failed } else { exit };
    exit.into()
}

fn workbench(args: args::WorkbenchArgs, color: args::ColorWhen) -> Exit {
    // Without colours, the theme that needs none.
    let plain = (color == args::ColorWhen::Never).then(|| "mono".to_owned());
    let options = crate::tui::TuiOptions {
        dir: args.dir.unwrap_or_else(|| ".".into()),
        theme: args.theme.or(plain),
        ascii: args.ascii,
        no_mouse: args.no_mouse,
        fresh: args.fresh,
        read_only: args.read_only,
        jobs_root: crate::job::jobs_root(),
    };
    if !options.dir.exists() {
        return refuse(&parse::no_such_folder(&options.dir));
    }
    if let Some(e) = options.theme.as_deref().and_then(completions::no_such_theme) {
        return refuse(&e);
    }
    match crate::tui::run(options) {
        Ok(()) => Exit::Done,
        Err(crate::tui::TuiError::NoTerminal) => {
            let what = "the workbench needs a terminal";
            refuse(&ModelError::request(what).with_hint("`remold --help` lists the commands that need none."))
        }
        Err(e) => {
            err(&format!("{} {e}\n", text::Style::stderr().error("error:")));
            Exit::Failed
        }
    }
}
