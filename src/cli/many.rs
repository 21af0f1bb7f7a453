//! Several models with one command: all are planned first, then one job after another, and a table at the end.
//!
//! A model that cannot be planned or fails does not stop the others, unless `--fail-fast` says so.

use super::args::{ManyFlags, RunFlags};
use super::convert::{Ended, execute, measuring, rehearse, say_command, show, with_flags};
use super::request::RequestError;
use super::signals::stop_on_signal;
use super::text::{Style, bytes, cut, plural, safe, seconds, table};
use super::threads::threads;
use super::{Exit, err, note, out, plan_text, print, refuse};
use crate::engine::manifest;
use crate::formats;
use crate::model::{ModelError, OptionName, Result};
use crate::plan::{self, Plan};
use crate::recipe::Recipe;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// How deep `--recursive` looks.
const DEPTH: usize = 16;
/// Columns of what went wrong, in the table.
const WHY_WIDTH: usize = 60;

/// Makes the recipe for a source.
type Make<'a> = &'a dyn Fn(&Path) -> Result<Recipe, RequestError>;

/// One of the models.
struct Item {
    source: PathBuf,
    recipe: Recipe,
    /// Outputs and their sizes.
    outputs: Vec<(PathBuf, u64)>,
    /// Every file that is written and, as far as the plan knows, read.
    written: Vec<PathBuf>,
    read: Vec<PathBuf>,
    /// Names under which outputs are registered in Ollama: in full, and as given.
    registered: Vec<(String, String)>,
    /// How long encoding takes, as far as a dry run says.
    estimate: Option<f64>,
    status: Status,
}

/// What went wrong with a model.
#[derive(Clone, Debug, Default)]
pub(super) struct Trouble {
    /// On one line, with file and place.
    pub message: String,
    /// The fact alone.
    pub fact: String,
}

impl Trouble {
    /// Of an error.
    pub(super) fn of(e: &ModelError) -> Self {
        Self { message: e.to_string(), fact: e.fact().to_owned() }
    }
}

/// What became of a model.
enum Status {
    Planned,
    /// Planned by a dry run.
    Rehearsed,
    Done {
        seconds: f64,
        /// Checks of the recipe that failed; the outputs are there.
        failed_checks: usize,
    },
    Detached {
        job: String,
    },
    Failed(Trouble),
    Skipped(Trouble),
    Stopped,
}

/// One model in the last line of `--json`.
#[derive(Serialize)]
struct Row<'a> {
    source: Cow<'a, str>,
    status: &'static str,
    outputs: Vec<Cow<'a, str>>,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// The last line of `--json`.
#[derive(Serialize)]
struct Summary<'a> {
    t: jiff::Timestamp,
    kind: &'static str,
    models: Vec<Row<'a>>,
}

/// The folder that `-o` names, as a folder.
///
/// # Errors
/// A request error for a file, or a name that means one.
pub(super) fn folder(output: Option<&Path>) -> Result<Option<PathBuf>> {
    let Some(out) = output else { return Ok(None) };
    if !out.is_dir() && (out.exists() || formats::names_a_file(out)) {
        let hint = "Give a folder with -o, or leave it out: each output is then written next to its source.";
        return Err(ModelError::request("several models cannot be written to one file").in_file(out).with_hint(hint));
    }
    Ok(Some(out.join("")))
}

