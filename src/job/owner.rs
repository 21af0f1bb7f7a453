//! Whose job it is. Several users and machines may share one folder of jobs: everybody sees all of them, and touches only their own.

use super::{JobFolder, JobSummary};
use crate::files;
use crate::model::{Hint, ModelError, Remedy, Result};
use serde::{Deserialize, Serialize};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Most bytes of the file.
const MAX_BYTES: u64 = 4096;

/// File of a job that says whose it is.
const FILE: &str = "owner";

/// Who made a job, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Name of the machine; empty where it is not known.
    pub host: String,
    /// Name of the user.
    pub user: String,
    /// Number of the user.
    pub uid: u32,
}

/// The name of a user in the list of local users (passwd(5)). Those of a directory service are not in it.
fn user_name(uid: u32) -> Option<String> {
    const MAX_LIST_BYTES: u64 = 4 << 20;
    let list = files::read_text(Path::new("/etc/passwd"), MAX_LIST_BYTES).ok()?;
    name_in(&list, uid)
}

fn name_in(list: &str, uid: u32) -> Option<String> {
    let fields = list.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let mut of_user = fields.filter(|f| f.get(2).and_then(|id| id.parse().ok()) == Some(uid));
    of_user.find_map(|f| f.first().filter(|name| !name.is_empty()).map(|name| (*name).to_owned()))
}

impl Owner {
    /// This user on this machine.
    pub(crate) fn here() -> Self {
        let uid = rustix::process::geteuid().as_raw();
        // What the variables say may be about another user, as after `su`, and they are not set everywhere.
        let variable =
            || ["USER", "LOGNAME"].iter().find_map(|v| std::env::var(v).ok()).filter(|name| !name.is_empty());
        let named = user_name(uid).or_else(variable);
        Self {
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            user: named.unwrap_or_else(|| format!("user {uid}")),
            uid,
        }
    }

    /// True if the job is worked on by this machine, so that its lock can be trusted; also where the machine is not known.
    pub(crate) fn is_of_this_machine(&self) -> bool {
        self.host.is_empty() || self.host == Self::here().host
    }

    /// True if this user made it on this machine.
    pub(crate) fn is_me(&self) -> bool {
        let me = Self::here();
        self.host == me.host && self.uid == me.uid
    }

    /// `ana@gpu-2`
    pub(crate) fn shown(&self) -> String {
        if self.host.is_empty() {
            return self.user.clone();
        }
        format!("{}@{}", self.user, self.host)
    }
}

impl JobFolder {
    /// Notes whose job it is.
    ///
    /// # Errors
    /// I/O errors.
    pub(super) fn write_owner(&self) -> Result<()> {
        let json = serde_json::to_vec(&Owner::here()).map_err(|e| ModelError::bad(e.to_string()).in_file(&self.dir))?;
        self.write(FILE, &json)
    }

    /// Whose job it is; `None` for jobs of versions that did not note it, which are this user's. The owner of the folder decides: what others
    /// write into a folder of theirs does not make it another user's job.
    pub(crate) fn owner(&self) -> Option<Owner> {
        let noted: Option<Owner> =
            files::read_text(&self.path(FILE), MAX_BYTES).ok().and_then(|text| serde_json::from_str(&text).ok());
        let meta = std::fs::symlink_metadata(&self.dir).ok()?;
        let me = rustix::process::geteuid().as_raw();
        let says = |uid: u32| noted.as_ref().is_some_and(|o| o.uid == uid);
        if meta.uid() == me || says(meta.uid()) || (says(me) && files::is_own(&meta, self.root())) {
            return noted;
        }
        let host = noted.map(|o| o.host).unwrap_or_default();
        let user = user_name(meta.uid()).unwrap_or_else(|| format!("user {}", meta.uid()));
        Some(Owner { host, user, uid: meta.uid() })
    }

    /// The folder of jobs it is in.
    fn root(&self) -> &Path {
        files::parent_of(&self.dir)
    }

    /// Checks that this user may have something done to the job.
    ///
    /// # Errors
    /// A bad-request error for the job of another user, and for one whose files others could have written.
    pub(super) fn check_mine(&self) -> Result<()> {
        if let Some(owner) = self.owner().filter(|o| o.uid != Owner::here().uid) {
            return Err(self.foreign(&owner));
        }
        let Ok(meta) = std::fs::symlink_metadata(&self.dir) else { return Ok(()) };
        if !meta.is_dir() {
            let e = ModelError::request(format!("job {} is not a folder", self.id())).in_file(&self.dir);
            return Err(e.with_hint("Remove the link; jobs are made only by remold."));
        }
        if meta.mode() & 0o022 != 0 && !files::is_closed(self.root()) {
            let what = format!("other users can write to the folder of job {}", self.id());
            let hint = "Take their permission away (chmod go-w) if you know that the job is yours.";
            return Err(ModelError::request(what).in_file(&self.dir).with_hint(hint));
        }
        Ok(())
    }

    /// Checks that this process may work on the job, or take its files away: only the machine that it was made on knows whether it runs.
    ///
    /// # Errors
    /// A bad-request error for the job of another user or machine.
    pub(crate) fn check_here(&self) -> Result<()> {
        self.check_mine()?;
        match self.owner() {
            Some(owner) if !owner.is_of_this_machine() => Err(self.foreign(&owner)),
            _ => Ok(()),
        }
    }

    fn foreign(&self, owner: &Owner) -> ModelError {
        let what = format!("job {} belongs to {}", self.id(), owner.shown());
        let hint = Hint::from("It can be followed with ").then(Remedy::Run(format!("jobs attach {}", self.id()))).then(
            match owner.uid == Owner::here().uid {
                true => ", and changed only on that machine.",
                false => ", and changed only by that user.",
            },
        );
        ModelError::request(what).with_hint(hint)
    }
}

/// Those of the jobs that this user made on this machine.
pub(super) fn own(jobs: Vec<JobSummary>) -> impl Iterator<Item = JobSummary> {
    jobs.into_iter().filter(|j| JobFolder { dir: j.dir.clone() }.check_here().is_ok())
}

/// The rights that a shared folder of jobs gives to others; 0 for a private one. A folder is shared if others may make jobs in it.
pub(super) fn shared_rights(root: &Path) -> u32 {
    let mode = std::fs::metadata(root).map_or(0, |m| m.mode());
    if mode & 0o022 == 0 { 0 } else { mode & 0o077 }
}

/// What is added to the name of a folder of the queue: users and machines that share a folder of jobs have queues of their own.
pub(super) fn queue_suffix(root: &Path) -> String {
    if shared_rights(root) == 0 {
        return String::new();
    }
    let me = Owner::here();
    let host: String = me.host.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    format!("-{host}-{}", me.uid)
}
