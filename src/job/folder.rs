//! Making, listing and reading job folders.

use super::Tail;
use crate::engine::{EventBody, part_path};
use crate::model::{ModelError, Result};
use crate::plan::Plan;
use crate::recipe::{self, Recipe};
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

/// State of a job as its folder tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Made, not started.
    Queued,
    /// A living process works on it.
    Running,
    /// Done.
    Finished,
    /// Ended with an error.
    Failed,
    /// Cancelled by the user.
    Cancelled,
    /// The process is gone without a last word (crash, kill, power).
    Lost,
}

impl JobState {
    /// Lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
        }
    }

    /// True when nothing more will happen by itself.
    pub const fn ended(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// One line of `remold jobs`.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct JobSummary {
    /// Identifier: the folder's name.
    pub id: String,
    /// The folder.
    pub dir: PathBuf,
    /// What is converted, for people.
    pub title: String,
    /// State now.
    pub state: JobState,
    /// When it was made.
    pub created: jiff::Timestamp,
    /// 0 to 1.
    pub fraction: f64,
    /// Wall seconds, once ended.
    pub seconds: Option<f64>,
}

/// Folder that holds all jobs: `$REMOLD_JOBS`, else `$XDG_STATE_HOME/remold/jobs`, else `~/.local/state/remold/jobs`.
pub fn jobs_root() -> PathBuf {
    let var = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    if let Some(root) = var("REMOLD_JOBS") {
        return root;
    }
    let state = var("XDG_STATE_HOME").or_else(|| var("HOME").map(|h| h.join(".local/state")));
    state.unwrap_or_else(std::env::temp_dir).join("remold/jobs")
}

/// A worker that has not begun after this time never will: it was killed before its first word.
const START_SECONDS: i64 = 60;

/// A job's folder.
#[derive(Clone, Debug)]
pub struct JobFolder {
    /// Its path.
    pub dir: PathBuf,
}

/// How many times a fresh number is tried when several processes make jobs at once.
const NUMBER_TRIES: u32 = 10_000;

impl JobFolder {
    /// Makes a folder with the next free number under `root`, holding the recipe and the plan.
    ///
    /// # Errors
    /// When the folder cannot be made or written.
    pub fn create(root: &Path, recipe: &Recipe, plan: &Plan) -> Result<Self> {
        fs::create_dir_all(root).map_err(|e| ModelError::io(root, "creating the folder of jobs", e))?;
        let last = numbers(root).max().unwrap_or(0);
        for number in (last + 1..).take(NUMBER_TRIES as usize) {
            let dir = root.join(number.to_string());
            match fs::create_dir(&dir) {
                Ok(()) => {
                    let this = Self { dir };
                    this.write("recipe.toml", recipe::to_toml(&absolute(recipe)).as_bytes())?;
                    this.write_plan(&plan.clone().absolute())?;
                    return Ok(this);
                }
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(ModelError::io(&dir, "creating the job", e)),
            }
        }
        Err(ModelError::limit("no free job number").in_file(root).with_hint("Run `remold jobs clean`."))
    }

    /// The folder of a job by its identifier.
    ///
    /// # Errors
    /// A bad-request error when there is none.
    pub fn find(root: &Path, id: &str) -> Result<Self> {
        let dir = root.join(id);
        if id.is_empty() || id.contains(['/', '\\']) || id.starts_with('.') || !dir.is_dir() {
            let hint = "`remold jobs` lists them.";
            return Err(ModelError::request(format!("there is no job `{id}`")).in_file(root).with_hint(hint));
        }
        Ok(Self { dir })
    }

    /// Its identifier.
    pub fn id(&self) -> String {
        self.dir.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Path of a file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Writes a file of the folder whole.
    ///
    /// # Errors
    /// I/O errors.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let (path, temporary) = (self.path(name), self.path(&format!(".{name}.tmp")));
        let fail = |e| ModelError::io(&path, "writing", e);
        fs::write(&temporary, bytes).map_err(fail)?;
        fs::rename(&temporary, &path).map_err(fail)
    }

    /// Writes `plan.json`.
    ///
    /// # Errors
    /// I/O errors.
    pub fn write_plan(&self, plan: &Plan) -> Result<()> {
        let json = serde_json::to_vec(plan).map_err(|e| ModelError::bad(e.to_string()))?;
        self.write("plan.json", &json)
    }

