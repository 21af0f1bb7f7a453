//! Watching in this process: one rule, or several with a thread each.

use super::super::signals::stop_on_signal;
use super::super::text::Style;
use super::super::{Exit, err, print, refuse};
use super::reader::end_with_reader;
use super::{RequestedRule, WatchArgs, lines, manage, rule};
use crate::engine::{Stop, StopReason};
use crate::job;
use crate::model::ModelError;
use crate::task;
use crate::units::{own_arguments, own_command};
use crate::watch::{self, Backend, Tally, WatchEvent, WatchOptions};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Watches until the process is asked to end; with `--once` until nothing more is to come.
pub(crate) fn run(asked: Vec<RequestedRule>, args: &WatchArgs) -> Exit {
    let stop = stop_on_signal();
    let closed = Arc::new(AtomicBool::new(false));
    if args.json {
        end_with_reader(&stop, &closed);
    }
    let several = asked.len() > 1;
    if several && let Err(e) = manage::not_running(&asked, &job::jobs_root()) {
        return refuse(&e);
    }
    // Nothing starts if one of them cannot.
    if let Some(missing) = asked.iter().map(|a| &a.rule.root).find(|root| args.once && !root.is_dir()) {
        return refuse(&watch::not_there(missing));
    }
    let results: Vec<Result<Tally, Exit>> = thread::scope(|scope| {
        let threads: Vec<_> = asked
            .into_iter()
            .map(|asked| {
                let options = options(&asked, args, several, &stop, &closed);
                // An error of one rule is reported immediately; the others continue.
                let started = task::start_in(scope, move || watch::watch(&asked.rule, options).map_err(|e| refuse(&e)));
                started.map_err(|e| {
                    stop.cancel();
                    refuse(&ModelError::no_thread(e))
                })
            })
            .collect();
        // A thread that panicked has said so.
        threads.into_iter().map(|t| t.and_then(|t| t.join().unwrap_or(Err(Exit::Failed)))).collect()
    });
    if let Some(exit) = results.iter().find_map(|r| r.as_ref().err()) {
        return *exit;
    }
    let failed: usize = results.iter().flatten().map(|tally| tally.failed + tally.held).sum();
    if closed.load(Ordering::Relaxed) {
        return Exit::Done;
    }
    match stop.reason() {
        Some(StopReason::Interrupt(signal)) => Exit::interrupted(signal),
        Some(StopReason::Cancel) => Exit::Cancelled,
        None if failed > 0 => Exit::Failed,
        None if results.iter().flatten().any(|tally| tally.failed_checks > 0) => Exit::Check,
        None => Exit::Done,
    }
}

fn options(
    asked: &RequestedRule,
    args: &WatchArgs,
    several: bool,
    stop: &Arc<Stop>,
    closed: &Arc<AtomicBool>,
) -> WatchOptions {
    let listener: Box<dyn FnMut(&WatchEvent) + Send> = if args.json {
        let (stop, closed) = (stop.clone(), closed.clone());
        Box::new(move |event| {
            if !print::try_json(event) {
                closed.store(true, Ordering::Relaxed);
                stop.cancel();
            }
        })
    } else {
        let style = Style::stderr();
        let lines = if several { lines::Lines::of_folder(style, &asked.rule.root) } else { lines::Lines::new(style) };
        Box::new(move |event| {
            if !print::is_quiet() || lines::is_trouble(event) {
                err(&lines.line(event));
            }
        })
    };
    WatchOptions {
        once: args.once,
        backend: Backend::parse(&asked.args.backend).unwrap_or_default(),
        jobs_root: job::jobs_root(),
        recipe: Some(rule::recipe_source(&asked.args)),
        command: own_command(),
        start: own_arguments().map(|(folder, arguments)| watch::WatcherStart { folder, arguments }),
        stop: stop.clone(),
        listener,
    }
}