/// Converts every source.
pub(super) fn run(given: &[PathBuf], many: ManyFlags, flags: &RunFlags, make: Make<'_>) -> Exit {
    let sources = match sources(given, many.recursive) {
        Ok(sources) => sources,
        Err(e) => return refuse(&e),
    };
    let mut items = Vec::new();
    for source in sources {
        let item = planned(source, many, flags, make);
        let stop = stop_on_signal();
        if stop.is_set() {
            return Exit::stopped(&stop);
        }
        if many.fail_fast && matches!(item.status, Status::Skipped(_)) {
            err("stopped by --fail-fast, since this model cannot be converted; nothing was written\n");
            return Exit::Request;
        }
        items.push(item);
    }
    if let Err(e) = check_apart(&items) {
        return refuse(&e);
    }
    if !flags.dry_run {
        announce(&items);
        convert_all(&mut items, many, flags);
    }
    if flags.json && !flags.dry_run {
        print::json(&summary(&items));
    } else if !flags.json {
        note(&format!("\n{}", table_of(&items, Style::stderr())));
        if flags.dry_run {
            say_command(flags, false);
        }
    }
    exit_of(&items)
}

/// The models to convert, each once.
fn sources(given: &[PathBuf], recursive: bool) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let (mut own, mut foreign) = (0, 0);
    for path in given {
        if !recursive || !path.is_dir() {
            found.push(path.clone());
            continue;
        }
        for model in formats::scan(path, DEPTH) {
            let readable = model.format.is_none_or(|f| formats::spec(f).is_some_and(|s| s.read.is_some()));
            match (readable, manifest::find(&model.path)) {
                (false, _) => foreign += 1,
                (true, Some(_)) => own += 1,
                (true, None) => found.push(model.path),
            }
        }
    }
    let mut seen = BTreeSet::new();
    found.retain(|path| seen.insert(std::fs::canonicalize(path).unwrap_or_else(|_| path.clone())));
    for (n, what) in [(own, "written by remold"), (foreign, "in a format that cannot be read")] {
        if n > 0 {
            note(&format!("{} left out: {what}\n", plural(n, "model")));
        }
    }
    if found.is_empty() {
        let e = ModelError::request("there are no models to convert");
        let e = given.first().map_or(e, |first| ModelError::request("there are no models to convert").in_file(first));
        return Err(e.with_hint("`remold inspect DIR` lists the models in a folder."));
    }
    Ok(found)
}

/// Plans the conversion of a source. Says why, if it cannot be done.
fn planned(source: PathBuf, many: ManyFlags, flags: &RunFlags, make: Make<'_>) -> Item {
    let stop = stop_on_signal();
    let plan_of = |recipe: &Recipe| {
        let recipe = &with_flags(recipe, flags);
        match flags.dry_run {
            true => rehearse(recipe, flags, &stop),
            false => measuring(flags, &stop, |how| plan::prepare(recipe, how)).map(|p| p.plan),
        }
    };
    let made = make(&source).and_then(|recipe| Ok((plan_of(&recipe)?, recipe)));
    match made {
        Ok((plan, recipe)) => {
            if flags.dry_run {
                show(&plan, flags);
                if !flags.json {
                    out("\n");
                }
            }
            item(source, recipe, &plan, flags)
        }
        Err(e) => {
            if !stop.is_set() {
                e.report();
                if !many.fail_fast {
                    err(&format!("  {} is skipped\n", safe(&source.to_string_lossy())));
                }
            }
            let status = Status::Skipped(e.trouble());
            let read = vec![place(&source)];
            let (outputs, written, registered) = Default::default();
            Item { source, recipe: Recipe::default(), outputs, written, read, registered, estimate: None, status }
        }
    }
}

fn item(source: PathBuf, recipe: Recipe, plan: &Plan, flags: &RunFlags) -> Item {
    let files = plan.outputs.iter().flat_map(|o| o.files.iter().map(|(path, _)| path).chain(&o.manifest));
    let cpu = flags.dry_run.then(|| plan_text::encoding_seconds(plan)).flatten();
    Item {
        outputs: plan.outputs.iter().map(|o| (o.path.clone(), o.bytes)).collect(),
        written: files.map(|path| place(path)).collect(),
        read: plan.source_files.iter().map(|f| place(&f.path)).collect(),
        registered: plan
            .outputs
            .iter()
            .flat_map(|o| &o.registration)
            .map(|r| (r.full_name(), r.name.clone()))
            .collect(),
        estimate: cpu.map(|s| s / threads(flags.threads) as f64),
        status: if flags.dry_run { Status::Rehearsed } else { Status::Planned },
        source,
        recipe,
    }
}