    /// Reads `plan.json`.
    ///
    /// # Errors
    /// I/O errors and a damaged file.
    pub fn plan(&self) -> Result<Plan> {
        let path = self.path("plan.json");
        let bytes = fs::read(&path).map_err(|e| ModelError::io(&path, "reading", e))?;
        serde_json::from_slice(&bytes).map_err(|e| ModelError::bad(e.to_string()).in_file(&path))
    }

    /// Threads the job may take; 0 when that was not said.
    pub fn threads(&self) -> usize {
        fs::read_to_string(self.path("threads")).ok().and_then(|t| t.trim().parse().ok()).unwrap_or(0)
    }

    /// Reads `recipe.toml`.
    ///
    /// # Errors
    /// I/O errors and a damaged file.
    pub fn recipe(&self) -> Result<Recipe> {
        let path = self.path("recipe.toml");
        recipe::load(&path).map(recipe::Parsed::into_recipe).map_err(|e| ModelError::bad(e.to_string()).in_file(&path))
    }

    /// Takes the lock that says a living process works on the job; it is let go when the file is dropped or the process dies.
    ///
    /// # Errors
    /// A bad-request error when another process holds it.
    pub fn lock(&self) -> Result<File> {
        let path = self.path("lock");
        let fail = |e| ModelError::io(&path, "locking", e);
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(fail)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(fs::TryLockError::WouldBlock) => {
                Err(ModelError::request("another process works on this job").in_file(&self.dir))
            }
            Err(fs::TryLockError::Error(e)) => Err(fail(e)),
        }
    }

    fn is_locked(&self) -> bool {
        File::open(self.path("lock")).is_ok_and(|f| matches!(f.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
    }

    /// What the folder tells of the job.
    pub fn summary(&self) -> JobSummary {
        let (summary, wants_process) = self.told();
        if !wants_process || self.is_locked() {
            return summary;
        }
        // The lock is let go after the last word, which may have come since the events were read.
        let (mut summary, wants_process) = self.told();
        if wants_process {
            summary.state = JobState::Lost;
        }
        summary
    }

    /// What the events say, and whether by them a process should hold the lock.
    fn told(&self) -> (JobSummary, bool) {
        let meta = fs::metadata(self.path("recipe.toml")).and_then(|m| m.modified()).ok();
        let created = meta.and_then(|t| jiff::Timestamp::try_from(t).ok()).unwrap_or_default();
        let mut summary = JobSummary {
            id: self.id(),
            dir: self.dir.clone(),
            title: String::new(),
            state: JobState::Queued,
            created,
            fraction: 0.0,
            seconds: None,
        };
        let mut queued = created;
        for event in Tail::new(&self.dir).poll().unwrap_or_default() {
            let ended = match event.body {
                EventBody::Queued { title } => {
                    // Said once more when a job is resumed.
                    if summary.title.is_empty() {
                        summary.created = event.t;
                    }
                    queued = event.t;
                    summary.title = title;
                    summary.state = JobState::Queued;
                    summary.seconds = None;
                    None
                }
                EventBody::Started { .. } => {
                    summary.state = JobState::Running;
                    summary.seconds = None;
                    None
                }
                EventBody::Sample(s) => {
                    summary.fraction = s.fraction;
                    None
                }
                EventBody::Finished { seconds, .. } => {
                    summary.fraction = 1.0;
                    Some((JobState::Finished, seconds))
                }
                EventBody::Failed { seconds, .. } => Some((JobState::Failed, seconds)),
                EventBody::Cancelled { seconds } => Some((JobState::Cancelled, seconds)),
                _ => None,
            };
            if let Some((state, seconds)) = ended {
                summary.state = state;
                summary.seconds = Some(seconds);
            }
        }
        let wants_process = match summary.state {
            JobState::Running => true,
            JobState::Queued => jiff::Timestamp::now().duration_since(queued).as_secs() > START_SECONDS,
            _ => false,
        };
        (summary, wants_process)
    }
}

/// The recipe with paths that mean the same from every folder: a job is resumed and cleaned away from anywhere.
fn absolute(recipe: &Recipe) -> Recipe {
    let mut recipe = recipe.clone();
    for t in recipe.targets.iter_mut().filter(|t| t.imatrix_name.is_none()) {
        // The file tells the path as it was given: the same bytes whoever runs the job.
        t.imatrix_name = t.imatrix.as_ref().map(|p| p.display().to_string());
    }
    let targets = recipe.targets.iter_mut().flat_map(|t| [&mut t.output, &mut t.imatrix]);
    for path in [&mut recipe.source.path, &mut recipe.output_dir].into_iter().chain(targets).flatten() {
        let inside = path.as_os_str().to_string_lossy().ends_with('/');
        if let Ok(full) = std::path::absolute(&path) {
            // A trailing slash means: inside this folder.
            *path = if inside { full.join("") } else { full };
        }
    }
    recipe
}

fn numbers(root: &Path) -> impl Iterator<Item = u64> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    entries.filter_map(|e| e.file_name().to_str()?.parse::<u64>().ok())
}

