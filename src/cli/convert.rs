//! `convert` and `run`: from arguments to a recipe, a plan and a job.

use super::args::{ConvertArgs, RunArgs, RunFlags};
use super::many::Trouble;
use super::plan_text::PlanStyle;
use super::progress::Progress;
use super::request::{RequestError, apply, find_recipe, replace_source, target_named, targets_of, type_in_name};
use super::signals::stop_on_signal;
use super::tensor_counter::TensorCounter;
use super::threads::threads;
use super::{Exit, err, many, note, out, plan_text, print, reference_options, refuse, report_error, text};
use crate::engine::{self, Event, Report, Stop};
use crate::files::paths::on_jobs;
use crate::formats;
use crate::job::{self, JobFolder, Outcome, RunJob};
use crate::model::{ModelError, OptionName, Result, Warning};
use crate::plan::{self, Plan, Prepared};
use crate::quality::{Condition, Needs};
use crate::recipe::Recipe;
use crate::task::Task;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The code of the warning about an output that exists.
const EXISTS: &str = "output.exists";

/// How a conversion ended.
pub(super) struct Ended {
    /// The exit code.
    pub exit: Exit,
    /// The number of its job, if there is one.
    pub job: Option<String>,
    /// What went wrong.
    pub error: Option<Trouble>,
    /// The plan, of a dry run.
    pub plan: Option<Plan>,
    /// What was written.
    pub report: Option<Report<()>>,
}

impl Ended {
    fn new(exit: Exit) -> Self {
        Self { exit, job: None, error: None, plan: None, report: None }
    }

    /// Prints the error.
    fn refused(e: &ModelError) -> Self {
        Self { error: Some(Trouble::of(e)), ..Self::new(refuse(e)) }
    }
}

/// `remold convert`.
pub(crate) fn convert(args: &ConvertArgs) -> Exit {
    let unsaid = args.to.is_empty() && args.recipe.is_none();
    if let Some(e) = reference_options::order_of_words(&args.src).filter(|_| unsaid) {
        return refuse(&e);
    }
    if let Some(e) = reference_options::type_among_sources(&args.src, &args.to) {
        return refuse(&e);
    }
    match args.src.as_slice() {
        [source] if !args.many.recursive => match recipe_of(args, source, args.output.as_deref()) {
            Ok(recipe) => carry_out(&recipe, &args.run),
            Err(e) => e.report(),
        },
        sources => match many::folder(args.output.as_deref()) {
            Ok(folder) if args.reuse.is_none() => {
                many::run(sources, args.many, &args.run, &|source| recipe_of(args, source, folder.as_deref()))
            }
            Ok(_) => {
                let what = "--reuse names one earlier output, and there are several models";
                refuse(&ModelError::request(what).with_hint("Convert one model at a time, or leave out --reuse."))
            }
            Err(e) => refuse(&e),
        },
    }
}

/// `remold run`.
pub(crate) fn run_recipe(args: &RunArgs) -> Exit {
    let recipe = |source: Option<&Path>| {
        let mut recipe = find_recipe(&args.recipe, &[])?;
        if let Some(source) = source {
            replace_source(&mut recipe, source);
        }
        recipe.source.no_checksums |= args.no_checksums;
        apply(&mut recipe, &args.set, args.force)?;
        Ok(recipe)
    };
    let named: Vec<PathBuf> = args.sources.iter().chain(&args.source).cloned().collect();
    if named.len() > 1 || args.many.recursive {
        return many::run(&named, args.many, &args.run, &|source| recipe(Some(source)));
    }
    recipe(named.first().map(PathBuf::as_path)).map_or_else(|e| e.report(), |recipe| carry_out(&recipe, &args.run))
}

/// The error for an output whose name ends as the files of no format do, where the ending has to say the format.
fn unknown_ending(output: &Path) -> Option<ModelError> {
    let ending = output.extension().filter(|_| formats::with_extension_of(output).is_empty() && !output.is_dir())?;
    let what = format!("there is no target, and the ending .{} is that of no format", ending.to_string_lossy());
    let hint = "Name a target, as in `--to gguf:q4_k_m`, or use an ending that `remold formats` lists.";
    Some(ModelError::request(what).in_file(output).with_hint(hint))
}

