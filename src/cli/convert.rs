//! `convert`, `run` and the hidden `worker`: from arguments to a recipe, a plan and a job.

use super::args::{ConvertArgs, RunArgs, RunFlags};
use super::progress::Progress;
use super::request::{RequestError, apply, find_recipe, replace_source, targets_of};
use super::signals::stop_on_signal;
use super::tensor_counter::TensorCounter;
use super::{Exit, err, out, plan_text, print, refuse, report_error, text};
use crate::engine::{self, EventBody, EventSink, Stop, StopReason};
use crate::formats;
use crate::job::{self, JobFolder, Outcome, RunJob};
use crate::model::{ModelError, Result, Warning};
use crate::plan::{self, Plan, Prepared};
use crate::recipe::Recipe;
use crate::task::Task;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// `remold convert`.
pub(crate) fn convert(args: ConvertArgs) -> Exit {
    match recipe_of(&args) {
        Ok(recipe) => carry_out(&recipe, &args.run),
        Err(RequestError::Model(e)) => refuse(&e),
        Err(RequestError::Recipe(text)) => {
            err(&format!("{} {}\n", text::Style::stderr().error("error:"), text.trim_end()));
            Exit::Request
        }
    }
}

/// `remold run`.
pub(crate) fn run_recipe(args: &RunArgs) -> Exit {
    let recipe = find_recipe(&args.recipe).and_then(|mut recipe| {
        if let Some(source) = &args.source {
            replace_source(&mut recipe, source);
        }
        recipe.source.no_checksums |= args.no_checksums;
        apply(&mut recipe, &args.set, args.force)?;
        Ok(recipe)
    });
    match recipe {
        Ok(recipe) => carry_out(&recipe, &args.run),
        Err(RequestError::Model(e)) => refuse(&e),
        Err(RequestError::Recipe(text)) => {
            err(&format!("{} {}\n", text::Style::stderr().error("error:"), text.trim_end()));
            Exit::Request
        }
    }
}

pub(super) fn recipe_of(args: &ConvertArgs) -> Result<Recipe, RequestError> {
    let mut recipe = match &args.recipe {
        Some(name) => find_recipe(name)?,
        None => Recipe::default(),
    };
    replace_source(&mut recipe, &args.src);
    if !args.to.is_empty() {
        recipe.targets = targets_of(&args.to, &recipe.targets)?;
    }
    let several = recipe.targets.len() > 1;
    if let Some(out) = args.output.as_deref().filter(|o| several && !o.is_dir())
        && formats::names_a_file(out)
    {
        let what = "several targets cannot be written to one file";
        let hint = "Give a folder with -o, or leave it out: each output is then named after the source.";
        return Err(ModelError::request(what).in_file(out).with_hint(hint).into());
    }
    recipe.source.densify |= args.densify;
    for target in &mut recipe.targets {
        target.bare |= args.bare;
        if let Some(out) = &args.output {
            target.output = Some(if several { out.join("") } else { out.clone() });
        }
    }
    args.options.apply(&mut recipe.targets)?;
    if let Some(previous) = &args.reuse {
        let [target] = recipe.targets.as_mut_slice() else {
            let what = "--reuse names one earlier output, and there are several targets";
            let hint = "Convert to one target at a time, or write `reuse = \"…\"` in each [[target]] of a recipe.";
            return Err(ModelError::request(what).with_hint(hint).into());
        };
        target.reuse = Some(previous.clone());
    }
    recipe.read_from.extend(args.options.rule_files.iter().cloned());
    recipe.source.no_checksums |= args.no_checksums;
    apply(&mut recipe, &args.set, args.force)?;
    Ok(recipe)
}

pub(super) fn carry_out(recipe: &Recipe, flags: &RunFlags) -> Exit {
    let mut recipe = recipe.clone();
    if flags.no_manifest {
        recipe.manifest = Some(false);
    }
    if flags.max_memory.is_some() {
        recipe.max_memory.clone_from(&flags.max_memory);
    }
    let recipe = &recipe;
    // Measuring for a budget takes seconds; from here on a signal stops whatever is going on.
    let stop = stop_on_signal();
    let progress = TensorCounter::new(flags.json);
    let how = Task { threads: flags.threads, progress: &|done, all| progress.advance(done, all), cancel: stop.flag() };
    let refused = |e: &ModelError| if stop.is_set() { Exit::stopped(&stop) } else { refuse(e) };
    if flags.dry_run {
        let plan = plan::rehearse_estimated(recipe, how);
        drop(progress);
        let plan = plan.and_then(|mut plan| engine::plan_reuse(recipe, &mut plan).map(|()| plan));
        return plan.map_or_else(|e| refused(&e), |plan| show(&with_existing(plan, recipe), flags));
    }
    let prepared = plan::prepare(recipe, how);
    let prepared = prepared.and_then(|mut p| engine::plan_reuse(recipe, &mut p.plan).map(|()| p));
    drop(progress);
    match prepared {
        Ok(prepared) => start(recipe, &prepared, flags, stop),
        Err(e) => refused(&e),
    }
}

/// The plan with a warning of each file that would be replaced and may not be.
fn with_existing(mut plan: Plan, recipe: &Recipe) -> Plan {
    let kept = recipe.targets.iter().zip(&plan.outputs).filter(|(t, _)| !t.force);
    let warning = |path: &PathBuf| {
        let text = format!("{} already exists: --force is needed to replace it", path.display());
        Warning::new("output.exists", text)
    };
    let warnings: Vec<Warning> = kept.flat_map(|(_, o)| &o.replaces).map(warning).collect();
    plan.warnings.extend(warnings);
    plan
}