/// Every job under `root`, newest first.
pub fn list(root: &Path) -> Vec<JobSummary> {
    let mut all: Vec<u64> = numbers(root).collect();
    all.sort_unstable_by(|a, b| b.cmp(a));
    all.into_iter().map(|n| JobFolder { dir: root.join(n.to_string()) }.summary()).collect()
}

/// Asks the job's process to stop, wherever it runs; it removes what is half-written and says `job.cancelled`.
///
/// # Errors
/// A bad-request error when the job is not running.
pub fn cancel(dir: &Path) -> Result<()> {
    let folder = JobFolder { dir: dir.to_owned() };
    let state = folder.summary().state;
    if state.ended() {
        return Err(ModelError::request(format!("job {} is {} already", folder.id(), state.name())));
    }
    folder.write("cancel", b"")
}

/// Removes the folders of ended jobs, and the unfinished files that lost jobs left behind. Gives how many went.
///
/// # Errors
/// I/O errors.
pub fn clean(root: &Path) -> Result<usize> {
    let mut removed = 0;
    for job in list(root).into_iter().filter(|j| j.state.ended()) {
        let folder = JobFolder { dir: job.dir };
        if job.state != JobState::Finished
            && let Ok(plan) = folder.plan()
        {
            for (path, _) in plan.outputs.iter().flat_map(|o| &o.files) {
                let _ = fs::remove_file(part_path(path));
            }
        }
        fs::remove_dir_all(&folder.dir).map_err(|e| ModelError::io(&folder.dir, "removing", e))?;
        removed += 1;
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EventSink;

    /// Looked at while it ends, a job is running or finished, never lost.
    #[test]
    fn a_job_that_ends_under_the_eyes_is_not_lost() {
        let root = tempfile::tempdir().unwrap();
        for n in 0..400 {
            let folder = JobFolder { dir: root.path().join(n.to_string()) };
            fs::create_dir(&folder.dir).unwrap();
            let lock = folder.lock().unwrap();
            let sink = EventSink::new("1").with_file(&folder.path("events.jsonl")).unwrap();
            sink.send(EventBody::Started { pid: 1, threads: 1 });
            std::thread::scope(|scope| {
                scope.spawn(move || {
                    sink.send(EventBody::Finished { seconds: 0.0, peak_rss: 0 });
                    drop(lock);
                });
                loop {
                    match folder.summary().state {
                        JobState::Finished => break,
                        state => assert_eq!(state, JobState::Running, "job {n}"),
                    }
                }
            });
        }
        // One that is begun again an hour later has its time to start.
        let folder = JobFolder { dir: root.path().join("again") };
        fs::create_dir(&folder.dir).unwrap();
        let now = jiff::Timestamp::now();
        let line = |t: jiff::Timestamp| {
            let body = EventBody::Queued { title: "x".into() };
            serde_json::to_string(&crate::engine::Event { t, job: "1".into(), body }).unwrap()
        };
        let earlier = now - jiff::SignedDuration::from_hours(1);
        fs::write(folder.path("events.jsonl"), format!("{}\n", line(earlier))).unwrap();
        assert_eq!(folder.summary().state, JobState::Lost);
        fs::write(folder.path("events.jsonl"), format!("{}\n{}\n", line(earlier), line(now))).unwrap();
        assert_eq!((folder.summary().state, folder.summary().created), (JobState::Queued, earlier));
        // One that really ended without a word is lost.
        let folder = JobFolder { dir: root.path().join("gone") };
        fs::create_dir(&folder.dir).unwrap();
        let sink = EventSink::new("1").with_file(&folder.path("events.jsonl")).unwrap();
        drop(folder.lock().unwrap());
        sink.send(EventBody::Started { pid: 1, threads: 1 });
        assert_eq!(folder.summary().state, JobState::Lost);
    }
}