/// A path by which two names of one file are the same.
fn place(path: &Path) -> PathBuf {
    let full = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if let Ok(real) = std::fs::canonicalize(&full) {
        return real;
    }
    let folder = full.parent().and_then(|p| std::fs::canonicalize(p).ok());
    match (folder, full.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => full,
    }
}

/// Refuses two models with one output, and an output that is a file of another model.
///
/// # Errors
/// Request errors that name both models.
fn check_apart(items: &[Item]) -> Result<()> {
    let shown = |item: &Item| item.source.display().to_string();
    let mut writers: HashMap<&Path, &Item> = HashMap::new();
    for item in items {
        for file in &item.written {
            if let Some(other) = writers.insert(file, item) {
                let what = format!("{} and {} would be written to the same output", shown(other), shown(item));
                // Two models of one name have it in common with `{source}`.
                let alike = other.source.file_name() == item.source.file_name();
                let hint = match alike {
                    true => "Convert one of them on its own with -o.",
                    false => "Convert one of them on its own with -o, or use {source} in output_name of a recipe.",
                };
                return Err(ModelError::request(what).in_file(file).with_hint(hint));
            }
        }
    }
    let mut names: HashMap<&str, &Item> = HashMap::new();
    for item in items {
        for (full, name) in &item.registered {
            if let Some(other) = names.insert(full, item) {
                let what = format!("{} and {} would be registered as `{name}` in Ollama", shown(other), shown(item));
                return Err(ModelError::request(what).in_option(OptionName::OLLAMA_CREATE).with_hint(
                    "Each would replace the one before; convert one of them on its own, with another name.",
                ));
            }
        }
    }
    for item in items {
        if let Some((file, other)) = item.read.iter().find_map(|file| Some((file, writers.get(file.as_path())?))) {
            let what = format!("the output of {} is a file of {}", shown(other), shown(item));
            return Err(ModelError::request(what).in_file(file).with_hint("Choose another folder with -o."));
        }
    }
    Ok(())
}

/// What will be done.
fn announce(items: &[Item]) {
    let ready: Vec<&Item> = items.iter().filter(|i| matches!(i.status, Status::Planned)).collect();
    let size: u64 = ready.iter().flat_map(|i| &i.outputs).map(|(_, bytes)| bytes).sum();
    let skipped = match items.len() - ready.len() {
        0 => String::new(),
        n => format!("; {n} skipped"),
    };
    note(&format!("{}, {} to write{skipped}\n", plural(ready.len(), "model"), bytes(size)));
}

/// Carries out what is planned, until a signal or, with `--fail-fast`, a failure.
fn convert_all(items: &mut [Item], many: ManyFlags, flags: &RunFlags) {
    let all = items.iter().filter(|i| matches!(i.status, Status::Planned)).count();
    let mut number = 0;
    for item in items.iter_mut().filter(|i| matches!(i.status, Status::Planned)) {
        number += 1;
        if !flags.json {
            note(&format!("\n[{number}/{all}] {}\n", safe(&item.source.to_string_lossy())));
        }
        let ended = execute(&item.recipe, flags, Some(&item.source));
        let exit = ended.exit;
        item.status = status(ended, flags);
        let stopped = matches!(item.status, Status::Stopped);
        if stopped || (many.fail_fast && exit != Exit::Done) {
            break;
        }
    }
}

fn status(ended: Ended, flags: &RunFlags) -> Status {
    match (ended.exit, ended.report, ended.job) {
        (Exit::Done | Exit::Check, Some(report), _) => {
            Status::Done { seconds: report.seconds, failed_checks: report.failed_checks().count() }
        }
        (Exit::Done, None, Some(job)) if flags.detach => Status::Detached { job },
        (Exit::Cancelled | Exit::HungUp | Exit::Terminated, ..) => Status::Stopped,
        _ => Status::Failed(ended.error.unwrap_or_default()),
    }
}

