//! Making job folders, and reading and writing what is in them.

use super::kind::{RECIPE, REQUEST};
use super::number::{create_numbered, numbers};
use super::owner::shared_rights;
use super::{JobClass, JobKind, Measurement, MeasurementReport, Tail, command};
use crate::engine::{Event, Origin, Report, from_json, plan_reuse};
use crate::files;
use crate::model::{Hint, ModelError, Remedy, Result, read_request_file};
use crate::plan::{Plan, PlannedReuse};
use crate::recipe::{self, Recipe};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Folder that holds all jobs: that of `--jobs-root`, else `$REMOLD_JOBS`, else `$XDG_STATE_HOME/remold/jobs`, else `~/.local/state/remold/jobs`.
pub(crate) fn jobs_root() -> PathBuf {
    files::paths::jobs()
}

/// Checks that the jobs in a folder can be listed. One that does not exist has none.
///
/// # Errors
/// A request error for a file; a folder that may not be read.
pub(crate) fn check_root(root: &Path) -> Result<()> {
    let hint = "Name another folder of jobs with --jobs-root or REMOLD_JOBS.";
    match fs::read_dir(root) {
        Err(e) if e.kind() == std::io::ErrorKind::NotADirectory => {
            Err(ModelError::request("this is a file, not a folder of jobs").in_file(root).with_hint(hint))
        }
        Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {
            let what = "there is no permission to read the folder of jobs";
            Err(ModelError::would_be_refused(what, e).in_file(root).with_hint(hint))
        }
        _ => Ok(()),
    }
}

/// A job's folder.
#[derive(Clone, Debug)]
pub struct JobFolder {
    /// Its path.
    pub dir: PathBuf,
}

/// How long the lock is waited for. A process that looks whether another one lives holds it for some microseconds; one that was killed holds
/// it until the system has taken it down.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);

/// Most bytes read of a file of a job. The plan of a million tensors has some hundred megabytes.
const MAX_FILE_BYTES: u64 = 2 << 30;

/// Most bytes of the request of a measurement: some paths and numbers.
const MAX_REQUEST_BYTES: u64 = 1 << 20;

/// Most bytes of a file that holds one number.
const MAX_NUMBER_BYTES: u64 = 64;

impl JobFolder {
    /// Makes a folder with the next free number under `root`, holding the recipe and the plan.
    ///
    /// # Errors
    /// When the folder cannot be made or written.
    pub(crate) fn create(root: &Path, recipe: &Recipe, plan: &Plan) -> Result<Self> {
        Self::create_with(root, |this| {
            this.write(RECIPE, recipe::to_toml(&absolute(recipe)).as_bytes())?;
            if let Some(command) = command::of_job(recipe, plan, &this.dir) {
                this.write("command", command.as_bytes())?;
            }
            this.write_plan(&with_reuse(plan, recipe).permitted_by(recipe).absolute())
        })
    }

    /// Makes a folder with the next free number under `root`, holding the request of a measurement.
    ///
    /// # Errors
    /// When the folder cannot be made or written.
    pub(crate) fn create_measurement(root: &Path, request: &Measurement) -> Result<Self> {
        let request = request.absolute();
        Self::create_with(root, |this| {
            this.write("command", command::of_measurement(&request).as_bytes())?;
            let json = request.to_json().map_err(|e| ModelError::bad(e.to_string()).in_file(&this.path(REQUEST)))?;
            this.write(REQUEST, &json)
        })
    }

    /// Makes a folder and has it filled. Its lock is held meanwhile: it is not a job that nobody works on.
    fn create_with(root: &Path, fill: impl FnOnce(&Self) -> Result<()>) -> Result<Self> {
        private_root(root).map_err(|e| cannot_create(root, "creating the folder of jobs", e))?;
        let this = Self { dir: create_numbered(root)? };
        open_to_others(root, &this.dir);
        let filled = this.lock().and_then(|_lock| {
            this.write_owner()?;
            fill(&this)
        });
        if filled.is_err() {
            // A job without a request would stay queued for ever.
            let _ = fs::remove_dir_all(&this.dir);
        }
        filled.map(|()| this)
    }

    /// What kind of job it is.
    pub(crate) fn kind(&self) -> JobKind {
        JobKind::of(self)
    }

    /// What is done, in a line for people.
    ///
    /// # Errors
    /// I/O errors and damaged files.
    pub(crate) fn title(&self) -> Result<String> {
        match self.kind() {
            JobKind::Conversion => Ok(self.plan()?.title()),
            JobKind::Evaluation | JobKind::Imatrix => Ok(self.measurement()?.title()),
        }
    }

    /// Reads the request of a measurement.
    ///
    /// # Errors
    /// I/O errors and a damaged file.
    pub(crate) fn measurement(&self) -> Result<Measurement> {
        let path = self.path(REQUEST);
        let bytes = read_request_file(&path, MAX_REQUEST_BYTES)?;
        Measurement::from_json(&bytes).map_err(|e| e.in_file(&path))
    }

    /// The report of a measurement that finished, if it can be read.
    pub(crate) fn measured(&self) -> Option<MeasurementReport> {
        from_json(&self.read("report.json").ok()?).ok()
    }

