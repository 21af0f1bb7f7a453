//! A watcher in the background of a test: its events, and the figures of the machine that it is made to see.

use crate::lab::{Lab, Ran, finish, start, wait_for, words};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Child;

/// A watcher that runs until it is stopped; one that is dropped is killed.
pub struct Background<'l> {
    lab: &'l Lab,
    child: Option<Child>,
}

impl<'l> Background<'l> {
    /// Starts it; with the readings of `readings`, if there are any.
    pub fn start(lab: &'l Lab, line: &str) -> Self {
        let mut command = lab.command();
        command.args(words(line)).env("REMOLD_READINGS", readings_path(lab));
        Self { lab, child: Some(start(&mut command)) }
    }

    /// Waits for an event that `is` says is the one.
    #[track_caller]
    pub fn wait(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        wait_for(what, || log(self.lab).into_iter().find(|e| is(e)))
    }

    /// Ends it with SIGTERM.
    pub fn stop(mut self) -> Ran {
        let child = self.child.take().unwrap();
        kill_process(Pid::from_raw(child.id().try_into().unwrap()).unwrap(), Signal::TERM).unwrap();
        finish(child)
    }

    /// Ends it with SIGKILL.
    pub fn kill(mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

impl Drop for Background<'_> {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Every event of every watcher of the lab.
pub fn log(lab: &Lab) -> Vec<Value> {
    let folders = fs::read_dir(lab.jobs().join(".watch")).into_iter().flatten().flatten();
    let texts: Vec<String> = folders.filter_map(|f| fs::read_to_string(f.path().join("events.jsonl")).ok()).collect();
    texts.iter().flat_map(|t| t.lines()).filter_map(|l| serde_json::from_str(l).ok()).collect()
}

/// True for an event of that kind about a source of that name.
pub fn is(event: &Value, kind: &str, name: &str) -> bool {
    event["kind"] == kind && event["name"] == name
}

fn readings_path(lab: &Lab) -> PathBuf {
    lab.dir().parent().unwrap().join("readings.json")
}

/// What watchers are made to see instead of the machine.
pub fn readings(lab: &Lab, json: &str) {
    let (path, new) = (readings_path(lab), lab.dir().parent().unwrap().join("readings.new"));
    fs::write(&new, json).unwrap();
    fs::rename(new, path).unwrap();
}
