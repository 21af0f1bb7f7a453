//! Simulated kills for unit tests: after a given number of operations below a folder, every further one fails, as if the process were gone.
//! Code in `Drop` checks [`is_dead`] and does nothing either. A single operation can also fail with a system error.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

struct Plan {
    folder: PathBuf,
    left: usize,
    log: Vec<String>,
    dead: bool,
    /// The error number with which a single operation fails.
    errno: Option<i32>,
}

static PLANS: Mutex<Vec<Plan>> = Mutex::new(Vec::new());

fn plans() -> MutexGuard<'static, Vec<Plan>> {
    PLANS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kills the run that works below `folder` before operation number `after` (from 0), until the guard is dropped.
pub(crate) struct Kill(PathBuf);

impl Kill {
    pub(crate) fn at(folder: &Path, after: usize) -> Self {
        plans().push(Plan { folder: folder.to_owned(), left: after, log: Vec::new(), dead: false, errno: None });
        Self(folder.to_owned())
    }

    /// Makes only operation number `after` (from 0) fail with this error number.
    pub(crate) fn fail_once(folder: &Path, after: usize, errno: i32) -> Self {
        let errno = Some(errno);
        plans().push(Plan { folder: folder.to_owned(), left: after, log: Vec::new(), dead: false, errno });
        Self(folder.to_owned())
    }

    /// The number of operations that passed, and whether the kill happened.
    pub(crate) fn result(&self) -> (Vec<String>, bool) {
        plans().iter().find(|p| p.folder == self.0).map(|p| (p.log.clone(), p.dead)).unwrap_or_default()
    }
}

impl Drop for Kill {
    fn drop(&mut self) {
        plans().retain(|p| p.folder != self.0);
    }
}

pub(crate) fn point(operation: &str, path: &Path) -> io::Result<()> {
    let mut plans = plans();
    let Some(plan) = plans.iter_mut().find(|p| path.starts_with(&p.folder)) else { return Ok(()) };
    if plan.left == 0 {
        if let Some(errno) = plan.errno {
            plan.left = usize::MAX;
            plan.log.push(format!("FAILED {operation} {}", path.display()));
            return Err(io::Error::from_raw_os_error(errno));
        }
        plan.dead = true;
    }
    if plan.dead {
        return Err(io::Error::other(format!("killed before {operation}")));
    }
    plan.left -= 1;
    plan.log.push(format!("{operation} {}", path.display()));
    Ok(())
}

/// True if the process that works at `path` was killed.
pub(crate) fn is_dead(path: &Path) -> bool {
    plans().iter().any(|p| p.dead && path.starts_with(&p.folder))
}