    /// The folder of a job by its identifier.
    ///
    /// # Errors
    /// A bad-request error when there is none.
    pub(crate) fn find(root: &Path, id: &str) -> Result<Self> {
        let dir = root.join(id);
        if id.is_empty() || id.contains(['/', '\\']) || id.starts_with('.') || !is_folder(&dir) {
            let e = ModelError::request(format!("job `{id}` not found")).in_file(root);
            return Err(e.with_hint(nearest(root, id)));
        }
        Ok(Self { dir })
    }

    /// Its identifier.
    pub(crate) fn id(&self) -> String {
        self.dir.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Path of a file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Writes a file of the folder whole, and brings it to the disk.
    ///
    /// # Errors
    /// I/O errors.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.path(name);
        files::write_whole(&path, bytes).map_err(|e| ModelError::io(&path, "writing", e))
    }

    /// Writes `plan.json`.
    ///
    /// # Errors
    /// I/O errors.
    pub(crate) fn write_plan(&self, plan: &Plan) -> Result<()> {
        self.write_with("plan.json", |file| serde_json::to_writer(file, plan))
    }

    /// Writes a JSON file of the folder piece by piece: that of a million tensors has some hundred megabytes.
    ///
    /// # Errors
    /// I/O errors.
    pub(crate) fn write_with(
        &self,
        name: &str,
        json: impl FnOnce(&mut BufWriter<File>) -> serde_json::Result<()>,
    ) -> Result<()> {
        let path = self.path(name);
        let write = |file: &mut BufWriter<File>| json(file).map_err(std::io::Error::from);
        files::write_whole_with(&path, write).map_err(|e| ModelError::io(&path, "writing", e))
    }

    /// Reads `plan.json`.
    ///
    /// # Errors
    /// I/O errors and a damaged file.
    pub(crate) fn plan(&self) -> Result<Plan> {
        let path = self.path("plan.json");
        let bytes = self.read("plan.json")?;
        serde_json::from_slice(&bytes).map_err(|e| ModelError::bad(e.to_string()).in_file(&path))
    }

    /// The contents of a file of the folder.
    ///
    /// # Errors
    /// I/O errors; what is not a regular file, or has no end.
    pub(crate) fn read(&self, name: &str) -> Result<Vec<u8>> {
        read_request_file(&self.path(name), MAX_FILE_BYTES)
    }

    /// The report of the last attempt that finished, if it can be read.
    pub(crate) fn report(&self) -> Option<Report> {
        from_json(&self.read("report.json").ok()?).ok()
    }

    /// Every event of the job so far, oldest first.
    ///
    /// # Errors
    /// I/O errors.
    pub(crate) fn events(&self) -> Result<Vec<Event>> {
        let mut tail = Tail::new(&self.dir);
        let mut all = Vec::new();
        loop {
            let mut more = tail.poll()?;
            if more.is_empty() {
                return Ok(all);
            }
            all.append(&mut more);
        }
    }

    /// Threads the job may take; 0 when that was not said.
    pub(crate) fn threads(&self) -> usize {
        files::read_text(&self.path("threads"), MAX_NUMBER_BYTES).ok().and_then(|t| t.trim().parse().ok()).unwrap_or(0)
    }

    /// How much the job gives way to other processes, as nice(1) counts; 0 when that was not said.
    pub(crate) fn nice(&self) -> u8 {
        files::read_text(&self.path("nice"), MAX_NUMBER_BYTES).ok().and_then(|t| t.trim().parse().ok()).unwrap_or(0)
    }

    /// Who started the job.
    pub(crate) fn class(&self) -> JobClass {
        JobClass::parse(&files::read_text(&self.path("class"), MAX_NUMBER_BYTES).unwrap_or_default())
    }

    /// Reads `recipe.toml`.
    ///
    /// # Errors
    /// I/O errors and a damaged file.
    pub(crate) fn recipe(&self) -> Result<Recipe> {
        let path = self.path(RECIPE);
        let parsed = recipe::load(&path).map_err(|e| {
            let lines: Vec<String> = e.to_string().lines().map(|l| l.trim().to_owned()).collect();
            ModelError::bad(lines.join("; ")).in_file(&path)
        })?;
        Ok(parsed.into_recipe())
    }

    /// The command line that carries the job out again; `None` where it is not known.
    pub(crate) fn command(&self) -> Option<String> {
        self.origin().command.filter(|c| !c.trim().is_empty())
    }

    /// How the job was started, for the manifests of its outputs.
    pub(crate) fn origin(&self) -> Origin {
        let text = |name| self.read(name).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        Origin { command: text("command"), recipe: text("recipe.toml") }
    }

    /// Takes the lock that says a living process works on the job; it is let go when the file is dropped or the process dies.
    ///
    /// # Errors
    /// A bad-request error when another process holds it.
    pub fn lock(&self) -> Result<File> {
        let path = self.path("lock");
        let fail = |e| ModelError::io(&path, "locking", e);
        let file = files::open_private(files::private_options().create(true).truncate(false).write(true), &path)
            .map_err(fail)?;
        if files::lock(&file, LOCK_PATIENCE) {
            return Ok(file);
        }
        Err(ModelError::request("another process is working on this job").in_file(&self.dir))
    }

