//! What is asked of a watcher in another process: pause it, export a checkpoint now, ignore one.

use super::super::{Exit, note, refuse};
use super::manage::find;
use crate::files::paths::on_jobs;
use crate::job;
use crate::model::{ModelError, Result};
use crate::watch::{self, Control, Dirty, Request, Tree, WatcherInfo};
use std::path::Path;

/// `watch pause` and `watch resume`.
pub(crate) fn pause(id: Option<&str>, pause: bool) -> Exit {
    let asked = find(id).and_then(|known| {
        if known.pid.is_none() {
            // What lasts is in its folder; it counts at the next start.
            let kept = Control { paused: pause, ..Control::read(&known.folder) };
            kept.write(&known.folder)?;
        } else {
            watch::ask(&known.folder, if pause { &Request::Pause } else { &Request::Resume })?;
        }
        Ok(match pause {
            _ if known.pid.is_none() => {
                let will = if pause { "will not start exports" } else { "will start exports" };
                format!("watcher {} is not running; it {will} when it is started again\n", known.id)
            }
            true => {
                let resume = on_jobs(&format!("watch resume {}", known.id));
                format!("watcher {} starts no more exports; continue with `{resume}`\n", known.id)
            }
            false => format!("watcher {} is resumed\n", known.id),
        })
    });
    report(asked)
}

/// `watch export`.
pub(crate) fn export(path: &Path, watcher: Option<&str>) -> Exit {
    report(source(path, watcher).and_then(|(known, name)| {
        watch::ask(&known.folder, &Request::Export { name: name.clone() })?;
        let follow = on_jobs(&format!("watch attach {}", known.id));
        Ok(format!("watcher {} exports {name} now; follow it with `{follow}`\n", known.id))
    }))
}

/// `watch ignore`.
pub(crate) fn ignore(path: &Path, watcher: Option<&str>, undo: bool) -> Exit {
    report(source(path, watcher).and_then(|(known, name)| {
        if undo && !Control::read(&known.folder).ignored.contains(&name) {
            return Ok(format!("watcher {} does not ignore {name}\n", known.id));
        }
        let (request, what) = match undo {
            false => (Request::Ignore { name: name.clone() }, "ignores"),
            true => (Request::Unignore { name: name.clone() }, "no longer ignores"),
        };
        watch::ask(&known.folder, &request)?;
        Ok(format!("watcher {} {what} {name}\n", known.id))
    }))
}

fn report(asked: Result<String>) -> Exit {
    match asked {
        Ok(text) => {
            note(&text);
            Exit::Done
        }
        Err(e) => refuse(&e),
    }
}

fn running(known: WatcherInfo) -> Result<WatcherInfo> {
    if known.pid.is_some() {
        return Ok(known);
    }
    let error = ModelError::request(format!("watcher {} is not running", known.id)).in_file(&known.root);
    let hint = match &known.command {
        Some(command) => format!("Start it again: `{command}`."),
        None => "Start it again with `remold watch`.".to_owned(),
    };
    Err(error.with_hint(hint))
}

/// The watcher of a checkpoint, and the checkpoint's name there.
fn source(path: &Path, watcher: Option<&str>) -> Result<(WatcherInfo, String)> {
    let full = std::path::absolute(path).map_err(|e| ModelError::io(path, "finding", e))?;
    let known = match watcher {
        Some(id) => running(find(Some(id))?)?,
        None => {
            let mut over: Vec<WatcherInfo> = watch::list_watchers(&job::jobs_root());
            over.retain(|k| k.pid.is_some() && full.starts_with(&k.root));
            match (over.pop(), over.len()) {
                (Some(only), 0) => only,
                (None, _) => {
                    let error = ModelError::request("no running watcher watches this path").in_file(path);
                    return Err(error.with_hint(format!("`{}` lists the watchers.", on_jobs("watch list"))));
                }
                (Some(_), _) => {
                    let error = ModelError::request("several watchers watch this path").in_file(path);
                    let list = on_jobs("watch list");
                    return Err(error.with_hint(format!("Name one with --watcher; `{list}` lists them.")));
                }
            }
        }
    };
    let mut tree = Tree::new(&known.root);
    tree.refresh(&Dirty::All);
    let found = watch::units(&tree);
    let unit = found.iter().find(|u| u.path == full).or_else(|| {
        // A file of a checkpoint names the checkpoint.
        found.iter().find(|u| u.files.iter().any(|f| f.path == full))
    });
    match unit {
        Some(unit) => Ok((known, unit.name.clone())),
        None => {
            let error = ModelError::request("the watcher knows no checkpoint or model of this name").in_file(path);
            Err(error.with_hint("`remold watch DIR --explain PATH` shows what it finds there."))
        }
    }
}