/// The exit code: that of the signal; else 0 if all were converted (3 if a check failed), 1 if some were, 2 if nothing was begun. A dry run
/// has the code that the run would have.
fn exit_of(items: &[Item]) -> Exit {
    let stop = stop_on_signal();
    if stop.is_set() {
        return Exit::stopped(&stop);
    }
    let skipped = items.iter().filter(|i| matches!(i.status, Status::Skipped(_))).count();
    let failed = items.iter().any(|i| matches!(i.status, Status::Failed(_)));
    let checks = items.iter().any(|i| matches!(i.status, Status::Done { failed_checks: 1.., .. }));
    let begun =
        items.iter().any(|i| matches!(i.status, Status::Done { .. } | Status::Detached { .. } | Status::Rehearsed));
    match (failed, skipped) {
        (false, 0) if checks => Exit::Check,
        (false, 0) => Exit::Done,
        (false, _) if !begun => Exit::Request,
        _ => Exit::Failed,
    }
}

impl Status {
    fn name(&self) -> &'static str {
        match self {
            Self::Planned | Self::Rehearsed => "planned",
            Self::Done { failed_checks: 1.., .. } => "check failed",
            Self::Done { .. } => "done",
            Self::Detached { .. } => "detached",
            Self::Failed(_) => "failed",
            Self::Skipped(_) => "skipped",
            Self::Stopped => "stopped",
        }
    }

    fn error(&self) -> Option<&str> {
        match self {
            Self::Failed(trouble) | Self::Skipped(trouble) => Some(&trouble.message),
            _ => None,
        }
    }
}

impl Item {
    fn row(&self) -> Row<'_> {
        Row {
            source: self.source.to_string_lossy(),
            status: self.status.name(),
            outputs: self.outputs.iter().map(|(path, _)| path.to_string_lossy()).collect(),
            bytes: self.outputs.iter().map(|(_, bytes)| bytes).sum(),
            seconds: if let Status::Done { seconds, .. } = self.status { Some(seconds) } else { None },
            error: self.status.error(),
        }
    }
}

fn summary(items: &[Item]) -> Summary<'_> {
    Summary { t: jiff::Timestamp::now(), kind: "summary", models: items.iter().map(Item::row).collect() }
}

/// A line for each output, and for each model without one.
fn table_of(items: &[Item], style: Style) -> String {
    let mut rows = vec![["source", "output", "size", "time", "status"].map(str::to_owned).to_vec()];
    for item in items {
        let time = match item.status {
            Status::Done { seconds: s, .. } => seconds(s),
            _ => item.estimate.map(plan_text::about).unwrap_or_default(),
        };
        let said = match &item.status {
            Status::Done { failed_checks: 1.., .. } => style.error(item.status.name()),
            Status::Done { .. } => style.good("✓"),
            Status::Detached { job } => format!("job {job}"),
            Status::Failed(trouble) | Status::Skipped(trouble) => {
                style.error(&format!("{}: {}", item.status.name(), cut(&safe(&trouble.fact), WHY_WIDTH)))
            }
            Status::Planned => "not started".to_owned(),
            Status::Rehearsed => "planned".to_owned(),
            Status::Stopped => "stopped".to_owned(),
        };
        let source = safe(&item.source.to_string_lossy());
        if item.outputs.is_empty() {
            rows.push(vec![source, String::new(), String::new(), time, said]);
            continue;
        }
        for (i, (path, size)) in item.outputs.iter().enumerate() {
            let path = safe(&path.to_string_lossy());
            let first = |text: &String| if i == 0 { text.clone() } else { String::new() };
            rows.push(vec![first(&source), path, bytes(*size), first(&time), first(&said)]);
        }
    }
    table(&rows, &[false, false, true, true, false])
}