    /// True while a living process works on the job or waits for its turn.
    pub(crate) fn is_locked(&self) -> bool {
        files::open(&self.path("lock")).is_ok_and(|f| matches!(f.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
    }
}

/// True for a folder, and not for a link to one.
fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|m| m.is_dir())
}

/// The plan with the earlier outputs that the recipe reuses. One that cannot be used is kept: the run warns of it.
fn with_reuse(plan: &Plan, recipe: &Recipe) -> Plan {
    let mut plan = plan.clone();
    let planned = plan.outputs.iter().any(|o| o.reuse.is_some());
    if !planned && plan_reuse(recipe, &mut plan).is_err() {
        for (target, output) in recipe.targets.iter().zip(&mut plan.outputs) {
            let unusable = |p: &PathBuf| PlannedReuse { output: p.clone(), manifest: p.clone(), ..Default::default() };
            output.reuse = target.reuse.as_ref().map(unusable);
        }
    }
    plan
}

/// The recipe with paths that mean the same from every folder: a job is resumed and cleaned away from anywhere.
fn absolute(recipe: &Recipe) -> Recipe {
    let mut recipe = recipe.clone();
    // The file has the path as it was given, so that its bytes do not depend on the user.
    recipe.targets.iter_mut().for_each(|t| t.options.keep_given_names());
    let full = |path: PathBuf| match std::path::absolute(&path) {
        // A trailing slash means: inside this folder.
        Ok(full) if path.as_os_str().to_string_lossy().ends_with('/') => full.join(""),
        Ok(full) => full,
        Err(_) => path,
    };
    for target in &mut recipe.targets {
        target.options.map_paths(full);
        target.output = target.output.take().map(full);
        target.reuse = target.reuse.take().map(full);
    }
    recipe.source.path = recipe.source.path.take().map(full);
    if let Some(validate) = &mut recipe.validate {
        validate.data = validate.data.take().map(full);
    }
    recipe.output_dir = recipe.output_dir.take().map(full);
    recipe
}

/// In a shared folder of jobs, lets others read the new job.
fn open_to_others(root: &Path, dir: &Path) {
    let rights = shared_rights(root);
    if rights != 0 {
        let _ = files::OwnFolder::open(dir).and_then(|folder| folder.set_mode(0o700 | rights & 0o055));
    }
}

/// Creates the folder of jobs with access for its owner only, and closes folders that earlier versions left open. A root that the user chose
/// and made (`REMOLD_JOBS`) keeps its rights; the jobs in it do not need them.
fn private_root(root: &Path) -> std::io::Result<()> {
    files::create_private_folder(root)?;
    if root.ends_with("remold/jobs") {
        files::tighten(root);
    }
    // Once in a process: a watcher makes thousands of jobs, and those of this version are private from the beginning.
    static CLOSED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    if CLOSED.lock().unwrap_or_else(PoisonError::into_inner).insert(root.to_owned()) {
        let jobs = numbers(root).filter(|_| shared_rights(root) == 0);
        jobs.for_each(|n| files::tighten(&root.join(n.to_string())));
    }
    Ok(())
}

/// What to say where there is no such job: the numbers next to it.
fn nearest(root: &Path, id: &str) -> Hint {
    let mut all: Vec<u64> = numbers(root).collect();
    // Of what is not a number the latest are the most likely ones.
    let number = id.trim_start_matches('#').parse().ok();
    let wanted = number.unwrap_or(u64::MAX);
    all.sort_by_key(|n| (n.abs_diff(wanted), *n));
    all.truncate(3);
    all.sort_unstable();
    let all: Vec<String> = all.iter().map(u64::to_string).collect();
    let list = Remedy::Run("jobs".to_owned());
    match all.as_slice() {
        [] => Hint::from("There are no jobs yet; ").then(Remedy::Run("convert".to_owned())).then(" creates one."),
        [one] => Hint::from(format!("The only job is {one}; ")).then(list).then(" lists all."),
        [first @ .., last] => {
            let what = if number.is_some() { "The nearest jobs are" } else { "A job has a number; the latest are" };
            Hint::from(format!("{what} {} and {last}; ", first.join(", "))).then(list).then(" lists all.")
        }
    }
}

/// An error about the folder of jobs. What permissions forbid is found before anything is written: the request is at fault.
fn cannot_create(root: &Path, what: &str, error: std::io::Error) -> ModelError {
    use std::io::ErrorKind::{AlreadyExists, NotADirectory, PermissionDenied, ReadOnlyFilesystem};
    let error = match error.kind() {
        PermissionDenied | ReadOnlyFilesystem | NotADirectory | AlreadyExists => {
            ModelError::would_be_refused(format!("{what}: {}", crate::units::system_error(&error)), error)
        }
        _ => ModelError::io(root, what, error),
    };
    let hint = "Choose another folder of jobs with --jobs-root or REMOLD_JOBS; without them it is below XDG_STATE_HOME or ~/.local/state.";
    error.in_file(root).with_hint(hint)
}