/// Shows a plan, runs it here, or leaves it to a worker: as the flags say.
pub(super) fn run_prepared(recipe: &Recipe, prepared: &Prepared, flags: &RunFlags) -> Exit {
    if flags.dry_run {
        return show(&prepared.plan, flags);
    }
    start(recipe, prepared, flags, stop_on_signal())
}

fn show(plan: &Plan, flags: &RunFlags) -> Exit {
    if flags.json {
        print::json(plan);
    } else {
        out(&plan_text::plan(plan));
    }
    Exit::Done
}

fn start(recipe: &Recipe, prepared: &Prepared, flags: &RunFlags, stop: Arc<Stop>) -> Exit {
    let root = job::jobs_root();
    if flags.detach {
        let waits = job::is_full(&root, job::JobClass::Interactive);
        return match job::spawn_with(&root, recipe, &prepared.plan, flags.threads) {
            Ok(job) => {
                if flags.json {
                    print::json(&job);
                } else {
                    let id = &job.id;
                    let how = if waits { "is queued" } else { "runs in the background" };
                    let title = text::safe(&job.title);
                    err(&format!("job {id} {how}: {title}\n  follow it with `remold jobs attach {id}`\n"));
                }
                Exit::Done
            }
            Err(e) => refuse(&e),
        };
    }
    let folder =
        JobFolder::create(&root, recipe, &prepared.plan).and_then(|f| job::queued(&f, &prepared.plan).map(|()| f));
    match folder {
        Ok(folder) => foreground(&folder, prepared, flags, stop),
        Err(e) => refuse(&e),
    }
}

fn foreground(folder: &JobFolder, prepared: &Prepared, flags: &RunFlags, stop: Arc<Stop>) -> Exit {
    let listener: job::Listener = if flags.json {
        // The job was queued before the event stream was followed.
        for event in job::Tail::new(&folder.dir).poll().unwrap_or_default() {
            print::json(&event);
        }
        Box::new(print::json)
    } else {
        let mut progress = Progress::new(&prepared.plan);
        Box::new(move |event| progress.event(event))
    };
    let run = RunJob { threads: flags.threads, resume: false, stop, listener: Some(listener), lock: None, turn: None };
    match job::run(folder, prepared, run) {
        Ok(Outcome::Finished(report)) => {
            if !flags.json {
                err(&plan_text::report(&report, super::text::Style::stderr()));
            }
            Exit::Done
        }
        Ok(Outcome::Failed(e)) => {
            report_error(&e);
            Exit::Failed
        }
        Ok(Outcome::Cancelled) => {
            err("cancelled; unfinished files were removed\n");
            Exit::Cancelled
        }
        Ok(Outcome::Interrupted(signal)) => {
            let id = folder.id();
            err(&format!("interrupted; continue with `remold jobs resume {id}`\n"));
            Exit::interrupted(signal)
        }
        Err(e) => refuse(&e),
    }
}

/// Says how a job ended that never began.
fn last_word(folder: &JobFolder, body: EventBody) {
    if let Ok(sink) = EventSink::new(&folder.id()).with_file(&folder.path("events.jsonl")) {
        sink.send(body);
    }
}

/// `remold worker`: carries out the job of a folder, without a terminal.
pub(crate) fn worker(dir: &Path, resume: bool) -> Exit {
    let folder = JobFolder { dir: dir.to_owned() };
    let stop = stop_on_signal();
    if folder.nice() > 0 {
        // Before any worker thread starts: each inherits it. If the system refuses it, the conversion runs anyway.
        let _ = rustix::process::setpriority_process(None, folder.nice().min(19).into());
    }
    // Held while it waits, too: the job is not lost.
    let lock = match folder.lock() {
        Ok(lock) => lock,
        Err(e) => return refuse(&e),
    };
    let turn = match job::wait_for_turn(&folder, &stop) {
        Ok(turn) => turn,
        Err(reason) => {
            let seconds = 0.0;
            last_word(
                &folder,
                match reason {
                    StopReason::Cancel => EventBody::Cancelled { seconds },
                    StopReason::Interrupt(signal) => EventBody::Interrupted { seconds, signal },
                },
            );
            return Exit::stopped(&stop);
        }
    };
    let prepared = match prepare_again(&folder) {
        Ok(p) => p,
        Err(e) => {
            last_word(&folder, EventBody::Failed { seconds: 0.0, error: job::failure(&e) });
            return refuse(&e);
        }
    };
    let run = RunJob { threads: folder.threads(), resume, stop, listener: None, lock: Some(lock), turn: Some(turn) };
    match job::run(&folder, &prepared, run) {
        Ok(Outcome::Finished(report)) => {
            err(&format!("done in {}\n", text::seconds(report.seconds)));
            Exit::Done
        }
        Ok(Outcome::Failed(e)) => {
            report_error(&e);
            Exit::Failed
        }
        Ok(Outcome::Cancelled) => Exit::Cancelled,
        Ok(Outcome::Interrupted(signal)) => Exit::interrupted(signal),
        Err(e) => refuse(&e),
    }
}

/// The plan of a job, made once more and compared with the one that was queued: that one says where outputs go and what they may replace.
fn prepare_again(folder: &JobFolder) -> Result<Prepared> {
    let held = engine::held(&folder.path("journal"))?;
    plan::prepare_again(&folder.recipe()?, Task::quiet(), &|| folder.plan(), &held)
}