/// The recipe for a source. `output` is what `-o` says, or the folder of the outputs of several models.
pub(super) fn recipe_of(args: &ConvertArgs, source: &Path, output: Option<&Path>) -> Result<Recipe, RequestError> {
    let mut recipe = match &args.recipe {
        Some(name) => find_recipe(name, &args.to)?,
        None => Recipe::default(),
    };
    replace_source(&mut recipe, source);
    if !args.to.is_empty() {
        recipe.targets = targets_of(&args.to, &recipe.targets)?;
    } else if args.recipe.is_none() {
        recipe.targets.extend(output.and_then(target_named));
        if let Some(error) = output.filter(|_| recipe.targets.is_empty()).and_then(unknown_ending) {
            return Err(error.into());
        }
    }
    if output == Some(Path::new("-")) {
        let what = "a model cannot be written to stdout";
        let hint = "Name a file or a folder with -o; a file of this name is `-o ./-`.";
        return Err(ModelError::request(what).with_hint(hint).into());
    }
    let several = recipe.targets.len() > 1;
    if let Some(out) = output.filter(|o| several && !o.is_dir())
        && formats::names_a_file(out)
    {
        let what = "several targets cannot be written to one file";
        let hint = "Give a folder with -o, or leave it out: each output is then named after the source.";
        return Err(ModelError::request(what).in_file(out).with_hint(hint).into());
    }
    recipe.source.densify |= args.densify;
    if args.lora.is_some() {
        recipe.source.lora.clone_from(&args.lora);
    }
    for pair in &args.hyperparameter {
        let Some((name, value)) = pair.split_once('=') else {
            let what = format!("`{pair}` is not NAME=VALUE");
            let error = ModelError::request(what).in_option(OptionName::HYPERPARAMETERS);
            return Err(error.with_hint("Write it as in --hyperparameter heads=32.").into());
        };
        let value = value.trim().parse::<f64>().map_or_else(|_| value.into(), serde_json::Value::from);
        recipe.source.hyperparameters.insert(name.trim().to_owned(), value);
    }
    for target in &mut recipe.targets {
        target.bare |= args.bare;
        if let Some(out) = output {
            target.output = Some(if several { out.join("") } else { out.to_owned() });
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
    validate(&mut recipe, args)?;
    apply(&mut recipe, &args.set, args.force)?;
    if let ([target], Some(output)) = (recipe.targets.as_slice(), output)
        && let Some(what) = type_in_name(output, target)
    {
        note(&format!("{} {}\n", text::Style::stderr().warning("warning:"), text::safe(&what)));
    }
    Ok(recipe)
}

/// What `--validate` and `--fail-if` ask for.
fn validate(recipe: &mut Recipe, args: &ConvertArgs) -> Result<()> {
    if let Some(data) = &args.validate {
        recipe.validate.get_or_insert_default().data = Some(data.clone());
    }
    let is_set = |set: &String| set.starts_with("validate.data");
    let has_text = recipe.validate.as_ref().is_some_and(|v| v.data.is_some()) || args.set.iter().any(is_set);
    for text in &args.fail_if {
        let condition = Condition::parse(text).map_err(|e| e.field("--fail-if"))?;
        if !has_text && condition.metric.needs != Needs::Graph {
            let what = "--fail-if needs a text to measure the outputs on";
            return Err(ModelError::request(what).with_hint("Name a text file with --validate FILE."));
        }
        let name = condition.metric.name;
        let said = condition.to_string();
        let rest = said.strip_prefix(name).unwrap_or(&said).trim_start().to_owned();
        recipe.validate.get_or_insert_default().fail_if.insert(name.to_owned(), rest);
    }
    Ok(())
}

/// Plans a recipe and runs it, as the flags say.
pub(super) fn carry_out(recipe: &Recipe, flags: &RunFlags) -> Exit {
    let ended = execute(recipe, flags, None);
    if let Some(plan) = &ended.plan {
        show(plan, flags);
        say_command(flags, plan.warnings.iter().any(|w| w.code == EXISTS));
    }
    ended.exit
}

/// As [`carry_out`], for one of several sources if `source` is given: it is added to the events, and the plan of a dry run is not printed.
pub(super) fn execute(recipe: &Recipe, flags: &RunFlags, source: Option<&Path>) -> Ended {
    // Measuring for a budget takes seconds; from here on a signal stops whatever is going on.
    let stop = stop_on_signal();
    let refused = |e: &ModelError| match stop.is_set() {
        true => {
            note("stopped while planning; nothing was written\n");
            Ended::new(Exit::stopped(&stop))
        }
        false => Ended::refused(e),
    };
    let recipe = &with_flags(recipe, flags);
    if flags.dry_run {
        return rehearse(recipe, flags, &stop)
            .map_or_else(|e| refused(&e), |plan| Ended { plan: Some(plan), ..Ended::new(Exit::Done) });
    }
    let prepared = measuring(flags, &stop, |how| {
        let mut prepared = plan::prepare(recipe, how)?;
        engine::plan_reuse(recipe, &mut prepared.plan)?;
        Ok(prepared)
    });
    match prepared {
        Ok(prepared) => start(recipe, &prepared, flags, stop, source),
        Err(e) => refused(&e),
    }
}

/// The recipe with what the flags say of the run.
pub(super) fn with_flags(recipe: &Recipe, flags: &RunFlags) -> Recipe {
    let mut recipe = recipe.clone();
    if flags.no_manifest {
        recipe.manifest = Some(false);
    }
    if flags.max_memory.is_some() {
        recipe.max_memory.clone_from(&flags.max_memory);
    }
    recipe
}

/// The plan of a dry run.
pub(super) fn rehearse(recipe: &Recipe, flags: &RunFlags, stop: &Stop) -> Result<Plan> {
    measuring(flags, stop, |how| {
        let mut plan = plan::rehearse_estimated(recipe, how)?;
        engine::plan_reuse(recipe, &mut plan)?;
        Ok(with_existing(plan, recipe))
    })
}

/// Plans with a line that shows how far measuring for a budget is.
pub(super) fn measuring<T>(flags: &RunFlags, stop: &Stop, plan: impl FnOnce(Task<'_>) -> Result<T>) -> Result<T> {
    let progress = TensorCounter::new(flags.json);
    plan(Task { threads: flags.threads, progress: &|done, all| progress.advance(done, all), cancel: stop.flag() })
}

/// The plan with a warning of each file that would be replaced and may not be.
fn with_existing(mut plan: Plan, recipe: &Recipe) -> Plan {
    let kept = recipe.targets.iter().zip(&plan.outputs).filter(|(t, _)| !t.force);
    let warning = |path: &PathBuf| {
        let text = format!("{} already exists: --force is needed to replace it", path.display());
        Warning::new(EXISTS, text)
    };
    let warnings: Vec<Warning> = kept.flat_map(|(_, o)| &o.replaces).map(warning).collect();
    plan.warnings.extend(warnings);
    plan
}

/// Shows a plan, runs it here, or leaves it to a worker: as the flags say.
pub(super) fn run_prepared(recipe: &Recipe, prepared: &Prepared, flags: &RunFlags) -> Exit {
    if flags.dry_run {
        show(&prepared.plan, flags);
        say_command(flags, false);
        return Exit::Done;
    }
    start(recipe, prepared, flags, stop_on_signal(), None).exit
}

/// The last line of a dry run; `replaces` if an output exists.
pub(super) fn say_command(flags: &RunFlags, replaces: bool) {
    if !flags.json {
        out(&plan_text::write_with(replaces));
    }
}

/// Prints the plan of a dry run.
pub(super) fn show(plan: &Plan, flags: &RunFlags) {
    if flags.json {
        print::json(plan);
    } else {
        let how = PlanStyle { all: print::is_verbose(), threads: threads(flags.threads), style: text::Style::stdout() };
        out(&plan_text::plan(plan, how));
    }
}

fn start(recipe: &Recipe, prepared: &Prepared, flags: &RunFlags, stop: Arc<Stop>, source: Option<&Path>) -> Ended {
    let root = job::jobs_root();
    if flags.detach {
        super::jobs::say_unused_setting();
        let waits = job::is_full(&root, job::JobClass::Interactive);
        return match job::spawn_with(&root, recipe, &prepared.plan, flags.threads) {
            Ok(job) => {
                if flags.json {
                    print::json(&job);
                } else if print::is_quiet() {
                    out(&format!("{}\n", job.id));
                } else {
                    let id = &job.id;
                    let how = if waits { "is queued" } else { "runs in the background" };
                    let title = text::safe(&job.title);
                    let follow = on_jobs(&format!("jobs attach {id}"));
                    note(&format!("job {id} {how}: {title}\n  follow it with `{follow}`\n"));
                }
                Ended { job: Some(job.id), ..Ended::new(Exit::Done) }
            }
            Err(e) => Ended::refused(&e),
        };
    }
    let folder = JobFolder::create(&root, recipe, &prepared.plan)
        .and_then(|f| job::queued(&f, &prepared.plan.title()).map(|()| f));
    match folder {
        Ok(folder) => Ended { job: Some(folder.id()), ..foreground(&folder, prepared, flags, stop, source) },
        Err(e) => Ended::refused(&e),
    }
}

/// An event of one of several conversions.
#[derive(Serialize)]
struct OfSource<'a> {
    #[serde(flatten)]
    event: &'a Event,
    #[serde(serialize_with = "crate::units::lossy")]
    source: &'a Path,
}

fn foreground(
    folder: &JobFolder,
    prepared: &Prepared,
    flags: &RunFlags,
    stop: Arc<Stop>,
    source: Option<&Path>,
) -> Ended {
    // `| head` is no reason to leave a job unfinished.
    print::outlive_reader();
    let listener: job::Listener = if flags.json {
        let source = source.map(Path::to_owned);
        let print = move |event: &Event| match &source {
            Some(source) => print::json(&OfSource { event, source }),
            None => print::json(event),
        };
        // The job was queued before the event stream was followed.
        for event in job::Tail::new(&folder.dir).poll().unwrap_or_default() {
            print(&event);
        }
        Box::new(print)
    } else {
        let mut progress = Progress::new(&prepared.plan);
        Box::new(move |event| progress.event(event))
    };
    let run = RunJob { threads: flags.threads, resume: false, stop, listener: Some(listener), lock: None, turn: None };
    match job::run(folder, prepared, run) {
        Ok(Outcome::Finished(report)) => {
            if !flags.json {
                say_result(&report);
                say_registered(&prepared.plan);
            }
            Ended { exit: exit_of(&report), report: Some(*report), ..Ended::new(Exit::Done) }
        }
        Ok(Outcome::Failed(e)) => {
            report_error(&e);
            Ended { error: Some(Trouble::of(&e)), ..Ended::new(Exit::Failed) }
        }
        Ok(Outcome::Cancelled) => {
            note(&cancelled(folder));
            Ended::new(Exit::Cancelled)
        }
        Ok(Outcome::Interrupted(signal)) => {
            let resume = on_jobs(&format!("jobs resume {}", folder.id()));
            note(&format!("interrupted; continue with `{resume}`\n"));
            Ended::new(Exit::interrupted(signal))
        }
        Err(e) => Ended::refused(&e),
    }
}

/// What is said of a cancelled job: outputs that it had published before are complete, and stay.
fn cancelled(folder: &JobFolder) -> String {
    let outputs = folder.summary().outputs;
    if outputs.is_empty() {
        return "cancelled; unfinished files were removed\n".to_owned();
    }
    let mut text = "cancelled\n".to_owned();
    for output in outputs {
        let shown = crate::files::paths::from_here(&output);
        text.push_str(&format!("  {} is complete and is kept\n", text::safe(&shown.to_string_lossy())));
    }
    text
}

/// The exit code of a job that is done.
fn exit_of(report: &Report<()>) -> Exit {
    if report.failed_checks().next().is_some() { Exit::Check } else { Exit::Done }
}

/// The report; with `--quiet` the paths of the outputs alone, on stdout, and the checks that failed.
fn say_result(report: &Report<()>) {
    if print::is_quiet() {
        report.outputs.iter().for_each(|o| out(&format!("{}\n", text::safe(&o.path.to_string_lossy()))));
        for check in report.failed_checks() {
            let style = text::Style::stderr();
            let what = format!("{}: {}", check.model, job::check_text(check));
            err(&format!("{} {}\n", style.error("check failed:"), text::safe(&what)));
        }
    }
    note(&plan_text::report(report, text::Style::stderr()));
}

/// The names under which the outputs were registered in Ollama. The job would have failed if one was not.
fn say_registered(plan: &Plan) {
    for registration in plan.outputs.iter().filter_map(|o| o.registration.as_ref()) {
        let name = text::safe(&registration.name);
        note(&format!("registered in Ollama as {name}; start it with `ollama run {name}`\n"));
    }
}

/// Carries out the conversion of a folder in a worker, whose turn it is.
pub(super) fn work(folder: &JobFolder, run: RunJob) -> Result<Exit> {
    let prepared = prepare_again(folder)?;
    Ok(match job::run(folder, &prepared, run) {
        Ok(Outcome::Finished(report)) => {
            err(&format!("done in {}\n", text::seconds(report.seconds)));
            exit_of(&report)
        }
        Ok(Outcome::Failed(e)) => {
            report_error(&e);
            Exit::Failed
        }
        Ok(Outcome::Cancelled) => Exit::Cancelled,
        Ok(Outcome::Interrupted(signal)) => Exit::interrupted(signal),
        Err(e) => refuse(&e),
    })
}

/// The plan of a job, made once more and compared with the one that was queued: that one says where outputs go and what they may replace.
fn prepare_again(folder: &JobFolder) -> Result<Prepared> {
    let held = engine::held(&folder.path("journal"))?;
    plan::prepare_again(&folder.recipe()?, Task::quiet(), &|| folder.plan(), &held)
}
